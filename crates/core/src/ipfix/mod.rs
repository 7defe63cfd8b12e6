//! IPFIX on the wire (RFC 7011): information elements, templates, messages, options tables, transport sessions.
//!
//! Takes typed values from [`crate::mapping`] and hands finished messages to a [`MessageSink`]. Nothing in this folder
//! knows a flow-log line.
//!
//! ```text
//! FlowValues ─► FlowLayout ─► MessageBuffer ─┐
//! OptionsRecord ────────────► MessageBuffer ─┼─► Exporter ─► MessageSink, once for each ExportSession
//! Template ─────────────────► MessageBuffer ─┘
//! ```

mod domain;
pub mod element;
mod exporter;
mod message;
mod options;
mod record;
mod session;
mod sink;
mod template;

pub use exporter::MIN_MESSAGE_SIZE;
pub use options::{OptionsTable, TABLES};
pub use session::{TemplateRefresh, Transport};
pub use sink::{MessageKind, MessageSink, SendOutcome};
pub use template::{
    FieldSpecifier, OTHER_BASE, REGULAR_BASE, REGULAR_BITS, Template, VARIABLE_LENGTH,
};

pub(crate) use exporter::{Exporter, SentTotals};
pub(crate) use options::OptionsRecord;
pub(crate) use record::{FlowLayout, FlowValues, LayoutField, ValueSlot};
