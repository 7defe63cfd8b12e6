//! Lines of a minute as objects of a bucket, as AWS writes them.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use flowlogs_core::LogFormat;
use flowlogs_parquet::Bytes;

use crate::parquet_writer::{Options, columns_of_lines, write};
use crate::pipeline;

/// Makes a text object (gzip) of several interfaces: a header line, then the lines.
///
/// # Panics
///
/// Never: the object is written to memory.
pub fn text(minute: u32, interfaces: u64) -> Vec<u8> {
    let mut object = GzEncoder::new(Vec::new(), Compression::default());
    let (names, lines) = (names().join(" "), lines(minute, interfaces));
    for line in std::iter::once(names).chain(lines) {
        writeln!(object, "{line}").expect("memory");
    }
    object.finish().expect("memory")
}

/// Makes a Parquet object of an interface.
///
/// # Panics
///
/// Never: the lines are of the default format.
pub fn parquet(minute: u32, options: &Options) -> Bytes {
    let columns = columns_of_lines(&names(), lines(minute, 1).into_iter());
    write(&columns, options)
}

fn lines(minute: u32, interfaces: u64) -> Vec<String> {
    pipeline::lines_of(&pipeline::format("v2"), minute, interfaces)
}

fn names() -> Vec<String> {
    let format = LogFormat::parse(&pipeline::format("v2")).expect("documented");
    format.names().to_vec()
}
