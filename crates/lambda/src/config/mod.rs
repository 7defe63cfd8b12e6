//! Configuration: the environment, read once at start, becomes a checked [`Config`].
//!
//! `settings.rs` has the table of variables; this file says what their values mean. Hands [`Config`] to the functions.
//! A wrong setting ends here, with one line that names the variable, its value, and what would be right.

mod settings;
mod unusable;

use std::fs;
use std::hash::{BuildHasher, RandomState};

use flowlogs_core::mapping::MappingSettings;
use flowlogs_core::{Formats, TemplateRefresh, TranscoderSettings, dedup};
use flowlogs_export::{CollectorUrl, SenderOptions, TlsOptions, Transport};

pub use settings::{RawConfig, SETTINGS, Setting, SettingError, Value};

/// Octets that a UDP datagram can carry over IPv4.
const LARGEST_DATAGRAM: u32 = 65_507;

/// Everything that is decided at start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the flows go; at least one, none of them a file.
    pub collectors: Vec<CollectorUrl>,
    /// The given record formats, checked; `None` asks EC2.
    pub log_format: Option<String>,
    /// Whether EC2 is asked for names and for what the flow logs cover.
    pub resolve_names: bool,
    /// Whether flows to and from the collectors are left out.
    pub exclude_collector_traffic: bool,
    /// How the transcoder works. It does not know the collectors yet: their addresses are resolved when they are reached.
    pub transcoder: TranscoderSettings,
    /// Messages a second to each UDP collector.
    pub udp_rate: u32,
    /// Where the certificates of TLS come from.
    pub tls: TlsSource,
}

/// Where the certificates of TLS come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// The settings hold them, or nothing.
    Settings(TlsOptions),
    /// A Secrets Manager secret holds them: its ARN or name.
    Secret(String),
}

impl Config {
    /// Checks every setting, and reads the files that `TLS_CA`, `TLS_CERTIFICATE` and `TLS_KEY` may name.
    ///
    /// # Errors
    ///
    /// The first wrong setting, in the order of the table.
    pub fn new(raw: &RawConfig) -> Result<Self, SettingError> {
        let collectors = collectors(&raw.collector)?;
        let udp = collectors
            .iter()
            .any(|collector| collector.transport() == Transport::Udp);
        if udp && raw.max_message_size.number(512, u16::MAX.into())? > LARGEST_DATAGRAM {
            return Err(raw.max_message_size.wrong_because(format_args!(
                "at most {LARGEST_DATAGRAM}, because a collector is udp://"
            )));
        }
        Ok(Self {
            collectors,
            log_format: log_format(&raw.log_format)?,
            resolve_names: raw.resolve_names.on()?,
            exclude_collector_traffic: raw.exclude_collector_traffic.on()?,
            transcoder: transcoder(raw)?,
            udp_rate: raw.udp_rate.number(1, 1_000_000)?,
            tls: tls(raw)?,
        })
    }

    /// How to send, given the certificates that [`TlsSource`] led to.
    pub fn sender_options(&self, tls: TlsOptions) -> SenderOptions {
        SenderOptions {
            udp_rate: self.udp_rate,
            tls,
            ..SenderOptions::default()
        }
    }

    /// Whether EC2 is asked for flow logs: for their formats, or for what they cover.
    pub fn reads_flow_logs(&self) -> bool {
        self.log_format.is_none() || self.resolve_names
    }
}

fn collectors(value: &Value) -> Result<Vec<CollectorUrl>, SettingError> {
    let Some(list) = value.optional() else {
        return Err(value.wrong());
    };
    let collectors = CollectorUrl::parse_list(list).map_err(|error| value.quoted_by(error))?;
    match collectors
        .iter()
        .find(|collector| collector.transport() == Transport::File)
    {
        // Whatever is written into an environment is gone with it: a function that does so loses everything silently.
        Some(_) => Err(value.wrong()),
        None => Ok(collectors),
    }
}

