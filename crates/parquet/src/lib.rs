//! Parquet flow-log objects become the lines that the text parser reads.
//!
//! A row is handed on as the line that AWS would have written into a text object: first a header line with the names of
//! the columns, then a line for each row, `-` where a column has no value. So a flow is the same record, whichever way it
//! was delivered, by construction and not by a second parser.
//!
//! ```no_run
//! use flowlogs_parquet::ParquetReader;
//! use flowlogs_source::{LogEvent, LineSink, LineOrigin};
//!
//! struct Print;
//!
//! impl LineSink for Print {
//!     type Error = std::convert::Infallible;
//!     fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!     fn event(&mut self, event: &LogEvent<'_>) -> Result<(), Self::Error> {
//!         println!("{}", String::from_utf8_lossy(event.message));
//!         Ok(())
//!     }
//! }
//!
//! let file = std::fs::File::open("flows.log.parquet")?;
//! let reader = ParquetReader::open(file, 48 * 1024 * 1024)?;
//! let rows = reader.read(&mut Print)?;
//! println!("{rows} rows");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Columns are found by name, in any order. A number may be stored as INT32, INT64, either of them unsigned, a double, or
//! text, through a dictionary or not: what is handed on is its decimal form, and whether that is a port is
//! `flowlogs-core`'s decision. Columns that flow logs have but the transcoder does not use, and columns it does not know,
//! keep their place as `-` and are not read at all.
//!
//! Row groups are read one after the other, all columns of one in step, through ranged reads of a [`ByteRanges`]: a file, or
//! an object in S3. At most one page and one dictionary of each column are in memory, never a column or a row group;
//! together they stay within the limit given to [`ParquetReader::open`], or the object is [`ParquetError::TooLarge`]. What the
//! footer describes comes on top: it is read whole, and is at most [`MAX_FOOTER`] octets.
//!
//! That bound is why there is a reader of pages here. Footer, levels and encodings are the library's; but its own pages
//! cannot be bounded from outside: it allocates what a page's header states, inflates gzip to its end whatever that is (a
//! thousand times the page's size), and expands delta-encoded texts by a count that it takes from the page. Its codecs
//! cannot be replaced, and there is no limit to set. So pages are found, unpacked and, where they are delta-encoded texts,
//! rewritten here, and handed to the library's column reader through its public `PageReader`. A smaller way with the same
//! bound was not found: to cap the size of packed pages leaves the factor, and to refuse what AWS does not write leaves
//! out objects that query engines have rewritten.
//!
//! | file | what it is about |
//! |---|---|
//! | `reader.rs` | [`ParquetReader`]: row groups become lines |
//! | `footer.rs`, `compact.rs` | the shape of the footer; Thrift, in which it is written |
//! | `columns.rs` | which columns there are, their names in the header line, how their values are written |
//! | `values.rs` | a batch of a column's values as text |
//! | `pages.rs`, `page_header.rs` | from ranged reads to pages, within the limit |
//! | `codec.rs`, `delta.rs` | a page's octets, unpacked within the limit |
//! | `ranges.rs` | where the octets come from: [`ByteRanges`] |
//! | `error.rs` | what can be wrong, and the guard around the library |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod codec;
mod columns;
mod compact;
mod delta;
mod error;
mod footer;
mod page_header;
mod pages;
mod ranges;
mod reader;
mod values;

pub use bytes::Bytes;

pub use error::{ParquetError, ParquetReadError};
pub use ranges::ByteRanges;
pub use reader::{MAX_FOOTER, ParquetReader};
