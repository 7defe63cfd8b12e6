//! A collector whose name leads to another address while an environment is warm. The resolver is the system's own;
//! `nss_wrapper` gives it a hosts file, and libfaketime the five minutes until the name is asked for again.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use flowlogs_tests::tool;

use crate::collector::Collector;
use crate::payload::{event, lines};
use crate::runtime::Function;

/// Flows of an invocation.
const FLOWS: usize = 20;

/// Writes a file whose time is later than that of the one before by whole seconds, at which nss_wrapper looks.
fn write_hosts(path: &Path, address: &str, seconds: u64) {
    std::fs::write(path, format!("{address} collector.example\n")).expect("a file");
    let file = File::options().write(true).open(path).expect("a file");
    let time = SystemTime::now() - Duration::from_secs(3_600 - seconds);
    file.set_modified(time).expect("a file");
}

#[test]
fn a_warm_environment_follows_the_name_of_its_collector() {
    let (Some(wrapper), Some(faketime)) = (tool::nss_wrapper(), tool::faketime()) else {
        return;
    };
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let (hosts, clock) = (path("hosts"), path("clock"));
    std::fs::write(&clock, "+0").expect("a file");
    write_hosts(&hosts, "127.0.0.1", 0);
    let first = Collector::start();
    let second =
        Collector::start_again(SocketAddr::new([127, 0, 0, 2].into(), first.address.port()));
    let url = format!("tcp://collector.example:{}", first.address.port());
    let preload = format!("{}:{}", wrapper.display(), faketime.display());
    let Some(function) = Function::start(&[
        ("COLLECTOR", url),
        ("INVENTORY", "off".to_owned()),
        ("LD_PRELOAD", preload),
        ("NSS_WRAPPER_HOSTS", hosts.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        // The monotonic clock moves as well: by it, a name is due to be resolved again.
        ("FAKETIME_NO_CACHE", "1".to_owned()),
    ]) else {
        return;
    };
    let send = |round: usize| {
        let payload = event("flows", &lines(FLOWS * round, FLOWS));
        let outcome = function.invoke(&payload);
        outcome.unwrap_or_else(|failure| panic!("{failure:?}"));
    };
    let received = || [&first, &second].map(flows);
    send(0);
    write_hosts(&hosts, "127.0.0.2", 10);
    send(1);
    assert_eq!(first.flows(2 * FLOWS).len(), 2 * FLOWS);
    assert_eq!(received(), [2 * FLOWS, 0], "not asked for yet");
    std::fs::write(&clock, "+301").expect("a file");
    send(2);
    assert_eq!(second.flows(FLOWS).len(), FLOWS);
    assert_eq!(received(), [2 * FLOWS, FLOWS], "the old one still listens");
}

/// Number of flows at a collector.
fn flows(collector: &Collector) -> usize {
    let records = collector.records();
    let flows = records.iter().filter(|record| !record.is_options);
    flows.count()
}
