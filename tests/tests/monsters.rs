//! Hostile input of extreme size ends in a counter or a named error, within the memory that [`BOUNDS`] states, and in linear
//! time. The allocator counts memory octet by octet; processor time is compared with the time of ordinary records. A run
//! with `--nocapture` prints both, and `docs/reliability.md` has the table.

#![allow(missing_docs)]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use flowlogs_core::flowlog::MAX_CANDIDATES;
use flowlogs_core::flowlog::{FormatError, MAX_COLUMNS};
use flowlogs_core::network::Destination;
use flowlogs_core::{
    BatchReport, Formats, LogFormat, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};
use flowlogs_source::{
    DeliveredLine, LineOrigin, LineSink, MAX_LINE, ReadError, UnpackError, Unpacker,
};
use flowlogs_testing::pipeline::hand_on;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Largest unpacked payload of the function.
const LIMIT: usize = 48 << 20;

const MIB: usize = 1 << 20;

/// Lock for one test at a time: the allocator counts all threads.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bounds of each monster: additional octets of memory, and time in [`yardstick`]s, twenty times the measured time.
const BOUNDS: &[(&str, usize, f64)] = &[
    ("1 GB in a payload", 3 * LIMIT, 40.0),
    ("1 GB in a file", 40 * MIB, 60.0),
    ("nesting", 3 * LIMIT, 300.0),
    ("a line of 1 MB", 40 * MIB, 20.0),
    ("10,000 columns", 40 * MIB, 20.0),
    ("a million interfaces", 100 * MIB, 1_000.0),
    (
        "a million interfaces of a thousand accounts",
        120 * MIB,
        2_000.0,
    ),
    ("500 layouts in 1,000 accounts", 80 * MIB, 600.0),
    ("100,000 formats", 40 * MIB, 150.0),
    ("ids of 1 MB", 60 * MIB, 20.0),
    ("10,000 interface ids of 60,000 octets", 200 * MIB, 1_500.0),
    ("NUL and not UTF-8", 60 * MIB, 20.0),
];

/// Runs a monster within its bounds.
fn within<T>(what: &str, monster: impl FnOnce() -> T) -> T {
    let (_, octets, times) = BOUNDS
        .iter()
        .find(|(name, ..)| *name == what)
        .expect("a row of the table");
    let (yardstick, held) = (yardstick(), MEMORY.current_usage());
    MEMORY.reset_peak_usage();
    let started = processor_time();
    let outcome = monster();
    let seconds = processor_time() - started;
    let taken = MEMORY.peak_usage().saturating_sub(held);
    let took = seconds / yardstick;
    eprintln!(
        "{what}: {:.1} MiB, {seconds:.2} s, {took:.1} yardsticks",
        taken as f64 / MIB as f64
    );
    assert!(
        taken <= *octets,
        "{what} took {taken} octets, over {octets}"
    );
    assert!(
        took <= *times,
        "{what} took as long as {took:.0} times 100,000 ordinary records, over {times}"
    );
    outcome
}

/// Processor time of 100,000 ordinary records on this machine, the unit of all bounds.
fn yardstick() -> f64 {
    static SECONDS: OnceLock<f64> = OnceLock::new();
    *SECONDS.get_or_init(|| {
        let started = processor_time();
        let mut pipeline = Pipeline::new(Formats::defaults());
        for number in 0..100_000 {
            pipeline.line(None, record(number, "eni-1").as_bytes());
        }
        assert_eq!(pipeline.report().counters.flows_exported, 100_000);
        processor_time() - started
    })
}

/// Processor time of this thread in seconds, independent of further programs.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel's word");
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    let nanoseconds: u64 = nanoseconds.expect("a number");
    nanoseconds as f64 / 1e9
}

/// Transcodes lines and discards the messages.
struct Pipeline {
    transcoder: Transcoder,
    source: RecordSource,
    events: u64,
}

impl Pipeline {
    fn new(formats: Formats) -> Self {
        let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Datagram]);
        transcoder.begin(1_800_000_000_000);
        Self {
            transcoder,
            source: RecordSource::new(Some(Destination::log_group("/vpc/flow-logs")), formats),
            events: 0,
        }
    }

    fn line(&mut self, id: Option<&[u8]>, text: &[u8]) {
        let line = LogLine {
            id,
            timestamp: None,
            text,
        };
        let mut sink = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
        let Ok(()) = self.transcoder.line(&mut self.source, line, &mut sink);
    }

    /// Ends the batch and returns the report; each record is in one counter.
    fn report(&mut self) -> BatchReport {
        let mut sink = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
        let Ok(()) = self.transcoder.flush(&mut sink);
        self.transcoder.commit();
        let report = self.transcoder.take_report();
        assert!(report.counters.is_balanced(), "{:?}", report.counters);
        report
    }
}

