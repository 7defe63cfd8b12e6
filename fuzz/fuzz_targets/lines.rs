//! Lines under a random format: the first octet chooses settings, the first line is the format, the rest are records.
#![no_main]

use flowlogs_core::flowlog::{HeaderLine, RecordValues};
use flowlogs_core::{Formats, LogLine};
use flowlogs_fuzz::{settings, transcode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Some((&bits, rest)) = octets.split_first() else {
        return;
    };
    let mut lines = rest.split(|&octet| octet == b'\n');
    let setting = lines.next().unwrap_or_default();
    let formats = std::str::from_utf8(setting)
        .ok()
        .and_then(|text| Formats::of_setting(text).ok())
        .unwrap_or_else(Formats::defaults);
    let line = |(number, text)| LogLine {
        id: None,
        timestamp: (number % 3 == 0).then_some(1_700_000_000_000),
        text,
    };
    let mut values = RecordValues::default();
    let mut headers = formats.clone();
    let report = transcode(
        settings(bits),
        formats,
        None,
        lines.clone().enumerate().map(line),
    );
    let is_record = |line: &LogLine<'_>| {
        let header =
            line.timestamp.is_none() && headers.read_header(line.text) != HeaderLine::NoHeader;
        let _ = header || headers.parse(line.text, &mut values).is_ok();
        !header
    };
    let records = lines.enumerate().map(line).filter(is_record).count();
    assert_eq!(report.counters.records_received, records as u64);
});
