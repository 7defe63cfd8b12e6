//! The metrics line: one JSON object on standard output by the rules of the embedded metric format.

use flowlogs_tests::counters::OUTCOMES;
use serde_json::Value;

use crate::collector::Collector;
use crate::payload::{event, lines};
use crate::runtime::{Function, counter};

fn assert_embedded_metric_format(line: &Value) {
    let object = line.as_object().expect("an object");
    let metadata = &line["_aws"];
    assert!(
        metadata["Timestamp"].as_u64() > Some(1_700_000_000_000),
        "milliseconds: {metadata}"
    );
    let directives = metadata["CloudWatchMetrics"]
        .as_array()
        .expect("directives");
    assert_eq!(directives.len(), 1);
    let directive = &directives[0];
    assert_eq!(directive["Namespace"], "FlowLogsTranscoder");
    assert_eq!(
        directive["Dimensions"],
        serde_json::json!([["FunctionName"]])
    );
    assert_eq!(object["FunctionName"], "flowlogs-cloudwatch");
    let metrics = directive["Metrics"].as_array().expect("definitions");
    assert!(!metrics.is_empty() && metrics.len() <= 100);
    for metric in metrics {
        let name = metric["Name"].as_str().expect("a name");
        assert!(object[name].is_u64(), "{name} is no number: {line}");
        let unit = metric["Unit"].as_str().expect("a unit");
        assert!(
            ["Count", "Bytes", "Seconds", "Milliseconds"].contains(&unit),
            "{unit}"
        );
    }
    let sum: u64 = OUTCOMES.iter().map(|name| counter(line, name)).sum();
    assert_eq!(
        line["RecordsReceived"], sum,
        "every record ends in one counter: {line}"
    );
}

/// Four invocations: records of every kind, the same again, a damaged payload, and no collector.
fn invoke_four_times(function: &Function, collector: Collector) {
    let mut records = lines(0, 5);
    records.push("not a flow log".to_owned());
    records.push(records[0].clone());
    records.push("2 123456789012 eni-1 - - - - - - - 1795000000 1795000059 - NODATA".to_owned());
    records.push("2 123456789012 eni-1 - - - - - - - 1795000000 1795000059 - SKIPDATA".to_owned());
    let payload = event("flows", &records);
    function.invoke(&payload).expect("success");
    function.invoke(&payload).expect("a repeated delivery");
    function
        .invoke(b"{\"awslogs\":{\"data\":\"H4sI\"}}")
        .expect_err("damaged");
    drop(collector);
    function
        .invoke(&event("flows", &lines(5, 5)))
        .expect_err("nobody listens");
}

#[test]
fn every_invocation_has_one_metrics_line_whose_counters_add_up_be_it_a_failure() {
    let collector = Collector::start();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url().as_str()),
        ("INVENTORY", "ec2"),
        ("DIRECTION", "ingress"),
        ("AWS_ENDPOINT_URL", &crate::aws::ec2_that_refuses()),
    ]) else {
        return;
    };
    invoke_four_times(&function, collector);

    let output = function.output();
    for line in output.lines() {
        assert!(
            serde_json::from_str::<Value>(line).is_ok(),
            "not one JSON object: {line}"
        );
    }
    assert!(
        !function.errors().contains("_aws"),
        "metrics go to standard output"
    );
    let metrics = function.metrics();
    assert_eq!(metrics.len(), 4, "one for each invocation: {output}");
    metrics.iter().for_each(assert_embedded_metric_format);
    let values = |name: &str| {
        metrics
            .iter()
            .map(|line| counter(line, name))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("RecordsReceived")[..3], [9, 9, 0]);
    assert_eq!(
        values("FlowsExported")[..2],
        [6, 0],
        "equal lines are different flows"
    );
    assert_eq!(values("DuplicateDeliveries")[..2], [0, 8]);
    assert_eq!(values("PayloadErrors"), [0, 0, 1, 0]);
    assert_eq!(values("FormatLookupErrors"), [1, 0, 0, 0]);
    assert!(values("SendErrors")[3] > 0);
    assert_eq!(metrics[2].get("DeliveryLagSeconds"), None);
    for line in &metrics {
        assert!(line["RecordsReceived"].is_u64() && line["Version"].is_string());
        let zeros = line.as_object().expect("an object").iter();
        let zeros = zeros.filter(|(name, value)| *value == 0 && *name != "RecordsReceived");
        assert_eq!(zeros.count(), 0, "{line}");
    }
    assert_eq!(metrics[0]["Accounts"], serde_json::json!(["123456789012"]));
    assert!(metrics[0]["Source"] == "flows" && metrics[0]["RequestId"].is_string());
    // Not a line per record.
    assert!(output.lines().count() < 20, "{output}");
}
