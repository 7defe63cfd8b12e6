//! The function behind the notifications of a bucket.
//!
//! An invocation names objects; each is a batch of its own: read, transcoded, sent, and only then done with. One that
//! fails does not keep the others from being exported, and is the only one that comes again: in a queue its message is
//! returned, and of an object that this process has exported already a second notice does nothing. Which objects an event
//! names is `flowlogs_source`'s business.
//!
//! | file | what it is about |
//! |---|---|
//! | `object.rs` | reading objects: streams of text, ranges of Parquet |
//! | `pace.rs` | whether the time suffices for one more |
//! | `failure.rs` | why an object was not exported |

pub mod failure;
pub mod object;
mod pace;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../../parquet/tests/objects/writer.rs"]
#[allow(dead_code, clippy::cast_possible_truncation, clippy::unwrap_used)]
// shared with the tests of the reader
mod writer;

use std::io;
use std::time::Duration;

use aws_config::SdkConfig;
use flowlogs_core::{BatchReport, LogLine, RecordSource, Transcoder};
use flowlogs_source::s3::{ObjectNotice, ObjectRef, S3Event, may_be_a_flow_log, owner};
use flowlogs_source::{LineOrigin, LineSink, LogEvent, Unpacker};
use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::clock::now;
use crate::config::Config;
use crate::diagnostics;
use crate::ec2::Ec2;
use crate::forward::{Forwarded, Targets};
use crate::function::{Function, Journal};
use crate::metrics::{Metrics, ObjectCounters};
use crate::start::Surroundings;
use failure::{Failure, ObjectError};
use object::Objects;
use pace::Pace;

/// The largest JSON document within an object; text is a stream and has no limit.
const DOCUMENT_LIMIT: usize = 16 * 1024 * 1024;

/// What is left of an invocation's time when reading stops, for the messages that are under way, the metrics and the
/// answer.
const LAST_SECONDS: Duration = Duration::from_secs(2);

/// LineSink after which the time is looked at again.
const LINES_A_LOOK: u32 = 4_096;

/// Everything that outlives an invocation.
#[derive(Debug)]
pub struct S3 {
    function: Function,
    objects: Objects,
    unpacker: Unpacker,
    pace: Pace,
}

/// What a successful invocation returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a queue: the ids of the messages that have to come again.
    Queue(Vec<String>),
    /// To everybody else: what happened. Boxed, because it is many numbers.
    Done(Box<Metrics>),
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Queue(ids) => {
                let failed = ids.iter().map(|id| json!({"itemIdentifier": id}));
                serializer.collect_map([("batchItemFailures", failed.collect::<Vec<_>>())])
            }
            Self::Done(metrics) => {
                let known = metrics.entries();
                serializer.collect_map(known.filter_map(|(name, value)| Some((name, value?))))
            }
        }
    }
}

/// What is said of an invocation, and what it has come to.
struct Invocation {
    journal: Journal,
    deadline: Instant,
    /// Whether an object was taken: the first is, however little time there is, or it never would be.
    began: bool,
    /// Why no further object is taken.
    stopped: Option<ObjectError>,
}

/// What became of an object that did not fail.
enum Done {
    Exported,
    Duplicate,
}

impl S3 {
    /// A function that has done nothing yet; nothing is asked or connected before the first object. It waits in the
    /// middle of its work, so that it needs a thread [beside](crate::start::beside) the one that does what it waits for.
    #[must_use]
    pub fn new(surroundings: Surroundings, aws: SdkConfig) -> Self {
        let mut function = Function::new(surroundings, aws);
        function.ec2 = function.ec2.map(Ec2::of_buckets);
        Self {
            objects: Objects::new(&function.aws),
            unpacker: Unpacker::new(DOCUMENT_LIMIT),
            pace: Pace::default(),
            function,
        }
    }

