//! Inventory of an organization, read from the S3 objects of `flowlogs-inventory` (`INVENTORY=s3://…`).
//!
//! The manifest is read before the first record of a payload is decided, and again by conditional request after a minute. A
//! part (interfaces of an account and region) is read when a payload or a record names the account; of a part whose version
//! has changed the old copy serves until the new part is there.
//!
//! | file | subject |
//! |---|---|
//! | `store.rs` | reads of objects, bounded in octets and time |
//! | `parts.rs` | parts in memory |
//!
//! | what fails | with a copy | without |
//! |---|---|---|
//! | manifest | the copy serves, and the age grows | [`InventoryUnavailable`]: the payload comes again |
//! | part | the copy serves | the same |
//! | part, 404 | nothing is known of the account | nothing is known of the account |
//!
//! A payload older than an hour does not wait: the payload is transcoded without the unreadable object.

mod parts;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use flowlogs_core::Transcoder;
use flowlogs_core::network::{AccountRegion, Destination, InterfaceTable, Inventory};
use flowlogs_describe::{
    InventoryPart, LARGEST_PACKED, MANIFEST_PATH, Manifest, part_path, read_manifest, read_part,
};
use flowlogs_export::now;
use thiserror::Error;
use tokio::time::Instant;

use crate::config::InventoryLocation;
use crate::log::one_line;

use parts::PartCache;
use store::{ObjectStore, StoreError, StoredObject};

pub use store::ACTIONS;

/// Most octets of an inflated part: some 200,000 interfaces.
const LARGEST_PART: u64 = 128 * 1024 * 1024;

/// Time between two reads of the manifest, and between two attempts to read a part with a copy in memory.
const HOLD: Duration = Duration::from_secs(60);

/// Time between two attempts to read an object without a copy in memory.
const RETRY: Duration = Duration::from_secs(5);

/// Largest age of a payload that waits for the inventory, in milliseconds.
const LONGEST_WAIT: u64 = 3_600_000;

/// Consequence of an unreadable object for a payload that does not wait.
const DOES_NOT_WAIT: &str =
    "the payload is older than an hour and is transcoded without this object";

/// Most reasons that are remembered as logged, and most failed attempts that are remembered; one more clears the memory.
const REASONS: usize = 1_000;

/// The inventory is needed and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url}: {reason}")]
pub struct InventoryUnavailable {
    /// URL of the object.
    url: String,
    /// Reason in a line, with the remedy.
    reason: String,
}

/// Content of the manifest, without the part that the transcoder has.
#[derive(Debug)]
struct KnownManifest {
    etag: Option<String>,
    as_of: u64,
    /// Versions of the parts.
    versions: HashMap<AccountRegion, String>,
}

/// Failed attempt to read an object without a copy in memory.
#[derive(Debug)]
struct FailedAttempt {
    until: Instant,
    error: InventoryUnavailable,
}

/// Inventory in S3, as far as read.
#[derive(Debug)]
pub(crate) struct StoredInventory {
    store: ObjectStore,
    manifest: Option<KnownManifest>,
    /// Inventory of a manifest read in the middle of a payload; handed to the transcoder before the next payload.
    pending: Option<Inventory>,
    /// Time of the next read of the manifest.
    due: Option<Instant>,
    parts: PartCache,
    /// Parts that serve although the manifest names another version, until the manifest is due again.
    stale: HashSet<AccountRegion>,
    /// Accounts and regions unknown to the transcoder, although in the manifest.
    given_up: HashSet<AccountRegion>,
    /// Failed attempts by account and region; `None` is the manifest.
    failed: HashMap<Option<AccountRegion>, FailedAttempt>,
    /// Failed reads since the last metrics line.
    errors: u64,
    logged: HashSet<u64>,
    hasher: RandomState,
    deadline: Instant,
}

