//! Cache of what follows from formats and inventory: sources with compiled formats, and log streams whose ids were
//! requested. A new inventory clears the sources. Beside them are the notes that a process logs once.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use flowlogs_core::network::{Destination, Inventory};
use flowlogs_core::{BatchReport, Formats, LogFormat, LogLine, RecordSource, Transcoder};
use flowlogs_source::{LineOrigin, LineSink, LogEvent, Payload};

use crate::config::Config;
use crate::ec2::Ec2;

/// Most log groups in the cache; one more clears the cache.
const SOURCES: usize = 64;

/// Most log streams in the cache, and most notes of a kind; one more stream clears the streams.
const STREAMS: usize = 10_000;

/// Time between two notes about the same flow logs.
const DOUBLED_INTERVAL: Duration = Duration::from_secs(3_600);

/// Sources by log group or bucket, and surveyed log streams.
#[derive(Debug, Default)]
pub(crate) struct SourceCache {
    sources: HashMap<Vec<Destination>, RecordSource>,
    /// Groups of flow logs that write the same records, and the time at which they were logged.
    doubled: HashMap<Vec<String>, Instant>,
    surveyed: HashSet<String>,
    collisions: HashSet<u32>,
}

impl SourceCache {
    /// Returns the source of a log group or object, with the formats that are known now. `destinations` and `flow_log` are
    /// those of [`RecordSource::set_destinations`].
    pub(crate) fn source(
        &mut self,
        destinations: &[Destination],
        flow_log: Option<&str>,
        transcoder: &Transcoder,
        config: &Config,
    ) -> &mut RecordSource {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(destinations) {
            self.sources.clear();
        }
        let source = self
            .sources
            .entry(destinations.to_vec())
            .or_insert_with(|| {
                let given = config
                    .log_format
                    .as_deref()
                    .and_then(|text| Formats::of_setting(text).ok());
                let formats = given.unwrap_or_else(|| {
                    let inventory = transcoder.inventory();
                    let formats = inventory.formats_for(inventory.resolve(flow_log, destinations));
                    Formats::of_format_strings(formats)
                });
                log_formats(destinations, &formats);
                RecordSource::new(None, formats)
            });
        source.set_destinations(destinations, flow_log);
        source
    }

    /// Hands a changed inventory to the transcoder.
    pub(crate) fn renew(&mut self, transcoder: &mut Transcoder, inventory: Option<Inventory>) {
        if let Some(inventory) = inventory {
            transcoder.set_inventory(inventory);
            self.sources.clear();
        }
    }

    /// Requests the names that the lines of a new log stream need. Ids of later lines are noted while they are exported.
    pub(crate) fn survey(
        &mut self,
        payload: &Payload<'_>,
        destination: &[Destination],
        transcoder: &mut Transcoder,
        config: &Config,
        ec2: &mut Ec2,
    ) {
        let origin = payload.origin();
        let log_group = origin.log_group.unwrap_or_default();
        let stream = format!("{log_group}\n{}", origin.log_stream.unwrap_or_default());
        if !config.resolve_names || self.surveyed.contains(&stream) {
            return;
        }
        if self.surveyed.len() >= STREAMS {
            self.surveyed.clear();
        }
        self.surveyed.insert(stream);
        let source = self.source(destination, None, transcoder, config);
        let Ok(()) = payload.hand_on(&mut Survey { transcoder, source });
        ec2.request(transcoder.take_unknown().iter().map(String::as_str));
    }

    /// Logs what a person has to know, once an invocation or once a process; never a line for each record.
    pub(crate) fn log(&mut self, log_group: &str, report: &BatchReport) {
        if let Some(sample) = &report.unparsed {
            let count = report.counters.unparsed_records;
            let (record, line, reason) = (
                sample.record,
                sample.line.as_str(),
                sample.error.to_string(),
            );
            let hint = sample.hint.as_ref().map(LogFormat::to_string);
            tracing::warn!(
                log_group,
                count,
                record,
                line,
                reason,
                hint,
                "lines fit no known record format; set LOG_FORMAT"
            );
        }
        for flow_logs in &report.doubled {
            self.log_doubled(flow_logs);
        }
        for collision in &report.collisions {
            if self.collisions.len() < STREAMS && self.collisions.insert(collision.number) {
                let (number, first, second) =
                    (collision.number, &collision.first, &collision.second);
                tracing::warn!(number, first, second, "two identifiers share a number");
            }
        }
    }
}

impl SourceCache {
    /// Logs flow logs that write the same records, once an hour.
    fn log_doubled(&mut self, flow_logs: &[String]) {
        let now = Instant::now();
        let logged = self.doubled.get(flow_logs);
        if logged.is_some_and(|logged| now.duration_since(*logged) < DOUBLED_INTERVAL) {
            return;
        }
        if self.doubled.len() >= STREAMS {
            self.doubled.clear();
        }
        self.doubled.insert(flow_logs.to_vec(), now);
        let flow_logs = flow_logs.join(", ");
        tracing::warn!(
            flow_logs,
            "these flow logs write the same records into one place, so that flows are counted more than once; delete all but one"
        );
    }
}

/// Logs the formats of flow logs that are not used.
fn log_formats(destinations: &[Destination], formats: &Formats) {
    let destination = destinations.first().map(Destination::to_string);
    for error in formats.refused() {
        let reason = error.to_string();
        tracing::warn!(
            destination,
            reason,
            "the format of a flow log is not usable"
        );
    }
    if formats.left_out() > 0 {
        let left_out = formats.left_out();
        tracing::warn!(
            destination,
            left_out,
            "too many formats of flow logs; set LOG_FORMAT to the needed ones"
        );
    }
}

/// Sink that shows lines to the transcoder before any is exported.
struct Survey<'a> {
    transcoder: &'a mut Transcoder,
    source: &'a mut RecordSource,
}

impl LineSink for Survey<'_> {
    type Error = std::convert::Infallible;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), Self::Error> {
        let line = LogLine {
            id: event.id,
            timestamp: event.timestamp,
            text: event.message,
        };
        self.transcoder.survey(self.source, line);
        Ok(())
    }
}
