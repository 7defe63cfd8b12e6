//! What EC2 knows: record formats, what the flow logs cover, and the names of things.
//!
//! Responsible for asking when it is due, within a time budget, and for surviving every kind of no: what was known
//! before stays, each unanswered question is counted, and each reason is logged once. Hands on an [`Inventory`], which
//! is data; what it is used for is `flowlogs-core`'s business.
//!
//! | file | what it is about |
//! |---|---|
//! | `formats.rs` | flow logs and their formats: `DescribeFlowLogs` |
//! | `names.rs` | interfaces, VPCs, transit gateways and attachments |
//! | `question.rs` | what can be asked about an id |
//! | `convert.rs` | from the SDK's types to the inventory's |
//! | `trouble.rs` | why a question was not answered |
//! | `schedule.rs` | when to ask again |

mod convert;
mod formats;
mod names;
mod question;
mod schedule;
#[cfg(test)]
pub(crate) mod testing;
mod trouble;

use std::time::Duration;

use aws_config::SdkConfig;
use flowlogs_core::network::Inventory;
use flowlogs_core::{BatchReport, Transcoder};
use tokio::time::Instant;

use crate::config::Config;

use formats::FlowLogs;
use names::Names;
use trouble::Troubles;

pub(crate) use trouble::one_line;
pub use trouble::{Reason, Trouble};

/// How long all look-ups of one invocation may take together.
pub const BUDGET: Duration = Duration::from_secs(5);

/// Every action that the look-ups ask for, as a policy names it.
pub const ACTIONS: [&str; 5] = [
    formats::ACTION,
    question::INTERFACES,
    question::ATTACHMENTS,
    question::VPCS,
    question::GATEWAYS,
];

/// Most values that a filter of the EC2 API takes.
const FILTER_VALUES: usize = 200;

/// Items that a page of the EC2 API has at most.
const PAGE: i32 = 1_000;

/// Knowledge of one account and region, and the time until which it holds.
#[derive(Debug)]
pub struct Ec2 {
    client: aws_sdk_ec2::Client,
    flow_logs: FlowLogs,
    /// `None`: nobody wants names.
    names: Option<Names>,
    troubles: Troubles,
    budget: Duration,
    /// When the budget of this invocation is spent.
    deadline: Instant,
}

/// What an invocation's look-ups did not get, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookupErrors {
    /// Questions for flow logs.
    pub formats: u64,
    /// Questions for interfaces, VPCs, transit gateways and attachments.
    pub names: u64,
}

impl Ec2 {
    /// Nothing is known yet, and nothing is asked before the first [`refresh`](Self::refresh).
    pub fn new(config: &SdkConfig, resolve_names: bool) -> Self {
        Self::with_client(aws_sdk_ec2::Client::new(config), resolve_names)
    }

    fn with_client(client: aws_sdk_ec2::Client, resolve_names: bool) -> Self {
        Self {
            client,
            flow_logs: FlowLogs::default(),
            names: resolve_names.then(Names::default),
            troubles: Troubles::default(),
            budget: BUDGET,
            deadline: Instant::now(),
        }
    }

    /// Asks about flow logs that deliver to buckets instead of log groups.
    #[must_use]
    pub fn of_buckets(mut self) -> Self {
        self.flow_logs = FlowLogs::to("s3");
        self
    }

    /// Whether [`refresh`](Self::refresh) has anything to ask for this log group.
    #[cfg(test)]
    fn is_due(&self, log_group: &str, now: Instant) -> bool {
        self.flow_logs.is_due(now)
            || (self.names.as_ref()).is_some_and(|names| names.is_due(log_group, now))
    }

    /// Asks for flow logs and then for names, whatever is due, within the [`BUDGET`], where records come from this log
    /// group or bucket. Returns everything that is known, if that has changed.
    ///
    /// Never fails: what was not answered is counted in [`take_errors`](Self::take_errors), and what was known before
    /// holds on.
    pub async fn refresh(&mut self, log_group: &str, now: Instant) -> Option<Inventory> {
        let formats = self.refresh_formats(now).await;
        self.refresh_names(log_group, now).await.or(formats)
    }

    /// The first half of [`refresh`](Self::refresh): flow logs, with their formats. The [`BUDGET`] begins here.
    pub async fn refresh_formats(&mut self, now: Instant) -> Option<Inventory> {
        self.deadline = Instant::now() + self.budget;
        let due = self.flow_logs.is_due(now);
        let changed = due
            && (self.flow_logs)
                .refresh(&self.client, now, self.deadline, &mut self.troubles)
                .await;
        changed.then(|| self.inventory())
    }

    /// The second half: the names of what the flow logs cover, and of what was [wanted](Self::want) meanwhile.
    pub async fn refresh_names(&mut self, log_group: &str, now: Instant) -> Option<Inventory> {
        let names = self.names.as_mut()?;
        let due = names.is_due(log_group, now);
        names.cover(log_group, self.flow_logs.known());
        let changed = due
            && names
                .refresh(&self.client, now, self.deadline, &mut self.troubles)
                .await;
        changed.then(|| self.inventory())
    }

    /// Lines of a log group have stopped fitting: the flow logs are asked for again, a minute after the last time at
    /// the earliest.
    pub fn distrust_formats(&mut self) {
        self.flow_logs.distrust();
    }

    /// Flows mentioned these ids, of which nothing is known: they are asked for with the next refresh.
    pub fn want<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) {
        if let Some(names) = &mut self.names {
            names.want(ids);
        }
    }

    /// Notes what a batch says of what is known: ids that are not, lines that stopped fitting.
    pub fn learn(&mut self, transcoder: &mut Transcoder, report: &BatchReport) {
        self.want(transcoder.take_unknown().iter().map(String::as_str));
        if report.counters.unparsed_records > 0 {
            self.distrust_formats();
        }
    }

    /// Whether the flow logs are known, be it from long ago.
    pub fn knows_flow_logs(&self) -> bool {
        self.flow_logs.known().is_some()
    }

    /// Why the flow logs were not learnt the last time, if they were not.
    pub fn format_trouble(&self) -> Option<&Trouble> {
        self.flow_logs.trouble()
    }

    /// Why the record format of these lines is not known: no setting says it, none of them could be parsed, and the flow
    /// logs were never learnt. Such lines have to come again rather than to be counted as bad.
    pub fn reason_for_no_format(&self, report: &BatchReport, config: &Config) -> Option<&Trouble> {
        let unknown = report.counters.nothing_parsed()
            && config.log_format.is_none()
            && !self.knows_flow_logs();
        self.format_trouble().filter(|_| unknown)
    }

    /// What was not answered since the last call.
    pub fn take_errors(&mut self) -> LookupErrors {
        self.troubles.take_errors()
    }

    fn inventory(&self) -> Inventory {
        let mut inventory = match &self.names {
            Some(names) => names.known().clone(),
            None => Inventory::new(),
        };
        for flow_log in self.flow_logs.known().unwrap_or_default() {
            inventory.insert_flow_log(flow_log.clone());
        }
        inventory
    }
}
