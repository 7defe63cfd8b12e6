//! An inventory in S3 that changes, fails and comes back, read by the function with a clock that jumps over the minute
//! between two reads of the manifest.

use std::path::PathBuf;
use std::time::Duration;

use flowlogs_tests::tool;
use serde_json::Value;
use tempfile::TempDir;

use crate::collector::Collector;
use crate::one_function::OneFunction;
use crate::runtime::counter;
use crate::stored::{
    ACCOUNTS, MANIFEST_KEY, REGION, StoredInventory, ago, event, has_name, line, names, part_path,
};

/// Time of an invocation; the clock jumps by minutes.
const TIME: Duration = Duration::from_secs(3_600);

/// The function, its inventory, its collector and its clock.
struct Fixture {
    organization: StoredInventory,
    collector: Collector,
    function: OneFunction,
    clock: PathBuf,
    minutes: std::cell::Cell<u64>,
    _directory: TempDir,
}

impl Fixture {
    fn new() -> Option<Self> {
        let (organization, collector) = (StoredInventory::new(), Collector::start());
        let directory = TempDir::new().expect("a directory");
        let clock = directory.path().join("clock");
        std::fs::write(&clock, "+0").expect("a file");
        let library = tool::faketime()?;
        let url = collector.url();
        let mut variables: Vec<(&str, String)> = (organization.variables(&url).into_iter())
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        variables.extend([
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            // The monotonic clock moves as well: by it, the manifest is due to be read again.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
        ]);
        let function = OneFunction::start("flowlogs-cloudwatch", &variables)?;
        Some(Self {
            organization,
            collector,
            function,
            clock,
            minutes: std::cell::Cell::default(),
            _directory: directory,
        })
    }

    /// Lets a minute pass.
    fn minute(&self) {
        self.minutes.set(self.minutes.get() + 1);
        let seconds = 61 * self.minutes.get();
        std::fs::write(&self.clock, format!("+{seconds}")).expect("a file");
    }

    /// Objects that a payload of these accounts asks for, with the status of each answer.
    fn requests(&self, accounts: &[&str]) -> Vec<String> {
        let summary = self.invoke(accounts).expect("success");
        assert_eq!(summary["FlowsExported"], accounts.len(), "{summary}");
        self.organization.requests()
    }

    fn invoke(&self, accounts: &[&str]) -> Result<Value, Value> {
        let lines: Vec<_> = accounts
            .iter()
            .map(|account| (None, line(account, 1)))
            .collect();
        let payload = event(accounts[0], "flows", ago(Duration::ZERO), &lines);
        self.function.invoke(&payload, TIME)
    }

    /// The collector was told this name.
    fn is_told(&self, name: &str) -> bool {
        names(&self.collector)
            .iter()
            .any(|text| text.contains(name))
    }

    fn metrics(&self) -> Value {
        let output = self.function.process().log();
        let mut lines = output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .rfind(|line| line["_aws"].is_object())
            .expect("a metrics line")
    }
}

fn part(account: &str) -> String {
    format!("parts/{account}/{REGION}.json.gz 200")
}

#[test]
fn an_unchanged_manifest_is_a_304_a_minute_and_a_changed_one_costs_its_changed_parts() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let [one, two, _] = ACCOUNTS;
    let read = ["manifest.json.gz 200".to_owned(), part(one), part(two)];
    assert_eq!(fixture.requests(&[one, two]), read);
    assert_eq!(fixture.requests(&[one, two]), [""; 0], "within the minute");
    fixture.minute();
    assert_eq!(fixture.requests(&[one, two]), ["manifest.json.gz 304"]);

    fixture.organization.put_part(one, "b", "renamed");
    fixture.organization.put_manifest(&[(one, "b"), (two, "a")]);
    assert_eq!(fixture.requests(&[one, two]), [""; 0]);
    assert!(!fixture.is_told("renamed"));
    fixture.minute();
    assert_eq!(
        fixture.requests(&[one, two]),
        ["manifest.json.gz 200".to_owned(), part(one)]
    );
    fixture.collector.flows(10);
    assert!(fixture.is_told("renamed"));
    assert_eq!(counter(&fixture.metrics(), "WithoutInventory"), 0);
}

