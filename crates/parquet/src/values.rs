//! Values of one column in one row group: batches of rows, each row with the cell of its value.

use std::ops::Range;
use std::sync::Arc;

use flowlogs_core::flowlog::{CellValue, RowColumn};
use flowlogs_source::MAX_LINE;
use parquet::basic::{ConvertedType, Repetition, Type};
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    BoolType, DataType, DoubleType, FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::errors::Result;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, Type as SchemaType};

use crate::columns::TextForm;
use crate::error::damage;
use crate::texts::{SharedTexts, TextPage};

/// Smallest time, in milliseconds, that is written in milliseconds. Earlier times, before 1973, are written in seconds,
/// because `flowlogs-core` tells the units apart by the size.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Text of a missing value.
const NO_VALUE: &[u8] = b"-";

/// Values of one column in one row group.
pub(crate) struct ColumnValues {
    stored: StoredColumn,
    form: TextForm,
    is_optional: bool,
    /// Definition level of each row: 1 with a value, 0 without.
    levels: Vec<i16>,
    cells: ColumnCells,
}

/// Cells of a column, and the cell of each row.
pub(crate) struct ColumnCells {
    pub(crate) column: RowColumn,
    /// Index of each row's cell.
    rows: Vec<u32>,
    /// Cell of a missing value, cells of the dictionary, cells of the batch.
    cells: Vec<CellValue>,
    /// Begin and end of each cell's text. Cells of numbers have none; the cell of a missing value has.
    ranges: Vec<(u32, u32)>,
    texts: Vec<u8>,
    /// Number of cells that stay when a batch ends, and octets of their texts.
    kept: (usize, usize),
}

/// Memory of a cell, without its text.
pub(crate) const CELL_OCTETS: usize = size_of::<CellValue>() + size_of::<(u32, u32)>();

/// Index of the cell of a missing value.
const MISSING: u32 = 0;

enum StoredColumn {
    // Numbers of a column of numbers or times.
    Int32(TypedReader<Int32Type>),
    Int64(TypedReader<Int64Type>),
    /// Indexes of texts.
    Text(TypedReader<Int32Type>, SharedTexts),
    // Values that become cells by way of their text.
    Int32AsText(TypedReader<Int32Type>),
    Int64AsText(TypedReader<Int64Type>),
    Int96(TypedReader<Int96Type>),
    Float(TypedReader<FloatType>),
    Double(TypedReader<DoubleType>),
    Bool(TypedReader<BoolType>),
}

struct TypedReader<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
}

impl ColumnValues {
    /// Prepares to read a column; `None` for a type without a text form.
    pub(crate) fn new(
        stored: &ColumnDescPtr,
        texts: SharedTexts,
        form: TextForm,
        column: RowColumn,
        pages: Box<dyn PageReader>,
    ) -> Option<Self> {
        let is_optional = stored.max_def_level() > 0;
        let stored = match stored.physical_type() {
            Type::INT32 if column.is_number() => {
                StoredColumn::Int32(TypedReader::new(stored, pages))
            }
            Type::INT64 if column.is_number() => {
                StoredColumn::Int64(TypedReader::new(stored, pages))
            }
            Type::INT32 => StoredColumn::Int32AsText(TypedReader::new(stored, pages)),
            Type::INT64 => StoredColumn::Int64AsText(TypedReader::new(stored, pages)),
            Type::INT96 => StoredColumn::Int96(TypedReader::new(stored, pages)),
            Type::FLOAT => StoredColumn::Float(TypedReader::new(stored, pages)),
            Type::DOUBLE => StoredColumn::Double(TypedReader::new(stored, pages)),
            Type::BOOLEAN => StoredColumn::Bool(TypedReader::new(stored, pages)),
            Type::BYTE_ARRAY => {
                StoredColumn::Text(TypedReader::new(&index_column(stored)?, pages), texts)
            }
            Type::FIXED_LEN_BYTE_ARRAY => return None,
        };
        Some(Self {
            stored,
            form,
            is_optional,
            levels: Vec::new(),
            cells: ColumnCells::new(column),
        })
    }

