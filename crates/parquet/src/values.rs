//! Batch of a column's values in the text form of a text object.

use flowlogs_source::MAX_LINE;
use parquet::basic::Type;
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;

use crate::columns::TextForm;
use crate::error::damage;

/// Smallest time, in milliseconds, that is written in milliseconds. Earlier times, before 1973, are written in seconds,
/// because `flowlogs-core` tells the units apart by the size.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Text of a missing value.
const NO_VALUE: &[u8] = b"-";

/// Texts of a batch, one for each row. Rows with equal values share a text.
#[derive(Debug, Default)]
pub(crate) struct BatchTexts {
    octets: Vec<u8>,
    /// Begin and end of each row's text.
    ranges: Vec<(usize, usize)>,
}

impl BatchTexts {
    /// Text of a row.
    pub(crate) fn of_row(&self, row: usize) -> &[u8] {
        let (begin, end) = self.ranges[row];
        &self.octets[begin..end]
    }

    /// Memory in octets.
    pub(crate) fn size(&self) -> usize {
        self.octets.capacity() + self.ranges.capacity() * size_of::<(usize, usize)>()
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.ranges.clear();
    }
}

/// Values of one column in one row group.
pub(crate) struct ColumnValues {
    stored: TypedColumn,
    form: TextForm,
    optional: bool,
    /// Definition level of each row: 1 with a value, 0 without.
    levels: Vec<i16>,
    pub(crate) texts: BatchTexts,
}

enum TypedColumn {
    Int32(TypedReader<Int32Type>),
    Int64(TypedReader<Int64Type>),
    Int96(TypedReader<Int96Type>),
    Float(TypedReader<FloatType>),
    Double(TypedReader<DoubleType>),
    Bool(TypedReader<BoolType>),
    Text(TypedReader<ByteArrayType>),
}

struct TypedReader<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
}

impl ColumnValues {
    /// Prepares to read a column; `None` for a type without a text form.
    pub(crate) fn new(
        column: &ColumnDescPtr,
        form: TextForm,
        pages: Box<dyn PageReader>,
    ) -> Option<Self> {
        let stored = match column.physical_type() {
            Type::INT32 => TypedColumn::Int32(TypedReader::new(column, pages)),
            Type::INT64 => TypedColumn::Int64(TypedReader::new(column, pages)),
            Type::INT96 => TypedColumn::Int96(TypedReader::new(column, pages)),
            Type::FLOAT => TypedColumn::Float(TypedReader::new(column, pages)),
            Type::DOUBLE => TypedColumn::Double(TypedReader::new(column, pages)),
            Type::BOOLEAN => TypedColumn::Bool(TypedReader::new(column, pages)),
            Type::BYTE_ARRAY => TypedColumn::Text(TypedReader::new(column, pages)),
            Type::FIXED_LEN_BYTE_ARRAY => return None,
        };
        Some(Self {
            stored,
            form,
            optional: column.max_def_level() > 0,
            levels: Vec::new(),
            texts: BatchTexts::default(),
        })
    }