#[test]
fn an_old_copy_serves_while_reading_fails_and_its_age_grows() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let [one, two, _] = ACCOUNTS;
    fixture.requests(&[one]);
    let age = || counter(&fixture.metrics(), "InventoryAgeSeconds");
    let young = age();
    fixture
        .organization
        .server
        .refuse(MANIFEST_KEY, 403, "AccessDenied");
    fixture
        .organization
        .server
        .refuse(&part_path(one), 503, "SlowDown");
    fixture.minute();
    assert_eq!(
        fixture.requests(&[one]),
        ["manifest.json.gz 403"],
        "the part is in memory"
    );
    assert_eq!(fixture.requests(&[one]), [""; 0], "asked once a minute");
    assert!(age() >= young + 61, "{young}, then {}", age());
    assert_eq!(counter(&fixture.metrics(), "WithoutInventory"), 0);
    fixture.collector.flows(3);
    assert!(has_name(&names(&fixture.collector), one));
    let said = fixture.function.process().log();
    assert_eq!(
        said.matches("the copy of before serves").count(),
        1,
        "{said}"
    );

    // A part that was never read comes all the same, and a new version of the one that cannot be read does not.
    assert_eq!(fixture.requests(&[two]), [part(two)]);
    fixture.organization.put_manifest(&[(one, "b"), (two, "a")]);
    fixture.minute();
    let refused = format!("parts/{one}/{REGION}.json.gz 503");
    let requests = fixture.requests(&[one]);
    assert_eq!(requests[0], "manifest.json.gz 200");
    assert!(
        requests[1..].iter().all(|request| *request == refused) && requests.len() > 1,
        "{requests:?}"
    );
    assert_eq!(
        counter(&fixture.metrics(), "WithoutInventory"),
        0,
        "the old part serves"
    );
    fixture.organization.put_part(one, "b", "renamed");
    fixture.minute();
    assert_eq!(
        fixture.requests(&[one]),
        ["manifest.json.gz 304".to_owned(), part(one)]
    );
    fixture.collector.flows(6);
    assert!(fixture.is_told("renamed"));
}

#[test]
fn a_part_of_another_version_than_the_manifest_names_makes_the_manifest_be_read_again() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let [one, two, _] = ACCOUNTS;
    fixture.requests(&[two]);
    fixture.organization.put_part(one, "b", "renamed");
    fixture.organization.put_manifest(&[(one, "b"), (two, "a")]);
    assert_eq!(
        fixture.requests(&[one]),
        [part(one), "manifest.json.gz 200".to_owned()]
    );
    assert_eq!(
        fixture.requests(&[one]),
        [""; 0],
        "the new manifest names it"
    );
    fixture.collector.flows(3);
    assert!(fixture.is_told("renamed"));

    // A manifest that never comes to name the version of the part: what there is serves until the next minute.
    fixture.organization.put_part(one, "c", "again");
    fixture.organization.put_manifest(&[(one, "d"), (two, "a")]);
    fixture.minute();
    assert_eq!(
        fixture.requests(&[one]),
        [
            "manifest.json.gz 200".to_owned(),
            part(one),
            "manifest.json.gz 304".to_owned()
        ]
    );
    assert_eq!(fixture.requests(&[one]), [""; 0]);
    fixture.organization.put_part(one, "d", "at last");
    fixture.minute();
    assert_eq!(
        fixture.requests(&[one]),
        ["manifest.json.gz 304".to_owned(), part(one)]
    );
    fixture.collector.flows(6);
    assert!(fixture.is_told("again") && fixture.is_told("at last"));
}

#[test]
fn a_payload_of_an_hour_ago_waits_and_an_older_one_does_not() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let [one, ..] = ACCOUNTS;
    fixture
        .organization
        .server
        .refuse(MANIFEST_KEY, 500, "InternalError");
    let payload = event(one, "flows", ago(Duration::ZERO), &[(None, line(one, 1))]);
    // The clock of the function goes on, and the payload is the same.
    for (minutes, waits) in [(0, true), (58, true), (2, false)] {
        (0..minutes).for_each(|_| fixture.minute());
        match (fixture.function.invoke(&payload, 2 * TIME), waits) {
            (Err(failure), true) => assert_eq!(failure["errorType"], "InventoryUnavailable"),
            (Ok(summary), false) => assert_eq!(summary["WithoutInventory"], 1, "{summary}"),
            (outcome, _) => panic!("{minutes}: {outcome:?}"),
        }
    }
    fixture.collector.flows(1);
    assert!(!has_name(&names(&fixture.collector), one));
}
