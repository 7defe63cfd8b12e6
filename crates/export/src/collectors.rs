//! Several targets at once, and the life of their transport sessions from one invocation to the next.
//!
//! Responsible for who is connected, what is new and what was kept, the one reconnect an invocation has, and for
//! counting. Each kind of session is in its own file: `udp.rs`, `stream.rs`, `file.rs`.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};

use crate::{
    CollectorUrl, Transport,
    error::{SendError, SendProblem},
    file::FileSession,
    options::{ConfigError, SenderOptions},
    stream::StreamSession,
    tls,
    udp::{self, UdpSession},
};

/// The largest length the 16 bits of a message header can state (RFC 7011 §3.1).
const LARGEST_MESSAGE: usize = u16::MAX as usize;

/// Every target that messages are sent to, numbered from 0 in the order of their URLs.
///
/// An invocation is `begin`, any number of `send`, `finish`:
///
/// - A failed target stays failed until the end of the invocation, or until its one [`reconnect`](Self::reconnect):
///   `send` and `finish` return its error again. The others are not affected.
/// - After the failure of a TCP or TLS target it is unknown which messages of this invocation arrived. Only when
///   `finish` is `Ok` did all of them.
/// - Over UDP, `send` fails only for a message that is too large. Local errors are counted, and `finish` fails when
///   nothing got out.
///
/// What an invocation that never finished left in a buffer leaves with the next one, in its order. Dropping the
/// collectors closes the connections without flushing: that is what [`finish`](Self::finish) is for.
pub struct Collectors {
    targets: Vec<Target>,
    tls: Option<Arc<ClientConfig>>,
    options: SenderOptions,
}

/// Whether a target's transport session is the one of the invocation before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// A new transport session: templates have to be sent and sequence numbers start at 0 (RFC 7011 §3.1, §8).
    New,
    /// The session goes on, and so do its sequence numbers.
    Kept,
}

/// What happened at one target since the last [`Collectors::begin`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendStatistics {
    /// Messages handed over: to the kernel over UDP, to the connection's or file's buffer otherwise.
    pub messages: u64,
    /// Their octets, without the headers of UDP, TCP, TLS and IP.
    pub octets: u64,
    /// Failed connections, sends and finishes; over UDP the messages the kernel refused, and for each "port unreachable"
    /// those that left together before it.
    pub errors: u64,
    /// Over UDP, how many of `messages` met a closed port for all that is known: `messages - unreachable` got out.
    pub unreachable: u64,
}

/// The two ends of a target's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectorPeer {
    /// The number of the target.
    pub target: usize,
    /// How messages travel to it.
    pub transport: Transport,
    /// Our address and port. Over UDP the address may be the one of the interface that the route points to.
    pub local: SocketAddr,
    /// The collector's address and port.
    pub collector: SocketAddr,
}

struct Target {
    url: CollectorUrl,
    name: Option<ServerName<'static>>,
    session: Option<Session>,
    /// Why there is no session. For a file this is for good.
    failure: Option<SendProblem>,
    file_opened: bool,
    reconnected: bool,
    statistics: SendStatistics,
}

enum Session {
    Udp(Box<UdpSession>),
    Stream(Box<StreamSession>),
    File(FileSession),
}

impl Collectors {
    /// Prepares the targets: reads certificates and keys, and touches no network and no file but the trust store.
    ///
    /// # Errors
    ///
    /// No target or one that is nowhere, a rate or timeout of 0, or TLS material that cannot be used.
    pub fn new(urls: &[CollectorUrl], options: SenderOptions) -> Result<Self, ConfigError> {
        if urls.is_empty() {
            return Err(ConfigError::NoCollectors);
        }
        // One can listen there, and what is sent there stays on this machine.
        let nowhere = |url: &&CollectorUrl| url.address().is_some_and(|own| own.is_unspecified());
        if let Some(url) = urls.iter().find(nowhere) {
            return Err(ConfigError::NoAddress {
                collector: url.to_string(),
            });
        }
        if options.udp_rate == 0 {
            return Err(ConfigError::UdpRate);
        }
        for (setting, time) in [
            ("connect timeout", options.connect_timeout),
            ("write timeout", options.write_timeout),
        ] {
            if time.is_zero() {
                return Err(ConfigError::Timeout { setting });
            }
        }
        let any_tls = urls.iter().any(|url| url.transport() == Transport::Tls);
        let tls = if any_tls {
            Some(tls::client_config(&options.tls)?)
        } else {
            None
        };
        let targets = urls.iter().map(Target::new).collect::<Result<_, _>>()?;
        Ok(Self {
            targets,
            tls,
            options,
        })
    }

