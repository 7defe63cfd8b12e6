//! Send queue of a TCP connection: octets written and not yet acknowledged by the collector.
//!
//! A successful write says only that the kernel took the octets. Lambda freezes a function at the end of an invocation,
//! and may destroy the environment with everything in the send queue; a collector that is gone answers with a reset and no
//! acknowledgement. So the end of a transmission waits until the queue is empty.
//!
//! The number is read from the kernel's connection table, because the direct question (`ioctl` `SIOCOUTQ`) has no safe
//! binding. Outside of Linux there is no table of connections, and the answer is "unknown".

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufRead, BufReader},
    net::{IpAddr, SocketAddr},
};

/// Octets between two addresses that are not acknowledged yet. `None` if the kernel does not list the connection, because
/// of a reset or because there is no list.
pub(crate) fn unacknowledged(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let table = match local {
        SocketAddr::V4(_) => "/proc/self/net/tcp",
        SocketAddr::V6(_) => "/proc/self/net/tcp6",
    };
    find(BufReader::new(File::open(table).ok()?), local, peer)
}

/// Columns, by the kernel's documentation of `/proc/net/tcp`: number, local address, remote address, state, and
/// `tx_queue:rx_queue` in hexadecimal.
fn find(table: impl BufRead, local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let (local, peer) = (column(local), column(peer));
    for line in table.lines() {
        let line = line.ok()?;
        let mut columns = line.split_ascii_whitespace().skip(1);
        if columns.next() != Some(&local) || columns.next() != Some(&peer) {
            continue;
        }
        let queues = columns.nth(1)?;
        return u64::from_str_radix(queues.split(':').next()?, 16).ok();
    }
    None
}

/// Address in the form of the table: 32-bit words in the byte order of the machine, then the port.
fn column(address: SocketAddr) -> String {
    let mut text = String::with_capacity(37);
    let mut word = |octets: [u8; 4]| {
        // Writing to a string does not fail.
        let _ = write!(text, "{:08X}", u32::from_ne_bytes(octets));
    };
    match address.ip() {
        IpAddr::V4(ip) => word(ip.octets()),
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = ip.octets();
            word([a, b, c, d]);
            word([e, f, g, h]);
            word([i, j, k, l]);
            word([m, n, o, p]);
        }
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:9C40 0100007F:1283 01 00002A10:00000001 01:00000014 00000000     0        0 2 2 0 20 4 30 10 -1
";

    #[cfg(target_endian = "little")]
    #[test]
    fn the_send_queue_is_the_first_half_of_its_column() {
        let local = "127.0.0.1:40000".parse().expect("an address");
        let peer = "127.0.0.1:4739".parse().expect("an address");
        assert_eq!(find(TABLE.as_bytes(), local, peer), Some(0x2a10));
        assert_eq!(find(TABLE.as_bytes(), peer, local), None);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn an_ipv6_address_is_four_words() {
        let address = "[::1]:4739".parse().expect("an address");
        assert_eq!(column(address), "00000000000000000000000001000000:1283");
    }
}
