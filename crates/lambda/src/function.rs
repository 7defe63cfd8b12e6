//! What both functions have: settings, the way to the collectors, what EC2 knows, and the metrics line that ends an
//! invocation.

use std::io;

use aws_config::SdkConfig;
use flowlogs_core::BatchReport;
use tokio::time::Instant;

use crate::clock::now;
use crate::config::Config;
use crate::connect::Connection;
use crate::ec2::{Ec2, LookupErrors};
use crate::known::Known;
use crate::metrics::{Metrics, MetricsLine};
use crate::start::Surroundings;

/// Everything that outlives an invocation, whatever brought its records.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) config: Config,
    pub(crate) aws: SdkConfig,
    name: String,
    pub(crate) region: Option<String>,
    pub(crate) connection: Connection,
    pub(crate) ec2: Option<Ec2>,
    pub(crate) known: Known,
}

/// What is said of an invocation.
#[derive(Debug)]
pub(crate) struct Journal {
    started: Instant,
    /// The log group or bucket, if the event could be read that far.
    pub(crate) source: Option<String>,
    pub(crate) metrics: Metrics,
    newest_end: Option<u64>,
}

impl Function {
    /// Nothing is asked or connected before it has to be.
    pub(crate) fn new(surroundings: Surroundings, aws: SdkConfig) -> Self {
        let Surroundings {
            config,
            connection,
            function_name,
            region,
        } = surroundings;
        Self {
            connection,
            ec2: config
                .reads_flow_logs()
                .then(|| Ec2::new(&aws, config.resolve_names)),
            known: Known::default(),
            config,
            aws,
            name: function_name,
            region,
        }
    }

    /// The invocation is over: its metrics line. Returns the source and the metrics.
    pub(crate) fn end(
        &mut self,
        journal: Journal,
        request_id: &str,
        metrics_to: impl io::Write,
    ) -> (Option<String>, Metrics) {
        let Journal {
            started,
            source,
            mut metrics,
            newest_end,
        } = journal;
        if let Some(ec2) = &mut self.ec2 {
            let LookupErrors { formats, names } = ec2.take_errors();
            metrics.format_lookup_errors = formats;
            metrics.name_lookup_errors = names;
        }
        metrics.delivery_lag_seconds = newest_end.map(|end| now().saturating_sub(end) / 1_000);
        metrics.transcode_milliseconds =
            u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = MetricsLine {
            timestamp: now(),
            function_name: &self.name,
            request_id,
            source: source.as_deref(),
            metrics: &metrics,
        };
        if let Err(error) = line.write(metrics_to) {
            tracing::warn!(%error, "the metrics line was not written");
        }
        (source, metrics)
    }
}

impl Journal {
    /// An invocation begins.
    pub(crate) fn begin() -> Self {
        Self {
            started: Instant::now(),
            source: None,
            metrics: Metrics::default(),
            newest_end: None,
        }
    }

    /// A batch was forwarded.
    pub(crate) fn add(&mut self, report: &BatchReport, send_errors: u64) {
        self.metrics.counters.add(&report.counters);
        self.metrics.send_errors += send_errors;
        self.newest_end = self.newest_end.max(report.newest_end);
    }
}
