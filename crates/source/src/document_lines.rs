//! JSON stage of a stream: document by document → lines.
//!
//! Each document is parsed whole before the first line is handed on; the documents before a damaged document have been
//! handed on by then. A document is either log events, or the event of a function with packed payloads, unpacked in turn. A
//! Firehose record holds text, documents or a payload, but no further event: no service puts an event of a function into a
//! Firehose record, and the nesting would have no end.

use std::io::BufRead;

use crate::buffers::{ContentBuffers, PayloadBuffers};
use crate::content::{Content, without_mark};
use crate::documents::DocumentStream;
use crate::error::{JsonFault, ReadError, UnpackError};
use crate::event::FunctionEvent;
use crate::json::JsonDocument;
use crate::line_writer::LineWriter;
use crate::lines::LineSink;
use crate::text;

/// Hands on the lines of every document. Without `payload` buffers, events of functions are refused.
pub(crate) fn hand_on_documents<L: LineSink>(
    input: &mut dyn BufRead,
    limit: usize,
    content: &mut ContentBuffers,
    mut payload: Option<&mut PayloadBuffers>,
    writer: &mut LineWriter<'_, L>,
) -> Result<(), ReadError<L::Error>> {
    let mut documents = DocumentStream::new(input, limit);
    while let Some(position) = documents.next(&mut content.document)? {
        let parsed = content.parser.parse(&content.document);
        match parsed.map_err(|error| position.in_stream(error))? {
            JsonDocument::Control => writer.control(),
            JsonDocument::Subscription(events) | JsonDocument::CommandLine(events) => {
                events.write_to(writer).map_err(ReadError::Sink)?;
            }
            JsonDocument::Message(event) => {
                let begun = writer.begin_run();
                begun
                    .and_then(|()| writer.message(&event))
                    .map_err(ReadError::Sink)?;
            }
            JsonDocument::Unknown => {
                let Some(payload) = payload.as_deref_mut() else {
                    return Err(position.fault(JsonFault::Unknown).into());
                };
                // The document is moved out of its buffer, because the records of the event may need the buffer.
                let document = std::mem::take(&mut content.document);
                let event = str::from_utf8(&document).map_err(|_| JsonFault::Syntax.at_begin());
                let event = event.and_then(FunctionEvent::read);
                let event = event.map_err(|error| position.in_stream(error))?;
                hand_on_event(&event, limit, content, payload, writer)?;
                drop(event);
                content.document = document;
            }
        }
    }
    Ok(())
}

/// Hands on the lines of every payload of an event, up to the first that cannot be unpacked.
fn hand_on_event<L: LineSink>(
    event: &FunctionEvent<'_>,
    limit: usize,
    content: &mut ContentBuffers,
    payload: &mut PayloadBuffers,
    writer: &mut LineWriter<'_, L>,
) -> Result<(), ReadError<L::Error>> {
    let mut hand_on = |data: &str| payload.open(data.as_bytes(), limit)?.write_to(writer);
    match event {
        FunctionEvent::Subscription(data) => hand_on(data),
        FunctionEvent::FailureRecord(invocation) => hand_on(&invocation.data),
        FunctionEvent::Kinesis(records) => {
            records.iter().try_for_each(|record| hand_on(&record.data))
        }
        FunctionEvent::Queue(messages) => messages.iter().try_for_each(|message| {
            let invocation = message.content.as_ref().map_err(Clone::clone)?;
            hand_on(&invocation.data)
        }),
        FunctionEvent::Firehose(records) => records
            .iter()
            .try_for_each(|data| hand_on_record(data.as_bytes(), limit, content, payload, writer)),
    }
}

