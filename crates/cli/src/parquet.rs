//! Parquet files: the same lines, read in ranges instead of from beginning to end.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use flowlogs_parquet::ParquetError;
use flowlogs_parquet::{ByteRanges, Bytes, ParquetReadError, ParquetReader};
use flowlogs_source::{LineSink, ReadSummary};

use crate::outlet::OutletError;
use crate::replay::Unread;

/// Most octets of pages in memory at a time.
const LIMIT: usize = 512 * 1_024 * 1_024;

/// Whether the file is no flow log at all, rather than a damaged one.
pub(crate) fn is_something_else(error: &ParquetError) -> bool {
    *error == ParquetError::NoFlowLogColumn
}

/// Hands on the lines of a Parquet file; what is read of it is counted.
pub(crate) fn read(
    path: &Path,
    counter: &Arc<AtomicU64>,
    lines: &mut impl LineSink<Error = OutletError>,
) -> Result<ReadSummary, Unread> {
    let file = File::open(path).map_err(|error| Unread::Parquet(error.into()))?;
    let counted = Counted {
        file,
        counter: Arc::clone(counter),
    };
    let reader = ParquetReader::open(counted, LIMIT).map_err(Unread::Parquet)?;
    let rows = reader.read(lines).map_err(|error| match error {
        ParquetReadError::Parquet(error) => Unread::Parquet(error),
        ParquetReadError::Sink(error) => Unread::Sink(error),
    })?;
    Ok(ReadSummary {
        events: rows,
        control_messages: 0,
    })
}

struct Counted {
    file: File,
    counter: Arc<AtomicU64>,
}

impl ByteRanges for Counted {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, position: u64, length: usize) -> io::Result<Bytes> {
        let read = self.file.read_at(position, length)?;
        self.counter.fetch_add(length as u64, Ordering::Relaxed);
        Ok(read)
    }
}
