//! Unpacks deliveries of AWS (base64, gzip, JSON, text, envelopes) into flow-log lines.
//!
//! An [`Unpacker`] owns the buffers and hands every line, as borrowed bytes, to a [`LineSink`]. The meaning of a line is not
//! this crate's business: header lines, `NODATA` lines and nonsense are all handed on.
//!
//! There are two entry points:
//!
//! - [`Unpacker::open`] takes a CloudWatch Logs subscription payload and checks the whole before the first line is handed
//!   on; [`FunctionEvent`] finds the payloads in the event of a function: subscription, Kinesis records, messages of the
//!   failure queue;
//! - [`Unpacker::read`] takes any stream and recognises the content.
//!
//! Notices of new S3 objects are read by [`s3::S3Event`].
//!
//! ```
//! use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, Unpacker};
//!
//! struct Count(usize);
//!
//! impl LineSink for Count {
//!     type Error = std::convert::Infallible;
//!     fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!     fn line(&mut self, _: &DeliveredLine<'_>) -> Result<(), Self::Error> {
//!         self.0 += 1;
//!         Ok(())
//!     }
//! }
//!
//! let mut unpacker = Unpacker::new(64 * 1024 * 1024);
//! let mut count = Count(0);
//! let summary = unpacker.read(&b"version account-id\n2 123456789012\n"[..], &mut count)?;
//! assert_eq!((summary.lines, count.0), (2, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Memory is bounded by the limit given to [`Unpacker::new`], for any input: larger payloads and JSON documents are an
//! error. Of a text at most a line is in memory; compressed text of at most 1 MiB packed and 16 MiB plain is inflated
//! whole.
//!
//! | file | stage |
//! |---|---|
//! | `event.rs`, `queue.rs`, `s3/` | event of a function → payloads, or objects to read |
//! | `unpacker.rs` | both entry points; compressed stream → plain content |
//! | `content.rs`, `peeked.rs` | kind of content, by the first octets |
//! | `base64.rs`, `inflate.rs` | packed → plain octets |
//! | `documents.rs`, `json/`, `document_lines.rs` | JSON stream → documents → log events |
//! | `subscription.rs` | a payload, checked as a whole |
//! | `text.rs`, `export_time.rs` | text → lines |
//! | `line_writer.rs`, `lines.rs` | lines → the caller's sink |
//! | `buffers.rs`, `memory.rs` | buffers that are kept between calls, and their memory |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod base64;
mod buffers;
mod content;
mod document_lines;
mod documents;
mod error;
mod event;
mod export_time;
mod inflate;
mod json;
mod line_writer;
mod lines;
mod memory;
mod peeked;
mod queue;
pub mod s3;
mod subscription;
mod text;
mod unpacker;

pub use content::PARQUET_MAGIC;
pub use error::{GzipFault, JsonFault, ReadError, UnpackError};
pub use event::{FailedInvocation, FailureMessage, FunctionEvent, KinesisRecord};
pub use json::Payload;
pub use lines::{DeliveredLine, LineOrigin, LineSink, MAX_LINE, ReadSummary};
pub use queue::QueueMessage;
pub use subscription::OpenedPayload;
pub use unpacker::Unpacker;
