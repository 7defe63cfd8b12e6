//! Capture files of IPFIX for decoders that read captures. No test needs the right to capture.
//!
//! Classic pcap, link type raw IPv4 (101). Checksums are left 0: UDP allows 0, and dissectors do not check TCP's.

use crate::recorder::Datagram;

/// Port of IPFIX: dissectors recognise the protocol by port.
const IPFIX: u16 = 4_739;
const EXPORTER: [u8; 4] = [127, 0, 0, 1];
const COLLECTOR: [u8; 4] = [127, 0, 0, 2];

/// Makes a capture of datagrams to a collector.
pub fn of_datagrams(datagrams: &[Datagram]) -> Vec<u8> {
    let packets = datagrams.iter().map(|datagram| {
        let length = u16::try_from(8 + datagram.octets.len()).expect("a datagram");
        let mut udp = Vec::new();
        udp.extend(datagram.from.port().to_be_bytes());
        udp.extend(IPFIX.to_be_bytes());
        udp.extend(length.to_be_bytes());
        udp.extend([0, 0]);
        udp.extend(&datagram.octets);
        ip_packet(17, &udp)
    });
    capture(packets)
}

/// Makes a capture of a TCP connection. The stream is cut into segments of this size, without regard to messages.
pub fn of_stream(stream: &[u8], segment: usize) -> Vec<u8> {
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    const PSH_ACK: u8 = 24;
    const FIN_ACK: u8 = 17;
    let start = 1_000;
    let mut sequence = start + 1;
    let mut packets = vec![
        tcp_packet(true, start, 0, SYN, &[]),
        tcp_packet(false, start, start + 1, SYN | ACK, &[]),
        tcp_packet(true, sequence, start + 1, ACK, &[]),
    ];
    for octets in stream.chunks(segment) {
        packets.push(tcp_packet(true, sequence, start + 1, PSH_ACK, octets));
        sequence += u32::try_from(octets.len()).expect("a segment");
    }
    packets.push(tcp_packet(true, sequence, start + 1, FIN_ACK, &[]));
    capture(packets)
}

fn tcp_packet(
    from_exporter: bool,
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    octets: &[u8],
) -> Vec<u8> {
    const PORT: u16 = 50_000;
    let (source, destination) = if from_exporter {
        (PORT, IPFIX)
    } else {
        (IPFIX, PORT)
    };
    let mut tcp = Vec::new();
    tcp.extend(source.to_be_bytes());
    tcp.extend(destination.to_be_bytes());
    tcp.extend(sequence.to_be_bytes());
    tcp.extend(acknowledged.to_be_bytes());
    tcp.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(octets);
    let mut packet = ip_packet(6, &tcp);
    if !from_exporter {
        packet[12..16].copy_from_slice(&COLLECTOR);
        packet[16..20].copy_from_slice(&EXPORTER);
    }
    packet
}

fn ip_packet(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).expect("a packet");
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    packet.extend(EXPORTER);
    packet.extend(COLLECTOR);
    packet.extend(payload);
    packet
}

fn capture(packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    const RAW_IPV4: u32 = 101;
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 2 << 16 | 4, 0, 0, 65_535, RAW_IPV4] {
        file.extend(word.to_be_bytes());
    }
    for (number, packet) in packets.into_iter().enumerate() {
        let microseconds = u32::try_from(number).expect("few packets");
        let length = u32::try_from(packet.len()).expect("a packet");
        for word in [1_763_715_600, microseconds, length, length] {
            file.extend(word.to_be_bytes());
        }
        file.extend(packet);
    }
    file
}
