//! `flowlogs-inventory`: keeps EC2's descriptions of all accounts and regions of an organization in S3.
//!
//! An invocation is a round: read the manifest, ask every account and region, write the changed parts, write the manifest.
//! `s3://bucket/prefix` is read by the functions that transcode, and by `flowlogs replay --inventory`.
//!
//! ```text
//! schedule ─► round ─► members: ListAccounts, AssumeRole ─► questions: Describe calls ─► merge ─► store: parts, manifest
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `settings.rs` | settings, checked |
//! | `members.rs` | accounts of the organization; sessions of the role in each |
//! | `questions.rs` | Describe calls of an account and region |
//! | `survey.rs` | answers so far of an account and region; those that the next round goes on with |
//! | `merge.rs` | answers become the next manifest |
//! | `store.rs` | manifest and parts in S3 |
//! | `round.rs` | order of the questions |
//! | `report.rs` | metrics line, answer and errors of an invocation |
//! | `check.rs` | the check event |

mod check;
mod members;
mod merge;
mod questions;
mod report;
mod round;
mod settings;
mod store;
mod survey;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use flowlogs_core::network::AccountRegion;
use flowlogs_describe::{Manifest, PartWriter, Timestamp};
use flowlogs_export::now;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::check::is_check;

use members::MemberSessions;
use merge::ManifestMerge;
use report::InventoryReport;
use round::{RoundClients, RoundOutcome};
use store::{InventoryStore, StoredManifest};
use survey::UnfinishedSurveys;

pub use report::{InventoryAnswer, InventoryFailure, InventorySummary, metric_names};
pub use settings::{AccountSource, InventoryConfig, InventoryEnvironment};

/// Every action needed with the function's own role, as in a policy.
pub const ACTIONS: [&str; 4] = [
    members::ASSUME_ROLE,
    members::LIST_ACCOUNTS,
    store::GET_OBJECT,
    store::PUT_OBJECT,
];

/// Time of an invocation that is kept for the manifest, the metrics and the answer.
const LAST_SECONDS: Duration = Duration::from_secs(15);

/// Share of a short invocation that is kept: a quarter.
const LAST_SHARE: u32 = 4;

/// State across invocations.
#[derive(Debug)]
pub struct InventoryFunction {
    config: InventoryConfig,
    name: String,
    clients: Arc<RoundClients>,
}

impl InventoryFunction {
    /// Asks nothing yet.
    pub fn new(environment: InventoryEnvironment, aws: SdkConfig) -> Self {
        let InventoryEnvironment {
            config,
            function_name,
            region,
        } = environment;
        let clients = RoundClients {
            sessions: MemberSessions::new(&aws, &config, &region),
            store: InventoryStore::new(&aws, config.location.clone()),
            unfinished: UnfinishedSurveys::default(),
            aws,
        };
        Self {
            config,
            name: function_name,
            clients: Arc::new(clients),
        }
    }

    /// Runs a round, for any event but the check event. Writes the metrics line to `metrics_to`, also of a failed round.
    ///
    /// # Errors
    ///
    /// The manifest was not read, the manifest or a part was not written, or the accounts are not known. A failing
    /// account is no error.
    pub async fn invoke(
        &mut self,
        event: &RawValue,
        request_id: &str,
        deadline: Instant,
        metrics_to: impl io::Write,
    ) -> Result<InventoryAnswer, InventoryFailure> {
        if is_check(event.get()) {
            let end = Self::end_of_questions(deadline);
            return Ok(InventoryAnswer::Check(self.check(end).await));
        }
        let started = Instant::now();
        let mut report = InventoryReport::default();
        let result = self.round(deadline, &mut report).await;
        report.round_milliseconds =
            u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Err(error) = report.write_line(&self.name, request_id, metrics_to) {
            tracing::warn!(%error, "the metrics line was not written");
        }
        result.map(|()| InventoryAnswer::Round(report.summary()))
    }

    /// Time of the end of the last question.
    fn end_of_questions(deadline: Instant) -> Instant {
        let left = deadline.saturating_duration_since(Instant::now());
        deadline - LAST_SECONDS.min(left / LAST_SHARE)
    }

