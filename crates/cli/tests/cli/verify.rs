//! `flowlogs verify`.

use std::fs;

use crate::{DEFAULT, run};

#[test]
fn expectations_are_written_once_and_differences_fail() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    let input = at.join("web.txt");
    fs::write(&input, DEFAULT).expect("written");
    fs::write(at.join("damaged.json"), r#"{"awslogs": {"data": "H4sI"#).expect("written");
    let path = at.to_str().expect("UTF-8");

    let missing = run(&["verify", path], "");
    assert_eq!(missing.status, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("no expectation"), "{missing:?}");

    let written = run(&["verify", "--update", path], "");
    assert_eq!(written.status, Some(0), "{written:?}");
    let expected = fs::read_to_string(at.join("web.txt.expected")).expect("written");
    let lines: Vec<serde_json::Value> = expected
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["sourceIPv4Address"], "172.31.16.139");
    assert_eq!(lines[2]["counters"]["FlowsExported"], 2);
    let damaged = fs::read_to_string(at.join("damaged.json.expected")).expect("written");
    assert!(damaged.contains("\"failures\":[\"json: "), "{damaged}");

    let equal = run(&["verify", path], "");
    assert_eq!(equal.status, Some(0), "{equal:?}");
    assert_eq!(equal.stdout, "2 inputs as expected\n");

    fs::write(&input, DEFAULT.replace("REJECT", "ACCEPT")).expect("written");
    let different = run(&["verify", path], "");
    assert_eq!(different.status, Some(1), "{different:?}");
    assert!(
        different.stderr.contains("web.txt: differs"),
        "{different:?}"
    );
    assert!(different.stdout.contains("  - {") && different.stdout.contains("  + {"));

    fs::remove_file(&input).expect("removed");
    let stray = run(&["verify", path], "");
    assert_eq!(stray.status, Some(1), "{stray:?}");
    assert!(stray.stderr.contains("without its input"), "{stray:?}");
}

#[test]
fn an_empty_directory_verifies_nothing() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let outcome = run(&["verify", directory.path().to_str().expect("UTF-8")], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing to verify"), "{outcome:?}");
}
