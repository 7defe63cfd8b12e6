//! Sockets: datagrams and connections become messages of transport sessions.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flowlogs_export::{CollectorUrl, TargetKind};

use crate::decode::HEADER;
use crate::failure::CommandError;
use crate::terminal;
use crate::text::shown_path;

/// Most simultaneous connections; beyond, the connection with the longest silence is closed.
const CONNECTIONS: usize = 64;

/// Longest time for a whole message after the first octet, and for the first octet after the connection was opened.
const MESSAGE_TIME: Duration = Duration::from_secs(10);

/// Longest silence of a connection between two messages.
const IDLE_TIME: Duration = Duration::from_secs(600);

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
struct ConnectionTimes {
    message: Duration,
    idle: Duration,
}

const TIMES: ConnectionTimes = ConnectionTimes {
    message: MESSAGE_TIME,
    idle: IDLE_TIME,
};

/// Pause after a failed accept or receive.
const PAUSE: Duration = Duration::from_millis(100);

/// Transport session: a peer that sends datagrams to a socket of ours, a connection, or a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SessionId {
    Datagrams { local: SocketAddr, peer: SocketAddr },
    Connection { local: SocketAddr, peer: SocketAddr },
    File(PathBuf),
}

impl SessionId {
    /// Returns the session of a file.
    pub(super) fn of_file(path: &Path) -> Self {
        Self::File(path.to_owned())
    }

    /// Returns whether the session is a connection, whose end is noticed.
    pub(super) fn is_connection(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagrams { peer, .. } => write!(f, "udp://{peer}"),
            Self::Connection { peer, .. } => write!(f, "tcp://{peer}"),
            Self::File(path) => shown_path(path).fmt(f),
        }
    }
}

/// Message or event of a transport session.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) session: SessionId,
    pub(super) content: ArrivalContent,
}

#[derive(Debug)]
pub(super) enum ArrivalContent {
    /// A message of the length in the header, or a datagram.
    Message(Vec<u8>),
    /// A connection that did not carry IPFIX; closed.
    Garbage,
    /// A connection closed because no message, or no whole message, came in time.
    Silent,
    /// End of a connection.
    End,
}

/// Listens in a new thread, until the end of the process.
pub(super) fn listen(
    url: &CollectorUrl,
    arrivals: SyncSender<Arrival>,
) -> Result<(), CommandError> {
    let failed = |error: io::Error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => "; end what listens there, or give another port",
            io::ErrorKind::AddrNotAvailable => {
                "; give an address of this machine, or 0.0.0.0 for all of them"
            }
            io::ErrorKind::PermissionDenied => "; give a port from 1024",
            _ => "",
        };
        CommandError::failed(format_args!("cannot listen on {url}: {error}{remedy}"))
    };
    let (Some(address), Some(port)) = (url.address(), url.port()) else {
        return Err(CommandError::usage(format_args!("cannot listen on {url}")));
    };
    let local = SocketAddr::new(address, port);
    if url.kind() == TargetKind::Udp {
        let socket = UdpSocket::bind(local).map_err(failed)?;
        thread::spawn(move || datagrams(&socket, local, &arrivals));
    } else {
        let listener = TcpListener::bind(local).map_err(failed)?;
        thread::spawn(move || connections(&listener, local, &arrivals));
    }
    Ok(())
}

fn datagrams(socket: &UdpSocket, local: SocketAddr, arrivals: &SyncSender<Arrival>) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let Ok((octets, peer)) = socket.recv_from(&mut buffer) else {
            thread::sleep(PAUSE);
            continue;
        };
        let session = SessionId::Datagrams { local, peer };
        let content = ArrivalContent::Message(buffer[..octets].to_vec());
        if arrivals.send(Arrival { session, content }).is_err() {
            return;
        }
    }
}

/// Open connections, each with the time of the last message.
type OpenConnections = Arc<Mutex<HashMap<SocketAddr, (Instant, TcpStream)>>>;

