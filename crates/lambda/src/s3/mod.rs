//! The function behind the notifications of a bucket.
//!
//! An event names objects, and each object is a batch: read, transcoded, sent, committed. A failure of an object returns
//! the object's message to the queue, with every object that the message names, unless another attempt would fail alike:
//! then the log names the object, and the object is passed over. When a collector is not reached or the time
//! is over, the further objects of the invocation are not begun, and their messages return, too. A second notice of an
//! object that this process has exported does nothing. Reading the event is `flowlogs_source`'s business.
//!
//! | file | subject |
//! |---|---|
//! | `object.rs` | reads objects: streams of text, ranges of Parquet |
//! | `prepare.rs` | look-ups before an object is read |
//! | `pace.rs` | estimates the time that an object takes |
//! | `failure.rs` | errors of an object |

pub mod failure;
pub mod object;
mod pace;
mod prepare;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io;

use aws_config::SdkConfig;
use flowlogs_core::{BatchReport, SourceOrigin};
use flowlogs_export::now;
use flowlogs_source::Unpacker;
use flowlogs_source::s3::{ObjectNotice, ObjectRef, S3Event, may_be_a_flow_log};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::check;
use crate::cloudwatch::batch_item_failures;
use crate::config::Config;
use crate::diagnostics;
use crate::ec2::Ec2;
use crate::forward::{BatchTerms, ForwardOutcome, Forwarder};
use crate::function::{Function, InvocationLog, LAST_SECONDS};
use crate::log::one_line;
use crate::metrics::{Metrics, ObjectCounters};
use crate::start::Environment;
use crate::transcode_sink::{BatchSource, PartLoader, TranscodeSink};
use failure::{ObjectError, S3Failure};
use object::ObjectReader;
use pace::ObjectPace;
use prepare::{ObjectSource, prepare};

/// Largest JSON document within an object, in octets; text is a stream and has no limit.
const DOCUMENT_LIMIT: usize = 16 * 1024 * 1024;

/// State across invocations.
#[derive(Debug)]
pub struct S3 {
    function: Function,
    objects: ObjectReader,
    unpacker: Unpacker,
    pace: ObjectPace,
}

/// Answer of a successful invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Answer {
    /// Answer to a queue: ids of the messages that have to come again.
    Failures(Vec<String>),
    /// Answer to an event without a queue: the metrics, boxed because the struct is large.
    Done(Box<Metrics>),
    /// Answer to the check event.
    Check(Value),
}

impl Serialize for S3Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Failures(ids) => batch_item_failures(ids).serialize(serializer),
            Self::Check(answer) => answer.serialize(serializer),
            Self::Done(metrics) => {
                let known = metrics.entries();
                serializer.collect_map(known.filter_map(|(name, value)| Some((name, value?))))
            }
        }
    }
}

/// Progress of an invocation.
struct Invocation {
    log: InvocationLog,
    deadline: Instant,
    /// An object was begun. The first is begun however little time is left; else a large object would never be begun.
    began: bool,
    /// Reason why no further object is begun.
    stopped: Option<ObjectError>,
    /// The message was received before, and the objects say nothing of the lag of delivery.
    is_old: bool,
    /// First object that was skipped.
    first_skipped: Option<String>,
}

/// Outcome of an object that did not fail.
enum ObjectOutcome {
    Exported,
    Duplicate,
}

impl S3 {
    /// Asks and connects nothing before the first object. [`invoke`](Self::invoke) blocks on S3 and collectors: call
    /// `invoke` on a [blocking thread](crate::start::run_blocking) while the runtime's thread drives I/O.
    #[must_use]
    pub fn new(environment: Environment, aws: SdkConfig) -> Self {
        let mut function = Function::new(environment, aws);
        function.ec2 = function.ec2.map(Ec2::of_buckets);
        Self {
            objects: ObjectReader::new(&function.aws),
            unpacker: Unpacker::new(DOCUMENT_LIMIT),
            pace: ObjectPace::default(),
            function,
        }
    }

