//! The certificates of TLS, from one Secrets Manager secret.
//!
//! Hands [`TlsOptions`] to the senders, which find out whether the texts are any good. Nothing here shows what it read.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use flowlogs_export::TlsOptions;
use serde::Deserialize;
use thiserror::Error;

use crate::ec2::{Reason, Trouble};

/// The action that a role needs for this.
pub const ACTION: &str = "secretsmanager:GetSecretValue";

/// Why a secret gave no certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// Secrets Manager did not hand it over.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// It holds octets, not text.
    #[error("the secret is binary; expected {EXPECTED}")]
    Binary,
    /// It is something else.
    #[error("the secret is not what it should be (column {column}); expected {EXPECTED}")]
    Shape {
        /// Where in its line it stops being right.
        column: usize,
    },
    /// It is an object with none of the three.
    #[error("the secret holds no certificate; expected {EXPECTED}")]
    Empty,
}

const EXPECTED: &str =
    r#"a JSON object with PEM texts: {"ca": "...", "certificate": "...", "key": "..."}"#;

/// The secret's members; each may be absent, and others may be there.
#[derive(Deserialize)]
struct Members {
    ca: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

/// Reads the secret of this ARN or name.
///
/// # Errors
///
/// A [`SecretError`], which never quotes the secret.
pub async fn read(config: &SdkConfig, id: &str) -> Result<TlsOptions, SecretError> {
    let question = Client::new(config).get_secret_value().secret_id(id);
    let answer = question.send().await.map_err(|error| Trouble {
        action: ACTION,
        reason: Reason::of(&error),
    })?;
    parse(answer.secret_string().ok_or(SecretError::Binary)?)
}

fn parse(text: &str) -> Result<TlsOptions, SecretError> {
    let members: Members = serde_json::from_str(text).map_err(|error| SecretError::Shape {
        column: error.column(),
    })?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let tls = TlsOptions {
        ca_pem: given(members.ca),
        certificate_pem: given(members.certificate),
        key_pem: given(members.key),
    };
    if tls == TlsOptions::default() {
        Err(SecretError::Empty)
    } else {
        Ok(tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_holds_any_of_the_three_texts() {
        let tls = parse(r#"{"ca": "A", "certificate": "", "key": null, "comment": "2027"}"#)
            .expect("a CA");
        assert_eq!(
            tls,
            TlsOptions {
                ca_pem: Some("A".to_owned()),
                ..TlsOptions::default()
            }
        );
    }

    #[test]
    fn another_secret_is_refused_without_being_quoted() {
        for text in [
            "-----BEGIN private",
            r#"{"ca": private}"#,
            r#"{"ca": 7, "key": "private"}"#,
            r#"["private"]"#,
            "{}",
        ] {
            let error = parse(text).expect_err("no certificates").to_string();
            assert!(
                !error.contains("private") && error.contains("JSON object"),
                "{error}"
            );
        }
    }
}
