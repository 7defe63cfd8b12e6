//! Replays each captured event alone, and compares the counters with `events/expected.json`, written without the transcoder,
//! and the decoded flows with the `.golden` file beside the event.
//!
//! `UPDATE_GOLDENS=1 cargo test -p flowlogs-tests --test events` writes the goldens again; look at the difference.

use std::collections::BTreeSet;
use std::path::PathBuf;

use flowlogs_tests::cases::{self, Case};
use flowlogs_tests::counters::OUTCOMES;
use flowlogs_tests::flow::sums;
use flowlogs_tests::replay::{Run, replay};
use serde_json::Value;

/// The total and the parts: each record of a case counts in exactly one part.
fn counters() -> impl Iterator<Item = &'static str> {
    ["RecordsReceived"].into_iter().chain(OUTCOMES)
}

fn alone(case: &Case) -> Run {
    replay::<&str>(&[], std::slice::from_ref(&case.path))
}

fn case(name: &str) -> Case {
    let found = cases::all().into_iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("no case {name}"))
}

#[test]
fn every_case_alone_gives_the_counters_that_were_written_for_it() {
    let mut differences = Vec::new();
    for case in cases::all().iter().filter(|case| case.error().is_none()) {
        let run = alone(case);
        let mut compare = |what: &str, found: Option<u64>| {
            if found != Some(case.number(what)) {
                differences.push(format!(
                    "{}: {what} {found:?}, not {}",
                    case.name,
                    case.number(what)
                ));
            }
        };
        for counter in counters() {
            compare(counter, run.counter(counter));
        }
        let flows = run.flows();
        let (packets, octets) = sums(&flows);
        compare("packets", Some(packets));
        compare("octets", Some(octets));
        compare("FlowsExported", u64::try_from(flows.len()).ok());
        // An undamaged input fails only if no line could be parsed.
        let parsed = case.number("UnparsedRecords") < case.number("RecordsReceived")
            || case.number("RecordsReceived") == 0;
        if run.status != Some(i32::from(!parsed)) {
            differences.push(format!(
                "{}: exit status {:?}: {}",
                case.name, run.status, run.errors
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn damaged_events_fail_with_one_line_that_names_the_stage_and_the_file() {
    for case in cases::all() {
        let Some(stage) = case.error() else { continue };
        let run = alone(&case);
        assert_eq!(run.status, Some(1), "{}", case.name);
        let file = case
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let named: Vec<&str> = run
            .errors
            .lines()
            .filter(|line| line.contains(file))
            .collect();
        assert_eq!(named.len(), 1, "{}: {}", case.name, run.errors);
        assert!(named[0].contains(stage), "{}: {}", case.name, named[0]);
        assert!(!run.errors.contains("panicked"), "{}", run.errors);
        assert_eq!(run.counter("PayloadErrors"), Some(1), "{}", case.name);
    }
}

#[test]
fn all_cases_at_once_give_the_sums_of_the_counters_and_damaged_ones_stop_nothing() {
    let all = cases::all();
    let inputs: Vec<PathBuf> = all.iter().map(|case| case.path.clone()).collect();
    let run = replay::<&str>(&[], &inputs);
    for counter in counters().chain(["packets", "octets"]) {
        let sum: u64 = all.iter().map(|case| case.number(counter)).sum();
        assert_eq!(run.counter(counter), Some(sum), "{counter}");
    }
    let damaged = all.iter().filter(|case| case.error().is_some()).count();
    assert_eq!(run.counter("PayloadErrors"), u64::try_from(damaged).ok());
    assert_eq!(run.status, Some(1), "{damaged} inputs were damaged");
}

/// Two interfaces, each recording both directions: four records, 25 seconds apart and out of order.
#[test]
fn one_tcp_connection_that_is_recorded_four_times_makes_two_flows() {
    let run = alone(&case("vpc-both-ends.json"));
    assert_eq!(run.counter("RecordsReceived"), Some(4));
    let flows = run.flows();
    let [there, back] = flows.as_slice() else {
        panic!("{} flows", flows.len())
    };
    assert_eq!(
        (
            there.source,
            there.source_port,
            there.destination,
            there.destination_port
        ),
        (
            back.destination,
            back.destination_port,
            back.source,
            back.source_port
        )
    );
    assert_eq!(
        (there.direction, back.direction),
        (Some(0), Some(0)),
        "each where it arrives"
    );
    assert_ne!(there.ingress, back.ingress);
}

/// The goldens do not depend on time and place.
#[test]
fn decoded_flows_are_the_goldens() {
    let events = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"));
    let update = std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1");
    let mut goldens = Vec::new();
    for case in cases::with_flows() {
        let run = alone(&case);
        let golden = events.join(&case.name).with_extension("golden");
        goldens.push(golden.clone());
        if update {
            let lines: Vec<&str> = run.printed.lines().collect();
            std::fs::write(&golden, format!("[\n{}\n]\n", lines.join(",\n"))).expect("a file");
            continue;
        }
        let text = std::fs::read_to_string(&golden);
        let text = text.unwrap_or_else(|error| {
            panic!("{}: {error}; UPDATE_GOLDENS=1 writes it", golden.display())
        });
        let wanted: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let decoded = run.objects();
        for (number, (wanted, decoded)) in wanted.iter().zip(&decoded).enumerate() {
            let differences = differences(wanted, decoded);
            let place = format!("{}, flow {}", golden.display(), number + 1);
            assert!(differences.is_empty(), "{place}:\n{differences}");
        }
        assert_eq!(wanted.len(), decoded.len(), "flows of {}", case.name);
    }
    for directory in [
        events.clone(),
        events.join("inputs"),
        events.join("damaged"),
    ] {
        for entry in std::fs::read_dir(directory).expect("the events") {
            let path = entry.expect("an entry").path();
            let is_golden = path
                .extension()
                .is_some_and(|extension| extension == "golden");
            assert!(
                !is_golden || goldens.contains(&path),
                "{} is of no case",
                path.display()
            );
        }
    }
}

/// Lists the members that differ, a line each.
fn differences(wanted: &Value, found: &Value) -> String {
    let keys = |value: &Value| -> Vec<String> {
        let object = value.as_object().expect("a flow");
        object.keys().cloned().collect()
    };
    let all: BTreeSet<String> = keys(wanted).into_iter().chain(keys(found)).collect();
    let differ = all.iter().filter(|key| wanted[*key] != found[*key]);
    differ
        .map(|key| format!("{key}: wanted {}, found {}\n", wanted[key], found[key]))
        .collect()
}
