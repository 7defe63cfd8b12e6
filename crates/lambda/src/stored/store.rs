//! Reads the objects of an inventory from S3, whole and bounded in octets.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::aws::{RequestPatience, s3_client};
use crate::config::InventoryLocation;
use crate::s3_read::{CollectError, ReadRefusal, RefusalKind, collect};

/// Actions needed by a role: to read the objects, and to be told that an object is not there.
pub const ACTIONS: [&str; 2] = ["s3:GetObject", "s3:ListBucket"];

/// Longest time of a read.
const BUDGET: Duration = Duration::from_secs(10);

/// Outcome of a read.
#[derive(Debug)]
pub(super) enum StoredObject {
    /// The object has the entity tag of the question.
    Unchanged,
    /// There is no object with this key.
    Absent,
    /// Content, packed as stored, with the entity tag.
    Content {
        etag: Option<String>,
        octets: Vec<u8>,
    },
}

/// Reason why an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum StoreError {
    #[error(
        "S3 does not hand it out ({0}); the function's role needs s3:GetObject for it and s3:ListBucket for its prefix, and the policy of the bucket must admit the role"
    )]
    Denied(String),
    #[error(
        "S3 cannot decrypt it ({0}); the function's role needs kms:Decrypt for the key of the bucket"
    )]
    KeyDenied(String),
    #[error(
        "there is no such object; does flowlogs-inventory run, and write to this bucket and prefix?"
    )]
    Absent,
    #[error(
        "no answer in time; is there a route to S3 (a gateway endpoint, and port 443 in the security group)?"
    )]
    TimedOut,
    #[error("it has more than {0} octets")]
    TooLarge(usize),
    #[error("{0}")]
    Unreadable(String),
}

/// Location of the objects, and the client that reads the objects.
#[derive(Debug)]
pub(super) struct ObjectStore {
    client: Client,
    location: InventoryLocation,
}

impl ObjectStore {
    /// Asks nothing yet.
    pub(super) fn new(aws: &SdkConfig, location: InventoryLocation) -> Self {
        let patience = RequestPatience {
            connect: Duration::from_secs(1),
            answer: Duration::from_secs(4),
            attempts: 2,
        };
        Self {
            client: s3_client(aws, patience),
            location,
        }
    }

    /// URL of an object, for people.
    pub(super) fn url(&self, path: &str) -> String {
        format!("s3://{}/{}", self.location.bucket, self.location.key(path))
    }

    /// Reads an object of at most so many octets, unless the entity tag is unchanged.
    pub(super) async fn get(
        &self,
        path: &str,
        etag: Option<&str>,
        limit: usize,
        deadline: Instant,
    ) -> Result<StoredObject, StoreError> {
        let deadline = deadline.min(Instant::now() + BUDGET);
        match timeout_at(deadline, self.ask(path, etag, limit)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::TimedOut),
        }
    }

    async fn ask(
        &self,
        path: &str,
        etag: Option<&str>,
        limit: usize,
    ) -> Result<StoredObject, StoreError> {
        let request = self.client.get_object().bucket(&self.location.bucket);
        let request = request.key(self.location.key(path));
        let answer = request
            .set_if_none_match(etag.map(str::to_owned))
            .send()
            .await;
        match answer {
            Ok(output) => {
                let etag = output.e_tag().map(str::to_owned);
                let size = output.content_length().unwrap_or_default();
                if usize::try_from(size).is_ok_and(|size| size > limit) {
                    return Err(StoreError::TooLarge(limit));
                }
                let octets = collect(output.body, limit)
                    .await
                    .map_err(|error| match error {
                        CollectError::TooLarge => StoreError::TooLarge(limit),
                        CollectError::Broken(reason) => StoreError::Unreadable(reason),
                    })?;
                Ok(StoredObject::Content { etag, octets })
            }
            Err(error) => refused(ReadRefusal::of(&error)),
        }
    }
}

/// Outcome of a read that S3 refused.
fn refused(refusal: ReadRefusal) -> Result<StoredObject, StoreError> {
    let ReadRefusal { kind, code, reason } = refusal;
    match kind {
        RefusalKind::Unchanged => Ok(StoredObject::Unchanged),
        RefusalKind::Missing if code != "NoSuchBucket" => Ok(StoredObject::Absent),
        RefusalKind::KeyDenied => Err(StoreError::KeyDenied(reason)),
        RefusalKind::Denied => Err(StoreError::Denied(reason)),
        RefusalKind::TimedOut => Err(StoreError::TimedOut),
        RefusalKind::Missing
        | RefusalKind::Archived
        | RefusalKind::Changed
        | RefusalKind::Other => Err(StoreError::Unreadable(reason)),
    }
}
