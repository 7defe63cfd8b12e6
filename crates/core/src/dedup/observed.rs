//! Vocabulary of the rules: kinds of traffic as bits, and the times of a record.

use crate::flowlog::{Field, FlowRecord};

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
    /// Times of a record; the event's timestamp is the start where the record has none.
    pub(super) fn of(record: &FlowRecord<'_>, event_time: Option<u64>) -> Self {
        let (start, end) = (record.number(Field::Start), record.number(Field::End));
        let start = start.or(event_time);
        Self {
            start: start.or(end),
            end: end.or(start),
        }
    }
}
