//! Cache of record sources: formats, owner and destination of the lines, by the account and log group that the input names
//! and by the path of the input.
//!
//! The functions have another cache (`crates/lambda/src/source_cache.rs`), which explains the difference.

use std::collections::HashMap;
use std::path::Path;

use flowlogs_core::network::{Destination, Inventory};
use flowlogs_core::{Formats, RecordSource};
use flowlogs_source::{LineOrigin, s3};

use crate::cli::{LogFormats, SourceOptions};

/// Limit of sources; beyond, the cache is cleared.
const CAPACITY: usize = 1_024;

/// Limit of the octets of the formats of all sources; beyond, the cache is cleared.
const FORMAT_OCTETS: usize = 64 << 20;

/// Account, region, log group or delivery stream, and flow log of a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct SourceKey {
    owner: Option<String>,
    region: Option<String>,
    destination: Option<Destination>,
    flow_log: Option<String>,
}

/// Cache of record sources with compiled formats.
#[derive(Debug)]
pub(crate) struct SourceCache {
    setting: Option<Formats>,
    owner: Option<String>,
    region: Option<String>,
    log_group: Option<String>,
    /// Path of the input: names account, region and flow log like the key of an object.
    path: String,
    sources: Vec<RecordSource>,
    /// Octets of the formats of the sources.
    format_octets: usize,
    slots: HashMap<SourceKey, usize>,
    /// Notes about formats that are not used, each once.
    notes: Vec<String>,
}

impl SourceCache {
    pub(crate) fn new(options: &SourceOptions) -> Self {
        Self {
            setting: match &options.log_format {
                LogFormats::Auto => None,
                LogFormats::Set(formats) => Some((**formats).clone()),
            },
            owner: options.owner.clone(),
            region: options.region.clone(),
            log_group: options.log_group.clone(),
            path: String::new(),
            sources: Vec::new(),
            format_octets: 0,
            slots: HashMap::new(),
            notes: Vec::new(),
        }
    }

    /// Sets the path of the next input.
    pub(crate) fn set_path(&mut self, path: Option<&Path>) {
        let parts = path.into_iter().flat_map(Path::components);
        let parts: Vec<_> = parts
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        self.path = parts.join("/");
    }

    /// Returns the slot of a source, and begins a new object in the source. An owner, region or log group that the input
    /// does not name is taken from the path, else from the options.
    pub(crate) fn slot(&mut self, origin: &LineOrigin<'_>, inventory: &Inventory) -> usize {
        let key = self.key(origin, inventory);
        if let Some(&slot) = self.slots.get(&key) {
            self.sources[slot].formats.begin_object();
            return slot;
        }
        let destinations = key.destination.as_slice();
        let resolved = inventory.resolve(key.flow_log.as_deref(), destinations);
        let formats = self.formats(resolved, inventory);
        let octets = formats.octets();
        if self.sources.len() >= CAPACITY || self.format_octets + octets > FORMAT_OCTETS {
            self.sources.clear();
            self.slots.clear();
            self.format_octets = 0;
        }
        self.format_octets += octets;
        let mut source = RecordSource::new(None, formats);
        source.set_destinations(destinations, key.flow_log.as_deref());
        source.set_owner(key.owner.as_deref(), key.region.as_deref());
        self.sources.push(source);
        let slot = self.sources.len() - 1;
        self.slots.insert(key, slot);
        slot
    }

    fn key(&self, origin: &LineOrigin<'_>, inventory: &Inventory) -> SourceKey {
        let by_path = s3::owner(&self.path);
        let owner = origin.owner.or(by_path.account).or(self.owner.as_deref());
        let region = origin.region.or(by_path.region).or(self.region.as_deref());
        let group = origin.log_group.or(self.log_group.as_deref());
        let group = group.map(Destination::log_group);
        // A file that merely is named like an object of Firehose has no destination.
        let stream = by_path.delivery_stream.map(Destination::delivery_stream);
        let stream = stream.filter(|stream| inventory.flow_logs_to(Some(stream)).next().is_some());
        SourceKey {
            owner: owner.map(str::to_owned),
            region: region.map(str::to_owned),
            destination: group
                .or(stream)
                .map(|destination| destination.in_account(owner).in_region(region)),
            flow_log: by_path.flow_log.map(str::to_owned),
        }
    }

    /// Returns the source in a slot.
    pub(crate) fn source(&mut self, slot: usize) -> &mut RecordSource {
        &mut self.sources[slot]
    }

    /// Returns the candidate formats: of `--log-format` alone; else of the inventory and of AWS.
    pub(crate) fn formats(
        &mut self,
        destination: Option<&Destination>,
        inventory: &Inventory,
    ) -> Formats {
        if let Some(formats) = &self.setting {
            return formats.clone();
        }
        let formats = Formats::of_format_strings(inventory.formats_for(destination));
        let of = destination.map_or("the inventory".to_owned(), Destination::to_string);
        for note in formats.notes() {
            self.note(format!("{of}: {note} (--log-format)"));
        }
        formats
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns the notes about formats that are not used.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> SourceCache {
        SourceCache::new(&SourceOptions {
            log_format: LogFormats::Auto,
            owner: None,
            region: None,
            log_group: None,
            inventory: Vec::new(),
        })
    }

    #[test]
    fn sources_are_bounded_in_number_and_their_formats_in_octets() {
        let columns: String = (0..1_000)
            .map(|column| format!(" ${{next-{column}}}"))
            .collect();
        let groups: Vec<String> = (0..24).map(|group| format!("group-{group}")).collect();
        let flow_logs = groups.iter().flat_map(|group| {
            let columns = &columns;
            (0..60).map(move |number| {
                serde_json::json!({"FlowLogId": format!("fl-{group}-{number}"), "ResourceId": "vpc-1",
                    "LogGroupName": group, "LogFormat": format!("${{bytes}} ${{next-{number}-}}{columns}")})
            })
        });
        let inventory = serde_json::json!({"FlowLogs": flow_logs.collect::<Vec<_>>()}).to_string();
        let inventory = flowlogs_describe::read(inventory.as_bytes()).expect("an inventory");
        let (mut cache, mut most) = (cache(), 0);
        for group in &groups {
            let origin = LineOrigin {
                log_group: Some(group),
                ..LineOrigin::default()
            };
            cache.slot(&origin, &inventory);
            let octets: usize = cache.sources.iter().map(|one| one.formats.octets()).sum();
            assert_eq!(cache.format_octets, octets);
            most = most.max(octets);
        }
        assert!(
            (FORMAT_OCTETS / 2..=FORMAT_OCTETS).contains(&most),
            "{most}"
        );
        assert!(cache.sources.len() < groups.len(), "cleared");
        for account in 0..CAPACITY + 10 {
            let owner = account.to_string();
            let origin = LineOrigin {
                owner: Some(&owner),
                ..LineOrigin::default()
            };
            cache.slot(&origin, &Inventory::new());
            assert!(cache.sources.len() <= 1_024);
        }
    }
}
