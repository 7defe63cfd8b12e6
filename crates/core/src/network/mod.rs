//! Knowledge about the network: interfaces, VPCs, transit gateways, flow logs and destinations.
//!
//! | file | subject |
//! |---|---|
//! | `inventory.rs` | everything known, indexed for look-up; the tables for look-ups of a record |
//! | `interfaces.rs` | compact table of interfaces, by id and by address |
//! | `resources.rs` | VPCs, transit gateways and attachments |
//! | `table_index.rs` | parts of the table of interfaces: shared texts, index of values |
//! | `flow_log.rs` | flow logs, and the times between which to rely on a flow log |
//! | `destination.rs` | log group, bucket or delivery stream |
//! | `address.rs` | an IP address as numbers |
//!
//! Plain data, filled by the caller (EC2, files, tests); the stages only read.

mod address;
mod destination;
mod flow_log;
mod interfaces;
mod inventory;
mod resources;
mod table_index;

pub use address::Address;
pub use destination::{Destination, DestinationKind};
pub(crate) use flow_log::Lifetime;
pub use flow_log::{FlowLog, KEEP_VANISHED, SETTLING, TrafficType, vanished};
pub use interfaces::{InterfaceTable, InterfaceView, NetworkInterface};
pub use inventory::{AccountRegion, Inventory};
pub(crate) use inventory::{InterfaceIndex, TableSet};
pub use resources::{GatewayAttachment, TransitGateway, Vpc};
