//! What leaves: information elements, templates, messages, options tables, transport sessions (RFC 7011).
//!
//! Takes typed values from [`crate::mapping`] and hands finished messages to a [`MessageSink`]; nothing in here knows
//! what a flow-log line looks like.

pub mod element;
mod exporter;
mod flow;
mod message;
mod options;
mod session;
mod template;

pub use exporter::{MAX_DOMAINS, MIN_MESSAGE_SIZE, MessageSink, SendOutcome};
pub use options::{OptionsTable, TABLES};
pub use session::{TemplateRefresh, Transport};
pub use template::{FieldSpecifier, OTHER_BASE, REGULAR_BASE, REGULAR_BITS, Template};

pub(crate) use exporter::{Exporter, Sent};
pub(crate) use flow::{Flow, INTERFACE_NAME_OCTETS, Layout, Place, Slot};
pub(crate) use options::{OptionsRecord, cut};
