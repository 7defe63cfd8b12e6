//! Conversion of options into settings of the transcoder and of the senders.

use std::hash::{BuildHasher, Hasher, RandomState};

use flowlogs_core::dedup;
use flowlogs_core::mapping::MappingSettings;
use flowlogs_core::{TemplateRefresh, TranscoderSettings};
use flowlogs_export::{
    CollectorPeer, CollectorUrl, LARGEST_DATAGRAM, SenderOptions, TlsOptions, pem_text,
};

use crate::cli::{MappingOptions, ReplayArguments, SendingOptions, Switch};
use crate::failure::CommandError;
use crate::replay::RunOptions;
use crate::text::shown_value;

fn mapping(arguments: &MappingOptions) -> MappingSettings {
    MappingSettings {
        timestamps: arguments.timestamps,
        address: arguments.address,
        exporter_address: arguments.exporter_address,
        interface_names: arguments.interface_names,
        name_texts: arguments.names,
    }
}

/// Returns the settings of a run; `peers` are the connections to collectors.
pub(crate) fn transcoder(options: &RunOptions<'_>, peers: &[CollectorPeer]) -> TranscoderSettings {
    let counting = options.counting;
    let excluded = match counting.exclude_collector_traffic {
        Switch::On => peers,
        Switch::Off => &[],
    };
    let collectors = excluded.iter().filter_map(|peer| {
        Some(dedup::CollectorAddress {
            address: peer.collector.ip(),
            port: peer.collector.port(),
            protocol: peer.kind.protocol()?,
        })
    });
    let mut settings = TranscoderSettings {
        mapping: mapping(options.mapping),
        dedup: dedup::DedupSettings {
            deduplicate: counting.deduplicate == Switch::On,
            source_filtered: counting.source_filtered == Switch::On,
            direction: counting.direction,
            collectors: collectors.collect(),
            seed: RandomState::new().build_hasher().finish(),
        },
        observation_domain: options.mapping.observation_domain.0,
        ..TranscoderSettings::default()
    };
    if let Some(sending) = options.sending {
        settings.max_message_size = usize::from(sending.max_message_size);
        settings.template_refresh = TemplateRefresh {
            seconds: sending.template_refresh_seconds,
            messages: sending.template_refresh_messages,
        };
    }
    settings
}

/// Returns the settings of `explain`, with or without deduplication.
pub(crate) fn explainer(arguments: &MappingOptions, deduplicate: bool) -> TranscoderSettings {
    TranscoderSettings {
        mapping: mapping(arguments),
        dedup: dedup::DedupSettings {
            deduplicate,
            ..dedup::DedupSettings::default()
        },
        observation_domain: arguments.observation_domain.0,
        ..TranscoderSettings::default()
    }
}

/// Returns the targets of all `--to`; a repeated target is an error.
pub(crate) fn targets(arguments: &ReplayArguments) -> Result<Vec<CollectorUrl>, CommandError> {
    let mut urls = Vec::new();
    for url in arguments.to.iter().flat_map(|targets| &targets.0) {
        if urls.contains(url) {
            return Err(CommandError::usage(format_args!(
                "--to {url} is given twice; every flow would be counted twice"
            )));
        }
        urls.push(url.clone());
    }
    let size = arguments.sending.max_message_size;
    let is_udp = |url: &CollectorUrl| url.kind().is_datagram();
    if size > LARGEST_DATAGRAM && urls.iter().any(is_udp) {
        return Err(CommandError::usage(format_args!(
            "--max-message-size {size}: at most {LARGEST_DATAGRAM}, because a target is udp://"
        )));
    }
    Ok(urls)
}

/// Returns the options of the senders.
pub(crate) fn sender(arguments: &SendingOptions) -> Result<SenderOptions, CommandError> {
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

/// Returns the PEM text of an option, or of the file named by the option. The text is never shown.
fn pem(option: &str, value: Option<&str>) -> Result<Option<String>, CommandError> {
    let Some(value) = value else { return Ok(None) };
    pem_text(value).map(Some).map_err(|error| {
        let value = shown_value(value);
        CommandError::usage(format_args!(
            "{option}: cannot read {value}: {error}; give PEM text or the path of a file with it"
        ))
    })
}