    /// How messages travel, in target order.
    pub fn transports(&self) -> Vec<Transport> {
        self.targets
            .iter()
            .map(|target| target.url.transport())
            .collect()
    }

    /// The URLs, in target order.
    pub fn urls(&self) -> impl ExactSizeIterator<Item = &CollectorUrl> {
        self.targets.iter().map(|target| &target.url)
    }

    /// Starts an invocation: connects what is not connected, and probes what was kept. A connection that the collector
    /// closed or reset meanwhile is replaced by a new one.
    ///
    /// Returns for every target whether its session is new or kept, or why it has none. Resets the statistics.
    pub fn begin(&mut self) -> Vec<Result<SessionState, SendError>> {
        let (tls, options) = (&self.tls, &self.options);
        self.targets
            .iter_mut()
            .map(|target| target.begin(tls.as_ref(), options))
            .collect()
    }

    /// Hands one complete IPFIX message to a target. Blocks for UDP pacing and while a TCP connection is full.
    ///
    /// # Errors
    ///
    /// The target has failed, now or before in this invocation; or the message is too large (65,507 octets over UDP,
    /// 65,535 otherwise), which leaves the target as it was.
    pub fn send(&mut self, target: usize, message: &[u8]) -> Result<(), SendError> {
        self.target(target)?.send(message)
    }

    /// Ends an invocation: writes what is buffered and waits until collectors over TCP and TLS have acknowledged it, up
    /// to the write timeout without progress. The result of a target covers the whole invocation: after `Ok` every
    /// message was written, and no reset or end of the connection has been seen.
    ///
    /// An acknowledgement is the collector's kernel's; IPFIX itself has none.
    pub fn finish(&mut self) -> Vec<Result<(), SendError>> {
        self.targets.iter_mut().map(Target::finish).collect()
    }

    /// Drops the connection of one target and makes a new one, which is a new transport session: templates and sequence
    /// numbers start again, and what was sent since `begin` has to be sent again.
    ///
    /// # Errors
    ///
    /// No connection; a second call in one invocation; a file, which is one session from its beginning to its end.
    pub fn reconnect(&mut self, target: usize) -> Result<(), SendError> {
        let (tls, options) = (self.tls.clone(), self.options.clone());
        self.target(target)?.reconnect(tls.as_ref(), &options)
    }

    /// Both ends of every open connection, by which the transcoder's own traffic is recognised in flow logs.
    pub fn peers(&self) -> Vec<CollectorPeer> {
        let ends = |session: &Session| match session {
            Session::Udp(udp) => Some(udp.addresses()),
            Session::Stream(stream) => Some(stream.addresses()),
            Session::File(_) => None,
        };
        let numbered = self.targets.iter().enumerate();
        numbered
            .filter_map(|(number, target)| {
                let (local, collector) = target.session.as_ref().and_then(ends)?;
                Some(CollectorPeer {
                    target: number,
                    transport: target.url.transport(),
                    local,
                    collector,
                })
            })
            .collect()
    }

    /// What happened since the last [`begin`](Self::begin), in target order.
    pub fn statistics(&self) -> Vec<SendStatistics> {
        self.targets.iter().map(Target::statistics).collect()
    }

    fn target(&mut self, number: usize) -> Result<&mut Target, SendError> {
        self.targets.get_mut(number).ok_or_else(|| SendError {
            collector: format!("target {number}"),
            problem: SendProblem::UnknownTarget,
        })
    }
}

impl fmt::Debug for Collectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.urls().map(ToString::to_string))
            .finish()
    }
}

impl Target {
    fn new(url: &CollectorUrl) -> Result<Self, ConfigError> {
        let name = if url.transport() == Transport::Tls {
            Some(tls::server_name(url)?)
        } else {
            None
        };
        Ok(Self {
            url: url.clone(),
            name,
            session: None,
            failure: None,
            file_opened: false,
            reconnected: false,
            statistics: SendStatistics::default(),
        })
    }

