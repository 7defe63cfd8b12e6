//! The function behind CloudWatch Logs: subscription payloads, directly, over a Kinesis stream, or out of the failure queue.
//!
//! An invocation unpacks the payloads, asks EC2 due questions, hands the lines to the
//! [`Forwarder`](crate::forward::Forwarder), and writes a metrics line. All state across invocations is in [`CloudWatch`]:
//! several `CloudWatch` could serve invocations side by side. `prepare.rs` has the look-ups before a payload is sent.
//!
//! | event | a payload that fails | a payload that cannot be decoded |
//! |---|---|---|
//! | subscription | fails the invocation: Lambda tries again, then queues the payload | the same |
//! | failure queue | stays in the queue, alone | the same |
//! | record of a failed invocation, as the failure queue holds it, invoked by hand | fails the invocation, as of a subscription | the same |
//! | Kinesis | comes again, with everything behind it in the shard | is named in the log and passed over |

mod prepare;
#[cfg(test)]
mod tests;

use std::io;

use aws_config::SdkConfig;
use flowlogs_core::{BatchReport, SourceOrigin};
use flowlogs_export::now;
use flowlogs_source::{
    FailedInvocation, FailureMessage, FunctionEvent, JsonFault, KinesisRecord, OpenedPayload,
    Payload, UnpackError, Unpacker,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::check;
use crate::config::Config;
use crate::diagnostics::Failure;
use crate::ec2::Ec2;
use crate::forward::BatchTerms;
use crate::function::{Function, InvocationLog, LAST_SECONDS};
use crate::log::one_line;
use crate::metrics::Metrics;
use crate::start::Environment;
use crate::stored::waits_for_inventory;
use crate::transcode_sink::{BatchSource, PartLoader, TranscodeSink};
use prepare::prepare;

/// Largest payload, unpacked, in octets. An event has at most 1 MB, which is 750 kB packed; usual traffic unpacks to 8 MB,
/// the most uniform traffic that was measured to 28 MB (`docs/benchmarks.md`). The rest is a reserve. A larger payload is
/// refused.
const PAYLOAD_LIMIT: usize = 48 * 1024 * 1024;

/// State across invocations.
#[derive(Debug)]
pub struct CloudWatch {
    function: Function,
    unpacker: Unpacker,
    /// A payload of the function's own log group was named in the log.
    own_log_group_named: bool,
}

/// Answer of a successful invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum CloudWatchAnswer {
    /// Answer to a subscription, or to a failure record outside of a queue.
    Done(Box<InvocationSummary>),
    /// Answer to a queue or stream: ids of the messages or records that have to come again.
    Failures(Vec<String>),
    /// Answer to the check event.
    Check(Value),
}

/// Outcome of the payload of a subscription, or of a failure record outside of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationSummary {
    /// Log group; `None` for a control message.
    pub log_group: Option<String>,
    /// Metrics of the invocation.
    pub metrics: Metrics,
}

impl Serialize for CloudWatchAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Done(summary) => summary.serialize(serializer),
            Self::Failures(ids) => batch_item_failures(ids).serialize(serializer),
            Self::Check(answer) => answer.serialize(serializer),
        }
    }
}

/// Partial batch response of a queue or stream.
pub(crate) fn batch_item_failures(ids: &[String]) -> Value {
    let failed = ids.iter().map(|id| json!({"itemIdentifier": id}));
    json!({"batchItemFailures": failed.collect::<Vec<_>>()})
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

/// An invocation under way.
struct Invocation {
    log: InvocationLog,
    deadline: Instant,
}

/// Payload to deliver now, with the circumstances of delivery.
#[derive(Debug, Clone, Copy)]
struct DuePayload<'a> {
    /// Base64 of the payload.
    data: &'a str,
    /// URLs of the targets that the payload is due to; empty for all.
    targets: &'a [&'a str],
    /// An earlier invocation with the payload failed, so the payload says nothing of the lag of delivery.
    is_old: bool,
}

impl CloudWatch {
    /// Asks and connects nothing before the first payload.
    #[must_use]
    pub fn new(environment: Environment, aws: SdkConfig) -> Self {
        Self {
            function: Function::new(environment, aws),
            unpacker: Unpacker::new(PAYLOAD_LIMIT),
            own_log_group_named: false,
        }
    }

