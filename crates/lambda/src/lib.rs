//! The AWS Lambda functions: thin ends of the way from CloudWatch Logs or S3 to an IPFIX collector.
//!
//! A function fetches, configures, counts and sends. Parsing and encoding are `flowlogs-core`'s business, unpacking an event
//! `flowlogs-source`'s, and transport `flowlogs-export`'s.
//!
//! | file | subject |
//! |---|---|
//! | `cloudwatch.rs`, `cloudwatch/` | the function behind CloudWatch Logs |
//! | `check.rs` | the check event |
//! | `survey.rs` | lines of a payload before any is exported: unknown ids and formats |
//! | `transcode_sink.rs` | lines on the way to the transcoder |
//! | `s3/` | the function behind the notifications of a bucket |
//! | `start.rs`, `function.rs` | start of a process; state of the two functions that transcode |
//! | `blocking.rs` | waiting for a future in the middle of work that is not async |
//! | `connect.rs`, `forward.rs` | makes the forwarder; forwards a batch to every collector |
//! | `record_log.rs` | log of what the records of a process show |
//! | `config/` | the environment, checked |
//! | `ec2/` | look-ups: formats, coverage, names |
//! | `inventory/` | the function that keeps the inventory of an organization in S3 |
//! | `stored/` | inventory of an organization in S3 |
//! | `s3_read.rs` | errors and bodies of a read of S3 |
//! | `aws.rs` | configuration of every AWS client |
//! | `secret.rs` | TLS certificates from Secrets Manager |
//! | `metrics.rs` | metrics of an invocation, as a line for CloudWatch |
//! | `log.rs` | log lines for people |
//! | `diagnostics.rs` | errors of an invocation |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aws;
mod blocking;
mod check;
pub mod cloudwatch;
pub mod config;
mod connect;
pub mod diagnostics;
pub mod ec2;
pub mod forward;
mod function;
pub mod inventory;
mod log;
pub mod metrics;
mod record_log;
pub mod s3;
mod s3_read;
pub mod secret;
pub mod start;
pub mod stored;
mod survey;
mod transcode_sink;
