//! Load: no flow is lost between `flowlogs replay` and a collector, over UDP at the default pace and over TCP.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use flowlogs_testing::wire::{Message, Reader, number};
use flowlogs_tests::collectors::nfcapd::{FalseSequenceErrors, Nfcapd};
use flowlogs_tests::recorder::UdpRecorder;
use flowlogs_tests::replay::program;
use tempfile::TempDir;

use crate::size;
use flowlogs_tests::generated::{FlowSums, write};

/// Sums the flows of a message.
pub(crate) fn add(sum: &mut FlowSums, message: &Message) {
    for (template, record) in message.records() {
        if template.scopes > 0 {
            continue;
        }
        let value = |element: u16| {
            let field = record.iter().find(|field| field.element == element);
            number(&field.expect("every record has it").octets)
        };
        sum.add(value(2), value(1));
    }
}

/// Runs `flowlogs replay` successfully.
fn replay(inputs: &TempDir, targets: &[&str]) {
    let started = Instant::now();
    let mut command = Command::new(program());
    command.args(["replay", "--output", "none", "--summary", "json"]);
    for target in targets {
        command.args(["--to", target]);
    }
    let output = command
        .arg(inputs.path().join("lines"))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprintln!(
        "{targets:?}: {:.1} s\n{said}",
        started.elapsed().as_secs_f64()
    );
}

fn traffic() -> (TempDir, FlowSums) {
    let directory = TempDir::new().expect("a directory");
    let flows = size("FLOWLOGS_LOAD_FLOWS", 100_000) as u64;
    let sum = write(&directory.path().join("lines"), 0, flows);
    assert_eq!(sum.flows, flows);
    (directory, sum)
}

#[test]
fn over_tcp_the_sums_are_equal() {
    let (inputs, expected) = traffic();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("tcp://{}", listener.local_addr().expect("a port"));
    let collector = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let (mut reader, mut sum) = (Reader::default(), FlowSums::default());
        let mut message = vec![0; 65_535];
        while stream.read_exact(&mut message[..16]).is_ok() {
            let octets = usize::from(u16::from_be_bytes([message[2], message[3]]));
            stream
                .read_exact(&mut message[16..octets])
                .expect("no message is cut");
            // Checks sequence numbers too.
            add(
                &mut sum,
                &reader.read(&message[..octets]).expect("a right message"),
            );
        }
        sum
    });
    replay(&inputs, &[&url]);
    assert_eq!(collector.join().expect("the collector"), expected);
}

/// Not here: a machine busy with further tests cannot promise to read a socket in time.
#[test]
#[ignore = "needs the machine to itself: scripts/measure-reliability runs it"]
fn over_udp_at_the_default_pace_nfcapd_misses_nothing() {
    misses_nothing(Nfcapd::start());
}

/// With the default receive buffer, for users who did not read `docs/collectors.md`.
#[test]
#[ignore = "needs the machine to itself: scripts/measure-reliability runs it"]
fn over_udp_at_the_default_pace_nfcapd_with_the_usual_buffer_misses_nothing() {
    misses_nothing(Nfcapd::start_with_the_usual_buffer());
}

fn misses_nothing(nfcapd: Option<Nfcapd>) {
    let Some(nfcapd) = nfcapd else { return };
    let (inputs, expected) = traffic();
    // Equal messages once more, to predict the sequence errors that nfcapd counts although no message is missing.
    let recorder = UdpRecorder::start();
    replay(&inputs, &[&nfcapd.url(), &recorder.url()]);
    let datagrams = recorder.received();
    let counted = nfcapd.stop_and_count();

    let (mut reader, mut sum) = (Reader::default(), FlowSums::default());
    let mut predicted = FalseSequenceErrors::default();
    for datagram in &datagrams {
        let message = reader
            .read(&datagram.octets)
            .expect("the recorder misses nothing");
        add(&mut sum, &message);
        predicted.take(&message);
    }
    assert_eq!(sum, expected, "the recorder");
    let collected = FlowSums {
        flows: counted.flows,
        packets: counted.packets,
        octets: counted.octets,
    };
    eprintln!(
        "nfcapd: {counted:?}, of {} messages; predicted sequence errors: {}",
        datagrams.len(),
        predicted.count
    );
    assert_eq!(
        counted.dropped, 0,
        "datagrams without room in the receive buffer"
    );
    assert_eq!(collected, expected, "nfcapd");
    assert_eq!(counted.sequence_errors, predicted.count);
    assert_eq!(counted.bad_packets, 0);
}
