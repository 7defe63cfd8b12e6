//! Sockets: datagrams and connections become messages of transport sessions.

use std::fmt;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use flowlogs_export::{CollectorUrl, Transport};

use crate::decode::HEADER;
use crate::failure::CommandError;

/// Limit of simultaneous connections; further connections are closed at once.
const CONNECTIONS: usize = 64;

/// Pause after a failed accept or receive.
const PAUSE: Duration = Duration::from_millis(100);

/// Transport session: a peer that sends datagrams to a socket of ours, or a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SessionId {
    transport: Transport,
    local: SocketAddr,
    peer: SocketAddr,
}

impl SessionId {
    /// Returns whether the session is a connection, whose end is noticed.
    pub(super) fn is_connection(&self) -> bool {
        self.transport == Transport::Tcp
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport, self.peer)
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
    /// A message of the length in its header, or a datagram.
    Message(Vec<u8>),
    /// A connection that did not carry IPFIX; closed.
    Garbage,
    /// End of a connection.
    End,
}

/// Listens in a new thread, which ends with the process.
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
    if url.transport() == Transport::Udp {
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
        let session = SessionId {
            transport: Transport::Udp,
            local,
            peer,
        };
        let content = ArrivalContent::Message(buffer[..octets].to_vec());
        if arrivals.send(Arrival { session, content }).is_err() {
            return;
        }
    }
}

fn connections(listener: &TcpListener, local: SocketAddr, arrivals: &SyncSender<Arrival>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, peer)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        if open.load(Ordering::Relaxed) >= CONNECTIONS {
            continue; // closes it
        }
        let (open, arrivals) = (Arc::clone(&open), arrivals.clone());
        open.fetch_add(1, Ordering::Relaxed);
        thread::spawn(move || {
            let session = SessionId {
                transport: Transport::Tcp,
                local,
                peer,
            };
            connection(stream, &session, &arrivals);
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Queues the messages of a connection.
fn connection(mut stream: TcpStream, session: &SessionId, arrivals: &SyncSender<Arrival>) {
    loop {
        let content = match message(&mut stream) {
            Ok(Some(message)) => ArrivalContent::Message(message),
            Ok(None) => ArrivalContent::Garbage,
            Err(_) => ArrivalContent::End,
        };
        let more = matches!(content, ArrivalContent::Message(_));
        let session = session.clone();
        if arrivals.send(Arrival { session, content }).is_err() || !more {
            return;
        }
    }
}

/// Reads a message by the length in its header (RFC 7011 §3.1); `None` if the octets are not a header.
fn message(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
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
        let mut next = || message(&mut stream);
        assert_eq!(next().expect("whole"), Some(first));
        assert_eq!(next().expect("whole"), Some(second));
        assert_eq!(next().expect("read"), None, "not a message");
        assert!(next().is_err(), "the end");
    }
}