    /// Reads the next `rows` rows, which the column must have.
    pub(crate) fn read(&mut self, rows: usize) -> Result<()> {
        let Self {
            stored,
            form,
            is_optional,
            levels,
            cells,
        } = self;
        let form = *form;
        cells.begin_batch();
        let batch = RowBatch {
            rows,
            is_optional: *is_optional,
            levels,
        };
        match stored {
            StoredColumn::Int32(typed) => {
                batch.read_numbers(typed, cells, |&value| of_int32(value, form).ok())
            }
            StoredColumn::Int64(typed) => {
                batch.read_numbers(typed, cells, |&value| of_int64(value, form).ok())
            }
            StoredColumn::Text(typed, texts) => batch.read_texts(typed, texts, cells),
            StoredColumn::Int32AsText(typed) => batch.read_as_text(typed, cells, |value, texts| {
                push_integer(of_int32(*value, form), texts);
            }),
            StoredColumn::Int64AsText(typed) => batch.read_as_text(typed, cells, |value, texts| {
                push_integer(of_int64(*value, form), texts);
            }),
            StoredColumn::Int96(typed) => batch.read_as_text(typed, cells, |value, texts| {
                push_integer(of_int64(value.to_millis(), form), texts);
            }),
            StoredColumn::Float(typed) => batch.read_as_text(typed, cells, |value, texts| {
                push_float(f64::from(*value), texts);
            }),
            StoredColumn::Double(typed) => {
                batch.read_as_text(typed, cells, |value, texts| push_float(*value, texts))
            }
            StoredColumn::Bool(typed) => batch.read_as_text(typed, cells, |value, texts| {
                texts.extend_from_slice(if *value { b"true" } else { b"false" });
            }),
        }
    }

    /// Cells, and the cell of each row of the batch.
    pub(crate) fn cells(&self) -> &ColumnCells {
        &self.cells
    }

    /// Writes the text of a row's value.
    pub(crate) fn write_text(&self, row: usize, line: &mut Vec<u8>) {
        let cell = self.cells.rows[row];
        let number = cell.wrapping_sub(1) as usize; // number cells begin behind the missing one
        match &self.stored {
            _ if cell == MISSING => line.extend_from_slice(NO_VALUE),
            StoredColumn::Int32(typed) => {
                push_integer(of_int32(typed.values[number], self.form), line);
            }
            StoredColumn::Int64(typed) => {
                push_integer(of_int64(typed.values[number], self.form), line);
            }
            _ => line.extend_from_slice(self.cells.text(cell)),
        }
    }

    /// Memory of rows, texts and cells in octets; the cells of the dictionary are a part of the size of the
    /// dictionary's page.
    pub(crate) fn size(&self) -> usize {
        let ColumnCells {
            rows,
            cells,
            texts,
            kept,
            ..
        } = &self.cells;
        texts.capacity()
            + rows.capacity() * size_of::<u32>()
            + (cells.capacity() - kept.0) * CELL_OCTETS
    }
}

impl ColumnCells {
    fn new(column: RowColumn) -> Self {
        Self {
            rows: Vec::new(),
            cells: vec![column.missing()],
            ranges: vec![(0, 1)],
            texts: NO_VALUE.to_vec(),
            kept: (1, NO_VALUE.len()),
            column,
        }
    }

    /// Index of a row's cell: rows of a batch with the same index have the same value.
    #[inline]
    pub(crate) fn index(&self, row: usize) -> u32 {
        self.rows[row]
    }

    /// Cell with this index.
    #[inline]
    pub(crate) fn at(&self, index: u32) -> CellValue {
        self.cells[index as usize]
    }

    /// Text of a cell that is no number.
    pub(crate) fn text(&self, index: u32) -> &[u8] {
        let (begin, end) = self.ranges[index as usize];
        &self.texts[begin as usize..end as usize]
    }

