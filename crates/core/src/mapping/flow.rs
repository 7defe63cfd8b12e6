//! One record becomes the values of one flow: the rules that need more than one column.

use std::net::IpAddr;

use super::layout::{Contents, part};
use super::names::{ACCEPT, REJECT};
use super::{AddressPair, InterfaceNames, Mapping, Timestamps};
use crate::flowlog::{Action, Direction, Field, FieldSet, FlowRecord, Kind, RejectReason};
use crate::ipfix::{Flow, INTERFACE_NAME_OCTETS, cut};

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

/// The values of a record and which of them there are.
pub(crate) fn map<'a>(
    record: &FlowRecord<'a>,
    direction: Option<Direction>,
    numbers: Numbers,
    event_time: Option<u64>,
    mapping: &Mapping,
) -> (Flow<'a>, Contents) {
    let mut flow = Flow {
        numbers: record.numbers(),
        ..Flow::default()
    };
    let mut contents = Contents {
        direct: record.present().intersection(Contents::DIRECT),
        parts: 0,
    };
    let parts = &mut contents.parts;
    times(record, event_time, mapping, &mut flow, parts);
    addresses(record, mapping, &mut flow, parts);
    match record.kind() {
        Kind::Vpc => vpc_sides(record, direction, numbers, &mut flow, parts),
        Kind::TransitGateway => gateway_sides(record, direction, numbers, &mut flow, parts),
    }
    if flow.ingress != 0 || flow.egress != 0 {
        *parts |= part::INTERFACES;
    }
    flow.ingress_vrf = numbers.source_vrf;
    flow.egress_vrf = numbers.destination_vrf;
    if flow.ingress_vrf != 0 || flow.egress_vrf != 0 {
        *parts |= part::VRF;
    }
    if let Some(direction) = direction {
        flow.direction = u8::from(direction == Direction::Egress);
        *parts |= part::DIRECTION;
    }
    if numbers.application != 0 {
        flow.application = numbers.application;
        *parts |= part::APPLICATION;
    }
    if let Some(exporter) = mapping.exporter_address {
        flow.exporter = exporter;
        *parts |= if exporter.is_ipv4() {
            part::EXPORTER_4
        } else {
            part::EXPORTER_6
        };
    }
    if mapping.interface_names == InterfaceNames::Inline
        && let Some(id) = record.interface()
    {
        let name = String::from_utf8_lossy(id);
        let name = cut(&name, INTERFACE_NAME_OCTETS).as_bytes();
        flow.interface_name[..name.len()].copy_from_slice(name);
        *parts |= part::INTERFACE_NAME;
    }
    counters(record, &mut contents);
    (flow, contents)
}

fn times(
    record: &FlowRecord<'_>,
    event_time: Option<u64>,
    mapping: &Mapping,
    flow: &mut Flow<'_>,
    parts: &mut u32,
) {
    // AWS documents the event's timestamp as equal to the record's start.
    if let Some(start) = record.number(Field::Start).or(event_time) {
        flow.start = start;
        *parts |= part::START;
    }
    if let Some(end) = record.number(Field::End) {
        flow.end = end;
        *parts |= part::END;
    }
    if mapping.timestamps == Timestamps::Seconds && *parts & (part::START | part::END) != 0 {
        *parts |= part::SECONDS;
    }
}

fn addresses(record: &FlowRecord<'_>, mapping: &Mapping, flow: &mut Flow<'_>, parts: &mut u32) {
    let interface = (
        record.address(Field::SourceAddress),
        record.address(Field::DestinationAddress),
    );
    let packet = (
        record.address(Field::PacketSourceAddress),
        record.address(Field::PacketDestinationAddress),
    );
    let (primary, other) = match (interface, packet) {
        ((None, None), packet) => (packet, (None, None)),
        ((Some(_), Some(_)), (Some(_), Some(_))) if mapping.address == AddressPair::Packet => {
            (packet, interface)
        }
        _ => (interface, packet),
    };
    let mut take = |address: Option<IpAddr>, place: &mut IpAddr, v4: u32, v6: u32| {
        if let Some(address) = address {
            *place = address;
            *parts |= if address.is_ipv4() { v4 } else { v6 };
        }
    };
    take(primary.0, &mut flow.source, part::SOURCE_4, part::SOURCE_6);
    take(
        primary.1,
        &mut flow.destination,
        part::DESTINATION_4,
        part::DESTINATION_6,
    );
    let all_four =
        primary.0.is_some() && primary.1.is_some() && other.0.is_some() && other.1.is_some();
    if all_four && primary != other {
        take(
            other.0,
            &mut flow.nat_source,
            part::NAT_SOURCE_4,
            part::NAT_SOURCE_6,
        );
        take(
            other.1,
            &mut flow.nat_destination,
            part::NAT_DESTINATION_4,
            part::NAT_DESTINATION_6,
        );
    }
}

