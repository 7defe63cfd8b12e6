//! Bounds of reading: ranges of an object are read and held, never the object.

use std::sync::{Arc, Mutex};

use flowlogs_parquet::{ByteRanges, Bytes, ParquetError, ParquetReader};
use parquet::basic::Compression;

use crate::lines::{Kept, LIMIT};
use flowlogs_testing::parquet_writer::{Column, Options, Stored, column, write};

/// Remembers which ranges were asked for.
#[derive(Clone)]
struct Recorded {
    object: Bytes,
    ranges: Arc<Mutex<Vec<(u64, usize)>>>,
}

impl ByteRanges for Recorded {
    fn size(&self) -> std::io::Result<u64> {
        self.object.size()
    }

    fn read_at(&self, position: u64, length: usize) -> std::io::Result<Bytes> {
        self.ranges.lock().unwrap().push((position, length));
        self.object.read_at(position, length)
    }
}

fn numbers(name: &str, stored: Stored, rows: u32) -> Column {
    let values: Vec<String> = (0..rows)
        .map(|n| n.wrapping_mul(2_654_435_761).to_string())
        .collect();
    column(
        name,
        stored,
        &values.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

#[test]
fn columns_that_say_nothing_are_not_read_and_no_octet_is_read_twice() {
    let columns = [
        numbers("bytes", Stored::Int64, 100_000),
        numbers("ecs_task_arn", Stored::Text, 100_000),
        numbers("something_new", Stored::Text, 100_000),
        numbers("packets", Stored::Int64, 100_000),
    ];
    let options = Options {
        compression: Compression::UNCOMPRESSED,
        dictionary: false,
        ..Options::default()
    };
    let object = write(&columns, &options);
    let recorded = Recorded {
        object: object.clone(),
        ranges: Arc::default(),
    };
    let reader = ParquetReader::open(recorded.clone(), LIMIT).unwrap();
    recorded.ranges.lock().unwrap().clear();
    reader.read_lines(&mut Kept::default()).unwrap();
    let mut ranges = recorded.ranges.lock().unwrap().clone();
    ranges.sort_unstable();
    let read: usize = ranges.iter().map(|(_, length)| length).sum();
    assert!(read < object.len() / 2, "{read} of {}", object.len());
    assert!(ranges.len() < 10, "{ranges:?}");
    for pair in ranges.windows(2) {
        assert!(pair[0].0 + pair[0].1 as u64 <= pair[1].0, "{pair:?}");
    }
}

#[test]
fn pages_that_need_more_than_the_limit_are_refused_and_small_ones_of_the_same_rows_are_not() {
    let columns = [
        numbers("bytes", Stored::Text, 300_000),
        numbers("packets", Stored::Text, 300_000),
    ];
    let limit = 2 * 1024 * 1024;
    for (rows_in_page, fits) in [(300_000, false), (5_000, true)] {
        let options = Options {
            dictionary: false,
            rows_in_page,
            ..Options::default()
        };
        let object = write(&columns, &options);
        let outcome = ParquetReader::open(object, limit)
            .unwrap()
            .read_lines(&mut Kept::default());
        match outcome {
            Ok(rows) => assert!(fits && rows == 300_000),
            Err(error) => assert!(
                !fits && error == ParquetError::TooLarge { limit }.into(),
                "{error}"
            ),
        }
    }
}

#[test]
fn pages_of_texts_count_as_long_as_their_batch_of_rows() {
    let limit = 4 * 1024 * 1024;
    for (octets, fits) in [(20_000, false), (200, true)] {
        // Equal texts share a cell, so that only the pages take memory.
        let text = Some("x".repeat(octets));
        let columns = [
            Column {
                name: "instance_tag".to_owned(),
                stored: Stored::Text,
                values: vec![text; 1_000],
            },
            numbers("bytes", Stored::Int64, 1_000),
        ];
        let options = Options {
            dictionary: false,
            rows_in_page: 1,
            ..Options::default()
        };
        let outcome = ParquetReader::open(write(&columns, &options), limit)
            .unwrap()
            .read_lines(&mut Kept::default());
        match fits {
            true => assert_eq!(outcome, Ok(1_000)),
            false => assert_eq!(outcome, Err(ParquetError::TooLarge { limit }.into())),
        }
    }
}

#[test]
fn a_dictionary_counts_with_what_is_made_of_it() {
    let columns = [
        numbers("bytes", Stored::Text, 60_000),
        numbers("packets", Stored::Int64, 60_000),
    ];
    let object = write(&columns, &Options::default());
    let outcome = ParquetReader::open(object.clone(), 1024 * 1024)
        .unwrap()
        .read_lines(&mut Kept::default());
    assert_eq!(
        outcome,
        Err(ParquetError::TooLarge { limit: 1024 * 1024 }.into())
    );
    assert!(
        ParquetReader::open(object, 8 * 1024 * 1024)
            .unwrap()
            .read_lines(&mut Kept::default())
            .is_ok()
    );
}

#[test]
fn a_row_of_endless_texts_is_a_line_that_is_too_long_and_not_a_part_of_one() {
    let endless = "x".repeat(100_000);
    let columns = [
        column("instance_tag", Stored::Text, &[&endless, "short"]),
        column("bytes", Stored::Int64, &["1", "2"]),
    ];
    let mut kept = Kept::default();
    ParquetReader::open(write(&columns, &Options::default()), LIMIT)
        .unwrap()
        .read_lines(&mut kept)
        .unwrap();
    assert_eq!(kept.lines[1].len(), flowlogs_source::MAX_LINE + 1);
    assert_eq!(kept.lines[2], "short 2");
}
