//! Allocations: a warm process allocates nothing for a record, and an interface of the inventory takes few octets.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use flowlogs_core::network::{InterfaceTable, NetworkInterface};
use flowlogs_core::{
    Counters, Formats, LogFormat, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};
use flowlogs_testing::pipeline::{self, FORMATS, Pipeline, RECORDS};

#[test]
fn an_invocation_allocates_a_few_times_and_not_for_each_record() {
    for name in FORMATS {
        let format = pipeline::format(name);
        let mut pipeline = Pipeline::new(&format, true);
        for minute in 0..3 {
            pipeline.invoke(&pipeline::payload(&format, minute));
        }
        let payload = pipeline::payload(&format, 3);
        let used = allocation_counter::measure(|| pipeline.invoke(&payload));
        let allocations = used.count_total;
        assert!(
            allocations < 100,
            "{name}: {allocations} allocations for {RECORDS} records"
        );
    }
}

#[test]
fn a_later_invocation_allocates_no_more_than_an_earlier_one() {
    let format = pipeline::format("v2");
    let mut pipeline = Pipeline::new(&format, true);
    let allocations = |minute| {
        let payload = pipeline::plain_payload(&format, minute, 1);
        allocation_counter::measure(|| pipeline.invoke(&payload)).count_total
    };
    let all: Vec<u64> = (0..50).map(allocations).collect();
    let (early, late) = (&all[5..15], &all[40..]);
    assert!(
        late.iter().max() <= early.iter().max(),
        "{early:?}, then {late:?}"
    );
}

/// Interfaces of a large account and region.
const INTERFACES: u32 = 20_000;

/// An interface as EC2 describes it: a Name tag, a description as AWS writes it for a load balancer, three addresses.
fn interface(number: u32) -> NetworkInterface {
    let address = |last: u32| Ipv4Addr::from_bits(0x0a00_0000 + 4 * number + last);
    NetworkInterface {
        id: format!("eni-0a1b2c3d4{number:08x}"),
        name: Some(format!("production-web-{number}")),
        description: Some(format!("ELB app/production-web/{number:016x}")),
        kind: Some("network_load_balancer".to_owned()),
        instance: Some(format!("i-0a1b2c3d4{number:08x}")),
        subnet: Some(format!("subnet-0a1b2c3d4e5f{:05x}", number % 60)),
        vpc: Some(format!("vpc-0a1b2c3d4e5f{:05x}", number % 20)),
        zone: Some("euc1-az2".to_owned()),
        owner: Some("123456789012".to_owned()),
        addresses: (0..3)
            .map(|last| IpAddr::V4(address(last)).into())
            .collect(),
        ..NetworkInterface::default()
    }
}

#[test]
fn an_interface_of_the_inventory_takes_at_most_500_octets_its_texts_included() {
    let mut table = InterfaceTable::new();
    let used = allocation_counter::measure(|| {
        for number in 0..INTERFACES {
            table.insert(&interface(number));
        }
        table.shrink_to_fit();
    });
    assert_eq!(table.len(), INTERFACES as usize);
    let octets = used.bytes_current / i64::from(INTERFACES);
    assert!((50..=500).contains(&octets), "{octets} octets");
}

/// Transcodes a batch of lines of a format, and returns the counters and the octets that the transcoder takes afterwards
/// beyond those of a batch with the first line alone.
fn octets_of(format: &str, lines: &[String]) -> (Counters, i64) {
    let format = LogFormat::parse(format).expect("a format");
    let mut source = RecordSource::new(
        None,
        Formats::of_setting(&format.to_string()).expect("usable"),
    );
    let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
    let mut batch = |lines: &[String]| {
        let mut sink = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
        transcoder.begin(1_795_000_000_000);
        for text in lines {
            let line = LogLine {
                id: None,
                timestamp: None,
                text: text.as_bytes(),
            };
            let Ok(()) = transcoder.line(&mut source, line, &mut sink);
        }
        let Ok(()) = transcoder.flush(&mut sink);
        transcoder.commit();
        transcoder.take_report().counters
    };
    batch(&lines[..1]);
    let mut counters = None;
    let used = allocation_counter::measure(|| counters = Some(batch(lines)));
    (counters.expect("a report"), used.bytes_current)
}

/// Most layouts and most open domains of a process.
const MOST: usize = 4_096;

#[test]
fn a_domain_takes_at_most_2_kb() {
    let line = |account: usize| {
        format!("{account:012} eni-1 10.0.0.1 10.0.0.2 1 2 6 3 4 1418530010 1418530070 ACCEPT")
    };
    let format = "${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
        ${packets} ${bytes} ${start} ${end} ${action}";
    let lines: Vec<String> = (0..MOST).map(line).collect();
    let (counters, octets) = octets_of(format, &lines);
    assert_eq!(counters.flows_exported, MOST as u64);
    let each = octets / MOST as i64;
    assert!((500..=2_000).contains(&each), "{each} octets");
}

#[test]
fn a_layout_takes_at_most_1_kb() {
    // Two values of each column, with and without an element, or with different elements.
    let columns = [
        ("srcaddr", ["10.0.0.1", "2001:db8::1"]),
        ("dstaddr", ["10.0.0.2", "2001:db8::2"]),
        ("bytes", ["5", "9019431364352"]),
        ("srcport", ["1", "-"]),
        ("dstport", ["2", "-"]),
        ("protocol", ["6", "-"]),
        ("packets", ["3", "-"]),
        ("tcp-flags", ["2", "-"]),
        ("start", ["1418530010", "-"]),
        ("vpc-id", ["vpc-1", "-"]),
        ("pkt-src-aws-service", ["S3", "-"]),
        ("interface-id", ["eni-1", "-"]),
        ("flow-direction", ["ingress", "-"]),
        ("pkt-srcaddr", ["10.0.0.3", "-"]),
    ];
    let names = columns.iter().map(|(name, _)| format!(" ${{{name}}}"));
    let format = format!("${{pkt-dstaddr}}{}", names.collect::<String>());
    let lines: Vec<String> = (0..1_usize << columns.len())
        .map(|mask| {
            let columns = columns.iter().enumerate();
            let values = columns.map(|(bit, (_, values))| format!(" {}", values[mask >> bit & 1]));
            format!("10.0.0.4{}", values.collect::<String>())
        })
        .collect();
    let (counters, octets) = octets_of(&format, &lines);
    assert!(
        counters.unparsed_records > 0,
        "too many different layouts: {counters:?}"
    );
    let each = octets / MOST as i64;
    assert!((300..=1_000).contains(&each), "{each} octets");
}
