//! Event of the S3 function: the new objects, and the messages that name each object.
//!
//! A notice arrives in many wrappings: directly from S3, as text in a message of SQS, in an envelope of SNS inside of the
//! message (or raw), or as an event of EventBridge, directly or queued. The keys of a wrapping tell the kind.
//!
//! Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure"; Amazon SNS
//! Developer Guide, "HTTP/HTTPS notification JSON format"; AWS Lambda Developer Guide, "Using Lambda with Amazon SQS".

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::key::decoded;
use super::notice::{
    BACKFILL_EVENT, MAJOR_VERSION, NoticeMessage, ObjectNotice, ObjectRef, TriggerError, shown,
};
use crate::export_time;
use crate::queue::QueueAttributes;

/// Most documents within each other, without the queue: AWS makes two, an envelope of SNS around the notice.
const MOST_DOCUMENTS: u8 = 3;

/// Most octets of the name of a bucket: 63, and 255 for those of before 2018.
const LONGEST_BUCKET: usize = 255;

/// Most octets of a key; versions and entity tags are shorter.
const LONGEST_KEY: usize = 1_024;

/// Event of the S3 function.
#[derive(Debug, PartialEq, Eq)]
pub enum S3Event {
    /// Messages of a queue, each with an outcome.
    Queue(Vec<NoticeMessage>),
    /// S3, SNS or EventBridge without a queue: all or nothing.
    Direct(Vec<ObjectNotice>),
}

impl S3Event {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// A fault of the event as a whole. Each message of a queue has an outcome.
    pub fn read(event: &str) -> Result<Self, TriggerError> {
        let document: WrapperFields<'_> = parse(event)?;
        let is_queue = |record: &RecordSourceFields<'_>| record.source() == Some("aws:sqs");
        let records = document.records.iter().flatten();
        let envelopes: Vec<RecordSourceFields<'_>> = records
            .map(|record| parse(record.get()))
            .collect::<Result<_, _>>()?;
        if envelopes.is_empty() || !envelopes.iter().all(is_queue) {
            return notices(event, MOST_DOCUMENTS).map(Self::Direct);
        }
        let messages = envelopes.into_iter().map(|message| {
            let content = notices(message.body.as_deref().unwrap_or_default(), MOST_DOCUMENTS);
            NoticeMessage::new(message.message_id, message.attributes, content)
        });
        Ok(Self::Queue(messages.collect()))
    }
}

/// Keys that tell wrappings apart.
#[derive(Deserialize)]
struct WrapperFields<'a> {
    /// Key of S3, SNS and SQS.
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<&'a RawValue>>,
    /// Key of S3's test message to a new destination.
    #[serde(borrow, rename = "Event")]
    event: Option<Cow<'a, str>>,
    /// Key of the envelope of SNS: the notice as text.
    #[serde(borrow, rename = "Message")]
    message: Option<Cow<'a, str>>,
    /// Key of EventBridge.
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    /// Time of an event of EventBridge.
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
}

/// Keys that tell the service of a record, and the wrapping of SQS or SNS.
#[derive(Deserialize)]
struct RecordSourceFields<'a> {
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<Cow<'a, str>>,
    /// Spelling of SNS.
    #[serde(borrow, rename = "EventSource")]
    sns_source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "messageId")]
    message_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attributes: Option<QueueAttributes<'a>>,
    #[serde(borrow, rename = "Sns")]
    sns: Option<SnsMessage<'a>>,
}

#[derive(Deserialize)]
struct SnsMessage<'a> {
    #[serde(borrow, rename = "Message")]
    message: Cow<'a, str>,
}

impl RecordSourceFields<'_> {
    fn source(&self) -> Option<&str> {
        self.event_source.as_deref().or(self.sns_source.as_deref())
    }
}

/// Record of S3.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Record<'a> {
    #[serde(borrow)]
    event_version: Cow<'a, str>,
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    #[serde(borrow)]
    event_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    s3: S3Fields<'a>,
}

/// Bucket and object, in a record of S3 and in the detail of EventBridge.
#[derive(Deserialize)]
struct S3Fields<'a> {
    #[serde(borrow)]
    bucket: BucketFields<'a>,
    #[serde(borrow)]
    object: ObjectFields<'a>,
}