    /// One invocation, which has to be over at the deadline, with its metrics line on `metrics_to`.
    ///
    /// # Errors
    ///
    /// Why the event has to come again as a whole. The runtime logs it and answers Lambda.
    pub async fn invoke(
        &mut self,
        event: &RawValue,
        request_id: &str,
        deadline: Instant,
        metrics_to: impl io::Write,
    ) -> Result<Answer, Failure> {
        let mut journal = Journal::begin();
        journal.metrics.objects = Some(ObjectCounters::default());
        let mut invocation = Invocation {
            journal,
            deadline: deadline
                .checked_sub(LAST_SECONDS)
                .unwrap_or_else(Instant::now),
            began: false,
            stopped: None,
        };
        let outcome = self.handle(event, &mut invocation).await;
        let journal = invocation.journal;
        let (_, metrics) = self.function.end(journal, request_id, metrics_to);
        outcome.map(|returned| match returned {
            Some(ids) => Answer::Queue(ids),
            None => Answer::Done(Box::new(metrics)),
        })
    }

    /// Returns, to a queue, the messages that have to come again.
    async fn handle(
        &mut self,
        event: &RawValue,
        invocation: &mut Invocation,
    ) -> Result<Option<Vec<String>>, Failure> {
        let payload_errors = &mut invocation.journal.metrics.payload_errors;
        let trigger = S3Event::read(event.get()).inspect_err(|_| *payload_errors += 1)?;
        let messages = match trigger {
            S3Event::Direct(notices) => {
                return self.notices(notices, invocation).await.map(|()| None);
            }
            S3Event::Queue(messages) => messages,
        };
        let mut returned = Vec::new();
        for message in messages {
            let outcome = match message.notices {
                Ok(notices) => self.notices(notices, invocation).await,
                Err(error) => {
                    invocation.journal.metrics.payload_errors += 1;
                    Err(error.into())
                }
            };
            match outcome {
                Ok(()) => {}
                // Without it there is no object at all that could be exported.
                Err(failure @ Failure::Setup(_)) => return Err(failure),
                Err(failure) => {
                    // A queue is not told why, so this line is all that there is.
                    tracing::warn!(
                        error_type = failure.name(),
                        message_id = message.id,
                        "{failure}; the message is returned to the queue"
                    );
                    returned.push(message.id);
                }
            }
        }
        Ok(Some(returned))
    }

