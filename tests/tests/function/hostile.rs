//! Hostile input to the real binaries: names of megabytes, names that would be lines of their own, answers without end.

use std::time::Duration;

use flowlogs_testing::http;
use serde_json::{Value, json};

use crate::bucket::BUCKET;
use crate::collector::Collector;
use crate::one_function::OneFunction;
use crate::organization::{Answered, Organization};
use crate::payload::{event, event_of, lines};
use crate::runtime::{Function, counter};

/// Most resident memory of a function, in octets, whatever comes: what 256 MB leave beside the runtime of Lambda.
pub(crate) const MOST_MEMORY: u64 = 224 << 20;

/// Text that would be a metrics line, if a name could begin a line, with everything that disturbs a terminal.
pub(crate) const FORGED: &str = "\n{\"_aws\":{},\"FunctionName\":\"forged\",\"FlowsExported\":999999}\r\n\u{1b}[31m\u{9b}1m\u{202e}\u{2028}\u{200b}";

/// Everything that a function printed is JSON, its metrics are its own, and nothing disturbs a terminal.
fn assert_own_lines(function: &Function, name: &str, invocations: usize) {
    let output = function.output();
    let disturbs =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202a}'..='\u{202e}' | '\u{200b}');
    for line in output.lines() {
        let value: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{error}, not one JSON object: {line}"));
        assert!(value.is_object() && !line.contains(disturbs), "{line:?}");
        assert!(line.len() < 10_000, "{} octets in a line", line.len());
    }
    let metrics = function.metrics();
    assert_eq!(metrics.len(), invocations, "{output}");
    for line in metrics {
        assert_eq!(line["FunctionName"], name, "{line}");
    }
    let errors = function.errors();
    assert!(
        !errors.contains("_aws") && !errors.contains("panicked"),
        "{errors}"
    );
}

#[test]
fn names_of_megabytes_take_no_memory() {
    let collector = Collector::start();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url().as_str()),
        ("INVENTORY", "ec2"),
        ("AWS_ENDPOINT_URL", &crate::aws::ec2_with_inventory()),
    ]) else {
        return;
    };
    let long = "x".repeat(5 << 20);
    for number in 0..100 {
        let payload = json!({
            "messageType": "DATA_MESSAGE", "owner": "123456789012",
            "logGroup": format!("{number}{long}"), "logStream": format!("{number}{long}{long}"),
            "logEvents": [{"id": format!("{number:056}"), "timestamp": 1, "message": lines(number, 1)[0]}],
        });
        let answer = function.invoke(&event_of(&payload.to_string()));
        let answer = answer.unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(answer["FlowsExported"], 1, "{answer}");
    }
    let memory = function.process().memory("VmHWM");
    assert!(memory < MOST_MEMORY, "{memory} octets");
}

/// Names of a payload, a stream and a queue, and lines, with the log format Text.
#[test]
fn no_name_of_a_payload_begins_a_line_or_makes_metrics() {
    let collector = Collector::start();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url().as_str()),
        ("INVENTORY", "ec2"),
        ("AWS_ENDPOINT_URL", &crate::aws::ec2_that_refuses()),
        ("AWS_LAMBDA_LOG_FORMAT", "Text"),
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
    ]) else {
        return;
    };
    let skipped = format!(
        "2 123456789012 eni-{} - - - - - - - 1795000000 1795000059 - SKIPDATA",
        FORGED.replace(char::is_whitespace, "")
    );
    let payload = json!({
        "messageType": "DATA_MESSAGE", "owner": FORGED, "logGroup": FORGED, "logStream": FORGED,
        "subscriptionFilters": [FORGED],
        "logEvents": [
            {"id": FORGED, "timestamp": 1, "message": lines(0, 1)[0]},
            {"id": "2", "timestamp": 1, "message": FORGED},
            {"id": "3", "timestamp": 1, "message": skipped},
        ],
    });
    let answer = function
        .invoke(&event_of(&payload.to_string()))
        .expect("delivered");
    assert_eq!(answer["FlowsExported"], 1, "{answer}");
    let record = |data: &str| {
        json!({"eventSource": "aws:kinesis", "eventID": format!("shard-{FORGED}:{FORGED}"),
            "eventSourceARN": format!("arn:aws:kinesis:eu-central-1:1:stream/{FORGED}"),
            "kinesis": {"sequenceNumber": FORGED, "data": data}})
    };
    let records = json!({"Records": [record("*"), record(FORGED)]});
    let answer = function.invoke(records.to_string().as_bytes());
    answer.expect("records that nobody can read are passed over");
    let message = |body: &str| json!({"eventSource": "aws:sqs", "messageId": FORGED, "body": body, "attributes": {}});
    let invocation = json!({"requestPayload": {"awslogs": {"data": FORGED}},
        "responsePayload": {"errorType": FORGED, "errorMessage": FORGED}});
    let messages = json!({"Records": [message(FORGED), message(&invocation.to_string())]});
    let answer = function.invoke(messages.to_string().as_bytes());
    let failed = answer.expect("the messages stay")["batchItemFailures"].clone();
    assert_eq!(failed.as_array().map(Vec::len), Some(2), "{failed}");
    assert_own_lines(&function, "flowlogs-cloudwatch", 3);
}