#[derive(Deserialize)]
struct BucketFields<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ObjectFields<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    size: Option<u64>,
    #[serde(borrow, rename = "eTag", alias = "etag")]
    etag: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "versionId", alias = "version-id")]
    version: Option<Cow<'a, str>>,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, TriggerError> {
    serde_json::from_str(text).map_err(|error| TriggerError::Damaged {
        line: error.line(),
        column: error.column(),
        reason: shown(
            error
                .to_string()
                .split(" at line ")
                .next()
                .unwrap_or_default(),
        ),
    })
}

/// Notices in a document, in any wrapping.
fn notices(text: &str, documents: u8) -> Result<Vec<ObjectNotice>, TriggerError> {
    let inner = documents.checked_sub(1).ok_or(TriggerError::Unknown)?;
    let document: WrapperFields<'_> = parse(text)?;
    if document.event.as_deref() == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    if let Some(records) = document.records {
        let mut all = Vec::new();
        for record in records {
            let envelope: RecordSourceFields<'_> = parse(record.get())?;
            match (envelope.source(), &envelope.sns) {
                (Some("aws:s3"), _) => all.push(from_s3(record.get())?),
                (Some("aws:sns"), Some(sns)) => all.extend(notices(&sns.message, inner)?),
                _ => return Err(TriggerError::Unknown),
            }
        }
        return Ok(all);
    }
    match (document.source.as_deref(), document.detail) {
        (Some("aws.s3"), Some(detail)) => {
            if document.detail_type.as_deref() != Some("Object Created") {
                return Ok(vec![ObjectNotice::Other]);
            }
            // EventBridge does not encode the key.
            let fields: S3Fields<'_> = parse(detail.get())?;
            let key = fields.object.key.clone().into_owned();
            let notice = fields.object(key, document.time.as_deref());
            return notice.map(|object| vec![ObjectNotice::Created(object)]);
        }
        (Some(_), _) => return Err(TriggerError::Unknown),
        _ => {}
    }
    match document.message {
        Some(message) => notices(&message, inner),
        None => Err(TriggerError::Unknown),
    }
}

fn from_s3(record: &str) -> Result<ObjectNotice, TriggerError> {
    let record: S3Record<'_> = parse(record)?;
    if record.event_version.split('.').next() != Some(MAJOR_VERSION) {
        return Err(TriggerError::Version(shown(&record.event_version)));
    }
    // Notices have no `s3:` in front, as the configuration has; but AWS does not promise that.
    let name = record.event_name.trim_start_matches("s3:");
    if !name.starts_with("ObjectCreated:") {
        return Ok(ObjectNotice::Other);
    }
    let key = decoded(&record.s3.object.key)?;
    let is_backfill = name == BACKFILL_EVENT;
    let object = record.s3.object(key, record.event_time.as_deref())?;
    Ok(ObjectNotice::Created(ObjectRef {
        is_backfill,
        ..object
    }))
}

impl S3Fields<'_> {
    fn object(self, key: String, time: Option<&str>) -> Result<ObjectRef, TriggerError> {
        if self.bucket.name.is_empty() || key.is_empty() {
            return Err(TriggerError::Nameless);
        }
        let (version, etag) = (&self.object.version, &self.object.etag);
        for (what, text, most) in [
            ("name of a bucket", Some(&*self.bucket.name), LONGEST_BUCKET),
            ("key", Some(&*key), LONGEST_KEY),
            ("version", version.as_deref(), LONGEST_KEY),
            ("entity tag", etag.as_deref(), LONGEST_KEY),
        ] {
            if text.is_some_and(|text| text.len() > most) {
                return Err(TriggerError::TooLong(what, most));
            }
        }
        let given =
            |text: Option<Cow<'_, str>>| text.filter(|text| !text.is_empty()).map(Cow::into_owned);
        Ok(ObjectRef {
            bucket: self.bucket.name.into_owned(),
            key,
            size: self.object.size,
            version: given(self.object.version),
            etag: given(self.object.etag),
            is_backfill: false,
            time: time.and_then(milliseconds),
        })
    }
}

