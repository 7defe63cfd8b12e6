//! The inventory from JSON as the AWS CLI prints it.
//!
//! `aws ec2 describe-network-interfaces`, `describe-vpcs`, `describe-transit-gateways`,
//! `describe-transit-gateway-attachments`, `describe-flow-logs`: each output by itself, or one object with several of
//! their top-level keys. Members that are not needed are passed over, so there is nothing to convert by hand.

use std::fmt;
use std::net::IpAddr;

use flowlogs_core::Address;
use flowlogs_core::dedup::Inventory;
use flowlogs_core::dedup::inventory::{
    FlowLog, GatewayAttachment, NetworkInterface, TrafficType, TransitGateway, Vpc,
    destination_name,
};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// The top-level keys of an inventory. Subnets are known but not needed: an interface says its VPC.
const KEYS: [&str; 6] = [
    "NetworkInterfaces",
    "Vpcs",
    "Subnets",
    "TransitGateways",
    "TransitGatewayAttachments",
    "FlowLogs",
];

/// Octets of a file that [`looks_like_inventory`] looks at.
const LOOK: usize = 4_096;

/// Why a file is not an inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// Not JSON, or a member is not what the AWS CLI prints there; the message says line and column.
    #[error("not what the AWS CLI prints: {0}")]
    Json(#[from] serde_json::Error),
    /// A JSON object without any of the keys that an inventory has.
    #[error(
        "no inventory in it: none of the keys NetworkInterfaces, Vpcs, TransitGateways, TransitGatewayAttachments, FlowLogs"
    )]
    NoKnownKey,
}

/// Reads one file.
///
/// # Errors
///
/// An [`InventoryError`], with line and column where the JSON is wrong.
pub fn read(json: &[u8]) -> Result<Inventory, InventoryError> {
    let file: File = serde_json::from_slice(json)?;
    let known = [
        file.network_interfaces.is_some(),
        file.vpcs.is_some(),
        file.subnets.is_some(),
        file.transit_gateways.is_some(),
        file.transit_gateway_attachments.is_some(),
        file.flow_logs.is_some(),
    ];
    if !known.contains(&true) {
        return Err(InventoryError::NoKnownKey);
    }
    let mut inventory = Inventory::new();
    for interface in file.network_interfaces.into_iter().flatten() {
        inventory.insert_interface(interface.into());
    }
    for vpc in file.vpcs.into_iter().flatten() {
        inventory.insert_vpc(Vpc {
            id: vpc.vpc_id,
            name: name(vpc.tags),
        });
    }
    for gateway in file.transit_gateways.into_iter().flatten() {
        inventory.insert_gateway(TransitGateway {
            id: gateway.transit_gateway_id,
            name: name(gateway.tags),
        });
    }
    for attachment in file.transit_gateway_attachments.into_iter().flatten() {
        inventory.insert_attachment(GatewayAttachment {
            id: attachment.transit_gateway_attachment_id,
            gateway: attachment.transit_gateway_id,
            name: name(attachment.tags),
            resource_type: attachment.resource_type,
            resource: attachment.resource_id,
        });
    }
    for flow_log in file.flow_logs.into_iter().flatten() {
        inventory.insert_flow_log(flow_log.into());
    }
    Ok(inventory)
}

/// Whether the text begins like an inventory, so that one is recognised among other files. Only the beginning is looked
/// at.
pub fn looks_like_inventory(json: &[u8]) -> bool {
    let mut found = false;
    let beginning = &json[..json.len().min(LOOK)];
    // Ends with an error, at the latest where the beginning is cut; what was found until then counts.
    let _ = serde_json::Deserializer::from_slice(beginning).deserialize_map(FindKey(&mut found));
    found
}

/// Looks for a known top-level key and stops there.
struct FindKey<'a>(&'a mut bool);

