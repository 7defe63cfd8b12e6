//! Errors of the senders about options, in the words of the settings: the variable, and a right value.

use flowlogs_core::settings::table;
use flowlogs_export::ConfigError;

use super::SettingError;
use crate::log::one_line;

/// Shown in place of a value that is long or private.
const PEM: &str = "(PEM text)";

impl From<ConfigError> for SettingError {
    fn from(error: ConfigError) -> Self {
        let (variable, value, reason) = match error {
            ConfigError::Ca { reason } => ("TLS_CA", PEM.to_owned(), reason),
            ConfigError::Certificate { reason } => ("TLS_CERTIFICATE", PEM.to_owned(), reason),
            ConfigError::Key { reason } => ("TLS_KEY", PEM.to_owned(), reason),
            ConfigError::NoSystemRoots { reason } => (
                "TLS_CA",
                "\"\"".to_owned(),
                format!("the system has no trust store: {reason}"),
            ),
            ConfigError::CertificateWithoutKey => (
                "TLS_KEY",
                "\"\"".to_owned(),
                "TLS_CERTIFICATE is given".to_owned(),
            ),
            ConfigError::KeyMismatch => (
                "TLS_KEY",
                PEM.to_owned(),
                "it is not the key of TLS_CERTIFICATE".to_owned(),
            ),
            ConfigError::KeyWithoutCertificate => (
                "TLS_CERTIFICATE",
                "\"\"".to_owned(),
                "TLS_KEY is given".to_owned(),
            ),
            ConfigError::ServerName { target } => (
                "COLLECTOR",
                format!("{target:?}"),
                "no certificate can name this host".to_owned(),
            ),
            ConfigError::UdpRate => (
                "UDP_RATE",
                "\"0\"".to_owned(),
                "nothing would be sent".to_owned(),
            ),
            // The time limits are no settings, and a list without collectors is refused on reading.
            other => ("COLLECTOR", "\"\"".to_owned(), other.to_string()),
        };
        let setting = table::setting(variable).expect("a variable of the table");
        Self {
            variable,
            value,
            right: format!("{}; {}", setting.valid_values(), one_line(&reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_certificates_are_named_by_their_variable_in_one_line() {
        let reason = || "no\n certificate".to_owned();
        for (error, start) in [
            (
                ConfigError::Ca { reason: reason() },
                "TLS_CA=(PEM text): expected PEM text",
            ),
            (
                ConfigError::Certificate { reason: reason() },
                "TLS_CERTIFICATE=(PEM text): expected PEM",
            ),
            (
                ConfigError::Key { reason: reason() },
                "TLS_KEY=(PEM text): expected PEM text",
            ),
            (
                ConfigError::KeyMismatch,
                "TLS_KEY=(PEM text): expected PEM text",
            ),
            (
                ConfigError::CertificateWithoutKey,
                "TLS_KEY=\"\": expected PEM text",
            ),
            (
                ConfigError::NoSystemRoots { reason: reason() },
                "TLS_CA=\"\": expected PEM text",
            ),
        ] {
            let line = SettingError::from(error).to_string();
            assert!(line.starts_with(start) && !line.contains('\n'), "{line}");
        }
    }
}
