//! The function behind a CloudWatch Logs subscription filter.
//!
//! An invocation unpacks its payload, learns from EC2 what is due, hands the lines to the
//! [`Forwarder`](crate::forward::Forwarder), and says on one metrics line what happened. Everything that lives longer
//! than an invocation is in [`CloudWatch`], one struct, so that several of them could serve invocations side by side.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io;

use aws_config::SdkConfig;
use flowlogs_core::{BatchReport, LogLine, RecordSource, Transcoder};
use flowlogs_source::{
    JsonFault, LineOrigin, LineSink, LogEvent, OpenedPayload, UnpackError, Unpacker,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::clock::now;
use crate::config::Config;
use crate::diagnostics::Failure;
use crate::ec2::Ec2;
use crate::forward::{Forwarded, Targets};
use crate::function::{Function, Journal};
use crate::metrics::Metrics;
use crate::start::Surroundings;

/// The largest payload, unpacked. Lambda delivers at most 1 MB packed; flow logs pack to about a seventh.
const PAYLOAD_LIMIT: usize = 48 * 1024 * 1024;

/// Everything that outlives an invocation.
#[derive(Debug)]
pub struct CloudWatch {
    function: Function,
    unpacker: Unpacker,
}

/// What a successful invocation returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The log group; none for a control message.
    pub log_group: Option<String>,
    /// What happened to its records.
    pub metrics: Metrics,
}

impl Serialize for Summary {
    /// An object with the log group, and the counters by the names of the metrics.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let log_group = self
            .log_group
            .as_ref()
            .map(|name| ("LogGroup", serde_json::json!(name)));
        let counters = self
            .metrics
            .entries()
            .filter_map(|(name, value)| Some((name, value?.into())));
        serializer.collect_map(log_group.into_iter().chain(counters))
    }
}

/// The event, as far as it matters; other keys are passed over.
#[derive(Deserialize)]
struct SubscriptionEvent<'a> {
    #[serde(borrow)]
    awslogs: AwsLogs<'a>,
}

#[derive(Deserialize)]
struct AwsLogs<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl CloudWatch {
    /// A function that has done nothing yet; nothing is asked or connected before the first payload.
    #[must_use]
    pub fn new(surroundings: Surroundings, aws: SdkConfig) -> Self {
        Self {
            function: Function::new(surroundings, aws),
            unpacker: Unpacker::new(PAYLOAD_LIMIT),
        }
    }

    /// One invocation, with its metrics line on `metrics`.
    ///
    /// # Errors
    ///
    /// Why the payload has to come again. The runtime logs it and answers Lambda.
    pub async fn invoke(
        &mut self,
        event: &RawValue,
        request_id: &str,
        metrics_to: impl io::Write,
    ) -> Result<Summary, Failure> {
        let mut journal = Journal::begin();
        let outcome = self.forward(event, &mut journal).await;
        let Function {
            connection, config, ..
        } = &mut self.function;
        if let Err(Failure::Collector(_)) = outcome {
            connection.distrust_certificates(config);
        }
        let (log_group, metrics) = self.function.end(journal, request_id, metrics_to);
        outcome.map(|()| Summary { log_group, metrics })
    }

    async fn forward(&mut self, event: &RawValue, journal: &mut Journal) -> Result<(), Failure> {
        let Self { function, unpacker } = self;
        let Function {
            config,
            aws,
            connection,
            ec2,
            known,
            region,
            ..
        } = function;
        let opened = base64_of(event).and_then(|data| unpacker.open(data.as_bytes()));
        let payload = match opened {
            Ok(OpenedPayload::Data(payload)) => payload,
            Ok(OpenedPayload::Control) => return Ok(()),
            Err(error) => {
                journal.metrics.payload_errors = 1;
                return Err(error.into());
            }
        };
        let origin = payload.origin();
        let log_group = origin.log_group.unwrap_or_default();
        journal.source = origin.log_group.map(str::to_owned);
        let forwarder = connection.ready(config, aws).await?;
        if let Some(ec2) = ec2 {
            let asked = tokio::time::Instant::now();
            known.renew(forwarder.transcoder(), ec2.refresh_formats(asked).await);
            // Only with its format does a line tell which names it needs.
            let transcoder = forwarder.transcoder();
            known.survey(&payload, transcoder, config, ec2);
            let inventory = ec2.refresh_names(log_group, asked).await;
            known.renew(forwarder.transcoder(), inventory);
        }
        let source = known.source(log_group, forwarder.transcoder(), config);
        source.set_owner(origin.owner, region.as_deref());
        let Forwarded {
            report,
            send_errors,
            outcome,
        } = forwarder.forward(now(), |transcoder, targets| {
            let Ok(()) = payload.hand_on(&mut Transcode {
                transcoder,
                source,
                targets,
            });
        });
        journal.add(&report, send_errors);
        known.log(log_group, &report);
        let outcome = outcome.map_err(Failure::from).and_then(|()| match ec2 {
            Some(ec2) => no_format_is_known(log_group, &report, config, ec2),
            None => Ok(()),
        });
        match outcome {
            Ok(()) => forwarder.commit(),
            Err(_) => forwarder.rollback(),
        }
        if let Some(ec2) = ec2 {
            ec2.learn(forwarder.transcoder(), &report);
        }
        outcome
    }
}

/// Hands lines to the transcoder.
struct Transcode<'a, 't> {
    transcoder: &'a mut Transcoder,
    source: &'a mut RecordSource,
    targets: &'a mut Targets<'t>,
}

impl LineSink for Transcode<'_, '_> {
    type Error = std::convert::Infallible;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), Self::Error> {
        let line = LogLine {
            id: event.id,
            timestamp: event.timestamp,
            text: event.message,
        };
        self.transcoder.line(self.source, line, self.targets)
    }
}

fn base64_of(event: &RawValue) -> Result<Cow<'_, str>, UnpackError> {
    let event: SubscriptionEvent<'_> =
        serde_json::from_str(event.get()).map_err(|error| UnpackError::Json {
            line: error.line(),
            column: error.column(),
            fault: JsonFault::MissingData,
        })?;
    Ok(event.awslogs.data)
}

/// Nothing could be parsed and EC2 could not be asked: these lines have to come again rather than to be counted as bad.
fn no_format_is_known(
    log_group: &str,
    report: &BatchReport,
    config: &Config,
    ec2: &Ec2,
) -> Result<(), Failure> {
    match ec2.reason_for_no_format(report, config) {
        Some(trouble) => Err(Failure::Format {
            log_group: log_group.to_owned(),
            reason: trouble.to_string(),
        }),
        None => Ok(()),
    }
}
