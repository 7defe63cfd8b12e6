//! The function behind a bucket: every way of a notice, both kinds of objects, and everything that goes wrong.

use std::time::Instant;

use flowlogs_testing::http;
use flowlogs_testing::wire::{Reader, messages};
use flowlogs_tests::collectors::nfcapd::{self, Nfcapd};
use flowlogs_tests::replay::replay;
use serde_json::{Value, json};

use crate::aws::ec2_with;
use crate::bucket::{BUCKET, Bucket, WAYS, Way};
use crate::collector::{Collector, Drain};
use crate::objects::{gzip, parquet, text};
use crate::runtime::{Function, counter};

/// Keys of AWS, Hive-compatible, so that notices of S3 encode the key.
const TEXT: &str = "p/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2026/month=11/\
    day=18/hour=21/123456789012_vpcflowlogs_eu-central-1_fl-1_20261118T2100Z_1.log.gz";
const PARQUET: &str =
    "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/18/a copy of flows.log.parquet";

fn function(collector: &str, endpoint: &str) -> Option<Function> {
    Function::start_s3(&[
        ("COLLECTOR", collector),
        ("AWS_ENDPOINT_URL", endpoint),
        ("INVENTORY", "off"),
        ("UDP_RATE", "100000"),
    ])
}

/// The sum of a counter over all invocations.
fn total(function: &Function, name: &str) -> u64 {
    let metrics = function.metrics();
    let values = metrics.iter().map(|line| counter(line, name));
    values.sum()
}

#[test]
fn objects_of_both_kinds_are_exported_once_whatever_way_their_notices_take() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let file = directory.path().join("flows.log.gz");
    std::fs::write(&file, text(0..100)).expect("a file");
    let expected = replay(&["--region", "eu-central-1"], &[file]).flows();
    assert_eq!(expected.len(), 100);
    let mut expected: Vec<_> = expected.iter().map(nfcapd::as_shown).collect();
    expected.sort();
    for way in WAYS {
        let (Some(bucket), Some(nfcapd)) = (Bucket::make(way), Nfcapd::start()) else {
            return;
        };
        let Some(function) = function(&nfcapd.url(), &bucket.moto.endpoint) else {
            return;
        };
        bucket.put(&[
            (TEXT, &text(0..60)),
            (PARQUET, &parquet(60..100)),
            ("AWSLogs/123456789012/CloudTrail/x.json.gz", &gzip(b"{}")),
        ]);
        let event = bucket.receive("notices").expect("notices");
        let invoke = |event: &Value| {
            let answer = function.invoke(event.to_string().as_bytes());
            answer.unwrap_or_else(|failure| panic!("{way:?}: {failure:?}"))
        };
        let answer = invoke(&event);
        assert_eq!(answer, json!({"batchItemFailures": []}), "{way:?}");
        bucket.settle(&event, &answer);
        bucket.poll(&function);
        // Queues deliver at least once.
        invoke(&event);
        // Messages in the queue may come without a deadline.
        for message in event["Records"].as_array().expect("messages") {
            let body = message["body"].as_str().expect("a body");
            invoke(&serde_json::from_str(body).expect("JSON"));
        }
        for (name, count) in [
            ("ObjectsExported", 2),
            ("DuplicateObjects", 4),
            ("ObjectsSkipped", 3),
            ("ObjectErrors", 0),
            ("FlowsExported", 100),
            ("RecordsReceived", 100),
        ] {
            assert_eq!(total(&function, name), count, "{way:?}: {name}");
        }
        assert_eq!(function.metrics()[0]["Source"], BUCKET);
        let collected = nfcapd.stop();
        let mut flows = collected.flows;
        flows.sort();
        assert_eq!(collected.bad_packets, 0);
        assert_eq!(flows, expected, "{way:?}");
        assert_eq!(bucket.receive("dead"), None);
    }
}

