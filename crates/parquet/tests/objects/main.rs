//! Whole objects, written by the library's writer and read through this crate's door.

#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation)]

mod bounds;
mod damage;
mod lines;
mod same_records;
mod seeds;