    /// Serves an invocation until the deadline, with the metrics line on `metrics_to`.
    ///
    /// # Errors
    ///
    /// The event has to come again as a whole. The runtime logs the error and reports it to Lambda.
    pub async fn invoke(
        &mut self,
        event: &RawValue,
        request_id: &str,
        deadline: Instant,
        metrics_to: impl io::Write,
    ) -> Result<S3Answer, S3Failure> {
        let deadline = deadline
            .checked_sub(LAST_SECONDS)
            .unwrap_or_else(Instant::now);
        if check::is_check(event.get()) {
            let answer = check::answer(&mut self.function, deadline).await;
            return Ok(S3Answer::Check(answer));
        }
        let mut log = InvocationLog::begin();
        log.metrics.objects = Some(ObjectCounters::default());
        let mut invocation = Invocation {
            log,
            deadline,
            began: false,
            stopped: None,
            is_old: false,
            first_skipped: None,
        };
        let outcome = self.serve(event, &mut invocation).await;
        invocation.log_all_skipped();
        let log = invocation.log;
        let (_, metrics) = self.function.end(log, request_id, metrics_to);
        outcome.map(|returned| match returned {
            Some(ids) => S3Answer::Failures(ids),
            None => S3Answer::Done(Box::new(metrics)),
        })
    }

    /// Returns the messages that have to come again, of an event of a queue.
    async fn serve(
        &mut self,
        event: &RawValue,
        invocation: &mut Invocation,
    ) -> Result<Option<Vec<String>>, S3Failure> {
        let payload_errors = &mut invocation.log.metrics.payload_errors;
        let trigger = S3Event::read(event.get()).inspect_err(|_| *payload_errors += 1)?;
        let messages = match trigger {
            S3Event::Direct(notices) => {
                return self
                    .export_objects(notices, invocation)
                    .await
                    .map(|()| None);
            }
            S3Event::Queue(messages) => messages,
        };
        let mut returned = Vec::new();
        for message in messages {
            invocation.is_old = message.receive_count > Some(1);
            let outcome = match message.content {
                Ok(notices) => self.export_objects(notices, invocation).await,
                Err(error) => {
                    invocation.log.metrics.payload_errors += 1;
                    Err(error.into())
                }
            };
            match outcome {
                Ok(()) => {}
                // Nothing can be exported without certificates.
                Err(failure @ S3Failure::Setup(_)) => return Err(failure),
                Err(failure) => {
                    invocation.log.undelivered(message.sent);
                    // SQS is not told the reason, so this line is the only trace.
                    tracing::warn!(
                        error_type = failure.name(),
                        message_id = one_line(&message.id),
                        "{failure}; the message is returned to the queue"
                    );
                    returned.push(message.id);
                }
            }
        }
        Ok(Some(returned))
    }

    /// Exports the objects of a message or event. After the failure of an object the next objects are exported all the same,
    /// but for two failures: a collector that was not reached, or no time left. Then no object of the invocation is begun.
    async fn export_objects(
        &mut self,
        notices: Vec<ObjectNotice>,
        invocation: &mut Invocation,
    ) -> Result<(), S3Failure> {
        let mut outcome = Ok(());
        for notice in notices {
            let ObjectNotice::Created(object) = notice else {
                continue;
            };
            let source = &mut invocation.log.source;
            source.get_or_insert_with(|| one_line(&object.bucket));
            invocation.count(|objects| &mut objects.received);
            if object.size == Some(0) || !may_be_a_flow_log(&object.key) {
                tracing::debug!(
                    object = one_line(&object),
                    "skipped: empty, or no flow log by its key"
                );
                invocation.count(|objects| &mut objects.skipped);
                (invocation.first_skipped).get_or_insert_with(|| one_line(&object));
                continue;
            }
            if let Some(error) = self.reason_to_stop(&object, invocation) {
                invocation.count(|objects| &mut objects.returned);
                invocation.stopped = Some(error.clone());
                outcome = outcome.and(Err(S3Failure::object(&object, error)));
                continue;
            }
            invocation.began = true;
            match self.export_object(&object, invocation).await? {
                Ok(ObjectOutcome::Exported) => invocation.count(|objects| &mut objects.exported),
                Ok(ObjectOutcome::Duplicate) => invocation.count(|objects| &mut objects.duplicate),
                Err(error) => {
                    invocation.count(|objects| &mut objects.errors);
                    invocation.log.metrics.payload_errors += u64::from(error.is_of_the_payload());
                    if error.is_final() {
                        log_final(&object, &error);
                        continue;
                    }
                    if let ObjectError::Collector(_) | ObjectError::OutOfTime = error {
                        invocation.stopped = Some(error.clone());
                    }
                    outcome = outcome.and(Err(S3Failure::object(&object, error)));
                }
            }
        }
        outcome
    }

