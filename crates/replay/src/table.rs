//! Flows as lines for people, printed as they come: nothing is held back to measure columns.
//!
//! A flow is one line; what does not fit beside the columns (interfaces, VRFs) continues below it. Addresses are never
//! cut: a pair that is too long for its columns takes a line each.

use std::io::{self, Write};
use std::net::IpAddr;

use flowlogs_core::ipfix::element as e;

use crate::clock::{Date, Time};
use crate::decode::{Flow, Names, Value};
use crate::terminal::{Look, Style, columns, wrap};

/// Columns of the time of day.
const TIME: usize = 8;

/// The narrowest layout; on less, the terminal wraps.
const NARROWEST: usize = 80;

/// From here on, counters are whole numbers and states are words.
const WIDE: usize = 120;

/// Prints flows.
#[derive(Debug)]
pub(crate) struct Table {
    look: Look,
    layout: Layout,
    /// The observation domain and the day of the last line.
    under: Option<(u32, Option<Date>)>,
}

/// Columns of each column.
#[derive(Debug, Clone, Copy)]
struct Layout {
    width: usize,
    address: usize,
    protocol: usize,
    packets: usize,
    octets: usize,
    status: usize,
}

impl Layout {
    fn of(width: usize) -> Self {
        let width = width.max(NARROWEST);
        let (address, packets, octets, status) = match width {
            WIDE.. => (23, 8, 10, 10),
            _ => (21, 6, 6, 6),
        };
        Self {
            width,
            address,
            protocol: 6,
            packets,
            octets,
            status,
        }
    }

    /// Both addresses with the blank between them.
    fn addresses(self) -> usize {
        2 * self.address + 1
    }

    /// Everything behind the addresses.
    fn values(self) -> usize {
        self.protocol + self.packets + self.octets + self.status + 3
    }

    /// Everything with a place of its own.
    fn columns(self) -> usize {
        TIME + 1 + self.addresses() + 1 + self.values()
    }
}

impl Table {
    pub(crate) fn new(look: Look) -> Self {
        Self {
            look,
            layout: Layout::of(look.width),
            under: None,
        }
    }

    /// Prints a flow, below a heading where the exporter or the day is another one than before.
    pub(crate) fn flow(&mut self, out: &mut impl Write, flow: &Flow<'_>) -> io::Result<()> {
        let time = time(flow);
        self.heading(out, flow.names, time.map(Time::date))?;
        let layout = self.layout;
        let time = time.map_or_else(|| "-".to_owned(), |time| time.clock().to_string());
        let values = self.values(flow);
        let [source, destination] = ends(flow);
        let fits = columns(&source).max(columns(&destination)) <= layout.address;
        let mut addresses = match fits {
            true => vec![format!("{source:<0$} {destination}", layout.address)],
            false => vec![source, destination],
        };
        // The values stand behind the first address that leaves them room, else on a line of their own.
        let room = layout.addresses() + 1 + values.blanks;
        let line = addresses.iter().position(|text| columns(text) < room);
        let line = line.unwrap_or_else(|| {
            addresses.push(String::new());
            addresses.len() - 1
        });
        let mut tail = tail(flow, layout.width - TIME - 1);
        for (number, text) in addresses.iter().enumerate() {
            let time = if number == 0 { time.as_str() } else { "" };
            write!(out, "{time:<TIME$} {text}")?;
            if number == line {
                let pad = room - columns(text);
                write!(out, "{:pad$}{}", "", &values.text[values.blanks..])?;
                let status = self.look.paint(values.style, values.status);
                let fits =
                    tail.len() == 1 && layout.columns() + 2 + columns(&tail[0]) <= layout.width;
                write!(out, " {status}")?;
                if fits && let Some(text) = tail.pop() {
                    let pad = layout.status - columns(values.status) + 2;
                    write!(out, "{:pad$}{}", "", self.look.paint(Style::Faint, text))?;
                }
            }
            writeln!(out)?;
        }
        for text in tail {
            writeln!(out, "{:TIME$} {}", "", self.look.paint(Style::Faint, text))?;
        }
        Ok(())
    }

