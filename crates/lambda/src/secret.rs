//! TLS certificates from a Secrets Manager secret.
//!
//! Hands [`TlsOptions`] to the senders; the senders check the texts. No error shows any of the content.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use flowlogs_export::TlsOptions;
use serde::Deserialize;
use thiserror::Error;

use crate::aws::BoundedAnswers;
use crate::ec2::{FailedLookup, LookupError};

/// Action that a role needs to read the secret.
pub const ACTION: &str = "secretsmanager:GetSecretValue";

/// Reason why a secret holds no certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// Secrets Manager did not answer.
    #[error(transparent)]
    FailedLookup(#[from] FailedLookup),
    /// The secret holds octets, not text.
    #[error("the secret is binary; expected {EXPECTED}")]
    Binary,
    /// The secret is not the JSON object that is expected.
    #[error("the secret is not what it should be (column {column}); expected {EXPECTED}")]
    Shape {
        /// Column of the first error.
        column: usize,
    },
    /// The JSON object has none of the three members.
    #[error("the secret holds no certificate; expected {EXPECTED}")]
    Empty,
}

const EXPECTED: &str =
    r#"a JSON object with PEM texts: {"ca": "...", "certificate": "...", "key": "..."}"#;

/// Members of the secret; all optional, further members are ignored.
#[derive(Deserialize)]
struct SecretMembers {
    ca: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

/// Reads the secret by ARN or name.
///
/// # Errors
///
/// A [`SecretError`], without any text of the secret.
pub async fn read(config: &SdkConfig, id: &str) -> Result<TlsOptions, SecretError> {
    let config = aws_sdk_secretsmanager::config::Builder::from(config)
        .interceptor(BoundedAnswers::SMALL)
        .build();
    let question = Client::from_conf(config).get_secret_value().secret_id(id);
    let answer = question.send().await.map_err(|error| FailedLookup {
        action: ACTION,
        reason: LookupError::of(&error),
    })?;
    parse(answer.secret_string().ok_or(SecretError::Binary)?)
}

fn parse(text: &str) -> Result<TlsOptions, SecretError> {
    let members: SecretMembers =
        serde_json::from_str(text).map_err(|error| SecretError::Shape {
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
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
    use flowlogs_testing::http;
    use tokio::time::timeout;

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

    #[tokio::test]
    async fn an_answer_without_end_is_no_secret_and_takes_no_memory() {
        for status in [200, 400] {
            let address = http::serve(move |_, stream| http::endless(stream, status, ""));
            let credentials = Credentials::new("test", "test", None, None, "test");
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .endpoint_url(format!("http://{address}"))
                .region(Region::new("eu-central-1"))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .build();
            let error = timeout(Duration::from_secs(30), read(&config, "tls")).await;
            let error = error.expect("an end").expect_err("no secret");
            assert!(matches!(error, SecretError::FailedLookup(_)), "{error}");
        }
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