    /// Reason why an object is not begun: too little time, or an earlier object met no collector or ran out of time.
    fn reason_to_stop(&self, object: &ObjectRef, invocation: &Invocation) -> Option<ObjectError> {
        if invocation.stopped.is_some() {
            return invocation.stopped.clone();
        }
        let left = invocation
            .deadline
            .saturating_duration_since(Instant::now());
        let suffices = left > self.pace.estimate(object.size.unwrap_or_default());
        (invocation.began && !suffices).then_some(ObjectError::OutOfTime)
    }

    /// Exports an object: prepares look-ups, then transcodes, and learns from the outcome.
    ///
    /// # Errors
    ///
    /// The inner error is of the object alone, the outer error of the whole invocation.
    async fn export_object(
        &mut self,
        object: &ObjectRef,
        invocation: &mut Invocation,
    ) -> Result<Result<ObjectOutcome, ObjectError>, diagnostics::Failure> {
        let started = Instant::now();
        let source = ObjectSource::of(object);
        let function = &mut self.function;
        if let Err(unavailable) = prepare(function, &source, invocation.deadline).await? {
            return Ok(Err(unavailable));
        }
        invocation.log.account(source.facts.account);
        let outcome = self.transcode(object, &source, invocation).await?;
        let Function {
            config,
            forwarder_slot,
            ..
        } = &mut self.function;
        match &outcome {
            Ok(ObjectOutcome::Exported) => {
                let size = object.size.unwrap_or_default();
                self.pace.measure(size, started.elapsed());
            }
            Err(ObjectError::Collector(_)) => forwarder_slot.invalidate_certificates(config),
            _ => {}
        }
        Ok(outcome)
    }

    /// Transcodes an object as a batch.
    async fn transcode(
        &mut self,
        object: &ObjectRef,
        source: &ObjectSource<'_>,
        invocation: &mut Invocation,
    ) -> Result<Result<ObjectOutcome, ObjectError>, diagnostics::Failure> {
        let Function {
            config,
            aws,
            region,
            forwarder_slot,
            ec2,
            stored,
            sources,
            record_log,
            ..
        } = &mut self.function;
        let forwarder = forwarder_slot.ready(config, aws).await?;
        let (id, deadline) = (object.id(), invocation.deadline);
        let batch = BatchTerms {
            now: now(),
            deadline: deadline.into_std(),
            only: None,
        };
        let default = SourceOrigin {
            account: source.facts.account,
            region: source.facts.region.or(region.as_deref()),
            destinations: &source.destinations,
            flow_log: source.facts.flow_log,
            ..SourceOrigin::default()
        };
        let mut read = Ok(ObjectOutcome::Exported);
        let waits = source.waits;
        let mut loader = stored.as_mut().map(|stored| PartLoader { stored, waits });
        let forwarded = forwarder.forward(batch, |transcoder, targets| {
            if transcoder.note_delivery(id.as_bytes()) {
                read = Ok(ObjectOutcome::Duplicate);
                return;
            }
            let mut lines = TranscodeSink {
                transcoder,
                sources,
                source: BatchSource {
                    origin: default,
                    is_backfill: object.is_backfill,
                },
                targets,
                deadline: batch.deadline,
                loader: loader.as_mut().map(PartLoader::reborrow),
                lines: 0,
            };
            let outcome = (self.objects).read(object, deadline, &mut self.unpacker, &mut lines);
            read = outcome.map(|()| ObjectOutcome::Exported);
        });
        invocation.add(&forwarded, object);
        record_log.log(&object.bucket, &forwarded.report);
        Ok(conclude(forwarder, config, ec2.as_mut(), forwarded, read))
    }
}

