//! Origin of the lines of an input: what payload, path and options say.

use std::path::Path;

use flowlogs_core::network::{Destination, Inventory};
use flowlogs_core::{Formats, SourceCache, SourceOrigin};
use flowlogs_source::{LineOrigin, s3};

use crate::cli::{LogFormats, SourceOptions};

/// Returns a cache of sources whose formats are those of `--log-format`; else of the inventory and of AWS.
pub(crate) fn source_cache(options: &SourceOptions) -> SourceCache {
    SourceCache::new(match &options.log_format {
        LogFormats::Auto => None,
        LogFormats::Set(formats) => Some(Formats::clone(formats)),
    })
}

/// Returns the new notes about unused formats.
pub(crate) fn format_notes(sources: &mut SourceCache) -> impl Iterator<Item = String> {
    sources.take_notes().into_iter().map(|note| {
        let of = note.destination.as_ref();
        let of = of.map_or("the inventory".to_owned(), Destination::to_string);
        format!("{of}: {} (--log-format)", note.text)
    })
}

/// Account, region, log group or delivery stream, and flow log of lines that name none.
#[derive(Debug, Clone)]
pub(crate) struct InputOrigin {
    account: Option<String>,
    region: Option<String>,
    log_group: Option<String>,
    delivery_stream: Option<Destination>,
    flow_log: Option<String>,
}

impl InputOrigin {
    /// Origin by the options.
    pub(crate) fn new(options: &SourceOptions) -> Self {
        Self {
            account: options.owner.clone(),
            region: options.region.clone(),
            log_group: options.log_group.clone(),
            delivery_stream: None,
            flow_log: None,
        }
    }

    /// Origin of an input: its path, which names account, region and flow log like the key of an object, takes precedence
    /// over the options.
    pub(crate) fn at_path(&self, path: Option<&Path>, inventory: &Inventory) -> Self {
        let parts = path.into_iter().flat_map(Path::components);
        let parts: Vec<_> = parts
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        let key = parts.join("/");
        let facts = s3::key_facts(&key);
        let account = facts.account.or(self.account.as_deref());
        let region = facts.region.or(self.region.as_deref());
        let stream = facts.delivery_stream.map(Destination::delivery_stream);
        // A file that merely is named like an object of Firehose has no destination.
        let stream = stream.filter(|stream| inventory.flow_logs_to(Some(stream)).next().is_some());
        Self {
            account: account.map(str::to_owned),
            region: region.map(str::to_owned),
            log_group: self.log_group.clone(),
            delivery_stream: stream.map(|stream| stream.in_account(account).in_region(region)),
            flow_log: facts.flow_log.map(str::to_owned),
        }
    }

    /// Origin of lines: the payload takes precedence over path and options.
    pub(crate) fn of_lines<'a>(&'a self, origin: &LineOrigin<'a>) -> SourceOrigin<'a> {
        SourceOrigin {
            account: origin.owner.or(self.account.as_deref()),
            region: origin.region.or(self.region.as_deref()),
            log_group: origin.log_group.or(self.log_group.as_deref()),
            log_stream: origin.log_stream,
            destinations: self.delivery_stream.as_slice(),
            flow_log: self.flow_log.as_deref(),
        }
    }
}
