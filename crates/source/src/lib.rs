//! Unpacks deliveries of AWS (base64, gzip, JSON, text, envelopes) into flow-log lines.
//!
//! An [`Unpacker`] owns the buffers and hands every line, as borrowed bytes, to a [`LineSink`]. The meaning of a line is not
//! this crate's business: header lines, `NODATA` lines and nonsense are all handed on.
//!
//! There are two doors:
//!
//! - [`Unpacker::open`] takes a CloudWatch Logs subscription payload and checks the whole before the first line is handed
//!   on; [`FunctionEvent`] finds the payloads in the event of a function: subscription, Kinesis records, messages of the
//!   failure queue;
//! - [`Unpacker::read`] takes any stream and recognises the content.
//!
//! Notices of new S3 objects are read by [`s3::S3Event`].
//!
//! ```
//! use flowlogs_source::{LogEvent, LineSink, LineOrigin, Unpacker};
//!
//! struct Count(usize);
//!
//! impl LineSink for Count {
//!     type Error = std::convert::Infallible;
//!     fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!     fn event(&mut self, _: &LogEvent<'_>) -> Result<(), Self::Error> {
//!         self.0 += 1;
//!         Ok(())
//!     }
//! }
//!
//! let mut unpacker = Unpacker::new(64 * 1024 * 1024);
//! let mut count = Count(0);
//! let summary = unpacker.read(&b"version account-id\n2 123456789012\n"[..], &mut count)?;
//! assert_eq!((summary.events, count.0), (2, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Memory is bounded by the limit given to [`Unpacker::new`], for any input: larger payloads and JSON documents are an
//! error, and of a text at most a line is in memory.
//!
//! | file | stage |
//! |---|---|
//! | `event.rs`, `queue.rs`, `s3/` | event of a function → payloads, or objects to read |
//! | `unpacker.rs` | both doors; compressed stream → plain content |
//! | `content.rs`, `peeked.rs` | kind of content, by the first octets |
//! | `base64.rs`, `inflate.rs` | packed → plain octets |
//! | `documents.rs`, `json/`, `document_lines.rs` | JSON stream → documents → log events |
//! | `subscription.rs` | a payload, checked as a whole |
//! | `text.rs`, `export_time.rs` | text → lines |
//! | `line_writer.rs`, `lines.rs` | lines → the caller's sink |
//! | `buffers.rs`, `memory.rs` | every buffer, and the memory kept between calls |

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
pub use event::{FailedInvocation, FunctionEvent, KinesisRecord, QueueMessage};
pub use json::Payload;
pub use lines::{LineOrigin, LineSink, LogEvent, MAX_LINE, ReadSummary};
pub use subscription::OpenedPayload;
pub use unpacker::Unpacker;
