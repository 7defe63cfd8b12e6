//! Conversion of descriptions into entries of the inventory.

use flowlogs_core::Address;
use flowlogs_core::network::{
    Destination, DestinationKind, FlowLog, GatewayAttachment, NetworkInterface, TrafficType,
    TransitGateway, Vpc,
};

use crate::descriptions::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, InterfaceDescription,
    Tag, VpcDescription,
};

impl From<InterfaceDescription> for NetworkInterface {
    fn from(from: InterfaceDescription) -> Self {
        let primary = from.private_ip_address;
        let private = from.private_ip_addresses.into_iter().flatten();
        let ipv6 = from.ipv6_addresses.into_iter().flatten();
        // The primary address comes twice: alone, and in the list.
        let secondary = private
            .map(|address| address.private_ip_address)
            .filter(|&address| primary != Some(address));
        let addresses = primary
            .into_iter()
            .chain(secondary)
            .chain(ipv6.map(|address| address.ipv6_address));
        let ipv4_prefixes = from.ipv4_prefixes.into_iter().flatten();
        let ipv6_prefixes = from.ipv6_prefixes.into_iter().flatten();
        let prefixes = ipv4_prefixes
            .map(|entry| entry.ipv4_prefix)
            .chain(ipv6_prefixes.map(|entry| entry.ipv6_prefix));
        Self {
            id: from.network_interface_id,
            name: name(from.tag_set),
            description: not_empty(from.description),
            kind: from.interface_type,
            instance: from
                .attachment
                .and_then(|attachment| attachment.instance_id),
            subnet: from.subnet_id,
            vpc: from.vpc_id,
            zone: from.availability_zone_id.or(from.availability_zone),
            owner: from.owner_id,
            unused: from.status.is_some_and(|status| status != "in-use"),
            addresses: addresses.map(Address::from).collect(),
            prefixes: prefixes
                .map(|prefix| (prefix.first, prefix.length))
                .collect(),
        }
    }
}

impl From<VpcDescription> for Vpc {
    fn from(from: VpcDescription) -> Self {
        Self {
            id: from.vpc_id,
            name: name(from.tags),
            owner: from.owner_id,
        }
    }
}

impl From<GatewayDescription> for TransitGateway {
    fn from(from: GatewayDescription) -> Self {
        Self {
            id: from.transit_gateway_id,
            name: name(from.tags),
        }
    }
}

impl From<GatewayAttachmentDescription> for GatewayAttachment {
    fn from(from: GatewayAttachmentDescription) -> Self {
        Self {
            id: from.transit_gateway_attachment_id,
            gateway: from.transit_gateway_id,
            name: name(from.tags),
            resource_type: from.resource_type,
            resource: from.resource_id,
        }
    }
}

impl From<FlowLogDescription> for FlowLog {
    fn from(from: FlowLogDescription) -> Self {
        Self {
            id: from.flow_log_id,
            resource: from.resource_id,
            account: None,
            region: None,
            traffic: from
                .traffic_type
                .as_deref()
                .map(TrafficType::of_word)
                .unwrap_or_default(),
            destination: destination(
                from.log_group_name.as_deref(),
                from.log_destination.as_deref(),
            ),
            format: from.log_format,
            failing: from.deliver_logs_status.as_deref() == Some("FAILED"),
            created: from.creation_time.map(|time| time.0),
            as_of: None,
            last_seen: None,
        }
    }
}

/// Returns the destination of a flow log created with the name of a log group, with an ARN, or with both.
fn destination(log_group: Option<&str>, arn: Option<&str>) -> Option<Destination> {
    let by_arn = arn.and_then(Destination::of_arn);
    match log_group {
        Some(name) => by_arn
            .filter(|named| named.kind == DestinationKind::LogGroup)
            .or_else(|| Some(Destination::log_group(name))),
        None => by_arn,
    }
}

/// Returns the value of the tag `Name`, if present and not empty.
fn name(tags: Option<Vec<Tag>>) -> Option<String> {
    let tag = tags.into_iter().flatten().find(|tag| tag.key == "Name");
    not_empty(tag.and_then(|tag| tag.value))
}

fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
