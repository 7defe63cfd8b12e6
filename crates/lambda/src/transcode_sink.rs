//! Sink that hands the lines of a payload or object to the transcoder, until the deadline.

use std::time::Instant;

use flowlogs_core::network::Destination;
use flowlogs_core::{LogLine, Transcoder};
use flowlogs_export::now;
use flowlogs_source::{LineOrigin, LineSink, LogEvent};
use thiserror::Error;

use crate::config::Config;
use crate::forward::TargetSink;
use crate::source_cache::{SourceCache, cut};

/// Lines between two looks at the clock.
const LINES_A_LOOK: u32 = 4_096;

/// The deadline passed while lines were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the time of the invocation was over")]
pub(crate) struct OutOfTime;

/// Origin of lines that do not name their own.
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
    /// Whether the lines come again on purpose, so that rule 1 does not apply to their events.
    pub(crate) is_backfill: bool,
}

pub(crate) struct TranscodeSink<'a, 't> {
    transcoder: &'a mut Transcoder,
    sources: &'a mut SourceCache,
    config: &'a Config,
    targets: &'a mut TargetSink<'t>,
    default: DefaultOrigin<'a>,
    deadline: Instant,
    /// Source of the current origin, by its index.
    source: usize,
    /// Lines since the last look at the clock.
    lines: u32,
}

impl<'a, 't> TranscodeSink<'a, 't> {
    pub(crate) fn new(
        (transcoder, targets): (&'a mut Transcoder, &'a mut TargetSink<'t>),
        (sources, config): (&'a mut SourceCache, &'a Config),
        default: DefaultOrigin<'a>,
        deadline: Instant,
    ) -> Self {
        let source = sources.index(default.destinations, default.flow_log, transcoder, config);
        Self {
            transcoder,
            sources,
            config,
            targets,
            default,
            deadline,
            source,
            lines: 0,
        }
    }
}

impl LineSink for TranscodeSink<'_, '_> {
    type Error = OutOfTime;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), OutOfTime> {
        let default = self.default;
        let account = origin.owner.or(default.account);
        let region = origin.region.or(default.region);
        let log_group = origin.log_group.map(|name| {
            let destination = Destination::log_group(cut(name));
            [destination.in_account(account).in_region(region)]
        });
        let destinations = match &log_group {
            Some(log_group) => log_group,
            None => default.destinations,
        };
        let (transcoder, config) = (&*self.transcoder, self.config);
        self.source = self
            .sources
            .index(destinations, default.flow_log, transcoder, config);
        let source = self.sources.source(self.source);
        source.formats.begin_object();
        source.set_owner(account, region);
        source.set_stream(origin.log_stream);
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), OutOfTime> {
        self.lines += 1;
        if self.lines == LINES_A_LOOK {
            self.lines = 0;
            if Instant::now() >= self.deadline {
                return Err(OutOfTime);
            }
            self.transcoder.set_now(now());
        }
        let line = LogLine {
            id: event.id.filter(|_| !self.default.is_backfill),
            timestamp: event.timestamp,
            text: event.message,
        };
        let source = self.sources.source(self.source);
        let Ok(()) = self.transcoder.line(source, line, self.targets);
        Ok(())
    }
}
