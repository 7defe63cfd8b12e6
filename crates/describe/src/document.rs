//! JSON document with a list or several lists of descriptions, packed or not.
//!
//! Each interface becomes an entry of the table as soon as the interface is parsed: a document of many megabytes is never
//! held as a whole tree of values, and a packed document never as a whole text.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use flowlogs_core::network::{AccountRegion, InterfaceTable, Inventory};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::descriptions::InterfaceDescription;
use crate::error::{INVENTORY_VERSION, InventoryError, KEYS};
use crate::manifest::{LARGEST_MANIFEST, Manifest};
use crate::packed::{BoundedReader, beginning, is_packed};
use crate::timestamp::Timestamp;

/// Most octets at the beginning of a file that [`looks_like_inventory`] reads.
const BEGINNING: usize = 4_096;

/// Most octets of a document that [`read`] takes, inflated.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Reads a document, packed with gzip or not: output of the AWS CLI, or an object of an organization's inventory.
///
/// # Errors
///
/// An [`InventoryError`], with line and column where the JSON is wrong.
pub fn read(octets: &[u8]) -> Result<Inventory, InventoryError> {
    let mut document = InventoryDocument::read(octets, LARGEST)?;
    if !document.has_known_key {
        return Err(InventoryError::NoKnownKey);
    }
    let interfaces = Arc::new(std::mem::take(&mut document.interfaces));
    let scope = document.scope();
    let mut inventory = document.manifest.into_inventory();
    if scope.is_some() || !interfaces.is_empty() {
        inventory.set_interfaces(scope, interfaces);
    }
    Ok(inventory)
}

/// Reads a manifest, packed or not, of at most [`LARGEST_MANIFEST`] octets when inflated.
///
/// # Errors
///
/// An [`InventoryError`]; nothing of a damaged or foreign object is used.
pub fn read_manifest(octets: &[u8]) -> Result<Manifest, InventoryError> {
    let document = InventoryDocument::read(octets, LARGEST_MANIFEST)?;
    document
        .inventory_version
        .ok_or(InventoryError::Missing("InventoryVersion"))?;
    Ok(Manifest {
        as_of: document.as_of.ok_or(InventoryError::Missing("AsOf"))?,
        ..document.manifest
    })
}

/// Tells an inventory from unrelated files by the top-level keys within the first 4,096 octets; of a packed file within as
/// many inflated octets.
pub fn looks_like_inventory(octets: &[u8]) -> bool {
    if is_packed(octets) {
        return has_known_key(&beginning(octets, BEGINNING));
    }
    has_known_key(&octets[..octets.len().min(BEGINNING)])
}

