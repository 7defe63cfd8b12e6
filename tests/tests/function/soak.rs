//! A soak: thousands of invocations of one process, whose memory stays where it is. The real binary, with the AWS SDK
//! and the runtime in it, which asks an EC2 and sends over TCP and UDP.

use std::net::UdpSocket;

use crate::aws::ec2_with_inventory;
use crate::collector::Drain;
use crate::payload::event;
use crate::runtime::Function;
use crate::traffic;

/// Records of a payload.
const RECORDS: u64 = 20;

/// The event of an invocation: new flows of the same 500 interfaces, and a line that is none.
fn invocation(number: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    traffic::lines(number * RECORDS, RECORDS, |line, _, _| {
        lines.push(line.to_owned());
    });
    lines.push("not a flow".to_owned());
    event("flows", &lines)
}

#[test]
fn memory_stays_where_it_is_over_many_invocations() {
    let invocations = std::env::var("FLOWLOGS_SOAK_INVOCATIONS")
        .map_or(2_000, |text| text.parse::<usize>().expect("a number"));
    // The windows of deduplication (docs/limits.md) have their size after 27,000 invocations of 20 records.
    let warm = (invocations / 3).min(30_000);
    let (stream, datagrams) = (Drain::start(false), UdpSocket::bind("127.0.0.1:0"));
    let datagrams = datagrams.expect("a port"); // nobody reads: what has no room is dropped
    let address = datagrams.local_addr().expect("a port");
    let Some(function) = Function::start(&[
        ("COLLECTOR", format!("{},udp://{address}", stream.url())),
        ("UDP_RATE", "1000000".to_owned()),
        ("AWS_ENDPOINT_URL", ec2_with_inventory()),
    ]) else {
        return;
    };
    let (mut measured, mut opened) = (Vec::new(), 0);
    for number in 0..invocations {
        let summary = function.invoke(&invocation(number as u64));
        let summary = summary.expect("it succeeds");
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
    let open = function.process().descriptors();
    eprintln!(
        "{invocations} invocations: resident at first {first}, warm {warmed}, at last {last} octets; \
         descriptors {opened} and {open}"
    );
    // Connections to EC2 come and go.
    assert!(open <= opened + 2, "{opened} descriptors, then {open}");
    assert!(
        last <= first + (32 << 20),
        "{first} octets at first, {last} at last: more than the windows of deduplication"
    );
    if invocations >= 90_000 {
        assert!(
            last <= warmed + (2 << 20),
            "{warmed} octets warm, {last} at last"
        );
    }
}
