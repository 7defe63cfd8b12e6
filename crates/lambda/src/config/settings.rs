//! The settings table: every variable that the functions read, once, with its default and its meaning.
//!
//! Responsible for reading the environment. Hands [`RawConfig`], which is text, to [`Config`](super::Config), which is
//! checked. The same words are the parameters of the templates and the options of `flowlogs`.

use std::fmt::Display;
use std::str::FromStr;

use thiserror::Error;

/// One setting, as it is documented.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// What counts when the variable is absent or empty; empty where there is no default.
    pub default: &'static str,
    /// Which values are right, as the end of an error message.
    pub right: &'static str,
    /// What it does, in one sentence.
    pub meaning: &'static str,
    /// Whether the value must not be shown, in errors or elsewhere.
    pub secret: bool,
}

/// A setting and the text that the environment has for it (or its default), without the blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    setting: &'static Setting,
    text: String,
}

/// A wrong setting: which variable, its value, and what would be right, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable}={value}: expected {right}")]
pub struct SettingError {
    /// The environment variable.
    pub variable: &'static str,
    /// Its value in quotes, cut where it is long and hidden where it is secret.
    pub value: String,
    /// What would be right.
    pub right: String,
}

macro_rules! settings {
    ($($field:ident $name:literal = $default:literal, $right:literal, $meaning:literal $(, $secret:ident)?;)*) => {
        /// Every setting, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: $name,
            default: $default,
            right: $right,
            meaning: $meaning,
            secret: settings!(@$($secret)?),
        }),*];

        /// The environment as it was at start: text, not checked yet.
        #[derive(Debug, Clone)]
        pub struct RawConfig {
            $(#[doc = $meaning] pub $field: Value,)*
        }

        impl RawConfig {
            /// Reads every setting through `variable`, which knows the value of a variable by its name.
            pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
                let mut settings = SETTINGS.iter();
                let mut next = || {
                    let setting = settings.next().expect("as many settings as fields, from one table");
                    Value::new(setting, variable(setting.name))
                };
                Self { $($field: next(),)* }
            }
        }
    };
    (@) => { false };
    (@secret) => { true };
}

settings! {
    collector "COLLECTOR" = "",
        "one or more of udp://host:4739, tcp://host:4739, tls://host:4740, separated by commas",
        "Where the flows go: one or more URLs, separated by commas; each collector gets every flow.";
    log_format "LOG_FORMAT" = "auto",
        "auto, or a flow-log format string such as ${version} ${account-id} ..., or several separated by semicolons",
        "The record format; with auto, EC2 is asked which formats the log group has.";
    direction "DIRECTION" = "both",
        "both, ingress or egress",
        "Export flows of both directions, or of one.";
    deduplicate "DEDUPLICATE" = "on",
        "on or off",
        "Count a flow once, though it is delivered twice, logged twice, or seen at both of its ends.";
    resolve_names "RESOLVE_NAMES" = "on",
        "on or off",
        "Look up names of interfaces, VPCs and transit gateways in EC2, and what the flow logs cover.";
    exclude_collector_traffic "EXCLUDE_COLLECTOR_TRAFFIC" = "on",
        "on or off",
        "Do not export flows to or from a collector.";
    address "ADDRESS" = "interface",
        "interface or packet",
        "Which address pair is the primary one where a record has two.";
    timestamps "TIMESTAMPS" = "milliseconds",
        "milliseconds or seconds",
        "The unit of flow start and end.";
    observation_domain "OBSERVATION_DOMAIN" = "auto",
        "auto, or a number from 1 to 4294967295",
        "One number for the observation domain of all messages; auto derives one for each account and region.";
    exporter_address "EXPORTER_ADDRESS" = "",
        "an IPv4 or IPv6 address, or empty for none",
        "An address that every flow carries as its exporter.";
    interface_names "INTERFACE_NAMES" = "options",
        "options or inline",
        "Send interface names as options data, or in every flow as well.";
    max_message_size "MAX_MESSAGE_SIZE" = "1400",
        "a number of octets from 512 to 65535",
        "Octets of an IPFIX message, over UDP the payload.";
    template_refresh_seconds "TEMPLATE_REFRESH_SECONDS" = "600",
        "a number of seconds from 1 to 86400",
        "Over UDP, templates are sent again after this time.";
    template_refresh_messages "TEMPLATE_REFRESH_MESSAGES" = "20",
        "a number of messages from 1 to 1000000",
        "Over UDP, templates are sent again after this number of messages.";
    udp_rate "UDP_RATE" = "5000",
        "a number of messages a second from 1 to 1000000",
        "Messages a second to each udp:// collector.";
    tls_ca "TLS_CA" = "",
        "PEM text with BEGIN CERTIFICATE, or the path of a file with it",
        "The certificate authority of the collectors; without it, the system's trust store.";
    tls_certificate "TLS_CERTIFICATE" = "",
        "PEM text with BEGIN CERTIFICATE, or the path of a file with it",
        "The function's own certificate, for mutual authentication.";
    tls_key "TLS_KEY" = "",
        "PEM text with BEGIN PRIVATE KEY, or the path of a file with it",
        "The private key of that certificate.", secret;
    tls_secret_id "TLS_SECRET_ID" = "",
        "the ARN or name of a Secrets Manager secret, in place of TLS_CA, TLS_CERTIFICATE and TLS_KEY",
        "A Secrets Manager secret that holds the three: a JSON object with the PEM texts ca, certificate and key.";
}

