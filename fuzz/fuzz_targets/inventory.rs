//! Inventory files: any JSON is read or refused, and lines are transcoded with the inventory that was read.
#![no_main]

use flowlogs_fuzz::{flows, formats_of, settings, transcode};

use libfuzzer_sys::fuzz_target;

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
    let formats = formats_of(&inventory);
    transcode(settings(0), formats, Some(inventory), flows(None));
});
