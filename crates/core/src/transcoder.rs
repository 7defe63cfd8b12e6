//! The way through the house: a line is parsed, judged, mapped and encoded, and ends in exactly one counter.
//!
//! A [`Transcoder`] owns everything that lives longer than a line: buffers, templates, sequence numbers, what was
//! announced and what was seen.

use std::collections::BTreeSet;

use crate::dedup::{self, Coverage, DedupVerdict, Deduplicator};
use crate::encode::FlowEncoder;
use crate::flowlog::field::{ColumnType, FIELDS, TextPattern};
use crate::flowlog::{Field, FieldSet, FlowRecord, LogStatus, RecordValues};
use crate::identity::Identities;
use crate::ipfix::{Exporter, Flow, MessageSink, Sent, Transport};
use crate::mapping::context::{ContextCache, InterfaceContext};
use crate::mapping::{Domains, Layouts, Names};
use crate::network::Inventory;
use crate::origin::{LogLine, RecordSource};
use crate::report::BatchReport;
use crate::settings::TranscoderSettings;

/// Most identifiers that are noted as unknown between two calls.
pub const MAX_UNKNOWN: usize = 1_000;

/// Parses, deduplicates and encodes.
///
/// A batch ends with [`flush`](Self::flush) and then [`commit`](Self::commit), once it is known to have arrived; or with
/// [`rollback`](Self::rollback), after which the same lines count as if they came for the first time:
///
/// ```
/// use std::convert::Infallible;
/// use flowlogs_core::{SendOutcome, Formats, LogLine, TranscoderSettings, RecordSource, Transcoder, Transport};
///
/// let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
/// let mut source = RecordSource::new(None, Formats::defaults());
/// let mut sink = |_: usize, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
/// let text = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
///     1418530010 1418530070 ACCEPT OK";
/// let line = LogLine { id: Some(b"1"), timestamp: None, text };
///
/// for (arrived, flows, duplicates) in [(false, 1, 0), (true, 1, 0), (true, 0, 1)] {
///     transcoder.begin(1_418_530_100_000);
///     let Ok(()) = transcoder.line(&mut source, line, &mut sink);
///     let Ok(()) = transcoder.flush(&mut sink);
///     if arrived { transcoder.commit() } else { transcoder.rollback() }
///     let counters = transcoder.take_report().counters;
///     assert_eq!((counters.flows_exported, counters.duplicate_deliveries), (flows, duplicates));
/// }
/// ```
#[derive(Debug)]
pub struct Transcoder {
    values: RecordValues,
    dedup: Deduplicator,
    direction_matters: bool,
    inventory: Inventory,
    subjects: ContextCache,
    /// Raised with every new inventory, so that sources compute their coverage anew.
    inventory_version: u64,
    export: FlowEncoder,
    report: BatchReport,
    unknown: BTreeSet<String>,
}

impl Transcoder {
    /// A transcoder that writes to one session for each transport, in this order.
    pub fn new(settings: TranscoderSettings, transports: &[Transport]) -> Self {
        let exporter = Exporter::new(
            transports,
            settings.max_message_size,
            settings.template_refresh,
        );
        Self {
            values: RecordValues::default(),
            direction_matters: settings.dedup.direction != dedup::DirectionFilter::Both,
            dedup: Deduplicator::new(settings.dedup),
            inventory: Inventory::default(),
            subjects: ContextCache::default(),
            inventory_version: 0,
            export: FlowEncoder {
                mapping: settings.mapping,
                domains: Domains::new(settings.observation_domain),
                names: Names::default(),
                identities: Identities::default(),
                layouts: Layouts::default(),
                flow: Flow::default(),
                exporter,
            },
            report: BatchReport::default(),
            unknown: BTreeSet::new(),
        }
    }

    /// An invocation begins at this time, milliseconds since 1970: over UDP templates and names are due again.
    pub fn begin(&mut self, now: u64) {
        self.export.exporter.begin(now);
    }

    /// Time goes on within an invocation.
    pub fn set_now(&mut self, now: u64) {
        self.export.exporter.set_now(now);
    }

    /// A target has a new connection or socket: its templates and sequence numbers start again.
    pub fn restart_session(&mut self, session: usize) {
        self.export.exporter.restart_session(session);
    }

