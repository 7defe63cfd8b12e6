//! AWS's part of the simulation: capture windows, records, lost windows, log streams, deliveries.

use std::collections::BTreeMap;

use flowlogs_core::LogFormat;
use flowlogs_core::flowlog::{FlowAction, FlowDirection};

use crate::flow_logs::{BEGIN, INTERVALS, Log};
use crate::network::{
    ACCOUNTS, GATEWAY, Network, REGION, REGIONAL_NAT, attachment_id, subnet_id, vpc_id,
};
use crate::random::Random;
use crate::sight::{Place, Seen, Sight};

/// A record: a flow in a capture window.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) sight: Sight,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// This record.
    Flow(usize),
    NoData,
    Skipped,
}

/// A line in the log group.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// Milliseconds since 1970: when the record starts.
    pub(crate) timestamp: u64,
    pub(crate) text: String,
    pub(crate) content: Content,
    /// Flow log of the line.
    pub(crate) log: usize,
    stream: Stream,
    /// Times of capture, and of arrival in the log group.
    end: u64,
    ready: u64,
}

/// A log stream, or the objects of one flow log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stream {
    Of(Place),
    OfFlowLog(usize),
}

/// Invocation: lines of a log stream, or of an object.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) stream: Stream,
    /// Environment that takes the invocation.
    pub(crate) environment: u64,
    /// Seconds since 1970.
    pub(crate) at: u64,
    pub(crate) lines: Vec<usize>,
    /// The first attempt breaks off, and the delivery is repeated at once.
    pub(crate) fails_first: bool,
}

/// Everything written by AWS; `deliveries` are in order.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) records: Vec<Record>,
    pub(crate) lines: Vec<Line>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// Lines under construction, with the number of lines of each stream.
#[derive(Default)]
struct LineWriter {
    lines: Vec<Line>,
    streams: BTreeMap<Stream, u32>,
}

/// Capture window of a flow log.
#[derive(Clone, Copy)]
struct LogWindow {
    /// Number of the flow log.
    log: usize,
    stream: Stream,
    /// End of the window, seconds since 1970.
    end: u64,
}

impl LineWriter {
    fn add(
        &mut self,
        window: LogWindow,
        text: String,
        (content, start): (Content, u64),
        random: &mut Random,
    ) {
        let ready = window.end + random.within(0..400);
        // Each stream counts alone.
        let next = self.streams.entry(window.stream).or_insert(0);
        let id = format!("{next:056}");
        *next += 1;
        self.lines.push(Line {
            id,
            timestamp: start * 1_000,
            text,
            content,
            log: window.log,
            stream: window.stream,
            end: window.end,
            ready,
        });
    }
}

/// Writes the flow logs. Of every hundred windows of a flow log, `lost` are lost.
pub(crate) fn write(network: &Network, seen: &[Seen], random: &mut Random, lost: u64) -> Written {
    let (records, windows) = records(network, seen);
    let mut writer = LineWriter::default();
    for ((place, interval, window), indices) in &windows {
        let all: Vec<(usize, &Log)> = match *place {
            Place::Interface(eni) => network.logs_of(eni).collect(),
            Place::Attachment(vpc) => network.logs_of_attachment(vpc).collect(),
            Place::RegionalNat => network.logs_of_regional_nat().collect(),
        };
        let end = BEGIN + (window + 1) * interval;
        for (number, log) in all.into_iter().filter(|(_, log)| log.interval == *interval) {
            let stream = match network.is_bucket {
                true => Stream::OfFlowLog(number),
                false => Stream::Of(*place),
            };
            let window = LogWindow {
                log: number,
                stream,
                end,
            };
            if random.percent(lost) {
                let line = status_line(network, log, *place, end, "SKIPDATA");
                // Without a status, nobody can tell a lost window from no traffic.
                let content = match log.format.contains("log-status") {
                    true => Content::Skipped,
                    false => Content::NoData,
                };
                writer.add(window, line, (content, end - interval), random);
                continue;
            }
            for &index in indices {
                let record = &records[index];
                if log.writes(record.sight.is_accepted, record.start, record.end) {
                    let line = flow_line(network, log, record);
                    let content = Content::Flow(index);
                    writer.add(window, line, (content, record.start), random);
                }
            }
            if random.percent(5) {
                let quiet = end + 20 * interval;
                let line = status_line(network, log, *place, quiet, "NODATA");
                writer.add(window, line, (Content::NoData, quiet - interval), random);
            }
        }
    }
    let deliveries = deliver(&writer.lines, random);
    Written {
        records,
        lines: writer.lines,
        deliveries,
    }
}

