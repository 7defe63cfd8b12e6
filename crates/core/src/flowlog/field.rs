//! Field table: a row for every flow-log field documented by AWS.
//!
//! A row has the name of a field, the version that brought the field, its type, and its mapping. The parser's column
//! plan, the templates, `flowlogs fields` and `docs/field-mapping.md` are derived from the table.
//! CONTRIBUTING.md, "Add a field", says what next year's field needs beside its row. Elements come from [`crate::ipfix::element`], the only file of the next stage imported here.
//!
//! Sources: AWS "Flow log records" (VPC, versions 2 to 11) and "Transit Gateway Flow Logs" (versions 2 to 6).

use crate::ipfix::element::{self as e, InformationElement};

/// Conversion of the text of a column into a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// An unsigned decimal number, at most `max`; other text makes the record unparsable.
    Number {
        /// Largest value of the element.
        max: u64,
    },
    /// Unix seconds (or milliseconds, which occur in practice), kept as milliseconds.
    Time,
    /// An IPv4 or IPv6 address.
    Address,
    /// Exported text: an identifier, a name, a tag.
    Text(TextPattern),
    /// `ACCEPT` or `REJECT`; another word is an unknown action.
    Action,
    /// `OK`, `NODATA`, `SKIPDATA`; another word is an unknown status.
    Status,
    /// `ingress` or `egress`; another word is an unknown direction.
    Direction,
    /// Reason of a rejection: `BPA`, `EC`; another word is another reason.
    RejectReason,
    /// Skipped, whatever the column holds.
    Skip(TextPattern),
}

/// Usual pattern of a text column. A pattern never rejects a record, but decides between candidate formats with equally
/// many columns (see [`Formats`](super::Formats)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPattern {
    /// Any text.
    Any,
    /// Decimal digits.
    Digits,
    /// Digits, or the literal `unknown`.
    Account,
    /// An identifier with this prefix.
    Prefix(&'static str),
    /// Fixed words, as `IPv4`, `IPv6`, `EFA`.
    Words(&'static [&'static str]),
}

/// Documented Parquet type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// `INT_32`.
    Int32,
    /// `INT_64`.
    Int64,
    /// `STRING`.
    String,
}

/// Interface that a descriptive text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribedInterface {
    /// Interface of the record.
    Interface,
    /// `tgw-src-eni`.
    SourceEni,
    /// `tgw-dst-eni`.
    DestinationEni,
}

/// Mapping of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldMapping {
    /// Element of the flow record that holds the number as it is.
    Element(&'static InformationElement),
    /// Elements that a rule fills from this field, and from other fields in some cases.
    Derived {
        /// Elements of the flow record.
        flow: &'static [&'static InformationElement],
        /// Elements of options records or of the message header.
        options: &'static [&'static InformationElement],
    },
    /// Text within interfaceDescription (83) of the interface table.
    Description(DescribedInterface),
    /// None; the row has the reason.
    NotExported,
}

/// Row of the table.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// The field.
    pub field: Field,
    /// Name as AWS writes it in `${…}`, with hyphens.
    pub name: &'static str,
    /// Version of VPC flow logs that brought the field; `None` if VPC flow logs do not have the field.
    pub vpc: Option<u8>,
    /// Version of transit gateway flow logs that brought the field; `None` if transit gateways do not have the field.
    pub tgw: Option<u8>,
    /// Documented Parquet type.
    pub data_type: DataType,
    /// Conversion by the parser.
    pub column_type: ColumnType,
    /// Mapping to elements, a description, or nothing.
    pub mapping: FieldMapping,
    /// Meaning of `-` in this column.
    pub dash: &'static str,
    /// Reason for the mapping.
    pub reason: &'static str,
}