impl LineSink for Pipeline {
    type Error = Infallible;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Infallible> {
        self.source.set_account_and_region(origin.owner, None);
        self.source.formats.begin_object();
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        self.events += 1;
        self.line(line.id, line.text);
        Ok(())
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("a Vec takes it");
    encoder.finish().expect("a Vec takes it")
}

/// A gzip of a thousand members that unpacks to a gigabyte of one octet.
fn gigabyte(of: u8) -> Vec<u8> {
    gzip(&vec![of; MIB]).repeat(1 << 10)
}

fn payload(message: &str, id: &str, owner: &str, group: &str) -> String {
    let (message, id) = (quoted(message), quoted(id));
    let (owner, group) = (quoted(owner), quoted(group));
    format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":{owner},"logGroup":{group},"logStream":"s","subscriptionFilters":[],"logEvents":[{{"id":{id},"timestamp":1,"message":{message}}}]}}"#
    )
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text")
}

/// Line of an interface; each number has its own source address.
fn record(number: usize, interface: &str) -> String {
    let [_, a, b, c] = u32::try_from(number)
        .expect("a number of records")
        .to_be_bytes();
    format!(
        "2 123456789012 {interface} 10.{a}.{b}.{c} 10.0.0.1 443 {} 6 1 40 1795035610 1795035668 ACCEPT OK",
        1_024 + number % 60_000
    )
}

#[test]
fn a_gigabyte_in_a_payload_is_too_large() {
    let _alone = alone();
    for octet in [0, b' ', b'['] {
        let data = STANDARD.encode(gigabyte(octet));
        let outcome = within("1 GB in a payload", || {
            let mut pipeline = Pipeline::new(Formats::defaults());
            hand_on(&mut Unpacker::new(LIMIT), &data, &mut pipeline)
        });
        assert_eq!(outcome, Err(UnpackError::TooLarge { limit: LIMIT }));
    }
}

#[test]
fn a_gigabyte_in_a_file_is_read_as_a_stream() {
    let _alone = alone();
    for (octet, records) in [(0, None), (b'x', Some(1))] {
        let packed = gigabyte(octet);
        let (outcome, report) = within("1 GB in a file", || {
            let mut pipeline = Pipeline::new(Formats::defaults());
            let outcome = Unpacker::new(LIMIT).read(&packed[..], &mut pipeline);
            (outcome, pipeline.report())
        });
        match records {
            None => assert_eq!(outcome, Err(ReadError::Unpack(UnpackError::Unrecognised))),
            Some(records) => assert_eq!(outcome.map(|summary| summary.lines), Ok(records)),
        }
        let counters = report.counters;
        assert_eq!(counters.unparsed_records, records.unwrap_or_default());
    }
}

#[test]
fn endless_nesting_is_a_named_error() {
    let _alone = alone();
    let deep = 40 * MIB;
    for document in [
        "[".repeat(deep),
        "{\"a\":".repeat(deep / 5),
        format!(
            "{{\"messageType\":\"DATA_MESSAGE\",\"x\":{}",
            "[".repeat(deep)
        ),
        format!("{{\"logEvents\":{}", "[".repeat(deep)),
        format!("{{\"awslogs\":{}", "{\"data\":".repeat(deep / 8)),
        format!("{{\"records\":[{}", "{\"data\":".repeat(deep / 8)),
    ] {
        // The test's own text is no memory of the product.
        let data = STANDARD.encode(&document);
        within("nesting", || {
            let mut unpacker = Unpacker::new(LIMIT);
            let mut pipeline = Pipeline::new(Formats::defaults());
            let json = document.as_bytes();
            let named = |error: &UnpackError| {
                assert!(
                    matches!(
                        error,
                        UnpackError::Json { .. }
                            | UnpackError::TooLarge { .. }
                            | UnpackError::Gzip { .. }
                    ),
                    "{error}"
                );
            };
            let opened = hand_on(&mut unpacker, &data, &mut pipeline).map_err(ReadError::Unpack);
            for outcome in [opened, unpacker.read(json, &mut pipeline).map(drop)] {
                match outcome {
                    Err(ReadError::Unpack(error)) => named(&error),
                    // A file that begins with a bracket may be text: a single line, too long.
                    other => assert_eq!((other, pipeline.events), (Ok(()), 1)),
                }
            }
        });
    }
}

