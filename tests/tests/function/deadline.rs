//! Invocations whose time does not suffice: an invocation ends before Lambda ends it, with metrics, and names what was not
//! done.

use std::time::{Duration, Instant};

use flowlogs_testing::object_server::ObjectServer;
use serde_json::{Value, json};

use crate::collector::{Collector, Conduct};
use crate::delivery::DEFAULT;
use crate::objects::gzip;
use crate::one_function::OneFunction;
use crate::payload::{event, lines};
use crate::runtime::{Failure, metrics_of};
use crate::sqs::invocation_record;

/// Time that Lambda gives an invocation here.
const TIME: Duration = Duration::from_secs(8);

/// Number of lines whose messages are more than the buffers between function and collector hold.
const MANY: usize = 80_000;

/// Collector that soon takes a few octets at a time.
fn trickling() -> Collector {
    Collector::scripted(&[Conduct::TrickleAfter(20_000)])
}

/// Starts the function behind CloudWatch Logs with such a collector.
fn with_trickling_collector() -> Option<(Collector, OneFunction)> {
    let collector = trickling();
    let variables = [
        ("COLLECTOR", collector.url()),
        ("INVENTORY", "off".to_owned()),
        ("LOG_FORMAT", DEFAULT.to_owned()),
    ];
    let function = OneFunction::start("flowlogs-cloudwatch", &variables)?;
    Some((collector, function))
}

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "eventSource": "aws:sqs", "body": body,
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:queue"})
}

/// Invokes a function within `TIME`, and returns its outcome and its metrics line.
fn invoke(function: &OneFunction, event: &[u8]) -> (Result<Value, Value>, Value) {
    let begin = Instant::now();
    let outcome = function.invoke(event, TIME);
    let taken = begin.elapsed();
    assert!(taken < TIME, "Lambda would have ended it: {taken:?}");
    let line = metrics_of(&function.process().log()).pop();
    (outcome, line.expect("a metrics line"))
}

fn failures(outcome: Result<Value, Value>) -> Value {
    outcome.expect("partial failures")["batchItemFailures"].clone()
}

#[test]
fn a_collector_that_takes_a_few_octets_again_and_again_does_not_hold_an_event_beyond_its_time() {
    let Some((_collector, function)) = with_trickling_collector() else {
        return;
    };
    let (outcome, line) = invoke(&function, &event("flows", &lines(0, MANY)));
    let failure = outcome.expect_err("its time is over");
    assert_eq!(failure["errorType"], "OutOfTime", "{failure}");
    assert_eq!(line["RecordsReceived"], MANY, "{line}");
}

#[test]
fn of_a_failure_queue_what_was_done_in_time_does_not_come_again() {
    let Some((_collector, function)) = with_trickling_collector() else {
        return;
    };
    let failure = Failure {
        error_type: "CollectorUnreachable".to_owned(),
        message: "for a test".to_owned(),
    };
    let record = |lines: &[String]| invocation_record(&event("flows", lines), &failure);
    let batch = json!({"Records": [
        message("done", &record(&lines(0, 10))),
        message("half", &record(&lines(10, MANY))),
        message("untouched", &record(&lines(10 + MANY, 10))),
    ]});
    let (outcome, line) = invoke(&function, batch.to_string().as_bytes());
    let half = json!([{"itemIdentifier": "half"}, {"itemIdentifier": "untouched"}]);
    assert_eq!(failures(outcome), half);
    assert_eq!(line["FlowsExported"], 10 + MANY, "{line}");
}

#[test]
fn of_a_batch_of_objects_what_was_done_in_time_does_not_come_again() {
    let (collector, server) = (trickling(), ObjectServer::start());
    let variables = [
        ("COLLECTOR", collector.url()),
        ("INVENTORY", "off".to_owned()),
        ("AWS_ENDPOINT_URL", server.endpoint.clone()),
    ];
    let Some(function) = OneFunction::start("flowlogs-s3", &variables) else {
        return;
    };
    let notices = [
        ("done", 0, 10),
        ("half", 10, MANY),
        ("untouched", 10 + MANY, 10),
    ];
    let notices = notices.map(|(id, from, count)| {
        let object = gzip(lines(from, count).join("\n").as_bytes());
        server.put(&format!("bucket/{id}.log.gz"), &object);
        let notice = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-29T09:00:00.000Z",
            "s3": {"bucket": {"name": "bucket"}, "object": {"key": format!("{id}.log.gz"), "size": object.len()}},
        }]});
        message(id, &notice.to_string())
    });
    let (outcome, line) = invoke(
        &function,
        json!({"Records": notices}).to_string().as_bytes(),
    );
    let half = json!([{"itemIdentifier": "half"}, {"itemIdentifier": "untouched"}]);
    assert_eq!(failures(outcome), half);
    assert_eq!(line["ObjectsExported"], 1, "{line}");
}