    /// Reads the next `rows` rows, which the column must have.
    pub(crate) fn read(&mut self, rows: usize) -> Result<()> {
        let Self {
            stored,
            form,
            optional,
            levels,
            texts,
        } = self;
        let form = *form;
        texts.clear();
        levels.clear();
        let mut batch = RowBatch {
            rows,
            levels,
            optional: *optional,
            texts,
        };
        match stored {
            TypedColumn::Int32(typed) => batch.read(typed, |value, texts| match form {
                TextForm::Unsigned => number(value.cast_unsigned(), texts),
                _ => integer(i64::from(*value), form, texts),
            }),
            TypedColumn::Int64(typed) => batch.read(typed, |value, texts| match form {
                TextForm::Unsigned => number(value.cast_unsigned(), texts),
                _ => integer(*value, form, texts),
            }),
            TypedColumn::Int96(typed) => batch.read(typed, |value, texts| {
                integer(value.to_millis(), form, texts)
            }),
            TypedColumn::Float(typed) => batch.read(typed, |value, texts| {
                float(f64::from(*value), texts);
            }),
            TypedColumn::Double(typed) => batch.read(typed, |value, texts| float(*value, texts)),
            TypedColumn::Bool(typed) => batch.read(typed, |value, texts| {
                texts.extend_from_slice(if *value { b"true" } else { b"false" });
            }),
            TypedColumn::Text(typed) => batch.read(typed, |value, texts| text(value.data(), texts)),
        }
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

struct RowBatch<'a> {
    rows: usize,
    levels: &'a mut Vec<i16>,
    optional: bool,
    texts: &'a mut BatchTexts,
}

impl RowBatch<'_> {
    fn read<T: DataType>(
        &mut self,
        typed: &mut TypedReader<T>,
        write: impl Fn(&T::T, &mut Vec<u8>),
    ) -> Result<()> {
        typed.values.clear();
        let (rows, _, _) =
            typed
                .reader
                .read_records(self.rows, Some(self.levels), None, &mut typed.values)?;
        if rows != self.rows {
            return Err(damage("the column ends before its row group does"));
        }
        let BatchTexts { octets, ranges } = &mut *self.texts;
        octets.extend_from_slice(NO_VALUE);
        let missing = (0, octets.len());
        let mut values = typed.values.iter();
        // Value and text of the last row with a value: consecutive rows often share both.
        let mut last: Option<(&T::T, (usize, usize))> = None;
        for row in 0..rows {
            let is_null = self.optional && self.levels.get(row) != Some(&1);
            let range = match (if is_null { None } else { values.next() }, last) {
                (None, _) => missing,
                (Some(value), Some((same, range))) if value == same => range,
                (Some(value), _) => {
                    let begin = octets.len();
                    write(value, octets);
                    let range = (begin, octets.len());
                    last = Some((value, range));
                    range
                }
            };
            ranges.push(range);
        }
        Ok(())
    }
}

fn integer(value: i64, form: TextForm, texts: &mut Vec<u8>) {
    let TextForm::Time { in_millisecond } = form else {
        return number(value, texts);
    };
    let milliseconds = value.div_euclid(in_millisecond);
    let time = if (0..FIRST_MILLISECONDS).contains(&milliseconds) {
        milliseconds / 1_000
    } else {
        milliseconds
    };
    number(time, texts);
}

/// Writes a number in decimal.
fn number(value: impl itoa::Integer, texts: &mut Vec<u8>) {
    texts.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a floating-point number. Some tools store integers so in a column with nulls, which are then NaN.
fn float(value: f64, texts: &mut Vec<u8>) {
    if value.is_nan() {
        return texts.extend_from_slice(NO_VALUE);
    }
    // Without an exponent, and without a point in a whole number.
    texts.extend_from_slice(value.to_string().as_bytes());
}

/// Writes a text. White space would shift the columns behind the text, and is percent-encoded, as AWS encodes tags; an
/// empty text would as well, and is written as a missing value.
fn text(value: &[u8], texts: &mut Vec<u8>) {
    if value.is_empty() {
        return texts.extend_from_slice(NO_VALUE);
    }
    // The line is too long already.
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
            prop_assert_eq!(written(|texts| integer(signed, TextForm::Signed, texts)), signed.to_string());
            prop_assert_eq!(written(|texts| number(unsigned, texts)), unsigned.to_string());
        }
    }

    #[test]
    fn times_are_milliseconds_and_before_1973_seconds() {
        let time = |value, in_millisecond| {
            written(|texts| integer(value, TextForm::Time { in_millisecond }, texts))
        };
        assert_eq!(time(1_418_530_010_123, 1), "1418530010123");
        assert_eq!(time(1_418_530_010_123_999, 1_000), "1418530010123");
        assert_eq!(time(1_418_530_010_123_999_999, 1_000_000), "1418530010123");
        assert_eq!(time(86_400_000, 1), "86400");
        assert_eq!(time(-5, 1), "-5");
    }

    #[test]
    fn white_space_in_a_text_does_not_shift_the_columns() {
        let text = |value: &[u8]| written(|texts| text(value, texts));
        assert_eq!(text(b"web server\n"), "web%20server%0A");
        assert_eq!(text(b"-"), "-");
        assert_eq!(text(b""), "-");
        assert_eq!(text(b"a%20b"), "a%20b");
    }

    #[test]
    fn floating_point_numbers_that_are_whole_look_whole() {
        let float = |value| written(|texts| float(value, texts));
        assert_eq!(float(443.0), "443");
        assert_eq!(float(1e15), "1000000000000000");
        assert_eq!(float(0.5), "0.5");
        assert_eq!(float(f64::NAN), "-");
    }

    #[test]
    fn a_text_without_end_is_cut() {
        assert_eq!(
            written(|texts| text(&[b'x'; 200_000], texts)).len(),
            MAX_LINE + 1
        );
    }
}
