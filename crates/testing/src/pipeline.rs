//! Formats, lines and payloads from a fixed seed, and the whole path of a payload: unpack, transcode, count the octets of
//! the messages. Benchmarks and tests of allocations measure it.

use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compression, write::GzEncoder};
use flowlogs_core::flowlog::{FIELDS, FlowRecord};
use flowlogs_core::network;
use flowlogs_core::network::Inventory;
use flowlogs_core::{
    Formats, LogFormat, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};
use flowlogs_parquet::RowSink;
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, OpenedPayload, UnpackError, Unpacker};

use crate::random::Random;

/// Records of one payload.
pub const RECORDS: usize = 8_000;
/// Interfaces of the inventory.
pub const INTERFACES: u64 = 200;
/// Start of the first payload in seconds since 1970.
pub const BEGIN: u64 = 1_763_715_600;

/// Names of the formats to measure: both default ones, all fields up to version 5, and up to version 11.
pub const FORMATS: [&str; 4] = ["v2", "v5", "v11", "tgw"];

/// Returns the format string of a name in [`FORMATS`].
///
/// # Panics
///
/// If the name is none of them.
pub fn format(name: &str) -> String {
    let up_to = |version: u8| {
        let rows = FIELDS
            .iter()
            .filter(|row| row.vpc.is_some_and(|since| since <= version));
        rows.map(|row| format!("${{{}}}", row.name))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match name {
        "v2" => LogFormat::VPC_DEFAULT.to_owned(),
        "tgw" => LogFormat::TRANSIT_GATEWAY_DEFAULT.to_owned(),
        version => up_to(version[1..].parse().expect("a version")),
    }
}

/// One process, from payloads to counted octets.
pub struct Pipeline {
    unpacker: Unpacker,
    transcoding: Transcoding,
}

/// Stages behind the unpacker.
pub struct Transcoding {
    transcoder: Transcoder,
    source: RecordSource,
    sink: Sink,
}

/// Receiver of the messages.
type Sink = Box<dyn FnMut(&[u8])>;

impl Pipeline {
    /// A process without state, with the inventory of all [`INTERFACES`].
    ///
    /// # Panics
    ///
    /// If the format is not valid.
    pub fn new(format: &str, deduplicate: bool) -> Self {
        let mut settings = TranscoderSettings::default();
        settings.dedup.deduplicate = deduplicate;
        let mut transcoder = Transcoder::new(settings, &[Transport::Datagram]);
        transcoder.set_inventory(inventory());
        let formats = Formats::of_setting(format).expect("documented");
        let source = RecordSource::new(Some(network::Destination::log_group("flows")), formats);
        let mut octets = 0;
        let count = move |message: &[u8]| octets = black_box(octets + message.len());
        Self {
            unpacker: Unpacker::new(1 << 26),
            transcoding: Transcoding {
                transcoder,
                source,
                sink: Box::new(count),
            },
        }
    }

    /// Hands the messages to this sink instead of counting their octets.
    pub fn into_sink(mut self, sink: impl FnMut(&[u8]) + 'static) -> Self {
        self.transcoding.sink = Box::new(sink);
        self
    }

    /// Runs one invocation, through the entry point that the function uses.
    ///
    /// # Panics
    ///
    /// If the payload cannot be unpacked, or has not [`RECORDS`] flows.
    pub fn invoke(&mut self, payload: &str) {
        self.invoke_with(|unpacker, transcoding| hand_on(unpacker, payload, transcoding));
    }

    /// Runs one invocation with another way of unpacking.
    ///
    /// # Panics
    ///
    /// As [`Self::invoke`].
    pub fn invoke_with<T, E: Debug>(
        &mut self,
        unpack: impl FnOnce(&mut Unpacker, &mut Transcoding) -> Result<T, E>,
    ) {
        let Self {
            unpacker,
            transcoding,
        } = self;
        transcoding.transcoder.begin(BEGIN * 1_000);
        unpack(unpacker, transcoding).expect("a payload");
        let Transcoding {
            transcoder, sink, ..
        } = transcoding;
        let Ok(()) =
            transcoder.flush(&mut |_: usize, _: MessageKind, message: &[u8]| send(sink, message));
        transcoder.commit();
        assert_eq!(
            transcoder.take_report().counters.flows_exported,
            RECORDS as u64
        );
    }
}

impl LineSink for Transcoding {
    type Error = Infallible;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Infallible> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        let Self {
            transcoder,
            source,
            sink,
        } = self;
        let line = LogLine {
            id: line.id,
            timestamp: line.timestamp,
            text: line.text,
        };
        transcoder.line(
            source,
            line,
            &mut |_: usize, _: MessageKind, message: &[u8]| send(sink, message),
        )
    }
}

