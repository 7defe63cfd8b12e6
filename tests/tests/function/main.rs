//! The functions, end to end: their real binaries under an emulated Lambda runtime, with emulated AWS APIs and collectors
//! on the loopback interface.
//!
//! - `runtime.rs` starts emulator and function, invokes, and reads what the function printed;
//! - `aws.rs` is EC2 and Secrets Manager: moto, and a server that knows `events/inventory.json` or refuses everything
//!   (`http_peer.rs` is the HTTP of it);
//! - `collector.rs` takes IPFIX over TCP and TLS, and misbehaves by script; `decode.rs` decodes what it got;
//! - `payload.rs` writes events; `authority.rs` issues certificates;
//! - `formats.rs`, `captured.rs`, `delivery.rs`, `metrics.rs`, `tls.rs`, `settings.rs` are the tests of the function behind
//!   a log group;
//! - `bucket.rs` is a bucket with its queue, also moto, and `objects.rs` writes what is in it; `s3.rs` are the tests of
//!   the function behind it;
//! - `soak.rs` is a long life of the first.

#[path = "../../../crates/export/tests/loopback/authority.rs"]
#[allow(dead_code)] // its own tests name authorities
mod authority;
mod aws;
mod bucket;
mod captured;
mod collector;
mod decode;
mod delivery;
mod formats;
#[path = "../../../crates/lambda/src/http_peer.rs"]
#[allow(dead_code)] // its bucket looks at headers
mod http_peer;
mod metrics;
mod objects;
mod payload;
mod runtime;
mod s3;
mod settings;
mod soak;
mod tls;
#[path = "../endurance/traffic.rs"]
#[allow(dead_code)] // sums and files, which load has
mod traffic;
#[path = "../../../crates/parquet/tests/objects/writer.rs"]
// Shared with the tests of the reader, which want more of it.
#[allow(dead_code, clippy::cast_possible_truncation, clippy::unwrap_used)]
mod writer;
