//! The command line, as a library so that its parts can be tested.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod inventory;
