//! Sink that hands the lines of a payload or object to the transcoder, until the deadline.

use std::convert::Infallible;
use std::time::Instant;

use flowlogs_core::flowlog::FlowRecord;
use flowlogs_core::network::AccountRegion;
use flowlogs_core::{LogLine, RecordSource, SourceCache, SourceOrigin, Transcoder};
use flowlogs_export::now;
use flowlogs_parquet::RowSink;
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink};
use thiserror::Error;

use crate::blocking::wait;
use crate::forward::TargetSink;
use crate::log::one_line;
use crate::stored::{InventoryUnavailable, StoredInventory};

/// Most lines between two looks at the clock.
const LINES_A_LOOK: u32 = 4_096;

/// Reason to stop in the middle of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StopReason {
    /// The deadline passed while lines were read.
    #[error("the time of the invocation was over")]
    OutOfTime,
    /// A record names an account whose part of the inventory is needed and cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryUnavailable),
}

/// Loader of the parts of the inventory named by records. Blocks: call on a [blocking](crate::start::run_blocking)
/// thread.
#[derive(Debug)]
pub(crate) struct PartLoader<'a> {
    pub(crate) stored: &'a mut StoredInventory,
    /// False if the payload is too old to wait for the inventory.
    pub(crate) waits: bool,
}

impl PartLoader<'_> {
    /// Borrows the loader for one reading of the lines.
    pub(crate) fn reborrow(&mut self) -> PartLoader<'_> {
        PartLoader {
            stored: self.stored,
            waits: self.waits,
        }
    }
}

/// Makes the source of lines current. Facts that the lines' origin does not name are those of `default`. Logs formats that
/// cannot be used, once each.
pub(crate) fn turn_to(
    sources: &mut SourceCache,
    origin: &LineOrigin<'_>,
    default: &SourceOrigin<'_>,
    transcoder: &Transcoder,
) {
    let origin = SourceOrigin {
        account: origin.owner.or(default.account),
        region: origin.region.or(default.region),
        log_group: origin.log_group.or(default.log_group),
        log_stream: origin.log_stream,
        ..*default
    };
    sources.turn_to(&origin, transcoder);
    for note in sources.take_notes() {
        let destination = note.destination;
        let destination = destination.map_or(String::new(), |own| one_line(&own.name));
        let note = one_line(&note.text);
        tracing::warn!(
            destination,
            note,
            "some formats are not used; LOG_FORMAT sets others"
        );
    }
}

/// Source of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchSource<'a> {
    /// Origin of lines that name none.
    pub(crate) origin: SourceOrigin<'a>,
    /// True if the lines come again on purpose: rule 1 does not apply to the events.
    pub(crate) is_backfill: bool,
}

/// Sink that transcodes lines.
pub(crate) struct TranscodeSink<'a, 't> {
    pub(crate) transcoder: &'a mut Transcoder,
    pub(crate) sources: &'a mut SourceCache,
    pub(crate) source: BatchSource<'a>,
    pub(crate) targets: &'a mut TargetSink<'t>,
    pub(crate) deadline: Instant,
    /// Loader, if the inventory is in S3.
    pub(crate) loader: Option<PartLoader<'a>>,
    /// Lines since the last look at the clock; 0 at the beginning.
    pub(crate) lines: u32,
}

impl<'t> TranscodeSink<'_, 't> {
    /// Hands a line or record to the transcoder, again after each part of the inventory that it needs. Looks at the clock
    /// from time to time, and stops at the deadline.
    #[inline]
    fn transcode(
        &mut self,
        mut hand_on: impl FnMut(
            &mut Transcoder,
            &mut RecordSource,
            &mut TargetSink<'t>,
        ) -> Result<(), Infallible>,
    ) -> Result<(), StopReason> {
        self.lines += 1;
        if self.lines == LINES_A_LOOK {
            self.lines = 0;
            if Instant::now() >= self.deadline {
                return Err(StopReason::OutOfTime);
            }
            self.transcoder.set_now(now());
        }
        loop {
            let Ok(()) = hand_on(self.transcoder, self.sources.current(), self.targets);
            match self.transcoder.take_undecided() {
                None => return Ok(()),
                Some(scope) => self.load(scope)?,
            }
        }
    }

    /// Loads the part of the inventory that the last line needs.
    #[cold]
    fn load(&mut self, scope: AccountRegion) -> Result<(), StopReason> {
        let PartLoader { stored, waits } = self
            .loader
            .as_mut()
            .expect("an inventory that is loaded on demand has a loader");
        wait(stored.load(scope, *waits, self.transcoder))?;
        Ok(())
    }
}

impl LineSink for TranscodeSink<'_, '_> {
    type Error = StopReason;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), StopReason> {
        turn_to(self.sources, origin, &self.source.origin, self.transcoder);
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), StopReason> {
        let line = LogLine {
            id: line.id.filter(|_| !self.source.is_backfill),
            ..log_line(line)
        };
        self.transcode(|transcoder, source, targets| transcoder.line(source, line, targets))
    }
}

impl RowSink for TranscodeSink<'_, '_> {
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), StopReason> {
        self.transcode(|transcoder, source, targets| transcoder.record(source, record, targets))
    }
}

/// Line of the unpacker as the transcoder's line.
pub(crate) fn log_line<'a>(line: &DeliveredLine<'a>) -> LogLine<'a> {
    LogLine {
        id: line.id,
        timestamp: line.timestamp,
        text: line.text,
    }
}
