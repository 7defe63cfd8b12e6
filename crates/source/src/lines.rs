//! Seam between this crate and its callers: lines, origins, and the sink for both.
//!
//! Lines and origins borrow from the unpacker's buffers and live for a call only.

/// Longest line that is handed on whole, in octets.
///
/// A longer line is cut to `MAX_LINE + 1` octets and the rest is skipped: the sink sees that the line is too long and counts
/// the line, instead of taking a part for the whole. The longest flow-log line of AWS is below 2 KiB.
pub const MAX_LINE: usize = 65_535;

/// Owner and name of the log group of lines, as far as the payload says.
///
/// Only subscription payloads say anything; for files and objects all fields are `None`. In a central log group the events
/// name account, region and log group (`@aws.account`, `@aws.region`, `@source.log` in `extractedFields`): the event's
/// values then stand here instead of the payload's. Source: Amazon CloudWatch Logs User Guide, "Log group-level subscription
/// filters".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineOrigin<'a> {
    /// Account that owns the log group, as the payload writes it: 12 digits in a data message. This and the other names are
    /// cut to 512 characters, the longest that AWS allows.
    pub owner: Option<&'a str>,
    /// Region of the log group. `None` unless an event names a region.
    pub region: Option<&'a str>,
    /// Log group.
    pub log_group: Option<&'a str>,
    /// Log stream. An opaque label: neither interface nor format follows from the name.
    pub log_stream: Option<&'a str>,
}

/// Line as delivered, alone or in a log event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveredLine<'a> {
    /// Event id of CloudWatch Logs, equal in every delivery of the event. If a message has several lines, the first line
    /// has the id and the rest have `None`.
    pub id: Option<&'a [u8]>,
    /// Milliseconds since 1970: the event's time in CloudWatch Logs, or the time before the line in exports.
    pub timestamp: Option<u64>,
    /// Line without the line end; at most `MAX_LINE + 1` octets ([`MAX_LINE`]), not necessarily UTF-8. Empty only where an
    /// event in a JSON document had an empty message: blank lines of a text are not handed on.
    pub text: &'a [u8],
}

/// Receiver of lines, in order.
pub trait LineSink {
    /// Reason to stop. An error ends the call that hands lines on, as [`ReadError::Sink`](crate::ReadError::Sink).
    type Error;

    /// Begins the lines of an origin: before the first line of every payload, file or object, and within a payload wherever
    /// the events begin to name another account, region or log group. An earlier header line no longer holds.
    ///
    /// # Errors
    /// The reason to stop.
    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Self::Error>;

    /// Takes a line.
    ///
    /// # Errors
    /// The reason to stop.
    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Self::Error>;
}

/// Counts of the content of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Lines handed on, including header lines.
    pub lines: u64,
    /// Subscription payloads that only tested the destination.
    pub control_messages: u64,
}
