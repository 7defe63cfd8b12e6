//! Errors of an object: stable names for programs, a line for people.

use flowlogs_parquet::ParquetError;
use flowlogs_source::UnpackError;
use flowlogs_source::s3::{ObjectRef, TriggerError};
use thiserror::Error;

use crate::diagnostics::{self, returned_to_lambda};
use crate::forward::UndeliveredBatch;
use crate::log::one_line;
use crate::stored::InventoryUnavailable;
use crate::transcode_sink::StopReason;

/// Reason why an object was not exported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// No such object.
    #[error("there is no such object ({code}); was it deleted or expired before it was read?")]
    Missing {
        /// Error code of S3.
        code: String,
    },
    /// The role may not read the object.
    #[error(
        "S3 does not hand it out ({reason}); the function's role needs s3:GetObject (s3:GetObjectVersion for a version) \
         for its key, and without s3:ListBucket S3 says the same of an object that is not there"
    )]
    Denied {
        /// Error code and message of S3.
        reason: String,
    },
    /// The role may not use the key that encrypts the object.
    #[error(
        "S3 cannot decrypt it ({reason}); the function's role needs kms:Decrypt for the key of the bucket"
    )]
    KeyDenied {
        /// Error code and message of S3.
        reason: String,
    },
    /// The object was moved to an archive.
    #[error("it is archived; restore it, and put its notice into the queue again")]
    Archived,
    /// The object was replaced during the read.
    #[error("it was replaced while it was read; the new one has its own notice")]
    Changed,
    /// S3 did not answer, or not completely.
    #[error("it could not be read: {reason}")]
    Unreadable {
        /// Error in a line.
        reason: String,
    },
    /// The object cannot be unpacked.
    #[error("{0}")]
    Unpack(UnpackError),
    /// The object cannot be read as Parquet.
    #[error("{0}")]
    Parquet(ParquetError),
    /// The object is text, but no line is a flow.
    #[error(
        "none of its {lines} lines fits a record format; is it a flow log? LOG_FORMAT sets the format"
    )]
    NotAFlowLog {
        /// Number of lines.
        lines: u64,
    },
    /// The object is text whose header line has no address and no counter.
    #[error(
        "its header line has no address and no counter; is it a flow log? The header: {header}"
    )]
    NotAFlowLogHeader {
        /// Header line, cut.
        header: String,
    },
    /// The record format of the bucket is unknown, and no look-up answered.
    #[error(
        "no record format: {reason}; the object has no header line: set LOG_FORMAT or allow ec2:DescribeFlowLogs"
    )]
    Format {
        /// Reason of the failed look-up.
        reason: String,
    },
    /// The inventory is needed and cannot be read.
    #[error("INVENTORY: {0}")]
    Inventory(#[from] InventoryUnavailable),
    /// The invocation's time did not suffice, or would not have sufficed.
    #[error(
        "the time of the invocation does not suffice; raise Timeout or MemorySize if this repeats"
    )]
    OutOfTime,
    /// A collector was not reached, or did not confirm everything.
    #[error("{0}")]
    Collector(UndeliveredBatch),
}

impl From<StopReason> for ObjectError {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::OutOfTime => Self::OutOfTime,
            StopReason::Inventory(unavailable) => Self::Inventory(unavailable),
        }
    }
}

impl ObjectError {
    /// The fault is in the content of the object.
    pub(super) fn is_of_the_payload(&self) -> bool {
        matches!(
            self,
            Self::Unpack(_)
                | Self::Parquet(_)
                | Self::NotAFlowLog { .. }
                | Self::NotAFlowLogHeader { .. }
        )
    }