/// Holds that a log line names an object and its error, or that none names the object if the error is empty.
fn assert_named(log: &str, key: &str, error: &str) {
    let lines = log.lines().filter(|line| line.contains("passed over"));
    let named: Vec<_> = lines
        .filter(|line| line.contains(&format!("\"key\":\"{key}\"")))
        .collect();
    match (error, named.as_slice()) {
        ("", []) => {}
        (error, [line]) => assert!(line.contains(error) && line.contains(BUCKET), "{line}"),
        _ => panic!("{key}: {log}"),
    }
}

#[test]
fn what_cannot_be_decoded_or_is_gone_is_acknowledged_and_named_and_nothing_is_repeated() {
    let Some(bucket) = Bucket::make(Way::Queue) else {
        return;
    };
    let collector = Collector::start();
    let Some(function) = function(&collector.url(), &bucket.moto.endpoint) else {
        return;
    };
    let (whole, columns) = (text(100..2_100), parquet(2_100..2_200));
    let objects: [(&str, &[u8], &str); 6] = [
        ("good.log.gz", &text(0..50), ""),
        ("also good.parquet", &parquet(50..100), ""),
        ("cut.log.gz", &whole[..whole.len() / 2], "ObjectGzip"),
        (
            "footer.parquet",
            &columns[..columns.len() - 9],
            "ObjectParquetFooter",
        ),
        (
            "web.log.gz",
            &gzip(b"GET /index.html HTTP/1.0\n"),
            "ObjectNotAFlowLog",
        ),
        ("gone.log.gz", &text(100..101), "ObjectMissing"),
    ];
    bucket.put(&objects.map(|(key, octets, _)| (key, octets)));
    bucket.delete("gone.log.gz");
    let before = bucket.contents();
    bucket.poll(&function);
    assert_eq!(
        bucket.receive("notices"),
        None,
        "everything is acknowledged"
    );
    assert_eq!(bucket.receive("dead"), None);
    let log = function.output();
    for (key, _, name) in objects {
        assert_named(&log, key, name);
    }
    assert_eq!(total(&function, "ObjectsExported"), 2);
    assert_eq!(total(&function, "ObjectErrors"), 4);
    assert_eq!(
        total(&function, "PayloadErrors"),
        3,
        "the missing one is none"
    );
    let cut = total(&function, "FlowsExported") - 100;
    assert!(
        (500..2_000).contains(&cut),
        "a cut object is exported up to the cut, once: {cut}"
    );
    assert_eq!(bucket.contents(), before, "nothing in the bucket changes");
}

/// An S3 that says this and nothing else.
fn refusing(status: u16, code: &str, message: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let address = http::serve(move |_, stream| http::xml(stream, status, &body));
    format!("http://{address}")
}

/// Two interfaces in a VPC with two flow logs: to a Firehose stream, and to the bucket in a format that exchanges source and
/// destination, packets and octets.
fn ec2_with_a_delivery_stream() -> String {
    let interface = |id: &str, address: &str| {
        json!({"NetworkInterfaceId": id, "VpcId": "vpc-1", "OwnerId": "123456789012", "Status": "in-use",
               "PrivateIpAddress": address, "PrivateIpAddresses": [{"PrivateIpAddress": address}]})
    };
    let flow_log = |id: &str, destination: &str, format: &str| {
        json!({"FlowLogId": id, "ResourceId": "vpc-1", "TrafficType": "ALL", "LogDestination": destination,
               "DeliverLogsStatus": "SUCCESS", "LogFormat": format})
    };
    let of_stream = "${interface-id} ${srcaddr} ${dstaddr} ${packets} ${bytes} ${start} ${end} ${action} ${flow-direction}";
    let of_bucket = "${interface-id} ${dstaddr} ${srcaddr} ${bytes} ${packets} ${start} ${end} ${action} ${flow-direction}";
    let stream = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/flow-logs";
    ec2_with(json!({
        "FlowLogs": [
            flow_log("fl-1", &format!("arn:aws:s3:::{BUCKET}"), of_bucket),
            flow_log("fl-2", stream, of_stream),
        ],
        "NetworkInterfaces": [interface("eni-1", "10.0.0.1"), interface("eni-2", "10.0.0.2")],
        "Vpcs": [{"VpcId": "vpc-1", "OwnerId": "123456789012"}],
    }))
}