    async fn round(
        &self,
        deadline: Instant,
        report: &mut InventoryReport,
    ) -> Result<(), InventoryFailure> {
        let questions_end = Self::end_of_questions(deadline);
        let store = &self.clients.store;
        let StoredManifest { manifest, etag } = store
            .manifest(questions_end)
            .await
            .map_err(InventoryFailure::reading)?;
        report.manifest_as_of = manifest.as_ref().map(|manifest| manifest.as_of);
        let mut merge = ManifestMerge::new(manifest.unwrap_or_default());
        let planned = self.plan(&mut merge, questions_end, report).await?;
        self.clients
            .sessions
            .retain(|account| planned.iter().any(|scope| scope.account == *account));
        self.clients
            .unfinished
            .retain(|scope| planned.contains(scope));
        let mut outcome = round::run(&self.clients, &mut merge, &planned, questions_end).await;
        self.empty_parts(
            &mut merge,
            &planned,
            (questions_end, deadline),
            &mut outcome,
        )
        .await;
        let unwritten = outcome.unwritten.take();
        report.interfaces = merge.interfaces();
        report.add(outcome);
        let as_of = Timestamp(now());
        let manifest: Manifest = merge.finish(as_of, &planned);
        store
            .put_manifest(&manifest, etag, deadline)
            .await
            .map_err(InventoryFailure::writing)?;
        report.manifest_as_of = Some(as_of);
        match unwritten {
            None => Ok(()),
            // The manifest names the earlier version of the part.
            Some(error) => Err(InventoryFailure::writing(error)),
        }
    }

    /// Writes an empty part over the part of each account and region that leaves the manifest, within a third of the time
    /// that is kept for the end. The rest leave with the next round.
    async fn empty_parts(
        &self,
        merge: &mut ManifestMerge,
        planned: &BTreeSet<AccountRegion>,
        (questions_end, deadline): (Instant, Instant),
        outcome: &mut RoundOutcome,
    ) {
        let end = questions_end + deadline.saturating_duration_since(questions_end) / 3;
        for scope in merge.expired(Timestamp(now()), planned) {
            if Instant::now() >= end {
                return;
            }
            let AccountRegion { account, region } = &scope;
            let empty = PartWriter::new().finish(account, region);
            let store = &self.clients.store;
            match store.put_part(account, region, empty, end).await {
                Ok(()) => {
                    tracing::info!(
                        account,
                        region,
                        "neither asked nor answered for 15 days: emptied"
                    );
                    outcome.parts_written += 1;
                    merge.remove(&scope);
                }
                Err(error) => {
                    outcome.unwritten.get_or_insert(error);
                    return;
                }
            }
        }
    }

    /// Accounts and regions of this round; those that are not asked are noted in `merge`.
    async fn plan(
        &self,
        merge: &mut ManifestMerge,
        deadline: Instant,
        report: &mut InventoryReport,
    ) -> Result<BTreeSet<AccountRegion>, InventoryFailure> {
        let regions = &self.config.regions;
        let accounts: BTreeSet<String> = match &self.config.accounts {
            AccountSource::List(accounts) => accounts.iter().cloned().collect(),
            AccountSource::Organization => {
                match members::organization(&self.clients.aws, deadline).await {
                    Ok(listed) => {
                        let mut active = BTreeSet::new();
                        for account in listed {
                            let Some(reason) = account.not_asked else {
                                active.insert(account.id);
                                continue;
                            };
                            for region in regions {
                                let scope = AccountRegion::new(&account.id, region);
                                merge.not_asked(&scope, reason.clone());
                            }
                        }
                        active
                    }
                    Err(failure) => {
                        let known = merge.accounts();
                        if known.is_empty() {
                            return Err(InventoryFailure::Accounts(failure.to_string()));
                        }
                        report.account_list_errors += 1;
                        tracing::warn!("{failure}; the accounts of the last round are asked");
                        known
                    }
                }
            }
        };
        let pairs = accounts.iter().flat_map(|account| {
            let regions = regions.iter();
            regions.map(|region| AccountRegion::new(account, region))
        });
        Ok(pairs.collect())
    }
}
