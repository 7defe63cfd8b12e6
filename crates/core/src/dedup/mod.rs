//! Which records count: every packet is recorded at several places and delivered at least once, and must be counted once.
//!
//! A [`Deduplicator`] stands between the parser and the encoder and gives each flow a [`DedupVerdict`]. It asks the
//! [`Inventory`] which way a flow went ([`direction()`]) and the [`Coverage`] of the source who else saw it. The rules
//! pick an observation point; they never match counters across interfaces, because capture windows are not aligned.

mod coverage;
mod direction;
mod event_ids;
mod fingerprints;
mod identical;
mod window;

use std::net::IpAddr;

use crate::choice::choices;
use crate::flowlog::{Field, FieldSet, FlowAction, FlowDirection, FlowRecord, RecordKind};
use crate::network::NetworkInterface;

pub use coverage::Coverage;
pub use direction::direction;
pub use event_ids::{DELIVERIES, DELIVERY_MINUTES};
pub use identical::{CAPTURE_MINUTES, Observer, RECORDS};

/// What a [`Deduplicator`] is to do.
#[derive(Debug, Clone)]
pub struct DedupSettings {
    /// Whether the four rules apply.
    pub deduplicate: bool,
    /// Which directions are exported at all.
    pub direction: DirectionFilter,
    /// Flows to and from these are left out: they are the transcoder's own. Empty leaves nothing out.
    pub collectors: Vec<CollectorAddress>,
    /// Seed of the fingerprints; a random one keeps anybody from making two flows look like one.
    pub seed: u64,
}

impl Default for DedupSettings {
    /// The documented defaults, with a seed for tests.
    fn default() -> Self {
        Self {
            deduplicate: true,
            direction: DirectionFilter::default(),
            collectors: Vec::new(),
            seed: 0,
        }
    }
}

/// Which directions are exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DirectionFilter {
    /// Both, and flows of unknown direction.
    #[default]
    Both,
    /// Ingress, and flows of unknown direction.
    Ingress,
    /// Egress, and flows of unknown direction. Rules 3 and 4 do not apply: the record that they keep is an ingress
    /// record, so the flow would vanish.
    Egress,
}

choices!(DirectionFilter, "both, ingress, egress", "both" => Self::Both, "ingress" => Self::Ingress, "egress" => Self::Egress);

/// Where a collector listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectorAddress {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// 6 for TCP and TLS, 17 for UDP.
    pub protocol: u8,
}

/// Whether a flow is exported, or which rule leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DedupVerdict {
    /// It is exported.
    Keep,
    /// Rule 2: an identical record was seen.
    DuplicateRecord,
    /// Rule 3: the egress record of a gateway whose ingress record is there as well.
    DuplicateTransitGateway,
    /// Rule 4: the egress record of a flow that is recorded where it arrives.
    DuplicateBothEnds,
    /// The direction is not wanted.
    FilteredByDirection,
    /// The transcoder's own traffic.
    ExcludedCollectorTraffic,
}

/// Decides, record by record, and remembers what it must.
///
/// What it learns is provisional until [`commit`](Self::commit): after [`rollback`](Self::rollback), the retry of a
/// failed invocation is exported as if it were the first.
#[derive(Debug)]
pub struct Deduplicator {
    settings: DedupSettings,
    deliveries: event_ids::Deliveries,
    records: identical::Records,
}

impl Deduplicator {
    /// A deduplicator that has seen nothing.
    pub fn new(mut settings: DedupSettings) -> Self {
        let collectors = std::mem::take(&mut settings.collectors);
        let mut this = Self {
            deliveries: event_ids::Deliveries::new(settings.seed),
            records: identical::Records::new(settings.seed),
            settings,
        };
        this.set_collectors(collectors);
        this
    }

    /// Flows to and from these, and no others, are left out from now on.
    pub fn set_collectors(&mut self, mut collectors: Vec<CollectorAddress>) {
        for collector in &mut collectors {
            collector.address = collector.address.to_canonical();
        }
        self.settings.collectors = collectors;
    }

    /// Rule 1: whether this event id (or object version) was seen before; from now on it was. Never for an empty id.
    ///
    /// `time` is the event's timestamp in milliseconds since 1970: what is delivered again has the same.
    #[inline]
    pub fn delivered_before(&mut self, event_id: &[u8], time: Option<u64>) -> bool {
        self.settings.deduplicate
            && self
                .deliveries
                .seen_before(event_id, time.unwrap_or_default())
    }

