//! An hour without collector, by the rules of Lambda, SQS and CloudWatch: three tries of an asynchronous event, redelivery
//! from the queues every 20 minutes, and the alarms of the templates. No function calls SQS meanwhile.
//!
//! `scripts/test` divides every time by 300. With `FLOWLOGS_OUTAGE=hour` (`scripts/measure-reliability outage`) the times
//! are AWS's own: a run takes an hour and a half.
//!
//! `run.rs` has the state that the threads of a run share, with the time; `deliver.rs` has the threads that play AWS.

mod deliver;
mod run;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flowlogs_testing::object_server::ObjectServer;
use flowlogs_tests::tool;
use serde_json::{Value, json};

use crate::aws::ec2_that_records;
use crate::collector::Collector;
use crate::decode::Record;
use crate::delivery::DEFAULT;
use crate::queue::numbers;
use crate::runtime::Function;
use crate::series::{alarms, lock};

use deliver::{LINES, OF_OBJECTS, PAUSES, deliver_objects, poll, subscribe, watch};
use run::{EndOfRun, Environment, OUTAGE, Plan, Run, Station, VISIBILITY};

/// Seconds of traffic before the outage.
const LEAD: f64 = 60.0;

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
    let collector = Collector::start_again(address);
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
    let collector = Collector::start_again(address(4739));
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
    assert_alarms_came_and_went(&alarms);
}

/// Holds that an outage raises two alarms of either template, each once, and that both tell `OK` again.
fn assert_alarms_came_and_went(alarms: &Value) {
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
    let (up, away) = (Collector::start(), Collector::start_again(address(4740)));
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
