//! From the SDK's types, in which everything is optional, to the inventory's. What has no id is nothing.

use std::net::IpAddr;

use aws_sdk_ec2::types;
use flowlogs_core::Address;
use flowlogs_core::dedup::inventory::{
    FlowLog, GatewayAttachment, NetworkInterface, TrafficType, TransitGateway, Vpc,
    destination_name,
};

pub(super) fn flow_log(from: types::FlowLog) -> Option<FlowLog> {
    Some(FlowLog {
        id: from.flow_log_id?,
        resource: from.resource_id?,
        traffic: from
            .traffic_type
            .map(|traffic| TrafficType::of_word(traffic.as_str())),
        destination: (from.log_group_name)
            .or(from.log_destination)
            .map(|text| destination_name(&text).to_owned()),
        format: from.log_format,
        failing: from.deliver_logs_status.as_deref() == Some("FAILED"),
    })
}

pub(super) fn interface(from: types::NetworkInterface) -> Option<NetworkInterface> {
    let private = from.private_ip_addresses.into_iter().flatten();
    let ipv6 = from.ipv6_addresses.into_iter().flatten();
    let mut addresses: Vec<Address> = (from.private_ip_address.into_iter())
        .chain(private.filter_map(|address| address.private_ip_address))
        .chain(ipv6.filter_map(|address| address.ipv6_address))
        .filter_map(|text| text.parse().ok())
        .collect();
    // The primary address comes by itself and among the others.
    if let [primary, rest @ ..] = addresses.as_slice()
        && let Some(again) = rest.iter().position(|address| address == primary)
    {
        addresses.remove(again + 1);
    }
    let ipv4_prefixes = from.ipv4_prefixes.into_iter().flatten();
    let ipv6_prefixes = from.ipv6_prefixes.into_iter().flatten();
    Some(NetworkInterface {
        id: from.network_interface_id?,
        name: name(from.tag_set),
        description: from.description.filter(|text| !text.is_empty()),
        kind: from.interface_type.map(|kind| kind.as_str().to_owned()),
        instance: from
            .attachment
            .and_then(|attachment| attachment.instance_id),
        subnet: from.subnet_id,
        vpc: from.vpc_id,
        zone: from.availability_zone_id.or(from.availability_zone),
        detached: from.status == Some(types::NetworkInterfaceStatus::Available),
        addresses,
        prefixes: (ipv4_prefixes.filter_map(|prefix| prefix.ipv4_prefix))
            .chain(ipv6_prefixes.filter_map(|prefix| prefix.ipv6_prefix))
            .filter_map(|text| prefix(&text))
            .collect(),
    })
}

pub(super) fn vpc(from: types::Vpc) -> Option<Vpc> {
    Some(Vpc {
        id: from.vpc_id?,
        name: name(from.tags),
    })
}

pub(super) fn gateway(from: types::TransitGateway) -> Option<TransitGateway> {
    Some(TransitGateway {
        id: from.transit_gateway_id?,
        name: name(from.tags),
    })
}

pub(super) fn attachment(from: types::TransitGatewayAttachment) -> Option<GatewayAttachment> {
    Some(GatewayAttachment {
        id: from.transit_gateway_attachment_id?,
        gateway: from.transit_gateway_id,
        name: name(from.tags),
        resource_type: from.resource_type.map(|kind| kind.as_str().to_owned()),
        resource: from.resource_id,
    })
}

/// The value of the tag `Name`, if it has one.
fn name(tags: Option<Vec<types::Tag>>) -> Option<String> {
    let tag = tags
        .into_iter()
        .flatten()
        .find(|tag| tag.key.as_deref() == Some("Name"));
    tag.and_then(|tag| tag.value)
        .filter(|name| !name.is_empty())
}

/// `10.0.1.16/28`
fn prefix(text: &str) -> Option<(IpAddr, u8)> {
    let (first, length) = text.split_once('/')?;
    let (first, length) = (first.parse::<IpAddr>().ok()?, length.parse().ok()?);
    (length <= if first.is_ipv4() { 32 } else { 128 }).then_some((first, length))
}
