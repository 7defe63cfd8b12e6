//! From lines to collectors: one batch, sent to every target, with the one reconnect that a target gets.
//!
//! Responsible for the delivery guarantee of an invocation: it succeeds only when every target has everything. A
//! connection that breaks leaves unknown what arrived, so after its reconnect that target gets the whole batch again,
//! while the others, which have it, take no part. What a batch consists of is the caller's business.

use std::convert::Infallible;

use flowlogs_core::{Delivery, MessageSink, Report, Settings, Transcoder, Transport, dedup};
use flowlogs_export::{CollectorUrl, Collectors, ConfigError, SendError, SenderOptions, SessionState};

/// Addresses of collectors that are remembered, so that their traffic stays recognised while they are not reached.
const REMEMBERED_COLLECTORS: usize = 64;

/// The transcoder and the collectors that it writes to.
#[derive(Debug)]
pub struct Forwarder {
    transcoder: Transcoder,
    collectors: Collectors,
    /// Where collectors were found, if flows to and from them are left out.
    own_traffic: Option<Vec<dedup::Collector>>,
}

/// Where a batch's messages go: all targets, or those that are served again.
#[derive(Debug)]
pub struct Targets<'a> {
    collectors: &'a mut Collectors,
    again: Option<&'a [usize]>,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Forwarded {
    /// What happened to the lines.
    pub report: Report,
    /// Failed connections, sends and ends of connections.
    pub send_errors: u64,
    /// Whether every target has everything; else the first reason why not.
    pub outcome: Result<(), SendError>,
}

impl MessageSink for Targets<'_> {
    /// A target that fails does not keep the others from their messages; [`Collectors::finish`] tells of it.
    type Error = Infallible;

    fn send(&mut self, session: usize, message: &[u8]) -> Result<Delivery, Infallible> {
        if self.again.is_some_and(|again| !again.contains(&session)) {
            return Ok(Delivery::Skipped);
        }
        Ok(match self.collectors.send(session, message) {
            Ok(()) => Delivery::Sent,
            Err(_) => Delivery::NotSent,
        })
    }
}

impl Forwarder {
    /// Prepares everything and touches no network.
    ///
    /// # Errors
    ///
    /// TLS material that cannot be used.
    pub fn new(
        settings: Settings,
        collectors: &[CollectorUrl],
        options: SenderOptions,
        exclude_collector_traffic: bool,
    ) -> Result<Self, ConfigError> {
        let collectors = Collectors::new(collectors, options)?;
        let transports = collectors.transports().into_iter().map(|transport| match transport.is_datagram() {
            true => Transport::Datagram,
            false => Transport::Stream,
        });
        let transcoder = Transcoder::new(settings, &transports.collect::<Vec<_>>());
        let own_traffic = exclude_collector_traffic.then(Vec::new);
        Ok(Self { transcoder, collectors, own_traffic })
    }

    /// The transcoder, for what is told to it between batches.
    pub fn transcoder(&mut self) -> &mut Transcoder {
        &mut self.transcoder
    }

    /// Sends one batch: `lines` hands all of its lines to the transcoder, and again if a target has to be served again.
    /// It ends with [`commit`](Self::commit) or [`rollback`](Self::rollback).
    pub fn forward(
        &mut self,
        now: u64,
        mut lines: impl FnMut(&mut Transcoder, &mut Targets<'_>),
    ) -> Forwarded {
        let Self { transcoder, collectors, .. } = self;
        let sessions = collectors.begin();
        transcoder.begin(now);
        for (target, session) in sessions.iter().enumerate() {
            if let Ok(SessionState::New) = session {
                transcoder.restart_session(target);
            }
        }
        self.exclude_own_traffic();
        if let Some(Err(error)) = sessions.iter().find(|_| sessions.iter().all(Result::is_err)) {
            return self.end(Err(error.clone()));
        }
        self.transcode(None, &mut lines);
        let results = self.collectors.finish();
        let broken = (0..).zip(&results).zip(&sessions);
        let broken = broken.filter(|((_, result), session)| result.is_err() && session.is_ok());
        let again: Vec<usize> = broken
            .map(|((target, _), _)| target)
            .filter(|&target| self.collectors.reconnect(target).is_ok())
            .collect();
        if again.is_empty() {
            return self.end(results.into_iter().collect());
        }
        self.transcoder.rollback();
        self.transcoder.take_report();
        for &target in &again {
            self.transcoder.restart_session(target);
        }
        self.transcode(Some(&again), &mut lines);
        let results = self.collectors.finish();
        self.end(results.into_iter().collect())
    }

    fn transcode(
        &mut self,
        again: Option<&[usize]>,
        lines: &mut impl FnMut(&mut Transcoder, &mut Targets<'_>),
    ) {
        let mut targets = Targets { collectors: &mut self.collectors, again };
        lines(&mut self.transcoder, &mut targets);
        let Ok(()) = self.transcoder.flush(&mut targets);
    }

    /// The batch counts: what it held is a duplicate from now on.
    pub fn commit(&mut self) {
        self.transcoder.commit();
    }

    /// The batch will come again and has to be exported then.
    pub fn rollback(&mut self) {
        self.transcoder.rollback();
    }

    fn end(&mut self, outcome: Result<(), SendError>) -> Forwarded {
        Forwarded {
            report: self.transcoder.take_report(),
            send_errors: self.collectors.statistics().iter().map(|target| target.errors).sum(),
            outcome,
        }
    }

    fn exclude_own_traffic(&mut self) {
        let Some(known) = &mut self.own_traffic else { return };
        for peer in self.collectors.peers() {
            let Some(protocol) = peer.transport.protocol() else { continue };
            let (address, port) = (peer.collector.ip(), peer.collector.port());
            let collector = dedup::Collector { address, port, protocol };
            if !known.contains(&collector) {
                known.truncate(REMEMBERED_COLLECTORS - 1);
                known.insert(0, collector);
                self.transcoder.set_collectors(known.clone());
            }
        }
    }
}
