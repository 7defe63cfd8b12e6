//! Every packet counts once: random networks, the flow logs that AWS would write, and the sums of a collector.
//!
//! A network is made (`network`), packets go through and are seen at both ends of every leg (`traffic`, `sight`), AWS writes
//! records of unaligned capture windows, loses some, and delivers out of order and more than once (`aws`), the transcoder
//! exports, a foreign decoder adds up (`collector`), and the sums and counters are compared with the way of each packet
//! (`expected`). Cases where nobody can count exactly are in `changes`.

mod aws;
mod changes;
mod collector;
mod expected;
mod flow_logs;
mod network;
mod random;
mod sight;
mod traffic;

use std::collections::BTreeMap;

use flowlogs_core::dedup::{self, DirectionFilter};
use flowlogs_core::{
    Counters, Formats, LogFormat, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};

use crate::aws::{Delivery, Stream, Written};
use crate::collector::Collector;
use crate::expected::Chosen;
use crate::network::{ACCOUNTS, Network, REGION};
use crate::random::Random;
use crate::traffic::Traffics;

/// A process of the function, and the process's collector.
struct Process {
    transcoder: Transcoder,
    source: RecordSource,
    collector: Collector,
    transport: Transport,
}

impl Process {
    fn new(network: &Network, traffic: &Traffics, chosen: Chosen, random: &mut Random) -> Self {
        let transport = *random.pick(&[Transport::Datagram, Transport::Stream]);
        let collectors = traffic
            .collector
            .filter(|_| chosen.exclude_collector)
            .map(|address| dedup::CollectorAddress {
                address,
                port: traffic::COLLECTOR_PORT,
                protocol: 17,
            });
        let settings = TranscoderSettings {
            dedup: dedup::DedupSettings {
                deduplicate: chosen.deduplicate,
                source_filtered: chosen.source_filtered,
                direction: chosen.direction,
                collectors: collectors.into_iter().collect(),
                seed: random.next(),
            },
            ..TranscoderSettings::default()
        };
        let mut transcoder = Transcoder::new(settings, &[transport]);
        transcoder.set_inventory(network.inventory());
        let destination = network.destination();
        let formats = transcoder
            .inventory()
            .formats_for(Some(&destination))
            .map(|text| LogFormat::parse(text).expect("simulated"));
        let formats = Formats::of_flow_logs(formats);
        let mut source = RecordSource::new(Some(destination), formats);
        source.set_account_and_region(Some(ACCOUNTS[0]), Some(REGION));
        Self {
            transcoder,
            source,
            collector: Collector::default(),
            transport,
        }
    }

    /// Takes a delivery; a failed delivery comes again.
    fn take(
        &mut self,
        network: &Network,
        written: &Written,
        delivery: &Delivery,
        random: &mut Random,
    ) -> Counters {
        let stream = format!("{:?}", delivery.stream);
        self.source.set_stream(Some(&stream));
        if let Stream::OfFlowLog(log) = delivery.stream {
            let bucket = [network.destination()];
            let id = network.logs[log].id.as_str();
            self.source.set_destinations(&bucket, Some(id));
        }
        let mut fails_at = delivery.fails_first.then(|| random.index(3));
        self.transcoder.begin(delivery.at * 1_000);
        loop {
            let mut messages = Vec::new();
            let attempt = self.attempt(network, written, delivery, |message| {
                if fails_at == Some(messages.len()) {
                    return Err("the connection is gone");
                }
                messages.push(message.to_vec());
                Ok(SendOutcome::Sent)
            });
            let counters = self.transcoder.take_report().counters;
            assert!(counters.is_balanced() || attempt.is_err(), "{counters:?}");
            if attempt.is_ok() {
                self.transcoder.commit();
                messages
                    .iter()
                    .for_each(|message| self.collector.receive(message));
                return counters;
            }
            // Nothing has arrived; the delivery comes again, in this process.
            self.transcoder.rollback();
            if self.transport == Transport::Stream {
                self.transcoder.restart_session(0);
                self.collector.restart();
            }
            self.transcoder.begin(delivery.at * 1_000 + 1);
            fails_at = None;
        }
    }

    fn attempt(
        &mut self,
        network: &Network,
        written: &Written,
        delivery: &Delivery,
        mut send: impl FnMut(&[u8]) -> Result<SendOutcome, &'static str>,
    ) -> Result<(), &'static str> {
        let mut sink = |_: usize, _: MessageKind, message: &[u8]| send(message);
        self.source.formats.begin_object();
        if let Stream::OfFlowLog(log) = delivery.stream {
            let header = network.logs[log].format.replace(['$', '{', '}'], "");
            let header = LogLine {
                id: None,
                timestamp: None,
                text: header.as_bytes(),
            };
            self.transcoder.line(&mut self.source, header, &mut sink)?;
        }
        for line in delivery.lines.iter().map(|&index| &written.lines[index]) {
            let line = LogLine {
                id: Some(line.id.as_bytes()),
                timestamp: Some(line.timestamp),
                text: line.text.as_bytes(),
            };
            self.transcoder.line(&mut self.source, line, &mut sink)?;
        }
        self.transcoder.flush(&mut sink)
    }
}

/// Delivers everything written to the processes, and adds up the sums of all collectors.
fn transcode(
    network: &Network,
    written: &Written,
    traffic: &Traffics,
    chosen: Chosen,
    random: &mut Random,
) -> (Collector, Counters) {
    let mut processes: Vec<Process> = (0..chosen.environments)
        .map(|_| Process::new(network, traffic, chosen, random))
        .collect();
    let mut counters = Counters::default();
    for delivery in &written.deliveries {
        let number = delivery.environment % chosen.environments;
        let process = &mut processes[usize::try_from(number).expect("small")];
        counters.add(&process.take(network, written, delivery, random));
    }
    let mut all = Collector::default();
    for process in processes {
        all.add_up(process.collector);
    }
    (all, counters)
}

