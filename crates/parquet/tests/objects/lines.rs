//! Lines of an object: the header line, then the rows, in the order of the file.

use std::convert::Infallible;

use flowlogs_parquet::{Bytes, ParquetError, ParquetReader};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::WriterVersion;

use flowlogs_testing::parquet_writer::{
    Column, Options, STORED, Stored, column, compressions, write,
};

pub(crate) const LIMIT: usize = 48 * 1024 * 1024;

/// Keeps every line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) origins: usize,
    pub(crate) lines: Vec<String>,
}

impl LineSink for Kept {
    type Error = Infallible;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Infallible> {
        assert_eq!(*origin, LineOrigin::default());
        assert!(self.lines.is_empty(), "the origin comes first");
        self.origins += 1;
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        assert_eq!((line.id, line.timestamp), (None, None));
        self.lines
            .push(String::from_utf8_lossy(line.text).into_owned());
        Ok(())
    }
}

pub(crate) fn lines(object: Bytes) -> Vec<String> {
    let reader = ParquetReader::open(object, LIMIT).expect("a flow log");
    let mut kept = Kept::default();
    let rows = reader.read_lines(&mut kept).expect("undamaged");
    assert_eq!((rows, reader.rows()), (kept.lines.len() as u64 - 1, rows));
    assert_eq!(kept.origins, 1);
    kept.lines
}

#[test]
fn a_row_is_the_line_that_a_text_object_has() {
    let object = write(
        &[
            column("version", Stored::Int32, &["2", "2"]),
            column("account_id", Stored::Text, &["123456789012", "unknown"]),
            column("srcaddr", Stored::Text, &["10.0.0.1", "null"]),
            column("new_field", Stored::Text, &["anything", "at all"]),
            column("srcport", Stored::Int32, &["443", "null"]),
            column("start", Stored::Int64, &["1418530010", "1418530070"]),
            column("log_status", Stored::Text, &["OK", "NODATA"]),
        ],
        &Options::default(),
    );
    assert_eq!(
        lines(object),
        [
            "version account-id srcaddr column-4 srcport start log-status",
            "- 123456789012 10.0.0.1 - 443 1418530010 OK",
            "- unknown - - - 1418530070 NODATA",
        ]
    );
}

#[test]
fn every_type_of_a_number_gives_the_same_text() {
    for stored in STORED {
        let end = column("end", stored, &["1418530070", "null", "1418530071"]);
        let object = write(
            &[end, column("bytes", Stored::Int64, &["1", "2", "3"])],
            &Options::default(),
        );
        let expected = match stored {
            Stored::Milliseconds | Stored::Microseconds | Stored::Nanoseconds | Stored::Int96 => {
                ["1418530070000 1", "- 2", "1418530071000 3"]
            }
            _ => ["1418530070 1", "- 2", "1418530071 3"],
        };
        assert_eq!(lines(object)[1..], expected, "{stored:?}");
    }
}

#[test]
fn values_that_no_flow_log_has_are_handed_on_with_blanks_escaped() {
    let object = write(
        &[
            column("srcport", Stored::Int32, &["-5", "70000", "0"]),
            column("dstport", Stored::Text, &["-", "http", "null"]),
            column(
                "packets",
                Stored::UInt64,
                &["18446744073709551615", "0", "1"],
            ),
            column("protocol", Stored::UInt32, &["4294967295", "0", "1"]),
            column("instance_tag", Stored::Text, &["web server", "", "a\tb"]),
        ],
        &Options::default(),
    );
    assert_eq!(
        lines(object)[1..],
        [
            "-5 - 18446744073709551615 4294967295 web%20server",
            "70000 http 0 0 -",
            "0 - 1 1 a%09b",
        ]
    );
}

