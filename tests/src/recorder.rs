//! Receivers that keep what arrives, octet by octet: UDP datagrams with their ports, TCP streams.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::process::PATIENCE;

/// A datagram as it arrived.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// Its payload.
    pub octets: Vec<u8>,
}

/// Keeps the datagrams that arrive at a loopback port, and reads them as they come: a socket holds a few hundred.
#[derive(Debug)]
pub struct UdpRecorder {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    reading: Option<JoinHandle<Vec<Datagram>>>,
}

impl UdpRecorder {
    /// Listens.
    ///
    /// # Panics
    ///
    /// If there is no port.
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

    /// `udp://…`
    pub fn url(&self) -> String {
        format!("udp://{}", self.address)
    }

    /// What has arrived. Call it when the sender has ended: on the loopback interface what was sent is then here.
    ///
    /// # Panics
    ///
    /// If the reader has failed.
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

/// Keeps what arrives over one TCP connection.
#[derive(Debug)]
pub struct TcpRecorder {
    address: SocketAddr,
    reading: JoinHandle<Vec<u8>>,
}

impl TcpRecorder {
    /// Listens.
    ///
    /// # Panics
    ///
    /// If there is no port.
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

    /// `tcp://…`
    pub fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// The whole stream. Call it when the sender has ended successfully, or it waits for a connection.
    ///
    /// # Panics
    ///
    /// If the connection did not end in an orderly way.
    pub fn received(self) -> Vec<u8> {
        self.reading.join().expect("the reader")
    }
}
