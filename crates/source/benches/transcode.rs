//! The whole way from a payload to messages, its stages, and gunzip alone, which nobody can avoid.
//!
//! `cargo bench -p flowlogs-source --bench transcode`. Compare rows within one run: absolute times belong to the machine. A
//! warm process is measured: one transcoder takes payload after payload, a minute apart, of lines made with a fixed seed.

use std::convert::Infallible;
use std::io::Read;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use divan::Bencher;
use divan::counter::ItemsCount;
use flate2::read::MultiGzDecoder;
use flowlogs_core::LogFormat;
use flowlogs_core::flowlog::{FlowRecord, RecordValues};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, Unpacker};
use flowlogs_testing::pipeline::{self, FORMATS, Pipeline, RECORDS};

/// Payloads of one benchmark, one a sample.
const PAYLOADS: u32 = 50;

fn main() {
    divan::main();
}

fn payloads(name: &str) -> Vec<String> {
    (0..PAYLOADS)
        .map(|minute| pipeline::payload(&pipeline::format(name), minute))
        .collect()
}

#[divan::bench(args = FORMATS, sample_count = PAYLOADS, sample_size = 1)]
fn gunzip_alone(bencher: Bencher<'_, '_>, format: &str) {
    let gzip: Vec<Vec<u8>> = payloads(format)
        .iter()
        .map(|data| BASE64_STANDARD.decode(data).expect("base64"))
        .collect();
    let mut gzip = gzip.iter();
    let mut inflated = Vec::new();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        inflated.clear();
        let gzip = gzip.next().expect("a payload for each sample");
        MultiGzDecoder::new(&gzip[..])
            .read_to_end(&mut inflated)
            .expect("gzip")
    });
}

#[divan::bench(args = FORMATS, sample_count = PAYLOADS, sample_size = 1)]
fn unpack_alone(bencher: Bencher<'_, '_>, format: &str) {
    struct Count(usize);
    impl LineSink for Count {
        type Error = Infallible;
        fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Infallible> {
            Ok(())
        }
        fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
            self.0 += line.text.len();
            Ok(())
        }
    }
    let payloads = payloads(format);
    let mut payloads = payloads.iter();
    let mut unpacker = Unpacker::new(1 << 26);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let payload = payloads.next().expect("a payload for each sample");
        pipeline::hand_on(&mut unpacker, payload, &mut Count(0)).expect("a payload");
    });
}

#[divan::bench(args = FORMATS)]
fn parse_alone(bencher: Bencher<'_, '_>, format: &str) {
    let format = pipeline::format(format);
    let lines = pipeline::lines(&format, 0);
    let format = LogFormat::parse(&format).expect("documented");
    let mut values = RecordValues::default();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for line in &lines {
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            assert!(divan::black_box(record).is_ok());
        }
    });
}

#[divan::bench(args = FORMATS, sample_count = PAYLOADS, sample_size = 1)]
fn whole_way(bencher: Bencher<'_, '_>, format: &str) {
    invoke(bencher, format, true);
}

#[divan::bench(args = FORMATS, sample_count = PAYLOADS, sample_size = 1)]
fn whole_way_without_deduplication(bencher: Bencher<'_, '_>, format: &str) {
    invoke(bencher, format, false);
}

fn invoke(bencher: Bencher<'_, '_>, format: &str, deduplicate: bool) {
    let payloads = payloads(format);
    let mut payloads = payloads.iter();
    let mut pipeline = Pipeline::new(&pipeline::format(format), deduplicate);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        pipeline.invoke(payloads.next().expect("a payload for each sample"));
    });
}