/// Returns true if a payload or object of this time (milliseconds since 1970) waits for the inventory.
pub(crate) fn waits_for_inventory(time: Option<u64>) -> bool {
    time.is_none_or(|time| now().saturating_sub(time) <= LONGEST_WAIT)
}

impl StoredInventory {
    /// Knows nothing, and asks nothing before the first payload.
    pub(crate) fn new(aws: &SdkConfig, location: InventoryLocation) -> Self {
        Self {
            store: ObjectStore::new(aws, location),
            manifest: None,
            pending: None,
            due: None,
            parts: PartCache::default(),
            stale: HashSet::new(),
            given_up: HashSet::new(),
            failed: HashMap::new(),
            errors: 0,
            logged: HashSet::new(),
            hasher: RandomState::new(),
            deadline: Instant::now(),
        }
    }

    /// Ends the reads of this invocation at this time at the latest.
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Time of writing of the manifest, milliseconds since 1970.
    pub(crate) fn as_of(&self) -> Option<u64> {
        Some(self.manifest.as_ref()?.as_of)
    }

    /// Age of the manifest.
    pub(crate) fn age(&self) -> Option<Duration> {
        Some(Duration::from_millis(now().saturating_sub(self.as_of()?)))
    }

    /// Failed reads since the last call.
    pub(crate) fn take_errors(&mut self) -> u64 {
        std::mem::take(&mut self.errors)
    }

    /// Number of accounts and regions in the manifest.
    pub(crate) fn scopes(&self) -> usize {
        let manifest = self.manifest.as_ref();
        manifest.map_or(0, |manifest| manifest.versions.len())
    }

    /// Prepares the transcoder for a payload: the manifest of at most a minute ago, and the parts of these accounts and
    /// regions. A payload that does not wait (`waits`) is transcoded without unreadable objects.
    ///
    /// # Errors
    ///
    /// There never was a copy of the manifest or of a part, and none can be read.
    pub(crate) async fn prepare(
        &mut self,
        scopes: impl IntoIterator<Item = AccountRegion>,
        waits: bool,
        transcoder: &mut Transcoder,
    ) -> Result<(), InventoryUnavailable> {
        if let Err(error) = self.refresh(transcoder).await {
            if waits {
                return Err(error);
            }
            self.log(&error, DOES_NOT_WAIT);
            transcoder.set_inventory(Inventory::unavailable());
            return Ok(());
        }
        for scope in scopes {
            let is_unknown = self.given_up.contains(&scope);
            if transcoder.inventory().interfaces_of(&scope).is_some() {
                self.parts.get(&scope);
            } else if !is_unknown && self.version(&scope).is_some() {
                self.load(scope, waits, transcoder).await?;
            }
        }
        Ok(())
    }

    /// Loads the part of an account and region into the transcoder's inventory, or notes there that nothing is known.
    ///
    /// # Errors
    ///
    /// There never was a copy of the part, and none can be read.
    pub(crate) async fn load(
        &mut self,
        scope: AccountRegion,
        waits: bool,
        transcoder: &mut Transcoder,
    ) -> Result<(), InventoryUnavailable> {
        let loaded = match self.part(&scope).await {
            Err(error) if !waits => {
                self.log(&error, DOES_NOT_WAIT);
                None
            }
            other => other?,
        };
        let Some((table, dropped)) = loaded else {
            transcoder.change_inventory(|inventory| inventory.remove_asked(&scope));
            self.given_up.insert(scope);
            return Ok(());
        };
        transcoder.change_inventory(|inventory| {
            for scope in &dropped {
                inventory.remove_interfaces(scope);
            }
            inventory.set_interfaces(Some(scope), table);
        });
        Ok(())
    }