    fn heading(
        &mut self,
        out: &mut impl Write,
        names: &Names,
        date: Option<Date>,
    ) -> io::Result<()> {
        let layout = self.layout;
        if self.under.is_none() {
            let text = format!(
                "{:<TIME$} {:<address$} {:<address$} {:>protocol$} {:>packets$} {:>octets$} {}",
                "START",
                "SOURCE",
                "DESTINATION",
                "PROTO",
                "PKTS",
                "BYTES",
                "STATUS",
                address = layout.address,
                protocol = layout.protocol,
                packets = layout.packets,
                octets = layout.octets,
            );
            writeln!(out, "{}", self.look.paint(Style::Strong, text))?;
        }
        if self.under != Some((names.domain, date)) {
            self.under = Some((names.domain, date));
            let name = names.domain_name.as_deref().unwrap_or("unnamed");
            let date = date.map_or_else(String::new, |date| format!(" · {date} UTC"));
            let text = format!("── {name} · domain {}{date} ──", names.domain);
            writeln!(out, "{}", self.look.paint(Style::Strong, text))?;
        }
        Ok(())
    }

    fn values(&self, flow: &Flow<'_>) -> Values {
        let layout = self.layout;
        let protocol = flow.number(e::PROTOCOL_IDENTIFIER.id).map(protocol_name);
        let count = |element: &e::Element, room| {
            let number = flow.number(element.id);
            number.map_or_else(|| "-".to_owned(), |number| compact(number, room))
        };
        let (status, style) = status(flow.number(e::FORWARDING_STATUS.id), layout.width >= WIDE);
        let text = format!(
            "{:>protocol$} {:>packets$} {:>octets$}",
            protocol.as_deref().unwrap_or("-"),
            count(&e::PACKET_DELTA_COUNT, layout.packets),
            count(&e::OCTET_DELTA_COUNT, layout.octets),
            protocol = layout.protocol,
            packets = layout.packets,
            octets = layout.octets,
        );
        Values {
            blanks: text.len() - text.trim_start().len(),
            text,
            status,
            style,
        }
    }
}

/// Protocol and counters in their columns, and the status.
struct Values {
    text: String,
    /// How many blanks the text starts with, which a long address may take.
    blanks: usize,
    status: &'static str,
    style: Style,
}

fn time(flow: &Flow<'_>) -> Option<Time> {
    let elements = [
        e::FLOW_START_MILLISECONDS.id,
        e::FLOW_START_SECONDS.id,
        e::FLOW_END_MILLISECONDS.id,
        e::FLOW_END_SECONDS.id,
    ];
    elements.iter().find_map(|&id| match flow.value(id)? {
        Value::Time(time) => Some(*time),
        _ => None,
    })
}

/// Source and destination, each with its port where the protocol has ports.
fn ends(flow: &Flow<'_>) -> [String; 2] {
    let address = |v4, v6| match flow.value(v4).or_else(|| flow.value(v6))? {
        Value::Address(address) => Some(*address),
        _ => None,
    };
    let with_ports = match flow.number(e::PROTOCOL_IDENTIFIER.id) {
        Some(protocol) => matches!(protocol, 6 | 17 | 33 | 132 | 136),
        None => true,
    };
    let end = |address: Option<IpAddr>, port: Option<u64>| {
        let port = port.filter(|&port| with_ports || port != 0);
        match (address, port) {
            (Some(address), None) => address.to_string(),
            (Some(IpAddr::V4(address)), Some(port)) => format!("{address}:{port}"),
            (Some(IpAddr::V6(address)), Some(port)) => format!("[{address}]:{port}"),
            (None, Some(port)) => format!("-:{port}"),
            (None, None) => "-".to_owned(),
        }
    };
    [
        end(
            address(e::SOURCE_IPV4_ADDRESS.id, e::SOURCE_IPV6_ADDRESS.id),
            flow.number(e::SOURCE_TRANSPORT_PORT.id),
        ),
        end(
            address(
                e::DESTINATION_IPV4_ADDRESS.id,
                e::DESTINATION_IPV6_ADDRESS.id,
            ),
            flow.number(e::DESTINATION_TRANSPORT_PORT.id),
        ),
    ]
}

