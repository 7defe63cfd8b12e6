//! Notices, the objects that they name, and errors.

use std::fmt;

use crate::queue::QueueMessage;

/// Major version of the notices that are understood; a minor version changes no field.
pub(super) const MAJOR_VERSION: &str = "2";

/// Event name of a notice sent by a person for an object exported before, which is not left out as a duplicate (rule 1 of
/// `docs/deduplication.md`). S3 has no event of this name; `flowlogs backfill` prints commands that send these notices.
pub const BACKFILL_EVENT: &str = "ObjectCreated:Backfill";

/// Most characters of a foreign text in an error.
const SHOWN: usize = 160;

/// Beginning of a foreign text for an error, with escapes for line ends and control characters.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(SHOWN) {
        match character.is_control() {
            true => shown.extend(character.escape_debug()),
            false => shown.push(character),
        }
    }
    shown
}

/// New object, as the notice names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectRef {
    /// Bucket.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
    /// Size in octets, if the notice has a size.
    pub size: Option<u64>,
    /// Version, where the bucket has versions.
    pub version: Option<String>,
    /// Entity tag.
    pub etag: Option<String>,
    /// True if the notice has the event name [`BACKFILL_EVENT`].
    pub is_backfill: bool,
    /// Time of the notice, in milliseconds since 1970, if the notice has a time.
    pub time: Option<u64>,
}

/// Notice about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectNotice {
    /// An object was created.
    Created(ObjectRef),
    /// Another change in the bucket, without a flow log.
    Other,
}

/// Message of a queue with notices.
pub type NoticeMessage = QueueMessage<Result<Vec<ObjectNotice>, TriggerError>>;

/// Error of an event or message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// Not JSON, or without the keys of a notice.
    #[error("the event is damaged at line {line} column {column}: {reason}")]
    Damaged {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Fault at that position.
        reason: String,
    },
    /// Event of another kind.
    #[error(
        "the event is of no known kind; known are notices of S3, from S3 itself, EventBridge, SNS or SQS"
    )]
    Unknown,
    /// Notice of another major version, whose fields may have another meaning.
    #[error("the notice has version {0}; known is version {MAJOR_VERSION}")]
    Version(String),
    /// Notice without the name of a bucket or of an object.
    #[error("a notice names no bucket or no object; pass it as S3 sent it")]
    Nameless,
    /// Name that is longer than S3 allows, which no object has.
    #[error("the {0} in a notice is longer than S3 allows ({1} octets)")]
    TooLong(&'static str, usize),
    /// Key that is not UTF-8 when decoded.
    #[error("the key of an object is not UTF-8: {0}")]
    Key(String),
}

impl ObjectRef {
    /// Id of this version of the object, equal in every notice of the version. Empty if the notice has neither version nor
    /// entity tag, or is a backfill.
    pub fn id(&self) -> String {
        let (version, tag) = (self.version.as_deref(), self.etag.as_deref());
        if self.is_backfill || version.is_none() && tag.is_none() {
            return String::new();
        }
        // Both: where versions are suspended, each object has the version `null`.
        let (version, tag) = (version.unwrap_or_default(), tag.unwrap_or_default());
        format!("{}/{}@{version}#{tag}", self.bucket, self.key)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is chosen by everybody who may write to the bucket, and ends in a log.
        let key = self.key.escape_debug();
        write!(f, "s3://{}/{key}", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_in_an_error_stays_one_line_of_bounded_length() {
        assert_eq!(shown("a\nb\u{1b}\"c\""), "a\\nb\\u{1b}\"c\"");
        assert_eq!(shown(&"x".repeat(1_000)).len(), SHOWN);
    }

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
        let backfill = ObjectRef {
            is_backfill: true,
            ..object(None, Some("e"))
        };
        assert_eq!(backfill.id(), "", "rule 1 knows nothing of it");
    }
}
