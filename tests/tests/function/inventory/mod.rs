//! The function that keeps the inventory of an organization: three accounts, two regions.
//!
//! `accounts.rs` is about accounts that cannot be asked, `objects.rs` about the objects in the bucket.

mod accounts;
mod objects;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::one_function::OneFunction;
use crate::organization::{EXTERNAL_ID, Mood, Organization, REGIONS, network};
use crate::runtime::{Function, counter};

const ACCOUNTS: [&str; 3] = ["111111111111", "222222222222", "333333333333"];

pub(crate) const ONE: &str = ACCOUNTS[0];

const TWO: &str = ACCOUNTS[1];

pub(crate) const THREE: &str = ACCOUNTS[2];

const CENTRAL: &str = REGIONS[0];

pub(crate) const WEST: &str = REGIONS[1];

const QUARTER: Duration = Duration::from_secs(15 * 60);

pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) const EVENT: &[u8] = br#"{"source": "aws.events"}"#;

/// Starts an organization and its function; `None` where the tool that emulates Lambda is missing.
fn start() -> Option<(Organization, Function)> {
    let organization = Organization::start();
    let function = Function::start_inventory(&organization.variables())?;
    Some((organization, function))
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
    let Some((organization, function)) = start() else {
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
fn a_part_is_asked_for_after_a_quarter_of_an_hour_and_written_if_it_changed() {
    let Some((organization, function)) = start() else {
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
fn pages_are_asked_at_a_pace_below_half_of_the_refill() {
    let Some((organization, function)) = start() else {
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
    let Some((organization, function)) = start() else {
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
