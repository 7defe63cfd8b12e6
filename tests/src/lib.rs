//! What the black-box tests share: running the product and real collectors, and reading what they show.
//!
//! - [`cases`] are the captured events with what must become of them;
//! - [`replay`] runs `flowlogs replay` and reads what it prints;
//! - [`documents`] reads configurations out of `docs/`;
//! - [`collectors`] start one real collector each and read its flows back as [`flow::Flow`]s;
//! - [`recorder`] and [`pcap`] are for decoders that read files instead of sockets;
//! - [`generated`] writes lines from a fixed seed.
//!
//! Everything stays on loopback addresses, ends within bounded time and leaves no process behind.

pub mod cases;
pub mod collectors;
pub mod documents;
pub mod flow;
pub mod generated;
pub mod pcap;
pub mod process;
pub mod recorder;
pub mod replay;
pub mod tool;
