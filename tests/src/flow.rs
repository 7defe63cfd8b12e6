//! A flow as shown by a collector: fields not shown are `None`.

use std::net::IpAddr;

use serde_json::Value;

/// A flow. All fields are optional, because each collector omits some.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Observation domain.
    pub domain: Option<u32>,
    /// Milliseconds since 1970.
    pub start: Option<u64>,
    /// Milliseconds since 1970.
    pub end: Option<u64>,
    /// Source address.
    pub source: Option<IpAddr>,
    /// Destination address.
    pub destination: Option<IpAddr>,
    /// Source port.
    pub source_port: Option<u16>,
    /// Destination port.
    pub destination_port: Option<u16>,
    /// IP protocol.
    pub protocol: Option<u8>,
    /// Packets.
    pub packets: Option<u64>,
    /// Octets.
    pub octets: Option<u64>,
    /// TCP flags.
    pub tcp_flags: Option<u8>,
    /// Interface number where the flow came in.
    pub ingress: Option<u32>,
    /// Interface number where the flow went out.
    pub egress: Option<u32>,
    /// Name of the ingress interface.
    pub ingress_name: Option<String>,
    /// Name of the egress interface.
    pub egress_name: Option<String>,
    /// Port under the ingress interface.
    pub ingress_physical: Option<u32>,
    /// Port under the egress interface.
    pub egress_physical: Option<u32>,
    /// VRF number on the ingress side.
    pub ingress_vrf: Option<u32>,
    /// VRF number on the egress side.
    pub egress_vrf: Option<u32>,
    /// Name of the ingress VRF.
    pub ingress_vrf_name: Option<String>,
    /// Name of the egress VRF.
    pub egress_vrf_name: Option<String>,
    /// 0 ingress, 1 egress.
    pub direction: Option<u8>,
    /// forwardingStatus.
    pub status: Option<u8>,
    /// Packets lost.
    pub dropped: Option<u64>,
    /// Translated source address (225, 281).
    pub nat_source: Option<IpAddr>,
    /// Translated destination address (226, 282).
    pub nat_destination: Option<IpAddr>,
    /// applicationId: engine and selector.
    pub application: Option<(u8, u32)>,
}

impl Flow {
    /// Reads a flow from the JSON of `flowlogs replay --output json`.
    ///
    /// # Panics
    ///
    /// If a value is not of its element's type.
    pub fn of_replay(object: &Value) -> Self {
        let text = |key: &str| object[key].as_str().map(str::to_owned);
        let address = |v4: &str, v6: &str| {
            let text = text(v4).or_else(|| text(v6))?;
            Some(text.parse().expect("an address"))
        };
        let time = |one: &str, other: &str| {
            let text = text(one).or_else(|| text(other))?;
            Some(milliseconds(&text))
        };
        let application = text("applicationId").map(|text| {
            let (engine, selector) = text.split_once(':').expect("engine:selector");
            (number(engine), number(selector))
        });
        Self {
            domain: small(&object["observationDomainId"]),
            start: time("flowStartMilliseconds", "flowStartSeconds"),
            end: time("flowEndMilliseconds", "flowEndSeconds"),
            source: address("sourceIPv4Address", "sourceIPv6Address"),
            destination: address("destinationIPv4Address", "destinationIPv6Address"),
            source_port: small(&object["sourceTransportPort"]),
            destination_port: small(&object["destinationTransportPort"]),
            protocol: small(&object["protocolIdentifier"]),
            packets: object["packetDeltaCount"].as_u64(),
            octets: object["octetDeltaCount"].as_u64(),
            tcp_flags: small(&object["tcpControlBits"]),
            ingress: small(&object["ingressInterface"]),
            egress: small(&object["egressInterface"]),
            ingress_name: text("ingressInterfaceName"),
            egress_name: text("egressInterfaceName"),
            ingress_physical: small(&object["ingressPhysicalInterface"]),
            egress_physical: small(&object["egressPhysicalInterface"]),
            ingress_vrf: small(&object["ingressVRFID"]),
            egress_vrf: small(&object["egressVRFID"]),
            ingress_vrf_name: text("ingressVRFname"),
            egress_vrf_name: text("egressVRFname"),
            direction: small(&object["flowDirection"]),
            status: small(&object["forwardingStatus"]),
            dropped: object["droppedPacketDeltaCount"].as_u64(),
            nat_source: address("postNATSourceIPv4Address", "postNATSourceIPv6Address"),
            nat_destination: address(
                "postNATDestinationIPv4Address",
                "postNATDestinationIPv6Address",
            ),
            application,
        }
    }
}

/// Sums packets and octets of flows.
pub fn sums<'a>(flows: impl IntoIterator<Item = &'a Flow>) -> (u64, u64) {
    flows.into_iter().fold((0, 0), |sum, flow| {
        (
            sum.0 + flow.packets.unwrap_or_default(),
            sum.1 + flow.octets.unwrap_or_default(),
        )
    })
}

/// Reads a JSON number into a small type.
///
/// # Panics
///
/// If the number is larger than the type.
pub fn small<T: TryFrom<u64>>(value: &Value) -> Option<T>
where
    T::Error: std::fmt::Debug,
{
    value
        .as_u64()
        .map(|number| T::try_from(number).expect("within its type"))
}

/// Parses a decimal number.
///
/// # Panics
///
/// If the text is no number of the type.
pub fn number<T: std::str::FromStr>(text: &str) -> T {
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("not a number of its type: {text}"))
}

/// Parses a time into milliseconds since 1970: `2026-11-18T10:00:17.000Z`, or with a space in the middle, more digits, or
/// no Z.
///
/// # Panics
///
/// If the text is not in this form.
pub fn milliseconds(text: &str) -> u64 {
    let parts: Vec<u64> = text
        .trim_end_matches('Z')
        .split(['-', 'T', ' ', ':', '.'])
        .map(number)
        .collect();
    let [year, month, day, hour, minute, second, ..] = parts[..] else {
        panic!("not a time: {text}")
    };
    let fraction = text.rsplit_once('.').map_or("0", |(_, digits)| digits);
    let digits: String = fraction
        .chars()
        .filter(char::is_ascii_digit)
        .chain("000".chars())
        .take(3)
        .collect();
    // Days since 1970-01-01; the year starts in March, so that the leap day is the last day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    seconds * 1_000 + number::<u64>(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_since_1970() {
        assert_eq!(milliseconds("1970-01-01T00:00:00.000Z"), 0);
        assert_eq!(milliseconds("2026-11-19 04:00:10.250"), 1_795_060_810_250);
        assert_eq!(milliseconds("2024-02-29T23:59:59Z"), 1_709_251_199_000);
        assert_eq!(milliseconds("2000-03-01T00:00:00.5Z"), 951_868_800_500);
    }
}
