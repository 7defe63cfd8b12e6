//! Script of the day: what is wrong at the moment, for everybody who plays a part.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Fault of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The collector is away: its port is closed, and it ends its connections.
    CollectorAway,
    /// The collector takes connections and reads nothing.
    CollectorSilent,
    /// The collector reads a few octets at a time, with pauses.
    CollectorSlow,
    /// AWS throttles.
    AwsThrottled,
    /// AWS denies.
    AwsDenied,
    /// The answers of AWS have no end.
    AwsEndless,
    /// The objects of the inventory inflate to a gigabyte.
    AwsBomb,
    /// A part of the inventory is of another account.
    AwsWrongPart,
    /// AWS takes questions and does not answer.
    AwsSilent,
    /// The clock of a function goes two hours forward.
    ClockForward,
    /// The clock of a function goes back by a day.
    ClockBack,
}

/// The faults in their order.
pub(crate) const SCRIPT: [Fault; 11] = [
    Fault::CollectorAway,
    Fault::AwsThrottled,
    Fault::CollectorSilent,
    Fault::AwsDenied,
    Fault::ClockForward,
    Fault::CollectorSlow,
    Fault::AwsEndless,
    Fault::AwsBomb,
    Fault::ClockBack,
    Fault::AwsWrongPart,
    Fault::AwsSilent,
];

/// The moment, shared by all parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moment(Arc<Mutex<MomentState>>);

#[derive(Debug, Default)]
struct MomentState {
    fault: Option<Fault>,
    /// Number of faults so far.
    phase: usize,
    /// Number of times that a part behaved by a fault.
    effects: BTreeMap<Fault, u64>,
}

impl Moment {
    fn state(&self) -> MutexGuard<'_, MomentState> {
        self.0.lock().expect("no panic while locked")
    }

    /// Begins a fault, or ends the last one.
    pub(crate) fn set(&self, fault: Option<Fault>) {
        let mut state = self.state();
        state.phase += usize::from(fault.is_some());
        state.fault = fault;
    }

    /// Current fault.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.state().fault
    }

    /// Number of faults so far.
    pub(crate) fn phase(&self) -> usize {
        self.state().phase
    }

    /// Notes that a part behaved by a fault.
    pub(crate) fn effect(&self, fault: Fault) {
        *self.state().effects.entry(fault).or_default() += 1;
    }

    /// Number of times that a part behaved by each fault.
    pub(crate) fn effects(&self) -> BTreeMap<Fault, u64> {
        self.state().effects.clone()
    }
}
