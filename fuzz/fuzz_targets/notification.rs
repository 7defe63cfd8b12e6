//! Notices of S3 in all wrappings, and keys: every event of a function is read or refused, with an error of bounded length,
//! and a message of a queue never touches its neighbours.
#![no_main]

use flowlogs_source::s3::{
    ObjectNotice, S3Event, TriggerError, decoded, key_facts, may_be_a_flow_log,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    key(text);
    match S3Event::read(text) {
        Ok(S3Event::Direct(found)) => found.iter().for_each(notice),
        Ok(S3Event::Queue(messages)) => {
            for message in &messages {
                match &message.content {
                    Ok(found) => found.iter().for_each(notice),
                    Err(error) => named(error, text),
                }
            }
        }
        Err(error) => named(&error, text),
    }

    // The text as the body of the first of two messages: the second is read as if alone.
    let body = serde_json::to_string(text).expect("text");
    let test = r#"{"eventSource":"aws:sqs","messageId":"b","body":"{\"Event\":\"s3:TestEvent\"}"}"#;
    let queue = format!(
        r#"{{"Records":[{{"eventSource":"aws:sqs","messageId":"a","body":{body}}},{test}]}}"#
    );
    let Ok(S3Event::Queue(messages)) = S3Event::read(&queue) else {
        panic!("a queue is a queue, whatever is in its messages");
    };
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (messages[0].id.as_str(), messages[1].id.as_str()),
        ("a", "b")
    );
    assert_eq!(messages[1].content, Ok(Vec::new()));
});

fn notice(notice: &ObjectNotice) {
    if let ObjectNotice::Created(object) = notice {
        assert!(
            !object.bucket.is_empty() && !object.key.is_empty(),
            "{object:?}"
        );
        key(&object.key);
    }
}

fn key(text: &str) {
    let of = key_facts(text);
    assert!(of.account.is_none_or(|account| account.len() == 12));
    assert!(of.region.is_none_or(|region| !region.is_empty()));
    may_be_a_flow_log(text);
    if let Ok(key) = decoded(text) {
        assert!(key.len() <= text.len());
    }
}

fn named(error: &TriggerError, text: &str) {
    // Versions and keys are quoted unchanged.
    let error = error.to_string();
    assert!(error.len() <= 1_000 + text.len(), "{error}");
}
