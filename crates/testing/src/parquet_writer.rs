//! Writes columns of texts as a Parquet object, in each of the types and encodings that writers choose.

use std::sync::Arc;

use bytes::Bytes;
pub use parquet::basic;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// Stored type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// 32 bits, signed.
    Int32,
    /// 32 bits, unsigned.
    UInt32,
    /// 64 bits, signed.
    Int64,
    /// 64 bits, unsigned.
    UInt64,
    /// Floating point, 64 bits.
    Double,
    /// UTF-8.
    Text,
    /// Timestamp in milliseconds.
    Milliseconds,
    /// Timestamp in microseconds.
    Microseconds,
    /// Timestamp in nanoseconds.
    Nanoseconds,
    /// Timestamp as Impala and old Spark write it: day and nanosecond of the day.
    Int96,
}

/// Every stored type.
pub const STORED: [Stored; 10] = [
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

/// A column of an object.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in the schema.
    pub name: String,
    /// Type in the schema.
    pub stored: Stored,
    /// Values as text; `None` is a null.
    pub values: Vec<Option<String>>,
}

/// Makes a column; the text `null` is a null.
pub fn column(name: &str, stored: Stored, values: &[&str]) -> Column {
    let value = |value: &&str| (*value != "null").then(|| (*value).to_owned());
    Column {
        name: name.to_owned(),
        stored,
        values: values.iter().map(value).collect(),
    }
}

/// Makes the columns of lines, with names and types as in the objects of AWS. A number that is `-` in a line is a null.
pub fn columns_of_lines<N: AsRef<str>, L: AsRef<str>>(
    names: &[N],
    lines: impl Iterator<Item = L>,
) -> Vec<Column> {
    let column = |name: &N| Column {
        name: name.as_ref().replace('-', "_"),
        stored: stored(name.as_ref()),
        values: Vec::new(),
    };
    let mut columns: Vec<_> = names.iter().map(column).collect();
    for line in lines {
        for (column, value) in columns.iter_mut().zip(line.as_ref().split(' ')) {
            let is_there = value != "-" || column.stored == Stored::Text;
            column.values.push(is_there.then(|| value.to_owned()));
        }
    }
    columns
}

/// Stored type of a field in the objects of AWS.
fn stored(name: &str) -> Stored {
    match name {
        "version" | "srcport" | "dstport" | "protocol" | "tcp-flags" => Stored::Int32,
        "packets" | "bytes" | "start" | "end" => Stored::Int64,
        _ => Stored::Text,
    }
}

/// Choices of a writer.
#[derive(Debug, Clone)]
pub struct Options {
    /// Codec of the pages.
    pub compression: Compression,
    /// Version of the data pages.
    pub version: WriterVersion,
    /// Dictionary pages.
    pub dictionary: bool,
    /// Encoding of texts without a dictionary.
    pub texts: Encoding,
    /// Encoding of whole numbers without a dictionary.
    pub numbers: Encoding,
    /// Most rows of a page.
    pub rows_in_page: usize,
    /// Most rows of a row group.
    pub rows_in_group: usize,
    /// Statistics of pages.
    pub statistics: bool,
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

/// Codecs that AWS and usual writers choose.
pub fn compressions() -> [Compression; 4] {
    [
        Compression::GZIP(GzipLevel::default()),
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::UNCOMPRESSED,
    ]
}

/// Writes an object. A column without nulls is a required one.
///
/// # Panics
///
/// If a value is not of its column's type, or there is no column.
pub fn write(columns: &[Column], options: &Options) -> Bytes {
    let fields: String = columns.iter().map(field).collect();
    let schema = parse_message_type(&format!("message flow_log {{ {fields} }}")).expect("a schema");
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
    let mut writer =
        SerializedFileWriter::new(&mut file, Arc::new(schema), properties).expect("memory");
    let rows = columns[0].values.len();
    let mut begin = 0;
    while begin < rows {
        let end = rows.min(begin + options.rows_in_group);
        let mut group = writer.next_row_group().expect("memory");
        for column in columns {
            let mut to = group
                .next_column()
                .expect("memory")
                .expect("a column of the schema");
            write_column(column, &column.values[begin..end], &mut to);
            to.close().expect("memory");
        }
        group.close().expect("memory");
        begin = end;
    }
    writer.close().expect("memory");
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
        Stored::Int32 => typed::<Int32Type>(optional, values, to, |text| {
            text.parse().expect("a value of its type")
        }),
        Stored::UInt32 => typed::<Int32Type>(optional, values, to, |text| {
            text.parse::<u32>()
                .expect("a value of its type")
                .cast_signed()
        }),
        Stored::Int64 => typed::<Int64Type>(optional, values, to, |text| {
            text.parse().expect("a value of its type")
        }),
        Stored::UInt64 => typed::<Int64Type>(optional, values, to, |text| {
            text.parse::<u64>()
                .expect("a value of its type")
                .cast_signed()
        }),
        Stored::Double => typed::<DoubleType>(optional, values, to, |text| {
            text.parse().expect("a value of its type")
        }),
        Stored::Text => typed::<ByteArrayType>(optional, values, to, |text| ByteArray::from(text)),
        Stored::Milliseconds => times(1_000, optional, values, to),
        Stored::Microseconds => times(1_000_000, optional, values, to),
        Stored::Nanoseconds => times(1_000_000_000, optional, values, to),
        Stored::Int96 => typed::<Int96Type>(optional, values, to, |text| {
            let seconds: u64 = text.parse().expect("a value of its type");
            let nanoseconds = seconds % 86_400 * 1_000_000_000;
            let mut value = Int96::new();
            let [high, low] = [nanoseconds >> 32, nanoseconds & 0xffff_ffff];
            let day = seconds / 86_400 + 2_440_588; // Julian
            let [low, high, day] = [low, high, day].map(|word| word.try_into().expect("32 bits"));
            value.set_data(low, high, day);
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
        text.parse::<i64>().expect("a value of its type") * in_second
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
    to.typed::<T>()
        .write_batch(&values, levels, None)
        .expect("memory");
}
