//! A soak: thousands of invocations of one process, whose memory stays where it is. The real binaries, with the AWS SDK
//! and the runtime in them, which send over TCP and UDP; one asks an EC2, the other reads objects of a bucket.

use std::io::Write;
use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::aws::ec2_with_inventory;
use crate::bucket::BUCKET;
use crate::collector::Drain;
use crate::http_peer;
use crate::objects::gzip;
use crate::payload::event;
use crate::runtime::Function;
use crate::traffic;

/// Records of an invocation.
const RECORDS: u64 = 20;

/// New flows of the same 500 interfaces, and a line that is none.
fn lines(number: u64) -> Vec<String> {
    let mut lines = Vec::new();
    traffic::lines(number * RECORDS, RECORDS, |line, _, _| {
        lines.push(line.to_owned());
    });
    lines.push("not a flow".to_owned());
    lines
}

/// Collectors that take everything, as a setting.
fn collectors() -> (Drain, UdpSocket, String) {
    let (stream, datagrams) = (Drain::start(false), UdpSocket::bind("127.0.0.1:0"));
    let datagrams = datagrams.expect("a port"); // nobody reads: what has no room is dropped
    let address = datagrams.local_addr().expect("a port");
    let setting = format!("{},udp://{address}", stream.url());
    (stream, datagrams, setting)
}

/// Invokes a function many times, and holds its memory and its descriptors to bounds.
fn soak(function: &Function, invoke: impl Fn(u64) -> Value) {
    let invocations = std::env::var("FLOWLOGS_SOAK_INVOCATIONS")
        .map_or(2_000, |text| text.parse::<usize>().expect("a number"));
    // The windows of deduplication (docs/limits.md) have been full by then, and were emptied again.
    let warm = (invocations / 3).min(30_000);
    let (mut measured, mut opened) = (Vec::new(), 0);
    for number in 0..invocations {
        let summary = invoke(number as u64);
        assert_eq!(summary["FlowsExported"], RECORDS, "{summary}");
        assert_eq!(summary["UnparsedRecords"], 1, "{summary}");
        measured.push(function.process().memory("VmRSS"));
        if number + 1 == warm {
            opened = function.process().descriptors();
        }
    }
    let window = warm.min(1_000);
    let average = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
    let first = average(&measured[..window]);
    let warmed = average(&measured[warm..warm + window]);
    let last = average(&measured[invocations - window..]);
    let highest = measured.iter().max().copied().unwrap_or_default();
    let open = function.process().descriptors();
    eprintln!(
        "{invocations} invocations: resident at first {first}, warm {warmed}, at last {last}, at the most {highest} \
         octets; descriptors {opened} and {open}"
    );
    // Connections to AWS come and go.
    assert!(open <= opened + 2, "{opened} descriptors, then {open}");
    assert!(
        last <= first + (24 << 20),
        "{first} octets at first, {last} at last: more than the windows of deduplication"
    );
    if invocations >= 90_000 {
        assert!(
            last <= warmed + (2 << 20),
            "{warmed} octets warm, {last} at last"
        );
    }
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
    soak(&function, |number| {
        let summary = function.invoke(&event("flows", &lines(number)));
        summary.expect("it succeeds")
    });
}

/// A bucket whose objects are named by numbers, and made when they are asked for.
fn bucket() -> String {
    let address = http_peer::serve(|request, mut stream| {
        let (_, name) = request.target.split_once(&format!("/{BUCKET}/"))?;
        let number = name.split('.').next()?.parse().ok()?;
        let object = gzip(lines(number).join("\n").as_bytes());
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\netag: \"{number}\"\r\nconnection: close\r\n\r\n",
            object.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&object).ok()
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
        ("RESOLVE_NAMES", "off".to_owned()),
    ]) else {
        return;
    };
    soak(&function, |number| {
        let object = json!({"key": format!("{number}.log.gz"), "eTag": number.to_string()});
        let notice = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": BUCKET}, "object": object},
        }]});
        let answer = function.invoke(notice.to_string().as_bytes());
        answer.expect("it succeeds");
        function.last_metrics()
    });
}
