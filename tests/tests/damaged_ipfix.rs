//! `flowlogs collect` under damaged IPFIX, over UDP and TCP: the program neither ends nor grows, and reads the next good
//! session.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use flowlogs_testing::wire::messages;
use flowlogs_tests::cases;
use flowlogs_tests::process::{Process, free_udp_port, settled, wait_until, wait_until_read};
use flowlogs_tests::recorder::TcpRecorder;
use flowlogs_tests::replay::{program, replay};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

/// Most memory of the process, in octets.
const MEMORY: u64 = 256 << 20;

/// Damaged messages over UDP, and damaged streams over TCP.
const DATAGRAMS: usize = 3_000;
const STREAMS: usize = 60;

/// A change to octets.
#[derive(Debug, Clone)]
enum Damage {
    /// Sets the octet at this position.
    Octet(usize, u8),
    /// Sets the 16-bit number at this position: a length, an id or a count, often at a bound.
    Number(usize, u16),
    /// Ends the octets here.
    Cut(usize),
    /// Repeats the octets from this position on.
    Repeat(usize),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let number = prop_oneof![
        Just(0),
        Just(1),
        Just(4),
        Just(0x7fff),
        Just(0xffff),
        any::<u16>()
    ];
    let one = prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, octet)| Damage::Octet(at, octet)),
        (any::<usize>(), number).prop_map(|(at, number)| Damage::Number(at, number)),
        any::<usize>().prop_map(Damage::Cut),
        any::<usize>().prop_map(Damage::Repeat),
    ];
    prop::collection::vec(one, 1..4)
}

fn damaged(octets: &[u8], all: &[Damage]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for one in all {
        let length = octets.len().max(2);
        match *one {
            Damage::Octet(at, value) => {
                if let Some(octet) = octets.get_mut(at % length) {
                    *octet = value;
                }
            }
            Damage::Number(at, value) => {
                if let Some(number) = octets
                    .get_mut((at % length) & !1..)
                    .and_then(|rest| rest.first_chunk_mut())
                {
                    *number = value.to_be_bytes();
                }
            }
            Damage::Cut(at) => octets.truncate(at % length),
            Damage::Repeat(at) => octets.extend_from_within(at % octets.len().max(1)..),
        }
    }
    octets
}

/// Starts `flowlogs collect` over UDP and TCP at a free port.
fn collect(directory: &TempDir) -> (Process, u16) {
    let port = free_udp_port();
    let mut command = Command::new(program());
    command.args(["collect", "--output", "json", "--summary", "none"]);
    for scheme in ["udp", "tcp"] {
        command
            .arg("--listen")
            .arg(format!("{scheme}://127.0.0.1:{port}"));
    }
    let collect = Process::start(command, directory.path().join("log"));
    wait_until("flowlogs collect to listen", || {
        collect.log().matches("listening").count() == 2
    });
    (collect, port)
}

/// Sends damaged datagrams and damaged streams.
fn send_damaged(stream: &[u8], port: u16) {
    let good = messages(stream);
    let mut runner = TestRunner::deterministic();
    let mut next = || damage().new_tree(&mut runner).expect("a value").current();
    let sockets: Vec<UdpSocket> = (0..8)
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    for number in 0..DATAGRAMS {
        let mut datagram = damaged(good[number % good.len()], &next());
        datagram.truncate(60_000);
        let socket = &sockets[number % sockets.len()];
        socket
            .send_to(&datagram, ("127.0.0.1", port))
            .expect("loopback");
        if number % 50 == 0 {
            wait_until_read(port);
        }
    }
    for _ in 0..STREAMS {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("a listener");
        // The peer may close at the first fault.
        let _ = connection.write_all(&damaged(stream, &next()));
    }
}

#[test]
fn damaged_messages_neither_stop_collect_nor_fill_its_memory() {
    let inputs: Vec<_> = cases::with_flows()
        .into_iter()
        .map(|case| case.path)
        .collect();
    let recorder = TcpRecorder::start();
    let run = replay(&["--to", &recorder.url()], &inputs);
    let (stream, flows) = (recorder.received(), run.flows().len());

    let directory = TempDir::new().expect("a directory");
    let (mut collect, port) = collect(&directory);
    send_damaged(&stream, port);

    let before = settled(|| printed(&collect), u64::MAX, Duration::from_millis(500));
    let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("a listener");
    connection
        .write_all(&stream)
        .expect("a good session is taken");
    drop(connection);
    wait_until("the flows of a good session", || {
        printed(&collect) >= before + flows as u64
    });
    assert!(
        collect.exit_status().is_none(),
        "{}",
        collect.end_of_log(2_000)
    );
    assert!(
        !collect.log().contains("panicked"),
        "{}",
        collect.end_of_log(2_000)
    );
    let memory = collect.memory("VmHWM");
    assert!(memory < MEMORY, "{memory} octets");
}

/// Number of printed flows.
fn printed(collect: &Process) -> u64 {
    let log = collect.log();
    log.lines().filter(|line| line.starts_with('{')).count() as u64
}
