//! State of a run that its threads share: size, time, environments, queues.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use flowlogs_export::now;

use crate::runtime::{Function, Outcome};
use crate::series::Metrics;
use crate::sqs::Queue;

pub(super) const OUTAGE: f64 = 3_600.0;

/// Visibility timeout of both queues.
pub(super) const VISIBILITY: f64 = 1_200.0;

/// Size of a run.
pub(super) struct Plan {
    /// Seconds of AWS in each second of the test.
    pub(super) speed: f64,
    /// Payloads and objects of the hour without collector.
    pub(super) payloads: u32,
    pub(super) objects: u32,
    /// Invocations at once that take messages from a queue.
    pub(super) pollers: usize,
}

impl Plan {
    pub(super) fn of_environment() -> Self {
        match std::env::var("FLOWLOGS_OUTAGE").as_deref() {
            Ok("hour") => Self {
                speed: 1.0,
                payloads: 200,
                objects: 50,
                pollers: 2,
            },
            _ => Self {
                speed: 300.0,
                payloads: 20,
                objects: 10,
                pollers: 1,
            },
        }
    }

    /// True if Lambda replaces all environments when the collector comes back: the pause of the circuit breaker is not
    /// divided, and would last longer than the rest of a divided run.
    pub(super) fn replaces_environments(&self) -> bool {
        self.speed > 1.0
    }
}

/// State that the threads of a run share.
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) begin: Instant,
    /// Begin in milliseconds since 1970.
    pub(super) started_at: u64,
    /// Held by each invocation, so that the collector goes away between invocations.
    pub(super) gate: RwLock<()>,
    pub(super) collector_is_back: AtomicBool,
    pub(super) is_over: AtomicBool,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            begin: Instant::now(),
            started_at: now(),
            gate: RwLock::default(),
            collector_is_back: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// Seconds of AWS since the begin.
    pub(super) fn now(&self) -> f64 {
        self.begin.elapsed().as_secs_f64() * self.plan.speed
    }

    /// Second of a time in milliseconds since 1970.
    pub(super) fn second(&self, time: u64) -> f64 {
        let since = Duration::from_millis(time.saturating_sub(self.started_at));
        since.as_secs_f64() * self.plan.speed
    }

    pub(super) fn sleep_until(&self, moment: f64) {
        let left = (moment - self.now()) / self.plan.speed;
        std::thread::sleep(Duration::from_secs_f64(left.max(0.0)));
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// Ends a run when it is dropped, also by a panic.
pub(super) struct EndOfRun<'a>(pub(super) &'a Run);

impl Drop for EndOfRun<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

/// An execution environment of a function, and the one that takes its place.
pub(super) struct Environment {
    pub(super) function: Function,
    pub(super) spare: Option<Function>,
}

impl Environment {
    pub(super) fn start(plan: &Plan, start: impl Fn() -> Option<Function>) -> Option<Self> {
        let spare = if plan.replaces_environments() {
            Some(start()?)
        } else {
            None
        };
        Some(Self {
            function: start()?,
            spare,
        })
    }

    pub(super) fn invoke(&mut self, run: &Run, metrics: &Metrics, event: &[u8]) -> Outcome {
        let _passes = run.gate.read().expect("no panic while locked");
        let is_back = run.collector_is_back.load(Ordering::SeqCst);
        if let Some(spare) = self.spare.take_if(|_| is_back) {
            metrics.add_lines(&self.function.metrics(), |time| run.second(time));
            self.function = spare;
        }
        let second = run.now();
        let outcome = self.function.invoke(event);
        metrics.add("Invocations", second, 1.0);
        metrics.add("Errors", second, if outcome.is_err() { 1.0 } else { 0.0 });
        outcome
    }
}

/// One function with its queue.
pub(super) struct Station {
    pub(super) metrics: Metrics,
    pub(super) queue: Mutex<Queue>,
}

impl Station {
    pub(super) fn new(name: &'static str, plan: &Plan) -> Self {
        let visibility = Duration::from_secs_f64(VISIBILITY / plan.speed);
        Self {
            metrics: Metrics::default(),
            queue: Mutex::new(Queue::new(name, visibility, plan.speed)),
        }
    }
}
