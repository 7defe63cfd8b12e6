//! `--inventory`: names, directions and rules, and notes about their absence.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::file;
use crate::{DEFAULT, run};

#[test]
fn an_inventory_in_a_directory_comes_before_the_lines_that_need_it() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    file(at, "a.txt", "eni-1 10.0.0.1 10.0.0.2 840\n");
    file(
        at,
        "z.json",
        r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "VpcId": "vpc-1",
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.2"}]}],
            "FlowLogs": [{"FlowLogId": "fl-1", "ResourceId": "vpc-1",
            "LogFormat": "${interface-id} ${srcaddr} ${dstaddr} ${bytes}"}]}"#,
    );
    let outcome = run(
        &["replay", "--output", "json", at.to_str().expect("UTF-8")],
        "",
    );
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let flows = outcome.objects();
    assert_eq!(
        flows[0]["flowDirection"], 0,
        "10.0.0.2 is the interface's own"
    );
    assert_eq!(flows[0]["ingressVRFname"], "vpc-1");
    assert!(!outcome.stderr.contains("did not run"), "{outcome:?}");
}

/// Manifest and parts of two accounts, each with an interface of equal id.
fn organization(at: &Path) {
    let packed = |path: &str, text: &str| {
        let path = at.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes())
            .expect("memory takes everything");
        fs::write(path, out.finish().expect("memory takes everything")).expect("a file");
    };
    packed(
        "manifest.json.gz",
        r#"{"InventoryVersion": 1, "AsOf": "2026-11-29T05:00:00Z", "Parts": [
            {"AccountId": "111122223333", "Region": "eu-central-1", "AsOf": "2026-11-29T05:00:00Z", "Version": "a"},
            {"AccountId": "444455556666", "Region": "eu-central-1", "AsOf": "2026-11-29T05:00:00Z", "Version": "b"}],
            "FlowLogs": [], "Vpcs": []}"#,
    );
    for (account, name) in [("111122223333", "web"), ("444455556666", "db")] {
        packed(
            &format!("parts/{account}/eu-central-1.json.gz"),
            &format!(
                r#"{{"InventoryVersion": 1, "AccountId": "{account}", "Region": "eu-central-1", "Version": "a",
                "NetworkInterfaces": [{{"NetworkInterfaceId": "eni-1235b8ca123456789",
                "TagSet": [{{"Key": "Name", "Value": "{name}"}}]}}]}}"#
            ),
        );
    }
}

#[test]
fn the_objects_of_an_organizations_inventory_keep_account_and_region() {
    let directory = tempfile::tempdir().expect("temporary directory");
    organization(directory.path());
    let inventory = directory.path().to_str().expect("UTF-8");
    let lines: String = ["111122223333", "444455556666", "777788889999"]
        .iter()
        .flat_map(|account| DEFAULT.lines().map(move |line| (account, line)))
        .map(|(account, line)| line.replace("123456789010", account) + "\n")
        .collect();
    let region = ["replay", "--region", "eu-central-1", "--output", "json"];
    let rest = ["--summary", "json", "--inventory", inventory, "-"];
    let outcome = run(&[&region[..], &rest[..]].concat(), &lines);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let text = |flow: &serde_json::Value| flow.to_string();
    let flows: Vec<_> = outcome.objects().iter().map(text).collect();
    for (number, name) in [(0, "web"), (1, "web"), (2, "db"), (3, "db")] {
        assert!(
            flows[number].contains(&format!("\"{name}\"")),
            "{}",
            flows[number]
        );
    }
    assert!(
        !flows[4].contains("web") && !flows[4].contains("db"),
        "{}",
        flows[4]
    );
    assert_eq!(outcome.summary()["WithoutInventory"], 2, "{outcome:?}");

    let part = directory
        .path()
        .join("parts/111122223333/eu-central-1.json.gz");
    let whole = fs::read(&part).expect("the part");
    fs::write(&part, &whole[..whole.len() - 1]).expect("cut");
    let outcome = run(&[&region[..], &rest[..]].concat(), &lines);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("damaged or cut"), "{outcome:?}");

    let in_bucket = run(&["replay", "--inventory", "s3://bucket/inventory", "-"], "");
    assert_eq!(in_bucket.status, Some(2), "{in_bucket:?}");
    assert!(
        in_bucket
            .stderr
            .contains("aws s3 cp --recursive s3://bucket/inventory DIR"),
        "{in_bucket:?}"
    );
}

#[test]
fn rules_that_need_an_inventory_say_so_once() {
    let outcome = run(&["replay", "-"], DEFAULT);
    assert_eq!(
        outcome.stderr.matches("did not run:").count(),
        1,
        "{outcome:?}"
    );
    let off = run(&["replay", "--deduplicate", "off", "-"], DEFAULT);
    assert!(!off.stderr.contains("did not run"), "{off:?}");
}

#[test]
fn an_inventory_that_does_not_fit_is_noted() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let flow_logs = file(
        directory.path(),
        "flow-logs.json",
        r#"{"FlowLogs": [{"FlowLogId": "fl-1", "ResourceId": "vpc-1", "LogGroupName": "/vpc/flow-logs",
            "LogFormat": "${srcaddr} ${dstaddr}"}]}"#,
    );
    let empty = file(directory.path(), "empty.json", r#"{"Vpcs": []}"#);
    let inventory = ["--inventory", &flow_logs, "--inventory", &empty];
    let arguments = ["replay", "--log-group=/vpc/flowlogs", "--summary=json", "-"];
    let outcome = run(&[&arguments[..], &inventory].concat(), DEFAULT);
    let notes = outcome.summary()["notes"].to_string();
    for text in [
        "delivers to /vpc/flowlogs; its flow logs deliver to /vpc/flow-logs",
        "has no interfaces",
        "empty.json holds no interface",
    ] {
        assert!(notes.contains(text), "{text}: {notes}");
    }
}

#[test]
fn flows_of_unknown_direction_are_noted_once() {
    let note = "2 flows of unknown direction; give the interfaces";
    for direction in ["--direction=both", "--direction=ingress"] {
        let outcome = run(&["replay", "--summary=json", direction, "-"], DEFAULT);
        let notes = outcome.summary()["notes"].to_string();
        assert_eq!(notes.matches(note).count(), 1, "{direction}: {notes}");
    }
    let lines = "srcaddr bytes flow-direction\n10.0.0.1 5 ingress\n";
    let outcome = run(&["replay", "--summary=json", "-"], lines);
    let notes = outcome.summary()["notes"].to_string();
    assert!(!notes.contains("on which side"), "{notes}");
}
