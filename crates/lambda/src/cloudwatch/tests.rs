//! Decisions of the function by itself; the whole is tested with the real binary (`tests/tests/function`).

use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::BehaviorVersion;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flowlogs_core::Counters;

use super::*;
use crate::config::RawConfig;
use crate::ec2::testing::{Reply, Server, lookups, members, page};

fn config(log_format: Option<&str>) -> Config {
    let raw = RawConfig::read(|name| match name {
        "COLLECTOR" => Some("udp://127.0.0.1:4739".to_owned()),
        "LOG_FORMAT" => log_format.map(str::to_owned),
        _ => None,
    });
    Config::new(&raw).expect("right settings")
}

fn report(records_received: u64, unparsed_records: u64) -> BatchReport {
    let counters = Counters {
        records_received,
        unparsed_records,
        ..Counters::default()
    };
    BatchReport {
        counters,
        ..BatchReport::default()
    }
}

#[tokio::test]
async fn lines_come_again_only_where_none_was_parsed_and_ec2_never_answered() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let mut ec2 = lookups(closed.expect("a port"));
    let auto = config(None);
    assert!(
        check_format_is_known("g", &report(3, 3), &auto, &ec2).is_ok(),
        "EC2 was not asked yet"
    );
    ec2.refresh_flow_logs(Instant::now()).await;
    let failure = check_format_is_known("g", &report(3, 3), &auto, &ec2).expect_err("no format");
    assert_eq!(failure.name(), "FormatUnknown");
    assert!(failure.to_string().contains("\"g\"") && failure.to_string().contains("LOG_FORMAT"));
    assert!(
        check_format_is_known("g", &report(3, 2), &auto, &ec2).is_ok(),
        "one line was parsed"
    );
    assert!(
        check_format_is_known("g", &report(0, 0), &auto, &ec2).is_ok(),
        "there was no line"
    );
    let given = config(Some("${version} ${srcaddr}"));
    assert!(
        check_format_is_known("g", &report(3, 3), &given, &ec2).is_ok(),
        "the format is given"
    );
}

#[test]
fn the_summary_is_the_counters_by_their_names() {
    let metrics = Metrics {
        counters: report(3, 1).counters,
        ..Metrics::default()
    };
    let summary = |log_group| {
        serde_json::to_value(InvocationSummary { log_group, metrics }).expect("a value")
    };
    let named = summary(Some("g".to_owned()));
    assert_eq!(named["LogGroup"], "g");
    assert_eq!(
        (&named["RecordsReceived"], &named["UnparsedRecords"]),
        (&3.into(), &1.into())
    );
    assert_eq!(
        named.get("DeliveryLagSeconds"),
        None,
        "unknown without a flow"
    );
    assert_eq!(summary(None).get("LogGroup"), None);
}

/// A function that sends to these collectors, knows the default format, and asks nobody.
fn function(collectors: &str) -> CloudWatch {
    let raw = RawConfig::read(|name| match name {
        "COLLECTOR" => Some(collectors.to_owned()),
        "INVENTORY" => Some("off".to_owned()),
        "LOG_FORMAT" => Some(FORMAT.to_owned()),
        _ => None,
    });
    let config = Config::new(&raw).expect("right settings");
    let mut environment =
        Environment::new(config, "flows".to_owned(), None).expect("no certificates");
    environment.own_log_group = Some("/aws/lambda/own".to_owned());
    CloudWatch::new(environment, SdkConfig::builder().build())
}

const FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
    ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// Base64 of a payload with one line.
fn data(log_group: &str, id: u32) -> String {
    let line = format!(
        "2 123456789012 eni-1 10.0.0.1 10.0.0.2 {id} 443 6 1 40 1795000000 1795000059 ACCEPT OK"
    );
    let payload = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": log_group, "logStream": "s",
        "logEvents": [{"id": format!("{id:056}"), "timestamp": 1_795_000_000_000_u64, "message": line}],
    });
    STANDARD.encode(payload.to_string())
}

fn message(id: &str, body: &Value) -> Value {
    json!({
        "messageId": id, "eventSource": "aws:sqs", "body": body.to_string(),
        "attributes": {"SentTimestamp": "1795000000000", "ApproximateReceiveCount": "3"},
    })
}

/// Record of an invocation that failed with this error.
fn failed(data: &str, error: &str) -> Value {
    json!({
        "requestPayload": {"awslogs": {"data": data}},
        "responsePayload": {"errorType": "CollectorUnreachable", "errorMessage": error},
    })
}

fn kinesis(number: u32, data: &str) -> Value {
    json!({
        "eventSource": "aws:kinesis", "eventID": format!("shardId-000000000000:{number}"),
        "kinesis": {"sequenceNumber": number.to_string(), "data": data},
    })
}

