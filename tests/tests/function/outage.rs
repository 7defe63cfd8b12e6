//! An hour without collector, by the rules of Lambda, SQS and CloudWatch: three tries of an asynchronous event, redelivery
//! from the queues every 20 minutes, and the alarms of the templates. No function calls SQS meanwhile.
//!
//! `scripts/test` divides every time by 300. With `FLOWLOGS_OUTAGE=hour` (`scripts/measure-reliability outage`) the times
//! are AWS's own: a run takes an hour and a half.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use flowlogs_testing::object_server::ObjectServer;
use flowlogs_tests::tool;
use serde_json::{Value, json};

use crate::aws::ec2_that_records;
use crate::collector::Collector;
use crate::decode::Record;
use crate::delivery::DEFAULT;
use crate::objects::gzip;
use crate::payload::{event_at, lines_until};
use crate::queue::numbers;
use crate::runtime::{Function, Outcome};
use crate::series::{Metrics, alarms};
use crate::sqs::{Queue, invocation_record};

/// Seconds of traffic before the outage.
const LEAD: f64 = 60.0;
const OUTAGE: f64 = 3_600.0;
/// Pauses of Lambda before the second and the third try of an asynchronous event.
const PAUSES: [f64; 2] = [60.0, 120.0];
/// Visibility timeout of both queues.
const VISIBILITY: f64 = 1_200.0;
/// Lines of a payload or object.
const LINES: usize = 10;
/// Number of the first line of the first object.
const OF_OBJECTS: usize = 1_000_000;

/// Size of a run.
struct Plan {
    /// Seconds of AWS in each second of the test.
    speed: f64,
    /// Payloads and objects of the hour without collector.
    payloads: u32,
    objects: u32,
    /// Invocations at once that take messages from a queue.
    pollers: usize,
}

