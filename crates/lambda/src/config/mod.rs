//! Configuration: the environment, read once at start, becomes a checked [`Config`].
//!
//! `settings.rs` reads the variables of the [table] as text; this file turns text into values. A wrong setting ends here,
//! with a line that names the variable, the value, and a right value.

mod location;
mod settings;
mod unusable;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use flowlogs_core::mapping::MappingSettings;
use flowlogs_core::settings::table;
use flowlogs_core::{Formats, TemplateRefresh, TranscoderSettings, dedup};
use flowlogs_export::{
    CollectorUrl, LARGEST_DATAGRAM, SenderOptions, TargetKind, TlsOptions, pem_text,
};

pub use location::{InventoryLocation, NotALocation};
pub use settings::{RawConfig, SettingError, SettingValue};

/// Pause of the circuit breaker: an unreachable collector costs a connection attempt a minute in each environment.
const RETRY_PAUSE: Duration = Duration::from_secs(60);

/// Everything that is decided at start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Collectors; at least one, and no file.
    pub collectors: Vec<CollectorUrl>,
    /// Record formats of the setting, checked; `None` asks EC2.
    pub log_format: Option<String>,
    /// Source of names, coverage and record formats.
    pub inventory: InventorySetting,
    /// Flows to and from the collectors are left out.
    pub exclude_collector_traffic: bool,
    /// Settings of the transcoder, without the collectors' addresses: these are known once the collectors are reached.
    pub transcoder: TranscoderSettings,
    /// Messages a second to each UDP collector.
    pub udp_rate: u32,
    /// Source of the TLS certificates.
    pub tls: TlsSource,
}

/// Source of names, coverage and record formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventorySetting {
    /// EC2 of the function's own account and region.
    Ec2,
    /// Objects that `flowlogs-inventory` keeps in S3.
    Stored(InventoryLocation),
    /// No source: formats come from header lines, `LOG_FORMAT` and the defaults; names and coverage are unknown.
    Off,
}

/// Source of the TLS certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// PEM texts of the settings, none of which may be given.
    Settings(TlsOptions),
    /// A Secrets Manager secret, by ARN or name.
    Secret(String),
}

impl Config {
    /// Checks every setting, and reads the files that `TLS_CA`, `TLS_CERTIFICATE` and `TLS_KEY` may name.
    ///
    /// # Errors
    ///
    /// The first wrong setting, in the order of the table.
    pub fn new(raw: &RawConfig) -> Result<Self, SettingError> {
        let collectors = collectors(raw.value(&table::COLLECTOR))?;
        let udp = collectors
            .iter()
            .any(|collector| collector.kind() == TargetKind::Udp);
        let size = raw.value(&table::MAX_MESSAGE_SIZE);
        if udp && size.number()? > u32::from(LARGEST_DATAGRAM) {
            return Err(size.wrong_because(format_args!(
                "at most {LARGEST_DATAGRAM}, because a collector is udp://"
            )));
        }
        Ok(Self {
            collectors,
            log_format: log_format(raw.value(&table::LOG_FORMAT))?,
            inventory: inventory(raw.value(&table::INVENTORY))?,
            exclude_collector_traffic: raw.value(&table::EXCLUDE_COLLECTOR_TRAFFIC).on()?,
            transcoder: transcoder(raw)?,
            udp_rate: raw.value(&table::UDP_RATE).number()?,
            tls: tls(raw)?,
        })
    }

    /// Record formats of the setting, compiled.
    pub fn formats(&self) -> Option<Formats> {
        let text = self.log_format.as_deref()?;
        Some(Formats::of_setting(text).expect("checked when the setting was read"))
    }

    /// Options of the senders, given the certificates of the [`TlsSource`].
    pub fn sender_options(&self, tls: TlsOptions) -> SenderOptions {
        SenderOptions {
            udp_rate: self.udp_rate,
            retry_pause: RETRY_PAUSE,
            tls,
            ..SenderOptions::default()
        }
    }
}

fn collectors(value: &SettingValue) -> Result<Vec<CollectorUrl>, SettingError> {
    let Some(list) = value.optional() else {
        return Err(value.wrong());
    };
    let collectors = CollectorUrl::parse_list(list).map_err(|error| value.hidden(error))?;
    match collectors
        .iter()
        .find(|collector| collector.kind() == TargetKind::File)
    {
        // A file is gone with the environment: a function that writes files loses everything silently.
        Some(_) => Err(value.wrong()),
        None => Ok(collectors),
    }
}

fn inventory(value: &SettingValue) -> Result<InventorySetting, SettingError> {
    match value.text() {
        "ec2" => Ok(InventorySetting::Ec2),
        "off" => Ok(InventorySetting::Off),
        _ => value.parsed().map(InventorySetting::Stored),
    }
}