/// Answer and metrics line of an invocation.
async fn invoke(function: &mut CloudWatch, event: Value) -> (Result<Value, Failure>, Value) {
    let event = RawValue::from_string(event.to_string()).expect("JSON");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut line = Vec::new();
    let answer = function.invoke(&event, "7", deadline, &mut line).await;
    let answer = answer.map(|answer| serde_json::to_value(answer).expect("a value"));
    (answer, serde_json::from_slice(&line).unwrap_or_default())
}

fn udp() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_nonblocking(true).expect("a socket");
    let url = format!("udp://{}", socket.local_addr().expect("bound"));
    (socket, url)
}

fn received(socket: &UdpSocket) -> usize {
    let mut message = [0; 2_000];
    std::iter::from_fn(|| socket.recv(&mut message).ok()).count()
}

#[tokio::test]
async fn of_a_failure_queue_only_the_messages_that_fail_again_stay() {
    let (collector, url) = udp();
    let mut function = function(&url);
    let good = message("good", &failed(&data("g", 1), "x"));
    let bad = message(
        "bad",
        &json!({"requestPayload": {"awslogs": {"data": "H4sI"}}}),
    );
    let (answer, line) = invoke(&mut function, json!({"Records": [bad, good]})).await;
    assert_eq!(
        answer.expect("partial failures"),
        json!({"batchItemFailures": [{"itemIdentifier": "bad"}]})
    );
    assert!(received(&collector) > 0);
    assert_eq!(
        (&line["FlowsExported"], &line["PayloadErrors"]),
        (&1.into(), &1.into())
    );
    assert!(
        line["OldestUndeliveredSeconds"].as_u64() > Some(0),
        "{line}"
    );
    assert_eq!(
        line.get("DeliveryLagSeconds"),
        None,
        "old payloads do not lag"
    );
    assert_eq!(line["Accounts"], json!(["123456789012"]));
}

#[tokio::test]
async fn a_payload_from_the_failure_queue_goes_to_the_targets_that_its_error_names() {
    let ((first, first_url), (second, second_url)) = (udp(), udp());
    let mut function = function(&format!("{first_url},{second_url}"));
    let named = format!("{second_url}: connection reset");
    let forged = format!("tcp://elsewhere:4739: x; {named}");
    let gone = "tcp://elsewhere:4739: connection reset".to_owned();
    for (id, (error, takes_part)) in (1..).zip([(named, false), (forged, false), (gone, true)]) {
        let record = message("m", &failed(&data("g", id), &error));
        let (answer, _) = invoke(&mut function, json!({"Records": [record]})).await;
        assert_eq!(answer.expect("delivered"), json!({"batchItemFailures": []}));
        assert_eq!(received(&first) > 0, takes_part, "{error}");
        assert!(received(&second) > 0, "{error}");
    }
}

#[tokio::test]
async fn a_record_of_a_stream_that_nobody_can_read_does_not_block_the_shard() {
    let (_collector, url) = udp();
    let records = [
        kinesis(1, &data("g", 1)),
        kinesis(2, "H4sI"),
        kinesis(3, &data("g", 2)),
    ];
    let (answer, line) = invoke(&mut function(&url), json!({"Records": records})).await;
    assert_eq!(answer.expect("done"), json!({"batchItemFailures": []}));
    assert_eq!(
        (&line["FlowsExported"], &line["PayloadErrors"]),
        (&2.into(), &1.into())
    );
}

#[tokio::test]
async fn a_stream_comes_again_from_the_first_record_that_was_not_delivered() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("tcp://{}", closed.expect("a port"));
    let records = [
        kinesis(1, "H4sI"),
        kinesis(2, &data("g", 1)),
        kinesis(3, &data("g", 2)),
    ];
    let (answer, _) = invoke(&mut function(&url), json!({"Records": records})).await;
    let first = json!({"batchItemFailures": [{"itemIdentifier": "2"}]});
    assert_eq!(answer.expect("partial failures"), first);
}

#[tokio::test]
async fn a_payload_of_the_own_log_group_is_dropped_and_named_once() {
    let (collector, url) = udp();
    let mut function = function(&url);
    for first in [true, false] {
        let event = json!({"awslogs": {"data": data("/aws/lambda/own", 1)}});
        let (answer, line) = invoke(&mut function, event).await;
        assert_eq!(answer.expect("acknowledged")["PayloadErrors"], 1);
        assert_eq!(line["PayloadErrors"].is_u64(), first, "{line}");
    }
    assert_eq!(received(&collector), 0);
}