    fn begin_batch(&mut self) {
        let (cells, octets) = self.kept;
        self.rows.clear();
        self.cells.truncate(cells);
        self.ranges.truncate(cells);
        self.texts.truncate(octets);
    }

    /// Adds cells for the texts of the dictionary, which stay until the row group ends.
    fn keep_dictionary(&mut self, dictionary: &TextPage) -> Result<()> {
        self.cells.reserve_exact(dictionary.count());
        self.ranges.reserve_exact(dictionary.count());
        for value in dictionary.texts() {
            self.add_text(|to| push_text(value, to))?;
        }
        self.kept = (self.cells.len(), self.texts.len());
        Ok(())
    }

    /// Index of the cell of a dictionary's text; `None` for the index of another text.
    #[inline]
    fn of_dictionary(&self, index: u32) -> Option<u32> {
        let cell = index.checked_add(1)?; // behind the missing one
        ((cell as usize) < self.kept.0).then_some(cell)
    }

    /// Adds the cells of numbers, and returns their indexes. `None`, a negative number, is unfit.
    fn add_numbers(&mut self, numbers: impl Iterator<Item = Option<u64>>) -> Result<Range<u32>> {
        let begin = self.cells.len();
        let column = &self.column;
        self.cells.extend(
            numbers.map(|number| {
                number.map_or(CellValue::UNFIT, |number| column.cell_of_number(number))
            }),
        );
        match (u32::try_from(begin), u32::try_from(self.cells.len())) {
            (Ok(begin), Ok(end)) => Ok(begin..end),
            _ => Err(damage("it has too many values")),
        }
    }

    /// Adds the cell of a text, and returns its index.
    fn add_text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<u32> {
        let begin = self.texts.len();
        write(&mut self.texts);
        let cell = self.column.cell_of_text(&self.texts[begin..]);
        let range = (u32::try_from(begin), u32::try_from(self.texts.len()));
        let (Ok(begin), Ok(end)) = range else {
            return Err(damage("its texts are too long"));
        };
        self.ranges.push((begin, end));
        self.add(cell)
    }

    fn add(&mut self, cell: CellValue) -> Result<u32> {
        let index = self.cells.len();
        self.cells.push(cell);
        u32::try_from(index).map_err(|_| damage("it has too many values"))
    }
}

impl<T: DataType> TypedReader<T> {
    fn new(column: &ColumnDescPtr, pages: Box<dyn PageReader>) -> Self {
        Self {
            reader: ColumnReaderImpl::new(column.clone(), pages),
            values: Vec::new(),
        }
    }
}

/// Column of indexes in the place of a column of texts.
fn index_column(texts: &ColumnDescPtr) -> Option<ColumnDescPtr> {
    let repetition = match texts.max_def_level() {
        0 => Repetition::REQUIRED,
        _ => Repetition::OPTIONAL,
    };
    let index = SchemaType::primitive_type_builder(texts.name(), Type::INT32)
        .with_repetition(repetition)
        .with_converted_type(ConvertedType::NONE)
        .build()
        .ok()?;
    let levels = (texts.max_def_level(), texts.max_rep_level());
    let path = texts.path().clone();
    let column = ColumnDescriptor::new(Arc::new(index), levels.0, levels.1, path);
    Some(Arc::new(column))
}

struct RowBatch<'a> {
    rows: usize,
    is_optional: bool,
    levels: &'a mut Vec<i16>,
}

