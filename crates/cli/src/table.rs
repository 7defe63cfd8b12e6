//! Flows as lines for people, printed as they come: nothing is held back to measure columns.
//!
//! A flow is one line; what does not fit beside the columns (interfaces, VRFs) continues below it. Addresses are never
//! cut: a pair that is too long for its columns takes a line each.

use std::io::{self, Write};
use std::net::IpAddr;

use flowlogs_core::ipfix::element as e;

use crate::clock::{Date, Time};
use crate::decode::{Flow, Interface, Names, Value};
use crate::terminal::{Look, Style, columns, wrap};

/// Columns of the time of day.
const TIME: usize = 8;

/// The narrowest layout; on less, the terminal wraps.
const NARROWEST: usize = 80;

/// From here on, counters are whole numbers, states are words, and interfaces have their ids beside their names.
const WIDE: usize = 120;

/// Columns that a name may take where the id has fewer.
const SHORTEST_NAME: usize = 12;

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
        let mut tail = tail(flow, layout);
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
        let count = |element: &e::InformationElement, room| {
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
fn tail(flow: &Flow<'_>, layout: Layout) -> Vec<String> {
    let names = flow.names;
    let wide = layout.width >= WIDE;
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
        Some(known) if !known.name.is_empty() => called(known, wide),
        _ if index == 0 => "-".to_owned(),
        _ => format!("#{index}"),
    };
    // A gateway's own interfaces have no names, and AWS's words for them are all the same.
    let physical = |index: u64| match names.interface(index) {
        Some(known) if !known.name.is_empty() => known.name.clone(),
        _ => interface(index),
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
            &physical,
        ),
        application(),
        translated(),
        lost(),
    ]
    .into_iter()
    .flatten()
    .collect();
    wrap(&segments, "  ", layout.width - TIME - 1)
}

/// What people call an interface, in the place of its id and in as many columns: what its description begins with, unless
/// that is the id, because nobody named it. A wide terminal has room for both.
fn called(interface: &Interface, wide: bool) -> String {
    let id = interface.name.as_str();
    let description = interface.description.as_str();
    let text = description.strip_prefix(id).unwrap_or(description).trim();
    let unnamed = !wide && text.len() < description.len();
    if text.is_empty() || unnamed {
        return id.to_owned();
    }
    let name = shortened(text, columns(id).max(SHORTEST_NAME));
    match wide {
        true => format!("{id} {name}"),
        false => name,
    }
}

