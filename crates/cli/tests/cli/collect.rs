//! `flowlogs collect`, with `flowlogs replay` as the sender.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::{DEFAULT, run};

/// A collector that listens already.
struct Collector {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Collector {
    fn start(url: &str, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flowlogs"))
            .args([
                "collect",
                "--listen",
                url,
                "--output=json",
                "--summary=json",
            ])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("says that it listens");
        assert!(line.starts_with("flowlogs: listening on "), "{line}");
        Self { child, stderr }
    }

    /// Waits until the program ends; returns flows and summary.
    fn end(mut self) -> (Vec<serde_json::Value>, serde_json::Value) {
        let mut stdout = String::new();
        let mut pipe = self.child.stdout.take().expect("piped");
        pipe.read_to_string(&mut stdout).expect("UTF-8");
        let mut lines: Vec<String> = self
            .stderr
            .by_ref()
            .lines()
            .map(|line| line.expect("UTF-8"))
            .collect();
        assert!(self.child.wait().expect("ends").success());
        let summary = lines.pop().expect("a summary");
        let parse = |line: &str| serde_json::from_str(line).expect("JSON");
        (stdout.lines().map(parse).collect(), parse(&summary))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port without a listener, unique among the tests of this process.
fn free_port(transport: &str) -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().expect("no test panics here");
    loop {
        let address = match transport {
            "udp" => UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()),
            _ => TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()),
        };
        let port = address.expect("a free port").port();
        if !given.contains(&port) {
            given.push(port);
            return port;
        }
    }
}

#[test]
fn flows_arrive_with_their_names_over_udp_and_tcp() {
    for transport in ["udp", "tcp"] {
        let url = format!("{transport}://127.0.0.1:{}", free_port(transport));
        let collector = Collector::start(&url, &["--count", "2"]);
        let sent = run(&["replay", "--to", &url, "-"], DEFAULT);
        assert_eq!(sent.status, Some(0), "{sent:?}");
        let (flows, summary) = collector.end();
        assert_eq!(flows.len(), 2);
        assert_eq!(flows[1]["egressInterfaceName"], "REJECT");
        assert_eq!(summary["flows"], 2);
        assert_eq!(summary["sessions"], 1);
    }
}

#[test]
fn the_collectors_own_traffic_is_left_out() {
    let port = free_port("udp");
    let url = format!("udp://127.0.0.1:{port}");
    let own = format!(
        "2 123456789010 eni-1 10.0.0.9 127.0.0.1 40000 {port} 17 20 4249 1418530010 1418530070 ACCEPT OK\n"
    );
    let lines = format!("{own}{DEFAULT}");
    let collector = Collector::start(&url, &["--count", "2"]);
    let sent = run(&["replay", "--to", &url, "--summary=json", "-"], &lines);
    assert_eq!(sent.summary()["ExcludedCollectorTraffic"], 1, "{sent:?}");
    assert_eq!(collector.end().0.len(), 2);
}

#[test]
fn what_is_no_ipfix_is_said_and_survived() {
    let url = format!("tcp://127.0.0.1:{}", free_port("tcp"));
    let mut collector = Collector::start(&url, &["--count", "1"]);
    let mut stream = TcpStream::connect(url.trim_start_matches("tcp://")).expect("connects");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    drop(stream);
    let mut complaint = String::new();
    collector
        .stderr
        .read_line(&mut complaint)
        .expect("complains");
    assert!(complaint.ends_with("not an IPFIX message\n"), "{complaint}");
    assert_eq!(run(&["replay", "--to", &url, "-"], DEFAULT).status, Some(0));
    let (flows, summary) = collector.end();
    assert_eq!(
        (flows.len(), &summary["errors"]),
        (1, &serde_json::json!(1))
    );
}

