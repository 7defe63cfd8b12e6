//! What the transcoder knows of the network: interfaces, VPCs, transit gateways, attachments, flow logs.
//!
//! Plain data, indexed for look-up. Who filled it (EC2, a file, a test) is not this crate's business; an empty
//! inventory is a valid one, with which nothing can be derived and rules 3 and 4 do not run.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;

use super::Address;
use super::{IdMap, Identified};
use crate::flowlog::{FlowRecord, RecordKind};

/// An elastic network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkInterface {
    /// `eni-…`
    pub id: String,
    /// The value of its tag `Name`.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// `InterfaceType` as EC2 writes it: `interface`, `natGateway`, `lambda`, …
    pub kind: Option<String>,
    /// The instance that it is attached to, `i-…`.
    pub instance: Option<String>,
    /// `subnet-…`
    pub subnet: Option<String>,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// Availability zone: its id (`euc1-az2`, as in `az-id`), else its name.
    pub zone: Option<String>,
    /// LogStatus `available`: attached to nothing, so it records no flow, and its addresses are nobody's.
    pub detached: bool,
    /// Private IPv4 addresses (primary and secondary) and IPv6 addresses.
    pub addresses: Vec<Address>,
    /// Delegated prefixes: first address and length in bits.
    pub prefixes: Vec<(IpAddr, u8)>,
}

impl NetworkInterface {
    /// Whether the address is one of the interface's own, by itself or within a delegated prefix.
    #[inline]
    pub fn has_address(&self, address: Address) -> bool {
        self.addresses.contains(&address)
            || !self.prefixes.is_empty() && self.has_prefix_of(address)
    }

    fn has_prefix_of(&self, address: Address) -> bool {
        self.prefixes.iter().any(|&(first, length)| {
            let length = bit_length(first, length);
            mask(bits(first), length) == mask(address.to_ipv6_bits(), length)
        })
    }
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// The value of its tag `Name`.
    pub name: Option<String>,
}

/// A transit gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransitGateway {
    /// `tgw-…`
    pub id: String,
    /// The value of its tag `Name`.
    pub name: Option<String>,
}

/// An attachment of a transit gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayAttachment {
    /// `tgw-attach-…`
    pub id: String,
    /// The gateway, `tgw-…`.
    pub gateway: Option<String>,
    /// The value of its tag `Name`.
    pub name: Option<String>,
    /// `vpc`, `vpn`, `peering`, …
    pub resource_type: Option<String>,
    /// What is attached: `vpc-…`, `vpn-…`, `tgw-…`, …
    pub resource: Option<String>,
}

/// Which traffic a flow log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficType {
    /// `ALL`
    All,
    /// `ACCEPT`
    Accept,
    /// `REJECT`
    Reject,
    /// A word that this version does not know; it is not relied upon.
    Other,
}

impl TrafficType {
    /// What `TrafficType` says.
    pub fn of_word(word: &str) -> Self {
        match word {
            "ALL" => Self::All,
            "ACCEPT" => Self::Accept,
            "REJECT" => Self::Reject,
            _ => Self::Other,
        }
    }
}

/// A flow log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowLog {
    /// `fl-…`
    pub id: String,
    /// What it observes: `vpc-…`, `subnet-…`, `eni-…`, `tgw-…`, `tgw-attach-…`, `nat-…`.
    pub resource: String,
    /// Which traffic it records; nothing means all, as with transit gateways, where AWS gives none.
    pub traffic: Option<TrafficType>,
    /// Where it delivers: the name of a log group or bucket, else an ARN ([`destination_name`]).
    pub destination: Option<String>,
    /// The record format, `${…} ${…}`.
    pub format: Option<String>,
    /// `DeliverLogsStatus` is `FAILED`: nothing is delivered, so nothing may be left out because of this flow log.
    pub failing: bool,
}

impl Identified for NetworkInterface {
    fn id(&self) -> &[u8] {
        self.id.as_bytes()
    }
}

impl Identified for FlowLog {
    fn id(&self) -> &[u8] {
        self.id.as_bytes()
    }
}

type Map<T> = HashMap<Box<[u8]>, T, FixedState>;

/// Everything that is known, by id. Inserting what is there replaces it.
///
/// ```
/// use flowlogs_core::network::{Inventory, NetworkInterface};
///
/// let mut inventory = Inventory::new();
/// inventory.insert_interface(NetworkInterface {
///     id: "eni-1235b8ca123456789".into(),
///     name: Some("web-1".into()),
///     addresses: vec!["172.31.16.21".parse()?],
///     ..NetworkInterface::default()
/// });
/// assert!(inventory.knows(b"eni-1235b8ca123456789"));
/// assert!(inventory.interface(b"eni-1235b8ca123456789").unwrap().has_address("172.31.16.21".parse()?));
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    interfaces: IdMap<NetworkInterface>,
    vpcs: Map<Vpc>,
    gateways: Map<TransitGateway>,
    attachments: Map<GatewayAttachment>,
    flow_logs: IdMap<FlowLog>,
}

