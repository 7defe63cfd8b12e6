//! Receiver of lines, and reasons for not reading an input to the end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flowlogs_core::flowlog::FlowRecord;
use flowlogs_core::{LogLine, RecordObserver, RecordOutcome, SourceCache, Transcoder};
use flowlogs_source::{DeliveredLine, JsonFault, LineOrigin, LineSink, ReadError, UnpackError};

use crate::clock;
use crate::forms::PlainError;
use crate::origin::InputOrigin;
use crate::outlet::{MessageOutlet, OutletError};
use crate::parquet::{self, ParquetError, ParquetReadError, RowSink};
use crate::progress::ProgressBar;

/// Most lines between two looks at the clock.
const CLOCK_INTERVAL: u32 = 8_192;

/// Reason for not reading an input to the end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// Header line with neither an address nor a counter.
    #[error("not a flow log: its header line has no address and no counter: {0}")]
    NotAFlowLog(String),
    /// Failure to open.
    #[error("{0}")]
    Open(#[from] PlainError),
    /// Failure to unpack.
    #[error("{0}")]
    Unpack(UnpackError),
    /// Parquet on standard input.
    #[error("Parquet is read from its end; give the path of the file instead of -")]
    NotInRanges,
    /// Failure to read Parquet.
    #[error("{0}")]
    Parquet(ParquetError),
    /// Failure of the output.
    #[error("the output failed")]
    Sink(OutletError),
}

impl InputError {
    /// Returns whether the input is not a flow log, as opposed to a damaged flow log.
    pub(super) fn is_something_else(&self) -> bool {
        match self {
            Self::Unpack(error) => matches!(
                error,
                UnpackError::Unrecognised
                    | UnpackError::Json {
                        fault: JsonFault::Unknown,
                        ..
                    }
            ),
            Self::Parquet(error) => parquet::is_something_else(error),
            Self::NotAFlowLog(_) => true,
            Self::Open(_) | Self::NotInRanges | Self::Sink(_) => false,
        }
    }
}

impl From<ReadError<OutletError>> for InputError {
    fn from(error: ReadError<OutletError>) -> Self {
        match error {
            ReadError::Unpack(error) => Self::Unpack(error),
            ReadError::Sink(error) => Self::Sink(error),
        }
    }
}

impl From<ParquetReadError<OutletError>> for InputError {
    fn from(error: ParquetReadError<OutletError>) -> Self {
        match error {
            ParquetReadError::Parquet(error) => Self::Parquet(error),
            ParquetReadError::Sink(error) => Self::Sink(error),
        }
    }
}

/// Receiver of the lines of an input.
pub(super) struct LineFeed<'a> {
    pub(super) transcoder: &'a mut Transcoder,
    pub(super) outlet: &'a mut MessageOutlet,
    pub(super) sources: &'a mut SourceCache,
    pub(super) input: &'a InputOrigin,
    pub(super) lines: u32,
    /// Counter of exported flows of unknown direction.
    pub(super) without_direction: &'a mut u64,
    pub(super) octets: &'a AtomicU64,
    /// Tells that no further line has arrived, so that the flows so far are sent.
    pub(super) idle: &'a AtomicBool,
    pub(super) progress: &'a mut ProgressBar,
}

impl LineSink for LineFeed<'_> {
    type Error = OutletError;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), OutletError> {
        let origin = self.input.of_lines(origin);
        self.sources.turn_to(&origin, self.transcoder);
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), OutletError> {
        let line = LogLine {
            id: line.id,
            timestamp: line.timestamp,
            text: line.text,
        };
        self.begin_line();
        let source = self.sources.current();
        let mut observer = DirectionCounter(self.without_direction);
        self.transcoder
            .observed_line(source, line, self.outlet, &mut observer)?;
        self.end_line()
    }
}

impl RowSink for LineFeed<'_> {
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), OutletError> {
        self.begin_line();
        let source = self.sources.current();
        let mut observer = DirectionCounter(self.without_direction);
        self.transcoder
            .observed_record(source, record, self.outlet, &mut observer)?;
        self.end_line()
    }
}

impl LineFeed<'_> {
    /// Looks at the clock from time to time.
    fn begin_line(&mut self) {
        self.lines += 1;
        if self.lines == CLOCK_INTERVAL {
            self.lines = 0;
            self.transcoder.set_now(clock::now());
            let read = self.octets.load(Ordering::Relaxed);
            self.progress.update(CLOCK_INTERVAL.into(), read);
        }
    }

    /// Sends the flows so far if no further line has arrived.
    fn end_line(&mut self) -> Result<(), OutletError> {
        if self.idle.load(Ordering::Relaxed) {
            self.transcoder.flush(self.outlet)?;
        }
        Ok(())
    }
}

/// Observer that counts exported flows of unknown direction.
struct DirectionCounter<'a>(&'a mut u64);

impl RecordObserver for DirectionCounter<'_> {
    fn record(&mut self, _: &FlowRecord<'_>, outcome: RecordOutcome<'_>) {
        if let RecordOutcome::Exported(flow) = outcome {
            *self.0 += u64::from(flow.direction().is_none());
        }
    }
}
