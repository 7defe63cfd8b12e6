//! Vocabulary of the rules: verdicts, kinds of traffic as bits, and the times of a record.

use crate::flowlog::{Field, FlowRecord};

/// Verdict on a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DedupVerdict {
    /// Exported.
    Keep,
    /// Exported as often as AWS writes it: several flow logs (this group) observe the interface, and nothing tells
    /// which of them wrote the record.
    Doubled(u32),
    /// Rule 2: written by a flow log that is not preferred.
    DuplicateRecord,
    /// Rule 3: egress record of a gateway whose ingress record is there as well.
    DuplicateTransitGateway,
    /// Rule 4: egress record of a flow with an ingress record at the destination.
    DuplicateBothEnds,
    /// Not of the direction to export.
    FilteredByDirection,
    /// Flow to or from a collector.
    ExcludedCollectorTraffic,
}

/// Accepted traffic, as a bit.
pub(super) const ACCEPTED: u8 = 0b01;

/// Rejected traffic, as a bit.
pub(super) const REJECTED: u8 = 0b10;

/// Accepted and rejected traffic.
pub(super) const BOTH: u8 = ACCEPTED | REJECTED;

/// Start and end of a record in milliseconds since 1970, as far as known.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordTimes {
    pub(super) start: Option<u64>,
    pub(super) end: Option<u64>,
}

impl RecordTimes {
    /// Times of a record. A missing start is the event's timestamp, else the end; a missing end is the start. In a flow
    /// (`FlowTimes`) a lone end is no start; the rules need both bounds.
    pub(super) fn of(record: &FlowRecord<'_>, event_time: Option<u64>) -> Self {
        let (start, end) = (record.number(Field::Start), record.number(Field::End));
        let start = start.or(event_time);
        Self {
            start: start.or(end),
            end: end.or(start),
        }
    }
}
