//! Nothing is lost silently: collectors that die, reset, stall and come back.

use std::collections::BTreeSet;

use crate::collector::{Collector, Conduct};
use crate::decode::Record;
use crate::payload::{event, lines};
use crate::queue;
use crate::runtime::{Failure, Function, free_tcp_port};

/// Some 900 kB of IPFIX: more than sockets buffer.
const MANY: usize = 20_000;

fn function(collector: &str) -> Option<Function> {
    Function::start(&[
        ("COLLECTOR", collector),
        ("INVENTORY", "off"),
        ("LOG_FORMAT", DEFAULT),
    ])
}

/// AWS's default format, as a setting.
pub(crate) const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
    ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// Numbers of the lines of these flows, each once.
fn numbers(flows: &[Record]) -> BTreeSet<usize> {
    queue::numbers(flows).into_iter().collect()
}

fn assert_unreachable(failure: &Failure, collector: &str) {
    assert_eq!(
        failure.error_type, "CollectorUnreachable",
        "{}",
        failure.message
    );
    assert!(
        failure.message.starts_with(collector),
        "{}",
        failure.message
    );
}

#[test]
fn a_collector_that_dies_in_the_middle_fails_the_invocation_and_the_retry_delivers_everything() {
    let collector = Collector::scripted(&[Conduct::DieAfter(300_000)]);
    let (url, address) = (collector.url(), collector.address);
    let Some(function) = function(&url) else {
        return;
    };
    let payload = event("flows", &lines(0, MANY));
    assert_unreachable(&function.invoke(&payload).expect_err("it died"), &url);
    let metrics = function.last_metrics();
    assert!(metrics["SendErrors"].as_u64() >= Some(1), "{metrics}");
    collector.stop();
    assert_unreachable(
        &function.invoke(&payload).expect_err("it is still gone"),
        &url,
    );

    let refused = function
        .invoke(&payload)
        .expect_err("not tried again so soon");
    assert!(
        refused.message.contains("not tried again"),
        "{}",
        refused.message
    );

    let collector = Collector::start_again(address);
    let Some(function) = self::function(&url) else {
        return;
    };
    let summary = function.invoke(&payload).expect("it is back");
    assert_eq!(summary["FlowsExported"], MANY, "{summary}");
    assert_eq!(
        summary["DuplicateDeliveries"], 0,
        "what failed does not count as delivered: {summary}"
    );
    assert_eq!(numbers(&collector.flows(MANY)), (0..MANY).collect());

    let summary = function
        .invoke(&payload)
        .expect("a delivery that is repeated");
    assert_eq!(summary["DuplicateDeliveries"], MANY, "{summary}");
}

#[test]
fn a_collector_that_resets_in_the_middle_gets_everything_again_on_one_new_connection() {
    let collector = Collector::scripted(&[Conduct::ResetAfter(200_000)]);
    let Some(function) = function(&collector.url()) else {
        return;
    };
    let summary = function
        .invoke(&event("flows", &lines(0, MANY)))
        .expect("one reconnect");
    assert_eq!(
        (
            &summary["FlowsExported"],
            &summary["SendErrors"],
            &summary["Reconnects"]
        ),
        (&MANY.into(), &0.into(), &1.into()),
        "{summary}"
    );
    collector.flows(MANY);
    let connections = collector.connections();
    let [_, second] = connections.as_slice() else {
        panic!("{} connections", connections.len())
    };
    let second: Vec<Record> = second
        .iter()
        .filter(|record| !record.is_options)
        .cloned()
        .collect();
    assert_eq!(numbers(&second), (0..MANY).collect());
}

#[test]
fn a_collector_that_resets_twice_fails_the_invocation() {
    let collector =
        Collector::scripted(&[Conduct::ResetAfter(200_000), Conduct::ResetAfter(200_000)]);
    let Some(function) = function(&collector.url()) else {
        return;
    };
    let payload = event("flows", &lines(0, MANY));
    assert_unreachable(
        &function.invoke(&payload).expect_err("a second reset"),
        &collector.url(),
    );
    assert_eq!(function.last_metrics()["SendErrors"], 2);
    function.invoke(&payload).expect("the retry");
    let connections = collector.connections();
    assert_eq!(connections.len(), 3);
    collector.flows(MANY);
}

#[test]
fn a_collector_that_is_restarted_between_invocations_is_found_again_and_gets_its_templates() {
    let collector = Collector::start();
    let (url, address) = (collector.url(), collector.address);
    let Some(function) = function(&url) else {
        return;
    };
    function
        .invoke(&event("flows", &lines(0, 10)))
        .expect("success");
    function
        .invoke(&event("flows", &lines(10, 10)))
        .expect("success");
    assert_eq!(numbers(&collector.flows(20)), (0..20).collect());
    assert_eq!(collector.connections().len(), 1, "a connection is kept");
    collector.stop();
    let collector = Collector::start_again(address);
    let summary = function
        .invoke(&event("flows", &lines(20, 10)))
        .expect("it is probed before it is used");
    assert_eq!(summary["SendErrors"], 0, "{summary}");
    assert_eq!(
        numbers(&collector.flows(10)),
        (20..30).collect(),
        "decoded, so templates came"
    );
}

#[test]
fn a_collector_that_stops_reading_fails_the_invocation_in_bounded_time() {
    let collector = Collector::scripted(&[Conduct::Stall, Conduct::Stall]);
    let Some(function) = function(&collector.url()) else {
        return;
    };
    let payload = event("flows", &lines(0, 4 * MANY));
    assert_unreachable(
        &function.invoke(&payload).expect_err("it does not read"),
        &collector.url(),
    );
    let summary = function.invoke(&payload).expect("it reads again");
    assert_eq!(summary["FlowsExported"], 4 * MANY, "{summary}");
    assert_eq!(numbers(&collector.flows(4 * MANY)), (0..4 * MANY).collect());
}

#[test]
fn one_collector_of_two_that_is_gone_does_not_keep_the_other_from_its_flows() {
    let collector = Collector::start();
    let gone = format!("tcp://127.0.0.1:{}", free_tcp_port());
    let Some(function) = function(&format!("{gone},{}", collector.url())) else {
        return;
    };
    assert_unreachable(
        &function
            .invoke(&event("flows", &lines(0, 10)))
            .expect_err("one is gone"),
        &gone,
    );
    assert_eq!(numbers(&collector.flows(10)), (0..10).collect());
}

#[test]
fn datagrams_that_nobody_takes_fail_the_invocation() {
    let gone = format!(
        "udp://127.0.0.1:{}",
        flowlogs_tests::process::free_udp_port()
    );
    let Some(function) = function(&gone) else {
        return;
    };
    assert_unreachable(
        &function
            .invoke(&event("flows", &lines(0, 1_000)))
            .expect_err("a closed port"),
        &gone,
    );
    assert!(function.last_metrics()["SendErrors"].as_u64() > Some(0));
}
