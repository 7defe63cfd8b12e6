//! Objects of an organization's inventory, kept by `flowlogs-inventory` in S3: a manifest, and a part for each account and
//! region. Lists of descriptions have the keys and members of the AWS CLI's output, so that [`read`](crate::read) reads both
//! objects.
//!
//! | object | key below the prefix | content |
//! |---|---|---|
//! | [`Manifest`] | `manifest.json.gz` | every part with version; flow logs, VPCs, gateways and attachments of all accounts |
//! | part | `parts/<account>/<region>.json.gz` | interfaces of an account and region; written by [`PartWriter`] |

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::descriptions::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, InterfaceDescription,
    Tag, VpcDescription,
};
use crate::timestamp::Timestamp;

/// Layout of the objects; a reader of another layout treats the objects as unreadable.
pub const INVENTORY_VERSION: u32 = 1;

/// Most octets of a manifest, unpacked: some 50,000 flow logs.
pub const LARGEST_MANIFEST: u64 = 64 * 1024 * 1024;

/// Manifest of an inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Manifest {
    /// Layout, [`INVENTORY_VERSION`].
    pub inventory_version: u32,
    /// Time of the round that wrote the manifest.
    pub as_of: Timestamp,
    /// Accounts and regions that were ever answered, sorted.
    #[serde(default)]
    pub parts: Vec<ManifestPart>,
    /// Accounts and regions that were asked and never answered, sorted.
    #[serde(default)]
    pub unanswered: Vec<UnansweredPart>,
    /// Accounts and regions that are not asked, sorted.
    #[serde(default)]
    pub not_asked: Vec<SkippedPart>,
    /// Flow logs, including flow logs vanished within the last 15 days.
    #[serde(default)]
    pub flow_logs: Vec<LocatedDescription<FlowLogDescription>>,
    /// VPCs.
    #[serde(default)]
    pub vpcs: Vec<LocatedDescription<VpcDescription>>,
    /// Transit gateways.
    #[serde(default)]
    pub transit_gateways: Vec<LocatedDescription<GatewayDescription>>,
    /// Attachments of transit gateways.
    #[serde(default)]
    pub transit_gateway_attachments: Vec<LocatedDescription<GatewayAttachmentDescription>>,
}

/// State of the part of an account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManifestPart {
    /// Account of 12 digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Time of the last whole answer for interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Time of the last whole answer for flow logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_logs_as_of: Option<Timestamp>,
    /// Version of the part's object; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Number of interfaces.
    #[serde(default)]
    pub interfaces: u64,
    /// Reason why the last round has no answer; absent after an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Account and region without any answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnansweredPart {
    /// Account of 12 digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Reason.
    pub failure: String,
}

/// Account and region that are not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SkippedPart {
    /// Account of 12 digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// `suspended`, `region not enabled`, …
    pub reason: String,
}

/// Description, with the account and region of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LocatedDescription<T> {
    /// Description.
    #[serde(flatten)]
    pub description: T,
    /// Account of 12 digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Time of the last answer with a flow log that has vanished since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

/// Error of [`Manifest::from_gzip`].
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not gzip, or damaged.
    #[error("the manifest cannot be unpacked: {0}")]
    Gzip(#[from] io::Error),
    /// More than [`LARGEST_MANIFEST`] octets.
    #[error("the manifest has more than {LARGEST_MANIFEST} octets")]
    TooLarge,
    /// No manifest.
    #[error("no manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// Layout of another release.
    #[error("the manifest was written by another release (InventoryVersion {0})")]
    OtherVersion(u32),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// The reason why the object is unreadable.
    pub fn from_gzip(gzip: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct ManifestLayout {
            inventory_version: u32,
        }
        let mut json = Vec::new();
        let mut unpacked = MultiGzDecoder::new(gzip).take(LARGEST_MANIFEST + 1);
        unpacked.read_to_end(&mut json)?;
        if u64::try_from(json.len()).is_ok_and(|octets| octets > LARGEST_MANIFEST) {
            return Err(ManifestError::TooLarge);
        }
        let layout: ManifestLayout = serde_json::from_slice(&json)?;
        if layout.inventory_version != INVENTORY_VERSION {
            return Err(ManifestError::OtherVersion(layout.inventory_version));
        }
        Ok(serde_json::from_slice(&json)?)
    }

    /// Writes the manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError::TooLarge`]: no reader would take the object.
    pub fn to_gzip(&self) -> Result<Vec<u8>, ManifestError> {
        let json = serde_json::to_vec(self).expect(WRITES_TO_MEMORY);
        if u64::try_from(json.len()).is_ok_and(|octets| octets > LARGEST_MANIFEST) {
            return Err(ManifestError::TooLarge);
        }
        let mut out = packer();
        out.write_all(&json).expect(WRITES_TO_MEMORY);
        Ok(out.finish().expect(WRITES_TO_MEMORY))
    }
}