impl RowSink for Transcoding {
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), Infallible> {
        let Self {
            transcoder,
            source,
            sink,
        } = self;
        let mut send = |_: usize, _: MessageKind, message: &[u8]| send(sink, message);
        transcoder.record(source, record, &mut send)
    }
}

/// Unpacks a payload and hands on its lines.
///
/// # Errors
///
/// The error of the unpacker.
pub fn hand_on<L: LineSink<Error = Infallible>>(
    unpacker: &mut Unpacker,
    payload: &str,
    lines: &mut L,
) -> Result<(), UnpackError> {
    if let OpenedPayload::Data(payload) = unpacker.open(payload.as_bytes())? {
        let Ok(()) = payload.hand_on(lines);
    }
    Ok(())
}

fn send(sink: &mut Sink, message: &[u8]) -> Result<SendOutcome, Infallible> {
    sink(message);
    Ok(SendOutcome::Sent)
}

/// Start of a record in seconds since 1970. Records of a minute are in the order of time, like events of a log stream.
fn start(minute: u32, number: usize) -> u64 {
    BEGIN + u64::from(minute) * 60 + (number * 60 / RECORDS) as u64
}

/// Lines of one interface in one minute as AWS writes them: some hundred peers, most ports once.
pub fn lines(format: &str, minute: u32) -> Vec<String> {
    lines_of(format, minute, 1)
}

/// Lines of several interfaces (at most [`INTERFACES`]) in random order.
///
/// # Panics
///
/// If the format is not valid.
pub fn lines_of(format: &str, minute: u32, interfaces: u64) -> Vec<String> {
    let mut random = Random(7 + u64::from(minute));
    let mut choice = Random(u64::from(minute));
    let format = LogFormat::parse(format).expect("documented");
    let line = |number| {
        let flow = RandomFlow::of(choice.below(interfaces), start(minute, number), &mut random);
        let columns = format.names().iter().map(|name| flow.column(name));
        columns.collect::<Vec<_>>().join(" ")
    };
    (0..RECORDS).map(line).collect()
}

/// Flow of an interface with a random peer.
struct RandomFlow {
    interface: u64,
    egress: bool,
    source: String,
    destination: String,
    client_port: u64,
    server_port: u64,
    packets: u64,
    /// Seconds since 1970.
    start: u64,
}

impl RandomFlow {
    fn of(interface: u64, start: u64, random: &mut Random) -> Self {
        let egress = random.below(2) == 1;
        let peer = random.below(400);
        let peer = format!(
            "{}.{}.{}.{}",
            11 + peer % 200,
            peer * 7 % 256,
            peer * 13 % 256,
            peer * 31 % 256
        );
        let own = address(interface);
        let (source, destination) = if egress { (own, peer) } else { (peer, own) };
        Self {
            interface,
            egress,
            source,
            destination,
            client_port: 1_024 + random.below(64_000),
            server_port: [443, 443, 80, 53, 5432]
                [usize::try_from(random.below(5)).expect("below 5")],
            packets: 1 + random.below(40) * random.below(40),
            start,
        }
    }

    /// Text of a column.
    fn column(&self, name: &str) -> String {
        let (client, server) = (self.client_port, self.server_port);
        let (from, to) = match self.egress {
            true => (client, server),
            false => (server, client),
        };
        let is_refused = client.is_multiple_of(16);
        let text = match name {
            "interface-id" => return id(self.interface),
            "srcaddr" | "pkt-srcaddr" => return self.source.clone(),
            "dstaddr" | "pkt-dstaddr" => return self.destination.clone(),
            "srcport" => return from.to_string(),
            "dstport" => return to.to_string(),
            "packets" => return self.packets.to_string(),
            "bytes" => return (self.packets * (40 + client % 1_400)).to_string(),
            "start" => return self.start.to_string(),
            "end" => return (self.start + 59).to_string(),
            "protocol" if server == 53 => "17",
            "protocol" => "6",
            "action" if is_refused => "REJECT",
            "action" => "ACCEPT",
            "flow-direction" if self.egress => "egress",
            "flow-direction" => "ingress",
            "traffic-path" if self.egress => "8",
            "tgw-attachment-id" if self.egress => "tgw-attach-0123456789abcdef0",
            name => constant(name),
        };
        text.to_owned()
    }
}

