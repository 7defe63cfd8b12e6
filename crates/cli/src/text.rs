//! Width, wrapping and cleaning of text for a terminal.
//!
//! Widths are counted in columns, not in characters: a CJK character takes two columns, a combining accent none.

use std::borrow::Cow;
use std::path::Path;

use flowlogs_export::{is_pem, may_be_pem};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the number of columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Splits a text into words for [`wrap`].
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Joins segments into lines of at most `width` columns; a segment is never broken.
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

/// Cuts a text to `room` columns; a cut text ends in `…`.
pub(crate) fn cut(text: &str, room: usize) -> Cow<'_, str> {
    if columns(text) <= room {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used < room
    };
    let kept: String = text.chars().take_while(fits).collect();
    Cow::Owned(format!("{}…", kept.trim_end()))
}

/// Replaces characters that change how a terminal shows its neighbours by U+FFFD, so that the content of a file or message
/// can neither send escape sequences nor reorder, hide or break a line.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(disturbs) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars();
    shown
        .map(|c| if disturbs(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Beginning of a value that somebody typed, for an error: at most 80 characters, and nothing of a certificate or key that
/// was pasted into a wrong option.
pub(crate) fn shown_value(value: &str) -> Cow<'_, str> {
    /// Most characters of a value that an error shows.
    const SHOWN: usize = 80;
    if may_be_pem(value) {
        return Cow::Owned("PEM text, which is not shown".to_owned());
    }
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &value[..end])),
        None => Cow::Borrowed(value),
    }
}

/// Name of a file in one line: a name may hold line ends, which would begin a message of their own.
pub(crate) fn shown_path(path: &Path) -> String {
    let name = path.to_string_lossy();
    match is_pem(&name) {
        true => shown_value(&name).into_owned(),
        false => visible(&name).into_owned(),
    }
}

/// Escapes in a JSON document of one line the characters that [`visible`] replaces; they stand in strings only, whose
/// meaning stays.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.contains(disturbs) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if !disturbs(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(shown)
}

/// Returns whether a character is a control character, a line separator, invisible, or an override of the writing
/// direction.
fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Replaces each character outside ASCII, for `LC_ALL=C`: those that this program draws by a like character, others by `?`.
pub(crate) fn ascii(text: &str) -> String {
    let replaced = |c: char| match c {
        '→' => '>',
        '…' => '~',
        '·' | '─' => '-',
        '█' => '#',
        '░' => '.',
        c if c.is_ascii() => c,
        _ => '?',
    };
    text.chars().map(replaced).collect()
}

/// Formats a number with digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size, with a unit and one to three digits before the point.
pub(crate) fn octets(number: u64) -> String {
    const UNITS: [&str; 7] = ["octets", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut power = 0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if number / 1_000_u64.pow(power) < 1_000 {
            break;
        }
        power += 1;
        unit = larger;
    }
    if power == 0 {
        return format!("{number} {unit}");
    }
    let tenths = number / (1_000_u64.pow(power) / 10);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Formats a number with a noun: `1 input`, `2 inputs`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(number))
}

/// Lists the first names, and the number of the others.
pub(crate) fn listed(names: &[String], limit: usize) -> String {
    let more = names.len().saturating_sub(limit);
    let first = names[..names.len() - more].join(", ");
    match more {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_columns_and_not_characters() {
        assert_eq!(columns("web-1"), 5);
        assert_eq!(columns("本番"), 4, "two columns each");
        assert_eq!(columns("e\u{301}"), 1, "a combining accent");
        assert_eq!(cut("本番ウェブ", 10), "本番ウェブ");
        assert_eq!(cut("本番ウェブ", 9), "本番ウェ…");
        assert_eq!(cut("本番ウェブ", 8), "本番ウ…");
        assert!((1..12).all(|room| columns(&cut("本番ウェブ-1", room)) <= room));
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

    #[test]
    fn numbers_are_grouped_and_sizes_have_units() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(octets(999), "999 octets");
        assert_eq!(octets(1_000), "1.0 kB");
        assert_eq!(octets(1_999), "1.9 kB");
        assert_eq!(octets(u64::MAX), "18.4 EB");
        assert_eq!(plural(1, "input"), "1 input");
        assert_eq!(plural(2_000, "input"), "2,000 inputs");
    }

    #[test]
    fn nothing_that_disturbs_a_terminal_is_shown() {
        assert_eq!(visible("a\x1b[31mb"), "a\u{fffd}[31mb");
        for disturbing in [
            '\u{202e}', '\u{2066}', '\u{2028}', '\u{200b}', '\u{feff}', '\u{9b}', '\n',
        ] {
            let text = format!("web{disturbing}1");
            assert_eq!(visible(&text), "web\u{fffd}1", "{disturbing:?}");
        }
        assert_eq!(visible("plain 本番 é"), "plain 本番 é");
    }

    #[test]
    fn nothing_that_disturbs_a_terminal_is_shown_in_json_and_nothing_is_lost() {
        let text = "a\x1b[31m\u{9b}31m\u{7f} \u{202e}b\u{200b}\u{e0041}\u{2028}\n\"\\ 本番 é";
        let json = serde_json::to_string(text).expect("a string");
        assert!(json.contains(disturbs), "serde_json leaves most of them");
        let shown = visible_json(&json);
        assert!(!shown.contains(disturbs), "{shown}");
        assert!(shown.contains("本番 é"), "{shown}");
        let read: String = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, text);
        assert_eq!(visible_json("{}"), "{}");
    }

    #[test]
    fn ascii_keeps_the_width_of_everything_that_this_program_draws() {
        let drawn = "── eni-1 → vpc-1 · web…  ███░░";
        assert_eq!(ascii(drawn), "-- eni-1 > vpc-1 - web~  ###..");
        assert_eq!(columns(&ascii(drawn)), columns(drawn));
    }
}
