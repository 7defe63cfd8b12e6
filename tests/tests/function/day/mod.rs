//! A day in an hour: all functions at once, under scripted faults of every kind. Collectors are away, silent or slow; AWS
//! throttles, denies, is silent, answers without end, with bombs and with the part of another account; clocks jump; payloads
//! are broken, and their metadata hostile. Memory stays where it is, every record ends in one counter, and every flow is at
//! the collector when the queues are empty.
//!
//! | file | part |
//! |---|---|
//! | `faults.rs` | the script, and what is wrong at the moment |
//! | `api.rs` | EC2, STS and S3 |
//! | `receiver.rs` | the collector |
//! | `fleet.rs` | environments of a function, and what they printed |
//! | `sources.rs` | payloads and objects, and the queues in which they wait |

mod api;
mod faults;
mod fleet;
mod receiver;
mod sources;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowlogs_tests::tool;
use tempfile::TempDir;

use crate::organization::Organization;
use faults::{Fault, Moment, SCRIPT};
use fleet::{Fleet, FleetTally};
use receiver::Receiver;
use sources::{Sources, Waiting};

/// Length of the day: seconds in `scripts/test`, an hour with `FLOWLOGS_DAY_SECONDS=3600`.
fn length() -> Duration {
    let given = std::env::var("FLOWLOGS_DAY_SECONDS").ok();
    Duration::from_secs(given.map_or(25, |text| text.parse().expect("a number")))
}

/// Time that everything gets to arrive after the last fault: the pause after a failed attempt to connect is 60 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// Parts of the day that depend on its length.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// True from 600 seconds on: a fault takes a minute, and the growth of the memory is checked.
    is_long: bool,
    /// Time of a fault, and of the calm after it.
    hold: Duration,
    /// Time that an invocation has.
    invocation: Duration,
    /// Pause between two deliveries of a message.
    visibility: Duration,
    /// Pause between two payloads, and between two objects.
    pauses: [Duration; 2],
    /// Pause between two rounds of the inventory.
    round: Duration,
    /// Flows of a payload or object.
    flows: u64,
}

impl Scale {
    fn of(length: Duration) -> Self {
        let is_long = length >= Duration::from_secs(600);
        let pick =
            |long: u64, short: u64| Duration::from_millis(if is_long { long } else { short });
        Self {
            is_long,
            hold: match is_long {
                true => Duration::from_secs(60),
                false => length / (2 * u32::try_from(SCRIPT.len()).expect("few")),
            },
            invocation: pick(30_000, 6_000),
            visibility: pick(20_000, 200),
            pauses: [pick(200, 50), pick(1_000, 100)],
            round: pick(15_000, 500),
            flows: if is_long { 100 } else { 20 },
        }
    }
}

/// Line of a flow log in the default format; each number is a flow, and its number of packets.
fn flow_line(number: u64) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    let end = flowlogs_export::now() / 1_000;
    let (start, account) = (end - 60, api::ACCOUNT);
    format!(
        "2 {account} eni-11112 10.9.{high}.{low} 10.8.0.1 1024 443 6 {number} 4000 {start} {end} ACCEPT OK"
    )
}

/// Settings of a function of the day.
fn variables(
    organization: &Organization,
    collector: &str,
    others: &[(&'static str, OsString)],
) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&str, OsString)> = vec![
        ("AWS_ENDPOINT_URL", organization.endpoint.clone().into()),
        ("COLLECTOR", collector.into()),
    ];
    variables.extend(others.iter().cloned());
    variables
}

