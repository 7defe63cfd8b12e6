//! State of a function across invocations, for all kinds of events: settings, collectors, look-ups; and the metrics line
//! that ends an invocation.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use aws_config::SdkConfig;
use flowlogs_core::{SkippedWindow, SourceCache};
use flowlogs_export::now;
use flowlogs_source::s3::is_account;
use tokio::time::Instant;

use crate::config::{Config, InventorySetting};
use crate::connect::ForwarderSlot;
use crate::ec2::{Ec2, UnansweredCounts};
use crate::forward::ForwardOutcome;
use crate::log::one_line;
use crate::metrics::{Metrics, MetricsLine};
use crate::record_log::RecordLog;
use crate::start::Environment;
use crate::stored::StoredInventory;
use crate::survey::SurveyedStreams;

/// Time left of an invocation when reading and sending stop, for the metrics and the answer.
pub(crate) const LAST_SECONDS: Duration = Duration::from_secs(2);

/// Most accounts of an invocation kept for the metrics line.
const MOST_ACCOUNTS: usize = 1_000;

/// Most windows lost by AWS (`SKIPDATA`) that an invocation logs.
const MOST_LOST_WINDOWS: usize = 10;

/// State across invocations.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) config: Config,
    pub(crate) aws: SdkConfig,
    name: String,
    pub(crate) region: Option<String>,
    /// Log group of the function.
    pub(crate) own_log_group: Option<String>,
    pub(crate) forwarder_slot: ForwarderSlot,
    /// Look-ups with `INVENTORY=ec2`.
    pub(crate) ec2: Option<Ec2>,
    /// Inventory in S3 with `INVENTORY=s3://…`.
    pub(crate) stored: Option<StoredInventory>,
    pub(crate) sources: SourceCache,
    pub(crate) surveyed: SurveyedStreams,
    pub(crate) record_log: RecordLog,
}

/// Log of an invocation: the source of the metrics line.
#[derive(Debug)]
pub(crate) struct InvocationLog {
    started: Instant,
    /// Log group or bucket, if the event could be read that far.
    pub(crate) source: Option<String>,
    /// Accounts of the payloads or objects.
    pub(crate) accounts: BTreeSet<String>,
    /// Payloads so far, also of queue messages that cannot be read.
    pub(crate) payloads: u64,
    /// Payloads of the function's own log group, since that log group was named in the log.
    pub(crate) own_payloads: u64,
    pub(crate) metrics: Metrics,
    newest_end: Option<u64>,
    /// Logged windows lost by AWS.
    lost_windows: usize,
}

impl Function {
    /// Asks and connects nothing yet.
    pub(crate) fn new(environment: Environment, aws: SdkConfig) -> Self {
        let Environment {
            config,
            forwarder_slot,
            function_name,
            region,
            own_log_group,
        } = environment;
        if config.inventory == InventorySetting::Off && config.log_format.is_none() {
            tracing::warn!(
                "INVENTORY=off and LOG_FORMAT=auto: header lines and the default formats are all that is known; lines of other formats are unparsed"
            );
        }
        Self {
            forwarder_slot,
            ec2: match config.inventory {
                InventorySetting::Ec2 => Some(Ec2::new(&aws)),
                InventorySetting::Stored(_) | InventorySetting::Off => None,
            },
            stored: match &config.inventory {
                InventorySetting::Stored(location) => {
                    Some(StoredInventory::new(&aws, location.clone()))
                }
                InventorySetting::Ec2 | InventorySetting::Off => None,
            },
            sources: SourceCache::new(config.formats()),
            surveyed: SurveyedStreams::default(),
            record_log: RecordLog::default(),
            config,
            aws,
            name: function_name,
            region,
            own_log_group,
        }
    }

    /// Ends an invocation with the metrics line. Returns source and metrics.
    pub(crate) fn end(
        &mut self,
        log: InvocationLog,
        request_id: &str,
        metrics_to: impl io::Write,
    ) -> (Option<String>, Metrics) {
        let InvocationLog {
            started,
            source,
            accounts,
            payloads,
            own_payloads,
            mut metrics,
            newest_end,
            lost_windows: _,
        } = log;
        // A metrics line about nothing but payloads of the function's own log group would beget another such payload.
        if payloads > 0 && payloads == own_payloads {
            return (source, metrics);
        }
        if let Some(ec2) = &mut self.ec2 {
            let UnansweredCounts { flow_logs, names } = ec2.take_errors();
            metrics.format_lookup_errors = flow_logs;
            metrics.name_lookup_errors = names;
            let age = ec2.age(Instant::now());
            metrics.inventory_age_seconds = age.map(|age| age.as_secs());
        }
        if let Some(stored) = &mut self.stored {
            metrics.name_lookup_errors = stored.take_errors();
            metrics.inventory_age_seconds = stored.age().map(|age| age.as_secs());
        }
        metrics.delivery_lag_seconds = newest_end.map(|end| now().saturating_sub(end) / 1_000);
        metrics.transcode_milliseconds =
            u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = MetricsLine {
            timestamp: now(),
            function_name: &self.name,
            request_id,
            source: source.as_deref(),
            accounts: &accounts,
            metrics: &metrics,
        };
        if let Err(error) = line.write(metrics_to) {
            tracing::warn!(%error, "the metrics line was not written");
        }
        (source, metrics)
    }
}

impl InvocationLog {
    /// Begins an invocation.
    pub(crate) fn begin() -> Self {
        Self {
            started: Instant::now(),
            source: None,
            accounts: BTreeSet::new(),
            payloads: 0,
            own_payloads: 0,
            metrics: Metrics::default(),
            newest_end: None,
            lost_windows: 0,
        }
    }

    /// Adds a forwarded batch. An old batch (delivered again, or a backfill) says nothing of the lag of delivery.
    pub(crate) fn add(&mut self, forwarded: &ForwardOutcome, is_old: bool) {
        let report = &forwarded.report;
        self.metrics.counters.add(&report.counters);
        self.metrics.send_errors += forwarded.send_errors;
        self.metrics.reconnects += forwarded.reconnects;
        if !is_old {
            self.newest_end = self.newest_end.max(report.newest_end);
        }
        self.log_lost_windows(&report.skipped);
    }

    /// Logs windows lost by AWS, with times in the form of a flow log, seconds since 1970.
    fn log_lost_windows(&mut self, windows: &[SkippedWindow]) {
        for window in windows.iter().take(MOST_LOST_WINDOWS - self.lost_windows) {
            self.lost_windows += 1;
            let seconds = |time: Option<u64>| time.map(|time| time / 1_000);
            let (start, end) = (seconds(window.start), seconds(window.end));
            let interface = one_line(&window.interface);
            tracing::warn!(
                interface,
                start,
                end,
                "AWS lost the records of this window (SKIPDATA)"
            );
        }
    }

    /// Notes a message that stays in its queue after a failure, sent to the queue at this time.
    pub(crate) fn undelivered(&mut self, sent: Option<u64>) {
        let age = sent.map(|sent| now().saturating_sub(sent) / 1_000);
        let oldest = &mut self.metrics.oldest_undelivered_seconds;
        *oldest = (*oldest).max(age);
    }

    /// Notes the account of a payload or object.
    pub(crate) fn account(&mut self, account: Option<&str>) {
        if let Some(account) = account.filter(|account| is_account(account))
            && !self.accounts.contains(account)
            && self.accounts.len() < MOST_ACCOUNTS
        {
            self.accounts.insert(account.to_owned());
        }
    }
}
