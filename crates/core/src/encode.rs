//! Stages of a record that counts: its names are announced, its values mapped, and the flow written into a message.

use std::borrow::Cow;
use std::sync::Arc;

use crate::flowlog::{Field, FlowDirection, FlowRecord, ParseError, ParseProblem, RecordKind};
use crate::ipfix::{Exporter, FlowValues, MessageSink, Transport};
use crate::mapping::announce::{Announcements, InterfaceContext};
use crate::mapping::{
    self, FlowTimes, InterfaceNames, Layouts, MappingSettings, NameTexts, RecordFacts, Timestamps,
};
use crate::network::{InterfaceView, Inventory};
use crate::observe::{ExportedFlow, RecordObserver, RecordOutcome};
use crate::origin::LogLine;
use crate::report::BatchReport;
use crate::settings::TranscoderSettings;

/// Stages of a record that counts: announcements, mapping, messages.
#[derive(Debug)]
pub(crate) struct FlowEncoder {
    settings: MappingSettings,
    pub(crate) announcements: Announcements,
    pub(crate) layouts: Layouts,
    values: FlowValues,
    pub(crate) exporter: Exporter,
}

/// Facts of a flow beside the columns of the record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowFacts {
    /// Direction: the record's column, else derived from the inventory.
    pub(crate) direction: Option<FlowDirection>,
    /// Event time, milliseconds since 1970.
    pub(crate) event_time: Option<u64>,
}

impl FlowEncoder {
    pub(crate) fn new(settings: &TranscoderSettings, transports: &[Transport]) -> Self {
        Self {
            settings: settings.mapping,
            announcements: Announcements::new(
                settings.observation_domain,
                settings.mapping.name_texts,
            ),
            layouts: Layouts::default(),
            values: FlowValues::default(),
            exporter: Exporter::new(
                transports,
                settings.max_message_size,
                settings.template_refresh,
            ),
        }
    }

    /// Begins a batch.
    pub(crate) fn begin(&mut self, now: u64) {
        self.set_now(now);
        self.exporter.begin();
    }

    /// Moves the time on within a batch.
    pub(crate) fn set_now(&mut self, now: u64) {
        self.exporter.set_now(now);
        self.announcements.begin_epoch_if_due(&self.exporter);
    }

    /// Restarts a transport session.
    pub(crate) fn restart_session(&mut self, session: usize) {
        self.exporter.restart_session(session);
        self.announcements.begin_epoch(self.exporter.now());
    }

    /// Forgets everything derived from the earlier inventory.
    pub(crate) fn forget_inventory(&mut self) {
        self.announcements.forget_inventory(self.exporter.now());
    }

    /// Announces everything again, because a session lacks announcements of the current epoch.
    pub(crate) fn announce_again(&mut self) {
        self.announcements.begin_epoch(self.exporter.now());
    }

    /// Drops the messages of a failed batch. Announcements in these messages may be lost, so everything is announced again.
    pub(crate) fn discard(&mut self) {
        self.exporter.discard();
        self.announcements.begin_epoch(self.exporter.now());
    }

    /// Makes the context of the record current and returns the context. `account` and `region` belong to the record's
    /// source.
    #[inline(always)] // single caller, for every record
    pub(crate) fn turn_to<S: MessageSink>(
        &mut self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        inventory: &Inventory,
        sink: &mut S,
    ) -> Result<&mut InterfaceContext, S::Error> {
        let exporter = &mut self.exporter;
        self.announcements
            .turn_to(record, account, region, inventory, exporter, sink)?;
        Ok(self.announcements.context())
    }

    /// Counts the current record as deliberately not exported.
    pub(crate) fn ignore(&mut self) {
        let slot = self.announcements.context().domain_slot;
        self.exporter.ignore(slot);
    }

