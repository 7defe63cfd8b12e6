//! Every captured event gives equal messages through the function and through `flowlogs replay`.

use flowlogs_tests::cases::{self, Case};
use flowlogs_tests::replay::replay;
use serde_json::{Value, json};

use crate::aws::ec2_with_inventory;
use crate::collector::Collector;
use crate::decode::Record;
use crate::payload;
use crate::runtime::Function;

fn read(case: &Case) -> Vec<u8> {
    std::fs::read(&case.path).expect("an event")
}

/// Records without the parts that depend on the time of sending: order, and the time of the statistics.
fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        for time in ["ObservationTimeMilliseconds", "ObservationTimeSeconds"] {
            record.fields.remove(time);
        }
    }
    records.sort();
    records
}

#[test]
fn every_captured_event_gives_the_same_records_through_the_function_as_through_replay() {
    let endpoint = ec2_with_inventory();
    for case in cases::all() {
        let subscription = case
            .path
            .extension()
            .is_some_and(|extension| extension == "json")
            && !case.name.contains('/');
        if !subscription || case.error().is_some() {
            continue;
        }
        let collector = Collector::start();
        let variables = [
            ("COLLECTOR", collector.url()),
            ("AWS_ENDPOINT_URL", endpoint.clone()),
        ];
        let Some(function) = Function::start(&variables) else {
            return;
        };
        let summary = function.invoke(&read(&case));
        let summary = summary.unwrap_or_else(|failure| panic!("{}: {failure:?}", case.name));
        let metrics = function.last_metrics();
        drop(function);

        let replayed = Collector::start();
        let run = replay(
            &["--region", "eu-central-1", "--to", &replayed.url()],
            std::slice::from_ref(&case.path),
        );
        let exported = usize::try_from(case.number("FlowsExported")).expect("a small number");
        assert_eq!(replayed.flows(exported).len(), exported, "{}", case.name);
        assert_eq!(collector.flows(exported).len(), exported, "{}", case.name);
        let (ours, theirs) = (sorted(collector.records()), sorted(replayed.records()));
        assert_eq!(ours.len(), theirs.len(), "records of {}", case.name);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{}", case.name);
        }
        let counters = run.summary.as_object().expect("the counters of replay");
        for (name, value) in counters.iter().filter(|(name, _)| metrics[*name].is_u64()) {
            // Messages and options records depend on the batches, which differ between function and replay.
            if !matches!(
                name.as_str(),
                "DeliveryLagSeconds"
                    | "TranscodeMilliseconds"
                    | "OptionsRecords"
                    | "MessagesSent"
                    | "BytesSent"
            ) {
                assert_eq!(metrics[name], *value, "{}: {name}", case.name);
                // A control message has nothing to tell.
                assert_eq!(summary[name], *value, "{}: {name}", case.name);
            }
        }
    }
}

/// A batch of Kinesis and a batch of the failure queue: the answer to a queue or a stream names the failures.
#[test]
fn batches_of_a_stream_and_of_the_failure_queue_give_the_same_records_as_replay() {
    let endpoint = ec2_with_inventory();
    for name in ["kinesis-batch.json", "failure-queue.json"] {
        let path = cases::directory().join("inputs").join(name);
        let collector = Collector::start();
        let variables = [
            ("COLLECTOR", collector.url()),
            ("AWS_ENDPOINT_URL", endpoint.clone()),
        ];
        let Some(function) = Function::start(&variables) else {
            return;
        };
        let event = std::fs::read(&path).expect("an event");
        let answer = function.invoke(&event).expect("delivered");
        assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
        let replayed = Collector::start();
        let run = replay(
            &["--region", "eu-central-1", "--to", &replayed.url()],
            std::slice::from_ref(&path),
        );
        let flows = usize::try_from(run.counter("FlowsExported").expect("a counter"));
        let flows = flows.expect("a small number");
        assert!(flows > 0, "{name}: {}", run.errors);
        let (ours, theirs) = (collector.flows(flows), replayed.flows(flows));
        assert_eq!(sorted(ours), sorted(theirs), "{name}");
    }
}

#[test]
fn damaged_events_fail_with_the_stable_name_of_their_stage() {
    let collector = Collector::start();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url().as_str()),
        ("INVENTORY", "off"),
    ]) else {
        return;
    };
    let mut number = 0;
    for case in cases::all() {
        let Some(stage) = case.error() else { continue };
        let failure = function.invoke(&read(&case)).expect_err("it is damaged");
        let name = match stage {
            "base64" => "PayloadBase64",
            "gzip" => "PayloadGzip",
            "json" => "PayloadJson",
            "too large" => "PayloadTooLarge",
            other => panic!("{other}"),
        };
        assert_eq!(
            failure.error_type, name,
            "{}: {}",
            case.name, failure.message
        );
        assert!(
            failure.message.contains(stage),
            "{}: {}",
            case.name,
            failure.message
        );
        number += 1;
        let metrics = function.metrics();
        assert_eq!(metrics.len(), number, "failures have their metrics as well");
        assert_eq!(metrics[number - 1]["PayloadErrors"], 1);
        // The runtime logs the error, and nobody else.
        let logged = function
            .output()
            .lines()
            .filter(|line| line.contains(name) && line.contains(&failure.message))
            .count();
        assert!(logged <= 1, "{}", function.output());
    }
    assert!(number > 3 && collector.connections().is_empty());
    let no_event = function.invoke(b"{\"awslogs\":{}}").expect_err("no data");
    assert_eq!(no_event.error_type, "PayloadJson");
    assert_eq!(function.last_metrics()["PayloadErrors"], 1);
}

#[test]
fn a_control_message_succeeds_and_sends_nothing() {
    let collector = Collector::start();
    let Some(function) = Function::start(&[("COLLECTOR", collector.url().as_str())]) else {
        return;
    };
    let event = std::fs::read(cases::directory().join("control-message.json")).expect("an event");
    let summary: Value = function.invoke(&event).expect("success");
    assert_eq!(
        (&summary["RecordsReceived"], &summary["LogGroup"]),
        (&0.into(), &Value::Null)
    );
    assert!(collector.connections().is_empty());
    assert_eq!(function.last_metrics()["RecordsReceived"], 0);
}

#[test]
fn the_first_ten_windows_that_aws_lost_are_named_in_the_log() {
    let collector = Collector::start();
    let variables = [("COLLECTOR", collector.url()), ("INVENTORY", "off".into())];
    let Some(function) = Function::start(&variables) else {
        return;
    };
    let window = |number: u32| (format!("eni-{number:017x}"), 1_795_000_000 + 60 * number);
    let lines: Vec<String> = (0..12)
        .map(|number| {
            let (interface, start) = window(number);
            let end = start + 59;
            format!("2 123456789012 {interface} - - - - - - - {start} {end} - SKIPDATA")
        })
        .collect();
    let event = payload::event("flow-logs", &lines);
    function.invoke(&event).expect("nothing to send");
    assert_eq!(function.last_metrics()["SkippedWindows"], 12);
    let output = function.output();
    let is_named = |number: u32| {
        let (interface, start) = window(number);
        output.lines().any(|line| {
            line.contains("SKIPDATA")
                && line.contains(&interface)
                && line.contains(&start.to_string())
        })
    };
    let named: Vec<u32> = (0..12).filter(|number| is_named(*number)).collect();
    assert_eq!(named, Vec::from_iter(0..10), "{output}");
}
