//! What a line means: the field table, formats as compiled column plans, and the typed record.
//!
//! Hands [`FlowRecord`]s to the stages that decide ([`crate::dedup`]) and encode ([`crate::ipfix`]); after this folder
//! nothing reads a line's columns again.

pub mod field;
pub mod format;
pub mod formats;
mod lead;
pub mod record;
mod scan;
mod tokens;
pub(crate) mod values;

pub use field::{FIELDS, Field, FieldSet, Row};
pub(crate) use format::Plan;
pub use format::{FormatError, Kind, LogFormat};
pub use formats::Formats;
pub use record::{Action, Direction, FlowRecord, ParseError, Problem, RejectReason, Status};
pub use values::Values;
