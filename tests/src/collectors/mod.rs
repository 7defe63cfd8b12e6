//! Real collectors: each started on a free loopback port in a directory of its own, fed, stopped, and read back.
//!
//! The function `as_shown` of each file reduces a flow to the fields shown by the collector, so that a test compares every
//! field that can be compared.

use std::time::SystemTime;

pub mod goflow2;
pub mod ipfixdump;
pub mod nfacctd;
pub mod nfcapd;
pub mod tshark;

/// Milliseconds since 1970, rounded down to a second.
fn milliseconds_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs() * 1_000
}

/// Replaces the time of arrival, shown by collectors for a flow without a time, with 0. Events are older than any test, so a
/// time since the collector's start is one of arrival.
fn without_arrival(milliseconds: u64, collector_started: u64) -> u64 {
    let arrived = (collector_started..=milliseconds_now()).contains(&milliseconds);
    if arrived { 0 } else { milliseconds }
}
