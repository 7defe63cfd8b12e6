//! Text stage: a stream of any length → lines, with at most a line in memory.
//!
//! A header line is handed on like a record. Blank lines are skipped. The time that an export of CloudWatch Logs puts
//! before each line becomes the event's timestamp.

use std::io::BufRead;

use wide::u8x32;

use crate::error::{ReadError, UnpackError};
use crate::export_time;
use crate::line_writer::{LineWriter, without_line_end};
use crate::lines::{DeliveredLine, LineSink, MAX_LINE};

/// Most kept octets of a line: the longest line, the time and the carriage return around the line, and an octet that shows
/// that the line is too long.
const LONGEST_KEPT: usize = MAX_LINE + 1 + export_time::LONGEST + 1;

/// Hands on the lines of `input`; `held` buffers a line that arrives in parts.
///
/// # Errors
/// The error of the input, after the lines before were handed on, or of the sink.
pub(crate) fn hand_on_lines<L: LineSink>(
    input: &mut dyn BufRead,
    held: &mut Vec<u8>,
    writer: &mut LineWriter<'_, L>,
) -> Result<(), ReadError<L::Error>> {
    held.clear();
    loop {
        let chunk = input.fill_buf().map_err(UnpackError::from_io)?;
        if chunk.is_empty() {
            return hand_on_line(held, writer).map_err(ReadError::Sink);
        }
        let mut rest = chunk;
        while let Some(end) = line_end(rest) {
            if held.is_empty() {
                hand_on_line(&rest[..end], writer).map_err(ReadError::Sink)?;
            } else {
                hold(held, &rest[..end]);
                hand_on_line(held, writer).map_err(ReadError::Sink)?;
                held.clear();
            }
            rest = &rest[end + 1..];
        }
        hold(held, rest);
        let length = chunk.len();
        input.consume(length);
    }
}

/// Offset of the first line feed. Inlined, because lines are short: a call of `memchr` would take longer than the search.
#[inline(always)]
fn line_end(text: &[u8]) -> Option<usize> {
    let (blocks, rest) = text.as_chunks();
    let line_feed = |octet: &u8| *octet == b'\n';
    for (index, block) in blocks.iter().enumerate() {
        let found = u8x32::new(*block).simd_eq(u8x32::splat(b'\n')).to_bitmask();
        if found != 0 {
            return Some(index * block.len() + found.trailing_zeros() as usize);
        }
    }
    let found = rest.iter().position(line_feed);
    found.map(|offset| text.len() - rest.len() + offset)
}

fn hold(held: &mut Vec<u8>, part: &[u8]) {
    let room = LONGEST_KEPT - held.len().min(LONGEST_KEPT);
    held.extend_from_slice(&part[..part.len().min(room)]);
}

fn hand_on_line<L: LineSink>(line: &[u8], writer: &mut LineWriter<'_, L>) -> Result<(), L::Error> {
    let line = without_line_end(&line[..line.len().min(LONGEST_KEPT)]);
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let (timestamp, text) = match export_time::split(line) {
        Some((milliseconds, message)) => (Some(milliseconds), message),
        None => (None, line),
    };
    writer.line(&DeliveredLine {
        id: None,
        timestamp,
        text,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufReader};

    use super::*;
    use crate::line_writer::recorded::{Recorded, event};

    fn lines(text: &[u8], chunk: usize) -> Recorded {
        let mut recorded = Recorded::default();
        let mut input = BufReader::with_capacity(chunk, text);
        hand_on_lines(
            &mut input,
            &mut Vec::new(),
            &mut LineWriter::new(&mut recorded),
        )
        .expect("memory does not fail");
        recorded
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = b"version account-id\n2 1\r\n\n  \r\n2 2\n2026-11-21T10:00:00.000Z 2 3\n2 4";
        let expected = [
            event(None, None, "version account-id"),
            event(None, None, "2 1"),
            event(None, None, "2 2"),
            event(None, 1_795_255_200_000, "2 3"),
            event(None, None, "2 4"),
        ];
        for chunk in 1..=text.len() {
            assert_eq!(lines(text, chunk).0, expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn a_line_of_the_greatest_length_is_whole_and_a_longer_one_is_cut() {
        let time = "2026-11-21T10:00:00.000000000Z ";
        for (length, handed_on) in [
            (MAX_LINE, MAX_LINE),
            (MAX_LINE + 1, MAX_LINE + 1),
            (MAX_LINE * 5, MAX_LINE + 1),
        ] {
            let text = format!("{time}{}\r\n2 x\n", "x".repeat(length));
            for chunk in [7, 8192, 1 << 20] {
                let recorded = lines(text.as_bytes(), chunk);
                let messages = recorded.messages();
                assert_eq!(
                    messages[0].len(),
                    handed_on,
                    "{length} octets, chunks of {chunk}"
                );
                assert_eq!(messages[1..], ["2 x"]);
            }
        }
    }

    #[test]
    fn memory_does_not_grow_with_a_line_that_has_no_end() {
        let mut held = Vec::new();
        let mut recorded = Recorded::default();
        let mut input = BufReader::new(io::Read::take(io::repeat(b'x'), 64 << 20));
        hand_on_lines(&mut input, &mut held, &mut LineWriter::new(&mut recorded))
            .expect("memory does not fail");
        assert_eq!(recorded.messages()[0].len(), MAX_LINE + 1);
        assert!(held.capacity() <= 2 * LONGEST_KEPT, "{}", held.capacity());
    }
}