/// The whole words that fit, at least two; else as much as fits.
fn shortened(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    match wrap(&words, " ", room).into_iter().next() {
        Some(line) if line.contains(' ') && columns(&line) <= room => line,
        _ => {
            let kept: String = text.chars().take(room - 1).collect();
            format!("{}…", kept.trim_end())
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use flowlogs_core::mapping::MappingSettings;

    const FORMAT: &str = "${account-id} ${interface-id} ${vpc-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
        ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${flow-direction}";

    fn shown(width: usize, format: &str, lines: &[&str]) -> String {
        let look = Look {
            width,
            colour: false,
        };
        let (mut table, mut out) = (Table::new(look), Vec::new());
        crate::testing::flows(MappingSettings::default(), format, lines, |flow| {
            table.flow(&mut out, flow).expect("into memory");
        });
        String::from_utf8(out).expect("text")
    }

    const ACCEPTED: &str = "123456789012 eni-0a9b8c7d6e5f40312 vpc-0b7e4c1d9f2a83650 203.0.113.12 10.20.0.10 46900 \
        443 6 20 4249 1418530010 1418530070 ACCEPT ingress";
    const REJECTED: &str = "123456789012 eni-0a9b8c7d6e5f40312 vpc-0b7e4c1d9f2a83650 10.20.0.10 203.0.113.12 0 0 1 \
        6442451000 9019431364352 1418530010 1418530070 REJECT egress";

    #[test]
    fn a_narrow_terminal_has_two_lines_for_a_flow() {
        assert_eq!(
            shown(80, FORMAT, &[ACCEPTED, REJECTED]),
            "\
START    SOURCE                DESTINATION            PROTO   PKTS  BYTES STATUS
── 123456789012 · domain 294082119 · 2014-12-14 UTC ──
04:06:50 203.0.113.12:46900    10.20.0.10:443           TCP     20   4249 fwd
         eni-0a9b8c7d6e5f40312 → ACCEPT  vpc-0b7e4c1d9f2a83650
04:06:50 10.20.0.10            203.0.113.12            ICMP 6.442G 9.019T drop
         REJECT → eni-0a9b8c7d6e5f40312  vpc-0b7e4c1d9f2a83650
"
        );
    }

    #[test]
    fn an_interface_is_called_by_its_name_and_by_its_id_where_it_has_none() {
        let interface = |description: &str| Interface {
            name: "eni-0a9b8c7d6e5f40312".to_owned(),
            description: description.to_owned(),
            ..Interface::default()
        };
        let named = interface("web-1 euc1-az2 subnet-0a3d5f7190b2c4e68");
        assert_eq!(called(&named, false), "web-1 euc1-az2");
        assert_eq!(called(&named, true), "eni-0a9b8c7d6e5f40312 web-1 euc1-az2");
        let unnamed = interface("eni-0a9b8c7d6e5f40312 ELB app/shop/50dc6c495c0c9188");
        assert_eq!(called(&unnamed, false), "eni-0a9b8c7d6e5f40312");
        assert_eq!(
            called(&unnamed, true),
            "eni-0a9b8c7d6e5f40312 ELB app/shop/50dc6c4…"
        );
        let unknown = interface("eni-0a9b8c7d6e5f40312");
        assert_eq!(called(&unknown, true), "eni-0a9b8c7d6e5f40312");
    }

    #[test]
    fn a_wide_terminal_has_one_line_for_a_flow() {
        let text = shown(160, FORMAT, &[ACCEPTED, REJECTED]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines[2].ends_with("forwarded   eni-0a9b8c7d6e5f40312 → ACCEPT  vpc-0b7e4c1d9f2a83650"),
            "{text}"
        );
        assert!(lines[3].contains(" 6.44245G 9.0194313T dropped "), "{text}");
    }

    #[test]
    fn no_address_is_ever_cut_and_no_line_is_wider_than_the_terminal() {
        let long = "123456789012 eni-0a9b8c7d6e5f40312 - 2001:db8:1234:a100:8d6e:3477:df66:f105 \
            2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 1418530010 1418530070 ACCEPT ingress";
        let back = "123456789012 eni-0a9b8c7d6e5f40312 - 2001:db8:1234:a102:3304:8879:34cf:4071 \
            2001:db8:1234:a100:8d6e:3477:df66:f105 52222 34892 58 54 8855 1418530010 1418530070 ACCEPT egress";
        for width in [80, 100, 120, 160, 200] {
            let text = shown(width, FORMAT, &[long, back]);
            assert!(
                text.contains("[2001:db8:1234:a100:8d6e:3477:df66:f105]:34892"),
                "{text}"
            );
            assert!(
                text.contains("[2001:db8:1234:a102:3304:8879:34cf:4071]:22"),
                "{text}"
            );
            for line in text.lines() {
                assert!(columns(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_a_record_does_not_say_is_a_dash() {
        let text = shown(80, "${srcaddr} ${bytes}", &["10.0.0.1 9"]);
        let row = text.lines().nth(2).expect("a row");
        assert!(
            row.starts_with("-        10.0.0.1              -   "),
            "{row}"
        );
        assert!(row.ends_with("      -      -      9 -"), "{row}");
    }

    #[test]
    fn numbers_that_are_too_long_keep_the_digits_that_fit() {
        for (number, room, text) in [
            (999_999, 6, "999999"),
            (1_000_000, 6, "1.000M"),
            (12_345_678, 6, "12.34M"),
            (999_999_999, 6, "999.9M"),
            (u64::MAX, 6, "18.44E"),
            (u64::MAX, 10, "18.446744E"),
        ] {
            assert_eq!(compact(number, room), text);
        }
    }
}