/// Works until nothing is to be done any more, and returns what still waits.
fn work(fleet: &mut Fleet, sources: &mut Sources, ended: &AtomicBool) -> Waiting {
    let mut patience = None;
    loop {
        let is_over = ended.load(Ordering::SeqCst);
        if !is_over {
            sources.produce();
        }
        let is_idle = !sources.deliver(|event| fleet.invoke(event));
        if is_over {
            let until = *patience.get_or_insert_with(|| Instant::now() + PATIENCE);
            if sources.is_delivered() || Instant::now() > until {
                return sources.waiting();
            }
        }
        if is_idle {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Runs rounds of the inventory; the last ones, after the faults, have to succeed.
fn rounds(fleet: &mut Fleet, scale: Scale, ended: &AtomicBool) {
    let event = br#"{"source": "aws.events"}"#;
    let mut next = Instant::now();
    while !ended.load(Ordering::SeqCst) {
        if Instant::now() < next {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        next = Instant::now() + scale.round;
        // A failure is counted by the fleet.
        let _ = fleet.invoke(event);
    }
    for _ in 0..2 {
        fleet.invoke(event).expect("nothing is wrong any more");
    }
}

/// Clock of a function that `libfaketime` moves.
struct MovedClock {
    library: PathBuf,
    directory: TempDir,
}

impl MovedClock {
    /// `None` where the library is missing.
    fn new() -> Option<Self> {
        let this = Self {
            library: tool::faketime()?,
            directory: TempDir::new().expect("a directory"),
        };
        this.set("+0");
        Some(this)
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }

    /// Moves the clock by so many seconds.
    fn set(&self, seconds: &str) {
        std::fs::write(self.file(), seconds).expect("a file");
    }

    fn variables(&self) -> [(&'static str, OsString); 4] {
        [
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

/// Plays the faults of the script in turn, with a pause behind each, until the end or until a thread has ended early.
fn play(
    clock: &MovedClock,
    moment: &Moment,
    hold: Duration,
    end: Instant,
    is_broken: impl Fn() -> bool,
) {
    let mut script = SCRIPT.iter().cycle().take_while(|_| Instant::now() < end);
    while let Some(fault) = script.next().filter(|_| !is_broken()) {
        clock.set(match fault {
            Fault::ClockForward => "+7200",
            Fault::ClockBack => "-86400",
            _ => "+0",
        });
        moment.set(Some(*fault));
        std::thread::sleep(hold);
        clock.set("+0");
        moment.set(None);
        std::thread::sleep(hold);
    }
}

#[test]
fn a_day_of_faults_loses_no_flow_and_no_memory() {
    let Some(clock) = MovedClock::new() else {
        return;
    };
    let (length, moment) = (length(), Moment::default());
    let scale = Scale::of(length);
    let organization = api::start(moment.clone());
    let receiver = Receiver::start(moment.clone());
    let fleet = |name, others: &[(&'static str, OsString)]| {
        let variables = variables(&organization, &receiver.url(), others);
        Fleet::start(name, variables, moment.clone(), scale.invocation)
    };
    let stored = [("INVENTORY", OsString::from("s3://inventory/of/us"))];
    let rounds_of: Vec<_> = organization
        .variables()
        .into_iter()
        .map(|(name, value)| (name, OsString::from(value)))
        .collect();
    let (Some(mut cloudwatch), Some(mut s3), Some(mut inventory)) = (
        fleet("flowlogs-cloudwatch", &clock.variables()),
        fleet("flowlogs-s3", &stored),
        fleet("flowlogs-inventory", &rounds_of),
    ) else {
        return;
    };
    let mut payloads = Sources::payloads(scale);
    let mut objects = Sources::objects(scale);
    let ended = AtomicBool::new(false);
    let waiting = std::thread::scope(|scope| {
        let threads = [
            scope.spawn(|| work(&mut cloudwatch, &mut payloads, &ended)),
            scope.spawn(|| work(&mut s3, &mut objects, &ended)),
        ];
        let rounds = scope.spawn(|| rounds(&mut inventory, scale, &ended));
        let is_broken = || rounds.is_finished() || threads.iter().any(|one| one.is_finished());
        play(
            &clock,
            &moment,
            scale.hold,
            Instant::now() + length,
            is_broken,
        );
        ended.store(true, Ordering::SeqCst);
        let waiting = threads.map(|thread| thread.join().expect("payloads or objects"));
        rounds.join().expect("rounds");
        waiting
    });
    let tallies = [cloudwatch, s3, inventory].map(Fleet::end);
    conclude(
        &tallies,
        &waiting,
        [&payloads, &objects],
        receiver,
        (&moment, scale),
    );
}

/// Prints the figures of the day and holds what must be true of them.
fn conclude(
    tallies: &[FleetTally; 3],
    waiting: &[Waiting; 2],
    sources: [&Sources; 2],
    receiver: Receiver,
    (moment, scale): (&Moment, Scale),
) {
    let names = ["flowlogs-cloudwatch", "flowlogs-s3", "flowlogs-inventory"];
    for (name, tally) in names.iter().zip(tallies) {
        eprintln!("{name}: {}", tally.figures());
    }
    let received = receiver.end();
    let produced = sources.map(Sources::flows);
    let copies: u64 = received.values().map(|count| u64::from(*count)).sum();
    eprintln!(
        "flows of payloads and objects {:?}, at the collector {}, copies {copies}; in queues at the end {:?}; faults {:?}",
        produced.clone().map(|flows| flows.count()),
        received.len(),
        waiting,
        moment.effects()
    );
    for flows in produced {
        let missing: Vec<_> = flows
            .filter(|number| !received.contains_key(number))
            .take(10)
            .collect();
        assert!(missing.is_empty(), "flows at nobody: {missing:?}");
    }
    for (waiting, sources) in waiting.iter().zip(sources) {
        assert_eq!(waiting.good, 0, "nothing good waits any more");
        assert_eq!(waiting.damaged, sources.damaged(), "what nobody can decode");
    }
    for (name, tally) in names.iter().zip(tallies) {
        tally.hold_memory(name, scale.is_long);
    }
    let effects = moment.effects();
    for fault in SCRIPT {
        let is_of_clock = matches!(fault, Fault::ClockForward | Fault::ClockBack);
        assert!(
            is_of_clock || effects.contains_key(&fault),
            "{fault:?} had no effect"
        );
    }
    let failures = |tally: &FleetTally, name: &str| tally.failures.get(name).copied();
    assert!(failures(&tallies[0], "CollectorUnreachable").is_some());
}