    /// What is known of interfaces, VPCs and flow logs from now on; names are announced again.
    pub fn set_inventory(&mut self, inventory: Inventory) {
        self.inventory = inventory;
        self.inventory_version += 1;
        self.subjects = ContextCache::default();
        self.export.exporter.announce_again();
    }

    /// Flows to and from these are the transcoder's own and left out from now on.
    pub fn set_collectors(&mut self, collectors: Vec<dedup::CollectorAddress>) {
        self.dedup.set_collectors(collectors);
    }

    /// What is known of interfaces, VPCs and flow logs.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Notes which identifiers of a line the inventory does not know, and nothing else: for those who look names up
    /// before the lines are transcoded.
    pub fn survey(&mut self, source: &mut RecordSource, text: &[u8]) {
        if source.formats.take_header(text) {
            return;
        }
        if let Ok(record) = source.formats.parse(text, &mut self.values) {
            note_unknown(&record, &self.inventory, &mut self.unknown);
        }
    }

    /// Identifiers (`eni-…`, `vpc-…`, `tgw-…`, `tgw-attach-…`) of surveyed and exported records that the inventory does
    /// not know, since the last call; at most [`MAX_UNKNOWN`].
    pub fn take_unknown(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.unknown)
    }

    /// Rule 1 for a whole object: whether its version was delivered and exported before; from now on it was. For those
    /// who can tell before they read it; what has an id for each line says it with [`LogLine::id`].
    pub fn delivered_before(&mut self, id: &[u8]) -> bool {
        self.dedup.delivered_before(id, None)
    }

    /// Takes one line. A header line sets the source's format and is no record.
    ///
    /// # Errors
    ///
    /// The sink's error; then [`Self::rollback`] forgets the batch.
    pub fn line<S: MessageSink>(
        &mut self,
        source: &mut RecordSource,
        line: LogLine<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if source.formats.take_header(line.text) {
            return Ok(());
        }
        self.report.counters.records_received += 1;
        if let Some(id) = line.id
            && self.dedup.delivered_before(id, line.timestamp)
        {
            self.report.counters.duplicate_deliveries += 1;
            return Ok(());
        }
        if source
            .coverage
            .as_ref()
            .is_none_or(|(version, _)| *version != self.inventory_version)
        {
            let coverage = Coverage::of(&self.inventory, source.destination());
            source.coverage = Some((self.inventory_version, coverage));
        }
        let RecordSource {
            owner,
            region,
            formats,
            coverage: Some((_, coverage)),
            ..
        } = source
        else {
            return Ok(());
        };
        if let Err(error) = formats.read(line.text, &mut self.values) {
            self.report.unparsed(line.text, error);
            return Ok(());
        }
        let record = formats.record(line.text, &self.values);
        self.report.ended(record.number(Field::End));
        let counters = &mut self.report.counters;
        match content(&record) {
            Content::Flow => {}
            Content::NoData => {
                counters.no_data += 1;
                return Ok(());
            }
            Content::Skipped => {
                counters.skipped_windows += 1;
                return Ok(());
            }
        }
        let export = &mut self.export;
        let inventory = &self.inventory;
        let report = &mut self.report;
        let find = |record: &FlowRecord<'_>| {
            let (domain, collision) = export.domain(record, owner.as_deref(), region.as_deref());
            report.collided(collision);
            InterfaceContext {
                domain,
                interface: inventory.interface_of(record),
                numbers: None,
                observer: None,
            }
        };
        let subject = self.subjects.of(&record, owner, region, find);
        let domain = subject.domain;
        let interface = subject.interface(inventory);
        let counters = &mut self.report.counters;
        let direction = dedup::direction(&record, interface, inventory);
        let shared = formats.shared_fields(record.kind());
        let dropped = match self.dedup.decide(
            &record,
            direction,
            interface,
            &mut subject.observer,
            shared,
            coverage,
        ) {
            DedupVerdict::Keep => None,
            DedupVerdict::DuplicateRecord => Some(&mut counters.duplicate_records),
            DedupVerdict::DuplicateTransitGateway => Some(&mut counters.duplicate_transit_gateway),
            DedupVerdict::DuplicateBothEnds => Some(&mut counters.duplicate_both_ends),
            DedupVerdict::FilteredByDirection => Some(&mut counters.filtered_by_direction),
            DedupVerdict::ExcludedCollectorTraffic => {
                Some(&mut counters.excluded_collector_traffic)
            }
        };
        if let Some(counter) = dropped {
            *counter += 1;
            export.exporter.ignore(domain);
            return Ok(());
        }
        self.report.unknown_direction += u64::from(self.direction_matters && direction.is_none());
        let announced = export.exporter.options_records();
        export.record(
            &record,
            direction,
            line.timestamp,
            subject,
            inventory,
            &mut self.report,
            sink,
        )?;
        if export.exporter.options_records() != announced {
            note_unknown(&record, &self.inventory, &mut self.unknown);
        }
        Ok(())
    }

    /// Sends everything that is still under construction.
    ///
    /// # Errors
    ///
    /// The sink's error; then [`Self::rollback`] forgets the batch.
    pub fn flush<S: MessageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.export.exporter.flush(sink)
    }

    /// The batch arrived: what it held will be recognised as a duplicate.
    pub fn commit(&mut self) {
        self.dedup.commit();
        self.export.exporter.commit();
    }

    /// What was read of the batch arrived, but the rest did not come: the records will be recognised as duplicates, and
    /// the deliveries will not, because they have to come again.
    pub fn commit_records(&mut self) {
        self.dedup.commit_records();
        self.export.exporter.commit();
    }

    /// The batch failed and will come again: what it held is forgotten, what is unsent is dropped.
    pub fn rollback(&mut self) {
        self.dedup.rollback();
        self.export.exporter.discard();
    }

    /// What happened since the last call.
    pub fn take_report(&mut self) -> BatchReport {
        let mut report = std::mem::take(&mut self.report);
        let Sent {
            messages,
            octets,
            options_records,
        } = self.export.exporter.take_sent();
        report.counters.messages_sent = messages;
        report.counters.bytes_sent = octets;
        report.counters.options_records = options_records;
        report.counters.template_id_collisions = self.export.layouts.take_collisions();
        report
    }
}

