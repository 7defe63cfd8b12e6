//! What the terminal is like: how wide, and whether colours are wanted; and what is said there beside the output.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

/// Columns where nobody says how many there are: a file or a pipe.
const WIDTH: usize = 160;

/// How text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Columns of a line.
    pub(crate) width: usize,
    /// Whether colours and weights are used.
    pub(crate) colour: bool,
}

impl Look {
    /// Of standard output: the width that was asked for, else `COLUMNS`, else the terminal's; colours on a terminal only,
    /// and not with `NO_COLOR` (<https://no-color.org>).
    pub(crate) fn of_stdout(width: Option<u16>) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let columns = || {
            variable("COLUMNS")?
                .parse()
                .ok()
                .filter(|&columns| columns > 0)
        };
        let dumb = variable("TERM").is_some_and(|terminal| terminal == "dumb");
        Self {
            width: width
                .map(usize::from)
                .or_else(columns)
                .or_else(|| width_of(io::stdout()))
                .unwrap_or(WIDTH),
            colour: io::stdout().is_terminal() && variable("NO_COLOR").is_none() && !dumb,
        }
    }

    /// The text in a style, where colours are wanted.
    pub(crate) fn paint<T: Display>(self, style: Style, text: T) -> impl Display {
        fmt::from_fn(move |f| {
            if !self.colour {
                return text.fmt(f);
            }
            let code = match style {
                Style::Strong => 1,
                Style::Faint => 2,
                Style::Good => 32,
                Style::Bad => 31,
            };
            write!(f, "\x1b[{code}m{text}\x1b[0m")
        })
    }
}

/// What a text is to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Strong,
    Faint,
    Good,
    Bad,
}

/// Columns of the terminal that this is, if it is one.
fn width_of(stream: impl AsFd) -> Option<usize> {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(stream)?;
    Some(usize::from(width)).filter(|&width| width > 0)
}

/// Says something on standard error, in the name of the program. A terminal breaks its first line between words; elsewhere
/// it stays one line.
pub(crate) fn say(text: impl Display) {
    let text = format!("flowlogs: {text}");
    let text = match width_of(io::stderr()) {
        Some(width) => broken(&text, width),
        None => text,
    };
    // A closed standard error is nothing to report, and nowhere to report it.
    let _ = writeln!(io::stderr(), "{text}");
}

/// The text with its first line broken between words; those that follow it may point at columns and stay as they are.
fn broken(text: &str, width: usize) -> String {
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let words: Vec<_> = first.split(' ').map(str::to_owned).collect();
    wrap(&words, " ", width.saturating_sub(2)).join("\n  ") + rest
}

/// Columns that a text takes; every character of AWS identifiers takes one.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Breaks segments into lines of at most `width` columns, never within a segment.
pub(crate) fn wrap(segments: &[String], separator: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for segment in segments {
        match lines.last_mut() {
            Some(line) if columns(line) + columns(separator) + columns(segment) <= width => {
                line.push_str(separator);
                line.push_str(segment);
            }
            _ => lines.push(segment.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let look = |colour| Look { width: 80, colour };
        assert_eq!(
            look(false).paint(Style::Bad, "REJECT").to_string(),
            "REJECT"
        );
        assert_eq!(
            look(true).paint(Style::Bad, "REJECT").to_string(),
            "\x1b[31mREJECT\x1b[0m"
        );
    }

    #[test]
    fn what_is_said_breaks_between_words_and_a_mark_stays_below_its_column() {
        let text = "flowlogs: column 2: larger than 65535\n  x 70000\n    ^^^^^";
        assert_eq!(
            broken(text, 22),
            "flowlogs: column 2:\n  larger than 65535\n  x 70000\n    ^^^^^"
        );
        assert_eq!(broken(text, 80), text);
    }

    #[test]
    fn lines_break_between_segments() {
        let segments = ["eni-1 → ACCEPT", "vpc-1", "vpc-2"].map(str::to_owned);
        assert_eq!(
            wrap(&segments, "  ", 21),
            ["eni-1 → ACCEPT  vpc-1", "vpc-2"]
        );
        assert_eq!(wrap(&segments, "  ", 1), segments);
        assert!(wrap(&[], "  ", 21).is_empty());
    }
}
