//! Reader of Parquet files, in ranges instead of from beginning to end.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowlogs_parquet::{ByteRanges, Bytes, ParquetReader};
pub(crate) use flowlogs_parquet::{ParquetError, ParquetReadError, RowSink};
use flowlogs_source::ReadSummary;

use crate::outlet::OutletError;

/// Most octets of a file's pages in memory.
const LIMIT: usize = 512 * 1_024 * 1_024;

/// Returns whether the file is not a flow log, as opposed to a damaged flow log.
pub(crate) fn is_something_else(error: &ParquetError) -> bool {
    matches!(error, ParquetError::NoFlowLogColumn | ParquetError::Ocsf)
}

/// Passes the rows of a Parquet file to `rows`, and counts the octets read.
pub(crate) fn read(
    path: &Path,
    counter: &Arc<AtomicU64>,
    rows: &mut impl RowSink<Error = OutletError>,
) -> Result<ReadSummary, ParquetReadError<OutletError>> {
    let file = File::open(path).map_err(|error| ParquetReadError::Parquet(error.into()))?;
    let counted = CountedFile {
        file,
        counter: Arc::clone(counter),
    };
    let reader = ParquetReader::open(counted, LIMIT).map_err(ParquetReadError::Parquet)?;
    let count = reader.read(rows)?;
    Ok(ReadSummary {
        lines: count,
        control_messages: 0,
    })
}

struct CountedFile {
    file: File,
    counter: Arc<AtomicU64>,
}

impl ByteRanges for CountedFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, position: u64, length: usize) -> io::Result<Bytes> {
        let read = self.file.read_at(position, length)?;
        self.counter.fetch_add(length as u64, Ordering::Relaxed);
        Ok(read)
    }
}
