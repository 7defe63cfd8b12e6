//! Table, JSON and summary.

use std::fs;

use super::file;
use crate::{DEFAULT, flowlogs, run};

#[test]
fn standard_input_becomes_json_with_registered_names() {
    let outcome = run(
        &["replay", "--output", "json", "--summary", "json", "-"],
        DEFAULT,
    );
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let flows = outcome.objects();
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0]["sourceIPv4Address"], "172.31.16.139");
    assert_eq!(
        flows[0]["flowStartMilliseconds"],
        "2014-12-14T04:06:50.000Z"
    );
    assert_eq!(flows[0]["ingressInterfaceName"], "eni-1235b8ca123456789");
    assert_eq!(flows[0]["egressInterfaceName"], "ACCEPT");
    assert_eq!(flows[1]["forwardingStatus"], 128);
    assert_eq!(flows[1]["observationDomainName"], "123456789010");

    let summary = outcome.summary();
    assert_eq!(summary["RecordsReceived"], 2);
    assert_eq!(summary["FlowsExported"], 2);
    assert_eq!(summary["packets"], 40);
    assert_eq!(summary["octets"], 8_498);
    assert_eq!(summary["bytesRead"], DEFAULT.len());
    for name in [
        "NoData",
        "PayloadErrors",
        "SendErrors",
        "MessagesSent",
        "OptionsRecords",
    ] {
        assert!(summary[name].is_u64(), "{name}");
    }
}

#[test]
fn the_table_fits_the_columns_that_there_are() {
    for (width, option) in [(80, true), (80, false), (160, true)] {
        let mut command = flowlogs(&["replay", "--summary", "none", "-"]);
        if option {
            command.arg(format!("--width={width}"));
        } else {
            command.env("COLUMNS", width.to_string());
        }
        let output = command.write_stdin(DEFAULT).output().expect("runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.contains("172.31.16.139:20641") && text.contains("172.31.16.21:22"));
        assert!(!text.contains('\x1b'), "colours in a pipe: {text:?}");
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{text}");
        let lines = if width == 80 { 7 } else { 4 };
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[test]
fn the_first_ten_windows_that_aws_lost_are_noted() {
    let line = |number: u32| {
        let start = 1_795_000_000 + 60 * number;
        let end = start + 59;
        format!("2 123456789012 eni-{number:017x} - - - - - - - {start} {end} - SKIPDATA\n")
    };
    let lines: String = (0..12).map(line).collect();
    let outcome = run(&["replay", "-"], &lines);
    let noted = outcome.stderr.matches("AWS lost the records of").count();
    assert_eq!(noted, 10, "{outcome:?}");
    assert!(
        outcome.stderr.contains("eni-00000000000000009"),
        "{outcome:?}"
    );
}

#[test]
fn the_summary_goes_to_a_file() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("summary.json");
    let path = path.to_str().expect("UTF-8");
    let outcome = run(
        &[
            "replay",
            "--output=json",
            "--summary=json",
            "--summary-to",
            path,
            "-",
        ],
        DEFAULT,
    );
    assert_eq!(outcome.stderr, "");
    let text = fs::read_to_string(path).expect("written");
    let summary: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(summary["FlowsExported"], 2);
}

#[test]
fn the_summary_wraps_at_forty_columns() {
    let output = flowlogs(&["replay", "--output=none", "-"])
        .env("COLUMNS", "40")
        .write_stdin(DEFAULT)
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(text.contains("FlowsExported") && text.contains("note: "));
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(40), "{text}");
}

#[test]
fn nothing_in_a_line_or_file_name_disturbs_the_terminal() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = file(
        directory.path(),
        "evil\nflowlogs: forged\u{1b}[31m\u{202e}name",
        "\u{1b}]0;x\u{7} \u{202e} a\n",
    );
    let outcome = run(&["replay", &path], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let forged = |line: &str| line.starts_with("flowlogs: forged");
    assert!(!outcome.stderr.lines().any(forged), "{outcome:?}");
    let line =
        "2 1 eni-\u{202e}\u{1b}[31m1 10.0.0.1 10.0.0.2 1 2 6 3 4 1418530010 1418530070 ACCEPT OK";
    let explained = run(
        &[
            "explain",
            "--log-format",
            "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
            line,
        ],
        "",
    );
    for text in [
        outcome.stderr,
        outcome.stdout,
        explained.stdout,
        explained.stderr,
    ] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
    }
}

#[test]
fn the_c_locale_gets_ascii_only() {
    let output = flowlogs(&["replay", "--width=80", "-"])
        .env("LC_ALL", "C")
        .write_stdin(DEFAULT)
        .output()
        .expect("runs");
    assert!(output.stdout.is_ascii() && output.stderr.is_ascii());
    assert!(String::from_utf8_lossy(&output.stdout).contains("-- 123456789010 - domain "));
}

#[test]
fn times_are_local_if_asked_for() {
    let output = flowlogs(&["replay", "--time=local", "-"])
        .env("TZ", "<+05>-5:30")
        .write_stdin(DEFAULT)
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("2014-12-14 +05:30"), "{text}");
    assert!(text.contains("09:36:50 172.31.16.139"), "{text}");
}
