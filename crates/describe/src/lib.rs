//! EC2's Describe calls as JSON, and the inventory that they make.
//!
//! Input: what `aws ec2 describe-network-interfaces`, `describe-vpcs`, `describe-transit-gateways`,
//! `describe-transit-gateway-attachments` and `describe-flow-logs` print, each by itself or several in one object. Output:
//! an [`Inventory`](flowlogs_core::network::Inventory). No I/O: callers read the files.
//!
//! | file | subject |
//! |---|---|
//! | `descriptions.rs` | the members of each description that are used; all others are skipped |
//! | `convert.rs` | a description becomes an entry of the inventory: names, addresses, statuses |
//! | `timestamp.rs` | a time as EC2 writes it |
//! | `document.rs` | a JSON document with one or several lists of descriptions |
//! | `packed.rs` | a document that is packed with gzip, bounded in octets |
//! | `manifest.rs` | reader of the objects of an organization's inventory: the manifest, and a part for each account and region |
//! | `write.rs` | writer of these objects |
//!
//! The functions map the SDK's types to the same descriptions, so that the conversion exists once.
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
mod manifest;
mod packed;
mod timestamp;
pub mod write;

pub use descriptions::{
    AddressPrefix, FlowLogDescription, GatewayAttachmentDescription, GatewayDescription,
    InterfaceDescription, Ipv4PrefixDescription, Ipv6AddressDescription, Ipv6PrefixDescription,
    NotAPrefix, PartEntry, PrivateAddressDescription, Tag, VpcAttachment, VpcDescription,
};
pub use document::{InventoryError, looks_like_inventory, read};
pub use manifest::{InventoryManifest, InventoryPart, read_manifest, read_part};
pub use timestamp::{NotATime, Timestamp};
