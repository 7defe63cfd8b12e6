//! TCP or TLS transport session: messages back to back, and a reliable answer whether all arrived.
//!
//! Responsible for the write buffer, the write timeout, and for listening: a collector sends no messages, only the end of
//! the connection, a reset, or (in TLS) an alert. After any error the session is over and must be dropped; nothing more is
//! written, so that no message follows a cut message.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, pki_types::ServerName};

use crate::{
    CollectorUrl,
    connect::{connect_tcp, resolve},
    error::SendProblem,
    options::SenderOptions,
    send_queue::unacknowledged,
    tls::{TlsLayer, Trouble},
};

/// Octets gathered before they are written: some 46 messages of 1,400 octets cost one system call.
const BUFFER: usize = 64 * 1024;

/// Most reads of one call of `listen`, so that a peer that talks without end does not hold up the sender.
const READS: usize = 64;

/// Look-ups of the send queue that may find no connection before the kernel counts as one without a list.
const UNLISTED: u32 = 3;

pub(crate) struct StreamSession {
    socket: TcpStream,
    tls: Option<Box<TlsLayer>>,
    local: SocketAddr,
    peer: SocketAddr,
    buffer: Vec<u8>,
    patience: Duration,
    broken: bool,
}

impl StreamSession {
    /// Connects, and for TLS shakes hands. The write timeout limits every later write.
    pub(crate) fn open(
        url: &CollectorUrl,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        options: &SenderOptions,
    ) -> Result<Self, SendProblem> {
        let mut socket = connect_tcp(&resolve(url)?, options.connect_timeout)?;
        let failed = |error: io::Error| SendProblem::of_connection(&error, options.write_timeout);
        // The buffer already gathers messages: waiting for more in the kernel would only delay the last ones.
        socket.set_nodelay(true).map_err(failed)?;
        let tls = match tls {
            Some((config, name)) => Some(Box::new(TlsLayer::handshake(
                &mut socket,
                config,
                name,
                options.connect_timeout,
            )?)),
            None => None,
        };
        socket
            .set_write_timeout(Some(options.write_timeout))
            .map_err(failed)?;
        Ok(Self {
            local: socket.local_addr().map_err(failed)?,
            peer: socket.peer_addr().map_err(failed)?,
            socket,
            tls,
            buffer: Vec::with_capacity(BUFFER),
            patience: options.write_timeout,
            broken: false,
        })
    }

    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.local, self.peer)
    }

    /// Appends a message to the buffer, which is written when the next one does not fit.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), SendProblem> {
        if self.buffer.len() + message.len() > BUFFER {
            self.write_out()?;
        }
        self.buffer.extend_from_slice(message);
        Ok(())
    }

    /// Checks that a session kept from an earlier invocation still stands.
    pub(crate) fn probe(&mut self) -> Result<(), SendProblem> {
        self.listen()
    }

    /// Writes the buffer and waits until the collector's kernel has acknowledged every octet and the collector's TLS has
    /// accepted our certificate, without an end or a reset of the connection.
    pub(crate) fn finish(&mut self) -> Result<(), SendProblem> {
        self.write_out()?;
        self.wait_for_acknowledgement()?;
        self.wait_for_verdict()?;
        self.listen()
    }

    fn write_out(&mut self) -> Result<(), SendProblem> {
        let written = match &mut self.tls {
            None => self.socket.write_all(&self.buffer),
            Some(tls) => tls.write_all(&mut self.socket, &self.buffer),
        };
        self.buffer.clear();
        let Err(error) = written else {
            return Ok(());
        };
        self.broken = true;
        // An alert before the reset says more than the reset.
        match self.listen() {
            Err(alert @ SendProblem::Tls(_)) => Err(alert),
            _ => Err(SendProblem::of_connection(&error, self.patience)),
        }
    }

    /// The time limit starts again with every octet that is taken: a slow collector is not a dead one.
    fn wait_for_acknowledgement(&mut self) -> Result<(), SendProblem> {
        let mut least = u64::MAX;
        let mut deadline = Instant::now() + self.patience;
        let mut pause = Duration::from_micros(50);
        let mut unlisted = 0;
        loop {
            // Before the look-up, because a reset empties the queue as well.
            self.listen()?;
            match unacknowledged(self.local, self.peer) {
                Some(0) => return Ok(()),
                Some(octets) if octets < least => {
                    least = octets;
                    deadline = Instant::now() + self.patience;
                }
                Some(_) => {}
                // The list is not a snapshot: a look-up can miss a connection while connections come and go.
                None if unlisted < UNLISTED => unlisted += 1,
                // No list here: the kernel has every octet, and no reset has come.
                None => return Ok(()),
            }
            if Instant::now() >= deadline {
                self.broken = true;
                return Err(SendProblem::StoppedReading {
                    after: self.patience,
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    /// Waits for the collector's answer to our certificate, once in a TLS 1.3 session. Rarely takes time: the clock runs
    /// since the handshake.
    fn wait_for_verdict(&mut self) -> Result<(), SendProblem> {
        while let Some(deadline) = self.tls.as_ref().and_then(|tls| tls.verdict_by()) {
            let expired = Instant::now() >= deadline;
            self.listen()?;
            if let (true, Some(tls)) = (expired, &mut self.tls) {
                tls.assume_accepted();
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Reads without waiting. The end of the connection is an error, also if the collector closed only its half: nobody
    /// will read the messages that follow.
    fn listen(&mut self) -> Result<(), SendProblem> {
        let heard = self
            .socket
            .set_nonblocking(true)
            .map_err(Trouble::Io)
            .and_then(|()| self.drain());
        let blocking = self.socket.set_nonblocking(false).map_err(Trouble::Io);
        let problem = match heard.and(blocking) {
            Ok(()) => return Ok(()),
            Err(Trouble::Closed) => SendProblem::Closed,
            Err(Trouble::Io(error)) => SendProblem::of_connection(&error, self.patience),
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
    /// Ends TLS in order, if that takes no waiting. The kernel ends TCP.
    fn drop(&mut self) {
        if let (false, Some(tls)) = (self.broken, &mut self.tls)
            && self.socket.set_nonblocking(true).is_ok()
        {
            tls.close(&mut self.socket);
        }
    }
}
