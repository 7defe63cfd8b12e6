//! Round of questions: every account and region is asked for flow logs, then the due accounts and regions for the rest.
//!
//! Accounts are asked side by side, the regions of an account in turn. Accounts with the oldest answers are asked first, so
//! that the next round continues an unfinished round; failed accounts are asked last, so that their time-outs delay no
//! other account.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use aws_config::SdkConfig;
use flowlogs_core::network::AccountRegion;
use flowlogs_describe::Timestamp;
use flowlogs_export::now;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::members::MemberSessions;
use super::merge::{ManifestMerge, NetworkSummary};
use super::questions::{QuestionEnd, RegionQuestions, sentence};
use super::store::{InventoryStore, StoreError};
use super::survey::{NetworkSurvey, UnfinishedSurveys};
use crate::log::one_line;

/// Most accounts asked side by side. Each has a page of an answer in memory, and a part, packed.
const ACCOUNTS_AT_ONCE: usize = 12;

/// Age of a due part, in milliseconds: with a round each 5 minutes, every third round.
const DUE: u64 = 14 * 60_000;

/// Age of an overdue part, in milliseconds, of an account that answers.
const OVERDUE: u64 = 30 * 60_000;

/// Most failures named in the log of a round.
const NAMED_FAILURES: usize = 50;

/// Everything that asking an account needs.
#[derive(Debug)]
pub(super) struct RoundClients {
    pub(super) aws: SdkConfig,
    pub(super) sessions: MemberSessions,
    pub(super) store: InventoryStore,
    /// Surveys of the rounds before.
    pub(super) unfinished: UnfinishedSurveys,
}

/// Outcome of a round, besides the manifest.
#[derive(Debug, Default)]
pub(super) struct RoundOutcome {
    /// Accounts with an answer or a failure.
    pub(super) asked: BTreeSet<String>,
    /// Accounts with a failed region.
    pub(super) failed: BTreeSet<String>,
    /// Accounts and regions left to the next round: no time was left, or the part was not written.
    pub(super) postponed: u64,
    /// Parts that are overdue.
    pub(super) overdue: u64,
    /// Parts that were written.
    pub(super) parts_written: u64,
    /// First error of a part that was not written.
    pub(super) unwritten: Option<StoreError>,
    named: usize,
}

/// Question of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobQuestion {
    FlowLogs,
    Network,
}

/// Answer to the question of a job.
#[derive(Debug)]
enum RegionAnswer {
    FlowLogs(Vec<flowlogs_describe::FlowLogDescription>),
    Network {
        /// Time of the first question, perhaps of an earlier round.
        begun: Timestamp,
        found: NetworkSummary,
        written: bool,
    },
}

/// Reason why there is no answer.
#[derive(Debug)]
enum RegionEnd {
    Question(QuestionEnd),
    Store(StoreError),
}

impl From<QuestionEnd> for RegionEnd {
    fn from(end: QuestionEnd) -> Self {
        Self::Question(end)
    }
}

impl From<StoreError> for RegionEnd {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Account to ask, with regions, and the version of the part of each.
#[derive(Debug)]
struct AccountJob {
    account: String,
    question: JobQuestion,
    regions: Vec<(String, Option<String>)>,
}

/// Region, time of the question, and the answer.
type RegionResult = (String, Timestamp, Result<RegionAnswer, RegionEnd>);

/// Asks every account and region of `planned`, and merges the answers.
///
/// A job is a question for the regions of an account. Jobs for flow logs are begun first; the end of one queues the job
/// for the network of the account, which begins when all jobs for flow logs have begun.
pub(super) async fn run(
    clients: &Arc<RoundClients>,
    merge: &mut ManifestMerge,
    planned: &BTreeSet<AccountRegion>,
    deadline: Instant,
) -> RoundOutcome {
    let mut outcome = RoundOutcome::default();
    let mut jobs = jobs(merge, planned);
    let mut running = JoinSet::new();
    loop {
        while running.len() < ACCOUNTS_AT_ONCE
            && let Some(job) = jobs.pop_front()
        {
            running.spawn(ask_account(Arc::clone(clients), job, deadline));
        }
        let Some(finished) = running.join_next().await else {
            break;
        };
        let (mut job, results) =
            finished.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let mut answered = BTreeSet::new();
        for (region, asked, result) in results {
            let scope = AccountRegion::new(&job.account, &region);
            if take(merge, &scope, asked, result, &mut outcome) {
                answered.insert(region);
            }
        }
        if job.question == JobQuestion::FlowLogs {
            job.question = JobQuestion::Network;
            job.regions.retain(|(region, _)| {
                answered.contains(region)
                    && is_due(merge, &AccountRegion::new(&job.account, region))
            });
            jobs.push_back(job);
        }
    }
    outcome.end(merge, planned);
    outcome
}

impl RoundOutcome {
    /// Counts overdue parts and failing accounts, also beyond the reach of this round.
    fn end(&mut self, merge: &ManifestMerge, planned: &BTreeSet<AccountRegion>) {
        for scope in planned {
            if merge.has_failed(scope) {
                self.failed.insert(scope.account.clone());
            } else if let Some(part) = merge.part(scope) {
                self.overdue += u64::from(is_older(part.as_of, OVERDUE));
            }
        }
    }
}

fn is_due(merge: &ManifestMerge, scope: &AccountRegion) -> bool {
    merge
        .part(scope)
        .is_none_or(|part| is_older(part.as_of, DUE))
}

fn is_older(time: Option<Timestamp>, age: u64) -> bool {
    time.is_none_or(|time| time.0.saturating_add(age) <= now())
}

/// Place of a region in the order: failed, time of the oldest answer, name.
type RegionRank<'a> = (bool, Option<Timestamp>, &'a str);

