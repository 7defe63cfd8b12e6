//! The JSON stage: one document → what kind it is, and its events as borrowed octets.
//!
//! The seam is [`JsonEnvelope::parse`]: it takes a whole document, checks it to its last brace, and only then answers with
//! a [`JsonDocument`] from which events can be visited. Events are kept as [`Span`]s in reused lists, so that a document
//! whose messages have no escapes costs no allocation; texts with escapes are kept unescaped in a buffer beside it.
//!
//! Keys may come in any order, unknown ones are skipped, and a known one with a value of another type counts as absent:
//! other senders mean other things by such words. Only texts that make an event (`message`, and `data` of a record)
//! must be there.

mod forward;
mod visit;

use serde_json::error::Category;

use crate::{JsonFault, LineOrigin, LogEvent, UnpackError};

/// The largest document, in octets: positions have 31 bits, and one to say which buffer they are in.
pub(crate) const LARGEST: usize = (1 << 31) - 1;

/// What a JSON document is.
pub(crate) enum JsonDocument<'a> {
    /// What CloudWatch Logs sends to see whether the destination is there.
    Control,
    /// A decoded subscription payload.
    Subscription(LineOrigin<'a>, Events<'a>),
    /// The event of a function: a subscription payload in base64.
    LambdaEvent(&'a [u8]),
    /// The output of `aws logs filter-log-events` or `get-log-events`.
    CommandLine(Events<'a>),
    /// The event of a Firehose transformation: records in base64.
    Firehose(Records<'a>),
    /// A `{"message": …}` object, or a JSON string in a list.
    Message(LogEvent<'a>),
    /// JSON, and nothing that is known.
    Unknown,
}

/// Parses documents into lists that are kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct JsonEnvelope {
    message_type: Option<Span>,
    owner: Option<Span>,
    log_group: Option<Span>,
    log_stream: Option<Span>,
    awslogs_data: Option<Span>,
    message: Option<Span>,
    timestamp: Option<u64>,
    has_log_events: bool,
    has_events: bool,
    has_records: bool,
    events: Vec<EventSpans>,
    /// No message has an octet in it that could end a line.
    has_lines: bool,
    records: Vec<Span>,
    /// Texts that had escapes, one after the other.
    unescaped: Vec<u8>,
    /// Where the document begins in memory, to turn borrowed texts into positions.
    base: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventSpans {
    /// Empty where there is none: an empty id identifies nothing.
    id: Span,
    /// [`NO_TIME`] where there is none: the lists of large payloads should stay in the caches.
    timestamp: u64,
    message: Span,
}

/// A time that no event has.
const NO_TIME: u64 = u64::MAX;

/// A text of the document by its position, or of the unescaped texts where the topmost bit of `start` says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    length: u32,
}

/// The topmost bit of [`Span::start`].
const UNESCAPED: u32 = 1 << 31;

impl JsonEnvelope {
    /// Parses one whole document; only whitespace may follow it. Positions in errors are those in `json`.
    pub(crate) fn parse<'a>(&'a mut self, json: &'a [u8]) -> Result<JsonDocument<'a>, UnpackError> {
        if json.len() > LARGEST {
            return Err(UnpackError::TooLarge { limit: LARGEST });
        }
        self.clear();
        self.has_lines = forward::fill(self, json);
        if !self.has_lines {
            self.clear();
            visit::fill(self, json).map_err(|error| UnpackError::Json {
                line: error.line(),
                column: error.column(),
                fault: match error.classify() {
                    Category::Eof => JsonFault::EndsEarly,
                    Category::Data => JsonFault::Shape,
                    Category::Syntax | Category::Io => JsonFault::Syntax,
                },
            })?;
        }
        self.document(json)
    }

    fn document<'a>(&'a self, json: &'a [u8]) -> Result<JsonDocument<'a>, UnpackError> {
        let texts = Texts {
            json,
            unescaped: &self.unescaped,
        };
        let events = Events {
            texts,
            spans: self.events.iter(),
            are_lines: self.has_lines,
        };
        if let Some(data) = self.awslogs_data {
            return Ok(JsonDocument::LambdaEvent(texts.octets(data)));
        }
        match self.message_type.map(|kind| texts.octets(kind)) {
            Some(b"CONTROL_MESSAGE") => return Ok(JsonDocument::Control),
            Some(b"DATA_MESSAGE") if !self.has_log_events => {
                return Err(UnpackError::Json {
                    line: 1,
                    column: 1,
                    fault: JsonFault::MissingLogEvents,
                });
            }
            _ => {}
        }
        Ok(if self.has_log_events {
            let text = |span: Option<Span>| span.and_then(|span| texts.text(span));
            let origin = LineOrigin {
                owner: text(self.owner),
                region: None,
                log_group: text(self.log_group),
                log_stream: text(self.log_stream),
            };
            JsonDocument::Subscription(origin, events)
        } else if self.has_events {
            JsonDocument::CommandLine(events)
        } else if self.has_records {
            JsonDocument::Firehose(Records {
                texts,
                spans: self.records.iter(),
            })
        } else if let Some(message) = self.message {
            JsonDocument::Message(LogEvent {
                // An `id` beside a message is some other sender's, who may use it for anything but this one event.
                id: None,
                timestamp: self.timestamp,
                message: texts.octets(message),
            })
        } else {
            JsonDocument::Unknown
        })
    }

    fn clear(&mut self) {
        let mut kept = Self {
            events: std::mem::take(&mut self.events),
            records: std::mem::take(&mut self.records),
            unescaped: std::mem::take(&mut self.unescaped),
            ..Self::default()
        };
        kept.events.clear();
        kept.records.clear();
        kept.unescaped.clear();
        *self = kept;
    }

    /// Gives memory back that only an unusually large document needed; `octets` is the most that each list keeps.
    pub(crate) fn release(&mut self, octets: usize) {
        if self.events.capacity() * size_of::<EventSpans>() > octets {
            self.events = Vec::new();
        }
        if self.records.capacity() * size_of::<Span>() > octets {
            self.records = Vec::new();
        }
        if self.unescaped.capacity() > octets {
            self.unescaped = Vec::new();
        }
    }
}

/// The two places where texts are.
#[derive(Clone, Copy)]
struct Texts<'a> {
    json: &'a [u8],
    unescaped: &'a [u8],
}

impl<'a> Texts<'a> {
    fn octets(self, span: Span) -> &'a [u8] {
        let place = if span.start & UNESCAPED == 0 {
            self.json
        } else {
            self.unescaped
        };
        let start = (span.start & !UNESCAPED) as usize;
        place
            .get(start..start + span.length as usize)
            .unwrap_or_default()
    }

    /// The text, unless it is empty: AWS writes empty texts where it has nothing to say.
    fn text(self, span: Span) -> Option<&'a str> {
        str::from_utf8(self.octets(span))
            .ok()
            .filter(|text| !text.is_empty())
    }
}