impl RawConfig {
    /// Reads the environment of this process.
    pub fn from_environment() -> Self {
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }
}

impl Value {
    fn new(setting: &'static Setting, given: Option<String>) -> Self {
        // A template passes every parameter, so an empty variable is one that nobody set.
        let given = given
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        Self {
            setting,
            text: given.unwrap_or(setting.default).to_owned(),
        }
    }

    /// The text; empty where neither a value nor a default is there.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, if there is any.
    pub fn optional(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty())
    }

    /// What would be right.
    pub fn right(&self) -> &'static str {
        self.setting.right
    }

    /// The error that says which values are right.
    pub fn wrong(&self) -> SettingError {
        self.wrong_because(self.setting.right)
    }

    /// The error that says what is wrong with this one.
    pub fn wrong_because(&self, right: impl Display) -> SettingError {
        const LONGEST: usize = 80;
        let value = match self.text.char_indices().nth(LONGEST) {
            _ if self.setting.secret && !self.text.is_empty() => "(not shown)".to_owned(),
            Some((end, _)) => format!("{:?}...", &self.text[..end]),
            None => format!("{:?}", self.text),
        };
        SettingError {
            variable: self.setting.name,
            value,
            right: right.to_string(),
        }
    }

    /// The error of a value that another error quotes as far as it may be shown.
    pub(super) fn quoted_by(&self, error: impl Display) -> SettingError {
        SettingError {
            variable: self.setting.name,
            value: error.to_string(),
            right: self.setting.right.to_owned(),
        }
    }

    /// What the text says, in a type that reads itself.
    pub(super) fn parsed<T: FromStr>(&self) -> Result<T, SettingError> {
        self.text.parse().map_err(|_| self.wrong())
    }

    /// Whether the text is `on`.
    pub(super) fn on(&self) -> Result<bool, SettingError> {
        match self.text() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(self.wrong()),
        }
    }

    /// The number that the text is, within the bounds.
    pub(super) fn number(&self, least: u32, most: u32) -> Result<u32, SettingError> {
        let number = self
            .text
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> RawConfig {
        RawConfig::read(|name| {
            variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_absent_empty_or_blank_variable_has_its_default() {
        for given in ["", "  \n"] {
            assert_eq!(read(&[("DIRECTION", given)]).direction.text(), "both");
        }
        assert_eq!(read(&[]).udp_rate.number(1, 9999), Ok(5000));
        assert_eq!(read(&[]).exporter_address.optional(), None);
    }

    #[test]
    fn every_field_reads_its_own_variable() {
        let raw = RawConfig::read(|name| Some(format!("value of {name}")));
        assert_eq!(raw.collector.text(), "value of COLLECTOR");
        assert_eq!(raw.timestamps.text(), "value of TIMESTAMPS");
        assert_eq!(raw.tls_secret_id.text(), "value of TLS_SECRET_ID");
    }

    #[test]
    fn an_error_is_one_line_with_variable_value_and_what_is_right() {
        let error = read(&[("DIRECTION", "side\nways")])
            .direction
            .parsed::<u8>()
            .expect_err("no choice");
        assert_eq!(
            error.to_string(),
            r#"DIRECTION="side\nways": expected both, ingress or egress"#
        );
    }

    #[test]
    fn an_error_shows_no_secret_and_no_endless_value() {
        let long = "x".repeat(5000);
        let raw = read(&[("TLS_KEY", "very private"), ("TLS_CA", &long)]);
        assert!(
            !raw.tls_key.wrong().to_string().contains("private k"),
            "{}",
            raw.tls_key.wrong()
        );
        assert!(raw.tls_key.wrong().value.contains("not shown"));
        assert!(raw.tls_ca.wrong().to_string().len() < 250);
    }
}
