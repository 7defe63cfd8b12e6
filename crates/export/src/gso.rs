//! Generic segmentation offload: the kernel cuts a write into several datagrams (`UDP_SEGMENT`, Linux).
//!
//! The datagrams go through the kernel together, once: that saves most of the cost of sending.

use std::net::UdpSocket;

/// Segment size of a socket: the kernel cuts longer writes into datagrams of this size.
#[derive(Debug, Default)]
pub(crate) struct GsoSegments {
    /// Octets of a segment; 0 if the kernel does not cut.
    octets: usize,
}

impl GsoSegments {
    /// Sets the segment size. Returns false if the kernel cannot cut.
    pub(crate) fn cut(&mut self, socket: &UdpSocket, octets: usize) -> bool {
        if self.octets == octets {
            return true;
        }
        let is_set = set(socket, octets);
        if is_set {
            self.octets = octets;
        }
        is_set
    }

    /// Ends the cutting.
    pub(crate) fn leave_whole(&mut self, socket: &UdpSocket) {
        self.cut(socket, 0);
    }
}

#[cfg(target_os = "linux")]
fn set(socket: &UdpSocket, octets: usize) -> bool {
    use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};

    i32::try_from(octets).is_ok_and(|octets| setsockopt(socket, UdpGsoSegment, &octets).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn set(_: &UdpSocket, _: usize) -> bool {
    false
}
