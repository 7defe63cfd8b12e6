//! Errors of an invocation: stable names for programs, a line for people.
//!
//! Turns the errors of all crates into the runtime's [`Diagnostic`](lambda_runtime::Diagnostic). The names never change:
//! messages of the failure queue are filtered by name.

use flowlogs_export::ConfigError;
use flowlogs_source::UnpackError;
use thiserror::Error;

use crate::forward::UndeliveredBatch;
use crate::secret::SecretError;
use crate::stored::InventoryUnavailable;
use crate::transcode_sink::StopReason;

/// Error of an invocation. Lambda tries the payload again, and then puts the payload into the failure queue.
///
/// The runtime logs the [`Debug`](std::fmt::Debug) form of a handler's error: that form is the line for people, and no
/// further code logs these errors.
#[derive(Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The payload could not be unpacked.
    #[error("{0}")]
    Payload(#[from] UnpackError),
    /// Collectors were not reached, or did not confirm everything.
    #[error("{0}")]
    Collector(UndeliveredBatch),
    /// The time of the invocation was over.
    #[error(
        "the time of the invocation was over before every collector had everything; raise Timeout or MemorySize if this repeats"
    )]
    OutOfTime,
    /// A record format of the log group is unknown: EC2 did not answer, or answered before a line was written.
    #[error(
        "no record format for log group {log_group:?}: {reason}; if this repeats, set LOG_FORMAT or allow ec2:DescribeFlowLogs"
    )]
    Format {
        /// Log group.
        log_group: String,
        /// Reason of the failed look-up, or that the last answer is older than a line.
        reason: String,
    },
    /// The inventory is needed and cannot be read.
    #[error("INVENTORY: {0}")]
    Inventory(#[from] InventoryUnavailable),
    /// The secret with the TLS certificates could not be read.
    #[error("TLS_SECRET_ID: {0}")]
    Secret(#[from] SecretError),
    /// The TLS certificates cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] ConfigError),
}

impl From<StopReason> for Failure {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::OutOfTime => Self::OutOfTime,
            StopReason::Inventory(unavailable) => Self::Inventory(unavailable),
        }
    }
}

impl From<UndeliveredBatch> for Failure {
    fn from(undelivered: UndeliveredBatch) -> Self {
        match undelivered.is_out_of_time() {
            true => Self::OutOfTime,
            false => Self::Collector(undelivered),
        }
    }
}

impl Failure {
    /// Stable name of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Payload(UnpackError::Base64 { .. }) => "PayloadBase64",
            Self::Payload(UnpackError::Gzip { .. }) => "PayloadGzip",
            Self::Payload(UnpackError::TooLarge { .. }) => "PayloadTooLarge",
            // Content that is no subscription payload at all counts as the wrong JSON.
            Self::Payload(_) => "PayloadJson",
            Self::Collector(_) => "CollectorUnreachable",
            Self::OutOfTime => "OutOfTime",
            Self::Format { .. } => "FormatUnknown",
            Self::Inventory(_) => "InventoryUnavailable",
            Self::Secret(_) => "SecretUnreadable",
            Self::Tls(_) => "TlsUnusable",
        }
    }
}

/// Lets a handler return an error with a `name`: a line in the log, and the name for Lambda.
macro_rules! returned_to_lambda {
    ($failure:ty) => {
        impl std::fmt::Debug for $failure {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}: {self}", self.name())
            }
        }

        impl From<$failure> for lambda_runtime::Diagnostic {
            fn from(failure: $failure) -> Self {
                Self {
                    error_type: failure.name().to_owned(),
                    error_message: failure.to_string(),
                }
            }
        }
    };
}
pub(crate) use returned_to_lambda;

returned_to_lambda!(Failure);

#[cfg(test)]
mod tests {
    use flowlogs_export::{SendError, SendProblem};
    use flowlogs_source::{GzipFault, JsonFault};
    use lambda_runtime::Diagnostic;

    use super::*;

    fn failures() -> Vec<(Failure, &'static str)> {
        let gzip = UnpackError::Gzip {
            position: 9,
            fault: GzipFault::Truncated,
        };
        let json = UnpackError::Json {
            line: 1,
            column: 2,
            fault: JsonFault::Syntax,
        };
        let failed = |problem| {
            UndeliveredBatch::new(vec![SendError {
                target: "tcp://collector:4739".to_owned(),
                problem,
            }])
        };
        vec![
            (UnpackError::Base64 { position: 7 }.into(), "PayloadBase64"),
            (gzip.into(), "PayloadGzip"),
            (json.into(), "PayloadJson"),
            (UnpackError::TooLarge { limit: 5 }.into(), "PayloadTooLarge"),
            (UnpackError::Unrecognised.into(), "PayloadJson"),
            (failed(SendProblem::Reset).into(), "CollectorUnreachable"),
            (failed(SendProblem::OutOfTime).into(), "OutOfTime"),
            (
                Failure::Format {
                    log_group: "g".to_owned(),
                    reason: "denied".to_owned(),
                },
                "FormatUnknown",
            ),
            (SecretError::Empty.into(), "SecretUnreadable"),
            (ConfigError::CertificateWithoutKey.into(), "TlsUnusable"),
        ]
    }

    #[test]
    fn every_failure_has_its_stable_name() {
        for (failure, name) in failures() {
            assert_eq!(Diagnostic::from(failure).error_type, name);
        }
    }

    #[test]
    fn what_the_runtime_logs_is_one_line_with_name_and_reason() {
        for (failure, name) in failures() {
            let logged = format!("{failure:?}");
            assert!(
                logged.starts_with(&format!("{name}: ")) && logged.len() > name.len() + 2,
                "{logged}"
            );
            assert!(!logged.contains('\n'), "{logged}");
        }
    }
}
