//! Rows of a columnar file: typed values become a record without a line.
//!
//! The columns of such a file repeat few values. A value is converted once, into a [`CellValue`], and then set in the record of
//! each row that has the value. [`RowColumn::cell_of_text`] is the reader of lines, applied to a line of one column, so the
//! records of both kinds of file are equal. A row with a [`CellValue::UNFIT`] value has no record: the caller writes the
//! row as a line, and the reader of lines finds the fault.
//!
//! ```text
//! format   ${interface-id} ${srcaddr} ${bytes} ${vpc-id}
//! texts    eni-0a1b2c3d4e5f60718 vpc-0123456789abcdef0␣     the text columns, a space behind each
//!          0                     22                          starts of their tokens
//! ```
//!
//! The texts are the only cache: [`RowValues::set_texts`] replaces them, and the caller leaves them where the texts of a row are
//! those of the row before.

use std::sync::Arc;

use crate::network::Address;

use super::columns::{ColumnValues, RecordValues, WordValues};
use super::field::{ColumnType, FieldSet};
use super::format::LogFormat;
use super::plan::{ADDRESSES, ColumnPlan, NUMBERS, PlannedColumn, TEXTS};
use super::record::FlowRecord;
use super::tokens::Token;
use super::words::{FIRST_MILLISECONDS, MAX_LINE};

/// Longest text of a cell, in octets. The texts of a row are then shorter than a line may be; a row with a longer text is
/// read as a line.
const MAX_TEXT: usize = MAX_LINE / 128;

/// Value of a column in the form of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellValue(Cell);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Missing,
    Number(u64),
    Address(Address),
    Words(WordValues),
    Text,
    Unfit,
}

impl CellValue {
    /// Value that the field cannot have.
    pub const UNFIT: Self = Self(Cell::Unfit);

    /// Tells whether the field can have the value.
    #[inline]
    pub fn fits(self) -> bool {
        self.0 != Cell::Unfit
    }
}

/// Column of a file, for the conversion of its values.
#[derive(Debug)]
pub struct RowColumn {
    planned: PlannedColumn,
    kind: ColumnType,
    is_identifier: bool,
    /// Plan of a line with this column alone.
    alone: Arc<ColumnPlan>,
    /// Storage of such a line.
    values: RecordValues,
}

impl RowColumn {
    /// Tells whether the column holds numbers or times.
    pub fn is_number(&self) -> bool {
        matches!(self.kind, ColumnType::Number { .. } | ColumnType::Time)
    }

    /// Tells whether the column holds texts that the record keeps as they are ([`RowValues::set_texts`]).
    pub fn is_text(&self) -> bool {
        matches!(self.kind, ColumnType::Text(_))
    }

    /// Tells whether the column helps to identify the interface or attachment.
    pub fn is_identifier(&self) -> bool {
        self.is_identifier
    }

    /// Cell of a row without a value.
    pub fn missing(&self) -> CellValue {
        CellValue(match self.kind {
            ColumnType::Action
            | ColumnType::Status
            | ColumnType::Direction
            | ColumnType::RejectReason => Cell::Words(WordValues::default()),
            _ => Cell::Missing,
        })
    }

    /// Cell of a number; times are in seconds or milliseconds, as in a line. For columns of numbers only.
    #[inline]
    pub fn cell_of_number(&self, number: u64) -> CellValue {
        let value = match self.kind {
            ColumnType::Time if number < FIRST_MILLISECONDS => number * 1_000,
            _ => number,
        };
        match self.is_number() && value <= self.planned.max {
            true => CellValue(Cell::Number(value)),
            false => CellValue::UNFIT,
        }
    }

