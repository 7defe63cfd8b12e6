//! The whole way from a payload to messages, its stages, and gunzip alone, which nobody can avoid.
//!
//! `cargo bench -p flowlogs-source --bench transcode`. Compare rows within one run: absolute times belong to the machine. A warm process is
//! measured: one transcoder takes payload after payload, a minute apart, of lines made with a fixed seed.

use std::convert::Infallible;
use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use divan::Bencher;
use divan::counter::ItemsCount;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use flowlogs_core::dedup::{self, Inventory};
use flowlogs_core::flowlog::{FlowRecord, Values};
use flowlogs_core::{Delivery, Formats, Line, LogFormat, Settings, Source, Transcoder, Transport};
use flowlogs_source::{Event, Lines, Origin, Unpacker};

/// Records of one payload.
const RECORDS: usize = 8_000;
/// Payloads of one benchmark, one a sample.
const PAYLOADS: u32 = 50;
/// When the first of them begins, seconds since 1970.
const BEGIN: u64 = 1_763_715_600;

const V2: &str = LogFormat::VPC_DEFAULT;
const V5: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
    ${packets} ${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} ${subnet-id} ${instance-id} ${tcp-flags} ${type} \
    ${pkt-srcaddr} ${pkt-dstaddr} ${region} ${az-id} ${sublocation-type} ${sublocation-id} ${pkt-src-aws-service} \
    ${pkt-dst-aws-service} ${flow-direction} ${traffic-path}";

fn main() {
    divan::main();
}

fn format(version: &str) -> &'static str {
    if version == "v2" { V2 } else { V5 }
}

#[divan::bench(args = ["v2", "v5"], sample_count = PAYLOADS, sample_size = 1)]
fn gunzip_alone(bencher: Bencher<'_, '_>, version: &str) {
    let gzip: Vec<Vec<u8>> = payloads(version)
        .iter()
        .map(|data| BASE64_STANDARD.decode(data).expect("base64"))
        .collect();
    let mut gzip = gzip.iter();
    let mut inflated = Vec::new();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        inflated.clear();
        let gzip = gzip.next().expect("a payload for each sample");
        MultiGzDecoder::new(&gzip[..])
            .read_to_end(&mut inflated)
            .expect("gzip")
    });
}

#[divan::bench(args = ["v2", "v5"], sample_count = PAYLOADS, sample_size = 1)]
fn unpack_alone(bencher: Bencher<'_, '_>, version: &str) {
    struct Count(usize);
    impl Lines for Count {
        type Error = Infallible;
        fn origin(&mut self, _: &Origin<'_>) -> Result<(), Infallible> {
            Ok(())
        }
        fn event(&mut self, event: &Event<'_>) -> Result<(), Infallible> {
            self.0 += event.message.len();
            Ok(())
        }
    }
    let payloads = payloads(version);
    let mut payloads = payloads.iter();
    let mut unpacker = Unpacker::new(1 << 26);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let payload = payloads.next().expect("a payload for each sample");
        unpacker
            .unpack(payload.as_bytes(), &mut Count(0))
            .expect("a payload")
    });
}

#[divan::bench(args = ["v2", "v5"])]
fn parse_alone(bencher: Bencher<'_, '_>, version: &str) {
    let lines = lines(version, 0);
    let format = LogFormat::parse(format(version)).expect("documented");
    let mut values = Values::default();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for line in &lines {
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            assert!(divan::black_box(record).is_ok());
        }
    });
}

#[divan::bench(args = [("v2", true), ("v2", false), ("v5", true), ("v5", false)], sample_count = PAYLOADS, sample_size = 1)]
fn whole_way_deduplicated(bencher: Bencher<'_, '_>, (version, deduplicate): (&str, bool)) {
    let payloads = payloads(version);
    let mut payloads = payloads.iter();
    let mut unpacker = Unpacker::new(1 << 26);
    let mut settings = Settings::default();
    settings.dedup.deduplicate = deduplicate;
    let mut transcoder = Transcoder::new(settings, &[Transport::Datagram]);
    transcoder.set_inventory(inventory());
    let source = Source::new(
        Some("flows"),
        Formats::of_setting(format(version)).expect("documented"),
    );
    let mut way = Way {
        transcoder,
        source,
        octets: 0,
    };
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let payload = payloads.next().expect("a payload for each sample");
        way.transcoder.begin(BEGIN * 1_000);
        unpacker
            .unpack(payload.as_bytes(), &mut way)
            .expect("a payload");
        let Way {
            transcoder, octets, ..
        } = &mut way;
        let Ok(()) = transcoder.flush(&mut |_: usize, message: &[u8]| sink(octets, message));
        transcoder.commit();
        assert_eq!(
            transcoder.take_report().counters.flows_exported,
            RECORDS as u64
        );
    });
}

