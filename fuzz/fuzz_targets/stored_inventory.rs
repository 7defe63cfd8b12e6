//! Objects of an organization's inventory in S3, as the functions read them: the first line is the manifest, the rest is
//! the part of an account and region. Each is read or refused in one line, and each line of an account that the manifest
//! names is decided, whichever account and region the part has.
#![no_main]

use std::sync::Arc;

use flowlogs_describe::{InventoryError, looks_like_inventory, read, read_manifest, read_part};
use flowlogs_fuzz::{flows, formats_of, settings, transcode_on_demand};
use libfuzzer_sys::fuzz_target;

const LIMIT: u64 = 1 << 20;

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
    let (formats, lines) = (formats_of(&inventory), flows(Some(1_795_035_670_000)));
    transcode_on_demand(settings(0), formats, Some(inventory), lines, |wanted| {
        (scope.as_ref() == Some(wanted)).then(|| Arc::clone(&table))
    });
});

/// Returns what was read; a refusal is one line.
fn taken<T>(outcome: Result<T, InventoryError>) -> Option<T> {
    outcome
        .map_err(|error| assert!(!error.to_string().contains('\n'), "{error}"))
        .ok()
}
