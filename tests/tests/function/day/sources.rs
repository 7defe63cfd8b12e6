//! Payloads of CloudWatch Logs and notices of S3, with the queues in which they wait until a function has delivered them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Scale, api, flow_line};
use crate::bucket::BUCKET;
use crate::hostile::FORGED;
use crate::objects::gzip;
use crate::payload::{self, event_of, packed};
use crate::runtime::Outcome;
use crate::sqs::{Queue, invocation_record};

/// Attempts of Lambda at an asynchronous event.
const ATTEMPTS: u32 = 3;

/// Most payloads that nobody can decode.
const MOST_DAMAGED: u64 = 8;

/// Octets of hostile names.
const NAMES: usize = 1 << 20;

/// Number of the first flow of the objects: flows of payloads and objects have different ones.
const OBJECTS: u64 = 1 << 40;

/// Numbers of good and damaged events that wait at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) good: usize,
    pub(super) damaged: usize,
}

/// Kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    Payloads,
    Objects,
}

/// Asynchronous event before it has failed for good.
#[derive(Debug)]
struct WaitingEvent {
    event: Vec<u8>,
    attempts: u32,
}

/// Source of events for a function.
pub(super) struct Sources {
    kind: SourceKind,
    pause: Duration,
    flows: u64,
    due: Instant,
    /// Number of payloads or objects so far.
    count: u64,
    first: u64,
    next: u64,
    damaged: u64,
    events: VecDeque<WaitingEvent>,
    queue: Queue,
}

impl Sources {
    /// Payloads of log groups, with a failure queue.
    pub(super) fn payloads(scale: Scale) -> Self {
        Self::new(SourceKind::Payloads, scale, scale.pauses[0], 1)
    }

    /// Objects of a bucket, with a queue of notices.
    pub(super) fn objects(scale: Scale) -> Self {
        Self::new(SourceKind::Objects, scale, scale.pauses[1], OBJECTS)
    }

    fn new(kind: SourceKind, scale: Scale, pause: Duration, first: u64) -> Self {
        Self {
            kind,
            pause,
            flows: scale.flows,
            due: Instant::now(),
            count: 0,
            first,
            next: first,
            damaged: 0,
            events: VecDeque::new(),
            queue: Queue::new("messages", scale.visibility, 1.0),
        }
    }

    /// Numbers of all flows so far.
    pub(super) fn flows(&self) -> std::ops::Range<u64> {
        self.first..self.next
    }

    /// Number of messages that nobody can decode, and that stay in the queue.
    pub(super) fn damaged(&self) -> usize {
        usize::try_from(self.damaged).expect("few")
    }

    /// Makes the payload or object that is due.
    pub(super) fn produce(&mut self) {
        if Instant::now() < self.due {
            return;
        }
        self.due += self.pause;
        self.count += 1;
        match self.kind {
            SourceKind::Payloads => self.payload(),
            SourceKind::Objects => self.object(),
        }
    }

    /// Takes the next flows.
    fn take(&mut self, count: u64) -> std::ops::Range<u64> {
        let first = self.next;
        self.next += count;
        first..self.next
    }

    fn payload(&mut self) {
        let number = self.count;
        let event = match number % 12 {
            11 if self.damaged < MOST_DAMAGED => {
                self.damaged += 1;
                damaged(self.damaged)
            }
            3 => {
                let hostile = |what: &str| format!("{FORGED}{what}{number}{}", "x".repeat(NAMES));
                let events = events(self.take(self.flows), number, 0);
                let payload = document(&hostile("group"), &hostile("stream"), &events);
                event_of(&payload)
            }
            5 => {
                let halves = [0, 1].map(|half| events(self.take(self.flows / 2), number, half));
                let records = halves.iter().enumerate().map(|(half, events)| {
                    let sequence = format!("{number}{half}");
                    let payload = document("flows", "stream", events);
                    json!({"eventSource": "aws:kinesis", "eventID": format!("shardId-0:{sequence}"),
                        "eventSourceARN": "arn:aws:kinesis:eu-central-1:111111111111:stream/s",
                        "kinesis": {"sequenceNumber": sequence, "data": packed(&payload)}})
                });
                let records: Vec<Value> = records.collect();
                json!({ "Records": records }).to_string().into_bytes()
            }
            7 => {
                let mut events = events(self.take(self.flows), number, 0);
                for event in &mut events {
                    event["extractedFields"] = json!({"@aws.account": api::ACCOUNT,
                        "@aws.region": api::REGION, "@source.log": "flows"});
                }
                event_of(&document("central", "stream", &events))
            }
            9 => {
                let [first, second] =
                    [0, 1].map(|half| events(self.take(self.flows / 2), number, half));
                let payload = document("flows", "stream", &first);
                let again = Value::from(second).to_string();
                let whole = payload.strip_suffix('}').expect("an object");
                event_of(&format!(
                    "{whole},\"owner\":\"1\",\"owner\":\"{}\",\"logEvents\":{again}}}",
                    api::ACCOUNT
                ))
            }
            _ => {
                let events = events(self.take(self.flows), number, 0);
                event_of(&document("flows", "stream", &events))
            }
        };
        self.events.push_back(WaitingEvent { event, attempts: 0 });
    }

