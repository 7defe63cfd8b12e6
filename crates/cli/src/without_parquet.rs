//! Stand-in for `parquet.rs` in a build without the feature `parquet`: an error that names the feature.
//!
//! The dependencies of the Parquet reader take about as long to compile as everything else together.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flowlogs_core::flowlog::FlowRecord;
use flowlogs_source::{LineSink, ReadSummary};

use crate::outlet::OutletError;

/// Error of a build without the Parquet reader.
#[derive(Debug, thiserror::Error)]
#[error("Parquet, which this build of flowlogs does not read; build it with --features parquet")]
pub(crate) struct ParquetError;

/// Error of [`read`], with the variants of the reader that is left out.
#[derive(Debug)]
pub(crate) enum ParquetReadError<E> {
    /// Every file.
    Parquet(ParquetError),
    /// Failure of the sink: no build without the reader has any.
    #[expect(dead_code, reason = "the reader that is left out has this variant")]
    Sink(E),
}

/// Receiver of rows, of which there are none.
pub(crate) trait RowSink: LineSink {
    /// Takes the record of a row.
    #[expect(dead_code, reason = "called by the reader that is left out")]
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), Self::Error>;
}

/// Returns `false`: without the reader, any Parquet file may be a flow log.
pub(crate) fn is_something_else(_: &ParquetError) -> bool {
    false
}

/// Returns [`ParquetError`].
pub(crate) fn read(
    _: &Path,
    _: &Arc<AtomicU64>,
    _: &mut impl RowSink<Error = OutletError>,
) -> Result<ReadSummary, ParquetReadError<OutletError>> {
    Err(ParquetReadError::Parquet(ParquetError))
}
