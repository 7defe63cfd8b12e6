//! `flowlogs replay` of Parquet files.

use std::fs;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::run;

/// Two flows, as Parquet and as text.
const SCHEMA: &str = "message flow_log {
    required binary account_id (UTF8);
    required binary interface_id (UTF8);
    required binary srcaddr (UTF8);
    required int32 srcport;
    required int64 bytes;
    required binary action (UTF8);
}";
const TEXT: &str = "account-id interface-id srcaddr srcport bytes action
123456789010 eni-1 10.0.0.1 443 4249 ACCEPT
123456789010 eni-2 10.0.0.2 80 336 REJECT
";

fn parquet() -> Vec<u8> {
    let schema = parse_message_type(SCHEMA).expect("a schema");
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, Arc::new(schema), Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let texts = |texts: [&str; 2]| texts.map(ByteArray::from);
    for (index, texts) in [
        texts(["123456789010", "123456789010"]),
        texts(["eni-1", "eni-2"]),
        texts(["10.0.0.1", "10.0.0.2"]),
        Default::default(),
        Default::default(),
        texts(["ACCEPT", "REJECT"]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut column = group.next_column().expect("no error").expect("a column");
        match index {
            3 => column
                .typed::<Int32Type>()
                .write_batch(&[443, 80], None, None),
            4 => column
                .typed::<Int64Type>()
                .write_batch(&[4249, 336], None, None),
            _ => column
                .typed::<ByteArrayType>()
                .write_batch(&texts, None, None),
        }
        .expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.close().expect("closed");
    file
}

#[test]
fn a_parquet_file_is_replayed_as_the_text_with_the_same_flows() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("no-telling-name");
    fs::write(&path, parquet()).expect("written");
    let path = path.to_str().expect("UTF-8");
    let arguments = ["replay", "--output", "json", "--summary", "json"];
    let from_parquet = run(&[&arguments[..], &[path]].concat(), "");
    let from_text = run(&[&arguments[..], &["-"]].concat(), TEXT);
    assert_eq!(from_parquet.status, Some(0), "{from_parquet:?}");
    assert_eq!(from_parquet.objects(), from_text.objects());
    assert_eq!(from_parquet.objects().len(), 2);
    let (counters, expected) = (from_parquet.summary(), from_text.summary());
    for name in ["RecordsReceived", "FlowsExported", "packets", "octets"] {
        assert_eq!(counters[name], expected[name], "{name}");
    }
    let size = fs::metadata(path).expect("written").len();
    assert_eq!(counters["bytesRead"], size);
}

#[test]
fn a_damaged_parquet_file_is_named_with_what_is_wrong_and_the_others_are_replayed() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let whole = parquet();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a-cut.parquet"), &whole[..whole.len() - 20]).expect("written");
    fs::write(path("b-whole.parquet"), &whole).expect("written");
    let directory = directory.path().to_str().expect("UTF-8");
    let outcome = run(
        &["replay", "--output", "json", "--summary", "none", directory],
        "",
    );
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert_eq!(outcome.objects().len(), 2);
    assert!(
        outcome
            .stderr
            .contains("a-cut.parquet: parquet: the footer is damaged"),
        "{outcome:?}"
    );
}

#[test]
fn parquet_on_standard_input_is_told_to_come_as_a_file() {
    let output = crate::flowlogs(&["replay", "--summary", "none", "-"])
        .write_stdin(parquet())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("give the path of the file"), "{message}");
}