fn note_unknown(record: &FlowRecord<'_>, inventory: &Inventory, unknown: &mut BTreeSet<String>) {
    for row in &FIELDS {
        let ColumnType::Text(TextPattern::Prefix("eni-" | "vpc-" | "tgw-" | "tgw-attach-")) =
            row.read
        else {
            continue;
        };
        if let Some(id) = record.text(row.field)
            && unknown.len() < MAX_UNKNOWN
            && !inventory.knows(id)
        {
            unknown.insert(String::from_utf8_lossy(id).into_owned());
        }
    }
}

/// What a record is about.
enum Content {
    Flow,
    NoData,
    Skipped,
}

fn content(record: &FlowRecord<'_>) -> Content {
    const ADDRESSES: FieldSet = FieldSet::of(&[
        Field::SourceAddress,
        Field::DestinationAddress,
        Field::PacketSourceAddress,
        Field::PacketDestinationAddress,
    ]);
    const COUNTERS: FieldSet = FieldSet::of(&[Field::Packets, Field::Bytes]);
    let has_addresses = record.present().has_any(ADDRESSES);
    match record.status() {
        Some(LogStatus::Ok) => Content::Flow,
        Some(LogStatus::NoData) => Content::NoData,
        Some(LogStatus::SkipData) => Content::Skipped,
        Some(LogStatus::Other) if has_addresses => Content::Flow,
        Some(LogStatus::Other) => Content::NoData,
        None if has_addresses || record.present().has_any(COUNTERS) => Content::Flow,
        None => Content::NoData,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::flowlog::Formats;
    use crate::ipfix::SendOutcome;
    use crate::network::NetworkInterface;

    const LINE: &[u8] =
        b"2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";

    fn transcoder() -> (Transcoder, RecordSource) {
        let transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
        (transcoder, RecordSource::new(None, Formats::defaults()))
    }

    fn line<'a>(id: &'a str, text: &'a [u8]) -> LogLine<'a> {
        LogLine {
            id: Some(id.as_bytes()),
            timestamp: None,
            text,
        }
    }

    fn accept(_: usize, _: &[u8]) -> Result<SendOutcome, Infallible> {
        Ok(SendOutcome::Sent)
    }

    #[test]
    fn a_retry_after_a_failed_batch_is_exported_in_full() {
        let (mut transcoder, mut source) = transcoder();
        let mut fail = |_: usize, _: &[u8]| Err("connection reset");
        transcoder.begin(0);
        assert_eq!(
            transcoder.line(&mut source, line("a", LINE), &mut fail),
            Ok(())
        );
        assert_eq!(transcoder.flush(&mut fail), Err("connection reset"));
        transcoder.rollback();
        transcoder.take_report();

        transcoder.begin(0);
        let Ok(()) = transcoder.line(&mut source, line("a", LINE), &mut accept);
        let Ok(()) = transcoder.flush(&mut accept);
        transcoder.commit();
        assert_eq!(transcoder.take_report().counters.flows_exported, 1);

        let Ok(()) = transcoder.line(&mut source, line("a", LINE), &mut accept);
        assert_eq!(transcoder.take_report().counters.duplicate_deliveries, 1);
    }

    #[test]
    fn records_of_interfaces_in_turn_are_told_apart() {
        let mut settings = TranscoderSettings::default();
        settings.dedup.deduplicate = true;
        let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
        let (_, mut source) = self::transcoder();
        let text = str::from_utf8(LINE).expect("text");
        let lines = ["eni-1", "eni-2", "eni-3"].map(|id| text.replace("eni-1", id));
        let mut counts = || {
            for text in &lines {
                let line = LogLine {
                    id: None,
                    timestamp: None,
                    text: text.as_bytes(),
                };
                let Ok(()) = transcoder.line(&mut source, line, &mut accept);
            }
            let counters = transcoder.take_report().counters;
            (counters.flows_exported, counters.duplicate_records)
        };
        assert_eq!([counts(), counts()], [(3, 0), (0, 3)]);
    }

    #[test]
    fn of_a_batch_that_ended_early_the_records_are_known_and_the_delivery_is_not() {
        let (mut transcoder, mut source) = transcoder();
        for (exported, known) in [(1, 0), (0, 1)] {
            transcoder.begin(0);
            assert!(!transcoder.delivered_before(b"object"));
            let Ok(()) = transcoder.line(&mut source, line("", LINE), &mut accept);
            let Ok(()) = transcoder.flush(&mut accept);
            transcoder.commit_records();
            let counters = transcoder.take_report().counters;
            assert_eq!(
                (counters.flows_exported, counters.duplicate_records),
                (exported, known)
            );
        }
        assert!(!transcoder.delivered_before(b"object"));
        transcoder.commit();
        assert!(transcoder.delivered_before(b"object"));
    }

    #[test]
    fn a_survey_notes_unknown_identifiers_and_counts_nothing() {
        let (mut transcoder, mut source) = transcoder();
        transcoder.survey(&mut source, LINE);
        assert_eq!(
            transcoder.take_unknown().into_iter().collect::<Vec<_>>(),
            ["eni-1"]
        );
        assert_eq!(transcoder.take_report().counters.records_received, 0);

        let mut inventory = Inventory::new();
        inventory.insert_interface(NetworkInterface {
            id: "eni-1".into(),
            ..NetworkInterface::default()
        });
        transcoder.set_inventory(inventory);
        transcoder.survey(&mut source, LINE);
        assert!(transcoder.take_unknown().is_empty());
    }

    #[test]
    fn a_line_that_fits_no_format_is_counted_and_kept_as_a_sample() {
        let (mut transcoder, mut source) = transcoder();
        let Ok(()) = transcoder.line(&mut source, line("a", LINE), &mut accept);
        let Ok(()) = transcoder.line(&mut source, line("b", b"what is this"), &mut accept);
        let Ok(()) = transcoder.line(&mut source, line("c", b""), &mut accept);
        let report = transcoder.take_report();
        assert_eq!(
            (
                report.counters.records_received,
                report.counters.unparsed_records
            ),
            (3, 2)
        );
        assert!(report.counters.is_balanced());
        let sample = report.unparsed.expect("a sample");
        assert_eq!((sample.record, sample.line.as_str()), (2, "what is this"));
    }
}