impl Inventory {
    /// An inventory that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing at all is known.
    pub fn is_empty(&self) -> bool {
        self.interfaces.as_slice().is_empty()
            && self.vpcs.is_empty()
            && self.gateways.is_empty()
            && self.attachments.is_empty()
            && self.flow_logs.as_slice().is_empty()
    }

    /// Whether anything with this id is known.
    pub fn knows(&self, id: &[u8]) -> bool {
        self.interfaces.contains(id)
            || self.vpcs.contains_key(id)
            || self.gateways.contains_key(id)
            || self.attachments.contains_key(id)
    }

    /// Adds or replaces an interface.
    pub fn insert_interface(&mut self, interface: NetworkInterface) {
        self.interfaces.insert(interface);
    }

    /// Adds or replaces a VPC.
    pub fn insert_vpc(&mut self, vpc: Vpc) {
        self.vpcs.insert(key(&vpc.id), vpc);
    }

    /// Adds or replaces a transit gateway.
    pub fn insert_gateway(&mut self, gateway: TransitGateway) {
        self.gateways.insert(key(&gateway.id), gateway);
    }

    /// Adds or replaces an attachment.
    pub fn insert_attachment(&mut self, attachment: GatewayAttachment) {
        self.attachments.insert(key(&attachment.id), attachment);
    }

    /// Adds or replaces a flow log.
    pub fn insert_flow_log(&mut self, flow_log: FlowLog) {
        self.flow_logs.insert(flow_log);
    }

    /// Adds everything that the other one knows; where both know something, the other one's word counts.
    pub fn merge(&mut self, other: Self) {
        self.interfaces.extend(other.interfaces);
        self.vpcs.extend(other.vpcs);
        self.gateways.extend(other.gateways);
        self.attachments.extend(other.attachments);
        self.flow_logs.extend(other.flow_logs);
    }

    /// The interface `eni-…`.
    pub fn interface(&self, id: &[u8]) -> Option<&NetworkInterface> {
        self.interfaces.get(id)
    }

    /// The place of the interface that a VPC record was captured on.
    pub(crate) fn interface_of(&self, record: &FlowRecord<'_>) -> Option<usize> {
        match record.kind() {
            RecordKind::Vpc => self.interfaces.place(record.interface()?),
            RecordKind::TransitGateway => None,
        }
    }

    /// The interface at a place.
    pub(crate) fn interface_at(&self, place: usize) -> Option<&NetworkInterface> {
        self.interfaces.as_slice().get(place)
    }

    /// All interfaces, in the order in which they became known.
    pub fn interfaces(&self) -> impl Iterator<Item = &NetworkInterface> {
        self.interfaces.as_slice().iter()
    }

    /// The VPC `vpc-…`.
    pub fn vpc(&self, id: &[u8]) -> Option<&Vpc> {
        self.vpcs.get(id)
    }

    /// The transit gateway `tgw-…`.
    pub fn gateway(&self, id: &[u8]) -> Option<&TransitGateway> {
        self.gateways.get(id)
    }

    /// The attachment `tgw-attach-…`.
    pub fn attachment(&self, id: &[u8]) -> Option<&GatewayAttachment> {
        self.attachments.get(id)
    }

    /// Returns all VPCs, in no particular order.
    pub fn vpcs(&self) -> impl Iterator<Item = &Vpc> {
        self.vpcs.values()
    }

    /// Returns all transit gateways, in no particular order.
    pub fn gateways(&self) -> impl Iterator<Item = &TransitGateway> {
        self.gateways.values()
    }

    /// Returns all attachments of transit gateways, in no particular order.
    pub fn attachments(&self) -> impl Iterator<Item = &GatewayAttachment> {
        self.attachments.values()
    }

    /// All flow logs, in the order in which they became known.
    pub fn flow_logs(&self) -> &[FlowLog] {
        self.flow_logs.as_slice()
    }

    /// The flow logs that deliver to this log group, bucket or ARN; all of them where the source does not say.
    pub fn flow_logs_to(&self, destination: Option<&str>) -> impl Iterator<Item = &FlowLog> {
        let wanted = destination.map(destination_name);
        self.flow_logs()
            .iter()
            .filter(move |flow_log| match wanted {
                Some(name) => flow_log.destination.as_deref().map(destination_name) == Some(name),
                None => true,
            })
    }