    /// Serves an invocation until the deadline, with the metrics line on `metrics_to`.
    ///
    /// # Errors
    ///
    /// The event has to come again. The runtime logs the error and reports it to Lambda.
    pub async fn invoke(
        &mut self,
        event: &RawValue,
        request_id: &str,
        deadline: Instant,
        metrics_to: impl io::Write,
    ) -> Result<CloudWatchAnswer, Failure> {
        let deadline = deadline
            .checked_sub(LAST_SECONDS)
            .unwrap_or_else(Instant::now);
        if check::is_check(event.get()) {
            let answer = check::answer(&mut self.function, deadline).await;
            return Ok(CloudWatchAnswer::Check(answer));
        }
        let mut invocation = Invocation {
            log: InvocationLog::begin(),
            deadline,
        };
        let outcome = self.serve(event.get(), &mut invocation).await;
        let (log_group, metrics) = self.function.end(invocation.log, request_id, metrics_to);
        outcome.map(|failures| match failures {
            Some(ids) => CloudWatchAnswer::Failures(ids),
            None => CloudWatchAnswer::Done(Box::new(InvocationSummary { log_group, metrics })),
        })
    }

    /// Returns the ids that have to come again, of an event of a queue or stream.
    async fn serve(
        &mut self,
        event: &str,
        invocation: &mut Invocation,
    ) -> Result<Option<Vec<String>>, Failure> {
        let event = FunctionEvent::read(event).inspect_err(|_| {
            invocation.log.metrics.payload_errors += 1;
        })?;
        match event {
            FunctionEvent::Subscription(data) => {
                let payload = DuePayload {
                    data: &data,
                    targets: &[],
                    is_old: false,
                };
                self.deliver(payload, invocation).await?;
                Ok(None)
            }
            FunctionEvent::FailureRecord(record) => {
                self.deliver_again(&record, invocation).await?;
                Ok(None)
            }
            FunctionEvent::Queue(messages) => {
                self.deliver_messages(messages, invocation).await.map(Some)
            }
            FunctionEvent::Kinesis(records) => {
                self.deliver_records(records, invocation).await.map(Some)
            }
            // Records of a Firehose transformation: no function takes these.
            _ => {
                invocation.log.metrics.payload_errors += 1;
                Err(unknown_event().into())
            }
        }
    }

    /// Delivers the payloads of a failure queue again, each alone.
    async fn deliver_messages(
        &mut self,
        messages: Vec<FailureMessage>,
        invocation: &mut Invocation,
    ) -> Result<Vec<String>, Failure> {
        let mut returned = Vec::new();
        let mut out_of_time = false;
        for message in messages {
            let outcome = match &message.content {
                _ if out_of_time => Err(Failure::OutOfTime),
                Ok(record) => self.deliver_again(record, invocation).await,
                Err(error) => {
                    invocation.log.payloads += 1;
                    invocation.log.metrics.payload_errors += 1;
                    Err(error.clone().into())
                }
            };
            let Err(failure) = outcome else { continue };
            out_of_time |= matches!(failure, Failure::OutOfTime);
            invocation.log.undelivered(message.sent);
            // SQS is not told the reason, so this line is the only trace.
            tracing::warn!(
                error_type = failure.name(),
                message_id = one_line(&message.id),
                "{failure}; the message stays in the queue"
            );
            returned.push(message.id);
        }
        Ok(returned)
    }

    /// Delivers the payload of a failed invocation to the targets that its error names.
    async fn deliver_again(
        &mut self,
        record: &FailedInvocation,
        invocation: &mut Invocation,
    ) -> Result<(), Failure> {
        let payload = DuePayload {
            data: &record.data,
            targets: &record.failed_targets(),
            is_old: true,
        };
        self.deliver(payload, invocation).await
    }

    /// Delivers the records of a shard in order, up to the first failure: Lambda sends the failed record and everything
    /// behind again.
    async fn deliver_records(
        &mut self,
        records: Vec<KinesisRecord>,
        invocation: &mut Invocation,
    ) -> Result<Vec<String>, Failure> {
        for record in records {
            let payload = DuePayload {
                data: &record.data,
                targets: &[],
                is_old: false,
            };
            let (shard, sequence_number) = (one_line(&record.shard), &record.sequence_number);
            match self.deliver(payload, invocation).await {
                Ok(()) => {}
                // An unreadable record must not block the shard.
                Err(Failure::Payload(error)) => tracing::warn!(
                    shard,
                    sequence_number = one_line(sequence_number),
                    "{error}; the record is passed over"
                ),
                Err(failure) => {
                    tracing::warn!(
                        error_type = failure.name(),
                        shard,
                        sequence_number = one_line(sequence_number),
                        "{failure}; the record comes again"
                    );
                    return Ok(vec![record.sequence_number]);
                }
            }
        }
        Ok(Vec::new())
    }

