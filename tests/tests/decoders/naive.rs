//! Naive reference for the meaning of a flow-log line: split at spaces, put the columns into a map, apply the rules one by
//! one.
//!
//! Written from the product's rules, not from the code, so that the two can disagree.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::value::{Record, Value};

/// Settings with an effect on exported values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) packet_addresses: bool,
    pub(crate) seconds: bool,
    pub(crate) inline_names: bool,
    pub(crate) exporter: Option<IpAddr>,
}

/// Fate of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Unparsed,
    NoData,
    Skipped,
    Flow(Flow),
}

/// A flow, and the names to announce before the flow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flow {
    /// Name of the observation domain; its number is the name's identity.
    pub(crate) domain: String,
    /// Element → value, by element.
    pub(crate) record: Record,
    /// Octets of both counters.
    pub(crate) counter_octets: usize,
    /// Interface ids that the record names.
    pub(crate) interfaces: Vec<String>,
    /// VPC ids that the record names.
    pub(crate) vrfs: Vec<String>,
    /// Services of both ends, where there are any; applicationId (95) is left out of `record`.
    pub(crate) services: Option<(String, String)>,
}

/// Largest value of each numeric column. `version` is missing: not exported, and any value is ignored.
const NUMBERS: [(&str, u64); 10] = [
    ("srcport", 65_535),
    ("dstport", 65_535),
    ("protocol", 255),
    ("tcp-flags", 255),
    ("packets", u64::MAX),
    ("bytes", u64::MAX),
    ("packets-lost-no-route", u64::MAX),
    ("packets-lost-blackhole", u64::MAX),
    ("packets-lost-mtu-exceeded", u64::MAX),
    ("packets-lost-ttl-expired", u64::MAX),
];
const TIMES: [&str; 2] = ["start", "end"];
const ADDRESSES: [&str; 4] = ["srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"];
const LOSSES: [(&str, u64); 4] = [
    ("packets-lost-no-route", 0x83),
    ("packets-lost-blackhole", 0x83),
    ("packets-lost-mtu-exceeded", 0x85),
    ("packets-lost-ttl-expired", 0x89),
];

/// A 31-bit number for a name, above 255: 256 + FNV-1a-64 modulo 2^31 - 256.
pub(crate) fn identity(name: &str) -> u64 {
    let mut hash = 14_695_981_039_346_656_037_u64;
    for octet in name.bytes() {
        hash ^= u64::from(octet);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    256 + hash % 2_147_483_392
}

/// The text or, if too long for the room, the longest beginning with `…` behind. Names of these tests have no spaces to cut
/// at.
pub(crate) fn cut(text: &str, octets: usize) -> String {
    if text.len() <= octets {
        return text.to_owned();
    }
    let mut beginning = text.to_owned();
    while beginning.len() + '…'.len_utf8() > octets {
        beginning.pop();
    }
    beginning + "…"
}

/// The columns of a line that have a value.
struct Columns<'a> {
    /// Text by field.
    texts: HashMap<&'a str, &'a str>,
    names: Vec<&'a str>,
}

impl Columns<'_> {
    fn text(&self, field: &str) -> Option<&str> {
        self.texts.get(field).copied()
    }

    fn number(&self, field: &str) -> Option<u64> {
        // The standard library accepts a plus sign: no number in a flow log.
        let text = self.text(field)?;
        text.parse().ok().filter(|_| !text.starts_with('+'))
    }

    fn address(&self, field: &str) -> Option<IpAddr> {
        self.text(field)?.parse().ok()
    }

    /// Milliseconds.
    fn time(&self, field: &str) -> Option<u64> {
        let number = self.number(field)?;
        Some(if number < 100_000_000_000 {
            number * 1_000
        } else {
            number
        })
    }

    fn of_a_gateway(&self) -> bool {
        let gateways = |name: &&str| {
            name.starts_with("tgw-") || name.starts_with("packets-lost") || *name == "resource-type"
        };
        self.names.iter().any(gateways)
    }

    /// Interface or attachment that recorded the line.
    fn interface(&self) -> Option<&str> {
        if self.of_a_gateway() {
            return self.text("tgw-attachment-id");
        }
        self.text("interface-id")
            .or_else(|| self.text("resource-id"))
    }

    fn are_wrong(&self) -> bool {
        let wrong_number = NUMBERS.iter().any(|row| {
            self.text(row.0)
                .is_some_and(|_| self.number(row.0).is_none_or(|number| number > row.1))
        });
        let last = u64::from(u32::MAX) * 1_000 + 999;
        let wrong_time = TIMES.iter().any(|field| {
            self.text(field)
                .is_some_and(|_| self.time(field).is_none_or(|time| time > last))
        });
        let wrong_address = ADDRESSES
            .iter()
            .any(|field| self.text(field).is_some() && self.address(field).is_none());
        wrong_number || wrong_time || wrong_address
    }
}

