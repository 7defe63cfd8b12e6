//! The function as a consumer of its own failure queue: delivery, targets, and the payloads that stay.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use flowlogs_testing::certificates::{Authority, server};
use rustls::ALL_VERSIONS;

use crate::aws::ec2_that_records;
use crate::collector::{Collector, Conduct};
use crate::decode::Record;
use crate::delivery::DEFAULT;
use crate::payload::{event, lines};
use crate::runtime::{Failure, Function, counter, free_tcp_port};
use crate::sqs::{Queue, invocation_record};

/// Payloads of an outage.
const PAYLOADS: usize = 20;

/// Lines of a payload.
const LINES: usize = 10;

/// Pause between two deliveries of a message; 1,200 s in the templates.
const VISIBILITY: Duration = Duration::from_millis(200);

/// A queue of invocation records, sent an hour ago.
fn failure_queue() -> Queue {
    Queue::new("failures", VISIBILITY, 1.0)
}

fn put(queue: &mut Queue, event: &[u8], failure: &Failure) {
    queue.put(
        invocation_record(event, failure),
        Duration::from_secs(3_600),
    );
}

/// Delivers one batch of visible messages to the function, and deletes those that it does not name as failed. Returns how
/// many were delivered.
fn deliver(queue: &mut Queue, function: &Function) -> usize {
    let Some(batch) = queue.receive() else {
        std::thread::sleep(VISIBILITY / 4);
        return 0;
    };
    let answer = function.invoke(batch.event.to_string().as_bytes());
    assert!(answer.is_ok(), "the whole batch failed: {answer:?}");
    queue.settle(&batch, &answer)
}

/// Starts the function with an EC2 API that records which services are asked for.
fn function_with(collectors: &str, endpoint: &str) -> Option<Function> {
    Function::start(&[
        ("COLLECTOR", collectors),
        ("INVENTORY", "ec2"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("LOG_FORMAT", DEFAULT),
    ])
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

/// Numbers of the lines of these flows, in order.
pub(crate) fn numbers(flows: &[Record]) -> Vec<usize> {
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
    let (endpoint, asked) = ec2_that_records();
    let function = |url: &str| function_with(url, &endpoint);
    let (Some(subscribed), Some(away)) = (function(&url), function(&url)) else {
        return;
    };
    let mut queue = failure_queue();
    for number in 0..PAYLOADS {
        let event = event("flows", &lines(number * LINES, LINES));
        let failure = attempts(&subscribed, &event);
        assert_eq!(failure.error_type, "CollectorUnreachable");
        put(&mut queue, &event, &failure);
    }
    let damaged = br#"{"awslogs":{"data":"H4sI"}}"#;
    put(&mut queue, damaged, &attempts(&subscribed, damaged));

    assert_eq!(deliver(&mut queue, &away), 0, "the collector is still away");
    let line = away.last_metrics();
    assert!(
        counter(&line, "OldestUndeliveredSeconds") >= 3_600,
        "{line}"
    );
    assert_eq!(line.get("DeliveryLagSeconds"), None, "{line}");

    let collector = Collector::start_again(address);
    let Some(redelivers) = function(&url) else {
        return;
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while queue.messages().len() > 1 {
        assert!(
            Instant::now() < patience,
            "{} are left",
            queue.messages().len()
        );
        deliver(&mut queue, &redelivers);
    }
    let everything: Vec<usize> = (0..PAYLOADS * LINES).collect();
    assert_eq!(numbers(&collector.flows(everything.len())), everything);
    while queue.messages()[0].receives < 2 {
        assert!(Instant::now() < patience, "the damaged payload waits");
        deliver(&mut queue, &redelivers);
    }
    let left = &queue.messages()[0];
    assert!(
        left.body.contains("H4sI") && left.receives > 1,
        "{}",
        left.body
    );
    let errors = redelivers.metrics();
    assert!(errors.iter().any(|line| counter(line, "PayloadErrors") > 0));
    let asked = asked.lock().expect("no panic while locked").clone();
    assert_eq!(asked, BTreeSet::from(["ec2".to_owned()]), "no call of SQS");
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
    let mut queue = failure_queue();
    let event = event("flows", &lines(0, LINES));
    let failure = attempts(&subscribed, &event);
    assert!(failure.message.starts_with(&away), "{}", failure.message);
    assert!(!failure.message.contains(&up.url()), "{}", failure.message);
    put(&mut queue, &event, &failure);
    for _ in 0..3 {
        assert_eq!(deliver(&mut queue, &too_soon), 0);
        std::thread::sleep(VISIBILITY);
    }
    let other = Collector::start_again(address);
    let Some(redelivers) = function(&urls) else {
        return;
    };
    while !queue.messages().is_empty() {
        deliver(&mut queue, &redelivers);
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
    let mut queue = failure_queue();
    let event = event("flows", &lines(0, LINES));
    put(&mut queue, &event, &attempts(&before, &event));
    drop(before);
    // The error names a collector that is not configured any more: the payload goes to all.
    let moved = Collector::start();
    let Some(after) = function(&moved.url()) else {
        return;
    };
    assert_eq!(deliver(&mut queue, &after), 1);
    assert_eq!(numbers(&moved.flows(LINES)), (0..LINES).collect::<Vec<_>>());
}

#[test]
fn a_payload_that_waits_uses_the_certificate_of_its_delivery() {
    let authority = Authority::new();
    let collector = Collector::with_tls(server(&authority.issue("localhost"), None, ALL_VERSIONS));
    let trusting = |authority: &Authority| {
        Function::start(&[
            ("COLLECTOR", collector.url()),
            ("INVENTORY", "off".to_owned()),
            ("LOG_FORMAT", DEFAULT.to_owned()),
            ("TLS_CA", authority.pem()),
        ])
    };
    let (Some(before), Some(after)) = (trusting(&Authority::new()), trusting(&authority)) else {
        return;
    };
    let mut queue = failure_queue();
    let event = event("flows", &lines(0, LINES));
    let failure = attempts(&before, &event);
    assert!(failure.message.contains("trust"), "{}", failure.message);
    put(&mut queue, &event, &failure);
    assert_eq!(deliver(&mut queue, &after), 1);
    assert_eq!(
        numbers(&collector.flows(LINES)),
        (0..LINES).collect::<Vec<_>>()
    );
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
