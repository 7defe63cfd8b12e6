//! Rows of a columnar file: typed values become a record without a line.
//!
//! The columns of such a file repeat few values. The caller converts a value once, into a [`CellValue`], and sets the cell
//! in the record of each row with the value. [`RowColumn::cell_of_text`] applies the reader of lines to a line of one
//! column, so the records of both kinds of file are equal. A row with a [`CellValue::UNFIT`] value has no record: the
//! caller writes the row as a line, and the reader of lines reads the row or names the fault.
//!
//! ```text
//! format   ${interface-id} ${srcaddr} ${bytes} ${vpc-id}
//! texts    eni-0a1b2c3d4e5f60718 vpc-0123456789abcdef0␣     the text columns, a space after each
//!          0                     22                          starts of their tokens
//! ```
//!
//! The texts are the only cache: [`RowValues::set_texts`] replaces all texts, and is not called for a row with the texts of
//! the row before.

use std::num::NonZeroU64;
use std::sync::Arc;

use crate::network::Address;

use super::columns::{ColumnValues, RecordValues, WordValues};
use super::field::{ColumnType, FieldSet};
use super::format::LogFormat;
use super::plan::{ADDRESSES, ColumnPlan, NUMBERS, PlannedColumn, TEXTS};
use super::record::FlowRecord;
use super::tokens::Token;
use super::words::{MAX_LINE, milliseconds};

/// Longest text of a cell, in octets. A record has fewer than 128 text columns, so the texts that fit stay below
/// [`MAX_LINE`]; a row with a longer text is read as a line.
const MAX_TEXT: usize = MAX_LINE / 128;

/// Value of a cell, as the record stores the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellValue(Cell);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// No value. A column of words has default words instead, which replace the word of the row before.
    Missing,
    Number(u64),
    Address(Address),
    Words(WordValues),
    Text,
    Unfit,
}

impl CellValue {
    /// Value that no record of a row has: impossible for the field, empty, longer than 511 octets, or with a space or
    /// control octet.
    pub const UNFIT: Self = Self(Cell::Unfit);

    /// Returns whether a record of a row can have the value.
    #[inline]
    pub fn fits(self) -> bool {
        self.0 != Cell::Unfit
    }
}

/// Column of a file, for the conversion of its values.
#[derive(Debug)]
pub struct RowColumn {
    planned: PlannedColumn,
    column_type: ColumnType,
    is_identifier: bool,
    /// Plan of a line with this column alone.
    alone: Arc<ColumnPlan>,
    /// Storage of such a line.
    values: RecordValues,
}

impl RowColumn {
    /// Returns whether the column holds numbers or times.
    pub fn is_number(&self) -> bool {
        matches!(
            self.column_type,
            ColumnType::Number { .. } | ColumnType::Time
        )
    }

    /// Returns whether the column holds texts that the record keeps as they are ([`RowValues::set_texts`]).
    pub fn is_text(&self) -> bool {
        matches!(self.column_type, ColumnType::Text(_))
    }

    /// Returns whether the column is an identifier column: account, region, interface, instance, VPC, gateway.
    pub fn is_identifier(&self) -> bool {
        self.is_identifier
    }

    /// Cell of a row without a value.
    pub fn missing(&self) -> CellValue {
        CellValue(match self.column_type {
            ColumnType::Action
            | ColumnType::Status
            | ColumnType::Direction
            | ColumnType::RejectReason => Cell::Words(WordValues::default()),
            _ => Cell::Missing,
        })
    }

    /// Cell of a number; times are in seconds or milliseconds, as in a line. Unfit in a column of another kind.
    #[inline]
    pub fn cell_of_number(&self, number: u64) -> CellValue {
        let value = match self.column_type {
            ColumnType::Time => milliseconds(number),
            _ => number,
        };
        match self.is_number() && value <= self.planned.max {
            true => CellValue(Cell::Number(value)),
            false => CellValue::UNFIT,
        }
    }

