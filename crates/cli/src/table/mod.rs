//! Flows as lines for people. Each flow is printed at once: no flow is held back to measure columns.
//!
//! A flow is a line; details that do not fit beside the columns (interfaces, VRFs) continue below. Addresses are never cut:
//! if a pair is too long for the columns, each address takes a line.

mod cells;
mod details;

use std::io::{self, Write};

use flowlogs_core::ipfix::element as e;

use crate::cli::TimeKind;
use crate::clock::{Date, Time};
use crate::decode::{DecodedFlow, DomainNames};
use crate::terminal::{TextLook, TextStyle};
use crate::text::{ascii, columns, cut, visible};

pub(crate) use cells::status_meaning;
use cells::{compact, ends, protocol_name, status, time};
use details::details;

/// Columns of the time of day.
const TIME: usize = 8;

/// Width of the narrowest layout; a narrower terminal wraps.
const NARROWEST: usize = 40;

/// Least width of the layout with both addresses in a line.
const MEDIUM: usize = 80;

/// Least width of the wide layout: counters as whole numbers, states as words, ids of interfaces beside names.
const WIDE: usize = 120;

/// Printer of flows as rows.
#[derive(Debug)]
pub(crate) struct FlowTable {
    look: TextLook,
    zone: TimeKind,
    layout: ColumnLayout,
    /// Observation domain and day of the current heading.
    heading: Option<(u32, Option<Date>)>,
    /// Text of a flow, before writing.
    text: Vec<u8>,
}

/// Widths of the cells of a row.
#[derive(Debug, Clone, Copy)]
struct ColumnLayout {
    width: usize,
    address: usize,
    protocol: usize,
    packets: usize,
    octets: usize,
    status: usize,
}

impl ColumnLayout {
    fn of(width: usize) -> Self {
        let width = width.max(NARROWEST);
        let (address, protocol, packets, octets, status) = match width {
            WIDE.. => (23, 6, 8, 10, 10),
            MEDIUM.. => (21, 6, 6, 6, 6),
            // Both addresses and the values take a line each.
            _ => (0, 6, 6, 6, 6),
        };
        Self {
            width,
            address,
            protocol,
            packets,
            octets,
            status,
        }
    }

    /// Returns the width of both addresses with the blank between.
    fn addresses(self) -> usize {
        match self.address {
            0 => 0,
            address => 2 * address + 1,
        }
    }

    /// Returns the width of the cells behind the addresses.
    fn values(self) -> usize {
        self.protocol + self.packets + self.octets + self.status + 3
    }

    /// Returns the width of all cells.
    fn columns(self) -> usize {
        TIME + 1 + self.addresses() + 1 + self.values()
    }
}

impl FlowTable {
    pub(crate) fn new(look: TextLook, zone: TimeKind) -> Self {
        Self {
            look,
            zone,
            layout: ColumnLayout::of(look.width),
            heading: None,
            text: Vec::new(),
        }
    }

    /// Prints a flow, after a heading if domain or day differ from the flow before.
    pub(crate) fn flow(&mut self, out: &mut impl Write, flow: &DecodedFlow<'_>) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        self.write_flow(&mut text, flow)?;
        if self.look.ascii {
            out.write_all(ascii(&String::from_utf8_lossy(&text)).as_bytes())?;
        } else {
            out.write_all(&text)?;
        }
        self.text = text;
        Ok(())
    }

    fn write_flow(&mut self, out: &mut Vec<u8>, flow: &DecodedFlow<'_>) -> io::Result<()> {
        let time = time(flow).map(|time| time.in_zone(self.zone));
        self.write_heading(out, flow.names, time.as_ref())?;
        let layout = self.layout;
        let time = time.map_or_else(|| "-".to_owned(), |(time, _)| time.clock().to_string());
        let values = self.values(flow);
        let [source, destination] = ends(flow);
        let mut addresses = match columns(&source).max(columns(&destination)) <= layout.address {
            true => vec![format!("{source:<0$} {destination}", layout.address)],
            false => vec![source, format!("→ {destination}")],
        };
        // The values stand behind the first address that leaves room, else on a further line.
        let room = layout.addresses() + 1 + values.blanks;
        let line = addresses.iter().position(|text| columns(text) < room);
        let line = line.unwrap_or_else(|| {
            addresses.push(String::new());
            addresses.len() - 1
        });
        let mut details = details(flow, layout);
        for (number, text) in addresses.iter().enumerate() {
            let time = if number == 0 { time.as_str() } else { "" };
            write!(out, "{time:<TIME$} {text}")?;
            if number == line {
                let pad = match layout.address {
                    0 => 0,
                    _ => room - columns(text),
                };
                let fits = details.len() == 1
                    && layout.columns() + 2 + columns(&details[0]) <= layout.width;
                let detail = if fits { details.pop() } else { None };
                self.write_values(out, pad, &values, detail)?;
            }
            writeln!(out)?;
        }
        for text in details {
            let text = self.look.paint(TextStyle::Faint, text);
            writeln!(out, "{:TIME$} {text}", "")?;
        }
        Ok(())
    }

    /// Writes the cells behind the addresses, and a detail that fits behind the cells.
    fn write_values(
        &self,
        out: &mut Vec<u8>,
        pad: usize,
        values: &RowValues,
        detail: Option<String>,
    ) -> io::Result<()> {
        let status = self.look.paint(values.style, values.status);
        write!(out, "{:pad$}{} {status}", "", &values.text[values.blanks..])?;
        let Some(detail) = detail else { return Ok(()) };
        let pad = self.layout.status - columns(values.status) + 2;
        let detail = self.look.paint(TextStyle::Faint, detail);
        write!(out, "{:pad$}{detail}", "")
    }

