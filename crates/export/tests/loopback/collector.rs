//! Scripted collectors on the loopback interface. Each ends by itself: every wait is at most [`LIMIT`].

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use flowlogs_export::{CollectorUrl, Collectors, SenderOptions, SessionState};

/// Longer than any test needs on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn url(text: &str) -> CollectorUrl {
    text.parse().expect("a collector URL")
}

pub(crate) fn collectors(text: &str, options: SenderOptions) -> Collectors {
    Collectors::new(
        &CollectorUrl::parse_list(text).expect("collector URLs"),
        options,
    )
    .expect("valid options")
}

/// Options of a sender that gives a collector up after this time without progress.
pub(crate) fn with_write_timeout(write_timeout: Duration) -> SenderOptions {
    SenderOptions {
        write_timeout,
        ..SenderOptions::default()
    }
}

/// An IPFIX message as far as framing goes: a header, then octets that only this message has.
pub(crate) fn message(number: u32, octets: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(usize::from(octets));
    message.extend(10u16.to_be_bytes());
    message.extend(octets.to_be_bytes());
    message.extend(0u32.to_be_bytes());
    message.extend(number.to_be_bytes());
    message.extend(1u32.to_be_bytes());
    let pattern = number.to_be_bytes();
    message.extend(pattern.iter().cycle().take(usize::from(octets) - 16));
    message
}

pub(crate) fn messages(count: u32, octets: u16) -> Vec<Vec<u8>> {
    (0..count).map(|number| message(number, octets)).collect()
}

/// Content of a stream: whole messages by the length field, and the octets of a cut message.
pub(crate) fn frames(mut stream: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut frames = Vec::new();
    while let Some(&[_, _, high, low]) = stream.first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 16 || length > stream.len() {
            break;
        }
        frames.push(stream[..length].to_vec());
        stream = &stream[length..];
    }
    (frames, stream.len())
}

/// Begins a transmission of a single target, expecting a session.
pub(crate) fn begin(collectors: &mut Collectors) -> SessionState {
    let mut states = collectors.begin();
    assert_eq!(states.len(), 1);
    states.remove(0).expect("a session")
}

pub(crate) fn send_all(collectors: &mut Collectors, messages: &[Vec<u8>]) {
    for message in messages {
        collectors.send(0, message).expect("the message is taken");
    }
}

pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// The next connection, or a panic after [`LIMIT`].
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a listener");
    let deadline = Instant::now() + LIMIT;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false).expect("a socket");
                socket.set_read_timeout(Some(LIMIT)).expect("a socket");
                socket.set_write_timeout(Some(LIMIT)).expect("a socket");
                return socket;
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("no connection came: {error}"),
        }
    }
}

/// Runs a collector's script in a thread of its own.
pub(crate) fn script<T: Send + 'static>(
    script: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    thread::spawn(script)
}

/// Reads to the end of the connection.
pub(crate) fn read_all(mut socket: impl Read) -> Vec<u8> {
    let mut received = Vec::new();
    // A reset ends a stream as well; the test looks at the octets before.
    let _ = socket.read_to_end(&mut received);
    received
}

pub(crate) fn read_some(socket: &mut impl Read, octets: usize) -> Vec<u8> {
    let mut received = vec![0; octets];
    socket.read_exact(&mut received).expect("the octets come");
    received
}
