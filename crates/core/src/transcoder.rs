//! Transcoder: batches of lines and rows go in, messages and a report come out.
//!
//! A [`Transcoder`] owns what lives longer than a source of lines: buffers, templates, sequence numbers, announcements,
//! and the memory of deliveries. The stages of a record are in `stages.rs`.

use std::collections::BTreeSet;

use crate::dedup;
use crate::flowlog::{FlowRecord, HeaderLine, RecordValues};
use crate::ipfix::{MessageSink, Transport};
use crate::network::{AccountRegion, Inventory};
use crate::observe::{NoObserver, RecordObserver};
use crate::origin::{LogLine, RecordSource, SourceFacts};
use crate::report::BatchReport;
use crate::settings::TranscoderSettings;
use crate::stages::RecordStages;

/// Parses, deduplicates and encodes.
///
/// A batch begins with [`begin`](Self::begin) and ends with [`flush`](Self::flush) and one of three calls:
///
/// | call | the messages | the lines |
/// |---|---|---|
/// | [`commit`](Self::commit) | arrived | were read to the end: a second delivery is a duplicate |
/// | [`commit_messages`](Self::commit_messages) | arrived: announcements hold | come again, and count as new |
/// | [`rollback`](Self::rollback) | may be lost: names are announced again | come again, and count as new |
///
/// ```
/// use std::convert::Infallible;
/// use flowlogs_core::{
///     Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings, Transport,
/// };
///
/// let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
/// let mut source = RecordSource::new(None, Formats::defaults());
/// let mut sink = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
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
    /// Storage of the last line's record.
    values: RecordValues,
    stages: RecordStages,
}

impl Transcoder {
    /// Makes a transcoder with a session for each transport, in this order.
    pub fn new(settings: TranscoderSettings, transports: &[Transport]) -> Self {
        Self {
            values: RecordValues::default(),
            stages: RecordStages::new(settings, transports),
        }
    }

    /// Begins a batch at this time, milliseconds since 1970: over UDP templates are due again.
    pub fn begin(&mut self, now: u64) {
        self.stages.encoder.begin(now);
    }

    /// Moves the time on within a batch.
    pub fn set_now(&mut self, now: u64) {
        self.stages.encoder.set_now(now);
    }

    /// Restarts templates and sequence numbers of a session whose connection or socket is new, and announces every name
    /// again.
    pub fn restart_session(&mut self, session: usize) {
        self.stages.encoder.restart_session(session);
    }

    /// Announces every name again: a session took no part in an earlier batch, and lacks the names.
    pub fn announce_again(&mut self) {
        self.stages.encoder.announce_again();
    }

    /// Replaces the knowledge of interfaces, VPCs and flow logs.
    ///
    /// A new inventory clears the context cache, begins an epoch of announcements (names are announced again), makes each
    /// source compute the coverage anew, and clears a [`SourceCache`](crate::SourceCache), because candidate formats follow
    /// from flow logs. Caches of `flowlog` do not depend on the inventory.
    pub fn set_inventory(&mut self, inventory: Inventory) {
        self.stages.set_inventory(inventory);
    }

    /// Changes the tables of interfaces in place, with the effects of [`set_inventory`](Self::set_inventory) but one: a
    /// [`SourceCache`](crate::SourceCache) keeps its formats, because the flow logs are the same.
    pub fn change_inventory(&mut self, change: impl FnOnce(&mut Inventory)) {
        self.stages.change_inventory(change);
    }

    /// Takes the account and region of the table that the last line needs and the inventory lacks. The line is then
    /// undecided: hand the line on again as the next line, once [`change_inventory`](Self::change_inventory) has set
    /// the table or called [`Inventory::remove_asked`]. A line is undecided only with an inventory whose tables are
    /// [loaded on demand](Inventory::set_loaded_on_demand).
    #[inline]
    pub fn take_undecided(&mut self) -> Option<AccountRegion> {
        self.stages.undecided.take()
    }

