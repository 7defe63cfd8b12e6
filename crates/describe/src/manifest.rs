//! Manifest of an organization's inventory, kept by `flowlogs-inventory` in S3 beside the parts of `part.rs`.
//!
//! | object | key below the prefix | content |
//! |---|---|---|
//! | [`Manifest`] | [`MANIFEST_PATH`] | every part with version; flow logs, VPCs, gateways and attachments of all accounts |
//! | [`InventoryPart`](crate::InventoryPart) | [`part_path`] | interfaces of an account and region |
//!
//! Lists of descriptions have the keys and members of the AWS CLI's output, so that [`read`](crate::read) reads both
//! objects, and output of the AWS CLI is read as a manifest without parts.

use std::collections::HashMap;
use std::io::Write;

use flowlogs_core::network::{AccountRegion, Destination, DestinationKind, FlowLog, Inventory};
use serde::{Deserialize, Serialize};

use crate::descriptions::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, VpcDescription,
};
use crate::error::{INVENTORY_VERSION, InventoryError};
use crate::packed::{WRITES_TO_MEMORY, packer};
use crate::timestamp::Timestamp;

/// Most octets of a manifest, unpacked: some 50,000 flow logs.
pub const LARGEST_MANIFEST: u64 = 64 * 1024 * 1024;

/// Most octets of a manifest or part as stored, packed.
pub const LARGEST_PACKED: usize = 32 * 1024 * 1024;

/// Path of the manifest below the prefix.
pub const MANIFEST_PATH: &str = "manifest.json.gz";

/// Path of the part of an account and region below the prefix.
pub fn part_path(account: &str, region: &str) -> String {
    format!("parts/{account}/{region}.json.gz")
}

/// Manifest of an inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Manifest {
    /// Time of the round that wrote the manifest.
    pub as_of: Timestamp,
    /// Accounts and regions that were ever answered, sorted.
    pub parts: Vec<ManifestPart>,
    /// Accounts and regions that were asked and never answered, sorted.
    pub unanswered: Vec<UnansweredScope>,
    /// Accounts and regions that are not asked, sorted.
    pub not_asked: Vec<NotAskedScope>,
    /// Flow logs, including flow logs vanished within the last [`KEEP_VANISHED`](flowlogs_core::network::KEEP_VANISHED).
    pub flow_logs: Vec<LocatedDescription<FlowLogDescription>>,
    /// VPCs.
    pub vpcs: Vec<LocatedDescription<VpcDescription>>,
    /// Transit gateways.
    pub transit_gateways: Vec<LocatedDescription<GatewayDescription>>,
    /// Attachments of transit gateways.
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
pub struct UnansweredScope {
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
pub struct NotAskedScope {
    /// Account of 12 digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// `suspended`, `region not enabled`, …
    pub reason: String,
}

impl ManifestPart {
    /// Account and region.
    pub fn scope(&self) -> AccountRegion {
        AccountRegion::new(&self.account_id, &self.region)
    }
}

/// Description, with the account and region of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LocatedDescription<T> {
    /// Description.
    #[serde(flatten)]
    pub description: T,
    /// Account of 12 digits; absent in what the AWS CLI prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Region; absent in what the AWS CLI prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Time of the last answer with a flow log that has vanished since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

impl Manifest {
    /// Writes the manifest, packed. `InventoryVersion` stands first, so that a reader of another release meets nothing
    /// before it.
    ///
    /// # Errors
    ///
    /// [`InventoryError::TooLarge`]: no reader would take the manifest.
    pub fn to_gzip(&self) -> Result<Vec<u8>, InventoryError> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct WrittenManifest<'a> {
            inventory_version: u64,
            #[serde(flatten)]
            manifest: &'a Manifest,
        }
        let json = serde_json::to_vec(&WrittenManifest {
            inventory_version: INVENTORY_VERSION,
            manifest: self,
        });
        let json = json.expect(WRITES_TO_MEMORY);
        if u64::try_from(json.len()).is_ok_and(|octets| octets > LARGEST_MANIFEST) {
            return Err(InventoryError::TooLarge(LARGEST_MANIFEST));
        }
        let mut out = packer();
        out.write_all(&json).expect(WRITES_TO_MEMORY);
        let gzip = out.finish().expect(WRITES_TO_MEMORY);
        if gzip.len() > LARGEST_PACKED {
            return Err(InventoryError::TooLarge(LARGEST_PACKED as u64));
        }
        Ok(gzip)
    }

    /// Inventory without interfaces: flow logs, VPCs, gateways, attachments, and the accounts and regions that were asked.
    pub fn into_inventory(self) -> Inventory {
        let mut inventory = Inventory::new();
        let mut asked = HashMap::new();
        for part in &self.parts {
            let scope = (part.account_id.as_str(), part.region.as_str());
            asked.insert(scope, part.flow_logs_as_of);
            if part.as_of.is_some() && part.version.is_some() {
                inventory.insert_asked(part.scope());
            }
        }
        for listed in self.flow_logs {
            let scope = listed.account_id.as_deref().zip(listed.region.as_deref());
            let as_of = scope.and_then(|scope| *asked.get(&scope)?);
            inventory.insert_flow_log(located(listed, as_of));
        }
        for vpc in self.vpcs {
            inventory.insert_vpc(vpc.description.into());
        }
        for gateway in self.transit_gateways {
            inventory.insert_gateway(gateway.description.into());
        }
        for attachment in self.transit_gateway_attachments {
            inventory.insert_attachment(attachment.description.into());
        }
        inventory
    }
}