    /// Delivers a payload; after the failure of a collector the certificates are read again.
    async fn deliver(
        &mut self,
        due: DuePayload<'_>,
        invocation: &mut Invocation,
    ) -> Result<(), Failure> {
        let outcome = self.forward(due, invocation).await;
        if let Err(Failure::Collector(_)) = outcome {
            let Function {
                forwarder_slot,
                config,
                ..
            } = &mut self.function;
            forwarder_slot.invalidate_certificates(config);
        }
        outcome
    }

    async fn forward(
        &mut self,
        due: DuePayload<'_>,
        invocation: &mut Invocation,
    ) -> Result<(), Failure> {
        let Self {
            function,
            unpacker,
            own_log_group_named,
        } = self;
        let log = &mut invocation.log;
        log.payloads += 1;
        let payload = match unpacker.open(due.data.as_bytes()) {
            Ok(OpenedPayload::Data(payload)) => payload,
            Ok(OpenedPayload::Control) => return Ok(()),
            Err(error) => {
                log.metrics.payload_errors += 1;
                return Err(error.into());
            }
        };
        let origin = payload.origin();
        if function.own_log_group.is_some() && origin.log_group == function.own_log_group.as_deref()
        {
            log.metrics.payload_errors += 1;
            if std::mem::replace(own_log_group_named, true) {
                log.own_payloads += 1;
            } else {
                tracing::error!(
                    error_type = "OwnLogGroup",
                    "the function's own log group is subscribed to the function; its payloads are dropped, and this is said once"
                );
            }
            return Ok(());
        }
        let log_group = origin.log_group.unwrap_or_default();
        log.source.get_or_insert_with(|| one_line(&log_group));
        for origin in payload.origins() {
            log.account(origin.owner);
        }
        let region = function.region.clone();
        let default = SourceOrigin {
            region: region.as_deref(),
            log_group: Some(log_group),
            ..SourceOrigin::default()
        };
        let waits = waits_for_inventory(payload.newest_timestamp());
        let deadline = invocation.deadline;
        prepare(function, &payload, default, deadline, waits).await?;
        send(function, &payload, default, due, waits, invocation).await
    }
}

/// Sends a payload to the targets that the payload is due to. If `waits` is false, the payload is sent even if the
/// inventory cannot be read.
async fn send(
    function: &mut Function,
    payload: &Payload<'_>,
    default: SourceOrigin<'_>,
    due: DuePayload<'_>,
    waits: bool,
    invocation: &mut Invocation,
) -> Result<(), Failure> {
    let Function {
        config,
        aws,
        forwarder_slot,
        ec2,
        stored,
        sources,
        record_log,
        ..
    } = function;
    let forwarder = forwarder_slot.ready(config, aws).await?;
    let only = forwarder.targets_named(due.targets);
    let batch = BatchTerms {
        now: now(),
        deadline: invocation.deadline.into_std(),
        only: only.as_deref(),
    };
    let mut loader = stored.as_mut().map(|stored| PartLoader { stored, waits });
    let mut read = Ok(());
    let forwarded = forwarder.forward(batch, |transcoder, targets| {
        read = payload.hand_on(&mut TranscodeSink {
            transcoder,
            sources,
            source: BatchSource {
                origin: default,
                is_backfill: false,
            },
            targets,
            deadline: batch.deadline,
            loader: loader.as_mut().map(PartLoader::reborrow),
            lines: 0,
        });
    });
    invocation.log.add(&forwarded, due.is_old);
    let has_arrived = forwarded.outcome.is_ok();
    let report = &forwarded.report;
    let log_group = payload.origin().log_group.unwrap_or_default();
    record_log.log(log_group, report);
    let outcome = match (read, forwarded.outcome) {
        (Err(reason), Ok(())) => Err(reason.into()),
        (_, Err(undelivered)) => Err(undelivered.into()),
        (Ok(()), Ok(())) => match ec2 {
            Some(ec2) => check_format_is_known(log_group, report, config, ec2),
            None => Ok(()),
        },
    };
    match outcome {
        Ok(()) => forwarder.commit(),
        Err(_) => forwarder.end_for_retry(has_arrived),
    }
    if let Some(ec2) = ec2 {
        ec2.note_unknown(forwarder.transcoder(), report);
    }
    outcome
}

fn unknown_event() -> UnpackError {
    UnpackError::Json {
        line: 1,
        column: 1,
        fault: JsonFault::Unknown,
    }
}

/// Checks that a format is known: a batch without a parsed line fails while EC2 did not answer, and has to come again.
fn check_format_is_known(
    log_group: &str,
    report: &BatchReport,
    config: &Config,
    ec2: &Ec2,
) -> Result<(), Failure> {
    match ec2.reason_for_no_format(report, config) {
        Some(failed) => Err(Failure::Format {
            log_group: one_line(&log_group),
            reason: failed.to_string(),
        }),
        None => Ok(()),
    }
}
