//! The way of a CloudWatch Logs subscription payload: base64 → gzip → JSON → events.
//!
//! A payload is checked as a whole (checksums, lengths, the last brace) before its first line is handed on: what fails
//! is delivered again, and half of it must not have been exported by then.

use crate::base64::Base64Decoder;
use crate::envelope::{Events, JsonDocument, JsonEnvelope, LARGEST};
use crate::inflate::{Compression, Inflater};
use crate::line_writer::LineWriter;
use crate::recognise::without_mark;
use crate::{JsonFault, LineOrigin, LineSink, ReadError, UnpackError};

/// The most that one buffer keeps between two calls, in octets; a larger one is given back after use. A payload of
/// CloudWatch Logs (at most 1 MB as base64) inflates to less, however even it is: if its room were given back, something
/// small would take a place in it before the next one comes, and the heap would grow by as much again.
const KEPT: usize = 32 * 1024 * 1024;

/// Unpacks payloads, files and objects from buffers that it keeps for the next one.
///
/// One is enough for a process; it holds no state of what it read, so that an error in one payload does not touch the
/// next.
#[derive(Debug)]
pub struct Unpacker {
    pub(crate) limit: usize,
    pub(crate) base64: Base64Decoder,
    pub(crate) inflater: Inflater,
    /// A subscription payload, however it came.
    pub(crate) payload: JsonEnvelope,
    /// What a payload was in: the event of a function, of Firehose, or a document of a stream.
    pub(crate) envelope: JsonEnvelope,
    /// One document of a stream.
    pub(crate) document: Vec<u8>,
    /// A whole compressed object.
    pub(crate) packed: Vec<u8>,
    /// What it is when it is inflated.
    pub(crate) whole: Inflater,
    /// The beginning of a line whose end has not been read.
    pub(crate) line: Vec<u8>,
}

/// What a subscription payload was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// `DATA_MESSAGE`: log events.
    Data {
        /// LineSink handed on: one for each log event, and more for an event whose message has several lines.
        events: u64,
    },
    /// `CONTROL_MESSAGE`: a test of the destination. Nothing was handed on, and the call was a success.
    Control,
}

/// A subscription payload that was unpacked and checked.
pub enum OpenedPayload<'a> {
    /// `DATA_MESSAGE`: log events.
    Data(Payload<'a>),
    /// `CONTROL_MESSAGE`: a test of the destination, without lines.
    Control,
}

/// The log events of a checked payload.
pub struct Payload<'a> {
    origin: LineOrigin<'a>,
    events: Events<'a>,
}

impl<'a> Payload<'a> {
    /// Where the lines come from.
    #[must_use]
    pub fn origin(&self) -> LineOrigin<'a> {
        self.origin
    }

    /// Origins of the lines in their order: one, unless events name their own account, region or log group. The same
    /// origin may come several times.
    pub fn origins(&self) -> impl Iterator<Item = LineOrigin<'a>> {
        std::iter::once(self.origin)
    }

    /// Hands on the origin and every line.
    ///
    /// # Errors
    /// What `lines` says; nothing is handed on after it.
    pub fn hand_on<L: LineSink>(&self, lines: &mut L) -> Result<(), L::Error> {
        let mut delivery = LineWriter::new(lines);
        let document = JsonDocument::Subscription(self.origin, self.events.clone());
        match hand_on(document, &mut delivery) {
            Err(ReadError::Sink(error)) => Err(error),
            // The payload was checked when it was opened.
            Ok(_) | Err(ReadError::Unpack(_)) => Ok(()),
        }
    }
}

