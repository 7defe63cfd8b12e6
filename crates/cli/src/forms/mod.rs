//! Forms of flow logs made by tools: recognised by the beginning of a file, and rewritten line by line into text that
//! `flowlogs-source` reads.
//!
//! | form | from |
//! |---|---|
//! | a time, perhaps a stream, then the line | `aws logs tail`, a copy from the console |
//! | lines in quotes | `jq .events[].message` without `-r` |
//! | lines between tabs | `--query 'events[].message' --output text` |
//! | `EVENTS` and fields between tabs | `aws logs filter-log-events` and `get-log-events` with `--output text` |
//! | CSV with a column `@message` or `message` | Logs Insights; a log group in the console |
//! | CSV with the names of fields as header | Athena |
//! | JSON with `results` of `field` and `value`, or rows with `@message` | `aws logs get-query-results`; Logs Insights in the console |
//! | UTF-16 with a mark | PowerShell, some editors |
//!
//! All further content passes unchanged. Archives are named, with the command to unpack the archive.

mod csv;
mod insights;
mod prefix;
mod utf16;

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::GzDecoder;

/// Octets of an input by which its form is recognised.
const HEAD: usize = 4_096;

/// Longest line that is rewritten, in octets; the rest of a longer line is cut, and the line then fits no format.
const LONGEST: u64 = 128 * 1_024;

/// Rewriter of a line: appends the new line, or nothing.
type LineRewriter = Box<dyn FnMut(&str, &mut String)>;

/// Content without lines, and the command that unpacks or prints the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {advice}: {command}")]
pub(crate) struct PackedContent {
    kind: &'static str,
    advice: &'static str,
    command: &'static str,
}

/// Returns a reader of text that `flowlogs-source` knows.
///
/// # Errors
///
/// Failure to read, or [`PackedContent`].
pub(crate) fn plain(reader: Box<dyn Read>) -> Result<Box<dyn Read>, PlainError> {
    let (head, reader) = peek(reader)?;
    if let Some(packed) = packed(&head) {
        return Err(PlainError::Packed(packed));
    }
    let (head, reader) = match utf16::Endianness::of_mark(&head) {
        Some(endianness) => peek(Box::new(utf16::Utf16Reader::new(reader, endianness)))?,
        None => (head, reader),
    };
    let text = String::from_utf8_lossy(&head);
    let first = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .lines()
        .next();
    let first = first.unwrap_or_default();
    if insights::is_query_result(&text) {
        return Ok(Box::new(io::Cursor::new(insights::lines(reader)?)));
    }
    if prefix::are_lines_between_tabs(first) {
        return Ok(Box::new(prefix::TabsAsLineEnds(reader)));
    }
    let rewriter: LineRewriter = match csv::CsvTable::of_header(first) {
        Some(table) => table.rewriter(),
        None if prefix::is_prefixed(first) => Box::new(prefix::rewrite),
        None => return Ok(reader),
    };
    Ok(Box::new(RewrittenLines {
        input: BufReader::new(reader),
        rewriter,
        line: Vec::new(),
        out: io::Cursor::default(),
    }))
}

