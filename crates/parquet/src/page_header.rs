//! Header in front of every page: `PageHeader` of parquet.thrift.
//!
//! ```text
//! PageHeader                       5 DataPageHeader        7 DictionaryPageHeader   8 DataPageHeaderV2
//!  1 type                           1 num_values            1 num_values             1 num_values
//!  2 uncompressed_page_size         2 encoding              2 encoding               2 num_nulls
//!  3 compressed_page_size           3 def_level_encoding    3 is_sorted              3 num_rows
//!  4 crc                            4 rep_level_encoding                             4 encoding
//!                                   5 statistics                                     5 def_levels_byte_length
//!                                                                                    6 rep_levels_byte_length
//!                                                                                    7 is_compressed
//! ```
//!
//! Source: Apache Parquet, parquet.thrift.

use parquet::basic::Encoding;

use crate::compact::{Compact, FALSE, I32, MOST_NESTED, STRUCT, TRUE, ThriftFault};

/// Kind of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageKind {
    Data,
    DataV2,
    Dictionary,
    /// Index page, or a kind of a later version of the format; skipped.
    Other,
}

/// Header of a page; sizes in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub(crate) kind: PageKind,
    pub(crate) unpacked: usize,
    pub(crate) packed: usize,
    /// CRC-32 of the stored page.
    pub(crate) checksum: Option<u32>,
    pub(crate) values: u32,
    pub(crate) encoding: Encoding,
    pub(crate) definition_encoding: Encoding,
    pub(crate) repetition_encoding: Encoding,
    /// Version 2 only.
    pub(crate) nulls: u32,
    /// Version 2 only.
    pub(crate) rows: u32,
    /// Version 2 only: octets of the levels, which stand before the values, uncompressed.
    pub(crate) definition_levels: usize,
    /// Version 2 only.
    pub(crate) repetition_levels: usize,
    /// Version 2 only: false if the values of this page are not compressed.
    pub(crate) is_compressed: bool,
}

impl PageKind {
    /// Kind of a number of Thrift's enumeration `PageType`.
    fn of(number: i64) -> Self {
        match number {
            0 => Self::Data,
            2 => Self::Dictionary,
            3 => Self::DataV2,
            _ => Self::Other,
        }
    }
}

impl PageHeader {
    /// Parses the header at the beginning of `octets`, and returns it with its length.
    pub(crate) fn parse(octets: &[u8]) -> Result<(Self, usize), ThriftFault> {
        let mut input = Compact::new(octets);
        let mut header = Self {
            kind: PageKind::Other,
            unpacked: 0,
            packed: 0,
            checksum: None,
            values: 0,
            encoding: Encoding::PLAIN,
            definition_encoding: Encoding::RLE,
            repetition_encoding: Encoding::RLE,
            nulls: 0,
            rows: 0,
            definition_levels: 0,
            repetition_levels: 0,
            is_compressed: true,
        };
        let [mut has_kind, mut has_unpacked, mut has_packed, mut own] = [false; 4];
        let mut last = 0;
        while let Some((field, kind)) = input.field(&mut last)? {
            match (field, kind) {
                (1, I32) => {
                    has_kind = true;
                    header.kind = PageKind::of(input.integer()?);
                }
                (2, I32) => {
                    has_unpacked = true;
                    header.unpacked = input.size()?;
                }
                (3, I32) => {
                    has_packed = true;
                    header.packed = input.size()?;
                }
                // Signed in the file, unsigned in meaning.
                (4, I32) => {
                    let crc =
                        i32::try_from(input.integer()?).map_err(|_| ThriftFault::Malformed)?;
                    header.checksum = Some(crc.cast_unsigned());
                }
                (5, STRUCT) => {
                    own |= header.kind == PageKind::Data;
                    header.data(&mut input)?;
                }
                (7, STRUCT) => {
                    own |= header.kind == PageKind::Dictionary;
                    header.dictionary(&mut input)?;
                }
                (8, STRUCT) => {
                    own |= header.kind == PageKind::DataV2;
                    header.data_v2(&mut input)?;
                }
                (_, kind) => input.skip(kind, MOST_NESTED)?,
            }
        }
        let is_whole = has_kind && has_unpacked && has_packed;
        if !is_whole || !own && header.kind != PageKind::Other {
            return Err(ThriftFault::Malformed);
        }
        Ok((header, octets.len() - input.left()))
    }

