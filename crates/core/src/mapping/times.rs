//! Start and end of a flow.

use crate::flowlog::{Field, FlowRecord, LAST_MILLISECOND, ParseError, ParseProblem};

/// Times of a flow, milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowTimes {
    pub(crate) start: Option<u64>,
    pub(crate) end: Option<u64>,
    /// True if the record's end was before the start, and the two were exchanged.
    pub(crate) swapped: bool,
}

impl FlowTimes {
    /// Times of a record. Without a start, the event's timestamp is the start (AWS documents both as equal); without an end,
    /// the start is the end. Collectors compute nonsense from a missing or an earlier end.
    #[inline]
    pub(crate) fn of(record: &FlowRecord<'_>, event_time: Option<u64>) -> Self {
        let start = record.number(Field::Start).or(event_time);
        let end = record.number(Field::End).or(start);
        let swapped = end < start && end.is_some();
        let (start, end) = if swapped { (end, start) } else { (start, end) };
        Self {
            start,
            end,
            swapped,
        }
    }

    /// Error if 32 bits of seconds do not hold the times: only an event's timestamp can be so late.
    pub(crate) fn check_seconds(self) -> Result<(), ParseError> {
        match self.start.max(self.end) > Some(LAST_MILLISECOND) {
            true => Err(ParseError {
                column: 1,
                field: Some(Field::Start),
                problem: ParseProblem::TooLarge {
                    max: LAST_MILLISECOND,
                },
            }),
            false => Ok(()),
        }
    }
}
