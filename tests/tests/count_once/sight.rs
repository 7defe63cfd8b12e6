//! Sight of a packet: the place, the addresses there, and the expected outcome of the record.

use std::net::IpAddr;

use flowlogs_core::flowlog::{FlowAction, FlowDirection};

/// A directed 5-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tuple {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
}

impl Tuple {
    pub(crate) fn back(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ..self
        }
    }
}

/// An observation point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    Interface(usize),
    /// The gateway's attachment of this VPC.
    Attachment(usize),
    /// The regional NAT gateway of VPC 0, without an interface.
    RegionalNat,
}

/// Expected outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fate {
    Counts,
    /// Counts on arrival, at this interface, if observed: rule 4.
    CountsAtItsDestination(usize),
    /// Counts on entering the gateway: rule 3.
    CountsWhereItEnters,
}

/// A flow at an observation point: the content of a record of a capture window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sight {
    pub(crate) place: Place,
    pub(crate) is_leaving: bool,
    pub(crate) is_accepted: bool,
    /// By the interface's addresses.
    pub(crate) tuple: Tuple,
    pub(crate) packet_source: IpAddr,
    pub(crate) packet_destination: IpAddr,
    pub(crate) is_lost: bool,
    pub(crate) is_collectors: bool,
    pub(crate) fate: Fate,
}

impl Sight {
    pub(crate) fn direction(&self) -> FlowDirection {
        if self.is_leaving {
            FlowDirection::Egress
        } else {
            FlowDirection::Ingress
        }
    }

    pub(crate) fn action(&self) -> FlowAction {
        if self.is_accepted {
            FlowAction::Accept
        } else {
            FlowAction::Reject
        }
    }
}

/// A packet that was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) sight: Sight,
    /// Seconds since the simulation began.
    pub(crate) at: u64,
    pub(crate) octets: u64,
}

/// Octets to count of a conversation between two interfaces of a VPC, or between an interface and the internet.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) tuple: Tuple,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
}
