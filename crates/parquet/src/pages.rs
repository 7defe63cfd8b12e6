//! The pages of one column in one row group: ranged reads, unpacked within the limit, for the library to decode.
//!
//! The library has a reader of pages too. This one differs in three points: it reads ahead, because a ranged read of an
//! object is a request over the network; it counts what it holds, together with the other columns of the row group; and it
//! never unpacks more than a page's header states, nor a page that states more than there is room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result;

use crate::codec::Codec;
use crate::compact::Fault;
use crate::delta;
use crate::error::{ParquetError, damage, through_library};
use crate::page_header::{Kind, PageHeader};
use crate::ranges::ByteRanges;

/// The longest page header; they hold the least and the largest value, which may be texts.
const MAX_HEADER: usize = 1024 * 1024;

/// The memory that the columns of a row group share.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
        }
    }

    /// Something that took `from` octets takes `to` from now on.
    pub(crate) fn change(&self, from: usize, to: usize) -> std::result::Result<(), ParquetError> {
        // One thread reads a row group; the counter is atomic because the library wants pages that may be sent.
        let used = self.used.load(Ordering::Relaxed);
        let used = used.saturating_sub(from).saturating_add(to);
        if used > self.limit && to > from {
            return Err(ParquetError::TooLarge { limit: self.limit });
        }
        self.used.store(used, Ordering::Relaxed);
        Ok(())
    }
}

/// Where a column's pages are and how they are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// The first octet of the first page.
    pub(crate) begin: u64,
    /// The octet behind the last page.
    pub(crate) end: u64,
    pub(crate) codec: Codec,
    pub(crate) values: Type,
    /// Whether the column may have nulls, and so has definition levels.
    pub(crate) optional: bool,
}

/// The pages of one column in one row group.
pub(crate) struct Pages<R> {
    source: Arc<R>,
    chunk: Chunk,
    budget: Arc<Budget>,
    /// How much is read at least.
    read_ahead: usize,
    /// The next octet to read.
    position: u64,
    /// What was read and not taken yet.
    window: Bytes,
    has_dictionary: bool,
    // What of the budget is taken.
    by_window: usize,
    by_dictionary: usize,
    by_page: usize,
}

impl<R: ByteRanges> Pages<R> {
    pub(crate) fn new(
        source: Arc<R>,
        chunk: Chunk,
        budget: Arc<Budget>,
        read_ahead: usize,
    ) -> Self {
        Self {
            source,
            chunk,
            budget,
            read_ahead,
            position: chunk.begin,
            window: Bytes::new(),
            has_dictionary: false,
            by_window: 0,
            by_dictionary: 0,
            by_page: 0,
        }
    }

    fn next_page(&mut self) -> Result<Option<Page>> {
        while self.left() > 0 {
            let header = self.header()?;
            if header.packed as u64 > self.left() {
                return Err(damage("it is longer than its column"));
            }
            let packed = self.take(header.packed)?;
            // The library takes a page without values for the last one.
            if header.kind == Kind::Other || header.kind != Kind::Dictionary && header.values == 0 {
                continue;
            }
            if header
                .checksum
                .is_some_and(|checksum| checksum != crc(&packed))
            {
                return Err(damage("its checksum is wrong"));
            }
            return match header.kind {
                Kind::Dictionary => self.dictionary(&header, &packed),
                _ => self.data(&header, &packed),
            }
            .map(Some);
        }
        Ok(None)
    }

    fn dictionary(&mut self, header: &PageHeader, packed: &[u8]) -> Result<Page> {
        if self.has_dictionary {
            return Err(damage("it is a second dictionary"));
        }
        let values = usize::try_from(header.values).unwrap_or(usize::MAX);
        let (stored, decoded) = match self.chunk.values {
            Type::INT32 | Type::FLOAT => (4, 4),
            Type::INT64 | Type::DOUBLE => (8, 8),
            Type::INT96 => (12, 12),
            Type::BYTE_ARRAY => (4, size_of::<parquet::data_type::ByteArray>()),
            Type::BOOLEAN | Type::FIXED_LEN_BYTE_ARRAY => {
                return Err(damage("a column of this type has no dictionary"));
            }
        };
        if values > header.unpacked / stored {
            return Err(damage("it has fewer values than its header states"));
        }
        let size = header.unpacked + values * decoded;
        self.budget.change(0, size).map_err(through_library)?;
        self.by_dictionary = size;
        self.has_dictionary = true;
        Ok(Page::DictionaryPage {
            buf: self.unpack(header, packed, 0)?.into(),
            num_values: header.values,
            encoding: header.encoding,
            is_sorted: false,
        })
    }

