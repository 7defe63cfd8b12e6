//! Target: URL, life of the transport session, and statistics.
//!
//! [`Collectors`](crate::Collectors) decides when targets connect and wait; each kind of session is in a file of its own.

use std::{path::Path, time::Instant};

use rustls::pki_types::ServerName;

use crate::{
    CollectorUrl, TargetKind,
    breaker::CircuitBreaker,
    connect_settings::ConnectSettings,
    error::{SendError, SendProblem},
    file::FileSession,
    options::ConfigError,
    stream::StreamSession,
    target_facts::{CollectorPeer, SendStatistics, SessionState},
    tls,
    udp::{self, UdpSession},
};

/// Largest message, in octets: the largest length that the 16 bits of a message header can state (RFC 7011 §3.1).
const LARGEST_MESSAGE: usize = u16::MAX as usize;

pub(crate) struct Target {
    url: CollectorUrl,
    name: Option<ServerName<'static>>,
    session: Option<Session>,
    /// Reason why there is no session. A file that failed gets no session again.
    failure: Option<SendProblem>,
    breaker: CircuitBreaker,
    /// The target takes part in this transmission.
    selected: bool,
    file_opened: bool,
    reconnected: bool,
    statistics: SendStatistics,
}

enum Session {
    Udp(Box<UdpSession>),
    Stream(Box<StreamSession>),
    File(FileSession),
}

impl Target {
    pub(crate) fn new(url: &CollectorUrl) -> Result<Self, ConfigError> {
        let name = if url.kind() == TargetKind::Tls {
            Some(tls::server_name(url)?)
        } else {
            None
        };
        Ok(Self {
            url: url.clone(),
            name,
            session: None,
            failure: None,
            breaker: CircuitBreaker::default(),
            selected: true,
            file_opened: false,
            reconnected: false,
            statistics: SendStatistics::default(),
        })
    }

    pub(crate) fn url(&self) -> &CollectorUrl {
        &self.url
    }

    pub(crate) fn is_selected(&self) -> bool {
        self.selected
    }

    /// Begins a transmission; returns `true` if the session of the last transmission goes on, or the target takes no part.
    pub(crate) fn begin(&mut self, selected: bool, settings: &ConnectSettings) -> bool {
        self.statistics = SendStatistics::default();
        self.reconnected = false;
        self.selected = selected;
        if !selected {
            return true;
        }
        match &mut self.session {
            None => false,
            Some(Session::Udp(udp)) => udp.probe(&self.url, settings),
            Some(Session::Stream(stream)) => stream.probe(&self.url, settings),
            Some(Session::File(_)) => true,
        }
    }

    /// Opens the session of a transmission that could not keep a session.
    pub(crate) fn renew(&mut self, settings: &ConnectSettings) -> Result<SessionState, SendError> {
        self.reopen(settings)?;
        Ok(SessionState::New)
    }