    /// Leaves out flows to and from these collectors from now on: the transcoder's own messages are among them.
    pub fn set_collectors(&mut self, collectors: Vec<dedup::CollectorAddress>) {
        self.stages.dedup.set_collectors(collectors);
    }

    /// Knowledge of interfaces, VPCs and flow logs.
    pub fn inventory(&self) -> &Inventory {
        &self.stages.inventory
    }

    /// Number of inventories [set](Self::set_inventory) so far.
    pub(crate) fn flow_logs_version(&self) -> u64 {
        self.stages.flow_logs_version
    }

    /// Notes those identifiers of a line that the inventory lacks, for callers that look names up before the lines are
    /// transcoded. A header line sets the source's format, as in [`line`](Self::line). Counts, judges and remembers nothing.
    /// Returns false for a line that fits no format, but true for a header and for all lines behind a refused header.
    pub fn survey(&mut self, source: &mut RecordSource, line: LogLine<'_>) -> bool {
        if source.read_header(&line) != HeaderLine::NoHeader {
            return true;
        }
        let record = source.formats.parse(line.text, &mut self.values);
        if let Ok(record) = &record {
            self.stages.note_identifiers(record);
        }
        record.is_ok()
    }

    /// Takes the identifiers (`eni-…`, `vpc-…`, `tgw-…`, `tgw-attach-…`) of surveyed lines and announced names that the
    /// inventory does not know, since the last call; at most [`MAX_UNKNOWN`](crate::MAX_UNKNOWN).
    pub fn take_unknown(&mut self) -> BTreeSet<String> {
        self.stages.encoder.announcements.notes.take_unknown()
    }

    /// Rule 1 for a whole object: notes the delivery of the object version `id`, and returns whether the version was
    /// delivered and exported before. For callers that know the version before the object is read; lines have
    /// [`LogLine::id`].
    pub fn note_delivery(&mut self, id: &[u8]) -> bool {
        let is_delivered = self.stages.dedup.is_delivered(0, id, None);
        self.stages.dedup.remember_delivery();
        is_delivered
    }

