//! Faults at random over many transmissions: received and failed messages together are the sent messages, and no message is
//! ever cut but at the end of a connection that broke.

use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flowlogs_export::{Collectors, SendError, SendProblem, SenderOptions, SessionState};
use proptest::prelude::*;
use socket2::SockRef;

use crate::collector::{LIMIT, accept, collectors, frames, listen, message};

/// Fault of the collector at some point of a transmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// Closes, after reading everything received.
    Close,
    /// Resets, with octets unread.
    Reset,
    /// Closes its sending half, and reads on.
    HalfClose,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::Close),
        1 => Just(Fault::Reset),
        1 => Just(Fault::HalfClose),
    ]
}

/// A transmission: number and octets of messages, the fault before it, and the fault of each attempt with the number of
/// messages before that fault.
#[derive(Debug, Clone)]
struct Transmission {
    messages: u32,
    octets: u16,
    before: Fault,
    first: (Fault, u32),
    second: (Fault, u32),
}

fn transmission() -> impl Strategy<Value = Transmission> {
    let place = || (fault(), 0..60u32);
    (1..60u32, 16..20_000u16, fault(), place(), place()).prop_map(
        |(messages, octets, before, first, second)| Transmission {
            messages,
            octets,
            before,
            first,
            second,
        },
    )
}

/// The collector: a thread that reads, and faults at the test's command only.
struct CollectorPeer {
    listener: TcpListener,
    connection: Arc<Mutex<Connection>>,
    ended: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Connection {
    socket: Option<TcpStream>,
    /// Octets received by each connection.
    streams: Vec<Vec<u8>>,
}

impl Connection {
    /// Reads received octets, without waiting, and says whether more may come.
    fn drain(&mut self) -> bool {
        let (Some(socket), Some(stream)) = (&mut self.socket, self.streams.last_mut()) else {
            return false;
        };
        let mut part = [0; 65_536];
        loop {
            match socket.read(&mut part) {
                Ok(octets @ 1..) => stream.extend_from_slice(&part[..octets]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

impl CollectorPeer {
    fn new(listener: TcpListener) -> Self {
        let connection = Arc::new(Mutex::new(Connection::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Arc::clone(&connection), Arc::clone(&ended));
        let reading = thread::spawn(move || {
            while !stop.load(Relaxed) {
                shared.lock().expect("a whole connection").drain();
                thread::sleep(Duration::from_micros(200));
            }
        });
        Self {
            listener,
            connection,
            ended,
            reading: Some(reading),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("a whole connection")
    }

    /// Takes the connection that the exporter has made.
    fn take(&self) {
        let socket = accept(&self.listener);
        socket.set_nonblocking(true).expect("a socket");
        let mut connection = self.connection();
        connection.drain();
        connection.socket = Some(socket);
        connection.streams.push(Vec::new());
    }

    fn act(&self, fault: Fault) {
        let mut connection = self.connection();
        match fault {
            Fault::None => {}
            Fault::Close => {
                connection.drain();
                connection.socket = None;
            }
            Fault::Reset => {
                if let Some(socket) = connection.socket.take() {
                    // Unread octets are lost with the connection.
                    let no_time = Some(Duration::ZERO);
                    SockRef::from(&socket)
                        .set_linger(no_time)
                        .expect("a socket");
                }
            }
            Fault::HalfClose => {
                if let Some(socket) = &connection.socket {
                    let _ = socket.shutdown(Shutdown::Write);
                }
            }
        }
    }

    /// Octets received by each connection, when the exporter has gone.
    fn streams(mut self) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + LIMIT;
        while self.connection().drain() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.ended.store(true, Relaxed);
        if let Some(reading) = self.reading.take() {
            reading.join().expect("the reader");
        }
        std::mem::take(&mut self.connection().streams)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_reached_the_collector_and_what_failed_is_what_was_sent(
        transmissions in prop::collection::vec(transmission(), 1..8),
    ) {
        let (listener, address) = listen();
        let peer = CollectorPeer::new(listener);
        let mut exporter = collectors(&format!("tcp://{address}"), SenderOptions::default());
        let mut number = 0;
        // For each transmission its messages and, on success, the index of the connection.
        let mut outcomes: Vec<(Vec<Vec<u8>>, Option<usize>)> = Vec::new();
        for transmission in &transmissions {
            let sent: Vec<_> = (number..number + transmission.messages)
                .map(|number| message(number, transmission.octets))
                .collect();
            number += transmission.messages;
            peer.act(transmission.before);

            let state = exporter.begin().remove(0).expect("somebody listens");
            match state {
                SessionState::New => peer.take(),
                SessionState::Kept => prop_assert_eq!(transmission.before, Fault::None),
            }
            let mut arrived = attempt(&mut exporter, &peer, &sent, transmission.first);
            if arrived.is_err() {
                exporter.reconnect(0).expect("somebody listens");
                peer.take();
                arrived = attempt(&mut exporter, &peer, &sent, transmission.second);
                if let Err(SendError { problem, .. }) = &arrived {
                    prop_assert!(
                        matches!(problem, SendProblem::Closed | SendProblem::Reset),
                        "{problem}"
                    );
                }
            }
            // The messages of a successful transmission are with the collector's kernel. A collector that resets before
            // reading loses the messages, and nobody is told.
            peer.connection().drain();
            outcomes.push((sent, arrived.is_ok().then(|| peer.connection().streams.len() - 1)));
        }
        drop(exporter);
        let streams = peer.streams();
        let streams: Vec<_> = streams.iter().map(|stream| frames(stream)).collect();
        for (messages, _) in &streams {
            let known = |frame: &Vec<u8>| outcomes.iter().any(|(sent, _)| sent.contains(frame));
            prop_assert!(messages.iter().all(known), "a message is cut or mixed with another");
        }
        for (sent, arrived) in outcomes {
            if let Some(connection) = arrived {
                let (whole, _) = &streams[connection];
                let place = whole.iter().position(|frame| *frame == sent[0]);
                let place = place.expect("a transmission that succeeded has arrived");
                prop_assert_eq!(&whole[place..place + sent.len()], &sent[..], "in order, and nothing between");
            }
        }
    }
}

/// Sends a transmission's messages, with the collector's fault after some.
fn attempt(
    exporter: &mut Collectors,
    peer: &CollectorPeer,
    sent: &[Vec<u8>],
    (fault, place): (Fault, u32),
) -> Result<(), SendError> {
    let mut outcome = Ok(());
    for (number, message) in (0..).zip(sent) {
        if number == place {
            peer.act(fault);
        }
        outcome = exporter.send(0, message);
        if outcome.is_err() {
            break;
        }
    }
    outcome.and_then(|()| exporter.finish().remove(0))
}