/// Jobs for the flow logs of every account, the oldest answer first; accounts whose regions all failed come last.
fn jobs(merge: &ManifestMerge, planned: &BTreeSet<AccountRegion>) -> VecDeque<AccountJob> {
    let mut by_account: BTreeMap<&str, Vec<RegionRank<'_>>> = BTreeMap::new();
    for scope in planned {
        let part = merge.part(scope);
        let oldest = part.and_then(|part| part.as_of.min(part.flow_logs_as_of));
        let region = (merge.has_failed(scope), oldest, scope.region.as_str());
        by_account.entry(&scope.account).or_default().push(region);
    }
    let mut accounts: Vec<_> = by_account.into_iter().collect();
    for (_, regions) in &mut accounts {
        regions.sort_unstable();
    }
    accounts.sort_by_key(|(_, regions)| regions.first().copied());
    let job = |(account, regions): (&str, Vec<RegionRank<'_>>)| AccountJob {
        account: account.to_owned(),
        question: JobQuestion::FlowLogs,
        regions: (regions.into_iter())
            .map(|(_, _, region)| {
                let part = merge.part(&AccountRegion::new(account, region));
                (
                    region.to_owned(),
                    part.and_then(|part| part.version.clone()),
                )
            })
            .collect(),
    };
    accounts.into_iter().map(job).collect()
}

/// Asks the regions of an account.
async fn ask_account(
    clients: Arc<RoundClients>,
    job: AccountJob,
    deadline: Instant,
) -> (AccountJob, Vec<RegionResult>) {
    let mut results = Vec::new();
    for (region, version) in &job.regions {
        let asked = Timestamp(now());
        let result = if Instant::now() >= deadline {
            Err(QuestionEnd::OutOfTime.into())
        } else {
            // Boxed: the SDK's futures are large.
            Box::pin(ask_region(
                &clients,
                &job,
                region,
                version.as_ref(),
                deadline,
            ))
            .await
        };
        results.push((region.clone(), asked, result));
    }
    (job, results)
}

async fn ask_region(
    clients: &RoundClients,
    job: &AccountJob,
    region: &str,
    version: Option<&String>,
    deadline: Instant,
) -> Result<RegionAnswer, RegionEnd> {
    let account = job.account.as_str();
    let credentials = clients.sessions.credentials(account, deadline).await;
    let credentials = credentials.map_err(|failure| match Instant::now() >= deadline {
        true => QuestionEnd::OutOfTime,
        false => QuestionEnd::Failed(failure),
    })?;
    let mut questions = RegionQuestions::new(&clients.aws, credentials, region, deadline);
    if job.question == JobQuestion::FlowLogs {
        let answer = questions.flow_logs().await;
        if answer == Err(QuestionEnd::RegionNotEnabled) {
            // `AuthFailure` also comes if the role was made again since the session began: the next question has a new
            // session.
            clients.sessions.forget(account);
        }
        return Ok(RegionAnswer::FlowLogs(answer?));
    }
    let survey = survey(clients, &mut questions, (account, region)).await?;
    let found = NetworkSummary {
        version: survey.interfaces.version(),
        interfaces: survey.interfaces.interfaces(),
        vpcs: survey.vpcs,
        gateways: survey.gateways,
        attachments: survey.attachments,
    };
    let written = version != Some(&found.version);
    if written {
        let gzip = survey.interfaces.finish(account, region);
        clients
            .store
            .put_part(account, region, gzip, deadline)
            .await?;
    }
    Ok(RegionAnswer::Network {
        begun: survey.begun,
        found,
        written,
    })
}