    fn data(&mut self, input: &mut Compact<'_>) -> Result<(), ThriftFault> {
        let mut last = 0;
        while let Some((field, kind)) = input.field(&mut last)? {
            match (field, kind) {
                (1, I32) => self.values = input.count()?,
                (2, I32) => self.encoding = encoding(input)?,
                (3, I32) => self.definition_encoding = encoding(input)?,
                (4, I32) => self.repetition_encoding = encoding(input)?,
                (_, kind) => input.skip(kind, MOST_NESTED)?,
            }
        }
        Ok(())
    }

    fn dictionary(&mut self, input: &mut Compact<'_>) -> Result<(), ThriftFault> {
        let mut last = 0;
        while let Some((field, kind)) = input.field(&mut last)? {
            match (field, kind) {
                (1, I32) => self.values = input.count()?,
                (2, I32) => self.encoding = encoding(input)?,
                (_, kind) => input.skip(kind, MOST_NESTED)?,
            }
        }
        Ok(())
    }

    fn data_v2(&mut self, input: &mut Compact<'_>) -> Result<(), ThriftFault> {
        let mut last = 0;
        while let Some((field, kind)) = input.field(&mut last)? {
            match (field, kind) {
                (1, I32) => self.values = input.count()?,
                (2, I32) => self.nulls = input.count()?,
                (3, I32) => self.rows = input.count()?,
                (4, I32) => self.encoding = encoding(input)?,
                (5, I32) => self.definition_levels = input.size()?,
                (6, I32) => self.repetition_levels = input.size()?,
                (7, TRUE | FALSE) => self.is_compressed = kind == TRUE,
                (_, kind) => input.skip(kind, MOST_NESTED)?,
            }
        }
        Ok(())
    }
}

fn encoding(input: &mut Compact<'_>) -> Result<Encoding, ThriftFault> {
    #[allow(deprecated)] // old files have it
    let bit_packed = Encoding::BIT_PACKED;
    Ok(match input.integer()? {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => bit_packed,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(ThriftFault::Malformed),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A data page: 300 octets of 200 in the file, checksum -2, 7 values, PLAIN, RLE levels, statistics with a minimum.
    const DATA: &[u8] = &[
        0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x90, 0x03, 0x15, 0x03, // fields 1 to 4
        0x1c, 0x15, 0x0e, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, // field 5: DataPageHeader
        0x1c, 0x18, 0x02, b'a', b'b', 0x00, // its statistics
        0x00, 0x00,
    ];

    #[test]
    fn a_data_page_header_is_read_with_its_statistics_passed_over() {
        let (header, length) = PageHeader::parse(&[DATA, b"page"].concat()).expect("a header");
        assert_eq!(length, DATA.len());
        assert_eq!(header.kind, PageKind::Data);
        assert_eq!(
            (header.unpacked, header.packed, header.values),
            (300, 200, 7)
        );
        assert_eq!(header.checksum, Some(u32::MAX - 1));
        assert_eq!(header.encoding, Encoding::PLAIN);
        assert_eq!(header.definition_encoding, Encoding::RLE);
    }

    #[test]
    fn a_header_that_is_cut_asks_for_more() {
        for length in 0..DATA.len() {
            assert_eq!(
                PageHeader::parse(&DATA[..length]),
                Err(ThriftFault::Short),
                "{length}"
            );
        }
    }

    #[test]
    fn negative_sizes_and_a_page_without_its_own_header_are_malformed() {
        let mut negative = DATA.to_vec();
        negative[3] = 0xd9;
        assert_eq!(PageHeader::parse(&negative), Err(ThriftFault::Malformed));
        let without = [0x15, 0x00, 0x15, 0x08, 0x15, 0x08, 0x00];
        assert_eq!(PageHeader::parse(&without), Err(ThriftFault::Malformed));
    }

    #[test]
    fn endless_nesting_is_malformed() {
        let nested = [0x9c_u8]
            .into_iter()
            .chain([0x1c; 1_000])
            .collect::<Vec<_>>();
        assert_eq!(PageHeader::parse(&nested), Err(ThriftFault::Malformed));
    }

    proptest! {
        #[test]
        fn any_octets_are_a_header_or_not(octets: Vec<u8>) {
            let _ = PageHeader::parse(&octets);
        }
    }
}