    /// Reads the manifest if due, and hands the changes to the transcoder.
    async fn refresh(&mut self, transcoder: &mut Transcoder) -> Result<(), InventoryUnavailable> {
        let is_due = self.due.is_none_or(|due| Instant::now() >= due);
        if is_due {
            self.read_manifest().await?;
        }
        if let Some(mut inventory) = self.pending.take() {
            self.given_up.clear();
            self.stale.clear();
            for (scope, part) in self.parts.iter() {
                if self.version(scope) == Some(&part.version) {
                    inventory.set_interfaces(Some(scope.clone()), Arc::clone(&part.table));
                }
            }
            transcoder.set_inventory(inventory);
        } else if is_due && !(self.stale.is_empty() && self.given_up.is_empty()) {
            let (stale, given_up) = (&mut self.stale, &mut self.given_up);
            transcoder.change_inventory(|inventory| {
                for scope in stale.drain() {
                    inventory.remove_interfaces(&scope);
                }
                for scope in given_up.drain() {
                    inventory.insert_asked(scope);
                }
            });
        }
        Ok(())
    }

    /// Reads the manifest by conditional request. Without an answer the copy serves for another minute.
    async fn read_manifest(&mut self) -> Result<(), InventoryUnavailable> {
        if self.manifest.is_none() {
            self.check_pause(None)?;
        }
        let etag = self.manifest.as_ref().and_then(|known| known.etag.clone());
        let answer = self
            .store
            .get(
                MANIFEST_PATH,
                etag.as_deref(),
                LARGEST_PACKED,
                self.deadline,
            )
            .await;
        let read = match answer {
            Ok(StoredObject::Unchanged) if self.manifest.is_some() => Ok(None),
            Ok(StoredObject::Unchanged | StoredObject::Absent) => {
                Err(StoreError::Absent.to_string())
            }
            Ok(StoredObject::Content { etag, octets }) => read_manifest(&octets)
                .map(|manifest| Some((etag, manifest)))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(changed) => {
                self.failed.remove(&None);
                if let Some((etag, manifest)) = changed {
                    self.take(etag, manifest);
                }
            }
            Err(reason) => {
                let error = self.failure(MANIFEST_PATH, &reason);
                if self.manifest.is_none() {
                    return Err(self.pause(None, error));
                }
                self.log(&error, "the copy of before serves");
            }
        }
        self.due = Some(Instant::now() + HOLD);
        Ok(())
    }

    fn take(&mut self, etag: Option<String>, manifest: Manifest) {
        let versions = manifest.parts.iter();
        let versions = versions.filter_map(|part| Some((part.scope(), part.version.clone()?)));
        self.manifest = Some(KnownManifest {
            etag,
            as_of: manifest.as_of.0,
            versions: versions.collect(),
        });
        let mut inventory = manifest.into_inventory();
        inventory.set_loaded_on_demand();
        self.pending = Some(inventory);
    }

    fn version(&self, scope: &AccountRegion) -> Option<&String> {
        self.manifest.as_ref()?.versions.get(scope)
    }

    /// Table of an account and region, with the accounts and regions whose tables were dropped for it; `None` where nothing
    /// is known.
    ///
    /// | copy in memory | part in S3 | table |
    /// |---|---|---|
    /// | of the manifest's version | not read | of the copy |
    /// | of another version, or none | read | of the part |
    /// | of another version, or none | 404 | none |
    /// | of another version | unreadable | of the copy, until the manifest is due again |
    /// | none | unreadable | an error, without a further read for [`RETRY`] |
    async fn part(
        &mut self,
        scope: &AccountRegion,
    ) -> Result<Option<(Arc<InterfaceTable>, Vec<AccountRegion>)>, InventoryUnavailable> {
        let Some(wanted) = self.version(scope).cloned() else {
            return Ok(None);
        };
        let copy = self.parts.get(scope).cloned();
        match &copy {
            Some(copy) if copy.version == wanted => {
                return Ok(Some((Arc::clone(&copy.table), Vec::new())));
            }
            Some(_) => {}
            None => self.check_pause(Some(scope))?,
        }
        match (self.read_part(scope).await, copy) {
            (Ok(Some(part)), _) => self.take_part(part, &wanted).await.map(Some),
            (Ok(None), _) => {
                self.parts.remove(scope);
                Ok(None)
            }
            (Err(error), Some(copy)) => {
                self.log(&error, "the copy of before serves");
                self.stale.insert(scope.clone());
                Ok(Some((copy.table, Vec::new())))
            }
            (Err(error), None) => Err(self.pause(Some(scope), error)),
        }
    }