/// The interface is on the side that the direction says, ACCEPT or REJECT on the other.
fn vpc_sides(
    record: &FlowRecord<'_>,
    direction: Option<Direction>,
    numbers: Numbers,
    flow: &mut Flow<'_>,
    _: &mut u32,
) {
    let action = match record.action() {
        None if record.reject_reason().is_some()
            && !record.format().fields().has(Field::Action) =>
        {
            Some(Action::Reject)
        }
        action => action,
    };
    let pseudo = match action {
        Some(Action::Accept) => ACCEPT,
        Some(Action::Reject) => REJECT,
        None => 0,
    };
    (flow.ingress, flow.egress) = match direction {
        Some(Direction::Egress) => (pseudo, numbers.interface),
        Some(Direction::Ingress) | None => (numbers.interface, pseudo),
    };
    // An access list is only claimed where AWS names one: REJECT also covers packets after a connection's end.
    let denied = matches!(
        record.reject_reason(),
        Some(RejectReason::BlockPublicAccess | RejectReason::EncryptionControls)
    );
    flow.forwarding_status = match action {
        Some(Action::Accept) => 0x40,
        Some(Action::Reject) if denied => 0x81,
        Some(Action::Reject) => 0x80,
        None => 0,
    };
}

/// The attachment and its pair are the two sides; packets lost decide the status.
fn gateway_sides(
    record: &FlowRecord<'_>,
    direction: Option<Direction>,
    numbers: Numbers,
    flow: &mut Flow<'_>,
    parts: &mut u32,
) {
    (flow.ingress, flow.egress) = match direction {
        Some(Direction::Egress) => (numbers.pair, numbers.interface),
        Some(Direction::Ingress) | None => (numbers.interface, numbers.pair),
    };
    if flow.ingress == 0 && flow.egress == 0 {
        (flow.ingress, flow.egress) = (numbers.source_eni, numbers.destination_eni);
    }
    if numbers.source_eni != 0 {
        flow.ingress_physical = numbers.source_eni;
        *parts |= part::INGRESS_PHYSICAL;
    }
    if numbers.destination_eni != 0 {
        flow.egress_physical = numbers.destination_eni;
        *parts |= part::EGRESS_PHYSICAL;
    }
    /// The four reasons with their forwarding status, in the order that decides ties.
    const LOSSES: [(Field, u8); 4] = [
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
    if let Some(sum) = sum {
        flow.dropped_packets = sum;
        *parts |= part::DROPPED;
        let all_lost = sum > 0
            && record
                .number(Field::Packets)
                .is_some_and(|packets| sum >= packets);
        flow.forwarding_status = if all_lost { reason } else { 0x40 };
    }
}

fn counters(record: &FlowRecord<'_>, contents: &mut Contents) {
    let wide = |field| {
        record
            .number(field)
            .is_some_and(|value| value > u64::from(u32::MAX))
    };
    let counts = contents
        .direct
        .has_any(FieldSet::of(&[Field::Packets, Field::Bytes]));
    if counts && (wide(Field::Packets) || wide(Field::Bytes)) {
        contents.parts |= part::WIDE;
    }
    // A flow without TCP has no TCP flags: 0 says so and needs no template of its own.
    let not_tcp = record
        .number(Field::Protocol)
        .is_some_and(|protocol| protocol != TCP);
    if not_tcp && record.format().fields().has(Field::TcpFlags) {
        contents.direct.insert(Field::TcpFlags);
    }
}