impl RowBatch<'_> {
    /// Reads values, and adds the cell of a number for each.
    fn read_numbers<T: DataType>(
        mut self,
        typed: &mut TypedReader<T>,
        cells: &mut ColumnCells,
        number: impl Fn(&T::T) -> Option<u64>,
    ) -> Result<()> {
        self.read_values(typed)?;
        let mut indexes = cells.add_numbers(typed.values.iter().map(number))?;
        let cell_of = |row| self.value_of(row, &mut indexes).unwrap_or(MISSING);
        cells.rows.extend((0..self.rows).map(cell_of));
        Ok(())
    }

    /// Reads values that become cells by way of their text. Consecutive rows often share a value, and then a cell.
    fn read_as_text<T: DataType>(
        mut self,
        typed: &mut TypedReader<T>,
        cells: &mut ColumnCells,
        write: impl Fn(&T::T, &mut Vec<u8>),
    ) -> Result<()> {
        self.read_values(typed)?;
        let mut last: Option<(T::T, u32)> = None;
        self.fill(&typed.values, cells, |value, cells| match &last {
            Some((same, cell)) if same == value => Ok(*cell),
            _ => {
                let cell = cells.add_text(|text| write(value, text))?;
                last = Some((value.clone(), cell));
                Ok(cell)
            }
        })
    }

    /// Reads indexes of texts. The texts of the dictionary have cells that stay.
    fn read_texts(
        mut self,
        typed: &mut TypedReader<Int32Type>,
        shared: &SharedTexts,
        cells: &mut ColumnCells,
    ) -> Result<()> {
        shared.lock().forget_pages();
        self.read_values(typed)?;
        // The lock is not held while the library reads, because the source of pages takes the lock.
        let mut texts = shared.lock();
        if let Some(dictionary) = texts.take_dictionary() {
            cells.keep_dictionary(&dictionary)?;
        }
        let mut last: Option<(&[u8], u32)> = None;
        self.fill(&typed.values, cells, |index, cells| {
            let index = index.cast_unsigned();
            if let Some(cell) = cells.of_dictionary(index) {
                return Ok(cell);
            }
            let value = texts
                .text(index)
                .ok_or_else(|| damage("it has a value that is in no page"))?;
            match last {
                Some((same, cell)) if same == value => Ok(cell),
                _ => {
                    let cell = cells.add_text(|to| push_text(value, to))?;
                    last = Some((value, cell));
                    Ok(cell)
                }
            }
        })
    }

    fn read_values<T: DataType>(&mut self, typed: &mut TypedReader<T>) -> Result<()> {
        self.levels.clear();
        typed.values.clear();
        let TypedReader { reader, values } = typed;
        let (rows, _, _) = reader.read_records(self.rows, Some(self.levels), None, values)?;
        match rows == self.rows {
            true => Ok(()),
            false => Err(damage("the column ends before its row group does")),
        }
    }

    /// Returns the value of the next row: the next of the values, unless the row has none.
    #[inline]
    fn value_of<V>(&self, row: usize, values: &mut impl Iterator<Item = V>) -> Option<V> {
        let is_null = self.is_optional && self.levels.get(row) != Some(&1);
        if is_null { None } else { values.next() }
    }

    /// Notes the cell of each row.
    fn fill<V>(
        &self,
        values: &[V],
        cells: &mut ColumnCells,
        mut add: impl FnMut(&V, &mut ColumnCells) -> Result<u32>,
    ) -> Result<()> {
        let mut values = values.iter();
        for row in 0..self.rows {
            let cell = match self.value_of(row, &mut values) {
                None => MISSING,
                Some(value) => add(value, cells)?,
            };
            cells.rows.push(cell);
        }
        Ok(())
    }
}

/// Stored 32-bit integer as a line has it.
#[inline]
fn of_int32(value: i32, form: TextForm) -> std::result::Result<u64, i64> {
    match form {
        TextForm::Unsigned => Ok(value.cast_unsigned().into()),
        _ => in_line_units(value.into(), form),
    }
}

/// Stored 64-bit integer as a line has it.
#[inline]
fn of_int64(value: i64, form: TextForm) -> std::result::Result<u64, i64> {
    match form {
        TextForm::Unsigned => Ok(value.cast_unsigned()),
        _ => in_line_units(value, form),
    }
}

/// Signed integer in the units of a line: a time in milliseconds, before 1973 in seconds. A negative number is an `Err`.
#[inline]
fn in_line_units(value: i64, form: TextForm) -> std::result::Result<u64, i64> {
    let value = match form {
        TextForm::Time { in_millisecond } => match value.div_euclid(in_millisecond) {
            milliseconds @ 0..FIRST_MILLISECONDS => milliseconds / 1_000,
            milliseconds => milliseconds,
        },
        _ => value,
    };
    u64::try_from(value).map_err(|_| value)
}

