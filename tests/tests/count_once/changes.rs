//! Networks that change faster than the inventory: flows that count twice, or not at all, until the inventory is new.

use std::convert::Infallible;

use flowlogs_core::dedup;
use flowlogs_core::network::Inventory;
use flowlogs_core::network::{FlowLog, NetworkInterface};
use flowlogs_core::{
    Counters, Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};

/// The interfaces of a VPC that a flow log observes.
fn inventory(interfaces: &[(&str, &str)]) -> Inventory {
    let mut inventory = Inventory::new();
    for (id, address) in interfaces {
        inventory.insert_interface(&NetworkInterface {
            id: (*id).to_owned(),
            vpc: Some("vpc-1".to_owned()),
            addresses: vec![address.parse().expect("an address of the test")],
            ..NetworkInterface::default()
        });
    }
    inventory.insert_flow_log(FlowLog {
        id: "fl-1".to_owned(),
        resource: "vpc-1".to_owned(),
        ..FlowLog::default()
    });
    inventory
}

/// Process whose inventory is read now and then.
struct Process {
    transcoder: Transcoder,
    source: RecordSource,
}

impl Process {
    fn new(inventory: Inventory) -> Self {
        let settings = TranscoderSettings {
            dedup: dedup::DedupSettings {
                deduplicate: true,
                ..dedup::DedupSettings::default()
            },
            ..TranscoderSettings::default()
        };
        let mut transcoder = Transcoder::new(settings, &[Transport::Datagram]);
        transcoder.set_inventory(inventory);
        Self {
            transcoder,
            source: RecordSource::new(None, Formats::defaults()),
        }
    }

    /// A packet from 10.0.0.5 (eni-1) to 10.0.0.6 in each of these minutes, as recorded by these interfaces.
    fn invoke(&mut self, minutes: &[u64], recorded_by: &[&str]) -> Counters {
        let mut sink = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
        for minute in minutes {
            for interface in recorded_by {
                let start = 1_763_715_600 + 60 * minute;
                let text = format!(
                    "2 1 {interface} 10.0.0.5 10.0.0.6 40000 443 6 1 60 {start} {start} ACCEPT OK"
                );
                let line = LogLine {
                    id: None,
                    timestamp: None,
                    text: text.as_bytes(),
                };
                let Ok(()) = self.transcoder.line(&mut self.source, line, &mut sink);
            }
        }
        let Ok(()) = self.transcoder.flush(&mut sink);
        self.transcoder.commit();
        self.transcoder.take_report().counters
    }
}

const BOTH: [(&str, &str); 2] = [("eni-1", "10.0.0.5"), ("eni-2", "10.0.0.6")];

#[test]
fn flows_to_an_interface_that_has_appeared_count_at_both_ends_until_it_is_known() {
    let mut process = Process::new(inventory(&BOTH[..1]));
    let counters = process.invoke(&[1, 2], &["eni-1", "eni-2"]);
    assert_eq!(
        (counters.flows_exported, counters.duplicate_both_ends),
        (4, 0)
    );
    process.transcoder.set_inventory(inventory(&BOTH));
    let counters = process.invoke(&[3, 4], &["eni-1", "eni-2"]);
    assert_eq!(
        (counters.flows_exported, counters.duplicate_both_ends),
        (2, 2)
    );
}

#[test]
fn flows_to_an_interface_that_has_vanished_do_not_count_until_that_is_known() {
    let mut process = Process::new(inventory(&BOTH));
    let counters = process.invoke(&[1, 2], &["eni-1"]);
    assert_eq!(
        (counters.flows_exported, counters.duplicate_both_ends),
        (0, 2)
    );
    process.transcoder.set_inventory(inventory(&BOTH[..1]));
    let counters = process.invoke(&[3, 4], &["eni-1"]);
    assert_eq!(
        (counters.flows_exported, counters.duplicate_both_ends),
        (2, 0)
    );
}

#[test]
fn without_an_inventory_both_ends_count() {
    let counters = Process::new(Inventory::new()).invoke(&[1, 2], &["eni-1", "eni-2"]);
    assert_eq!(counters.flows_exported, 4);
}
