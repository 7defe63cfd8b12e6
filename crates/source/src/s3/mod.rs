//! What S3 says: which objects are new, and what their keys tell.
//!
//! A [`S3Event`] is read from whatever invoked a function, and names the objects to read; [`owner`] and
//! [`may_be_a_flow_log`] read keys. Nothing here asks S3 for anything.
//!
//! | file | what it is about |
//! |---|---|
//! | `trigger.rs` | the wrappings of a notice |
//! | `key.rs` | what a key says: whose flow log |

mod key;
mod trigger;

use std::fmt;

pub use key::{KeyOwner, decoded, may_be_a_flow_log, owner};
pub use trigger::S3Event;

/// The version of the notices that is understood; a minor version adds and changes nothing.
const MAJOR_VERSION: &str = "2";

/// An object that was created, as it was announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectRef {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// Octets, if the notice says it.
    pub size: Option<u64>,
    /// The version, where the bucket has versions.
    pub version: Option<String>,
    /// The entity tag.
    pub etag: Option<String>,
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectNotice {
    /// An object was created.
    Created(ObjectRef),
    /// Something else happened in the bucket; not this function's business.
    Other,
}

/// A message of a queue, which is acknowledged or returned as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, for the answer.
    pub id: String,
    /// What is in it.
    pub notices: Result<Vec<ObjectNotice>, TriggerError>,
}

/// Why an event or message says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// It is not JSON, or lacks what a notice has.
    #[error("the event is damaged at line {line} column {column}: {reason}")]
    Damaged {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It is something else.
    #[error(
        "the event is of no known kind; known are notices of S3, from S3 itself, EventBridge, SNS or SQS"
    )]
    Unknown,
    /// A notice of another major version, whose fields may mean something else.
    #[error("the notice has version {0}; known is version {MAJOR_VERSION}")]
    Version(String),
    /// A notice without the name of a bucket or of an object.
    #[error("a notice names no bucket or no object; pass it as S3 sent it")]
    Nameless,
    /// The key is not UTF-8 when decoded.
    #[error("the key of an object is not UTF-8: {0}")]
    Key(String),
}

impl ObjectRef {
    /// What tells this version of the object from every other: the same in every notice of it. Empty where the notice
    /// says neither version nor entity tag.
    pub fn id(&self) -> String {
        let (version, tag) = (self.version.as_deref(), self.etag.as_deref());
        if version.is_none() && tag.is_none() {
            return String::new();
        }
        // Both: where versions are suspended, each object has the version `null`.
        let (version, tag) = (version.unwrap_or_default(), tag.unwrap_or_default());
        format!("{}/{}@{version}#{tag}", self.bucket, self.key)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever may write to the bucket chooses the key, and this ends in a log.
        let key = self.key.escape_debug();
        write!(f, "s3://{}/{key}", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_versions_and_contents_apart_and_is_none_without_both() {
        let object = |version: Option<&str>, etag: Option<&str>| ObjectRef {
            bucket: "b".into(),
            key: "k".into(),
            version: version.map(str::to_owned),
            etag: etag.map(str::to_owned),
            ..ObjectRef::default()
        };
        let all = [
            object(None, Some("e")),
            object(Some("v"), None),
            object(Some("null"), Some("e")),
            object(Some("null"), Some("f")),
        ];
        let ids: std::collections::HashSet<_> = all.iter().map(ObjectRef::id).collect();
        assert_eq!(ids.len(), all.len());
        assert_eq!(object(None, None).id(), "");
    }
}
