//! Vocabulary of a line: bounds, the words of AWS, and the errors of a column.
//!
//! Everything here is named by several files of the folder; the only import is the field table.

use super::field::Field;

/// Most columns that a format may have, many times the number of fields that AWS documents.
pub const MAX_COLUMNS: usize = 1_024;

/// Longest parsed line, in octets; the longest record of AWS is far shorter.
pub const MAX_LINE: usize = u16::MAX as usize;

/// First number taken for milliseconds in a time column; smaller numbers are seconds (this many are the year 5138).
pub(super) const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// Milliseconds of a number in a time column.
pub(super) fn milliseconds(number: u64) -> u64 {
    match number < FIRST_MILLISECONDS {
        true => number * 1_000,
        false => number,
    }
}

/// Last millisecond that the seconds elements can carry (RFC 7011 §6.1.7: 32 bits, until 2106).
pub(crate) const LAST_MILLISECOND: u64 = u32::MAX as u64 * 1_000 + 999;

/// Words of `action`, in the order of [`FlowAction`].
pub(super) const ACTIONS: [&str; 2] = ["ACCEPT", "REJECT"];

/// Words of `log-status`, in the order of [`LogStatus`].
pub(super) const STATUSES: [&str; 3] = ["OK", "NODATA", "SKIPDATA"];

/// Words of `flow-direction`, in the order of [`FlowDirection`].
pub(super) const DIRECTIONS: [&str; 2] = ["ingress", "egress"];

/// Decision of AWS about the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowAction {
    /// `ACCEPT`
    Accept,
    /// `REJECT`: denied, or the packets arrived after the connection was closed.
    Reject,
}

/// Direction of the flow through the interface (VPC) or the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowDirection {
    /// `ingress`
    Ingress,
    /// `egress`
    Egress,
}

/// Status of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogStatus {
    /// `OK`
    Ok,
    /// `NODATA`: no traffic in the interval.
    NoData,
    /// `SKIPDATA`: AWS lost records of this interval.
    SkipData,
    /// A word unknown to this version.
    Other,
}

/// Reason why a flow was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// `BPA`: VPC Block Public Access.
    BlockPublicAccess,
    /// `EC`: encryption controls.
    EncryptionControls,
    /// A word unknown to this version.
    Other,
}

/// Reason why a line is not a record of a format, with the column at fault, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", ColumnInFront { column: *column, field: *field })]
pub struct ParseError {
    /// Number of the column, from 1; `None` for a fault of the whole line, or of the event's timestamp.
    pub column: Option<usize>,
    /// Field of the column, if the field table has a row.
    pub field: Option<Field>,
    /// Fault of the column or line.
    pub problem: ParseProblem,
}

/// Fault of a column or line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseProblem {
    /// Not an unsigned decimal number of 64 bits.
    #[error("not a number")]
    NotANumber,
    /// A number above the largest value of the column.
    #[error("larger than {max}")]
    TooLarge {
        /// Largest value of the column.
        max: u64,
    },
    /// A time that 32 bits of seconds do not hold.
    #[error("later than 2106-02-07 06:28:15 UTC")]
    TooLate,
    /// A timestamp of an event, needed in seconds, that 32 bits do not hold.
    #[error("the event's timestamp is later than 2106-02-07 06:28:15 UTC")]
    TooLateEvent,
    /// Not an IPv4 or IPv6 address.
    #[error("not an IP address")]
    NotAnAddress,
    /// The line has fewer columns than the format.
    #[error("missing; the format has {columns} columns")]
    Missing {
        /// Columns of the format.
        columns: usize,
    },
    /// The line has more columns than the format.
    #[error("too many columns; the format has {columns}")]
    Surplus {
        /// Columns of the format.
        columns: usize,
    },
    /// The line has as many columns as a default format of AWS, which no setting and no flow log names, but not the
    /// patterns of its columns.
    #[error(
        "not as in the default format of AWS, which is assumed where no other is known; set the log format"
    )]
    NotTheDefault,
    /// The line is longer than [`MAX_LINE`].
    #[error("the line is longer than {MAX_LINE} octets")]
    LineTooLong,
    /// The process has met more combinations of present and absent columns than any set of formats makes.
    #[error("too many different record layouts in one process")]
    TooManyLayouts,
}

/// Beginning of an error's text: `column 3 (bytes): `; nothing without a column.
struct ColumnInFront {
    column: Option<usize>,
    field: Option<Field>,
}

impl std::fmt::Display for ColumnInFront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(column) = self.column else {
            return Ok(());
        };
        match self.field {
            Some(field) => write!(f, "column {column} ({}): ", field.row().name),
            None => write!(f, "column {column}: "),
        }
    }
}
