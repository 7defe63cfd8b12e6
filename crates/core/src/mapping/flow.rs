//! One record becomes the values of one flow: the rules that need more than one column.

use super::layout::{Contents, part};
use super::names::{ACCEPT, REJECT};
use super::{AddressPair, InterfaceNames, MappingSettings, Timestamps};
use crate::flowlog::{
    Field, FieldSet, FlowAction, FlowDirection, FlowRecord, RecordKind, RejectReason,
};
use crate::ipfix::{Flow, INTERFACE_NAME_OCTETS, Place, cut};
use crate::network::Address;

/// IANA protocol number of TCP.
const TCP: u64 = 6;

/// The numbers that stand for the record's identifiers; 0 is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    /// The interface, or the transit gateway's attachment.
    pub(crate) interface: u32,
    /// The attachment on the other side.
    pub(crate) pair: u32,
    pub(crate) source_eni: u32,
    pub(crate) destination_eni: u32,
    pub(crate) source_vrf: u32,
    pub(crate) destination_vrf: u32,
    /// applicationId, or 0 for none.
    pub(crate) application: u32,
}

/// Writes the values of a record into `flow`, and says which of them there are.
#[inline(always)]
pub(crate) fn map(
    record: &FlowRecord<'_>,
    direction: Option<FlowDirection>,
    numbers: Numbers,
    event_time: Option<u64>,
    mapping: &MappingSettings,
    flow: &mut Flow,
) -> Contents {
    flow.set_direct(record.numbers());
    let mut parts = times(record, event_time, mapping, flow)
        | addresses(record, mapping, flow)
        | match record.kind() {
            RecordKind::Vpc => vpc_sides(record, direction, numbers, flow),
            RecordKind::TransitGateway => gateway_sides(record, direction, numbers, flow),
        };
    if numbers.source_vrf != 0 || numbers.destination_vrf != 0 {
        flow.set(Place::INGRESS_VRF, numbers.source_vrf.into());
        flow.set(Place::EGRESS_VRF, numbers.destination_vrf.into());
        parts |= part::VRF;
    }
    if let Some(direction) = direction {
        flow.set(
            Place::DIRECTION,
            (direction == FlowDirection::Egress).into(),
        );
        parts |= part::DIRECTION;
    }
    if numbers.application != 0 {
        flow.set(Place::APPLICATION, numbers.application.into());
        parts |= part::APPLICATION;
    }
    if let Some(exporter) = mapping.exporter_address {
        flow.set_address(Place::EXPORTER, exporter.into());
        parts |= if exporter.is_ipv4() {
            part::EXPORTER_4
        } else {
            part::EXPORTER_6
        };
    }
    if mapping.interface_names == InterfaceNames::Inline
        && let Some(id) = record.interface()
    {
        let name = String::from_utf8_lossy(id);
        flow.set_name(
            Place::INTERFACE_NAME,
            cut(&name, INTERFACE_NAME_OCTETS).as_bytes(),
        );
        parts |= part::INTERFACE_NAME;
    }
    Contents {
        direct: record
            .present()
            .union(flags(record))
            .intersection(Contents::DIRECT),
        parts: parts | width(record),
    }
}

#[inline]
fn times(
    record: &FlowRecord<'_>,
    event_time: Option<u64>,
    mapping: &MappingSettings,
    flow: &mut Flow,
) -> u32 {
    // AWS documents the event's timestamp as equal to the record's start.
    let times = [
        (
            record.number(Field::Start).or(event_time),
            Place::START,
            part::START,
        ),
        (record.number(Field::End), Place::END, part::END),
    ];
    let mut parts = 0;
    for (time, place, part) in times {
        if let Some(milliseconds) = time {
            flow.set(place, milliseconds);
            parts |= part;
        }
    }
    match mapping.timestamps {
        Timestamps::Seconds if parts != 0 => {
            flow.divide(1_000, &[Place::START, Place::END]);
            parts | part::SECONDS
        }
        _ => parts,
    }
}

#[inline]
fn addresses(record: &FlowRecord<'_>, mapping: &MappingSettings, flow: &mut Flow) -> u32 {
    const PACKET: FieldSet =
        FieldSet::of(&[Field::PacketSourceAddress, Field::PacketDestinationAddress]);
    let pair = |source, destination| (record.address(source), record.address(destination));
    let interface = pair(Field::SourceAddress, Field::DestinationAddress);
    let packet = match record.present().has_any(PACKET) {
        true => pair(Field::PacketSourceAddress, Field::PacketDestinationAddress),
        false => (None, None),
    };
    let (primary, other) = match (interface, packet) {
        ((None, None), packet) => (packet, (None, None)),
        ((Some(_), Some(_)), (Some(_), Some(_))) if mapping.address == AddressPair::Packet => {
            (packet, interface)
        }
        _ => (interface, packet),
    };
    let mut parts = 0;
    let mut take = |address: Option<Address>, place: Place, v4: u32, v6: u32| {
        if let Some(address) = address {
            flow.set_address(place, address);
            parts |= if address.is_ipv4() { v4 } else { v6 };
        }
    };
    take(primary.0, Place::SOURCE, part::SOURCE_4, part::SOURCE_6);
    take(
        primary.1,
        Place::DESTINATION,
        part::DESTINATION_4,
        part::DESTINATION_6,
    );
    let all_four =
        primary.0.is_some() && primary.1.is_some() && other.0.is_some() && other.1.is_some();
    if all_four && primary != other {
        take(
            other.0,
            Place::NAT_SOURCE,
            part::NAT_SOURCE_4,
            part::NAT_SOURCE_6,
        );
        take(
            other.1,
            Place::NAT_DESTINATION,
            part::NAT_DESTINATION_4,
            part::NAT_DESTINATION_6,
        );
    }
    parts
}

