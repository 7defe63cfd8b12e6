//! What a line means: the field table, formats as compiled column plans, and the typed record.
//!
//! Hands [`FlowRecord`]s to the stages that decide ([`crate::dedup`]) and encode ([`crate::ipfix`]); after this folder
//! nothing reads a line's columns again.

pub mod field;
pub mod format;
pub mod formats;
mod prefix;
pub mod record;
mod scan;
mod tokens;
pub(crate) mod values;

pub use field::{FIELDS, Field, FieldSet, FieldSpec};
pub(crate) use format::ColumnPlan;
pub use format::{FormatError, LogFormat, RecordKind};
pub use formats::Formats;
pub use record::{
    FlowAction, FlowDirection, FlowRecord, LogStatus, ParseError, ParseProblem, RejectReason,
};
pub use values::RecordValues;
