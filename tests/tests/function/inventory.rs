//! The function that keeps the inventory of an organization: three accounts, two regions.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use flowlogs_describe::read;
use flowlogs_tests::replay::program;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::one_function::OneFunction;
use crate::organization::{EXTERNAL_ID, Mood, Organization, REGIONS, network};
use crate::runtime::{Function, counter};

const ACCOUNTS: [&str; 3] = ["111111111111", "222222222222", "333333333333"];
const ONE: &str = ACCOUNTS[0];
const TWO: &str = ACCOUNTS[1];
const THREE: &str = ACCOUNTS[2];
const CENTRAL: &str = REGIONS[0];
const WEST: &str = REGIONS[1];
const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const EVENT: &[u8] = br#"{"source": "aws.events"}"#;

fn start(organization: &Organization) -> Option<Function> {
    Function::start_inventory(&organization.variables())
}

/// Runs a round successfully.
fn round(function: &Function) -> Value {
    let answer = function.invoke(EVENT);
    answer.unwrap_or_else(|failure| panic!("{failure:?}\n{}", function.output()))
}

fn every_pair() -> BTreeSet<(String, String)> {
    let pairs = ACCOUNTS
        .iter()
        .flat_map(|account| REGIONS.map(|region| ((*account).to_owned(), region.to_owned())));
    pairs.collect()
}

#[test]
fn a_round_writes_a_part_for_each_account_and_region_and_then_the_manifest() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    let answer = round(&function);
    assert_eq!(
        (
            &answer["AccountsAsked"],
            &answer["Interfaces"],
            &answer["PartsWritten"]
        ),
        (&json!(3), &json!(6), &json!(6))
    );
    let writes = organization.state().writes.clone();
    assert_eq!(writes.len(), 7);
    assert_eq!(
        writes.last().map(String::as_str),
        Some("of/us/manifest.json.gz")
    );
    assert!(
        writes.contains(&format!("of/us/parts/{ONE}/{WEST}.json.gz")),
        "{writes:?}"
    );
    let roles = organization.state().roles_assumed.clone();
    assert_eq!(roles.len(), 3, "one session for all regions of an account");

    let manifest = organization.manifest();
    assert_eq!(manifest["InventoryVersion"], 1);
    assert_eq!(manifest["Parts"].as_array().map(Vec::len), Some(6));
    assert_eq!(manifest["FlowLogs"].as_array().map(Vec::len), Some(6));
    assert_eq!(manifest["Vpcs"].as_array().map(Vec::len), Some(6));
    let gateways = manifest["TransitGateways"].as_array().expect("a list");
    assert_eq!(gateways.len(), 1, "shared with everybody: {gateways:?}");
    assert_eq!(gateways[0]["AccountId"], ONE, "who knows its name");
    let part: Value = serde_json::from_slice(&organization.object(&writes[0])).expect("JSON");
    let (account, region) = (part["AccountId"].as_str(), part["Region"].as_str());
    let entry = organization
        .entry("Parts", account.expect("text"), region.expect("text"))
        .expect("the part");
    assert_eq!(entry["Version"], part["Version"]);
    assert_eq!(entry["Interfaces"], 1);

    let metrics = function.last_metrics();
    let figure = |name: &str| counter(&metrics, name);
    assert_eq!(
        (
            figure("AccountsAsked"),
            figure("AccountsFailed"),
            figure("Interfaces")
        ),
        (3, 0, 6)
    );
    assert!(figure("InventoryAgeSeconds") < 60 && metrics["InventoryAgeSeconds"].is_u64());
}

#[test]
fn the_objects_are_read_by_the_command_line() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
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
fn a_denied_account_keeps_its_last_answer_and_is_counted_and_named() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    round(&function);
    let before = organization.entry("Parts", TWO, WEST).expect("an answer");
    organization.age(QUARTER);
    organization.mood(TWO, None, Mood::Denied("DescribeVpcs"));
    organization.mood(THREE, Some(CENTRAL), Mood::Denied("DescribeFlowLogs"));
    let answer = round(&function);
    assert_eq!(answer["FailedAccounts"], json!([TWO, THREE]));
    let metrics = function.last_metrics();
    assert_eq!(counter(&metrics, "AccountsFailed"), 2);
    assert_eq!(metrics["FailedAccounts"], json!([TWO, THREE]));
    let after = organization
        .entry("Parts", TWO, WEST)
        .expect("the last answer");
    assert_eq!(after["Version"], before["Version"]);
    let failure = after["Failure"].as_str().expect("a reason");
    assert!(
        failure.starts_with("ec2:DescribeVpcs: not allowed (UnauthorizedOperation)"),
        "{failure}"
    );
    let healthy = organization.entry("Parts", THREE, WEST).expect("an answer");
    assert_eq!(healthy.get("Failure"), None);
    assert!(organization.entry("Vpcs", TWO, WEST).is_some());
    assert!(function.output().contains(TWO), "named in the log");

    organization.state().moods.clear();
    assert_eq!(round(&function)["FailedAccounts"], json!([]));
    let healed = organization.entry("Parts", TWO, WEST).expect("an answer");
    assert_eq!(healed.get("Failure"), None);
}

