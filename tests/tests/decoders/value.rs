//! Common values of all decoders, to compare decoders and the reference.

use std::net::IpAddr;

/// The value of an information element.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// Any number; times are milliseconds since 1970.
    Number(u64),
    Address(IpAddr),
    /// A string without the NULs behind.
    Text(String),
}

/// Element and value; of a flow, ordered by element.
pub(crate) type Record = Vec<(u16, Value)>;

/// A decoded data record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) domain: u32,
    pub(crate) template: u16,
    pub(crate) is_options: bool,
    pub(crate) record: Record,
}
