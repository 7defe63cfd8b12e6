//! Parts that the tests and benchmarks of several crates share. A dev-dependency only: no product depends on it.
//!
//! - `certificates`: certificate authorities and TLS servers that exist for one test;
//! - [`http`]: an HTTP server on the loopback interface, answered by a closure;
//! - `objects`: generated lines as text objects and Parquet objects;
//! - `parquet_writer`: Parquet objects in each of the types and encodings that writers choose;
//! - `pipeline`: generated lines and payloads, and the whole path from a payload to messages;
//! - [`object_server`]: the part of S3 that hands out objects.
//! - [`random`]: numbers that look random;
//! - [`tools`]: programs and libraries that a test needs and a machine may lack;
//! - [`wire`]: a plain reader of IPFIX messages.

#![forbid(unsafe_code)]

#[cfg(feature = "certificates")]
pub mod certificates;
pub mod http;
pub mod object_server;
#[cfg(all(feature = "parquet", feature = "pipeline"))]
pub mod objects;
#[cfg(feature = "parquet")]
pub mod parquet_writer;
#[cfg(feature = "pipeline")]
pub mod pipeline;
pub mod random;
pub mod tools;
pub mod wire;
