//! Any stream → lines: what it is, is decided by its first octets and never by a name.
//!
//! This file decides and leads the way; each family is unpacked in a file of its own: compressed streams in
//! `inflate.rs`, JSON in `json.rs`, Firehose records in `firehose.rs`, text in `text.rs`.

use std::io::{self, BufRead, BufReader, Read};
use std::mem::take;

use crate::inflate::{Compression, Inflated, Inflater};
use crate::json::Packed;
use crate::line_writer::LineWriter;
use crate::peeked::PeekedReader;
use crate::{LineOrigin, LineSink, ReadError, UnpackError, Unpacker, text};

/// The first octets of a Parquet file (Apache Parquet, "File Format").
pub const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

/// How many octets are looked at to recognise a stream.
const HEAD: usize = 512;

/// How much is read, and how much is inflated, at a time.
const CHUNK: usize = 64 * 1024;

/// Most octets of a compressed stream that are read before they are inflated at once, which takes two thirds of the time.
const PACKED_AT_ONCE: usize = 1 << 20;

/// Most octets to which they are inflated at once.
const PLAIN_AT_ONCE: usize = 16 << 20;

/// How often a stream may be compressed: Firehose compresses what it writes, and what it writes may be compressed.
const LAYERS: u8 = 2;

/// What a stream held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// LineSink handed on, header lines among them.
    pub events: u64,
    /// Subscription payloads that only tested the destination.
    pub control_messages: u64,
}

impl Unpacker {
    /// Reads a stream to its end, recognised by content. Known are
    ///
    /// - text of lines, with or without a header line, and exports of CloudWatch Logs (an ISO time before each line);
    /// - the event of a function (`{"awslogs":{"data":…}}`) and decoded subscription payloads;
    /// - `{"message":…}` objects, as Firehose and others write them;
    /// - the JSON of `aws logs filter-log-events` and `aws logs get-log-events`;
    /// - the event of a Firehose transformation;
    /// - any number of these JSON documents directly after each other, on lines, or in a JSON array;
    /// - all of it compressed with gzip (of any number of members) or zlib, once or twice;
    /// - nothing: an empty stream is a success without lines.
    ///
    /// A UTF-8 byte order mark is skipped. Text is a stream of any length; a JSON document must be within the limit and
    /// is parsed whole before its first line is handed on.
    ///
    /// # Errors
    /// [`ReadError::Unpack`], after the lines before the fault were handed on (where compressed text is damaged, up to
    /// the last whole block before the fault): [`UnpackError::Parquet`] and [`UnpackError::Unrecognised`] for what has
    /// no lines, otherwise the stage that failed. [`ReadError::Sink`] when `lines` stops.
    pub fn read<R: Read, L: LineSink>(
        &mut self,
        input: R,
        lines: &mut L,
    ) -> Result<ReadSummary, ReadError<L::Error>> {
        let mut delivery = LineWriter::new(lines);
        let mut input = BufReader::with_capacity(
            CHUNK,
            Steady {
                input,
                ended: false,
            },
        );
        let outcome = self.recognised(&mut input, LAYERS, &mut delivery);
        self.release();
        outcome.map(|()| delivery.summary())
    }

    fn recognised<L: LineSink>(
        &mut self,
        input: &mut dyn BufRead,
        layers: u8,
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        let mut head = Vec::new();
        let mut input = PeekedReader::new(input, &mut head, HEAD);
        match Content::recognise(input.head(), input.is_whole()) {
            Content::Empty => input
                .failure()
                .map_or(Ok(()), |error| Err(UnpackError::from_io(error).into())),
            Content::Compressed(compression) if layers > 0 => {
                // A payload in it has buffers of its own.
                let (mut packed, mut whole) = (take(&mut self.packed), take(&mut self.whole));
                let packed_octets = PeekedReader::new(&mut input, &mut packed, PACKED_AT_ONCE);
                let outcome =
                    self.compressed(compression, packed_octets, &mut whole, layers - 1, delivery);
                (self.packed, self.whole) = (packed, whole);
                outcome
            }
            Content::Json => self.documents(&mut input, Packed::Allowed, delivery),
            Content::Text => {
                delivery.begin(&LineOrigin::default())?;
                text::hand_on_lines(&mut input, &mut self.line, delivery)
            }
            Content::Parquet => Err(UnpackError::Parquet.into()),
            Content::Compressed(_) | Content::Binary => Err(UnpackError::Unrecognised.into()),
        }
    }