fn log_format(value: &SettingValue) -> Result<Option<String>, SettingError> {
    if value.text() == "auto" {
        return Ok(None);
    }
    match Formats::of_setting(value.text()) {
        Ok(_) => Ok(Some(value.text().to_owned())),
        Err(error) => {
            Err(value.wrong_because(format_args!("{}; {error}", value.setting().valid_values())))
        }
    }
}

fn transcoder(raw: &RawConfig) -> Result<TranscoderSettings, SettingError> {
    let exporter_address = match raw.value(&table::EXPORTER_ADDRESS) {
        value if value.optional().is_none() => None,
        value => Some(value.parsed()?),
    };
    let size = raw.value(&table::MAX_MESSAGE_SIZE);
    Ok(TranscoderSettings {
        mapping: MappingSettings {
            timestamps: raw.value(&table::TIMESTAMPS).parsed()?,
            address: raw.value(&table::ADDRESS).parsed()?,
            exporter_address,
            interface_names: raw.value(&table::INTERFACE_NAMES).parsed()?,
            name_texts: raw.value(&table::NAMES).parsed()?,
        },
        dedup: dedup::DedupSettings {
            deduplicate: raw.value(&table::DEDUPLICATE).on()?,
            source_filtered: raw.value(&table::SOURCE_FILTERED).on()?,
            direction: raw.value(&table::DIRECTION).parsed()?,
            collectors: Vec::new(),
            // Outsiders choose the text that is hashed.
            seed: RandomState::new().hash_one(()),
        },
        observation_domain: match raw.value(&table::OBSERVATION_DOMAIN) {
            value if value.text() == "auto" => None,
            value => Some(value.number()?),
        },
        max_message_size: usize::try_from(size.number()?).map_err(|_| size.wrong())?,
        template_refresh: TemplateRefresh {
            seconds: raw.value(&table::TEMPLATE_REFRESH_SECONDS).number()?,
            messages: raw.value(&table::TEMPLATE_REFRESH_MESSAGES).number()?,
        },
    })
}

fn tls(raw: &RawConfig) -> Result<TlsSource, SettingError> {
    let [ca, certificate, key] = [&table::TLS_CA, &table::TLS_CERTIFICATE, &table::TLS_KEY]
        .map(|setting| raw.value(setting));
    if let Some(secret) = raw.value(&table::TLS_SECRET_ID).optional() {
        let given = [ca, certificate, key]
            .into_iter()
            .find(|value| value.optional().is_some());
        return match given {
            Some(value) => {
                Err(value.wrong_because("an empty value, because TLS_SECRET_ID is given"))
            }
            None => Ok(TlsSource::Secret(secret.to_owned())),
        };
    }
    let tls = TlsOptions {
        ca_pem: pem(ca)?,
        certificate_pem: pem(certificate)?,
        key_pem: pem(key)?,
    };
    match (&tls.certificate_pem, &tls.key_pem) {
        (Some(_), None) => Err(key.wrong_because("the key of TLS_CERTIFICATE, which is given")),
        (None, Some(_)) => {
            Err(certificate.wrong_because("the certificate of TLS_KEY, which is given"))
        }
        _ => Ok(TlsSource::Settings(tls)),
    }
}

