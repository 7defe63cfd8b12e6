//! State of a function across invocations, whatever its events: settings, collectors, look-ups; and the metrics line that
//! ends an invocation.

use std::io;

use aws_config::SdkConfig;
use flowlogs_core::BatchReport;
use flowlogs_export::now;
use tokio::time::Instant;

use crate::config::Config;
use crate::connect::CollectorConnection;
use crate::ec2::{Ec2, LookupErrors};
use crate::metrics::{Metrics, MetricsLine};
use crate::source_cache::SourceCache;
use crate::start::Environment;

/// State across invocations.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) config: Config,
    pub(crate) aws: SdkConfig,
    name: String,
    pub(crate) region: Option<String>,
    pub(crate) connection: CollectorConnection,
    pub(crate) ec2: Option<Ec2>,
    pub(crate) sources: SourceCache,
}

/// Log of an invocation, from which its metrics line is written.
#[derive(Debug)]
pub(crate) struct InvocationLog {
    started: Instant,
    /// Log group or bucket, if the event could be read that far.
    pub(crate) source: Option<String>,
    pub(crate) metrics: Metrics,
    newest_end: Option<u64>,
}

impl Function {
    /// Asks and connects nothing yet.
    pub(crate) fn new(environment: Environment, aws: SdkConfig) -> Self {
        let Environment {
            config,
            connection,
            function_name,
            region,
        } = environment;
        Self {
            connection,
            ec2: config
                .reads_flow_logs()
                .then(|| Ec2::new(&aws, config.resolve_names)),
            sources: SourceCache::default(),
            config,
            aws,
            name: function_name,
            region,
        }
    }

    /// Ends an invocation with its metrics line. Returns source and metrics.
    pub(crate) fn end(
        &mut self,
        log: InvocationLog,
        request_id: &str,
        metrics_to: impl io::Write,
    ) -> (Option<String>, Metrics) {
        let InvocationLog {
            started,
            source,
            mut metrics,
            newest_end,
        } = log;
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

impl InvocationLog {
    /// Begins an invocation.
    pub(crate) fn begin() -> Self {
        Self {
            started: Instant::now(),
            source: None,
            metrics: Metrics::default(),
            newest_end: None,
        }
    }

    /// Adds a batch that was forwarded.
    pub(crate) fn add(&mut self, report: &BatchReport, send_errors: u64) {
        self.metrics.counters.add(&report.counters);
        self.metrics.send_errors += send_errors;
        self.newest_end = self.newest_end.max(report.newest_end);
    }
}