    /// A small whole member is inflated at once, by `whole`; everything else as a stream, which also says what is wrong.
    fn compressed<L: LineSink>(
        &mut self,
        compression: Compression,
        packed: PeekedReader<'_>,
        whole: &mut Inflater,
        layers: u8,
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        let limit = self.limit.min(PLAIN_AT_ONCE);
        if packed.is_whole()
            && let Some(mut plain) = whole.inflate_member(compression, packed.head(), limit)
        {
            return self.recognised(&mut plain, layers, delivery);
        }
        let inflated = Inflated::new(compression, packed, self.inflater.state());
        let mut plain = BufReader::with_capacity(CHUNK, inflated);
        let outcome = self.recognised(&mut plain, layers, delivery);
        self.inflater.keep(plain.into_inner());
        outcome
    }
}

/// What the first octets of something say that it is.
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
    /// Recognises octets without a byte order mark; `is_whole` says that nothing follows them.
    pub(crate) fn recognise(octets: &[u8], is_whole: bool) -> Self {
        let head = &octets[..octets.len().min(HEAD)];
        let is_whole = is_whole && head.len() == octets.len();
        if head.is_empty() {
            return Self::Empty;
        }
        if head.starts_with(&PARQUET_MAGIC) {
            return Self::Parquet;
        }
        if let Some(compression) = Compression::recognise(head) {
            return Self::Compressed(compression);
        }
        if let [b'{' | b'[', ..] = head.trim_ascii_start() {
            return Self::Json;
        }
        let is_encoded = match str::from_utf8(head) {
            Ok(_) => true,
            // A character that is cut off where the head ends.
            Err(error) => error.error_len().is_none() && !is_whole,
        };
        let is_printable = |octet: &u8| !octet.is_ascii_control() || octet.is_ascii_whitespace();
        if is_encoded && head.iter().all(is_printable) {
            Self::Text
        } else {
            Self::Binary
        }
    }
}

/// `octets` without the byte order mark that some editors put before UTF-8.
pub(crate) fn without_mark(octets: &[u8]) -> &[u8] {
    octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets)
}

/// An input that is never interrupted and ends once: what comes after it need not care for either.
struct Steady<R> {
    input: R,
    /// A terminal, for one, has more to read after its end.
    ended: bool,
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended {
            match self.input.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) if !into.is_empty() => self.ended = true,
                outcome => return outcome,
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    use super::*;
    use crate::inflate::packed::{gigabyte, gzip, zlib};
    use crate::line_writer::recorded::{Recorded, event, no_origin};
    use crate::{GzipFault, JsonFault};

    const LIMIT: usize = 1 << 20;

