//! Sink that hands the lines of a payload or object to the transcoder, until the deadline.

use std::convert::Infallible;
use std::time::Instant;

use flowlogs_core::flowlog::FlowRecord;
use flowlogs_core::network::{AccountRegion, Destination};
use flowlogs_core::{LogLine, RecordSource, Transcoder};
use flowlogs_export::now;
use flowlogs_parquet::RowSink;
use flowlogs_source::{LineOrigin, LineSink, LogEvent};
use thiserror::Error;

use crate::blocking::wait;
use crate::config::Config;
use crate::forward::TargetSink;
use crate::source_cache::SourceCache;
use crate::stored::{InventoryUnavailable, StoredInventory};

/// Lines between two looks at the clock.
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

/// Loader of the parts of the inventory named by records. Waits: call on a [blocking](crate::start::run_blocking) thread.
#[derive(Debug)]
pub(crate) struct PartLoader<'a> {
    pub(crate) stored: &'a mut StoredInventory,
    /// The payload is too old to wait.
    pub(crate) impatient: bool,
}

/// Origin of lines that name no origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DefaultOrigin<'a> {
    /// Possible destinations of the flow logs, as for [`RecordSource::set_destinations`].
    ///
    /// [`RecordSource::set_destinations`]: flowlogs_core::RecordSource::set_destinations
    pub(crate) destinations: &'a [Destination],
    /// Flow log that the key of an object names.
    pub(crate) flow_log: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    /// True if the lines come again on purpose: rule 1 does not apply to the events.
    pub(crate) is_backfill: bool,
}

impl PartLoader<'_> {
    /// Loader for another reading of these lines.
    pub(crate) fn again(&mut self) -> PartLoader<'_> {
        PartLoader {
            stored: self.stored,
            impatient: self.impatient,
        }
    }
}

/// Sources of the lines of a payload or object, with a current source.
pub(crate) struct OriginSources<'a> {
    sources: &'a mut SourceCache,
    config: &'a Config,
    default: DefaultOrigin<'a>,
    /// Index of the source of the current origin.
    current: usize,
}

impl<'a> OriginSources<'a> {
    /// Sources with the formats known to the transcoder's inventory; the current source is the default origin's.
    pub(crate) fn new(
        (sources, config): (&'a mut SourceCache, &'a Config),
        default: DefaultOrigin<'a>,
        transcoder: &Transcoder,
    ) -> Self {
        let current = sources.index(default.destinations, default.flow_log, transcoder, config);
        Self {
            sources,
            config,
            default,
            current,
        }
    }

    /// Makes the source of an origin current, and begins an object in the source.
    pub(crate) fn turn_to(&mut self, origin: &LineOrigin<'_>, transcoder: &Transcoder) {
        let default = self.default;
        let account = origin.owner.or(default.account);
        let region = origin.region.or(default.region);
        let log_group = origin.log_group.map(|name| {
            let destination = Destination::log_group(name);
            [destination.in_account(account).in_region(region)]
        });
        let destinations = match &log_group {
            Some(log_group) => log_group,
            None => default.destinations,
        };
        self.current =
            (self.sources).index(destinations, default.flow_log, transcoder, self.config);
        let source = self.source();
        source.formats.begin_object();
        source.set_owner(account, region);
        source.set_stream(origin.log_stream);
    }

    /// Current source.
    pub(crate) fn source(&mut self) -> &mut RecordSource {
        self.sources.source(self.current)
    }
}

/// Sink that transcodes lines.
pub(crate) struct TranscodeSink<'a, 't> {
    transcoder: &'a mut Transcoder,
    sources: OriginSources<'a>,
    targets: &'a mut TargetSink<'t>,
    deadline: Instant,
    /// Loader with an inventory in S3.
    loader: Option<PartLoader<'a>>,
    /// Lines since the last look at the clock.
    lines: u32,
}

impl<'a, 't> TranscodeSink<'a, 't> {
    pub(crate) fn new(
        (transcoder, targets): (&'a mut Transcoder, &'a mut TargetSink<'t>),
        sources: (&'a mut SourceCache, &'a Config),
        default: DefaultOrigin<'a>,
        (deadline, loader): (Instant, Option<PartLoader<'a>>),
    ) -> Self {
        Self {
            sources: OriginSources::new(sources, default, transcoder),
            transcoder,
            targets,
            deadline,
            loader,
            lines: 0,
        }
    }

    /// Hands a line or record to the transcoder, again after each part of the inventory that it needs. Looks at the clock from
    /// time to time, and stops at the deadline.
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
            let Ok(()) = hand_on(self.transcoder, self.sources.source(), self.targets);
            match self.transcoder.take_undecided() {
                None => return Ok(()),
                Some(scope) => self.load(scope)?,
            }
        }
    }

    /// Loads the part of the inventory that the last line needs.
    #[cold]
    fn load(&mut self, scope: AccountRegion) -> Result<(), StopReason> {
        let PartLoader { stored, impatient } = self
            .loader
            .as_mut()
            .expect("an inventory that is loaded on demand has a loader");
        wait(stored.load(scope, *impatient, self.transcoder))?;
        Ok(())
    }
}

impl LineSink for TranscodeSink<'_, '_> {
    type Error = StopReason;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), StopReason> {
        self.sources.turn_to(origin, self.transcoder);
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), StopReason> {
        let line = LogLine {
            id: event.id.filter(|_| !self.sources.default.is_backfill),
            ..log_line(event)
        };
        self.transcode(|transcoder, source, targets| transcoder.line(source, line, targets))
    }
}

impl RowSink for TranscodeSink<'_, '_> {
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), StopReason> {
        self.transcode(|transcoder, source, targets| transcoder.record(source, record, targets))
    }
}

/// Event of the unpacker as the transcoder's line.
pub(crate) fn log_line<'a>(event: &LogEvent<'a>) -> LogLine<'a> {
    LogLine {
        id: event.id,
        timestamp: event.timestamp,
        text: event.message,
    }
}
