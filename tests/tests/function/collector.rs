//! A collector over TCP or TLS that keeps every message, and misbehaves by script.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowlogs_tests::process::wait_until;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::decode::{Record, decode};

/// Treatment of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Reads to the end.
    Read,
    /// Reads so many octets, and closes with more unread: a reset.
    ResetAfter(usize),
    /// Reads so many octets, and then the whole collector is gone: reset, and nothing listens any more.
    DieAfter(usize),
    /// Reads nothing, and keeps the connection.
    Stall,
    /// Reads so many octets, and from then on 200 every 0.2 s.
    TrickleAfter(usize),
}

/// A collector on a loopback port, until dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    stopped: AtomicBool,
    /// The messages of each connection.
    connections: Mutex<Vec<Vec<Vec<u8>>>>,
    tls: Option<Arc<ServerConfig>>,
}

impl Collector {
    /// Reads everything, over TCP.
    pub(crate) fn start() -> Self {
        Self::listen("127.0.0.1:0".parse().expect("an address"), None, &[])
    }

    /// Treats the first connections by script and reads the rest.
    pub(crate) fn scripted(script: &[Conduct]) -> Self {
        Self::listen("127.0.0.1:0".parse().expect("an address"), None, script)
    }

    /// Reads everything, over TLS.
    pub(crate) fn with_tls(config: Arc<ServerConfig>) -> Self {
        Self::listen(
            "127.0.0.1:0".parse().expect("an address"),
            Some(config),
            &[],
        )
    }

    /// Reads everything, at an address where another collector listened before.
    pub(crate) fn start_again(address: SocketAddr) -> Self {
        Self::listen(address, None, &[])
    }

    fn listen(address: SocketAddr, tls: Option<Arc<ServerConfig>>, script: &[Conduct]) -> Self {
        let listener = bind(address);
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("a socket");
        let shared = Arc::new(Shared {
            stopped: AtomicBool::new(false),
            connections: Mutex::default(),
            tls,
        });
        let (state, script) = (Arc::clone(&shared), script.to_vec());
        let accepting = std::thread::spawn(move || accept(&listener, &state, &script));
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// `tcp://…`, or `tls://localhost:…`
    pub(crate) fn url(&self) -> String {
        match self.shared.tls {
            None => format!("tcp://{}", self.address),
            Some(_) => format!("tls://localhost:{}", self.address.port()),
        }
    }

    /// The decoded records of each connection, flows and options.
    pub(crate) fn connections(&self) -> Vec<Vec<Record>> {
        let connections = self
            .shared
            .connections
            .lock()
            .expect("no panic while locked")
            .clone();
        connections
            .iter()
            .map(|messages| decode(messages))
            .collect()
    }

    /// The decoded records of all connections.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.connections().concat()
    }

    /// The flows of all connections, when there are so many at least.
    pub(crate) fn flows(&self, least: usize) -> Vec<Record> {
        let mut flows = Vec::new();
        wait_until(&format!("{least} flows"), || {
            flows = self.records();
            flows.retain(|record| !record.is_options);
            flows.len() >= least
        });
        flows
    }

    /// Closes its port and every connection. Returns the decoded records of all of them.
    pub(crate) fn stop(mut self) -> Vec<Record> {
        self.end();
        self.records()
    }

    fn end(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end();
    }
}

/// Collector that reads every connection to its end; keeps the octets, or discards them.
pub(crate) struct Drain {
    address: SocketAddr,
    readers: Arc<Mutex<Vec<JoinHandle<Vec<u8>>>>>,
}

impl Drain {
    /// Reads every connection until the test ends; octets are kept if `keeps` is true.
    pub(crate) fn start(keeps: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let readers: Arc<Mutex<Vec<_>>> = Arc::default();
        let started = Arc::clone(&readers);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let reader = std::thread::spawn(move || {
                    let (mut octets, mut part) = (Vec::new(), vec![0; 65_536]);
                    while let Ok(length @ 1..) = stream.read(&mut part) {
                        octets.extend_from_slice(&part[..if keeps { length } else { 0 }]);
                    }
                    octets
                });
                started.lock().expect("no panic while locked").push(reader);
            }
        });
        Self { address, readers }
    }

    /// `tcp://…`
    pub(crate) fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Octets of each connection; the senders have to be gone.
    pub(crate) fn connections(self) -> Vec<Vec<u8>> {
        let readers = std::mem::take(&mut *self.readers.lock().expect("no panic while locked"));
        let readers = readers.into_iter();
        readers
            .map(|reader| reader.join().expect("octets"))
            .collect()
    }
}

/// Binds. A port that was free may be another program's for a moment, as the near end of a connection.
pub(crate) fn bind(address: SocketAddr) -> TcpListener {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => panic!("{address} cannot be listened on: {error}"),
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, script: &[Conduct]) {
    let mut readers = Vec::new();
    while !shared.stopped.load(Ordering::SeqCst) {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let mut connections = shared.connections.lock().expect("no panic while locked");
        let number = connections.len();
        connections.push(Vec::new());
        drop(connections);
        let conduct = script.get(number).copied().unwrap_or(Conduct::Read);
        let state = Arc::clone(shared);
        readers.push(std::thread::spawn(move || {
            serve(stream, number, conduct, &state)
        }));
    }
    for reader in readers {
        let _ = reader.join();
    }
}

fn serve(stream: TcpStream, number: usize, conduct: Conduct, shared: &Shared) {
    stream.set_nonblocking(false).expect("a socket");
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .expect("a time limit");
    match shared.tls.clone() {
        None => read(stream, number, conduct, shared),
        Some(config) => {
            let connection = ServerConnection::new(config).expect("a server");
            read(
                StreamOwned::new(connection, stream),
                number,
                conduct,
                shared,
            );
        }
    }
}

/// Takes the stream apart by the lengths in the message headers (RFC 7011 §10.4).
fn read(mut stream: impl Read, number: usize, conduct: Conduct, shared: &Shared) {
    let (mut buffer, mut part, mut octets) = (Vec::new(), vec![0; 65_536], 0);
    while !shared.stopped.load(Ordering::SeqCst) {
        if conduct == Conduct::Stall {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        let mut most = part.len();
        if matches!(conduct, Conduct::TrickleAfter(limit) if octets >= limit) {
            std::thread::sleep(Duration::from_millis(200));
            most = 200;
        }
        let length = match stream.read(&mut part[..most]) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => return,
        };
        octets += length;
        buffer.extend_from_slice(&part[..length]);
        while let Some(message) = first_message(&mut buffer) {
            shared.connections.lock().expect("no panic while locked")[number].push(message);
        }
        match conduct {
            Conduct::ResetAfter(limit) if octets >= limit => return,
            Conduct::DieAfter(limit) if octets >= limit => {
                return shared.stopped.store(true, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

fn first_message(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]));
    (buffer.len() >= length).then(|| buffer.drain(..length).collect())
}