/// From lines to octets counted.
struct Way {
    transcoder: Transcoder,
    source: Source,
    octets: usize,
}

impl Lines for Way {
    type Error = Infallible;

    fn origin(&mut self, _: &Origin<'_>) -> Result<(), Infallible> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), Infallible> {
        let Self {
            transcoder,
            source,
            octets,
        } = self;
        let line = Line {
            id: event.id.map(str::as_bytes),
            timestamp: event.timestamp,
            text: event.message,
        };
        transcoder.line(source, line, &mut |_: usize, message: &[u8]| {
            sink(octets, message)
        })
    }
}

fn sink(octets: &mut usize, message: &[u8]) -> Result<Delivery, Infallible> {
    *octets += message.len();
    Ok(Delivery::Sent)
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

/// Lines of one interface in one minute as AWS writes them: some hundred peers, most ports once.
fn lines(version: &str, minute: u32) -> Vec<String> {
    let mut random = Random(7 + u64::from(minute));
    let format = LogFormat::parse(format(version)).expect("documented");
    let mut line = || {
        let egress = random.below(2) == 1;
        let peer = random.below(400);
        let peer = format!(
            "{}.{}.{}.{}",
            11 + peer % 200,
            peer * 7 % 256,
            peer * 13 % 256,
            peer * 31 % 256
        );
        let own = "10.0.12.34".to_owned();
        let (source, destination) = if egress { (own, peer) } else { (peer, own) };
        let start = BEGIN + u64::from(minute) * 60 + random.below(60);
        let (client, server) = (
            1_024 + random.below(64_000),
            [443, 443, 80, 53, 5432_u64][usize::try_from(random.below(5)).unwrap_or(0)],
        );
        let (from, to) = if egress {
            (client, server)
        } else {
            (server, client)
        };
        let packets = 1 + random.below(40) * random.below(40);
        let text = |text: &str| text.to_owned();
        let column = |name: &String| match name.as_str() {
            "version" => text("2"),
            "account-id" => text("123456789012"),
            "interface-id" => text("eni-0a1b2c3d4e5f60718"),
            "srcaddr" | "pkt-srcaddr" => source.clone(),
            "dstaddr" | "pkt-dstaddr" => destination.clone(),
            "srcport" => from.to_string(),
            "dstport" => to.to_string(),
            "protocol" => text(if server == 53 { "17" } else { "6" }),
            "packets" => packets.to_string(),
            "bytes" => (packets * (40 + client % 1_400)).to_string(),
            "start" => start.to_string(),
            "end" => (start + 59).to_string(),
            "action" => text(if client % 16 == 0 { "REJECT" } else { "ACCEPT" }),
            "log-status" => text("OK"),
            "vpc-id" => text("vpc-0123456789abcdef0"),
            "subnet-id" => text("subnet-0123456789abcdef0"),
            "instance-id" => text("i-0123456789abcdef0"),
            "tcp-flags" => text("19"),
            "type" => text("IPv4"),
            "region" => text("eu-central-1"),
            "az-id" => text("euc1-az2"),
            "flow-direction" => text(if egress { "egress" } else { "ingress" }),
            "traffic-path" if egress => text("8"),
            _ => text("-"),
        };
        format
            .names()
            .iter()
            .map(column)
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..RECORDS).map(|_| line()).collect()
}

/// Subscription payloads as CloudWatch Logs makes them: JSON, gzip, base64.
fn payloads(version: &str) -> Vec<String> {
    let payload = |minute: u32| {
        let timestamp = (BEGIN + u64::from(minute) * 60) * 1_000;
        let event = |(number, message): (usize, String)| {
            let id = format!("{:032}{:024}", timestamp, number);
            serde_json::json!({"id": id, "timestamp": timestamp, "message": message})
        };
        let events: Vec<_> = lines(version, minute)
            .into_iter()
            .enumerate()
            .map(event)
            .collect();
        let payload = serde_json::json!({
            "messageType": "DATA_MESSAGE",
            "owner": "123456789012",
            "logGroup": "flows",
            "logStream": "eni-0a1b2c3d4e5f60718-all",
            "subscriptionFilters": ["flows"],
            "logEvents": events,
        });
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(payload.to_string().as_bytes())
            .expect("memory");
        BASE64_STANDARD.encode(gzip.finish().expect("memory"))
    };
    (0..PAYLOADS).map(payload).collect()
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
