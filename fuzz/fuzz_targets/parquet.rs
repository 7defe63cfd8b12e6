//! Parquet files: a false footer or page ends in a named error within the memory limit; rows are transcoded, and rows as
//! records end in the counters in which the same rows as lines end.
#![no_main]

use std::convert::Infallible;

use flowlogs_core::flowlog::FlowRecord;
use flowlogs_core::{
    Counters, Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, Transport,
};
use flowlogs_fuzz::{Kept, settings, transcode};
use flowlogs_parquet::{Bytes, ParquetReadError, ParquetReader, RowSink};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(init: quiet_library(), |octets: &[u8]| {
    let Ok(reader) = ParquetReader::open(Bytes::copy_from_slice(octets), LIMIT) else {
        return;
    };
    // A page may claim a run of any length: more rows, as the footer states them, take too long.
    if reader.rows() > 20_000 {
        return;
    }
    let mut kept = Kept::default();
    match reader.read_lines(&mut kept) {
        Ok(rows) => assert_eq!(rows + 1, kept.lines.len() as u64, "a header line and the rows"),
        Err(ParquetReadError::Parquet(error)) => assert!(!error.to_string().is_empty()),
        Err(ParquetReadError::Sink(_)) => unreachable!("this receiver takes everything"),
    }
    let (mut by_record, mut by_line) = (Counted::default(), Counted::default());
    let _ = reader.read(&mut by_record);
    let _ = reader.read_lines(&mut by_line);
    assert_eq!(by_record.counters(), by_line.counters());
    let line = |(_, _, text): &(_, _, Vec<u8>)| text.clone();
    let lines: Vec<Vec<u8>> = kept.lines.iter().map(line).collect();
    let lines = lines.iter().map(|text| LogLine { id: None, timestamp: None, text });
    transcode(settings(0), Formats::defaults(), None, lines);
});

/// Transcodes and counts.
struct Counted {
    transcoder: Transcoder,
    source: RecordSource,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            transcoder: Transcoder::new(settings(0), &[Transport::Stream]),
            source: RecordSource::new(None, Formats::defaults()),
        }
    }
}

impl Counted {
    fn counters(mut self) -> Counters {
        let Ok(()) = self.transcoder.flush(&mut discard);
        self.transcoder.take_report().counters
    }
}

fn discard(_: usize, _: MessageKind, _: &[u8]) -> Result<SendOutcome, Infallible> {
    Ok(SendOutcome::Sent)
}

impl LineSink for Counted {
    type Error = Infallible;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        let line = LogLine {
            id: None,
            timestamp: None,
            text: line.text,
        };
        self.transcoder.line(&mut self.source, line, &mut discard)
    }
}

impl RowSink for Counted {
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), Infallible> {
        self.transcoder
            .record(&mut self.source, record, &mut discard)
    }
}

/// Replaces libFuzzer's panic hook, which ends the process before the reader can catch a panic of the library; any other
/// panic still ends the process, after unwinding.
fn quiet_library() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or("", |location| location.file());
        if !place.contains("/parquet-") {
            eprintln!("{panic}");
        }
    }));
}
