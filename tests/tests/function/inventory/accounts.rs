//! Accounts and regions that are denied, throttled, suspended or not listed.

use std::collections::BTreeSet;

use serde_json::json;

use super::{ACCOUNTS, CENTRAL, EVENT, ONE, QUARTER, THREE, TWO, WEST, round, start};
use crate::organization::{EXTERNAL_ID, Mood, Organization, REGIONS};
use crate::runtime::{Function, counter};

#[test]
fn a_denied_account_keeps_its_last_answer_and_is_counted_and_named() {
    let Some((organization, function)) = start() else {
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
fn a_throttled_account_is_asked_again_after_a_pause_and_fails_if_that_lasts() {
    let Some((organization, function)) = start() else {
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
fn suspended_accounts_and_regions_that_are_not_enabled_are_not_asked_and_no_failure() {
    let organization = Organization::start();
    organization.state().accounts[2].1 = "SUSPENDED";
    organization.mood(TWO, Some(WEST), Mood::NotEnabled);
    let variables = organization.variables_of("organization", &REGIONS);
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
    let variables = organization.variables_of("organization", &REGIONS);
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
