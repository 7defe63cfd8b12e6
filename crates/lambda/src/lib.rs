//! The AWS Lambda functions: thin ends of the way from CloudWatch Logs to an IPFIX collector.
//!
//! A function fetches, configures, counts and sends. What a line means is `flowlogs-core`'s business, how an event is
//! unpacked `flowlogs-source`'s, how a message travels `flowlogs-export`'s.
//!
//! | file | what it is about |
//! |---|---|
//! | `config/` | the settings table; the environment, checked |
//! | `metrics.rs` | what an invocation did, as one line for CloudWatch |
//! | `diagnostics.rs` | why an invocation failed |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod config;
pub mod diagnostics;
pub mod metrics;