    fn write_heading(
        &mut self,
        out: &mut Vec<u8>,
        names: &DomainNames,
        time: Option<&(Time, String)>,
    ) -> io::Result<()> {
        if self.heading.is_none() {
            self.write_legend(out)?;
        }
        let date = time.map(|(time, _)| time.date());
        if self.heading != Some((names.domain, date)) {
            self.heading = Some((names.domain, date));
            let name = visible(names.domain_name.as_deref().unwrap_or("unnamed"));
            let day = time.map_or_else(String::new, |(time, zone)| {
                format!(" · {} {zone}", time.date())
            });
            let text = format!("── {name} · domain {}{day} ──", names.domain);
            writeln!(out, "{}", self.look.paint(TextStyle::Strong, text))?;
        }
        Ok(())
    }

    /// Writes the names of the columns, and the meaning of the arrows in the details.
    fn write_legend(&self, out: &mut Vec<u8>) -> io::Result<()> {
        const DETAILS: &str = "INTERFACE (→ in, out →)  VPC";
        let layout = self.layout;
        let (address, protocol) = (layout.address, layout.protocol);
        let (packets, octets) = (layout.packets, layout.octets);
        let values = format!(
            "{:>protocol$} {:>packets$} {:>octets$}",
            "PROTO", "PKTS", "BYTES"
        );
        let ends = match address {
            0 => "SOURCE → DESTINATION".to_owned(),
            _ => format!("{:<address$} {:<address$}", "SOURCE", "DESTINATION"),
        };
        let mut lines = match address {
            0 => vec![
                format!("{:<TIME$} {ends}", "START"),
                format!("{:<TIME$} {} STATUS", "", values.trim_start()),
            ],
            _ => vec![format!("{:<TIME$} {ends} {values} STATUS", "START")],
        };
        if layout.columns() + 2 + columns(DETAILS) <= layout.width {
            let pad = layout.columns() + 2 - columns(&lines[0]);
            lines[0] = format!("{}{:pad$}{DETAILS}", lines[0], "");
        } else {
            let room = layout.width - TIME - 1;
            lines.push(format!("{:<TIME$} {}", "", cut(DETAILS, room)));
        }
        for line in lines {
            writeln!(out, "{}", self.look.paint(TextStyle::Strong, line))?;
        }
        Ok(())
    }

    fn values(&self, flow: &DecodedFlow<'_>) -> RowValues {
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
        RowValues {
            blanks: text.len() - text.trim_start().len(),
            text,
            status,
            style,
        }
    }
}

/// Cells behind the addresses: protocol and counters, and the status.
struct RowValues {
    text: String,
    /// Number of leading blanks in `text`; a long address may take the room.
    blanks: usize,
    status: &'static str,
    style: TextStyle,
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowlogs_core::mapping::MappingSettings;

    const FORMAT: &str = "${account-id} ${interface-id} ${vpc-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
        ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${flow-direction}";

    fn shown(width: usize, format: &str, lines: &[&str]) -> String {
        let look = TextLook {
            width,
            colour: false,
            ascii: false,
        };
        let (mut table, mut out) = (FlowTable::new(look, TimeKind::Utc), Vec::new());
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
         INTERFACE (→ in, out →)  VPC
── 123456789012 · domain 294082119 · 2014-12-14 UTC ──
04:06:50 203.0.113.12:46900    10.20.0.10:443           TCP     20   4249 fwd
         → eni-0a9b8c7d6e5f40312  vpc-0b7e4c1d9f2a83650
04:06:50 10.20.0.10            203.0.113.12            ICMP 6.442G 9.019T drop
         eni-0a9b8c7d6e5f40312 →  vpc-0b7e4c1d9f2a83650
"
        );
    }

    #[test]
    fn a_wide_terminal_has_one_line_for_a_flow() {
        let text = shown(160, FORMAT, &[ACCEPTED, REJECTED]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines[2].ends_with("forwarded   → eni-0a9b8c7d6e5f40312  vpc-0b7e4c1d9f2a83650"),
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
        for width in [60, 80, 100, 120, 160, 200] {
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
        let row = text.lines().nth(3).expect("a row");
        assert!(
            row.starts_with("-        10.0.0.1              -   "),
            "{row}"
        );
        assert!(row.ends_with("      -      -      9 -"), "{row}");
    }

    #[test]
    fn the_narrowest_terminal_has_a_line_for_each_address() {
        assert_eq!(
            shown(40, FORMAT, &[ACCEPTED]),
            "\
START    SOURCE → DESTINATION
         PROTO   PKTS  BYTES STATUS
         INTERFACE (→ in, out →)  VPC
── 123456789012 · domain 294082119 · 2014-12-14 UTC ──
04:06:50 203.0.113.12:46900
         → 10.20.0.10:443
         TCP     20   4249 fwd
         → eni-0a9b8c7d6e5f40312
         vpc-0b7e4c1d9f2a83650
"
        );
    }

    #[test]
    fn an_interface_whose_direction_is_unknown_has_no_arrow() {
        let format = "${interface-id} ${srcaddr} ${dstaddr} ${action}";
        let text = shown(160, format, &["eni-1 10.0.0.1 10.0.0.2 ACCEPT"]);
        assert!(text.ends_with(" forwarded   eni-1\n"), "{text}");
    }
}
