//! Objects of the inventory in S3: the manifest, replaced only if unchanged by another run, and the parts.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use flowlogs_describe::{
    InventoryError, LARGEST_PACKED, MANIFEST_PATH, Manifest, part_path, read_manifest,
};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::aws::{BoundedAnswers, RequestPatience, s3_client};
use crate::config::InventoryLocation;
use crate::ec2::{LookupError, answered};
use crate::log::one_line;
use crate::s3_read::{CollectError, collect};

pub(super) const GET_OBJECT: &str = "s3:GetObject";
pub(super) const PUT_OBJECT: &str = "s3:PutObject";

/// The manifest as read.
#[derive(Debug, Default)]
pub(super) struct StoredManifest {
    /// `None` before the first round.
    pub(super) manifest: Option<Manifest>,
    /// Entity tag of the object, for the conditional write.
    pub(super) etag: Option<String>,
}

/// Error of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum StoreError {
    /// S3 refused a request, or did not answer.
    #[error("{0}")]
    Refused(String),
    /// The manifest cannot be understood.
    #[error("{0}")]
    Unusable(String),
    /// Another run has replaced the manifest since the read.
    #[error("another run of the function has written the manifest")]
    LostRace,
}

/// Bucket of the inventory.
#[derive(Debug, Clone)]
pub(super) struct InventoryStore {
    client: Client,
    location: InventoryLocation,
}

impl InventoryStore {
    pub(super) fn new(aws: &SdkConfig, location: InventoryLocation) -> Self {
        let patience = RequestPatience {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(30),
            attempts: 3,
        };
        Self {
            client: s3_client(aws, patience),
            location,
        }
    }

    /// Reads the manifest.
    pub(super) async fn manifest(&self, deadline: Instant) -> Result<StoredManifest, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.location.bucket)
            .key(self.location.key(MANIFEST_PATH))
            .send();
        let answer = timeout_at(deadline, request).await;
        let object = match answer.map_err(|_| out_of_time(GET_OBJECT))? {
            Ok(object) => object,
            Err(error) if code(&error) == Some("NoSuchKey") => return Ok(StoredManifest::default()),
            Err(error) => return Err(refused(GET_OBJECT, &error)),
        };
        let collected = timeout_at(deadline, collect(object.body, LARGEST_PACKED)).await;
        let gzip = match collected.map_err(|_| out_of_time(GET_OBJECT))? {
            Ok(gzip) => gzip,
            Err(CollectError::TooLarge) => {
                let error = InventoryError::TooLarge(LARGEST_PACKED as u64);
                return Err(unusable(&error));
            }
            Err(CollectError::Broken(reason)) => {
                return Err(StoreError::Refused(format!("{GET_OBJECT}: {reason}")));
            }
        };
        Ok(StoredManifest {
            manifest: Some(read_manifest(&gzip).map_err(|error| unusable(&error))?),
            etag: object.e_tag,
        })
    }

    /// Writes the part of an account and region.
    pub(super) async fn put_part(
        &self,
        account: &str,
        region: &str,
        gzip: Vec<u8>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.location.bucket)
            .key(self.location.key(&part_path(account, region)))
            .content_type("application/gzip")
            .body(ByteStream::from(gzip))
            .customize()
            .interceptor(BoundedAnswers::SMALL);
        let answer = answered(PUT_OBJECT, deadline, request.send()).await;
        answer
            .map(drop)
            .map_err(|failed| StoreError::Refused(failed.to_string()))
    }

    /// Replaces the manifest with this entity tag, or writes the first manifest.
    pub(super) async fn put_manifest(
        &self,
        manifest: &Manifest,
        etag: Option<String>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let gzip = manifest.to_gzip().map_err(|error| unusable(&error))?;
        let first = etag.is_none().then(|| "*".to_owned());
        let request = self
            .client
            .put_object()
            .bucket(&self.location.bucket)
            .key(self.location.key(MANIFEST_PATH))
            .content_type("application/gzip")
            .set_if_match(etag)
            .set_if_none_match(first)
            .body(ByteStream::from(gzip))
            .customize()
            .interceptor(BoundedAnswers::SMALL);
        let answer = timeout_at(deadline, request.send()).await;
        match answer.map_err(|_| out_of_time(PUT_OBJECT))? {
            Ok(_) => Ok(()),
            Err(error) => match code(&error) {
                Some("PreconditionFailed" | "ConditionalRequestConflict") => {
                    Err(StoreError::LostRace)
                }
                _ => Err(refused(PUT_OBJECT, &error)),
            },
        }
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    match error {
        SdkError::ServiceError(service) => service.err().code(),
        _ => None,
    }
}

fn refused<E>(action: &str, error: &SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    StoreError::Refused(format!("{action}: {}", LookupError::of(error)))
}

fn unusable(error: &InventoryError) -> StoreError {
    StoreError::Unusable(one_line(error))
}

fn out_of_time(action: &str) -> StoreError {
    StoreError::Refused(format!("{action}: {}", LookupError::TimedOut))
}
