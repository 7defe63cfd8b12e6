//! The measured rows.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::io::Read;
use std::net::UdpSocket;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::MultiGzDecoder;
use flowlogs_core::LogFormat;
use flowlogs_core::flowlog::{FlowRecord, RecordValues};
use flowlogs_export::{CollectorUrl, Collectors, SenderOptions};
use flowlogs_parquet::ParquetReader;
use vrl::compiler::runtime::Runtime;
use vrl::compiler::{Program, TargetValue, TimeZone, compile};
use vrl::value;
use vrl::value::{Secrets, Value};

use crate::ready_made;
use flowlogs_testing::objects;
use flowlogs_testing::parquet_writer::Options;
use flowlogs_testing::pipeline::{self, Pipeline};

/// Name and function of a row.
pub(crate) type Row = (&'static str, Run);

/// Processes all records of a round; returns the time if only a part of the call counts.
type Run = Box<dyn FnMut(usize) -> Option<Duration>>;

fn run(mut round: impl FnMut(usize) + 'static) -> Run {
    Box::new(move |number| {
        round(number);
        None
    })
}

/// Memory for the pages of a Parquet object.
const PAGES: usize = 40 << 20;

/// Prepares all rows for a number of rounds.
pub(crate) fn all(rounds: u32) -> Vec<Row> {
    let payloads_of = |format: &str| -> Rc<[String]> {
        let minutes = 0..rounds;
        minutes
            .map(|minute| pipeline::payload(&pipeline::format(format), minute))
            .collect()
    };
    let (payloads, of_version_5) = (payloads_of("v2"), payloads_of("v5"));
    let unpacked = |data: &String| BASE64_STANDARD.decode(data).expect("base64");
    let texts = |interfaces| -> Rc<[Vec<u8>]> {
        let minutes = 0..rounds;
        minutes
            .map(|minute| objects::text(minute, interfaces))
            .collect()
    };
    let (of_one, of_many) = (texts(1), texts(pipeline::INTERFACES));
    let sending = Rc::new(Cell::new(Duration::ZERO));
    vec![
        ("gunzip", gunzip(payloads.iter().map(unpacked).collect())),
        ("way", whole_way("v2", payloads.clone())),
        (
            "gunzip, version 5",
            gunzip(of_version_5.iter().map(unpacked).collect()),
        ),
        ("way, version 5", whole_way("v5", of_version_5)),
        ("way over UDP", over_udp(payloads.clone(), sending.clone())),
        // The time of sending within the row before: this row has to follow.
        ("sending over UDP", Box::new(move |_| Some(sending.take()))),
        ("LogsEvent", with_logs_event(&payloads)),
        ("parse", parse()),
        ("vrl", vrl("parse_aws_vpc_flow_log!(.message)")),
        ("vrl, empty program", vrl(".message")),
        ("gunzip of text object", gunzip(of_one.clone())),
        ("way of text object", of_text(of_one)),
        (
            "gunzip of text object, many interfaces",
            gunzip(of_many.clone()),
        ),
        ("way of text object, many interfaces", of_text(of_many)),
        ("way of Parquet object", of_parquet(rounds)),
    ]
}

fn gunzip(objects: Rc<[Vec<u8>]>) -> Run {
    let mut inflated = Vec::new();
    run(move |round| {
        inflated.clear();
        MultiGzDecoder::new(&objects[round][..])
            .read_to_end(&mut inflated)
            .expect("gzip");
    })
}

fn new_pipeline(format: &str) -> Pipeline {
    Pipeline::new(&pipeline::format(format), true)
}

fn whole_way(format: &str, payloads: Rc<[String]>) -> Run {
    let mut pipeline = new_pipeline(format);
    run(move |round| pipeline.invoke(&payloads[round]))
}

/// Sends over UDP to a collector that drops nothing, without pacing. Adds up the time of sending.
fn over_udp(payloads: Rc<[String]>, sending: Rc<Cell<Duration>>) -> Run {
    let collector = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let url = format!("udp://{}", collector.local_addr().expect("bound"));
    thread::spawn(move || {
        let mut message = [0; 2_048];
        while collector.recv(&mut message).is_ok() {}
    });
    let urls = CollectorUrl::parse_list(&url).expect("a collector");
    let options = SenderOptions {
        udp_rate: u32::MAX,
        ..SenderOptions::default()
    };
    let collectors = Collectors::new(&urls, options).expect("UDP");
    let collectors = Rc::new(RefCell::new(collectors));
    let timed = {
        let collectors = Rc::clone(&collectors);
        move |send: &mut dyn FnMut(&mut Collectors)| {
            let begin = Instant::now();
            send(&mut collectors.borrow_mut());
            sending.set(sending.get() + begin.elapsed());
        }
    };
    let sink = timed.clone();
    let mut pipeline = new_pipeline("v2").into_sink(move |message| {
        sink(&mut |collectors| collectors.send(0, message).expect("loopback"));
    });
    run(move |round| {
        timed(&mut |collectors| drop(collectors.begin()));
        pipeline.invoke(&payloads[round]);
        timed(&mut |collectors| drop(collectors.finish()));
    })
}

fn with_logs_event(payloads: &[String]) -> Run {
    let event = |data: &String| format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#).into_bytes();
    let events: Vec<_> = payloads.iter().map(event).collect();
    run(move |round| {
        black_box(ready_made::invoke(&events[round]));
    })
}

fn parse() -> Run {
    let format = pipeline::format("v2");
    let lines = pipeline::lines(&format, 0);
    let format = LogFormat::parse(&format).expect("documented");
    let mut values = RecordValues::default();
    run(move |_| {
        for line in &lines {
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            assert!(black_box(record).is_ok());
        }
    })
}

/// Runs a program of the Vector Remap Language, compiled once, on each line.
fn vrl(program: &str) -> Run {
    let program: Program = compile(program, &vrl::stdlib::all())
        .expect("a program")
        .program;
    let lines = pipeline::lines(&pipeline::format("v2"), 0);
    let target = |line: String| TargetValue {
        value: value!({ message: line }),
        metadata: Value::Object(Default::default()),
        secrets: Secrets::default(),
    };
    let mut targets: Vec<_> = lines.into_iter().map(target).collect();
    let (mut runtime, zone) = (Runtime::default(), TimeZone::default());
    run(move |_| {
        for target in &mut targets {
            let record = runtime.resolve(target, &program, &zone);
            assert!(black_box(record).is_ok());
            runtime.clear();
        }
    })
}

fn of_text(objects: Rc<[Vec<u8>]>) -> Run {
    let mut pipeline = new_pipeline("v2");
    run(move |round| {
        pipeline
            .invoke_with(|unpacker, transcoding| unpacker.read(&objects[round][..], transcoding));
    })
}

fn of_parquet(rounds: u32) -> Run {
    let objects: Vec<_> = (0..rounds)
        .map(|minute| objects::parquet(minute, &Options::default()))
        .collect();
    let mut pipeline = new_pipeline("v2");
    run(move |round| {
        let object = objects[round].clone();
        pipeline.invoke_with(|_, transcoding| {
            ParquetReader::open(object, PAGES)
                .expect("Parquet")
                .read(transcoding)
        });
    })
}