/// The interface is on the side that the direction says, ACCEPT or REJECT on the other.
#[inline(always)] // called in one place, for every record
fn vpc_sides(
    record: &FlowRecord<'_>,
    direction: Option<FlowDirection>,
    numbers: Numbers,
    flow: &mut Flow,
) -> u32 {
    let action = match record.action() {
        None if record.reject_reason().is_some()
            && !record.format().fields().has(Field::Action) =>
        {
            Some(FlowAction::Reject)
        }
        action => action,
    };
    let pseudo = match action {
        Some(FlowAction::Accept) => ACCEPT,
        Some(FlowAction::Reject) => REJECT,
        None => 0,
    };
    let sides = match direction {
        Some(FlowDirection::Egress) => (pseudo, numbers.interface),
        Some(FlowDirection::Ingress) | None => (numbers.interface, pseudo),
    };
    // An access list is only claimed where AWS names one: REJECT also covers packets after a connection's end.
    let denied = matches!(
        record.reject_reason(),
        Some(RejectReason::BlockPublicAccess | RejectReason::EncryptionControls)
    );
    let status = match action {
        Some(FlowAction::Accept) => 0x40,
        Some(FlowAction::Reject) if denied => 0x81,
        Some(FlowAction::Reject) => 0x80,
        None => 0,
    };
    flow.set(Place::FORWARDING_STATUS, status);
    set_sides(flow, sides)
}

/// Sets the two interfaces, of which 0 is unknown; nothing is exported where both are.
fn set_sides(flow: &mut Flow, (ingress, egress): (u32, u32)) -> u32 {
    flow.set(Place::INGRESS, ingress.into());
    flow.set(Place::EGRESS, egress.into());
    if ingress != 0 || egress != 0 {
        part::INTERFACES
    } else {
        0
    }
}

/// The attachment and its pair are the two sides; packets lost decide the status.
fn gateway_sides(
    record: &FlowRecord<'_>,
    direction: Option<FlowDirection>,
    numbers: Numbers,
    flow: &mut Flow,
) -> u32 {
    let sides = match direction {
        Some(FlowDirection::Egress) => (numbers.pair, numbers.interface),
        Some(FlowDirection::Ingress) | None => (numbers.interface, numbers.pair),
    };
    let sides = match sides {
        (0, 0) => (numbers.source_eni, numbers.destination_eni),
        known => known,
    };
    let mut parts = set_sides(flow, sides);
    if numbers.source_eni != 0 {
        flow.set(Place::INGRESS_PHYSICAL, numbers.source_eni.into());
        parts |= part::INGRESS_PHYSICAL;
    }
    if numbers.destination_eni != 0 {
        flow.set(Place::EGRESS_PHYSICAL, numbers.destination_eni.into());
        parts |= part::EGRESS_PHYSICAL;
    }
    /// The four reasons with their forwarding status, in the order that decides ties.
    const LOSSES: [(Field, u64); 4] = [
        (Field::PacketsLostNoRoute, 0x83),
        (Field::PacketsLostBlackhole, 0x83),
        (Field::PacketsLostMtuExceeded, 0x85),
        (Field::PacketsLostTtlExpired, 0x89),
    ];
    let (mut sum, mut largest, mut reason) = (None, 0, 0x40);
    for (field, status) in LOSSES {
        if let Some(lost) = record.number(field) {
            sum = Some(sum.unwrap_or(0_u64).saturating_add(lost));
            if lost > largest {
                (largest, reason) = (lost, status);
            }
        }
    }
    let mut status = 0;
    if let Some(sum) = sum {
        flow.set(Place::DROPPED_PACKETS, sum);
        parts |= part::DROPPED;
        let all_lost = sum > 0
            && record
                .number(Field::Packets)
                .is_some_and(|packets| sum >= packets);
        status = if all_lost { reason } else { 0x40 };
    }
    flow.set(Place::FORWARDING_STATUS, status);
    parts
}

/// Whether a counter needs more than 32 bits.
fn width(record: &FlowRecord<'_>) -> u32 {
    match (record.count(Field::Packets) | record.count(Field::Bytes)) > u64::from(u32::MAX) {
        true => part::WIDE,
        false => 0,
    }
}

/// A flow without TCP has no TCP flags: 0 says so and needs no template of its own.
fn flags(record: &FlowRecord<'_>) -> FieldSet {
    const TCP_FLAGS: FieldSet = FieldSet::of(&[Field::TcpFlags]);
    let protocol = record.number(Field::Protocol);
    match protocol.is_some_and(|protocol| protocol != TCP) {
        true => record.format().fields().intersection(TCP_FLAGS),
        false => FieldSet::EMPTY,
    }
}
