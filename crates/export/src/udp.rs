//! One UDP transport session: a connected socket, paced, with its errors counted instead of returned.
//!
//! UDP confirms nothing. What can be known is local: the kernel accepted a datagram, or refused it (no route, say), or
//! an ICMP "port unreachable" came back for an earlier one. That is counted, and decides whether anything got out.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use crate::{
    CollectorUrl,
    connect::{connect_udp, resolve},
    error::SendProblem,
    options::SenderOptions,
    pace::Pacer,
};

/// The largest UDP payload over IPv4: 65,535 less 20 octets of IP header and 8 of UDP header.
pub(crate) const LARGEST_MESSAGE: usize = 65_507;

/// How long the first invocation of a session waits for "port unreachable": one round trip within a region, generously.
/// Later invocations do not wait; what came too late is found when the next one begins.
const REFUSAL_WAIT: Duration = Duration::from_millis(20);

pub(crate) struct UdpSession {
    socket: UdpSocket,
    local: SocketAddr,
    peer: SocketAddr,
    pacer: Pacer,
    resolved: Instant,
    fresh: bool,
    tally: Tally,
    last_error: String,
}

/// What became of the datagrams of one invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Messages that were to be sent.
    pub(crate) attempts: u64,
    /// Those of them that the kernel accepted.
    pub(crate) accepted: u64,
    /// "Port unreachable" that came back. ICMP is rate limited: there may have been more.
    pub(crate) refused: u64,
    /// Messages that the kernel did not accept.
    pub(crate) failed: u64,
}

impl UdpSession {
    /// A new socket, and with it a new source port: many collectors take that as the identity of a transport session.
    pub(crate) fn open(url: &CollectorUrl, options: &SenderOptions) -> Result<Self, SendProblem> {
        let socket = connect_udp(&resolve(url)?)?;
        let failed = |error: io::Error| SendProblem::of_connection(&error, options.write_timeout);
        socket
            .set_write_timeout(Some(options.write_timeout))
            .map_err(failed)?;
        let now = Instant::now();
        Ok(Self {
            local: socket.local_addr().map_err(failed)?,
            peer: socket.peer_addr().map_err(failed)?,
            socket,
            pacer: Pacer::new(options.udp_rate, now),
            resolved: now,
            fresh: true,
            tally: Tally::default(),
            last_error: String::new(),
        })
    }

    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.local, self.peer)
    }

    /// What became of the datagrams since [`Self::probe`] or the opening.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Starts the count of a new invocation; whether the session is still good. It is not when its last datagrams met a
    /// closed port, or when its name no longer leads to its address. A name that cannot be resolved now changes nothing.
    pub(crate) fn probe(&mut self, url: &CollectorUrl, options: &SenderOptions) -> bool {
        let refused_before = self.tally.refused > 0;
        self.tally = Tally::default();
        self.fresh = false;
        self.take_pending_error();
        if refused_before || self.tally.refused > 0 {
            return false;
        }
        if self.resolved.elapsed() < options.udp_resolve_after {
            return true;
        }
        self.resolved = Instant::now();
        resolve(url).map_or(true, |addresses| addresses.contains(&self.peer))
    }

    /// Sends one datagram when its turn has come; whether the kernel accepted it. Errors are counted.
    pub(crate) fn send(&mut self, message: &[u8]) -> bool {
        let delay = self.pacer.delay(Instant::now());
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        self.pacer.take(Instant::now());
        self.tally.attempts += 1;
        let mut sent = self.socket.send(message);
        // "Port unreachable" is reported by the next send, which then sends nothing: it belongs to an earlier datagram.
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            self.refusal(error);
            sent = self.socket.send(message);
        }
        if let Err(error) = &sent {
            self.tally.failed += 1;
            self.last_error = error.to_string();
        }
        self.tally.accepted += u64::from(sent.is_ok());
        sent.is_ok()
    }

    /// An error only when nothing got out: every datagram was refused, here or by the collector's host.
    pub(crate) fn finish(&mut self) -> Result<(), SendProblem> {
        if self.fresh && self.tally.accepted > 0 {
            self.await_refusal();
        }
        self.fresh = false;
        self.take_pending_error();
        if self.tally.attempts > 0 && self.tally.accepted <= self.tally.refused {
            let (attempts, reason) = (self.tally.attempts, self.last_error.clone());
            return Err(SendProblem::NothingSent { attempts, reason });
        }
        Ok(())
    }

    fn await_refusal(&mut self) {
        let deadline = Instant::now() + REFUSAL_WAIT;
        let mut sink = [0; 16];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.socket.set_read_timeout(Some(left)).is_err() {
                return;
            }
            match self.socket.recv(&mut sink) {
                // A collector has nothing to say.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return self.refusal(&error);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn take_pending_error(&mut self) {
        if let Ok(Some(error)) = self.socket.take_error() {
            self.refusal(&error);
        }
    }

    fn refusal(&mut self, error: &io::Error) {
        self.tally.refused += 1;
        self.last_error = error.to_string();
    }
}
