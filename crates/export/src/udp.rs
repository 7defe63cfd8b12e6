//! UDP transport session: a connected socket, paced, with errors counted instead of returned.
//!
//! UDP confirms nothing. Only local facts are known: the kernel accepted a datagram, or did not accept it (no route, for
//! example), or an ICMP "port unreachable" came back for an earlier datagram. These facts are counted, and decide whether
//! anything got out.

use std::{
    io, mem,
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use crate::{
    CollectorUrl,
    batch::MessageBatch,
    connect::{ResolvedPeer, connect_udp, resolve},
    connect_settings::ConnectSettings,
    error::SendProblem,
    gso::GsoSegments,
    pace::Pacer,
};

/// Largest message over UDP, in octets: over IPv4, 65,535 less 20 octets of IP header and 8 of UDP header.
pub const LARGEST_DATAGRAM: u16 = 65_507;

/// [`LARGEST_DATAGRAM`] as the length of a slice.
pub(crate) const LARGEST_MESSAGE: usize = LARGEST_DATAGRAM as usize;

/// Pause behind new templates, and behind the first message of a session. A collector that decodes on several threads
/// (goflow2 has two by default) drops data decoded before the template; the pause is several times the time of decoding a
/// template. goflow2 also makes a session's memory while decoding the first message: a second message that comes meanwhile
/// is decoded into another memory, and lost.
const TEMPLATE_PAUSE: Duration = Duration::from_millis(10);

/// Longest silence after which templates still hold; later, templates count as new: a NAT gateway may give the socket another
/// port by then, which is another session to the collector.
const LONG_SILENCE: Duration = Duration::from_secs(30);

/// Longest wait of the first transmission of a session for "port unreachable": a round trip within a region, generously. Later
/// transmissions do not wait; a late answer is found when the next transmission begins.
const REFUSAL_WAIT: Duration = Duration::from_millis(20);

pub(crate) struct UdpSession {
    socket: UdpSocket,
    local: SocketAddr,
    peer: ResolvedPeer,
    pacer: Pacer,
    waiting: MessageBatch,
    segments: GsoSegments,
    /// True until the kernel has refused several messages in a call.
    takes_many: bool,
    /// Messages of the last call.
    last_sent: u32,
    /// Time of the last call.
    last_call: Option<Instant>,
    /// True until the pause behind the first message of the session, and again after [`LONG_SILENCE`].
    is_new: bool,
    /// True if the next message of data has to wait for [`TEMPLATE_PAUSE`].
    needs_pause: bool,
    /// Deadline of all waiting, from [`Collectors::set_deadline`](crate::Collectors::set_deadline).
    deadline: Instant,
    /// The deadline passed with messages in the queue.
    out_of_time: bool,
    /// First transmission of the session: [`UdpSession::finish`] waits for refusals.
    is_first_transmission: bool,
    tally: Tally,
    last_error: String,
}

/// Counts of the datagrams of a transmission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Messages that were to be sent.
    pub(crate) attempts: u64,
    /// Messages that the kernel accepted.
    pub(crate) accepted: u64,
    /// Octets of the accepted messages.
    pub(crate) octets: u64,
    /// Messages to a closed port, as far as known: all messages of a call answered by "port unreachable". ICMP is rate
    /// limited: there may have been more.
    pub(crate) unreachable: u64,
    /// Messages that the kernel did not accept, or that were dropped at the deadline.
    pub(crate) failed: u64,
}