    /// Cell of a text, as the text would stand in a line.
    pub fn cell_of_text(&mut self, text: &[u8]) -> CellValue {
        let is_control = |octet: &u8| *octet <= b' ' || *octet == 0x7f;
        if text.is_empty() || text.len() > MAX_TEXT || text.iter().any(is_control) {
            return CellValue::UNFIT;
        }
        if text == b"-" {
            return self.missing();
        }
        if self.is_text() {
            return CellValue(Cell::Text);
        }
        if self.values.read(&self.alone, text).is_err() {
            return CellValue::UNFIT;
        }
        let values = self.values.columns();
        let slot = usize::from(self.planned.slot);
        CellValue(match self.kind {
            ColumnType::Number { .. } | ColumnType::Time => Cell::Number(values.numbers[slot]),
            ColumnType::Address => Cell::Address(values.addresses.get(slot)),
            _ => Cell::Words(values.words),
        })
    }
}

/// Storage for the record of a row, reused from row to row.
#[derive(Debug)]
pub struct RowValues {
    format: LogFormat,
    columns: ColumnValues,
    /// Text columns in the order of the file, a space behind each.
    texts: Vec<u8>,
    /// Fields of text columns without a value.
    missing_texts: FieldSet,
    /// Number of changes of the identifier columns.
    generation: u64,
}

impl RowValues {
    /// Storage for records of a format.
    pub fn new(format: LogFormat) -> Self {
        Self {
            format,
            columns: ColumnValues::default(),
            texts: Vec::new(),
            missing_texts: FieldSet::EMPTY,
            generation: 0,
        }
    }

    /// Column of the format with this index, from 0; `None` if no record uses the column.
    pub fn column(&self, index: usize) -> Option<RowColumn> {
        let plan = self.format.plan();
        let token = u16::try_from(index).ok()?;
        let planned = *plan.columns().find(|planned| planned.token == token)?;
        Some(RowColumn {
            planned,
            kind: planned.field.row().read,
            is_identifier: ColumnPlan::is_identifier(planned.field),
            alone: Arc::new(ColumnPlan::new(vec![Some(planned.field)])),
            values: RecordValues::default(),
        })
    }

    /// Begins the next row: its text columns are those of the row before, and the caller sets every other column.
    #[inline]
    pub fn begin_row(&mut self) {
        self.columns.present = self.format.plan().read.difference(self.missing_texts);
    }

    /// Sets a column that is not a text.
    #[inline]
    pub fn set(&mut self, column: &RowColumn, value: CellValue) {
        let PlannedColumn { slot, set, .. } = column.planned;
        let slot = usize::from(slot);
        let values = &mut self.columns;
        match value.0 {
            Cell::Number(number) => values.numbers[slot % NUMBERS] = number,
            Cell::Address(address) => values.addresses.set(slot % ADDRESSES, address),
            Cell::Words(words) => {
                if !values.words.take(column.kind, words) {
                    values.present = values.present.difference(set);
                }
            }
            Cell::Missing | Cell::Text | Cell::Unfit => {
                values.present = values.present.difference(set);
                if column.is_number() {
                    values.numbers[slot % NUMBERS] = 0; // as for a dash in a line
                }
            }
        }
    }

    /// Sets all text columns, in the order of the file, from the texts of their cells. `is_new_identity` is false if the
    /// identifier columns ([`RowColumn::is_identifier`]) are those of the row before.
    pub fn set_texts<'t>(&mut self, texts: impl Iterator<Item = &'t [u8]>, is_new_identity: bool) {
        self.generation += u64::from(is_new_identity);
        self.texts.clear();
        self.missing_texts = FieldSet::EMPTY;
        let plan = self.format.plan();
        for (column, text) in plan.texts.iter().zip(texts) {
            let start = position(self.texts.len());
            self.texts.extend_from_slice(text);
            self.texts.push(b' ');
            if text == b"-" {
                self.missing_texts = self.missing_texts.union(column.set);
            }
            self.columns.texts[usize::from(column.slot) % TEXTS] = Token {
                start,
                next: position(self.texts.len()),
            };
        }
        self.columns.generation = Some(self.generation);
    }

    /// Record of the row.
    #[inline]
    pub fn record(&self) -> FlowRecord<'_> {
        FlowRecord::of_row(&self.format, &self.texts, &self.columns)
    }
}

/// Offset in the texts, of which every text has at most [`MAX_TEXT`] octets.
fn position(length: usize) -> u32 {
    u32::try_from(length).expect("texts are shorter than a line may be")
}