#[test]
fn a_part_is_asked_for_after_a_quarter_of_an_hour_and_written_if_it_changed() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    round(&function);
    organization.forget();
    round(&function);
    assert_eq!(organization.asked("DescribeFlowLogs"), every_pair());
    assert_eq!(
        organization.asked("DescribeNetworkInterfaces"),
        BTreeSet::new()
    );
    assert_eq!(organization.state().writes, ["of/us/manifest.json.gz"]);

    organization.forget();
    organization.age(QUARTER);
    let of_two = (TWO.to_owned(), CENTRAL.to_owned());
    organization
        .state()
        .descriptions
        .get_mut(&of_two)
        .expect("a network")["NetworkInterfaces"][0]["Status"] = json!("available");
    assert_eq!(round(&function)["PartsWritten"], 1);
    assert_eq!(
        organization.asked("DescribeNetworkInterfaces"),
        every_pair()
    );
    let part = format!("of/us/parts/{TWO}/{CENTRAL}.json.gz");
    assert_eq!(
        organization.state().writes,
        [part.as_str(), "of/us/manifest.json.gz"]
    );
    assert_eq!(
        organization.state().roles_assumed,
        [""; 0],
        "sessions are kept"
    );
}

#[test]
fn a_throttled_account_is_asked_again_after_a_pause_and_fails_if_that_lasts() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    organization.mood(ONE, Some(CENTRAL), Mood::Throttled(2));
    organization.mood(TWO, Some(CENTRAL), Mood::Throttled(1_000));
    let answer = round(&function);
    assert_eq!(answer["FailedAccounts"], json!([TWO]));
    assert!(organization.entry("Parts", ONE, CENTRAL).is_some());
    let unanswered = organization
        .entry("Unanswered", TWO, CENTRAL)
        .expect("named");
    let failure = unanswered["Failure"].as_str().expect("a reason");
    assert!(
        failure.contains("throttled (RequestLimitExceeded)"),
        "{failure}"
    );
    let tries = organization
        .state()
        .questions
        .iter()
        .filter(|one| one.account == TWO && one.region == CENTRAL)
        .count();
    assert_eq!(tries, 3);
}

#[test]
fn pages_are_asked_at_a_pace_below_half_of_the_refill() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    let interface = |number: usize| json!({"NetworkInterfaceId": format!("eni-{number}")});
    let interfaces: Vec<_> = (0..40).map(interface).collect();
    let mut networks = network(ONE, WEST);
    networks["NetworkInterfaces"] = json!(interfaces);
    organization.state().page = Some(2);
    organization
        .state()
        .descriptions
        .insert((ONE.to_owned(), WEST.to_owned()), networks);
    assert_eq!(round(&function)["Interfaces"], 45);
    let state = organization.state();
    let times: Vec<_> = (state.questions.iter())
        .filter(|one| {
            one.account == ONE && one.region == WEST && one.action == "DescribeNetworkInterfaces"
        })
        .map(|one| one.at)
        .collect();
    assert_eq!(times.len(), 20);
    let span = times[19] - times[0];
    assert!(
        span >= Duration::from_millis(1_900),
        "at most 10 calls a second: {span:?}"
    );
}

#[test]
fn a_wrong_external_id_is_told_with_the_words_of_the_template() {
    let organization = Organization::start();
    let mut variables = organization.variables();
    for (name, value) in &mut variables {
        if *name == "EXTERNAL_ID" {
            *value = format!("not-{EXTERNAL_ID}");
        }
    }
    let Some(function) = Function::start_inventory(&variables) else {
        return;
    };
    let answer = round(&function);
    assert_eq!(answer["FailedAccounts"], json!(ACCOUNTS));
    let unanswered = organization.entry("Unanswered", ONE, WEST).expect("named");
    let failure = unanswered["Failure"].as_str().expect("a reason");
    assert!(
        failure.starts_with("sts:AssumeRole: not allowed") && failure.contains("external id"),
        "{failure}"
    );
    assert_eq!(organization.manifest()["Parts"], json!([]));
    assert_eq!(organization.asked("DescribeFlowLogs"), BTreeSet::new());
}