    /// The formats of the flow logs that deliver there, each flow log's own, repeated where several have the same.
    pub fn formats_for(&self, destination: Option<&str>) -> impl Iterator<Item = &str> {
        self.flow_logs_to(destination)
            .filter_map(|flow_log| flow_log.format.as_deref())
    }
}

/// The name by which flow logs and what they delivered find each other: the log group of
/// `arn:aws:logs:…:log-group:NAME:*`, the bucket of `arn:aws:s3:::BUCKET/prefix/`; any other text as it is.
pub fn destination_name(text: &str) -> &str {
    let mut parts = text.splitn(6, ':');
    if parts.next() != Some("arn") {
        return text;
    }
    let (service, resource) = (parts.nth(1), parts.nth(2));
    match (service, resource) {
        (Some("logs"), Some(resource)) => match resource.strip_prefix("log-group:") {
            Some(name) => name.split(':').next().unwrap_or(name), // a colon is in no name
            None => text,
        },
        (Some("s3"), Some(resource)) => resource.split('/').next().unwrap_or(resource),
        _ => text,
    }
}

/// An address as one number, IPv4 as the IPv6 address that it maps to.
pub(crate) fn bits(address: IpAddr) -> u128 {
    Address::from(address).to_ipv6_bits()
}

/// The length of a prefix, counted in the 128 bits of [`bits`].
pub(crate) fn bit_length(first: IpAddr, length: u8) -> u8 {
    match first {
        IpAddr::V4(_) => length.min(32) + 96,
        IpAddr::V6(_) => length.min(128),
    }
}

/// The first `length` bits.
pub(crate) fn mask(bits: u128, length: u8) -> u128 {
    bits & u128::MAX
        .checked_shl(u32::from(128 - length))
        .unwrap_or_default()
}