impl UdpSession {
    /// A new socket, with a new source port: many collectors take the port as the identity of a transport session.
    pub(crate) fn open(
        url: &CollectorUrl,
        settings: &ConnectSettings,
    ) -> Result<Self, SendProblem> {
        let options = &settings.options;
        let socket = connect_udp(&resolve(url, settings.connect_timeout())?)?;
        let failed = |error: io::Error| SendProblem::of_connection(&error, options.write_timeout);
        socket
            .set_write_timeout(Some(options.write_timeout))
            .map_err(failed)?;
        let now = Instant::now();
        let pacer = Pacer::new(options.udp_rate, now);
        Ok(Self {
            local: socket.local_addr().map_err(failed)?,
            peer: ResolvedPeer::new(socket.peer_addr().map_err(failed)?),
            socket,
            waiting: MessageBatch::new(pacer.burst(), LARGEST_MESSAGE),
            segments: GsoSegments::default(),
            takes_many: true,
            last_sent: 0,
            last_call: None,
            is_new: true,
            needs_pause: false,
            pacer,
            deadline: settings.deadline,
            out_of_time: false,
            is_first_transmission: true,
            tally: Tally::default(),
            last_error: String::new(),
        })
    }

    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.local, self.peer.address)
    }

    /// Counts since [`Self::probe`] or the opening.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Starts the tally of a transmission. False if the last datagrams met a closed port, or if the collector's name now
    /// resolves to different addresses. A name that cannot be resolved now changes nothing.
    pub(crate) fn probe(&mut self, url: &CollectorUrl, settings: &ConnectSettings) -> bool {
        let met_closed_port = self.tally.unreachable > 0;
        self.tally = Tally::default();
        self.deadline = settings.deadline;
        self.out_of_time = false;
        self.is_first_transmission = false;
        self.take_pending_error();
        !met_closed_port && self.tally.unreachable == 0 && self.peer.holds(url, settings)
    }

    /// Sends a message of templates. Data behind templates that are new to the collector waits for [`TEMPLATE_PAUSE`], as
    /// does everything behind the first message of a session.
    pub(crate) fn send_templates(&mut self, message: &[u8], are_new: bool) {
        let is_silent = self
            .last_call
            .is_some_and(|at| at.elapsed() >= LONG_SILENCE);
        self.is_new |= is_silent;
        if self.needs_pause && self.is_new {
            self.pause();
        }
        self.needs_pause |= are_new || is_silent;
        self.enqueue(message);
    }

    /// Sends a message of data. Errors are counted.
    pub(crate) fn send(&mut self, message: &[u8]) {
        if self.needs_pause {
            self.pause();
        }
        self.enqueue(message);
    }

    /// Sends the queued messages, then sleeps until [`TEMPLATE_PAUSE`] after the last send, at most until the deadline.
    fn pause(&mut self) {
        self.needs_pause = false;
        self.is_new = false;
        self.send_waiting();
        let elapsed = self.last_call.map_or(Duration::ZERO, |at| at.elapsed());
        let left = self.deadline.saturating_duration_since(Instant::now());
        thread::sleep(TEMPLATE_PAUSE.saturating_sub(elapsed).min(left));
    }

    /// Adds a message to those that leave together. They leave when they are full, before a message that does not fit,
    /// before a pause, and at the end.
    fn enqueue(&mut self, message: &[u8]) {
        if !self.waiting.takes(message) {
            self.send_waiting();
        }
        self.waiting.add(message);
        if self.waiting.is_full() {
            self.send_waiting();
        }
    }

    fn send_waiting(&mut self) {
        let messages = self.waiting.messages();
        if messages == 0 {
            return;
        }
        self.tally.attempts += u64::from(messages);
        let now = Instant::now();
        let delay = self.pacer.delay(now, messages);
        if self.out_of_time || now + delay >= self.deadline {
            self.out_of_time = true;
            self.tally.failed += u64::from(messages);
            self.waiting.clear();
            return;
        }
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        self.pacer.take(Instant::now(), messages);
        let mut waiting = mem::take(&mut self.waiting);
        if messages == 1 || !self.send_together(&waiting) {
            self.segments.leave_whole(&self.socket);
            waiting.iter().for_each(|message| self.send_alone(message));
        }
        waiting.clear();
        self.waiting = waiting;
        self.last_call = Some(Instant::now());
    }

    /// Sends several messages in a call. False: each has to be sent alone, because the kernel, the route or the size of the
    /// messages allows no segmentation.
    fn send_together(&mut self, waiting: &MessageBatch) -> bool {
        self.takes_many = self.takes_many
            && self.segments.cut(&self.socket, waiting.each())
            && self.call(waiting.octets(), waiting.messages()).is_ok();
        self.takes_many
    }

    fn send_alone(&mut self, message: &[u8]) {
        if let Err(error) = self.call(message, 1) {
            self.tally.failed += 1;
            self.last_error = words(&error);
        }
    }

    fn call(&mut self, octets: &[u8], messages: u32) -> io::Result<()> {
        let mut sent = self.socket.send(octets);
        // The kernel reports "port unreachable" of an earlier datagram at the next `send`, and sends nothing then.
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            self.note_unreachable(error);
            sent = self.socket.send(octets);
        }
        sent?;
        self.last_sent = messages;
        self.tally.accepted += u64::from(messages);
        self.tally.octets += octets.len() as u64;
        Ok(())
    }

    /// Fails only when nothing got out (every datagram was refused, here or by the collector's host), or time ran out.
    pub(crate) fn finish(&mut self) -> Result<(), SendProblem> {
        self.send_waiting();
        if self.is_first_transmission && self.tally.accepted > 0 {
            self.await_refusal();
        }
        self.is_first_transmission = false;
        self.take_pending_error();
        if self.out_of_time {
            return Err(SendProblem::OutOfTime);
        }
        if self.tally.attempts > 0 && self.tally.accepted <= self.tally.unreachable {
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
                    return self.note_unreachable(&error);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn take_pending_error(&mut self) {
        if let Ok(Some(error)) = self.socket.take_error() {
            self.note_unreachable(&error);
        }
    }

    fn note_unreachable(&mut self, error: &io::Error) {
        self.tally.unreachable += u64::from(self.last_sent.max(1));
        self.last_error = words(error);
    }
}

/// Returns what an error means to the operator of the collector.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused: nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SenderOptions;

    fn settings() -> ConnectSettings {
        ConnectSettings {
            tls: None,
            options: SenderOptions::default(),
            deadline: Instant::now() + Duration::from_secs(60),
        }
    }

    fn session() -> (UdpSocket, UdpSession) {
        let collector = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let time = Some(Duration::from_secs(10));
        collector.set_read_timeout(time).expect("a socket");
        let url = format!("udp://{}", collector.local_addr().expect("bound"));
        let url = url.parse().expect("a collector");
        let session = UdpSession::open(&url, &settings()).expect("UDP");
        (collector, session)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_burst_is_one_call_and_a_longer_message_behind_it_is_not_cut() {
        let (collector, mut session) = session();
        for _ in 0..16 {
            session.send(&[1; 100]);
        }
        assert_eq!((session.last_sent, session.takes_many), (16, true));
        session.send(&[2; 1_000]);
        assert_eq!(session.tally().accepted, 16);
        assert_eq!(
            session.finish().map_err(|problem| problem.to_string()),
            Ok(())
        );
        assert_eq!((session.last_sent, session.takes_many), (1, true));
        let mut datagram = vec![0; 65_535];
        for (count, octets) in [(16, 100), (1, 1_000)] {
            for _ in 0..count {
                assert_eq!(collector.recv(&mut datagram).expect("a datagram"), octets);
            }
        }
    }

    /// Returns how long data waits behind templates.
    fn pause(session: &mut UdpSession, are_new: bool) -> Duration {
        session.send_templates(&[1; 100], are_new);
        let begin = Instant::now();
        session.send(&[2; 100]);
        session.send(&[3; 100]);
        begin.elapsed()
    }

    #[test]
    fn data_waits_behind_new_templates_and_behind_templates_after_a_silence() {
        let (_collector, mut session) = session();
        assert!(pause(&mut session, true) >= TEMPLATE_PAUSE);
        session.send_waiting();
        session.needs_pause = false;
        session.send_templates(&[1; 100], false);
        assert!(!session.needs_pause);
        session.send_waiting();
        session.last_call = Instant::now().checked_sub(LONG_SILENCE);
        assert!(session.last_call.is_none() || pause(&mut session, false) >= TEMPLATE_PAUSE);
    }

    /// 100,000 octets are too many for one call. Messages over the packet size of the interface are refused alike.
    #[test]
    fn what_the_kernel_does_not_take_at_once_is_sent_one_by_one_from_then_on() {
        let (collector, mut session) = session();
        session.waiting = MessageBatch::new(5, usize::MAX);
        for round in 1..=2 {
            for message in 0..5 {
                session.send(&[message; 20_000]);
            }
            for message in 0..5 {
                let mut datagram = vec![0; 65_535];
                let octets = collector.recv(&mut datagram).expect("a datagram");
                assert_eq!(&datagram[..octets], [message; 20_000]);
            }
            let tally = Tally {
                attempts: 5 * round,
                accepted: 5 * round,
                octets: 100_000 * round,
                ..Tally::default()
            };
            assert_eq!((session.tally(), session.takes_many), (tally, false));
        }
        assert_eq!(
            session.finish().map_err(|problem| problem.to_string()),
            Ok(())
        );
    }
}