impl Unpacker {
    /// An unpacker that holds at most `limit_bytes` octets (and never more than 2 GiB − 1) of unpacked data, and a few
    /// times as much in all its buffers together.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit: limit_bytes.min(LARGEST),
            base64: Base64Decoder::default(),
            inflater: Inflater::default(),
            payload: JsonEnvelope::default(),
            envelope: JsonEnvelope::default(),
            document: Vec::new(),
            packed: Vec::new(),
            whole: Inflater::default(),
            line: Vec::new(),
        }
    }

    /// Unpacks the `awslogs.data` of a subscription event: base64 of gzip (or zlib, or neither) of JSON.
    ///
    /// # Errors
    /// [`ReadError::Unpack`] before anything was handed on: [`UnpackError::Base64`], [`UnpackError::Gzip`],
    /// [`UnpackError::TooLarge`] or [`UnpackError::Json`]. [`ReadError::Sink`] when `lines` stops.
    pub fn unpack<L: LineSink>(
        &mut self,
        base64_data: &[u8],
        lines: &mut L,
    ) -> Result<Message, ReadError<L::Error>> {
        let outcome = self.packed_payload(base64_data, &mut LineWriter::new(lines));
        self.release();
        outcome
    }

    /// Unpacks the event of a function: `{"awslogs":{"data":"…"}}`, with whatever else it has.
    ///
    /// # Errors
    /// As [`unpack`](Self::unpack); [`JsonFault::MissingData`] where the event is another one.
    pub fn unpack_event<L: LineSink>(
        &mut self,
        lambda_event_json: &[u8],
        lines: &mut L,
    ) -> Result<Message, ReadError<L::Error>> {
        let mut envelope = std::mem::take(&mut self.envelope);
        let outcome = match self.parse(&mut envelope, lambda_event_json) {
            Ok(JsonDocument::LambdaEvent(data)) => {
                self.packed_payload(data, &mut LineWriter::new(lines))
            }
            Ok(_) => Err(another_document(JsonFault::MissingData)),
            Err(error) => Err(error.into()),
        };
        self.envelope = envelope;
        self.release();
        outcome
    }

    /// Unpacks a payload that is JSON already: `{"messageType":"DATA_MESSAGE","logEvents":[…]}`.
    ///
    /// # Errors
    /// As [`unpack`](Self::unpack); [`JsonFault::MissingLogEvents`] where the document is another one.
    pub fn unpack_decoded<L: LineSink>(
        &mut self,
        payload_json: &[u8],
        lines: &mut L,
    ) -> Result<Message, ReadError<L::Error>> {
        let mut payload = std::mem::take(&mut self.payload);
        let outcome = match self.parse(&mut payload, payload_json) {
            Ok(document) => hand_on(document, &mut LineWriter::new(lines)),
            Err(error) => Err(error.into()),
        };
        self.payload = payload;
        self.release();
        outcome
    }

    /// Parses what the caller holds, within the limit: lists of events grow with the document.
    fn parse<'a>(
        &self,
        envelope: &'a mut JsonEnvelope,
        json: &'a [u8],
    ) -> Result<JsonDocument<'a>, UnpackError> {
        if json.len() > self.limit {
            return Err(UnpackError::TooLarge { limit: self.limit });
        }
        envelope.parse(without_mark(json))
    }

    /// Unpacks and checks the `awslogs.data` of a subscription event, to be looked at before its lines are handed on, and
    /// handed on as often as it takes.
    ///
    /// # Errors
    /// [`UnpackError::Base64`], [`UnpackError::Gzip`], [`UnpackError::TooLarge`] or [`UnpackError::Json`].
    pub fn open(&mut self, base64_data: &[u8]) -> Result<OpenedPayload<'_>, UnpackError> {
        self.release();
        match self.packed_document(base64_data)? {
            JsonDocument::Control => Ok(OpenedPayload::Control),
            JsonDocument::Subscription(origin, events) => {
                Ok(OpenedPayload::Data(Payload { origin, events }))
            }
            _ => Err(UnpackError::Json {
                line: 1,
                column: 1,
                fault: JsonFault::MissingLogEvents,
            }),
        }
    }

    /// One payload from base64 to its last event.
    pub(crate) fn packed_payload<L: LineSink>(
        &mut self,
        base64_data: &[u8],
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<Message, ReadError<L::Error>> {
        hand_on(self.packed_document(base64_data)?, delivery)
    }

    /// One payload from base64 to checked JSON.
    fn packed_document(&mut self, base64_data: &[u8]) -> Result<JsonDocument<'_>, UnpackError> {
        let packed = self.base64.decode(base64_data)?;
        let json = match Compression::recognise(packed) {
            Some(compression) => self.inflater.inflate(compression, packed, self.limit)?,
            None if packed.trim_ascii_start().starts_with(b"{") => {
                if packed.len() > self.limit {
                    return Err(UnpackError::TooLarge { limit: self.limit });
                }
                packed
            }
            None => {
                return Err(UnpackError::Gzip {
                    position: 0,
                    fault: crate::GzipFault::NotCompressed,
                });
            }
        };
        self.payload.parse(json)
    }

    /// Gives memory back that only an unusually large input needed.
    pub(crate) fn release(&mut self) {
        self.base64.release();
        self.inflater.release();
        self.whole.release();
        release(&mut self.document);
        self.payload.release(KEPT);
        self.envelope.release(KEPT);
    }
}

