//! Events of the function behind CloudWatch Logs: subscription, Kinesis, failure queue, Firehose. Any text is an event or a
//! named error, a bad queue message does not touch its neighbours, and each payload is unpacked or refused.
#![no_main]

use flowlogs_fuzz::opened;
use flowlogs_source::{FailedInvocation, FunctionEvent, Unpacker};
use libfuzzer_sys::fuzz_target;

/// Far below the limit in production, so that random payloads reach the limit.
const LIMIT: usize = 256 * 1024;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let mut unpacker = Unpacker::new(LIMIT);
    match FunctionEvent::read(text) {
        Ok(event) => payloads(&event, text).iter().for_each(|data| {
            opened(&mut unpacker, data.as_bytes());
        }),
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }

    // The text as the body of one of two messages.
    let body = serde_json::to_string(text).expect("text");
    let good = r#"{\"requestPayload\":{\"awslogs\":{\"data\":\"QQ==\"}}}"#;
    let queue = format!(
        r#"{{"Records":[{{"eventSource":"aws:sqs","messageId":"a","body":{body}}},{{"eventSource":"aws:sqs","messageId":"b","body":"{good}"}}]}}"#
    );
    let Ok(FunctionEvent::Queue(messages)) = FunctionEvent::read(&queue) else {
        panic!("the bodies of messages do not decide whether an event is a queue");
    };
    let ids: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    let invocation = messages[1].content.as_ref().expect("a good message");
    assert_eq!(invocation.data, "QQ==");
});

/// All payloads of an event.
fn payloads(event: &FunctionEvent<'_>, text: &str) -> Vec<String> {
    match event {
        FunctionEvent::Subscription(data) => vec![data.to_string()],
        FunctionEvent::Kinesis(records) => {
            records.iter().map(|record| record.data.clone()).collect()
        }
        FunctionEvent::Firehose(records) => records.clone(),
        FunctionEvent::FailureRecord(invocation) => vec![data(invocation, text)],
        FunctionEvent::Queue(messages) => {
            let invocations = messages.iter().flat_map(|message| &message.content);
            invocations
                .map(|invocation| data(invocation, text))
                .collect()
        }
        kind => panic!("a kind of event that this target does not know: {kind:?}"),
    }
}

/// Payload of an invocation. Failed targets are URLs of the error message, each once.
fn data(invocation: &FailedInvocation, text: &str) -> String {
    let targets = invocation.failed_targets();
    for (index, target) in targets.iter().enumerate() {
        assert!(invocation.error_message.contains(target), "{target}");
        assert!(target.contains("://") && !target.contains(' '), "{target}");
        assert!(!targets[..index].contains(target), "{target} twice");
    }
    assert!(invocation.data.len() <= text.len());
    invocation.data.clone()
}