    /// Gives a few octets at a time, and is interrupted in between.
    struct Drops<'a> {
        rest: &'a [u8],
        turn: usize,
    }

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.turn += 1;
            if self.turn.is_multiple_of(5) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = (self.turn % 7 + 1).min(into.len()).min(self.rest.len());
            let (part, rest) = self.rest.split_at(length);
            into[..length].copy_from_slice(part);
            self.rest = rest;
            Ok(length)
        }
    }

    type Outcome = Result<ReadSummary, ReadError<std::convert::Infallible>>;

    fn read(octets: &[u8]) -> (Outcome, Recorded) {
        let mut recorded = Recorded::default();
        let outcome = Unpacker::new(LIMIT).read(octets, &mut recorded);

        let mut in_drops = Recorded::default();
        let drops = Drops {
            rest: octets,
            turn: 0,
        };
        assert_eq!(Unpacker::new(LIMIT).read(drops, &mut in_drops), outcome);
        assert_eq!(in_drops, recorded);
        (outcome, recorded)
    }

    fn messages(octets: &[u8]) -> Vec<String> {
        let (outcome, recorded) = read(octets);
        let summary = outcome.expect("readable");
        let messages = recorded.messages();
        assert_eq!(summary.events, messages.len() as u64);
        messages.into_iter().map(Into::into).collect()
    }

    fn refused(octets: &[u8]) -> UnpackError {
        match read(octets).0 {
            Err(ReadError::Unpack(error)) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn many_lines(count: usize) -> String {
        (0..count)
            .map(|number| format!("2 123456789012 eni-{:x} {number}\n", number * 7919))
            .collect()
    }

    #[test]
    fn an_empty_stream_has_no_lines() {
        for empty in [
            &b""[..],
            b"\xef\xbb\xbf",
            b"\n\n",
            &gzip(""),
            &gzip(gzip("")),
        ] {
            assert_eq!(read(empty).0, Ok(ReadSummary::default()), "{empty:?}");
        }
    }

    #[test]
    fn text_is_read_plain_or_compressed_in_one_or_more_members() {
        let text = many_lines(1000);
        let expected: Vec<_> = text.lines().collect();
        let (first, second) = text.split_at(text.len() / 3);
        let forms = [
            text.clone().into_bytes(),
            format!("\u{feff}{text}").into_bytes(),
            gzip(&text),
            zlib(&text),
            [gzip(first), gzip(second)].concat(),
            gzip([gzip(first), gzip(second)].concat()),
            gzip(format!("\u{feff}{text}")),
        ];
        for form in forms {
            assert_eq!(messages(&form), expected);
        }
    }

    #[test]
    fn text_has_one_origin_and_its_header_line_is_handed_on() {
        let (_, recorded) = read(b"version account-id\r\n2 123456789012\r\n");
        assert_eq!(
            recorded.0,
            [
                no_origin(),
                event(None, None, "version account-id"),
                event(None, None, "2 123456789012")
            ]
        );
    }

    #[test]
    fn an_export_has_its_times_as_timestamps() {
        let (_, recorded) = read(&gzip(
            "2026-11-21T10:00:00.000Z 2 a\n2026-11-21T10:00:00.001Z 2 b\n",
        ));
        assert_eq!(
            recorded.0[1..],
            [
                event(None, 1_795_255_200_000, "2 a"),
                event(None, 1_795_255_200_001, "2 b")
            ]
        );
    }

    #[test]
    fn json_of_every_kind_is_read_plain_or_compressed() {
        let payload = r#"{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logEvents":[{"id":"1","message":"2 a"}]}"#;
        let data = BASE64_STANDARD.encode(gzip(payload));
        let documents = [
            payload.to_owned(),
            format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#),
            format!(r#"{{"records":[{{"recordId":"1","data":"{data}"}}]}}"#),
            r#"{"message":"2 a"}"#.to_owned(),
            r#"{"events":[{"eventId":"1","message":"2 a"}]}"#.to_owned(),
        ];
        for document in &documents {
            for count in 1..=3 {
                let several = vec![document.as_str(); count];
                let mark = format!("\u{feff} \n{}", several.join(" \n"));
                let members: Vec<u8> = several.iter().flat_map(gzip).collect();
                let forms = [
                    several.concat().into_bytes(),
                    several.join("\n").into_bytes(),
                    format!("[{}]\n", several.join(",")).into_bytes(),
                    mark.into_bytes(),
                    gzip(several.concat()),
                    gzip(&members),
                    members,
                ];
                for form in forms {
                    assert_eq!(messages(&form), vec!["2 a"; count], "{document}");
                }
            }
        }
        let together = messages(documents.concat().as_bytes());
        assert_eq!(together, ["2 a"; 5]);
    }

    #[test]
    fn control_messages_are_counted() {
        let control = r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"x"}]}"#;
        let (outcome, recorded) = read(control.repeat(2).as_bytes());
        let expected = ReadSummary {
            events: 0,
            control_messages: 2,
        };
        assert_eq!((outcome, recorded), (Ok(expected), Recorded::default()));
    }

    #[test]
    fn parquet_is_told_apart() {
        assert_eq!(refused(b"PAR1\x15\x04\x15\x00"), UnpackError::Parquet);
    }

    #[test]
    fn what_is_neither_text_nor_json_nor_compressed_is_unrecognised() {
        let cases = [
            &b"\x7fELF\x02\x01"[..],
            b"2 123456789012\0",
            b"\xff\xfe2\0 \0",
            b"caf\xe9 au lait",
            b"PK\x03\x04",
            &gzip(gzip(gzip("2 a"))),
            &gigabyte(),
        ];
        for octets in cases {
            assert_eq!(refused(octets), UnpackError::Unrecognised);
        }
    }

    #[test]
    fn a_character_cut_by_the_end_of_the_head_is_still_text() {
        for padding in HEAD - 4..HEAD {
            let text = format!("{}é😀", "x".repeat(padding));
            assert_eq!(messages(text.as_bytes()), [text]);
        }
    }

    /// Around what is read and inflated at once: lines that hardly pack, and lines that pack to nothing.
    #[test]
    fn text_is_the_same_whether_it_is_inflated_at_once_or_not() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            format!("2 {state:x}\n")
        };
        let uneven: String = (0..170_000).map(|_| random()).collect();
        let even = "2 the same line again and again\n".repeat(PLAIN_AT_ONCE / 32 + 1);
        let packed = gzip(&uneven);
        assert!(packed.len() > PACKED_AT_ONCE && even.len() > PLAIN_AT_ONCE);
        let mut unpacker = Unpacker::new(PLAIN_AT_ONCE * 2);
        for text in [&uneven[..], &even, "2 one\n2 another\n"] {
            for packed in [
                gzip(text),
                gzip(gzip(text)),
                [gzip(text), gzip(text)].concat(),
            ] {
                let mut recorded = Recorded::default();
                let summary = unpacker.read(&packed[..], &mut recorded).expect("whole");
                let handed_on = recorded.messages();
                assert_eq!(summary.events, handed_on.len() as u64);
                let lines = text.lines().cycle();
                assert!(
                    lines
                        .zip(&handed_on)
                        .all(|(line, message)| line == *message)
                );
                assert_eq!(handed_on.len() % text.lines().count(), 0);
            }
        }
        assert!(unpacker.packed.capacity() <= 2 * PACKED_AT_ONCE);
    }

    #[test]
    fn of_damaged_text_the_lines_before_are_handed_on() {
        let text = many_lines(50_000);
        let whole = gzip(&text);

        let half = &whole[..whole.len() / 2];
        let (outcome, recorded) = read(half);
        let position = half.len() as u64;
        let fault = GzipFault::Truncated;
        assert_eq!(outcome, Err(UnpackError::Gzip { position, fault }.into()));
        let handed_on = recorded.messages();
        assert!(
            (1000..49_000).contains(&handed_on.len()),
            "{}",
            handed_on.len()
        );
        assert!(
            text.lines()
                .zip(&handed_on)
                .all(|(line, message)| line == *message)
        );

        // A short text is wholly in the head when the checksum turns out to be missing.
        let short = gzip("2 a\n2 b\n");
        let (outcome, recorded) = read(&short[..short.len() - 3]);
        let position = short.len() as u64 - 3;
        assert_eq!(outcome, Err(UnpackError::Gzip { position, fault }.into()));
        assert_eq!(recorded.messages(), ["2 a", "2 b"]);
    }

    #[test]
    fn of_a_compressed_payload_the_checksum_is_verified_first() {
        let mut packed = gzip(r#"{"logEvents":[{"message":"2 a"}]}"#);
        let checksum = packed.len() - 8;
        packed[checksum] ^= 1;
        let (outcome, recorded) = read(&packed);
        let position = packed.len() as u64;
        let fault = GzipFault::Damaged;
        assert_eq!(outcome, Err(UnpackError::Gzip { position, fault }.into()));
        assert_eq!(recorded, Recorded::default());
    }

    #[test]
    fn a_compressed_stream_of_two_octets_is_truncated() {
        let fault = GzipFault::Truncated;
        assert_eq!(
            refused(&[0x1f, 0x8b]),
            UnpackError::Gzip { position: 2, fault }
        );
    }

    #[test]
    fn a_document_over_the_limit_is_too_large() {
        let json = format!(r#"{{"message":"{}"}}"#, "x".repeat(LIMIT));
        for form in [json.clone().into_bytes(), gzip(&json)] {
            assert_eq!(refused(&form), UnpackError::TooLarge { limit: LIMIT });
        }
        let nested = "[".repeat(LIMIT);
        assert!(matches!(
            refused(nested.as_bytes()),
            UnpackError::Json {
                line: 1,
                column: 2,
                fault: JsonFault::Syntax
            }
        ));
        let nested = "{\"a\":".repeat(LIMIT);
        assert_eq!(
            refused(nested.as_bytes()),
            UnpackError::TooLarge { limit: LIMIT }
        );
    }

    #[test]
    fn a_failure_to_read_keeps_its_reason() {
        struct Cut;
        impl Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut"))
            }
        }
        let expected = UnpackError::Io {
            kind: io::ErrorKind::ConnectionReset,
            reason: "cut".into(),
        };
        for start in [
            &b""[..],
            b"2 a\n",
            b"2 caf\xc3",
            b"{\"message\":\"2 a\"}",
            &gzip("2 a"),
        ] {
            let outcome = Unpacker::new(LIMIT).read(start.chain(Cut), &mut Recorded::default());
            assert_eq!(outcome, Err(expected.clone().into()), "{start:?}");
        }
    }

    #[test]
    fn text_of_any_length_passes_through_little_memory() {
        let mut unpacker = Unpacker::new(1000);
        let member = gzip(many_lines(20_000));
        let outcome = unpacker.read(&member.repeat(20)[..], &mut Recorded::default());
        assert_eq!(outcome.map(|summary| summary.events), Ok(400_000));
        assert!(unpacker.line.capacity() < 1000);
        assert_eq!(
            unpacker.inflater.output().capacity() + unpacker.document.capacity(),
            0
        );
    }

    proptest! {
        #[test]
        fn random_lines_survive_plain_compressed_and_as_objects(
            lines in prop::collection::vec("[ -~é]{0,40}[a-z]", 0..30),
            split in any::<prop::sample::Index>(),
        ) {
            // A line that begins like another family is that family's.
            let text = format!("2 x\n{}", lines.join("\n"));
            let expected: Vec<String> = text.lines().map(Into::into).collect();
            prop_assert_eq!(&messages(text.as_bytes()), &expected);
            let (first, second) = text.as_bytes().split_at(split.index(text.len()));
            prop_assert_eq!(&messages(&[gzip(first), gzip(second)].concat()), &expected);
            let objects: String =
                expected.iter().map(|line| serde_json::json!({"message": line}).to_string()).collect();
            prop_assert_eq!(&messages(objects.as_bytes()), &expected);
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
            let _ = read(&bytes);
            let _ = read(&gzip(&bytes));
            let _ = read(&[b"{\"message\":", &bytes[..]].concat());
            let _ = read(&[&[0x1f, 0x8b, 8, 0][..], &bytes].concat());
        }

        #[test]
        fn json_like_text_never_panics(text in "[\\[\\]{}\":,\\\\ a1\n]{0,80}") {
            let _ = read(text.as_bytes());
            let _ = read(format!("{{\"logEvents\":[{{\"message\":\"{text}").as_bytes());
        }
    }
}