impl Plan {
    fn of_environment() -> Self {
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
    fn replaces_environments(&self) -> bool {
        self.speed > 1.0
    }
}

/// State that the threads of a run share.
struct Run {
    plan: Plan,
    begin: Instant,
    /// Begin in milliseconds since 1970.
    started_at: u64,
    /// Held by each invocation, so that the collector goes away between invocations.
    gate: RwLock<()>,
    collector_is_back: AtomicBool,
    is_over: AtomicBool,
}

impl Run {
    fn new(plan: Plan) -> Self {
        Self {
            plan,
            begin: Instant::now(),
            started_at: milliseconds(),
            gate: RwLock::default(),
            collector_is_back: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// Seconds of AWS since the begin.
    fn now(&self) -> f64 {
        self.begin.elapsed().as_secs_f64() * self.plan.speed
    }

    /// Second of a time in milliseconds since 1970.
    fn second(&self, time: u64) -> f64 {
        let since = Duration::from_millis(time.saturating_sub(self.started_at));
        since.as_secs_f64() * self.plan.speed
    }

    fn sleep_until(&self, moment: f64) {
        let left = (moment - self.now()) / self.plan.speed;
        std::thread::sleep(Duration::from_secs_f64(left.max(0.0)));
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// Ends a run when it is dropped, also by a panic.
struct EndOfRun<'a>(&'a Run);

impl Drop for EndOfRun<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

/// Milliseconds since 1970.
fn milliseconds() -> u64 {
    let since = UNIX_EPOCH.elapsed().expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500,000,000")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while locked")
}

/// An execution environment of a function, and the one that takes its place.
struct Environment {
    function: Function,
    spare: Option<Function>,
}

impl Environment {
    fn start(plan: &Plan, start: impl Fn() -> Option<Function>) -> Option<Self> {
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

    fn invoke(&mut self, run: &Run, metrics: &Metrics, event: &[u8]) -> Outcome {
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

/// An asynchronous event on its way through the tries of Lambda.
struct Attempt {
    due: f64,
    arrived: f64,
    failures: usize,
    event: Vec<u8>,
}

/// Delivers payloads as CloudWatch Logs and Lambda do, until the run is over and every event has ended. Returns the
/// number of payloads.
fn subscribe(
    run: &Run,
    metrics: &Metrics,
    mut environment: Environment,
    queue: &Mutex<Queue>,
) -> usize {
    let interval = OUTAGE / f64::from(run.plan.payloads);
    let (mut payloads, mut attempts) = (0, Vec::<Attempt>::new());
    loop {
        let arrival = interval * f64::from(u32::try_from(payloads).expect("few"));
        let retry = attempts.iter().map(|attempt| attempt.due);
        let retry = retry.fold(f64::INFINITY, f64::min);
        if run.is_over() && attempts.is_empty() {
            break;
        }
        if arrival <= retry && !run.is_over() {
            run.sleep_until(arrival);
            let now = milliseconds();
            let lines = lines_until(payloads * LINES, LINES, now / 1_000);
            payloads += 1;
            attempts.push(Attempt {
                due: arrival,
                arrived: arrival,
                failures: 0,
                event: event_at(now, "flows", &lines),
            });
            continue;
        }
        run.sleep_until(retry);
        let next = attempts.iter().position(|attempt| attempt.due <= retry);
        let mut attempt = attempts.swap_remove(next.expect("the earliest"));
        let second = run.now();
        metrics.add(
            "AsyncEventAge",
            second,
            (second - attempt.arrived) * 1_000.0,
        );
        let Err(failure) = environment.invoke(run, metrics, &attempt.event) else {
            continue;
        };
        match PAUSES.get(attempt.failures) {
            Some(pause) => {
                attempt.failures += 1;
                attempt.due = run.now() + pause;
                attempts.push(attempt);
            }
            None => lock(queue).put(invocation_record(&attempt.event, &failure), Duration::ZERO),
        }
    }
    metrics.add_lines(&environment.function.metrics(), |time| run.second(time));
    payloads
}

/// Hands visible messages of a queue to the function, as an event source does, until the run is over.
fn poll(run: &Run, metrics: &Metrics, mut environment: Environment, queue: &Mutex<Queue>) {
    while !run.is_over() {
        let batch = lock(queue).receive();
        let Some(batch) = batch else {
            run.sleep_until(run.now() + 5.0);
            continue;
        };
        let event = batch.event.to_string();
        let outcome = environment.invoke(run, metrics, event.as_bytes());
        lock(queue).settle(&batch, &outcome);
    }
    metrics.add_lines(&environment.function.metrics(), |time| run.second(time));
}

/// Puts objects into the bucket and notices into the queue, as AWS does. Returns the number of objects.
fn deliver_objects(run: &Run, server: &ObjectServer, queue: &Mutex<Queue>) -> usize {
    let interval = OUTAGE / f64::from(run.plan.objects);
    let mut objects = 0;
    loop {
        run.sleep_until(interval * f64::from(u32::try_from(objects).expect("few")));
        if run.is_over() {
            return objects;
        }
        let now = milliseconds() / 1_000;
        let lines = lines_until(OF_OBJECTS + objects * LINES, LINES, now).join("\n");
        let key = format!(
            "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/29/123456789012_vpcflowlogs_eu-central-1_fl-0123456789abcdef0_20261129T0900Z_{objects:08x}.log.gz"
        );
        server.put(&format!("bucket/{key}"), &gzip(lines.as_bytes()));
        let notice = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventName": "ObjectCreated:Put", "eventTime": "2026-11-29T09:00:00.000Z",
            "s3": {"bucket": {"name": "bucket"}, "object": {"key": key, "size": 300, "eTag": format!("{objects:032x}")}},
        }]});
        lock(queue).put(notice.to_string(), Duration::ZERO);
        objects += 1;
    }
}

/// Samples age of the oldest message and number of messages each minute.
fn watch(run: &Run, metrics: &Metrics, queue: &Mutex<Queue>) {
    let mut minute = 0.0;
    while !run.is_over() {
        run.sleep_until(60.0 * minute);
        let queue = lock(queue);
        let age = queue.age_of_oldest().unwrap_or_default().as_secs_f64();
        metrics.add("ApproximateAgeOfOldestMessage", run.now(), age);
        let waiting = u32::try_from(queue.messages().len()).expect("few");
        metrics.add("Waiting", run.now(), f64::from(waiting));
        minute += 1.0;
    }
}

/// One function with its queue.
struct Station {
    metrics: Metrics,
    queue: Mutex<Queue>,
}

impl Station {
    fn new(name: &'static str, plan: &Plan) -> Self {
        let visibility = Duration::from_secs_f64(VISIBILITY / plan.speed);
        Self {
            metrics: Metrics::default(),
            queue: Mutex::new(Queue::new(name, visibility, plan.speed)),
        }
    }
}

/// Takes the collector away, brings the collector back, and ends the run when no message waits any more. Returns the
/// records of before the outage, the returned collector, and the seconds from the return to the last delivery of a message
/// that had failed before.
fn conduct(
    run: &Run,
    collector: Collector,
    stations: &[&Station],
) -> (Vec<Record>, Collector, f64) {
    let _end = EndOfRun(run);
    let address = collector.address;
    run.sleep_until(LEAD);
    let records = {
        let _nobody_sends = run.gate.write().expect("no panic while locked");
        std::thread::sleep(Duration::from_millis(100));
        collector.stop()
    };
    run.sleep_until(LEAD + OUTAGE);
    let collector = Collector::again(address);
    run.collector_is_back.store(true, Ordering::SeqCst);
    let back = run.now();
    // Up to this time the last try of an asynchronous event may fail, because the pause of a circuit breaker goes on.
    run.sleep_until(back + 2.0 * PAUSES.iter().sum::<f64>());
    while !stations
        .iter()
        .all(|station| lock(&station.queue).messages().is_empty())
    {
        assert!(run.now() < back + 4.0 * VISIBILITY, "messages still wait");
        run.sleep_until(run.now() + 1.0);
    }
    let last = stations
        .iter()
        .filter_map(|station| lock(&station.queue).last_retry());
    let last = last.map(|last| (last - run.begin).as_secs_f64() * run.plan.speed);
    (records, collector, last.fold(0.0, f64::max) - back)
}

/// A loopback address of this process alone, whose port no other program is given meanwhile.
fn address(port: u16) -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, high % 200 + 20, low, 1], port))
}