    /// Exports the objects of one message or event, all of which are tried.
    async fn notices(
        &mut self,
        notices: Vec<ObjectNotice>,
        invocation: &mut Invocation,
    ) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for notice in notices {
            let ObjectNotice::Created(object) = notice else {
                continue;
            };
            let source = &mut invocation.journal.source;
            source.get_or_insert_with(|| object.bucket.clone());
            invocation.count(|objects| &mut objects.received);
            if object.size == Some(0) || !may_be_a_flow_log(&object.key) {
                tracing::debug!(%object, "skipped, no flow log by its key");
                invocation.count(|objects| &mut objects.skipped);
                continue;
            }
            if let Some(error) = self.reason_to_stop(&object, invocation) {
                invocation.count(|objects| &mut objects.returned);
                invocation.stopped = Some(error.clone());
                outcome = outcome.and(Err(Failure::object(&object, error)));
                continue;
            }
            invocation.began = true;
            match self.object(&object, invocation).await? {
                Ok(Done::Exported) => invocation.count(|objects| &mut objects.exported),
                Ok(Done::Duplicate) => invocation.count(|objects| &mut objects.duplicate),
                Err(error) => {
                    invocation.count(|objects| &mut objects.errors);
                    invocation.journal.metrics.payload_errors +=
                        u64::from(error.is_of_the_payload());
                    if let ObjectError::Collector(_) | ObjectError::OutOfTime = error {
                        invocation.stopped = Some(error.clone());
                    }
                    outcome = outcome.and(Err(Failure::object(&object, error)));
                }
            }
        }
        outcome
    }

    /// Why this object is not even tried: the time, or a collector that was not reached for the one before.
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

    async fn object(
        &mut self,
        object: &ObjectRef,
        invocation: &mut Invocation,
    ) -> Result<Result<Done, ObjectError>, diagnostics::Failure> {
        let started = Instant::now();
        let Self {
            function,
            objects,
            unpacker,
            pace,
        } = self;
        let Function {
            config,
            aws,
            region,
            connection,
            ec2,
            known,
            ..
        } = function;
        let forwarder = connection.ready(config, aws).await?;
        let bucket = object.bucket.as_str();
        if let Some(ec2) = ec2 {
            let inventory = Box::pin(ec2.refresh(bucket, Instant::now())).await;
            known.renew(forwarder.transcoder(), inventory);
        }
        let source = known.source(bucket, forwarder.transcoder(), config);
        let owner = owner(&object.key);
        source.set_owner(owner.account, owner.region.or(region.as_deref()));
        let (id, deadline) = (object.id(), invocation.deadline);
        let mut read = Ok(Done::Exported);
        let Forwarded {
            report,
            send_errors,
            outcome,
        } = forwarder.forward(now(), |transcoder, targets| {
            if transcoder.delivered_before(id.as_bytes()) {
                read = Ok(Done::Duplicate);
                return;
            }
            let mut lines = Transcode {
                transcoder,
                source,
                targets,
                deadline,
                lines: 0,
            };
            let outcome = objects.read(object, deadline, unpacker, &mut lines);
            read = outcome.map(|()| Done::Exported);
        });
        invocation.journal.add(&report, send_errors);
        known.log(bucket, &report);
        let outcome = match outcome {
            Err(error) => Err(ObjectError::Collector(error)),
            Ok(()) => {
                read.and_then(|done| is_a_flow_log(&report, config, ec2.as_ref()).map(|()| done))
            }
        };
        match &outcome {
            Ok(_) => forwarder.commit(),
            Err(ObjectError::Collector(_)) => forwarder.rollback(),
            // The collectors have what was read of it: its next try need not repeat that.
            Err(_) => forwarder.commit_records(),
        }
        if let Some(ec2) = ec2 {
            ec2.learn(forwarder.transcoder(), &report);
        }
        match &outcome {
            Ok(Done::Exported) => pace.learn(object.size.unwrap_or_default(), started.elapsed()),
            Err(ObjectError::Collector(_)) => connection.distrust_certificates(config),
            _ => {}
        }
        Ok(outcome)
    }
}

impl Invocation {
    fn count(&mut self, counter: impl Fn(&mut ObjectCounters) -> &mut u64) {
        if let Some(objects) = &mut self.journal.metrics.objects {
            *counter(objects) += 1;
        }
    }
}

/// An object of which no line could be parsed is none, or its format could not be learnt.
fn is_a_flow_log(
    report: &BatchReport,
    config: &Config,
    ec2: Option<&Ec2>,
) -> Result<(), ObjectError> {
    if !report.counters.nothing_parsed() {
        return Ok(());
    }
    Err(
        match ec2.and_then(|ec2| ec2.reason_for_no_format(report, config)) {
            Some(trouble) => ObjectError::Format {
                reason: trouble.to_string(),
            },
            None => ObjectError::NotAFlowLog {
                lines: report.counters.records_received,
            },
        },
    )
}

/// Hands lines to the transcoder, while there is time.
struct Transcode<'a, 't> {
    transcoder: &'a mut Transcoder,
    source: &'a mut RecordSource,
    targets: &'a mut Targets<'t>,
    deadline: Instant,
    lines: u32,
}

impl LineSink for Transcode<'_, '_> {
    type Error = ObjectError;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), ObjectError> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), ObjectError> {
        self.lines += 1;
        if self.lines == LINES_A_LOOK {
            self.lines = 0;
            if Instant::now() >= self.deadline {
                return Err(ObjectError::OutOfTime);
            }
            self.transcoder.set_now(now());
        }
        let line = LogLine {
            id: event.id,
            timestamp: event.timestamp,
            text: event.message,
        };
        let Ok(()) = self.transcoder.line(self.source, line, self.targets);
        Ok(())
    }
}
