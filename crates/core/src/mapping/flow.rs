//! Values of a flow: the rules over several columns.

use super::announce::{ACCEPT, REJECT, RecordNumbers};
use super::layout::{Contents, part};
use super::settings::{AddressPair, MappingSettings, Timestamps};
use super::times::FlowTimes;
use crate::flowlog::{
    Field, FieldSet, FlowAction, FlowDirection, FlowRecord, RecordKind, RejectReason,
};
use crate::ipfix::{FlowValues, ValueSlot};
use crate::network::Address;

/// Values of forwardingStatus (89): the flow was forwarded, or dropped, with the reason.
const FORWARDED: u64 = 0x40;
const DROPPED: u64 = 0x80;
const DENIED_BY_ACL: u64 = 0x81;
const UNROUTABLE: u64 = 0x83;
const TOO_LARGE: u64 = 0x85; // fragmentation and DF set
const BAD_TTL: u64 = 0x89;

/// IANA protocol number of TCP.
const TCP: u64 = 6;

/// Facts about a record beside the columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordFacts {
    /// Direction: the column's, or derived.
    pub(crate) direction: Option<FlowDirection>,
    /// Numbers of the identifiers.
    pub(crate) numbers: RecordNumbers,
    /// Start and end.
    pub(crate) times: FlowTimes,
}

