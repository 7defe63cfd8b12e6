//! Recognises content by the first octets, never by a name.

use crate::inflate::Compression;

/// First octets of a Parquet file (Apache Parquet, "File Format").
pub const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

/// Most octets that are inspected to recognise a stream.
pub(crate) const HEAD: usize = 512;

/// Kind of content, by the first octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Empty,
    Compressed(Compression),
    Parquet,
    Json,
    Text,
    Binary,
}

impl Content {
    /// Recognises octets without a byte order mark; `is_whole` says that nothing follows.
    pub(crate) fn recognise(octets: &[u8], is_whole: bool) -> Self {
        let head = &octets[..octets.len().min(HEAD)];
        let is_whole = is_whole && head.len() == octets.len();
        if head.is_empty() {
            return Self::Empty;
        }
        if head.starts_with(&PARQUET_MAGIC) {
            return Self::Parquet;
        }
        let odd = odd_octets(head, is_whole);
        let is_text =
            odd <= 1 || odd * OCTETS_FOR_AN_ODD_ONE <= head.len() || begins_with_a_line(head);
        if let Some(compression) = Compression::recognise(head) {
            // `x^`, the header of a fast compression, may also begin a text.
            let is_caret = head.starts_with(b"x^");
            return match is_caret && is_text {
                true => Self::Text,
                false => Self::Compressed(compression),
            };
        }
        if let [b'{' | b'[', ..] = head.trim_ascii_start() {
            return Self::Json;
        }
        match is_text {
            true => Self::Text,
            false => Self::Binary,
        }
    }
}

/// Returns true if the first line is whole, printable ASCII with a space, and no JSON: the stream is a text, whatever
/// follows. `PeekedReader` stops at such a line, so the answer must not depend on what is behind it.
pub(crate) fn begins_with_a_line(head: &[u8]) -> bool {
    let Some(end) = head.iter().position(|octet| *octet == b'\n') else {
        return false;
    };
    let line = head[..end].trim_ascii();
    let is_printable = |octet: &u8| octet.is_ascii_graphic() || matches!(octet, b' ' | b'\t');
    line.contains(&b' ') && line.iter().all(is_printable) && !matches!(line, [b'{' | b'[', ..])
}

/// Fewest octets of a text for each odd octet; in a compressed or executable file every third octet is odd.
const OCTETS_FOR_AN_ODD_ONE: usize = 8;

/// Number of odd octets: control characters other than whitespace, and octets that are not UTF-8. A character cut by the
/// end of the head does not count, unless the head is the whole.
fn odd_octets(head: &[u8], is_whole: bool) -> usize {
    let is_odd = |octet: &u8| octet.is_ascii_control() && !octet.is_ascii_whitespace();
    let mut chunks = head.utf8_chunks().peekable();
    let mut odd = head.iter().filter(|octet| is_odd(octet)).count();
    while let Some(chunk) = chunks.next() {
        let is_cut = !is_whole && chunks.peek().is_none() && is_cut_character(chunk.invalid());
        odd += if is_cut { 0 } else { chunk.invalid().len() };
    }
    odd
}

/// Returns true for the beginning of a character of several octets.
fn is_cut_character(octets: &[u8]) -> bool {
    str::from_utf8(octets).is_err_and(|error| error.error_len().is_none())
}

/// Strips the byte order mark that some editors put before UTF-8.
pub(crate) fn without_mark(octets: &[u8]) -> &[u8] {
    octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowlogs_testing::random::Random;

    const LINE: &[u8] = b"2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 50000 6 1 40 1795035610 1795035668 ACCEPT OK\n";

    #[test]
    fn one_odd_octet_anywhere_does_not_make_a_text_binary() {
        for octet in [0, 1, 0x1b, 0x7f, 0x80, 0xc3, 0xe9, 0xff] {
            for offset in 1..LINE.len() {
                let mut text = LINE.to_vec();
                text[offset] = octet;
                assert_eq!(
                    Content::recognise(&text, true),
                    Content::Text,
                    "{octet} at {offset}"
                );
            }
            assert_eq!(
                Content::recognise(&[b'2', b' ', octet], true),
                Content::Text
            );
        }
    }

    #[test]
    fn a_first_line_makes_a_text_whatever_follows() {
        let mut octets = LINE.to_vec();
        octets.extend([0xff; 400]);
        assert_eq!(Content::recognise(&octets, false), Content::Text);
        assert_eq!(
            Content::recognise(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\0\0", false),
            Content::Binary
        );
    }

    #[test]
    fn what_is_binary_stays_binary() {
        let mut random = Random(7);
        let mut octet = || u8::try_from(random.below(256)).expect("an octet");
        let compressed: Vec<u8> = b"PK\x03\x04"
            .iter()
            .copied()
            .chain((0..600).map(|_| octet()))
            .collect();
        let utf_16: Vec<u8> = LINE.iter().flat_map(|octet| [*octet, 0]).collect();
        for octets in [
            &compressed[..],
            &utf_16,
            &[0; 100],
            b"\x7fELF\x02\x01\x01\0\0\0",
            b"PK\x03\x04",
        ] {
            assert_eq!(Content::recognise(octets, false), Content::Binary);
        }
    }

    #[test]
    fn a_text_that_begins_like_zlib_is_text() {
        assert_eq!(Content::recognise(b"x^y 2 3", true), Content::Text);
        let zlib = crate::inflate::packed::zlib(LINE);
        assert_eq!(
            Content::recognise(&zlib, true),
            Content::Compressed(Compression::Zlib)
        );
    }
}
