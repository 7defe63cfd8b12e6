//! Many processes at once: all agree on the numbers of interfaces, domains and templates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::{Child, Command, Stdio};

use flowlogs_testing::wire::{Field, Reader, Template};
use flowlogs_tests::collectors::nfcapd::Nfcapd;
use flowlogs_tests::recorder::UdpRecorder;
use flowlogs_tests::replay::program;
use tempfile::TempDir;

use flowlogs_tests::generated::{FlowSums, lines};

const PROCESSES: usize = 16;
const FLOWS: u64 = 3_200;

/// Starts all processes, each with a share of the lines, and waits for all ends.
fn replay_at_once(directory: &TempDir, targets: &[&str]) -> (FlowSums, BTreeSet<String>) {
    let mut shares = vec![String::new(); PROCESSES];
    let mut sum = FlowSums::default();
    let mut interfaces = BTreeSet::new();
    let mut number = 0;
    lines(0, FLOWS, |line, packets, octets| {
        // Shuffled: neighbours go to different processes, in no regular order.
        let share = &mut shares[(number * 7 + number / 16) % PROCESSES];
        number += 1;
        share.push_str(line);
        share.push('\n');
        sum.add(packets, octets);
        interfaces.extend(line.split(' ').nth(2).map(str::to_owned));
    });
    let start = |(number, share): (usize, String)| -> Child {
        let path = directory.path().join(format!("share-{number}"));
        std::fs::write(&path, share).expect("a file");
        let mut command = Command::new(program());
        command.args(["replay", "--output", "none", "--summary", "none"]);
        for target in targets {
            command.args(["--to", target]);
        }
        // Slow enough for sixteen: a receiver of this test reads when all have ended.
        command.args(["--udp-rate", "200"]).arg(path);
        command.stdin(Stdio::null()).spawn().expect("it starts")
    };
    let children: Vec<_> = shares.into_iter().enumerate().map(start).collect();
    for mut child in children {
        assert!(child.wait().expect("its end").success());
    }
    (sum, interfaces)
}

#[test]
fn sixteen_processes_agree_on_identities_and_template_ids() {
    let directory = TempDir::new().expect("a directory");
    let recorder = UdpRecorder::start();
    let (expected, interfaces) = replay_at_once(&directory, &[&recorder.url()]);

    // A collector that keys sessions by the sender's port: each port has sequence numbers.
    let mut by_port: HashMap<_, Reader> = HashMap::new();
    let mut sum = FlowSums::default();
    let mut templates: BTreeMap<(u32, u16), Template> = BTreeMap::new();
    let mut names: BTreeMap<(u32, Vec<u8>), Vec<u8>> = BTreeMap::new();
    let datagrams = recorder.received();
    for datagram in &datagrams {
        let reader = by_port.entry(datagram.from).or_default();
        let message = reader.read(&datagram.octets).expect("a right message");
        crate::load::add(&mut sum, &message);
        for template in message.templates() {
            let known = templates.entry((message.domain, template.id));
            assert_eq!(known.or_insert_with(|| template.clone()), template);
        }
        for (template, record) in message.records() {
            // The interface table: the number in scope, the name.
            let field = |element: u16| {
                record
                    .iter()
                    .find(|field: &&Field| field.element == element)
            };
            if template.scopes > 0
                && let (Some(number), Some(name)) = (field(10), field(82))
            {
                let key = (message.domain, number.octets.clone());
                let known = names.entry(key).or_insert_with(|| name.octets.clone());
                assert_eq!(*known, name.octets, "one number, one name");
            }
        }
    }
    assert_eq!(by_port.len(), PROCESSES);
    assert_eq!(sum, expected);
    let shown: BTreeSet<String> = names
        .into_values()
        .map(|name| String::from_utf8(name).expect("UTF-8"))
        .map(|name| name.trim_end_matches('\0').to_owned())
        .collect();
    let pseudo = ["ACCEPT", "REJECT"].map(str::to_owned);
    assert_eq!(shown, interfaces.into_iter().chain(pseudo).collect());

    // A collector without regard to ports decodes equally, with all sessions mixed, because no template has two meanings.
    // Only sequence numbers (of a session) say nothing to the collector.
    let mut without_sequence = HashMap::new();
    for datagram in &datagrams {
        let domain = datagram.octets[12..16].to_vec();
        let (reader, count): &mut (Reader, u32) = without_sequence.entry(domain).or_default();
        let mut octets = datagram.octets.clone();
        octets[8..12].copy_from_slice(&count.to_be_bytes());
        let message = reader
            .read(&octets)
            .expect("decoded by any session's template");
        *count += u32::try_from(message.records().count()).expect("few");
    }
}

#[test]
fn nfcapd_decodes_every_flow_of_sixteen_processes() {
    let Some(nfcapd) = Nfcapd::start() else {
        return;
    };
    let directory = TempDir::new().expect("a directory");
    let (expected, _) = replay_at_once(&directory, &[&nfcapd.url()]);
    let counted = nfcapd.stop_and_count();
    let collected = FlowSums {
        flows: counted.flows,
        packets: counted.packets,
        octets: counted.octets,
    };
    assert_eq!(collected, expected);
    assert_eq!(counted.bad_packets, 0);
    // This collector does not tell sessions by port (`docs/collectors.md`), and shows gaps that are none.
    assert!(
        counted.sequence_errors > 0,
        "the document says so: {counted:?}"
    );
}