fn key(id: &str) -> Box<[u8]> {
    id.as_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    fn flow_log(id: &str, destination: Option<&str>, format: &str) -> FlowLog {
        FlowLog {
            id: id.to_owned(),
            resource: "vpc-1".to_owned(),
            destination: destination.map(str::to_owned),
            format: Some(format.to_owned()),
            ..FlowLog::default()
        }
    }

    #[test]
    fn inserting_an_id_again_replaces_what_was_known() {
        let mut inventory = Inventory::new();
        assert!(inventory.is_empty());
        for name in ["old", "new"] {
            inventory.insert_vpc(Vpc {
                id: "vpc-1".to_owned(),
                name: Some(name.to_owned()),
            });
            inventory.insert_flow_log(flow_log("fl-1", Some(name), "${bytes}"));
        }
        assert_eq!(
            inventory.vpc(b"vpc-1").and_then(|vpc| vpc.name.as_deref()),
            Some("new")
        );
        assert_eq!(inventory.flow_logs().len(), 1);
        assert_eq!(inventory.flow_logs()[0].destination.as_deref(), Some("new"));
    }

    #[test]
    fn each_kind_of_thing_alone_is_something_known() {
        let some = |fill: &dyn Fn(&mut Inventory)| {
            let mut inventory = Inventory::new();
            fill(&mut inventory);
            inventory
        };
        let id = || "x-1".to_owned();
        let interface = NetworkInterface {
            id: id(),
            ..NetworkInterface::default()
        };
        let vpc = Vpc {
            id: id(),
            name: None,
        };
        let gateway = TransitGateway {
            id: id(),
            name: None,
        };
        let attachment = GatewayAttachment {
            id: id(),
            ..GatewayAttachment::default()
        };
        for inventory in [
            some(&|inventory| inventory.insert_interface(interface.clone())),
            some(&|inventory| inventory.insert_vpc(vpc.clone())),
            some(&|inventory| inventory.insert_gateway(gateway.clone())),
            some(&|inventory| inventory.insert_attachment(attachment.clone())),
        ] {
            assert!(
                !inventory.is_empty() && inventory.knows(b"x-1"),
                "{inventory:?}"
            );
            assert!(!inventory.knows(b"x-2"), "{inventory:?}");
            assert!(inventory.gateway(b"x-2").is_none());
        }
        let flow_logs = some(&|inventory| inventory.insert_flow_log(flow_log("fl-1", None, "")));
        assert!(!flow_logs.is_empty());
    }

    #[test]
    fn an_interface_is_at_its_place() {
        let mut inventory = Inventory::new();
        for number in [0, 1, 2, 1] {
            inventory.insert_interface(NetworkInterface {
                id: format!("eni-{number}"),
                ..NetworkInterface::default()
            });
        }
        let mut values = RecordValues::default();
        for (format, line, id) in [
            ("${interface-id} ${bytes}", "eni-2 1", Some("eni-2")),
            ("${interface-id} ${bytes}", "eni-1 1", Some("eni-1")),
            ("${interface-id} ${bytes}", "eni-3 1", None),
            ("${tgw-attachment-id} ${bytes}", "eni-1 1", None),
        ] {
            let format = LogFormat::parse(format).expect("format of the test");
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            let place = inventory.interface_of(&record.expect("line of the test"));
            let found = place.and_then(|place| inventory.interface_at(place));
            assert_eq!(found.map(|interface| interface.id.as_str()), id, "{line}");
        }
        assert_eq!(inventory.interface_at(3), None);
    }

    #[test]
    fn kinds_of_traffic_are_the_words_of_ec2() {
        assert_eq!(
            ["ALL", "ACCEPT", "REJECT", "all"].map(TrafficType::of_word),
            [
                TrafficType::All,
                TrafficType::Accept,
                TrafficType::Reject,
                TrafficType::Other
            ]
        );
    }

    #[test]
    fn merging_takes_the_later_word() {
        let mut first = Inventory::new();
        first.insert_flow_log(flow_log("fl-1", None, "${bytes}"));
        first.insert_gateway(TransitGateway {
            id: "tgw-1".to_owned(),
            name: None,
        });
        let mut second = Inventory::new();
        second.insert_flow_log(flow_log("fl-1", None, "${packets}"));
        second.insert_attachment(GatewayAttachment {
            id: "tgw-attach-1".to_owned(),
            ..GatewayAttachment::default()
        });
        first.merge(second);
        assert_eq!(first.formats_for(None).collect::<Vec<_>>(), ["${packets}"]);
        assert!(first.gateway(b"tgw-1").is_some() && first.attachment(b"tgw-attach-1").is_some());
    }

    #[test]
    fn formats_are_those_of_the_flow_logs_with_this_destination() {
        let mut inventory = Inventory::new();
        let group = "arn:aws:logs:eu-central-1:123456789012:log-group:flows:*";
        inventory.insert_flow_log(flow_log("fl-1", Some(group), "a"));
        inventory.insert_flow_log(flow_log("fl-2", Some("flows"), "b"));
        inventory.insert_flow_log(flow_log("fl-3", Some("others"), "c"));
        inventory.insert_flow_log(flow_log("fl-4", None, "d"));
        let formats = |destination| inventory.formats_for(destination).collect::<String>();
        assert_eq!(formats(Some("flows")), "ab");
        assert_eq!(formats(Some(group)), "ab");
        assert_eq!(formats(Some("nobody")), "");
        assert_eq!(formats(None), "abcd");
    }

    #[test]
    fn destinations_are_named_by_log_group_bucket_or_arn() {
        for (text, name) in [
            ("flows", "flows"),
            ("/aws/vpc/flows", "/aws/vpc/flows"),
            (
                "arn:aws:logs:eu-central-1:1:log-group:/aws/vpc/flows:*",
                "/aws/vpc/flows",
            ),
            (
                "arn:aws:logs:eu-central-1:1:log-group:/aws/vpc/flows",
                "/aws/vpc/flows",
            ),
            ("arn:aws-cn:s3:::bucket/prefix/", "bucket"),
            ("arn:aws:s3:::bucket", "bucket"),
            (
                "arn:aws:firehose:eu-central-1:1:deliverystream/x",
                "arn:aws:firehose:eu-central-1:1:deliverystream/x",
            ),
            ("arn:aws", "arn:aws"),
            ("", ""),
        ] {
            assert_eq!(destination_name(text), name);
        }
    }

    #[test]
    fn an_interface_has_its_addresses_and_those_of_its_prefixes() {
        let address = |text: &str| text.parse::<IpAddr>().expect("address of the test");
        let interface = NetworkInterface {
            addresses: vec![address("10.0.0.5").into(), address("2001:db8::5").into()],
            prefixes: vec![(address("10.0.1.16"), 28), (address("2001:db8:1::"), 80)],
            ..NetworkInterface::default()
        };
        for own in [
            "10.0.0.5",
            "2001:db8::5",
            "10.0.1.16",
            "10.0.1.31",
            "2001:db8:1::ffff:1",
        ] {
            assert!(interface.has_address(address(own).into()), "{own}");
        }
        for other in [
            "10.0.0.6",
            "10.0.1.15",
            "10.0.1.32",
            "2001:db8:1:0:1::",
            "::10.0.0.5",
        ] {
            assert!(!interface.has_address(address(other).into()), "{other}");
        }
    }

    #[test]
    fn masks_of_every_length_are_defined() {
        assert_eq!(mask(u128::MAX, 0), 0);
        assert_eq!(mask(u128::MAX, 1), 1 << 127);
        assert_eq!(mask(u128::MAX, 128), u128::MAX);
    }
}