    /// Announces the names of the current record, maps the record, and writes the flow. Returns whether the record was
    /// exported: false if the values cannot be exported.
    #[inline(always)] // single caller, for every record
    pub(crate) fn encode<S: MessageSink, O: RecordObserver>(
        &mut self,
        record: &FlowRecord<'_>,
        facts: FlowFacts,
        inventory: &Inventory,
        report: &mut BatchReport,
        sink: &mut S,
        observer: &mut O,
    ) -> Result<bool, S::Error> {
        let Self {
            settings,
            announcements,
            layouts,
            values,
            exporter,
        } = self;
        let slot = announcements.context().domain_slot;
        let times = FlowTimes::of(record, facts.event_time);
        if settings.timestamps == Timestamps::Seconds
            && let Err(error) = times.check_seconds()
        {
            not_exportable(record, facts.event_time, error, report, observer);
            return Ok(false);
        }
        let record_facts = RecordFacts {
            direction: facts.direction,
            numbers: announcements.announced_numbers(record, inventory, exporter, sink)?,
            times,
        };
        if settings.interface_names == InterfaceNames::Inline {
            let interface = announcements.context().interface(inventory);
            set_interface_name(record, interface, inventory, settings, values);
        }
        let contents = mapping::map(record, record_facts, settings, values);
        let Some(number) = layouts.find_or_add(contents) else {
            not_exportable(record, facts.event_time, TOO_MANY_LAYOUTS, report, observer);
            return Ok(false);
        };
        let layout = layouts.layout(number);
        if !announcements.has_layout(slot, number) {
            announcements.announce_layout(number, layout, inventory, exporter, sink)?;
        }
        let counts = (
            record.number_or_zero(Field::Packets),
            record.number_or_zero(Field::Bytes),
        );
        exporter.write_flow(slot, layout, values, counts, sink)?;
        let flow = ExportedFlow {
            direction: facts.direction,
            domain_slot: slot,
            layout,
            values,
            exporter,
        };
        observer.record(record, RecordOutcome::Exported(flow));
        report.exported(counts);
        report.counters.swapped_times += u64::from(times.swapped);
        Ok(true)
    }
}

/// Sets the inline name (interfaceName, 82) of the record's interface or attachment: the Name tag, else the id. In the
/// interface table, interfaceName is the id.
#[inline(never)]
fn set_interface_name(
    record: &FlowRecord<'_>,
    interface: Option<InterfaceView<'_>>,
    inventory: &Inventory,
    settings: &MappingSettings,
    values: &mut FlowValues,
) {
    let Some(id) = record.interface_id() else {
        return values.set_interface_name(None);
    };
    let tag = || match record.kind() {
        RecordKind::Vpc => interface?.name(),
        RecordKind::TransitGateway => inventory.attachment(id)?.name.as_deref(),
    };
    let tag = match settings.name_texts {
        NameTexts::On => tag().filter(|tag| !tag.trim().is_empty()),
        NameTexts::Off => None,
    };
    let name = tag.map_or_else(|| String::from_utf8_lossy(id), Cow::Borrowed);
    values.set_interface_name(Some(&name));
}

/// Counts a record whose values cannot be exported.
#[cold]
fn not_exportable<O: RecordObserver>(
    record: &FlowRecord<'_>,
    event_time: Option<u64>,
    error: ParseError,
    report: &mut BatchReport,
    observer: &mut O,
) {
    let line = LogLine {
        id: None,
        timestamp: event_time,
        text: &record.sample(),
    };
    report.not_exportable(&line, error);
    observer.record(record, RecordOutcome::Unparsed);
}

/// Error of a record that needs a layout beyond the bound of layouts; AWS's formats need far fewer.
const TOO_MANY_LAYOUTS: ParseError = ParseError {
    column: None,
    field: None,
    problem: ParseProblem::TooManyLayouts,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};
    use crate::network::{GatewayAttachment, NetworkInterface};

    /// Inline name of a record, with the length in front; the interface and the attachment have this Name tag.
    fn inline_name(format: &str, line: &str, tag: &str, names: NameTexts) -> String {
        let mut inventory = Inventory::new();
        inventory.insert_interface(&NetworkInterface {
            id: "eni-1".into(),
            name: Some(tag.into()),
            ..NetworkInterface::default()
        });
        inventory.insert_attachment(GatewayAttachment {
            id: "tgw-attach-1".into(),
            name: Some(tag.into()),
            ..GatewayAttachment::default()
        });
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
        let record = record.expect("line of the test");
        let settings = MappingSettings {
            name_texts: names,
            ..MappingSettings::default()
        };
        let mut flow = FlowValues::default();
        let interface = inventory.interface(b"eni-1");
        set_interface_name(&record, interface, &inventory, &settings, &mut flow);
        String::from_utf8_lossy(flow.tail()).into_owned()
    }

    #[test]
    fn the_inline_name_is_the_name_tag_unless_blank_or_switched_off_and_else_the_id() {
        let vpc = ("${interface-id} ${bytes}", "eni-1 5");
        let gateway = (
            "${tgw-id} ${tgw-attachment-id} ${bytes}",
            "tgw-1 tgw-attach-1 5",
        );
        for ((format, line), tag, names, name) in [
            (vpc, "web", NameTexts::On, "\x03web"),
            (vpc, "web", NameTexts::Off, "\x05eni-1"),
            (vpc, " ", NameTexts::On, "\x05eni-1"),
            (gateway, "office", NameTexts::On, "\x06office"),
            (gateway, "office", NameTexts::Off, "\x0ctgw-attach-1"),
        ] {
            assert_eq!(inline_name(format, line, tag, names), name, "{names:?}");
        }
        let unnamed = inline_name("${srcaddr} ${bytes}", "10.0.0.1 5", "web", NameTexts::On);
        assert_eq!(unnamed, "");
    }
}
