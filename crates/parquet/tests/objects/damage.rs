//! Objects that are damaged, cut, or something else: an error that says which, never a panic.

use flowlogs_parquet::{Bytes, ParquetError, ParquetReadError, ParquetReader};
use parquet::basic::Encoding;
use parquet::file::properties::WriterVersion;
use proptest::prelude::*;

use crate::lines::{Kept, LIMIT};
use flowlogs_testing::parquet_writer::{Column, Options, Stored, column, compressions, write};

fn columns() -> Vec<Column> {
    let numbers: Vec<String> = (0..300).map(|n| (n * n).to_string()).collect();
    let texts: Vec<String> = (0..300).map(|n| format!("10.0.0.{}", n % 200)).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let texts: Vec<&str> = texts
        .iter()
        .map(|text| if text.ends_with('7') { "null" } else { text })
        .collect();
    vec![
        column("bytes", Stored::Int64, &numbers),
        column("srcaddr", Stored::Text, &texts),
        column("packets", Stored::Double, &numbers),
    ]
}

fn read(object: Bytes) -> Result<Vec<String>, ParquetError> {
    let mut kept = Kept::default();
    match ParquetReader::open(object, LIMIT)?.read_lines(&mut kept) {
        Ok(_) => Ok(kept.lines),
        Err(ParquetReadError::Parquet(error)) => Err(error),
        Err(ParquetReadError::Sink(never)) => match never {},
    }
}

fn damaged(octets: impl Into<Vec<u8>>) -> ParquetError {
    read(octets.into().into()).expect_err("it is damaged")
}

#[test]
fn what_does_not_begin_as_parquet_is_not_parquet() {
    for other in [
        &b""[..],
        b"PAR",
        b"version account-id\n2 123456789012\n",
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(damaged(other), ParquetError::NotParquet);
    }
}

