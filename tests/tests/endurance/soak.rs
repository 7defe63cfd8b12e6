//! A soak: thousands of invocations in one process, as the function has them, with memory that stays where it is.

use std::net::{TcpListener, UdpSocket};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flowlogs_core::{Delivery, Formats, Line, Settings, Source, Transcoder, Transport};
use flowlogs_export::{CollectorUrl, Collectors, SendError, SenderOptions, SessionState};
use flowlogs_source::{Event, Lines, Origin, Unpacker};

use crate::size;
use crate::traffic::lines;

/// Records of a payload.
const RECORDS: u64 = 20;

struct Function {
    unpacker: Unpacker,
    transcoder: Transcoder,
    source: Source,
    collectors: Collectors,
}

/// The receiver of a payload's lines.
struct Invocation<'a> {
    transcoder: &'a mut Transcoder,
    source: &'a mut Source,
    collectors: &'a mut Collectors,
}

impl Invocation<'_> {
    fn send(
        collectors: &mut Collectors,
    ) -> impl FnMut(usize, &[u8]) -> Result<Delivery, SendError> {
        |session, message: &[u8]| collectors.send(session, message).map(|()| Delivery::Sent)
    }
}

impl Lines for Invocation<'_> {
    type Error = SendError;

    fn origin(&mut self, _: &Origin<'_>) -> Result<(), SendError> {
        self.source.formats.begin_object();
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), SendError> {
        let line = Line {
            id: event.id,
            timestamp: event.timestamp,
            text: event.message,
        };
        let mut send = Self::send(self.collectors);
        self.transcoder.line(self.source, line, &mut send)
    }
}

impl Function {
    fn new(urls: &str) -> Self {
        let urls = CollectorUrl::parse_list(urls).expect("URLs");
        let options = SenderOptions {
            udp_rate: 1_000_000,
            ..SenderOptions::default()
        };
        let transports = [Transport::Stream, Transport::Datagram];
        Self {
            unpacker: Unpacker::new(48 << 20),
            transcoder: Transcoder::new(Settings::default(), &transports),
            source: Source::new(Some("/vpc/flow-logs"), Formats::defaults()),
            collectors: Collectors::new(&urls, options).expect("targets"),
        }
    }

    /// One invocation as `crates/lambda` has it; the flows that it exported.
    fn invoke(&mut self, number: u64, data: &str) -> u64 {
        for (target, state) in self.collectors.begin().into_iter().enumerate() {
            if state.expect("a session") == SessionState::New {
                self.transcoder.restart_session(target);
            }
        }
        self.transcoder.begin(1_795_035_600_000 + number * 1_000);
        let mut invocation = Invocation {
            transcoder: &mut self.transcoder,
            source: &mut self.source,
            collectors: &mut self.collectors,
        };
        self.unpacker
            .unpack(data.as_bytes(), &mut invocation)
            .expect("a payload");
        {
            let mut send = Invocation::send(&mut self.collectors);
            self.transcoder.flush(&mut send).expect("sent");
        }
        assert!(self.collectors.finish().iter().all(Result::is_ok));
        self.transcoder.commit();
        let counters = self.transcoder.take_report().counters;
        assert!(counters.is_balanced(), "{counters:?}");
        counters.flows_exported
    }
}

/// The payload of an invocation: new flows of the same 500 interfaces, and a line that is none.
fn payload(number: u64) -> String {
    let mut events = Vec::new();
    lines(number * RECORDS, RECORDS, |line, _, _| {
        let id = format!("{number:020}{:036}", events.len());
        events.push(serde_json::json!({"id": id, "timestamp": 1_795_035_600_000u64 + number, "message": line}));
    });
    events.push(
        serde_json::json!({"id": format!("x{number}"), "timestamp": 1, "message": "not a flow"}),
    );
    let payload = serde_json::json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/vpc/flow-logs", "logStream": "s",
        "subscriptionFilters": ["f"], "logEvents": events,
    });
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    serde_json::to_writer(&mut gzip, &payload).expect("a Vec takes it");
    STANDARD.encode(gzip.finish().expect("a Vec takes it"))
}

/// Resident octets of this process; the largest of some, because pages come and go.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1_024
}

/// Open descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[test]
fn memory_stays_where_it_is_over_many_invocations() {
    let invocations = size("FLOWLOGS_SOAK_INVOCATIONS", 3_000) as u64;
    // The windows of deduplication (docs/limits.md) have their size after 27,000 invocations of 20 records.
    let warm = (invocations / 3).min(30_000);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let urls = format!(
        "tcp://{},udp://{}",
        listener.local_addr().expect("a port"),
        udp.local_addr().expect("a port")
    );
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        std::io::copy(&mut stream, &mut std::io::sink())
    });
    let mut function = Function::new(&urls);
    let (mut flows, mut measured) = (0, Vec::new());
    let mut opened = 0;
    for number in 0..invocations {
        flows += function.invoke(number, &payload(number));
        measured.push(resident());
        if number + 1 == warm {
            opened = descriptors();
        }
    }
    assert_eq!(flows, invocations * RECORDS);
    assert_eq!(descriptors(), opened, "no descriptor is left open");
    let window = usize::try_from(warm.min(invocations - warm).min(1_000)).expect("small");
    let warm = usize::try_from(warm).expect("small");
    let average = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
    let first = average(&measured[..window]);
    let warmed = average(&measured[warm..warm + window]);
    let last = average(&measured[measured.len() - window..]);
    eprintln!(
        "{invocations} invocations: resident at first {first}, warm {warmed}, at last {last} octets"
    );
    assert!(
        last <= first + (32 << 20),
        "{first} octets at first, {last} at last: more than the windows of deduplication"
    );
    if invocations >= 90_000 {
        assert!(
            last <= warmed + (2 << 20),
            "{warmed} octets warm, {last} at last"
        );
    }
}
