//! Cache of what follows from formats and inventory: sources with compiled formats, and log streams whose ids were
//! requested. A new inventory clears the sources. Beside them are the notes that a process logs once.

use std::collections::{HashMap, HashSet};

use flowlogs_core::network::Inventory;
use flowlogs_core::{BatchReport, Formats, LogFormat, RecordSource, Transcoder};
use flowlogs_source::{LineOrigin, LineSink, LogEvent, Payload};

use crate::config::Config;
use crate::ec2::Ec2;

/// Most log groups in the cache; one more clears the cache.
const SOURCES: usize = 64;

/// Most log streams in the cache, and most notes of a kind; one more stream clears the streams.
const STREAMS: usize = 10_000;

/// Sources by log group or bucket, and surveyed log streams.
#[derive(Debug, Default)]
pub(crate) struct SourceCache {
    sources: HashMap<String, RecordSource>,
    surveyed: HashSet<String>,
    collisions: HashSet<u32>,
}

impl SourceCache {
    /// Returns the source of a log group, with the formats that are known now.
    pub(crate) fn source(
        &mut self,
        log_group: &str,
        transcoder: &Transcoder,
        config: &Config,
    ) -> &mut RecordSource {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(log_group) {
            self.sources.clear();
        }
        self.sources.entry(log_group.to_owned()).or_insert_with(|| {
            let given = config
                .log_format
                .as_deref()
                .and_then(|text| Formats::of_setting(text).ok());
            let formats = given.unwrap_or_else(|| {
                let formats = transcoder.inventory().formats_for(Some(log_group));
                Formats::of_flow_logs(formats.filter_map(|text| LogFormat::parse(text).ok()))
            });
            RecordSource::new(Some(log_group), formats)
        })
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
        let source = self.source(log_group, transcoder, config);
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
            tracing::warn!(
                log_group,
                count,
                record,
                line,
                reason,
                "lines fit no known record format; set LOG_FORMAT"
            );
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
        self.transcoder.survey(self.source, event.message);
        Ok(())
    }
}
