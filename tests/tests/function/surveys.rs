//! Rounds of the function that keeps the inventory: surveys that are cut and go on, accounts that leave, an hour of trouble,
//! and an organization of 300 accounts. `scripts/measure-organization` runs the last two at full size.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use flowlogs_describe::{Manifest, ManifestPart, Timestamp, read_manifest, read_part};
use flowlogs_testing::random::Random;
use serde_json::{Value, json};

use crate::inventory::{DAY, EVENT, ONE, THREE, WEST};
use crate::one_function::OneFunction;
use crate::organization::{Mood, Organization, REGIONS, interface, network};
use crate::runtime::sized;

const ROUND: Duration = Duration::from_secs(290);

fn start<V: AsRef<std::ffi::OsStr>>(variables: &[(&str, V)]) -> Option<OneFunction> {
    OneFunction::start("flowlogs-inventory", variables)
}

/// Runs a round, which has to succeed.
fn round(function: &OneFunction, time: Duration) -> Value {
    let answer = function.invoke(EVENT, time);
    answer.unwrap_or_else(|failure| panic!("{failure}\n{}", function.process().log()))
}

/// An organization in which one account and region has this many pages of interfaces, two on each, 0.4 s a page.
fn many_pages(pages: usize) -> Organization {
    let organization = Organization::start();
    let interfaces: Vec<_> = (0..2 * pages)
        .map(|number| json!({"NetworkInterfaceId": format!("eni-{number}")}))
        .collect();
    let mut networks = network(ONE, WEST);
    networks["NetworkInterfaces"] = json!(interfaces);
    let key = (ONE.to_owned(), WEST.to_owned());
    let mut state = organization.state();
    state.descriptions.insert(key, networks);
    state.page = Some(2);
    state.delay = Duration::from_millis(400);
    drop(state);
    organization
}

/// First items of the pages that the account and region of [`many_pages`] was asked for, in order.
fn pages_asked(organization: &Organization) -> Vec<usize> {
    let state = organization.state();
    let of_one = state.questions.iter().filter(|one| {
        one.account == ONE && one.region == WEST && one.action == "DescribeNetworkInterfaces"
    });
    of_one.map(|one| one.first).collect()
}

#[test]
fn a_survey_that_does_not_fit_into_a_round_goes_on_with_the_next_one_where_it_stopped() {
    const PAGES: usize = 20;
    let organization = many_pages(PAGES);
    let Some(function) = start(&organization.variables()) else {
        return;
    };
    let begun = SystemTime::now();
    let mut rounds = 1;
    while round(&function, Duration::from_secs(6))["PartsPostponed"] != 0 {
        assert_eq!(
            organization
                .entry("Parts", ONE, WEST)
                .expect("flow logs")
                .get("Version"),
            None,
            "half a survey is not taken over"
        );
        rounds += 1;
        assert!(rounds < 12, "it ends");
    }
    assert!(rounds > 2, "it did not fit: {rounds} rounds");
    let asked = pages_asked(&organization);
    let each: BTreeSet<usize> = asked.iter().copied().collect();
    assert_eq!(each, (0..PAGES).map(|page| 2 * page).collect());
    assert!(asked.is_sorted(), "{asked:?}");
    assert!(
        asked.len() < PAGES + rounds,
        "a page again for each cut at the most: {asked:?}"
    );
    let part = organization.object(&format!("of/us/parts/{ONE}/{WEST}.json.gz"));
    let part = read_part(&part, u64::MAX).expect("a part");
    assert_eq!(part.interfaces.len(), 2 * PAGES);
    // As old as its oldest page.
    let as_of = parts(&organization)[&(ONE.to_owned(), WEST.to_owned())].as_of;
    let since = Duration::from_millis(as_of.expect("an answer").0);
    let first_round = begun + Duration::from_secs(6);
    assert!(SystemTime::UNIX_EPOCH + since < first_round, "{since:?}");
}

#[test]
fn a_survey_whose_token_is_forgotten_begins_again_at_once() {
    const PAGES: usize = 12;
    let organization = many_pages(PAGES);
    let Some(function) = start(&organization.variables()) else {
        return;
    };
    assert_eq!(
        round(&function, Duration::from_secs(6))["PartsPostponed"],
        1
    );
    assert!(pages_asked(&organization).len() > 1);
    organization.forget();
    organization.state().tokens += 1;
    let answer = round(&function, Duration::from_secs(60));
    assert_eq!(
        (&answer["PartsPostponed"], &answer["FailedAccounts"]),
        (&json!(0), &json!([])),
        "no failure of the account"
    );
    let asked = pages_asked(&organization);
    assert_ne!(asked[0], 0, "the token was tried");
    assert!(asked.ends_with(&(0..PAGES).map(|page| 2 * page).collect::<Vec<_>>()));
    let entry = organization.entry("Parts", ONE, WEST).expect("an answer");
    assert_eq!(entry["Interfaces"], 2 * PAGES);
}

