//! Parts of the black-box tests: running the product and real collectors, and reading the collectors' flows.
//!
//! - [`cases`] are the captured events with expected counters;
//! - [`counters`] names the counters of records;
//! - [`replay`] runs `flowlogs replay` and reads its output;
//! - [`documents`] reads configurations out of `docs/`;
//! - [`collectors`] starts real collectors and reads flows as [`flow::Flow`]s;
//! - [`recorder`] and [`pcap`] are for decoders that read files instead of sockets;
//! - [`networks`] makes network namespaces for faults of networks;
//! - [`generated`] writes lines from a fixed seed.
//!
//! All traffic stays on loopback addresses, all waiting is bounded in time (`flowlogs` bounds its own), and no process
//! outlives its test.

pub mod cases;
pub mod collectors;
pub mod counters;
pub mod documents;
pub mod flow;
pub mod generated;
pub mod networks;
pub mod pcap;
pub mod process;
pub mod recorder;
pub mod replay;
pub mod tool;