#[test]
fn a_line_of_a_megabyte_is_unparsed_and_its_neighbours_are_not() {
    let _alone = alone();
    let good = record(7, "eni-1");
    let lines = format!("{good}\n{}\n{}\n", "x".repeat(MIB), record(8, "eni-1"));
    let json = payload(&lines, "1", "123456789012", "g");
    for as_text in [true, false] {
        let report = within("a line of 1 MB", || {
            let mut pipeline = Pipeline::new(Formats::defaults());
            let mut unpacker = Unpacker::new(LIMIT);
            if as_text {
                unpacker
                    .read(lines.as_bytes(), &mut pipeline)
                    .map(drop)
                    .expect("text");
            } else {
                hand_on(&mut unpacker, &STANDARD.encode(&json), &mut pipeline).expect("JSON");
            }
            pipeline.report()
        });
        let counters = report.counters;
        assert_eq!((counters.flows_exported, counters.unparsed_records), (2, 1));
    }
}

#[test]
fn ten_thousand_columns_are_no_format_and_no_record() {
    let _alone = alone();
    let names: String = (0..10_000).fold(String::new(), |mut names, number| {
        let _ = write!(names, "${{bytes}} ${{x-{number}}} ");
        names
    });
    let header = names.replace("${", "").replace('}', "");
    let line = "1 ".repeat(MAX_LINE / 2);
    within("10,000 columns", || {
        assert_eq!(LogFormat::parse(&names), Err(FormatError::TooManyColumns));
        assert_eq!(LogFormat::of_header(header.as_bytes()), None);
        let mut pipeline = Pipeline::new(Formats::defaults());
        pipeline.line(None, header.as_bytes());
        pipeline.line(None, line.as_bytes());
        assert_eq!(pipeline.report().counters.unparsed_records, 2);
    });
    // The widest accepted format, with lines.
    let widest = "${bytes} ".repeat(MAX_COLUMNS);
    let formats = Formats::of_setting(&widest).expect("columns that occur twice are passed over");
    let mut pipeline = Pipeline::new(formats);
    pipeline.line(None, "1 ".repeat(MAX_COLUMNS).as_bytes());
    assert_eq!(pipeline.report().counters.flows_exported, 1);
}

#[test]
fn a_million_interfaces_are_named_and_not_all_remembered() {
    let _alone = alone();
    let report = within("a million interfaces", || {
        let mut pipeline = Pipeline::new(Formats::defaults());
        for number in 0..1_000_000 {
            pipeline.line(
                None,
                record(number, &format!("eni-{number:017x}")).as_bytes(),
            );
        }
        assert!(pipeline.transcoder.take_unknown().len() <= flowlogs_core::MAX_UNKNOWN);
        pipeline.report()
    });
    let counters = report.counters;
    assert_eq!(counters.flows_exported, 1_000_000);
    assert!(counters.options_records >= 1_000_000, "each has its name");
}

#[test]
fn interfaces_in_a_thousand_accounts_have_one_memory() {
    let _alone = alone();
    let report = within("a million interfaces of a thousand accounts", || {
        let mut pipeline = Pipeline::new(Formats::defaults());
        for number in 0..1_000_000usize {
            let account = format!("{:012}", number % 1_000);
            let line = record(number, &format!("eni-{number:017x}"));
            pipeline.line(None, line.replace("123456789012", &account).as_bytes());
        }
        pipeline.report()
    });
    assert_eq!(report.counters.flows_exported, 1_000_000);
}

