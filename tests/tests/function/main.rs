//! The functions, end to end: the real binaries under an emulated Lambda runtime, with emulated AWS APIs and collectors on
//! the loopback interface.
//!
//! - `runtime.rs` starts emulator and function, invokes, and reads the function's output;
//! - `aws.rs` is EC2 and Secrets Manager: moto, and a server that knows `events/inventory.json` or refuses everything;
//! - `collector.rs` takes IPFIX over TCP and TLS, and misbehaves by script (`Collector`), or only reads very many flows
//!   (`Drain`); `decode.rs` decodes the octets;
//! - `payload.rs` writes events;
//! - `formats.rs`, `captured.rs`, `delivery.rs`, `metrics.rs`, `tls.rs`, `settings.rs` are the tests of the function behind
//!   a log group;
//! - `bucket.rs` is a bucket with a queue, also moto, and `objects.rs` writes the content; `s3.rs` are the tests of the
//!   function behind the bucket;
//! - `backfill.rs` runs the commands that `flowlogs backfill` prints, against moto;
//! - `clock.rs` is a clock that jumps, and `dns.rs` a name that leads elsewhere;
//! - `check.rs` is the check event, and `deadline.rs` are invocations without enough time;
//! - `sqs.rs` is a queue with the rules of SQS; `queue.rs` are the tests of the function behind its failure queue, and
//!   `outage/` is an hour without collector, with the alarms of the templates over its metrics (`series.rs`);
//! - `hostile.rs` are names of megabytes, names that would be lines, and answers without end;
//! - `day/` is a day in an hour: all functions under scripted faults of every kind;
//! - `stored.rs` are the tests of both functions with an inventory in S3, `changing.rs` the tests of an inventory that
//!   changes or fails;
//! - `cold.rs` are cold environments with that inventory, `alike.rs` two environments that have to decide alike;
//! - `soak.rs` is thousands of invocations of one process;
//! - `one_function.rs` is a runtime of our own, whose invocations have a time;
//! - `organization.rs` is an organization of accounts with a bucket, STS, EC2 and S3 in one server, and `inventory/` and
//!   `surveys.rs` are the tests of the function that keeps the inventory.

mod alike;
mod aws;
mod backfill;
mod bucket;
mod captured;
mod changing;
mod check;
mod clock;
mod cold;
mod collector;
mod day;
mod deadline;
mod decode;
mod delivery;
mod dns;
mod formats;
mod hostile;
mod inventory;
mod metrics;
mod objects;
mod one_function;
mod organization;
mod outage;
mod payload;
mod queue;
mod runtime;
mod s3;
mod series;
mod settings;
mod soak;
mod sqs;
mod stored;
mod surveys;
mod tls;
