//! Lines from a fixed seed, each a different flow, and the sums.

use std::io::Write;
use std::path::Path;

use flowlogs_testing::random::SplitMix64;

/// Sums over flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowSums {
    /// Number of flows.
    pub flows: u64,
    /// Packets of all flows.
    pub packets: u64,
    /// Octets of all flows.
    pub octets: u64,
}

impl FlowSums {
    /// Adds a flow.
    pub fn add(&mut self, packets: u64, octets: u64) {
        self.flows += 1;
        self.packets += packets;
        self.octets += octets;
    }
}

/// Generates `count` lines of the default format from number `first` on. The number of a line is in the addresses, so that
/// no two lines are equal.
pub fn lines(first: u64, count: u64, mut each: impl FnMut(&str, u64, u64)) {
    let mut random = SplitMix64(7 + first);
    for number in first..first + count {
        let (bits, more) = (random.next(), random.next());
        let [.., a, b, c] = number.to_be_bytes();
        let interface = bits % 500;
        let packets = 1 + more % 1_000;
        let octets = packets * (40 + (more >> 10) % 1_400);
        let start = 1_795_035_600 + number / 200_000;
        let line = format!(
            "2 123456789012 eni-{interface:017x} 10.{a}.{b}.{c} 172.{}.{}.{} {} {} {} {packets} {octets} {start} {} {} OK",
            16 + (bits >> 16) % 16,
            (bits >> 24) % 256,
            (bits >> 32) % 256,
            1_024 + (bits >> 40) % 60_000,
            [443, 80, 22, 53][(more % 4) as usize],
            [6, 6, 6, 17][(more % 4) as usize],
            start + 59,
            if bits % 50 == 0 { "REJECT" } else { "ACCEPT" },
        );
        each(&line, packets, octets);
    }
}

/// Writes lines into a file and returns the sums.
///
/// # Panics
///
/// If the file cannot be written.
pub fn write(path: &Path, first: u64, count: u64) -> FlowSums {
    let file = std::fs::File::create(path).expect("a file");
    let mut file = std::io::BufWriter::new(file);
    let mut sum = FlowSums::default();
    lines(first, count, |line, packets, octets| {
        sum.add(packets, octets);
        writeln!(file, "{line}").expect("a file");
    });
    file.flush().expect("a file");
    sum
}
