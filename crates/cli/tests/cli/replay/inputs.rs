//! Files, directories and standard input.

use std::io::{BufRead, BufReader, Write};

use super::file;
use crate::{DEFAULT, run};

#[test]
fn a_damaged_file_does_not_stop_the_others() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    file(at, "1.json", r#"{"awslogs": {"data": "not base64!"}}"#);
    file(at, "2.txt", DEFAULT);
    file(at, "3.json", r#"{"awslogs": {"data": "H4sI"#);
    file(at, "expected.json", r#"{"some": "thing else"}"#);
    file(at, "README.md", "# not a flow log");
    let outcome = run(
        &[
            "replay",
            "--output",
            "json",
            "--summary",
            "json",
            at.to_str().expect("UTF-8"),
        ],
        "",
    );
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert_eq!(outcome.objects().len(), 2);
    assert_eq!(outcome.summary()["PayloadErrors"], 2);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("flowlogs: ") && lines[0].contains("1.json: base64: octet "));
    assert!(
        lines[1].contains("3.json: json: line 1 column ")
            && lines[1].contains(": the document ends early")
    );
    assert!(
        lines[2].starts_with("flowlogs: skipped, no flow logs: ")
            && lines[2].ends_with("expected.json")
    );
}

#[test]
fn a_file_that_was_named_must_be_a_flow_log() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = file(directory.path(), "other.json", r#"{"some": "thing else"}"#);
    let outcome = run(&["replay", "--summary", "none", &path], "");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("an object of unknown kind"),
        "{outcome:?}"
    );

    let outcome = run(&["replay", "--summary", "none", "/no/such/file"], "");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome
            .stderr
            .starts_with("flowlogs: /no/such/file: No such file"),
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1);

    let path = file(directory.path(), "flows.parquet", "PAR1 and so on");
    let outcome = run(&["replay", "--summary", "none", &path], "");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("Parquet"), "{outcome:?}");
}

#[test]
fn a_directory_without_flow_logs_is_a_failure() {
    let directory = tempfile::tempdir().expect("temporary directory");
    file(directory.path(), "other.json", r#"{"some": "thing else"}"#);
    let outcome = run(&["replay", directory.path().to_str().expect("UTF-8")], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing was read"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("failed: nothing was read"),
        "at the end: {outcome:?}"
    );
}

#[test]
fn inputs_without_a_line_are_noted_beside_good_inputs() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let paths: Vec<_> = (1..=5)
        .map(|number| file(directory.path(), &format!("{number}.txt"), "\n"))
        .chain([file(directory.path(), "good.txt", DEFAULT)])
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let options = ["replay", "--summary=json", "--output=none"];
    let outcome = run(&[&options[..], &paths].concat(), "");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let notes = outcome.summary()["notes"].to_string();
    let named = format!("no flow-log line in {} and 2 more", paths[..3].join(", "));
    assert!(notes.contains(&named), "{notes}");
    let outcome = run(&[&options[..], &paths[5..]].concat(), "");
    assert!(!outcome.stderr.contains("no flow-log line"), "{outcome:?}");
}

#[test]
fn a_line_on_standard_input_is_shown_when_it_arrives() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_flowlogs"))
        .args(["replay", "--output=json", "--summary=none", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("piped");
    let mut flows = BufReader::new(child.stdout.take().expect("piped")).lines();
    for line in DEFAULT.lines() {
        writeln!(input, "{line}").expect("written");
        // Standard input is still open: a flow that waits for its end would never come.
        let flow = flows.next().expect("a flow").expect("UTF-8");
        assert!(flow.contains("172.31."), "{flow}");
    }
    drop(input);
    assert!(child.wait().expect("ends").success());
}
