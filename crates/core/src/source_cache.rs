//! Cache of sources: formats are compiled once for a destination, not for each payload, object or file.
//!
//! | fact of a source | follows from | lives until |
//! |---|---|---|
//! | candidate formats | the setting `LOG_FORMAT`; else the flow logs of the destination, and AWS's defaults | another inventory, or the cache is full |
//! | account, region, log stream, flow log | the origin | the next origin of the destination |

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::slice;

use crate::flowlog::Formats;
use crate::network::{Destination, Inventory};
use crate::origin::RecordSource;
use crate::transcoder::Transcoder;

/// Most sources in the cache; one more clears the cache.
const MAX_SOURCES: usize = 64;

/// Most octets of the formats of all sources; more clear the cache, too.
const FORMAT_OCTETS: usize = 16 << 20;

/// Most remembered notes; further notes are dropped.
const MAX_NOTES: usize = 10_000;

/// Origin of lines, as far as payload, key, path and settings say.
#[derive(Debug, Clone, Copy, Default)]
pub struct SourceOrigin<'a> {
    /// Account of records without `account-id`.
    pub account: Option<&'a str>,
    /// Region of records without `region`.
    pub region: Option<&'a str>,
    /// Log group of the account and region: the destination of the lines' flow logs.
    pub log_group: Option<&'a str>,
    /// Log stream.
    pub log_stream: Option<&'a str>,
    /// Possible destinations of lines without a log group, in order of preference; none for a plain file.
    pub destinations: &'a [Destination],
    /// Flow log in the key of an object.
    pub flow_log: Option<&'a str>,
}

/// Note about formats that are not used, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatNote {
    /// Destination of the flow logs; `None` for all flow logs of the inventory.
    pub destination: Option<Destination>,
    /// Unused formats, with the reason.
    pub text: String,
}

/// Cache of sources by destination, with a current source.
///
/// ```
/// use flowlogs_core::{SourceCache, SourceOrigin, Transcoder, TranscoderSettings, Transport};
///
/// let transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
/// let mut sources = SourceCache::new(None);
/// let origin = SourceOrigin {
///     account: Some("123456789012"),
///     log_group: Some("/vpc/flow-logs"),
///     ..SourceOrigin::default()
/// };
/// sources.turn_to(&origin, &transcoder);
/// assert_eq!(&*sources.current().destinations()[0].name, "/vpc/flow-logs");
/// ```
#[derive(Debug)]
pub struct SourceCache {
    /// Formats of the setting `LOG_FORMAT`: the only candidates of every source.
    setting: Option<Formats>,
    sources: Vec<RecordSource>,
    indices: HashMap<Vec<Destination>, usize>,
    current: Option<usize>,
    /// Octets of the formats of all sources.
    format_octets: usize,
    /// Version of the flow logs from which the formats follow.
    version: u64,
    /// Notes since the last call of [`take_notes`](Self::take_notes).
    notes: Vec<FormatNote>,
    /// Hashes of all notes, so that a note is made once.
    noted: HashSet<u64>,
    hasher: RandomState,
}

