//! Stages of a record around the reader of lines: a record is admitted before its line is read, then judged and encoded, and
//! ends in exactly one counter.

use std::collections::BTreeSet;

use crate::dedup::{self, Coverage, DedupVerdict, Deduplicator, RecordEvidence};
use crate::encode::{FlowEncoder, FlowFacts};
use crate::flowlog::{Field, FieldSet, FlowRecord, HeaderLine, LogStatus};
use crate::ipfix::{MessageSink, SentTotals, Transport};
use crate::mapping::announce::{InterfaceContext, missing_table};
use crate::network::{AccountRegion, Inventory};
use crate::observe::{RecordObserver, RecordOutcome};
use crate::origin::{LogLine, RecordSource, SourceFacts};
use crate::report::{BatchReport, MAX_DOUBLED};
use crate::settings::TranscoderSettings;

/// Stages around the reader of lines: everything but the storage that the current record borrows.
#[derive(Debug)]
pub(crate) struct RecordStages {
    pub(crate) dedup: Deduplicator,
    pub(crate) inventory: Inventory,
    /// Raised with every change of the inventory, so that sources compute the coverage anew.
    inventory_version: u64,
    /// Raised with every new inventory, so that a [`SourceCache`](crate::SourceCache) makes sources anew.
    pub(crate) flow_logs_version: u64,
    /// Number of the last computed coverage, from 1.
    coverages: u64,
    pub(crate) encoder: FlowEncoder,
    pub(crate) report: BatchReport,
    /// Groups of flow logs in the report, by coverage.
    doubled: BTreeSet<(u64, u32)>,
    /// Account and region of the missing table, if the last record is undecided.
    pub(crate) undecided: Option<AccountRegion>,
    /// True if the next record is the undecided record, handed on again.
    is_again: bool,
}

impl RecordStages {
    pub(crate) fn new(settings: TranscoderSettings, transports: &[Transport]) -> Self {
        Self {
            encoder: FlowEncoder::new(&settings, transports),
            dedup: Deduplicator::new(settings.dedup),
            inventory: Inventory::default(),
            inventory_version: 0,
            flow_logs_version: 0,
            coverages: 0,
            report: BatchReport::default(),
            doubled: BTreeSet::new(),
            undecided: None,
            is_again: false,
        }
    }

    pub(crate) fn set_inventory(&mut self, inventory: Inventory) {
        self.flow_logs_version += 1;
        self.change_inventory(|known| *known = inventory);
    }

    pub(crate) fn change_inventory(&mut self, change: impl FnOnce(&mut Inventory)) {
        change(&mut self.inventory);
        self.inventory_version += 1;
        self.encoder.forget_inventory();
    }

    /// Notes those identifiers of a record that the inventory lacks.
    pub(crate) fn note_identifiers(&mut self, record: &FlowRecord<'_>) {
        let notes = &mut self.encoder.announcements.notes;
        notes.note_identifiers(record, &self.inventory);
    }

    /// Forgets the deliveries of a batch, and its undecided record.
    pub(crate) fn forget_batch(&mut self) {
        (self.undecided, self.is_again) = (None, false);
        self.dedup.rollback();
    }

    /// Takes the report since the last call.
    pub(crate) fn take_report(&mut self) -> BatchReport {
        self.doubled.clear();
        let mut report = std::mem::take(&mut self.report);
        let SentTotals {
            messages,
            octets,
            options_records,
        } = self.encoder.exporter.take_sent();
        let counters = &mut report.counters;
        counters.messages_sent = messages;
        counters.bytes_sent = octets;
        counters.options_records = options_records;
        counters.template_id_collisions = self.encoder.layouts.take_collisions();
        let notes = &mut self.encoder.announcements.notes;
        (counters.identity_collisions, report.collisions) = notes.take_collisions();
        report
    }

    /// Returns whether a line is a record to be read, and counts the record: a header is no record, and rule 1 leaves out
    /// repeated deliveries.
    #[inline(always)] // single caller, for every record
    pub(crate) fn admit(&mut self, source: &mut RecordSource, line: LogLine<'_>) -> bool {
        if !self.is_again {
            match source.read_header(&line) {
                HeaderLine::NoHeader => {}
                HeaderLine::Taken => return false,
                HeaderLine::NotAFlowLog => {
                    self.report.refuse(line.text);
                    return false;
                }
            }
            if self.is_delivered(source, line) {
                self.report.counters.records_received += 1;
                self.report.counters.duplicate_deliveries += 1;
                return false;
            }
        }
        self.admit_record(source);
        true
    }

    /// Counts a record, unless the record is undecided and handed on again, and computes the coverage of the source where
    /// missing.
    #[inline(always)] // called for every record
    pub(crate) fn admit_record(&mut self, source: &mut RecordSource) {
        self.report.counters.records_received += u64::from(!std::mem::take(&mut self.is_again));
        source.update_coverage(&self.inventory, self.inventory_version, &mut self.coverages);
    }

