//! Cells of a row: time, both ends, protocol, counters, status.

use std::net::IpAddr;

use flowlogs_core::ipfix::element as e;

use crate::clock::Time;
use crate::decode::{DecodedFlow, DecodedValue};
use crate::terminal::TextStyle;

/// Returns the start of a flow, else the end.
pub(super) fn time(flow: &DecodedFlow<'_>) -> Option<Time> {
    let elements = [
        e::FLOW_START_MILLISECONDS.id,
        e::FLOW_START_SECONDS.id,
        e::FLOW_END_MILLISECONDS.id,
        e::FLOW_END_SECONDS.id,
    ];
    elements.iter().find_map(|&id| match flow.value(id)? {
        DecodedValue::Time(time) => Some(*time),
        _ => None,
    })
}

/// Formats source and destination, each with the port if the protocol has ports.
pub(super) fn ends(flow: &DecodedFlow<'_>) -> [String; 2] {
    let address = |v4, v6| match flow.value(v4).or_else(|| flow.value(v6))? {
        DecodedValue::Address(address) => Some(*address),
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

/// Returns the meaning of a forwardingStatus (89).
pub(crate) fn status_meaning(number: u64) -> &'static str {
    status(Some(number), true).0
}

/// Returns the word for a forwardingStatus (89), in six columns or in ten, and the style.
pub(super) fn status(status: Option<u64>, wide: bool) -> (&'static str, TextStyle) {
    let (short, long, style) = match status {
        None => ("-", "-", TextStyle::Faint),
        Some(0x00..=0x3f) => ("-", "unknown", TextStyle::Faint),
        Some(0x40..=0x7f) => ("fwd", "forwarded", TextStyle::Good),
        Some(0x81 | 0x82) => ("denied", "denied", TextStyle::Bad),
        Some(0x83) => ("drop", "no route", TextStyle::Bad),
        Some(0x85) => ("drop", "too big", TextStyle::Bad),
        Some(0x89) => ("drop", "bad TTL", TextStyle::Bad),
        Some(0x80..=0xbf) => ("drop", "dropped", TextStyle::Bad),
        Some(_) => ("taken", "consumed", TextStyle::Faint),
    };
    (if wide { long } else { short }, style)
}

/// Returns the usual name of an IP protocol, else the number.
pub(super) fn protocol_name(protocol: u64) -> String {
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

/// Formats a number in at most `room` columns (six or more): all digits, or thousands, millions, … with as many digits as
/// fit.
pub(super) fn compact(number: u64, room: usize) -> String {
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