    fn object(&mut self) {
        let number = self.count;
        let folder = format!(
            "AWSLogs/{}/vpcflowlogs/{}/2026/11/29",
            api::ACCOUNT,
            api::REGION
        );
        // What cannot be decoded, or is gone, is acknowledged: it has no flows here.
        let (kind, flows) = match number % 12 {
            2 => ("log.parquet", self.flows),
            5 => ("junk.log.gz", 0),
            7 => ("gone.log.gz", 0),
            9 if number % 36 == 9 => ("zeros.log.gz", 0),
            _ => ("log.gz", self.flows),
        };
        let flows = self.take(flows);
        let count = flows.end - flows.start;
        let first = if count == 0 { number } else { flows.start };
        let key = format!("{folder}/{first}-{count}.{kind}");
        let object = json!({"key": key, "size": 1_000, "eTag": key});
        let name = match number % 12 {
            // A second record that is hostile does not harm the first.
            4 => format!("{BUCKET}{FORGED}"),
            _ => BUCKET.to_owned(),
        };
        let record = |name: &str| {
            json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                "awsRegion": api::REGION, "s3": {"bucket": {"name": name}, "object": object}})
        };
        let mut records = vec![record(BUCKET)];
        if name != BUCKET {
            records.push(json!({"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": name}, "object": {"key": FORGED, "size": 0}}}));
        }
        let body = json!({ "Records": records }).to_string();
        self.queue.put(body, Duration::ZERO);
    }

    /// Hands the next event and the next batch of the queue to the function; false if there is neither.
    pub(super) fn deliver(&mut self, mut invoke: impl FnMut(&[u8]) -> Outcome) -> bool {
        let mut has_worked = false;
        if let Some(mut waiting) = self.events.pop_front() {
            has_worked = true;
            let answer = invoke(&waiting.event);
            waiting.attempts += 1;
            let has_failed_records = answer.as_ref().is_ok_and(|answer| {
                let failed = answer["batchItemFailures"].as_array();
                failed.is_some_and(|failed| !failed.is_empty())
            });
            match answer {
                Ok(_) if has_failed_records => self.events.push_back(waiting),
                Ok(_) => {}
                Err(_) if waiting.attempts < ATTEMPTS => self.events.push_back(waiting),
                Err(failure) => {
                    let record = invocation_record(&waiting.event, &failure);
                    self.queue.put(record, Duration::ZERO);
                }
            }
        }
        if let Some(batch) = self.queue.receive() {
            has_worked = true;
            let answer = invoke(batch.event.to_string().as_bytes());
            self.queue.settle(&batch, &answer);
        }
        has_worked
    }

    /// Returns whether everything that can be delivered is.
    pub(super) fn is_delivered(&self) -> bool {
        self.waiting().good == 0
    }

    /// Counts what waits.
    pub(super) fn waiting(&self) -> Waiting {
        let waiting = self.events.len() + self.queue.messages().len();
        let damaged = self.queue.messages().iter();
        let damaged = damaged.filter(|message| message.body.contains(DAMAGED));
        let damaged = damaged.count();
        Waiting {
            good: waiting - damaged,
            damaged,
        }
    }
}

/// Word in every event that nobody can decode.
const DAMAGED: &str = "damagedPayload";

/// Event that nobody can decode, another one for each number.
fn damaged(number: u64) -> Vec<u8> {
    let good = packed(&document("flows", "stream", &events(0..10, number, 0)));
    let data = match number % 5 {
        0 => good.replace(['A', 'B', 'C'], "*"),
        1 => good[..good.len() / 2 / 4 * 4].to_owned(),
        2 => STANDARD.encode(gzip(b"{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{")),
        3 => STANDARD.encode(gzip(&vec![b'['; 8 << 20])),
        _ => STANDARD.encode(gzip(&vec![b' '; 64 << 20])),
    };
    json!({"awslogs": {"data": data}, DAMAGED: number})
        .to_string()
        .into_bytes()
}

/// Log events of flows, written now.
fn events(flows: std::ops::Range<u64>, payload: u64, half: u64) -> Vec<Value> {
    let now = flowlogs_export::now();
    flows
        .map(|number| {
            let id = format!("{:055}{half}", payload << 32 | number & 0xffff_ffff);
            json!({"id": id, "timestamp": now, "message": flow_line(number)})
        })
        .collect()
}

/// Document of a subscription of the day's account.
fn document(group: &str, stream: &str, events: &[Value]) -> String {
    payload::document(api::ACCOUNT, group, stream, events)
}