/// Text of a column that all flows share.
fn constant(name: &str) -> &'static str {
    match name {
        "version" => "2",
        "account-id" | "tgw-src-vpc-account-id" | "tgw-dst-vpc-account-id" => "123456789012",
        "log-status" => "OK",
        "vpc-id" | "tgw-src-vpc-id" | "tgw-dst-vpc-id" => "vpc-0123456789abcdef0",
        "subnet-id" | "tgw-src-subnet-id" | "tgw-dst-subnet-id" => "subnet-0123456789abcdef0",
        "instance-id" => "i-0123456789abcdef0",
        "tcp-flags" => "19",
        "type" => "IPv4",
        "region" => "eu-central-1",
        "az-id" | "tgw-src-az-id" | "tgw-dst-az-id" => "euc1-az2",
        "resource-type" => "TransitGateway",
        "tgw-id" => "tgw-0123456789abcdef0",
        "tgw-attachment-id" | "tgw-pair-attachment-id" => "tgw-attach-0fedcba9876543210",
        "tgw-src-eni" | "tgw-dst-eni" => "eni-0a1b2c3d4e5f60718",
        "packets-lost-no-route"
        | "packets-lost-blackhole"
        | "packets-lost-mtu-exceeded"
        | "packets-lost-ttl-expired" => "0",
        _ => "-",
    }
}

/// Subscription payload of a minute as CloudWatch Logs makes it: JSON, gzip, base64.
///
/// # Panics
///
/// If the format is not valid.
pub fn payload(format: &str, minute: u32) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(json(format, minute, 1).as_bytes())
        .expect("memory");
    BASE64_STANDARD.encode(gzip.finish().expect("memory"))
}

/// Payload of a minute that is not compressed, which the unpacker takes as well; lines of several interfaces as in
/// [`lines_of`].
pub fn plain_payload(format: &str, minute: u32, interfaces: u64) -> String {
    BASE64_STANDARD.encode(json(format, minute, interfaces))
}

/// JSON of a payload with the keys and the order of CloudWatch Logs. An event has the time of its record's start; its id
/// begins with digits of the time and ends with a running number.
fn json(format: &str, minute: u32, interfaces: u64) -> String {
    let event = |(number, message): (usize, String)| {
        let timestamp = start(minute, number) * 1_000;
        let time = u128::from(timestamp) * 22_300_745_198_530_623_141_535_718; // the first digits of 2^144
        format!(r#"{{"id":"{time}{number:018}","timestamp":{timestamp},"message":"{message}"}}"#)
    };
    let events: Vec<_> = lines_of(format, minute, interfaces)
        .into_iter()
        .enumerate()
        .map(event)
        .collect();
    format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"flows","logStream":"eni-0a1b2c3d4e5f60718-all","subscriptionFilters":["flows"],"logEvents":[{}]}}"#,
        events.join(",")
    )
}

/// Id of the interface with this number.
fn id(interface: u64) -> String {
    format!("eni-0a1b2c3d4e5f6{:04x}", 0x0718 + interface)
}

/// Address of the interface with this number.
fn address(interface: u64) -> String {
    format!("10.0.{}.{}", 12 + interface / 200, 34 + interface % 200)
}

fn inventory() -> Inventory {
    let mut inventory = Inventory::new();
    for interface in 0..INTERFACES {
        inventory.insert_interface(&network::NetworkInterface {
            id: id(interface),
            vpc: Some("vpc-0123456789abcdef0".into()),
            addresses: vec![address(interface).parse().expect("address")],
            ..Default::default()
        });
    }
    inventory.insert_flow_log(network::FlowLog {
        id: "fl-1".into(),
        resource: "vpc-0123456789abcdef0".into(),
        ..Default::default()
    });
    inventory
}
