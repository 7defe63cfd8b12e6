//! Events of a function that hold log payloads: subscription, Kinesis, failure queue, Firehose.
//!
//! [`FunctionEvent::read`] finds the payloads in an event and the names for the function's answer: sequence numbers of
//! Kinesis records, ids of queue messages. Every payload is base64 for [`Unpacker::open`](crate::Unpacker::open), and is not
//! decoded here. Events of the S3 function are read by [`s3::S3Event`](crate::s3::S3Event).
//!
//! Captured events come in a few more wrappings, for `flowlogs replay`: the output of `aws sqs receive-message`, an
//! invocation record by itself, the record of an S3 destination for Kinesis failures, and a record below Firehose's error
//! prefix.
//!
//! Sources: Amazon CloudWatch Logs User Guide, "Log group-level subscription filters"; AWS Lambda Developer Guide, "Using
//! Lambda to process records from Amazon Kinesis Data Streams", "Using Lambda with Amazon SQS", "Retaining records of
//! asynchronous invocations" and "Retain discarded batch records".

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::error::Category;

use crate::error::{JsonFault, UnpackError};
use crate::queue::{QueueAttributes, QueueMessage};

/// Most `payload` wrappings around an event; AWS makes one, the record of an S3 destination around the event of a stream.
const WRAPPINGS: u8 = 2;

/// Error type of an invocation whose failure names targets.
const UNREACHABLE: &str = "CollectorUnreachable";

/// An event with log payloads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FunctionEvent<'a> {
    /// Subscription of a log group or an account: `awslogs.data`.
    Subscription(Cow<'a, str>),
    /// Records of a Kinesis data stream, in the order of the shard.
    Kinesis(Vec<KinesisRecord>),
    /// Messages of a failure queue.
    Queue(Vec<FailureMessage>),
    /// Record of a failed invocation, outside of a queue.
    FailureRecord(FailedInvocation),
    /// Records of a Firehose transformation, base64. No function takes this event; `flowlogs replay` and the reader of
    /// objects do.
    Firehose(Vec<String>),
}

/// Record of a Kinesis data stream.
#[derive(Debug, Clone, PartialEq)]
pub struct KinesisRecord {
    /// Sequence number, the id in a partial batch response.
    pub sequence_number: String,
    /// Shard, as in `shardId-000000000006`; empty where the event does not say.
    pub shard: String,
    /// Payload, base64.
    pub data: String,
}

/// Message of a failure queue. An error concerns this message alone.
pub type FailureMessage = QueueMessage<Result<FailedInvocation, UnpackError>>;

/// Failed asynchronous invocation, recorded by Lambda for an OnFailure destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedInvocation {
    /// Payload of the invocation, base64: `requestPayload.awslogs.data`.
    pub data: String,
    /// `responsePayload.errorType`; empty after a crash or a time-out.
    pub error_type: String,
    /// `responsePayload.errorMessage`.
    pub error_message: String,
}

impl FailedInvocation {
    /// URLs in the error of a collector that was not reached, of any scheme, in order and without repetition. A problem may
    /// quote a URL that is no target: the caller has to ignore it. Empty if the invocation failed for another reason: the
    /// payload is then due to every target.
    pub fn failed_targets(&self) -> Vec<&str> {
        let message = self.error_message.strip_prefix(UNREACHABLE);
        if self.error_type != UNREACHABLE && message.is_none() {
            return Vec::new();
        }
        let message = message.unwrap_or(&self.error_message);
        let mut targets = Vec::new();
        for word in message.split([' ', ',', ';']) {
            let word = word.trim_end_matches(':').trim_start_matches(':');
            if is_url(word) && !targets.contains(&word) {
                targets.push(word);
            }
        }
        targets
    }
}

/// Tells whether a word is a URL with a host: `tcp://collector:4739`.
fn is_url(word: &str) -> bool {
    let is_letter = |octet: u8| octet.is_ascii_lowercase();
    word.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && scheme.bytes().all(is_letter) && !host.is_empty()
    })
}

impl<'a> FunctionEvent<'a> {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// [`UnpackError::Json`]: no JSON, an event of an unknown kind, or a payload that is missing. A message of a queue has
    /// its own outcome.
    pub fn read(event: &'a str) -> Result<Self, UnpackError> {
        Self::unwrapped(event, WRAPPINGS)
    }