#[test]
fn the_part_of_an_account_that_left_is_emptied_after_15_days() {
    let organization = Organization::start();
    let variables = organization.variables_of("organization", &REGIONS);
    let Some(function) = start(&variables) else {
        return;
    };
    round(&function, ROUND);
    let key = format!("of/us/parts/{THREE}/{WEST}.json.gz");
    let interfaces = || {
        let part = read_part(&organization.object(&key), u64::MAX);
        part.expect("a part").interfaces.len()
    };
    organization.state().accounts[2].1 = "SUSPENDED";
    organization.age(14 * DAY);
    round(&function, ROUND);
    assert!(organization.entry("Parts", THREE, WEST).is_some());
    assert_eq!(interfaces(), 1);

    organization.age(2 * DAY);
    organization.state().parts_denied = true;
    let failure = function.invoke(EVENT, ROUND).expect_err("S3 refuses");
    assert_eq!(failure["errorType"], "InventoryUnwritten");
    assert!(
        organization.entry("Parts", THREE, WEST).is_some(),
        "named until it is empty"
    );
    organization.state().parts_denied = false;
    round(&function, ROUND);
    assert_eq!(organization.entry("Parts", THREE, WEST), None);
    assert_eq!(organization.entry("Vpcs", THREE, WEST), None);
    assert_eq!(interfaces(), 0, "no name of the account is left");
    organization.forget();
    round(&function, ROUND);
    assert!(!organization.state().writes.contains(&key), "emptied once");
}

/// Entries of the manifest's parts.
fn parts(organization: &Organization) -> BTreeMap<(String, String), ManifestPart> {
    let manifest = manifest(organization);
    let parts = manifest.parts.into_iter();
    parts
        .map(|part| ((part.account_id.clone(), part.region.clone()), part))
        .collect()
}

fn manifest(organization: &Organization) -> Manifest {
    read_manifest(&organization.object("of/us/manifest.json.gz")).expect("a manifest")
}

/// Accounts by number, as texts of 12 digits.
fn accounts(count: usize) -> Vec<String> {
    (100..100 + count)
        .map(|number| format!("{number}000000000"))
        .collect()
}

/// An hour of rounds, 5 minutes apart by the times in the manifest, in which accounts and regions are throttled, denied,
/// without a role, and closed, and their networks change.
#[test]
fn an_hour_of_throttling_denials_and_vanished_accounts_loses_nothing() {
    const ROUNDS: usize = 12;
    let accounts = accounts(sized(8, 300));
    let regions = &["eu-central-1", "eu-west-1", "us-east-1", "us-west-2"][..sized(2, 4)];
    let organization = Organization::of(&accounts, regions);
    let variables = organization.variables_of("organization", regions);
    let Some(function) = start(&variables) else {
        return;
    };
    round(&function, ROUND);
    let (mut chance, mut sums) = (Random(24), RoundSums::default());
    let began = Instant::now();
    for number in 1..=ROUNDS {
        organization.age(Duration::from_secs(300));
        organization.forget();
        let moods = troubled(&organization, &accounts, regions, &mut chance);
        change(&organization, &accounts, regions, &mut chance);
        let now = Timestamp(flowlogs_export::now());
        let answer = round(&function, ROUND);
        let failed = check_failures(&answer, &moods, number);
        sums.add(&failed, &moods, &accounts);
        check_parts(&organization, &moods, now, number);
        check_questions(&organization, &moods);
    }
    eprintln!(
        "{} accounts, {} regions, {ROUNDS} rounds in {:.0?}: {sums:?}",
        accounts.len(),
        regions.len(),
        began.elapsed(),
    );
    let RoundSums {
        answered,
        failed,
        closed,
    } = sums;
    assert!(answered > 0 && failed > 0 && closed > 0, "{sums:?}");
    heal(&organization);
    let answer = round(&function, ROUND);
    assert_eq!(answer["FailedAccounts"], json!([]));
    for key in parts(&organization).keys() {
        assert_part_is_current(&organization, key);
    }
}

