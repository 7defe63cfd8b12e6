//! A soak: thousands of invocations of a process of constant memory. The real binaries, with the AWS SDK and the runtime,
//! sending over TCP and UDP: `flowlogs-cloudwatch` asks an EC2, `flowlogs-s3` reads objects of a bucket.

use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::aws::ec2_with_inventory;
use crate::bucket::BUCKET;
use crate::collector::Drain;
use crate::objects::gzip;
use crate::payload::event;
use crate::runtime::Function;
use flowlogs_testing::http;
use flowlogs_tests::generated;

/// Records of an invocation.
const RECORDS: u64 = 20;

/// Records of each invocation that fills the windows of deduplication (docs/limits.md) before anything is measured, and
/// how many there are of them.
const FILLING: (u64, u64) = (10_000, 60);

/// Octets that stay of an invocation. lambda_runtime puts the id of the trace into the environment, and glibc keeps all
/// values that a variable ever had, with the index.
const TRACE: u64 = 192;

/// New flows of 500 interfaces, so many, and a line that is no flow.
fn lines(first: u64, count: u64) -> Vec<String> {
    let mut lines = Vec::new();
    generated::lines(first, count, |line, _, _| {
        lines.push(line.to_owned());
    });
    lines.push("not a flow".to_owned());
    lines
}

/// Collectors that take everything, as a setting.
fn collectors() -> (Drain, UdpSocket, String) {
    let (stream, datagrams) = (Drain::start(false), UdpSocket::bind("127.0.0.1:0"));
    let datagrams = datagrams.expect("a port"); // nobody reads: octets without room are dropped
    let address = datagrams.local_addr().expect("a port");
    let setting = format!("{},udp://{address}", stream.url());
    (stream, datagrams, setting)
}

/// Invokes a function many times, each time with so many flows from a number on, and holds memory and descriptors to bounds.
/// `remembered` are the octets to remember of an invocation besides [`TRACE`].
fn soak(function: &Function, remembered: u64, invoke: impl Fn(u64, u64) -> Value) {
    let invocations = std::env::var("FLOWLOGS_SOAK_INVOCATIONS")
        .map_or(2_000, |text| text.parse::<usize>().expect("a number"));
    let flows = std::cell::Cell::new(0);
    let invoke = |count| {
        let first = flows.replace(flows.get() + count);
        let summary = invoke(first, count);
        assert_eq!(summary["FlowsExported"], count, "{summary}");
        assert_eq!(summary["UnparsedRecords"], 1, "{summary}");
        function.process().memory("VmRSS")
    };
    let (records, times) = FILLING;
    (0..times).for_each(|_| _ = invoke(records));
    let mut measured = vec![invoke(RECORDS)];
    let opened = function.process().descriptors();
    measured.extend((1..invocations).map(|_| invoke(RECORDS)));
    let open = function.process().descriptors();
    let window = 1_000.min(invocations / 2);
    let average = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
    let averages: Vec<_> = (0..=10)
        .map(|tenth| (invocations - window) * tenth / 10)
        .map(|begin| average(&measured[begin..begin + window]))
        .collect();
    eprintln!(
        "{invocations} invocations: resident octets at first, after each tenth, at last: {averages:?}; descriptors \
         {opened} and {open}"
    );
    // Connections to AWS come and go.
    assert!(open <= opened + 2, "{opened} descriptors, then {open}");
    let (first, last) = (averages[0], averages[10]);
    assert!(
        last <= first + (2 << 20) + (TRACE + remembered) * invocations as u64,
        "{first} octets at first, {last} at last"
    );
}

#[test]
fn memory_stays_where_it_is_over_many_invocations() {
    let (_stream, _datagrams, collectors) = collectors();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collectors),
        ("UDP_RATE", "1000000".to_owned()),
        ("AWS_ENDPOINT_URL", ec2_with_inventory()),
    ]) else {
        return;
    };
    soak(&function, 0, |first, count| {
        let summary = function.invoke(&event("flows", &lines(first, count)));
        summary.expect("it succeeds")
    });
}

/// A bucket whose objects are named by flows, as `FIRST-COUNT.log.gz`, and made on request.
fn bucket() -> String {
    let address = http::serve(|request, stream| {
        let (_, name) = request.target.split_once(&format!("/{BUCKET}/"))?;
        let (name, _) = name.split_once('.')?;
        let (first, count) = name.split_once('-')?;
        let lines = lines(first.parse().ok()?, count.parse().ok()?);
        let object = gzip(lines.join("\n").as_bytes());
        http::answer(stream, 200, &[("etag", &format!("\"{name}\""))], &object)
    });
    format!("http://{address}")
}

#[test]
fn memory_stays_where_it_is_over_many_objects() {
    let (_stream, _datagrams, collectors) = collectors();
    let Some(function) = Function::start_s3(&[
        ("COLLECTOR", collectors),
        ("UDP_RATE", "1000000".to_owned()),
        ("AWS_ENDPOINT_URL", bucket()),
        ("INVENTORY", "off".to_owned()),
    ]) else {
        return;
    };
    // The window of object versions is not full before 131,072 versions (hours); an entry has up to 64 octets, and the
    // window grows twofold.
    soak(&function, 2 * 64, |first, count| {
        let name = format!("{first}-{count}");
        let object = json!({"key": format!("{name}.log.gz"), "eTag": name});
        let notice = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": BUCKET}, "object": object},
        }]});
        let answer = function.invoke(notice.to_string().as_bytes());
        answer.expect("it succeeds");
        function.last_metrics()
    });
}
