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
                column: None,
                field: None,
                problem: ParseProblem::TooLateEvent,
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_that_seconds_do_not_hold_is_named_as_the_events() {
        let times = |start| FlowTimes {
            start: Some(start),
            end: Some(start),
            swapped: false,
        };
        assert_eq!(times(LAST_MILLISECOND).check_seconds(), Ok(()));
        let late = times(LAST_MILLISECOND + 1).check_seconds();
        assert_eq!(
            late.expect_err("too late").to_string(),
            "the event's timestamp is later than 2106-02-07 06:28:15 UTC"
        );
    }
}