/// Whole survey of an account and region, which goes on where the one of an earlier round stopped.
async fn survey(
    clients: &RoundClients,
    questions: &mut RegionQuestions,
    (account, region): (&str, &str),
) -> Result<NetworkSurvey, QuestionEnd> {
    let scope = AccountRegion::new(account, region);
    let earlier = clients.unfinished.take(&scope, Timestamp(now()));
    let is_earlier = earlier.is_some();
    let begin = || NetworkSurvey::begin(Timestamp(now()));
    let mut survey = earlier.unwrap_or_else(begin);
    let mut answer = questions.network(&mut survey).await;
    if is_earlier && answer.as_ref().is_err_and(QuestionEnd::is_refusal) {
        survey = begin();
        answer = questions.network(&mut survey).await;
    }
    survey.keep_names();
    match answer {
        Ok(()) => Ok(survey),
        Err(end) => {
            if end.may_go_on() && !clients.unfinished.keep(scope, survey) {
                tracing::warn!(
                    account,
                    region,
                    "no room for half a survey: it begins again"
                );
            }
            Err(end)
        }
    }
}

/// Merges the result of an account and region. Returns `true` for an answer.
fn take(
    merge: &mut ManifestMerge,
    scope: &AccountRegion,
    asked: Timestamp,
    result: Result<RegionAnswer, RegionEnd>,
    outcome: &mut RoundOutcome,
) -> bool {
    let failure = match result {
        Ok(RegionAnswer::FlowLogs(flow_logs)) => {
            merge.flow_logs(scope, asked, flow_logs);
            outcome.asked.insert(scope.account.clone());
            return true;
        }
        Ok(RegionAnswer::Network {
            begun,
            found,
            written,
        }) => {
            merge.network(scope, begun, found);
            outcome.parts_written += u64::from(written);
            outcome.asked.insert(scope.account.clone());
            return true;
        }
        Err(RegionEnd::Question(QuestionEnd::OutOfTime)) => {
            outcome.postponed += 1;
            return false;
        }
        Err(RegionEnd::Question(QuestionEnd::RegionNotEnabled)) => {
            merge.not_asked(scope, "region not enabled".to_owned());
            return false;
        }
        Err(RegionEnd::Store(error)) => {
            // The fault of the bucket and not of the account.
            outcome.unwritten.get_or_insert(error);
            outcome.postponed += 1;
            return false;
        }
        Err(RegionEnd::Question(QuestionEnd::Failed(failure))) => sentence(&failure),
    };
    let failure = one_line(&failure);
    if outcome.named < NAMED_FAILURES {
        outcome.named += 1;
        tracing::warn!(
            account = scope.account,
            region = scope.region,
            "{failure}; its last answer is kept"
        );
    }
    outcome.asked.insert(scope.account.clone());
    merge.failed(scope, failure);
    false
}

#[cfg(test)]
mod tests {
    use flowlogs_describe::{Manifest, ManifestPart};

    use super::*;

    #[test]
    fn the_account_with_the_oldest_answer_comes_first_and_those_that_fail_come_last() {
        let part = |account: &str, as_of, failure: Option<&str>| ManifestPart {
            account_id: account.to_owned(),
            region: "eu-central-1".to_owned(),
            as_of,
            flow_logs_as_of: Some(Timestamp(900)),
            version: None,
            interfaces: 0,
            failure: failure.map(str::to_owned),
        };
        let merge = ManifestMerge::new(Manifest {
            parts: vec![
                part("1", Some(Timestamp(800)), None),
                part("2", Some(Timestamp(100)), None),
                part("3", None, Some("denied")),
                part("4", None, None),
            ],
            ..Manifest::default()
        });
        let accounts = ["1", "2", "3", "4", "5"];
        let planned = accounts.map(|account| AccountRegion::new(account, "eu-central-1"));
        let order = jobs(&merge, &planned.into());
        let order: Vec<_> = order.iter().map(|job| job.account.as_str()).collect();
        assert_eq!(order, ["4", "5", "2", "1", "3"]);
    }
}
