//! Faults of networks and clocks between the real programs: a collector that vanishes without a reset, a path that drops
//! large packets, an exporter whose address changes, a clock that jumps. A run ends in bounded time, and a flow that was
//! not sent is told.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowlogs_testing::wire::{Reader, messages};
use flowlogs_tests::generated;
use flowlogs_tests::networks::{COLLECTOR, NetworkPair, Side};
use flowlogs_tests::process::{Process, settled, wait_until};
use flowlogs_tests::recorder::{TcpRecorder, UdpRecorder};
use flowlogs_tests::replay::program;
use flowlogs_tests::tool;
use serde_json::Value;
use tempfile::TempDir;

/// Time limit of a run whose collector has gone.
const LIMIT: Duration = Duration::from_secs(60);

/// `flowlogs replay -`, fed line by line.
struct Feed {
    child: Child,
    lines: u64,
}

/// Counters and messages of an ended run.
struct Outcome {
    status: Option<i32>,
    summary: Value,
    errors: String,
}

impl Feed {
    fn start(mut command: Command, to: &str, options: &[&str]) -> Self {
        command
            .args([
                "replay",
                "--output",
                "none",
                "--summary",
                "json",
                "--to",
                to,
            ])
            .args(options)
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn().expect("flowlogs replay");
        Self { child, lines: 0 }
    }

    /// Writes this many lines; false if the program has closed its input.
    fn write(&mut self, count: u64) -> bool {
        let mut text = Vec::new();
        generated::lines(self.lines, count, |line, _, _| {
            text.extend(line.as_bytes());
            text.push(b'\n');
        });
        self.lines += count;
        let input = self.child.stdin.as_mut().expect("piped");
        input.write_all(&text).and_then(|()| input.flush()).is_ok()
    }

