//! What is timed.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Read;
use std::net::UdpSocket;
use std::rc::Rc;
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::MultiGzDecoder;
use flowlogs_core::LogFormat;
use flowlogs_core::flowlog::{FlowRecord, Values};
use flowlogs_export::{CollectorUrl, Collectors, SenderOptions};
use flowlogs_parquet::Reader;
use vrl::compiler::runtime::Runtime;
use vrl::compiler::{Program, TargetValue, TimeZone, compile};
use vrl::value;
use vrl::value::{Secrets, Value};

use crate::way::{self, Way};
use crate::{objects, ready_made};

/// A name, and what does all records of a round.
pub(crate) type Row = (&'static str, Box<dyn FnMut(usize)>);

/// Memory for the pages of a Parquet object.
const PAGES: usize = 40 << 20;

/// All rows, ready for so many rounds.
pub(crate) fn all(rounds: u32) -> Vec<Row> {
    let format = way::format("v2");
    let payloads: Rc<[String]> = (0..rounds)
        .map(|minute| way::payload(&format, minute))
        .collect();
    let unpacked = |data: &String| BASE64_STANDARD.decode(data).expect("base64");
    let texts: Rc<[Vec<u8>]> = (0..rounds).map(objects::text).collect();
    vec![
        ("gunzip", gunzip(payloads.iter().map(unpacked).collect())),
        ("way", whole_way(payloads.clone())),
        ("way over UDP", over_udp(payloads.clone())),
        ("LogsEvent", with_logs_event(&payloads)),
        ("parse", parse()),
        ("vrl", vrl("parse_aws_vpc_flow_log!(.message)")),
        ("vrl, empty program", vrl(".message")),
        ("gunzip of text object", gunzip(texts.clone())),
        ("way of text object", of_text(texts)),
        ("way of Parquet object", of_parquet(rounds)),
    ]
}

fn gunzip(objects: Rc<[Vec<u8>]>) -> Box<dyn FnMut(usize)> {
    let mut inflated = Vec::new();
    Box::new(move |round| {
        inflated.clear();
        MultiGzDecoder::new(&objects[round][..])
            .read_to_end(&mut inflated)
            .expect("gzip");
    })
}

fn new_way() -> Way {
    Way::new(&way::format("v2"), true)
}

fn whole_way(payloads: Rc<[String]>) -> Box<dyn FnMut(usize)> {
    let mut way = new_way();
    Box::new(move |round| way.invoke(&payloads[round]))
}

/// With a collector that takes everything, at a rate that nothing has to wait for.
fn over_udp(payloads: Rc<[String]>) -> Box<dyn FnMut(usize)> {
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
    let collectors = Rc::new(RefCell::new(Collectors::new(&urls, options).expect("UDP")));
    let sink = Rc::clone(&collectors);
    let mut way = new_way().into_sink(move |message| {
        sink.borrow_mut().send(0, message).expect("loopback");
    });
    Box::new(move |round| {
        collectors.borrow_mut().begin();
        way.invoke(&payloads[round]);
        collectors.borrow_mut().finish();
    })
}

fn with_logs_event(payloads: &[String]) -> Box<dyn FnMut(usize)> {
    let event = |data: &String| format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#).into_bytes();
    let events: Vec<_> = payloads.iter().map(event).collect();
    Box::new(move |round| {
        black_box(ready_made::invoke(&events[round]));
    })
}

fn parse() -> Box<dyn FnMut(usize)> {
    let format = way::format("v2");
    let lines = way::lines(&format, 0);
    let format = LogFormat::parse(&format).expect("documented");
    let mut values = Values::default();
    Box::new(move |_| {
        for line in &lines {
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            assert!(black_box(record).is_ok());
        }
    })
}

/// A program of the Vector Remap Language, compiled once, line by line.
fn vrl(program: &str) -> Box<dyn FnMut(usize)> {
    let program: Program = compile(program, &vrl::stdlib::all())
        .expect("a program")
        .program;
    let lines = way::lines(&way::format("v2"), 0);
    let target = |line: String| TargetValue {
        value: value!({ message: line }),
        metadata: Value::Object(Default::default()),
        secrets: Secrets::default(),
    };
    let mut targets: Vec<_> = lines.into_iter().map(target).collect();
    let (mut runtime, zone) = (Runtime::default(), TimeZone::default());
    Box::new(move |_| {
        for target in &mut targets {
            let record = runtime.resolve(target, &program, &zone);
            assert!(black_box(record).is_ok());
            runtime.clear();
        }
    })
}

fn of_text(objects: Rc<[Vec<u8>]>) -> Box<dyn FnMut(usize)> {
    let mut way = new_way();
    Box::new(move |round| {
        way.invoke_with(|unpacker, rest| unpacker.read(&objects[round][..], rest));
    })
}

fn of_parquet(rounds: u32) -> Box<dyn FnMut(usize)> {
    let objects: Vec<_> = (0..rounds).map(objects::parquet).collect();
    let mut way = new_way();
    Box::new(move |round| {
        let object = objects[round].clone();
        way.invoke_with(|_, rest| Reader::open(object, PAGES).expect("Parquet").read(rest));
    })
}