#[test]
fn a_collector_that_is_not_there_is_one_line_and_status_1() {
    let url = format!("tcp://127.0.0.1:{}", free_port("tcp"));
    let outcome = run(&["replay", "--to", &url, "--summary=none", "-"], DEFAULT);
    assert_eq!(outcome.status, Some(1));
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(
        outcome.stderr.contains("nothing listens there"),
        "{outcome:?}"
    );

    let url = format!("udp://127.0.0.1:{}", free_port("udp"));
    let nothing = run(&["replay", "--to", &url, "--summary=none", "-"], DEFAULT);
    assert_eq!(nothing.status, Some(1), "{nothing:?}");
    assert_eq!(nothing.stderr.lines().count(), 1, "{nothing:?}");
    assert!(
        nothing.stderr.contains("nothing listens there"),
        "{nothing:?}"
    );
}

#[test]
fn a_summary_does_not_call_sent_what_did_not_get_there() {
    for transport in ["tcp", "udp"] {
        let url = format!("{transport}://127.0.0.1:{}", free_port(transport));
        let outcome = run(&["replay", "--to", &url, "-"], DEFAULT);
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        let line = format!("not sent to {url}: no message got there");
        assert!(outcome.stderr.contains(&line), "{outcome:?}");
        assert!(!outcome.stderr.contains("\nsent to "), "{outcome:?}");
    }
}

#[test]
fn an_address_that_is_taken_is_one_line_and_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("tcp://{}", taken.local_addr().expect("bound"));
    let outcome = run(&["collect", "--listen", &url], "");
    assert_eq!(outcome.status, Some(1));
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(
        outcome
            .stderr
            .starts_with(&format!("flowlogs: cannot listen on {url}: ")),
        "{outcome:?}"
    );
}

#[test]
fn a_file_of_messages_is_read_back() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("flows.ipfix");
    let path = path.to_str().expect("UTF-8");
    let target = format!("file:{path}");
    let sent = run(&["replay", "--to", &target, "-"], DEFAULT);
    assert_eq!(sent.status, Some(0), "{sent:?}");
    let read = ["collect", "--output=json", "--summary=json", "--read"];
    let outcome = run(&[&read[..], &[path]].concat(), "");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert_eq!(
        outcome.objects(),
        run(&["replay", "--output=json", "-"], DEFAULT).objects()
    );

    let mut cut = std::fs::read(path).expect("written");
    cut.truncate(cut.len() - 5);
    std::fs::write(path, cut).expect("written");
    let outcome = run(&[&read[..], &[path]].concat(), "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("ends within a message"),
        "{outcome:?}"
    );
}

/// A message of these 16-bit words and octets behind them.
fn message(domain: u32, words: &[u16], tail: &[u8]) -> Vec<u8> {
    let length = 16 + 2 * words.len() + tail.len();
    let length = u16::try_from(length).expect("a message");
    let mut octets: Vec<u8> = [10, length, 0, 0, 0, 0]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    octets.extend(domain.to_be_bytes());
    octets.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    octets.extend(tail);
    octets
}

/// A message of template 256 + `number` with 9,000 fields.
fn large_template(number: u16, domain: u32) -> Vec<u8> {
    let fields = 9_000_u16;
    let mut words = vec![2, 8 + 4 * fields, 256 + number, fields];
    words.extend([1, 4].repeat(usize::from(fields)));
    message(domain, &words, &[])
}

/// A message of a name of 60,000 octets for an interface, and the options template of such records.
fn large_name(interface: u32) -> Vec<u8> {
    let name = vec![b'x'; 60_000];
    let mut tail = interface.to_be_bytes().to_vec();
    tail.push(255);
    tail.extend(60_000_u16.to_be_bytes());
    tail.extend(&name);
    let set = u16::try_from(4 + tail.len()).expect("a set");
    let words = [3, 18, 256, 2, 1, 10, 4, 82, 65_535, 256, set];
    message(1, &words, &tail)
}

