//! Objects in the bucket: readers, writers that race, and content that cannot be understood.

use std::process::Command;

use flowlogs_describe::read;
use flowlogs_tests::replay::program;
use serde_json::json;
use tempfile::TempDir;

use super::{DAY, EVENT, ONE, QUARTER, TWO, WEST, round, start};
use crate::runtime::counter;

#[test]
fn the_objects_are_read_by_the_command_line() {
    let Some((organization, function)) = start() else {
        return;
    };
    round(&function);
    let directory = TempDir::new().expect("a directory");
    let mut command = Command::new(program());
    command.args(["replay", "--output", "json"]);
    for (number, key) in organization.keys().iter().enumerate() {
        let (path, json) = (
            directory.path().join(format!("{number}.json")),
            organization.object(key),
        );
        read(&json).unwrap_or_else(|error| panic!("{key}: {error}"));
        std::fs::write(&path, json).expect("a file");
        command.arg("--inventory").arg(path);
    }
    let line = format!(
        "2 {TWO} eni-2229 10.0.0.9 10.0.0.5 40000 443 6 10 4000 1795000000 1795000059 ACCEPT OK\n"
    );
    let input = directory.path().join("flows.txt");
    std::fs::write(&input, line).expect("a file");
    let output = command.arg(input).output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        printed.contains(&format!("web-{TWO}-{WEST}")),
        "{printed}{errors}"
    );
    assert!(
        printed.contains(&format!("shop-{TWO}-{WEST}")),
        "{printed}{errors}"
    );
}

#[test]
fn a_flow_log_that_vanished_stays_for_15_days_with_the_time_it_was_last_seen() {
    let Some((organization, function)) = start() else {
        return;
    };
    round(&function);
    let seen = organization.entry("Parts", ONE, WEST).expect("an answer")["FlowLogsAsOf"].clone();
    let of_one = (ONE.to_owned(), WEST.to_owned());
    organization
        .state()
        .descriptions
        .get_mut(&of_one)
        .expect("a network")["FlowLogs"] = json!([]);
    round(&function);
    let flow_log = organization.entry("FlowLogs", ONE, WEST).expect("kept");
    assert_eq!(flow_log["LastSeen"], seen);
    assert!(flow_log["LogFormat"].is_string());
    organization.age(14 * DAY);
    round(&function);
    assert!(organization.entry("FlowLogs", ONE, WEST).is_some());
    organization.age(2 * DAY);
    round(&function);
    assert_eq!(organization.entry("FlowLogs", ONE, WEST), None);
    let others = organization.manifest()["FlowLogs"].as_array().map(Vec::len);
    assert_eq!(others, Some(5), "those that are listed stay");
}

#[test]
fn a_manifest_that_another_run_has_written_is_not_overwritten() {
    let Some((organization, function)) = start() else {
        return;
    };
    round(&function);
    organization.age(QUARTER);
    organization.state().rival = true;
    let failure = function.invoke(EVENT).expect_err("a lost race");
    assert_eq!(failure.error_type, "InventoryLostRace");
    let metrics = function.last_metrics();
    assert!(
        counter(&metrics, "InventoryAgeSeconds") >= 900,
        "the age of what is there: {metrics}"
    );
}

#[test]
fn a_part_that_is_not_written_is_no_fault_of_its_account_and_is_written_by_the_next_round() {
    let Some((organization, function)) = start() else {
        return;
    };
    organization.state().parts_denied = true;
    let failure = function.invoke(EVENT).expect_err("no parts");
    assert_eq!(failure.error_type, "InventoryUnwritten");
    assert!(
        failure.message.contains("s3:PutObject: not allowed"),
        "{}",
        failure.message
    );
    let metrics = function.last_metrics();
    assert_eq!(counter(&metrics, "AccountsFailed"), 0);
    let part = organization.entry("Parts", ONE, WEST).expect("flow logs");
    assert_eq!(part.get("Version"), None, "the manifest names no part");
    organization.state().parts_denied = false;
    assert_eq!(round(&function)["PartsWritten"], 6);
}

#[test]
fn a_manifest_that_cannot_be_understood_is_left_alone() {
    let Some((organization, function)) = start() else {
        return;
    };
    round(&function);
    organization.replace("of/us/manifest.json.gz", b"not gzip");
    let failure = function.invoke(EVENT).expect_err("unreadable");
    assert_eq!(failure.error_type, "InventoryUnreadable");
    organization.forget();
    assert_eq!(organization.state().writes, [""; 0]);
}
