//! Reader of an object: row groups → rows.

use std::sync::Arc;

use bytes::Bytes;
use flowlogs_core::flowlog::RowValues;
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, PARQUET_MAGIC};
use parquet::file::metadata::{
    ColumnChunkMetaData, FooterTail, ParquetMetaData, ParquetMetaDataOptions,
    ParquetMetaDataReader, ParquetStatisticsPolicy, RowGroupMetaData,
};

use crate::codec::Codec;
use crate::columns::{FileColumns, ReadColumn, described};
use crate::error::{ParquetError, ParquetReadError, guarded};
use crate::footer;
use crate::pages::{ColumnChunk, PageBudget, PageStream};
use crate::ranges::ByteRanges;
use crate::rows::{GroupColumns, GroupRow, RowSink};
use crate::texts::SharedTexts;
use crate::values::ColumnValues;

/// Largest footer, in octets. An object of AWS has a footer of a few thousand octets; the parsed footer takes several times
/// as much memory.
pub const MAX_FOOTER: usize = 2 * 1024 * 1024;

/// Most octets of the object's end that are read first: a footer with one row group is smaller.
const TAIL: usize = 64 * 1024;

/// Shortest file: magic, footer, length of the footer, magic.
const SHORTEST: u64 = 12;

/// Most rows that are decoded at once.
const ROWS_AT_ONCE: usize = 1_024;

/// Largest and smallest read-ahead of one column, in octets. Between the two, each column reads ahead an equal share of a
/// quarter of the limit.
const READ_AHEAD: std::ops::RangeInclusive<usize> = 64 * 1024..=1024 * 1024;

/// Opened Parquet object.
#[derive(Debug)]
pub struct ParquetReader<R> {
    source: Arc<R>,
    size: u64,
    metadata: ParquetMetaData,
    columns: FileColumns,
    rows: u64,
    limit: usize,
}

impl<R: ByteRanges> ParquetReader<R> {
    /// Reads the footer.
    ///
    /// `limit` is the memory in octets for the pages of all columns together in [`Self::read`]. 48 MiB are enough for the
    /// usual pages of about a megabyte, whatever the object's size.
    ///
    /// # Errors
    /// The object is no Parquet file, its footer is damaged, or it is not a flow log.
    pub fn open(source: R, limit: usize) -> Result<Self, ParquetError> {
        let size = source.size()?;
        let footer = read_footer(&source, size)?;
        footer::check(&footer).map_err(|_| ParquetError::Footer {
            reason: "it is not built as the footer of a Parquet file is".to_owned(),
        })?;
        // Statistics take memory and are of no use here.
        let skip = || ParquetStatisticsPolicy::SkipAll;
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(skip())
            .with_size_stats_policy(skip())
            .with_encoding_stats_policy(skip());
        let metadata = guarded(|| {
            ParquetMetaDataReader::decode_metadata_with_options(&footer, Some(&options))
        })
        .map_err(|fault| fault.in_footer())?;
        let columns = FileColumns::of(metadata.file_metadata().schema_descr())?;
        let mut rows: u64 = 0;
        for group in metadata.row_groups() {
            let more = u64::try_from(group.num_rows()).ok();
            rows = more
                .and_then(|more| rows.checked_add(more))
                .ok_or_else(|| ParquetError::Footer {
                    reason: "a row group has an impossible number of rows".to_owned(),
                })?;
        }
        Ok(Self {
            source: Arc::new(source),
            size,
            metadata,
            columns,
            rows,
            limit,
        })
    }

    /// Number of rows in the footer.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Hands on the origin, the header line and each row, as a record where its values fit, else as a line. Returns the
    /// number of rows.
    ///
    /// # Errors
    /// [`ParquetReadError::Parquet`], after the rows before the fault were handed on (whole batches of them).
    /// [`ParquetReadError::Sink`] when `sink` stops.
    pub fn read<S: RowSink>(&self, sink: &mut S) -> Result<u64, ParquetReadError<S::Error>> {
        self.begin(sink).map_err(ParquetReadError::Sink)?;
        self.read_rows(|mut row| match row.record() {
            Some(record) => sink.record(&record),
            None => sink.line(&delivered(row.line())),
        })
    }