/// Reads PEM text, given directly or as the path of a file.
fn pem(value: &SettingValue) -> Result<Option<String>, SettingError> {
    let Some(given) = value.optional() else {
        return Ok(None);
    };
    pem_text(given).map(Some).map_err(|error| {
        value.wrong_because(format_args!(
            "{}; the file cannot be read: {error}",
            value.setting().valid_values()
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use flowlogs_core::settings::table::SETTINGS;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let raw = RawConfig::read(|name| {
            let given = variables.iter().find(|(variable, _)| *variable == name);
            let collector = (name == "COLLECTOR").then_some("udp://10.0.0.1:4739");
            given
                .map(|(_, value)| *value)
                .or(collector)
                .map(str::to_owned)
        });
        Config::new(&raw).map_err(|error| error.to_string())
    }

    fn error(variable: &str, value: &str) -> String {
        config(&[(variable, value)]).expect_err("a wrong setting")
    }

    #[test]
    fn a_collector_is_all_that_has_to_be_set() {
        let config = config(&[]).expect("defaults are right");
        assert_eq!(config.collectors.len(), 1);
        assert_eq!(config.inventory, InventorySetting::Ec2);
        assert!(config.exclude_collector_traffic && config.log_format.is_none());
        assert_eq!(config.udp_rate, flowlogs_export::DEFAULT_UDP_RATE);
        assert_eq!(config.tls, TlsSource::Settings(TlsOptions::default()));
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_transcoder() {
        let mut ours = config(&[]).expect("defaults are right").transcoder;
        ours.dedup.seed = 0; // the one thing that is random
        assert_eq!(
            format!("{ours:?}"),
            format!("{:?}", TranscoderSettings::default())
        );
    }

    #[test]
    fn settings_reach_the_transcoder() {
        let TranscoderSettings {
            mapping,
            dedup,
            observation_domain,
            max_message_size,
            ..
        } = config(&[
            ("ADDRESS", "packet"),
            ("DIRECTION", "ingress"),
            ("EXPORTER_ADDRESS", "2001:db8::1"),
            ("OBSERVATION_DOMAIN", "7"),
            ("MAX_MESSAGE_SIZE", "512"),
            ("DEDUPLICATE", "off"),
        ])
        .expect("right settings")
        .transcoder;
        assert_eq!(mapping.address, flowlogs_core::mapping::AddressPair::Packet);
        assert_eq!(mapping.exporter_address, "2001:db8::1".parse().ok());
        assert_eq!((observation_domain, max_message_size), (Some(7), 512));
        assert_eq!(
            (dedup.direction, dedup.deduplicate),
            (dedup::DirectionFilter::Ingress, false)
        );
    }

    #[test]
    fn formats_are_checked_at_start() {
        let given = "${version} ${srcaddr}; ${version} ${dstaddr}";
        let config = config(&[("LOG_FORMAT", given)]).expect("two formats");
        assert_eq!(config.log_format.as_deref(), Some(given));
        assert!(error("LOG_FORMAT", "${version} ${srcaddr").contains("column 2"));
    }

    #[test]
    fn an_inventory_in_a_bucket_has_its_keys_below_the_prefix() {
        for (url, key) in [
            ("s3://bucket", "manifest.json.gz"),
            ("s3://bucket/", "manifest.json.gz"),
            ("s3://bucket/a/b/", "a/b/manifest.json.gz"),
        ] {
            let config = config(&[("INVENTORY", url)]).expect("a bucket");
            let InventorySetting::Stored(location) = config.inventory else {
                panic!("{url}");
            };
            assert_eq!(location.bucket, "bucket");
            assert_eq!(location.key("manifest.json.gz"), key);
        }
        for wrong in ["s3://", "s3:///prefix", "on", "https://bucket"] {
            assert!(error("INVENTORY", wrong).contains("s3://bucket/prefix"));
        }
    }

    #[test]
    fn every_setting_refuses_a_wrong_value_in_one_line_that_names_it() {
        for setting in SETTINGS
            .iter()
            .filter(|setting| setting.variable != "TLS_SECRET_ID")
        {
            let error = error(setting.variable, "certainly/wrong");
            assert!(
                error.starts_with(setting.variable) && error.contains(": expected "),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        for (variable, wrong) in [
            ("OBSERVATION_DOMAIN", "0"),
            ("OBSERVATION_DOMAIN", "4294967296"),
            ("MAX_MESSAGE_SIZE", "511"),
            ("MAX_MESSAGE_SIZE", "65536"),
            ("UDP_RATE", "0"),
            ("TEMPLATE_REFRESH_SECONDS", "-1"),
            ("TEMPLATE_REFRESH_MESSAGES", "1.5"),
        ] {
            assert!(
                error(variable, wrong).contains(": expected "),
                "{variable} {wrong}"
            );
        }
    }

    #[test]
    fn a_function_without_a_collector_or_with_a_file_does_not_start() {
        assert!(error("COLLECTOR", "").contains("udp://host:4739"));
        assert!(error("COLLECTOR", "file:flows.ipfix").contains("udp://host:4739"));
    }

    #[test]
    fn a_message_that_no_datagram_can_carry_is_refused_where_a_collector_is_udp() {
        assert!(error("MAX_MESSAGE_SIZE", "65508").contains("at most 65507"));
        let tcp = [
            ("COLLECTOR", "tcp://10.0.0.1"),
            ("MAX_MESSAGE_SIZE", "65508"),
        ];
        assert!(config(&tcp).is_ok());
    }

    #[test]
    fn a_password_in_a_collector_url_is_not_shown() {
        let error = error("COLLECTOR", "udp://me:secret@collector");
        assert!(
            error.starts_with("COLLECTOR") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn certificates_come_from_text_or_from_a_file() {
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("written");
        for given in [text, file.path().to_str().expect("a plain path")] {
            let Ok(Config {
                tls: TlsSource::Settings(tls),
                ..
            }) = config(&[("TLS_CA", given)])
            else {
                panic!("{given} is right");
            };
            assert_eq!(tls.ca_pem.as_deref(), Some(text));
        }
    }

    #[test]
    fn certificate_and_key_come_together_and_not_beside_a_secret() {
        assert!(error("TLS_CERTIFICATE", "-----BEGIN").contains("TLS_KEY"));
        assert!(error("TLS_KEY", "-----BEGIN").contains("TLS_CERTIFICATE"));
        let error =
            config(&[("TLS_SECRET_ID", "tls"), ("TLS_CA", "-----BEGIN")]).expect_err("two sources");
        assert!(
            error.starts_with("TLS_CA") && error.contains("TLS_SECRET_ID"),
            "{error}"
        );
        let secret = config(&[("TLS_SECRET_ID", "tls")]).expect("a secret is enough");
        assert_eq!(secret.tls, TlsSource::Secret("tls".to_owned()));
    }
}
