//! The seam between this crate and whoever reads the lines: what is handed on, and to whom.
//!
//! Everything here is borrowed from the unpacker's buffers and lives for one call only.

/// The longest line that is handed on whole, in octets.
///
/// A longer one is cut to `MAX_LINE + 1` octets and its rest is skipped, so that the receiver sees that it is too long
/// and counts it instead of taking a part of it for the whole. The longest flow-log line of AWS is below 2 KiB.
pub const MAX_LINE: usize = 65_535;

/// Owner and name of the log group of lines, as far as the payload says it.
///
/// Only subscription payloads say anything; for files and objects all fields are `None`. In a central log group the
/// events themselves name account, region and log group (`@aws.account`, `@aws.region`, `@source.log` in
/// `extractedFields`), which then stand here instead of the payload's. Source: Amazon CloudWatch Logs User Guide, "Log
/// group-level subscription filters".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineOrigin<'a> {
    /// The account that owns the log group, as the payload writes it: 12 digits in a data message.
    pub owner: Option<&'a str>,
    /// Region of the log group. `None` unless an event names it.
    pub region: Option<&'a str>,
    /// The log group.
    pub log_group: Option<&'a str>,
    /// The log stream. An opaque label: neither an interface nor a format can be derived from it.
    pub log_stream: Option<&'a str>,
}

/// One line as delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogEvent<'a> {
    /// The id that CloudWatch Logs gave to the event; the same in every delivery of it. Of an event whose message has
    /// several lines, the first line has it and the others have `None`.
    pub id: Option<&'a [u8]>,
    /// Milliseconds since 1970: the event's time in CloudWatch Logs, or the time before the line in its exports.
    pub timestamp: Option<u64>,
    /// The line without its line end; at most `MAX_LINE + 1` octets ([`MAX_LINE`]), not necessarily UTF-8. Empty only
    /// where an event in a JSON document had an empty message: blank lines of a text are not handed on.
    pub message: &'a [u8],
}

/// Who receives lines, in order.
pub trait LineSink {
    /// Why the receiver stops; it ends the call that hands lines on, as [`ReadError::Sink`](crate::ReadError::Sink).
    type Error;

    /// Comes before the first line of every payload, file or object, and within a payload wherever the events begin to name
    /// another account, region or log group; what an earlier header line said no longer holds.
    ///
    /// # Errors
    /// Whatever stops the receiver.
    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Self::Error>;

    /// Takes one line.
    ///
    /// # Errors
    /// Whatever stops the receiver.
    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), Self::Error>;
}
