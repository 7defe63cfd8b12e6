//! Knowledge about the network: interfaces, VPCs, transit gateways, flow logs and their destinations.
//!
//! | file | subject |
//! |---|---|
//! | `inventory.rs` | everything that is known, indexed for look-up |
//! | `address.rs` | an IP address as numbers |
//! | `id_map.rs` | insertion-ordered map keyed by AWS id |
//!
//! Plain data, filled by the caller (EC2, files, tests); the stages only read it.

mod address;
mod id_map;
mod inventory;

pub use address::Address;
pub(crate) use id_map::{IdMap, Identified};
pub use inventory::{
    FlowLog, GatewayAttachment, Inventory, NetworkInterface, TrafficType, TransitGateway, Vpc,
    destination_name,
};
pub(crate) use inventory::{bit_length, bits, mask};
