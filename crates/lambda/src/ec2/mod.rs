//! Look-ups in EC2: record formats, coverage of the flow logs, and names.
//!
//! Asks when a question is due, within a time budget. A question without an answer leaves the old answer in place, is
//! counted, and each reason is logged once. Hands on an [`Inventory`]: data for `flowlogs-core`.
//!
//! | file | subject |
//! |---|---|
//! | `flow_logs.rs` | flow logs and formats: `DescribeFlowLogs` |
//! | `names.rs` | interfaces, VPCs, transit gateways and attachments |
//! | `question.rs` | questions about an id |
//! | `survey.rs` | a round of questions, page by page, over several invocations if needed |
//! | `convert.rs` | conversion of the SDK's types to the descriptions of `flowlogs-describe` |
//! | `failed_lookup.rs` | unanswered questions |
//! | `schedule.rs` | time of the next question |

pub(crate) mod convert;
mod failed_lookup;
mod flow_logs;
mod names;
pub(crate) mod question;
mod schedule;
mod survey;
#[cfg(test)]
pub(crate) mod testing;

use std::time::Duration;

use aws_config::SdkConfig;
use flowlogs_core::network::Inventory;
use flowlogs_core::{BatchReport, Transcoder};
use flowlogs_export::random_part;
use tokio::time::Instant;

use crate::aws::WholeAnswers;
use crate::config::Config;

use failed_lookup::LookupTally;
use flow_logs::FlowLogLookup;
use names::NameLookup;

pub(crate) use failed_lookup::answered;
pub use failed_lookup::{FailedLookup, LookupError, UnansweredCounts};

/// Longest time of all look-ups of an invocation together.
pub const BUDGET: Duration = Duration::from_secs(5);

/// Longest wait before the first question of a cold environment.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Every action that the look-ups need, as a policy names the action.
pub const ACTIONS: [&str; 5] = [
    question::FLOW_LOGS,
    question::INTERFACES,
    question::ATTACHMENTS,
    question::VPCS,
    question::GATEWAYS,
];

/// Look-ups in an account and region, with the last answers and until when each is valid.
#[derive(Debug)]
pub struct Ec2 {
    client: aws_sdk_ec2::Client,
    flow_logs: FlowLogLookup,
    names: NameLookup,
    tally: LookupTally,
    budget: Duration,
    /// Longest wait before the first question; zero after the question.
    first_wait: Duration,
    /// End of this invocation's budget.
    deadline: Instant,
    /// Time from [`Self::set_deadline`]: end of the look-ups, whatever is left of the budget.
    given_deadline: Option<Instant>,
}

impl Ec2 {
    /// Knows nothing yet.
    pub fn new(config: &SdkConfig) -> Self {
        let config = aws_sdk_ec2::config::Builder::from(config)
            .interceptor(WholeAnswers)
            .build();
        Self {
            first_wait: FIRST_WAIT,
            ..Self::with_client(aws_sdk_ec2::Client::from_conf(config))
        }
    }

    fn with_client(client: aws_sdk_ec2::Client) -> Self {
        Self {
            client,
            flow_logs: FlowLogLookup::default(),
            names: NameLookup::default(),
            tally: LookupTally::default(),
            budget: BUDGET,
            first_wait: Duration::ZERO,
            deadline: Instant::now(),
            given_deadline: None,
        }
    }

    /// Widens the look-ups to flow logs of every destination: objects in a bucket come from flow logs directly, through
    /// Firehose, and through a log group and Firehose.
    #[must_use]
    pub fn of_buckets(mut self) -> Self {
        self.flow_logs = FlowLogLookup::to(&["s3", "kinesis-data-firehose", "cloud-watch-logs"]);
        self
    }

    /// A question is due for this destination.
    #[cfg(test)]
    fn is_due(&self, destination: &str, now: Instant) -> bool {
        self.flow_logs.is_due(now) || self.names.is_due(destination, now)
    }

    /// Asks for the flow logs, with formats, if due. The [`BUDGET`] begins here. Returns the whole inventory, if changed.
    ///
    /// Never fails, like every refresh: unanswered questions are counted in [`take_errors`](Self::take_errors), and old
    /// answers stay.
    pub async fn refresh_flow_logs(&mut self, now: Instant) -> Option<Inventory> {
        self.deadline = Instant::now() + self.budget;
        if let Some(given) = self.given_deadline {
            self.deadline = self.deadline.min(given);
        }
        self.ask_flow_logs(now).await
    }

    /// Asks for the flow logs again in the rest of the budget, because a line fits no format; at the earliest a minute after
    /// the last question.
    pub async fn refresh_flow_logs_again(&mut self) -> Option<Inventory> {
        self.invalidate_flow_logs();
        self.ask_flow_logs(Instant::now()).await
    }