/// What stands behind or below the columns: interfaces, VRFs, and what few flows have.
fn tail(flow: &Flow<'_>, width: usize) -> Vec<String> {
    let names = flow.names;
    let pair = |label: &str, first: u16, second: u16, name: &dyn Fn(u64) -> String| {
        let numbers = (flow.number(first), flow.number(second));
        let text = match numbers {
            (None, None) => return None,
            (Some(first), Some(second)) if first == second => name(first),
            (first, second) => {
                let side = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), name);
                format!("{} → {}", side(first), side(second))
            }
        };
        Some(format!("{label}{text}"))
    };
    let interface = |index: u64| match names.interface(index) {
        Some(known) if !known.name.is_empty() => known.name.clone(),
        _ if index == 0 => "-".to_owned(),
        _ => format!("#{index}"),
    };
    let vrf = |id: u64| match names.vrf(id) {
        Some(name) => name.to_owned(),
        None if id == 0 => "-".to_owned(),
        None => format!("#{id}"),
    };
    let application = || match flow.value(e::APPLICATION_ID.id)? {
        Value::Application(engine, selector) => Some(
            names
                .application(*engine, *selector)
                .map_or_else(|| format!("application {engine}:{selector}"), str::to_owned),
        ),
        _ => None,
    };
    let translated = || {
        let address = |v4, v6| flow.value(v4).or_else(|| flow.value(v6));
        let source = address(
            e::POST_NAT_SOURCE_IPV4_ADDRESS.id,
            e::POST_NAT_SOURCE_IPV6_ADDRESS.id,
        )?;
        let destination = address(
            e::POST_NAT_DESTINATION_IPV4_ADDRESS.id,
            e::POST_NAT_DESTINATION_IPV6_ADDRESS.id,
        )?;
        Some(format!("NAT {source} → {destination}"))
    };
    let lost = || {
        let lost = flow.number(e::DROPPED_PACKET_DELTA_COUNT.id)?;
        (lost > 0).then(|| format!("{lost} lost"))
    };
    let segments: Vec<String> = [
        pair(
            "",
            e::INGRESS_INTERFACE.id,
            e::EGRESS_INTERFACE.id,
            &interface,
        ),
        pair("", e::INGRESS_VRF_ID.id, e::EGRESS_VRF_ID.id, &vrf),
        pair(
            "by ",
            e::INGRESS_PHYSICAL_INTERFACE.id,
            e::EGRESS_PHYSICAL_INTERFACE.id,
            &interface,
        ),
        application(),
        translated(),
        lost(),
    ]
    .into_iter()
    .flatten()
    .collect();
    wrap(&segments, "  ", width)
}

/// What a forwardingStatus (89) says.
pub(crate) fn status_meaning(number: u64) -> &'static str {
    status(Some(number), true).0
}

/// What forwardingStatus (89) says, in six columns or in ten.
fn status(status: Option<u64>, wide: bool) -> (&'static str, Style) {
    let (short, long, style) = match status {
        None => ("-", "-", Style::Faint),
        Some(0x00..=0x3f) => ("-", "unknown", Style::Faint),
        Some(0x40..=0x7f) => ("fwd", "forwarded", Style::Good),
        Some(0x81 | 0x82) => ("denied", "denied", Style::Bad),
        Some(0x83) => ("unrout", "unroutable", Style::Bad),
        Some(0x85) => ("toobig", "too big", Style::Bad),
        Some(0x89) => ("ttl", "bad TTL", Style::Bad),
        Some(0x80..=0xbf) => ("drop", "dropped", Style::Bad),
        Some(_) => ("taken", "consumed", Style::Faint),
    };
    (if wide { long } else { short }, style)
}

/// The usual name of an IP protocol, else its number.
fn protocol_name(protocol: u64) -> String {
    let name = match protocol {
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        17 => "UDP",
        41 => "IPv6",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        number => return number.to_string(),
    };
    name.to_owned()
}

/// A number in at most `room` columns (at least six): whole, or cut to thousands, millions, … with the digits that fit.
fn compact(number: u64, room: usize) -> String {
    let digits = number.to_string();
    if digits.len() <= room {
        return digits;
    }
    let power = (digits.len() - 1) / 3;
    let whole = digits.len() - 3 * power;
    let suffix = ["", "k", "M", "G", "T", "P", "E"][power];
    let fraction = &digits[whole..digits.len().min(room - 2)];
    format!("{}.{fraction}{suffix}", &digits[..whole])
}
