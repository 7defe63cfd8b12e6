//! goflow2 with its default of two decoding threads: every session is a new socket, whose templates goflow2 has to have
//! decoded before the data behind them.

use flowlogs_tests::cases;
use flowlogs_tests::collectors::goflow2::{self, Goflow2};
use flowlogs_tests::replay::replay;

use crate::expected::Expected;

/// Sessions of each kind.
const SESSIONS: usize = 50;

#[test]
fn goflow2_shows_every_flow_of_fifty_sessions_of_all_cases() {
    let Some(collector) = Goflow2::start() else {
        return;
    };
    let every = Expected::of_all_cases();
    for session in 1..=SESSIONS {
        super::send(&[&collector.url()]);
        let flows = session * every.flows().len();
        assert_eq!(collector.wait_for(flows), flows, "after session {session}");
    }
    assert_whole(collector, &every.repeated(SESSIONS));
}

#[test]
fn goflow2_shows_every_flow_of_fifty_sessions_with_a_case_each() {
    let Some(collector) = Goflow2::start() else {
        return;
    };
    let (mut every, mut flows) = (Vec::new(), 0);
    for case in cases::with_flows().into_iter().cycle().take(SESSIONS) {
        let run = replay(&["--to", &collector.url()], &[case.path]);
        assert_eq!(run.status, Some(0), "{}: {}", case.name, run.errors);
        flows += run.flows().len();
        assert_eq!(collector.wait_for(flows), flows, "{}", case.name);
        every.extend(run.flows());
    }
    assert_whole(collector, &Expected::of_flows("one case a session", every));
}

fn assert_whole(collector: Goflow2, expected: &Expected) {
    let decoded = collector.stop();
    assert_eq!(decoded.warnings, Vec::<String>::new());
    assert_eq!(decoded.without_rate, 0, "flows without a sampling rate");
    expected.assert_shown(decoded.flows, goflow2::as_shown);
}
