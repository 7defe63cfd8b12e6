//! Environments of a function: one that lives all day, and one that is cold when a fault begins. They take turns.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use flowlogs_tests::counters::OUTCOMES;
use serde_json::Value;

use super::faults::Moment;
use crate::hostile::MOST_MEMORY;
use crate::one_function::OneFunction;
use crate::runtime::{Failure, Outcome, counter};

/// Time that an answer may come after the end of its invocation's time, on a busy machine.
const LATE: Duration = Duration::from_secs(3);

/// Environments of one function.
pub(crate) struct Fleet {
    name: &'static str,
    variables: Vec<(&'static str, OsString)>,
    moment: Moment,
    /// Time that an invocation has.
    time: Duration,
    warm: OneFunction,
    cold: OneFunction,
    phase: usize,
    pub(crate) tally: FleetTally,
}

/// Figures of a fleet.
#[derive(Debug, Default)]
pub(crate) struct FleetTally {
    pub(crate) invocations: u64,
    pub(crate) failures: BTreeMap<String, u64>,
    environments: u64,
    /// Counters of all invocations.
    pub(crate) counters: BTreeMap<String, u64>,
    /// Most resident memory of any environment, in octets.
    peak: u64,
    /// Resident memory of the warm environment after its invocations without a fault.
    resident: Vec<u64>,
}

impl Fleet {
    /// Starts two environments; nothing where the function's binary is missing.
    pub(crate) fn start(
        name: &'static str,
        variables: Vec<(&'static str, OsString)>,
        moment: Moment,
        time: Duration,
    ) -> Option<Self> {
        let start = || OneFunction::start(name, &variables);
        let (warm, cold) = (start()?, start()?);
        Some(Self {
            name,
            variables,
            phase: moment.phase(),
            moment,
            time,
            warm,
            cold,
            tally: FleetTally::default(),
        })
    }

    /// Invokes one of the environments.
    pub(crate) fn invoke(&mut self, event: &[u8]) -> Outcome {
        if self.phase != self.moment.phase() {
            self.phase = self.moment.phase();
            let cold = OneFunction::start(self.name, &self.variables).expect("it started before");
            let retired = std::mem::replace(&mut self.cold, cold);
            self.tally.retire(self.name, &retired);
        }
        self.tally.invocations += 1;
        let is_warm = self.tally.invocations.is_multiple_of(2);
        let function = if is_warm { &self.warm } else { &self.cold };
        let begin = Instant::now();
        let answer = function.invoke(event, self.time);
        let taken = begin.elapsed();
        assert!(
            taken < self.time + LATE,
            "{}: {taken:?} under {:?}",
            self.name,
            self.moment.fault()
        );
        let answer = answer.map_err(|error| {
            let text = |key: &str| error[key].as_str().unwrap_or("?").to_owned();
            Failure {
                error_type: text("errorType"),
                message: text("errorMessage"),
            }
        });
        if let Err(failure) = &answer {
            let name = failure.error_type.clone();
            *self.tally.failures.entry(name).or_default() += 1;
        }
        if is_warm && self.moment.fault().is_none() {
            let resident = self.warm.process().memory("VmRSS");
            self.tally.resident.push(resident);
        }
        answer
    }

    /// Ends the environments.
    pub(crate) fn end(mut self) -> FleetTally {
        self.tally.retire(self.name, &self.warm);
        self.tally.retire(self.name, &self.cold);
        self.tally
    }
}

impl FleetTally {
    /// Checks everything that an environment printed, and adds its counters.
    fn retire(&mut self, name: &str, function: &OneFunction) {
        self.environments += 1;
        self.peak = self.peak.max(function.process().memory("VmHWM"));
        let (output, errors) = function.printed();
        assert!(!errors.contains("panicked"), "{name}: {errors}");
        for line in output.lines() {
            let line: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{name} printed no JSON, {error}: {line}"));
            if !line["_aws"].is_object() {
                continue;
            }
            assert_eq!(line["FunctionName"], name, "{line}");
            let sum: u64 = OUTCOMES.iter().map(|name| counter(&line, name)).sum();
            assert_eq!(
                counter(&line, "RecordsReceived"),
                sum,
                "every record ends in one counter: {line}"
            );
            for (key, value) in line.as_object().into_iter().flatten() {
                if let Some(value) = value.as_u64() {
                    *self.counters.entry(key.clone()).or_default() += value;
                }
            }
        }
    }

    /// Checks the peak of all environments; over a long day also the growth of the warm one, which comes from
    /// `lambda_runtime` (docs/reliability.md) and the caches. A short day's growth is mostly that of the first
    /// payloads, and is not checked.
    pub(crate) fn hold_memory(&self, name: &str, is_long: bool) {
        assert!(self.peak < MOST_MEMORY, "{name}: {} octets", self.peak);
        if !is_long {
            return;
        }
        let fifth = self.resident.len() / 5;
        assert!(fifth > 0, "{name}: too few invocations");
        let average = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
        let early = average(&self.resident[fifth..2 * fifth]);
        let late = average(&self.resident[4 * fifth..]);
        let allowed = early + (8 << 20) + 512 * self.invocations;
        assert!(
            late < allowed,
            "{name}: {early} octets early, {late} late, {allowed} allowed"
        );
    }

    /// Figures in one line.
    pub(crate) fn figures(&self) -> String {
        let fifth = (self.resident.len() / 5).max(1);
        let resident: Vec<_> = self
            .resident
            .chunks(fifth)
            .map(|part| part.iter().sum::<u64>() / part.len() as u64 / 1024)
            .collect();
        let counter = |name: &str| self.counters.get(name).copied().unwrap_or_default();
        let ends: Vec<_> = ["RecordsReceived"]
            .iter()
            .chain(&OUTCOMES)
            .chain(&[
                "PayloadErrors",
                "ObjectErrors",
                "WithoutInventory",
                "Reconnects",
            ])
            .filter(|name| counter(name) > 0)
            .map(|name| format!("{name} {}", counter(name)))
            .collect();
        format!(
            "{} invocations of {} environments, failed: {:?}; peak {} kB, warm, by fifths: {resident:?} kB; {}",
            self.invocations,
            self.environments,
            self.failures,
            self.peak >> 10,
            ends.join(", ")
        )
    }
}
