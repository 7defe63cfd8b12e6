//! Part of an organization's inventory: the interfaces of one account and region, as one object.
//!
//! The manifest names the version of each part. A part is loaded when a record names the account.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{self, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flowlogs_core::network::{AccountRegion, InterfaceTable};
use serde::Serialize;

use crate::descriptions::{InterfaceDescription, Tag};
use crate::document::InventoryDocument;
use crate::error::{INVENTORY_VERSION, InventoryError};
use crate::packed::{PACKER_OCTETS, WRITES_TO_MEMORY, packer};

/// Part of an inventory: interfaces of an account and region.
#[derive(Debug)]
pub struct InventoryPart {
    /// Account and region.
    pub scope: AccountRegion,
    /// Version, as in the manifest.
    pub version: String,
    /// Interfaces.
    pub interfaces: InterfaceTable,
}

/// Reads a part, packed or not, of at most `limit` octets when inflated.
///
/// # Errors
///
/// An [`InventoryError`]; nothing of a damaged or foreign object is used.
pub fn read_part(octets: &[u8], limit: u64) -> Result<InventoryPart, InventoryError> {
    let mut document = InventoryDocument::read(octets, limit)?;
    document
        .inventory_version
        .ok_or(InventoryError::Missing("InventoryVersion"))?;
    let interfaces = std::mem::take(&mut document.interfaces);
    Ok(InventoryPart {
        scope: (document.scope()).ok_or(InventoryError::Missing("AccountId or Region"))?,
        version: (document.part_version).ok_or(InventoryError::Missing("Version"))?,
        interfaces,
    })
}

/// Writer of a part; the interfaces are held packed.
///
/// The version of a part is the sum of the hashes of its interfaces: EC2 lists interfaces, addresses and tags in any order,
/// and the order must not make another version.
#[derive(Debug)]
pub struct PartWriter {
    /// Interfaces as the elements of a JSON list, separated by commas.
    list: GzEncoder<Vec<u8>>,
    /// Two sums, of hashes with different keys.
    sums: [u64; 2],
    interfaces: u64,
    /// Scratch buffer: JSON of an interface.
    json: Vec<u8>,
}

impl Default for PartWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PartWriter {
    /// Writer of a part without interfaces.
    pub fn new() -> Self {
        Self {
            list: packer(),
            sums: [0; 2],
            interfaces: 0,
            json: Vec::new(),
        }
    }

    /// Adds an interface, with the members used by an inventory; of the tags, only `Name`.
    pub fn add(&mut self, interface: &mut InterfaceDescription) {
        simplify(interface);
        self.json.clear();
        serde_json::to_writer(&mut self.json, interface).expect(WRITES_TO_MEMORY);
        for (key, sum) in (0..).zip(&mut self.sums) {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(key);
            hasher.write(&self.json);
            *sum = sum.wrapping_add(hasher.finish());
        }
        let separator: &[u8] = if self.interfaces == 0 { b"" } else { b"," };
        self.list.write_all(separator).expect(WRITES_TO_MEMORY);
        self.list.write_all(&self.json).expect(WRITES_TO_MEMORY);
        self.interfaces += 1;
    }

    /// Octets of memory that the writer takes: the packed interfaces, the scratch buffer, and the state of the compressor.
    pub fn octets(&self) -> usize {
        self.list.get_ref().capacity() + self.json.capacity() + PACKER_OCTETS
    }

    /// Number of interfaces so far.
    pub fn interfaces(&self) -> u64 {
        self.interfaces
    }

    /// Version: 32 hexadecimal digits; depends on the interfaces alone, in any order.
    pub fn version(&self) -> String {
        let [first, second] = self.sums;
        format!("{first:016x}{second:016x}")
    }

    /// Writes the object, packed. The version stands before the list.
    pub fn finish(self, account: &str, region: &str) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct PartHead<'a> {
            inventory_version: u64,
            account_id: &'a str,
            region: &'a str,
            version: &'a str,
        }
        let version = self.version();
        let head = serde_json::to_string(&PartHead {
            inventory_version: INVENTORY_VERSION,
            account_id: account,
            region,
            version: &version,
        });
        let head = head.expect(WRITES_TO_MEMORY);
        let open = head.strip_suffix('}').expect("a JSON object");
        let list = self.list.finish().expect(WRITES_TO_MEMORY);
        let mut out = packer();
        let mut write = || {
            write!(out, "{open},\"NetworkInterfaces\":[")?;
            io::copy(&mut MultiGzDecoder::new(&*list), &mut out)?;
            out.write_all(b"]}\n")
        };
        write().expect(WRITES_TO_MEMORY);
        out.finish().expect(WRITES_TO_MEMORY)
    }
}

