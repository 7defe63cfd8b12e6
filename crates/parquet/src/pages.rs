//! Pages of one column in one row group: ranged reads, unpacked within the limit, for the library to decode.
//!
//! The library's own reader of pages lacks three things: read-ahead (a ranged read of an S3 object is a request over the
//! network), a common budget of the columns of a row group, and a bound on unpacking by the page's header and the budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result;

use crate::codec::Codec;
use crate::compact::ThriftFault;
use crate::error::{ParquetError, damage, through_library};
use crate::page_header::{PageHeader, PageKind};
use crate::ranges::ByteRanges;
use crate::texts::{BESIDE_TEXT, SharedTexts};
use crate::values::CELL_OCTETS;

/// Longest page header, in octets. Headers hold the smallest and the largest value, which may be texts.
const MAX_HEADER: usize = 1024 * 1024;

/// Memory budget of the columns of a row group.
#[derive(Debug)]
pub(crate) struct PageBudget {
    limit: usize,
    used: AtomicUsize,
}

impl PageBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
        }
    }

    /// Replaces a part of `from` octets by a part of `to` octets.
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

/// Position and storage of a column's pages.
#[derive(Debug, Clone)]
pub(crate) struct ColumnChunk {
    /// First octet of the first page.
    pub(crate) begin: u64,
    /// Octet behind the last page.
    pub(crate) end: u64,
    pub(crate) codec: Codec,
    pub(crate) values: Type,
    /// True if rows may lack a value, so that pages begin with definition levels.
    pub(crate) is_optional: bool,
    /// Texts of the column; unused for a column of another type.
    pub(crate) texts: SharedTexts,
}

/// Pages of one column in one row group.
pub(crate) struct PageStream<R> {
    source: Arc<R>,
    chunk: ColumnChunk,
    budget: Arc<PageBudget>,
    /// Least octets of a ranged read.
    read_ahead: usize,
    /// Next octet to read.
    position: u64,
    /// Octets read and not taken yet.
    window: Bytes,
    has_dictionary: bool,
    // Parts of the budget.
    by_window: usize,
    by_dictionary: usize,
    by_pages: usize,
}

impl<R: ByteRanges> PageStream<R> {
    pub(crate) fn new(
        source: Arc<R>,
        chunk: ColumnChunk,
        budget: Arc<PageBudget>,
        read_ahead: usize,
    ) -> Self {
        Self {
            source,
            budget,
            read_ahead,
            position: chunk.begin,
            chunk,
            window: Bytes::new(),
            has_dictionary: false,
            by_window: 0,
            by_dictionary: 0,
            by_pages: 0,
        }
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
            Type::BYTE_ARRAY => (4, 4 + BESIDE_TEXT + CELL_OCTETS),
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
        let mut buf = self.unpack(header, packed, 0)?.into();
        if self.chunk.values == Type::BYTE_ARRAY {
            buf = self.chunk.texts.lock().add_dictionary(buf, values)?;
        }
        Ok(Page::DictionaryPage {
            buf,
            num_values: header.values,
            encoding: header.encoding,
            is_sorted: false,
        })
    }

    fn data(&mut self, header: &PageHeader, packed: &[u8]) -> Result<Page> {
        let is_plain_text = self.check_encoding(header)?;
        let values = usize::try_from(header.values).unwrap_or(usize::MAX);
        let beside = match is_plain_text {
            true => values.min(header.unpacked / 4) * BESIDE_TEXT,
            false => 0,
        };
        // The page before is still in memory while this page is unpacked; of a text column, all pages of the batch are.
        let size = header.unpacked + beside;
        self.budget.change(0, size).map_err(through_library)?;
        let packed_levels = match header.kind {
            PageKind::DataV2 => header
                .definition_levels
                .checked_add(header.repetition_levels)
                .filter(|levels| *levels <= header.unpacked.min(packed.len()))
                .ok_or_else(|| damage("its levels are longer than itself"))?,
            _ => 0,
        };
        let mut buf: Bytes = self.unpack(header, packed, packed_levels)?.into();
        let mut texts = self.chunk.texts.lock();
        let by_pages = size + texts.size();
        if is_plain_text {
            let levels = self.levels(header, &buf)?;
            buf = texts.add_page(buf, levels, values)?;
        }
        drop(texts);
        // The page counted twice until here, beside the pages before; from here on it is one of them.
        let before = std::mem::replace(&mut self.by_pages, by_pages);
        self.budget
            .change(before + size, by_pages)
            .map_err(through_library)?;
        Ok(data_page(header, buf))
    }

