//! Flow logs become IPFIX: parse → deduplicate → encode, without I/O, clock or environment.
//!
//! A [`Transcoder`] takes flow-log lines of a [`RecordSource`] and hands finished IPFIX messages (RFC 7011) to a
//! [`MessageSink`]. Time is an argument, the [`network::Inventory`] is data, formats are data: the caller looks these up.
//!
//! ```
//! use flowlogs_core::network::Destination;
//! use flowlogs_core::{
//!     Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings, Transport,
//! };
//!
//! let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Datagram]);
//! let mut source = RecordSource::new(Some(Destination::log_group("/vpc/flow-logs")), Formats::defaults());
//! source.set_account_and_region(None, Some("eu-central-1"));
//!
//! let mut messages = Vec::new();
//! let mut sink = |_session: usize, _kind: MessageKind, message: &[u8]| {
//!     messages.push(message.to_vec());
//!     Ok::<_, std::convert::Infallible>(SendOutcome::Sent)
//! };
//! transcoder.begin(1_418_530_100_000);
//! let text = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
//!     1418530010 1418530070 ACCEPT OK";
//! let Ok(()) = transcoder.line(&mut source, LogLine { id: None, timestamp: None, text }, &mut sink);
//! let Ok(()) = transcoder.flush(&mut sink);
//! transcoder.commit();
//!
//! assert_eq!(transcoder.take_report().counters.flows_exported, 1);
//! assert_eq!(messages.len(), 5, "templates, those of the statistics, names, flows, statistics");
//! ```
//!
//! The stages, in the order of the data: [`flowlog`] (meaning of a line), [`dedup`] (choice of the records that count),
//! [`mapping`] (element of each value), [`ipfix`] (messages); [`Transcoder`] walks a line through the stages and
//! [`BatchReport`] counts the outcomes.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod choice;
pub mod dedup;
mod encode;
pub mod flowlog;
mod identity;
pub mod ipfix;
pub mod mapping;
pub mod network;
mod observe;
mod origin;
mod report;
pub mod settings;
mod source_cache;
mod stages;
mod transcoder;

pub use choice::NotAChoice;
pub use flowlog::{Formats, LogFormat};
pub use identity::{Collision, EXAMPLES as IDENTITY_EXAMPLES, identity};
pub use ipfix::{MessageKind, MessageSink, SendOutcome, TemplateRefresh, Transport};
pub use mapping::MAX_UNKNOWN;
pub use network::Address;
pub use observe::{ExportedFlow, RecordObserver, RecordOutcome};
pub use origin::{LogLine, RecordSource};
pub use report::{BatchReport, Counters, SkippedWindow, UnparsedLine};
pub use settings::TranscoderSettings;
pub use source_cache::{FormatNote, SourceCache, SourceOrigin};
pub use transcoder::Transcoder;
