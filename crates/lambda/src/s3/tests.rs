//! The function with a bucket that answers as a test wants; end to end it is tested with the real binary.

use std::io::Write;
use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;

use super::testing::{Bucket, Content};
use super::*;
use crate::config::RawConfig;
use crate::log::captured::CapturedLog;
use flowlogs_testing::parquet_writer::basic::Compression;
use flowlogs_testing::parquet_writer::{Column, Options, Stored, write};

const MINUTE: Duration = Duration::from_secs(60);

/// Text of flows, with a header line.
fn text(flows: usize) -> Vec<u8> {
    let mut text = b"srcaddr dstaddr srcport dstport protocol bytes\n".to_vec();
    for flow in 0..flows {
        let line = format!(
            "10.0.{}.{} 10.1.0.1 {} 443 6 {flow}\n",
            flow / 250 % 250,
            flow % 250,
            flow % 60_000
        );
        text.extend_from_slice(line.as_bytes());
    }
    text
}

/// Text of one flow that ended a while ago.
fn timed_text() -> Vec<u8> {
    let end = now() / 1_000 - 600;
    format!(
        "srcaddr dstaddr bytes start end\n10.0.0.1 10.0.0.2 7 {} {end}\n",
        end - 60
    )
    .into_bytes()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// Flows as Parquet, without compression so that it is large.
fn parquet(flows: usize) -> Vec<u8> {
    let column = |name: &str, stored, value: &dyn Fn(usize) -> String| Column {
        name: name.to_owned(),
        stored,
        values: (0..flows).map(|flow| Some(value(flow))).collect(),
    };
    let columns = [
        column("srcaddr", Stored::Text, &|flow| {
            format!("10.0.{}.{}", flow / 250 % 250, flow % 250)
        }),
        column("bytes", Stored::Int64, &|flow| flow.to_string()),
        column("packets", Stored::Int64, &|flow| flow.to_string()),
    ];
    let options = Options {
        compression: Compression::UNCOMPRESSED,
        dictionary: false,
        ..Options::default()
    };
    write(&columns, &options).to_vec()
}

struct Setup {
    bucket: Bucket,
    function: S3,
    _collector: UdpSocket,
}

impl Setup {
    fn new() -> Self {
        let bucket = Bucket::start();
        let collector = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let url = format!("udp://{}", collector.local_addr().expect("it is bound"));
        let function = function(&bucket, &url);
        Self {
            bucket,
            function,
            _collector: collector,
        }
    }

    /// One invocation: the answer, and the metrics line.
    async fn invoke(&mut self, event: &Value, time: Duration) -> (Result<Value, Failure>, Value) {
        let event = RawValue::from_string(event.to_string()).expect("JSON");
        let mut line = Vec::new();
        let deadline = Instant::now() + time;
        let outcome = self.function.invoke(&event, "r", deadline, &mut line).await;
        let mut metrics: Value = serde_json::from_slice(&line).expect("a metrics line");
        // The line leaves zeros out.
        for (name, _) in ObjectCounters::default().entries() {
            let value = metrics[name].as_u64().unwrap_or_default();
            metrics[name] = json!(value);
        }
        let sum = [
            "ObjectsExported",
            "ObjectsSkipped",
            "DuplicateObjects",
            "ObjectErrors",
            "ObjectsReturned",
        ]
        .iter()
        .map(|name| metrics[name].as_u64().expect("a counter"))
        .sum::<u64>();
        assert_eq!(
            metrics["ObjectsReceived"], sum,
            "every object is in one counter: {metrics}"
        );
        let answer = outcome.map(|answer| serde_json::to_value(answer).expect("JSON"));
        (answer, metrics)
    }

    /// The error of an invocation for this object alone, which has to come again.
    async fn failure(&mut self, key: &str, content: Content) -> Failure {
        self.bucket.put(key, content);
        let (outcome, metrics) = self.invoke(&direct(key, 1_000), 5 * MINUTE).await;
        assert_eq!(
            (&metrics["ObjectErrors"], &metrics["ObjectsExported"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(metrics["PayloadErrors"], Value::Null);
        outcome.expect_err("it fails")
    }

    /// The only log line and the metrics of an invocation for this object alone, which is acknowledged although it is not
    /// exported.
    async fn passed_over(&mut self, key: &str, content: Content) -> (Value, Value) {
        self.bucket.put(key, content);
        let (log, _guard) = CapturedLog::begin();
        let (outcome, metrics) = self.invoke(&queue(&[(key, 1_000)]), 5 * MINUTE).await;
        assert_eq!(returned(&outcome.expect("acknowledged")), [""; 0]);
        assert_eq!(metrics["ObjectErrors"], 1);
        let log = log.take();
        let line = log.lines().find(|line| line.contains("passed over"));
        let line: Value =
            serde_json::from_str(line.unwrap_or_else(|| panic!("{log}"))).expect("JSON");
        assert_eq!(line["level"], "ERROR");
        assert_eq!(
            (&line["fields"]["bucket"], &line["fields"]["key"]),
            (&json!("flows"), &json!(key))
        );
        (line["fields"].clone(), metrics)
    }
}

fn function(bucket: &Bucket, collector: &str) -> S3 {
    let raw = RawConfig::read(|name| match name {
        "COLLECTOR" => Some(collector.to_owned()),
        "INVENTORY" => Some("off".to_owned()),
        "LOG_FORMAT" => Some("${version} ${srcaddr}".to_owned()),
        "UDP_RATE" => Some("1000000".to_owned()),
        _ => None,
    });
    let config = Config::new(&raw).expect("right settings");
    let region = Some("eu-central-1".to_owned());
    let environment = Environment::new(config, "f".to_owned(), region).expect("no TLS");
    S3::new(environment, bucket.config())
}

fn record(key: &str, size: u64) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "flows"}, "object": {"key": key, "size": size, "eTag": "e1"}}
    })
}