/// The events of a document in their order.
#[derive(Clone)]
pub(crate) struct Events<'a> {
    texts: Texts<'a>,
    spans: std::slice::Iter<'a, EventSpans>,
    are_lines: bool,
}

impl Events<'_> {
    /// Whether each message is known to be one line without an end.
    pub(crate) fn are_lines(&self) -> bool {
        self.are_lines
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = LogEvent<'a>;

    #[inline]
    fn next(&mut self) -> Option<LogEvent<'a>> {
        let event = self.spans.next()?;
        Some(LogEvent {
            id: (event.id.length > 0).then(|| self.texts.octets(event.id)),
            timestamp: Some(event.timestamp).filter(|&time| time != NO_TIME),
            message: self.texts.octets(event.message),
        })
    }
}

/// The base64 texts of a Firehose event in their order.
pub(crate) struct Records<'a> {
    texts: Texts<'a>,
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.spans.next().map(|&span| self.texts.octets(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> UnpackError {
        match JsonEnvelope::default().parse(json.as_bytes()) {
            Err(error) => error,
            Ok(_) => panic!("parsed: {json}"),
        }
    }

    fn messages(json: &str) -> Vec<String> {
        match JsonEnvelope::default().parse(json.as_bytes()) {
            Ok(JsonDocument::Subscription(_, events) | JsonDocument::CommandLine(events)) => events
                .map(|event| String::from_utf8_lossy(event.message).into_owned())
                .collect(),
            Ok(_) => panic!("another kind: {json}"),
            Err(error) => panic!("{error}: {json}"),
        }
    }

    #[test]
    fn escapes_are_undone_and_texts_without_them_are_borrowed() {
        let json = r#"{"logEvents":[{"message":"2 - x"},{"message":"a\n\"b\"\\\u00e9\ud83d\ude00"},{"message":""}]}"#;
        assert_eq!(messages(json), ["2 - x", "a\n\"b\"\\é😀", ""]);

        let mut envelope = JsonEnvelope::default();
        assert!(envelope.parse(json.as_bytes()).is_ok());
        assert_eq!(envelope.unescaped, "a\n\"b\"\\é😀".as_bytes());
    }

    #[test]
    fn keys_come_in_any_order_and_unknown_ones_are_skipped() {
        let json = r#"{"policyLevel":"ACCOUNT","logEvents":[{"extractedFields":{"srcaddr":"-","deep":[{"message":"no"}]},
            "message":"2 x","timestamp":5,"new":null,"id":"7"}],"logStream":"s","subscriptionFilters":["f"],"logGroup":"g",
            "owner":"123456789012","messageType":"DATA_MESSAGE","future":{"logEvents":[]}}"#;
        let mut envelope = JsonEnvelope::default();
        let Ok(JsonDocument::Subscription(origin, events)) = envelope.parse(json.as_bytes()) else {
            panic!("not a subscription payload");
        };
        assert_eq!(
            origin,
            LineOrigin {
                owner: Some("123456789012"),
                region: None,
                log_group: Some("g"),
                log_stream: Some("s")
            }
        );
        let expected = LogEvent {
            id: Some(b"7"),
            timestamp: Some(5),
            message: b"2 x",
        };
        assert_eq!(events.collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn known_keys_of_another_type_count_as_absent() {
        let json = r#"{"owner":5,"logGroup":null,"logStream":["x"],"records":{"data":1},"events":true,
            "logEvents":[{"id":7,"timestamp":"5","message":"2 x"},{"id":{},"timestamp":-1.5,"message":"2 y"}]}"#;
        let mut envelope = JsonEnvelope::default();
        let Ok(JsonDocument::Subscription(origin, events)) = envelope.parse(json.as_bytes()) else {
            panic!("not a subscription payload");
        };
        assert_eq!(origin, LineOrigin::default());
        assert!(
            events
                .into_iter()
                .all(|event| event.id.is_none() && event.timestamp.is_none())
        );
    }

    #[test]
    fn of_two_lists_of_events_the_last_counts() {
        assert_eq!(
            messages(r#"{"logEvents":[{"message":"a"}],"logEvents":[{"message":"b"}]}"#),
            ["b"]
        );
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
            (r#"{"records":[{"data":null}]}"#, JsonFault::Shape),
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
        let mut envelope = JsonEnvelope::default();
        let json = b"{\"logEvents\":[{\"message\":\"2 \xff\"}]}";
        let Ok(JsonDocument::Subscription(_, events)) = envelope.parse(json) else {
            panic!("not a subscription payload");
        };
        assert_eq!(
            events.map(|event| event.message).collect::<Vec<_>>(),
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
        let mut envelope = JsonEnvelope::default();
        let full = br#"{"owner":"1","logGroup":"g","timestamp":5,"logEvents":[{"message":"\n"}],"records":[{"data":""}]}"#;
        assert!(envelope.parse(full).is_ok());
        let Ok(JsonDocument::Message(event)) = envelope.parse(br#"{"message":"x"}"#) else {
            panic!("not a message");
        };
        assert_eq!((event.timestamp, event.message), (None, &b"x"[..]));
    }
}
