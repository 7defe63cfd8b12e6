//! Templates and the data behind, at a collector that decodes on several threads (goflow2 has two by default).
//!
//! Every second thread decodes a datagram 5 milliseconds after reading, like a thread that has to wait for a processor. Data
//! whose template is not known yet is dropped. The pause of the UDP sender has to be longer than that. A session in which
//! this machine let a thread decode a template later than the pause allows says nothing, and is repeated.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flowlogs_core::{
    Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings,
    Transport,
};
use flowlogs_export::{CollectorUrl, Collectors, SenderOptions};

/// Time between the arrival of a datagram and its decoding in a late thread.
const LATE: Duration = Duration::from_millis(5);
/// Pause that the sender promises.
const PAUSE: Duration = Duration::from_millis(10);
/// Sessions of a run; each is an invocation with a flow, over a new socket.
const SESSIONS: usize = 200;

/// Collector on several threads.
struct ThreadedCollector {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    /// Sender, domain and template ID of every known template.
    templates: HashSet<(SocketAddr, u32, u16)>,
    /// Template sets, with the sender and the time of decoding.
    decoded: Vec<(SocketAddr, Instant)>,
    /// Senders of data sets, and whether the template was known.
    data: Vec<(SocketAddr, bool)>,
}

impl ThreadedCollector {
    fn start(threads: usize) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let time = Some(Duration::from_millis(100));
        socket.set_read_timeout(time).expect("a socket");
        let address = socket.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stopped = Arc::new(AtomicBool::new(false));
        let work = |is_late: bool| {
            let socket = socket.try_clone().expect("a socket");
            let (seen, stopped) = (Arc::clone(&seen), Arc::clone(&stopped));
            thread::spawn(move || {
                let mut datagram = vec![0; 65_535];
                while !stopped.load(Ordering::Relaxed) {
                    if let Ok((octets, from)) = socket.recv_from(&mut datagram) {
                        if is_late {
                            thread::sleep(LATE);
                        }
                        seen.lock()
                            .expect("no panic")
                            .decode(from, &datagram[..octets]);
                    }
                }
            })
        };
        let threads = (0..threads).map(|thread| work(thread % 2 == 0)).collect();
        Self {
            address,
            seen,
            stopped,
            threads,
        }
    }

    /// Waits until a session has this many data sets; returns whether all had templates, and when the last template was
    /// decoded.
    fn outcome(&self, from: SocketAddr, sets: usize) -> (bool, Instant) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let seen = self.seen.lock().expect("no panic");
            let of_session = seen.data.iter().filter(|(sender, _)| *sender == from);
            let known: Vec<bool> = of_session.map(|&(_, known)| known).collect();
            let decoded = seen.decoded.iter().filter(|(sender, _)| *sender == from);
            let last = decoded.map(|&(_, at)| at).max();
            if let (true, Some(last)) = (known.len() >= sets, last) {
                return (known.into_iter().all(|known| known), last);
            }
            drop(seen);
            assert!(Instant::now() < deadline, "datagrams are missing");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for ThreadedCollector {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Seen {
    /// Reads the sets of a message; the sampling record behind its template is data, too.
    fn decode(&mut self, from: SocketAddr, message: &[u8]) {
        let domain = u32::from(word(message, 12)) << 16 | u32::from(word(message, 14));
        for set in sets(message) {
            let id = word(set, 0);
            if id < 4 {
                self.templates.insert((from, domain, word(set, 4)));
                self.decoded.push((from, Instant::now()));
            } else {
                let known = self.templates.contains(&(from, domain, id));
                self.data.push((from, known));
            }
        }
    }
}

fn word(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// Sets of a message, each with its header.
fn sets(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &message[16..];
    std::iter::from_fn(move || {
        let length = (!rest.is_empty()).then(|| usize::from(word(rest, 2)))?;
        let (set, after) = rest.split_at(length);
        rest = after;
        Some(set)
    })
}

/// Runs one invocation over a new socket. Returns the sender's address, how many data sets left, and when the last
/// template was handed over.
fn session(collector: SocketAddr, with_pause: bool) -> (SocketAddr, usize, Instant) {
    let urls = CollectorUrl::parse_list(&format!("udp://{collector}")).expect("a URL");
    let mut collectors = Collectors::new(&urls, SenderOptions::default()).expect("a sender");
    collectors.begin().remove(0).expect("a socket");
    let from = collectors.peers()[0].local;
    let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Datagram]);
    let mut source = RecordSource::new(None, Formats::defaults());
    let (mut sets, mut handed) = (0, Instant::now());
    let mut sink = |target: usize, kind: MessageKind, message: &[u8]| {
        sets += data_sets(message);
        let is_template = !matches!(kind, MessageKind::Options | MessageKind::Flows);
        let sent = match is_template && with_pause {
            true => collectors.send_templates(target, message, kind == MessageKind::NewTemplates),
            false => collectors.send(target, message),
        };
        sent.expect("a datagram");
        if is_template {
            handed = Instant::now();
        }
        Ok::<_, Infallible>(SendOutcome::Sent)
    };
    let text =
        b"2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 50000 6 2 80 1763715600 1763715660 ACCEPT OK";
    let line = LogLine {
        id: None,
        timestamp: None,
        text,
    };
    transcoder.begin(1_763_715_660_000);
    let Ok(()) = transcoder.line(&mut source, line, &mut sink);
    let Ok(()) = transcoder.flush(&mut sink);
    collectors.finish().remove(0).expect("sent");
    (from, sets, handed)
}

fn data_sets(message: &[u8]) -> usize {
    sets(message).filter(|set| word(set, 0) >= 4).count()
}

#[test]
fn a_collector_with_several_threads_has_every_template_before_its_data() {
    for threads in [2, 8] {
        let collector = ThreadedCollector::start(threads);
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut valid = 0;
        while valid < SESSIONS && Instant::now() < deadline {
            let (from, sets, handed) = session(collector.address, true);
            let (all_known, decoded) = collector.outcome(from, sets);
            if decoded.saturating_duration_since(handed) < PAUSE {
                assert!(all_known, "{threads} threads: data before its template");
                valid += 1;
            }
        }
        assert!(valid > 0, "this machine is too busy to tell");
    }
}

/// Without the pause this collector loses data: the test above can fail.
#[test]
fn without_the_pause_data_comes_before_its_template() {
    for threads in [2, 8] {
        let collector = ThreadedCollector::start(threads);
        let lost = (0..SESSIONS).any(|_| {
            let (from, sets, _) = session(collector.address, false);
            !collector.outcome(from, sets).0
        });
        assert!(lost, "{threads} threads");
    }
}
