//! Numbers of the identifiers of a record.

use super::names::{AnnouncedNames, Announcer};
use crate::flowlog::field::DescribedInterface;
use crate::flowlog::{Field, FieldSet, FlowRecord, RecordKind};
use crate::ipfix::MessageSink;
use crate::network::InterfaceView;

/// Numbers of a record's identifiers; 0 is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecordNumbers {
    /// Interface, or attachment of the transit gateway.
    pub(crate) interface: u32,
    /// Attachment on the other side.
    pub(crate) pair: u32,
    pub(crate) source_eni: u32,
    pub(crate) destination_eni: u32,
    pub(crate) source_vrf: u32,
    pub(crate) destination_vrf: u32,
    /// applicationId, or 0 for none.
    pub(crate) application: u32,
}

/// Returns whether the record names services. Services are no identifiers, so a context does not hold services.
#[inline]
pub(crate) fn has_services(record: &FlowRecord<'_>) -> bool {
    const SERVICES: FieldSet =
        FieldSet::of(&[Field::PacketSourceService, Field::PacketDestinationService]);
    record.present().has_any(SERVICES)
}

/// Announces the services of a record and returns the number of the pair.
pub(super) fn announce_services<S: MessageSink>(
    record: &FlowRecord<'_>,
    names: &mut AnnouncedNames,
    to: &mut Announcer<'_, S>,
) -> Result<u32, S::Error> {
    let source = record.text(Field::PacketSourceService);
    let destination = record.text(Field::PacketDestinationService);
    names.announce_application(source, destination, to)
}

/// Announces every identifier of a record and returns the numbers. `interface` is the record's interface
/// in the inventory.
pub(super) fn announce_identifiers<S: MessageSink>(
    record: &FlowRecord<'_>,
    interface: Option<InterfaceView<'_>>,
    names: &mut AnnouncedNames,
    to: &mut Announcer<'_, S>,
) -> Result<RecordNumbers, S::Error> {
    let mut numbers = RecordNumbers::default();
    if let Some(id) = record.interface_id() {
        numbers.interface =
            names.announce_interface(id, DescribedInterface::Interface, record, to)?;
    }
    match record.kind() {
        RecordKind::Vpc => {
            names.announce_pseudo_interfaces(to)?;
            let known = || interface?.vpc().map(str::as_bytes);
            if let Some(vpc) = record.text(Field::VpcId).or_else(known) {
                numbers.source_vrf = names.announce_vrf(vpc, to)?;
                numbers.destination_vrf = numbers.source_vrf;
            }
        }
        RecordKind::TransitGateway => announce_gateway(record, &mut numbers, names, to)?,
    }
    Ok(numbers)
}

/// Announces the identifiers of records of transit gateways.
fn announce_gateway<S: MessageSink>(
    record: &FlowRecord<'_>,
    numbers: &mut RecordNumbers,
    names: &mut AnnouncedNames,
    to: &mut Announcer<'_, S>,
) -> Result<(), S::Error> {
    use DescribedInterface::{DestinationEni, Interface, SourceEni};
    let interfaces = [
        (Field::TgwPairAttachmentId, Interface, &mut numbers.pair),
        (Field::TgwSrcEni, SourceEni, &mut numbers.source_eni),
        (
            Field::TgwDstEni,
            DestinationEni,
            &mut numbers.destination_eni,
        ),
    ];
    for (field, described, number) in interfaces {
        if let Some(id) = record.text(field) {
            *number = names.announce_interface(id, described, record, to)?;
        }
    }
    let vrfs = [
        (Field::TgwSrcVpcId, &mut numbers.source_vrf),
        (Field::TgwDstVpcId, &mut numbers.destination_vrf),
    ];
    for (field, number) in vrfs {
        if let Some(id) = record.text(field) {
            *number = names.announce_vrf(id, to)?;
        }
    }
    Ok(())
}
