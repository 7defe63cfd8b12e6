//! Small objects in every compression, with and without a dictionary, from which `fuzz/` begins.

use parquet::basic::Encoding;
use parquet::file::properties::WriterVersion;

use flowlogs_testing::parquet_writer::{
    Column, Options, STORED, Stored, column, compressions, write,
};

#[test]
#[ignore = "writes the seeds of the fuzzer, after which they are committed"]
fn write_the_seeds_of_the_fuzzer() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/parquet");
    std::fs::create_dir_all(directory).unwrap();
    let columns = |stored: usize| -> Vec<Column> {
        let pick = |at: usize| STORED[(stored + at) % STORED.len()];
        vec![
            column("interface_id", Stored::Text, &["eni-1", "null", "eni-1"]),
            column("srcaddr", Stored::Text, &["10.0.0.1", "10.0.0.2", "::1"]),
            column("bytes", pick(0), &["1", "2", "3"]),
            column("start", pick(1), &["1418530010", "1418530011", "null"]),
        ]
    };
    for (number, compression) in compressions().into_iter().enumerate() {
        for dictionary in [true, false] {
            let options = Options {
                compression,
                dictionary,
                version: [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0][number % 2],
                texts: [
                    Encoding::DELTA_BYTE_ARRAY,
                    Encoding::DELTA_LENGTH_BYTE_ARRAY,
                ][number % 2],
                numbers: Encoding::DELTA_BINARY_PACKED,
                rows_in_page: 2,
                statistics: false,
                ..Options::default()
            };
            let name = format!("{directory}/{number}-{dictionary}.parquet");
            std::fs::write(name, write(&columns(number * 2), &options)).unwrap();
        }
    }
}