/// Numbers of accounts, added up over rounds.
#[derive(Debug, Clone, Copy, Default)]
struct RoundSums {
    answered: usize,
    failed: usize,
    closed: usize,
}

impl RoundSums {
    fn add(&mut self, failed: &BTreeSet<&str>, moods: &Moods, accounts: &[String]) {
        self.answered += moods.answered(failed, accounts);
        self.failed += failed.len();
        self.closed += moods.closed.len();
    }
}

/// Holds that every account that surely fails is named, and no healthy one; returns the named accounts.
fn check_failures<'a>(answer: &'a Value, moods: &Moods, round: usize) -> BTreeSet<&'a str> {
    let failed = answer["FailedAccounts"].as_array().expect("a list").iter();
    let failed: BTreeSet<&str> = failed.filter_map(Value::as_str).collect();
    for account in &moods.surely_failing {
        assert!(
            failed.contains(account.as_str()),
            "round {round}: {account} is named"
        );
    }
    for account in &failed {
        assert!(
            moods.troubled.contains(*account),
            "round {round}: {account} is healthy"
        );
    }
    failed
}

/// Ends every trouble, and makes every part due.
fn heal(organization: &Organization) {
    let mut state = organization.state();
    state.moods.clear();
    for account in &mut state.accounts {
        account.1 = "ACTIVE";
    }
    drop(state);
    organization.age(Duration::from_secs(900));
}

/// Holds that a part has the interfaces of its account and region.
fn assert_part_is_current(organization: &Organization, key: &(String, String)) {
    let listed = organization.state().descriptions[key]["NetworkInterfaces"].clone();
    let listed: BTreeSet<_> = (listed.as_array().expect("a list").iter())
        .map(|one| {
            one["NetworkInterfaceId"]
                .as_str()
                .expect("an id")
                .to_owned()
        })
        .collect();
    let part = organization.object(&format!("of/us/parts/{}/{}.json.gz", key.0, key.1));
    let part = read_part(&part, u64::MAX).expect("a part");
    let known: BTreeSet<_> = (part.interfaces.iter())
        .map(|one| one.id().to_owned())
        .collect();
    assert_eq!(known, listed, "{key:?}");
}

/// Troubles of a round.
#[derive(Default)]
struct Moods {
    /// Accounts that are closed: not asked, and no failure.
    closed: BTreeSet<String>,
    /// Accounts that may fail.
    troubled: BTreeSet<String>,
    /// Accounts that cannot answer.
    surely_failing: BTreeSet<String>,
}

impl Moods {
    fn answered(&self, failed: &BTreeSet<&str>, accounts: &[String]) -> usize {
        let is_healthy = |account: &&String| {
            !self.closed.contains(*account) && !failed.contains(account.as_str())
        };
        accounts.iter().filter(is_healthy).count()
    }
}

/// Gives an account in four a trouble for one round.
fn troubled(
    organization: &Organization,
    accounts: &[String],
    regions: &[&str],
    chance: &mut Random,
) -> Moods {
    const ACTIONS: [&str; 5] = [
        "DescribeFlowLogs",
        "DescribeNetworkInterfaces",
        "DescribeVpcs",
        "DescribeTransitGateways",
        "DescribeTransitGatewayAttachments",
    ];
    let mut moods = Moods::default();
    organization.state().moods.clear();
    for (number, account) in accounts.iter().enumerate() {
        let mut state = organization.state();
        state.accounts[number].1 = "ACTIVE";
        let kind = chance.index(24);
        if kind == 0 {
            state.accounts[number].1 = *chance.one_of(&["SUSPENDED", "PENDING_CLOSURE"]);
            moods.closed.insert(account.clone());
        }
        drop(state);
        let region = Some(*chance.one_of(regions));
        let (region, mood, fails) = match kind {
            1 => (region, Mood::Throttled(1 + chance.index(2)), false),
            2 => (region, Mood::Throttled(1_000), true),
            3 | 4 => {
                let action = *chance.one_of(&ACTIONS);
                (region, Mood::Denied(action), action == ACTIONS[0])
            }
            // Where no session is kept: the others are valid for an hour.
            5 => (None, Mood::NoRole, false),
            _ => continue,
        };
        organization.mood(account, region, mood);
        moods.troubled.insert(account.clone());
        if fails {
            moods.surely_failing.insert(account.clone());
        }
    }
    moods
}

