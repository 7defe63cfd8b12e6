//! Objects of an organization's inventory in S3, as the functions read them: the first line is the manifest, the rest is
//! the part of an account and region. Each is read or refused in one line, and each line of an account that the manifest
//! names is decided, whatever the part is of.
#![no_main]

use std::sync::Arc;

use flowlogs_core::network::Destination;
use flowlogs_core::{Formats, LogFormat, LogLine};
use flowlogs_describe::{InventoryError, looks_like_inventory, read, read_manifest, read_part};
use flowlogs_fuzz::{settings, transcode_on_demand};
use libfuzzer_sys::fuzz_target;

const LIMIT: u64 = 1 << 20;

/// Lines of two accounts, in and out, known and unknown.
const LINES: [&[u8]; 4] = [
    b"2 123456789012 eni-0a9b8c7d6e5f40312 10.20.2.20 10.20.1.20 8080 43210 6 17 51012 1795035610 1795035668 ACCEPT OK",
    b"2 123456789012 eni-0b2d4f6a8c0e13579 10.20.1.20 10.20.2.20 43210 8080 6 17 51012 1795035610 1795035668 ACCEPT OK",
    b"2 210987654321 eni-1 10.0.0.1 10.0.0.2 1 2 17 1 1 1 2 REJECT OK",
    b"2 123456789012 eni-2 ::1 ::2 1 2 17 1 1 1 2 ACCEPT OK",
];

fuzz_target!(|octets: &[u8]| {
    let end = octets.iter().position(|&octet| octet == b'\n');
    let (first, rest) = octets.split_at(end.unwrap_or(octets.len()));
    let manifest = taken(read_manifest(first));
    let part = taken(read_part(rest.get(1..).unwrap_or_default(), LIMIT));
    let (scope, table) = part.map_or((None, Arc::default()), |part| {
        (Some(part.scope), Arc::new(part.interfaces))
    });
    let Some(manifest) = manifest else { return };
    let is_long = first.len() > 4_096 || first.starts_with(b"\x1f\x8b");
    assert!(looks_like_inventory(first) || is_long);
    assert!(read(first).is_ok(), "the command line reads it, too");
    let inventory = manifest.into_inventory();
    let group = Destination::log_group("/vpc/flow-logs");
    let formats = inventory.formats_for(Some(&group));
    let formats: Vec<LogFormat> = formats
        .filter_map(|text| LogFormat::parse(text).ok())
        .collect();
    let lines = LINES.iter().map(|&text| LogLine {
        id: None,
        timestamp: Some(1_795_035_670_000),
        text,
    });
    let formats = Formats::of_flow_logs(formats);
    transcode_on_demand(settings(0), formats, Some(inventory), lines, |wanted| {
        (scope.as_ref() == Some(wanted)).then(|| Arc::clone(&table))
    });
});

/// What was read; a refusal is one line.
fn taken<T>(outcome: Result<T, InventoryError>) -> Option<T> {
    outcome
        .map_err(|error| assert!(!error.to_string().contains('\n'), "{error}"))
        .ok()
}