    /// What happens to a flow. Records that are no flows (NODATA, SKIPDATA) are not asked about.
    ///
    /// `direction` is what [`direction()`] says; `interface` is what is known of the record's; `observer` is kept between records
    /// of one interface and format; `shared` are the fields that the source's formats of the record's kind have in common;
    /// `coverage` is that of the source.
    #[inline]
    pub fn decide(
        &mut self,
        record: &FlowRecord<'_>,
        direction: Option<FlowDirection>,
        interface: Option<&NetworkInterface>,
        observer: &mut Option<Observer>,
        shared: FieldSet,
        coverage: &Coverage,
    ) -> DedupVerdict {
        if !self.settings.collectors.is_empty() && self.is_collector_traffic(record) {
            return DedupVerdict::ExcludedCollectorTraffic;
        }
        let unwanted = match self.settings.direction {
            DirectionFilter::Both => None,
            DirectionFilter::Ingress => Some(FlowDirection::Egress),
            DirectionFilter::Egress => Some(FlowDirection::Ingress),
        };
        if direction.is_some() && direction == unwanted {
            return DedupVerdict::FilteredByDirection;
        }
        if !self.settings.deduplicate {
            return DedupVerdict::Keep;
        }
        if self.records.seen_before(record, observer, shared) {
            return DedupVerdict::DuplicateRecord;
        }
        if direction != Some(FlowDirection::Egress)
            || self.settings.direction == DirectionFilter::Egress
        {
            return DedupVerdict::Keep;
        }
        match record.kind() {
            RecordKind::TransitGateway if seen_entering_the_gateway(record, coverage) => {
                DedupVerdict::DuplicateTransitGateway
            }
            RecordKind::Vpc if seen_arriving(record, interface, coverage) => {
                DedupVerdict::DuplicateBothEnds
            }
            _ => DedupVerdict::Keep,
        }
    }

    /// Everything that was decided since the last commit has been exported.
    pub fn commit(&mut self) {
        self.deliveries.commit();
        self.records.commit();
    }

    /// The records since the last commit have been exported, but their deliveries were not whole and will come again.
    pub fn commit_records(&mut self) {
        self.deliveries.rollback();
        self.records.commit();
    }

    /// The invocation failed: what was decided since the last commit will come again and must be exported then.
    pub fn rollback(&mut self) {
        self.deliveries.rollback();
        self.records.rollback();
    }

    /// Whether the flow is to or from a collector, by the interface's address or the packet's: a collector may listen on
    /// a secondary address or behind a gateway.
    fn is_collector_traffic(&self, record: &FlowRecord<'_>) -> bool {
        let protocol = record.number(Field::Protocol);
        let ends = [
            (
                Field::DestinationPort,
                Field::DestinationAddress,
                Field::PacketDestinationAddress,
            ),
            (
                Field::SourcePort,
                Field::SourceAddress,
                Field::PacketSourceAddress,
            ),
        ];
        self.settings.collectors.iter().any(|collector| {
            protocol == Some(u64::from(collector.protocol))
                && ends.iter().any(|&(port, address, packet_address)| {
                    record.number(port) == Some(u64::from(collector.port))
                        && [address, packet_address]
                            .iter()
                            .any(|&field| record.address(field) == Some(collector.address.into()))
                })
        })
    }
}

/// Rule 3, of an egress record: the whole gateway is observed, so the ingress record is there as well.
fn seen_entering_the_gateway(record: &FlowRecord<'_>, coverage: &Coverage) -> bool {
    record
        .text(Field::TgwId)
        .is_some_and(|gateway| coverage.whole_gateway(gateway))
}

