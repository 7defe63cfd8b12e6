//! The AWS Lambda functions: thin ends of the way from CloudWatch Logs to an IPFIX collector.
//!
//! A function fetches, configures, counts and sends. What a line means is `flowlogs-core`'s business, how an event is
//! unpacked `flowlogs-source`'s, how a message travels `flowlogs-export`'s.
//!
//! | file | what it is about |
//! |---|---|
//! | `cloudwatch.rs`, `cloudwatch/` | the function behind a subscription filter |
//! | `forward.rs` | one batch to every collector |
//! | `config/` | the settings table; the environment, checked |
//! | `ec2/` | what EC2 knows: formats, coverage, names |
//! | `secret.rs` | the certificates of TLS, from Secrets Manager |
//! | `metrics.rs` | what an invocation did, as one line for CloudWatch |
//! | `diagnostics.rs` | why an invocation failed |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cloudwatch;
pub mod config;
pub mod diagnostics;
pub mod ec2;
pub mod forward;
pub mod metrics;
pub mod secret;