#[test]
fn formats_and_coverage_of_an_object_of_firehose_are_those_of_its_delivery_stream() {
    let Some(bucket) = Bucket::make(Way::Queue) else {
        return;
    };
    let collector = Collector::start();
    let end = flowlogs_export::now() / 1_000 - 300;
    let line = |interface: &str, direction: &str| {
        let start = end - 60;
        json!({"message": format!("{interface} 10.0.0.1 10.0.0.2 7 400 {start} {end} ACCEPT {direction}")})
    };
    // As Firehose writes records of a flow log: without line ends.
    let object = format!("{}{}", line("eni-1", "egress"), line("eni-2", "ingress"));
    let [of_stream, of_nobody] = ["flow-logs", "other"].map(|stream| {
        format!("2026/11/28/10/{stream}-3-2026-11-28-10-15-04-0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    });
    bucket.put(&[
        (&of_stream, object.as_bytes()),
        (&of_nobody, object.as_bytes()),
    ]);
    let Some(function) = Function::start_s3(&[
        ("COLLECTOR", collector.url()),
        ("AWS_ENDPOINT_URL", bucket.moto.endpoint.clone()),
        ("AWS_ENDPOINT_URL_EC2", ec2_with_a_delivery_stream()),
    ]) else {
        return;
    };
    let summary = function
        .invoke(notice(&[&of_stream]).as_bytes())
        .expect("success");
    assert_eq!(
        summary["FlowsExported"],
        1,
        "{summary} {}",
        function.output()
    );
    assert_eq!(
        summary["DuplicateBothEnds"], 1,
        "the stream's flow log covers both ends"
    );
    let flows = collector.flows(1);
    let field = |name: &str| flows[0].field(name);
    assert_eq!(
        (
            field("SourceIpv4address"),
            field("OctetDeltaCount"),
            field("PacketDeltaCount")
        ),
        (Some("10.0.0.1"), Some("400"), Some("7"))
    );
    // An object merely named like Firehose's is an object of the bucket.
    let summary = function.invoke(notice(&[&of_nobody]).as_bytes());
    let exported = summary.expect("success")["FlowsExported"].as_u64();
    let exported = usize::try_from(exported.expect("a number")).expect("few");
    let flows = collector.flows(1 + exported);
    let by_bucket = flows
        .iter()
        .filter(|flow| flow.field("SourceIpv4address") == Some("10.0.0.2"));
    assert!(exported > 0 && by_bucket.count() == exported, "{flows:?}");
}

/// A direct notice of S3.
fn notice(keys: &[&str]) -> String {
    let records = keys.iter().map(|key| {
        json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
               "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1_000}}})
    });
    json!({"Records": records.collect::<Vec<_>>()}).to_string()
}

#[test]
fn a_bucket_that_says_no_fails_the_invocation_with_the_name_of_its_reason() {
    let collector = Collector::start();
    let kms =
        "User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: kms:Decrypt";
    for (endpoint, name, remedy) in [
        (
            refusing(403, "AccessDenied", "Access Denied"),
            "ObjectDenied",
            "s3:GetObject",
        ),
        (
            refusing(403, "AccessDenied", kms),
            "ObjectKeyDenied",
            "kms:Decrypt",
        ),
    ] {
        let Some(function) = function(&collector.url(), &endpoint) else {
            return;
        };
        let failure = function
            .invoke(notice(&["a.log.gz"]).as_bytes())
            .expect_err("it says no");
        assert_eq!(failure.error_type, name, "{}", failure.message);
        assert!(failure.message.contains(remedy), "{}", failure.message);
        assert_eq!(function.last_metrics()["ObjectErrors"], 1);
    }
}

#[test]
fn an_event_of_nothing_known_fails_with_its_name() {
    let collector = Collector::start();
    let Some(function) = function(&collector.url(), "http://127.0.0.1:9") else {
        return;
    };
    let failure = function
        .invoke(b"{\"hello\":1}")
        .expect_err("no notice of S3");
    assert_eq!(failure.error_type, "EventUnknown", "{}", failure.message);
    let metrics = function.last_metrics();
    assert_eq!(metrics["PayloadErrors"], 1);
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET});
    function
        .invoke(test.to_string().as_bytes())
        .expect("acknowledged");
}

/// The data records of the flows, as octets.
fn data_records(connections: &[Vec<u8>]) -> Vec<(u16, Vec<u8>)> {
    let mut records = Vec::new();
    for connection in connections {
        let mut reader = Reader::default();
        for message in messages(connection) {
            let message = reader.read(message).expect("a right message");
            for (template, fields) in message.records() {
                if template.scopes == 0 {
                    let octets = fields.iter().flat_map(|field| field.octets.clone());
                    records.push((template.id, octets.collect()));
                }
            }
        }
    }
    records.sort();
    records
}

/// Exports this many flows as text and as Parquet and compares the received flows.
fn compare(flows: usize) {
    let Some(bucket) = Bucket::make(Way::Queue) else {
        return;
    };
    let mut received = Vec::new();
    for (key, object) in [
        ("a.log.gz", text(0..flows)),
        ("a.parquet", parquet(0..flows)),
    ] {
        bucket.put(&[(key, &object)]);
        let collector = Drain::start(true);
        let Some(function) = function(&collector.url(), &bucket.moto.endpoint) else {
            return;
        };
        let started = Instant::now();
        function
            .invoke(notice(&[key]).as_bytes())
            .unwrap_or_else(|failure| panic!("{key}: {failure:?}"));
        let (took, octets) = (started.elapsed(), object.len());
        eprintln!(
            "{key}: {octets} octets, {took:.1?}, peak {} octets",
            function.process().memory("VmHWM")
        );
        drop(function);
        received.push(data_records(&collector.connections()));
    }
    let [from_text, from_parquet] = received.as_slice() else {
        panic!("two");
    };
    assert_eq!(from_text.len(), flows);
    assert!(from_text == from_parquet, "not the same records");
}

#[test]
fn flows_in_text_and_in_parquet_are_the_same_data_records() {
    compare(100_000);
}

#[test]
#[ignore = "gigabytes of memory; cargo test --workspace --test function -- --ignored million"]
fn a_million_flows_in_text_and_in_parquet_are_the_same_data_records() {
    compare(1_000_000);
}

#[test]
fn an_object_of_75_megabytes_passes_in_a_function_of_256_megabytes() {
    const LARGEST: usize = 75 * 1024 * 1024;
    let sample = 20_000;
    let flows = LARGEST / (text(0..sample).len() / sample);
    let object = text(0..flows);
    assert!(object.len() > LARGEST / 20 * 19, "{} octets", object.len());
    let Some(bucket) = Bucket::make(Way::Queue) else {
        return;
    };
    bucket.put(&[("a.log.gz", &object)]);
    let collector = Drain::start(false);
    let Some(function) = function(&collector.url(), &bucket.moto.endpoint) else {
        return;
    };
    let started = Instant::now();
    let summary = function
        .invoke(notice(&["a.log.gz"]).as_bytes())
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    let peak = function.process().memory("VmHWM");
    eprintln!(
        "{} octets, {flows} flows, {:.1?}, peak {peak} octets",
        object.len(),
        started.elapsed()
    );
    assert_eq!(summary["FlowsExported"], flows);
    assert!(peak < 96 * 1024 * 1024, "{peak} octets");
}
