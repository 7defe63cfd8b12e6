//! Cache of record sources: formats and owner of the lines, by account and log group.

use std::collections::HashMap;

use flowlogs_core::network::Inventory;
use flowlogs_core::{Formats, LogFormat, RecordSource};
use flowlogs_source::LineOrigin;

use crate::cli::{LogFormats, SourceOptions};

/// Limit of sources; beyond it the cache is cleared.
const CAPACITY: usize = 1_024;

/// Account, region and log group of a source.
type SourceKey = (Option<String>, Option<String>, Option<String>);

/// Cache of record sources with compiled formats.
#[derive(Debug)]
pub(crate) struct SourceCache {
    setting: Option<Formats>,
    owner: Option<String>,
    region: Option<String>,
    destination: Option<String>,
    sources: Vec<RecordSource>,
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
            destination: options.log_group.clone(),
            sources: Vec::new(),
            slots: HashMap::new(),
            notes: Vec::new(),
        }
    }

    /// Returns the slot of a source, and begins a new object in it. Options replace an unknown owner, region or log group.
    pub(crate) fn slot(&mut self, origin: &LineOrigin<'_>, inventory: &Inventory) -> usize {
        let known = |name: Option<&str>, option: &Option<String>| {
            name.or(option.as_deref()).map(str::to_owned)
        };
        let key = (
            known(origin.owner, &self.owner),
            known(origin.region, &self.region),
            known(origin.log_group, &self.destination),
        );
        if let Some(&slot) = self.slots.get(&key) {
            self.sources[slot].formats.begin_object();
            return slot;
        }
        if self.sources.len() >= CAPACITY {
            self.sources.clear();
            self.slots.clear();
        }
        let formats = self.formats(key.2.as_deref(), inventory);
        let mut source = RecordSource::new(key.2.as_deref(), formats);
        source.set_owner(key.0.as_deref(), key.1.as_deref());
        self.sources.push(source);
        let slot = self.sources.len() - 1;
        self.slots.insert(key, slot);
        slot
    }

    /// Returns the source in a slot.
    pub(crate) fn source(&mut self, slot: usize) -> &mut RecordSource {
        &mut self.sources[slot]
    }

    /// Returns the candidate formats: those of `--log-format` alone; else those of the inventory and of AWS.
    pub(crate) fn formats(&mut self, destination: Option<&str>, inventory: &Inventory) -> Formats {
        if let Some(formats) = &self.setting {
            return formats.clone();
        }
        let mut formats = Vec::new();
        for text in inventory.formats_for(destination) {
            match LogFormat::parse(text) {
                Ok(format) => formats.push(format),
                Err(error) => self.note(format!(
                    "a flow log of the inventory is passed over: {error}"
                )),
            }
        }
        let formats = Formats::of_flow_logs(formats);
        if formats.left_out() > 0 {
            let of = destination.unwrap_or("the inventory");
            self.note(format!(
                "{} formats of {of} are left out, because there are too many; give the needed ones with --log-format",
                formats.left_out()
            ));
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
