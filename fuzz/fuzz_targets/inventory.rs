//! Inventory files: any JSON is read or refused, and lines are transcoded with the inventory that was read.
#![no_main]

use flowlogs_core::network::Destination;
use flowlogs_core::{Formats, LogFormat, LogLine};
use flowlogs_fuzz::{settings, transcode};

use libfuzzer_sys::fuzz_target;

/// Lines from both ends of a subnet and both sides of a gateway, and of interfaces that only a random inventory has.
const LINES: [&[u8]; 4] = [
    b"2 123456789012 eni-0a9b8c7d6e5f40312 10.20.2.20 10.20.1.20 8080 43210 6 17 51012 1795035610 1795035668 ACCEPT OK",
    b"2 123456789012 eni-0b2d4f6a8c0e13579 10.20.1.20 10.20.2.20 43210 8080 6 17 51012 1795035610 1795035668 ACCEPT OK",
    b"2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 17 1 1 1 2 REJECT OK",
    b"2 123456789012 eni-2 ::1 ::2 1 2 17 1 1 1 2 ACCEPT OK",
];

fuzz_target!(|octets: &[u8]| {
    let looks = flowlogs_describe::looks_like_inventory(octets);
    let _ = flowlogs_describe::read_manifest(octets);
    let _ = flowlogs_describe::read_part(octets, 1 << 20);
    let Ok(inventory) = flowlogs_describe::read(octets) else {
        return;
    };
    assert!(
        looks || octets.len() > 4_096 || octets.starts_with(b"\x1f\x8b"),
        "an inventory is recognised as one"
    );
    let group = Destination::log_group("/vpc/flow-logs");
    let formats = inventory.formats_for(Some(&group));
    let formats: Vec<LogFormat> = formats
        .filter_map(|text| LogFormat::parse(text).ok())
        .collect();
    let lines = LINES.iter().map(|&text| LogLine {
        id: None,
        timestamp: None,
        text,
    });
    transcode(
        settings(0),
        Formats::of_flow_logs(formats),
        Some(inventory),
        lines,
    );
});