    fn begin(
        &mut self,
        tls: Option<&Arc<ClientConfig>>,
        options: &SenderOptions,
    ) -> Result<SessionState, SendError> {
        self.statistics = SendStatistics::default();
        self.reconnected = false;
        let kept = match &mut self.session {
            None => false,
            Some(Session::Udp(udp)) => udp.probe(&self.url, options),
            Some(Session::Stream(stream)) => stream.probe().is_ok(),
            Some(Session::File(_)) => true,
        };
        if kept {
            return Ok(SessionState::Kept);
        }
        self.end_session();
        self.open(tls, options)?;
        Ok(SessionState::New)
    }

    fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        let limit = if self.url.transport().is_datagram() {
            udp::LARGEST_MESSAGE
        } else {
            LARGEST_MESSAGE
        };
        if message.len() > limit {
            self.statistics.errors += 1;
            return Err(self.error(SendProblem::MessageTooLarge {
                octets: message.len(),
                limit,
            }));
        }
        let sent = match &mut self.session {
            None => {
                return Err(self.error(self.failure.clone().unwrap_or(SendProblem::NotConnected)));
            }
            Some(Session::Udp(udp)) => {
                // What becomes of it is counted by the session, and no reason to stop.
                udp.send(message);
                return Ok(());
            }
            Some(Session::Stream(stream)) => stream.send(message),
            Some(Session::File(file)) => file.send(message),
        };
        if let Err(problem) = sent {
            return Err(self.fail(problem));
        }
        self.statistics.messages += 1;
        self.statistics.octets += message.len() as u64;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SendError> {
        match &mut self.session {
            None => Err(self.error(self.failure.clone().unwrap_or(SendProblem::NotConnected))),
            // The socket stays as it is: whether it is good for the next invocation is found out when that begins.
            Some(Session::Udp(udp)) => udp.finish().map_err(|problem| self.error(problem)),
            Some(Session::Stream(stream)) => stream.finish().map_err(|problem| self.fail(problem)),
            Some(Session::File(file)) => file.finish().map_err(|problem| self.fail(problem)),
        }
    }

    fn reconnect(
        &mut self,
        tls: Option<&Arc<ClientConfig>>,
        options: &SenderOptions,
    ) -> Result<(), SendError> {
        if self.url.transport() == Transport::File {
            return Err(self.error(self.failure.clone().unwrap_or(SendProblem::FileNotReopened)));
        }
        if self.reconnected {
            return Err(self.error(SendProblem::ReconnectedAlready));
        }
        self.reconnected = true;
        self.end_session();
        self.open(tls, options)
    }

    fn open(
        &mut self,
        tls: Option<&Arc<ClientConfig>>,
        options: &SenderOptions,
    ) -> Result<(), SendError> {
        if self.file_opened {
            return Err(self.error(self.failure.clone().unwrap_or(SendProblem::FileNotReopened)));
        }
        let opened = match self.url.transport() {
            Transport::Udp => {
                UdpSession::open(&self.url, options).map(|udp| Session::Udp(Box::new(udp)))
            }
            Transport::Tcp | Transport::Tls => {
                let tls = tls.cloned().zip(self.name.clone());
                StreamSession::open(&self.url, tls, options)
                    .map(|stream| Session::Stream(Box::new(stream)))
            }
            Transport::File => {
                FileSession::open(self.url.path().unwrap_or(Path::new(""))).map(Session::File)
            }
        };
        match opened {
            Ok(session) => {
                self.file_opened = matches!(session, Session::File(_));
                self.session = Some(session);
                self.failure = None;
                Ok(())
            }
            Err(problem) => Err(self.fail(problem)),
        }
    }

    /// The counters of a UDP session end with it; those of the target go on.
    fn end_session(&mut self) {
        self.statistics = self.statistics();
        self.session = None;
    }

    fn fail(&mut self, problem: SendProblem) -> SendError {
        self.statistics.errors += 1;
        self.session = None;
        self.failure = Some(problem.clone());
        self.error(problem)
    }

    fn error(&self, problem: SendProblem) -> SendError {
        SendError {
            collector: self.url.to_string(),
            problem,
        }
    }

    fn statistics(&self) -> SendStatistics {
        let mut statistics = self.statistics;
        if let Some(Session::Udp(udp)) = &self.session {
            let tally = udp.tally();
            statistics.messages += tally.accepted;
            statistics.octets += tally.octets;
            statistics.errors += tally.failed + tally.refused;
            statistics.unreachable += tally.refused.min(tally.accepted);
        }
        statistics
    }
}