macro_rules! fields {
    ($($field:ident $name:literal $vpc:expr, $tgw:expr, $type:ident, $column_type:expr => $mapping:expr; $dash:literal; $reason:literal)*) => {
        /// Flow-log field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = concat!("`", $name, "`")] $field),*
        }

        /// The table: VPC fields in version order, then the fields of transit gateways alone.
        pub static FIELDS: [FieldSpec; FIELD_COUNT] = [$(FieldSpec {
            field: Field::$field,
            name: $name,
            vpc: $vpc,
            tgw: $tgw,
            data_type: DataType::$type,
            column_type: $column_type,
            mapping: $mapping,
            dash: $dash,
            reason: $reason,
        }),*];

        /// Number of fields.
        pub const FIELD_COUNT: usize = [$(Field::$field),*].len();
    };
}

const V2: Option<u8> = Some(2);
const V3: Option<u8> = Some(3);
const V4: Option<u8> = Some(4);
const V5: Option<u8> = Some(5);
const V6: Option<u8> = Some(6);
const V7: Option<u8> = Some(7);
const V8: Option<u8> = Some(8);
const V9: Option<u8> = Some(9);
const V10: Option<u8> = Some(10);
const V11: Option<u8> = Some(11);
const NO: Option<u8> = None;

const U8: ColumnType = ColumnType::Number {
    max: u8::MAX as u64,
};
const U16: ColumnType = ColumnType::Number {
    max: u16::MAX as u64,
};
const U64: ColumnType = ColumnType::Number { max: u64::MAX };
const TEXT: ColumnType = ColumnType::Text(TextPattern::Any);
const SKIP: ColumnType = ColumnType::Skip(TextPattern::Any);
const SKIP_DIGITS: ColumnType = ColumnType::Skip(TextPattern::Digits);
const FAMILIES: ColumnType = ColumnType::Skip(TextPattern::Words(&["IPv4", "IPv6", "EFA"]));
const SUBLOCATIONS: ColumnType =
    ColumnType::Text(TextPattern::Words(&["wavelength", "outpost", "localzone"]));
const INTERFACE_TYPES: TextPattern = TextPattern::Words(&[
    "nat_gateway",
    "network_load_balancer",
    "regional_nat_gateway",
    "transit_gateway",
    "vpc_endpoint",
]);
const TGW_RESOURCE: ColumnType = ColumnType::Skip(TextPattern::Words(&["TransitGateway"]));
const fn id(prefix: &'static str) -> ColumnType {
    ColumnType::Text(TextPattern::Prefix(prefix))
}
const fn skip_id(prefix: &'static str) -> ColumnType {
    ColumnType::Skip(TextPattern::Prefix(prefix))
}

const fn flow(elements: &'static [&'static InformationElement]) -> FieldMapping {
    FieldMapping::Derived {
        flow: elements,
        options: &[],
    }
}
const fn options(elements: &'static [&'static InformationElement]) -> FieldMapping {
    FieldMapping::Derived {
        flow: &[],
        options: elements,
    }
}
const DESCRIPTION: FieldMapping = FieldMapping::Description(DescribedInterface::Interface);
const SOURCE_ENI: FieldMapping = FieldMapping::Description(DescribedInterface::SourceEni);
const DESTINATION_ENI: FieldMapping = FieldMapping::Description(DescribedInterface::DestinationEni);
const NONE: FieldMapping = FieldMapping::NotExported;
const INTERFACE: FieldMapping = FieldMapping::Derived {
    flow: &[&e::INGRESS_INTERFACE, &e::EGRESS_INTERFACE],
    options: &[&e::INTERFACE_NAME, &e::INTERFACE_DESCRIPTION],
};
const APPLICATION: FieldMapping = FieldMapping::Derived {
    flow: &[&e::APPLICATION_ID],
    options: &[&e::APPLICATION_NAME, &e::APPLICATION_DESCRIPTION],
};
const LOSS: FieldMapping = flow(&[&e::DROPPED_PACKET_DELTA_COUNT, &e::FORWARDING_STATUS]);

