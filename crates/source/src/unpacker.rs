//! The two entry points of the crate: [`Unpacker::open`] for a subscription payload, [`Unpacker::read`] for any stream.
//!
//! This file recognises the content of a stream and inflates compressed content; `text.rs` and `document_lines.rs` read
//! plain content, and `subscription.rs` opens a payload.

use std::io::{self, BufRead, BufReader, Read};

use crate::buffers::{Buffers, ContentBuffers, LayerBuffers, PayloadBuffers};
use crate::content::{Content, HEAD};
use crate::document_lines::hand_on_documents;
use crate::error::{ReadError, UnpackError};
use crate::inflate::{Compression, InflatingReader};
use crate::json::LARGEST;
use crate::line_writer::LineWriter;
use crate::lines::{LineOrigin, LineSink, ReadSummary};
use crate::peeked::PeekedReader;
use crate::subscription::OpenedPayload;
use crate::text;

/// Most octets that are read, and inflated, at a time.
const CHUNK: usize = 64 * 1024;

/// Largest compressed stream to inflate at once, in octets, which takes two thirds of the time of inflating in chunks.
const PACKED_AT_ONCE: usize = 1 << 20;

/// Largest inflated size of a stream inflated at once, in octets.
const PLAIN_AT_ONCE: usize = 16 << 20;

/// Unpacks payloads, files and objects in reused buffers.
///
/// A process needs a single unpacker. An unpacker keeps no state of earlier input: an error in a payload does not touch the
/// next.
#[derive(Debug)]
pub struct Unpacker {
    limit: usize,
    buffers: Buffers,
}

impl Unpacker {
    /// Unpacker with a limit of `limit` octets (never more than 2 GiB − 1) of inflated data in a buffer. All buffers
    /// together take a few times as much, and up to 2 MiB of compressed octets.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.min(LARGEST),
            buffers: Buffers::default(),
        }
    }

    /// Unpacks and checks a subscription payload, base64 of gzip (or zlib, or neither) of JSON: the `awslogs.data` of a
    /// subscription event, or a payload of another [`FunctionEvent`](crate::FunctionEvent). The payload can be inspected,
    /// and handed on any number of times.
    ///
    /// # Errors
    /// [`UnpackError::Base64`], [`UnpackError::Gzip`], [`UnpackError::TooLarge`] or [`UnpackError::Json`].
    pub fn open(&mut self, base64_data: &[u8]) -> Result<OpenedPayload<'_>, UnpackError> {
        self.buffers.release();
        self.buffers.payload.open(base64_data, self.limit)
    }

    /// Reads a stream to the end, recognised by content. Known are
    ///
    /// - text of lines, with or without a header line, and exports of CloudWatch Logs (an ISO time before each line);
    /// - decoded subscription payloads;
    /// - `{"message":…}` objects, as written by Firehose and log forwarders;
    /// - the JSON of `aws logs filter-log-events` and `aws logs get-log-events`;
    /// - every [`FunctionEvent`](crate::FunctionEvent);
    /// - any number of these JSON documents directly after each other, on lines, or in a JSON array;
    /// - each of these compressed with gzip (of any number of members) or zlib, once or twice;
    /// - an empty stream: a success without lines.
    ///
    /// A UTF-8 byte order mark is skipped. Text is a stream of any length; a JSON document must be within the limit and is
    /// parsed whole before the first line is handed on.
    ///
    /// # Errors
    /// [`ReadError::Unpack`] is [`UnpackError::Parquet`] or [`UnpackError::Unrecognised`] for content without lines, otherwise
    /// the error of the stage that failed. The lines before the fault were handed on by then; of damaged compressed text,
    /// the lines up to the last whole block before the fault. [`ReadError::Sink`] is the error of `sink`.
    pub fn read<R: Read, L: LineSink>(
        &mut self,
        input: R,
        sink: &mut L,
    ) -> Result<ReadSummary, ReadError<L::Error>> {
        let mut writer = LineWriter::new(sink);
        let input = UninterruptedReader {
            input,
            ended: false,
        };
        let mut input = BufReader::with_capacity(CHUNK, input);
        let Buffers {
            layers,
            content,
            payload,
        } = &mut self.buffers;
        let mut reading = StreamReading {
            limit: self.limit,
            content,
            payload,
            writer: &mut writer,
        };
        let outcome = reading.stream(&mut input, layers);
        self.buffers.release();
        outcome.map(|()| writer.summary())
    }
}

/// Call of [`Unpacker::read`].
struct StreamReading<'a, 'l, L> {
    limit: usize,
    content: &'a mut ContentBuffers,
    payload: &'a mut PayloadBuffers,
    writer: &'a mut LineWriter<'l, L>,
}