/// Time in milliseconds since 1970, as AWS writes times in notices: `2026-11-29T05:00:00.000Z`.
fn milliseconds(text: &str) -> Option<u64> {
    let (time, rest) = export_time::time(text.as_bytes())?;
    (rest == b"Z").then_some(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const KEY: &str = "AWSLogs/aws-account-id=123456789012/year=2026/a b.log.gz";
    const ENCODED: &str = "AWSLogs/aws-account-id%3D123456789012/year%3D2026/a+b.log.gz";

    fn record(key: &str) -> serde_json::Value {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventName": "ObjectCreated:Put", "eventTime": "2026-11-29T01:02:03.000Z",
            "s3": {
                "s3SchemaVersion": "1.0", "bucket": {"name": "flows", "arn": "arn:aws:s3:::flows"},
                "object": {"key": key, "size": 1024, "eTag": "e1", "versionId": "v1", "sequencer": "0A1B"}
            }
        })
    }

    fn from_s3(key: &str) -> String {
        json!({"Records": [record(key)]}).to_string()
    }

    fn from_event_bridge() -> String {
        json!({
            "version": "0", "id": "1", "detail-type": "Object Created", "source": "aws.s3",
            "account": "123456789012", "region": "eu-central-1", "time": "2026-11-29T01:02:03Z", "resources": ["arn:aws:s3:::flows"],
            "detail": {
                "version": "0", "bucket": {"name": "flows"}, "reason": "PutObject",
                "object": {"key": KEY, "size": 1024, "etag": "e1", "version-id": "v1", "sequencer": "0A1B"}
            }
        })
        .to_string()
    }

    fn in_sns(notice: &str) -> String {
        json!({"Type": "Notification", "MessageId": "1", "Subject": "Amazon S3 Notification", "Message": notice})
            .to_string()
    }

    fn in_sqs(bodies: &[&str]) -> String {
        let message = |(number, body): (usize, &&str)| {
            json!({"messageId": format!("m{number}"), "receiptHandle": "r", "body": body,
                   "attributes": {"SentTimestamp": "1795255200000", "ApproximateReceiveCount": "2"},
                   "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:1:q"})
        };
        let messages: Vec<_> = bodies.iter().enumerate().map(message).collect();
        json!({"Records": messages}).to_string()
    }

    fn object() -> ObjectNotice {
        ObjectNotice::Created(ObjectRef {
            bucket: "flows".into(),
            key: KEY.into(),
            size: Some(1024),
            version: Some("v1".into()),
            etag: Some("e1".into()),
            is_backfill: false,
            time: Some(1_795_914_123_000),
        })
    }

    #[test]
    fn names_longer_than_those_of_s3_are_refused_and_the_longest_are_not() {
        let read = |member: &str, octets: usize| {
            let mut record = record(ENCODED);
            let object = &mut record["s3"];
            object
                .pointer_mut(member)
                .expect("a member")
                .clone_from(&"k".repeat(octets).into());
            S3Event::read(&json!({"Records": [record]}).to_string())
        };
        for (member, what, most) in [
            ("/bucket/name", "name of a bucket", 255),
            ("/object/key", "key", 1_024),
            ("/object/versionId", "version", 1_024),
            ("/object/eTag", "entity tag", 1_024),
        ] {
            assert!(
                matches!(read(member, most), Ok(S3Event::Direct(_))),
                "{member}"
            );
            assert_eq!(
                read(member, most + 1),
                Err(TriggerError::TooLong(what, most))
            );
        }
    }

    #[test]
    fn a_notice_of_a_backfill_is_told_from_that_of_s3() {
        for (name, is_backfill) in [("ObjectCreated:Put", false), (BACKFILL_EVENT, true)] {
            let mut record = record(ENCODED);
            record["eventName"] = name.into();
            let event = json!({"Records": [record]}).to_string();
            let Ok(S3Event::Direct(notices)) = S3Event::read(&event) else {
                panic!("{name}: a notice");
            };
            let [ObjectNotice::Created(object)] = &notices[..] else {
                panic!("{name}: an object");
            };
            assert_eq!(object.is_backfill, is_backfill, "{name}");
        }
    }

    #[test]
    fn a_notice_is_the_same_in_every_wrapping() {
        let from_s3 = from_s3(ENCODED);
        let from_sns = json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": from_s3}}]});
        for event in [from_s3.clone(), from_event_bridge(), from_sns.to_string()] {
            assert_eq!(
                S3Event::read(&event),
                Ok(S3Event::Direct(vec![object()])),
                "{event}"
            );
        }
        for body in [
            from_s3.clone(),
            in_sns(&from_s3),
            from_event_bridge(),
            in_sns(&from_event_bridge()),
        ] {
            let message = NoticeMessage {
                id: "m0".into(),
                sent: Some(1_795_255_200_000),
                receive_count: Some(2),
                content: Ok(vec![object()]),
            };
            let read = S3Event::read(&in_sqs(&[&body]));
            assert_eq!(read, Ok(S3Event::Queue(vec![message])), "{body}");
        }
    }

    #[test]
    fn the_test_message_of_a_new_destination_is_acknowledged() {
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-01T00:00:00.000Z",
            "Bucket": "flows", "RequestId": "1", "HostId": "2"})
        .to_string();
        assert_eq!(S3Event::read(&test), Ok(S3Event::Direct(Vec::new())));
        let Ok(S3Event::Queue(messages)) = S3Event::read(&in_sqs(&[&test, &in_sns(&test)])) else {
            panic!("a queue");
        };
        assert!(
            messages
                .iter()
                .all(|message| message.content == Ok(Vec::new()))
        );
    }

    #[test]
    fn other_events_of_the_bucket_are_not_this_functions_business() {
        let removed = from_s3("a").replace("ObjectCreated:Put", "ObjectRemoved:Delete");
        assert_eq!(
            S3Event::read(&removed),
            Ok(S3Event::Direct(vec![ObjectNotice::Other]))
        );
        let deleted = from_event_bridge().replace("Object Created", "Object Deleted");
        assert_eq!(
            S3Event::read(&deleted),
            Ok(S3Event::Direct(vec![ObjectNotice::Other]))
        );
    }

    #[test]
    fn a_bad_message_does_not_spoil_the_others() {
        let good = from_s3(ENCODED);
        let event = in_sqs(&[
            "hello",
            &good,
            "{\"hello\": 1}",
            "{\"Records\": [{\"eventSource\": \"aws:s3\"}]}",
        ]);
        let Ok(S3Event::Queue(messages)) = S3Event::read(&event) else {
            panic!("a queue");
        };
        assert_eq!(messages[1].content, Ok(vec![object()]));
        assert!(matches!(
            messages[0].content,
            Err(TriggerError::Damaged { .. })
        ));
        assert_eq!(messages[2].content, Err(TriggerError::Unknown));
        assert!(matches!(
            messages[3].content,
            Err(TriggerError::Damaged { .. })
        ));
    }

    #[test]
    fn what_is_no_event_of_s3_is_named_so() {
        for event in [
            "{}",
            "{\"awslogs\": {\"data\": \"\"}}",
            "{\"Records\": [{\"eventSource\": \"aws:kinesis\"}]}",
            "{\"source\": \"aws.ec2\", \"detail-type\": \"x\", \"detail\": {}}",
        ] {
            assert_eq!(S3Event::read(event), Err(TriggerError::Unknown), "{event}");
        }
        let endless = in_sns(&in_sns(&in_sns(&in_sns(&from_s3("a")))));
        assert_eq!(S3Event::read(&endless), Err(TriggerError::Unknown));
        assert!(matches!(
            S3Event::read("[1"),
            Err(TriggerError::Damaged { .. })
        ));
    }

    #[test]
    fn another_major_version_is_refused_and_a_minor_one_is_not() {
        let version = |version: &str| {
            S3Event::read(&from_s3(ENCODED).replace("\"2.1\"", &format!("\"{version}\"")))
        };
        assert_eq!(version("2.9"), Ok(S3Event::Direct(vec![object()])));
        assert_eq!(version("3.0"), Err(TriggerError::Version("3.0".into())));
    }

    #[test]
    fn a_notice_without_a_name_is_named_so() {
        for event in [from_s3(""), from_s3("a").replace("\"flows\"", "\"\"")] {
            assert_eq!(S3Event::read(&event), Err(TriggerError::Nameless));
        }
    }

    #[test]
    fn what_is_said_of_a_damaged_event_is_one_line_of_bounded_length() {
        let long = from_s3("a").replace("1024", &format!("\"{}\"", "x\\n".repeat(100_000)));
        let error = S3Event::read(&long).expect_err("no size");
        let text = error.to_string();
        assert!(text.len() < 300 && !text.contains('\n'), "{text}");
    }

    proptest! {
        #[test]
        fn no_event_is_a_panic(text in "[\\[\\]{}\":,\\\\ a1\n]{0,80}", cut in any::<prop::sample::Index>()) {
            let _ = S3Event::read(&text);
            let _ = S3Event::read(&in_sqs(&[&text, &in_sns(&text)]));
            let event = in_sqs(&[&from_event_bridge(), &in_sns(&from_s3(ENCODED))]);
            let at = cut.index(event.len());
            let _ = S3Event::read(&event[..at]);
            let _ = S3Event::read(&format!("{}{text}{}", &event[..at], &event[at..]));
        }
    }
}