/// A template for each layout and domain would be 500,000, some 130 MB.
#[test]
fn layouts_in_a_thousand_accounts_have_one_memory() {
    const OPTIONAL: [(&str, &str); 9] = [
        ("srcport", "1"),
        ("dstport", "2"),
        ("protocol", "6"),
        ("packets", "3"),
        ("start", "1795000000"),
        ("tcp-flags", "2"),
        ("vpc-id", "vpc-1"),
        ("flow-direction", "ingress"),
        ("pkt-src-aws-service", "S3"),
    ];
    let _alone = alone();
    let names = OPTIONAL.map(|(name, _)| format!("${{{name}}}")).join(" ");
    let format = format!("${{account-id}} ${{srcaddr}} ${{dstaddr}} ${{bytes}} {names}");
    let formats = Formats::of_setting(&format).expect("a format");
    let report = within("500 layouts in 1,000 accounts", || {
        let mut pipeline = Pipeline::new(formats);
        for layout in 0..500_u32 {
            let value = |(bit, (_, value)): (usize, &(_, &'static str))| match layout >> bit & 1 {
                0 => "-",
                _ => *value,
            };
            let values: Vec<_> = OPTIONAL.iter().enumerate().map(value).collect();
            let values = values.join(" ");
            for account in 0..1_000 {
                let line = format!("{account:012} 10.0.0.1 10.0.0.2 40 {values}");
                pipeline.line(None, line.as_bytes());
            }
        }
        pipeline.report()
    });
    assert_eq!(report.counters.flows_exported, 500_000);
}

#[test]
fn a_hundred_thousand_formats_leave_room_for_the_defaults() {
    let _alone = alone();
    let formats = (0..100_000).map(|number| {
        LogFormat::parse(&format!(
            "${{srcaddr}} ${{x-{number}}} ${{dstaddr}} ${{bytes}}"
        ))
        .expect("a format")
    });
    within("100,000 formats", || {
        let formats = Formats::of_flow_logs(formats);
        assert_eq!(formats.candidates().count(), MAX_CANDIDATES);
        assert_eq!(formats.left_out(), 100_000 - (MAX_CANDIDATES - 2));
        let mut pipeline = Pipeline::new(formats);
        pipeline.line(None, record(1, "eni-1").as_bytes());
        pipeline.line(None, b"10.0.0.1 x 10.0.0.2 7");
        assert_eq!(pipeline.report().counters.flows_exported, 2);
    });
}

#[test]
fn ids_of_a_megabyte_are_read_and_not_remembered() {
    let _alone = alone();
    let long = "i".repeat(MIB);
    let line = record(1, "eni-1");
    let json = payload(&line, &long, &long, &long);
    within("ids of 1 MB", || {
        let mut pipeline = Pipeline::new(Formats::defaults());
        let mut unpacker = Unpacker::new(LIMIT);
        for expected in [(1, 0), (0, 1)] {
            hand_on(&mut unpacker, &STANDARD.encode(&json), &mut pipeline).expect("JSON");
            let counters = pipeline.report().counters;
            let counted = (counters.flows_exported, counters.duplicate_deliveries);
            assert_eq!(counted, expected, "the id is an id, however long it is");
        }
    });
    // As long as a line allows, each different: 600 MB.
    let long = "i".repeat(60_000);
    let report = within("10,000 interface ids of 60,000 octets", || {
        let mut pipeline = Pipeline::new(Formats::defaults());
        for number in 0..10_000 {
            pipeline.line(
                None,
                record(number, &format!("eni-{number}{long}")).as_bytes(),
            );
        }
        pipeline.report()
    });
    assert_eq!(report.counters.flows_exported, 10_000);
}

#[test]
fn nul_and_octets_that_are_not_utf8_end_in_a_counter_or_a_named_error_wherever_they_are() {
    let _alone = alone();
    let line = record(1, "eni-1");
    let json = payload(&line, "37", "123456789012", "/vpc/flow-logs").into_bytes();
    let inventory = br#"{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","VpcId":"vpc-1"}]}"#;
    within("NUL and not UTF-8", || {
        let mut unpacker = Unpacker::new(LIMIT);
        for octet in [0x00, 0x80, 0xc3, 0xff] {
            for place in 0..json.len() {
                let mut damaged = json.clone();
                damaged[place] = octet;
                let mut pipeline = Pipeline::new(Formats::defaults());
                match hand_on(&mut unpacker, &STANDARD.encode(&damaged), &mut pipeline) {
                    Ok(()) => assert!(pipeline.report().counters.records_received <= 1),
                    Err(error) => {
                        let text = error.to_string();
                        assert!(
                            text.starts_with("json: ") || text.starts_with("gzip: "),
                            "{text}"
                        );
                        assert_eq!(pipeline.events, 0, "nothing of it was handed on");
                    }
                }
            }
            for place in 0..line.len() {
                let mut damaged = line.clone().into_bytes();
                damaged[place] = octet;
                let mut pipeline = Pipeline::new(Formats::defaults());
                pipeline.line(None, &damaged);
                assert_eq!(pipeline.report().counters.records_received, 1);
                let mut source = Formats::defaults();
                source.read_header(&damaged);
            }
            for place in 0..inventory.len() {
                let mut damaged = inventory.to_vec();
                damaged[place] = octet;
                // Read or refused.
                let _ = flowlogs_describe::read(&damaged);
            }
        }
    });
}