    /// Cell of a text, as the text would stand in a line.
    pub fn cell_of_text(&mut self, text: &[u8]) -> CellValue {
        let separates = |octet: &u8| *octet <= b' ' || *octet == 0x7f;
        if text.is_empty() || text.len() > MAX_TEXT || text.iter().any(separates) {
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
        CellValue(match self.column_type {
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
    /// Text columns in the order of the file, a space after each.
    texts: Vec<u8>,
    /// Fields of text columns without a value.
    missing_texts: FieldSet,
    /// Key of the identifier columns: how often they changed.
    identifier_key: u64,
}

impl RowValues {
    /// Storage for records of a format.
    pub fn new(format: LogFormat) -> Self {
        Self {
            format: format.with_own_plan(),
            columns: ColumnValues::default(),
            texts: Vec::new(),
            missing_texts: FieldSet::EMPTY,
            identifier_key: 0,
        }
    }

    /// Column of the format with this index, from 0; `None` if the column is not read: an unknown name, a skipped field,
    /// the second column of a field.
    pub fn column(&self, index: usize) -> Option<RowColumn> {
        let plan = self.format.plan();
        let token = u16::try_from(index).ok()?;
        let planned = *plan.columns().find(|planned| planned.token == token)?;
        Some(RowColumn {
            planned,
            column_type: planned.field.row().column_type,
            is_identifier: ColumnPlan::is_identifier(planned.field),
            alone: Arc::new(ColumnPlan::new(vec![Some(planned.field)])),
            values: RecordValues::default(),
        })
    }

    /// Begins a row with the texts set last. The order is [`set_texts`](Self::set_texts) if a text changed, `begin_row`,
    /// then [`set`](Self::set) for every other column.
    #[inline]
    pub fn begin_row(&mut self) {
        self.columns.present = self.format.plan().read.difference(self.missing_texts);
    }

    /// Sets a column that is not a text. After an unfit value the record of this row means nothing.
    #[inline]
    pub fn set(&mut self, column: &RowColumn, value: CellValue) {
        let PlannedColumn { slot, set, .. } = column.planned;
        let slot = usize::from(slot);
        let values = &mut self.columns;
        match value.0 {
            Cell::Number(number) => values.numbers[slot % NUMBERS] = number,
            Cell::Address(address) => values.addresses.set(slot % ADDRESSES, address),
            Cell::Words(words) => {
                if !values.words.set_word(column.column_type, words) {
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

    /// Sets all text columns, in the order of the file, from one text for each. `is_new_identity` is false if the identifier
    /// columns ([`RowColumn::is_identifier`]) are those of the row before.
    pub fn set_texts<'t>(&mut self, texts: impl Iterator<Item = &'t [u8]>, is_new_identity: bool) {
        self.identifier_key += u64::from(is_new_identity);
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
        self.columns.identifier_key = NonZeroU64::new(self.identifier_key);
    }

    /// Record of the row.
    #[inline]
    pub fn record(&self) -> FlowRecord<'_> {
        FlowRecord::of_row(&self.format, &self.texts, &self.columns)
    }
}

/// Offset in the texts. Texts that do not fit are set as well, and all of them stay far below 4 GiB.
fn position(length: usize) -> u32 {
    u32::try_from(length).expect("the texts of a row have less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::super::field::{FIELD_COUNT, FIELDS, Field};
    use super::super::testing::token_of;
    use super::super::words::FIRST_MILLISECONDS;
    use super::*;

    /// Everything that a record says, by field.
    fn contents(record: &FlowRecord<'_>) -> String {
        let value = |field: Field| {
            let address = record.address(field).map(IpAddr::from);
            let text = record.text(field).map(String::from_utf8_lossy);
            format!("{field:?} {:?} {address:?} {text:?}", record.number(field))
        };
        let values: Vec<String> = record.present().iter().map(value).collect();
        let words = (record.action(), record.direction(), record.status());
        let others = (record.reject_reason(), record.has_unknown_direction());
        let identifiers: Vec<_> = record.identifiers().map(String::from_utf8_lossy).collect();
        let numbers = record.numbers();
        format!(
            "{values:?} {words:?} {others:?} {identifiers:?} {numbers:?} {:?}",
            record.interface_id()
        )
    }

    /// Record of the row, converted text by text, or `None` if a value does not fit.
    fn row<'v>(values: &'v mut RowValues, tokens: &[&str]) -> Option<FlowRecord<'v>> {
        let mut columns: Vec<_> = (0..tokens.len())
            .filter_map(|index| Some((values.column(index)?, tokens[index])))
            .collect();
        let cells = columns.iter_mut();
        let cells: Vec<_> = cells
            .map(|(column, token)| column.cell_of_text(token.as_bytes()))
            .collect();
        if !cells.iter().all(|cell| cell.fits()) {
            return None;
        }
        let texts = columns.iter().filter(|(column, _)| column.is_text());
        values.set_texts(texts.map(|(_, token)| token.as_bytes()), true);
        values.begin_row();
        for ((column, _), cell) in columns.iter().zip(cells) {
            if !column.is_text() {
                values.set(column, cell);
            }
        }
        Some(values.record())
    }

    proptest! {
        #[test]
        fn a_row_is_the_record_of_its_line(
            columns in prop::collection::vec((0..FIELD_COUNT).prop_flat_map(|index| {
                let field = FIELDS[index].field;
                (Just(field), prop::collection::vec(token_of(field), 3))
            }), 1..30),
        ) {
            let names: Vec<String> = columns.iter().map(|(field, _)| format!("${{{}}}", field.row().name)).collect();
            let format = LogFormat::parse(&format!("{} ${{bytes}}", names.join(" "))).expect("known names");
            let mut values = RowValues::new(format.clone());
            let mut of_line = RecordValues::default();
            for number in 0..3 {
                let tokens = columns.iter().map(|(_, tokens)| tokens[number].as_str());
                let tokens: Vec<&str> = tokens.chain(["7"]).collect();
                let line = tokens.join(" ");
                let from_line = FlowRecord::parse(&format, line.as_bytes(), &mut of_line).ok();
                let from_line = from_line.map(|record| contents(&record));
                let from_row = row(&mut values, &tokens).map(|record| contents(&record));
                prop_assert_eq!(from_row, from_line, "{}", line);
            }
        }

        #[test]
        fn a_number_is_the_cell_of_its_text(index in 0..FIELD_COUNT, number in prop_oneof![any::<u64>(), 0_u64..70_000]) {
            let format = LogFormat::parse(&format!("${{{}}} ${{bytes}}", FIELDS[index].name)).expect("known names");
            let column = RowValues::new(format).column(0);
            if let Some(mut column) = column.filter(RowColumn::is_number) {
                prop_assert_eq!(column.cell_of_number(number), column.cell_of_text(number.to_string().as_bytes()));
            }
        }
    }

    #[test]
    fn what_no_line_holds_in_a_column_does_not_fit() {
        let format = LogFormat::parse("${bytes} ${instance-tag}").expect("known names");
        let mut columns =
            [0, 1].map(|index| RowValues::new(format.clone()).column(index).expect("read"));
        for text in [
            &b""[..],
            b"1 2",
            b" 1",
            b"1\n",
            b"\x7f",
            &[b'1'; MAX_TEXT + 1],
        ] {
            for column in &mut columns {
                assert!(!column.cell_of_text(text).fits(), "{text:?}");
            }
        }
        assert!(!columns[1].cell_of_number(1).fits(), "a text is no number");
        assert!(columns[1].cell_of_text(&[b'1'; MAX_TEXT]).fits());
    }

    #[test]
    fn times_are_seconds_up_to_the_first_milliseconds() {
        let format = LogFormat::parse("${start} ${bytes}").expect("known names");
        let column = RowValues::new(format).column(0).expect("read");
        for (number, milliseconds) in [
            (1_418_530_010, 1_418_530_010_000),
            (FIRST_MILLISECONDS, FIRST_MILLISECONDS),
        ] {
            let expected = CellValue(Cell::Number(milliseconds));
            assert_eq!(column.cell_of_number(number), expected, "{number}");
        }
    }

    #[test]
    fn account_interface_vpc_and_gateway_columns_are_identifiers() {
        let names = [
            "account-id",
            "interface-id",
            "vpc-id",
            "tgw-id",
            "instance-tag",
            "bytes",
        ];
        let format =
            LogFormat::parse(&format!("${{{}}}", names.join("} ${"))).expect("known names");
        let values = RowValues::new(format);
        let identifiers = names.iter().enumerate().filter(|(index, _)| {
            let column = values.column(*index).expect("read");
            column.is_identifier()
        });
        let identifiers: Vec<_> = identifiers.map(|(_, name)| *name).collect();
        assert_eq!(identifiers, names[..4]);
    }

    #[test]
    fn a_sample_names_the_values_of_a_row_and_is_the_line_of_a_line() {
        let format = LogFormat::parse("${bytes} ${srcaddr} ${interface-id} ${vpc-id}");
        let format = format.expect("known names");
        let tokens = ["7", "10.0.0.1", "eni-1", "-"];
        let mut values = RowValues::new(format.clone());
        let sample = row(&mut values, &tokens).expect("fits").sample();
        let mut names: Vec<_> = sample.split(|&octet| octet == b' ').collect();
        names.sort_unstable();
        let expected = [&b"bytes=7"[..], b"interface-id=eni-1", b"srcaddr=10.0.0.1"];
        assert_eq!(names, expected);

        let line = tokens.join(" ");
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
        assert_eq!(*record.expect("a record").sample(), *line.as_bytes());
    }

    #[test]
    fn the_key_changes_with_the_identifiers() {
        let format =
            LogFormat::parse("${interface-id} ${instance-tag} ${bytes}").expect("known names");
        let mut values = RowValues::new(format);
        let mut key = |texts: [&str; 2], is_new_identity| {
            values.set_texts(texts.iter().map(|text| text.as_bytes()), is_new_identity);
            values.record().identifier_key().expect("a key")
        };
        let first = key(["eni-1", "a"], true);
        assert_eq!(key(["eni-1", "b"], false), first);
        assert_ne!(key(["eni-2", "b"], true), first);
    }
}