/// Writes an integer in decimal.
fn push_integer(value: std::result::Result<u64, i64>, texts: &mut Vec<u8>) {
    match value {
        Ok(value) => push_number(value, texts),
        Err(negative) => push_number(negative, texts),
    }
}

/// Writes a number in decimal.
fn push_number(value: impl itoa::Integer, texts: &mut Vec<u8>) {
    texts.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a floating-point number. Some tools store an integer column with nulls as floating-point numbers, a null as NaN.
fn push_float(value: f64, texts: &mut Vec<u8>) {
    if value.is_nan() {
        return texts.extend_from_slice(NO_VALUE);
    }
    // Without an exponent, and without a point in a whole number.
    texts.extend_from_slice(value.to_string().as_bytes());
}

/// Writes a text. Space, tab, LF and CR would shift the columns behind the text and are percent-encoded, as AWS encodes tags.
/// An empty text is written as a missing value. Other control octets stay: the row is then read as a line.
fn push_text(value: &[u8], texts: &mut Vec<u8>) {
    if value.is_empty() {
        return texts.extend_from_slice(NO_VALUE);
    }
    // Further octets cannot matter: the line is too long already.
    let value = value.get(..=MAX_LINE).unwrap_or(value);
    if !value.iter().any(u8::is_ascii_whitespace) {
        return texts.extend_from_slice(value);
    }
    for octet in value {
        match octet {
            b' ' => texts.extend_from_slice(b"%20"),
            b'\t' => texts.extend_from_slice(b"%09"),
            b'\n' => texts.extend_from_slice(b"%0A"),
            b'\r' => texts.extend_from_slice(b"%0D"),
            _ => texts.push(*octet),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut texts = Vec::new();
        write(&mut texts);
        String::from_utf8(texts).expect("ASCII")
    }

    proptest! {
        #[test]
        fn numbers_are_written_in_decimal(signed: i64, unsigned: u64) {
            prop_assert_eq!(written(|text| push_integer(of_int64(signed, TextForm::Signed), text)), signed.to_string());
            prop_assert_eq!(written(|texts| push_number(unsigned, texts)), unsigned.to_string());
        }
    }

    #[test]
    fn times_are_milliseconds_and_before_1973_seconds() {
        let time = |value, in_millisecond| {
            let value = of_int64(value, TextForm::Time { in_millisecond });
            written(|text| push_integer(value, text))
        };
        assert_eq!(time(1_418_530_010_123, 1), "1418530010123");
        assert_eq!(time(1_418_530_010_123_999, 1_000), "1418530010123");
        assert_eq!(time(1_418_530_010_123_999_999, 1_000_000), "1418530010123");
        assert_eq!(time(86_400_000, 1), "86400");
        assert_eq!(time(-5, 1), "-5");
    }

    #[test]
    fn white_space_in_a_text_does_not_shift_the_columns() {
        let text = |value: &[u8]| written(|texts| push_text(value, texts));
        assert_eq!(text(b"web server\n"), "web%20server%0A");
        assert_eq!(text(b"-"), "-");
        assert_eq!(text(b""), "-");
        assert_eq!(text(b"a%20b"), "a%20b");
    }

    #[test]
    fn floating_point_numbers_that_are_whole_look_whole() {
        let float = |value| written(|texts| push_float(value, texts));
        assert_eq!(float(443.0), "443");
        assert_eq!(float(1e15), "1000000000000000");
        assert_eq!(float(0.5), "0.5");
        assert_eq!(float(f64::NAN), "-");
    }

    #[test]
    fn a_text_without_end_is_cut() {
        assert_eq!(
            written(|texts| push_text(&[b'x'; 200_000], texts)).len(),
            MAX_LINE + 1
        );
    }
}
