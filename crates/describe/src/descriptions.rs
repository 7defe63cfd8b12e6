//! Descriptions of EC2, with the members used by an inventory and the names printed by the AWS CLI.
//!
//! Absent members and `null` are `None`. Members not listed here are skipped: EC2 adds some every year.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::timestamp::{Timestamp, shown};

macro_rules! descriptions {
    ($($(#[$doc:meta])* $name:ident($($id:ident: $id_doc:literal),*) {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name {
            $(#[doc = $id_doc] pub $id: String,)*
            $($(#[$field_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }
    )*};
}

descriptions! {
    /// Network interface, of `DescribeNetworkInterfaces`.
    InterfaceDescription(network_interface_id: "`eni-…`") {
        /// Description; empty for none.
        description: String,
        /// `interface`, `natGateway`, `lambda`, …
        interface_type: String,
        /// `subnet-…`
        subnet_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// `eu-central-1a`
        availability_zone: String,
        /// `euc1-az2`
        availability_zone_id: String,
        /// `in-use`, `available`, …
        status: String,
        /// Owner account, 12 digits.
        owner_id: String,
        /// Attachment to an instance.
        attachment: VpcAttachment,
        /// Primary private IPv4 address.
        private_ip_address: IpAddr,
        /// All private IPv4 addresses, including the primary address.
        private_ip_addresses: Vec<PrivateAddressDescription>,
        /// IPv6 addresses.
        ipv6_addresses: Vec<Ipv6AddressDescription>,
        /// Delegated IPv4 prefixes.
        ipv4_prefixes: Vec<Ipv4PrefixDescription>,
        /// Delegated IPv6 prefixes.
        ipv6_prefixes: Vec<Ipv6PrefixDescription>,
        /// Tags.
        tag_set: Vec<Tag>,
    }
    /// Attachment of a network interface.
    VpcAttachment() {
        /// `i-…`
        instance_id: String,
    }
    /// VPC, of `DescribeVpcs`.
    VpcDescription(vpc_id: "`vpc-…`") {
        /// Owner account, 12 digits.
        owner_id: String,
        /// Tags.
        tags: Vec<Tag>,
    }
    /// Transit gateway, of `DescribeTransitGateways`.
    GatewayDescription(transit_gateway_id: "`tgw-…`") {
        /// Tags.
        tags: Vec<Tag>,
    }
    /// Attachment of a transit gateway, of `DescribeTransitGatewayAttachments`.
    GatewayAttachmentDescription(transit_gateway_attachment_id: "`tgw-attach-…`") {
        /// `tgw-…`
        transit_gateway_id: String,
        /// `vpc`, `vpn`, `peering`, …
        resource_type: String,
        /// `vpc-…`, `vpn-…`, `tgw-…`, …
        resource_id: String,
        /// Tags.
        tags: Vec<Tag>,
    }
    /// Flow log, of `DescribeFlowLogs`.
    FlowLogDescription(flow_log_id: "`fl-…`", resource_id: "`vpc-…`, `subnet-…`, `eni-…`, `tgw-…`, `tgw-attach-…`, `nat-…`") {
        /// `ALL`, `ACCEPT` or `REJECT`; absent for transit gateways.
        traffic_type: String,
        /// Name of the log group, if the flow log was created with a name.
        log_group_name: String,
        /// ARN of the destination.
        log_destination: String,
        /// Record format, `${…} ${…}`.
        log_format: String,
        /// `SUCCESS` or `FAILED`.
        deliver_logs_status: String,
        /// Time of creation.
        creation_time: Timestamp,
    }
    /// Tag of a resource.
    Tag(key: "Key.") {
        /// Value.
        value: String,
    }
}

macro_rules! wrapped {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $type:ty })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name {
            /// Value, wrapped by EC2 into an object.
            pub $field: $type,
        }

        impl FromStr for $name {
            type Err = <$type as FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(|$field| Self { $field })
            }
        }
    )*};
}

wrapped! {
    /// Private IPv4 address of an interface.
    PrivateAddressDescription { private_ip_address: IpAddr }
    /// IPv6 address of an interface.
    Ipv6AddressDescription { ipv6_address: IpAddr }
    /// IPv4 prefix that is delegated to an interface.
    Ipv4PrefixDescription { ipv4_prefix: AddressPrefix }
    /// IPv6 prefix that is delegated to an interface.
    Ipv6PrefixDescription { ipv6_prefix: AddressPrefix }
}

/// Address prefix such as `10.0.1.16/28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressPrefix {
    /// First address.
    pub first: IpAddr,
    /// Length in bits, at most 32 or 128.
    pub length: u8,
}

/// Error of [`AddressPrefix::from_str`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a prefix such as 10.0.1.16/28")]
pub struct NotAPrefix(String);

impl FromStr for AddressPrefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let parse = || {
            let (first, length) = text.split_once('/')?;
            let (first, length) = (first.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
            let most = if first.is_ipv4() { 32 } else { 128 };
            (length <= most).then_some(Self { first, length })
        };
        parse().ok_or_else(|| NotAPrefix(shown(text)))
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

impl<'de> Deserialize<'de> for AddressPrefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for AddressPrefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