    /// Sends a message. `templates` is `None` for data and options; for templates `Some` says whether the templates are
    /// new to the session.
    pub(crate) fn send(
        &mut self,
        message: &[u8],
        templates: Option<bool>,
    ) -> Result<(), SendError> {
        let limit = if self.url.kind().is_datagram() {
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
            None => return Err(self.no_session()),
            Some(Session::Udp(udp)) => {
                // Errors are counted by the session, and no reason to stop.
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

    /// The collector takes octets too slowly, and no further message should be queued.
    pub(crate) fn is_congested(&self) -> bool {
        matches!(&self.session, Some(Session::Stream(stream)) if stream.is_congested())
    }

    /// Writes queued octets without waiting.
    pub(crate) fn pump(&mut self) -> Result<(), SendError> {
        let Some(Session::Stream(stream)) = &mut self.session else {
            return Ok(());
        };
        stream.pump().map_err(|problem| self.fail(problem))
    }

    /// A step towards the end of a transmission; `None` while the collector has not acknowledged everything. Over TCP and
    /// TLS the step does not wait; over UDP it sends the rest at the configured rate and may wait for a refusal.
    pub(crate) fn poll_finish(&mut self) -> Option<Result<(), SendError>> {
        let finished = match &mut self.session {
            None => return Some(Err(self.no_session())),
            // The socket stays open: the next transmission finds out whether the socket is still good.
            Some(Session::Udp(udp)) => {
                return Some(udp.finish().map_err(|problem| self.error(problem)));
            }
            Some(Session::Stream(stream)) => stream.poll_finish(),
            Some(Session::File(file)) => file.finish().map(|()| true),
        };
        match finished {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(problem) => Some(Err(self.fail(problem))),
        }
    }

    pub(crate) fn reconnect(&mut self, settings: &ConnectSettings) -> Result<(), SendError> {
        if self.url.kind() == TargetKind::File {
            return Err(self.error(self.failure.clone().unwrap_or(SendProblem::FileNotReopened)));
        }
        if self.reconnected {
            return Err(self.error(SendProblem::ReconnectedAlready));
        }
        self.reconnected = true;
        self.reopen(settings)
    }

    /// Ends the session, if any, and opens another one.
    fn reopen(&mut self, settings: &ConnectSettings) -> Result<(), SendError> {
        self.statistics = self.statistics(); // with the counters of a UDP session
        let ended = self.session.take();
        // An open UDP socket keeps its port: the port of the new socket differs, and collectors see a new session.
        let _occupies_port = ended.filter(|ended| matches!(ended, Session::Udp(_)));
        self.open(settings)
    }

    fn open(&mut self, settings: &ConnectSettings) -> Result<(), SendError> {
        if self.file_opened {
            return Err(self.error(self.failure.clone().unwrap_or(SendProblem::FileNotReopened)));
        }
        let begin = Instant::now();
        if begin >= settings.deadline {
            return Err(self.fail(SendProblem::OutOfTime));
        }
        if let Err(problem) = self.breaker.allow(begin) {
            return Err(self.fail(problem));
        }
        match self.connect(settings) {
            Ok(session) => {
                self.breaker.close();
                self.file_opened = matches!(session, Session::File(_));
                self.session = Some(session);
                self.failure = None;
                Ok(())
            }
            Err(problem) => {
                let now = Instant::now();
                self.breaker
                    .open(&problem, settings.options.retry_pause, now);
                let cut_short = now >= settings.deadline && problem.is_time_out();
                Err(self.fail(if cut_short {
                    SendProblem::OutOfTime
                } else {
                    problem
                }))
            }
        }
    }

    fn connect(&self, settings: &ConnectSettings) -> Result<Session, SendProblem> {
        match self.url.kind() {
            TargetKind::Udp => {
                UdpSession::open(&self.url, settings).map(|udp| Session::Udp(Box::new(udp)))
            }
            TargetKind::Tcp | TargetKind::Tls => {
                StreamSession::open(&self.url, self.name.clone(), settings)
                    .map(|stream| Session::Stream(Box::new(stream)))
            }
            TargetKind::File => {
                FileSession::open(self.url.path().unwrap_or(Path::new(""))).map(Session::File)
            }
        }
    }

    fn fail(&mut self, problem: SendProblem) -> SendError {
        self.statistics.errors += 1;
        self.session = None;
        self.failure = Some(problem.clone());
        self.error(problem)
    }

    fn no_session(&self) -> SendError {
        self.error(self.failure.clone().unwrap_or(SendProblem::NotConnected))
    }

    fn error(&self, problem: SendProblem) -> SendError {
        SendError {
            target: self.url.to_string(),
            problem,
        }
    }

    pub(crate) fn statistics(&self) -> SendStatistics {
        let mut statistics = self.statistics;
        if let Some(Session::Udp(udp)) = &self.session {
            let tally = udp.tally();
            statistics.messages += tally.accepted;
            statistics.octets += tally.octets;
            statistics.errors += tally.failed + tally.unreachable;
            statistics.unreachable += tally.unreachable.min(tally.accepted);
        }
        statistics
    }

    /// Both ends of the connection, where there is one.
    pub(crate) fn peer(&self, target: usize) -> Option<CollectorPeer> {
        let (local, collector) = match self.session.as_ref()? {
            Session::Udp(udp) => udp.addresses(),
            Session::Stream(stream) => stream.addresses(),
            Session::File(_) => return None,
        };
        Some(CollectorPeer {
            target,
            kind: self.url.kind(),
            local,
            collector,
        })
    }

    /// DNS names in the collector's certificate, after a TLS handshake.
    pub(crate) fn certificate_names(&self) -> Option<Vec<String>> {
        match &self.session {
            Some(Session::Stream(stream)) => stream.certificate_names(),
            _ => None,
        }
    }
}