fields! {
    Version "version" V2, V2, Int32, SKIP_DIGITS => NONE; "not applicable"; "describes the log format, not the flow"
    AccountId "account-id" V2, V2, String, ColumnType::Text(TextPattern::Account) => options(&[&e::OBSERVATION_DOMAIN_ID, &e::OBSERVATION_DOMAIN_NAME]); "the owner given with the source"; "with the region it is the virtual exporter: the observation domain of the message header, named in the domain table"
    InterfaceId "interface-id" V2, NO, String, id("eni-") => INTERFACE; "regional NAT gateway: resource-id takes its place"; "31-bit interface index, named in the interface table; the other side is the pseudo-interface ACCEPT or REJECT"
    SourceAddress "srcaddr" V2, V2, String, ColumnType::Address => flow(&[&e::SOURCE_IPV4_ADDRESS, &e::SOURCE_IPV6_ADDRESS]); "absent (NODATA, SKIPDATA)"; "the address at the interface, by family"
    DestinationAddress "dstaddr" V2, V2, String, ColumnType::Address => flow(&[&e::DESTINATION_IPV4_ADDRESS, &e::DESTINATION_IPV6_ADDRESS]); "absent (NODATA, SKIPDATA)"; "the address at the interface, by family"
    SourcePort "srcport" V2, V2, Int32, U16 => FieldMapping::Element(&e::SOURCE_TRANSPORT_PORT); "absent"; "as it is; ICMP has 0, and AWS gives no type and code"
    DestinationPort "dstport" V2, V2, Int32, U16 => FieldMapping::Element(&e::DESTINATION_TRANSPORT_PORT); "absent"; "as it is; ICMP has 0, and AWS gives no type and code"
    Protocol "protocol" V2, V2, Int32, U8 => FieldMapping::Element(&e::PROTOCOL_IDENTIFIER); "absent"; "IANA protocol number"
    Packets "packets" V2, V2, Int64, U64 => FieldMapping::Element(&e::PACKET_DELTA_COUNT); "absent"; "packets in this interval: a delta; 4 octets when both counters fit, else 8"
    Bytes "bytes" V2, V2, Int64, U64 => FieldMapping::Element(&e::OCTET_DELTA_COUNT); "absent (VPC Block Public Access)"; "IP octets in this interval: a delta; 4 octets when both counters fit, else 8"
    Start "start" V2, V2, Int64, ColumnType::Time => flow(&[&e::FLOW_START_MILLISECONDS, &e::FLOW_START_SECONDS]); "the event's timestamp"; "milliseconds by default: old collectors do not read the seconds elements"
    End "end" V2, V2, Int64, ColumnType::Time => flow(&[&e::FLOW_END_MILLISECONDS, &e::FLOW_END_SECONDS]); "the start"; "exchanged with the start if it is earlier (SwappedTimes); milliseconds by default: old collectors do not read the seconds elements"
    Action "action" V2, NO, String, ColumnType::Action => flow(&[&e::FORWARDING_STATUS, &e::INGRESS_INTERFACE, &e::EGRESS_INTERFACE]); "unknown: status 0"; "ACCEPT 0x40, REJECT 0x80; and pseudo-interface 1 or 2 on the side that is not the interface"
    LogStatus "log-status" V2, V2, String, ColumnType::Status => NONE; "as without the column"; "OK makes a flow, NODATA and SKIPDATA a counter"
    VpcId "vpc-id" V3, NO, String, id("vpc-") => FieldMapping::Derived { flow: &[&e::INGRESS_VRF_ID, &e::EGRESS_VRF_ID], options: &[&e::VRF_NAME] }; "absent"; "a VPC is an isolated routing domain: both sides of the interface are in it"
    SubnetId "subnet-id" V3, NO, String, id("subnet-") => DESCRIPTION; "absent (regional NAT gateway)"; "no element for a subnet; text of the interface"
    InstanceId "instance-id" V3, NO, String, id("i-") => options(&[&e::VIRTUAL_STATION_NAME]); "absent (requester-managed interface)"; "the station behind the interface, in the interface table"
    TcpFlags "tcp-flags" V3, V3, Int32, U8 => FieldMapping::Element(&e::TCP_CONTROL_BITS); "absent; 0 when the protocol is known and is not TCP"; "1 octet (RFC 9565); AWS gives a partial OR: no lone ACK or PSH in VPC flow logs"
    Type "type" V3, V3, String, FAMILIES => NONE; "not applicable"; "the address elements say the family"
    PacketSourceAddress "pkt-srcaddr" V3, NO, String, ColumnType::Address => flow(&[&e::POST_NAT_SOURCE_IPV4_ADDRESS, &e::POST_NAT_SOURCE_IPV6_ADDRESS]); "absent"; "only where a packet address differs from the interface's; ADDRESS=packet swaps the pairs"
    PacketDestinationAddress "pkt-dstaddr" V3, NO, String, ColumnType::Address => flow(&[&e::POST_NAT_DESTINATION_IPV4_ADDRESS, &e::POST_NAT_DESTINATION_IPV6_ADDRESS]); "absent"; "only where a packet address differs from the interface's; ADDRESS=packet swaps the pairs"
    Region "region" V4, V4, String, TEXT => options(&[&e::OBSERVATION_DOMAIN_NAME]); "the source's region"; "part of the observation domain's name"
    AzId "az-id" V4, NO, String, TEXT => DESCRIPTION; "absent (sublocation)"; "no element for a zone; text of the interface"
    SublocationType "sublocation-type" V4, NO, String, SUBLOCATIONS => DESCRIPTION; "not in a sublocation"; "no element; text of the interface"
    SublocationId "sublocation-id" V4, NO, String, TEXT => DESCRIPTION; "not in a sublocation"; "no element; text of the interface"
    PacketSourceService "pkt-src-aws-service" V5, V5, String, TEXT => APPLICATION; "not an AWS service"; "both services in one 4-octet applicationId (engine 6), named in the application table"
    PacketDestinationService "pkt-dst-aws-service" V5, V5, String, TEXT => APPLICATION; "not an AWS service"; "both services in one 4-octet applicationId (engine 6), named in the application table"
    FlowDirection "flow-direction" V5, V5, String, ColumnType::Direction => flow(&[&e::FLOW_DIRECTION]); "derived from the inventory, else absent"; "ingress 0, egress 1; decides which side the interface is on"
    TrafficPath "traffic-path" V5, NO, Int32, SKIP_DIGITS => NONE; "not applicable"; "no element for a kind of path (369 is an IANA interface type)"
    EcsClusterArn "ecs-cluster-arn" V7, NO, String, SKIP => NONE; "not an ECS task"; "longer than any description; ecs-cluster-name says it"
    EcsClusterName "ecs-cluster-name" V7, NO, String, TEXT => DESCRIPTION; "not an ECS task"; "an awsvpc task has an interface of its own: text of the interface"
    EcsContainerInstanceArn "ecs-container-instance-arn" V7, NO, String, SKIP => NONE; "Fargate"; "longer than any description"
    EcsContainerInstanceId "ecs-container-instance-id" V7, NO, String, SKIP => NONE; "Fargate"; "no element; does not fit beside cluster, service and task"
    EcsContainerId "ecs-container-id" V7, NO, String, SKIP => NONE; "not an ECS task"; "no element; does not fit beside cluster, service and task"
    EcsSecondContainerId "ecs-second-container-id" V7, NO, String, SKIP => NONE; "no second container"; "no element; does not fit beside cluster, service and task"
    EcsServiceName "ecs-service-name" V7, NO, String, TEXT => DESCRIPTION; "task was not started by a service"; "text of the interface"
    EcsTaskDefinitionArn "ecs-task-definition-arn" V7, NO, String, SKIP => NONE; "not an ECS task"; "longer than any description"
    EcsTaskArn "ecs-task-arn" V7, NO, String, SKIP => NONE; "not an ECS task"; "longer than any description; ecs-task-id says it"
    EcsTaskId "ecs-task-id" V7, NO, String, TEXT => DESCRIPTION; "not an ECS task"; "text of the interface"
    RejectReason "reject-reason" V8, NO, String, ColumnType::RejectReason => flow(&[&e::FORWARDING_STATUS]); "another reason"; "BPA and EC make a REJECT 0x81 (ACL deny); a reason without an action column means REJECT"
    ResourceId "resource-id" V9, NO, String, id("nat-") => INTERFACE; "not a regional NAT gateway"; "the interface where interface-id is -"
    EncryptionStatus "encryption-status" V10, NO, Int32, SKIP_DIGITS => NONE; "unknown"; "no element for link encryption (290 describes an application)"
    InstanceTag "instance-tag" V11, NO, String, TEXT => DESCRIPTION; "untagged"; "percent-decoded text of the interface"
    InstanceTag2 "instance-tag-2" V11, NO, String, TEXT => DESCRIPTION; "untagged"; "percent-decoded text of the interface"
    InterfaceTag "interface-tag" V11, NO, String, TEXT => DESCRIPTION; "untagged"; "percent-decoded text of the interface"
    InterfaceTag2 "interface-tag-2" V11, NO, String, TEXT => DESCRIPTION; "untagged"; "percent-decoded text of the interface"
    AsgTag "asg-tag" V11, NO, String, TEXT => DESCRIPTION; "untagged"; "percent-decoded text of the interface"
    AsgTag2 "asg-tag-2" V11, NO, String, TEXT => DESCRIPTION; "untagged"; "percent-decoded text of the interface"
    InterfaceType "interface-type" V11, NO, String, ColumnType::Text(INTERFACE_TYPES) => DESCRIPTION; "another type"; "text of the interface"
    NextHopInterfaceId "next-hop-interface-id" V11, NO, String, skip_id("eni-") => NONE; "not known to AWS"; "the next-hop elements (15, 62) hold addresses; 252/253 would misuse the physical port"
    NextHopSubnetId "next-hop-subnet-id" V11, NO, String, skip_id("subnet-") => NONE; "not known to AWS"; "no element for a subnet"
    NextHopAzId "next-hop-az-id" V11, NO, String, SKIP => NONE; "not known to AWS"; "no element for a zone"
    NextHopVpcId "next-hop-vpc-id" V11, NO, String, skip_id("vpc-") => NONE; "not known to AWS"; "234 and 235 are the interface's own VPC"
    NextHopInterfaceType "next-hop-interface-type" V11, NO, String, ColumnType::Skip(INTERFACE_TYPES) => NONE; "not known to AWS"; "no element for it"
    ResourceType "resource-type" NO, V6, String, TGW_RESOURCE => NONE; "not applicable"; "always TransitGateway; the domain's name says it"
    TgwId "tgw-id" NO, V6, String, id("tgw-") => options(&[&e::OBSERVATION_DOMAIN_ID, &e::OBSERVATION_DOMAIN_NAME]); "the account's domain"; "the transit gateway is the virtual exporter"
    TgwAttachmentId "tgw-attachment-id" NO, V6, String, id("tgw-attach-") => INTERFACE; "0, unknown"; "the attachment is the gateway's interface: ingress side of an ingress record, egress side of an egress record"
    TgwSrcVpcAccountId "tgw-src-vpc-account-id" NO, V6, String, ColumnType::Text(TextPattern::Digits) => SOURCE_ENI; "not a VPC"; "no element for an account; text of the source interface"
    TgwDstVpcAccountId "tgw-dst-vpc-account-id" NO, V6, String, ColumnType::Text(TextPattern::Digits) => DESTINATION_ENI; "not a VPC"; "no element for an account; text of the destination interface"
    TgwSrcVpcId "tgw-src-vpc-id" NO, V6, String, id("vpc-") => FieldMapping::Derived { flow: &[&e::INGRESS_VRF_ID], options: &[&e::VRF_NAME] }; "0, unknown (VPN, Direct Connect, peering)"; "exactly an ingress VRF"
    TgwDstVpcId "tgw-dst-vpc-id" NO, V6, String, id("vpc-") => FieldMapping::Derived { flow: &[&e::EGRESS_VRF_ID], options: &[&e::VRF_NAME] }; "0, unknown (VPN, Direct Connect, peering)"; "exactly an egress VRF"
    TgwSrcSubnetId "tgw-src-subnet-id" NO, V6, String, id("subnet-") => SOURCE_ENI; "not a VPC"; "no element for a subnet; text of the source interface"
    TgwDstSubnetId "tgw-dst-subnet-id" NO, V6, String, id("subnet-") => DESTINATION_ENI; "not a VPC"; "no element for a subnet; text of the destination interface"
    TgwSrcEni "tgw-src-eni" NO, V6, String, id("eni-") => FieldMapping::Derived { flow: &[&e::INGRESS_PHYSICAL_INTERFACE, &e::INGRESS_INTERFACE], options: &[&e::INTERFACE_NAME, &e::INTERFACE_DESCRIPTION] }; "absent"; "the physical port under the attachment; the interface itself where no attachment is known"
    TgwDstEni "tgw-dst-eni" NO, V6, String, id("eni-") => FieldMapping::Derived { flow: &[&e::EGRESS_PHYSICAL_INTERFACE, &e::EGRESS_INTERFACE], options: &[&e::INTERFACE_NAME, &e::INTERFACE_DESCRIPTION] }; "absent"; "the physical port under the attachment; the interface itself where no attachment is known"
    TgwSrcAzId "tgw-src-az-id" NO, V6, String, TEXT => SOURCE_ENI; "sublocation"; "no element for a zone; text of the source interface"
    TgwDstAzId "tgw-dst-az-id" NO, V6, String, TEXT => DESTINATION_ENI; "sublocation"; "no element for a zone; text of the destination interface"
    TgwPairAttachmentId "tgw-pair-attachment-id" NO, V6, String, id("tgw-attach-") => INTERFACE; "0, unknown"; "the attachment on the other side"
    PacketsLostNoRoute "packets-lost-no-route" NO, V6, Int64, U64 => LOSS; "absent"; "133 is the sum of the four; all lost: status 0x83 (unroutable)"
    PacketsLostBlackhole "packets-lost-blackhole" NO, V6, Int64, U64 => LOSS; "absent"; "133 is the sum of the four; all lost: status 0x83 (unroutable)"
    PacketsLostMtuExceeded "packets-lost-mtu-exceeded" NO, V6, Int64, U64 => LOSS; "absent"; "133 is the sum of the four; all lost: status 0x85 (fragmentation and DF set)"
    PacketsLostTtlExpired "packets-lost-ttl-expired" NO, V6, Int64, U64 => LOSS; "absent"; "133 is the sum of the four; all lost: status 0x89 (bad TTL)"
}

