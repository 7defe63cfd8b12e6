//! Unpacks what AWS delivers (base64, gzip, JSON, text, envelopes) into flow-log lines.
//!
//! An [`Unpacker`] owns the buffers and hands every line, as borrowed bytes, to a receiver that implements [`LineSink`].
//! What a line means is not this crate's business: a header line, a `NODATA` line and nonsense are all handed on.
//!
//! There are two ways in:
//!
//! - [`Unpacker::unpack`], [`Unpacker::unpack_event`] and [`Unpacker::unpack_decoded`] take one CloudWatch Logs
//!   subscription payload, which is checked as a whole before its first line is handed on; [`Unpacker::open`] stops in
//!   between, for those who must know where the lines come from before they take them;
//! - [`Unpacker::read`] takes any stream and recognises by its content what it is.
//!
//! [`FunctionEvent`] finds the payloads in the event of a function: subscription, Kinesis records, messages of its failure
//! queue. Where a stream is an object, the notice that announced it is read by [`s3::S3Event`].
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
//! Memory is bounded by the limit given to [`Unpacker::new`] on every path, whatever arrives: payloads and JSON
//! documents that are larger are an error, and text is a stream of which at most one line is held.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod base64;
mod documents;
mod envelope;
mod error;
mod event;
mod export_time;
mod firehose;
mod inflate;
mod json;
mod line_writer;
mod lines;
mod peeked;
mod recognise;
pub mod s3;
mod subscription;
mod text;

pub use error::{GzipFault, JsonFault, ReadError, UnpackError};
pub use event::{FailedInvocation, FunctionEvent, KinesisRecord, QueueMessage};
pub use lines::{LineOrigin, LineSink, LogEvent, MAX_LINE};
pub use recognise::{PARQUET_MAGIC, ReadSummary};
pub use subscription::{Message, OpenedPayload, Payload, Unpacker};
