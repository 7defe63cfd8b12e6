//! Flow-log objects: equal flows as text and as Parquet.

use std::io::Write;
use std::ops::Range;

use flate2::Compression;
use flate2::write::GzEncoder;

use flowlogs_testing::parquet_writer::{Options, basic, columns_of_lines, write};
use flowlogs_testing::random::SplitMix64;

/// The columns of these objects, in the order of the documentation.
const COLUMNS: [&str; 19] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "vpc-id",
    "tcp-flags",
    "region",
    "flow-direction",
    "pkt-srcaddr",
];

/// Flow by number: always equal, and unlike every flow of another number.
fn flow(number: usize) -> [String; COLUMNS.len()] {
    // No two columns go together.
    let mut numbers = SplitMix64(u64::try_from(number).expect("64 bits"));
    let mut random = |below: u64| numbers.next() % below;
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    let source = if random(10) == 0 {
        format!("2001:db8:{high:x}::{low:x}")
    } else {
        format!("10.{}.{high}.{low}", number / 62_500 % 250)
    };
    let destination = match source.contains(':') {
        true => format!("2001:db8::{:x}:{:x}", random(1 << 16), random(1 << 16)),
        false => format!("172.16.{}.{}", random(250), random(250)),
    };
    let packets = random(2_000) + 1;
    let end = 1_795_000_000 + random(600);
    let pick =
        |number: u64, words: &[&str]| words[usize::try_from(number).expect("few")].to_owned();
    [
        "5".to_owned(),
        "123456789012".to_owned(),
        format!("eni-0{:016x}", random(200)),
        source.clone(),
        destination,
        (1_024 + random(60_000)).to_string(),
        pick(random(3), &["443", "53", "8080"]),
        pick(random(2), &["6", "17"]),
        packets.to_string(),
        (packets * (40 + random(1_400))).to_string(),
        (end - random(60)).to_string(),
        end.to_string(),
        pick(random(2), &["ACCEPT", "REJECT"]),
        "OK".to_owned(),
        format!("vpc-0{:016x}", random(3)),
        // AWS leaves some without a value.
        pick(random(3), &["19", "2", "-"]),
        "eu-central-1".to_owned(),
        pick(random(2), &["ingress", "egress"]),
        pick(random(2), &[&source, "-"]),
    ]
}

/// Flows as a text object.
pub(crate) fn text(flows: Range<usize>) -> Vec<u8> {
    let names = COLUMNS.join(" ");
    let mut object = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(object, "{names}").expect("memory takes everything");
    for number in flows {
        writeln!(object, "{}", flow(number).join(" ")).expect("memory takes everything");
    }
    object.finish().expect("memory takes everything")
}

/// Flows as a Parquet object, in row groups as of AWS's writers.
pub(crate) fn parquet(flows: Range<usize>) -> Vec<u8> {
    let columns = columns_of_lines(&COLUMNS, flows.map(|number| flow(number).join(" ")));
    let options = Options {
        compression: basic::Compression::GZIP(basic::GzipLevel::default()),
        rows_in_group: 200_000,
        ..Options::default()
    };
    write(&columns, &options).to_vec()
}

/// Compresses octets with gzip.
pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut object = GzEncoder::new(Vec::new(), Compression::fast());
    object.write_all(plain).expect("memory takes everything");
    object.finish().expect("memory takes everything")
}
