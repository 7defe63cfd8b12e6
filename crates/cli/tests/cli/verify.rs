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
    let unread = "2 expectations written, 1 of an input that could not be read: ";
    assert!(written.stdout.contains(unread), "{written:?}");
    assert!(written.stdout.ends_with("/damaged.json\n"), "{written:?}");
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
    let name = format!("{}\n  - {{", input.display());
    assert!(different.stdout.starts_with(&name), "{different:?}");
    let remedy = format!("\nif this is intended: flowlogs verify --update {path}\n");
    assert!(different.stdout.ends_with(&remedy), "{different:?}");
    assert!(!different.stdout.contains("not parsed"), "{different:?}");

    fs::remove_file(&input).expect("removed");
    let stray = run(&["verify", path], "");
    assert_eq!(stray.status, Some(1), "{stray:?}");
    assert!(stray.stderr.contains("without its input"), "{stray:?}");
}

#[test]
fn lines_that_are_no_longer_parsed_have_their_reason_below_the_difference() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    let path = at.to_str().expect("UTF-8");
    fs::write(at.join("web.txt"), DEFAULT).expect("written");
    assert_eq!(run(&["verify", "--update", path], "").status, Some(0));
    fs::write(at.join("web.txt"), DEFAULT.replace("20641", "70000")).expect("written");
    let outcome = run(&["verify", path], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let reason = "web.txt, record 1: column 6 (srcport): larger than 65535\n";
    let reason = format!("\n  not parsed: {path}/{reason}");
    assert!(outcome.stdout.contains(&reason), "{outcome:?}");
}

#[test]
fn an_empty_file_is_named_and_a_file_without_flow_logs_needs_no_expectation() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    let path = at.to_str().expect("UTF-8");
    fs::write(at.join("web.txt"), DEFAULT).expect("written");
    fs::write(at.join("other.json"), r#"{"some": "thing else"}"#).expect("written");
    let written = run(&["verify", "--update", path], "");
    assert_eq!(written.status, Some(0), "{written:?}");
    assert!(!at.join("other.json.expected").exists(), "{written:?}");
    let equal = run(&["verify", path], "");
    assert_eq!(equal.status, Some(0), "{equal:?}");
    assert_eq!(equal.stdout, "1 input as expected\n");
    assert!(!equal.stderr.contains("nothing was read"), "{equal:?}");

    // An input that was a flow log and is none any more differs.
    fs::write(at.join("web.txt"), r#"{"some": "thing else"}"#).expect("written");
    let different = run(&["verify", path], "");
    assert_eq!(different.status, Some(1), "{different:?}");

    fs::write(at.join("web.txt"), "").expect("written");
    let empty = run(&["verify", path], "");
    assert_eq!(empty.status, Some(1), "{empty:?}");
    assert!(
        empty.stderr.contains("web.txt: empty: it has no line\n"),
        "{empty:?}"
    );
}

#[test]
fn an_expectation_that_is_a_link_is_neither_read_nor_overwritten() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path().join("captured");
    fs::create_dir(&at).expect("created");
    fs::write(at.join("web.txt"), DEFAULT).expect("written");
    let other = directory.path().join("other");
    fs::write(&other, "mine").expect("written");
    std::os::unix::fs::symlink(&other, at.join("web.txt.expected")).expect("linked");
    for options in [&["verify"][..], &["verify", "--update"]] {
        let path = at.to_str().expect("UTF-8");
        let outcome = run(&[options, &[path]].concat(), "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("no regular file"), "{outcome:?}");
    }
    assert_eq!(fs::read_to_string(&other).expect("kept"), "mine");
}

#[test]
fn an_empty_directory_verifies_nothing() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let outcome = run(&["verify", directory.path().to_str().expect("UTF-8")], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing to verify"), "{outcome:?}");
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ci-example");

#[test]
fn the_example_repository_is_green_and_goes_red_when_a_format_changes() {
    let captured = format!("{EXAMPLE}/captured");
    let green = run(&["verify", &captured], "");
    assert_eq!(green.status, Some(0), "{green:?}");
    assert_eq!(green.stdout, "1 input as expected\n");

    let copy = tempfile::tempdir().expect("temporary directory");
    for name in ["flow-logs.json", "web.json", "web.json.expected"] {
        fs::copy(format!("{captured}/{name}"), copy.path().join(name)).expect("copied");
    }
    let formats = copy.path().join("flow-logs.json");
    let text = fs::read_to_string(&formats).expect("there");
    let changed = text.replace("${packets} ${bytes}", "${bytes} ${packets}");
    assert_ne!(text, changed);
    fs::write(&formats, changed).expect("written");
    let red = run(&["verify", copy.path().to_str().expect("UTF-8")], "");
    assert_eq!(red.status, Some(1), "{red:?}");
    assert!(red.stdout.contains("\"packetDeltaCount\":4249"), "{red:?}");
}

#[test]
fn the_workflows_of_the_example_call_what_there_is() {
    let read = |path: &str| fs::read_to_string(format!("{EXAMPLE}/{path}")).expect(path);
    let (action, gitlab) = (read("../../action.yml"), read(".gitlab-ci.yml"));
    let (github, page) = (read(".github/workflows/flow-logs.yml"), read("../ci.md"));
    assert!(action.contains("verify \"${options[@]}\" \"$DIRECTORY\""));
    assert!(github.contains("directory: captured") && action.contains("\n  directory:\n"));
    assert!(page.contains(&gitlab), "docs/ci.md has the file as it is");
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    for text in [&gitlab, &github, &page] {
        assert!(text.contains(&version), "{text}");
    }
}
