//! Reads of S3, for the objects of flow logs and those of an inventory: refusals, classified, and bodies, bounded.

use std::error::Error;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;

use crate::ec2::LookupError;
use crate::log::one_line;

/// Error of S3 in place of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadRefusal {
    pub(crate) kind: RefusalKind,
    /// Error code of S3; empty where S3 sent none.
    pub(crate) code: String,
    /// Error in a line: code and message, or the words of the SDK.
    pub(crate) reason: String,
}

/// Kind of an error of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// No such object, version or bucket.
    Missing,
    /// The role may not read the object.
    Denied,
    /// The role may not use the key that encrypts the object.
    KeyDenied,
    /// The object is in an archive.
    Archived,
    /// The object has another entity tag than the one asked for.
    Changed,
    /// The object still has the entity tag of the question.
    Unchanged,
    /// No answer in time.
    TimedOut,
    /// Anything else.
    Other,
}

impl ReadRefusal {
    /// Classifies an error of S3.
    pub(crate) fn of(error: &SdkError<GetObjectError>) -> Self {
        let SdkError::ServiceError(service) = error else {
            let reason = LookupError::of(error);
            let kind = match reason {
                LookupError::TimedOut => RefusalKind::TimedOut,
                _ => RefusalKind::Other,
            };
            return Self {
                kind,
                code: String::new(),
                reason: reason.to_string(),
            };
        };
        let code = service.err().code().unwrap_or_default();
        let message = service.err().message().unwrap_or("no reason given");
        let kind = match (code, service.raw().status().as_u16()) {
            (_, 304) => RefusalKind::Unchanged,
            ("NoSuchKey" | "NoSuchVersion" | "NoSuchBucket", _) | ("", 404) => RefusalKind::Missing,
            ("InvalidObjectState", _) => RefusalKind::Archived,
            ("PreconditionFailed", _) => RefusalKind::Changed,
            // S3 passes on the error of KMS.
            (code, status)
                if code.starts_with("KMS.") || status == 403 && message.contains("kms:") =>
            {
                RefusalKind::KeyDenied
            }
            (_, 401 | 403) => RefusalKind::Denied,
            _ => RefusalKind::Other,
        };
        Self {
            kind,
            code: code.to_owned(),
            reason: one_line(&format_args!("{code}: {message}")),
        }
    }
}

/// Reason why a body was not collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CollectError {
    /// The body is longer than the limit.
    TooLarge,
    /// The connection failed; the error in a line.
    Broken(String),
}

/// Collects a body of at most so many octets.
pub(crate) async fn collect(mut body: ByteStream, limit: usize) -> Result<Vec<u8>, CollectError> {
    let mut octets = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| CollectError::Broken(words(&error)))?;
        if chunk.len() > limit - octets.len() {
            return Err(CollectError::TooLarge);
        }
        octets.extend_from_slice(&chunk);
    }
    Ok(octets)
}

/// Error of a body with its causes, in a line.
fn words(error: impl Error) -> String {
    one_line(&DisplayErrorContext(error))
}