/// Records by observation point, aggregation interval and number of the capture window.
type Windows = BTreeMap<(Place, u64, u64), Vec<usize>>;

/// Packets of a flow in a capture window of the observation point, for each interval; windows begin at any time.
fn records(network: &Network, seen: &[Seen]) -> (Vec<Record>, Windows) {
    let mut flows: BTreeMap<(Place, u64, u64, Sight), Record> = BTreeMap::new();
    for (seen, interval) in seen
        .iter()
        .flat_map(|seen| INTERVALS.map(|interval| (seen, interval)))
    {
        let place = seen.sight.place;
        let begins = match place {
            Place::Interface(eni) => network.enis[eni].window,
            Place::Attachment(_) | Place::RegionalNat => 17,
        };
        let window = (seen.at + interval - begins) / interval;
        let key = (place, interval, window, seen.sight);
        let record = flows.entry(key).or_insert(Record {
            sight: seen.sight,
            packets: 0,
            octets: 0,
            start: BEGIN + seen.at,
            end: BEGIN + seen.at,
        });
        record.packets += 1;
        record.octets += seen.octets;
        record.start = record.start.min(BEGIN + seen.at);
        record.end = record.end.max(BEGIN + seen.at);
    }
    let mut windows = Windows::new();
    let mut records = Vec::new();
    for ((place, interval, window, _), record) in flows {
        windows
            .entry((place, interval, window))
            .or_default()
            .push(records.len());
        records.push(record);
    }
    (records, windows)
}

fn flow_line(network: &Network, log: &Log, record: &Record) -> String {
    line(log, |name| {
        let Sight { place, tuple, .. } = record.sight;
        let text = match name {
            "srcaddr" => tuple.source.to_string(),
            "dstaddr" => tuple.destination.to_string(),
            "pkt-srcaddr" => record.sight.packet_source.to_string(),
            "pkt-dstaddr" => record.sight.packet_destination.to_string(),
            "srcport" => tuple.source_port.to_string(),
            "dstport" => tuple.destination_port.to_string(),
            "protocol" => tuple.protocol.to_string(),
            "packets" => record.packets.to_string(),
            "bytes" => record.octets.to_string(),
            "start" => record.start.to_string(),
            "end" => record.end.to_string(),
            "action" => match record.sight.action() {
                FlowAction::Accept => "ACCEPT",
                FlowAction::Reject => "REJECT",
            }
            .to_owned(),
            "flow-direction" => match record.sight.direction() {
                FlowDirection::Ingress => "ingress",
                FlowDirection::Egress => "egress",
            }
            .to_owned(),
            "packets-lost-blackhole" if record.sight.is_lost => record.packets.to_string(),
            name if name.starts_with("packets-lost-") => "0".to_owned(),
            "log-status" => "OK".to_owned(),
            "tcp-flags" if tuple.protocol == 6 => "0".to_owned(),
            "type" => if tuple.source.is_ipv4() {
                "IPv4"
            } else {
                "IPv6"
            }
            .to_owned(),
            name => return place_column(network, place, record.sight.is_leaving, name),
        };
        Some(text)
    })
}

