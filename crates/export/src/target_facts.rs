//! Facts about a target for callers: state of the session, counts, and both ends of the connection.

use std::net::SocketAddr;

use crate::TargetKind;

/// State of a target's transport session at the beginning of a transmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// New transport session: templates have to be sent and sequence numbers start at 0 (RFC 7011 §3.1, §8).
    New,
    /// Session of the transmission before: sequence numbers go on.
    Kept,
}

/// Counts of a target since the last [`Collectors::begin`](crate::Collectors::begin).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendStatistics {
    /// Messages handed over: to the kernel over UDP, to the connection's or file's buffer otherwise.
    pub messages: u64,
    /// Octets of these messages, without the headers of UDP, TCP, TLS and IP.
    pub octets: u64,
    /// Failed connections, sends and finishes; over UDP the messages that the kernel did not accept, and those that met a
    /// closed port.
    pub errors: u64,
    /// UDP messages that met a closed port, as far as the kernel said so; these are in `messages`, too.
    pub unreachable: u64,
}

/// Both ends of a target's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectorPeer {
    /// Number of the target.
    pub target: usize,
    /// Kind of the target.
    pub kind: TargetKind,
    /// Our address and port. Over UDP, the address may be that of the interface on the route.
    pub local: SocketAddr,
    /// Address and port of the collector.
    pub collector: SocketAddr,
}
