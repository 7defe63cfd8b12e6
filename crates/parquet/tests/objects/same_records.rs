//! The same flows as text and as Parquet become the same IPFIX messages.

use std::convert::Infallible;

use flowlogs_core::flowlog::FlowRecord;
use flowlogs_core::flowlog::field::{ColumnType, FIELDS, Field, FieldSpec, TextPattern};
use flowlogs_core::network::Destination;
use flowlogs_core::{
    Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings,
    Transport,
};
use flowlogs_parquet::{Bytes, ParquetReader, RowSink};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, Unpacker};
use parquet::basic::Encoding;
use parquet::file::properties::WriterVersion;
use proptest::prelude::*;

use crate::lines::LIMIT;
use flowlogs_testing::parquet_writer::{Column, Options, STORED, Stored, compressions, write};

/// Transcodes lines and keeps the messages.
struct Transcoded {
    transcoder: Transcoder,
    source: RecordSource,
    messages: Vec<Vec<u8>>,
    /// Rows that came as records.
    records: usize,
}

impl Transcoded {
    fn new() -> Self {
        let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Datagram]);
        transcoder.begin(1_418_530_100_000);
        Self {
            transcoder,
            source: RecordSource::new(Some(Destination::bucket("bucket")), Formats::defaults()),
            messages: Vec::new(),
            records: 0,
        }
    }

    /// Ends the batch; returns messages and counters.
    fn finish(mut self) -> (Vec<Vec<u8>>, String) {
        let Ok(()) = self.transcoder.flush(&mut sink(&mut self.messages));
        let counters = format!("{:?}", self.transcoder.take_report().counters);
        (self.messages, counters)
    }
}

impl LineSink for Transcoded {
    type Error = Infallible;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Infallible> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        let line = LogLine {
            id: None,
            timestamp: line.timestamp,
            text: line.text,
        };
        let mut sink = sink(&mut self.messages);
        self.transcoder.line(&mut self.source, line, &mut sink)
    }
}

impl RowSink for Transcoded {
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), Infallible> {
        self.records += 1;
        let mut sink = sink(&mut self.messages);
        self.transcoder.record(&mut self.source, record, &mut sink)
    }
}

/// Sink that keeps the messages.
fn sink(
    messages: &mut Vec<Vec<u8>>,
) -> impl FnMut(usize, MessageKind, &[u8]) -> Result<SendOutcome, Infallible> {
    |_, _, message| {
        messages.push(message.to_vec());
        Ok(SendOutcome::Sent)
    }
}

#[test]
fn a_row_comes_as_a_record_if_every_cell_fits_its_field() {
    let texts = |name: &str, first: &str| {
        let texts = [first, "2"].map(str::to_owned).to_vec();
        let field = Field::by_name(name.as_bytes()).expect("a field");
        column(field.row(), &texts, Stored::Int64, 0)
    };
    for (srcport, records) in [("1", 2), ("70000", 1)] {
        let columns = [texts("srcport", srcport), texts("bytes", "1")];
        let object = write(&columns, &Options::default());
        let mut transcoded = Transcoded::new();
        let reader = ParquetReader::open(object, LIMIT).expect("a flow log");
        reader.read(&mut transcoded).expect("undamaged");
        assert_eq!(transcoded.records, records, "{srcport}");
    }
}

/// Text of a column as a text object has it, made of random bits.
fn token(row: &FieldSpec, bits: u64) -> String {
    if bits.is_multiple_of(7) {
        return "-".to_owned();
    }
    let bits = bits / 7;
    let pick = |words: &[&str]| words[(bits % words.len() as u64) as usize].to_owned();
    match row.column_type {
        // One number in 200 is larger than the field.
        ColumnType::Number { max } if max < 70_000 => (bits % (max + 1 + max / 200)).to_string(),
        ColumnType::Number { .. } if bits.is_multiple_of(5) => (bits >> (bits % 60)).to_string(),
        ColumnType::Number { .. } => (bits % 100_000).to_string(),
        ColumnType::Time => (1_418_530_000 + bits % 10_000).to_string(),
        ColumnType::Address if bits.is_multiple_of(3) => format!("2001:db8::{:x}", bits % 300),
        ColumnType::Address => format!("10.0.{}.{}", bits % 3, bits % 200),
        ColumnType::Action => pick(&["ACCEPT", "REJECT", "ACCEPT", "MAYBE"]),
        ColumnType::Status => pick(&["OK", "OK", "OK", "NODATA", "SKIPDATA", "INCOMPLETEDATA"]),
        ColumnType::Direction => pick(&["ingress", "egress"]),
        ColumnType::RejectReason => pick(&["BPA", "EC", "OTHER"]),
        ColumnType::Text(TextPattern::Prefix(prefix)) => format!("{prefix}{:x}", bits % 5),
        ColumnType::Text(_) => pick(&["eu-central-1", "123456789012", "web%20server", "S3"]),
        ColumnType::Skip(_) => pick(&["5", "IPv4"]),
    }
}

