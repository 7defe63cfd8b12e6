//! Queue by the rules of SQS, and the event source by which Lambda hands messages to a function.

use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::runtime::{Failure, Outcome};

/// Most messages of one delivery.
const BATCH: usize = 10;

/// Receive count from which SQS leaves a message out of `ApproximateAgeOfOldestMessage`.
const POISON: u32 = 3;

/// Messages with their visibility, receive counts and times of sending.
pub(crate) struct Queue {
    name: &'static str,
    /// Pause between two deliveries of a message; 1,200 s in the templates.
    visibility: Duration,
    /// Seconds by which a message grows older in each second of the test.
    speed: f64,
    messages: Vec<Message>,
    sent: u64,
    last_retry: Option<Instant>,
}

pub(crate) struct Message {
    id: String,
    pub(crate) body: String,
    sent: Instant,
    /// Age at the time of sending.
    age: Duration,
    pub(crate) receives: u32,
    visible_at: Instant,
}

/// Messages of one delivery, as the event of a function.
pub(crate) struct Batch {
    ids: Vec<String>,
    pub(crate) event: Value,
}

impl Queue {
    pub(crate) fn new(name: &'static str, visibility: Duration, speed: f64) -> Self {
        Self {
            name,
            visibility,
            speed,
            messages: Vec::new(),
            sent: 0,
            last_retry: None,
        }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Time of the last delivery that succeeded after a failed one.
    pub(crate) fn last_retry(&self) -> Option<Instant> {
        self.last_retry
    }

    /// Takes a message of this age.
    pub(crate) fn put(&mut self, body: String, age: Duration) {
        self.sent += 1;
        self.messages.push(Message {
            id: format!("{}-{}", self.name, self.sent),
            body,
            sent: Instant::now(),
            age,
            receives: 0,
            visible_at: Instant::now(),
        });
    }

    fn age(&self, message: &Message) -> Duration {
        message.age + message.sent.elapsed().mul_f64(self.speed)
    }

    /// Value of `ApproximateAgeOfOldestMessage`; messages that were received three times do not count.
    pub(crate) fn age_of_oldest(&self) -> Option<Duration> {
        let counted = self.messages.iter().filter(|one| one.receives < POISON);
        counted.map(|message| self.age(message)).max()
    }

    /// Receives the visible messages, at most a batch, and hides them; nothing where none is visible.
    pub(crate) fn receive(&mut self) -> Option<Batch> {
        let (now, visibility) = (Instant::now(), self.visibility);
        let today = UNIX_EPOCH.elapsed().expect("after 1970");
        let visible = |message: &&mut Message| message.visible_at <= now;
        let mut received = Vec::new();
        for message in self.messages.iter_mut().filter(visible).take(BATCH) {
            message.receives += 1;
            message.visible_at = now + visibility;
            received.push(message.id.clone());
        }
        let records = self
            .messages
            .iter()
            .filter(|one| received.contains(&one.id));
        let records: Vec<Value> = records
            .map(|message| {
                json!({
                    "messageId": message.id, "receiptHandle": "r", "body": message.body,
                    "attributes": {
                        "SentTimestamp": today.saturating_sub(self.age(message)).as_millis().to_string(),
                        "ApproximateReceiveCount": message.receives.to_string(),
                    },
                    "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
                    "eventSourceARN": format!("arn:aws:sqs:eu-central-1:123456789012:{}", self.name),
                })
            })
            .collect();
        (!received.is_empty()).then(|| Batch {
            ids: received,
            event: json!({ "Records": records }),
        })
    }

    /// Deletes the messages of a batch that the answer does not name as failed: none where the invocation failed.
    /// Returns the number of deleted messages.
    pub(crate) fn settle(&mut self, batch: &Batch, answer: &Outcome) -> usize {
        let Ok(answer) = answer else {
            return 0;
        };
        let failed = answer["batchItemFailures"].as_array().expect("failures");
        let failed: Vec<&Value> = failed.iter().map(|item| &item["itemIdentifier"]).collect();
        let done = |message: &Message| {
            batch.ids.contains(&message.id) && !failed.iter().any(|name| **name == message.id)
        };
        if self
            .messages
            .iter()
            .any(|one| done(one) && one.receives > 1)
        {
            self.last_retry = Some(Instant::now());
        }
        let before = self.messages.len();
        self.messages.retain(|message| !done(message));
        before - self.messages.len()
    }
}

/// Record that Lambda puts into a failure queue for an asynchronous event that failed for good.
pub(crate) fn invocation_record(event: &[u8], failure: &Failure) -> String {
    let event: Value = serde_json::from_slice(event).expect("JSON");
    let record = json!({
        "version": "1.0",
        "timestamp": "2026-11-28T10:00:00.000Z",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": failure.error_type, "errorMessage": failure.message},
    });
    record.to_string()
}