    /// Closes the input and waits for the end.
    fn end(mut self) -> Outcome {
        drop(self.child.stdin.take());
        let started = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            if started.elapsed() > LIMIT {
                let _ = self.child.kill();
                panic!("flowlogs replay waited for longer than {LIMIT:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = self.child.wait_with_output().expect("its output");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        let summary = errors.lines().find(|line| line.starts_with('{'));
        Outcome {
            status: output.status.code(),
            summary: summary.map_or(Value::Null, |line| {
                serde_json::from_str(line).expect("JSON")
            }),
            errors,
        }
    }
}

impl Outcome {
    fn counter(&self, name: &str) -> u64 {
        self.summary[name].as_u64().unwrap_or(0)
    }
}

/// `flowlogs collect` on the collector's side.
struct Collect {
    process: Process,
    _directory: TempDir,
}

impl Collect {
    fn start(pair: &NetworkPair, scheme: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let mut command = pair.command(Side::Collector, &program());
        command
            .args([
                "collect",
                "--output",
                "json",
                "--summary",
                "none",
                "--listen",
            ])
            .arg(format!("{scheme}://0.0.0.0:4739"));
        let process = Process::start(command, directory.path().join("log"));
        wait_until("flowlogs collect to listen", || {
            process.log().contains("listening")
        });
        Self {
            process,
            _directory: directory,
        }
    }

    fn flows(&self) -> u64 {
        let log = self.process.log();
        log.lines().filter(|line| line.starts_with('{')).count() as u64
    }

    /// Waits until no further flow arrives, at most until there are as many as expected.
    fn settled(&self, expected: u64) -> u64 {
        settled(|| self.flows(), expected, Duration::from_secs(2))
    }
}

fn url(scheme: &str) -> String {
    format!("{scheme}://{COLLECTOR}:4739")
}

#[test]
fn a_collector_that_vanishes_without_a_reset_fails_the_run_in_bounded_time() {
    let Some(pair) = NetworkPair::new() else {
        return;
    };
    let collect = Collect::start(&pair, "tcp");
    let mut feed = Feed::start(pair.command(Side::Exporter, &program()), &url("tcp"), &[]);
    assert!(feed.write(5_000));
    wait_until("flows at the collector", || collect.flows() > 0);
    pair.ip(Side::Collector, &["link", "set", "cable", "down"]);
    feed.write(5_000);
    let outcome = feed.end();
    assert_eq!(outcome.status, Some(1), "{}", outcome.errors);
    assert!(outcome.errors.contains(COLLECTOR), "{}", outcome.errors);
}

#[test]
fn a_path_that_drops_large_packets_fails_a_tcp_run_in_bounded_time() {
    let Some(pair) = NetworkPair::new() else {
        return;
    };
    drop_large_packets(&pair);
    // The collector offers segments of the usual size, as behind a router whose errors do not come back.
    pair.ip(
        Side::Collector,
        &[
            "route",
            "replace",
            "10.99.0.0/24",
            "dev",
            "cable",
            "advmss",
            "1460",
        ],
    );
    let _collect = Collect::start(&pair, "tcp");
    let mut feed = Feed::start(pair.command(Side::Exporter, &program()), &url("tcp"), &[]);
    feed.write(5_000);
    let outcome = feed.end();
    assert_eq!(outcome.status, Some(1), "{}", outcome.errors);
    assert!(outcome.errors.contains(COLLECTOR), "{}", outcome.errors);
}

/// The remedy of docs/troubleshooting.md: `MaxMessageSize` below the MTU of the path.
#[test]
fn small_messages_pass_a_path_that_drops_large_packets() {
    let Some(pair) = NetworkPair::new() else {
        return;
    };
    drop_large_packets(&pair);
    let collect = Collect::start(&pair, "udp");
    let send = |size: &str| {
        let options = ["--max-message-size", size, "--udp-rate", "2000"];
        let mut feed = Feed::start(
            pair.command(Side::Exporter, &program()),
            &url("udp"),
            &options,
        );
        assert!(feed.write(1_000));
        let outcome = feed.end();
        assert_eq!(outcome.status, Some(0), "{}", outcome.errors);
        assert_eq!(outcome.counter("FlowsExported"), 1_000);
    };
    send("1400");
    let large = collect.settled(1_000);
    assert!(large < 500, "{large} flows passed in large packets");
    send("512");
    assert_eq!(collect.settled(large + 1_000), large + 1_000);
}

/// Makes packets above 600 octets vanish without an error message.
fn drop_large_packets(pair: &NetworkPair) {
    pair.ip(Side::Collector, &["link", "set", "cable", "mtu", "600"]);
}

#[test]
fn an_exporter_whose_address_changes_loses_no_flow_silently() {
    let Some(pair) = NetworkPair::new() else {
        return;
    };
    let collect = Collect::start(&pair, "udp");
    let options = ["--udp-rate", "2000"];
    let mut feed = Feed::start(
        pair.command(Side::Exporter, &program()),
        &url("udp"),
        &options,
    );
    assert!(feed.write(1_000));
    wait_until("flows at the collector", || collect.flows() > 500);
    pair.ip(
        Side::Exporter,
        &["address", "delete", "10.99.0.1/24", "dev", "cable"],
    );
    pair.ip(
        Side::Exporter,
        &["address", "add", "10.99.0.9/24", "dev", "cable"],
    );
    assert!(feed.write(1_000));
    let outcome = feed.end();
    let received = collect.settled(2_000);
    let told = outcome.status == Some(1) && outcome.counter("SendErrors") > 0;
    assert!(
        received == 2_000 || told,
        "{received} flows of 2000, status {:?}: {}",
        outcome.status,
        outcome.errors
    );
}

/// Lines before each jump of the clock, all of them fewer than `CLOCK_INTERVAL` of `flowlogs`.
const FEW: u64 = 2_000;

/// More lines than `CLOCK_INTERVAL` before each jump of the clock.
const MANY: u64 = 10_000;

#[test]
fn a_clock_that_jumps_between_two_looks_at_the_clock_changes_nothing() {
    for (_, spread) in runs_with_jumps(FEW) {
        assert!(spread < 60, "{spread} seconds");
    }
}

#[test]
fn a_clock_that_jumps_within_a_run_moves_export_times_and_loses_no_flow() {
    for (flows, spread) in runs_with_jumps(MANY) {
        assert_eq!(flows, 3 * MANY);
        assert!(spread > 86_400, "{spread} seconds");
    }
}

/// Runs over TCP and UDP in which the clock goes back a day, then forward by more than a year, with this number of lines
/// after each jump. Every message can be decoded in its order, and all flows are there. Returns the number of flows, and
/// the seconds between the first and the last export time.
fn runs_with_jumps(lines: u64) -> Vec<(u64, u32)> {
    let Some(library) = tool::faketime() else {
        return Vec::new();
    };
    let directory = TempDir::new().expect("a directory");
    let clock = directory.path().join("clock");
    let command = || {
        let mut command = Command::new(program());
        command
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    };
    let run = |to: &str| {
        std::fs::write(&clock, "+0").expect("a file");
        let mut feed = Feed::start(command(), to, &["--udp-rate", "2000"]);
        for jump in ["+0", "-86400", "+40000000"] {
            std::fs::write(&clock, jump).expect("a file");
            assert!(feed.write(lines));
            std::thread::sleep(Duration::from_millis(500));
        }
        let outcome = feed.end();
        assert_eq!(outcome.status, Some(0), "{}", outcome.errors);
        assert_eq!(outcome.counter("FlowsExported"), 3 * lines);
    };
    let recorder = TcpRecorder::start();
    run(&recorder.url());
    let stream = recorder.received();
    let over_tcp = flows_and_spread(messages(&stream).into_iter());

    let recorder = UdpRecorder::start();
    run(&recorder.url());
    let datagrams = recorder.received();
    let over_udp = flows_and_spread(datagrams.iter().map(|datagram| &*datagram.octets));
    vec![over_tcp, over_udp]
}

/// Decodes messages in their order; returns the number of flows, and the seconds between first and last export time.
fn flows_and_spread<'a>(messages: impl Iterator<Item = &'a [u8]>) -> (u64, u32) {
    let mut reader = Reader::default();
    let (mut flows, mut times) = (0, Vec::new());
    for message in messages {
        let message = reader.read(message).expect("a right message");
        times.push(message.export_time);
        let of_flows =
            |(template, _): &(&flowlogs_testing::wire::Template, _)| template.scopes == 0;
        flows += message.records().filter(of_flows).count() as u64;
    }
    let spread = times.iter().max().zip(times.iter().min());
    (flows, spread.map_or(0, |(last, first)| last - first))
}