/// Makes a change for every eight accounts, each in a random account and region: an interface more, or another state of an
/// interface.
fn change(organization: &Organization, accounts: &[String], regions: &[&str], chance: &mut Random) {
    for _ in 0..accounts.len().div_ceil(8) {
        let key = (
            chance.one_of(accounts).clone(),
            (*chance.one_of(regions)).to_owned(),
        );
        let number = chance.index(1_000_000);
        let mut state = organization.state();
        let networks = state.descriptions.get_mut(&key).expect("a network");
        let interfaces = networks["NetworkInterfaces"]
            .as_array_mut()
            .expect("a list");
        match number % 2 {
            0 => interfaces.push(interface(&key.0, number)),
            _ => interfaces[0]["Status"] = json!(*chance.one_of(&["in-use", "available"])),
        }
    }
}

/// Every account has an answer: that of this round, or its last one; and each object is the one that the manifest names.
fn check_parts(organization: &Organization, moods: &Moods, round: Timestamp, number: usize) {
    const QUARTER: u64 = 15 * 60_000;
    let parts = parts(organization);
    let expected = organization.state().descriptions.len();
    assert_eq!(parts.len(), expected, "round {number}: no part is lost");
    for ((account, region), part) in &parts {
        let object = organization.object(&format!("of/us/parts/{account}/{region}.json.gz"));
        let object = read_part(&object, u64::MAX).expect("a part");
        assert_eq!(
            part.version.as_ref(),
            Some(&object.version),
            "round {number}: {account} {region}"
        );
        assert_eq!(part.interfaces, object.interfaces.len() as u64);
        if moods.closed.contains(account) || moods.troubled.contains(account) {
            continue;
        }
        assert!(
            part.flow_logs_as_of >= Some(round),
            "round {number}: {account} {region}"
        );
        let oldest = Timestamp(round.0 - QUARTER);
        assert!(
            part.as_of > Some(oldest),
            "round {number}: {account} {region}"
        );
        assert_eq!(part.failure, None);
    }
}

/// Accounts that are closed are not asked; nobody is asked more often than 10 times a second.
fn check_questions(organization: &Organization, moods: &Moods) {
    let state = organization.state();
    let mut times: BTreeMap<(&str, &str, &str), Vec<Instant>> = BTreeMap::new();
    for question in &state.questions {
        assert!(!moods.closed.contains(&question.account), "{question:?}");
        let key = (
            question.account.as_str(),
            question.region.as_str(),
            question.action.as_str(),
        );
        times.entry(key).or_default().push(question.at);
    }
    for (key, times) in times {
        let quickest = times.windows(10).map(|ten| ten[9] - ten[0]).min();
        assert!(
            quickest.is_none_or(|span| span >= Duration::from_millis(900)),
            "{key:?}"
        );
    }
}

/// 100,000 interfaces in 300 accounts and 4 regions, 20,000 of them in one; EC2 takes 0.3 s for an answer.
#[test]
fn an_organization_of_300_accounts_is_asked_within_one_round() {
    let (total, largest): (usize, usize) = (sized(2_000, 100_000), sized(400, 20_000));
    let regions = ["eu-central-1", "eu-west-1", "us-east-1", "us-west-2"];
    let accounts = accounts(sized(12, 300));
    let organization = Organization::of(&accounts, &regions);
    let others = (total - largest).div_ceil(accounts.len() * regions.len() - 1);
    let mut number = 0;
    for account in &accounts {
        for region in regions {
            let count = if number == 0 { largest } else { others };
            let interfaces: Vec<_> = (number..number + count)
                .map(|number| interface(account, number))
                .collect();
            number += count;
            let key = (account.clone(), region.to_owned());
            let mut state = organization.state();
            let networks = state.descriptions.get_mut(&key).expect("a network");
            networks["NetworkInterfaces"] = json!(interfaces);
        }
    }
    organization.state().delay = Duration::from_millis(sized(20, 300));
    let variables = organization.variables_of(&accounts.join(","), &regions);
    let Some(function) = start(&variables) else {
        return;
    };
    for number_of_round in 1..=2 {
        let began = Instant::now();
        let answer = round(&function, ROUND);
        let memory = function.process().memory("VmHWM") / 1_000_000;
        eprintln!(
            "round {number_of_round}: {:.0?}, {memory} MB at the most, {answer}",
            began.elapsed()
        );
        assert_eq!(
            (&answer["PartsPostponed"], &answer["FailedAccounts"]),
            (&json!(0), &json!([]))
        );
        assert_eq!(answer["Interfaces"], json!(number));
        assert!(memory < 128, "{memory} MB");
    }
    let state = organization.state();
    assert_eq!(state.writes.len(), accounts.len() * regions.len() + 2);
}