impl<'de> Visitor<'de> for FindKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if KEYS.contains(&key.as_str()) {
                *self.0 = true;
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    network_interfaces: Option<Vec<InterfaceEntry>>,
    vpcs: Option<Vec<VpcEntry>>,
    subnets: Option<IgnoredAny>,
    transit_gateways: Option<Vec<GatewayEntry>>,
    transit_gateway_attachments: Option<Vec<AttachmentEntry>>,
    flow_logs: Option<Vec<FlowLogEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InterfaceEntry {
    network_interface_id: String,
    description: Option<String>,
    interface_type: Option<String>,
    subnet_id: Option<String>,
    vpc_id: Option<String>,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    status: Option<String>,
    attachment: Option<InterfaceAttachment>,
    private_ip_address: Option<IpAddr>,
    private_ip_addresses: Option<Vec<PrivateIpAddress>>,
    ipv6_addresses: Option<Vec<Ipv6Address>>,
    ipv4_prefixes: Option<Vec<Ipv4Prefix>>,
    ipv6_prefixes: Option<Vec<Ipv6Prefix>>,
    tag_set: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InterfaceAttachment {
    instance_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrivateIpAddress {
    private_ip_address: IpAddr,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipv6Address {
    ipv6_address: IpAddr,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipv4Prefix {
    ipv4_prefix: Prefix,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipv6Prefix {
    ipv6_prefix: Prefix,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VpcEntry {
    vpc_id: String,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GatewayEntry {
    transit_gateway_id: String,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttachmentEntry {
    transit_gateway_attachment_id: String,
    transit_gateway_id: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FlowLogEntry {
    flow_log_id: String,
    resource_id: String,
    traffic_type: Option<String>,
    log_group_name: Option<String>,
    log_destination: Option<String>,
    log_format: Option<String>,
    deliver_logs_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: Option<String>,
}

/// `10.0.1.16/28`
struct Prefix(IpAddr, u8);

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_prefix(&text).ok_or_else(|| {
            D::Error::custom(format_args!(
                "\"{text}\" is not a prefix such as 10.0.1.16/28"
            ))
        })
    }
}

fn parse_prefix(text: &str) -> Option<Prefix> {
    let (first, length) = text.split_once('/')?;
    let (first, length) = (first.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
    (length <= if first.is_ipv4() { 32 } else { 128 }).then_some(Prefix(first, length))
}

impl From<InterfaceEntry> for NetworkInterface {
    fn from(entry: InterfaceEntry) -> Self {
        let primary = entry.private_ip_address;
        let mut addresses: Vec<Address> = primary.into_iter().map(Address::from).collect();
        let private = entry.private_ip_addresses.into_iter().flatten();
        addresses.extend(
            private
                .map(|address| address.private_ip_address)
                .filter(|&address| primary != Some(address))
                .map(Address::from),
        );
        let ipv6 = entry.ipv6_addresses.into_iter().flatten();
        addresses.extend(ipv6.map(|address| Address::from(address.ipv6_address)));
        let ipv4_prefixes = entry
            .ipv4_prefixes
            .into_iter()
            .flatten()
            .map(|entry| entry.ipv4_prefix);
        let ipv6_prefixes = entry
            .ipv6_prefixes
            .into_iter()
            .flatten()
            .map(|entry| entry.ipv6_prefix);
        Self {
            id: entry.network_interface_id,
            name: name(entry.tag_set),
            description: entry.description.filter(|text| !text.is_empty()),
            kind: entry.interface_type,
            instance: entry
                .attachment
                .and_then(|attachment| attachment.instance_id),
            subnet: entry.subnet_id,
            vpc: entry.vpc_id,
            zone: entry.availability_zone_id.or(entry.availability_zone),
            detached: entry.status.as_deref() == Some("available"),
            addresses,
            prefixes: ipv4_prefixes
                .chain(ipv6_prefixes)
                .map(|Prefix(first, length)| (first, length))
                .collect(),
        }
    }
}

impl From<FlowLogEntry> for FlowLog {
    fn from(entry: FlowLogEntry) -> Self {
        Self {
            id: entry.flow_log_id,
            resource: entry.resource_id,
            traffic: entry.traffic_type.as_deref().map(TrafficType::of_word),
            destination: entry
                .log_group_name
                .or(entry.log_destination)
                .map(|text| destination_name(&text).to_owned()),
            format: entry.log_format,
            failing: entry.deliver_logs_status.as_deref() == Some("FAILED"),
        }
    }
}

/// The value of the tag `Name`, if it has one.
fn name(tags: Option<Vec<Tag>>) -> Option<String> {
    tags.into_iter()
        .flatten()
        .find(|tag| tag.key == "Name")
        .and_then(|tag| tag.value)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        read(json.as_bytes())
            .expect_err("wrong on purpose")
            .to_string()
    }

    #[test]
    fn an_interface_is_read_with_all_its_addresses() {
        let json = br#"{"NetworkInterfaces": [{
            "NetworkInterfaceId": "eni-1", "Description": "", "InterfaceType": "natGateway", "Status": "in-use",
            "SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZone": "eu-central-1a", "AvailabilityZoneId": "euc1-az2",
            "PrivateIpAddress": "10.0.0.5",
            "PrivateIpAddresses": [
                {"PrivateIpAddress": "10.0.0.5", "Primary": true, "Association": {"PublicIp": "198.51.100.1"}},
                {"PrivateIpAddress": "10.0.0.6", "Primary": false}],
            "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5", "IsPrimaryIpv6": true}],
            "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.16/28"}], "Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8:1::/80"}],
            "GatewayAttachment": {"InstanceId": "i-1", "DeviceIndex": 0}, "Groups": [],
            "TagSet": [{"Key": "Team", "Value": "a"}, {"Key": "Name", "Value": "web-1"}]
        }], "NextToken": null}"#;
        let inventory = read(json).expect("well formed");
        let address = |text: &str| text.parse::<IpAddr>().expect("address of the test");
        let want = NetworkInterface {
            id: "eni-1".to_owned(),
            name: Some("web-1".to_owned()),
            description: None,
            kind: Some("natGateway".to_owned()),
            instance: Some("i-1".to_owned()),
            subnet: Some("subnet-1".to_owned()),
            vpc: Some("vpc-1".to_owned()),
            zone: Some("euc1-az2".to_owned()),
            detached: false,
            addresses: ["10.0.0.5", "10.0.0.6", "2001:db8::5"]
                .map(|text| address(text).into())
                .to_vec(),
            prefixes: vec![(address("10.0.1.16"), 28), (address("2001:db8:1::"), 80)],
        };
        assert_eq!(inventory.interface(b"eni-1"), Some(&want));
    }

    #[test]
    fn flow_logs_know_where_they_deliver_and_whether_they_do() {
        let json = br#"{"FlowLogs": [
            {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "TrafficType": "REJECT", "LogFormat": "${bytes}",
             "LogGroupName": "flows", "LogDestination": "arn:aws:logs:eu-central-1:1:log-group:flows:*"},
            {"FlowLogId": "fl-2", "ResourceId": "tgw-1", "LogDestination": "arn:aws:s3:::bucket/prefix/",
             "DeliverLogsStatus": "FAILED"}]}"#;
        let inventory = read(json).expect("well formed");
        let want = FlowLog {
            id: "fl-1".to_owned(),
            resource: "vpc-1".to_owned(),
            traffic: Some(TrafficType::Reject),
            destination: Some("flows".to_owned()),
            format: Some("${bytes}".to_owned()),
            failing: false,
        };
        assert_eq!(inventory.flow_logs()[0], want);
        let second = &inventory.flow_logs()[1];
        assert_eq!(
            (
                second.destination.as_deref(),
                second.traffic,
                second.failing
            ),
            (Some("bucket"), None, true)
        );
    }

    #[test]
    fn one_file_may_hold_several_outputs_and_what_is_not_needed() {
        let json = br#"{"Future": {"x": [1]}, "Subnets": [{"SubnetId": "subnet-1"}],
            "Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "shop"}]}],
            "TransitGateways": [{"TransitGatewayId": "tgw-1", "Tags": []}],
            "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-1", "TransitGatewayId": "tgw-1",
                "ResourceType": "vpc", "ResourceId": "vpc-1", "State": "available"}]}"#;
        let inventory = read(json).expect("well formed");
        assert_eq!(
            inventory.vpc(b"vpc-1").and_then(|vpc| vpc.name.as_deref()),
            Some("shop")
        );
        assert!(
            inventory
                .gateway(b"tgw-1")
                .is_some_and(|gateway| gateway.name.is_none())
        );
        let attachment = inventory.attachment(b"tgw-attach-1").expect("read");
        assert_eq!(attachment.resource.as_deref(), Some("vpc-1"));
        assert_eq!(attachment.gateway.as_deref(), Some("tgw-1"));
    }

    #[test]
    fn errors_say_what_is_wrong_and_where() {
        assert_eq!(
            error("{\"Vpcs\": [\n  {\"Tags\": []}\n]}"),
            "not what the AWS CLI prints: missing field `VpcId` at line 2 column 14"
        );
        let prefix = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.0.0/33"}]}]}"#;
        assert!(
            error(prefix)
                .contains("\"10.0.0.0/33\" is not a prefix such as 10.0.1.16/28 at line 1 column")
        );
        let address = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "ten"}]}"#;
        assert!(error(address).contains("IP address"), "{}", error(address));
        assert!(error("{\"Vpcs\": [").contains("line 1 column 10"));
        assert!(matches!(
            read(b"{\"awslogs\": {}}"),
            Err(InventoryError::NoKnownKey)
        ));
        assert!(matches!(read(b"[]"), Err(InventoryError::Json(_))));
    }

    #[test]
    fn an_inventory_is_recognised_by_how_it_begins() {
        let long = format!("{{\"FlowLogs\": [{}", "{}, ".repeat(10_000));
        for json in [
            "{\"Vpcs\": []}",
            " \n{\"NextToken\": \"x\", \"Subnets\": [",
            &long,
        ] {
            assert!(looks_like_inventory(json.as_bytes()), "{json:.40}");
        }
        let message = r#"{"messageType": "DATA_MESSAGE", "logEvents": [{"message": "FlowLogs"}]}"#;
        for other in [
            "",
            "{}",
            "[\"Vpcs\"]",
            "2 123456789012 eni-1",
            message,
            "{\"awslogs\": {\"data\": \"Vpcs\"}}",
        ] {
            assert!(!looks_like_inventory(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_inventory_beside_the_events_is_read() {
        let json = include_bytes!("../../../events/inventory.json");
        assert!(looks_like_inventory(json));
        let inventory = read(json).expect("well formed");
        assert!(
            inventory
                .interfaces()
                .all(|interface| interface.vpc.is_some() && !interface.addresses.is_empty())
        );
        assert!(inventory.flow_logs().iter().all(|flow_log| {
            flow_log.destination.is_some()
                && flow_log.format.is_some()
                && flow_log.traffic != Some(TrafficType::Other)
        }));
    }
}
