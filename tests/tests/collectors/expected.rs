//! Expected flows of collectors, case by case.

use std::collections::HashMap;
use std::sync::LazyLock;

use flowlogs_tests::cases::{self, Case};
use flowlogs_tests::flow::{Flow, sums};
use flowlogs_tests::replay::{Run, replay};

/// Flows of each case, replayed alone once for all tests. The sums are checked here, for all collectors.
static ALL: LazyLock<Vec<(String, Vec<Flow>)>> = LazyLock::new(|| {
    let alone = |case: Case| {
        let flows = replay::<&str>(&[], std::slice::from_ref(&case.path)).flows();
        let expected = (case.number("packets"), case.number("octets"));
        assert_eq!(sums(&flows), expected, "{}: packets and octets", case.name);
        (case.name, flows)
    };
    cases::with_flows().into_iter().map(alone).collect()
});

/// Expected flows by name of the case.
pub(crate) struct Expected(Vec<(String, Vec<Flow>)>);

impl Expected {
    pub(crate) fn of_all_cases() -> Self {
        Self(ALL.clone())
    }

    /// The flows of a run.
    pub(crate) fn of_run(run: &Run) -> Self {
        Self::of_flows("this run", run.flows())
    }

    /// Flows under one name.
    pub(crate) fn of_flows(name: &str, flows: Vec<Flow>) -> Self {
        Self(vec![(name.to_owned(), flows)])
    }

    /// Repeats the flows this many times.
    pub(crate) fn repeated(&self, times: usize) -> Self {
        Self(
            std::iter::repeat_n(self.0.clone(), times)
                .flatten()
                .collect(),
        )
    }

    /// The flows of all cases.
    pub(crate) fn flows(&self) -> Vec<Flow> {
        self.0.iter().flat_map(|(_, flows)| flows.clone()).collect()
    }

    /// Adds up flows that differ in counters only, for a collector that aggregates.
    pub(crate) fn aggregated(
        mut self,
        as_shown: fn(&Flow) -> Flow,
        aggregate: fn(Vec<Flow>) -> Vec<Flow>,
    ) -> Self {
        for (_, flows) in &mut self.0 {
            *flows = aggregate(flows.iter().map(as_shown).collect());
        }
        self
    }

    /// Asserts that the collector shows each flow of each case exactly once, and no further flow; only fields that the
    /// collector can show are compared.
    pub(crate) fn assert_shown(&self, shown: Vec<Flow>, as_shown: fn(&Flow) -> Flow) {
        let mut left: HashMap<Flow, u32> = HashMap::new();
        for flow in shown {
            *left.entry(flow).or_default() += 1;
        }
        for (name, flows) in &self.0 {
            let wanted: Vec<Flow> = flows.iter().map(as_shown).collect();
            for flow in &wanted {
                match left.get_mut(flow) {
                    Some(count) if *count > 0 => *count -= 1,
                    _ => panic!("{name}: missing {flow:?}\n{}", nearest(flow, &left)),
                }
            }
        }
        left.retain(|_, count| *count > 0);
        assert!(left.is_empty(), "in no case: {left:#?}");
    }
}

/// Describes the differences to the most similar of the shown flows, for the message of a failure.
fn nearest(flow: &Flow, shown: &HashMap<Flow, u32>) -> String {
    let fields = |flow: &Flow| -> Vec<String> {
        let text = format!("{flow:?}");
        text.split(", ").map(str::to_owned).collect()
    };
    let wanted = fields(flow);
    let differences = |other: &Flow| -> Vec<String> {
        let both = wanted.iter().zip(fields(other));
        both.filter(|(wanted, found)| *wanted != found)
            .map(|(wanted, found)| format!("wanted {wanted}, shown {found}"))
            .collect()
    };
    let fewest = shown.keys().map(differences).min_by_key(Vec::len);
    fewest.unwrap_or_default().join("\n")
}
