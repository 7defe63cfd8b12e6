//! JSON document with one or several lists of descriptions.
//!
//! Each description becomes an entry of the inventory as soon as it is parsed, so that a document of many megabytes is
//! never held as a whole tree of values.

use std::fmt;
use std::marker::PhantomData;

use flowlogs_core::network::Inventory;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::descriptions::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, InterfaceDescription,
    VpcDescription,
};

/// Top-level keys of an inventory. Subnets are recognised but not used: an interface names its VPC.
const KEYS: [&str; 6] = [
    "NetworkInterfaces",
    "Vpcs",
    "Subnets",
    "TransitGateways",
    "TransitGatewayAttachments",
    "FlowLogs",
];

/// Octets at the beginning of a file that [`looks_like_inventory`] reads.
const BEGINNING: usize = 4_096;

/// Error of [`read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// Not JSON, or a member has another type than the AWS CLI prints; the message has line and column.
    #[error("not what the AWS CLI prints: {0}")]
    Json(#[from] serde_json::Error),
    /// A JSON object without any key of an inventory.
    #[error(
        "no inventory in it: none of the keys NetworkInterfaces, Vpcs, TransitGateways, TransitGatewayAttachments, FlowLogs"
    )]
    NoKnownKey,
}

/// Reads one document.
///
/// # Errors
///
/// An [`InventoryError`], with line and column where the JSON is wrong.
pub fn read(json: &[u8]) -> Result<Inventory, InventoryError> {
    let mut inventory = Inventory::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let has_known_key = DocumentSeed(&mut inventory).deserialize(&mut deserializer)?;
    deserializer.end()?;
    if has_known_key {
        Ok(inventory)
    } else {
        Err(InventoryError::NoKnownKey)
    }
}

/// Tells an inventory from other files by the top-level keys within its first 4,096 octets.
pub fn looks_like_inventory(json: &[u8]) -> bool {
    let mut found = false;
    let beginning = &json[..json.len().min(BEGINNING)];
    // Ends with an error, at the latest where the beginning is cut; what was found until then counts.
    let _ = serde_json::Deserializer::from_slice(beginning).deserialize_map(FindKey(&mut found));
    found
}

/// Visitor that stops at the first known top-level key.
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

/// Reader of a document into an inventory; returns whether a key was a known one.
struct DocumentSeed<'a>(&'a mut Inventory);

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let inventory = self.0;
        let mut has_known_key = false;
        while let Some(key) = map.next_key::<String>()? {
            has_known_key |= KEYS.contains(&key.as_str());
            match key.as_str() {
                "NetworkInterfaces" => {
                    map.next_value_seed(each(|item: InterfaceDescription| {
                        inventory.insert_interface(&item.into());
                    }))?
                }
                "Vpcs" => map.next_value_seed(each(|item: VpcDescription| {
                    inventory.insert_vpc(item.into());
                }))?,
                "TransitGateways" => map.next_value_seed(each(|item: GatewayDescription| {
                    inventory.insert_gateway(item.into());
                }))?,
                "TransitGatewayAttachments" => {
                    map.next_value_seed(each(|item: GatewayAttachmentDescription| {
                        inventory.insert_attachment(item.into());
                    }))?;
                }
                "FlowLogs" => map.next_value_seed(each(|item: FlowLogDescription| {
                    inventory.insert_flow_log(item.into());
                }))?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(has_known_key)
    }
}

/// Reader of a list that hands each item on.
struct Each<T, F>(F, PhantomData<T>);

fn each<T, F: FnMut(T)>(take: F) -> Each<T, F> {
    Each(take, PhantomData)
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Each<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use flowlogs_core::network::{
        Destination, FlowLog, InterfaceView, NetworkInterface, TrafficType,
    };

    use super::*;

    fn error(json: &str) -> String {
        read(json.as_bytes())
            .expect_err("wrong on purpose")
            .to_string()
    }

    #[test]
    fn an_interface_is_read_with_all_its_addresses() {
        let json = br#"{"NetworkInterfaces": [{
            "NetworkInterfaceId": "eni-1", "Description": "", "InterfaceType": "natGateway", "Status": "in-use", "OwnerId": "123456789012",
            "SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZone": "eu-central-1a", "AvailabilityZoneId": "euc1-az2",
            "PrivateIpAddress": "10.0.0.5",
            "PrivateIpAddresses": [
                {"PrivateIpAddress": "10.0.0.5", "Primary": true, "Association": {"PublicIp": "198.51.100.1"}},
                {"PrivateIpAddress": "10.0.0.6", "Primary": false}],
            "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5", "IsPrimaryIpv6": true}],
            "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.16/28"}], "Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8:1::/80"}],
            "Attachment": {"InstanceId": "i-1", "DeviceIndex": 0}, "Groups": [],
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
            owner: Some("123456789012".to_owned()),
            unused: false,
            addresses: ["10.0.0.5", "10.0.0.6", "2001:db8::5"]
                .map(|text| address(text).into())
                .to_vec(),
            prefixes: vec![(address("10.0.1.16"), 28), (address("2001:db8:1::"), 80)],
        };
        let found = inventory.interface(b"eni-1").map(InterfaceView::to_owned);
        assert_eq!(found, Some(want));
    }

    #[test]
    fn flow_logs_know_where_they_deliver_and_whether_they_do() {
        let json = br#"{"FlowLogs": [
            {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "TrafficType": "REJECT", "LogFormat": "${bytes}",
             "CreationTime": "2026-11-29T01:02:03Z", "LogGroupName": "flows", "LogDestination": "arn:aws:logs:eu-central-1:1:log-group:flows:*"},
            {"FlowLogId": "fl-2", "ResourceId": "tgw-1", "LogDestination": "arn:aws:s3:::bucket/prefix/",
             "DeliverLogsStatus": "FAILED"}]}"#;
        let inventory = read(json).expect("well formed");
        let want = FlowLog {
            id: "fl-1".to_owned(),
            resource: "vpc-1".to_owned(),
            traffic: TrafficType::Reject,
            destination: Some(
                Destination::log_group("flows")
                    .in_account(Some("1"))
                    .in_region(Some("eu-central-1")),
            ),
            format: Some("${bytes}".to_owned()),
            created: Some(1_795_914_123_000),
            ..FlowLog::default()
        };
        assert_eq!(inventory.flow_logs()[0], want);
        let second = &inventory.flow_logs()[1];
        assert_eq!(
            (&second.destination, second.traffic, second.failing),
            (
                &Some(Destination::bucket("bucket").with_prefix(Some("prefix"))),
                TrafficType::All,
                true
            )
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
            inventory.interfaces().all(
                |interface| interface.vpc().is_some() && interface.addresses().next().is_some()
            )
        );
        assert!(inventory.flow_logs().iter().all(|flow_log| {
            flow_log.destination.is_some()
                && flow_log.format.is_some()
                && flow_log.traffic != TrafficType::Other
        }));
    }
}