    /// Another attempt would fail alike: the object is acknowledged and named in the log.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Changed) || self.is_of_the_payload()
    }

    /// Stable name of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "ObjectMissing",
            Self::Denied { .. } => "ObjectDenied",
            Self::KeyDenied { .. } => "ObjectKeyDenied",
            Self::Archived => "ObjectArchived",
            Self::Changed => "ObjectChanged",
            Self::Unreadable { .. } => "ObjectUnreadable",
            Self::Unpack(error) => match error {
                UnpackError::Gzip { .. } => "ObjectGzip",
                UnpackError::TooLarge { .. } => "ObjectTooLarge",
                UnpackError::Io { .. } => "ObjectUnreadable",
                UnpackError::Unrecognised | UnpackError::Parquet => "ObjectNotAFlowLog",
                // Json, Base64, and faults of later versions of `flowlogs-source`.
                _ => "ObjectJson",
            },
            Self::Parquet(error) => match error {
                ParquetError::Footer { .. } => "ObjectParquetFooter",
                ParquetError::Page { .. } => "ObjectParquetPage",
                ParquetError::TooLarge { .. } => "ObjectTooLarge",
                ParquetError::Io { .. } => "ObjectUnreadable",
                ParquetError::NotParquet
                | ParquetError::NoFlowLogColumn
                | ParquetError::Ocsf
                | ParquetError::TooManyColumns { .. }
                | ParquetError::ColumnType { .. } => "ObjectNotAFlowLog",
                // Codec, Encoding, Encrypted, and faults of later versions of `flowlogs-parquet`.
                _ => "ObjectParquetUnsupported",
            },
            Self::NotAFlowLog { .. } | Self::NotAFlowLogHeader { .. } => "ObjectNotAFlowLog",
            Self::Format { .. } => "FormatUnknown",
            Self::Inventory(_) => "InventoryUnavailable",
            Self::OutOfTime => "OutOfTime",
            Self::Collector(_) => "CollectorUnreachable",
        }
    }
}

/// Error of an invocation, or of a message of a queue.
#[derive(Clone, PartialEq, Eq, Error)]
pub enum S3Failure {
    /// The event names no object.
    #[error("{0}")]
    Trigger(#[from] TriggerError),
    /// An object was not exported: the first of several.
    #[error("{object}: {error}")]
    Object {
        /// URL of the object.
        object: String,
        /// Reason.
        error: ObjectError,
    },
    /// The function has no certificates.
    #[error("{0}")]
    Setup(#[from] diagnostics::Failure),
}

impl S3Failure {
    pub(super) fn object(object: &ObjectRef, error: ObjectError) -> Self {
        Self::Object {
            object: one_line(object),
            error,
        }
    }

    /// Stable name of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trigger(TriggerError::Unknown) => "EventUnknown",
            Self::Trigger(TriggerError::Version(_)) => "EventVersion",
            Self::Trigger(TriggerError::Key(_)) => "EventKey",
            // Damaged, Nameless, and faults of later versions of `flowlogs-source`.
            Self::Trigger(_) => "EventDamaged",
            Self::Object { error, .. } => error.name(),
            Self::Setup(failure) => failure.name(),
        }
    }
}

returned_to_lambda!(S3Failure);

#[cfg(test)]
mod tests {
    use flowlogs_source::GzipFault;
    use lambda_runtime::Diagnostic;

    use super::*;

    /// Errors with their names.
    fn errors() -> Vec<(ObjectError, &'static str)> {
        let gzip = UnpackError::Gzip {
            position: 9,
            fault: GzipFault::Truncated,
        };
        let code = "NoSuchKey".into();
        let reason = || "denied".into();
        let header = "time user".into();
        let footer = ParquetError::Footer { reason: reason() };
        vec![
            (ObjectError::Unpack(gzip), "ObjectGzip"),
            (ObjectError::Missing { code }, "ObjectMissing"),
            (ObjectError::Denied { reason: reason() }, "ObjectDenied"),
            (
                ObjectError::KeyDenied { reason: reason() },
                "ObjectKeyDenied",
            ),
            (ObjectError::Archived, "ObjectArchived"),
            (ObjectError::Changed, "ObjectChanged"),
            (
                ObjectError::Unreadable { reason: reason() },
                "ObjectUnreadable",
            ),
            (ObjectError::NotAFlowLog { lines: 7 }, "ObjectNotAFlowLog"),
            (
                ObjectError::NotAFlowLogHeader { header },
                "ObjectNotAFlowLog",
            ),
            (ObjectError::OutOfTime, "OutOfTime"),
            (ObjectError::Format { reason: reason() }, "FormatUnknown"),
            (ObjectError::Parquet(footer), "ObjectParquetFooter"),
            (
                ObjectError::Parquet(ParquetError::NoFlowLogColumn),
                "ObjectNotAFlowLog",
            ),
        ]
    }

    #[test]
    fn what_the_runtime_logs_is_one_line_with_name_object_and_reason() {
        let object = ObjectRef {
            bucket: "flows".into(),
            key: "a b.log.gz".into(),
            ..ObjectRef::default()
        };
        for (error, name) in errors() {
            let failure = S3Failure::object(&object, error);
            let logged = format!("{failure:?}");
            assert!(
                logged.starts_with(&format!("{name}: s3://flows/a b.log.gz: ")),
                "{logged}"
            );
            assert!(!logged.contains('\n') && !logged.contains("  "), "{logged}");
            assert_eq!(Diagnostic::from(failure).error_type, name);
        }
    }
}
