//! What one flow record says, and how it is written into a data record.
//!
//! A [`Flow`] holds typed values, already mapped; a [`Layout`] is a template together with the values that fill it,
//! in order. Neither knows where the values came from.

use std::net::{IpAddr, Ipv4Addr};

use super::template::{FieldSpecifier, Template};

/// Octets of interfaceName (82), also where it is exported in flow records.
pub(crate) const INTERFACE_NAME_OCTETS: usize = 32;

/// The values of one flow. Which of them count is said by the layout.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    /// Milliseconds since 1970.
    pub(crate) start: u64,
    /// Milliseconds since 1970.
    pub(crate) end: u64,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) nat_source: IpAddr,
    pub(crate) nat_destination: IpAddr,
    /// Numbers that go straight into elements, by place.
    pub(crate) numbers: &'a [u64],
    pub(crate) ingress: u32,
    pub(crate) egress: u32,
    pub(crate) ingress_physical: u32,
    pub(crate) egress_physical: u32,
    pub(crate) ingress_vrf: u32,
    pub(crate) egress_vrf: u32,
    /// 0 ingress, 1 egress.
    pub(crate) direction: u8,
    pub(crate) forwarding_status: u8,
    pub(crate) application: u32,
    pub(crate) dropped_packets: u64,
    pub(crate) exporter: IpAddr,
    pub(crate) interface_name: [u8; INTERFACE_NAME_OCTETS],
}

impl Default for Flow<'_> {
    fn default() -> Self {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            start: 0,
            end: 0,
            source: none,
            destination: none,
            nat_source: none,
            nat_destination: none,
            numbers: &[],
            ingress: 0,
            egress: 0,
            ingress_physical: 0,
            egress_physical: 0,
            ingress_vrf: 0,
            egress_vrf: 0,
            direction: 0,
            forwarding_status: 0,
            application: 0,
            dropped_packets: 0,
            exporter: none,
            interface_name: [0; INTERFACE_NAME_OCTETS],
        }
    }
}

/// Which value of a flow fills a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    StartMilliseconds,
    EndMilliseconds,
    StartSeconds,
    EndSeconds,
    Source,
    Destination,
    NatSource,
    NatDestination,
    /// The number at this place, in as many octets as the field has.
    Number(usize),
    Ingress,
    Egress,
    IngressPhysical,
    EgressPhysical,
    IngressVrf,
    EgressVrf,
    Direction,
    ForwardingStatus,
    Application,
    DroppedPackets,
    Exporter,
    InterfaceName,
}

/// A field of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) field: FieldSpecifier,
    pub(crate) value: Value,
    /// Whether the field is part of the flow key (RFC 7011 §2).
    pub(crate) key: bool,
}

/// A template and what fills it.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) template: Template,
    slots: Vec<Slot>,
    octets: usize,
}

impl Layout {
    pub(crate) fn new(id: u16, slots: Vec<Slot>) -> Self {
        let template = Template {
            id,
            fields: slots.iter().map(|slot| slot.field).collect(),
            scopes: 0,
        };
        let octets = template.record_octets();
        Self {
            template,
            slots,
            octets,
        }
    }

    /// Octets of a data record.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    /// flowKeyIndicator (173): bit n for the n-th field, from the least significant.
    pub(crate) fn flow_keys(&self) -> u64 {
        self.slots
            .iter()
            .take(64)
            .enumerate()
            .fold(0, |keys, (bit, slot)| keys | u64::from(slot.key) << bit)
    }

    /// Writes a flow as a data record; `out` has exactly [`Self::octets`] octets.
    pub(crate) fn write(&self, flow: &Flow<'_>, out: &mut [u8]) {
        let mut rest = out;
        for slot in &self.slots {
            let octets = usize::from(slot.field.octets);
            let Some((place, after)) = rest.split_at_mut_checked(octets) else {
                return;
            };
            rest = after;
            match slot.value {
                Value::StartMilliseconds => put(place, flow.start),
                Value::EndMilliseconds => put(place, flow.end),
                Value::StartSeconds => put(place, flow.start / 1_000),
                Value::EndSeconds => put(place, flow.end / 1_000),
                Value::Source => put_address(place, flow.source),
                Value::Destination => put_address(place, flow.destination),
                Value::NatSource => put_address(place, flow.nat_source),
                Value::NatDestination => put_address(place, flow.nat_destination),
                Value::Number(at) => put(place, flow.numbers.get(at).copied().unwrap_or_default()),
                Value::Ingress => put(place, flow.ingress.into()),
                Value::Egress => put(place, flow.egress.into()),
                Value::IngressPhysical => put(place, flow.ingress_physical.into()),
                Value::EgressPhysical => put(place, flow.egress_physical.into()),
                Value::IngressVrf => put(place, flow.ingress_vrf.into()),
                Value::EgressVrf => put(place, flow.egress_vrf.into()),
                Value::Direction => put(place, flow.direction.into()),
                Value::ForwardingStatus => put(place, flow.forwarding_status.into()),
                Value::Application => put(place, flow.application.into()),
                Value::DroppedPackets => put(place, flow.dropped_packets),
                Value::Exporter => put_address(place, flow.exporter),
                Value::InterfaceName => place.copy_from_slice(&flow.interface_name),
            }
        }
    }
}

/// Writes the low octets of a number, big-endian: reduced-size encoding (RFC 7011 §6.2) leaves out leading zeros.
///
/// The four lengths that occur are written without a call; a length that does not occur stays zero.
#[allow(clippy::cast_possible_truncation)] // leaving out the upper octets is the point
fn put(place: &mut [u8], value: u64) {
    match place.len() {
        1 => place[0] = value as u8,
        2 => place.copy_from_slice(&(value as u16).to_be_bytes()),
        4 => place.copy_from_slice(&(value as u32).to_be_bytes()),
        8 => place.copy_from_slice(&value.to_be_bytes()),
        _ => {}
    }
}

fn put_address(place: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(address) if place.len() == 4 => place.copy_from_slice(&address.octets()),
        IpAddr::V6(address) if place.len() == 16 => place.copy_from_slice(&address.octets()),
        _ => {}
    }
}