    fn unwrapped(event: &'a str, wrappings: u8) -> Result<Self, UnpackError> {
        let fields: EventFields<'a> = parse(event)?;
        if let Some(logs) = fields.awslogs {
            return Ok(Self::Subscription(logs.data));
        }
        if let Some(request) = fields.request_payload {
            let invocation = read_invocation(request, fields.response_payload);
            return invocation.map(Self::FailureRecord);
        }
        if let Some(records) = fields.records {
            return Self::of_records(records);
        }
        if let Some(messages) = fields.messages {
            return Ok(Self::Queue(
                messages.into_iter().map(read_message).collect(),
            ));
        }
        if let Some(records) = fields.firehose {
            let data = |record: DataField<'a>| record.data.into_owned();
            return Ok(Self::Firehose(records.into_iter().map(data).collect()));
        }
        if let Some(data) = fields.raw_data {
            return Ok(Self::Firehose(vec![data.into_owned()]));
        }
        match (fields.payload, wrappings.checked_sub(1)) {
            (Some(payload), Some(wrappings)) => {
                Ok(FunctionEvent::unwrapped(&payload, wrappings)?.into_owned())
            }
            _ => Err(JsonFault::Unknown.at_begin()),
        }
    }

    /// Records of a Kinesis stream or messages of a queue; never both.
    fn of_records(records: Vec<RecordFields<'a>>) -> Result<Self, UnpackError> {
        let all_from = |service: &str| {
            let mut sources = records.iter().map(|record| record.event_source.as_deref());
            !records.is_empty() && sources.all(|source| source == Some(service))
        };
        if all_from("aws:kinesis") {
            let records = records.into_iter().map(|record| record.kinesis());
            return records.collect::<Result<_, _>>().map(Self::Kinesis);
        }
        if all_from("aws:sqs") {
            return Ok(Self::Queue(records.into_iter().map(read_message).collect()));
        }
        Err(JsonFault::Unknown.at_begin())
    }

    fn into_owned<'b>(self) -> FunctionEvent<'b> {
        match self {
            Self::Subscription(data) => FunctionEvent::Subscription(data.into_owned().into()),
            Self::Kinesis(records) => FunctionEvent::Kinesis(records),
            Self::Queue(messages) => FunctionEvent::Queue(messages),
            Self::FailureRecord(invocation) => FunctionEvent::FailureRecord(invocation),
            Self::Firehose(records) => FunctionEvent::Firehose(records),
        }
    }
}

/// Keys that tell one event from another; the rest is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventFields<'a> {
    #[serde(borrow)]
    awslogs: Option<DataField<'a>>,
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<RecordFields<'a>>>,
    /// List of `aws sqs receive-message`.
    #[serde(borrow, rename = "Messages")]
    messages: Option<Vec<RecordFields<'a>>>,
    /// List of a Firehose transformation.
    #[serde(borrow, rename = "records")]
    firehose: Option<Vec<DataField<'a>>>,
    #[serde(borrow)]
    request_payload: Option<SubscriptionFields<'a>>,
    response_payload: Option<serde_json::Value>,
    /// Record that Firehose could not process, below its error prefix.
    #[serde(borrow)]
    raw_data: Option<Cow<'a, str>>,
    /// Whole event, as text, in the record of an S3 destination.
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct SubscriptionFields<'a> {
    #[serde(borrow)]
    awslogs: Option<DataField<'a>>,
}

#[derive(Deserialize)]
struct DataField<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// Record of Kinesis or of a queue; `aws sqs receive-message` begins keys with capitals.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordFields<'a> {
    #[serde(borrow)]
    event_source: Option<Cow<'a, str>>,
    /// Shard and sequence number, with a colon between them.
    #[serde(borrow, rename = "eventID")]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kinesis: Option<KinesisFields<'a>>,
    #[serde(borrow, alias = "MessageId")]
    message_id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "Body")]
    body: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "Attributes")]
    attributes: Option<QueueAttributes<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KinesisFields<'a> {
    #[serde(borrow)]
    sequence_number: Cow<'a, str>,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl RecordFields<'_> {
    fn kinesis(self) -> Result<KinesisRecord, UnpackError> {
        let fields = self.kinesis.ok_or(JsonFault::MissingData.at_begin())?;
        let event_id = self.event_id.unwrap_or_default();
        let shard = event_id.split_once(':').map_or("", |(shard, _)| shard);
        Ok(KinesisRecord {
            sequence_number: fields.sequence_number.into_owned(),
            shard: shard.to_owned(),
            data: fields.data.into_owned(),
        })
    }
}

fn read_message(message: RecordFields<'_>) -> FailureMessage {
    let content = read_body(&message.body.unwrap_or_default());
    QueueMessage::new(message.message_id, message.attributes, content)
}

