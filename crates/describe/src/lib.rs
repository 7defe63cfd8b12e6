//! EC2's Describe calls as JSON, and the inventory made of the answers.
//!
//! Input: the output of `aws ec2 describe-network-interfaces`, `describe-vpcs`, `describe-transit-gateways`,
//! `describe-transit-gateway-attachments` and `describe-flow-logs`, each alone or several in an object. Output: an
//! [`Inventory`](flowlogs_core::network::Inventory). No I/O: callers read the files.
//!
//! | file | subject |
//! |---|---|
//! | `descriptions.rs` | the used members of each description |
//! | `convert.rs` | a description becomes an entry of the inventory: names, addresses, statuses |
//! | `timestamp.rs` | times in EC2's form |
//! | `document.rs` | a JSON document with lists of descriptions |
//! | `error.rs` | `InventoryVersion` of this release, keys of an inventory, errors |
//! | `packed.rs` | a document that is packed with gzip, bounded in octets |
//! | `manifest.rs` | manifest of an organization's inventory: read, written, made an inventory |
//! | `part.rs` | part of that inventory for each account and region: read, written |
//!
//! `crates/lambda` maps the SDK's types to the descriptions of `descriptions.rs`: the conversion exists once.
//!
//! ```
//! let json = br#"{"Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "shop"}]}]}"#;
//! let inventory = flowlogs_describe::read(json)?;
//! assert_eq!(inventory.vpc(b"vpc-1").and_then(|vpc| vpc.name.as_deref()), Some("shop"));
//! # Ok::<_, flowlogs_describe::InventoryError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod convert;
mod descriptions;
mod document;
mod error;
mod manifest;
mod packed;
mod part;
#[cfg(test)]
mod tests;
mod timestamp;

pub use descriptions::{
    AddressPrefix, FlowLogDescription, GatewayAttachmentDescription, GatewayDescription,
    InterfaceDescription, Ipv4PrefixDescription, Ipv6AddressDescription, Ipv6PrefixDescription,
    NotAPrefix, PrivateAddressDescription, Tag, VpcAttachment, VpcDescription,
};
pub use document::{looks_like_inventory, read, read_manifest};
pub use error::InventoryError;
pub use manifest::{
    LARGEST_MANIFEST, LARGEST_PACKED, LocatedDescription, MANIFEST_PATH, Manifest, ManifestPart,
    NotAskedScope, UnansweredScope, part_path,
};
pub use part::{InventoryPart, PartWriter, keep_name, read_part};
pub use timestamp::{NotATime, Timestamp};