#[tokio::test]
async fn a_payload_of_the_own_log_group_does_not_silence_the_metrics_of_others() {
    let (collector, url) = udp();
    let mut function = function(&url);
    let own = |number| kinesis(number, &data("/aws/lambda/own", number));
    let (_, line) = invoke(&mut function, json!({"Records": [own(1), own(2)]})).await;
    assert_eq!(line["PayloadErrors"], 2, "the first is named");
    for records in [
        [own(3), kinesis(4, &data("flows", 4)), own(5)],
        [kinesis(6, &data("flows", 6)), own(7), own(8)],
    ] {
        let (answer, line) = invoke(&mut function, json!({"Records": records})).await;
        assert_eq!(answer.expect("delivered"), json!({"batchItemFailures": []}));
        assert_eq!(line["RecordsReceived"], 1, "{line}");
        assert_eq!(line["PayloadErrors"], 2, "{line}");
    }
    let (_, line) = invoke(&mut function, json!({"Records": [own(9), own(10)]})).await;
    assert_eq!(line, Value::Null, "would beget another payload");
    assert!(received(&collector) > 0);
}

#[tokio::test]
async fn the_check_event_says_what_is_missing_and_sends_nothing() {
    let (collector, url) = udp();
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let gone = format!("tcp://{}", closed.expect("a port"));
    let mut function = function(&format!("{url},{gone}"));
    let (answer, _) = invoke(&mut function, json!({"flowlogs": "check"})).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer["collectors"][0]["connected"], true);
    assert_eq!(answer["collectors"][1]["connected"], false);
    let missing = answer["missing"].as_array().expect("sentences");
    let [sentence] = missing.as_slice() else {
        panic!("{missing:?}");
    };
    assert!(
        sentence.as_str().expect("text").contains(&gone),
        "{sentence}"
    );
    assert_eq!(received(&collector), 0);
}

#[tokio::test]
async fn an_event_without_a_payload_is_an_error() {
    let (_collector, url) = udp();
    for event in [
        json!({}),
        json!({"records": [{"data": "H4sI"}]}),
        json!({"awslogs": {}}),
    ] {
        let (answer, line) = invoke(&mut function(&url), event).await;
        assert_eq!(answer.expect_err("no payload").name(), "PayloadJson");
        assert_eq!(line["PayloadErrors"], 1);
    }
}

/// Payload of the log group `g` with these lines, each with this timestamp.
fn lines_at(timestamp: u64, lines: &[&str]) -> Value {
    let events = lines.iter().zip(1..).map(
        |(line, id)| json!({"id": format!("{timestamp}{id}"), "timestamp": timestamp, "message": line}),
    );
    let payload = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "g", "logStream": "s",
        "logEvents": events.collect::<Vec<_>>(),
    });
    json!({"awslogs": {"data": STANDARD.encode(payload.to_string())}})
}

/// Function that asks this EC2; `LOG_FORMAT` may be set.
fn asking(collectors: &str, server: &Server, log_format: &'static str) -> CloudWatch {
    let raw = RawConfig::read(|name| match name {
        "COLLECTOR" => Some(collectors.to_owned()),
        "LOG_FORMAT" => Some(log_format.to_owned()),
        _ => None,
    });
    let config = Config::new(&raw).expect("right settings");
    let environment = Environment::new(config, "flows".to_owned(), None).expect("no certificates");
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest());
    let mut function = CloudWatch::new(environment, aws.build());
    function.function.ec2 = Some(server.lookups());
    function
}

/// Number of questions for formats that this EC2 was asked.
fn questions_for_formats(server: &Server) -> usize {
    let requests = server.requests().into_iter();
    requests
        .filter(|request| request.action == "DescribeFlowLogs")
        .count()
}

/// A minute passes, as far as questions for formats are concerned.
fn minute_passes(function: &mut CloudWatch) {
    let ec2 = function.function.ec2.as_mut();
    ec2.expect("it asks").end_flow_log_pause();
}

const KNOWN: &str =
    "2 123456789012 eni-1 10.0.0.1 10.0.0.2 7 443 6 1 40 1795000000 1795000059 ACCEPT OK";
const CUSTOM: &str = "10.0.0.1 10.0.0.2 7 443 6 1 40 1795000000 1795000059";
const JUNK: &str = "GET /index.html 200";