/// Makes the network of a number, replays its traffic, and compares all sums.
fn check(number: u64, is_clean: bool) -> Counters {
    let mut random = Random::new(2 * number + u64::from(is_clean));
    let network = Network::random(&mut random, is_clean);
    let duration = *random.pick(&[180, 600, 2_700]);
    let traffic = traffic::simulate(&network, &mut random, duration);
    let lost = if is_clean { 0 } else { *random.pick(&[0, 3]) };
    let written = aws::write(&network, &traffic.seen, &mut random, lost);
    let chosen = Chosen {
        deduplicate: is_clean || random.percent(85),
        direction: match random.index(8) {
            0 if !is_clean => DirectionFilter::Ingress,
            1 if !is_clean => DirectionFilter::Egress,
            _ => DirectionFilter::Both,
        },
        exclude_collector: random.percent(80),
        source_filtered: !is_clean && random.percent(10),
        environments: *random.pick(&[1, 1, 2, 4]),
    };
    let expected = expected::expect(&network, &written, chosen);
    let (collector, counters) = transcode(&network, &written, &traffic, chosen, &mut random);

    let place = || format!("network {number}, {chosen:?}");
    let ours = Counters {
        messages_sent: 0,
        bytes_sent: 0,
        options_records: 0,
        unknown_direction: 0,
        ..counters
    };
    assert_eq!(ours, expected.counters, "counters of {}", place());
    assert_eq!(
        collector.flows,
        counters.flows_exported,
        "flows of {}",
        place()
    );
    for (flow, want) in &expected.totals {
        assert_eq!(
            collector.totals.get(flow),
            Some(want),
            "{flow:?} of {}",
            place()
        );
    }
    assert_eq!(
        collector.totals.len(),
        expected.totals.len(),
        "flows that nobody sent in {}",
        place()
    );
    if is_clean && counters.doubled_records == 0 {
        bytes_sent_are_bytes_counted(&traffic, &collector, &place());
    }
    counters
}

/// The product's promise, without records, windows or rules: octets of a directed 5-tuple that reached the destination, and
/// octets rejected on the way, equal the sums of a collector.
fn bytes_sent_are_bytes_counted(traffic: &Traffics, collector: &Collector, place: &str) {
    // Ports tell conversations apart, under any address at an interface. ICMP has none.
    let mut sums: BTreeMap<(u16, u16, u8), [u64; 2]> = BTreeMap::new();
    for (flow, (_, octets)) in &collector.totals {
        let ports = (
            flow.tuple.source_port,
            flow.tuple.destination_port,
            flow.tuple.protocol,
        );
        sums.entry(ports).or_default()[usize::from(flow.status == 0x80)] += octets;
    }
    for sent in traffic.sent.iter().filter(|sent| sent.tuple.protocol != 1) {
        let ports = (
            sent.tuple.source_port,
            sent.tuple.destination_port,
            sent.tuple.protocol,
        );
        let counted = sums.get(&ports).copied().unwrap_or_default();
        assert_eq!(
            counted,
            [sent.accepted, sent.rejected],
            "{sent:?} in {place}"
        );
    }
}

#[test]
fn in_networks_that_are_observed_everywhere_the_bytes_counted_are_the_bytes_sent() {
    let mut counters = Counters::default();
    for number in 0..1_500 {
        counters.add(&check(number, true));
    }
    every_rule_had_work(&counters);
    assert_eq!(counters.filtered_by_direction + counters.skipped_windows, 0);
}

#[test]
fn in_any_network_each_flow_counts_where_it_should_and_each_rule_removes_what_it_should() {
    let mut counters = Counters::default();
    for number in 0..2_500 {
        counters.add(&check(number, false));
    }
    every_rule_had_work(&counters);
    assert!(counters.filtered_by_direction > 1_000 && counters.skipped_windows > 1_000);
}

/// Records of regional NAT gateways and of long capture windows are written in some networks.
#[test]
fn the_networks_have_regional_nat_gateways_and_both_aggregation_intervals() {
    let (mut regional, mut long) = (0, 0);
    for number in 0..100 {
        let mut random = Random::new(number);
        let network = Network::random(&mut random, false);
        let traffic = traffic::simulate(&network, &mut random, 600);
        let written = aws::write(&network, &traffic.seen, &mut random, 0);
        for line in &written.lines {
            let aws::Content::Flow(record) = line.content else {
                continue;
            };
            let place = written.records[record].sight.place;
            regional += usize::from(place == sight::Place::RegionalNat);
            long += usize::from(network.logs[line.log].interval == flow_logs::INTERVALS[1]);
        }
    }
    assert!(regional > 100 && long > 1_000, "{regional}, {long}");
}

/// Checks that every case occurs: nothing is proved of an empty set.
fn every_rule_had_work(counters: &Counters) {
    let work = [
        counters.flows_exported,
        counters.no_data,
        counters.duplicate_deliveries,
        counters.duplicate_records,
        counters.duplicate_both_ends,
        counters.duplicate_transit_gateway,
        counters.excluded_collector_traffic,
        counters.doubled_records,
    ];
    assert!(work.iter().all(|&count| count > 1_000), "{counters:?}");
    assert_eq!(counters.unparsed_records, 0);
}