impl SourceCache {
    /// Makes an empty cache. The formats of the setting `LOG_FORMAT` are the only candidates; without the setting, the
    /// formats of the flow logs of each destination and AWS's defaults are the candidates.
    pub fn new(setting: Option<Formats>) -> Self {
        Self {
            setting,
            sources: Vec::new(),
            indices: HashMap::new(),
            current: None,
            format_octets: 0,
            version: 0,
            notes: Vec::new(),
            noted: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Makes the source of an origin current, and begins an object: an earlier header line no longer holds.
    ///
    /// An [inventory set](Transcoder::set_inventory) since the last call clears the cache, because formats follow from the
    /// flow logs.
    pub fn turn_to(&mut self, origin: &SourceOrigin<'_>, transcoder: &Transcoder) {
        if self.version != transcoder.flow_logs_version() {
            self.clear();
            self.version = transcoder.flow_logs_version();
        }
        let log_group = origin.log_group.map(|name| {
            Destination::log_group(name)
                .in_account(origin.account)
                .in_region(origin.region)
        });
        let destinations = log_group
            .as_ref()
            .map_or(origin.destinations, slice::from_ref);
        let index = self.find_or_add(destinations, origin.flow_log, transcoder.inventory());
        let source = &mut self.sources[index];
        source.set_destinations(destinations, origin.flow_log);
        source.set_account_and_region(origin.account, origin.region);
        source.set_stream(origin.log_stream);
        source.formats.begin_object();
        self.current = Some(index);
    }

    /// Source of the last origin.
    ///
    /// # Panics
    ///
    /// Without an earlier [`turn_to`](Self::turn_to).
    #[inline]
    pub fn current(&mut self) -> &mut RecordSource {
        let index = self.current.expect("an origin comes before its lines");
        &mut self.sources[index]
    }

    /// Takes the notes about formats that are not used; a note is made once.
    pub fn take_notes(&mut self) -> Vec<FormatNote> {
        std::mem::take(&mut self.notes)
    }

    /// Index of the source of a destination; makes the source if there is none, after clearing a full cache.
    fn find_or_add(
        &mut self,
        destinations: &[Destination],
        flow_log: Option<&str>,
        inventory: &Inventory,
    ) -> usize {
        let key = inventory.possible_destinations(flow_log, destinations);
        if let Some(&index) = self.indices.get(key) {
            return index;
        }
        let formats = match &self.setting {
            Some(formats) => formats.clone(),
            None => self.flow_log_formats(inventory.resolve(flow_log, destinations), inventory),
        };
        let octets = formats.octets();
        if self.sources.len() >= MAX_SOURCES || self.format_octets + octets > FORMAT_OCTETS {
            self.clear();
        }
        self.format_octets += octets;
        self.sources.push(RecordSource::new(None, formats));
        let index = self.sources.len() - 1;
        self.indices.insert(key.to_vec(), index);
        index
    }

    /// Formats of a destination's flow logs, with notes about unused formats.
    fn flow_log_formats(
        &mut self,
        destination: Option<&Destination>,
        inventory: &Inventory,
    ) -> Formats {
        let formats = Formats::of_format_strings(inventory.formats_for(destination));
        for text in formats.notes() {
            let hash = self.hasher.hash_one((destination, &text));
            if self.noted.len() < MAX_NOTES && self.noted.insert(hash) {
                let destination = destination.cloned();
                self.notes.push(FormatNote { destination, text });
            }
        }
        formats
    }

    fn clear(&mut self) {
        self.indices.clear();
        self.sources.clear();
        self.format_octets = 0;
        self.current = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, MAX_CANDIDATES};
    use crate::ipfix::Transport;
    use crate::network::FlowLog;
    use crate::settings::TranscoderSettings;

    const FORMATS: [&str; 2] = ["${srcaddr} ${bytes}", "${dstaddr} ${packets} ${bytes}"];

    fn transcoder() -> Transcoder {
        Transcoder::new(TranscoderSettings::default(), &[Transport::Stream])
    }

    /// Flow logs `fl-0` to the log group `g0`, `fl-1` to the log group `g1`.
    fn inventory(formats: &[&str]) -> Inventory {
        let mut inventory = Inventory::new();
        for (number, format) in formats.iter().enumerate() {
            inventory.insert_flow_log(FlowLog {
                id: format!("fl-{number}"),
                resource: "vpc-1".to_owned(),
                destination: Some(Destination::log_group(&format!("g{number}"))),
                format: Some((*format).to_owned()),
                ..FlowLog::default()
            });
        }
        inventory
    }

    fn group(name: &str) -> SourceOrigin<'_> {
        SourceOrigin {
            log_group: Some(name),
            ..SourceOrigin::default()
        }
    }

    /// First candidate of the current source.
    fn candidate(sources: &mut SourceCache) -> String {
        let mut candidates = sources.current().formats.candidates();
        candidates.next().expect("a default at least").to_string()
    }

    #[test]
    fn formats_follow_from_the_flow_log_in_a_key_and_else_from_the_log_group() {
        let mut transcoder = transcoder();
        transcoder.set_inventory(inventory(&FORMATS));
        let mut sources = SourceCache::new(None);
        for (number, format) in FORMATS.iter().enumerate() {
            let (name, flow_log) = (format!("g{number}"), format!("fl-{number}"));
            let plain_file = SourceOrigin {
                flow_log: Some(&flow_log),
                ..SourceOrigin::default()
            };
            for origin in [group(&name), plain_file] {
                sources.turn_to(&origin, &transcoder);
                assert_eq!(candidate(&mut sources), *format);
            }
        }
    }

    #[test]
    fn origins_of_one_destination_share_a_source_and_set_its_account() {
        let transcoder = transcoder();
        let mut sources = SourceCache::new(None);
        let bucket = [Destination::bucket("b")];
        for account in ["1", "2"] {
            let origin = SourceOrigin {
                account: Some(account),
                destinations: &bucket,
                ..SourceOrigin::default()
            };
            sources.turn_to(&origin, &transcoder);
            assert_eq!(sources.current().account.as_deref(), Some(account));
        }
        assert_eq!(sources.sources.len(), 1);
    }

    #[test]
    fn a_header_line_holds_until_the_next_origin() {
        let transcoder = transcoder();
        let mut sources = SourceCache::new(None);
        for _ in 0..2 {
            sources.turn_to(&group("g"), &transcoder);
            assert!(!sources.current().formats.has_header());
            sources.current().formats.read_header(b"srcaddr bytes");
            assert!(sources.current().formats.has_header());
        }
    }

    #[test]
    fn a_new_inventory_clears_the_cache_and_a_changed_table_does_not() {
        let mut transcoder = transcoder();
        let mut sources = SourceCache::new(None);
        let mut turn = |transcoder: &Transcoder| {
            sources.turn_to(&group("g0"), transcoder);
            candidate(&mut sources)
        };
        assert_ne!(turn(&transcoder), FORMATS[0]);
        transcoder.set_inventory(inventory(&FORMATS[..1]));
        assert_eq!(turn(&transcoder), FORMATS[0]);
        transcoder.change_inventory(|_| ());
        assert_eq!(turn(&transcoder), FORMATS[0]);
        transcoder.set_inventory(inventory(&FORMATS[1..]));
        assert_eq!(turn(&transcoder), FORMATS[1]);
    }

    #[test]
    fn one_source_too_many_clears_the_cache() {
        let transcoder = transcoder();
        let mut sources = SourceCache::new(None);
        for number in 0..=MAX_SOURCES {
            sources.turn_to(&group(&number.to_string()), &transcoder);
            let expected = if number < MAX_SOURCES { number + 1 } else { 1 };
            assert_eq!(
                (sources.sources.len(), sources.indices.len()),
                (expected, expected)
            );
        }
    }

    #[test]
    fn formats_of_too_many_octets_clear_the_cache() {
        let wide = |format: usize| {
            let columns = (0..1_000).map(|column| format!("${{future-{format}-{column}}}"));
            let text = format!("${{srcaddr}} {}", columns.collect::<Vec<_>>().join(" "));
            LogFormat::parse(&text).expect("a format")
        };
        let setting = Formats::of_flow_logs((0..10).map(wide));
        let most = FORMAT_OCTETS / setting.octets();
        assert!(most < MAX_SOURCES);
        let transcoder = transcoder();
        let mut sources = SourceCache::new(Some(setting));
        for number in 0..=most {
            sources.turn_to(&group(&number.to_string()), &transcoder);
            let expected = if number < most { number + 1 } else { 1 };
            assert_eq!(sources.sources.len(), expected);
            let octets: usize = (sources.sources.iter())
                .map(|one| one.formats.octets())
                .sum();
            assert_eq!(sources.format_octets, octets);
            assert!(octets <= FORMAT_OCTETS, "{octets}");
        }
    }

    #[test]
    fn a_setting_is_the_only_candidate() {
        let mut transcoder = transcoder();
        transcoder.set_inventory(inventory(&FORMATS[..1]));
        let setting = Formats::of_setting(FORMATS[1]).expect("a format");
        let mut sources = SourceCache::new(Some(setting));
        sources.turn_to(&group("g0"), &transcoder);
        assert_eq!(candidate(&mut sources), FORMATS[1]);
        assert_eq!(sources.current().formats.candidates().count(), 1);
    }

    #[test]
    fn a_note_about_an_unused_format_is_made_once() {
        let mut transcoder = transcoder();
        let mut sources = SourceCache::new(None);
        for expected in [1, 0] {
            transcoder.set_inventory(inventory(&["${start}"]));
            sources.turn_to(&group("g0"), &transcoder);
            let notes = sources.take_notes();
            assert_eq!(notes.len(), expected);
            for note in notes {
                assert_eq!(note.destination, Some(Destination::log_group("g0")));
                assert_eq!(
                    note.text,
                    "the format of a flow log is not usable: no address and no counter (srcaddr, dstaddr, packets, bytes, …), \
                     so that no record could become a flow"
                );
            }
        }
    }

    #[test]
    fn a_note_about_formats_that_are_left_out_names_the_setting() {
        let many = (1..=MAX_CANDIDATES).map(|columns| "${bytes} ".repeat(columns));
        let many = many.map(|text| LogFormat::parse(&text).expect("a format"));
        let notes: Vec<String> = Formats::of_flow_logs(many).notes().collect();
        assert_eq!(
            notes,
            [
                "2 formats of flow logs are left out, because there are too many; set the needed formats as the log format \
              (LOG_FORMAT, --log-format)"
            ]
        );
    }

    #[test]
    fn notes_are_bounded_in_number() {
        let mut inventory = Inventory::new();
        inventory.insert_flow_log(FlowLog {
            id: "fl-1".to_owned(),
            destination: Some(Destination::bucket("b")),
            format: Some("${start}".to_owned()),
            ..FlowLog::default()
        });
        let mut transcoder = transcoder();
        transcoder.set_inventory(inventory);
        let mut sources = SourceCache::new(None);
        for number in 0..MAX_NOTES + 10 {
            let destination = Destination::bucket("b").with_prefix(Some(&number.to_string()));
            let origin = SourceOrigin {
                destinations: slice::from_ref(&destination),
                ..SourceOrigin::default()
            };
            sources.turn_to(&origin, &transcoder);
        }
        assert_eq!(sources.take_notes().len(), MAX_NOTES);
    }
}