fn direct(key: &str, size: u64) -> Value {
    json!({"Records": [record(key, size)]})
}

fn queue(keys: &[(&str, u64)]) -> Value {
    let message = |(key, size): &(&str, u64)| json!({"messageId": key, "eventSource": "aws:sqs", "body": direct(key, *size).to_string()});
    json!({"Records": keys.iter().map(message).collect::<Vec<_>>()})
}

fn returned(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"]
        .as_array()
        .expect("an answer to a queue");
    failures
        .iter()
        .map(|item| item["itemIdentifier"].as_str().expect("an id"))
        .collect()
}

/// Key of an object that Firehose wrote with its default settings.
const FIREHOSE_KEY: &str =
    "2026/11/28/10/flow-logs-3-2026-11-28-10-15-04-0a1b2c3d-4e5f-6789-abcd-ef0123456789";

/// Gzip member of records as a flow log with a delivery stream writes them, without line ends.
fn messages(count: usize) -> Vec<u8> {
    let text = String::from_utf8(text(count)).expect("ASCII");
    let objects = text
        .lines()
        .map(|line| json!({"message": line}).to_string());
    gzip(objects.collect::<String>().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn text_and_parquet_are_exported_and_what_is_no_flow_log_by_its_key_is_not_even_read() {
    let mut setup = Setup::new();
    setup
        .bucket
        .put("a b.log.gz", Content::Object(gzip(&text(100))));
    setup
        .bucket
        .put("b.log.parquet", Content::Object(parquet(50)));
    setup.bucket.put("c.txt", Content::Object(text(7)));
    let from_firehose = [messages(3), messages(2)].concat();
    setup
        .bucket
        .put(FIREHOSE_KEY, Content::Object(from_firehose));
    let event = json!({"Records": [
        record("a+b.log.gz", 10), record("b.log.parquet", 10), record("c.txt", 10),
        record(FIREHOSE_KEY, 10), record("AWSLogs/123456789012/CloudTrail/eu-central-1/2026/11/28/d.json.gz", 10),
        record("folder/", 0), record("empty.log", 0),
    ]});
    let (answer, metrics) = setup.invoke(&event, 5 * MINUTE).await;
    let answer = answer.expect("success");
    assert_eq!(
        (&answer["FlowsExported"], &answer["RecordsReceived"]),
        (&json!(162), &json!(162))
    );
    assert_eq!(
        (&metrics["ObjectsExported"], &metrics["ObjectsSkipped"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(metrics["Source"], "flows");
    let keys: Vec<_> = setup
        .bucket
        .requests()
        .into_iter()
        .map(|request| request.key)
        .collect();
    assert_eq!(
        keys,
        ["a b.log.gz", "b.log.parquet", "c.txt", FIREHOSE_KEY],
        "one request each"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_that_may_not_be_read_is_returned_alone_and_the_others_are_not_exported_again() {
    let mut setup = Setup::new();
    setup
        .bucket
        .put("a.log.gz", Content::Object(gzip(&text(10))));
    let denied = Content::Error(403, "AccessDenied", "Access Denied");
    setup.bucket.put("b.log.gz", denied);
    setup
        .bucket
        .put("c.log.gz", Content::Object(gzip(&text(20)[..])));
    let event = queue(&[("a.log.gz", 1), ("b.log.gz", 1), ("c.log.gz", 1)]);
    let (answer, metrics) = setup.invoke(&event, 5 * MINUTE).await;
    assert_eq!(returned(&answer.expect("a partial answer")), ["b.log.gz"]);
    assert_eq!(
        (&metrics["ObjectsExported"], &metrics["PayloadErrors"]),
        (&json!(2), &Value::Null)
    );
    setup
        .bucket
        .put("b.log.gz", Content::Object(gzip(&text(5))));
    let (answer, metrics) = setup.invoke(&event, 5 * MINUTE).await;
    assert_eq!(returned(&answer.expect("a whole answer")), [""; 0]);
    assert_eq!(
        (&metrics["DuplicateObjects"], &metrics["ObjectsExported"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_is_returned_and_the_others_are_not() {
    let mut setup = Setup::new();
    setup.bucket.put("a.log", Content::Object(text(3)));
    let mut event = queue(&[("a.log", 1), ("b.log", 1)]);
    event["Records"][1]["body"] = json!("hello");
    let (answer, metrics) = setup.invoke(&event, 5 * MINUTE).await;
    assert_eq!(returned(&answer.expect("a partial answer")), ["b.log"]);
    assert_eq!(
        (&metrics["ObjectsExported"], &metrics["PayloadErrors"]),
        (&json!(1), &json!(1))
    );
    let (answer, metrics) = setup.invoke(&json!({"hello": 1}), 5 * MINUTE).await;
    assert_eq!(answer.expect_err("no event").name(), "EventUnknown");
    assert_eq!(metrics["PayloadErrors"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_which_s3_says_no_has_its_name() {
    let mut setup = Setup::new();
    let kms = "User: arn:aws:sts::1:x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext";
    for (content, name) in [
        (
            Content::Error(403, "AccessDenied", "Access Denied"),
            "ObjectDenied",
        ),
        (Content::Error(403, "AccessDenied", kms), "ObjectKeyDenied"),
        (
            Content::Error(400, "KMS.DisabledException", "x is disabled."),
            "ObjectKeyDenied",
        ),
        (
            Content::Error(403, "InvalidObjectState", "x"),
            "ObjectArchived",
        ),
        (Content::Error(400, "BadRequest", "x"), "ObjectUnreadable"),
        (Content::EndlessError, "ObjectUnreadable"),
    ] {
        let failure = setup.failure("a.log.gz", content).await;
        assert_eq!(failure.name(), name, "{failure}");
        assert!(
            failure.to_string().starts_with("s3://flows/a.log.gz: "),
            "{failure}"
        );
    }
    for (key, content, name) in [
        (
            "1",
            Content::Error(404, "NoSuchKey", "The specified key does not exist."),
            "ObjectMissing",
        ),
        (
            "2",
            Content::Error(404, "NoSuchVersion", "x"),
            "ObjectMissing",
        ),
        (
            "3",
            Content::Error(412, "PreconditionFailed", "x"),
            "ObjectChanged",
        ),
    ] {
        let (line, metrics) = setup.passed_over(key, content).await;
        assert_eq!(line["error_type"], name);
        assert_eq!(metrics["PayloadErrors"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_decoded_is_acknowledged_and_named() {
    let mut setup = Setup::new();
    let whole = gzip(&text(100));
    let mut damaged = whole.clone();
    damaged[60] ^= 0xff;
    let parquet = parquet(50);
    let compressed_parquet = gzip(&parquet);
    for (number, (octets, name)) in [
        (whole[..whole.len() / 2].to_vec(), "ObjectGzip"),
        (damaged, "ObjectGzip"),
        (
            parquet[..parquet.len() - 10].to_vec(),
            "ObjectParquetFooter",
        ),
        (compressed_parquet, "ObjectNotAFlowLog"),
        (vec![0; 100], "ObjectNotAFlowLog"),
        (
            b"hello world\nthis is no flow log\n".to_vec(),
            "ObjectNotAFlowLog",
        ),
        (b"{\"hello\": 1}".to_vec(), "ObjectJson"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = number.to_string();
        let (line, metrics) = setup.passed_over(&key, Content::Object(octets)).await;
        assert_eq!(line["error_type"], name);
        assert_eq!(metrics["PayloadErrors"], 1, "the alarm of payloads");
        assert_eq!(metrics["OldestUndeliveredSeconds"], Value::Null);
        // Queues deliver at least once: what came before the damage is not exported again.
        let (_, metrics) = setup.invoke(&queue(&[(&key, 1_000)]), 5 * MINUTE).await;
        assert_eq!(metrics["DuplicateObjects"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_received_before_says_nothing_of_the_lag_and_its_age_if_it_fails() {
    let mut setup = Setup::new();
    setup.bucket.put("a.log", Content::Object(timed_text()));
    for (count, lags) in [(1, true), (2, false)] {
        let mut event = queue(&[("a.log", 1), ("denied.log", 1)]);
        for message in event["Records"].as_array_mut().expect("messages") {
            let sent = (now() - 7_000_000).to_string();
            message["attributes"] =
                json!({"SentTimestamp": sent, "ApproximateReceiveCount": count.to_string()});
        }
        // Another version each time, so that rule 1 lets it through.
        event["Records"][0]["body"] = json!(
            direct("a.log", 1)
                .to_string()
                .replace("e1", &format!("e{count}"))
        );
        let denied = Content::Error(403, "AccessDenied", "Access Denied");
        setup.bucket.put("denied.log", denied);
        let (answer, metrics) = setup.invoke(&event, MINUTE).await;
        assert_eq!(returned(&answer.expect("an answer")), ["denied.log"]);
        assert_eq!(metrics["FlowsExported"], 1, "{metrics}");
        assert_eq!(metrics["DeliveryLagSeconds"].is_u64(), lags, "{metrics}");
        let oldest = metrics["OldestUndeliveredSeconds"].as_u64();
        assert!(
            (7_000..7_100).contains(&oldest.expect("an age")),
            "{metrics}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_that_skipped_everything_says_so() {
    let mut setup = Setup::new();
    setup.bucket.put("a.log", Content::Object(text(1)));
    let trail = "AWSLogs/123456789012/CloudTrail/eu-central-1/2026/11/28/d.json.gz";
    for (keys, is_said) in [(vec![trail, trail], true), (vec![trail, "a.log"], false)] {
        let (log, _guard) = CapturedLog::begin();
        let keys: Vec<_> = keys.into_iter().map(|key| (key, 10)).collect();
        let (answer, _) = setup.invoke(&queue(&keys), MINUTE).await;
        assert_eq!(returned(&answer.expect("acknowledged")), [""; 0]);
        let log = log.take();
        assert_eq!(log.contains("every object was skipped"), is_said, "{log}");
        assert_eq!(log.contains(trail), is_said, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_taken_up_where_it_broke() {
    let mut setup = Setup::new();
    let plain = text(3_000);
    setup.bucket.put(
        "a.log",
        Content::Breaking(plain.clone(), plain.len() / 3 + 1),
    );
    let (answer, _) = setup.invoke(&direct("a.log", 10), 5 * MINUTE).await;
    assert_eq!(answer.expect("taken up")["FlowsExported"], 3_000);
    let begins: Vec<_> = setup
        .bucket
        .requests()
        .iter()
        .map(|request| request.range)
        .collect();
    let third = plain.len() / 3 + 1;
    assert_eq!(begins, [None, Some((third, None)), Some((2 * third, None))]);
    let failure = setup
        .failure("b.log", Content::Breaking(plain.clone(), 1_000))
        .await;
    assert_eq!(
        failure.name(),
        "ObjectUnreadable",
        "not for ever: {failure}"
    );
    let rangeless = Content::Rangeless(plain.clone(), 1_000);
    let failure = setup.failure("c.log", rangeless).await;
    assert_eq!(failure.name(), "ObjectUnreadable", "{failure}");
    assert!(
        failure.to_string().contains("the whole object"),
        "{failure}"
    );
    let (line, _) = setup
        .passed_over("d.log", Content::Retagged(plain, 1_000))
        .await;
    assert_eq!(line["error_type"], "ObjectChanged", "another entity tag");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_fewer_octets_than_the_notice_says_is_no_empty_object() {
    let mut setup = Setup::new();
    for (content, reason) in [
        (Content::Object(Vec::new()), "none of its 1000 octets"),
        (Content::Unasked(text(10)), "answered with bytes 0-0/"),
    ] {
        let failure = setup.failure("a.log", content).await;
        assert_eq!(failure.name(), "ObjectUnreadable");
        assert!(failure.to_string().contains(reason), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_parquet_object_is_read_in_ranges_of_one_and_the_same_object() {
    let mut setup = Setup::new();
    let large = parquet(200_000);
    assert!(large.len() > 6_000_000);
    setup
        .bucket
        .put("a.parquet", Content::Object(large.clone()));
    let (answer, _) = setup.invoke(&direct("a.parquet", 10), 5 * MINUTE).await;
    assert_eq!(answer.expect("success")["FlowsExported"], 200_000);
    let requests = setup.bucket.requests();
    assert!(requests[1..].iter().all(|request| request.range.is_some()));
    assert!((5..40).contains(&requests.len()), "{}", requests.len());
    let (line, _) = setup
        .passed_over("b.parquet", Content::Replaced(large.clone()))
        .await;
    assert_eq!(line["error_type"], "ObjectChanged");
    let failure = setup.failure("c.parquet", Content::Endless(large)).await;
    assert_eq!(failure.name(), "ObjectUnreadable", "{failure}");
    assert!(failure.to_string().contains("more than"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_that_was_announced_is_read() {
    let mut setup = Setup::new();
    setup.bucket.put("a.log", Content::Object(text(1)));
    let mut event = direct("a.log", 10);
    event["Records"][0]["s3"]["object"]["versionId"] = json!("v7");
    setup.invoke(&event, 5 * MINUTE).await.0.expect("success");
    assert_eq!(setup.bucket.requests()[0].version.as_deref(), Some("v7"));
    event["Records"][0]["s3"]["object"]["versionId"] = json!("v8");
    let (answer, _) = setup.invoke(&event, 5 * MINUTE).await;
    assert_eq!(answer.expect("another version")["ObjectsExported"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_time_does_not_suffice_for_is_returned_untouched() {
    let mut setup = Setup::new();
    for key in ["a.log", "b.log", "c.log"] {
        setup.bucket.put(key, Content::Object(text(10)));
    }
    // Assumed at first: a megabyte a second, and some.
    let event = queue(&[("a.log", 1), ("b.log", 500_000_000), ("c.log", 1)]);
    let (answer, metrics) = setup.invoke(&event, MINUTE).await;
    assert_eq!(
        returned(&answer.expect("a partial answer")),
        ["b.log", "c.log"]
    );
    assert_eq!(
        (&metrics["ObjectsExported"], &metrics["ObjectsReturned"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(setup.bucket.requests().len(), 1);
    let (answer, _) = setup.invoke(&direct("b.log", 500_000_000), MINUTE).await;
    answer.expect("the first is taken, or it never would be");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_takes_too_long_is_given_up_in_time() {
    let mut setup = Setup::new();
    setup
        .bucket
        .put("a.log", Content::Stalling(text(1_000), 5_000));
    setup.bucket.put("b.log", Content::Object(text(1)));
    let started = Instant::now();
    let event = queue(&[("a.log", 1), ("b.log", 1)]);
    let (answer, metrics) = setup.invoke(&event, Duration::from_secs(4)).await;
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(
        returned(&answer.expect("a partial answer")),
        ["a.log", "b.log"]
    );
    assert_eq!(
        (&metrics["ObjectErrors"], &metrics["ObjectsReturned"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_is_read_and_everything_is_returned() {
    let bucket = Bucket::start();
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("tcp://{}", closed.expect("a port"));
    let mut setup = Setup {
        function: function(&bucket, &url),
        bucket,
        _collector: UdpSocket::bind("127.0.0.1:0").expect("a port"),
    };
    setup.bucket.put("a.log", Content::Object(text(1)));
    let event = queue(&[("a.log", 1), ("b.log", 1)]);
    let (answer, metrics) = setup.invoke(&event, MINUTE).await;
    assert_eq!(returned(&answer.expect("an answer")), ["a.log", "b.log"]);
    assert_eq!(
        (&metrics["ObjectErrors"], &metrics["ObjectsReturned"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(metrics["SendErrors"], 1);
    assert!(setup.bucket.requests().is_empty());
    let (outcome, _) = setup.invoke(&direct("a.log", 1), MINUTE).await;
    assert_eq!(
        outcome.expect_err("not reached").name(),
        "CollectorUnreachable"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_is_acknowledged_and_counts_nothing() {
    let mut setup = Setup::new();
    let test =
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "flows"}).to_string();
    let event = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": test}]});
    let (answer, metrics) = setup.invoke(&event, MINUTE).await;
    assert_eq!(returned(&answer.expect("acknowledged")), [""; 0]);
    assert_eq!(metrics["ObjectsReceived"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_event_is_answered_and_reads_nothing() {
    let mut setup = Setup::new();
    let event = RawValue::from_string(json!({"flowlogs": "check"}).to_string()).expect("JSON");
    let (deadline, mut line) = (Instant::now() + MINUTE, Vec::new());
    let answer = setup
        .function
        .invoke(&event, "r", deadline, &mut line)
        .await;
    let answer = serde_json::to_value(answer.expect("an answer")).expect("JSON");
    assert_eq!(answer["collectors"][0]["connected"], true, "{answer}");
    assert_eq!(answer["missing"], json!([]));
    assert!(setup.bucket.requests().is_empty() && line.is_empty());
}
