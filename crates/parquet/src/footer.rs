//! Check of a footer, `FileMetaData` of parquet.thrift, before the library reads the footer.
//!
//! The library reads a list of booleans without an octet for each element and believes the count, up to 2^31: skipping a
//! list of six octets takes seconds, and a footer has room for 300,000 lists. Nor does the library check the type of a
//! field, so that a list can stand in the place of a text. Here every field that the library reads must have its type, and
//! a list of booleans or a map, which no footer has, is refused anywhere.
//!
//! Source: Apache Parquet, parquet.thrift.

use crate::compact::{
    BINARY, BYTE, Compact, DOUBLE, FALSE, I16, I32, I64, LIST, MOST_NESTED, STRUCT, TRUE,
    ThriftFault,
};

/// Type of a field.
enum ThriftType {
    Value(u8),
    Flag,
    List(&'static ThriftType),
    Struct(Fields),
}

/// Fields of a struct, by their ids. Unlisted fields are skipped, here and by the library.
type Fields = &'static [(i64, ThriftType)];

const NUMBER: ThriftType = ThriftType::Value(I32);
const LONG: ThriftType = ThriftType::Value(I64);
const TEXT: ThriftType = ThriftType::Value(BINARY);
const NOTHING: ThriftType = ThriftType::Struct(&[]);

const FILE: Fields = &[
    (1, NUMBER),
    (2, ThriftType::List(&ThriftType::Struct(SCHEMA_ELEMENT))),
    (3, LONG),
    (4, ThriftType::List(&ThriftType::Struct(ROW_GROUP))),
    (5, ThriftType::List(&KEY_VALUE)),
    (6, TEXT),
    (7, ThriftType::List(&COLUMN_ORDER)),
];

const SCHEMA_ELEMENT: Fields = &[
    (1, NUMBER),
    (2, NUMBER),
    (3, NUMBER),
    (4, TEXT),
    (5, NUMBER),
    (6, NUMBER),
    (7, NUMBER),
    (8, NUMBER),
    (9, NUMBER),
    (10, ThriftType::Struct(LOGICAL_TYPE)),
];

/// Types of columns; [`NOTHING`] is a type without parameters, such as text.
const LOGICAL_TYPE: Fields = &[
    (1, NOTHING),
    (2, NOTHING),
    (3, NOTHING),
    (4, NOTHING),
    (5, ThriftType::Struct(&[(1, NUMBER), (2, NUMBER)])),
    (6, NOTHING),
    (7, TIME),
    (8, TIME),
    (
        10,
        ThriftType::Struct(&[(1, ThriftType::Value(BYTE)), (2, ThriftType::Flag)]),
    ),
    (11, NOTHING),
    (12, NOTHING),
    (13, NOTHING),
    (14, NOTHING),
    (15, NOTHING),
    (16, ThriftType::Struct(&[(1, ThriftType::Value(BYTE))])),
    (17, ThriftType::Struct(&[(1, TEXT)])),
    (18, ThriftType::Struct(&[(1, TEXT), (2, NUMBER)])),
];

const TIME: ThriftType = ThriftType::Struct(&[(1, ThriftType::Flag), (2, UNIT)]);
const UNIT: ThriftType = ThriftType::Struct(&[(1, NOTHING), (2, NOTHING), (3, NOTHING)]);
const COLUMN_ORDER: ThriftType = ThriftType::Struct(&[(1, NOTHING), (2, NOTHING), (3, NOTHING)]);
const KEY_VALUE: ThriftType = ThriftType::Struct(&[(1, TEXT), (2, TEXT)]);

const ROW_GROUP: Fields = &[
    (1, ThriftType::List(&ThriftType::Struct(COLUMN_CHUNK))),
    (2, LONG),
    (3, LONG),
    (4, ThriftType::List(&SORTING_COLUMN)),
    (5, LONG),
    (6, LONG),
    (7, ThriftType::Value(I16)),
];

const SORTING_COLUMN: ThriftType =
    ThriftType::Struct(&[(1, NUMBER), (2, ThriftType::Flag), (3, ThriftType::Flag)]);

const COLUMN_CHUNK: Fields = &[
    (1, TEXT),
    (2, LONG),
    (3, ThriftType::Struct(COLUMN)),
    (4, LONG),
    (5, NUMBER),
    (6, LONG),
    (7, NUMBER),
];

const COLUMN: Fields = &[
    (1, NUMBER),
    (2, ThriftType::List(&NUMBER)),
    (3, ThriftType::List(&TEXT)),
    (4, NUMBER),
    (5, LONG),
    (6, LONG),
    (7, LONG),
    (8, ThriftType::List(&KEY_VALUE)),
    (9, LONG),
    (10, LONG),
    (11, LONG),
    (12, STATISTICS),
    (13, ThriftType::List(&PAGE_ENCODING)),
    (14, LONG),
    (15, NUMBER),
    (16, SIZES),
    (17, PLACES),
];

const STATISTICS: ThriftType = ThriftType::Struct(&[
    (1, TEXT),
    (2, TEXT),
    (3, LONG),
    (4, LONG),
    (5, TEXT),
    (6, TEXT),
    (7, ThriftType::Flag),
    (8, ThriftType::Flag),
    (9, LONG),
]);

const PAGE_ENCODING: ThriftType = ThriftType::Struct(&[(1, NUMBER), (2, NUMBER), (3, NUMBER)]);
const SIZES: ThriftType = ThriftType::Struct(&[
    (1, LONG),
    (2, ThriftType::List(&LONG)),
    (3, ThriftType::List(&LONG)),
]);
const PLACES: ThriftType = ThriftType::Struct(&[(1, BOX), (2, ThriftType::List(&NUMBER))]);
const REAL: ThriftType = ThriftType::Value(DOUBLE);
const BOX: ThriftType = ThriftType::Struct(&[
    (1, REAL),
    (2, REAL),
    (3, REAL),
    (4, REAL),
    (5, REAL),
    (6, REAL),
    (7, REAL),
    (8, REAL),
]);

/// Checks a footer, so that the time that the library takes for it grows with its length only.
pub(crate) fn check(footer: &[u8]) -> Result<(), ThriftFault> {
    check_fields(&mut Compact::new(footer), FILE)
}

fn check_fields(input: &mut Compact<'_>, fields: Fields) -> Result<(), ThriftFault> {
    let mut last = 0;
    while let Some((field, found)) = input.field(&mut last)? {
        match fields.iter().find(|(known, _)| *known == field) {
            Some((_, wanted)) => check_value(input, wanted, found)?,
            None => input.skip(found, MOST_NESTED)?,
        }
    }
    Ok(())
}

fn check_value(input: &mut Compact<'_>, wanted: &ThriftType, found: u8) -> Result<(), ThriftFault> {
    match (wanted, found) {
        (ThriftType::Value(wanted), _) if *wanted == found => input.skip(found, MOST_NESTED),
        (ThriftType::Flag, TRUE | FALSE) => Ok(()),
        (ThriftType::Struct(fields), STRUCT) => check_fields(input, fields),
        (ThriftType::List(element), LIST) => {
            let (elements, found) = input.list()?;
            (0..elements).try_for_each(|_| check_value(input, element, found))
        }
        _ => Err(ThriftFault::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_booleans_is_refused_wherever_it_is() {
        // Field 20: a list, type and count in front: 2^31 - 1 booleans, none of which has an octet here.
        let list = [0x09, 40, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07];
        assert_eq!(
            check(&[&list[..], &[0]].concat()),
            Err(ThriftFault::Malformed)
        );
        // The same in a struct that nobody knows.
        let within = [&[0x0c, 40][..], &list, &[0, 0]].concat();
        assert_eq!(check(&within), Err(ThriftFault::Malformed));
        // Where a text is said to be in the place of the version, which the library reads as a number.
        let hidden = [&[0x18, 9][..], &list, &[0, 0]].concat();
        assert_eq!(check(&hidden), Err(ThriftFault::Malformed));
        // Behind an id that is the version's in 16 bits.
        let wrapped = [&[0x08, 0x82, 0x80, 0x08, 9][..], &list, &[0, 0]].concat();
        assert_eq!(check(&wrapped), Err(ThriftFault::Malformed));
    }

    #[test]
    fn a_map_is_refused() {
        let map = [0x0b, 40, 0xff, 0xff, 0xff, 0xff, 0x07, 0x11, 0];
        assert_eq!(check(&map), Err(ThriftFault::Malformed));
    }

    #[test]
    fn a_list_longer_than_the_footer_is_refused() {
        let schema = [0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0];
        assert_eq!(check(&schema), Err(ThriftFault::Short));
    }
}