    /// Reads the part of an account and region; `None` if there is none.
    async fn read_part(
        &mut self,
        scope: &AccountRegion,
    ) -> Result<Option<InventoryPart>, InventoryUnavailable> {
        let path = part_path(&scope.account, &scope.region);
        let answer = self
            .store
            .get(&path, None, LARGEST_PACKED, self.deadline)
            .await;
        let read = match answer {
            Ok(StoredObject::Absent) => return Ok(None),
            Ok(StoredObject::Unchanged) => Err("no content".to_owned()),
            Ok(StoredObject::Content { octets, .. }) => match read_part(&octets, LARGEST_PART) {
                Ok(part) if part.scope == *scope => Ok(Some(part)),
                Ok(_) => Err("it is of another account or region".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        read.map_err(|reason| self.failure(&path, &reason))
    }

    /// Keeps a part that was read because the manifest has the version `wanted`. Returns the table, with the accounts and
    /// regions whose tables were dropped for it.
    async fn take_part(
        &mut self,
        part: InventoryPart,
        wanted: &str,
    ) -> Result<(Arc<InterfaceTable>, Vec<AccountRegion>), InventoryUnavailable> {
        let InventoryPart {
            scope,
            version,
            interfaces,
        } = part;
        self.failed.remove(&Some(scope.clone()));
        if version != wanted {
            // The part is younger than the manifest, or was overtaken by the next part.
            self.read_manifest().await?;
            if self.version(&scope) != Some(&version) {
                self.stale.insert(scope.clone());
            }
        }
        let table = Arc::new(interfaces);
        let dropped = self.parts.insert(&scope, version, Arc::clone(&table));
        Ok((table, dropped))
    }

    /// Counts a failed read.
    fn failure(&mut self, path: &str, reason: &str) -> InventoryUnavailable {
        self.errors += 1;
        InventoryUnavailable {
            url: one_line(&self.store.url(path)),
            reason: one_line(&reason),
        }
    }

    /// Notes a failed attempt: for a while the object is not read again, because further payloads would wait for it, too.
    fn pause(
        &mut self,
        scope: Option<&AccountRegion>,
        error: InventoryUnavailable,
    ) -> InventoryUnavailable {
        if self.failed.len() >= REASONS {
            self.failed.clear();
        }
        let attempt = FailedAttempt {
            until: Instant::now() + RETRY,
            error: error.clone(),
        };
        self.failed.insert(scope.cloned(), attempt);
        error
    }

    fn check_pause(&self, scope: Option<&AccountRegion>) -> Result<(), InventoryUnavailable> {
        match self.failed.get(&scope.cloned()) {
            Some(attempt) if Instant::now() < attempt.until => Err(attempt.error.clone()),
            _ => Ok(()),
        }
    }

    /// Logs a failure that fails no invocation, once for each object and reason.
    fn log(&mut self, error: &InventoryUnavailable, consequence: &str) {
        let text = format!("INVENTORY: {error}; {consequence}, and this is said once");
        if self.logged.len() >= REASONS {
            self.logged.clear();
        }
        if self.logged.insert(self.hasher.hash_one(&text)) {
            tracing::warn!("{text}");
        }
    }
}

/// Destinations of the flow logs of an inventory, each once.
pub(crate) fn destinations(inventory: &Inventory) -> Vec<&Destination> {
    let flow_logs = inventory.flow_logs().iter();
    let mut seen = HashSet::new();
    flow_logs
        .filter_map(|flow_log| flow_log.destination.as_ref())
        .filter(|destination| seen.insert(*destination))
        .collect()
}