fn connections(listener: &TcpListener, local: SocketAddr, arrivals: &SyncSender<Arrival>) {
    let open = OpenConnections::default();
    loop {
        let Ok((stream, peer)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        let Ok(shared) = stream.try_clone() else {
            continue;
        };
        if let Ok(mut open) = open.lock() {
            if open.len() >= CONNECTIONS {
                close_most_silent(&mut open);
            }
            open.insert(peer, (Instant::now(), shared));
        }
        let (open, arrivals) = (Arc::clone(&open), arrivals.clone());
        thread::spawn(move || {
            let session = SessionId::Connection { local, peer };
            connection(stream, TIMES, &session, &arrivals, || {
                if let Ok(mut open) = open.lock()
                    && let Some((heard, _)) = open.get_mut(&peer)
                {
                    *heard = Instant::now();
                }
            });
            if let Ok(mut open) = open.lock() {
                open.remove(&peer);
            }
        });
    }
}

/// Closes the connection whose last message is oldest.
fn close_most_silent(open: &mut HashMap<SocketAddr, (Instant, TcpStream)>) {
    let oldest = open.iter().min_by_key(|(_, (heard, _))| *heard);
    let Some(peer) = oldest.map(|(peer, _)| *peer) else {
        return;
    };
    if let Some((_, stream)) = open.remove(&peer) {
        terminal::say(format_args!(
            "{CONNECTIONS} connections are open: closing that of {peer}, which was silent longest"
        ));
        // The thread of the connection sees the end.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Queues the messages of a connection, and calls `heard` for each.
fn connection(
    mut stream: TcpStream,
    times: ConnectionTimes,
    session: &SessionId,
    arrivals: &SyncSender<Arrival>,
    heard: impl Fn(),
) {
    let mut wait = times.message;
    loop {
        let content = match timed_message(&mut stream, wait, times.message) {
            Ok(Some(message)) => ArrivalContent::Message(message),
            Ok(None) => ArrivalContent::Garbage,
            Err(error) if is_timeout(&error) => ArrivalContent::Silent,
            Err(_) => ArrivalContent::End,
        };
        wait = times.idle;
        heard();
        let more = matches!(content, ArrivalContent::Message(_));
        let session = session.clone();
        if arrivals.send(Arrival { session, content }).is_err() || !more {
            return;
        }
    }
}

/// Reads a message whose first octet follows within `wait`, and the last one within `time` after the first.
fn timed_message(
    stream: &mut TcpStream,
    wait: Duration,
    time: Duration,
) -> io::Result<Option<Vec<u8>>> {
    stream.set_read_timeout(Some(wait))?;
    // `peek` leaves the octet in the socket.
    if stream.peek(&mut [0])? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let deadline = Instant::now() + time;
    read_message(&mut TimedReader { stream, deadline })
}

/// Reader that ends at a deadline, however slowly octets arrive.
struct TimedReader<'a> {
    stream: &'a mut TcpStream,
    deadline: Instant,
}

impl Read for TimedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Reads a message by the length in the header (RFC 7011 §3.1); `None` if the octets are not a header.
pub(super) fn read_message(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut message = vec![0; HEADER];
    stream.read_exact(&mut message)?;
    let [version, length] = [0, 2].map(|at| u16::from_be_bytes([message[at], message[at + 1]]));
    if version != 10 || usize::from(length) < HEADER {
        return Ok(None);
    }
    message.resize(usize::from(length), 0);
    stream.read_exact(&mut message[HEADER..])?;
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_by_their_length() {
        let mut first = vec![0; 20];
        first[1] = 10;
        first[3] = 20;
        let mut second = vec![0; 16];
        second[1] = 10;
        second[3] = 16;
        let mut stream = io::Cursor::new([first.clone(), second.clone(), vec![0; 16]].concat());
        let mut next = || read_message(&mut stream);
        assert_eq!(next().expect("whole"), Some(first));
        assert_eq!(next().expect("whole"), Some(second));
        assert_eq!(next().expect("read"), None, "not a message");
        assert!(next().is_err(), "the end");
    }

    #[test]
    fn a_message_that_comes_octet_by_octet_ends_at_its_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let sender = thread::spawn(move || {
            use std::io::Write;
            let mut stream = TcpStream::connect(address).expect("connects");
            let header = [0, 10, 255, 255].into_iter().chain(std::iter::repeat(0));
            for octet in header {
                if stream.write_all(&[octet]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let (mut stream, _) = listener.accept().expect("connected");
        let begin = Instant::now();
        let deadline = begin + Duration::from_millis(200);
        let mut reader = TimedReader {
            stream: &mut stream,
            deadline,
        };
        let error = read_message(&mut reader).expect_err("not whole in time");
        assert!(is_timeout(&error), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(5), "it goes on");
        drop(stream);
        sender.join().expect("ends with the connection");
    }

    /// Contents that arrive over a connection that sends these octets and stays open, and the time until its end.
    fn arrivals(times: ConnectionTimes, octets: &[u8]) -> (Vec<ArrivalContent>, Duration) {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let local = listener.local_addr().expect("bound");
        let mut sender = TcpStream::connect(local).expect("connects");
        sender.write_all(octets).expect("sent");
        let (stream, peer) = listener.accept().expect("connected");
        let session = SessionId::Connection { local, peer };
        let (queue, arrivals) = std::sync::mpsc::sync_channel(8);
        let begin = Instant::now();
        connection(stream, times, &session, &queue, || {});
        let time = begin.elapsed();
        drop(queue);
        (arrivals.iter().map(|one| one.content).collect(), time)
    }

    #[test]
    fn a_connection_ends_that_is_silent_too_long_after_a_message_or_before_the_first() {
        let (long, short) = (Duration::from_secs(20), Duration::from_millis(100));
        let message = [vec![0, 10, 0, 16], vec![0; 12]].concat();
        let idle = ConnectionTimes {
            message: long,
            idle: short,
        };
        let (content, time) = arrivals(idle, &message);
        assert!(
            matches!(
                &content[..],
                [ArrivalContent::Message(_), ArrivalContent::Silent]
            ),
            "{content:?}"
        );
        assert!((short..long).contains(&time), "{time:?}");
        let first = ConnectionTimes {
            message: short,
            idle: long,
        };
        let (content, time) = arrivals(first, &[]);
        assert!(
            matches!(&content[..], [ArrivalContent::Silent]),
            "{content:?}"
        );
        assert!((short..long).contains(&time), "{time:?}");
    }
}