/// Ends the batch of an object, and notes the gaps found by the batch.
fn conclude(
    forwarder: &mut Forwarder,
    config: &Config,
    ec2: Option<&mut Ec2>,
    forwarded: ForwardOutcome,
    read: Result<ObjectOutcome, ObjectError>,
) -> Result<ObjectOutcome, ObjectError> {
    let report = forwarded.report;
    let has_arrived = forwarded.outcome.is_ok();
    let outcome = match forwarded.outcome {
        Err(undelivered) if undelivered.is_out_of_time() => Err(ObjectError::OutOfTime),
        Err(undelivered) => Err(ObjectError::Collector(undelivered)),
        Ok(()) => read
            .and_then(|done| check_is_a_flow_log(&report, config, ec2.as_deref()).map(|()| done)),
    };
    match &outcome {
        Ok(_) => forwarder.commit(),
        Err(error) if error.is_final() => forwarder.commit(),
        Err(_) => forwarder.end_for_retry(has_arrived),
    }
    if let Some(ec2) = ec2 {
        ec2.note_unknown(forwarder.transcoder(), &report);
    }
    outcome
}

/// Names an object that is passed over. Lines before the fault may have been exported.
fn log_final(object: &ObjectRef, error: &ObjectError) {
    tracing::error!(
        error_type = error.name(),
        bucket = one_line(&object.bucket),
        key = one_line(&object.key),
        version = object.version.as_ref().map(one_line),
        "{}: {error}; the object is passed over",
        one_line(object)
    );
}

impl Invocation {
    /// Adds the forwarded records of an object to the log.
    fn add(&mut self, forwarded: &ForwardOutcome, object: &ObjectRef) {
        let is_old = self.is_old || object.is_backfill;
        self.log.add(forwarded, is_old);
    }

    /// Logs that every object was skipped: nothing else would tell a wrong prefix from a quiet prefix.
    fn log_all_skipped(&self) {
        let objects = self.log.metrics.objects.unwrap_or_default();
        if let Some(first) = self.first_skipped.as_deref()
            && objects.skipped == objects.received
        {
            tracing::warn!(
                count = objects.skipped,
                first,
                "every object was skipped: empty, a folder or test file, or below AWSLogs/ and of another service than vpcflowlogs"
            );
        }
    }

    fn count(&mut self, counter: impl Fn(&mut ObjectCounters) -> &mut u64) {
        if let Some(objects) = &mut self.log.metrics.objects {
            *counter(objects) += 1;
        }
    }
}

/// Checks that an object is a flow log: an object without a parsed line is none, or a flow log of unknown format.
fn check_is_a_flow_log(
    report: &BatchReport,
    config: &Config,
    ec2: Option<&Ec2>,
) -> Result<(), ObjectError> {
    if let Some(header) = report.refused_header.clone() {
        return Err(ObjectError::NotAFlowLogHeader { header });
    }
    if !report.counters.nothing_parsed() {
        return Ok(());
    }
    Err(
        match ec2.and_then(|ec2| ec2.reason_for_no_format(report, config)) {
            Some(failed) => ObjectError::Format {
                reason: failed.to_string(),
            },
            None => ObjectError::NotAFlowLog {
                lines: report.counters.records_received,
            },
        },
    )
}