#[tokio::test]
async fn a_new_format_of_a_known_log_group_loses_nothing_and_other_lines_cost_one_retry() {
    let (collector, url) = udp();
    let formats = Arc::new(Mutex::new(vec![FORMAT]));
    let known = Arc::clone(&formats);
    let server = Server::start(move |_| {
        let formats = known.lock().expect("no panic while locked");
        let flow_logs = formats.iter().zip(1..).map(|(format, number)| {
            members(&[
                ("flowLogId", &format!("fl-{number}")),
                ("resourceId", "vpc-1"),
                ("logGroupName", "g"),
                ("logFormat", format),
            ])
        });
        page("flowLogSet", &flow_logs.collect::<Vec<_>>(), None)
    });
    let mut function = asking(&url, &server, "auto");
    let old = lines_at(now() - 60_000, &[KNOWN]);
    let (answer, _) = invoke(&mut function, old).await;
    assert_eq!(answer.expect("a known format")["FlowsExported"], 1);
    assert!(received(&collector) > 0);

    tokio::time::sleep(Duration::from_millis(5)).await;
    let young = lines_at(now(), &[KNOWN, CUSTOM]);
    let (answer, line) = invoke(&mut function, young.clone()).await;
    let failure =
        answer.expect_err("asked before the line was written, and less than a minute ago");
    assert_eq!(failure.name(), "FormatUnknown");
    assert_eq!(line["RecordsReceived"], 0, "{line}");
    assert_eq!(received(&collector), 0, "nothing of the payload is sent");
    assert_eq!(questions_for_formats(&server), 1, "at most once a minute");

    formats.lock().expect("no panic while locked").push(
        "${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end}",
    );
    minute_passes(&mut function);
    let (answer, _) = invoke(&mut function, young).await;
    assert_eq!(answer.expect("EC2 is asked again")["FlowsExported"], 2);
    assert_eq!(questions_for_formats(&server), 2);

    tokio::time::sleep(Duration::from_millis(5)).await;
    let junk = lines_at(now(), &[JUNK, KNOWN]);
    let (answer, _) = invoke(&mut function, junk.clone()).await;
    assert_eq!(answer.expect_err("young").name(), "FormatUnknown");
    minute_passes(&mut function);
    for _ in 0..2 {
        let (answer, _) = invoke(&mut function, junk.clone()).await;
        assert_eq!(answer.expect("known to be none")["UnparsedRecords"], 1);
    }
    assert_eq!(questions_for_formats(&server), 3);
}

#[tokio::test]
async fn a_timestamp_in_the_future_does_not_make_a_payload_come_again_for_ever() {
    let (_collector, url) = udp();
    let server = Server::start(|_| page("flowLogSet", &[], None));
    let mut function = asking(&url, &server, "auto");
    let future = lines_at(now() + 7_200_000, &[JUNK, KNOWN]);
    let (answer, _) = invoke(&mut function, future).await;
    assert_eq!(answer.expect("EC2 is asked at once")["UnparsedRecords"], 1);
}

#[tokio::test]
async fn without_an_answer_a_line_that_fits_nothing_comes_again_for_half_an_hour() {
    let (_collector, url) = udp();
    let server = Server::start(|_| Reply::Error("UnauthorizedOperation"));
    let mut function = asking(&url, &server, "auto");
    let (answer, line) = invoke(&mut function, lines_at(now(), &[KNOWN, JUNK])).await;
    let failure = answer.expect_err("young");
    assert_eq!(failure.name(), "FormatUnknown");
    assert!(
        failure.to_string().contains("UnauthorizedOperation"),
        "{failure}"
    );
    assert_eq!(line["FormatLookupErrors"], 1, "{line}");
    let old = lines_at(now() - 31 * 60_000, &[KNOWN, JUNK]);
    let (answer, _) = invoke(&mut function, old).await;
    assert_eq!(answer.expect("old")["UnparsedRecords"], 1);
}

#[tokio::test]
async fn where_the_format_is_given_a_line_that_fits_nothing_is_unparsed_at_once() {
    let (_collector, url) = udp();
    let server = Server::start(|_| Reply::Error("UnauthorizedOperation"));
    let mut function = asking(&url, &server, FORMAT);
    let (answer, _) = invoke(&mut function, lines_at(now(), &[KNOWN, JUNK])).await;
    assert_eq!(answer.expect("nothing is asked")["UnparsedRecords"], 1);
}

/// Names that were announced before a payload of unknown format stay announced: nothing of the payload was sent.
#[tokio::test]
async fn a_payload_that_comes_again_for_its_format_repeats_no_name() {
    let (collector, url) = udp();
    let server = Server::start(|_| Reply::Error("UnauthorizedOperation"));
    let mut function = asking(&url, &server, "auto");
    let old = now() - 31 * 60_000;
    let (answer, _) = invoke(&mut function, lines_at(old, &[KNOWN])).await;
    let first = answer.expect("the default format");
    let (answer, _) = invoke(&mut function, lines_at(old + 1, &[JUNK])).await;
    let failure = answer.expect_err("no line fits, and EC2 never answered");
    assert_eq!(failure.name(), "FormatUnknown");
    let (answer, _) = invoke(&mut function, lines_at(old + 2, &[KNOWN])).await;
    let last = answer.expect("the default format");
    let [first, last] = [first, last].map(|answer| {
        assert_eq!(answer["FlowsExported"], 1);
        answer["OptionsRecords"].as_u64().expect("a counter")
    });
    assert!(last < first, "{last} of {first}");
    assert!(received(&collector) > 0);
}
