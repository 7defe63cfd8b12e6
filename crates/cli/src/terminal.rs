//! Properties of the terminal (width, colours) and messages on standard error.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use crate::text::{ascii, visible, words, wrap};

/// Width of files and pipes.
const DEFAULT_WIDTH: usize = 160;

/// Width and colours of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextLook {
    /// Columns of a line.
    pub(crate) width: usize,
    /// True if colours and weights are used.
    pub(crate) colour: bool,
    /// True if only ASCII is written.
    pub(crate) ascii: bool,
}

impl TextLook {
    /// Returns the look of standard output. Width: `width`, else `COLUMNS`, else that of the terminal. Colours: on a
    /// terminal only, and not with `NO_COLOR` (<https://no-color.org>). ASCII: in the locale `C`.
    pub(crate) fn of_stdout(width: Option<u16>) -> Self {
        let dumb = variable("TERM").is_some_and(|terminal| terminal == "dumb");
        Self {
            width: width_for(io::stdout(), width),
            colour: io::stdout().is_terminal() && variable("NO_COLOR").is_none() && !dumb,
            ascii: wants_ascii(),
        }
    }

    /// Formats a text in a style, if colours are used.
    pub(crate) fn paint<T: Display>(self, style: TextStyle, text: T) -> impl Display {
        fmt::from_fn(move |f| {
            if !self.colour {
                return text.fmt(f);
            }
            let code = match style {
                TextStyle::Strong => 1,
                TextStyle::Faint => 2,
                TextStyle::Good => 32,
                TextStyle::Bad => 31,
            };
            write!(f, "\x1b[{code}m{text}\x1b[0m")
        })
    }
}

/// Style of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextStyle {
    Strong,
    Faint,
    Good,
    Bad,
}

/// Returns the width of standard error: `width`, else `COLUMNS`, else that of the terminal.
pub(crate) fn width_of_messages(width: Option<u16>) -> usize {
    width_for(io::stderr(), width)
}

/// Returns the width for a stream: `width`, else `COLUMNS`, else that of the terminal.
fn width_for(stream: impl AsFd, width: Option<u16>) -> usize {
    let columns = || {
        let columns = variable("COLUMNS")?.parse().ok();
        columns.filter(|&columns| columns > 0)
    };
    width
        .map(usize::from)
        .or_else(columns)
        .or_else(|| width_of(stream))
        .unwrap_or(DEFAULT_WIDTH)
}

/// Returns the value of an environment variable; `None` if empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns whether the locale has no characters outside ASCII.
pub(crate) fn wants_ascii() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    locale.is_some_and(|locale| locale == "C" || locale == "POSIX")
}

/// Returns the width of a terminal; `None` for files and pipes.
fn width_of(stream: impl AsFd) -> Option<usize> {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(stream)?;
    Some(usize::from(width)).filter(|&width| width > 0)
}

/// Prints a message on standard error, after the name of the program. On a terminal the first line is wrapped between words;
/// in a file or pipe the line stays whole.
pub(crate) fn say(text: impl Display) {
    let text = format!("flowlogs: {text}");
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    let text = lines.join("\n");
    let text = match width_of(io::stderr()) {
        Some(width) => wrapped(&text, width),
        None => text,
    };
    let text = if wants_ascii() { ascii(&text) } else { text };
    // Nobody can be told that standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Wraps the first line of a text; later lines may point at columns of each other and stay unchanged.
fn wrapped(text: &str, width: usize) -> String {
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    wrap(&words(first), " ", width.saturating_sub(2)).join("\n  ") + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_painted_text_has_escapes_only_with_colour() {
        let look = |colour| TextLook {
            width: 80,
            colour,
            ascii: false,
        };
        assert_eq!(
            look(false).paint(TextStyle::Bad, "REJECT").to_string(),
            "REJECT"
        );
        assert_eq!(
            look(true).paint(TextStyle::Bad, "REJECT").to_string(),
            "\x1b[31mREJECT\x1b[0m"
        );
    }

    #[test]
    fn messages_wrap_between_words_and_a_mark_stays_below_its_column() {
        let text = "flowlogs: column 2: larger than 65535\n  x 70000\n    ^^^^^";
        assert_eq!(
            wrapped(text, 22),
            "flowlogs: column 2:\n  larger than 65535\n  x 70000\n    ^^^^^"
        );
        assert_eq!(wrapped(text, 80), text);
    }
}
