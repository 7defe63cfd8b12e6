//! A bucket and a queue in moto, with notices as in AWS; and the part of Lambda that polls the queue.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::aws::Moto;
use crate::runtime::Function;

/// The name of the bucket.
pub(crate) const BUCKET: &str = "flows";

/// Way of a notice from the bucket to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// S3 → SQS.
    Queue,
    /// S3 → SNS → SQS, in the envelope of SNS.
    Topic,
    /// S3 → SNS → SQS, with raw delivery: without the envelope of SNS.
    RawTopic,
    /// S3 → EventBridge → SQS.
    EventBridge,
}

pub(crate) const WAYS: [Way; 4] = [Way::Queue, Way::Topic, Way::RawTopic, Way::EventBridge];

/// Beginning of every script here.
const CLIENTS: &str = r#"
s3, sqs, sns, events = client("s3"), client("sqs"), client("sns"), client("events")
url = lambda name: sqs.get_queue_url(QueueName=name)["QueueUrl"]
arn = lambda name: sqs.get_queue_attributes(QueueUrl=url(name), AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
"#;

/// The bucket, the queue and the dead-letter queue. A message received twice and not deleted is dead.
pub(crate) struct Bucket {
    pub(crate) moto: Moto,
    directory: tempfile::TempDir,
}

impl Bucket {
    /// Makes bucket and queues; nothing where moto is not installed.
    pub(crate) fn make(way: Way) -> Option<Self> {
        let bucket = Self {
            moto: Moto::start()?,
            directory: tempfile::TempDir::new().expect("a directory"),
        };
        let connected = match way {
            Way::Queue => {
                r#"{"QueueConfigurations": [{"QueueArn": arn("notices"), "Events": ["s3:ObjectCreated:*"]}]}"#
            }
            Way::EventBridge => r#"{"EventBridgeConfiguration": {}}"#,
            Way::Topic | Way::RawTopic => {
                r#"{"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}"#
            }
        };
        let raw = way == Way::RawTopic;
        bucket.run(
            &format!(
                r#"
sqs.create_queue(QueueName="dead")
redrive = json.dumps({{"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 2}})
sqs.create_queue(QueueName="notices", Attributes={{"RedrivePolicy": redrive, "VisibilityTimeout": "0"}})
topic = sns.create_topic(Name="notices")["TopicArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("notices"), Attributes={{"RawMessageDelivery": "{raw}".lower()}})
events.put_rule(Name="notices", EventPattern=json.dumps({{"source": ["aws.s3"], "detail": {{"bucket": {{"name": ["{BUCKET}"]}}}}}}))
events.put_targets(Rule="notices", Targets=[{{"Id": "queue", "Arn": arn("notices")}}])
s3.create_bucket(Bucket="{BUCKET}", CreateBucketConfiguration={{"LocationConstraint": "eu-central-1"}})
s3.put_bucket_notification_configuration(Bucket="{BUCKET}", NotificationConfiguration={connected})
print("null")"#
            ),
            &[],
        );
        Some(bucket)
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Value {
        self.moto.run(&format!("{CLIENTS}{script}"), arguments)
    }

    /// Puts objects, each under its key.
    pub(crate) fn put(&self, objects: &[(&str, &[u8])]) {
        let mut arguments = Vec::new();
        for (number, (key, octets)) in objects.iter().enumerate() {
            let path: PathBuf = self.directory.path().join(number.to_string());
            std::fs::write(&path, octets).expect("a file");
            arguments.extend([(*key).to_owned(), path.display().to_string()]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let script = format!(
            "for key, path in zip(sys.argv[2::2], sys.argv[3::2]): s3.upload_file(path, \"{BUCKET}\", key)\nprint('null')"
        );
        self.run(&script, &arguments);
    }

    /// URL of a queue.
    pub(crate) fn queue_url(&self, queue: &str) -> String {
        let url = self.run("print(json.dumps(url(sys.argv[2])))", &[queue]);
        url.as_str().expect("a URL").to_owned()
    }

    pub(crate) fn delete(&self, key: &str) {
        let script =
            format!("s3.delete_object(Bucket=\"{BUCKET}\", Key=sys.argv[2])\nprint('null')");
        self.run(&script, &[key]);
    }

    /// Everything in the bucket: keys, tags and times.
    pub(crate) fn contents(&self) -> Value {
        self.run(
            &format!(
                "print(json.dumps([[o['Key'], o['ETag'], str(o['LastModified'])] for o in s3.list_objects_v2(Bucket=\"{BUCKET}\").get('Contents', [])]))"
            ),
            &[],
        )
    }

    /// Up to ten messages of a queue, as an event of Lambda; nothing for an empty queue.
    pub(crate) fn receive(&self, queue: &str) -> Option<Value> {
        let messages = self.run(
            r#"
received = sqs.receive_message(QueueUrl=url(sys.argv[2]), MaxNumberOfMessages=10).get("Messages", [])
print(json.dumps([{"messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"],
    "eventSource": "aws:sqs", "eventSourceARN": arn(sys.argv[2]), "awsRegion": "eu-central-1"} for m in received]))"#,
            &[queue],
        );
        (messages != json!([])).then(|| json!({ "Records": messages }))
    }

    /// Handles the answer of a function like Lambda: deletes the messages that did not fail.
    pub(crate) fn settle(&self, event: &Value, answer: &Value) {
        let failed = failed(answer);
        let handles: Vec<_> = event["Records"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|message| !failed.contains(&message["messageId"].as_str().expect("an id")))
            .map(|message| message["receiptHandle"].as_str().expect("a handle"))
            .collect();
        self.run(
            "[sqs.delete_message(QueueUrl=url('notices'), ReceiptHandle=handle) for handle in sys.argv[2:]]\nprint('null')",
            &handles,
        );
    }

    /// Lets a function work until the queue is empty; returns the number of invocations.
    pub(crate) fn poll(&self, function: &Function) -> usize {
        let mut invocations = 0;
        while let Some(event) = self.receive("notices") {
            let answer = function.invoke(event.to_string().as_bytes());
            let answer = answer.unwrap_or_else(|failure| panic!("{failure:?}"));
            self.settle(&event, &answer);
            invocations += 1;
            assert!(invocations < 20, "the queue does not get empty");
        }
        invocations
    }
}

/// The ids of the messages that have to come again.
fn failed(answer: &Value) -> Vec<&str> {
    let items = answer["batchItemFailures"]
        .as_array()
        .expect("a partial batch response");
    items
        .iter()
        .map(|item| item["itemIdentifier"].as_str().expect("an id"))
        .collect()
}