#[test]
fn an_object_that_is_cut_has_a_damaged_footer() {
    let whole = write(&columns(), &Options::default());
    for length in [4, 11, 12, 100, whole.len() / 2, whole.len() - 1] {
        let error = damaged(&whole[..length]);
        assert!(
            matches!(error, ParquetError::Footer { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_footer_that_contradicts_the_object_is_damaged() {
    let whole = write(&columns(), &Options::default()).to_vec();
    let mut too_long = whole.clone();
    let at = whole.len() - 8;
    too_long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(damaged(too_long), ParquetError::Footer { .. }));
    let mut empty = whole.clone();
    empty[at..at + 4].fill(0);
    assert!(matches!(damaged(empty), ParquetError::Footer { .. }));
    // Data is missing, so the columns lie behind the end.
    let footer = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let moved = [b"PAR1", &whole[at - footer..]].concat();
    assert!(matches!(damaged(moved), ParquetError::Footer { .. }));
}

/// The library counts such a list to its end, a second each, and a footer has room for 300,000 lists.
#[test]
fn lists_of_booleans_without_end_in_a_footer_are_not_counted() {
    let whole = write(&columns(), &Options::default()).to_vec();
    let end = whole.len() - 8;
    let length = u32::from_le_bytes(whole[end..end + 4].try_into().unwrap());
    // Field 40, a list of 2^31 - 1 booleans, instead of the end of the footer's struct.
    let lists = [0x09, 80, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07].repeat(10_000);
    let length = length + u32::try_from(lists.len()).unwrap();
    let object = [
        &whole[..end - 1],
        &lists,
        &[0],
        &length.to_le_bytes(),
        b"PAR1",
    ]
    .concat();
    assert!(matches!(damaged(object), ParquetError::Footer { .. }));
}

#[test]
fn an_encrypted_object_is_named_so() {
    let mut whole = write(&columns(), &Options::default()).to_vec();
    let end = whole.len();
    whole[end - 1] = b'E';
    assert_eq!(damaged(whole.clone()), ParquetError::Encrypted);
    whole[3] = b'E';
    assert_eq!(damaged(whole), ParquetError::Encrypted);
}

#[test]
fn a_damaged_page_is_named_with_its_column_and_row_group() {
    let options = Options {
        rows_in_group: 100,
        dictionary: false,
        ..Options::default()
    };
    let mut object = write(&columns(), &options).to_vec();
    // The first page of the first column, in the middle of its compressed data.
    object[150..160].fill(0xff);
    let ParquetError::Page {
        column, row_group, ..
    } = damaged(object)
    else {
        panic!("a page is damaged");
    };
    assert_eq!((column.as_str(), row_group), ("bytes", 1));
}

#[test]
fn rows_before_the_damage_are_handed_on() {
    let numbers: Vec<String> = (0..6_000).map(|n| n.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let columns = [
        column("bytes", Stored::Int64, &numbers),
        column("packets", Stored::Int64, &numbers),
    ];
    let options = Options {
        rows_in_group: 3_000,
        dictionary: false,
        ..Options::default()
    };
    let mut object = write(&columns, &options).to_vec();
    let second = object.len() / 2;
    object[second + 200..second + 300].fill(0xff);
    let mut kept = Kept::default();
    let outcome = ParquetReader::open(Bytes::from(object), LIMIT)
        .unwrap()
        .read_lines(&mut kept);
    assert!(
        matches!(
            outcome,
            Err(ParquetReadError::Parquet(ParquetError::Page {
                row_group: 2,
                ..
            }))
        ),
        "{outcome:?}"
    );
    assert_eq!(kept.lines.len(), 3_001);
}

#[test]
fn a_read_that_fails_is_not_taken_for_damage() {
    struct Broken(Bytes);
    impl flowlogs_parquet::ByteRanges for Broken {
        fn size(&self) -> std::io::Result<u64> {
            self.0.size()
        }
        fn read_at(&self, position: u64, length: usize) -> std::io::Result<Bytes> {
            if position == 4 {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::PermissionDenied,
                    "denied",
                ));
            }
            self.0.read_at(position, length)
        }
    }
    let broken = Broken(write(&columns(), &Options::default()));
    let outcome = ParquetReader::open(broken, LIMIT)
        .unwrap()
        .read_lines(&mut Kept::default());
    let expected = ParquetError::Io {
        kind: std::io::ErrorKind::PermissionDenied,
        reason: "denied".into(),
    };
    assert_eq!(outcome, Err(expected.into()));
}

#[test]
fn texts_in_a_delta_encoding_are_refused_by_name() {
    for texts in [
        Encoding::DELTA_BYTE_ARRAY,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
    ] {
        let options = Options {
            dictionary: false,
            texts,
            ..Options::default()
        };
        let error = read(write(&columns(), &options)).expect_err("refused");
        let text = error.to_string();
        assert!(text.contains(&texts.to_string()), "{text}");
        assert!(text.contains("column "), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_octets_between_the_magics_make_the_reader_panic(octets: Vec<u8>, length: u16) {
        let tail = u32::from(length).to_le_bytes();
        let object = [b"PAR1", &octets[..], &tail, b"PAR1"].concat();
        let _ = read(object.into());
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        compression in 0_usize..4,
        flags: [bool; 2],
        delta: bool,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let options = Options {
            compression: compressions()[compression],
            version: if flags[0] { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 },
            dictionary: flags[1],
            texts: if delta { Encoding::DELTA_BYTE_ARRAY } else { Encoding::PLAIN },
            numbers: if delta { Encoding::DELTA_BINARY_PACKED } else { Encoding::PLAIN },
            rows_in_page: 50,
            rows_in_group: 200,
            statistics: false,
        };
        let mut object = write(&columns(), &options).to_vec();
        for (at, octet) in flips {
            let at = at.index(object.len());
            object[at] = octet;
        }
        let _ = read(object.into());
    }
}
