//! Invocations to be counted by another program: `instructions FORMAT INTERFACES DEDUPLICATE INVOCATIONS`.
//!
//! Two runs differ in nothing but the number of their invocations, so the difference of their instructions is what one
//! takes, of a payload that is not compressed (`scripts/check-instructions`). The format `parquet` is a Parquet object of
//! version 2.

use flowlogs_parquet::{ParquetReadError, ParquetReader};
use flowlogs_testing::objects;
use flowlogs_testing::parquet_writer::Options;
use flowlogs_testing::parquet_writer::basic::Compression;
use flowlogs_testing::pipeline::{self, Pipeline};

/// Most invocations of a run.
const PAYLOADS: u32 = 4;

/// Memory for the pages of a Parquet object, as in the function.
const PAGES: usize = 40 * 1024 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, interfaces, deduplicate, invocations, ..] = &arguments[..] else {
        eprintln!("usage: instructions FORMAT INTERFACES on|off INVOCATIONS (at most {PAYLOADS})");
        return;
    };
    let invocations: usize = invocations.parse().expect("a number");
    if format == "parquet" {
        return of_objects(deduplicate == "on", invocations);
    }
    let interfaces = interfaces.parse().expect("a number");
    let format = pipeline::format(format);
    let payloads: Vec<String> = (0..PAYLOADS)
        .map(|minute| pipeline::plain_payload(&format, minute, interfaces))
        .collect();
    let mut pipeline = Pipeline::new(&format, deduplicate == "on");
    for payload in &payloads[..invocations] {
        pipeline.invoke(payload);
    }
}

/// Invocations with Parquet objects whose pages are not compressed.
fn of_objects(deduplicate: bool, invocations: usize) {
    let options = Options {
        compression: Compression::UNCOMPRESSED,
        ..Options::default()
    };
    let objects: Vec<_> = (0..PAYLOADS)
        .map(|minute| objects::parquet(minute, &options))
        .collect();
    let mut pipeline = Pipeline::new(&pipeline::format("v2"), deduplicate);
    for object in &objects[..invocations] {
        pipeline.invoke_with(|_, rows| {
            ParquetReader::open(object.clone(), PAGES)?
                .read(rows)
                .map_err(|error| match error {
                    ParquetReadError::Parquet(error) => error,
                    ParquetReadError::Sink(never) => match never {},
                })
        });
    }
}
