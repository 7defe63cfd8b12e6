//! Report of a batch: every record that came in is in exactly one counter, and each counter has its meaning here.

use std::collections::BTreeSet;

use crate::dedup::DedupVerdict;
use crate::flowlog::{Field, FlowRecord, Formats, LineMismatch, LogFormat, ParseError};
use crate::identity::Collision;
use crate::origin::LogLine;

/// Groups of flow logs that are kept with their ids; further ones are only counted.
const MAX_DOUBLED: usize = 16;

/// Windows that AWS lost which are kept with their interfaces; further ones are only counted.
const MAX_SKIPPED: usize = 10;

/// Octets of an interface's id that are kept; AWS's ids are shorter.
const ID_OCTETS: usize = 64;

/// Octets of an unparsed line that are kept as a sample.
const SAMPLE_OCTETS: usize = 200;

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident $name:literal)*) => {
        /// Counters of a batch, by the names of the CloudWatch metrics.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Counters {
            /// Returns names and values, in the order of the documentation.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field)),*].into_iter()
            }

            /// Adds the counters of another batch.
            pub fn add(&mut self, other: &Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)*
            }
        }
    };
}

counters! {
    /// Records that came in: the sum of the next ten counters.
    records_received "RecordsReceived"
    /// Records that became flow records.
    flows_exported "FlowsExported"
    /// Records of windows without traffic (`NODATA`).
    no_data "NoData"
    /// Records of windows that AWS lost (`SKIPDATA`): data that is missing everywhere.
    skipped_windows "SkippedWindows"
    /// Lines that fit no format.
    unparsed_records "UnparsedRecords"
    /// Rule 1: records that were delivered and exported before.
    duplicate_deliveries "DuplicateDeliveries"
    /// Rule 2: records of flow logs beside the preferred one of an interface.
    duplicate_records "DuplicateRecords"
    /// Rule 3: flows that a transit gateway records at both of its sides.
    duplicate_transit_gateway "DuplicateTransitGateway"
    /// Rule 4: flows whose other end is observed too.
    duplicate_both_ends "DuplicateBothEnds"
    /// Records of the direction that `DIRECTION` leaves out.
    filtered_by_direction "FilteredByDirection"
    /// Flows of the transcoder's own packets.
    excluded_collector_traffic "ExcludedCollectorTraffic"
    /// Exported flows that several flow logs write, none of which can be told from the others; each is in FlowsExported.
    doubled_records "DoubledRecords"
    /// Records that were decided without the inventory that should know their account and region.
    without_inventory "WithoutInventory"
    /// Messages sent, to all targets together.
    messages_sent "MessagesSent"
    /// Octets of the sent messages.
    bytes_sent "BytesSent"
    /// Options records written: names, domains, statistics.
    options_records "OptionsRecords"
    /// Identifiers that share a number with an earlier identifier of their domain.
    identity_collisions "IdentityCollisions"
    /// Layouts whose hashed template ID was taken.
    template_id_collisions "TemplateIdCollisions"
    /// Exported flows whose direction is unknown although `DIRECTION` asks for one, or whose `flow-direction` is no known word.
    unknown_direction "UnknownDirection"
    /// Exported flows whose end was before their start: the two are exchanged.
    swapped_times "SwappedTimes"
}

