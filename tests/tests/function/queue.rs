//! An outage heals alone: the failure queue of a function, by the rules of Lambda and SQS with shortened times, and the
//! function as a consumer of the failure queue.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::collector::{Collector, Conduct};
use crate::decode::Record;
use crate::delivery::DEFAULT;
use crate::payload::{event, lines};
use crate::runtime::{Failure, Function, counter, free_tcp_port};

/// Payloads of an outage: few in `scripts/test`, as many as an hour has with `FLOWLOGS_PAYLOADS`.
fn payloads() -> usize {
    let given = std::env::var("FLOWLOGS_PAYLOADS").ok();
    given.map_or(20, |text| text.parse().expect("a number"))
}

/// Lines of a payload.
const LINES: usize = 10;

/// Pause between two deliveries of a message; 1,200 s in the templates.
const VISIBILITY: Duration = Duration::from_millis(200);

/// Most messages of one delivery.
const BATCH: usize = 10;

/// A queue of invocation records.
#[derive(Default)]
struct FailureQueue {
    messages: Vec<Message>,
    sent: u64,
}

struct Message {
    id: String,
    body: String,
    sent: u64,
    receives: u32,
    visible_at: Instant,
}

impl FailureQueue {
    /// Takes the record of an event that failed for good.
    fn put(&mut self, event: &[u8], failure: &Failure) {
        let event: Value = serde_json::from_slice(event).expect("JSON");
        self.sent += 1;
        let body = json!({
            "version": "1.0",
            "timestamp": "2026-11-28T10:00:00.000Z",
            "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": {"errorType": failure.error_type, "errorMessage": failure.message},
        });
        self.messages.push(Message {
            id: format!("message-{}", self.sent),
            body: body.to_string(),
            sent: now() - 3_600_000,
            receives: 0,
            visible_at: Instant::now(),
        });
    }

    /// Delivers a batch of visible messages to the function, and deletes the messages not named as failed. Returns how many
    /// were delivered.
    fn deliver(&mut self, function: &Function) -> usize {
        let now = Instant::now();
        let visible = self
            .messages
            .iter_mut()
            .filter(|message| message.visible_at <= now);
        let mut records = Vec::new();
        for message in visible.take(BATCH) {
            message.receives += 1;
            message.visible_at = now + VISIBILITY;
            records.push(json!({
                "messageId": message.id, "receiptHandle": "r", "body": message.body,
                "attributes": {
                    "SentTimestamp": message.sent.to_string(),
                    "ApproximateReceiveCount": message.receives.to_string(),
                },
                "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:failures",
            }));
        }
        if records.is_empty() {
            std::thread::sleep(VISIBILITY / 4);
            return 0;
        }
        let ids: Vec<Value> = records
            .iter()
            .map(|record| record["messageId"].clone())
            .collect();
        let answer = function.invoke(json!({"Records": records}).to_string().as_bytes());
        let answer = answer.unwrap_or_else(|failure| panic!("the whole batch failed: {failure:?}"));
        let failed = answer["batchItemFailures"].as_array().expect("failures");
        let failed: Vec<&Value> = failed.iter().map(|item| &item["itemIdentifier"]).collect();
        let done = |id: &str| {
            ids.iter().any(|known| known == id) && !failed.iter().any(|name| **name == id)
        };
        self.messages.retain(|message| !done(&message.id));
        ids.len() - failed.len()
    }
}

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500,000,000")
}

fn function(collectors: &str) -> Option<Function> {
    Function::start(&[
        ("COLLECTOR", collectors),
        ("INVENTORY", "off"),
        ("LOG_FORMAT", DEFAULT),
    ])
}

/// Lambda's three attempts at an asynchronous event, without pauses.
fn attempts(function: &Function, event: &[u8]) -> Failure {
    let failures = (0..3).map(|_| function.invoke(event).expect_err("a collector is away"));
    failures.collect::<Vec<_>>().pop().expect("three")
}

