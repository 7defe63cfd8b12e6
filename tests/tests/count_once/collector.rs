//! Sums of a collector, decoded by a foreign library.

use std::collections::BTreeMap;
use std::net::IpAddr;

use flowlogs_testing::wire;
use netflow_parser::variable_versions::field_value::FieldValue;
use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField as Element, IPFixField};
use netflow_parser::{NetflowPacket, NetflowParser};

use crate::sight::Tuple;

/// A flow at an observation point, in terms of IPFIX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    /// Observation domain.
    pub(crate) domain: u32,
    /// Element 61, where present.
    pub(crate) direction: Option<u8>,
    /// Elements 10 and 14.
    pub(crate) interfaces: (u32, u32),
    pub(crate) tuple: Tuple,
    /// Element 89.
    pub(crate) status: u8,
}

/// Packets and octets.
pub(crate) type Totals = BTreeMap<Flow, (u64, u64)>;

/// A collector.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    parser: NetflowParser,
    pub(crate) totals: Totals,
    pub(crate) flows: u64,
}

impl Collector {
    /// Begins a new transport session: announcements of the old session hold no longer.
    pub(crate) fn restart(&mut self) {
        self.parser = NetflowParser::default();
    }

    /// Adds the sums of another collector.
    pub(crate) fn add_up(&mut self, other: Self) {
        for (flow, (packets, octets)) in other.totals {
            let total = self.totals.entry(flow).or_default();
            total.0 += packets;
            total.1 += octets;
        }
        self.flows += other.flows;
    }

    /// Adds up one message.
    ///
    /// # Panics
    ///
    /// If the library finds a fault in the message.
    pub(crate) fn receive(&mut self, message: &[u8]) {
        let result = self.parser.parse_bytes(message);
        assert!(result.error.is_none(), "{:?}", result.error);
        for packet in &result.packets {
            let NetflowPacket::IPFix(packet) = packet else {
                panic!("not IPFIX")
            };
            for set in &packet.flowsets {
                match &set.body {
                    FlowSetBody::Data(data) => {
                        for record in &data.fields {
                            self.add(packet.header.observation_domain_id, record);
                        }
                    }
                    FlowSetBody::NoTemplate(template) => panic!("no template: {template:?}"),
                    _ => {}
                }
            }
        }
    }

    fn add(&mut self, domain: u32, record: &[(IPFixField, FieldValue)]) {
        let unknown = IpAddr::from([0, 0, 0, 0]);
        let mut flow = Flow {
            domain,
            direction: None,
            interfaces: (0, 0),
            tuple: Tuple {
                source: unknown,
                destination: unknown,
                source_port: 0,
                destination_port: 0,
                protocol: 0,
            },
            status: 0,
        };
        let (mut packets, mut octets) = (0, 0);
        for (element, value) in record {
            let IPFixField::IANA(element) = element else {
                continue;
            };
            let address = || IpAddr::try_from(value).expect("an address");
            match element {
                Element::SourceIpv4address | Element::SourceIpv6address => {
                    flow.tuple.source = address()
                }
                Element::DestinationIpv4address | Element::DestinationIpv6address => {
                    flow.tuple.destination = address()
                }
                Element::SourceTransportPort => flow.tuple.source_port = small(value),
                Element::DestinationTransportPort => flow.tuple.destination_port = small(value),
                Element::ProtocolIdentifier => flow.tuple.protocol = small(value),
                Element::FlowDirection => flow.direction = Some(small(value)),
                Element::IngressInterface => flow.interfaces.0 = small(value),
                Element::EgressInterface => flow.interfaces.1 = small(value),
                Element::ForwardingStatus => flow.status = small(value),
                Element::PacketDeltaCount => packets = number(value),
                Element::OctetDeltaCount => octets = number(value),
                _ => {}
            }
        }
        let total = self.totals.entry(flow).or_default();
        total.0 += packets;
        total.1 += octets;
        self.flows += 1;
    }
}

fn number(value: &FieldValue) -> u64 {
    let mut octets = Vec::new();
    value.write_be_bytes(&mut octets).expect("a Vec grows");
    wire::number(&octets)
}

fn small<T: TryFrom<u64>>(value: &FieldValue) -> T
where
    T::Error: std::fmt::Debug,
{
    T::try_from(number(value)).expect("fits its element")
}