    /// Hands on the origin, the header line and a line for each row, as AWS would have written it into a text object.
    /// Returns the number of rows.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn read_lines<L: LineSink>(
        &self,
        lines: &mut L,
    ) -> Result<u64, ParquetReadError<L::Error>> {
        self.begin(lines).map_err(ParquetReadError::Sink)?;
        self.read_rows(|mut row| lines.line(&delivered(row.line())))
    }

    fn begin<L: LineSink>(&self, lines: &mut L) -> Result<(), L::Error> {
        lines.origin(&LineOrigin::default())?;
        lines.line(&delivered(&self.columns.header))
    }

    fn read_rows<E>(
        &self,
        mut hand_on: impl FnMut(GroupRow<'_, '_>) -> Result<(), E>,
    ) -> Result<u64, ParquetReadError<E>> {
        let mut record = RowValues::new(self.columns.format.clone());
        let mut line = Vec::new();
        for (number, group) in self.metadata.row_groups().iter().enumerate() {
            let number = number + 1;
            let budget = Arc::new(PageBudget::new(self.limit));
            let columns = self.open_group(group, &budget, &record)?;
            let columns = GroupColumns::new(&self.columns, columns, &mut record, &mut line);
            let rows = usize::try_from(group.num_rows()).map_err(|_| ParquetError::Footer {
                reason: format!("row group {number} has an impossible number of rows"),
            })?;
            self.read_group(columns, number, rows, &budget, &mut hand_on)?;
        }
        Ok(self.rows)
    }

    /// Columns of a row group, before their first row.
    fn open_group(
        &self,
        group: &RowGroupMetaData,
        budget: &Arc<PageBudget>,
        record: &RowValues,
    ) -> Result<Vec<ColumnValues>, ParquetError> {
        let read = &self.columns.read;
        let read_ahead =
            (self.limit / 4 / read.len()).clamp(*READ_AHEAD.start(), *READ_AHEAD.end());
        let open = |column: &ReadColumn| {
            let chunk = self.chunk(column, group)?;
            let texts = chunk.texts.clone();
            let pages = PageStream::new(self.source.clone(), chunk, budget.clone(), read_ahead);
            let stored = group.column(column.index).column_descr_ptr();
            let field = record.column(column.index);
            let values = field.and_then(|field| {
                ColumnValues::new(&stored, texts, column.form, field, Box::new(pages))
            });
            values.ok_or_else(|| ParquetError::ColumnType {
                column: column.name.clone(),
                found: described(&stored),
            })
        };
        read.iter().map(open).collect()
    }

    fn read_group<E>(
        &self,
        mut columns: GroupColumns<'_>,
        number: usize,
        mut left: usize,
        budget: &PageBudget,
        hand_on: &mut impl FnMut(GroupRow<'_, '_>) -> Result<(), E>,
    ) -> Result<(), ParquetReadError<E>> {
        let mut size = 0;
        while left > 0 {
            let rows = left.min(ROWS_AT_ONCE);
            for (values, column) in columns.columns().iter_mut().zip(&self.columns.read) {
                guarded(|| values.read(rows))
                    .map_err(|fault| fault.in_page(&column.name, number))?;
            }
            let size_before = std::mem::replace(&mut size, columns.size());
            budget.change(size_before, size)?;
            for row in 0..rows {
                hand_on(columns.row(row)).map_err(ParquetReadError::Sink)?;
            }
            left -= rows;
        }
        Ok(())
    }

    /// Position and storage of a column in a row group.
    fn chunk(
        &self,
        column: &ReadColumn,
        group: &RowGroupMetaData,
    ) -> Result<ColumnChunk, ParquetError> {
        let stored: &ColumnChunkMetaData = group.column(column.index);
        let first = stored.data_page_offset();
        // Old writers state 0 where there is no dictionary.
        let dictionary = stored
            .dictionary_page_offset()
            .filter(|offset| (1..first).contains(offset));
        let begin = u64::try_from(dictionary.unwrap_or(first)).ok();
        let length = u64::try_from(stored.compressed_size()).ok();
        let end = begin.and_then(|begin| begin.checked_add(length?));
        let (Some(begin), Some(end)) = (begin, end.filter(|end| *end <= self.size)) else {
            return Err(ParquetError::Footer {
                reason: format!("column {} is not within the object", column.name),
            });
        };
        let codec = Codec::of(stored.compression()).ok_or_else(|| ParquetError::Codec {
            column: column.name.clone(),
            codec: format!("{:?}", stored.compression()),
        })?;
        Ok(ColumnChunk {
            begin,
            end,
            codec,
            values: stored.column_type(),
            is_optional: stored.column_descr().max_def_level() > 0,
            texts: SharedTexts::default(),
        })
    }
}

fn delivered(text: &[u8]) -> DeliveredLine<'_> {
    DeliveredLine {
        id: None,
        timestamp: None,
        text,
    }
}

/// Reads the octets of the footer.
fn read_footer(source: &impl ByteRanges, size: u64) -> Result<Bytes, ParquetError> {
    let damaged = |reason: &str| ParquetError::Footer {
        reason: reason.to_owned(),
    };
    let head = source.read_at(0, usize::try_from(size.min(4)).expect("at most 4"))?;
    if &head[..] == b"PARE" {
        return Err(ParquetError::Encrypted);
    }
    if head[..] != PARQUET_MAGIC {
        return Err(ParquetError::NotParquet);
    }
    if size < SHORTEST {
        return Err(damaged("the object ends early"));
    }
    let length = usize::try_from(size).unwrap_or(usize::MAX).min(TAIL);
    let mut tail = source.read_at(size - length as u64, length)?;
    let end = FooterTail::try_from(&tail[length - 8..])
        .map_err(|_| damaged("the object does not end as a Parquet file does"))?;
    if end.is_encrypted_footer() {
        return Err(ParquetError::Encrypted);
    }
    let footer = end.metadata_length();
    if footer as u64 > size - SHORTEST {
        return Err(damaged("it is longer than the object"));
    }
    if footer > MAX_FOOTER {
        return Err(damaged("it is longer than any footer of a flow log"));
    }
    if footer <= length - 8 {
        let _ = tail.split_off(length - 8);
        return Ok(tail.split_off(tail.len() - footer));
    }
    Ok(source.read_at(size - 8 - footer as u64, footer)?)
}
