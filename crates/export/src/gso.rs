//! Several datagrams in one system call: the kernel cuts what it is given into segments (`UDP_SEGMENT`, Linux).
//!
//! The way through the kernel is paid once for all of them, which is most of what sending costs.

use std::net::UdpSocket;

/// How long the datagrams of a socket are at most, if the kernel is to cut what is longer.
#[derive(Debug, Default)]
pub(crate) struct GsoSegments {
    /// 0: what is sent leaves as it is.
    octets: usize,
}

impl GsoSegments {
    /// From now on what is sent is cut into datagrams of so many octets; whether the kernel can do that.
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

    /// From now on what is sent leaves as it is.
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