/// Rule 4, of an egress record: it was accepted, and the interface that it is sent to, in the same VPC, is observed too.
fn seen_arriving(
    record: &FlowRecord<'_>,
    interface: Option<&NetworkInterface>,
    coverage: &Coverage,
) -> bool {
    if record.action() != Some(FlowAction::Accept) {
        return false;
    }
    let Some(destination) = record.address(Field::DestinationAddress) else {
        return false;
    };
    let vpc = record
        .text(Field::VpcId)
        .or_else(|| interface?.vpc.as_deref().map(str::as_bytes));
    vpc.is_some_and(|vpc| coverage.covers(vpc, destination))
        // What an interface sends to itself need not come back to it as a second record.
        && !interface.is_some_and(|interface| interface.has_address(destination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};
    use crate::network::{FlowLog, Inventory};

    const VPC: &str = "${interface-id} ${vpc-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} \
        ${bytes} ${start} ${end} ${action} ${flow-direction}";
    const GATEWAY: &str = "${tgw-id} ${tgw-attachment-id} ${tgw-pair-attachment-id} ${srcaddr} ${dstaddr} ${srcport} \
        ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${flow-direction}";

    fn address(text: &str) -> IpAddr {
        text.parse().expect("address of the test")
    }

    /// Two interfaces of one VPC that a flow log covers, and a gateway that one covers whole.
    fn inventory() -> Inventory {
        let mut inventory = Inventory::new();
        for (id, own) in [("eni-1", "10.0.0.5"), ("eni-2", "10.0.0.6")] {
            inventory.insert_interface(NetworkInterface {
                id: id.to_owned(),
                vpc: Some("vpc-1".to_owned()),
                addresses: vec![address(own).into()],
                ..NetworkInterface::default()
            });
        }
        for resource in ["vpc-1", "tgw-1", "tgw-attach-9"] {
            inventory.insert_flow_log(FlowLog {
                id: format!("fl-{resource}"),
                resource: resource.to_owned(),
                ..FlowLog::default()
            });
        }
        inventory
    }

    fn on() -> DedupSettings {
        DedupSettings::default()
    }

    fn decide(deduplicator: &mut Deduplicator, format: &str, line: &str) -> DedupVerdict {
        let inventory = inventory();
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record =
            FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("line of the test");
        let interface = record.interface().and_then(|id| inventory.interface(id));
        let direction = direction(&record, interface, &inventory);
        let coverage = Coverage::of(&inventory, None);
        deduplicator.decide(
            &record,
            direction,
            interface,
            &mut None,
            format.fields(),
            &coverage,
        )
    }

    fn verdict(settings: DedupSettings, format: &str, line: &str) -> DedupVerdict {
        decide(&mut Deduplicator::new(settings), format, line)
    }

    const LEAVING: &str =
        "eni-1 vpc-1 10.0.0.5 10.0.0.6 40000 443 6 7 4200 1763715600 1763715659 ACCEPT egress";
    const ARRIVING: &str =
        "eni-2 vpc-1 10.0.0.5 10.0.0.6 40000 443 6 7 4200 1763715600 1763715659 ACCEPT ingress";

    #[test]
    fn one_connection_seen_as_four_flows_is_exported_as_two() {
        let mut deduplicator = Deduplicator::new(on());
        let back =
            |line: &str| line.replace("10.0.0.5 10.0.0.6 40000 443", "10.0.0.6 10.0.0.5 443 40000");
        let verdicts = [
            LEAVING.to_owned(),
            ARRIVING.to_owned(),
            back(LEAVING).replace("eni-1", "eni-2"),
            back(ARRIVING).replace("eni-2", "eni-1"),
        ]
        .map(|line| decide(&mut deduplicator, VPC, &line));
        use DedupVerdict::{DuplicateBothEnds as Dropped, Keep};
        assert_eq!(verdicts, [Dropped, Keep, Dropped, Keep]);
    }

    #[test]
    fn the_vpc_and_the_direction_come_from_the_inventory_where_the_format_has_none() {
        let line = "eni-1 10.0.0.5 10.0.0.6 40000 443 6 ACCEPT";
        let format =
            "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action}";
        assert_eq!(verdict(on(), format, line), DedupVerdict::DuplicateBothEnds);
        assert_eq!(
            verdict(on(), format, &line.replace("eni-1", "eni-2")),
            DedupVerdict::Keep,
            "it arrives there"
        );
        assert_eq!(
            verdict(on(), format, &line.replace("eni-1", "eni-3")),
            DedupVerdict::Keep,
            "an unknown interface"
        );
    }

    #[test]
    fn only_an_accepted_egress_record_to_an_observed_address_of_its_vpc_is_dropped() {
        for (from, to) in [
            ("ACCEPT", "REJECT"),
            ("ACCEPT", "-"),
            ("egress", "ingress"),
            ("10.0.0.6", "203.0.113.5"),
            ("vpc-1", "vpc-2"),
            ("10.0.0.6", "10.0.0.5"),
        ] {
            assert_eq!(
                verdict(on(), VPC, &LEAVING.replacen(from, to, 1)),
                DedupVerdict::Keep,
                "{to} for {from}"
            );
        }
    }

    #[test]
    fn a_gateways_egress_record_is_dropped_where_all_of_it_is_observed() {
        let entering = "tgw-1 tgw-attach-1 tgw-attach-2 10.0.0.5 10.1.0.6 40000 443 6 7 4200 1763715600 1763715659 ingress";
        let leaving = "tgw-1 tgw-attach-2 tgw-attach-1 10.0.0.5 10.1.0.6 40000 443 6 7 4200 1763715600 1763715659 egress";
        let mut deduplicator = Deduplicator::new(on());
        assert_eq!(
            decide(&mut deduplicator, GATEWAY, entering),
            DedupVerdict::Keep
        );
        assert_eq!(
            decide(&mut deduplicator, GATEWAY, leaving),
            DedupVerdict::DuplicateTransitGateway
        );
        assert_eq!(
            decide(&mut deduplicator, GATEWAY, leaving),
            DedupVerdict::DuplicateRecord,
            "rule 2 comes first"
        );
        let elsewhere = leaving
            .replace("tgw-1 ", "tgw-9 ")
            .replace("tgw-attach-2", "tgw-attach-9");
        assert_eq!(
            decide(&mut deduplicator, GATEWAY, &elsewhere),
            DedupVerdict::Keep,
            "one attachment is observed"
        );
    }

    #[test]
    fn the_direction_filter_lets_unknown_directions_pass() {
        let only = |direction| DedupSettings { direction, ..on() };
        use DirectionFilter::{Egress, Ingress};
        assert_eq!(
            verdict(only(Ingress), VPC, LEAVING),
            DedupVerdict::FilteredByDirection
        );
        assert_eq!(verdict(only(Ingress), VPC, ARRIVING), DedupVerdict::Keep);
        assert_eq!(
            verdict(only(Egress), VPC, ARRIVING),
            DedupVerdict::FilteredByDirection
        );
        for direction in [Ingress, Egress] {
            assert_eq!(
                verdict(
                    only(direction),
                    "${srcaddr} ${dstaddr}",
                    "10.0.0.5 10.0.0.6"
                ),
                DedupVerdict::Keep
            );
        }
    }

    #[test]
    fn with_egress_alone_the_rules_that_keep_ingress_do_not_apply() {
        let egress = DedupSettings {
            direction: DirectionFilter::Egress,
            ..on()
        };
        assert_eq!(verdict(egress.clone(), VPC, LEAVING), DedupVerdict::Keep);
        let leaving = "tgw-1 tgw-attach-2 tgw-attach-1 10.0.0.5 10.1.0.6 40000 443 6 7 4200 1763715600 1763715659 egress";
        assert_eq!(verdict(egress, GATEWAY, leaving), DedupVerdict::Keep);
    }

    #[test]
    fn without_deduplication_only_the_filters_apply() {
        let mut off = Deduplicator::new(DedupSettings {
            deduplicate: false,
            direction: DirectionFilter::Ingress,
            ..DedupSettings::default()
        });
        assert_eq!(decide(&mut off, VPC, ARRIVING), DedupVerdict::Keep);
        assert_eq!(decide(&mut off, VPC, ARRIVING), DedupVerdict::Keep);
        assert_eq!(
            decide(&mut off, VPC, LEAVING),
            DedupVerdict::FilteredByDirection
        );
        assert!(!off.delivered_before(b"1", None) && !off.delivered_before(b"1", None));
    }

    #[test]
    fn a_collectors_traffic_is_told_by_address_port_and_protocol() {
        let collector = |text: &str| DedupSettings {
            collectors: vec![CollectorAddress {
                address: address(text),
                port: 4739,
                protocol: 17,
            }],
            ..DedupSettings::default()
        };
        let format =
            "${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${pkt-srcaddr} ${pkt-dstaddr}";
        let of = |line: &str| verdict(collector("10.0.0.9"), format, line);
        for own in [
            "10.0.0.5 10.0.0.9 50000 4739 17 - -",
            "10.0.0.9 10.0.0.5 4739 50000 17 - -",
            "10.0.0.5 10.0.0.220 50000 4739 17 10.0.0.5 10.0.0.9",
            "10.0.0.220 10.0.0.5 4739 50000 17 10.0.0.9 10.0.0.5",
        ] {
            assert_eq!(of(own), DedupVerdict::ExcludedCollectorTraffic, "{own}");
        }
        for other in [
            "10.0.0.5 10.0.0.9 50000 4739 6 - -",
            "10.0.0.5 10.0.0.9 4739 50000 17 - -",
            "10.0.0.5 10.0.0.9 - - - - -",
            "10.0.0.5 10.0.0.8 50000 4739 17 - -",
        ] {
            assert_eq!(of(other), DedupVerdict::Keep, "{other}");
        }
        let mapped = verdict(
            collector("::ffff:10.0.0.9"),
            format,
            "10.0.0.5 10.0.0.9 50000 4739 17 - -",
        );
        assert_eq!(mapped, DedupVerdict::ExcludedCollectorTraffic);
    }

    #[test]
    fn the_retry_of_a_failed_invocation_is_exported() {
        let mut deduplicator = Deduplicator::new(on());
        let invoke = |deduplicator: &mut Deduplicator| {
            (
                deduplicator.delivered_before(b"id", None),
                decide(deduplicator, VPC, ARRIVING),
            )
        };
        assert_eq!(invoke(&mut deduplicator), (false, DedupVerdict::Keep));
        deduplicator.rollback();
        assert_eq!(
            invoke(&mut deduplicator),
            (false, DedupVerdict::Keep),
            "the retry"
        );
        deduplicator.commit();
        assert_eq!(
            invoke(&mut deduplicator),
            (true, DedupVerdict::DuplicateRecord),
            "delivered again"
        );
        deduplicator.rollback();
        assert_eq!(
            invoke(&mut deduplicator),
            (true, DedupVerdict::DuplicateRecord),
            "what was exported stays known"
        );
    }
}