/// Hands on the lines of a Firehose record.
///
/// A flow log with a delivery stream as destination makes a `{"message": …}` object of each line; a subscription sends the
/// payload, compressed, as a record; records put into the stream by hand are text.
fn hand_on_record<L: LineSink>(
    base64_data: &[u8],
    limit: usize,
    content: &mut ContentBuffers,
    payload: &mut PayloadBuffers,
    writer: &mut LineWriter<'_, L>,
) -> Result<(), ReadError<L::Error>> {
    let record = payload.base64.decode(base64_data)?;
    let record = match Content::recognise(record, true) {
        Content::Compressed(compression) => payload.inflater.inflate(compression, record, limit)?,
        _ => record,
    };
    let mut record = without_mark(record);
    match Content::recognise(record, true) {
        Content::Empty => Ok(()),
        Content::Json => hand_on_documents(&mut record, limit, content, None, writer),
        Content::Text => {
            writer.begin_run().map_err(ReadError::Sink)?;
            text::hand_on_lines(&mut record, &mut content.line, writer)
        }
        Content::Compressed(_) | Content::Parquet | Content::Binary => {
            Err(UnpackError::Unrecognised.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line_writer::recorded::{Call, Recorded, event, no_origin};

    fn read(json: &str) -> (Result<(), ReadError<std::convert::Infallible>>, Recorded) {
        let mut recorded = Recorded::default();
        let outcome = hand_on_documents(
            &mut json.as_bytes(),
            10_000,
            &mut ContentBuffers::default(),
            Some(&mut PayloadBuffers::default()),
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
        let origin = |group: &str| Call::Origin(None, None, Some(group.into()), None);
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

#[cfg(test)]
mod record_tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use crate::Unpacker;
    use crate::error::{GzipFault, JsonFault, ReadError, UnpackError};
    use crate::inflate::packed::{gigabyte, gzip};
    use crate::line_writer::recorded::{Call, Recorded, event, no_origin};

    const LIMIT: usize = 100_000;

    fn read(records: &[&[u8]]) -> (Option<UnpackError>, Recorded) {
        let event = json!({
            "invocationId": "i",
            "deliveryStreamArn": "arn:aws:firehose:eu-central-1:123456789012:deliverystream/s",
            "region": "eu-central-1",
            "records": records
                .iter()
                .map(|record| json!({
                    "recordId": "r",
                    "approximateArrivalTimestamp": 1_571_081_770_000_u64,
                    "data": BASE64_STANDARD.encode(record),
                }))
                .collect::<Vec<_>>(),
        })
        .to_string();
        let mut recorded = Recorded::default();
        let outcome = Unpacker::new(LIMIT).read(event.as_bytes(), &mut recorded);
        let error = match outcome {
            Ok(_) => None,
            Err(ReadError::Unpack(error)) => Some(error),
            Err(ReadError::Sink(never)) => match never {},
        };
        (error, recorded)
    }

    #[test]
    fn records_may_be_message_objects_text_and_payloads() {
        let payload =
            gzip(r#"{"owner":"1","logEvents":[{"id":"7","timestamp":5,"message":"2 c"}]}"#);
        let control = gzip(r#"{"messageType":"CONTROL_MESSAGE","logEvents":[]}"#);
        let (error, recorded) = read(&[
            br#"{"message":"2 a"}"#,
            b"2 b\n",
            b"",
            &control,
            &payload,
            &gzip("2 d"),
        ]);
        assert_eq!(error, None);
        assert_eq!(
            recorded.0,
            [
                no_origin(),
                event(None, None, "2 a"),
                event(None, None, "2 b"),
                Call::Origin(Some("1".into()), None, None, None),
                event("7", 5, "2 c"),
                no_origin(),
                event(None, None, "2 d"),
            ]
        );
    }

    #[test]
    fn a_damaged_record_ends_it_with_nothing_of_that_record() {
        let mut damaged = gzip(r#"{"logEvents":[{"message":"2 b"}]}"#);
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        let (error, recorded) = read(&[b"2 a", &damaged]);
        let position = damaged.len() as u64;
        let fault = GzipFault::Damaged;
        assert_eq!(error, Some(UnpackError::Gzip { position, fault }));
        assert_eq!(recorded.messages(), ["2 a"]);
    }

    #[test]
    fn a_bomb_in_a_record_stops_at_the_limit() {
        let bomb = &gigabyte()[..50_000];
        assert_eq!(
            read(&[bomb]).0,
            Some(UnpackError::TooLarge { limit: LIMIT })
        );
    }

    #[test]
    fn records_do_not_nest() {
        for inner in [
            r#"{"records":[{"data":"MiBh"}]}"#,
            r#"{"awslogs":{"data":"MiBh"}}"#,
        ] {
            let error = read(&[inner.as_bytes()]).0;
            assert!(
                matches!(
                    error,
                    Some(UnpackError::Json {
                        fault: JsonFault::Unknown,
                        ..
                    })
                ),
                "{error:?}"
            );
        }
    }
}