#[test]
fn a_flow_log_that_vanished_stays_for_15_days_with_the_time_it_was_last_seen() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
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
fn suspended_accounts_and_regions_that_are_not_enabled_are_not_asked_and_no_failure() {
    let organization = Organization::start();
    organization.state().accounts[2].1 = "SUSPENDED";
    organization.mood(TWO, Some(WEST), Mood::NotEnabled);
    let mut variables = organization.variables();
    variables[1].1 = "organization".to_owned();
    let Some(function) = Function::start_inventory(&variables) else {
        return;
    };
    let answer = round(&function);
    assert_eq!(
        (&answer["FailedAccounts"], &answer["AccountsAsked"]),
        (&json!([]), &json!(2))
    );
    let reason = |account: &str, region: &str| {
        let entry = organization.entry("NotAsked", account, region);
        entry.map(|entry| entry["Reason"].clone())
    };
    assert_eq!(reason(THREE, CENTRAL), Some(json!("suspended")));
    assert_eq!(reason(TWO, WEST), Some(json!("region not enabled")));
    assert_eq!(reason(TWO, CENTRAL), None);
    assert!(
        !organization
            .state()
            .roles_assumed
            .contains(&THREE.to_owned())
    );

    organization.state().organization_denied = true;
    assert_eq!(
        round(&function)["AccountsAsked"],
        2,
        "the accounts of the last round"
    );
    assert_eq!(counter(&function.last_metrics(), "AccountListErrors"), 1);
}

#[test]
fn without_any_list_of_accounts_the_round_fails_and_says_where_it_has_to_run() {
    let organization = Organization::start();
    organization.state().organization_denied = true;
    let mut variables = organization.variables();
    variables[1].1 = "organization".to_owned();
    let Some(function) = Function::start_inventory(&variables) else {
        return;
    };
    let failure = function.invoke(EVENT).expect_err("no accounts");
    assert_eq!(failure.error_type, "AccountsUnknown");
    assert!(
        failure.message.contains("delegated administrator"),
        "{}",
        failure.message
    );
    assert_eq!(counter(&function.last_metrics(), "AccountsAsked"), 0);
}

#[test]
fn a_manifest_that_another_run_has_written_is_not_overwritten() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
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
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
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
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    round(&function);
    organization.replace("of/us/manifest.json.gz", b"not gzip");
    let failure = function.invoke(EVENT).expect_err("unreadable");
    assert_eq!(failure.error_type, "InventoryUnreadable");
    organization.forget();
    assert_eq!(organization.state().writes, [""; 0]);
}

#[test]
fn a_round_whose_time_is_over_is_continued_by_the_next() {
    let organization = Organization::start();
    let variables = organization.variables();
    let Some(function) = OneFunction::start("flowlogs-inventory", &variables) else {
        return;
    };
    organization.mood(TWO, Some(CENTRAL), Mood::Silent);
    let answer = function
        .invoke(EVENT, Duration::from_secs(6))
        .expect("a part of the round");
    assert_eq!(
        answer["PartsPostponed"], 2,
        "both regions of the silent account"
    );
    assert_eq!(
        (&answer["FailedAccounts"], &answer["Interfaces"]),
        (&json!([]), &json!(4))
    );
    assert!(organization.entry("Parts", THREE, WEST).is_some());
    assert_eq!(organization.entry("Parts", TWO, WEST), None);

    organization.state().moods.clear();
    organization.forget();
    let answer = function
        .invoke(EVENT, Duration::from_secs(60))
        .expect("the rest");
    assert_eq!(
        (&answer["PartsPostponed"], &answer["Interfaces"]),
        (&json!(0), &json!(6))
    );
    let of_two = BTreeSet::from(REGIONS.map(|region| (TWO.to_owned(), region.to_owned())));
    assert_eq!(
        organization.asked("DescribeNetworkInterfaces"),
        of_two,
        "the rest is not asked again"
    );
}

#[test]
fn the_check_event_tries_every_account_and_writes_nothing() {
    let organization = Organization::start();
    let Some(function) = start(&organization) else {
        return;
    };
    let check = || {
        let answer = function.invoke(br#"{"flowlogs": "check"}"#);
        answer.expect("an answer")
    };
    let answer = check();
    assert_eq!(answer["accounts"], json!(ACCOUNTS));
    assert_eq!(answer["inventory"], Value::Null);
    assert_eq!(answer["settings"]["EXTERNAL_ID"], EXTERNAL_ID);
    let missing = answer["missing"].as_array().expect("sentences").clone();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(organization.keys(), [""; 0]);
    assert_eq!(organization.asked("DescribeFlowLogs"), BTreeSet::new());

    round(&function);
    organization.mood(TWO, None, Mood::NoRole);
    let answer = check();
    assert_eq!(answer["inventory"]["interfaces"], 6);
    let missing = answer["missing"][0].as_str().expect("a sentence");
    assert!(
        missing.starts_with(&format!("Account {TWO} cannot be asked: sts:AssumeRole")),
        "{missing}"
    );
    assert_eq!(answer["missing"].as_array().map(Vec::len), Some(1));
}
