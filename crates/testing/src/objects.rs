//! Lines of a minute as objects of a bucket, as AWS writes them.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use flowlogs_core::LogFormat;
use flowlogs_parquet::Bytes;

use crate::parquet_writer::{Column, Options, Stored, write};
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
    let mut columns: Vec<_> = names()
        .iter()
        .map(|name| Column {
            name: name.replace('-', "_"),
            stored: stored(name),
            values: Vec::new(),
        })
        .collect();
    for line in lines(minute, 1) {
        for (column, value) in columns.iter_mut().zip(line.split(' ')) {
            column.values.push(Some(value.to_owned()));
        }
    }
    write(&columns, options)
}

fn lines(minute: u32, interfaces: u64) -> Vec<String> {
    pipeline::lines_of(&pipeline::format("v2"), minute, interfaces)
}

fn names() -> Vec<String> {
    let format = LogFormat::parse(&pipeline::format("v2")).expect("documented");
    format.names().to_vec()
}

/// Stored type of a field in the objects of AWS.
fn stored(name: &str) -> Stored {
    match name {
        "version" | "srcport" | "dstport" | "protocol" => Stored::Int32,
        "packets" | "bytes" | "start" | "end" => Stored::Int64,
        _ => Stored::Text,
    }
}