    fn data(&mut self, header: &PageHeader, packed: &[u8]) -> Result<Page> {
        let by_dictionary = matches!(
            header.encoding,
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY
        );
        if by_dictionary && !self.has_dictionary {
            return Err(damage("it needs a dictionary that is not there"));
        }
        // The page before is still there while this one is unpacked.
        let size = header.unpacked;
        self.budget.change(0, size).map_err(through_library)?;
        let before = std::mem::replace(&mut self.by_page, size);
        let levels = match header.kind {
            Kind::DataV2 => header
                .definition_levels
                .checked_add(header.repetition_levels)
                .filter(|levels| *levels <= header.unpacked.min(packed.len()))
                .ok_or_else(|| damage("its levels are longer than itself"))?,
            _ => 0,
        };
        let mut octets = self.unpack(header, packed, levels)?;
        let mut encoding = header.encoding;
        if delta::is_delta_text(encoding) && self.chunk.values == Type::BYTE_ARRAY {
            octets = self.rewrite(header, &octets, levels)?;
            encoding = Encoding::PLAIN;
        }
        self.budget.change(before, 0).map_err(through_library)?;
        let buf = octets.into();
        Ok(if header.kind == Kind::DataV2 {
            Page::DataPageV2 {
                buf,
                num_values: header.values,
                encoding,
                num_nulls: header.nulls,
                num_rows: header.rows,
                // Both are at most `unpacked`, which came as 31 bits.
                def_levels_byte_len: u32::try_from(header.definition_levels).unwrap_or(u32::MAX),
                rep_levels_byte_len: u32::try_from(header.repetition_levels).unwrap_or(u32::MAX),
                is_compressed: false,
                statistics: None,
            }
        } else {
            Page::DataPage {
                buf,
                num_values: header.values,
                encoding,
                def_level_encoding: header.definition_encoding,
                rep_level_encoding: header.repetition_encoding,
                statistics: None,
            }
        })
    }

    /// The octets of a page; the first `levels` of them are not packed.
    fn unpack(&self, header: &PageHeader, packed: &[u8], levels: usize) -> Result<Vec<u8>> {
        let (stored, packed) = packed.split_at(levels);
        let size = header.unpacked - levels;
        let mut octets = Vec::with_capacity(header.unpacked);
        octets.extend_from_slice(stored);
        let codec = if header.is_compressed {
            self.chunk.codec
        } else {
            Codec::Plain
        };
        // A page of nulls has no values, and some writers do not pack nothing.
        if size > 0 {
            codec.unpack(packed, size, &mut octets).map_err(damage)?;
        }
        Ok(octets)
    }

    /// A page of texts in a delta encoding as one in PLAIN.
    fn rewrite(&mut self, header: &PageHeader, octets: &[u8], levels: usize) -> Result<Vec<u8>> {
        let levels = match header.kind {
            Kind::DataV2 => levels,
            _ if !self.chunk.optional => 0,
            // Definition levels, with their length in front.
            _ => {
                let length = octets
                    .first_chunk::<4>()
                    .map(|octets| u32::from_le_bytes(*octets));
                let length = length.and_then(|length| usize::try_from(length).ok());
                let length = length.filter(|length| *length <= octets.len() - 4);
                4 + length.ok_or_else(|| damage("its levels are longer than itself"))?
            }
        };
        let most = usize::try_from(header.values).unwrap_or(usize::MAX);
        let room = self.budget.limit - self.budget.used.load(Ordering::Relaxed);
        // The lengths of the texts are there at the same time.
        let room = room.saturating_sub(most.saturating_mul(2 * size_of::<usize>()));
        let mut plain = octets[..levels].to_vec();
        delta::rewrite(header.encoding, &octets[levels..], most, room, &mut plain).map_err(
            |fault| match fault {
                delta::Fault::Damaged => damage("its lengths contradict its texts"),
                delta::Fault::TooLarge => through_library(ParquetError::TooLarge {
                    limit: self.budget.limit,
                }),
            },
        )?;
        let size = plain.len();
        self.budget
            .change(self.by_page, size)
            .map_err(through_library)?;
        self.by_page = size;
        Ok(plain)
    }

    /// Takes the header of the next page.
    fn header(&mut self) -> Result<PageHeader> {
        loop {
            match PageHeader::parse(&self.window) {
                Ok((header, length)) => {
                    self.take(length)?;
                    return Ok(header);
                }
                Err(Fault::Malformed) => return Err(damage("its header is malformed")),
                Err(Fault::Short) if self.window.len() as u64 == self.left() => {
                    return Err(damage("its header ends early"));
                }
                Err(Fault::Short) if self.window.len() > MAX_HEADER => {
                    return Err(damage("its header has no end"));
                }
                Err(Fault::Short) => self.fill(self.window.len() + 1)?,
            }
        }
    }

    /// How many octets of the column are not taken yet.
    fn left(&self) -> u64 {
        self.chunk.end - self.position + self.window.len() as u64
    }

    fn take(&mut self, length: usize) -> Result<Bytes> {
        if self.window.len() < length {
            self.fill(length)?;
        }
        Ok(self.window.split_to(length))
    }

    /// Reads until the window has at least `length` octets, which the column must have.
    fn fill(&mut self, length: usize) -> Result<()> {
        let missing = length.saturating_sub(self.window.len());
        let rest = usize::try_from(self.chunk.end - self.position).unwrap_or(usize::MAX);
        let amount = missing.max(self.read_ahead).min(rest);
        let size = self.window.len() + amount;
        self.budget
            .change(self.by_window, size)
            .map_err(through_library)?;
        self.by_window = size;
        let read = self
            .source
            .read_at(self.position, amount)
            .map_err(|error| through_library(error.into()))?;
        self.position += amount as u64;
        self.window = if self.window.is_empty() {
            read
        } else {
            [&self.window[..], &read].concat().into()
        };
        Ok(())
    }
}

impl<R> Drop for Pages<R> {
    fn drop(&mut self) {
        let all = self.by_window + self.by_dictionary + self.by_page;
        // Giving back never fails.
        let _ = self.budget.change(all, 0);
    }
}

impl<R: ByteRanges> Iterator for Pages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<R: ByteRanges> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.next_page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(damage("pages are read in order"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(damage("pages are read in order"))
    }
}

/// CRC-32 as gzip has it.
fn crc(octets: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(octets);
    crc.sum()
}
