//! `flowlogs replay` of what people have: the same two records in every form.

use std::fs;

use crate::{DEFAULT, run};

/// The two records, without their line ends.
fn records() -> [&'static str; 2] {
    let mut lines = DEFAULT.lines();
    [(); 2].map(|()| lines.next().expect("two records"))
}

/// Each form with a name.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let [a, b] = records();
    let each = |form: &dyn Fn(&str) -> String| format!("{}\n{}\n", form(a), form(b));
    let csv = |line: &str| format!("\"{}\"", line.replace(' ', "\",\""));
    let header = "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end \
        action log_status";
    let event = |line: &str| {
        format!(
            r#"{{"field":"@timestamp","value":"2014-12-14 04:06:50.000"}},{{"field":"@message","value":"{line}"}}"#
        )
    };
    let utf16 = |text: &str| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    vec![
        ("as it is", DEFAULT.into()),
        ("aws logs tail", each(&|line| format!("2014-12-14T04:06:50.123000+00:00 eni-1-all {line}")).into()),
        ("aws logs tail --format short", each(&|line| format!("2014-12-14T04:06:50 {line}")).into()),
        ("copy from the console", each(&|line| format!("2014-12-14T04:06:50.000Z\t{line}")).into()),
        (
            "filter-log-events --output text",
            format!("{}SEARCHEDLOGSTREAMS\teni-1-all\tTrue\n", each(&|line| format!("EVENTS\t369\t1418530080000\teni-1-all\t{line}\t1418530010000"))).into(),
        ),
        (
            "get-log-events --output text",
            format!("b/369/s\tf/369/s\n{}", each(&|line| format!("EVENTS\t1418530080000\t{line}\t1418530010000"))).into(),
        ),
        (
            "Logs Insights as CSV",
            format!("@timestamp,@message,@ptr\n{}", each(&|line| format!("2014-12-14 04:06:50.000,{line},x"))).into(),
        ),
        (
            "Logs Insights as JSON",
            format!(r#"{{"results":[[{}],[{}]],"statistics":{{"recordsMatched":2.0}},"status":"Complete"}}"#, event(a), event(b)).into(),
        ),
        ("Athena", format!("{}\n{}", csv(header), each(&csv)).into()),
        ("UTF-16", utf16(DEFAULT)),
        ("UTF-16 with line ends of Windows", utf16(&DEFAULT.replace('\n', "\r\n"))),
        ("UTF-8 with a mark", format!("\u{feff}{DEFAULT}").into()),
    ]
}

#[test]
fn the_same_flows_come_of_every_form() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("input");
    let path = path.to_str().expect("UTF-8");
    let expected = run(&["replay", "--output=json", "-"], DEFAULT).objects();
    for (name, octets) in forms() {
        fs::write(path, octets).expect("written");
        let outcome = run(
            &[
                "replay",
                "--output=json",
                "--summary=json",
                "--strict",
                path,
            ],
            "",
        );
        assert_eq!(outcome.status, Some(0), "{name}: {outcome:?}");
        assert_eq!(outcome.objects(), expected, "{name}");
    }
}

#[test]
fn a_message_of_the_failure_queue_and_an_invocation_record_are_read() {
    let event = |name: &str| {
        let path = format!("{}/../../events/{name}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).expect("an event")
    };
    let payload = event("vpc-default.json");
    let record = format!(
        r#"{{"version":"1.0","requestContext":{{"condition":"RetriesExhausted"}},"requestPayload":{payload},"responseContext":{{"statusCode":200}}}}"#
    );
    let messages =
        serde_json::json!({"Messages": [{"MessageId": "1", "ReceiptHandle": "x", "Body": record}]});
    let expected = run(
        &["replay", "--output=json", "--region=eu-central-1", "-"],
        &payload,
    )
    .objects();
    assert!(!expected.is_empty());
    for input in [record.clone(), messages.to_string()] {
        let outcome = run(
            &["replay", "--output=json", "--region=eu-central-1", "-"],
            &input,
        );
        assert_eq!(outcome.status, Some(0), "{outcome:?}");
        assert_eq!(outcome.objects(), expected);
    }
}

#[test]
fn what_must_be_unpacked_or_copied_first_is_named_with_the_command() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("logs.zip");
    fs::write(&path, b"PK\x03\x04 and so on").expect("written");
    let outcome = run(&["replay", path.to_str().expect("UTF-8")], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("a zip archive: unpack it first: unzip"),
        "{outcome:?}"
    );
    let outcome = run(&["replay", "s3://bucket/AWSLogs/"], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("aws s3 cp --recursive s3://bucket/AWSLogs/ DIR"),
        "{outcome:?}"
    );
}

#[test]
fn the_permission_check_beside_an_export_is_no_failure() {
    let directory = tempfile::tempdir().expect("temporary directory");
    fs::write(
        directory.path().join("aws-logs-write-test"),
        "Permission Check Successful",
    )
    .expect("written");
    fs::write(directory.path().join("flows.txt"), DEFAULT).expect("written");
    let path = directory.path().to_str().expect("UTF-8");
    let outcome = run(&["replay", "--output=json", "--strict", path], "");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert_eq!(outcome.objects().len(), 2);
}