/// Gives a buffer back that is larger than what is kept.
pub(crate) fn release(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
}

/// Hands on the events of a payload; any other document is an error.
pub(crate) fn hand_on<L: LineSink>(
    document: JsonDocument<'_>,
    delivery: &mut LineWriter<'_, L>,
) -> Result<Message, ReadError<L::Error>> {
    let before = delivery.summary().events;
    match document {
        JsonDocument::Control => {
            delivery.control();
            Ok(Message::Control)
        }
        JsonDocument::Subscription(origin, events) => {
            delivery.begin(&origin)?;
            if events.are_lines() {
                events
                    .into_iter()
                    .try_for_each(|event| delivery.line(&event))?;
            } else {
                events
                    .into_iter()
                    .try_for_each(|event| delivery.message(&event))?;
            }
            Ok(Message::Data {
                events: delivery.summary().events - before,
            })
        }
        _ => Err(another_document(JsonFault::MissingLogEvents)),
    }
}

fn another_document<E>(fault: JsonFault) -> ReadError<E> {
    ReadError::Unpack(UnpackError::Json {
        line: 1,
        column: 1,
        fault,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::GzipFault;
    use crate::inflate::packed::{gigabyte, gzip, zlib};
    use crate::line_writer::recorded::{Call, Recorded, event};

    const LIMIT: usize = 1 << 20;

    const PAYLOAD: &str = r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"flows",
        "logStream":"eni-1-all","subscriptionFilters":["f"],"logEvents":[
        {"id":"1","timestamp":1571081770000,"message":"2 a"},{"id":"2","timestamp":1571081771000,"message":"2 b\n"}]}"#;

    fn expected() -> [Call; 3] {
        [
            Call::Origin(
                Some("123456789012".into()),
                Some("flows".into()),
                Some("eni-1-all".into()),
            ),
            event("1", 1_571_081_770_000, "2 a"),
            event("2", 1_571_081_771_000, "2 b"),
        ]
    }

    fn base64(octets: impl AsRef<[u8]>) -> String {
        BASE64_STANDARD.encode(octets)
    }

    type Outcome = Result<Message, ReadError<std::convert::Infallible>>;

    fn unpacked(data: &str) -> (Outcome, Recorded) {
        let mut recorded = Recorded::default();
        let outcome = Unpacker::new(LIMIT).unpack(data.as_bytes(), &mut recorded);
        (outcome, recorded)
    }

    /// The error of a payload, of which nothing may have been handed on.
    fn refused(data: &str) -> UnpackError {
        let (outcome, recorded) = unpacked(data);
        assert_eq!(recorded, Recorded::default());
        match outcome {
            Err(ReadError::Unpack(error)) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn an_opened_payload_hands_on_its_lines_as_often_as_asked() {
        let mut unpacker = Unpacker::new(LIMIT);
        let data = base64(gzip(PAYLOAD.as_bytes()));
        let Ok(OpenedPayload::Data(payload)) = unpacker.open(data.as_bytes()) else {
            panic!("a payload");
        };
        assert_eq!(payload.origin().log_group, Some("flows"));
        for _ in 0..2 {
            let mut recorded = Recorded::default();
            let Ok(()) = payload.hand_on(&mut recorded);
            assert_eq!(recorded.0, expected());
        }
    }

    #[test]
    fn a_payload_is_unpacked_however_it_is_compressed() {
        let (first, second) = PAYLOAD.split_at(100);
        let forms = [
            gzip(PAYLOAD),
            zlib(PAYLOAD),
            PAYLOAD.into(),
            [gzip(first), gzip(second)].concat(),
        ];
        for form in forms {
            let (outcome, recorded) = unpacked(&base64(form));
            assert_eq!(outcome, Ok(Message::Data { events: 2 }));
            assert_eq!(recorded.0, expected());
        }
    }

    #[test]
    fn the_event_of_a_function_may_have_other_keys() {
        let data = base64(gzip(PAYLOAD));
        let events = [
            json!({"awslogs": {"data": data}}),
            json!({"a": [1], "awslogs": {"policyLevel": "ACCOUNT", "data": data, "x": {}}, "version": 2}),
        ];
        for lambda_event in events {
            let mut recorded = Recorded::default();
            let outcome = Unpacker::new(LIMIT)
                .unpack_event(lambda_event.to_string().as_bytes(), &mut recorded);
            assert_eq!(outcome, Ok(Message::Data { events: 2 }));
            assert_eq!(recorded.0, expected());
        }
    }

    #[test]
    fn the_event_of_something_else_is_refused() {
        for lambda_event in [
            "{}",
            r#"{"awslogs":{}}"#,
            r#"{"awslogs":5}"#,
            r#"{"Records":[]}"#,
        ] {
            let outcome = Unpacker::new(LIMIT)
                .unpack_event(lambda_event.as_bytes(), &mut Recorded::default());
            assert_eq!(
                outcome,
                Err(another_document(JsonFault::MissingData)),
                "{lambda_event}"
            );
        }
    }

    #[test]
    fn a_decoded_payload_is_unpacked_too() {
        for json in [PAYLOAD.to_owned(), format!("\u{feff}{PAYLOAD}\n")] {
            let mut recorded = Recorded::default();
            let outcome = Unpacker::new(LIMIT).unpack_decoded(json.as_bytes(), &mut recorded);
            assert_eq!(outcome, Ok(Message::Data { events: 2 }));
            assert_eq!(recorded.0, expected());
        }
        let outcome =
            Unpacker::new(LIMIT).unpack_decoded(br#"{"message":"x"}"#, &mut Recorded::default());
        assert_eq!(outcome, Err(another_document(JsonFault::MissingLogEvents)));
    }

    #[test]
    fn of_a_control_message_nothing_is_handed_on() {
        let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",
            "subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1498519943285,
            "message":"CWL CONTROL MESSAGE: Checking health of destination"}]}"#;
        let (outcome, recorded) = unpacked(&base64(gzip(control)));
        assert_eq!(outcome, Ok(Message::Control));
        assert_eq!(recorded, Recorded::default());
    }

    #[test]
    fn owner_log_group_and_log_stream_may_be_missing() {
        let (outcome, recorded) = unpacked(&base64(r#"{"logGroup":"","logEvents":[]}"#));
        assert_eq!(outcome, Ok(Message::Data { events: 0 }));
        assert_eq!(recorded.0, [crate::line_writer::recorded::no_origin()]);
    }

    #[test]
    fn damage_at_any_stage_is_found_before_the_first_line_is_handed_on() {
        let whole = gzip(PAYLOAD);

        let mut text = base64(&whole);
        text.replace_range(10..11, "!");
        assert_eq!(refused(&text), UnpackError::Base64 { position: 10 });

        let truncated = &whole[..whole.len() - 1];
        let position = truncated.len() as u64;
        let fault = GzipFault::Truncated;
        assert_eq!(
            refused(&base64(truncated)),
            UnpackError::Gzip { position, fault }
        );

        let mut damaged = whole.clone();
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 0xff;
        let position = damaged.len() as u64;
        let fault = GzipFault::Damaged;
        assert_eq!(
            refused(&base64(damaged)),
            UnpackError::Gzip { position, fault }
        );

        let cut = &PAYLOAD[..PAYLOAD.len() - 1];
        let error = refused(&base64(gzip(cut)));
        let fault = JsonFault::EndsEarly;
        assert!(matches!(error, UnpackError::Json { line: 3, fault: f, .. } if f == fault));
    }

    #[test]
    fn what_is_not_a_payload_is_refused_with_its_stage() {
        for text in ["", "2 123456789012"] {
            assert_eq!(
                refused(&base64(text)),
                UnpackError::Gzip {
                    position: 0,
                    fault: GzipFault::NotCompressed
                }
            );
        }
        assert!(matches!(
            refused(&base64(gzip("2 x"))),
            UnpackError::Json { .. }
        ));
        assert!(matches!(
            refused(PAYLOAD),
            UnpackError::Base64 { position: 0 }
        ));
    }

    #[test]
    fn a_payload_over_the_limit_is_refused_and_its_memory_given_back() {
        assert_eq!(
            refused(&base64(gigabyte())),
            UnpackError::TooLarge { limit: LIMIT }
        );
        let plain = format!("{PAYLOAD}{}", " ".repeat(LIMIT));
        assert_eq!(
            refused(&base64(&plain)),
            UnpackError::TooLarge { limit: LIMIT }
        );

        let mut unpacker = Unpacker::new(1 << 30);
        let large = base64(gzip(format!("{PAYLOAD}{}", " ".repeat(2 * KEPT))));
        assert!(
            unpacker
                .unpack(large.as_bytes(), &mut Recorded::default())
                .is_ok()
        );
        assert!(unpacker.inflater.output().capacity() <= KEPT);
        assert!(
            unpacker
                .unpack(base64(PAYLOAD).as_bytes(), &mut Recorded::default())
                .is_ok()
        );
    }

    #[test]
    fn buffers_are_reused_and_a_bad_payload_does_not_touch_the_next() {
        let mut unpacker = Unpacker::new(LIMIT);
        let good = base64(gzip(PAYLOAD));
        assert!(
            unpacker
                .unpack(good.as_bytes(), &mut Recorded::default())
                .is_ok()
        );
        let place = unpacker.inflater.output().as_ptr();
        assert!(
            unpacker
                .unpack(b"H4sIAAAA", &mut Recorded::default())
                .is_err()
        );

        let mut recorded = Recorded::default();
        assert!(unpacker.unpack(good.as_bytes(), &mut recorded).is_ok());
        assert_eq!(recorded.0, expected());
        assert_eq!(unpacker.inflater.output().as_ptr(), place);
    }

    proptest! {
        #[test]
        fn random_events_survive_the_way(
            events in prop::collection::vec(("[0-9]{1,56}", any::<u64>(), "[^\r\n]{0,60}"), 0..20),
            owner in "\\PC{1,12}",
            compressed in any::<bool>(),
        ) {
            let payload = json!({
                "messageType": "DATA_MESSAGE",
                "owner": owner,
                "logEvents": events
                    .iter()
                    .map(|(id, timestamp, message)| json!({"id": id, "timestamp": timestamp, "message": message}))
                    .collect::<Vec<_>>(),
            })
            .to_string();
            let (outcome, recorded) = unpacked(&base64(if compressed { gzip(payload) } else { payload.into() }));
            prop_assert_eq!(outcome, Ok(Message::Data { events: events.len() as u64 }));
            let mut expected = vec![Call::Origin(Some(owner), None, None)];
            expected.extend(
                events.into_iter().map(|(id, timestamp, message)| Call::Event(Some(id), Some(timestamp), message)),
            );
            prop_assert_eq!(recorded.0, expected);
        }

        #[test]
        fn a_damaged_payload_is_an_error_or_whole_and_never_a_panic(at in 0_usize..1000, with in any::<u8>()) {
            let mut packed = gzip(PAYLOAD);
            let at = at % packed.len();
            packed[at] = with;
            let (outcome, recorded) = unpacked(&base64(packed));
            match outcome {
                Ok(_) => prop_assert_eq!(&recorded.0[..], &expected()[..]),
                Err(_) => prop_assert_eq!(recorded, Recorded::default()),
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut unpacker = Unpacker::new(1000);
            let mut recorded = Recorded::default();
            let _ = unpacker.unpack(&bytes, &mut recorded);
            let _ = unpacker.unpack(base64(&bytes).as_bytes(), &mut recorded);
            let _ = unpacker.unpack(base64(gzip(&bytes)).as_bytes(), &mut recorded);
            let _ = unpacker.unpack_event(&bytes, &mut recorded);
            let _ = unpacker.unpack_decoded(&bytes, &mut recorded);
        }
    }
}