/// Columns of 5,000 rows: numbers and texts, without nulls and with nulls.
fn many_rows() -> [Column; 4] {
    let numbers: Vec<String> = (0..5_000)
        .map(|row| (row * 7 % 1_000).to_string())
        .collect();
    let texts: Vec<String> = (0..5_000)
        .map(|row| format!("10.0.{}.{}", row / 256, row % 256))
        .collect();
    let some = |values: &[String]| {
        let value = |text: &String| match text.ends_with('3') {
            true => "null".to_owned(),
            false => text.clone(),
        };
        values.iter().map(value).collect::<Vec<_>>()
    };
    [
        ("bytes", Stored::Int64, numbers.clone()),
        ("srcport", Stored::Int32, some(&numbers)),
        ("srcaddr", Stored::Text, texts.clone()),
        ("dstaddr", Stored::Text, some(&texts)),
    ]
    .map(|(name, stored, values)| {
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        column(name, stored, &values)
    })
}

#[test]
fn every_codec_version_and_encoding_gives_the_same_lines() {
    let columns = many_rows();
    let expected = lines(write(&columns, &Options::default()));
    assert_eq!(expected[4], "21 21 10.0.0.3 -");
    for compression in compressions() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for (dictionary, texts, numbers) in [
                (true, Encoding::PLAIN, Encoding::PLAIN),
                (false, Encoding::PLAIN, Encoding::PLAIN),
                (false, Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED),
                (false, Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT),
            ] {
                for (rows_in_page, rows_in_group) in [(100, 1_999), (20_000, 1_000_000)] {
                    let options = Options {
                        compression,
                        version,
                        dictionary,
                        texts,
                        numbers,
                        rows_in_page,
                        rows_in_group,
                        statistics: true,
                    };
                    assert!(lines(write(&columns, &options)) == expected, "{options:?}");
                }
            }
        }
    }
}

#[test]
fn an_object_without_rows_is_its_header_line() {
    let object = write(
        &[
            column("bytes", Stored::Int64, &[]),
            column("packets", Stored::Int64, &[]),
        ],
        &Options::default(),
    );
    assert_eq!(lines(object), ["bytes packets"]);
}

#[test]
fn a_file_on_disk_gives_the_same_lines() {
    let object = write(
        &[
            column("bytes", Stored::Int64, &["7"]),
            column("srcaddr", Stored::Text, &["10.0.0.1"]),
        ],
        &Options::default(),
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &object).unwrap();
    let mut kept = Kept::default();
    let file = std::fs::File::open(file.path()).unwrap();
    ParquetReader::open(file, LIMIT)
        .unwrap()
        .read_lines(&mut kept)
        .unwrap();
    assert_eq!(kept.lines, ["bytes srcaddr", "7 10.0.0.1"]);
}

#[test]
fn a_codec_that_is_not_known_is_named_with_its_column() {
    let options = Options {
        compression: Compression::LZ4_RAW,
        ..Options::default()
    };
    let object = write(
        &[
            column("bytes", Stored::Int64, &["7"]),
            column("packets", Stored::Int64, &["1"]),
        ],
        &options,
    );
    let outcome = ParquetReader::open(object, LIMIT)
        .unwrap()
        .read_lines(&mut Kept::default());
    let expected = ParquetError::Codec {
        column: "bytes".into(),
        codec: "LZ4_RAW".into(),
    };
    assert_eq!(outcome, Err(expected.into()));
}

#[test]
fn a_receiver_that_stops_ends_the_reading() {
    struct Full(usize);
    impl LineSink for Full {
        type Error = &'static str;
        fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
            Ok(())
        }
        fn line(&mut self, _: &DeliveredLine<'_>) -> Result<(), Self::Error> {
            self.0 = self.0.checked_sub(1).ok_or("full")?;
            Ok(())
        }
    }
    let values = ["7"; 10];
    let object = write(
        &[
            column("bytes", Stored::Int64, &values),
            column("packets", Stored::Int64, &values),
        ],
        &Options::default(),
    );
    let outcome = ParquetReader::open(object, LIMIT)
        .unwrap()
        .read_lines(&mut Full(5));
    assert_eq!(
        outcome,
        Err(flowlogs_parquet::ParquetReadError::Sink("full"))
    );
}