/// Computes the fate of a line of this format, delivered at `event_time` from an account and a region.
pub(crate) fn read(
    format: &[&str],
    line: &str,
    event_time: Option<u64>,
    (account, region): (Option<&str>, Option<&str>),
    options: Options,
) -> Outcome {
    let tokens: Vec<&str> = line.split(' ').filter(|token| !token.is_empty()).collect();
    if tokens.len() != format.len() {
        return Outcome::Unparsed;
    }
    let with_value = format.iter().copied().zip(tokens);
    let columns = Columns {
        texts: with_value.filter(|(_, text)| *text != "-").collect(),
        names: format.to_vec(),
    };
    if columns.are_wrong() {
        return Outcome::Unparsed;
    }
    let has_addresses = ADDRESSES.iter().any(|field| columns.text(field).is_some());
    let counters = LOSSES.iter().map(|(loss, _)| *loss);
    let has_counters = counters
        .chain(["packets", "bytes"])
        .any(|counter| columns.text(counter).is_some());
    match columns.text("log-status") {
        Some("OK") => {}
        Some("SKIPDATA") => return Outcome::Skipped,
        Some("NODATA") => return Outcome::NoData,
        Some(_) if has_addresses => {}
        None if has_addresses || has_counters => {}
        _ => return Outcome::NoData,
    }
    let mut flow = Flow {
        domain: domain(&columns, account, region),
        record: Vec::new(),
        counter_octets: 4,
        interfaces: Vec::new(),
        vrfs: Vec::new(),
        services: None,
    };
    plain_values(&columns, event_time, options, &mut flow);
    addresses(&columns, options, &mut flow.record);
    if columns.of_a_gateway() {
        gateway(&columns, &mut flow);
    } else {
        vpc(&columns, &mut flow);
    }
    if options.inline_names
        && let Some(interface) = columns.interface()
    {
        flow.record.push((82, Value::Text(cut(interface, 127))));
    }
    flow.record.sort();
    Outcome::Flow(flow)
}

/// Name of the observation domain: the gateway, or account and region, of the record or else of the source.
fn domain(columns: &Columns<'_>, account: Option<&str>, region: Option<&str>) -> String {
    let account = columns
        .text("account-id")
        .filter(|id| id.chars().all(|c| c.is_ascii_digit()))
        .or(account)
        .unwrap_or("unknown");
    let region = columns.text("region").or(region);
    match (columns.text("tgw-id"), region, columns.of_a_gateway()) {
        (Some(gateway), _, true) => gateway.to_owned(),
        (_, Some(region), _) => format!("{account}/{region}"),
        _ => account.to_owned(),
    }
}

fn plain_values(columns: &Columns<'_>, event_time: Option<u64>, options: Options, flow: &mut Flow) {
    let mut add = |element: u16, number: Option<u64>| {
        flow.record
            .extend(number.map(|number| (element, Value::Number(number))));
    };
    add(7, columns.number("srcport"));
    add(11, columns.number("dstport"));
    add(4, columns.number("protocol"));
    add(2, columns.number("packets"));
    add(1, columns.number("bytes"));
    let no_flags = columns.names.contains(&"tcp-flags")
        && columns
            .number("protocol")
            .is_some_and(|protocol| protocol != 6);
    add(6, columns.number("tcp-flags").or(no_flags.then_some(0)));
    let start = columns.time("start").or(event_time);
    let (start, end) = match (start, columns.time("end")) {
        (Some(start), None) => (Some(start), Some(start)),
        (Some(start), Some(end)) => (Some(start.min(end)), Some(start.max(end))),
        (None, end) => (None, end),
    };
    if options.seconds {
        add(150, start.map(|time| time / 1_000 * 1_000));
        add(151, end.map(|time| time / 1_000 * 1_000));
    } else {
        add(152, start);
        add(153, end);
    }
    match columns.text("flow-direction") {
        Some("ingress") => add(61, Some(0)),
        Some("egress") => add(61, Some(1)),
        _ => {}
    }
    if let Some(exporter) = options.exporter {
        let element = if exporter.is_ipv4() { 130 } else { 131 };
        flow.record.push((element, Value::Address(exporter)));
    }
    let wide = |field| {
        columns
            .number(field)
            .is_some_and(|number| number > u64::from(u32::MAX))
    };
    if wide("packets") || wide("bytes") {
        flow.counter_octets = 8;
    }
    let service = |field| columns.text(field).map(str::to_owned);
    let services = (
        service("pkt-src-aws-service"),
        service("pkt-dst-aws-service"),
    );
    if services != (None, None) {
        let name = |service: Option<String>| service.unwrap_or_else(|| "-".into());
        flow.services = Some((name(services.0), name(services.1)));
    }
}