    /// Rule 1: returns whether the event of a line was delivered before.
    #[inline]
    fn is_delivered(&mut self, source: &mut RecordSource, line: LogLine<'_>) -> bool {
        let Some(id) = line.id else { return false };
        let stream = match source.event_stream {
            Some(stream) => stream,
            None => {
                let stream = self.dedup.stream(&source.event_scope());
                *source.event_stream.insert(stream)
            }
        };
        self.dedup.is_delivered(stream, id, line.timestamp)
    }

    /// Judges and encodes a record that was admitted.
    #[inline(always)] // called for every record
    pub(crate) fn judge_and_encode<S: MessageSink, O: RecordObserver>(
        &mut self,
        record: &FlowRecord<'_>,
        facts: SourceFacts<'_>,
        coverage: &mut Coverage,
        sink: &mut S,
        observer: &mut O,
    ) -> Result<(), S::Error> {
        let Self {
            dedup,
            inventory,
            encoder,
            report,
            ..
        } = self;
        if count_unless_flow(record, report, observer) {
            return Ok(());
        }
        let context = encoder.turn_to(record, facts.account, facts.region, inventory, sink)?;
        if context.lacks_table {
            let (account, region) = (facts.account.as_deref(), facts.region.as_deref());
            self.undecided = missing_table(record, account, region, inventory);
            self.is_again = true;
            return Ok(());
        }
        let derives_direction = || dedup.filters_direction() && record.direction().is_none();
        let lacks_inventory =
            context.lacks_inventory && (dedup.runs_inventory_rules() || derives_direction());
        report.counters.without_inventory += u64::from(lacks_inventory);
        let evidence = evidence(record, facts, context, coverage, inventory);
        let direction = evidence.direction;
        let verdict = dedup.decide(record, evidence, coverage, inventory);
        // Most flows are kept: asked first, because the verdicts share a jump table.
        if verdict != DedupVerdict::Keep
            && let Some(outcome) = RecordOutcome::of_verdict(verdict)
        {
            encoder.ignore();
            report.count(outcome);
            observer.record(record, outcome);
            return Ok(());
        }
        let flow_facts = FlowFacts {
            direction,
            event_time: facts.event_time,
        };
        if !encoder.encode(record, flow_facts, inventory, report, sink, observer)? {
            return Ok(());
        }
        if let DedupVerdict::Doubled(group) = verdict {
            let is_new =
                self.doubled.len() < MAX_DOUBLED && self.doubled.insert((coverage.number(), group));
            let flow_logs = is_new.then(|| coverage.doubled(group, record, facts.event_time));
            report.count_doubled(flow_logs);
        }
        let unknown = dedup.filters_direction() && direction.is_none();
        report.counters.unknown_direction += u64::from(unknown || record.has_unknown_direction());
        Ok(())
    }
}

/// Returns the knowledge of the source and the inventory about a record. The observing flow logs are cached in the record's
/// context.
#[inline(always)] // called for every record
fn evidence<'a>(
    record: &FlowRecord<'_>,
    facts: SourceFacts<'a>,
    context: &'a mut InterfaceContext,
    coverage: &mut Coverage,
    inventory: &'a Inventory,
) -> RecordEvidence<'a> {
    let interface = context.interface(inventory);
    if !coverage.has_determined(&context.observed_by) {
        context.observed_by =
            coverage.observed_by(record, context.interface, context.tables, inventory);
    }
    RecordEvidence {
        direction: dedup::direction(record, interface, context.only_ipv4, inventory),
        interface,
        observed_by: &context.observed_by,
        event_time: facts.event_time,
        flow_log: facts.flow_log,
        has_header: facts.has_header,
    }
}

/// Counts a record that is no flow, and returns whether the record was counted.
#[inline(always)] // called in one place, for every record
fn count_unless_flow<O: RecordObserver>(
    record: &FlowRecord<'_>,
    report: &mut BatchReport,
    observer: &mut O,
) -> bool {
    report.note_end(record.number(Field::End));
    // Nearly every line: asked first, because the other contents share a jump table.
    if record.status() == Some(LogStatus::Ok) {
        return false;
    }
    match content(record) {
        LineContent::Flow => return false,
        LineContent::NoData => {
            report.count(RecordOutcome::NoData);
            observer.record(record, RecordOutcome::NoData);
        }
        LineContent::SkipData => {
            report.skip_data(record);
            observer.record(record, RecordOutcome::SkippedWindow);
        }
    }
    true
}

/// Content of a parsed line.
enum LineContent {
    Flow,
    NoData,
    SkipData,
}

fn content(record: &FlowRecord<'_>) -> LineContent {
    let has_addresses = record.present().has_any(FieldSet::ADDRESSES);
    match record.status() {
        Some(LogStatus::Ok) => LineContent::Flow,
        Some(LogStatus::NoData) => LineContent::NoData,
        Some(LogStatus::SkipData) => LineContent::SkipData,
        Some(LogStatus::Other) if has_addresses => LineContent::Flow,
        Some(LogStatus::Other) => LineContent::NoData,
        None if has_addresses || record.present().has_any(FieldSet::COUNTERS) => LineContent::Flow,
        None => LineContent::NoData,
    }
}
