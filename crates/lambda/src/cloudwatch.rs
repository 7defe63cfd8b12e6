//! The function behind a CloudWatch Logs subscription filter.
//!
//! An invocation unpacks its payload, asks EC2 the questions that are due, hands the lines to the
//! [`Forwarder`](crate::forward::Forwarder), and writes one metrics line. All state across invocations is in
//! [`CloudWatch`], one struct, so that several could serve invocations side by side.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io;

use aws_config::SdkConfig;
use flowlogs_core::network::Destination;
use flowlogs_core::{BatchReport, LogLine, RecordSource, Transcoder};
use flowlogs_export::now;
use flowlogs_source::{
    JsonFault, LineOrigin, LineSink, LogEvent, OpenedPayload, UnpackError, Unpacker,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::config::Config;
use crate::diagnostics::Failure;
use crate::ec2::Ec2;
use crate::forward::{ForwardOutcome, TargetSink};
use crate::function::{Function, InvocationLog};
use crate::metrics::Metrics;
use crate::start::Environment;

/// The largest payload, unpacked. Lambda delivers at most 1 MB packed; flow logs pack to about a seventh.
const PAYLOAD_LIMIT: usize = 48 * 1024 * 1024;

/// State across invocations.
#[derive(Debug)]
pub struct CloudWatch {
    function: Function,
    unpacker: Unpacker,
}

/// Answer of a successful invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationSummary {
    /// Log group; `None` for a control message.
    pub log_group: Option<String>,
    /// Metrics of the invocation.
    pub metrics: Metrics,
}

impl Serialize for InvocationSummary {
    /// Object with the log group, and the counters by the names of the metrics.
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

/// Event of a subscription; other keys are ignored.
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
    /// Asks and connects nothing before the first payload.
    #[must_use]
    pub fn new(environment: Environment, aws: SdkConfig) -> Self {
        Self {
            function: Function::new(environment, aws),
            unpacker: Unpacker::new(PAYLOAD_LIMIT),
        }
    }

    /// Serves one invocation, with its metrics line on `metrics_to`.
    ///
    /// # Errors
    ///
    /// The payload has to come again. The runtime logs the error and reports it to Lambda.
    pub async fn invoke(
        &mut self,
        event: &RawValue,
        request_id: &str,
        metrics_to: impl io::Write,
    ) -> Result<InvocationSummary, Failure> {
        let mut log = InvocationLog::begin();
        let outcome = self.forward(event, &mut log).await;
        let Function {
            connection, config, ..
        } = &mut self.function;
        if let Err(Failure::Collector(_)) = outcome {
            connection.invalidate_certificates(config);
        }
        let (log_group, metrics) = self.function.end(log, request_id, metrics_to);
        outcome.map(|()| InvocationSummary { log_group, metrics })
    }

    async fn forward(&mut self, event: &RawValue, log: &mut InvocationLog) -> Result<(), Failure> {
        let Self { function, unpacker } = self;
        let Function {
            config,
            aws,
            connection,
            ec2,
            sources,
            region,
            ..
        } = function;
        let opened = base64_of(event).and_then(|data| unpacker.open(data.as_bytes()));
        let payload = match opened {
            Ok(OpenedPayload::Data(payload)) => payload,
            Ok(OpenedPayload::Control) => return Ok(()),
            Err(error) => {
                log.metrics.payload_errors = 1;
                return Err(error.into());
            }
        };
        let origin = payload.origin();
        let log_group = origin.log_group.unwrap_or_default();
        log.source = origin.log_group.map(str::to_owned);
        let destination = Destination::log_group(log_group)
            .in_account(origin.owner)
            .in_region(region.as_deref());
        let destination = [destination];
        let forwarder = connection.ready(config, aws).await?;
        if let Some(ec2) = ec2 {
            let asked = tokio::time::Instant::now();
            sources.renew(forwarder.transcoder(), ec2.refresh_formats(asked).await);
            // Ids of a line are known only with its format.
            let transcoder = forwarder.transcoder();
            sources.survey(&payload, &destination, transcoder, config, ec2);
            let inventory = ec2.refresh_names(log_group, asked).await;
            sources.renew(forwarder.transcoder(), inventory);
        }
        let source = sources.source(&destination, None, forwarder.transcoder(), config);
        source.set_owner(origin.owner, region.as_deref());
        source.set_stream(origin.log_stream);
        let ForwardOutcome {
            report,
            send_errors,
            outcome,
        } = forwarder.forward(now(), |transcoder, targets| {
            let Ok(()) = payload.hand_on(&mut TranscodeSink {
                transcoder,
                source,
                targets,
            });
        });
        log.add(&report, send_errors);
        sources.log(log_group, &report);
        let outcome = outcome.map_err(Failure::from).and_then(|()| match ec2 {
            Some(ec2) => no_format_is_known(log_group, &report, config, ec2),
            None => Ok(()),
        });
        match outcome {
            Ok(()) => forwarder.commit(),
            Err(_) => forwarder.rollback(),
        }
        if let Some(ec2) = ec2 {
            ec2.note_unknown(forwarder.transcoder(), &report);
        }
        outcome
    }
}

/// Sink that hands lines to the transcoder.
struct TranscodeSink<'a, 't> {
    transcoder: &'a mut Transcoder,
    source: &'a mut RecordSource,
    targets: &'a mut TargetSink<'t>,
}

impl LineSink for TranscodeSink<'_, '_> {
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

/// Fails a batch of which no line could be parsed while EC2 did not answer: the batch has to come again.
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
