//! Threads that play AWS: asynchronous events, event sources, notices of objects, and samples of the queues.

use std::sync::Mutex;
use std::time::Duration;

use flowlogs_export::now;
use flowlogs_testing::object_server::ObjectServer;
use serde_json::json;

use super::run::{Environment, OUTAGE, Run};
use crate::objects::gzip;
use crate::payload::{event_at, lines_until};
use crate::series::{Metrics, lock};
use crate::sqs::{Queue, invocation_record};

/// Pauses of Lambda before the second and the third try of an asynchronous event.
pub(super) const PAUSES: [f64; 2] = [60.0, 120.0];

/// Lines of a payload or object.
pub(super) const LINES: usize = 10;

/// Number of the first line of the first object.
pub(super) const OF_OBJECTS: usize = 1_000_000;

/// An asynchronous event on its way through the tries of Lambda.
struct Attempt {
    due: f64,
    arrived: f64,
    failures: usize,
    event: Vec<u8>,
}

/// Delivers payloads as CloudWatch Logs and Lambda do, until the run is over and every event has ended. Returns the
/// number of payloads.
pub(super) fn subscribe(
    run: &Run,
    metrics: &Metrics,
    mut environment: Environment,
    queue: &Mutex<Queue>,
) -> usize {
    let interval = OUTAGE / f64::from(run.plan.payloads);
    let (mut payloads, mut attempts) = (0, Vec::<Attempt>::new());
    loop {
        let arrival = interval * f64::from(u32::try_from(payloads).expect("few"));
        let retry = attempts.iter().map(|attempt| attempt.due);
        let retry = retry.fold(f64::INFINITY, f64::min);
        if run.is_over() && attempts.is_empty() {
            break;
        }
        if arrival <= retry && !run.is_over() {
            run.sleep_until(arrival);
            let now = now();
            let lines = lines_until(payloads * LINES, LINES, now / 1_000);
            payloads += 1;
            attempts.push(Attempt {
                due: arrival,
                arrived: arrival,
                failures: 0,
                event: event_at(now, "flows", &lines),
            });
            continue;
        }
        run.sleep_until(retry);
        let next = attempts.iter().position(|attempt| attempt.due <= retry);
        let mut attempt = attempts.swap_remove(next.expect("the earliest"));
        let second = run.now();
        metrics.add(
            "AsyncEventAge",
            second,
            (second - attempt.arrived) * 1_000.0,
        );
        let Err(failure) = environment.invoke(run, metrics, &attempt.event) else {
            continue;
        };
        match PAUSES.get(attempt.failures) {
            Some(pause) => {
                attempt.failures += 1;
                attempt.due = run.now() + pause;
                attempts.push(attempt);
            }
            None => lock(queue).put(invocation_record(&attempt.event, &failure), Duration::ZERO),
        }
    }
    metrics.add_lines(&environment.function.metrics(), |time| run.second(time));
    payloads
}

/// Hands visible messages of a queue to the function, as an event source does, until the run is over.
pub(super) fn poll(
    run: &Run,
    metrics: &Metrics,
    mut environment: Environment,
    queue: &Mutex<Queue>,
) {
    while !run.is_over() {
        let batch = lock(queue).receive();
        let Some(batch) = batch else {
            run.sleep_until(run.now() + 5.0);
            continue;
        };
        let event = batch.event.to_string();
        let outcome = environment.invoke(run, metrics, event.as_bytes());
        lock(queue).settle(&batch, &outcome);
    }
    metrics.add_lines(&environment.function.metrics(), |time| run.second(time));
}

/// Puts objects into the bucket and notices into the queue, as AWS does. Returns the number of objects.
pub(super) fn deliver_objects(run: &Run, server: &ObjectServer, queue: &Mutex<Queue>) -> usize {
    let interval = OUTAGE / f64::from(run.plan.objects);
    let mut objects = 0;
    loop {
        run.sleep_until(interval * f64::from(u32::try_from(objects).expect("few")));
        if run.is_over() {
            return objects;
        }
        let now = now() / 1_000;
        let lines = lines_until(OF_OBJECTS + objects * LINES, LINES, now).join("\n");
        let key = format!(
            "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/29/123456789012_vpcflowlogs_eu-central-1_fl-0123456789abcdef0_20261129T0900Z_{objects:08x}.log.gz"
        );
        server.put(&format!("bucket/{key}"), &gzip(lines.as_bytes()));
        let notice = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventName": "ObjectCreated:Put", "eventTime": "2026-11-29T09:00:00.000Z",
            "s3": {"bucket": {"name": "bucket"}, "object": {"key": key, "size": 300, "eTag": format!("{objects:032x}")}},
        }]});
        lock(queue).put(notice.to_string(), Duration::ZERO);
        objects += 1;
    }
}

/// Samples age of the oldest message and number of messages each minute.
pub(super) fn watch(run: &Run, metrics: &Metrics, queue: &Mutex<Queue>) {
    let mut minute = 0.0;
    while !run.is_over() {
        run.sleep_until(60.0 * minute);
        let queue = lock(queue);
        let age = queue.age_of_oldest().unwrap_or_default().as_secs_f64();
        metrics.add("ApproximateAgeOfOldestMessage", run.now(), age);
        let waiting = u32::try_from(queue.messages().len()).expect("few");
        metrics.add("Waiting", run.now(), f64::from(waiting));
        minute += 1.0;
    }
}
