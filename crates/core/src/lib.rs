//! Flow logs become IPFIX.
#![forbid(unsafe_code)]
pub mod flowlog;
pub mod ipfix;
