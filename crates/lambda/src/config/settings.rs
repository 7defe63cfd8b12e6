//! Reads the environment: every setting of the table as text.
//!
//! Hands [`RawConfig`] (text) to [`Config`](super::Config) (checked). The table is [`flowlogs_core::settings::table`].

use std::fmt::Display;
use std::str::FromStr;

use flowlogs_core::settings::table::{Accepted, SETTINGS, Setting};
use flowlogs_export::may_be_pem;
use thiserror::Error;

use crate::log::one_line;

/// Most characters of a wrong value that an error shows.
const SHOWN_CHARACTERS: usize = 80;

/// Setting with the text in the environment, or the default, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingValue {
    setting: &'static Setting,
    text: String,
}

/// A wrong setting: variable, value, and a description of a right value, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable}={value}: expected {right}")]
pub struct SettingError {
    /// Environment variable.
    pub variable: &'static str,
    /// Wrong value in quotes, or an error that quotes it; cut where long and hidden where secret.
    pub value: String,
    /// Description of a right value.
    pub right: String,
}

/// The environment at the start of the process: text, not checked yet.
#[derive(Debug, Clone)]
pub struct RawConfig {
    values: Vec<SettingValue>,
}

impl RawConfig {
    /// Reads every setting through `variable`: the value of an environment variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::read_table(SETTINGS, variable)
    }

    /// Reads every setting of a table.
    pub fn read_table(
        table: &[&'static Setting],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let values = table
            .iter()
            .map(|setting| SettingValue::new(setting, variable(setting.variable)));
        Self {
            values: values.collect(),
        }
    }

    /// Reads the environment of this process.
    pub fn from_environment() -> Self {
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Returns the value of a setting.
    pub fn value(&self, setting: &'static Setting) -> &SettingValue {
        let value = self
            .values
            .iter()
            .find(|value| value.setting.variable == setting.variable);
        value.expect("`read` reads every setting of the table")
    }

    /// Every setting with the value, in the order of the table.
    pub fn values(&self) -> &[SettingValue] {
        &self.values
    }
}

impl SettingValue {
    fn new(setting: &'static Setting, given: Option<String>) -> Self {
        // A template passes every parameter, so an empty variable counts as not set.
        let given = given
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        Self {
            setting,
            text: given.unwrap_or(setting.default).to_owned(),
        }
    }

    /// The setting.
    pub fn setting(&self) -> &'static Setting {
        self.setting
    }

    /// The text; empty where there is neither a value nor a default.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, if any.
    pub fn optional(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The text for an error or an answer: quoted, cut, and without anything that is or looks like a key.
    pub fn shown(&self) -> String {
        let secret = self.setting.secret && !self.text.is_empty();
        if secret || may_be_pem(&self.text) {
            return "(not shown)".to_owned();
        }
        cut(&self.text)
    }

    /// Error with the accepted values.
    pub fn wrong(&self) -> SettingError {
        self.wrong_because(self.setting.valid_values())
    }

    /// Error with the given description.
    pub fn wrong_because(&self, right: impl Display) -> SettingError {
        SettingError {
            variable: self.setting.variable,
            value: self.shown(),
            right: one_line(&right),
        }
    }

    /// Error of a value that may hold a password; `reason` is an error without that password.
    pub(super) fn hidden(&self, reason: impl Display) -> SettingError {
        let value = match may_be_pem(&self.text) {
            true => self.shown(),
            false => reason.to_string(),
        };
        SettingError {
            variable: self.setting.variable,
            value: value.chars().take(2 * SHOWN_CHARACTERS).collect(),
            right: self.setting.valid_values(),
        }
    }

    /// Parses the text.
    pub(crate) fn parsed<T: FromStr>(&self) -> Result<T, SettingError> {
        self.text.parse().map_err(|_| self.wrong())
    }

    /// `on` or `off`.
    pub(super) fn on(&self) -> Result<bool, SettingError> {
        match self.text() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(self.wrong()),
        }
    }

    /// Parses a number within the bounds of the table.
    pub(super) fn number(&self) -> Result<u32, SettingError> {
        match self.setting.accepted {
            Accepted::Number { least, most, .. } => self.number_within(least, most),
            Accepted::Words(_) | Accepted::Text { .. } => self.number_within(1, u32::MAX),
        }
    }

    fn number_within(&self, least: u32, most: u32) -> Result<u32, SettingError> {
        let number = self.text.parse().ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong())
    }
}

/// Quotes a text, control characters escaped, and cuts a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use flowlogs_core::settings::table::{
        COLLECTOR, DIRECTION, EXPORTER_ADDRESS, TIMESTAMPS, TLS_CA, TLS_KEY, TLS_SECRET_ID,
        UDP_RATE,
    };

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
            assert_eq!(
                read(&[("DIRECTION", given)]).value(&DIRECTION).text(),
                "both"
            );
        }
        assert_eq!(read(&[]).value(&UDP_RATE).number(), Ok(5000));
        assert_eq!(read(&[]).value(&EXPORTER_ADDRESS).optional(), None);
    }

    #[test]
    fn every_setting_reads_its_own_variable() {
        let raw = RawConfig::read(|name| Some(format!("value of {name}")));
        assert_eq!(raw.value(&COLLECTOR).text(), "value of COLLECTOR");
        assert_eq!(raw.value(&TIMESTAMPS).text(), "value of TIMESTAMPS");
        assert_eq!(raw.value(&TLS_SECRET_ID).text(), "value of TLS_SECRET_ID");
    }

    #[test]
    fn an_error_is_one_line_with_variable_value_and_a_right_value() {
        let error = read(&[("DIRECTION", "side\nways")])
            .value(&DIRECTION)
            .parsed::<u8>()
            .expect_err("no choice");
        assert_eq!(
            error.to_string(),
            r#"DIRECTION="side\nways": expected both, ingress or egress"#
        );
    }

    #[test]
    fn an_error_shows_no_secret_and_no_endless_value() {
        let long = "x y".repeat(5000);
        let raw = read(&[("TLS_KEY", "very private"), ("TLS_CA", &long)]);
        let error = raw.value(&TLS_KEY).wrong().to_string();
        assert!(!error.contains("private k"), "{error}");
        assert!(raw.value(&TLS_KEY).wrong().value.contains("not shown"));
        assert!(raw.value(&TLS_CA).wrong().to_string().len() < 250);
    }

    #[test]
    fn a_key_that_was_pasted_into_any_setting_is_not_shown() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
        for key in [pem.as_str(), body] {
            for setting in SETTINGS {
                let raw = read(&[(setting.variable, key)]);
                for error in [
                    raw.value(setting).wrong(),
                    raw.value(setting).hidden(format_args!("{key:?} is no URL")),
                ] {
                    assert!(!error.to_string().contains(&body[..16]), "{error}");
                }
            }
        }
    }
}
