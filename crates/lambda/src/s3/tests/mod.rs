//! The function with a bucket that answers as a test wants; end to end it is tested with the real binary.
//!
//! `objects.rs` is about the content of objects and the answers of S3, `messages.rs` about notices, queues and time.

mod messages;
mod objects;

use std::io::Write;
use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;

use super::testing::{Bucket, Content};
use super::*;
use crate::config::RawConfig;
use crate::log::captured::CapturedLog;

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

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
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
    async fn invoke(&mut self, event: &Value, time: Duration) -> (Result<Value, S3Failure>, Value) {
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
    async fn failure(&mut self, key: &str, content: Content) -> S3Failure {
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
