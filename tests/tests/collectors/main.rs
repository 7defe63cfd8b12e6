//! Every captured event on real collectors: each flow arrives with its addresses, ports, times, counters, numbers and, if
//! the collector shows these fields, names, status and losses; no message is malformed or missing.
//!
//! The expected flows are the output of `flowlogs replay --output json` for each case alone. The sums are compared with
//! `events/expected.json`, written without the transcoder.

mod expected;
mod threads;

use flowlogs_testing::wire::{Reader, messages};
use flowlogs_tests::cases;
use flowlogs_tests::collectors::nfacctd::{self, Nfacctd};
use flowlogs_tests::collectors::nfcapd::{self, FalseSequenceErrors, Nfcapd};
use flowlogs_tests::collectors::{ipfixdump, tshark};
use flowlogs_tests::pcap;
use flowlogs_tests::recorder::{TcpRecorder, UdpRecorder};
use flowlogs_tests::replay::{Run, replay};
use tempfile::TempDir;

use expected::Expected;

/// Sends all cases with flows to these targets in one run.
fn send(targets: &[&str]) {
    send_with(&[], targets);
}

/// Like [`send`], with settings.
fn send_with(settings: &[&str], targets: &[&str]) -> Run {
    let to = targets.iter().flat_map(|url| ["--to", *url]);
    let arguments: Vec<&str> = settings.iter().copied().chain(to).collect();
    let inputs: Vec<_> = cases::with_flows()
        .into_iter()
        .map(|case| case.path)
        .collect();
    let run = replay(&arguments, &inputs);
    assert_eq!(run.status, Some(0), "{}", run.errors);
    assert_eq!(run.counter("SendErrors"), Some(0));
    run
}

#[test]
fn nfcapd_shows_every_flow_of_every_case() {
    let Some(nfcapd) = Nfcapd::start() else {
        return;
    };
    let recorder = UdpRecorder::start();
    send(&[&nfcapd.url(), &recorder.url()]);
    let collected = nfcapd.stop();
    Expected::of_all_cases().assert_shown(collected.flows, nfcapd::as_shown);
    assert_eq!(collected.bad_packets, 0);
    // The sequence numbers of the datagrams are right.
    let (mut reader, mut predicted) = (Reader::default(), FalseSequenceErrors::default());
    for datagram in recorder.received() {
        predicted.take(&reader.read(&datagram.octets).expect("a right message"));
    }
    assert_eq!(collected.sequence_errors, predicted.count);
}

#[test]
fn nfacctd_shows_every_flow_of_every_case_unsampled() {
    let Some(collector) = Nfacctd::start() else {
        return;
    };
    send(&[&collector.url()]);
    let expected = Expected::of_all_cases().aggregated(nfacctd::as_shown, nfacctd::aggregated);
    let collected = collector.stop(&expected.flows());
    expected.assert_shown(collected.flows, nfacctd::as_shown);
    assert_eq!(collected.warnings, Vec::<String>::new());
    assert!(
        collected.sampling_rates.iter().all(|rate| *rate == 1),
        "learnt from the sampling option"
    );
}

#[test]
fn ipfixdump_reads_every_flow_of_every_case_from_a_file_and_misses_none() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("flows.ipfix");
    send(&[&format!("file:{}", file.display())]);
    let Some(dump) = ipfixdump::read(&file) else {
        return;
    };
    Expected::of_all_cases().assert_shown(dump.flows, ipfixdump::as_shown);
    assert!(dump.options > 50, "names and statistics");
    assert_eq!(
        dump.warnings, "",
        "libfixbuf warns of what is out of sequence"
    );
}

#[test]
fn tshark_dissects_every_datagram_without_complaint() {
    let recorder = UdpRecorder::start();
    send(&[&recorder.url()]);
    let datagrams = recorder.received();
    assert!(
        datagrams
            .iter()
            .all(|datagram| datagram.octets.len() <= 1_400)
    );
    let Some(dissection) = dissect(&pcap::of_datagrams(&datagrams)) else {
        return;
    };
    Expected::of_all_cases().assert_shown(dissection.flows, tshark::as_shown);
    assert_eq!(dissection.messages, datagrams.len());
    assert_eq!(dissection.complaints, Vec::<String>::new());
}

#[test]
fn tshark_dissects_a_tcp_stream_however_it_is_cut_into_segments() {
    let recorder = TcpRecorder::start();
    send(&[&recorder.url()]);
    let stream = recorder.received();
    for segment in [37, 1_448, 16_384] {
        let Some(dissection) = dissect(&pcap::of_stream(&stream, segment)) else {
            return;
        };
        Expected::of_all_cases().assert_shown(dissection.flows, tshark::as_shown);
        assert_eq!(dissection.messages, messages(&stream).len());
        assert_eq!(dissection.complaints, Vec::<String>::new());
    }
}

fn dissect(capture: &[u8]) -> Option<tshark::Dissection> {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("flows.pcap");
    std::fs::write(&file, capture).expect("a file");
    tshark::read(&file)
}

/// A file and a TCP connection are transport sessions alike, and get equal octets.
#[test]
fn the_file_and_the_tcp_stream_are_the_same_messages() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("flows.ipfix");
    let recorder = TcpRecorder::start();
    send(&[&format!("file:{}", file.display()), &recorder.url()]);
    let stream = recorder.received();
    assert_eq!(std::fs::read(&file).expect("the file"), stream);
    let mut reader = Reader::default();
    for message in messages(&stream) {
        reader.read(message).expect("a right message");
    }
}

/// Every setting that changes layouts, in messages of the smallest size.
#[test]
fn other_settings_make_other_templates_that_are_read_as_well() {
    let settings = [
        ["--timestamps", "seconds"],
        ["--address", "packet"],
        ["--interface-names", "inline"],
        ["--exporter-address", "192.0.2.9"],
        ["--observation-domain", "4294967295"],
        ["--max-message-size", "512"],
        ["--template-refresh-messages", "3"],
        ["--direction", "ingress"],
    ];
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("flows.ipfix");
    let recorder = UdpRecorder::start();
    let targets = [&*recorder.url(), &format!("file:{}", file.display())];
    let run = send_with(settings.as_flattened(), &targets);
    let expected = Expected::of_run(&run);
    assert!(run.flows().iter().all(|flow| flow.domain == Some(u32::MAX)));
    assert!(run.counter("FilteredByDirection") > Some(10));

    let datagrams = recorder.received();
    assert!(
        datagrams
            .iter()
            .all(|datagram| datagram.octets.len() <= 512)
    );
    if let Some(dissection) = dissect(&pcap::of_datagrams(&datagrams)) {
        expected.assert_shown(dissection.flows, tshark::as_shown);
        assert_eq!(dissection.complaints, Vec::<String>::new());
    }
    if let Some(dump) = ipfixdump::read(&file) {
        expected.assert_shown(dump.flows, ipfixdump::as_shown);
        assert_eq!(dump.warnings, "");
    }
}
