//! Writes columns of texts as a Parquet object, in any of the types and ways that writers choose.

use std::sync::Arc;

use flowlogs_parquet::Bytes;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Int32,
    UInt32,
    Int64,
    UInt64,
    Double,
    Text,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Int96,
}

pub(crate) const STORED: [Stored; 10] = [
    Stored::Int32,
    Stored::UInt32,
    Stored::Int64,
    Stored::UInt64,
    Stored::Double,
    Stored::Text,
    Stored::Milliseconds,
    Stored::Microseconds,
    Stored::Nanoseconds,
    Stored::Int96,
];

/// A column: `None` is a null.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) stored: Stored,
    pub(crate) values: Vec<Option<String>>,
}

pub(crate) fn column(name: &str, stored: Stored, values: &[&str]) -> Column {
    let value = |value: &&str| (*value != "null").then(|| (*value).to_owned());
    Column {
        name: name.to_owned(),
        stored,
        values: values.iter().map(value).collect(),
    }
}

/// How an object is written.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) compression: Compression,
    pub(crate) version: WriterVersion,
    pub(crate) dictionary: bool,
    /// The encoding of texts without a dictionary.
    pub(crate) texts: Encoding,
    /// The encoding of whole numbers without a dictionary.
    pub(crate) numbers: Encoding,
    pub(crate) rows_in_page: usize,
    pub(crate) rows_in_group: usize,
    pub(crate) statistics: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            compression: Compression::GZIP(GzipLevel::default()),
            version: WriterVersion::PARQUET_1_0,
            dictionary: true,
            texts: Encoding::PLAIN,
            numbers: Encoding::PLAIN,
            rows_in_page: 20_000,
            rows_in_group: 1_000_000,
            statistics: true,
        }
    }
}

pub(crate) fn compressions() -> [Compression; 4] {
    [
        Compression::GZIP(GzipLevel::default()),
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::UNCOMPRESSED,
    ]
}

/// Writes the object. A column without nulls is a required one.
pub(crate) fn write(columns: &[Column], options: &Options) -> Bytes {
    let fields: String = columns.iter().map(field).collect();
    let schema = parse_message_type(&format!("message flow_log {{ {fields} }}")).unwrap();
    let mut properties = WriterProperties::builder()
        .set_compression(options.compression)
        .set_writer_version(options.version)
        .set_dictionary_enabled(options.dictionary)
        .set_data_page_row_count_limit(options.rows_in_page)
        .set_write_batch_size(options.rows_in_page.min(1_024))
        .set_statistics_enabled(if options.statistics {
            EnabledStatistics::Page
        } else {
            EnabledStatistics::None
        });
    if !options.dictionary {
        for column in columns {
            let encoding = match column.stored {
                Stored::Text => options.texts,
                Stored::Double | Stored::Int96 => Encoding::PLAIN,
                _ => options.numbers,
            };
            let path = ColumnPath::new(vec![column.name.clone()]);
            properties = properties.set_column_encoding(path, encoding);
        }
    }
    let mut file = Vec::new();
    let properties = Arc::new(properties.build());
    let mut writer = SerializedFileWriter::new(&mut file, Arc::new(schema), properties).unwrap();
    let rows = columns[0].values.len();
    let mut begin = 0;
    while begin < rows {
        let end = rows.min(begin + options.rows_in_group);
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut to = group.next_column().unwrap().unwrap();
            write_column(column, &column.values[begin..end], &mut to);
            to.close().unwrap();
        }
        group.close().unwrap();
        begin = end;
    }
    writer.close().unwrap();
    file.into()
}

fn is_optional(column: &Column) -> bool {
    column.values.iter().any(Option::is_none)
}

fn field(column: &Column) -> String {
    let repetition = if is_optional(column) {
        "optional"
    } else {
        "required"
    };
    let name = &column.name;
    let (stored, annotation) = match column.stored {
        Stored::Int32 => ("int32", ""),
        Stored::UInt32 => ("int32", " (UINT_32)"),
        Stored::Int64 => ("int64", ""),
        Stored::UInt64 => ("int64", " (UINT_64)"),
        Stored::Double => ("double", ""),
        Stored::Text => ("binary", " (UTF8)"),
        Stored::Milliseconds => ("int64", " (TIMESTAMP_MILLIS)"),
        Stored::Microseconds => ("int64", " (TIMESTAMP_MICROS)"),
        Stored::Nanoseconds => ("int64", " (TIMESTAMP(NANOS,true))"),
        Stored::Int96 => ("int96", ""),
    };
    format!("{repetition} {stored} {name}{annotation};")
}

fn write_column(column: &Column, values: &[Option<String>], to: &mut SerializedColumnWriter<'_>) {
    let optional = is_optional(column);
    match column.stored {
        Stored::Int32 => typed::<Int32Type>(optional, values, to, |text| text.parse().unwrap()),
        Stored::UInt32 => typed::<Int32Type>(optional, values, to, |text| {
            text.parse::<u32>().unwrap().cast_signed()
        }),
        Stored::Int64 => typed::<Int64Type>(optional, values, to, |text| text.parse().unwrap()),
        Stored::UInt64 => typed::<Int64Type>(optional, values, to, |text| {
            text.parse::<u64>().unwrap().cast_signed()
        }),
        Stored::Double => typed::<DoubleType>(optional, values, to, |text| text.parse().unwrap()),
        Stored::Text => typed::<ByteArrayType>(optional, values, to, |text| ByteArray::from(text)),
        Stored::Milliseconds => times(1_000, optional, values, to),
        Stored::Microseconds => times(1_000_000, optional, values, to),
        Stored::Nanoseconds => times(1_000_000_000, optional, values, to),
        Stored::Int96 => typed::<Int96Type>(optional, values, to, |text| {
            let seconds: u64 = text.parse().unwrap();
            let nanoseconds = seconds % 86_400 * 1_000_000_000;
            let mut value = Int96::new();
            value.set_data(
                nanoseconds as u32,
                (nanoseconds >> 32) as u32,
                (seconds / 86_400 + 2_440_588) as u32,
            );
            value
        }),
    }
}

fn times(
    in_second: i64,
    optional: bool,
    values: &[Option<String>],
    to: &mut SerializedColumnWriter<'_>,
) {
    typed::<Int64Type>(optional, values, to, |text| {
        text.parse::<i64>().unwrap() * in_second
    });
}

fn typed<T: DataType>(
    optional: bool,
    values: &[Option<String>],
    to: &mut SerializedColumnWriter<'_>,
    parse: impl Fn(&str) -> T::T,
) {
    let levels: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let values: Vec<T::T> = values.iter().flatten().map(|text| parse(text)).collect();
    let levels = optional.then_some(&levels[..]);
    to.typed::<T>().write_batch(&values, levels, None).unwrap();
}
