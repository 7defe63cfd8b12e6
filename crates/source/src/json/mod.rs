//! JSON stage: a whole document → kind of the document, and log events as borrowed octets.
//!
//! [`JsonParser::parse`] checks a document to the last brace before answering with a [`JsonDocument`]. Two readers fill the
//! same [`DocumentSpans`]: `scan.rs` is the fast path for payloads in the exact form of CloudWatch Logs, `visit.rs` is the
//! slow twin, reads any JSON, and yields the errors. `payload.rs` hands the events on.
//!
//! Keys may come in any order, unknown keys are skipped, and a known key with a value of another type counts as absent:
//! foreign senders use these words differently. Only a `message` must be text, and an event must have one.

mod payload;
mod scan;
mod spans;
mod visit;

use serde_json::error::Category;

pub use payload::Payload;
pub(crate) use spans::LARGEST;
use spans::{DocumentSpans, Span, SpanTexts};

use crate::error::{JsonFault, UnpackError};
use crate::lines::{DeliveredLine, LineOrigin};
use crate::memory::release;

/// Kind of a JSON document.
#[derive(Debug)]
pub(crate) enum JsonDocument<'a> {
    /// Test of the destination by CloudWatch Logs.
    Control,
    /// Decoded subscription payload.
    Subscription(Payload<'a>),
    /// Output of `aws logs filter-log-events` or `get-log-events`.
    CommandLine(Payload<'a>),
    /// A `{"message": …}` object, or a JSON string in a list.
    Message(DeliveredLine<'a>),
    /// JSON of another kind.
    Unknown,
}

/// Parses documents into reused lists.
#[derive(Debug, Default)]
pub(crate) struct JsonParser {
    spans: DocumentSpans,
}

impl JsonParser {
    /// Parses a whole document; only whitespace may follow. Positions in errors count in `json`.
    pub(crate) fn parse<'a>(&'a mut self, json: &'a [u8]) -> Result<JsonDocument<'a>, UnpackError> {
        if json.len() > LARGEST {
            return Err(UnpackError::TooLarge { limit: LARGEST });
        }
        self.spans.clear();
        let is_scanned = scan::read_spans(&mut self.spans, json);
        if !is_scanned {
            self.spans.clear();
            visit::read_spans(&mut self.spans, json).map_err(|error| UnpackError::Json {
                line: error.line(),
                column: error.column(),
                fault: match error.classify() {
                    Category::Eof => JsonFault::EndsEarly,
                    Category::Data => JsonFault::Shape,
                    Category::Syntax | Category::Io => JsonFault::Syntax,
                },
            })?;
        }
        self.document(json, is_scanned)
    }

    fn document<'a>(
        &'a self,
        json: &'a [u8],
        is_scanned: bool,
    ) -> Result<JsonDocument<'a>, UnpackError> {
        let spans = &self.spans;
        let texts = SpanTexts {
            json,
            unescaped: &spans.unescaped,
        };
        match spans.message_type.map(|kind| texts.octets(kind)) {
            Some(b"CONTROL_MESSAGE") => return Ok(JsonDocument::Control),
            Some(b"DATA_MESSAGE") if !spans.has_log_events => {
                return Err(JsonFault::MissingLogEvents.at_begin());
            }
            _ => {}
        }
        let payload = |origin| Payload::new(spans, texts, origin, is_scanned);
        if spans.has_log_events {
            let text = |span: Option<Span>| span.and_then(|span| texts.name(span));
            return Ok(JsonDocument::Subscription(payload(LineOrigin {
                owner: text(spans.owner),
                region: None,
                log_group: text(spans.log_group),
                log_stream: text(spans.log_stream),
            })));
        }
        if spans.has_events {
            return Ok(JsonDocument::CommandLine(payload(LineOrigin::default())));
        }
        Ok(match spans.message {
            Some(message) => JsonDocument::Message(DeliveredLine {
                // An `id` beside a message comes from another sender, and need not identify the event.
                id: None,
                timestamp: spans.timestamp,
                text: texts.octets(message),
            }),
            None => JsonDocument::Unknown,
        })
    }

    /// Gives back memory that only an unusually large document needed.
    pub(crate) fn release(&mut self) {
        release(&mut self.spans.events);
        release(&mut self.spans.origin_groups);
        release(&mut self.spans.unescaped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> UnpackError {
        match JsonParser::default().parse(json.as_bytes()) {
            Err(error) => error,
            Ok(_) => panic!("parsed: {json}"),
        }
    }

    fn events<'a>(payload: &Payload<'a>) -> Vec<DeliveredLine<'a>> {
        payload.events().collect()
    }

    fn messages(json: &str) -> Vec<String> {
        match JsonParser::default().parse(json.as_bytes()) {
            Ok(JsonDocument::Subscription(payload) | JsonDocument::CommandLine(payload)) => {
                let texts = events(&payload).into_iter().map(|event| event.text);
                texts
                    .map(|text| String::from_utf8_lossy(text).into_owned())
                    .collect()
            }
            Ok(_) => panic!("another kind: {json}"),
            Err(error) => panic!("{error}: {json}"),
        }
    }

    #[test]
    fn escapes_are_undone_and_texts_without_them_are_borrowed() {
        let json = r#"{"logEvents":[{"message":"2 - x"},{"message":"a\n\"b\"\\\u00e9\ud83d\ude00"},{"message":""}]}"#;
        assert_eq!(messages(json), ["2 - x", "a\n\"b\"\\é😀", ""]);

        let mut parser = JsonParser::default();
        assert!(parser.parse(json.as_bytes()).is_ok());
        assert_eq!(parser.spans.unescaped, "a\n\"b\"\\é😀".as_bytes());
    }

    #[test]
    fn keys_come_in_any_order_and_unknown_ones_are_skipped() {
        let json = r#"{"policyLevel":"ACCOUNT","logEvents":[{"extractedFields":{"srcaddr":"-","deep":[{"message":"no"}]},
            "message":"2 x","timestamp":5,"new":null,"id":"7"}],"logStream":"s","subscriptionFilters":["f"],"logGroup":"g",
            "owner":"123456789012","messageType":"DATA_MESSAGE","future":{"logEvents":[]}}"#;
        let mut parser = JsonParser::default();
        let Ok(JsonDocument::Subscription(payload)) = parser.parse(json.as_bytes()) else {
            panic!("not a subscription payload");
        };
        assert_eq!(
            payload.origin(),
            LineOrigin {
                owner: Some("123456789012"),
                region: None,
                log_group: Some("g"),
                log_stream: Some("s")
            }
        );
        let expected = DeliveredLine {
            id: Some(b"7"),
            timestamp: Some(5),
            text: b"2 x",
        };
        assert_eq!(events(&payload), [expected]);
    }

    #[test]
    fn known_keys_of_another_type_count_as_absent() {
        let json = r#"{"owner":5,"logGroup":null,"logStream":["x"],"records":{"data":1},"events":true,
            "logEvents":[{"id":7,"timestamp":"5","message":"2 x"},{"id":{},"timestamp":-1.5,"message":"2 y"}]}"#;
        let mut parser = JsonParser::default();
        let Ok(JsonDocument::Subscription(payload)) = parser.parse(json.as_bytes()) else {
            panic!("not a subscription payload");
        };
        assert_eq!(payload.origin(), LineOrigin::default());
        assert!(
            events(&payload)
                .into_iter()
                .all(|event| event.id.is_none() && event.timestamp.is_none())
        );
    }

    #[test]
    fn no_record_is_lost_by_a_key_that_comes_twice() {
        for (json, all) in [
            (
                r#"{"logEvents":[{"message":"a"}],"logEvents":[{"message":"b"}]}"#,
                ["a", "b"],
            ),
            (
                r#"{"logEvents":[{"message":"a"},{"message":"b"}],"logEvents":null}"#,
                ["a", "b"],
            ),
            (
                r#"{"events":[{"message":"a"}],"owner":"1","events":[{"message":"b"}],"owner":"2"}"#,
                ["a", "b"],
            ),
        ] {
            assert_eq!(messages(json), all, "{json}");
        }
        let central = |account: &str| {
            format!(
                r#"[{{"message":"{account}","extractedFields":{{"@aws.account":"{account}"}}}}]"#
            )
        };
        let json = format!(
            r#"{{"owner":"0","logEvents":{},"logEvents":[{{"message":"0"}}],"logEvents":{}}}"#,
            central("1"),
            central("2")
        );
        let mut parser = JsonParser::default();
        let Ok(JsonDocument::Subscription(payload)) = parser.parse(json.as_bytes()) else {
            panic!("a subscription");
        };
        let owners: Vec<_> = payload.origins().map(|origin| origin.owner).collect();
        assert_eq!(owners, [Some("1"), Some("0"), Some("2")]);
        for json in [
            r#"{"logEvents":[{"message":"a","message":"b"}]}"#,
            r#"{"message":"a","message":"b"}"#,
        ] {
            assert!(
                matches!(
                    fault(json),
                    UnpackError::Json {
                        fault: JsonFault::Shape,
                        ..
                    }
                ),
                "{json}"
            );
        }
    }

    #[test]
    fn names_longer_than_those_of_aws_are_cut_and_their_records_are_not() {
        for character in ["x", "é", "本", "😀"] {
            let long = character.repeat(1 << 20);
            let json = format!(
                r#"{{"owner":"{long}","logGroup":"{long}","logStream":"{long}","logEvents":[{{"message":"a",
                "extractedFields":{{"@aws.account":"{long}","@aws.region":"{long}","@source.log":"{long}"}}}}]}}"#
            );
            let mut parser = JsonParser::default();
            let Ok(JsonDocument::Subscription(payload)) = parser.parse(json.as_bytes()) else {
                panic!("a subscription");
            };
            assert_eq!(events(&payload).len(), 1);
            let cut = character.repeat(512);
            for origin in payload.origins().chain([payload.origin()]) {
                let names = [
                    origin.owner,
                    origin.region,
                    origin.log_group,
                    origin.log_stream,
                ];
                assert!(names.iter().flatten().all(|name| *name == cut), "{names:?}");
            }
        }
    }

    #[test]
    fn an_error_says_line_and_column() {
        assert_eq!(
            fault("{\"logEvents\":[\n{\"message\": x}]}"),
            UnpackError::Json {
                line: 2,
                column: 13,
                fault: JsonFault::Syntax
            }
        );
    }

    #[test]
    fn what_is_missing_or_too_much_is_an_error() {
        let cases = [
            (r#"{"logEvents":[{"message":"a"}]"#, JsonFault::EndsEarly),
            (r#"{"logEvents":[{"message":"a"}]}}"#, JsonFault::Syntax),
            (r#"{"logEvents":[{"message":"a"}]} {}"#, JsonFault::Syntax),
            (r#"{"logEvents":[{"id":"a"}]}"#, JsonFault::Shape),
            (r#"{"logEvents":[{"message":5}]}"#, JsonFault::Shape),
            (r#"{"logEvents":["a"]}"#, JsonFault::Shape),
            (
                r#"{"messageType":"DATA_MESSAGE"}"#,
                JsonFault::MissingLogEvents,
            ),
            ("", JsonFault::EndsEarly),
        ];
        for (json, expected) in cases {
            match fault(json) {
                UnpackError::Json { fault, .. } => assert_eq!(fault, expected, "{json}"),
                other => panic!("{other}: {json}"),
            }
        }
    }

    #[test]
    fn octets_that_are_not_utf8_stay_in_the_message() {
        let mut parser = JsonParser::default();
        let json = b"{\"logEvents\":[{\"message\":\"2 \xff\"}]}";
        let Ok(JsonDocument::Subscription(payload)) = parser.parse(json) else {
            panic!("not a subscription payload");
        };
        assert_eq!(
            events(&payload)
                .iter()
                .map(|event| event.text)
                .collect::<Vec<_>>(),
            [b"2 \xff"]
        );
    }

    #[test]
    fn nesting_neither_overflows_the_stack_nor_gets_through() {
        let deep = "[".repeat(1_000_000);
        let json = format!(r#"{{"x":{deep}"#);
        assert!(matches!(
            fault(&json),
            UnpackError::Json {
                fault: JsonFault::EndsEarly,
                ..
            }
        ));
        let closed = format!(
            r#"{{"x":{deep}{},"logEvents":[{{"message":"a"}}]}}"#,
            "]".repeat(1_000_000)
        );
        assert_eq!(messages(&closed), ["a"]);
        let known = format!(r#"{{"logEvents":{deep}"#);
        assert!(matches!(fault(&known), UnpackError::Json { .. }));
    }

    #[test]
    fn nothing_of_one_document_is_left_for_the_next() {
        let mut parser = JsonParser::default();
        let full = br#"{"owner":"1","logGroup":"g","timestamp":5,"logEvents":[{"message":"\n"}],"records":[{"data":""}]}"#;
        assert!(parser.parse(full).is_ok());
        let Ok(JsonDocument::Message(event)) = parser.parse(br#"{"message":"x"}"#) else {
            panic!("not a message");
        };
        assert_eq!((event.timestamp, event.text), (None, &b"x"[..]));
    }
}