    async fn ask_flow_logs(&mut self, now: Instant) -> Option<Inventory> {
        let due = self.flow_logs.is_due(now);
        if due {
            // Environments that begin together must not ask together.
            let wait = random_part(std::mem::take(&mut self.first_wait));
            if !wait.is_zero() {
                let began = Instant::now();
                tokio::time::sleep_until(self.deadline.min(began + wait)).await;
                let waited_ms = began.elapsed().as_micros() as f64 / 1_000.0;
                tracing::debug!(waited_ms, "waited before the first question to EC2");
            }
        }
        let changed = due
            && (self.flow_logs)
                .refresh(&self.client, now, self.deadline, &mut self.tally)
                .await;
        changed.then(|| self.inventory())
    }

    /// Asks for names within the coverage of the flow logs, and for names that were [requested](Self::request), if due.
    pub async fn refresh_names(&mut self, destination: &str, now: Instant) -> Option<Inventory> {
        let names = &mut self.names;
        let due = names.is_due(destination, now);
        names.cover(destination, self.flow_logs.known());
        let changed = due
            && names
                .refresh(&self.client, now, self.deadline, &mut self.tally)
                .await;
        changed.then(|| self.inventory())
    }

    /// Makes the answer invalid, because lines stopped fitting: the next refresh asks for the flow logs again, at the
    /// earliest a minute after the last question.
    pub fn invalidate_flow_logs(&mut self) {
        self.flow_logs.invalidate();
    }

    /// Requests the names of ids in flows: the next refresh asks for the unknown ids.
    pub fn request<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) {
        self.names.request(ids);
    }

    /// Notes the gaps found by a batch: unknown ids, and lines that stopped fitting.
    pub fn note_unknown(&mut self, transcoder: &mut Transcoder, report: &BatchReport) {
        self.request(transcoder.take_unknown().iter().map(String::as_str));
        if report.counters.unparsed_records > 0 {
            self.invalidate_flow_logs();
        }
    }

    /// Time of the last question for flow logs that EC2 answered, milliseconds since 1970: formats of older flow logs are
    /// known.
    pub fn flow_logs_as_of(&self) -> Option<u64> {
        self.flow_logs.as_of()
    }

    /// Ends the pause between two questions for flow logs.
    #[cfg(test)]
    pub(crate) fn end_flow_log_pause(&mut self) {
        self.flow_logs.end_pause();
    }

    /// EC2 has answered the question for flow logs at least once.
    pub fn knows_flow_logs(&self) -> bool {
        self.flow_logs.known().is_some()
    }

    /// Reason for the failure of the last question for flow logs, if failed.
    pub fn failed_flow_logs(&self) -> Option<&FailedLookup> {
        self.flow_logs.failed()
    }

    /// Reason why the record format of a batch is unknown: no setting names the format, no line could be parsed, and EC2
    /// never answered. The batch has to come again; the lines are not bad.
    pub fn reason_for_no_format(
        &self,
        report: &BatchReport,
        config: &Config,
    ) -> Option<&FailedLookup> {
        let unknown = report.counters.nothing_parsed()
            && config.log_format.is_none()
            && !self.knows_flow_logs();
        self.failed_flow_logs().filter(|_| unknown)
    }

    /// Unanswered questions since the last call.
    pub fn take_errors(&mut self) -> UnansweredCounts {
        self.tally.take_errors()
    }

    /// Ends the look-ups of this invocation at this time at the latest.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.given_deadline = Some(deadline);
    }

    /// Age of the inventory: time since the last whole survey.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.names.age(now)
    }

    /// Everything that is known.
    pub fn inventory(&self) -> Inventory {
        let mut inventory = self.names.known().clone();
        for flow_log in self.flow_logs.known().unwrap_or_default() {
            inventory.insert_flow_log(flow_log.clone());
        }
        inventory
    }
}

/// Hands an inventory to the transcoder, if EC2's answers changed it.
pub(crate) fn set_inventory(transcoder: &mut Transcoder, changed: Option<Inventory>) {
    if let Some(inventory) = changed {
        transcoder.set_inventory(inventory);
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Reply, Server};
    use super::*;

    #[tokio::test]
    async fn the_first_question_of_a_cold_environment_waits_a_random_moment_and_no_other_does() {
        let server = Server::start(|_| Reply::Error("UnauthorizedOperation"));
        let mut lookups = server.lookups();
        lookups.first_wait = Duration::from_millis(20);
        lookups.refresh("flows", Instant::now()).await;
        assert_eq!(server.actions(), ["DescribeFlowLogs"]);
        assert_eq!(lookups.first_wait, Duration::ZERO);
        let parts: Vec<_> = (0..32).map(|_| random_part(FIRST_WAIT)).collect();
        assert!(parts.iter().all(|part| *part <= FIRST_WAIT));
        assert!(parts.windows(2).any(|two| two[0] != two[1]), "{parts:?}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_no_answer() {
        let server = Server::start(|_| Reply::Endless);
        let mut lookups = server.lookups();
        lookups.budget = BUDGET;
        assert_eq!(lookups.refresh("flows", Instant::now()).await, None);
        let reason = lookups.failed_flow_logs().expect("no answer").to_string();
        assert!(reason.contains("length limit exceeded"), "{reason}");
    }
}