/// Writes the values of a record into `flow`, and returns the contents. The interface name, if any, is in `flow` already.
#[inline(always)]
pub(crate) fn map(
    record: &FlowRecord<'_>,
    facts: RecordFacts,
    settings: &MappingSettings,
    flow: &mut FlowValues,
) -> Contents {
    let RecordFacts {
        direction,
        numbers,
        times: flow_times,
    } = facts;
    flow.set_direct(record.numbers());
    let mut parts = times(flow_times, settings, flow)
        | addresses(record, settings, flow)
        | match record.kind() {
            RecordKind::Vpc => vpc_sides(record, direction, numbers, flow),
            RecordKind::TransitGateway => gateway_sides(record, direction, numbers, flow),
        };
    if numbers.source_vrf != 0 || numbers.destination_vrf != 0 {
        flow.set(ValueSlot::INGRESS_VRF, numbers.source_vrf.into());
        flow.set(ValueSlot::EGRESS_VRF, numbers.destination_vrf.into());
        parts |= part::VRF;
    }
    if let Some(direction) = direction {
        flow.set(
            ValueSlot::DIRECTION,
            (direction == FlowDirection::Egress).into(),
        );
        parts |= part::DIRECTION;
    }
    if numbers.application != 0 {
        flow.set(ValueSlot::APPLICATION, numbers.application.into());
        parts |= part::APPLICATION;
    }
    if let Some(exporter) = settings.exporter_address {
        flow.set_address(ValueSlot::EXPORTER, exporter.into());
        parts |= if exporter.is_ipv4() {
            part::EXPORTER_4
        } else {
            part::EXPORTER_6
        };
    }
    if !flow.tail().is_empty() {
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
fn times(times: FlowTimes, settings: &MappingSettings, flow: &mut FlowValues) -> u32 {
    let times = [
        (times.start, ValueSlot::START, part::START),
        (times.end, ValueSlot::END, part::END),
    ];
    let mut parts = 0;
    for (time, slot, part) in times {
        if let Some(milliseconds) = time {
            flow.set(slot, milliseconds);
            parts |= part;
        }
    }
    match settings.timestamps {
        Timestamps::Seconds if parts != 0 => {
            flow.divide(1_000, &[ValueSlot::START, ValueSlot::END]);
            parts | part::SECONDS
        }
        _ => parts,
    }
}

/// Sets the primary address pair and, if complete and different, the other pair as NAT. The primary pair is the interface's;
/// the packet's where the record has no address of the interface, or with `ADDRESS=packet` where both pairs are complete.
#[inline(always)] // called for every record
fn addresses(record: &FlowRecord<'_>, settings: &MappingSettings, flow: &mut FlowValues) -> u32 {
    const PACKET: FieldSet =
        FieldSet::of(&[Field::PacketSourceAddress, Field::PacketDestinationAddress]);
    let pair = |source, destination| (record.address(source), record.address(destination));
    let interface = pair(Field::SourceAddress, Field::DestinationAddress);
    if !record.present().has_any(PACKET) {
        return primary_pair(interface, flow);
    }
    let packet = pair(Field::PacketSourceAddress, Field::PacketDestinationAddress);
    let (primary, other) = match (interface, packet) {
        ((None, None), packet) => (packet, (None, None)),
        ((Some(_), Some(_)), (Some(_), Some(_))) if settings.address == AddressPair::Packet => {
            (packet, interface)
        }
        _ => (interface, packet),
    };
    primary_pair(primary, flow)
        | match (primary, other) {
            ((Some(_), Some(_)), (Some(source), Some(destination))) if primary != other => {
                let (v4, v6) = (part::NAT_SOURCE_4, part::NAT_SOURCE_6);
                let source = set_end(flow, source, ValueSlot::NAT_SOURCE, v4, v6);
                let (v4, v6) = (part::NAT_DESTINATION_4, part::NAT_DESTINATION_6);
                source | set_end(flow, destination, ValueSlot::NAT_DESTINATION, v4, v6)
            }
            _ => 0,
        }
}

/// Sets the addresses of the primary pair, as far as known.
#[inline]
fn primary_pair(
    (source, destination): (Option<Address>, Option<Address>),
    flow: &mut FlowValues,
) -> u32 {
    let mut parts = 0;
    if let Some(source) = source {
        let (v4, v6) = (part::SOURCE_4, part::SOURCE_6);
        parts |= set_end(flow, source, ValueSlot::SOURCE, v4, v6);
    }
    if let Some(destination) = destination {
        let (v4, v6) = (part::DESTINATION_4, part::DESTINATION_6);
        parts |= set_end(flow, destination, ValueSlot::DESTINATION, v4, v6);
    }
    parts
}

/// Sets an address of a pair, and returns its part of the contents, by its family.
#[inline]
fn set_end(flow: &mut FlowValues, address: Address, slot: ValueSlot, v4: u32, v6: u32) -> u32 {
    flow.set_address(slot, address);
    if address.is_ipv4() { v4 } else { v6 }
}

/// Sets the sides of a VPC flow: the interface on the side of the direction (ingress if unknown), ACCEPT or REJECT on the
/// other side.
#[inline(always)] // single caller, for every record
fn vpc_sides(
    record: &FlowRecord<'_>,
    direction: Option<FlowDirection>,
    numbers: RecordNumbers,
    flow: &mut FlowValues,
) -> u32 {
    // Unlike in rule 2, a reason means REJECT only where the format has no action column.
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
    // An access list is only claimed where AWS says so: REJECT also covers packets after a connection's end.
    let denied = matches!(
        record.reject_reason(),
        Some(RejectReason::BlockPublicAccess | RejectReason::EncryptionControls)
    );
    let status = match action {
        Some(FlowAction::Accept) => FORWARDED,
        Some(FlowAction::Reject) if denied => DENIED_BY_ACL,
        Some(FlowAction::Reject) => DROPPED,
        None => 0,
    };
    flow.set(ValueSlot::FORWARDING_STATUS, status);
    set_sides(flow, sides)
}

/// Sets the two interfaces, 0 for unknown; neither is exported if both are unknown.
fn set_sides(flow: &mut FlowValues, (ingress, egress): (u32, u32)) -> u32 {
    flow.set(ValueSlot::INGRESS, ingress.into());
    flow.set(ValueSlot::EGRESS, egress.into());
    if ingress != 0 || egress != 0 {
        part::INTERFACES
    } else {
        0
    }
}

/// Sets the sides of a gateway's flow, the attachment and the pair attachment, and the status by the lost packets.
fn gateway_sides(
    record: &FlowRecord<'_>,
    direction: Option<FlowDirection>,
    numbers: RecordNumbers,
    flow: &mut FlowValues,
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
        flow.set(ValueSlot::INGRESS_PHYSICAL, numbers.source_eni.into());
        parts |= part::INGRESS_PHYSICAL;
    }
    if numbers.destination_eni != 0 {
        flow.set(ValueSlot::EGRESS_PHYSICAL, numbers.destination_eni.into());
        parts |= part::EGRESS_PHYSICAL;
    }
    parts | losses(record, flow)
}

/// Sets the lost packets of a gateway's flow, and the forwarding status: of a flow lost whole, the reason of most losses.
#[inline]
fn losses(record: &FlowRecord<'_>, flow: &mut FlowValues) -> u32 {
    /// Reasons with forwarding status; of equal losses, the first decides.
    const LOSSES: [(Field, u64); 4] = [
        (Field::PacketsLostNoRoute, UNROUTABLE),
        (Field::PacketsLostBlackhole, UNROUTABLE),
        (Field::PacketsLostMtuExceeded, TOO_LARGE),
        (Field::PacketsLostTtlExpired, BAD_TTL),
    ];
    let (mut sum, mut largest, mut reason) = (None, 0, FORWARDED);
    for (field, status) in LOSSES {
        if let Some(lost) = record.number(field) {
            sum = Some(sum.unwrap_or(0_u64).saturating_add(lost));
            if lost > largest {
                (largest, reason) = (lost, status);
            }
        }
    }
    let Some(sum) = sum else {
        flow.set(ValueSlot::FORWARDING_STATUS, 0);
        return 0;
    };
    flow.set(ValueSlot::DROPPED_PACKETS, sum);
    let packets = record.number(Field::Packets);
    let all_lost = sum > 0 && packets.is_some_and(|packets| sum >= packets);
    let status = if all_lost { reason } else { FORWARDED };
    flow.set(ValueSlot::FORWARDING_STATUS, status);
    part::DROPPED
}

/// Returns [`part::WIDE`] if a counter needs more than 32 bits.
fn width(record: &FlowRecord<'_>) -> u32 {
    match (record.number_or_zero(Field::Packets) | record.number_or_zero(Field::Bytes))
        > u64::from(u32::MAX)
    {
        true => part::WIDE,
        false => 0,
    }
}

/// Returns `tcp-flags` for a flow without TCP: the flags are exported as 0, so the flow needs no template of its own.
fn flags(record: &FlowRecord<'_>) -> FieldSet {
    let protocol = record.number(Field::Protocol);
    match protocol.is_some_and(|protocol| protocol != TCP) {
        true => record.format().fields().intersection(FieldSet::TCP_FLAGS),
        false => FieldSet::EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};
    use crate::ipfix::{FieldSpecifier, FlowLayout, LayoutField, element as e};

    /// forwardingStatus of a flow of a gateway with these packets, and losses by no-route, blackhole, MTU and TTL.
    fn gateway_status(counters: &str) -> Vec<u8> {
        let format = "${tgw-id} ${packets} ${packets-lost-no-route} ${packets-lost-blackhole} \
            ${packets-lost-mtu-exceeded} ${packets-lost-ttl-expired}";
        let format = LogFormat::parse(format).expect("format of the test");
        let (line, mut values) = (format!("tgw-1 {counters}"), RecordValues::default());
        let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
        let record = record.expect("line of the test");
        let mut flow = FlowValues::default();
        gateway_sides(&record, None, RecordNumbers::default(), &mut flow);
        let field = LayoutField {
            specifier: FieldSpecifier::of(&e::FORWARDING_STATUS),
            slot: ValueSlot::FORWARDING_STATUS,
            is_key: false,
        };
        FlowLayout::new(1_024, &[field]).data_record(&flow)
    }

    #[test]
    fn of_a_flow_lost_whole_the_largest_loss_is_the_reason_and_of_equal_ones_the_first() {
        for (counters, status) in [
            ("9 0 0 0 9", 0x89),
            ("9 0 0 5 4", 0x85),
            ("9 1 0 4 4", 0x85),
            ("8 0 4 0 4", 0x83),
            ("10 0 0 5 4", 0x40),
            ("0 0 0 0 0", 0x40),
            ("9 - - - -", 0),
        ] {
            assert_eq!(gateway_status(counters), [status], "{counters}");
        }
    }
}
