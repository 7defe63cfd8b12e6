//! Meaning of a line: the field table, formats compiled into column plans, and the typed record.
//!
//! Hands [`FlowRecord`]s to the stages that decide ([`crate::dedup`]) and encode (`encode.rs`, [`crate::mapping`]). These
//! stages read values by field. The line itself is read again in three places: the cache of contexts compares the octets of
//! the identifier columns (`FlowRecord::identifiers`), rule 2 of deduplication asks whether the line fits the format of
//! another flow log (`LogFormat::resembles_line`), and a report shows the line (`FlowRecord::sample`).
//!
//! # How a line is read
//!
//! A format is compiled once into a `ColumnPlan`: a list of columns for each kind of value, and the columns of the prefix. A
//! line of the format `${version} ${account-id} ${interface-id} ${srcaddr} ${bytes} ${start} ${action}`:
//!
//! ```text
//! 2 123456789012 eni-0a1b2c3d4e5f60718 10.0.0.5 840 1418530010 ACCEPT
//! 0 2            15                    37       46  50         61      68     starts of the tokens
//! └────────── prefix, 37 octets ──────┘
//! ```
//!
//! 1. [`Formats`] (`formats.rs`) picks the format: the header's, else the candidate that took the previous line. Where
//!    another candidate has equally many columns (a rival), the patterns of the columns decide for each line
//!    (`Formats::choose`), and the line is read without the caches of plan and prefix.
//! 2. `prefix` compares the first 37 octets with the previous line's. If they are equal, or equally spaced, three token
//!    offsets and the presence of two texts are known already. The prefix has a key, which an equal prefix of an earlier
//!    line mostly had as well: by the key, the cache of contexts finds the context.
//! 3. `tokens` finds the remaining spaces, 64 octets at a time, and writes the start of each token.
//! 4. `columns` walks the plan's lists: numbers (`bytes`: token 4, slot of `bytes`), times, addresses, texts, words. A
//!    number is converted by `scan`, usual ones four at a time, times two at a time; a text stays a pair of offsets. A `-`
//!    takes the field out of the set of present fields.
//! 5. [`FlowRecord`] looks the values up by field: field → slot (a constant table of `plan`) → value.
//!
//! If a column does not fit, the line is read again column by column (`ColumnValues::fault`), for the error alone.
//!
//! Caches, all in [`RecordValues`], [`Formats`] and [`RowValues`]:
//!
//! | cache | key | cleared by |
//! |---|---|---|
//! | plan of the previous line (`RecordValues::plan`) | identity of the plan | a line of another format, `RecordValues::tokens` |
//! | prefix (`LinePrefix`): octets, token offsets, present fields | octets of the prefix, or their spaces and dashes | another plan, a line with other spacing |
//! | keys of prefixes (`PrefixKeys`, `FlowRecord::identifier_key`) | octets of the prefix | another prefix in the same place |
//! | normalized copy of the line | none: one line | every line |
//! | last candidate (`Formats::last`) | none: an index | a line that fits another candidate better |
//! | texts of a row (`RowValues::set_texts`): octets, offsets, key of the identifiers | none: the caller calls `set_texts` only for a row with other texts | the next call |
//! | header | none | the next object ([`Formats::begin_object`]), another header |
//! | format of the last header of an earlier object (`Formats::earlier_header`) | names of the columns | another header |
//!
//! No cache of this folder depends on the inventory or on a setting. After
//! [`Transcoder::set_inventory`](crate::Transcoder::set_inventory), a [`SourceCache`](crate::SourceCache) makes the sources
//! with their `Formats` anew.
//!
//! To add a kind of column: a variant of [`ColumnType`](field::ColumnType), a list or an option of `ColumnPlan` with its
//! case in `ColumnPlan::add`, a store in `plan.rs` if values of the kind have slots, its reader in `ColumnValues` (called
//! in `read` and, if it can fail, in `column`), an accessor of `FlowRecord`, a pattern in `format.rs`, a case in the
//! slow twin, and the cells of rows in `row.rs`, where the compiler does not ask for a new kind (`RowColumn::missing`,
//! `cell_of_text`).
//!
//! A row of a columnar file (Parquet) becomes a record without a line: `row.rs`.
//!
//! Slow twins, with which tests compare random input: `naive` in `record.rs` (a whole line) and `tokens.rs` (offsets),
//! `std`'s `parse` in `scan.rs`, fresh storage in `prefix.rs`, and the reader of lines in `row.rs`.

mod columns;
mod compare;
mod documented;
pub mod field;
mod format;
mod formats;
mod mismatch;
mod plan;
mod prefix;
mod record;
mod row;
mod scan;
#[cfg(test)]
mod testing;
mod tokens;
mod words;

pub use columns::RecordValues;
pub(crate) use compare::are_equal;
pub use field::{FIELDS, Field, FieldSet, FieldSpec};
pub use format::{FormatError, LogFormat, RecordKind};
pub use formats::{Formats, HeaderLine, MAX_CANDIDATES};
pub use mismatch::{LineMismatch, NearestFormat};
pub(crate) use plan::{ColumnPlan, slot};
pub use record::FlowRecord;
pub use row::{CellValue, RowColumn, RowValues};
pub(crate) use words::LAST_MILLISECOND;
pub use words::{
    FlowAction, FlowDirection, LogStatus, MAX_COLUMNS, MAX_LINE, ParseError, ParseProblem,
    RejectReason,
};