/// A column of these texts, in the wanted type if all values can be stored in it.
fn column(row: &FieldSpec, tokens: &[String], wanted: Stored, nulls: u64) -> Column {
    let is_time = matches!(row.column_type, ColumnType::Time);
    let fits = tokens
        .iter()
        .filter(|token| *token != "-")
        .all(|token| match wanted {
            Stored::Int32 => token.parse::<i32>().is_ok(),
            Stored::UInt32 => token.parse::<u32>().is_ok(),
            Stored::Int64 => token.parse::<i64>().is_ok(),
            Stored::UInt64 => token.parse::<u64>().is_ok(),
            Stored::Double => token.parse::<u32>().is_ok(),
            Stored::Text => true,
            _ => is_time,
        });
    let stored = if fits { wanted } else { Stored::Text };
    let value = |(index, token): (usize, &String)| match token.as_str() {
        "-" if stored != Stored::Text => None,
        "-" => match (nulls >> (index % 64)) % 3 {
            0 => None,
            1 => Some(String::new()),
            _ => Some("-".to_owned()),
        },
        token => Some(token.replace("%20", " ")),
    };
    Column {
        name: row.name.replace('-', "_"),
        stored,
        values: tokens.iter().enumerate().map(value).collect(),
    }
}

fn options() -> impl Strategy<Value = Options> {
    let encodings = prop_oneof![
        Just((Encoding::PLAIN, Encoding::PLAIN)),
        Just((Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED)),
        Just((Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT)),
    ];
    (
        0_usize..4,
        any::<[bool; 3]>(),
        encodings,
        1_usize..40,
        1_usize..80,
    )
        .prop_map(
            |(compression, flags, (texts, numbers), rows_in_page, rows_in_group)| Options {
                compression: compressions()[compression],
                version: if flags[0] {
                    WriterVersion::PARQUET_1_0
                } else {
                    WriterVersion::PARQUET_2_0
                },
                dictionary: flags[1],
                texts,
                numbers,
                rows_in_page,
                rows_in_group,
                statistics: flags[2],
            },
        )
}

/// A column: its field, the type it is stored in, and bits that choose the kinds of "no value".
fn shape() -> impl Strategy<Value = Vec<(usize, usize, u64)>> {
    let essential: Vec<usize> = (0..14).collect();
    let more = proptest::sample::subsequence((14..FIELDS.len()).collect::<Vec<_>>(), 0..20);
    let fields = more
        .prop_map(move |more| [essential.clone(), more].concat())
        .prop_shuffle();
    fields.prop_flat_map(|fields| {
        let count = fields.len();
        let choices = proptest::collection::vec((0..STORED.len(), any::<u64>()), count);
        choices.prop_map(move |choices| {
            let both = fields.iter().zip(choices);
            both.map(|(&field, (stored, nulls))| (field, stored, nulls))
                .collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn flows_in_text_and_in_parquet_are_the_same_ipfix_messages(
        shape in shape(),
        seeds in proptest::collection::vec(any::<u64>(), 1..120),
        options in options(),
    ) {
        let cell = |field: usize, seed: u64| {
            // Mixed so that neighbouring columns are independent of each other.
            let mixed = (seed ^ field as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            token(&FIELDS[field], mixed ^ mixed >> 29)
        };
        let mut text = shape.iter().map(|(field, ..)| FIELDS[*field].name).collect::<Vec<_>>().join(" ");
        for seed in &seeds {
            text.push('\n');
            let tokens: Vec<String> = shape.iter().map(|(field, ..)| cell(*field, *seed)).collect();
            text.push_str(&tokens.join(" "));
        }
        let columns: Vec<Column> = shape
            .iter()
            .map(|(field, stored, nulls)| {
                let tokens: Vec<String> = seeds.iter().map(|seed| cell(*field, *seed)).collect();
                column(&FIELDS[*field], &tokens, STORED[*stored], *nulls)
            })
            .collect();
        let object: Bytes = write(&columns, &options);

        let mut from_text = Transcoded::new();
        Unpacker::new(LIMIT).read(text.as_bytes(), &mut from_text).expect("text");
        let mut from_parquet = Transcoded::new();
        ParquetReader::open(object, LIMIT).expect("a flow log").read(&mut from_parquet).expect("undamaged");
        prop_assert_eq!(from_parquet.finish(), from_text.finish());
    }
}
