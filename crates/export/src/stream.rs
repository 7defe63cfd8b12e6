//! TCP or TLS transport session: messages back to back, and a reliable answer to whether the messages arrived.
//!
//! The socket never blocks: messages are queued, and [`StreamSession::pump`] writes as much of the queue as the socket
//! takes. Waiting is [`Collectors`](crate::Collectors)' business, because several sessions wait together. A collector never
//! sends messages, so that anything from the collector is an end, a reset, or (in TLS) an alert. After any error the session
//! is over and must be dropped; nothing more is written, so that no message is cut and followed by another.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustls::pki_types::ServerName;

use crate::{
    CollectorUrl,
    connect::{ResolvedPeer, connect_tcp, resolve},
    connect_settings::ConnectSettings,
    error::SendProblem,
    send_queue::unacknowledged,
    tls::{TlsLayer, Trouble},
};

/// Most octets gathered before a write: some 46 messages of 1,400 octets cost one system call.
const BUFFER: usize = 64 * 1024;

/// Most octets in the queue of a session; with more, the session is congested, and sending waits. Large enough that a slow
/// collector does not stop the messages to the rest at once: collectors that read nothing are found out together.
const CONGESTION: usize = 1024 * 1024;

/// Most reads in one call of `listen`, so that an endlessly talking peer does not hold up the sender.
const READS: usize = 64;

/// Most looks at the send queue that do not find the connection; after one more, the kernel is taken to keep no list of
/// connections.
const UNLISTED: u32 = 3;

pub(crate) struct StreamSession {
    socket: TcpStream,
    tls: Option<Box<TlsLayer>>,
    local: SocketAddr,
    peer: ResolvedPeer,
    /// Messages of which the first `written` octets have left.
    queue: Vec<u8>,
    written: usize,
    /// Write timeout: most time without progress; beyond, the collector counts as no longer reading.
    write_timeout: Duration,
    /// Deadline of all waiting, from [`Collectors::set_deadline`](crate::Collectors::set_deadline).
    deadline: Instant,
    /// Time of the last progress while octets wait, in the queue or for an acknowledgement.
    progress: Instant,
    acknowledgement: Acknowledgement,
    broken: bool,
}

/// Progress of the kernel's send queue at the end of a transmission.
#[derive(Debug, Clone, Copy)]
struct Acknowledgement {
    /// Fewest octets that were seen without acknowledgement.
    least: u64,
    /// Looks that did not find the connection in the kernel's list.
    unlisted: u32,
}

impl Default for Acknowledgement {
    fn default() -> Self {
        Self {
            least: u64::MAX,
            unlisted: 0,
        }
    }
}