/// A line about an empty or a lost window.
fn status_line(network: &Network, log: &Log, place: Place, end: u64, status: &str) -> String {
    line(log, |name| match name {
        "start" => Some((end - log.interval).to_string()),
        "end" => Some((end - 1).to_string()),
        "log-status" => Some(status.to_owned()),
        name => place_column(network, place, false, name),
    })
}

/// Columns that belong to the observation point.
fn place_column(network: &Network, place: Place, leaves: bool, name: &str) -> Option<String> {
    let text = match (name, place) {
        ("version", Place::Interface(_)) => "5".to_owned(),
        ("version", Place::Attachment(_)) => "6".to_owned(),
        ("account-id", Place::Interface(eni)) => ACCOUNTS[network.enis[eni].account].to_owned(),
        ("version", Place::RegionalNat) => "9".to_owned(),
        ("account-id", Place::Attachment(_) | Place::RegionalNat) => ACCOUNTS[0].to_owned(),
        ("vpc-id", Place::RegionalNat) => vpc_id(0),
        ("resource-id", Place::RegionalNat) => REGIONAL_NAT.to_owned(),
        ("region", _) => REGION.to_owned(),
        ("interface-id", Place::Interface(eni)) => network.enis[eni].id.clone(),
        ("vpc-id", Place::Interface(eni)) => vpc_id(network.enis[eni].vpc),
        ("subnet-id", Place::Interface(eni)) => {
            subnet_id(network.enis[eni].vpc, network.enis[eni].subnet)
        }
        ("resource-type", Place::Attachment(_)) => "TransitGateway".to_owned(),
        ("tgw-id", Place::Attachment(_)) => GATEWAY.to_owned(),
        ("tgw-attachment-id", Place::Attachment(vpc)) => attachment_id(vpc),
        ("tgw-pair-attachment-id", Place::Attachment(vpc)) => attachment_id(1 - vpc),
        ("tgw-src-vpc-id", Place::Attachment(vpc)) => vpc_id(if leaves { 1 - vpc } else { vpc }),
        ("tgw-dst-vpc-id", Place::Attachment(vpc)) => vpc_id(if leaves { vpc } else { 1 - vpc }),
        _ => return None,
    };
    Some(text)
}

fn line(log: &Log, column: impl Fn(&str) -> Option<String>) -> String {
    let format = LogFormat::parse(log.format).expect("a format of the simulator");
    let columns = format
        .names()
        .iter()
        .map(|name| column(name).unwrap_or_else(|| "-".to_owned()));
    columns.collect::<Vec<_>>().join(" ")
}

/// Deliveries in order of time: each has the shuffled lines of a stream that are ready in the same minute; some come
/// twice.
fn deliver(lines: &[Line], random: &mut Random) -> Vec<Delivery> {
    let mut batches: BTreeMap<(Stream, u64), Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        batches
            .entry((line.stream, line.ready / 60))
            .or_default()
            .push(index);
    }
    let mut deliveries = Vec::new();
    for mut lines_of_batch in batches.into_values() {
        random.shuffle(&mut lines_of_batch);
        let ready = lines_of_batch
            .iter()
            .map(|&index| lines[index].ready)
            .max()
            .unwrap_or_default();
        debug_assert!(
            lines_of_batch
                .iter()
                .all(|&index| ready < lines[index].end + 600)
        );
        let first = Delivery {
            stream: lines[lines_of_batch[0]].stream,
            environment: random.within(0..1_000),
            at: ready,
            lines: lines_of_batch,
            fails_first: random.percent(8),
        };
        if random.percent(10) {
            // The whole batch comes again, at the earliest after a failed attempt was repeated.
            let at = ready + random.within(200..3_600);
            deliveries.push(Delivery {
                at,
                fails_first: false,
                ..first.clone()
            });
        }
        deliveries.push(first);
    }
    deliveries.sort_by_key(|delivery| delivery.at);
    deliveries
}
