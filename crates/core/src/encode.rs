//! The second half of the way: a record that counts is mapped, its names are announced, and it is encoded.

use crate::flowlog::field::DescribedInterface;
use crate::flowlog::{
    Field, FieldSet, FlowDirection, FlowRecord, ParseError, ParseProblem, RecordKind,
};
use crate::identity::{Collision, Identities};
use crate::ipfix::{Exporter, Flow, MessageSink};
use crate::mapping::context::InterfaceContext;
use crate::mapping::{self, Announcer, Domains, Layouts, MappingSettings, Names, Numbers};
use crate::network::{Inventory, NetworkInterface};
use crate::report::BatchReport;

/// The second half of the way: everything that a record that counts passes through.
#[derive(Debug)]
pub(crate) struct FlowEncoder {
    pub(crate) mapping: MappingSettings,
    pub(crate) domains: Domains,
    pub(crate) names: Names,
    pub(crate) identities: Identities,
    pub(crate) layouts: Layouts,
    pub(crate) flow: Flow,
    pub(crate) exporter: Exporter,
}

impl FlowEncoder {
    /// The place of the record's domain, and the collision if its number has another name.
    pub(crate) fn domain(
        &mut self,
        record: &FlowRecord<'_>,
        owner: Option<&str>,
        region: Option<&str>,
    ) -> (usize, Option<Collision>) {
        let (identities, exporter) = (&mut self.identities, &mut self.exporter);
        self.domains
            .resolve(record, owner, region, identities, exporter)
    }

    /// Maps, names and encodes one record.
    #[allow(clippy::too_many_arguments)] // the stages of one way, not options
    #[inline(always)] // called in one place, for every record
    pub(crate) fn record<S: MessageSink>(
        &mut self,
        record: &FlowRecord<'_>,
        direction: Option<FlowDirection>,
        event_time: Option<u64>,
        subject: &mut InterfaceContext,
        inventory: &Inventory,
        report: &mut BatchReport,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let numbers = match subject.numbers_in(self.exporter.epoch()) {
            Some(numbers) if !has_services(record) => numbers,
            _ => self.numbers(record, subject, inventory, report, sink)?,
        };
        let contents = mapping::map(
            record,
            direction,
            numbers,
            event_time,
            &self.mapping,
            &mut self.flow,
        );
        let Some(number) = self.layouts.number(contents) else {
            // More layouts than any set of AWS formats has: not a flow log that we know.
            let columns = record.format().names().len();
            report.unparsed(
                record.line(),
                ParseError {
                    column: columns,
                    field: None,
                    problem: ParseProblem::TooManyLayouts,
                },
            );
            return Ok(());
        };
        let (packets, octets) = (record.count(Field::Packets), record.count(Field::Bytes));
        self.exporter.flow(
            subject.domain,
            (number, self.layouts.layout(number)),
            &self.flow,
            (packets, octets),
            sink,
        )?;
        report.counters.flows_exported += 1;
        report.packets = report.packets.saturating_add(packets);
        report.octets = report.octets.saturating_add(octets);
        Ok(())
    }

    /// The numbers of everything that the record names, each announced before it is used.
    fn numbers<S: MessageSink>(
        &mut self,
        record: &FlowRecord<'_>,
        subject: &mut InterfaceContext,
        inventory: &Inventory,
        report: &mut BatchReport,
        sink: &mut S,
    ) -> Result<Numbers, S::Error> {
        let epoch = self.exporter.epoch();
        let known = subject.numbers_in(epoch);
        let mut collisions = Vec::new();
        let mut announcer = Announcer {
            domain: subject.domain,
            exporter: &mut self.exporter,
            inventory,
            identities: &mut self.identities,
            collisions: &mut collisions,
            sink,
        };
        let mut numbers = match known {
            Some(numbers) => numbers,
            None => {
                let interface = subject.interface(inventory);
                identify(record, interface, &mut self.names, &mut announcer)?
            }
        };
        subject.numbers = Some((epoch, numbers));
        if has_services(record) {
            let service = |field| record.text(field);
            let (source, destination) = (
                service(Field::PacketSourceService),
                service(Field::PacketDestinationService),
            );
            numbers.application = self
                .names
                .application(source, destination, &mut announcer)?;
        }
        collisions
            .into_iter()
            .for_each(|collision| report.collided(Some(collision)));
        Ok(numbers)
    }
}

/// Whether the record names services, which follow from no subject.
#[inline]
fn has_services(record: &FlowRecord<'_>) -> bool {
    const SERVICES: FieldSet =
        FieldSet::of(&[Field::PacketSourceService, Field::PacketDestinationService]);
    record.present().has_any(SERVICES)
}

/// The numbers of what the texts of a subject name.
fn identify<S: MessageSink>(
    record: &FlowRecord<'_>,
    interface: Option<&NetworkInterface>,
    names: &mut Names,
    to: &mut Announcer<'_, S>,
) -> Result<Numbers, S::Error> {
    let mut numbers = Numbers::default();
    if let Some(id) = record.interface() {
        numbers.interface = names.interface(id, DescribedInterface::Interface, record, to)?;
    }
    match record.kind() {
        RecordKind::Vpc => {
            names.pseudo_interfaces(to)?;
            let known = || interface?.vpc.as_deref().map(str::as_bytes);
            if let Some(vpc) = record.text(Field::VpcId).or_else(known) {
                numbers.source_vrf = names.vrf(vpc, to)?;
                numbers.destination_vrf = numbers.source_vrf;
            }
        }
        RecordKind::TransitGateway => {
            let interfaces = [
                (
                    Field::TgwPairAttachmentId,
                    DescribedInterface::Interface,
                    &mut numbers.pair,
                ),
                (
                    Field::TgwSrcEni,
                    DescribedInterface::SourceEni,
                    &mut numbers.source_eni,
                ),
                (
                    Field::TgwDstEni,
                    DescribedInterface::DestinationEni,
                    &mut numbers.destination_eni,
                ),
            ];
            for (field, owner, number) in interfaces {
                if let Some(id) = record.text(field) {
                    *number = names.interface(id, owner, record, to)?;
                }
            }
            let vrfs = [
                (Field::TgwSrcVpcId, &mut numbers.source_vrf),
                (Field::TgwDstVpcId, &mut numbers.destination_vrf),
            ];
            for (field, number) in vrfs {
                if let Some(id) = record.text(field) {
                    *number = names.vrf(id, to)?;
                }
            }
        }
    }
    Ok(numbers)
}