    /// Checks the encoding of a data page, and returns whether the page has plain texts.
    fn check_encoding(&self, header: &PageHeader) -> Result<bool> {
        let by_dictionary = matches!(
            header.encoding,
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY
        );
        if by_dictionary && !self.has_dictionary {
            return Err(damage("it needs a dictionary that is not there"));
        }
        let is_text = self.chunk.values == Type::BYTE_ARRAY;
        let is_plain_text = is_text && header.encoding == Encoding::PLAIN;
        // Delta-encoded texts, which the library expands by a count in the page, without a limit.
        if is_text && !is_plain_text && !by_dictionary {
            return Err(through_library(ParquetError::Encoding {
                column: String::new(), // known to the caller of the library
                encoding: header.encoding.to_string(),
            }));
        }
        Ok(is_plain_text)
    }

    /// Octets of the levels in front of a data page's values.
    fn levels(&self, header: &PageHeader, page: &[u8]) -> Result<usize> {
        let octets = match header.kind {
            PageKind::DataV2 => header.definition_levels + header.repetition_levels,
            _ if !self.chunk.is_optional => 0,
            _ if header.definition_encoding == Encoding::RLE => {
                page.first_chunk().map_or(usize::MAX, |length| {
                    size_of::<u32>().saturating_add(u32::from_le_bytes(*length) as usize)
                })
            }
            // One bit a value.
            _ => usize::try_from(header.values).map_or(usize::MAX, |values| values.div_ceil(8)),
        };
        match octets <= page.len() {
            true => Ok(octets),
            false => Err(damage("its levels are longer than itself")),
        }
    }

    /// Octets of a page, of which the first `levels` are not packed.
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
        // A page of nulls has no values, and some writers do not pack an empty page.
        if size > 0 {
            codec.unpack(packed, size, &mut octets).map_err(damage)?;
        }
        Ok(octets)
    }

    /// Takes the header of the next page.
    fn header(&mut self) -> Result<PageHeader> {
        loop {
            match PageHeader::parse(&self.window) {
                Ok((header, length)) => {
                    self.take(length)?;
                    return Ok(header);
                }
                Err(ThriftFault::Malformed) => return Err(damage("its header is malformed")),
                Err(ThriftFault::Short) if self.window.len() as u64 == self.left() => {
                    return Err(damage("its header ends early"));
                }
                Err(ThriftFault::Short) if self.window.len() > MAX_HEADER => {
                    return Err(damage("its header has no end"));
                }
                Err(ThriftFault::Short) => self.fill(self.window.len() + 1)?,
            }
        }
    }

    /// Number of octets of the column that are not taken yet.
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

impl<R> Drop for PageStream<R> {
    fn drop(&mut self) {
        let all = self.by_window + self.by_dictionary + self.by_pages;
        // Giving back never fails.
        let _ = self.budget.change(all, 0);
    }
}

impl<R: ByteRanges> Iterator for PageStream<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<R: ByteRanges> PageReader for PageStream<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        while self.left() > 0 {
            let header = self.header()?;
            if header.packed as u64 > self.left() {
                return Err(damage("it is longer than its column"));
            }
            let packed = self.take(header.packed)?;
            // At a page without values the library would end the column.
            if header.kind == PageKind::Other
                || header.kind != PageKind::Dictionary && header.values == 0
            {
                continue;
            }
            if header
                .checksum
                .is_some_and(|checksum| checksum != crc(&packed))
            {
                return Err(damage("its checksum is wrong"));
            }
            return match header.kind {
                PageKind::Dictionary => self.dictionary(&header, &packed),
                _ => self.data(&header, &packed),
            }
            .map(Some);
        }
        Ok(None)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(damage("pages are read in order"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(damage("pages are read in order"))
    }
}

/// Data page for the library.
fn data_page(header: &PageHeader, buf: Bytes) -> Page {
    let (num_values, encoding) = (header.values, header.encoding);
    if header.kind != PageKind::DataV2 {
        return Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: header.definition_encoding,
            rep_level_encoding: header.repetition_encoding,
            statistics: None,
        };
    }
    // Both lengths are at most `unpacked`, which came as 31 bits.
    let length = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    Page::DataPageV2 {
        buf,
        num_values,
        encoding,
        num_nulls: header.nulls,
        num_rows: header.rows,
        def_levels_byte_len: length(header.definition_levels),
        rep_levels_byte_len: length(header.repetition_levels),
        is_compressed: false,
        statistics: None,
    }
}

/// CRC-32 of gzip.
fn crc(octets: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(octets);
    crc.sum()
}