    /// Reads a line. A header line sets the source's format and is no record.
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
        self.observed_line(source, line, sink, &mut NoObserver)
    }

    /// Reads a line as [`line`](Self::line) does, and shows the record to an observer.
    ///
    /// # Errors
    ///
    /// The sink's error; then [`Self::rollback`] forgets the batch.
    #[inline(always)] // called for every record; without an observer nothing of the observer is left
    pub fn observed_line<S: MessageSink, O: RecordObserver>(
        &mut self,
        source: &mut RecordSource,
        line: LogLine<'_>,
        sink: &mut S,
        observer: &mut O,
    ) -> Result<(), S::Error> {
        let Self { values, stages } = self;
        if !stages.admit(source, line) {
            return Ok(());
        }
        let parts = source.parts();
        if let Err(error) = parts.formats.read(line.text, values) {
            stages.report.unparsed(&line, parts.formats, error);
            return Ok(());
        }
        if line.id.is_some() {
            // Only now: a line that could not be parsed is no delivery.
            stages.dedup.remember_delivery();
        }
        let record = parts.formats.record(line.text, values);
        let facts = SourceFacts {
            has_header: parts.formats.has_header(),
            event_time: line.timestamp,
            ..parts.facts
        };
        stages.judge_and_encode(&record, facts, parts.coverage, sink, observer)
    }

    /// Takes the record of a [row](crate::flowlog::RowValues), and shows the record to an observer. The record is judged
    /// like a record after a header line; the line of a row that does not fit goes to [`line`](Self::line). Rule 1 is the
    /// caller's business ([`note_delivery`](Self::note_delivery)).
    ///
    /// # Errors
    ///
    /// The sink's error; then [`Self::rollback`] forgets the batch.
    #[inline(always)] // called for every record
    pub fn observed_record<S: MessageSink, O: RecordObserver>(
        &mut self,
        source: &mut RecordSource,
        record: &FlowRecord<'_>,
        sink: &mut S,
        observer: &mut O,
    ) -> Result<(), S::Error> {
        let stages = &mut self.stages;
        stages.admit_record(source);
        let parts = source.parts();
        stages.judge_and_encode(record, parts.facts, parts.coverage, sink, observer)
    }

    /// Takes a record as [`observed_record`](Self::observed_record) does.
    ///
    /// # Errors
    ///
    /// The sink's error; then [`Self::rollback`] forgets the batch.
    pub fn record<S: MessageSink>(
        &mut self,
        source: &mut RecordSource,
        record: &FlowRecord<'_>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.observed_record(source, record, sink, &mut NoObserver)
    }

    /// Sends everything still under construction.
    ///
    /// # Errors
    ///
    /// The sink's error; then [`Self::rollback`] forgets the batch.
    pub fn flush<S: MessageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        self.stages.encoder.exporter.flush(sink)
    }

    /// Ends a batch that arrived: the deliveries will be recognised as duplicates.
    pub fn commit(&mut self) {
        self.stages.dedup.commit();
        self.stages.encoder.exporter.commit();
    }

    /// Ends a batch whose messages arrived, but whose lines were not read to the end: the deliveries are forgotten,
    /// because the lines come again. Announcements and sequence numbers stay valid.
    pub fn commit_messages(&mut self) {
        self.stages.forget_batch();
        self.stages.encoder.exporter.commit();
    }

    /// Ends a batch that failed and comes again: the deliveries are forgotten, unsent messages are dropped, and names are
    /// announced again.
    pub fn rollback(&mut self) {
        self.stages.forget_batch();
        self.stages.encoder.discard();
    }

    /// Takes the report since the last call.
    pub fn take_report(&mut self) -> BatchReport {
        self.stages.take_report()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use super::*;
    use crate::dedup::DirectionFilter;
    use crate::flowlog::{Formats, LogFormat, RowValues};
    use crate::ipfix::{MessageKind, SendOutcome};
    use crate::mapping::Timestamps;
    use crate::network::{AccountRegion, Destination, FlowLog, NetworkInterface};
    use crate::report::Counters;

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

    fn accept(_: usize, _: MessageKind, _: &[u8]) -> Result<SendOutcome, Infallible> {
        Ok(SendOutcome::Sent)
    }

    #[test]
    fn a_retry_after_a_failed_batch_is_exported_in_full() {
        let (mut transcoder, mut source) = transcoder();
        let mut fail = |_: usize, _: MessageKind, _: &[u8]| Err("connection reset");
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

    /// Three interfaces of a VPC with a flow log to the log group `flows`; the second has a flow log of its own, too.
    fn doubled() -> (Transcoder, RecordSource) {
        let (mut transcoder, _) = transcoder();
        let group = Destination::log_group("flows");
        let mut inventory = Inventory::new();
        for id in ["eni-1", "eni-2", "eni-3"] {
            inventory.insert_interface(&NetworkInterface {
                id: id.to_owned(),
                vpc: Some("vpc-1".to_owned()),
                ..NetworkInterface::default()
            });
        }
        for (id, resource) in [("fl-1", "vpc-1"), ("fl-2", "eni-2")] {
            inventory.insert_flow_log(FlowLog {
                id: id.to_owned(),
                resource: resource.to_owned(),
                destination: Some(group.clone()),
                ..FlowLog::default()
            });
        }
        transcoder.set_inventory(inventory);
        (
            transcoder,
            RecordSource::new(Some(group), Formats::defaults()),
        )
    }

    #[test]
    fn flow_logs_that_write_the_same_records_are_counted_and_named() {
        let (mut transcoder, mut source) = doubled();
        let text = str::from_utf8(LINE).expect("text");
        for _ in 0..2 {
            for id in ["eni-1", "eni-2", "eni-3"] {
                let text = text.replace("eni-1", id);
                let Ok(()) = transcoder.line(&mut source, line("", text.as_bytes()), &mut accept);
            }
            let report = transcoder.take_report();
            let counters = report.counters;
            assert_eq!((counters.flows_exported, counters.doubled_records), (3, 1));
            let named = [vec!["fl-1".to_owned(), "fl-2".to_owned()]];
            assert!(report.doubled.iter().eq(&named), "{:?}", report.doubled);
        }
    }

    #[test]
    fn the_flow_logs_that_observe_an_interface_are_those_of_the_lines_destination() {
        let (mut transcoder, mut source) = doubled();
        let text = str::from_utf8(LINE)
            .expect("text")
            .replace("eni-1", "eni-2");
        for (group, doubled) in [("flows", 1), ("others", 0), ("flows", 1), ("others", 0)] {
            source.set_destinations(&[Destination::log_group(group)], None);
            let Ok(()) = transcoder.line(&mut source, line("", text.as_bytes()), &mut accept);
            assert_eq!(
                transcoder.take_report().counters.doubled_records,
                doubled,
                "{group}"
            );
        }
    }

    #[test]
    fn a_flow_that_cannot_be_exported_counts_neither_as_doubled_nor_as_of_unknown_direction() {
        let text = str::from_utf8(LINE)
            .expect("text")
            .replace("eni-1", "eni-2")
            .replace("1418530010 1418530070", "- -");
        for (timestamps, exported) in [(Timestamps::Milliseconds, 1), (Timestamps::Seconds, 0)] {
            let mut settings = TranscoderSettings::default();
            settings.mapping.timestamps = timestamps;
            settings.dedup.direction = DirectionFilter::Ingress;
            let (given, mut source) = doubled();
            let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
            transcoder.set_inventory(given.inventory().clone());
            let too_late = LogLine {
                timestamp: Some(u64::from(u32::MAX) * 1_000 + 1_000),
                ..line("", text.as_bytes())
            };
            let Ok(()) = transcoder.line(&mut source, too_late, &mut accept);
            let report = transcoder.take_report();
            let counters = report.counters;
            assert_eq!(counters.flows_exported, exported);
            assert_eq!(counters.unparsed_records, 1 - exported);
            assert_eq!(
                (counters.doubled_records, counters.unknown_direction),
                (exported, exported)
            );
            assert_eq!(report.doubled.is_empty(), exported == 0);
        }
    }

    /// NTP of four clients behind one interface: AWS writes the primary address for each of them.
    #[test]
    fn identical_lines_of_one_flow_log_are_different_flows() {
        let (mut transcoder, mut source) = doubled();
        for _ in 0..4 {
            let Ok(()) = transcoder.line(&mut source, line("", LINE), &mut accept);
        }
        let counters = transcoder.take_report().counters;
        assert_eq!((counters.flows_exported, counters.doubled_records), (4, 0));
    }

    #[test]
    fn a_line_that_could_not_be_parsed_is_not_remembered_as_delivered() {
        let (mut transcoder, mut source) = transcoder();
        for (text, unparsed, exported) in [(&b"no flow log"[..], 1, 0), (LINE, 0, 1), (LINE, 0, 0)]
        {
            let Ok(()) = transcoder.line(&mut source, line("1", text), &mut accept);
            transcoder.commit();
            let counters = transcoder.take_report().counters;
            assert_eq!(
                (counters.unparsed_records, counters.flows_exported),
                (unparsed, exported)
            );
        }
    }

    #[test]
    fn records_of_an_account_that_the_inventory_lacks_are_counted() {
        let (mut transcoder, mut source) = transcoder();
        source.set_account_and_region(None, Some("eu-central-1"));
        let without = |transcoder: &mut Transcoder, source: &mut RecordSource| {
            let Ok(()) = transcoder.line(source, line("", LINE), &mut accept);
            transcoder.take_report().counters.without_inventory
        };
        assert_eq!(
            without(&mut transcoder, &mut source),
            0,
            "nobody said that there is one"
        );
        for (account, count) in [("123456789010", 0), ("1", 1)] {
            let mut inventory = Inventory::new();
            let scope = AccountRegion::new(account, "eu-central-1");
            inventory.set_interfaces(Some(scope.clone()), Arc::default());
            inventory.insert_asked(scope);
            transcoder.set_inventory(inventory);
            assert_eq!(without(&mut transcoder, &mut source), count, "{account}");
        }
        transcoder.set_inventory(Inventory::unavailable());
        assert_eq!(without(&mut transcoder, &mut source), 1);
    }

    #[test]
    fn without_rules_a_record_lacks_the_inventory_where_the_direction_is_derived() {
        for (direction, count) in [
            (DirectionFilter::Both, 0),
            (DirectionFilter::Ingress, 1),
            (DirectionFilter::Egress, 1),
        ] {
            let mut settings = TranscoderSettings::default();
            settings.dedup.deduplicate = false;
            settings.dedup.direction = direction;
            let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
            transcoder.set_inventory(Inventory::unavailable());
            let mut source = RecordSource::new(None, Formats::defaults());
            let Ok(()) = transcoder.line(&mut source, line("", LINE), &mut accept);
            let counters = transcoder.take_report().counters;
            assert_eq!(counters.without_inventory, count, "{direction:?}");
        }
    }

    #[test]
    fn a_record_whose_table_is_not_loaded_is_undecided_until_it_is_handed_on_again() {
        let (mut transcoder, mut source) = transcoder();
        source.set_account_and_region(None, Some("eu-central-1"));
        let scope = AccountRegion::new("123456789010", "eu-central-1");
        for is_there in [true, false] {
            let mut inventory = Inventory::new();
            inventory.set_loaded_on_demand();
            inventory.insert_asked(scope.clone());
            transcoder.set_inventory(inventory);
            let id = if is_there { "a" } else { "b" };
            let Ok(()) = transcoder.line(&mut source, line(id, LINE), &mut accept);
            assert_eq!(transcoder.take_undecided().as_ref(), Some(&scope));
            transcoder.change_inventory(|inventory| match is_there {
                true => inventory.set_interfaces(Some(scope.clone()), Arc::default()),
                false => inventory.remove_asked(&scope),
            });
            for _ in 0..2 {
                let Ok(()) = transcoder.line(&mut source, line(id, LINE), &mut accept);
                assert_eq!(transcoder.take_undecided(), None);
            }
            let counters = transcoder.take_report().counters;
            assert_eq!((counters.records_received, counters.flows_exported), (2, 1));
            assert_eq!(counters.duplicate_deliveries, 1);
            assert_eq!(counters.without_inventory, u64::from(!is_there));
        }
    }

    #[test]
    fn of_a_batch_that_failed_no_line_is_undecided() {
        let (mut transcoder, mut source) = transcoder();
        source.set_account_and_region(Some("123456789010"), Some("eu-central-1"));
        let mut inventory = Inventory::new();
        inventory.set_loaded_on_demand();
        inventory.insert_asked(AccountRegion::new("123456789010", "eu-central-1"));
        transcoder.set_inventory(inventory);
        let Ok(()) = transcoder.line(&mut source, line("a", LINE), &mut accept);
        transcoder.rollback();
        transcoder.take_report();
        transcoder.set_inventory(Inventory::unavailable());
        let Ok(()) = transcoder.line(&mut source, line("b", LINE), &mut accept);
        let counters = transcoder.take_report().counters;
        assert_eq!((counters.records_received, counters.flows_exported), (1, 1));
    }

    #[test]
    fn of_a_batch_that_ended_early_the_delivery_is_forgotten() {
        let (mut transcoder, mut source) = transcoder();
        for _ in 0..2 {
            transcoder.begin(0);
            assert!(!transcoder.note_delivery(b"object"));
            let Ok(()) = transcoder.line(&mut source, line("", LINE), &mut accept);
            let Ok(()) = transcoder.flush(&mut accept);
            transcoder.commit_messages();
            assert_eq!(transcoder.take_report().counters.flows_exported, 1);
        }
        assert!(!transcoder.note_delivery(b"object"));
        transcoder.commit();
        assert!(transcoder.note_delivery(b"object"));
    }

    #[test]
    fn a_survey_notes_unknown_identifiers_and_counts_nothing() {
        let (mut transcoder, mut source) = transcoder();
        assert!(transcoder.survey(&mut source, line("a", LINE)));
        assert_eq!(
            transcoder.take_unknown().into_iter().collect::<Vec<_>>(),
            ["eni-1"]
        );
        assert_eq!(transcoder.take_report().counters.records_received, 0);

        let mut inventory = Inventory::new();
        inventory.insert_interface(&NetworkInterface {
            id: "eni-1".into(),
            ..NetworkInterface::default()
        });
        transcoder.set_inventory(inventory);
        assert!(transcoder.survey(&mut source, line("a", LINE)));
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

    /// Report of lines of one source, each with its event's timestamp.
    fn report_of(settings: TranscoderSettings, lines: &[(Option<u64>, &str)]) -> BatchReport {
        let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
        let mut source = RecordSource::new(None, Formats::defaults());
        for &(timestamp, text) in lines {
            let line = LogLine {
                id: None,
                timestamp,
                text: text.as_bytes(),
            };
            let Ok(()) = transcoder.line(&mut source, line, &mut accept);
        }
        transcoder.take_report()
    }

    #[test]
    fn a_header_in_an_event_of_cloudwatch_is_an_unparsed_line() {
        let (header, row) = ("dstaddr srcaddr bytes", "10.0.0.1 10.0.0.2 5");
        let counters = report_of(
            TranscoderSettings::default(),
            &[(None, header), (None, row)],
        )
        .counters;
        assert_eq!((counters.flows_exported, counters.unparsed_records), (1, 0));
        let report = report_of(
            TranscoderSettings::default(),
            &[(Some(7), header), (Some(5), row)],
        );
        assert_eq!(report.counters.unparsed_records, 2);
        assert_eq!(report.newest_unparsed, Some(7));
    }

    #[test]
    fn an_object_with_another_header_is_refused_and_nothing_of_it_is_counted() {
        let lines = [(None, "time region action user"), (None, "1 2 3 4")];
        let report = report_of(TranscoderSettings::default(), &lines);
        assert_eq!(report.refused_header.as_deref(), Some(lines[0].1));
        assert_eq!(report.counters, Counters::default());
        let behind = [(None, str::from_utf8(LINE).expect("text")), lines[0]];
        let report = report_of(TranscoderSettings::default(), &behind);
        assert_eq!(report.refused_header, None);
        let counters = report.counters;
        assert_eq!((counters.flows_exported, counters.unparsed_records), (1, 1));
    }

    #[test]
    fn a_line_of_nothing_but_losses_is_a_flow() {
        let lines = [
            (None, "tgw-id packets-lost-blackhole"),
            (None, "tgw-1 5"),
            (None, "tgw-1 -"),
        ];
        let counters = report_of(TranscoderSettings::default(), &lines).counters;
        assert_eq!((counters.flows_exported, counters.no_data), (1, 1));
    }

    #[test]
    fn the_first_ten_windows_that_aws_lost_are_kept_with_their_interfaces() {
        let lost = |number: u32| {
            format!(
                "2 1 eni-{number} - - - - - - - 141853001{} 1418530070 - SKIPDATA",
                number % 10
            )
        };
        let texts: Vec<_> = (0..12).map(lost).collect();
        let lines: Vec<_> = texts.iter().map(|text| (None, text.as_str())).collect();
        let report = report_of(TranscoderSettings::default(), &lines);
        assert_eq!(report.counters.skipped_windows, 12);
        let kept = report.skipped.iter();
        let kept: Vec<_> = kept
            .map(|window| (&*window.interface, window.start))
            .collect();
        assert_eq!(kept.len(), 10);
        assert_eq!(kept[9], ("eni-9", Some(1_418_530_019_000)));
        assert_eq!(report.skipped[0].end, Some(1_418_530_070_000));
    }

    #[test]
    fn exchanged_times_and_unknown_directions_are_counted() {
        let lines = [
            (None, "srcaddr start end flow-direction"),
            (None, "10.0.0.1 9 5 ingress"),
            (None, "10.0.0.1 5 9 sideways"),
            (None, "10.0.0.1 5 - -"),
        ];
        let counters = report_of(TranscoderSettings::default(), &lines).counters;
        assert_eq!(counters.flows_exported, 3);
        assert_eq!((counters.swapped_times, counters.unknown_direction), (1, 1));
    }

    #[test]
    fn a_time_that_32_bits_do_not_hold_is_unparsed_where_seconds_are_exported() {
        let mut settings = TranscoderSettings::default();
        let late = u64::from(u32::MAX) * 1_000 + 1_000;
        let lines = [
            (None, "srcaddr bytes"),
            (Some(late), "10.0.0.1 5"),
            (Some(late - 1), "10.0.0.1 5"),
        ];
        for (timestamps, unparsed) in [(Timestamps::Milliseconds, 0), (Timestamps::Seconds, 1)] {
            settings.mapping.timestamps = timestamps;
            let counters = report_of(settings.clone(), &lines).counters;
            assert_eq!(
                (counters.flows_exported, counters.unparsed_records),
                (2 - unparsed, unparsed)
            );
            assert!(counters.is_balanced());
        }
    }

    #[test]
    fn an_event_id_counts_once_in_each_stream() {
        let (mut transcoder, mut source) = transcoder();
        for (stream, duplicates) in [("a", 0), ("b", 0), ("a", 1), ("b", 1)] {
            source.set_stream(Some(stream));
            let Ok(()) = transcoder.line(&mut source, line("1", LINE), &mut accept);
            let counters = transcoder.take_report().counters;
            assert_eq!(counters.duplicate_deliveries, duplicates, "{stream}");
        }
    }

    #[test]
    fn names_are_announced_again_when_asked() {
        let (mut transcoder, mut source) = transcoder();
        for (is_asked, is_announced) in [(false, true), (false, false), (true, true)] {
            if is_asked {
                transcoder.announce_again();
            }
            let Ok(()) = transcoder.line(&mut source, line("", LINE), &mut accept);
            let counters = transcoder.take_report().counters;
            assert_eq!(counters.options_records > 0, is_announced);
        }
    }

    #[test]
    fn doubling_flow_logs_of_two_destinations_are_both_named() {
        let (mut transcoder, _) = transcoder();
        let mut inventory = Inventory::new();
        inventory.insert_interface(&NetworkInterface {
            id: "eni-1".to_owned(),
            ..NetworkInterface::default()
        });
        for (id, group) in [("fl-1", "a"), ("fl-2", "a"), ("fl-3", "b"), ("fl-4", "b")] {
            inventory.insert_flow_log(FlowLog {
                id: id.to_owned(),
                resource: "eni-1".to_owned(),
                destination: Some(Destination::log_group(group)),
                ..FlowLog::default()
            });
        }
        transcoder.set_inventory(inventory);
        for group in ["a", "b"] {
            let group = Destination::log_group(group);
            let mut source = RecordSource::new(Some(group), Formats::defaults());
            let Ok(()) = transcoder.line(&mut source, line("", LINE), &mut accept);
        }
        let named = [["fl-1", "fl-2"], ["fl-3", "fl-4"]].map(|ids| ids.map(str::to_owned).to_vec());
        assert!(transcoder.take_report().doubled.iter().eq(&named));
    }

    #[test]
    fn a_row_is_counted_and_exported_like_a_line() {
        let format = LogFormat::parse("${bytes} ${interface-id}").expect("format of the test");
        let (mut transcoder, mut source) = transcoder();
        let mut row = RowValues::new(format);
        row.set_texts([&b"eni-1"[..]].into_iter(), true);
        row.begin_row();
        let column = row.column(0).expect("bytes");
        row.set(&column, column.cell_of_number(5));
        let Ok(()) = transcoder.record(&mut source, &row.record(), &mut accept);
        let report = transcoder.take_report();
        let counters = &report.counters;
        assert_eq!((counters.records_received, counters.flows_exported), (1, 1));
        assert_eq!(report.octets, 5);
        assert!(counters.is_balanced());
    }
}