#[test]
fn no_name_of_an_object_begins_a_line_or_makes_metrics() {
    let collector = Collector::start();
    let address = http::serve(|_, stream| {
        let error = "<Error><Code>NoSuchKey</Code><Message>\n{\"_aws\":{}}\n</Message></Error>";
        http::xml(stream, 404, error)
    });
    let Some(function) = Function::start_s3(&[
        ("COLLECTOR", collector.url()),
        ("INVENTORY", "off".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_LAMBDA_LOG_FORMAT", "Text".to_owned()),
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG".to_owned()),
    ]) else {
        return;
    };
    let record = |bucket: &str, key: &str| {
        json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key, "versionId": FORGED, "eTag": FORGED}}})
    };
    let below = format!("AWSLogs/{FORGED}/CloudTrail/{FORGED}");
    let records = [
        record(BUCKET, FORGED),
        record(BUCKET, &below),
        record(BUCKET, "%zz"),
        record(&format!("{BUCKET}{FORGED}"), "a.log.gz"),
    ];
    for record in records {
        // Some are acknowledged and some are not; what is printed matters.
        let _ = function.invoke(json!({"Records": [record]}).to_string().as_bytes());
    }
    let message = |body: &str| json!({"eventSource": "aws:sqs", "messageId": FORGED, "body": body});
    let messages = json!({"Records": [message(FORGED), message(&format!("{{{FORGED}")), message("{\"Records\": [{}]}")]});
    let answer = function.invoke(messages.to_string().as_bytes());
    answer.expect("a partial batch response");
    assert_own_lines(&function, "flowlogs-s3", 5);
}

#[test]
fn answers_without_end_do_not_fill_the_function_of_the_inventory() {
    for (service, starts) in [
        ("EC2", "Action=Describe"),
        ("STS", "Action=AssumeRole"),
        ("Organizations", "{"),
        ("S3", ""),
    ] {
        for status in [200, 403] {
            let organization = Organization::start_behind(move |request, stream| {
                let is_s3 = request.method != "POST";
                let is_asked = if starts.is_empty() {
                    is_s3
                } else {
                    request.body.starts_with(starts)
                };
                match is_asked {
                    true => Answered::Yes(http::endless(stream, status, "")),
                    false => Answered::No,
                }
            });
            let mut variables = organization.variables();
            if service == "Organizations" {
                variables.push(("ACCOUNTS", "organization".to_owned()));
            }
            let Some(function) = OneFunction::start("flowlogs-inventory", &variables) else {
                return;
            };
            // A round of which a service fails says so; what it takes is bounded.
            let time = Duration::from_secs(3);
            let _ = function.invoke(br#"{"source": "aws.events"}"#, time);
            let memory = function.process().memory("VmHWM");
            assert!(memory < MOST_MEMORY, "{service} {status}: {memory} octets");
        }
    }
}

#[test]
fn an_answer_of_ec2_without_end_takes_neither_memory_nor_flows() {
    let collector = Collector::start();
    let address = http::serve(|_, stream| http::endless(stream, 200, "content-type: text/xml\r\n"));
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url()),
        ("INVENTORY", "ec2".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
    ]) else {
        return;
    };
    let answer = function.invoke(&event("flows", &lines(0, 50)));
    assert_eq!(answer.expect("delivered")["FlowsExported"], 50);
    assert_eq!(collector.flows(50).len(), 50);
    assert!(counter(&function.last_metrics(), "FormatLookupErrors") > 0);
    let memory = function.process().memory("VmHWM");
    assert!(memory < MOST_MEMORY, "{memory} octets");
}