/// Sends octets over connections, one after another; the collector has to complain, to stay below 256 MB, and to serve a
/// sender of flows afterwards.
#[cfg(target_os = "linux")]
fn attack(connections: usize, octets: &[u8]) {
    let url = format!("tcp://127.0.0.1:{}", free_port("tcp"));
    let mut collector = Collector::start(&url, &["--count", "1"]);
    let open: Vec<_> = (0..connections)
        .map(|_| {
            let mut stream =
                TcpStream::connect(url.trim_start_matches("tcp://")).expect("connects");
            stream.write_all(octets).expect("sent");
            stream
        })
        .collect();
    // Ends, after 60 seconds, a collector that does not complain: the read below then returns.
    let (_in_time, end) = mpsc::channel::<()>();
    let process = collector.child.id().to_string();
    std::thread::spawn(move || {
        if end.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").arg(process).status();
        }
    });
    let mut complaint = String::new();
    let read = collector.stderr.read_line(&mut complaint);
    read.expect("standard error");
    assert!(complaint.contains("take too much memory"), "{complaint}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", collector.child.id()));
    let status = status.expect("it waits for a flow");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
    let kilobytes: u64 = peak.expect("the kernel counts it");
    assert!(kilobytes < 256_000, "{kilobytes} kB");
    // Others are served all the same.
    let sent = run(&["replay", "--to", &url, "-"], DEFAULT);
    assert_eq!(sent.status, Some(0), "{sent:?}");
    drop(open);
}

#[test]
#[cfg(target_os = "linux")]
fn templates_of_an_attacker_do_not_fill_the_memory() {
    let messages = (0..2_000).map(|number| large_template(number, u32::from(number / 100)));
    attack(1, &messages.collect::<Vec<_>>().concat());
}

#[test]
#[cfg(target_os = "linux")]
fn names_of_an_attacker_do_not_fill_the_memory() {
    let messages: Vec<_> = (0..5_000).map(large_name).collect();
    attack(1, &messages.concat());
}

#[test]
#[cfg(target_os = "linux")]
fn domains_of_an_attacker_do_not_fill_the_memory() {
    let messages: Vec<_> = (0..2_048).map(|domain| message(domain, &[], &[])).collect();
    attack(60, &messages.concat());
}

#[test]
fn connections_that_stay_silent_do_not_lock_others_out() {
    let url = format!("tcp://127.0.0.1:{}", free_port("tcp"));
    let mut collector = Collector::start(&url, &["--count", "2"]);
    let silent: Vec<_> = (0..64)
        .map(|_| {
            let mut stream =
                TcpStream::connect(url.trim_start_matches("tcp://")).expect("connects");
            stream.write_all(&[0, 10, 0, 16]).expect("sent");
            stream
        })
        .collect();
    let sent = run(&["replay", "--to", &url, "-"], DEFAULT);
    assert_eq!(sent.status, Some(0), "{sent:?}");
    let mut complaint = String::new();
    collector.stderr.read_line(&mut complaint).expect("says so");
    assert!(complaint.contains("64 connections are open"), "{complaint}");
    drop(silent);
    assert_eq!(collector.end().0.len(), 2);
}

#[test]
fn an_address_that_is_none_gets_the_forms_of_listening_and_a_file_may_have_its_scheme() {
    let wrong = run(&["collect", "--listen", "foo"], "");
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
    let advice = "write udp://127.0.0.1:4739 or tcp://127.0.0.1:4739, with an address of this";
    assert!(wrong.stderr.contains(advice), "{wrong:?}");
    assert!(!wrong.stderr.contains("file:"), "{wrong:?}");

    let directory = tempfile::tempdir().expect("temporary directory");
    let url = format!("file:{}/flows.ipfix", directory.path().display());
    assert_eq!(run(&["replay", "--to", &url, "-"], DEFAULT).status, Some(0));
    let read = run(&["collect", "--output=json", "--read", &url], "");
    assert_eq!(read.status, Some(0), "{read:?}");
    assert_eq!(read.objects().len(), 2);
}

#[test]
fn a_directory_that_is_not_there_is_to_be_created() {
    let outcome = run(&["replay", "--to=file:/no/dir/x", "-"], DEFAULT);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let advice = "cannot write \"/no/dir/x\": no such directory; create the directory first";
    assert!(outcome.stderr.contains(advice), "{outcome:?}");
}
