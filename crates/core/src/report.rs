//! Report of a batch: every received record is in exactly one counter, and the meaning of each counter stands here.

use std::collections::BTreeSet;

use crate::flowlog::{Field, FlowRecord, Formats, LineMismatch, LogFormat, ParseError};
use crate::identity::{Collision, ID_OCTETS, beginning};
use crate::observe::RecordOutcome;
use crate::origin::LogLine;

/// Most groups of flow logs kept with ids; further groups are only counted.
pub(crate) const MAX_DOUBLED: usize = 16;

/// Most lost windows kept with interface and time; further windows are only counted.
const MAX_SKIPPED: usize = 10;

/// Most kept octets of an unparsed line, as a sample.
const SAMPLE_OCTETS: usize = 200;

macro_rules! counters {
    (
        sum { $(#[$sum_doc:meta])* $sum:ident $sum_name:literal }
        ends { $($(#[$end_doc:meta])* $end:ident $end_name:literal)* }
        others { $($(#[$doc:meta])* $field:ident $name:literal)* }
    ) => {
        /// Counters of a batch, by the names of the CloudWatch metrics.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counters {
            $(#[$sum_doc])* pub $sum: u64,
            $($(#[$end_doc])* pub $end: u64,)*
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Counters {
            /// Returns names and values, in the order of the documentation.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [($sum_name, self.$sum)].into_iter().chain(self.ends()).chain([$(($name, self.$field)),*])
            }

            /// Returns names and values of the counters that a record can end in.
            pub fn ends(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($end_name, self.$end)),*].into_iter()
            }

            /// Adds the counters of another batch.
            pub fn add(&mut self, other: &Self) {
                self.$sum = self.$sum.saturating_add(other.$sum);
                $(self.$end = self.$end.saturating_add(other.$end);)*
                $(self.$field = self.$field.saturating_add(other.$field);)*
            }
        }
    };
}

counters! {
    sum {
        /// Received records: the sum of the counters that a record can end in.
        records_received "RecordsReceived"
    }
    ends {
        /// Records exported as flow records.
        flows_exported "FlowsExported"
        /// Records of windows without traffic (`NODATA`), and, without a known status, records that say nothing of
        /// traffic.
        no_data "NoData"
        /// Records of windows lost by AWS (`SKIPDATA`): the data is missing everywhere.
        skipped_windows "SkippedWindows"
        /// Lines without a fitting format, and records whose values cannot be exported.
        unparsed_records "UnparsedRecords"
        /// Rule 1: records delivered and exported before.
        duplicate_deliveries "DuplicateDeliveries"
        /// Rule 2: records written by another flow log than the preferred one of an interface.
        duplicate_records "DuplicateRecords"
        /// Rule 3: flows recorded by a transit gateway at both attachments.
        duplicate_transit_gateway "DuplicateTransitGateway"
        /// Rule 4: flows observed at both ends.
        duplicate_both_ends "DuplicateBothEnds"
        /// Records of the direction left out by `DIRECTION`.
        filtered_by_direction "FilteredByDirection"
        /// Flows to or from a collector.
        excluded_collector_traffic "ExcludedCollectorTraffic"
    }
    others {
        /// Exported flows written by several indistinguishable flow logs; each is in FlowsExported.
        doubled_records "DoubledRecords"
        /// Records decided without the inventory of the account and region, although there should be an inventory.
        without_inventory "WithoutInventory"
        /// Messages sent, to all targets together.
        messages_sent "MessagesSent"
        /// Octets of the sent messages.
        bytes_sent "BytesSent"
        /// Options records written: names, domains, statistics.
        options_records "OptionsRecords"
        /// Identifiers with the number of an earlier identifier of the domain.
        identity_collisions "IdentityCollisions"
        /// Layouts whose hashed template ID was taken.
        template_id_collisions "TemplateIdCollisions"
        /// Exported flows whose direction is unknown although `DIRECTION` filters, or whose `flow-direction` is no known
        /// word.
        unknown_direction "UnknownDirection"
        /// Exported flows whose end was before the start: the two are exchanged.
        swapped_times "SwappedTimes"
    }
}

impl Counters {
    /// Returns whether every record is in exactly one counter.
    pub fn is_balanced(&self) -> bool {
        self.records_received == self.ends().map(|(_, value)| value).sum::<u64>()
    }

    /// Counter in which a record with this outcome ends.
    fn of_outcome(&mut self, outcome: RecordOutcome<'_>) -> &mut u64 {
        match outcome {
            RecordOutcome::Exported(_) => &mut self.flows_exported,
            RecordOutcome::NoData => &mut self.no_data,
            RecordOutcome::SkippedWindow => &mut self.skipped_windows,
            RecordOutcome::Unparsed => &mut self.unparsed_records,
            RecordOutcome::DuplicateRecord => &mut self.duplicate_records,
            RecordOutcome::DuplicateTransitGateway => &mut self.duplicate_transit_gateway,
            RecordOutcome::DuplicateBothEnds => &mut self.duplicate_both_ends,
            RecordOutcome::FilteredByDirection => &mut self.filtered_by_direction,
            RecordOutcome::ExcludedCollectorTraffic => &mut self.excluded_collector_traffic,
        }
    }

    /// Returns whether records came in and none could be parsed.
    pub fn nothing_parsed(&self) -> bool {
        self.records_received > 0 && self.unparsed_records == self.records_received
    }
}

/// Report of a batch.
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
/// for text in ["no flow log at all", "2 1 eni-1 - - - - - - - 1418530010 1418530070 - NODATA"] {
///     let line = LogLine { id: None, timestamp: None, text: text.as_bytes() };
///     let Ok(()) = transcoder.line(&mut source, line, &mut sink);
/// }
/// let report = transcoder.take_report();
/// assert_eq!(report.counters.unparsed_records, 1);
/// assert_eq!(report.counters.no_data, 1);
/// assert!(report.counters.is_balanced());
/// assert_eq!(report.unparsed.expect("a sample").line, "no flow log at all");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// Counters of the batch.
    pub counters: Counters,
    /// Packets of the exported flows.
    pub packets: u64,
    /// Octets of the exported flows.
    pub octets: u64,
    /// Newest `end` of the parsed records, milliseconds since 1970.
    pub newest_end: Option<u64>,
    /// First unparsed record, and the reason.
    pub unparsed: Option<UnparsedLine>,
    /// Newest timestamp of the unparsed events, milliseconds since 1970.
    pub newest_unparsed: Option<u64>,
    /// Beginning of a header line without an address or a counter: the object is no flow log, and the lines are not counted.
    pub refused_header: Option<String>,
    /// First ten windows lost by AWS.
    pub skipped: Vec<SkippedWindow>,
    /// First few pairs of identifiers with equal numbers.
    pub collisions: Vec<Collision>,
    /// First few groups of flow logs with equal records, by id.
    pub doubled: BTreeSet<Vec<String>>,
}

/// Line without a fitting format, or record whose values cannot be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnparsedLine {
    /// Number of the record in the batch, from 1; header lines do not count.
    pub record: u64,
    /// Beginning of the line.
    pub line: String,
    /// Reason: a fault of a column, or the nearest format.
    pub mismatch: LineMismatch,
    /// Documented format whose columns the line has; the format's string is a value for `LOG_FORMAT`.
    pub hint: Option<LogFormat>,
}

/// Window whose records AWS lost (`SKIPDATA`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedWindow {
    /// Identifier of the interface or attachment, cut; `-` if the line has none.
    pub interface: String,
    /// Start of the window, milliseconds since 1970.
    pub start: Option<u64>,
    /// End of the window, milliseconds since 1970.
    pub end: Option<u64>,
}

/// Copies the beginning of a line.
fn sample(line: &[u8]) -> String {
    beginning(line, SAMPLE_OCTETS)
}

impl BatchReport {
    /// Counts a line without a fitting format.
    #[cold]
    pub(crate) fn unparsed(&mut self, line: &LogLine<'_>, formats: &Formats, error: ParseError) {
        let mismatch = || LineMismatch::of(line.text, formats, error);
        self.unparsed_as(line, mismatch);
    }

    /// Counts a parsed line whose values cannot be exported.
    #[cold]
    pub(crate) fn not_exportable(&mut self, line: &LogLine<'_>, error: ParseError) {
        self.unparsed_as(line, || LineMismatch::of_column(line.text, error));
    }

    fn unparsed_as(&mut self, line: &LogLine<'_>, mismatch: impl Fn() -> LineMismatch) {
        self.count(RecordOutcome::Unparsed);
        self.newest_unparsed = self.newest_unparsed.max(line.timestamp);
        let record = self.counters.records_received;
        self.unparsed.get_or_insert_with(|| UnparsedLine {
            record,
            line: sample(line.text),
            mismatch: mismatch(),
            hint: LogFormat::documented(line.text),
        });
    }

    /// Notes the header line of an object that is no flow log.
    pub(crate) fn refuse(&mut self, header: &[u8]) {
        self.refused_header.get_or_insert_with(|| sample(header));
    }

    /// Counts a window lost by AWS, and keeps the first few.
    #[cold]
    pub(crate) fn skip_data(&mut self, record: &FlowRecord<'_>) {
        self.count(RecordOutcome::SkippedWindow);
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(SkippedWindow {
                interface: beginning(record.interface_id().unwrap_or(b"-"), ID_OCTETS),
                start: record.number(Field::Start),
                end: record.number(Field::End),
            });
        }
    }

    /// Notes the `end` column of a record.
    #[inline]
    pub(crate) fn note_end(&mut self, end: Option<u64>) {
        if let Some(end) = end
            && self.newest_end.is_none_or(|newest| newest < end)
        {
            self.newest_end = Some(end);
        }
    }

    /// Counts a record written by several flow logs, and notes the flow logs if new.
    pub(crate) fn count_doubled<'a>(&mut self, flow_logs: Option<impl Iterator<Item = &'a str>>) {
        self.counters.doubled_records += 1;
        if let Some(flow_logs) = flow_logs
            && self.doubled.len() < MAX_DOUBLED
        {
            self.doubled.insert(flow_logs.map(str::to_owned).collect());
        }
    }

    /// Counts a record by its outcome; an exported flow also has packets and octets ([`exported`](Self::exported)).
    #[inline]
    pub(crate) fn count(&mut self, outcome: RecordOutcome<'_>) {
        *self.counters.of_outcome(outcome) += 1;
    }

    /// Counts an exported flow with packets and octets.
    #[inline]
    pub(crate) fn exported(&mut self, (packets, octets): (u64, u64)) {
        self.counters.flows_exported += 1;
        self.packets = self.packets.saturating_add(packets);
        self.octets = self.octets.saturating_add(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_tell_whether_each_record_is_counted_and_one_could_be_parsed() {
        for (received, unparsed, is_balanced, nothing_parsed) in [
            (0, 0, true, false),
            (2, 2, true, true),
            (2, 1, false, false),
        ] {
            let counters = Counters {
                records_received: received,
                unparsed_records: unparsed,
                ..Counters::default()
            };
            assert_eq!(counters.is_balanced(), is_balanced, "{received} {unparsed}");
            assert_eq!(
                counters.nothing_parsed(),
                nothing_parsed,
                "{received} {unparsed}"
            );
        }
    }

    #[test]
    fn the_newest_end_is_the_latest_of_all() {
        let mut report = BatchReport::default();
        for (end, newest) in [
            (None, None),
            (Some(5), Some(5)),
            (Some(3), Some(5)),
            (Some(7), Some(7)),
        ] {
            report.note_end(end);
            assert_eq!(report.newest_end, newest);
        }
    }

    #[test]
    fn flow_logs_that_double_records_are_named_up_to_a_bound() {
        let mut report = BatchReport::default();
        for number in 0..2 * MAX_DOUBLED {
            let id = format!("fl-{number}");
            report.count_doubled(Some([id.as_str()].into_iter()));
        }
        let counted = usize::try_from(report.counters.doubled_records);
        assert_eq!(
            (counted, report.doubled.len()),
            (Ok(2 * MAX_DOUBLED), MAX_DOUBLED)
        );
    }
}