fn has_known_key(beginning: &[u8]) -> bool {
    let mut found = false;
    // Ends with an error, at the latest where the beginning is cut; the keys found until then count.
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

/// Content of a document.
#[derive(Debug, Default)]
pub(crate) struct InventoryDocument {
    has_known_key: bool,
    /// `InventoryVersion`, if the document is an object of an organization's inventory.
    pub(crate) inventory_version: Option<u64>,
    pub(crate) as_of: Option<Timestamp>,
    account: Option<String>,
    region: Option<String>,
    /// Version of a part.
    pub(crate) part_version: Option<String>,
    pub(crate) interfaces: InterfaceTable,
    /// Lists of the document; `as_of` of this manifest is not used. In output of the AWS CLI no description has account and
    /// region.
    pub(crate) manifest: Manifest,
}

impl InventoryDocument {
    /// Reads a document of at most `limit` octets when inflated.
    pub(crate) fn read(octets: &[u8], limit: u64) -> Result<Self, InventoryError> {
        let mut document = Self::default();
        let seed = DocumentSeed(&mut document);
        let (outcome, is_too_large) = if is_packed(octets) {
            let mut reader = BoundedReader::new(octets, limit);
            let outcome = read_to_end(seed, serde_json::Deserializer::from_reader(&mut reader));
            (outcome, reader.is_too_large)
        } else if u64::try_from(octets.len()).is_ok_and(|octets| octets > limit) {
            return Err(InventoryError::TooLarge(limit));
        } else {
            let outcome = read_to_end(seed, serde_json::Deserializer::from_slice(octets));
            (outcome, false)
        };
        let other = document
            .inventory_version
            .filter(|&version| version != INVENTORY_VERSION);
        // In this order: another release explains every error; then the bound, the packing, the JSON.
        match (outcome, other) {
            (_, Some(version)) => Err(InventoryError::OtherVersion(version)),
            (Ok(()), None) => {
                document.interfaces.shrink_to_fit();
                Ok(document)
            }
            (Err(_), None) if is_too_large => Err(InventoryError::TooLarge(limit)),
            (Err(error), None) if error.is_io() => Err(InventoryError::Gzip(error.to_string())),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Account and region of a part.
    pub(crate) fn scope(&self) -> Option<AccountRegion> {
        self.inventory_version?;
        Some(AccountRegion {
            account: self.account.clone()?,
            region: self.region.clone()?,
        })
    }
}

/// Reads a document to the end: the end of a packed document has the checksum.
fn read_to_end<'de, R: serde_json::de::Read<'de>>(
    seed: DocumentSeed<'_>,
    mut deserializer: serde_json::Deserializer<R>,
) -> Result<(), serde_json::Error> {
    seed.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Reader of a document.
struct DocumentSeed<'a>(&'a mut InventoryDocument);

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(document) = self;
        while let Some(key) = map.next_key::<String>()? {
            document.has_known_key |= KEYS.contains(&key.as_str());
            match key.as_str() {
                "InventoryVersion" => {
                    let version = map.next_value()?;
                    document.inventory_version = Some(version);
                    if version != INVENTORY_VERSION {
                        return Err(A::Error::custom("another InventoryVersion"));
                    }
                }
                "AsOf" => document.as_of = map.next_value()?,
                "AccountId" => document.account = map.next_value()?,
                "Region" => document.region = map.next_value()?,
                "Version" => document.part_version = map.next_value()?,
                _ => document.list(&key, &mut map)?,
            }
        }
        Ok(())
    }
}

impl InventoryDocument {
    /// Reads the list of a known key; the value of any other key is skipped.
    fn list<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let manifest = &mut self.manifest;
        macro_rules! collect {
            ($list:ident) => {
                map.next_value_seed(each(|item| manifest.$list.push(item)))
            };
        }
        match key {
            "NetworkInterfaces" => map.next_value_seed(each(|item: InterfaceDescription| {
                self.interfaces.insert(&item.into());
            })),
            "Parts" => collect!(parts),
            "Unanswered" => collect!(unanswered),
            "NotAsked" => collect!(not_asked),
            "FlowLogs" => collect!(flow_logs),
            "Vpcs" => collect!(vpcs),
            "TransitGateways" => collect!(transit_gateways),
            "TransitGatewayAttachments" => collect!(transit_gateway_attachments),
            _ => map.next_value::<IgnoredAny>().map(|_| ()),
        }
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
            "not the JSON of an inventory: missing field `VpcId` at line 2 column 14"
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
    fn an_error_is_one_line_of_bounded_length_whatever_the_document_says() {
        let hostile = format!("2026\\n\\u001b[31m{}", "x".repeat(100_000));
        for json in [
            format!(r#"{{"AsOf": "{hostile}"}}"#),
            format!(r#"{{"Vpcs": "{hostile}"}}"#),
            format!(
                r#"{{"NetworkInterfaces": [{{"NetworkInterfaceId": "eni-1", "Ipv4Prefixes": [{{"Ipv4Prefix": "{hostile}"}}]}}]}}"#
            ),
            format!(r#"{{"FlowLogs": [{{"FlowLogId": "fl-1", "CreationTime": "{hostile}"}}]}}"#),
            format!(
                r#"{{"NetworkInterfaces": [{{"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "{hostile}"}}]}}"#
            ),
        ] {
            let error = error(&json);
            assert!(
                error.len() < 500 && !error.contains(char::is_control),
                "{error:?}"
            );
            assert!(error.contains("at line 1 column"), "{error}");
        }
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
