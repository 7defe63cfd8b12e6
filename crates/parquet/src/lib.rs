//! Rows of Parquet flow-log objects → records.
//!
//! Values go into the record of [`flowlogs_core`](flowlogs_core::flowlog::RowValues) without a line of text. A value of a
//! dictionary is converted once, by the parser of lines, so a flow is the same record in both kinds of object. A row with a
//! value that its field cannot have is handed on as the line that AWS would have written into a text object, and the parser
//! of lines names the fault. [`ParquetReader::read_lines`] hands on every row as a line:
//!
//! ```no_run
//! use flowlogs_parquet::ParquetReader;
//! use flowlogs_source::{DeliveredLine, LineOrigin, LineSink};
//!
//! struct Print;
//!
//! impl LineSink for Print {
//!     type Error = std::convert::Infallible;
//!     fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!     fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Self::Error> {
//!         println!("{}", String::from_utf8_lossy(line.text));
//!         Ok(())
//!     }
//! }
//!
//! let file = std::fs::File::open("flows.log.parquet")?;
//! let reader = ParquetReader::open(file, 48 * 1024 * 1024)?;
//! let rows = reader.read_lines(&mut Print)?;
//! println!("{rows} rows");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Columns are found by name, in any order. A number may be stored as INT32, INT64 (signed or unsigned), INT96 (a time),
//! float, double or text, with a dictionary or without; `flowlogs-core` decides whether it fits its field.
//! Columns that the transcoder does not use keep their position as `-` and are not read.
//!
//! Row groups are read in sequence, with all columns of a group in step, through ranged reads of a [`ByteRanges`]: a file,
//! or an object in S3. Of each column, one dictionary and the pages of a batch of rows are in memory, never a column or a
//! row group; all of them together stay within the limit given to [`ParquetReader::open`], or the object is
//! [`ParquetError::TooLarge`]. The parsed footer comes on top, and takes several times the octets of the footer (at most
//! [`MAX_FOOTER`]).
//!
//! This bound is the reason for a reader of pages here. Footer, levels and encodings are the library's work, but the
//! library's pages cannot be bounded from outside: the library allocates what a page's header states, and inflates gzip to
//! the end, up to a thousand times the page's size. The codecs of the library cannot be replaced, and there is no limit to
//! set. Pages are therefore found and unpacked here, and handed to the library's column reader through the public
//! `PageReader`. Text columns are handed over as indexes of their texts, because the library allocates a value for each
//! row's text. Texts in a delta encoding, which the library expands by a count in the page and no writer of flow logs uses,
//! are refused ([`ParquetError::Encoding`]).
//!
//! | file | content |
//! |---|---|
//! | `reader.rs` | [`ParquetReader`]: row groups → rows |
//! | `rows.rs` | [`RowSink`]; row → record or line |
//! | `footer.rs`, `compact.rs` | check of the footer; Thrift, its encoding |
//! | `columns.rs` | columns, their names in the header line, the text form of their values |
//! | `values.rs` | batch of a column's values as cells of the record |
//! | `texts.rs` | texts of a column, and the indexes that the library reads in their place |
//! | `pages.rs`, `page_header.rs` | ranged reads → pages, within the limit |
//! | `codec.rs` | octets of a page, unpacked within the limit |
//! | `ranges.rs` | [`ByteRanges`], the source of octets |
//! | `error.rs` | errors, and the guard around the library |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod codec;
mod columns;
mod compact;
mod error;
mod footer;
mod page_header;
mod pages;
mod ranges;
mod reader;
mod rows;
mod texts;
mod values;

pub use bytes::Bytes;

pub use error::{ParquetError, ParquetReadError};
pub use ranges::ByteRanges;
pub use reader::{MAX_FOOTER, ParquetReader};
pub use rows::RowSink;
