//! Time per record from line to message, by format, with and without deduplication.
//!
//! `cargo bench -p flowlogs-core`. Compare rows within one run; absolute times belong to the machine.

use std::convert::Infallible;

use divan::Bencher;
use divan::counter::ItemsCount;
use flowlogs_core::dedup::{self, Inventory};
use flowlogs_core::flowlog::{FlowRecord, Values};
use flowlogs_core::{Delivery, Formats, Line, LogFormat, Settings, Source, Transcoder, Transport};

/// Records of one event.
const RECORDS: usize = 5_000;
/// Events of one benchmark, a minute apart, one a sample.
const EVENTS: u32 = 60;

/// Three documented formats, from the smallest to the widest in common use.
const V2: &str = LogFormat::VPC_DEFAULT;
const V5: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
    ${packets} ${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} ${subnet-id} ${instance-id} ${tcp-flags} ${type} \
    ${pkt-srcaddr} ${pkt-dstaddr} ${region} ${az-id} ${sublocation-type} ${sublocation-id} ${pkt-src-aws-service} \
    ${pkt-dst-aws-service} ${flow-direction} ${traffic-path}";

fn main() {
    divan::main();
}

/// A linear congruential generator: the same lines in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Lines of one interface in one minute as AWS writes them, in this format.
fn lines(format: &str, event: u32) -> Vec<String> {
    let mut random = Random(7 + u64::from(event));
    let names = LogFormat::parse(format).expect("documented");
    (0..RECORDS)
        .map(|index| {
            let egress = random.below(2) == 1;
            let peer = format!(
                "{}.{}.{}.{}",
                1 + random.below(222),
                random.below(256),
                random.below(256),
                random.below(256)
            );
            let own = "10.0.12.34".to_owned();
            let (source, destination) = if egress { (&own, &peer) } else { (&peer, &own) };
            let start = 1_763_715_600 + u64::from(event) * 60 + random.below(60);
            let column = |name: &String| match name.as_str() {
                "version" => "5".to_owned(),
                "account-id" => "123456789012".to_owned(),
                "interface-id" => "eni-0a1b2c3d4e5f60718".to_owned(),
                "srcaddr" | "pkt-srcaddr" => source.clone(),
                "dstaddr" | "pkt-dstaddr" => destination.clone(),
                "start" => start.to_string(),
                "end" => (start + 59).to_string(),
                "action" => if random.below(8) == 0 {
                    "REJECT"
                } else {
                    "ACCEPT"
                }
                .to_owned(),
                "log-status" => "OK".to_owned(),
                "protocol" => if random.below(4) == 0 { "17" } else { "6" }.to_owned(),
                "srcport" => random.below(65_536).to_string(),
                "dstport" => ["443", "80", "53", "22"]
                    .iter()
                    .cycle()
                    .nth(index)
                    .map_or_else(String::new, ToString::to_string),
                "packets" => (1 + random.below(2_000)).to_string(),
                "bytes" => (40 + random.below(2_000_000)).to_string(),
                "vpc-id" => "vpc-0123456789abcdef0".to_owned(),
                "subnet-id" => "subnet-0123456789abcdef0".to_owned(),
                "instance-id" => "i-0123456789abcdef0".to_owned(),
                "tcp-flags" => "19".to_owned(),
                "type" => "IPv4".to_owned(),
                "region" => "eu-central-1".to_owned(),
                "az-id" => "euc1-az2".to_owned(),
                "flow-direction" => if egress { "egress" } else { "ingress" }.to_owned(),
                "traffic-path" => if egress { "8" } else { "-" }.to_owned(),
                _ => "-".to_owned(),
            };
            names
                .names()
                .iter()
                .map(column)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

fn inventory() -> Inventory {
    let mut inventory = Inventory::new();
    inventory.insert_interface(dedup::inventory::Interface {
        id: "eni-0a1b2c3d4e5f60718".into(),
        vpc: Some("vpc-0123456789abcdef0".into()),
        addresses: vec!["10.0.12.34".parse().expect("address")],
        ..Default::default()
    });
    inventory.insert_flow_log(dedup::inventory::FlowLog {
        id: "fl-1".into(),
        resource: "vpc-0123456789abcdef0".into(),
        ..Default::default()
    });
    inventory
}

/// One transcoder takes event after event, as in a warm function.
fn transcode(bencher: Bencher<'_, '_>, format: &str, deduplicate: bool) {
    let events: Vec<Vec<String>> = (0..EVENTS).map(|event| lines(format, event)).collect();
    let mut settings = Settings::default();
    settings.dedup.deduplicate = deduplicate;
    let mut transcoder = Transcoder::new(settings, &[Transport::Datagram]);
    transcoder.set_inventory(inventory());
    let mut source = Source::new(None, Formats::of_setting(format).expect("documented"));
    let mut events = events.iter().enumerate();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let (number, lines) = events.next().expect("an event for each sample");
        let mut octets = 0;
        let mut sink = |_: usize, message: &[u8]| {
            octets += message.len();
            Ok::<_, Infallible>(Delivery::Sent)
        };
        transcoder.begin(1_763_715_700_000);
        let mut id = [b'0'; 56];
        id[..8].copy_from_slice(&number.to_be_bytes());
        for (index, line) in lines.iter().enumerate() {
            id[8..16].copy_from_slice(&index.to_be_bytes());
            let line = Line {
                id: Some(&id),
                timestamp: None,
                text: line.as_bytes(),
            };
            let Ok(()) = transcoder.line(&mut source, line, &mut sink);
        }
        let Ok(()) = transcoder.flush(&mut sink);
        transcoder.commit();
        assert_eq!(
            transcoder.take_report().counters.flows_exported,
            RECORDS as u64
        );
        octets
    });
}

#[divan::bench(args = [false, true], sample_count = 50, sample_size = 1)]
fn v2_deduplicated(bencher: Bencher<'_, '_>, deduplicate: bool) {
    transcode(bencher, V2, deduplicate);
}

#[divan::bench(args = [false, true], sample_count = 50, sample_size = 1)]
fn v5_deduplicated(bencher: Bencher<'_, '_>, deduplicate: bool) {
    transcode(bencher, V5, deduplicate);
}

#[divan::bench(args = ["v2", "v5"])]
fn parse_alone(bencher: Bencher<'_, '_>, version: &str) {
    let format = if version == "v2" { V2 } else { V5 };
    let lines = lines(format, 0);
    let format = LogFormat::parse(format).expect("documented");
    let mut values = Values::default();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for line in &lines {
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            assert!(divan::black_box(record).is_ok());
        }
    });
}
