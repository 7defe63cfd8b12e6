//! Forms of input: two records in every form, and forms that are not read.

use std::fs;
use std::io::Write;

use crate::{DEFAULT, run};

/// The two records, without line ends.
fn records() -> [&'static str; 2] {
    let mut lines = DEFAULT.lines();
    [(); 2].map(|()| lines.next().expect("two records"))
}

/// Name and octets of a form.
type Form = (&'static str, Vec<u8>);

/// Both records in a form, a line each.
fn each(form: &dyn Fn(&str) -> String) -> String {
    let [a, b] = records();
    format!("{}\n{}\n", form(a), form(b))
}

/// Texts of the AWS CLI and of the console, a line for each event.
fn log_lines() -> Vec<Form> {
    let [a, b] = records();
    vec![
        (
            "aws logs tail",
            each(&|line| format!("2014-12-14T04:06:50.123000+00:00 eni-1-all {line}")).into(),
        ),
        (
            "aws logs tail --format short",
            each(&|line| format!("2014-12-14T04:06:50 {line}")).into(),
        ),
        (
            "aws logs tail in another time zone",
            each(&|line| format!("2014-12-14T05:06:50.123000+01:00 eni-1-all {line}")).into(),
        ),
        (
            "copy from the console",
            each(&|line| format!("2014-12-14T04:06:50.000Z\t{line}")).into(),
        ),
        (
            "copy from the console in another time zone",
            each(&|line| format!("2014-12-14T05:06:50.000+01:00\t{line}")).into(),
        ),
        (
            "filter-log-events --output text",
            format!(
                "{}SEARCHEDLOGSTREAMS\teni-1-all\tTrue\n",
                each(&|line| format!(
                    "EVENTS\t369\t1418530080000\teni-1-all\t{line}\t1418530010000"
                ))
            )
            .into(),
        ),
        (
            "get-log-events --output text",
            format!(
                "b/369/s\tf/369/s\n{}",
                each(&|line| format!("EVENTS\t1418530080000\t{line}\t1418530010000"))
            )
            .into(),
        ),
        (
            "--query 'events[].message' --output text",
            format!("{a}\t{b}\n").into(),
        ),
    ]
}

/// Tables of queries and of the console.
fn tables() -> Vec<Form> {
    let csv = |line: &str| format!("\"{}\"", line.replace(' ', "\",\""));
    let header = "version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end \
        action log_status";
    vec![
        (
            "Logs Insights as CSV",
            format!(
                "@timestamp,@message,@ptr\n{}",
                each(&|line| format!("2014-12-14 04:06:50.000,{line},x"))
            )
            .into(),
        ),
        (
            "log group as CSV, saved by the console",
            format!(
                "timestamp,message\n{}",
                each(&|line| format!("1418530010000,\"{line}\""))
            )
            .into(),
        ),
        ("Athena", format!("{}\n{}", csv(header), each(&csv)).into()),
    ]
}

/// JSON documents.
fn documents() -> Vec<Form> {
    let [a, b] = records();
    let event = |line: &str| {
        format!(
            r#"{{"field":"@timestamp","value":"2014-12-14 04:06:50.000"}},{{"field":"@message","value":"{line}"}}"#
        )
    };
    vec![
        (
            "Logs Insights as JSON",
            format!(r#"{{"results":[[{}],[{}]],"statistics":{{"recordsMatched":2.0}},"status":"Complete"}}"#, event(a), event(b)).into(),
        ),
        (
            "Logs Insights as JSON, saved by the console",
            format!(
                r#"[{{"@timestamp":"2014-12-14 04:06:50.000","@message":"{a}"}},{{"@timestamp":"2014-12-14 04:06:50.000","@message":"{b}"}}]"#
            )
            .into(),
        ),
        ("jq without -r", each(&|line| format!("\"{line}\"")).into()),
        ("--query 'events[].message'", format!("[\n    \"{a}\",\n    \"{b}\"\n]\n").into()),
    ]
}

/// Plain lines in several encodings.
fn encodings() -> Vec<Form> {
    let marked = format!("\u{feff}{DEFAULT}");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("as it is", DEFAULT.into()),
        ("UTF-16", utf16(&marked)),
        (
            "UTF-16 with line ends of Windows",
            utf16(&marked.replace('\n', "\r\n")),
        ),
        (
            "UTF-16 of the other byte order",
            marked.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ),
        ("UTF-8 with a mark", marked.into()),
    ]
}

#[test]
fn the_same_flows_come_of_every_form() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("input");
    let path = path.to_str().expect("UTF-8");
    let expected = run(&["replay", "--output=json", "-"], DEFAULT).objects();
    let forms = [log_lines(), tables(), documents(), encodings()];
    for (name, octets) in forms.concat() {
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
fn an_archive_is_named_with_the_command_that_unpacks_it() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let tar = [vec![0; 257], b"ustar\x0000".to_vec(), vec![0; 247]].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).expect("memory");
    let tgz = gzip.finish().expect("memory");
    let archives: [(&str, &[u8], &str); 8] = [
        (
            "logs.zip",
            b"PK\x03\x04 and so on",
            "a zip archive: unpack it first: unzip",
        ),
        ("logs.tar", &tar, "a tar archive: unpack it first: tar -xf"),
        (
            "logs.tar.gz",
            &tgz,
            "a tar archive: unpack it first: tar -xf",
        ),
        (
            "logs.zst",
            b"\x28\xb5\x2f\xfd and so on",
            "zstd: unpack it first: zstd -d",
        ),
        ("logs.bz2", b"BZh91AY&SY", "bzip2: unpack it first: bunzip2"),
        (
            "logs.xz",
            b"\xfd7zXZ\x00 and so on",
            "xz: unpack it first: unxz",
        ),
        (
            "logs.7z",
            b"7z\xbc\xaf\x27\x1c and so on",
            "a 7z archive: unpack it first: 7z x",
        ),
        (
            "logs.lz4",
            b"\x04\x22\x4d\x18 and so on",
            "lz4: unpack it first: lz4 -d",
        ),
    ];
    for (name, octets, said) in archives {
        let path = directory.path().join(name);
        fs::write(&path, octets).expect("written");
        let outcome = run(&["replay", path.to_str().expect("UTF-8")], "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(said), "{outcome:?}");
    }
}

#[test]
fn an_object_in_s3_is_answered_with_the_command_that_copies_it() {
    for (url, command) in [
        (
            "s3://bucket/AWSLogs/",
            "aws s3 cp --recursive s3://bucket/AWSLogs/ DIR; then replay DIR",
        ),
        (
            "s3://my.bucket",
            "aws s3 cp --recursive s3://my.bucket DIR; then replay DIR",
        ),
        (
            "s3://bucket/AWSLogs/a.log.gz",
            "aws s3 cp s3://bucket/AWSLogs/a.log.gz DIR/; then replay DIR",
        ),
    ] {
        let outcome = run(&["replay", url], "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(command), "{outcome:?}");
    }
}

#[test]
fn a_file_of_ipfix_messages_is_told_from_flow_logs() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("flows.ipfix");
    let target = format!("file:{}", path.display());
    assert_eq!(
        run(&["replay", "--to", &target, "-"], DEFAULT).status,
        Some(0)
    );
    let path = path.to_str().expect("UTF-8");
    let outcome = run(&["replay", path], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let said = "IPFIX messages: print them with: flowlogs collect --read FILE";
    assert!(outcome.stderr.contains(said), "{outcome:?}");
    let outcome = run(&["collect", "--read", path], "");
    let sum = "2 flows, 1 session, 0 errors";
    assert!(
        outcome.stderr.contains(sum) || outcome.stdout.contains(sum),
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
