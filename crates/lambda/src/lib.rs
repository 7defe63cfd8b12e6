//! The AWS Lambda functions: thin ends of the way from CloudWatch Logs or S3 to an IPFIX collector.
//!
//! A function fetches, configures, counts and sends. What a line means is `flowlogs-core`'s business, how an event is
//! unpacked `flowlogs-source`'s, how a message travels `flowlogs-export`'s.
//!
//! | file | what it is about |
//! |---|---|
//! | `cloudwatch.rs`, `cloudwatch/` | the function behind a subscription filter |
//! | `s3/` | the function behind the notifications of a bucket |
//! | `start.rs`, `function.rs` | what a process begins with; what both functions have |
//! | `connect.rs`, `forward.rs` | from settings to collectors; one batch to every collector |
//! | `known.rs` | sources with their formats, kept until something changes |
//! | `config/` | the settings table; the environment, checked |
//! | `ec2/` | what EC2 knows: formats, coverage, names |
//! | `aws.rs` | the configuration of every AWS client |
//! | `secret.rs` | the certificates of TLS, from Secrets Manager |
//! | `metrics.rs` | what an invocation did, as one line for CloudWatch |
//! | `log.rs` | the lines that people read |
//! | `diagnostics.rs` | why an invocation failed |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aws;
mod clock;
pub mod cloudwatch;
pub mod config;
mod connect;
pub mod diagnostics;
pub mod ec2;
pub mod forward;
mod function;
#[cfg(test)]
mod http_peer;
mod known;
mod log;
pub mod metrics;
pub mod s3;
pub mod secret;
pub mod start;