const WRITES_TO_MEMORY: &str = "strings, numbers and lists, written to memory";

fn packer() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::fast())
}

/// Writer of a part; the interfaces are held packed.
///
/// The version of a part is a checksum over the set of interfaces: EC2 lists interfaces, addresses and tags in any order,
/// and the order must not make another version. The version is the sum of the hashes of the interfaces.
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
            inventory_version: u32,
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

/// Leaves out members without a reader, and sorts lists, because EC2 lists in any order.
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

    use flowlogs_core::network::{Destination, InterfaceView};
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

    fn located<T>(description: T, last_seen: Option<Timestamp>) -> LocatedDescription<T> {
        LocatedDescription {
            description,
            account_id: "111122223333".to_owned(),
            region: "eu-central-1".to_owned(),
            last_seen,
        }
    }

    fn manifest() -> Manifest {
        let flow_log = FlowLogDescription {
            flow_log_id: "fl-1".to_owned(),
            resource_id: "vpc-1".to_owned(),
            log_group_name: Some("flows".to_owned()),
            log_format: Some("${bytes}".to_owned()),
            creation_time: Some(Timestamp(1_795_914_123_000)),
            ..FlowLogDescription::default()
        };
        let vpc = VpcDescription {
            vpc_id: "vpc-1".to_owned(),
            owner_id: Some("111122223333".to_owned()),
            tags: Some(vec![Tag {
                key: "Name".to_owned(),
                value: Some("shop".to_owned()),
            }]),
        };
        Manifest {
            inventory_version: INVENTORY_VERSION,
            as_of: Timestamp(1_795_914_123_000),
            parts: vec![ManifestPart {
                account_id: "111122223333".to_owned(),
                region: "eu-central-1".to_owned(),
                as_of: None,
                flow_logs_as_of: Some(Timestamp(1_795_914_123_000)),
                version: Some("0".repeat(32)),
                interfaces: 2,
                failure: Some("AccessDenied".to_owned()),
            }],
            flow_logs: vec![located(flow_log, Some(Timestamp(1_795_914_000_000)))],
            vpcs: vec![located(vpc, None)],
            ..Manifest::default()
        }
    }

    #[test]
    fn a_manifest_is_read_back_whole_and_as_an_inventory() {
        let manifest = manifest();
        let gzip = manifest.to_gzip().expect("a small one");
        assert_eq!(Manifest::from_gzip(&gzip).expect("a manifest"), manifest);
        let inventory = read(&unpacked(&gzip)).expect("an inventory");
        let group = Destination::log_group("flows");
        let formats: Vec<_> = inventory.formats_for(Some(&group)).collect();
        assert_eq!(formats, ["${bytes}"]);
        let vpc = inventory.vpc(b"vpc-1").expect("the VPC");
        assert_eq!(
            (vpc.name.as_deref(), vpc.owner.as_deref()),
            (Some("shop"), Some("111122223333"))
        );
    }

    #[test]
    fn members_have_the_names_of_the_contract() {
        let json: Value =
            serde_json::from_slice(&unpacked(&manifest().to_gzip().expect("a small one")))
                .expect("JSON");
        let part = &json["Parts"][0];
        assert_eq!(part["FlowLogsAsOf"], "2026-11-29T01:02:03.000Z");
        assert_eq!(part.get("AsOf"), None, "no answer for interfaces yet");
        assert_eq!(part["Failure"], "AccessDenied");
        let flow_log = &json["FlowLogs"][0];
        assert_eq!(flow_log["FlowLogId"], "fl-1");
        assert_eq!(flow_log["AccountId"], "111122223333");
        assert_eq!(flow_log["LastSeen"], "2026-11-29T01:00:00.000Z");
        assert_eq!(json["Vpcs"][0].get("LastSeen"), None);
    }

    #[test]
    fn a_manifest_of_another_release_or_damaged_says_so() {
        let mut other = manifest();
        other.inventory_version = 2;
        let error = |gzip: &[u8]| {
            let read = Manifest::from_gzip(gzip);
            read.expect_err("no manifest").to_string()
        };
        assert!(
            error(&other.to_gzip().expect("a small one"))
                .contains("another release (InventoryVersion 2)")
        );
        let gzip = manifest().to_gzip().expect("a small one");
        assert!(error(&gzip[..gzip.len() - 9]).starts_with("the manifest cannot be unpacked"));
        let mut list = packer();
        list.write_all(b"[]").expect("memory");
        assert!(error(&list.finish().expect("memory")).starts_with("no manifest: "));
    }
}