/// Leaves out every tag but `Name`, and sorts lists, because EC2 lists in any order.
fn simplify(interface: &mut InterfaceDescription) {
    keep_name(&mut interface.tag_set);
    if let Some(addresses) = &mut interface.private_ip_addresses {
        addresses.sort_by_key(|entry| entry.private_ip_address);
    }
    if let Some(addresses) = &mut interface.ipv6_addresses {
        addresses.sort_by_key(|entry| entry.ipv6_address);
    }
    if let Some(prefixes) = &mut interface.ipv4_prefixes {
        prefixes.sort_by_key(|entry| (entry.ipv4_prefix.first, entry.ipv4_prefix.length));
    }
    if let Some(prefixes) = &mut interface.ipv6_prefixes {
        prefixes.sort_by_key(|entry| (entry.ipv6_prefix.first, entry.ipv6_prefix.length));
    }
}

/// Leaves out every tag but `Name`.
pub fn keep_name(tags: &mut Option<Vec<Tag>>) {
    if let Some(list) = tags {
        list.retain(|tag| tag.key == "Name");
        if list.is_empty() {
            *tags = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flowlogs_core::network::InterfaceView;
    use serde_json::Value;

    use super::*;
    use crate::read;

    /// Lists as the AWS CLI prints them.
    const PRINTED: &str = r#"{"NetworkInterfaces": [
        {"NetworkInterfaceId": "eni-1", "Description": "ELB app/web", "InterfaceType": "load_balancer", "Status": "in-use",
         "OwnerId": "111122223333", "SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZone": "eu-central-1a",
         "PrivateIpAddress": "10.0.0.5", "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.6", "Primary": false},
         {"PrivateIpAddress": "10.0.0.5", "Primary": true}], "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}],
         "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.16/28"}], "Attachment": {"InstanceId": "i-1"},
         "TagSet": [{"Key": "Team", "Value": "a"}, {"Key": "Name", "Value": "web \"1\""}]},
        {"NetworkInterfaceId": "eni-2", "Status": "available"}]}"#;

    fn interfaces() -> Vec<InterfaceDescription> {
        let document: Value = serde_json::from_str(PRINTED).expect("JSON");
        serde_json::from_value(document["NetworkInterfaces"].clone()).expect("interfaces")
    }

    fn writer<'a>(interfaces: impl IntoIterator<Item = &'a InterfaceDescription>) -> PartWriter {
        let mut writer = PartWriter::new();
        for interface in interfaces {
            writer.add(&mut interface.clone());
        }
        writer
    }

    fn unpacked(gzip: &[u8]) -> Vec<u8> {
        let mut json = Vec::new();
        let mut reader = MultiGzDecoder::new(gzip);
        reader.read_to_end(&mut json).expect("gzip");
        json
    }

    #[test]
    fn a_part_is_read_back_as_the_aws_cli_would_have_printed_it() {
        let part = writer(&interfaces());
        let version = part.version();
        assert_eq!(part.interfaces(), 2);
        let json = unpacked(&part.finish("111122223333", "eu-central-1"));
        let (mine, printed) = (read(&json), read(PRINTED.as_bytes()));
        let (mine, printed) = (mine.expect("a part"), printed.expect("an inventory"));
        for id in [&b"eni-1"[..], b"eni-2"] {
            let of = |one: &flowlogs_core::network::Inventory| {
                one.interface(id).map(InterfaceView::to_owned)
            };
            let (mut mine, mut printed) = (of(&mine), of(&printed));
            assert!(mine.is_some());
            for interface in mine.iter_mut().chain(&mut printed) {
                interface
                    .addresses
                    .sort_by_key(|address| address.to_string());
            }
            assert_eq!(mine, printed);
        }
        let text = String::from_utf8(json).expect("UTF-8");
        let head = format!(
            r#"{{"InventoryVersion":1,"AccountId":"111122223333","Region":"eu-central-1","Version":"{version}","NetworkInterfaces":[{{"#
        );
        assert!(text.starts_with(&head), "{text}");
        assert!(!text.contains("Team"), "a tag that nobody needs");
    }

    #[test]
    fn an_account_without_interfaces_has_an_empty_part() {
        let json = unpacked(&PartWriter::new().finish("111122223333", "eu-central-1"));
        let inventory = read(&json).expect("a part");
        assert_eq!(inventory.interfaces().count(), 0);
    }

    #[test]
    fn a_version_depends_on_the_interfaces_and_not_on_their_order() {
        let mut interfaces = interfaces();
        let version = writer(&interfaces).version();
        assert_eq!(version.len(), 32);
        assert_eq!(writer(interfaces.iter().rev()).version(), version);
        let addresses = interfaces[0].private_ip_addresses.as_mut();
        addresses.expect("two addresses").reverse();
        interfaces[0].tag_set.as_mut().expect("tags").reverse();
        assert_eq!(writer(&interfaces).version(), version, "order within");
        assert_ne!(writer(&interfaces[..1]).version(), version);
        interfaces[1].status = Some("in-use".to_owned());
        assert_ne!(writer(&interfaces).version(), version);
    }
}