fn addresses(columns: &Columns<'_>, options: Options, record: &mut Record) {
    let pair = |source, destination| (columns.address(source), columns.address(destination));
    let interface = pair("srcaddr", "dstaddr");
    let packet = pair("pkt-srcaddr", "pkt-dstaddr");
    let all_four = [interface.0, interface.1, packet.0, packet.1]
        .iter()
        .all(Option::is_some);
    let (first, second) = if all_four && options.packet_addresses || interface == (None, None) {
        (packet, interface)
    } else {
        (interface, packet)
    };
    let mut add = |address: Option<IpAddr>, v4: u16, v6: u16| {
        if let Some(address) = address {
            record.push((
                if address.is_ipv4() { v4 } else { v6 },
                Value::Address(address),
            ));
        }
    };
    add(first.0, 8, 27);
    add(first.1, 12, 28);
    if all_four && first != second {
        add(second.0, 225, 281);
        add(second.1, 226, 282);
    }
}

fn vpc(columns: &Columns<'_>, flow: &mut Flow) {
    let interface = columns.interface();
    let action = match columns.text("action") {
        None if !columns.names.contains(&"action") && columns.text("reject-reason").is_some() => {
            Some("REJECT")
        }
        action => action,
    };
    let (status, pseudo) = match (action, columns.text("reject-reason")) {
        (Some("ACCEPT"), _) => (0x40, 1),
        (Some("REJECT"), Some("BPA" | "EC")) => (0x81, 2),
        (Some("REJECT"), _) => (0x80, 2),
        _ => (0, 0),
    };
    flow.record.push((89, Value::Number(status)));
    let number = interface.map_or(0, identity);
    let (ingress, egress) = match columns.text("flow-direction") {
        Some("egress") => (pseudo, number),
        _ => (number, pseudo),
    };
    pair_of_numbers(10, 14, ingress, egress, &mut flow.record);
    let vrf = columns.text("vpc-id").map_or(0, identity);
    pair_of_numbers(234, 235, vrf, vrf, &mut flow.record);
    flow.interfaces.extend(interface.map(str::to_owned));
    flow.vrfs.extend(columns.text("vpc-id").map(str::to_owned));
}

fn gateway(columns: &Columns<'_>, flow: &mut Flow) {
    let number = |field| columns.text(field).map_or(0, identity);
    let (own, pair) = (
        number("tgw-attachment-id"),
        number("tgw-pair-attachment-id"),
    );
    let (source, destination) = (number("tgw-src-eni"), number("tgw-dst-eni"));
    let (ingress, egress) = match (columns.text("flow-direction"), own, pair) {
        (_, 0, 0) => (source, destination),
        (Some("egress"), ..) => (pair, own),
        _ => (own, pair),
    };
    pair_of_numbers(10, 14, ingress, egress, &mut flow.record);
    if source != 0 {
        flow.record.push((252, Value::Number(source)));
    }
    if destination != 0 {
        flow.record.push((253, Value::Number(destination)));
    }
    let vrfs = (number("tgw-src-vpc-id"), number("tgw-dst-vpc-id"));
    pair_of_numbers(234, 235, vrfs.0, vrfs.1, &mut flow.record);

    let lost: Vec<(u64, u64)> = LOSSES
        .iter()
        .filter_map(|&(field, status)| Some((columns.number(field)?, status)))
        .collect();
    let sum = lost
        .iter()
        .fold(0_u64, |sum, (count, _)| sum.saturating_add(*count));
    let status = if lost.is_empty() {
        0
    } else if sum > 0
        && columns
            .number("packets")
            .is_some_and(|packets| sum >= packets)
    {
        // `max_by_key` returns the last of equals: in reverse order the first.
        lost.iter()
            .rev()
            .max_by_key(|(count, _)| *count)
            .map_or(0, |(_, status)| *status)
    } else {
        0x40
    };
    if !lost.is_empty() {
        flow.record.push((133, Value::Number(sum)));
    }
    flow.record.push((89, Value::Number(status)));
    let texts = |fields: &[&str]| {
        let present = fields.iter().filter_map(|field| columns.text(field));
        present.map(str::to_owned).collect::<Vec<_>>()
    };
    flow.interfaces = texts(&[
        "tgw-attachment-id",
        "tgw-pair-attachment-id",
        "tgw-src-eni",
        "tgw-dst-eni",
    ]);
    flow.vrfs = texts(&["tgw-src-vpc-id", "tgw-dst-vpc-id"]);
}

/// Both numbers, with 0 for an unknown one; `None` if both are unknown.
fn pair_of_numbers(first: u16, second: u16, one: u64, other: u64, record: &mut Record) {
    if (one, other) != (0, 0) {
        record.push((first, Value::Number(one)));
        record.push((second, Value::Number(other)));
    }
}
