//! A stream of JSON documents → lines, document by document.
//!
//! Each document is parsed whole before its first line is handed on; the documents before one that is damaged have been
//! handed on by then.

use std::io::BufRead;

use crate::documents::Documents;
use crate::envelope::{JsonDocument, JsonEnvelope};
use crate::line_writer::LineWriter;
use crate::{JsonFault, LineOrigin, LineSink, ReadError, Unpacker, subscription};

/// Whether documents may have others inside that are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Allowed,
    /// Inside of a record: nothing packs an event of a function into another, and it would have no end.
    Refused,
}

impl Unpacker {
    pub(crate) fn documents<L: LineSink>(
        &mut self,
        input: &mut dyn BufRead,
        packed: Packed,
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        // Both are lent to one document at a time, which may need all the other buffers.
        let mut document = std::mem::take(&mut self.document);
        let mut envelope = std::mem::take(&mut self.envelope);
        let outcome = self.each_document(input, packed, &mut document, &mut envelope, delivery);
        self.document = document;
        self.envelope = envelope;
        outcome
    }

    fn each_document<L: LineSink>(
        &mut self,
        input: &mut dyn BufRead,
        packed: Packed,
        document: &mut Vec<u8>,
        envelope: &mut JsonEnvelope,
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        let mut documents = Documents::new(input, self.limit);
        while let Some(place) = documents.next(document)? {
            let parsed = envelope
                .parse(document)
                .map_err(|error| place.of_stream(error))?;
            match parsed {
                JsonDocument::Control | JsonDocument::Subscription(..) => {
                    subscription::hand_on(parsed, delivery)?;
                }
                JsonDocument::LambdaEvent(data) if packed == Packed::Allowed => {
                    self.packed_payload(data, delivery)?;
                }
                JsonDocument::Firehose(records) if packed == Packed::Allowed => {
                    self.records(records, delivery)?;
                }
                JsonDocument::CommandLine(events) => {
                    delivery.begin(&LineOrigin::default())?;
                    for event in events {
                        delivery.message(&event)?;
                    }
                }
                JsonDocument::Message(event) => {
                    delivery.begin_run()?;
                    delivery.message(&event)?;
                }
                JsonDocument::LambdaEvent(_)
                | JsonDocument::Firehose(_)
                | JsonDocument::Unknown => {
                    return Err(place.fault(JsonFault::Unknown).into());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnpackError;
    use crate::line_writer::recorded::{Call, Recorded, event, no_origin};

    fn read(json: &str) -> (Result<(), ReadError<std::convert::Infallible>>, Recorded) {
        let mut recorded = Recorded::default();
        let outcome = Unpacker::new(10_000).documents(
            &mut json.as_bytes(),
            Packed::Allowed,
            &mut LineWriter::new(&mut recorded),
        );
        (outcome, recorded)
    }

    fn calls(json: &str) -> Vec<Call> {
        let (outcome, recorded) = read(json);
        assert_eq!(outcome, Ok(()));
        recorded.0
    }

    #[test]
    fn message_objects_are_one_run_of_lines() {
        let expected = [
            no_origin(),
            event(None, None, "2 a"),
            event(None, 5, "2 b"),
            event(None, None, "2 c"),
        ];
        let objects = [
            r#"{"message":"2 a"}"#,
            r#"{"id":"x","timestamp":5,"message":"2 b","host":{}}"#,
            r#"{"timestamp":"now","message":"2 c","events":7}"#,
        ];
        for between in ["", "\n", " \r\n"] {
            assert_eq!(calls(&objects.join(between)), expected);
        }
        assert_eq!(calls(&format!("[{}]", objects.join(",\n"))), expected);
    }

    #[test]
    fn payloads_each_have_their_origin() {
        let payload = |group: &str| {
            format!(r#"{{"logGroup":"{group}","logEvents":[{{"id":"1","message":"2 x"}}]}}"#)
        };
        let control = r#"{"messageType":"CONTROL_MESSAGE","logEvents":[]}"#;
        let origin = |group: &str| Call::Origin(None, Some(group.into()), None);
        let line = || event("1", None, "2 x");
        assert_eq!(
            calls(&format!("{}{control}{}", payload("a"), payload("b"))),
            [origin("a"), line(), origin("b"), line()]
        );
    }

    #[test]
    fn a_payload_ends_a_run_of_messages() {
        let origins = calls(r#"{"message":"a"}{"logEvents":[]}{"message":"b"}{"message":"c"}"#)
            .iter()
            .filter(|call| **call == no_origin())
            .count();
        assert_eq!(origins, 3);
    }

    #[test]
    fn what_the_command_line_prints_is_read() {
        let filtered = r#"{"events":[{"logStreamName":"eni-1-all","timestamp":1571081770000,"message":"2 a",
            "ingestionTime":1571081780000,"eventId":"35"}],"searchedLogStreams":[],"nextToken":"x"}"#;
        let got = r#"{"events":[{"timestamp":1571081770000,"message":"2 a","ingestionTime":1571081780000}],
            "nextForwardToken":"f/1","nextBackwardToken":"b/1"}"#;
        assert_eq!(
            calls(filtered),
            [no_origin(), event("35", 1_571_081_770_000, "2 a")]
        );
        assert_eq!(
            calls(got),
            [no_origin(), event(None, 1_571_081_770_000, "2 a")]
        );
        // `--query 'events[].message'`
        assert_eq!(
            calls(r#"["2 a","2 b\n"]"#)[1..],
            [event(None, None, "2 a"), event(None, None, "2 b")]
        );
    }

    #[test]
    fn an_error_has_its_place_in_the_stream_and_the_lines_before_it_are_handed_on() {
        let cases = [
            (
                "{\"message\":\"a\"}\n {\"message\":x}",
                2,
                13,
                JsonFault::Syntax,
            ),
            (
                "{\"message\":\"a\"} {\n \"message\":x}",
                2,
                12,
                JsonFault::Syntax,
            ),
            ("{\"message\":\"a\"}\n{\"x\":5}", 2, 1, JsonFault::Unknown),
            (
                "{\"message\":\"a\"}\n{\"message\":\"b",
                2,
                14,
                JsonFault::EndsEarly,
            ),
        ];
        for (json, line, column, fault) in cases {
            let (outcome, recorded) = read(json);
            assert_eq!(
                outcome,
                Err(UnpackError::Json {
                    line,
                    column,
                    fault
                }
                .into()),
                "{json}"
            );
            assert_eq!(recorded.messages(), ["a"]);
        }
    }
}