/// Starts the function behind CloudWatch Logs, with this server in the place of every service of AWS.
fn cloudwatch(collectors: &str, endpoint: &str) -> Option<Function> {
    Function::start(&[
        ("COLLECTOR", collectors),
        ("INVENTORY", "off"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("LOG_FORMAT", DEFAULT),
    ])
}

fn flows(mut records: Vec<Record>) -> Vec<Record> {
    records.retain(|record| !record.is_options);
    records
}

/// Fewest and most copies of a number of the range among `numbers`.
fn copies(numbers: &[usize], from: usize, count: usize) -> (usize, usize) {
    let mut copies = vec![0; count];
    for number in numbers {
        if let Some(copies) = number
            .checked_sub(from)
            .and_then(|index| copies.get_mut(index))
        {
            *copies += 1;
        }
    }
    let fewest = copies.iter().min().copied().unwrap_or_default();
    (fewest, copies.into_iter().max().unwrap_or_default())
}

/// Outcome of a run.
struct Course {
    payloads: usize,
    objects: usize,
    /// Numbers of the flows at the collector that was away.
    numbers: Vec<usize>,
    /// Seconds from the return of the collector to the last delivery of a message that had failed before.
    last: f64,
}

/// Lets an hour pass: payloads for the station `logs`, whose last environment is subscribed, and objects for `bucket`.
fn pass(
    run: &Run,
    collector: Collector,
    (logs, mut environments): (&Station, Vec<Environment>),
    bucket: Option<(&Station, Vec<Environment>, &ObjectServer)>,
) -> Course {
    let subscribed = environments.pop().expect("an environment");
    let mut stations = vec![logs];
    std::thread::scope(|scope| {
        let payloads = scope.spawn(|| subscribe(run, &logs.metrics, subscribed, &logs.queue));
        let mut pollers: Vec<_> = environments.into_iter().map(|one| (logs, one)).collect();
        let objects = bucket.map(|(bucket, environments, server)| {
            stations.push(bucket);
            pollers.extend(environments.into_iter().map(|one| (bucket, one)));
            scope.spawn(move || deliver_objects(run, server, &bucket.queue))
        });
        for (station, environment) in pollers {
            scope.spawn(move || poll(run, &station.metrics, environment, &station.queue));
        }
        for station in stations.clone() {
            scope.spawn(move || watch(run, &station.metrics, &station.queue));
        }
        let (mut records, collector, last) = conduct(run, collector, &stations);
        let payloads = payloads.join().expect("payloads");
        let objects = objects.map_or(0, |objects| objects.join().expect("objects"));
        records.extend(collector.stop());
        Course {
            payloads,
            objects,
            numbers: numbers(&flows(records)),
            last,
        }
    })
}

fn report(name: &str, station: &Station, payloads: usize) {
    let metrics = &station.metrics;
    eprintln!(
        "{name}: {payloads} in all, {} invocations, {} failed, {} waited at most, {} s the oldest",
        metrics.sum("Invocations"),
        metrics.sum("Errors"),
        metrics.most("Waiting"),
        metrics.most("OldestUndeliveredSeconds"),
    );
}

/// Environments: one for each poller, and `more`; fewer where a tool is missing.
fn environments(
    plan: &Plan,
    more: usize,
    start: impl Fn() -> Option<Function>,
) -> Vec<Environment> {
    let numbers = 0..plan.pollers + more;
    numbers
        .map_while(|_| Environment::start(plan, &start))
        .collect()
}

#[test]
fn an_hour_without_collector_heals_itself_and_its_alarms_come_and_go() {
    let plan = Plan::of_environment();
    let collector = Collector::again(address(4739));
    let (url, server) = (collector.url(), ObjectServer::start());
    let (endpoint, asked) = ec2_that_records();
    let s3 = || {
        Function::start_s3(&[
            ("COLLECTOR", url.as_str()),
            ("INVENTORY", "off"),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ENDPOINT_URL_S3", &server.endpoint),
        ])
    };
    let for_logs = environments(&plan, 1, || cloudwatch(&url, &endpoint));
    let for_bucket = environments(&plan, 0, s3);
    if tool::find("moto_server").is_none() || for_logs.is_empty() {
        return;
    }
    let logs = Station::new("failures", &plan);
    let bucket = Station::new("notices", &plan);
    let with_bucket = Some((&bucket, for_bucket, &server));
    let course = pass(&Run::new(plan), collector, (&logs, for_logs), with_bucket);
    let of_payloads = copies(&course.numbers, 0, course.payloads * LINES);
    let of_objects = copies(&course.numbers, OF_OBJECTS, course.objects * LINES);
    report("payloads", &logs, course.payloads);
    report("objects", &bucket, course.objects);
    eprintln!(
        "copies of a flow: {of_payloads:?} and {of_objects:?}; last delivery {:.0} s after the return",
        course.last
    );
    let alarms = alarms(
        &[
            ("template.yaml", &logs.metrics),
            ("template-s3.yaml", &bucket.metrics),
        ],
        LEAD / 60.0,
    );
    eprintln!("alarms: {alarms:#}");
    assert_eq!((of_payloads.0, of_objects.0), (1, 1), "every flow is there");
    let asked = lock(&asked).clone();
    assert_eq!(asked, BTreeSet::new(), "no call of SQS");
    assert_eq!(server.services(), BTreeSet::from(["s3".to_owned()]));
    for template in ["template.yaml", "template-s3.yaml"] {
        let raised = &alarms[template];
        let raised: Vec<_> = raised.as_object().expect("alarms").iter().collect();
        let states = |changes: &Value| (changes[0][1].clone(), changes[1][1].clone());
        let raised: Vec<_> = raised
            .iter()
            .map(|(name, changes)| {
                (
                    name.as_str(),
                    states(changes),
                    changes.as_array().map(Vec::len),
                )
            })
            .collect();
        let come_and_gone = |name| (name, (json!("ALARM"), json!("OK")), Some(2));
        let expected = ["SendErrorsAlarm", "UndeliveredAlarm"].map(come_and_gone);
        assert_eq!(raised, expected, "{template}");
    }
}

#[test]
fn of_two_collectors_the_one_that_is_up_gets_a_flow_at_most_three_times_in_an_hour() {
    let plan = Plan::of_environment();
    let (up, away) = (Collector::start(), Collector::again(address(4740)));
    let urls = format!("{},{}", up.url(), away.url());
    let (endpoint, _) = ec2_that_records();
    let environments = environments(&plan, 1, || cloudwatch(&urls, &endpoint));
    if environments.is_empty() {
        return;
    }
    let station = Station::new("failures", &plan);
    let course = pass(&Run::new(plan), away, (&station, environments), None);
    let of_away = copies(&course.numbers, 0, course.payloads * LINES);
    let of_up = copies(&numbers(&flows(up.stop())), 0, course.payloads * LINES);
    report("two collectors", &station, course.payloads);
    eprintln!(
        "copies at the collector that was up: {of_up:?}, away: {of_away:?}; last delivery {:.0} s after the return",
        course.last
    );
    assert!(of_away.0 >= 1, "every flow is there: {of_away:?}");
    assert!(of_up.0 >= 1 && of_up.1 <= 3, "{of_up:?}");
}