/// Error of [`plain`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlainError {
    #[error(transparent)]
    Packed(#[from] PackedContent),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the beginning of a stream; returns the beginning, and a reader of the whole stream. Of text, the first line is
/// enough: the next line may not come soon.
fn peek(mut reader: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while filled < HEAD {
        match reader.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(octets) => filled += octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        let begun = head[..filled].trim_ascii_start();
        if head[..filled].contains(&b'\n') && !matches!(begun.first(), None | Some(b'{' | b'[')) {
            break;
        }
    }
    head.truncate(filled);
    let whole = io::Cursor::new(head.clone()).chain(reader);
    Ok((head, Box::new(whole)))
}

/// Recognises archives and compressions that are not read, a tar archive within gzip, and IPFIX.
fn packed(head: &[u8]) -> Option<PackedContent> {
    let magics: [(&[u8], &str, &str); 6] = [
        (b"PK\x03\x04", "a zip archive", "unzip FILE"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -d FILE"),
        (b"BZh", "bzip2", "bunzip2 FILE"),
        (b"\xfd7zXZ\x00", "xz", "unxz FILE"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x FILE"),
        (b"\x04\x22\x4d\x18", "lz4", "lz4 -d FILE"),
    ];
    let unpack = |kind, command| PackedContent {
        kind,
        advice: "unpack it first",
        command,
    };
    let mut unpacked = Vec::new();
    // An error means no gzip, or a head that is cut: the octets that were unpacked are enough.
    let _ = GzDecoder::new(head).take(512).read_to_end(&mut unpacked);
    let is_tar = |octets: &[u8]| octets.get(257..262) == Some(b"ustar");
    if is_tar(head) || is_tar(&unpacked) {
        return Some(unpack("a tar archive", "tar -xf FILE"));
    }
    // Version 10 of the protocol begins each message.
    if head.starts_with(b"\x00\x0a") {
        return Some(PackedContent {
            kind: "IPFIX messages",
            advice: "print them with",
            command: "flowlogs collect --read FILE",
        });
    }
    let magic = magics.iter().find(|(magic, ..)| head.starts_with(magic));
    magic.map(|&(_, kind, command)| unpack(kind, command))
}

/// Reader of lines that are rewritten.
struct RewrittenLines<R> {
    input: BufReader<R>,
    rewriter: LineRewriter,
    line: Vec<u8>,
    out: io::Cursor<Vec<u8>>,
}

impl<R: Read> RewrittenLines<R> {
    /// Reads and rewrites a line; returns whether there was a line.
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut limited = self.input.by_ref().take(LONGEST);
        if limited.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        if self.line.last() != Some(&b'\n') && self.line.len() as u64 == LONGEST {
            self.input.skip_until(b'\n')?;
        }
        let line = String::from_utf8_lossy(&self.line);
        let mut out = String::new();
        (self.rewriter)(line.trim_start_matches('\u{feff}').trim_end(), &mut out);
        if !out.is_empty() {
            out.push('\n');
        }
        self.out = io::Cursor::new(out.into_bytes());
        Ok(true)
    }
}

impl<R: Read> Read for RewrittenLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let octets = self.out.read(buffer)?;
            if octets > 0 || buffer.is_empty() || !self.next()? {
                return Ok(octets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(input: &[u8]) -> String {
        let mut out = String::new();
        plain(Box::new(io::Cursor::new(input.to_vec())))
            .expect("text")
            .read_to_string(&mut out)
            .expect("UTF-8");
        out
    }

    #[test]
    fn other_content_passes_unchanged() {
        for text in [
            "",
            "2 123456789010 eni-1 OK\nversion account-id\n",
            "2026-11-21T10:00:00.000Z 2 123456789010 eni-1\n",
            r#"{"messageType": "DATA_MESSAGE"}"#,
            "\u{feff}version, srcaddr\n",
        ] {
            assert_eq!(rewritten(text.as_bytes()), text);
        }
        let gzip = b"\x1f\x8b\x08\x00 and so on";
        let mut out = Vec::new();
        let mut reader = plain(Box::new(&gzip[..])).expect("text");
        reader.read_to_end(&mut out).expect("memory");
        assert_eq!(out, gzip);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut text = b"2026-11-21T10:00:00+00:00 stream ".to_vec();
        text.resize(1 << 20, b'x');
        text.extend(b"\n2026-11-21T10:00:00+00:00 stream 2 x\n");
        let out = rewritten(&text);
        assert_eq!(out.lines().count(), 2);
        assert!(out.len() < 200_000);
        assert!(out.ends_with("2026-11-21T10:00:00Z 2 x\n"), "{out}");
    }

    #[test]
    fn archives_are_named_with_the_command_that_unpacks_them() {
        let error = plain(Box::new(&b"PK\x03\x04 and so on"[..]));
        let error = error.err().expect("an archive").to_string();
        assert_eq!(error, "a zip archive: unpack it first: unzip FILE");
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let error = plain(Box::new(io::Cursor::new(tar)))
            .err()
            .expect("an archive");
        assert!(error.to_string().contains("tar -xf"));
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_a_rewriter_panic(octets: Vec<u8>, form in 0_usize..6) {
            let begin: &[u8] = [
                &b""[..],
                b"EVENTS\t1\tx\t2 3\t4\n",
                b"\"version\",\"srcaddr\"\n",
                b"@timestamp,@message\n",
                b"\xff\xfe",
                b"{\"results\": [[{\"field\": ",
            ][form];
            let whole = [begin, &octets].concat();
            if let Ok(mut reader) = plain(Box::new(io::Cursor::new(whole))) {
                let _ = reader.read_to_end(&mut Vec::new());
            }
        }
    }
}
