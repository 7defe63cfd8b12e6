//! Whatever may arrive as a payload: base64, gzip, JSON, text, envelopes. Every way into the unpacker ends in lines or in
//! a named error, the ways agree with each other, and the lines go all the way.
#![no_main]

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use flowlogs_core::{Formats, LogLine};
use flowlogs_fuzz::{Kept, settings, transcode};
use flowlogs_source::{Message, ReadError, Unpacker};
use libfuzzer_sys::fuzz_target;

/// Far below the limit in production, so that reaching it is part of what is tried.
const LIMIT: usize = 256 * 1024;

fuzz_target!(|octets: &[u8]| {
    let mut unpacker = Unpacker::new(LIMIT);
    let mut read = Kept::default();
    match unpacker.read(octets, &mut read) {
        Ok(summary) => assert_eq!(summary.events, read.lines.len() as u64),
        Err(error) => one_line(&error),
    }

    // A function is invoked with the same octets, as its event or as what the event holds.
    let event = decoded(|kept| unpacker.unpack_event(octets, kept));
    if let Some(event) = &event {
        // Text before and after an event has lines of its own for `read`, which takes streams.
        assert!(read.lines.ends_with(&event.lines) || read.lines.starts_with(&event.lines));
    }
    decoded(|kept| unpacker.unpack(octets, kept));

    // A payload means the same, however it is packed.
    if let Some(plain) = decoded(|kept| unpacker.unpack_decoded(octets, kept)) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(octets).expect("a Vec takes it");
        let data = STANDARD.encode(gzip.finish().expect("a Vec takes it"));
        let packed = decoded(|kept| unpacker.unpack(data.as_bytes(), kept));
        let event = format!("{{\"awslogs\":{{\"data\":\"{data}\"}}}}");
        let as_event = decoded(|kept| unpacker.unpack_event(event.as_bytes(), kept));
        // A byte order mark is skipped in a plain document alone.
        if !octets.starts_with(b"\xef\xbb\xbf") {
            assert_eq!(packed.as_ref(), Some(&plain));
            assert_eq!(as_event.as_ref(), Some(&plain));
        }
        all_the_way(&plain);
    }
    all_the_way(&read);
});

/// What a call handed on, if it succeeded; if it failed, nothing was handed on.
fn decoded<E: std::fmt::Display>(
    call: impl FnOnce(&mut Kept) -> Result<Message, ReadError<E>>,
) -> Option<Kept> {
    let mut kept = Kept::default();
    match call(&mut kept) {
        Ok(Message::Data { events }) => assert_eq!(events, kept.lines.len() as u64),
        Ok(Message::Control) => assert!(kept.lines.is_empty()),
        Err(ReadError::Unpack(error)) => {
            one_line(&error);
            assert!(kept.lines.is_empty(), "half a payload was handed on");
            return None;
        }
        Err(ReadError::Sink(_)) => unreachable!("this receiver takes everything"),
    }
    Some(kept)
}

fn one_line(error: &dyn std::fmt::Display) {
    let text = error.to_string();
    let stages = [
        "base64: ",
        "gzip: ",
        "json: ",
        "too large: ",
        "parquet: ",
        "unrecognised: ",
    ];
    assert!(stages.iter().any(|stage| text.starts_with(stage)), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

fn all_the_way(kept: &Kept) {
    let lines = kept.lines.iter().map(|(id, timestamp, text)| LogLine {
        id: id.as_deref(),
        timestamp: *timestamp,
        text,
    });
    transcode(settings(0), Formats::defaults(), None, lines);
}
