//! The CloudWatch Logs function, end to end: its real binary under an emulated Lambda runtime, with emulated AWS APIs
//! and collectors on the loopback interface.
//!
//! - `runtime.rs` starts emulator and function, invokes, and reads what the function printed;
//! - `aws.rs` is EC2 and Secrets Manager: moto, and a server that knows `events/inventory.json` or refuses everything;
//! - `collector.rs` takes IPFIX over TCP and TLS, and misbehaves by script; `decode.rs` decodes what it got;
//! - `payload.rs` writes events; `authority.rs` issues certificates;
//! - `formats.rs`, `captured.rs`, `delivery.rs`, `metrics.rs`, `tls.rs`, `settings.rs` are the tests.

#[path = "../../../crates/export/tests/loopback/authority.rs"]
#[allow(dead_code)] // its own tests name authorities
mod authority;
mod aws;
mod captured;
mod collector;
mod decode;
mod delivery;
mod formats;
mod metrics;
mod payload;
mod runtime;
mod settings;
mod tls;