/// Content of a queue message: an invocation record, or the bare event that somebody put into the queue.
fn read_body(text: &str) -> Result<FailedInvocation, UnpackError> {
    match FunctionEvent::unwrapped(text, 0)? {
        FunctionEvent::FailureRecord(invocation) => Ok(invocation),
        FunctionEvent::Subscription(data) => Ok(FailedInvocation {
            data: data.into_owned(),
            ..FailedInvocation::default()
        }),
        FunctionEvent::Kinesis(_) | FunctionEvent::Queue(_) | FunctionEvent::Firehose(_) => {
            Err(JsonFault::Unknown.at_begin())
        }
    }
}

fn read_invocation(
    request: SubscriptionFields<'_>,
    response: Option<serde_json::Value>,
) -> Result<FailedInvocation, UnpackError> {
    let logs = request.awslogs.ok_or(JsonFault::MissingData.at_begin())?;
    let of_response = |key: &str| {
        let text = response
            .as_ref()
            .and_then(|response| response[key].as_str());
        text.unwrap_or_default().to_owned()
    };
    Ok(FailedInvocation {
        data: logs.data.into_owned(),
        error_type: of_response("errorType"),
        error_message: of_response("errorMessage"),
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, UnpackError> {
    serde_json::from_str(text).map_err(|error| UnpackError::Json {
        line: error.line(),
        column: error.column(),
        fault: match error.classify() {
            Category::Eof => JsonFault::EndsEarly,
            Category::Data => JsonFault::MissingData,
            Category::Syntax | Category::Io => JsonFault::Syntax,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(event: &Value) -> Result<FunctionEvent<'static>, UnpackError> {
        FunctionEvent::read(&event.to_string()).map(FunctionEvent::into_owned)
    }

    fn invocation_record() -> Value {
        json!({
            "version": "1.0", "timestamp": "2026-11-28T10:00:00.000Z",
            "requestContext": {
                "requestId": "e4b46cbf", "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:f:$LATEST",
                "condition": "RetriesExhausted", "approximateInvokeCount": 3
            },
            "requestPayload": {"awslogs": {"data": "H4sI"}},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorType": "CollectorUnreachable", "errorMessage": "tcp://a:4739: connection refused"}
        })
    }

    fn failed() -> FailedInvocation {
        FailedInvocation {
            data: "H4sI".into(),
            error_type: "CollectorUnreachable".into(),
            error_message: "tcp://a:4739: connection refused".into(),
        }
    }

    fn message(body: &str) -> Value {
        json!({
            "messageId": "m1", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "attributes": {"SentTimestamp": "1795255200000", "ApproximateReceiveCount": "7"}
        })
    }

    #[test]
    fn a_subscription_is_its_data_whatever_stands_beside() {
        for event in [
            json!({"awslogs": {"data": "H4sI"}}),
            json!({"a": [1], "awslogs": {"policyLevel": "ACCOUNT", "data": "H4sI", "x": {}}, "version": 2}),
        ] {
            assert_eq!(read(&event), Ok(FunctionEvent::Subscription("H4sI".into())));
        }
    }

    #[test]
    fn records_of_kinesis_keep_what_the_answer_needs() {
        let record = json!({
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventName": "aws:kinesis:record",
            "eventID": "shardId-000000000006:4959", "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/flows",
            "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "1", "sequenceNumber": "4959",
                        "data": "H4sI", "approximateArrivalTimestamp": 1_545_084_650.987}
        });
        let expected = KinesisRecord {
            sequence_number: "4959".into(),
            shard: "shardId-000000000006".into(),
            data: "H4sI".into(),
        };
        let batch = json!({"Records": [record.clone()]});
        let expected = FunctionEvent::Kinesis(vec![expected]);
        assert_eq!(read(&batch), Ok(expected.clone()));
        // The record that an S3 destination gets when the stream's retention has ended.
        let kept =
            json!({"requestContext": {}, "KinesisBatchInfo": {}, "payload": batch.to_string()});
        assert_eq!(read(&kept), Ok(expected));
        let mixed = json!({"Records": [record, message("{}")]});
        assert_eq!(read(&mixed), Err(JsonFault::Unknown.at_begin()));
    }

    #[test]
    fn a_failure_queue_gives_payloads_and_a_bad_message_does_not_spoil_the_others() {
        let good = message(&invocation_record().to_string());
        let bare = message(r#"{"awslogs":{"data":"H4sJ"}}"#);
        let event = json!({"Records": [good, bare, message("hello"), message("{}")]});
        let Ok(FunctionEvent::Queue(messages)) = read(&event) else {
            panic!("a queue");
        };
        assert_eq!(messages[0].id, "m1");
        assert_eq!(messages[0].sent, Some(1_795_255_200_000));
        assert_eq!(messages[0].receive_count, Some(7));
        let outcomes: Vec<_> = messages
            .into_iter()
            .map(|message| message.content)
            .collect();
        assert_eq!(outcomes[0], Ok(failed()));
        assert_eq!(
            outcomes[1].as_ref().map(|bare| bare.data.as_str()),
            Ok("H4sJ")
        );
        assert!(matches!(
            outcomes[2],
            Err(UnpackError::Json {
                fault: JsonFault::Syntax,
                ..
            })
        ));
        assert_eq!(outcomes[3], Err(JsonFault::Unknown.at_begin()));
    }

    #[test]
    fn what_the_command_line_receives_from_a_queue_is_the_same() {
        let received = json!({"Messages": [{
            "MessageId": "m1", "ReceiptHandle": "r", "MD5OfBody": "0", "Body": invocation_record().to_string(),
            "Attributes": {"SentTimestamp": "1795255200000", "ApproximateReceiveCount": "7"}
        }]});
        let event = json!({"Records": [message(&invocation_record().to_string())]});
        assert_eq!(read(&received), read(&event));
        assert_eq!(
            read(&invocation_record()),
            Ok(FunctionEvent::FailureRecord(failed()))
        );
    }

    #[test]
    fn failed_targets_are_those_that_the_error_names() {
        let targets = |error_type: &str, error_message: &str| {
            let invocation = FailedInvocation {
                error_type: error_type.into(),
                error_message: error_message.into(),
                ..FailedInvocation::default()
            };
            invocation
                .failed_targets()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let both = ["tcp://a:4739", "tls://[2001:db8::1]:4740"];
        for message in [
            "tcp://a:4739, tls://[2001:db8::1]:4740",
            "CollectorUnreachable: tcp://a:4739, tls://[2001:db8::1]:4740",
            "tcp://a:4739: connection refused; tls://[2001:db8::1]:4740: no answer, tcp://a:4739",
        ] {
            assert_eq!(targets("CollectorUnreachable", message), both, "{message}");
        }
        assert_eq!(targets("", "CollectorUnreachable: tcp://a:4739"), both[..1]);
        let of_every_scheme = ["udp://a:4739", "quic://b:4739"];
        let message = "udp://a:4739: refused; quic://b:4739: no answer; :// and tcp:// are no URLs";
        assert_eq!(targets("CollectorUnreachable", message), of_every_scheme);
        assert!(targets("OutOfTime", "tcp://a:4739 was slow").is_empty());
        assert!(targets("", "").is_empty());
    }

    #[test]
    fn a_record_below_the_error_prefix_of_firehose_is_that_record() {
        let failed = json!({"attemptsMade": 4, "arrivalTimestamp": 1, "errorCode": "Lambda.FunctionError",
            "errorMessage": "x", "attemptEndingTimestamp": 2, "rawData": "MiBh", "lambdaArn": "arn"});
        assert_eq!(
            read(&failed),
            Ok(FunctionEvent::Firehose(vec!["MiBh".into()]))
        );
    }

    #[test]
    fn events_without_payloads_are_refused() {
        for (event, expected) in [
            (json!({}), JsonFault::Unknown),
            (json!({"Records": []}), JsonFault::Unknown),
            (
                json!({"Records": [{"eventSource": "aws:s3"}]}),
                JsonFault::Unknown,
            ),
            (json!({"awslogs": {}}), JsonFault::MissingData),
            (json!({"awslogs": 5}), JsonFault::MissingData),
            (
                json!({"Records": [{"eventSource": "aws:kinesis"}]}),
                JsonFault::MissingData,
            ),
            (
                json!({"requestPayload": {"Records": []}}),
                JsonFault::MissingData,
            ),
        ] {
            let outcome = read(&event);
            assert!(
                matches!(outcome, Err(UnpackError::Json { fault, .. }) if fault == expected),
                "{event}: {outcome:?}"
            );
        }
        let mut endless = json!({});
        for _ in 0..20 {
            endless = json!({"payload": endless.to_string()});
        }
        assert_eq!(read(&endless), Err(JsonFault::Unknown.at_begin()));
    }

    proptest! {
        #[test]
        fn no_event_is_a_panic(text in "[\\[\\]{}\":,\\\\ a1\n]{0,80}", cut: prop::sample::Index) {
            let _ = FunctionEvent::read(&text);
            let event = json!({"Records": [message(&text), message(&invocation_record().to_string())]}).to_string();
            let at = cut.index(event.len());
            let _ = FunctionEvent::read(&event);
            let _ = FunctionEvent::read(&event[..at]);
            let _ = FunctionEvent::read(&format!("{}{text}{}", &event[..at], &event[at..]));
        }
    }
}
