//! Cache of everything that follows from formats and inventory: sources with compiled formats, and log streams with surveyed
//! ids. A new inventory clears the sources. Beside the cache are the notes that a process logs once.
//!
//! The command line has another cache (`crates/cli/src/sources.rs`), because the keys differ: here settings and look-ups hold
//! for all sources, so that the key is the destination, and an event sets account, region and stream of the source; there
//! account, region and flow log come from options and from the path of each input, and belong to the key. Formats, notes
//! and the choice of the destination are core's for both ([`Formats`], [`Inventory::resolve`]).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use flowlogs_core::network::{Destination, Inventory};
use flowlogs_core::{BatchReport, Formats, LogFormat, RecordSource, Transcoder};
use flowlogs_source::LineOrigin;

use crate::config::Config;
use crate::log::one_line;

/// Most sources in the cache; one more clears the cache.
const MAX_SOURCES: usize = 64;

/// Most octets of the formats of all of them; more clear the cache, too.
const FORMAT_OCTETS: usize = 16 << 20;

/// Most log streams in the cache; one more clears the streams.
const MAX_STREAMS: usize = 10_000;

/// Most remembered notes of a kind; further notes are not logged (of doubled flow logs, the cache is cleared).
const MAX_NOTES: usize = 10_000;

/// Time between two notes about the same flow logs.
const DOUBLED_INTERVAL: Duration = Duration::from_secs(3_600);

/// Sources by log group or bucket, and surveyed log streams.
#[derive(Debug, Default)]
pub(crate) struct SourceCache {
    indices: HashMap<Vec<Destination>, usize>,
    sources: Vec<RecordSource>,
    /// Octets of the formats of the sources.
    format_octets: usize,
    /// Hashes of groups of flow logs that write the same records, and the time at which they were logged.
    doubled: HashMap<u64, Instant>,
    /// Hashes of surveyed log streams: names are only compared.
    surveyed: HashSet<u64>,
    hasher: RandomState,
    collisions: HashSet<u32>,
    /// Hashes of notes about formats.
    noted: HashSet<u64>,
}

impl SourceCache {
    /// Index of the source of a log group or object, with the formats that are known now; valid until the next call.
    /// `destinations` and `flow_log` are those of [`RecordSource::set_destinations`].
    pub(crate) fn index(
        &mut self,
        destinations: &[Destination],
        flow_log: Option<&str>,
        transcoder: &Transcoder,
        config: &Config,
    ) -> usize {
        let index = match self.indices.get(destinations) {
            Some(&index) => index,
            None => self.add(destinations, flow_log, transcoder, config),
        };
        self.sources[index].set_destinations(destinations, flow_log);
        index
    }

    fn add(
        &mut self,
        destinations: &[Destination],
        flow_log: Option<&str>,
        transcoder: &Transcoder,
        config: &Config,
    ) -> usize {
        let given = config
            .log_format
            .as_deref()
            .and_then(|text| Formats::of_setting(text).ok());
        let formats = match given {
            Some(formats) => formats,
            None => {
                let inventory = transcoder.inventory();
                self.flow_log_formats(inventory.resolve(flow_log, destinations), inventory)
            }
        };
        let octets = formats.octets();
        if self.sources.len() >= MAX_SOURCES || self.format_octets + octets > FORMAT_OCTETS {
            self.clear();
        }
        self.format_octets += octets;
        let index = self.sources.len();
        self.sources.push(RecordSource::new(None, formats));
        self.indices.insert(destinations.to_vec(), index);
        index
    }

    /// Returns the source at an [`index`](Self::index).
    pub(crate) fn source(&mut self, index: usize) -> &mut RecordSource {
        &mut self.sources[index]
    }

    /// Formats of a destination's flow logs; notes the ones that cannot be used, once each.
    fn flow_log_formats(
        &mut self,
        destination: Option<&Destination>,
        inventory: &Inventory,
    ) -> Formats {
        let formats = Formats::of_format_strings(inventory.formats_for(destination));
        let name = destination.map_or(String::new(), |own| one_line(&own.name));
        for note in formats.notes() {
            let note = one_line(&note);
            if self.is_new(&format!("{name} {note}")) {
                tracing::warn!(
                    destination = name,
                    note,
                    "some formats are not used; LOG_FORMAT sets others"
                );
            }
        }
        formats
    }

    /// Remembers a note; returns `true` if nobody made the note before.
    fn is_new(&mut self, note: &str) -> bool {
        self.noted.len() < MAX_NOTES && self.noted.insert(self.hasher.hash_one(note))
    }

    fn clear(&mut self) {
        self.indices.clear();
        self.sources.clear();
        self.format_octets = 0;
    }

    /// Hands a changed inventory to the transcoder, and clears the sources: formats follow from the inventory.
    pub(crate) fn renew(&mut self, transcoder: &mut Transcoder, inventory: Option<Inventory>) {
        if let Some(inventory) = inventory {
            transcoder.set_inventory(inventory);
            self.clear();
        }
    }

    /// Remembers a log stream; returns `true` if its lines were not surveyed before.
    pub(crate) fn is_new_stream(&mut self, origin: &LineOrigin<'_>) -> bool {
        let stream = self.hasher.hash_one((origin.log_group, origin.log_stream));
        if self.surveyed.contains(&stream) {
            return false;
        }
        if self.surveyed.len() >= MAX_STREAMS {
            self.surveyed.clear();
        }
        self.surveyed.insert(stream)
    }

