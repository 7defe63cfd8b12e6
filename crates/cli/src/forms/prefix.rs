//! Rule for the text before a line: `TIME⇥LINE`, `TIME LINE` or, if the time has an offset, `TIME STREAM LINE`. With
//! `--output text`, the line is a field between tabs. A line may stand in quotes.
//!
//! `2026-11-21T10:00:00.123000+00:00 eni-1-all 2 123456789012 eni-1 …` (`aws logs tail`),
//! `2026-11-21T10:00:00 2 123456789012 eni-1 …` (`aws logs tail --format short`),
//! `2026-11-21T10:00:00.123Z⇥2 123456789012 eni-1 …` (console).
//!
//! A time in UTC stays before the line, in the form of CloudWatch's exports, and becomes the event's timestamp.

use std::io::{self, Read};

use crate::clock::Time;

/// Returns whether a line has a prefix that must be rewritten.
pub(super) fn is_prefixed(line: &str) -> bool {
    let mut out = String::new();
    rewrite(line, &mut out);
    out != line
}

/// Writes a line without the prefix. Lines of `--output text` with page tokens or log streams are left out.
pub(super) fn rewrite(line: &str, out: &mut String) {
    if let Some(fields) = line.strip_prefix("EVENTS\t") {
        return event(fields, out);
    }
    let is_token = line.starts_with("f/") || line.starts_with("b/");
    if line.starts_with("SEARCHEDLOGSTREAMS\t") || is_token {
        return;
    }
    match LinePrefix::split(line) {
        Some((prefix, message)) => {
            if let Some(time) = prefix.utc {
                out.push_str(time);
                out.push_str("Z ");
            }
            out.push_str(message);
        }
        None => {
            let quoted = line.strip_prefix('"');
            out.push_str(
                quoted
                    .and_then(|line| line.strip_suffix('"'))
                    .unwrap_or(line),
            );
        }
    }
}

/// Returns whether the columns between the tabs of a line are lines themselves: a flow log has blanks and no tabs.
pub(super) fn are_lines_between_tabs(line: &str) -> bool {
    let mut columns = line.split('\t');
    let mut next_has_blanks = || columns.next().is_some_and(|column| column.contains(' '));
    next_has_blanks() && next_has_blanks()
}

/// Reader that writes a line end in place of each tab.
pub(super) struct TabsAsLineEnds<R>(pub(super) R);

impl<R: Read> Read for TabsAsLineEnds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.0.read(buffer)?;
        for octet in &mut buffer[..octets] {
            if *octet == b'\t' {
                *octet = b'\n';
            }
        }
        Ok(octets)
    }
}

/// Writes the message of an event: the only field with blanks; the next field is the time of the event.
fn event(fields: &str, out: &mut String) {
    let mut fields = fields.split('\t');
    let Some(message) = fields.find(|field| field.contains(' ')) else {
        return;
    };
    let time = fields.next().and_then(|time| time.trim().parse().ok());
    if let Some(time) = time {
        out.push_str(&format!("{} ", Time(time)));
    }
    out.push_str(message);
}

/// Prefix of a line.
struct LinePrefix<'a> {
    /// Time in UTC, without a zone.
    utc: Option<&'a str>,
}

impl<'a> LinePrefix<'a> {
    /// Splits a line into the prefix and the message.
    fn split(line: &'a str) -> Option<(Self, &'a str)> {
        let digits = |range: std::ops::Range<usize>| {
            let text = line.get(range);
            text.is_some_and(|text| text.bytes().all(|octet| octet.is_ascii_digit()))
        };
        let at = |index| line.as_bytes().get(index).copied();
        let is_time = digits(0..4)
            && at(4) == Some(b'-')
            && digits(5..7)
            && at(7) == Some(b'-')
            && digits(8..10)
            && at(10) == Some(b'T')
            && digits(11..13)
            && at(13) == Some(b':')
            && digits(14..16)
            && at(16) == Some(b':')
            && digits(17..19);
        if !is_time {
            return None;
        }
        let fraction = line[19..]
            .bytes()
            .take_while(|octet| *octet == b'.' || octet.is_ascii_digit());
        let (time, rest) = line.split_at(19 + fraction.count());
        let end = rest.find([' ', '\t'])?;
        let (zone, rest) = rest.split_at(end);
        let is_offset = zone.len() == 6 && zone.starts_with(['+', '-']);
        if !(zone.is_empty() || zone == "Z" || is_offset) {
            return None;
        }
        let utc = matches!(zone, "" | "Z" | "+00:00").then_some(time);
        let message = match (rest.strip_prefix('\t'), is_offset) {
            (Some(message), _) => message,
            // The log stream.
            (None, true) => rest[1..].split_once(' ')?.1,
            (None, false) => &rest[1..],
        };
        Some((Self { utc }, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_and_a_stream_before_a_line_are_taken_off() {
        for (line, rewritten) in [
            (
                "2026-11-21T10:00:00.123000+00:00 eni-1-all 2 1 eni-1",
                "2026-11-21T10:00:00.123000Z 2 1 eni-1",
            ),
            ("2026-11-21T10:00:00+01:00 eni-1-all 2 1 eni-1", "2 1 eni-1"),
            (
                "2026-11-21T10:00:00 2 1 eni-1",
                "2026-11-21T10:00:00Z 2 1 eni-1",
            ),
            (
                "2026-11-21T10:00:00.123Z\t2 1 eni-1",
                "2026-11-21T10:00:00.123Z 2 1 eni-1",
            ),
            (
                "2026-11-21T10:00:00.123Z 2 1 eni-1",
                "2026-11-21T10:00:00.123Z 2 1 eni-1",
            ),
            (
                "EVENTS\t3691\t1795255200500\teni-1-all\t2 1 eni-1\t1795255200000",
                "2026-11-21T10:00:00.000Z 2 1 eni-1",
            ),
            (
                "EVENTS\t1795255200500\t2 1 eni-1\t1795255200000",
                "2026-11-21T10:00:00.000Z 2 1 eni-1",
            ),
            ("SEARCHEDLOGSTREAMS\teni-1-all\tTrue", ""),
            ("f/3691/s\tb/3691/s", ""),
            ("2 1 eni-1", "2 1 eni-1"),
            ("\"2 1 eni-1\"", "2 1 eni-1"),
            ("\"2 1 eni-1", "\"2 1 eni-1"),
            ("2026-11-21T10:00:00xyz 2 1", "2026-11-21T10:00:00xyz 2 1"),
            ("2026-11-21Tä0:00:00 2 1", "2026-11-21Tä0:00:00 2 1"),
        ] {
            let mut out = String::new();
            rewrite(line, &mut out);
            assert_eq!(out, rewritten, "{line}");
        }
    }

    #[test]
    fn lines_between_tabs_are_told_from_fields() {
        assert!(are_lines_between_tabs("2 1 eni-1\t2 1 eni-1"));
        for line in [
            "2 1 eni-1",
            "2\t1\teni-1",
            "2026-11-21T10:00:00.123Z\t2 1 eni-1",
            "EVENTS\t1795255200500\t2 1 eni-1\t1795255200000",
        ] {
            assert!(!are_lines_between_tabs(line), "{line}");
        }
        let mut out = String::new();
        let mut reader = TabsAsLineEnds(&b"2 1 eni-1\t2 1 eni-1\n"[..]);
        reader.read_to_string(&mut out).expect("text");
        assert_eq!(out, "2 1 eni-1\n2 1 eni-1\n");
    }
}
