//! Targets, and the life of their transport sessions from one invocation to the next.
//!
//! Responsible for connecting, for keeping and probing sessions, for the one reconnect of an invocation, and for counting.
//! Each kind of session has a file: `udp.rs`, `stream.rs`, `file.rs`.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};

use crate::{
    CollectorUrl, TargetKind,
    error::{SendError, SendProblem},
    file::FileSession,
    options::{ConfigError, SenderOptions},
    stream::StreamSession,
    tls,
    udp::{self, UdpSession},
};

/// Largest length that the 16 bits of a message header can state (RFC 7011 §3.1).
const LARGEST_MESSAGE: usize = u16::MAX as usize;

/// Targets of messages, numbered from 0 in the order of their URLs.
///
/// An invocation is `begin`, any number of `send`, `finish`:
///
/// - A failed target stays failed until the end of the invocation, or until its one [`reconnect`](Self::reconnect):
///   `send` and `finish` return its error again. Another target is not affected.
/// - After the failure of a TCP or TLS target nobody knows which messages of this invocation arrived. All arrived only
///   if `finish` is `Ok`.
/// - Over UDP, `send` fails only for a message that is too large. Local errors are counted, and `finish` fails when
///   nothing got out.
///
/// Messages that an invocation without `finish` left in a buffer leave with the next invocation, in order. Dropping the
/// collectors closes the connections without flushing; [`finish`](Self::finish) flushes.
pub struct Collectors {
    targets: Vec<Target>,
    tls: Option<Arc<ClientConfig>>,
    options: SenderOptions,
}

/// State of a target's transport session at the beginning of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// New transport session: templates have to be sent and sequence numbers start at 0 (RFC 7011 §3.1, §8).
    New,
    /// Session of the invocation before: sequence numbers go on.
    Kept,
}

/// Counts of one target since the last [`Collectors::begin`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendStatistics {
    /// Messages handed over: to the kernel over UDP, to the connection's or file's buffer otherwise.
    pub messages: u64,
    /// Octets of these messages, without the headers of UDP, TCP, TLS and IP.
    pub octets: u64,
    /// Failed connections, sends and finishes; over UDP the messages that the kernel refused, and for each "port
    /// unreachable" the messages that left together before it.
    pub errors: u64,
    /// UDP messages that met a closed port, as far as the kernel said so: `messages - unreachable` got out.
    pub unreachable: u64,
}

/// Both ends of a target's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectorPeer {
    /// Number of the target.
    pub target: usize,
    /// Kind of the target.
    pub transport: TargetKind,
    /// Our address and port. Over UDP, the address may be that of the interface on the route.
    pub local: SocketAddr,
    /// Address and port of the collector.
    pub collector: SocketAddr,
}

struct Target {
    url: CollectorUrl,
    name: Option<ServerName<'static>>,
    session: Option<Session>,
    /// Reason why there is no session. Final for a file.
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
    /// No target, a target without a usable address, a rate or timeout of 0, or unusable TLS material.
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
        let any_tls = urls.iter().any(|url| url.transport() == TargetKind::Tls);
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

    /// Kinds of the targets, in target order.
    pub fn transports(&self) -> Vec<TargetKind> {
        self.targets
            .iter()
            .map(|target| target.url.transport())
            .collect()
    }

    /// URLs, in target order.
    pub fn urls(&self) -> impl ExactSizeIterator<Item = &CollectorUrl> {
        self.targets.iter().map(|target| &target.url)
    }

    /// Starts an invocation: opens missing sessions and probes kept ones. A connection that the collector closed or reset
    /// meanwhile is replaced.
    ///
    /// Returns for every target the state of its session, or the reason why there is none. Resets the statistics.
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
        self.target(target)?.send(message, None)
    }

    /// Hands one message of templates to a target. Over UDP, messages that follow with [`send`](Self::send) wait for 10
    /// milliseconds if templates are new to the session or nothing was sent for 30 seconds: a collector that decodes on
    /// several threads drops data that it decodes before the template.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    pub fn send_templates(
        &mut self,
        target: usize,
        message: &[u8],
        are_new: bool,
    ) -> Result<(), SendError> {
        self.target(target)?.send(message, Some(are_new))
    }

    /// Ends an invocation: writes the buffers and waits until collectors over TCP and TLS have acknowledged everything, up
    /// to the write timeout without progress. The result of a target covers the whole invocation: after `Ok` every
    /// message was written, and no reset or end of the connection has been seen.
    ///
    /// The collector's kernel acknowledges; IPFIX has no acknowledgement.
    pub fn finish(&mut self) -> Vec<Result<(), SendError>> {
        self.targets.iter_mut().map(Target::finish).collect()
    }

    /// Replaces the connection of one target. The new transport session starts templates and sequence numbers again, and
    /// everything sent since `begin` has to be sent again.
    ///
    /// # Errors
    ///
    /// No connection; a second call in one invocation; a file, which is one session from beginning to end.
    pub fn reconnect(&mut self, target: usize) -> Result<(), SendError> {
        let (tls, options) = (self.tls.clone(), self.options.clone());
        self.target(target)?.reconnect(tls.as_ref(), &options)
    }

    /// Both ends of every open connection, to recognise the transcoder's own traffic in flow logs.
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

    /// Counts since the last [`begin`](Self::begin), in target order.
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
        let name = if url.transport() == TargetKind::Tls {
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

    /// Sends a message. `templates` says of a message of templates whether they are new to the session.
    fn send(&mut self, message: &[u8], templates: Option<bool>) -> Result<(), SendError> {
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
                match templates {
                    Some(are_new) => udp.send_templates(message, are_new),
                    None => udp.send(message),
                }
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
        if self.url.transport() == TargetKind::File {
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
            TargetKind::Udp => {
                UdpSession::open(&self.url, options).map(|udp| Session::Udp(Box::new(udp)))
            }
            TargetKind::Tcp | TargetKind::Tls => {
                let tls = tls.cloned().zip(self.name.clone());
                StreamSession::open(&self.url, tls, options)
                    .map(|stream| Session::Stream(Box::new(stream)))
            }
            TargetKind::File => {
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

    /// Adds the counters of a UDP session, which ends, to those of the target.
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
