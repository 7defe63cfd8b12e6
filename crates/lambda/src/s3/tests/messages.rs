//! Notices and messages of a queue: partial answers, time, and an invocation without objects.

use flowlogs_core::{Formats, LogLine, RecordSource, TranscoderSettings};
use flowlogs_export::{SendError, SendProblem, SenderOptions};

use super::*;
use crate::forward::UndeliveredBatch;

/// Text of one flow that ended a while ago.
fn timed_text() -> Vec<u8> {
    let end = now() / 1_000 - 600;
    format!(
        "srcaddr dstaddr bytes start end\n10.0.0.1 10.0.0.2 7 {} {end}\n",
        end - 60
    )
    .into_bytes()
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

/// A flow over an interface, whose name is an options record.
const NAMED: &[u8] =
    b"2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";

#[test]
fn names_leave_again_after_an_object_that_no_collector_had_in_time() {
    let collector = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let url = format!("udp://{}", collector.local_addr().expect("it is bound"));
    let raw = RawConfig::read(|name| (name == "COLLECTOR").then(|| url.clone()));
    let config = Config::new(&raw).expect("right settings");
    let (settings, options) = (TranscoderSettings::default(), SenderOptions::default());
    let forwarder = Forwarder::new(settings, &config.collectors, options, false);
    let mut forwarder = forwarder.expect("no TLS");
    let [first, late, after] = [false, true, false].map(|is_late| {
        let batch = BatchTerms {
            now: now(),
            deadline: std::time::Instant::now() + MINUTE,
            only: None,
        };
        let mut source = RecordSource::new(None, Formats::defaults());
        let mut forwarded = forwarder.forward(batch, |transcoder, targets| {
            let line = LogLine {
                id: None,
                timestamp: None,
                text: NAMED,
            };
            let Ok(()) = transcoder.line(&mut source, line, targets);
        });
        let options_records = forwarded.report.counters.options_records;
        if is_late {
            forwarded.outcome = Err(UndeliveredBatch::new(vec![SendError {
                target: url.clone(),
                problem: SendProblem::OutOfTime,
            }]));
        }
        let read = Ok(ObjectOutcome::Exported);
        let outcome = conclude(&mut forwarder, &config, None, forwarded, read);
        assert_eq!(outcome.err(), is_late.then_some(ObjectError::OutOfTime));
        options_records
    });
    assert!(late < first && late < after, "{first}, {late}, {after}");
}
