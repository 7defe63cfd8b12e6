//! Parquet files: a false footer or page ends in a named error within the memory limit; rows are transcoded.
#![no_main]

use flowlogs_core::{Formats, LogLine};
use flowlogs_fuzz::{Kept, settings, transcode};
use flowlogs_parquet::{Bytes, ParquetReadError, ParquetReader};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(init: quiet_library(), |octets: &[u8]| {
    let Ok(reader) = ParquetReader::open(Bytes::copy_from_slice(octets), LIMIT) else {
        return;
    };
    // A page may claim a run of any length; the rows are the footer's promise.
    if reader.rows() > 20_000 {
        return;
    }
    let mut kept = Kept::default();
    match reader.read_lines(&mut kept) {
        Ok(rows) => assert_eq!(rows + 1, kept.lines.len() as u64, "a header line and the rows"),
        Err(ParquetReadError::Parquet(error)) => assert!(!error.to_string().is_empty()),
        Err(ParquetReadError::Sink(_)) => unreachable!("this receiver takes everything"),
    }
    let line = |(_, _, text): &(_, _, Vec<u8>)| text.clone();
    let lines: Vec<Vec<u8>> = kept.lines.iter().map(line).collect();
    let lines = lines.iter().map(|text| LogLine { id: None, timestamp: None, text });
    transcode(settings(0), Formats::defaults(), None, lines);
});

/// A panic of the library is caught at the call and becomes a named error. libFuzzer ends the process within its own hook,
/// before anything can be caught; with this hook any further panic still ends the process, after unwinding.
fn quiet_library() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or("", |location| location.file());
        if !place.contains("/parquet-") {
            eprintln!("{panic}");
        }
    }));
}
