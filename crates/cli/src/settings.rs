//! From arguments to what the stages want: settings of the transcoder, options of the senders, sources of lines.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use flowlogs_core::dedup;
use flowlogs_core::mapping::MappingSettings;
use flowlogs_core::network::Inventory;
use flowlogs_core::{Formats, LogFormat, RecordSource, TemplateRefresh, TranscoderSettings};
use flowlogs_export::{CollectorPeer, CollectorUrl, SenderOptions, TlsOptions, pem_text};

use crate::cli::{self, LogFormats, Switch};
use crate::failure::Failure;

/// Most sources (account and log group) that are kept; beyond them the memory starts again.
const REMEMBERED: usize = 1_024;

fn mapping(arguments: &cli::Mapping) -> MappingSettings {
    MappingSettings {
        timestamps: arguments.timestamps,
        address: arguments.address,
        exporter_address: arguments.exporter_address,
        interface_names: arguments.interface_names,
    }
}

/// TranscoderSettings of the transcoder; `peers` are the open connections to collectors.
pub(crate) fn transcoder(arguments: &cli::Replay, peers: &[CollectorPeer]) -> TranscoderSettings {
    let excluded = match arguments.counting.exclude_collector_traffic {
        Switch::On => peers,
        Switch::Off => &[],
    };
    let collectors = excluded.iter().filter_map(|peer| {
        Some(dedup::CollectorAddress {
            address: peer.collector.ip(),
            port: peer.collector.port(),
            protocol: peer.transport.protocol()?,
        })
    });
    TranscoderSettings {
        mapping: mapping(&arguments.mapping),
        dedup: dedup::DedupSettings {
            deduplicate: arguments.counting.deduplicate == Switch::On,
            direction: arguments.counting.direction,
            collectors: collectors.collect(),
            seed: RandomState::new().build_hasher().finish(),
        },
        observation_domain: arguments.mapping.observation_domain.0,
        max_message_size: usize::from(arguments.sending.max_message_size),
        template_refresh: TemplateRefresh {
            seconds: arguments.sending.template_refresh_seconds,
            messages: arguments.sending.template_refresh_messages,
        },
    }
}

/// Settings for one line, without deduplication, which needs more than one line.
pub(crate) fn explainer(arguments: &cli::Mapping) -> TranscoderSettings {
    TranscoderSettings {
        mapping: mapping(arguments),
        dedup: dedup::DedupSettings {
            deduplicate: false,
            ..dedup::DedupSettings::default()
        },
        observation_domain: arguments.observation_domain.0,
        ..TranscoderSettings::default()
    }
}

/// All targets of all `--to`, none of them twice.
pub(crate) fn targets(arguments: &cli::Replay) -> Result<Vec<CollectorUrl>, Failure> {
    let mut urls = Vec::new();
    for url in arguments.to.iter().flat_map(|targets| &targets.0) {
        if urls.contains(url) {
            return Err(Failure::usage(format_args!(
                "--to {url} is given twice; every flow would be counted twice"
            )));
        }
        urls.push(url.clone());
    }
    Ok(urls)
}

pub(crate) fn sender(arguments: &cli::Sending) -> Result<SenderOptions, Failure> {
    Ok(SenderOptions {
        udp_rate: arguments.udp_rate,
        tls: TlsOptions {
            ca_pem: pem("--tls-ca", arguments.tls_ca.as_deref())?,
            certificate_pem: pem("--tls-certificate", arguments.tls_certificate.as_deref())?,
            key_pem: pem("--tls-key", arguments.tls_key.as_deref())?,
        },
        ..SenderOptions::default()
    })
}

/// PEM text as it was given, or from the file that was named. The text itself is never shown.
fn pem(option: &str, value: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(value) = value else { return Ok(None) };
    pem_text(value).map(Some).map_err(|error| {
        Failure::usage(format_args!(
            "{option}: cannot read {value}: {error}; give PEM text or the path of a file with it"
        ))
    })
}

/// The sources that lines come from, by account and log group.
#[derive(Debug)]
pub(crate) struct Sources {
    setting: Option<Formats>,
    owner: Option<String>,
    region: Option<String>,
    destination: Option<String>,
    sources: Vec<RecordSource>,
    places: HashMap<(Option<String>, Option<String>), usize>,
    /// Formats of the inventory that are none, each once.
    pub(crate) wrong_formats: Vec<String>,
}

impl Sources {
    pub(crate) fn new(arguments: &cli::Origin) -> Self {
        Self {
            setting: match &arguments.log_format {
                LogFormats::Auto => None,
                LogFormats::Set(formats) => Some((**formats).clone()),
            },
            owner: arguments.owner.clone(),
            region: arguments.region.clone(),
            destination: arguments.log_group.clone(),
            sources: Vec::new(),
            places: HashMap::new(),
            wrong_formats: Vec::new(),
        }
    }

    /// The place of the source of a payload that says this of itself; a new payload of it begins.
    pub(crate) fn place(
        &mut self,
        owner: Option<&str>,
        log_group: Option<&str>,
        inventory: &Inventory,
    ) -> usize {
        let owner = owner.or(self.owner.as_deref()).map(str::to_owned);
        let destination = log_group.or(self.destination.as_deref()).map(str::to_owned);
        let key = (owner, destination);
        if let Some(&place) = self.places.get(&key) {
            self.sources[place].formats.begin_object();
            return place;
        }
        if self.sources.len() >= REMEMBERED {
            self.sources.clear();
            self.places.clear();
        }
        let mut source =
            RecordSource::new(key.1.as_deref(), self.formats(key.1.as_deref(), inventory));
        source.set_owner(key.0.as_deref(), self.region.as_deref());
        self.sources.push(source);
        let place = self.sources.len() - 1;
        self.places.insert(key, place);
        place
    }

    pub(crate) fn source(&mut self, place: usize) -> &mut RecordSource {
        &mut self.sources[place]
    }

    /// The candidate formats, in the order of the documentation: the setting alone; else the inventory's and AWS's.
    pub(crate) fn formats(&mut self, destination: Option<&str>, inventory: &Inventory) -> Formats {
        if let Some(formats) = &self.setting {
            return formats.clone();
        }
        let mut formats = Vec::new();
        for text in inventory.formats_for(destination) {
            match LogFormat::parse(text) {
                Ok(format) => formats.push(format),
                Err(error) => {
                    let note = format!("a flow log of the inventory is passed over: {error}");
                    if !self.wrong_formats.contains(&note) {
                        self.wrong_formats.push(note);
                    }
                }
            }
        }
        Formats::of_flow_logs(formats)
    }
}