fn log_format(value: &Value) -> Result<Option<String>, SettingError> {
    if value.text() == "auto" {
        return Ok(None);
    }
    match Formats::of_setting(value.text()) {
        Ok(_) => Ok(Some(value.text().to_owned())),
        Err(error) => Err(value.wrong_because(format_args!("{}; {error}", value.right()))),
    }
}

fn transcoder(raw: &RawConfig) -> Result<TranscoderSettings, SettingError> {
    let exporter_address = match raw.exporter_address.optional() {
        None => None,
        Some(_) => Some(raw.exporter_address.parsed()?),
    };
    Ok(TranscoderSettings {
        mapping: MappingSettings {
            timestamps: raw.timestamps.parsed()?,
            address: raw.address.parsed()?,
            exporter_address,
            interface_names: raw.interface_names.parsed()?,
        },
        dedup: dedup::DedupSettings {
            deduplicate: raw.deduplicate.on()?,
            direction: raw.direction.parsed()?,
            collectors: Vec::new(),
            // What is seen is hashed, and outsiders choose what is seen.
            seed: RandomState::new().hash_one(()),
        },
        observation_domain: match raw.observation_domain.text() {
            "auto" => None,
            _ => Some(raw.observation_domain.number(1, u32::MAX)?),
        },
        max_message_size: usize::try_from(raw.max_message_size.number(512, u16::MAX.into())?)
            .map_err(|_| raw.max_message_size.wrong())?,
        template_refresh: TemplateRefresh {
            seconds: raw.template_refresh_seconds.number(1, 86_400)?,
            messages: raw.template_refresh_messages.number(1, 1_000_000)?,
        },
    })
}

fn tls(raw: &RawConfig) -> Result<TlsSource, SettingError> {
    let texts = [&raw.tls_ca, &raw.tls_certificate, &raw.tls_key];
    if let Some(secret) = raw.tls_secret_id.optional() {
        return match texts.into_iter().find(|value| value.optional().is_some()) {
            Some(value) => {
                Err(value.wrong_because("it to be empty, because TLS_SECRET_ID is given"))
            }
            None => Ok(TlsSource::Secret(secret.to_owned())),
        };
    }
    let tls = TlsOptions {
        ca_pem: pem(&raw.tls_ca)?,
        certificate_pem: pem(&raw.tls_certificate)?,
        key_pem: pem(&raw.tls_key)?,
    };
    match (&tls.certificate_pem, &tls.key_pem) {
        (Some(_), None) => Err(raw
            .tls_key
            .wrong_because("the key of TLS_CERTIFICATE, which is given")),
        (None, Some(_)) => Err(raw
            .tls_certificate
            .wrong_because("the certificate of TLS_KEY, which is given")),
        _ => Ok(TlsSource::Settings(tls)),
    }
}

/// PEM text, given as it is or as the path of a file.
fn pem(value: &Value) -> Result<Option<String>, SettingError> {
    match value.optional() {
        None => Ok(None),
        Some(text) if text.contains("-----BEGIN") => Ok(Some(text.to_owned())),
        Some(path) => match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(value.wrong_because(format_args!(
                "{}; the file cannot be read: {error}",
                value.right()
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
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
        assert!(
            config.resolve_names && config.exclude_collector_traffic && config.log_format.is_none()
        );
        assert_eq!(config.udp_rate, flowlogs_export::DEFAULT_UDP_RATE);
        assert_eq!(config.tls, TlsSource::Settings(TlsOptions::default()));
        assert!(config.reads_flow_logs());
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
        let config =
            config(&[("LOG_FORMAT", given), ("RESOLVE_NAMES", "off")]).expect("two formats");
        assert_eq!(config.log_format.as_deref(), Some(given));
        assert!(!config.reads_flow_logs());
        assert!(error("LOG_FORMAT", "${version} ${srcaddr").contains("column 2"));
    }

    #[test]
    fn every_setting_refuses_a_wrong_value_in_one_line_that_names_it() {
        for setting in SETTINGS
            .iter()
            .filter(|setting| setting.name != "TLS_SECRET_ID")
        {
            let error = error(setting.name, "certainly/wrong");
            assert!(
                error.starts_with(setting.name) && error.contains(": expected "),
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