impl<L: LineSink> StreamReading<'_, '_, L> {
    /// Reads a stream that may be compressed as often as there are `layers`.
    fn stream(
        &mut self,
        input: &mut dyn BufRead,
        layers: &mut [LayerBuffers],
    ) -> Result<(), ReadError<L::Error>> {
        let mut head = Vec::new();
        let mut input = PeekedReader::new(input, &mut head, HEAD);
        match Content::recognise(input.head(), input.is_whole()) {
            Content::Empty => input
                .failure()
                .map_or(Ok(()), |error| Err(UnpackError::from_io(error).into())),
            Content::Compressed(compression) => match layers.split_first_mut() {
                Some((layer, inner)) => self.compressed(compression, &mut input, layer, inner),
                None => Err(UnpackError::Unrecognised.into()),
            },
            Content::Json => {
                let payload = Some(&mut *self.payload);
                hand_on_documents(&mut input, self.limit, self.content, payload, self.writer)
            }
            Content::Text => {
                let begun = self.writer.begin(&LineOrigin::default());
                begun.map_err(ReadError::Sink)?;
                text::hand_on_lines(&mut input, &mut self.content.line, self.writer)
            }
            Content::Parquet => Err(UnpackError::Parquet.into()),
            Content::Binary => Err(UnpackError::Unrecognised.into()),
        }
    }

    /// Inflates a small whole member at once, and everything else as a stream; the stream also yields the errors.
    fn compressed(
        &mut self,
        compression: Compression,
        input: &mut dyn BufRead,
        layer: &mut LayerBuffers,
        inner: &mut [LayerBuffers],
    ) -> Result<(), ReadError<L::Error>> {
        let LayerBuffers { packed, inflater } = layer;
        let packed = PeekedReader::new(input, packed, PACKED_AT_ONCE);
        let limit = self.limit.min(PLAIN_AT_ONCE);
        if packed.is_whole()
            && let Some(mut plain) = inflater.inflate_member(compression, packed.head(), limit)
        {
            return self.stream(&mut plain, inner);
        }
        let inflated = InflatingReader::new(compression, packed);
        let mut plain = BufReader::with_capacity(CHUNK, inflated);
        self.stream(&mut plain, inner)
    }
}

/// Input that repeats interrupted reads, and stays at its end: a terminal, for example, has more to read after an end.
struct UninterruptedReader<R> {
    input: R,
    ended: bool,
}

impl<R: Read> Read for UninterruptedReader<R> {
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
    use flowlogs_testing::random::Random;
    use proptest::prelude::*;

    use super::*;
    use crate::error::{GzipFault, JsonFault};
    use crate::inflate::packed::{gigabyte, gzip, zlib};
    use crate::line_writer::recorded::{Recorded, event, no_origin};

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
        assert_eq!(summary.lines, messages.len() as u64);
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
            lines: 0,
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
            b"\xff\xfe2\0 \0",
            b"PK\x03\x04",
            &gzip(gzip(gzip("2 a"))),
            &gigabyte(),
        ];
        for octets in cases {
            assert_eq!(refused(octets), UnpackError::Unrecognised);
        }
    }

    #[test]
    fn good_lines_around_an_odd_octet_are_handed_on() {
        for octet in [b"\0".as_slice(), b"\xff", b"\x07", b"\xe9"] {
            let text = [
                many_lines(2).as_bytes(),
                octet,
                b"\n",
                many_lines(200).as_bytes(),
            ]
            .concat();
            for form in [text.clone(), gzip(&text), [b"x^y\n", &text[..]].concat()] {
                let (outcome, recorded) = read(&form);
                assert!(outcome.is_ok(), "{outcome:?}");
                assert!(recorded.messages().len() >= 203);
            }
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
        let mut random = Random(1);
        let mut number = || random.below(1 << 31);
        let mut line = |_| format!("2 {:08x}{:08x}\n", number(), number());
        let uneven: String = (0..170_000).map(&mut line).collect();
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
                assert_eq!(summary.lines, handed_on.len() as u64);
                let lines = text.lines().cycle();
                assert!(
                    lines
                        .zip(&handed_on)
                        .all(|(line, message)| line == *message)
                );
                assert_eq!(handed_on.len() % text.lines().count(), 0);
            }
        }
        assert!(unpacker.buffers.layers[0].packed.capacity() <= 2 * PACKED_AT_ONCE);
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
        assert_eq!(outcome.map(|summary| summary.lines), Ok(400_000));
        assert!(unpacker.buffers.content.line.capacity() < 1000);
        assert_eq!(
            unpacker.buffers.payload.inflater.output().capacity()
                + unpacker.buffers.content.document.capacity(),
            0
        );
    }

    proptest! {
        #[test]
        fn random_lines_survive_plain_compressed_and_as_objects(
            lines in prop::collection::vec("[ -~é]{0,40}[a-z]", 0..30),
            split in any::<prop::sample::Index>(),
        ) {
            // The first line makes the content text: a random first line could begin like JSON or an export.
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