/// Flow log with its account and region, as of an answer of EC2.
fn located(listed: LocatedDescription<FlowLogDescription>, as_of: Option<Timestamp>) -> FlowLog {
    let mut flow_log = FlowLog::from(listed.description);
    // A flow log delivers to a log group of its own account and region, and names neither if it was created with the name
    // of the log group.
    if let Some(destination) = &mut flow_log.destination
        && destination.kind == DestinationKind::LogGroup
    {
        let Destination {
            account, region, ..
        } = destination;
        *account = account
            .take()
            .or_else(|| listed.account_id.as_deref().map(Box::from));
        *region = region
            .take()
            .or_else(|| listed.region.as_deref().map(Box::from));
    }
    let vanished = listed
        .last_seen
        .filter(|seen| as_of.is_none_or(|as_of| *seen < as_of));
    flow_log.account = listed.account_id;
    flow_log.region = listed.region;
    flow_log.as_of = as_of.map(|time| time.0);
    flow_log.last_seen = vanished.map(|time| time.0);
    flow_log
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;
    use serde_json::Value;

    use super::*;
    use crate::descriptions::Tag;
    use crate::{read, read_manifest};

    fn unpacked(gzip: &[u8]) -> Vec<u8> {
        let mut json = Vec::new();
        let mut reader = MultiGzDecoder::new(gzip);
        reader.read_to_end(&mut json).expect("gzip");
        json
    }

    fn of_account<T>(description: T, last_seen: Option<Timestamp>) -> LocatedDescription<T> {
        LocatedDescription {
            description,
            account_id: Some("111122223333".to_owned()),
            region: Some("eu-central-1".to_owned()),
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
            flow_logs: vec![of_account(flow_log, Some(Timestamp(1_795_914_000_000)))],
            vpcs: vec![of_account(vpc, None)],
            ..Manifest::default()
        }
    }

    #[test]
    fn a_manifest_is_read_back_whole_and_as_an_inventory() {
        let manifest = manifest();
        let gzip = manifest.to_gzip().expect("a small one");
        assert_eq!(read_manifest(&gzip).expect("a manifest"), manifest);
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
        assert_eq!(json["InventoryVersion"], 1);
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
}
