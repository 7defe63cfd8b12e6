//! A clock that jumps, between invocations and within.

use flowlogs_tests::tool;

use crate::collector::Collector;
use crate::payload::{event, lines};
use crate::runtime::Function;

/// Changes of the clock in the language of libfaketime: two hours and a year forward, a day back, and twenty thousand
/// seconds in each second: hours within an invocation.
const JUMPS: [&str; 5] = ["+0", "+7200", "-86400", "+40000000", "+0 x20000"];

#[test]
fn a_clock_that_jumps_between_and_within_invocations_changes_nothing() {
    let Some(library) = tool::faketime() else {
        return;
    };
    let directory = tempfile::TempDir::new().expect("a directory");
    let clock = directory.path().join("clock");
    std::fs::write(&clock, JUMPS[0]).expect("a file");
    let collector = Collector::start();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url()),
        ("INVENTORY", "off".to_owned()),
        ("AWS_ENDPOINT_URL", crate::aws::ec2_that_refuses()),
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]) else {
        return;
    };
    for (round, jump) in JUMPS.into_iter().enumerate() {
        std::fs::write(&clock, jump).expect("a file");
        let payload = event("flows", &lines(50 * round, 50));
        let invoke = || {
            let outcome = function.invoke(&payload);
            outcome.unwrap_or_else(|failure| panic!("{jump}: {failure:?}"))
        };
        assert_eq!(invoke()["FlowsExported"], 50, "{jump}");
        assert_eq!(
            invoke()["DuplicateDeliveries"],
            50,
            "{jump}: rule 1 goes by event times"
        );
    }
    assert_eq!(collector.flows(50 * JUMPS.len()).len(), 50 * JUMPS.len());
    let times = function.metrics().into_iter();
    let times: Vec<_> = times
        .filter_map(|line| line["_aws"]["Timestamp"].as_u64())
        .collect();
    let spread = times.iter().max().zip(times.iter().min());
    assert!(
        spread.is_some_and(|(last, first)| last - first > 40_000_000_000),
        "the clock did jump: {times:?}"
    );
}