/// The numbers of the lines that the flows are of, in order.
fn numbers(flows: &[Record]) -> Vec<usize> {
    let packets = |flow: &Record| {
        flow.field("PacketDeltaCount")
            .and_then(|text| text.parse::<usize>().ok())
    };
    let mut numbers: Vec<_> = flows
        .iter()
        .map(|flow| packets(flow).expect("packets") - 1)
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn every_payload_of_an_outage_arrives_by_itself_and_what_nobody_can_decode_stays() {
    let collector = Collector::start();
    let (url, address) = (collector.url(), collector.address);
    collector.stop();
    let (Some(subscribed), Some(away)) = (function(&url), function(&url)) else {
        return;
    };
    let mut queue = FailureQueue::default();
    for number in 0..payloads() {
        let event = event("flows", &lines(number * LINES, LINES));
        let failure = attempts(&subscribed, &event);
        assert_eq!(failure.error_type, "CollectorUnreachable");
        queue.put(&event, &failure);
    }
    let damaged = br#"{"awslogs":{"data":"H4sI"}}"#;
    queue.put(damaged, &attempts(&subscribed, damaged));

    assert_eq!(queue.deliver(&away), 0, "the collector is still away");
    let line = away.last_metrics();
    assert!(
        counter(&line, "OldestUndeliveredSeconds") >= 3_600,
        "{line}"
    );
    assert_eq!(line.get("DeliveryLagSeconds"), None, "{line}");

    let collector = Collector::again(address);
    let Some(redelivers) = function(&url) else {
        return;
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while queue.messages.len() > 1 {
        assert!(
            Instant::now() < patience,
            "{} are left",
            queue.messages.len()
        );
        queue.deliver(&redelivers);
    }
    let everything: Vec<usize> = (0..payloads() * LINES).collect();
    assert_eq!(numbers(&collector.flows(everything.len())), everything);
    while queue.messages[0].receives < 2 {
        assert!(Instant::now() < patience, "the damaged payload waits");
        queue.deliver(&redelivers);
    }
    let left = &queue.messages[0];
    assert!(
        left.body.contains("H4sI") && left.receives > 1,
        "{}",
        left.body
    );
    let errors = redelivers.metrics();
    assert!(errors.iter().any(|line| counter(line, "PayloadErrors") > 0));
}

#[test]
fn a_collector_that_is_up_gets_a_flow_at_most_three_times_while_the_other_is_away() {
    let up = Collector::start();
    let other = Collector::start();
    let (away, address) = (other.url(), other.address);
    other.stop();
    let urls = format!("{},{away}", up.url());
    let (Some(subscribed), Some(too_soon)) = (function(&urls), function(&urls)) else {
        return;
    };
    let mut queue = FailureQueue::default();
    let event = event("flows", &lines(0, LINES));
    let failure = attempts(&subscribed, &event);
    assert!(failure.message.starts_with(&away), "{}", failure.message);
    assert!(!failure.message.contains(&up.url()), "{}", failure.message);
    queue.put(&event, &failure);
    for _ in 0..3 {
        assert_eq!(queue.deliver(&too_soon), 0);
        std::thread::sleep(VISIBILITY);
    }
    let other = Collector::again(address);
    let Some(redelivers) = function(&urls) else {
        return;
    };
    while !queue.messages.is_empty() {
        queue.deliver(&redelivers);
    }
    assert_eq!(numbers(&other.flows(LINES)), (0..LINES).collect::<Vec<_>>());
    let flows = up.flows(LINES).len();
    assert!(
        flows <= 3 * LINES,
        "{flows} flows at the collector that was up"
    );
}

#[test]
fn a_payload_that_waits_uses_the_settings_of_its_delivery() {
    let gone = format!("tcp://127.0.0.1:{}", free_tcp_port());
    let Some(before) = function(&gone) else {
        return;
    };
    let mut queue = FailureQueue::default();
    let event = event("flows", &lines(0, LINES));
    queue.put(&event, &attempts(&before, &event));
    drop(before);
    // The error names a collector that is not configured any more: the payload goes to all.
    let moved = Collector::start();
    let Some(after) = function(&moved.url()) else {
        return;
    };
    assert_eq!(queue.deliver(&after), 1);
    assert_eq!(numbers(&moved.flows(LINES)), (0..LINES).collect::<Vec<_>>());
}

#[test]
fn collectors_that_stall_take_the_time_of_one() {
    let stalled: Vec<Collector> = (0..3)
        .map(|_| Collector::scripted(&[Conduct::Stall, Conduct::Stall]))
        .collect();
    let urls: Vec<String> = stalled.iter().map(Collector::url).collect();
    let Some(function) = function(&urls.join(",")) else {
        return;
    };
    let begin = Instant::now();
    let failure = function
        .invoke(&event("flows", &lines(0, 80_000)))
        .expect_err("nobody reads");
    assert_eq!(failure.error_type, "CollectorUnreachable");
    for url in &urls {
        assert!(
            failure.message.contains(url.as_str()),
            "{}",
            failure.message
        );
    }
    // Twice the write timeout of 10 s, because each gets a reconnect; in turn would be a minute.
    let taken = begin.elapsed();
    assert!(taken < Duration::from_secs(40), "{taken:?}");
}