    /// Logs what a person has to know, once an invocation or once a process; never a line for each record.
    pub(crate) fn log(&mut self, destination: &str, report: &BatchReport) {
        let destination = one_line(&destination);
        if let Some(sample) = &report.unparsed {
            let count = report.counters.unparsed_records;
            let (record, line) = (sample.record, one_line(&sample.line));
            let reason = one_line(&sample.mismatch);
            let hint = sample.hint.as_ref().map(LogFormat::to_string); // of documented names
            tracing::warn!(
                log_group = destination,
                count,
                record,
                line,
                reason,
                hint,
                "lines fit no known record format; set LOG_FORMAT"
            );
        }
        if report.counters.unknown_direction > 0 {
            let count = report.counters.unknown_direction;
            tracing::warn!(
                log_group = destination,
                count,
                "flows of unknown direction were exported"
            );
        }
        for flow_logs in &report.doubled {
            self.log_doubled(flow_logs);
        }
        for collision in &report.collisions {
            if self.collisions.len() < MAX_NOTES && self.collisions.insert(collision.number) {
                let number = collision.number;
                let [first, second] = [&collision.first, &collision.second].map(one_line);
                tracing::warn!(number, first, second, "two identifiers share a number");
            }
        }
    }
}

impl SourceCache {
    /// Logs flow logs that write the same records, once an hour.
    fn log_doubled(&mut self, flow_logs: &[String]) {
        let now = Instant::now();
        let group = self.hasher.hash_one(flow_logs);
        let logged = self.doubled.get(&group);
        if logged.is_some_and(|logged| now.duration_since(*logged) < DOUBLED_INTERVAL) {
            return;
        }
        if self.doubled.len() >= MAX_NOTES {
            self.doubled.clear();
        }
        self.doubled.insert(group, now);
        let flow_logs = one_line(&flow_logs.join(", "));
        tracing::warn!(
            flow_logs,
            "these flow logs write the same records into one place, so that flows are counted more than once; delete all but one"
        );
    }
}

#[cfg(test)]
mod tests {
    use flowlogs_core::{TranscoderSettings, Transport};
    use serde_json::json;

    use super::*;
    use crate::config::RawConfig;

    fn config() -> Config {
        let raw = RawConfig::read(|name| match name {
            "COLLECTOR" => Some("udp://192.0.2.1".to_owned()),
            _ => None,
        });
        Config::new(&raw).expect("right settings")
    }

    /// Different formats of 1,000 columns.
    fn formats(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| {
            let columns = (0..998).map(|column| format!(" ${{next-{number}-{column}}}"));
            format!("${{srcaddr}} ${{bytes}}{}", columns.collect::<String>())
        })
    }

    #[test]
    fn formats_of_all_sources_are_bounded_in_octets() {
        let groups: Vec<String> = (0..8).map(|group| format!("group-{group}")).collect();
        let formats: Vec<String> = formats(60).collect();
        let flow_logs = groups.iter().flat_map(|group| {
            formats.iter().enumerate().map(move |(number, format)| {
                json!({"FlowLogId": format!("fl-{group}-{number}"), "ResourceId": "vpc-1",
                    "LogGroupName": group, "LogFormat": format})
            })
        });
        let inventory = json!({"FlowLogs": flow_logs.collect::<Vec<_>>()}).to_string();
        let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
        let inventory = flowlogs_describe::read(inventory.as_bytes()).expect("an inventory");
        transcoder.set_inventory(inventory);
        let (mut cache, config) = (SourceCache::default(), config());
        let mut most = 0;
        for group in &groups {
            let destination = [Destination::log_group(group)];
            cache.index(&destination, None, &transcoder, &config);
            let octets: usize = cache.sources.iter().map(|one| one.formats.octets()).sum();
            assert_eq!(cache.format_octets, octets);
            assert!(octets <= FORMAT_OCTETS, "{octets}");
            most = most.max(octets);
        }
        assert!(most > FORMAT_OCTETS / 2, "{most}");
        assert!(cache.sources.len() < groups.len(), "cleared");
    }

    #[test]
    fn sources_streams_and_notes_are_bounded_in_number() {
        let transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
        let (mut cache, config) = (SourceCache::default(), config());
        let mut most = [0; 2];
        for number in 0..3 * MAX_SOURCES {
            let destination = [Destination::log_group(&number.to_string())];
            cache.index(&destination, None, &transcoder, &config);
            most[0] = most[0].max(cache.sources.len());
        }
        for number in 0..MAX_STREAMS + 10 {
            let name = number.to_string();
            let origin = LineOrigin {
                log_stream: Some(&name),
                ..LineOrigin::default()
            };
            assert!(cache.is_new_stream(&origin));
            assert!(!cache.is_new_stream(&origin));
            most[1] = most[1].max(cache.surveyed.len());
            assert_eq!(cache.is_new(&name), number < MAX_NOTES);
        }
        assert_eq!(most, [64, 10_000]);
        assert_eq!(cache.noted.len(), 10_000);
    }
}
