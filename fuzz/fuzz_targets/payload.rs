//! Payloads: base64, gzip, JSON, text, envelopes. Each entry point of the unpacker ends in lines or in a named error, the
//! entry points agree, and the lines are transcoded.
#![no_main]

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use flowlogs_core::{Formats, LogLine};
use flowlogs_fuzz::{Kept, one_line, opened, settings, transcode};
use flowlogs_source::{FunctionEvent, Unpacker};
use libfuzzer_sys::fuzz_target;

/// Far below the limit in production, so that random payloads reach the limit.
const LIMIT: usize = 256 * 1024;

fuzz_target!(|octets: &[u8]| {
    let mut unpacker = Unpacker::new(LIMIT);
    let mut read = Kept::default();
    match unpacker.read(octets, &mut read) {
        Ok(summary) => assert_eq!(summary.lines, read.lines.len() as u64),
        Err(error) => one_line(&error),
    }

    // A function is invoked with these octets, as the event or as the event's content.
    let event = str::from_utf8(octets)
        .ok()
        .and_then(|event| FunctionEvent::read(event).ok());
    if let Some(FunctionEvent::Subscription(data)) = &event
        && let Some(event) = opened(&mut unpacker, data.as_bytes())
    {
        // Text before and after an event has further lines for `read`, because `read` takes streams.
        assert!(read.lines.ends_with(&event.lines) || read.lines.starts_with(&event.lines));
    }
    opened(&mut unpacker, octets);

    // Packing does not change the meaning of a payload.
    let plain = STANDARD.encode(octets);
    if octets.trim_ascii_start().starts_with(b"{")
        && let Some(plain) = opened(&mut unpacker, plain.as_bytes())
    {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(octets).expect("a Vec takes it");
        let data = STANDARD.encode(gzip.finish().expect("a Vec takes it"));
        assert_eq!(
            opened(&mut unpacker, data.as_bytes()).as_ref(),
            Some(&plain)
        );
        all_the_way(&plain);
    }
    all_the_way(&read);
});

fn all_the_way(kept: &Kept) {
    let lines = kept.lines.iter().map(|(id, timestamp, text)| LogLine {
        id: id.as_deref(),
        timestamp: *timestamp,
        text,
    });
    transcode(settings(0), Formats::defaults(), None, lines);
}