impl Field {
    /// Known name with the fewest changed letters, if few enough: for a misspelt name.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let name = name.replace('_', "-");
        let distances = FIELDS
            .iter()
            .map(|row| (distance(&name, row.name), row.name));
        let (distance, nearest) = distances.min_by_key(|&(distance, _)| distance)?;
        (distance <= 1 + name.len() / 4).then_some(nearest)
    }

    /// Row of the field.
    pub fn row(self) -> &'static FieldSpec {
        &FIELDS[self as usize]
    }

    /// Field with a name of AWS, written with hyphens (text) or underscores (Parquet).
    ///
    /// Formats are compiled a few times in a process, so a walk over the table is fast enough.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        let same = |row: &FieldSpec| {
            row.name.len() == name.len()
                && row
                    .name
                    .bytes()
                    .zip(name)
                    .all(|(want, &have)| want == have || (want == b'-' && have == b'_'))
        };
        FIELDS.iter().find(|row| same(row)).map(|row| row.field)
    }
}

/// Levenshtein distance: octets to insert, delete or change.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// Set of fields, as a bit mask: the present values of a record, the columns of a format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FieldSet(u128);

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self(0);

    /// Addresses.
    pub const ADDRESSES: Self = Self::of(&[
        Field::SourceAddress,
        Field::DestinationAddress,
        Field::PacketSourceAddress,
        Field::PacketDestinationAddress,
    ]);

    /// Counters, among them the losses of a transit gateway.
    pub const COUNTERS: Self = Self::of(&[
        Field::Packets,
        Field::Bytes,
        Field::PacketsLostNoRoute,
        Field::PacketsLostBlackhole,
        Field::PacketsLostMtuExceeded,
        Field::PacketsLostTtlExpired,
    ]);

    /// Fields of every regular layout of a flow, besides an interface.
    pub(crate) const REGULAR: Self = Self::of(&[
        Field::SourceAddress,
        Field::DestinationAddress,
        Field::SourcePort,
        Field::DestinationPort,
        Field::Protocol,
        Field::Packets,
        Field::Bytes,
        Field::Start,
        Field::End,
    ]);

    /// `tcp-flags` alone.
    pub(crate) const TCP_FLAGS: Self = Self::of(&[Field::TcpFlags]);

    /// Set of the given fields.
    pub const fn of(fields: &[Field]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < fields.len() {
            bits |= 1 << fields[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Returns whether the field is in the set.
    pub const fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    /// Returns whether all fields of `other` are in this set.
    pub const fn has_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether any field of `other` is in this set.
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds a field.
    pub const fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u8;
    }

    /// Fields in this set, in `other` or in both.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Fields that are in this set and in `other`.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Fields of this set that are not in `other`.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Fields in table order.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let row = FIELDS.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(row.field)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_fields_index() {
        for (index, row) in FIELDS.iter().enumerate() {
            assert_eq!(row.field as usize, index, "{}", row.name);
        }
    }

    /// Versions are closed: what AWS adds later has a later number and changes no count.
    #[test]
    fn each_version_has_the_documented_number_of_fields() {
        let up_to = |version: fn(&FieldSpec) -> Option<u8>, last| {
            let brought = FIELDS.iter().filter_map(version);
            brought.filter(|&brought| brought <= last).count()
        };
        let versions = [2, 3, 4, 5, 7, 8, 9, 10, 11];
        let mut known = FIELDS.iter().filter_map(|row| row.vpc);
        assert!(known.all(|version| versions.contains(&version)));
        let vpc = versions.map(|last| up_to(|row| row.vpc, last));
        assert_eq!(vpc, [14, 21, 25, 29, 39, 40, 41, 42, 54]);
        let mut known = FIELDS.iter().filter_map(|row| row.tgw);
        assert!(known.all(|version| version <= 6));
        assert_eq!(up_to(|row| row.tgw, 6), 36);
    }

    #[test]
    fn names_are_found_with_hyphens_and_underscores() {
        for row in &FIELDS {
            assert_eq!(Field::by_name(row.name.as_bytes()), Some(row.field));
            assert_eq!(
                Field::by_name(row.name.replace('-', "_").as_bytes()),
                Some(row.field)
            );
        }
        assert_eq!(Field::by_name(b"future-field"), None);
        assert_eq!(Field::by_name(b"b_tes"), None);
        assert_eq!(Field::by_name(b"log+status"), None);
        assert_eq!(Field::by_name(b""), None);
    }

    #[test]
    fn the_nearest_name_is_found_unless_none_is_near() {
        for (typed, nearest) in [
            ("srcadr", Some("srcaddr")),
            ("protcol", Some("protocol")),
            ("log_statu", Some("log-status")),
            ("bties", Some("bytes")),
            ("srcpxyz", None),
            ("flow-dir", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(Field::nearest(typed), nearest, "{typed}");
        }
    }

    #[test]
    fn the_distance_of_two_names_is_the_least_number_of_changes() {
        for (one, other, expected) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "xbcd", 2),
            ("abc", "ca", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn only_numbers_go_straight_into_an_element_and_every_exported_field_is_read() {
        for row in &FIELDS {
            if matches!(row.mapping, FieldMapping::Element(_)) {
                assert!(
                    matches!(row.column_type, ColumnType::Number { .. }),
                    "{}",
                    row.name
                );
            }
            if row.field != Field::LogStatus {
                let is_exported = row.mapping != FieldMapping::NotExported;
                let is_read = !matches!(row.column_type, ColumnType::Skip(_));
                assert_eq!(is_read, is_exported, "{}", row.name);
            }
        }
    }
}