impl Counters {
    /// Returns whether every record is in exactly one counter.
    pub fn is_balanced(&self) -> bool {
        let ends = self
            .iter()
            .skip(1)
            .take(10)
            .map(|(_, value)| value)
            .sum::<u64>();
        self.records_received == ends
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
    /// Newest `end` of all records, milliseconds since 1970.
    pub newest_end: Option<u64>,
    /// First line that fitted no format, and the reason.
    pub unparsed: Option<UnparsedLine>,
    /// Newest timestamp of the events that fitted no format, milliseconds since 1970.
    pub newest_unparsed: Option<u64>,
    /// Beginning of a header line without an address or a counter: the object is no flow log, and its lines are not counted.
    pub refused_header: Option<String>,
    /// First ten windows that AWS lost.
    pub skipped: Vec<SkippedWindow>,
    /// First few pairs of identifiers that share a number.
    pub collisions: Vec<Collision>,
    /// First few groups of flow logs that write the same records, by their ids.
    pub doubled: BTreeSet<Vec<String>>,
}

/// Line that fitted no format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnparsedLine {
    /// Number of the line in the batch, from 1.
    pub record: u64,
    /// Beginning of the line.
    pub line: String,
    /// Reason: a fault of a column, or the nearest format.
    pub mismatch: LineMismatch,
    /// Documented format whose columns the line has; its string is a value for `LOG_FORMAT`.
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
    begin(line, SAMPLE_OCTETS)
}

fn begin(text: &[u8], octets: usize) -> String {
    String::from_utf8_lossy(&text[..text.len().min(octets)]).into_owned()
}

impl BatchReport {
    /// Counts a line that none of the formats took.
    #[cold]
    pub(crate) fn unparsed(&mut self, line: &LogLine<'_>, formats: &Formats, error: ParseError) {
        let mismatch = || LineMismatch::of(line.text, formats, error);
        self.unparsed_as(line, mismatch);
    }

    /// Counts a line that could be read, and whose values cannot be exported.
    #[cold]
    pub(crate) fn not_exportable(&mut self, line: &LogLine<'_>, error: ParseError) {
        self.unparsed_as(line, || LineMismatch {
            error,
            nearest: None,
        });
    }

    fn unparsed_as(&mut self, line: &LogLine<'_>, mismatch: impl Fn() -> LineMismatch) {
        self.counters.unparsed_records += 1;
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

    /// Counts a window that AWS lost, and keeps the first ones.
    #[cold]
    pub(crate) fn skip_data(&mut self, record: &FlowRecord<'_>) {
        self.counters.skipped_windows += 1;
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(SkippedWindow {
                interface: begin(record.interface().unwrap_or(b"-"), ID_OCTETS),
                start: record.number(Field::Start),
                end: record.number(Field::End),
            });
        }
    }

    /// Notes the end of a record.
    #[inline]
    pub(crate) fn ended(&mut self, end: Option<u64>) {
        if let Some(end) = end
            && self.newest_end.is_none_or(|newest| newest < end)
        {
            self.newest_end = Some(end);
        }
    }

    /// Counts a record that several flow logs write, and notes these flow logs if they are new.
    pub(crate) fn count_doubled<'a>(&mut self, flow_logs: Option<impl Iterator<Item = &'a str>>) {
        self.counters.doubled_records += 1;
        if let Some(flow_logs) = flow_logs
            && self.doubled.len() < MAX_DOUBLED
        {
            self.doubled.insert(flow_logs.map(str::to_owned).collect());
        }
    }

    /// Counts a record that a rule leaves out.
    pub(crate) fn left_out(&mut self, verdict: DedupVerdict) {
        let counters = &mut self.counters;
        let counter = match verdict {
            DedupVerdict::Keep | DedupVerdict::Doubled(_) => return,
            DedupVerdict::DuplicateRecord => &mut counters.duplicate_records,
            DedupVerdict::DuplicateTransitGateway => &mut counters.duplicate_transit_gateway,
            DedupVerdict::DuplicateBothEnds => &mut counters.duplicate_both_ends,
            DedupVerdict::FilteredByDirection => &mut counters.filtered_by_direction,
            DedupVerdict::ExcludedCollectorTraffic => &mut counters.excluded_collector_traffic,
        };
        *counter += 1;
    }

    /// Counts an exported flow with its packets and octets.
    #[inline]
    pub(crate) fn exported(&mut self, (packets, octets): (u64, u64)) {
        self.counters.flows_exported += 1;
        self.packets = self.packets.saturating_add(packets);
        self.octets = self.octets.saturating_add(octets);
    }
}
