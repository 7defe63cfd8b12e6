//! Stand-in for `parquet.rs` in a build without the feature `parquet`: an error that names the feature.
//!
//! The dependencies of the Parquet reader take about as long to compile as everything else together.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flowlogs_source::{LineSink, ReadSummary};

use crate::outlet::OutletError;
use crate::replay::InputError;

/// Error of a build without the Parquet reader.
#[derive(Debug, thiserror::Error)]
#[error("Parquet, which this build of flowlogs does not read; build it with --features parquet")]
pub(crate) struct ParquetError;

/// Returns `false`: without the reader, any Parquet file may be a flow log.
pub(crate) fn is_something_else(_: &ParquetError) -> bool {
    false
}

/// Returns [`ParquetError`].
pub(crate) fn read(
    _: &Path,
    _: &Arc<AtomicU64>,
    _: &mut impl LineSink<Error = OutletError>,
) -> Result<ReadSummary, InputError> {
    Err(InputError::Parquet(ParquetError))
}
