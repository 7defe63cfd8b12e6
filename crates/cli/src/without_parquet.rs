//! What stands for the reader of Parquet in a build without it: a line that says how to get it.
//!
//! The reader's dependencies take about as long to compile as everything else together, and most who try the command
//! line have no Parquet.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flowlogs_source::{LineSink, ReadSummary};

use crate::outlet::OutletError;
use crate::replay::Unread;

/// This build reads no Parquet.
#[derive(Debug, thiserror::Error)]
#[error("Parquet, which this build of flowlogs does not read; build it with --features parquet")]
pub(crate) struct ParquetError;

/// Whether the file is no flow log at all; without the reader nobody knows.
pub(crate) fn is_something_else(_: &ParquetError) -> bool {
    false
}

/// Says that there is no reader.
pub(crate) fn read(
    _: &Path,
    _: &Arc<AtomicU64>,
    _: &mut impl LineSink<Error = OutletError>,
) -> Result<ReadSummary, Unread> {
    Err(Unread::Parquet(ParquetError))
}