impl StreamSession {
    /// Connects, and for TLS shakes hands.
    pub(crate) fn open(
        url: &CollectorUrl,
        name: Option<ServerName<'static>>,
        settings: &ConnectSettings,
    ) -> Result<Self, SendProblem> {
        let write_timeout = settings.options.write_timeout;
        let addresses = resolve(url, settings.connect_timeout())?;
        let mut socket = connect_tcp(&addresses, settings.connect_timeout())?;
        let failed = |error: io::Error| SendProblem::of_connection(&error, write_timeout);
        // The queue already gathers messages: waiting for more in the kernel would only delay the last messages.
        socket.set_nodelay(true).map_err(failed)?;
        let tls = match settings.tls.clone().zip(name) {
            Some((config, name)) => Some(Box::new(TlsLayer::handshake(
                &mut socket,
                config,
                name,
                settings.connect_timeout(),
            )?)),
            None => None,
        };
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            local: socket.local_addr().map_err(failed)?,
            peer: ResolvedPeer::new(socket.peer_addr().map_err(failed)?),
            socket,
            tls,
            queue: Vec::with_capacity(BUFFER),
            written: 0,
            write_timeout,
            deadline: settings.deadline,
            progress: Instant::now(),
            acknowledgement: Acknowledgement::default(),
            broken: false,
        })
    }

    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.local, self.peer.address)
    }

    /// DNS names in the collector's certificate.
    pub(crate) fn certificate_names(&self) -> Option<Vec<String>> {
        self.tls.as_ref().map(|tls| tls.certificate_names())
    }

    /// Begins a transmission. False if the session kept from an earlier one no longer stands, or if the collector's name now
    /// resolves to other addresses.
    pub(crate) fn probe(&mut self, url: &CollectorUrl, settings: &ConnectSettings) -> bool {
        self.deadline = settings.deadline;
        self.progress = Instant::now();
        self.listen().is_ok() && self.peer.holds(url, settings)
    }

    /// Appends a message to the queue, and writes the queue when worth a system call.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), SendProblem> {
        if self.backlog() == 0 {
            self.progress = Instant::now();
        }
        self.acknowledgement = Acknowledgement::default();
        self.queue.extend_from_slice(message);
        if self.backlog() < BUFFER {
            return Ok(());
        }
        self.write()
    }

    /// The queue is full.
    pub(crate) fn is_congested(&self) -> bool {
        self.backlog() >= CONGESTION
    }

    fn backlog(&self) -> usize {
        self.queue.len() - self.written
    }

    /// Writes as much of the queue as the socket takes, without waiting.
    ///
    /// # Errors
    ///
    /// The connection failed, or the collector has taken nothing for too long.
    pub(crate) fn pump(&mut self) -> Result<(), SendProblem> {
        self.write()?;
        if self.is_flushed() {
            return Ok(());
        }
        self.check_progress()
    }

    fn is_flushed(&self) -> bool {
        self.backlog() == 0 && self.tls.as_ref().is_none_or(|tls| tls.is_flushed())
    }

    fn write(&mut self) -> Result<(), SendProblem> {
        while !self.is_flushed() {
            let rest = &self.queue[self.written..];
            let written = match &mut self.tls {
                None => self.socket.write(rest),
                Some(tls) => tls.write(&mut self.socket, rest),
            };
            match written {
                Ok(octets) => {
                    self.written += octets;
                    self.progress = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.write_problem(&error)),
            }
        }
        if self.backlog() == 0 {
            self.queue.clear();
            self.written = 0;
        } else if self.written >= CONGESTION {
            self.queue.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    fn write_problem(&mut self, error: &io::Error) -> SendProblem {
        self.broken = true;
        // A reset says less than the alert that may have come before.
        match self.listen() {
            Err(alert @ SendProblem::Tls(_)) => alert,
            _ => SendProblem::of_connection(error, self.write_timeout),
        }
    }

    /// Fails when the collector made no progress for the write timeout, or the deadline is over. Every octet that the
    /// collector takes begins the write timeout again: a slow collector is not a dead one.
    fn check_progress(&mut self) -> Result<(), SendProblem> {
        let now = Instant::now();
        let problem = if now >= self.deadline {
            SendProblem::OutOfTime
        } else if now.saturating_duration_since(self.progress) >= self.write_timeout {
            SendProblem::StoppedReading {
                after: self.write_timeout,
            }
        } else {
            return Ok(());
        };
        self.broken = true;
        Err(problem)
    }

    /// A step towards the end of a transmission, without waiting: `true` when everything was written, the collector's kernel
    /// has acknowledged everything, the collector's TLS has accepted our certificate, and neither an end nor a reset has
    /// come.
    pub(crate) fn poll_finish(&mut self) -> Result<bool, SendProblem> {
        self.write()?;
        // Before the kernel's queue is looked at, because a reset empties that queue as well.
        self.listen()?;
        if !self.is_flushed() || !self.is_acknowledged() {
            self.check_progress()?;
            return Ok(false);
        }
        if !self.is_accepted()? {
            return Ok(false);
        }
        self.listen()?;
        Ok(true)
    }

    fn is_acknowledged(&mut self) -> bool {
        match unacknowledged(self.local, self.peer.address) {
            Some(0) => true,
            Some(octets) => {
                if octets < self.acknowledgement.least {
                    self.acknowledgement.least = octets;
                    self.progress = Instant::now();
                }
                false
            }
            // The list is not a snapshot: a connection can be missed once while connections come and go. Where the kernel
            // keeps no list, it is only known that the kernel has everything and no reset has come.
            None => {
                self.acknowledgement.unlisted += 1;
                self.acknowledgement.unlisted > UNLISTED
            }
        }
    }

    /// Once in a TLS 1.3 session, the collector's verdict on our certificate is awaited.
    fn is_accepted(&mut self) -> Result<bool, SendProblem> {
        let Some(verdict_by) = self.tls.as_ref().and_then(|tls| tls.verdict_by()) else {
            return Ok(true);
        };
        let expired = Instant::now() >= verdict_by.min(self.deadline);
        self.listen()?;
        if let (true, Some(tls)) = (expired, &mut self.tls) {
            tls.assume_accepted();
        }
        Ok(expired)
    }

    /// Takes in octets from the collector, without waiting. The end of the connection is an error here, also when the
    /// collector closed only the sending half: nobody will read further messages.
    fn listen(&mut self) -> Result<(), SendProblem> {
        let problem = match self.drain() {
            Ok(()) => return Ok(()),
            Err(Trouble::Closed) => SendProblem::Closed,
            Err(Trouble::Io(error)) => SendProblem::of_connection(&error, self.write_timeout),
            Err(Trouble::Tls(error)) => match &self.tls {
                Some(tls) => tls.problem(&error),
                None => SendProblem::Broken {
                    reason: error.to_string(),
                },
            },
        };
        self.broken = true;
        Err(problem)
    }

    fn drain(&mut self) -> Result<(), Trouble> {
        let mut sink = [0; 4096];
        for _ in 0..READS {
            let read = match &mut self.tls {
                None => self.socket.read(&mut sink).map_err(Trouble::Io),
                Some(tls) => tls.read(&mut self.socket),
            };
            match read {
                Ok(0) => return Err(Trouble::Closed),
                Ok(_) => {}
                Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }
}

impl Drop for StreamSession {
    /// Ends TLS in order, as far as that costs no waiting. The kernel ends TCP.
    fn drop(&mut self) {
        if let (false, Some(tls)) = (self.broken, &mut self.tls) {
            tls.close(&mut self.socket);
        }
    }
}
