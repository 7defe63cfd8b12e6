//! Receivers that record UDP datagrams, with ports, and TCP streams.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::process::PATIENCE;

/// A received datagram.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// Address and port of the sender.
    pub from: SocketAddr,
    /// Payload.
    pub octets: Vec<u8>,
}

/// Records the datagrams that arrive at a loopback port. A thread reads datagrams at once, because a socket buffers only a
/// few hundred.
#[derive(Debug)]
pub struct UdpRecorder {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    reading: Option<JoinHandle<Vec<Datagram>>>,
}

impl UdpRecorder {
    /// Starts to listen.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("its port");
        // As much as the system allows, for a busy machine.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20);
        let silence = Some(Duration::from_millis(100));
        socket.set_read_timeout(silence).expect("a time limit");
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        let reading = std::thread::spawn(move || {
            let (mut buffer, mut datagrams) = (vec![0; 65_536], Vec::new());
            loop {
                match socket.recv_from(&mut buffer) {
                    Ok((length, from)) => datagrams.push(Datagram {
                        from,
                        octets: buffer[..length].to_vec(),
                    }),
                    Err(_) if over.load(Relaxed) => return datagrams,
                    Err(_) => {}
                }
            }
        });
        Self {
            address,
            ended,
            reading: Some(reading),
        }
    }

    /// Returns the URL `udp://…`.
    pub fn url(&self) -> String {
        format!("udp://{}", self.address)
    }

    /// Returns the received datagrams. Call this after the sender has ended: on the loopback interface all datagrams have
    /// arrived by then.
    ///
    /// # Panics
    ///
    /// If the reading thread has failed.
    pub fn received(mut self) -> Vec<Datagram> {
        self.ended.store(true, Relaxed);
        let reading = self.reading.take().expect("it is only taken here");
        reading.join().expect("the reader")
    }
}

impl Drop for UdpRecorder {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
    }
}

/// Records the stream of one TCP connection.
#[derive(Debug)]
pub struct TcpRecorder {
    address: SocketAddr,
    reading: JoinHandle<Vec<u8>>,
}

impl TcpRecorder {
    /// Starts to listen.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its port");
        let reading = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream
                .set_read_timeout(Some(PATIENCE))
                .expect("a time limit");
            let mut octets = Vec::new();
            stream.read_to_end(&mut octets).expect("an orderly end");
            octets
        });
        Self { address, reading }
    }

    /// Returns the URL `tcp://…`.
    pub fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Returns the whole stream. Waits for a connection if there was none, so call this only after the sender has
    /// succeeded.
    ///
    /// # Panics
    ///
    /// If the connection did not end in an orderly way.
    pub fn received(self) -> Vec<u8> {
        self.reading.join().expect("the reader")
    }
}
