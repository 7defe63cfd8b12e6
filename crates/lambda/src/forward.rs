//! Forwards batches of lines to every target, with a single reconnect for each target.
//!
//! Responsible for the delivery guarantee: a batch succeeds only when every target has all messages. After a broken
//! connection nobody knows how much arrived, so the target gets the whole batch again over a new connection, while the
//! remaining targets take no part. The content of a batch is the caller's business.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use flowlogs_core::{
    BatchReport, MessageKind, MessageSink, SendOutcome, Transcoder, TranscoderSettings, Transport,
    dedup,
};
use flowlogs_export::{
    CollectorUrl, Collectors, ConfigError, SendError, SendProblem, SenderOptions, SessionState,
};

/// Most addresses of collectors in the cache that recognises the transcoder's own traffic.
const REMEMBERED_COLLECTORS: usize = 64;

/// The transcoder and the collectors.
#[derive(Debug)]
pub struct Forwarder {
    transcoder: Transcoder,
    collectors: Collectors,
    /// Addresses of the collectors so far, if flows to and from collectors are left out.
    own_traffic: Option<Vec<dedup::CollectorAddress>>,
    /// Some targets took no part in the last batch, and lack the names announced then.
    names_are_missing: bool,
}

/// Time, deadline and targets of a batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchTerms<'a> {
    /// Time of the batch, in milliseconds since 1970.
    pub now: u64,
    /// End of all waiting.
    pub deadline: Instant,
    /// Numbers of the targets that the batch is due to; `None` for all.
    pub only: Option<&'a [usize]>,
}

/// State of a target, for the check event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorState {
    /// URL of the target.
    pub url: String,
    /// Reason why the target has no connection.
    pub problem: Option<SendProblem>,
    /// Resolved address of the collector.
    pub address: Option<SocketAddr>,
    /// DNS names in the collector's certificate, over TLS.
    pub certificate_names: Option<Vec<String>>,
}

/// Sink for the messages of a batch: all targets, or some.
#[derive(Debug)]
pub struct TargetSink<'a> {
    collectors: &'a mut Collectors,
    only: Option<&'a [usize]>,
}

/// Outcome of a batch.
#[derive(Debug)]
pub struct ForwardOutcome {
    /// Counters of the lines.
    pub report: BatchReport,
    /// [`SendStatistics::errors`](flowlogs_export::SendStatistics), without failures mended by a reconnect.
    pub send_errors: u64,
    /// Successful reconnects: the target had everything after.
    pub reconnects: u64,
    /// Success if no target that the batch was due to failed.
    pub outcome: Result<(), UndeliveredBatch>,
}

/// Targets without the batch, each with the problem.
///
/// The text begins with the URL of the first target and names every further failed target: a payload from the failure queue
/// goes to the targets named by the error ([`flowlogs_source::FailedInvocation::failed_targets`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredBatch {
    errors: Vec<SendError>,
    /// Targets that the batch was due to.
    targets: usize,
}

impl UndeliveredBatch {
    /// Errors of every target that a batch was due to.
    #[cfg(test)]
    pub(crate) fn new(errors: Vec<SendError>) -> Self {
        Self {
            targets: errors.len(),
            errors,
        }
    }

    /// The time of the invocation was over, and no target is known to have everything.
    pub fn is_out_of_time(&self) -> bool {
        let out_of_time = |error: &SendError| error.problem == SendProblem::OutOfTime;
        self.errors.len() == self.targets && self.errors.iter().all(out_of_time)
    }
}

impl fmt::Display for UndeliveredBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.errors.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UndeliveredBatch {}

impl MessageSink for TargetSink<'_> {
    /// No error stops a batch: [`Collectors::finish`] returns the error of each target.
    type Error = Infallible;

    fn send(
        &mut self,
        session: usize,
        kind: MessageKind,
        message: &[u8],
    ) -> Result<SendOutcome, Infallible> {
        if self.only.is_some_and(|only| !only.contains(&session)) {
            return Ok(SendOutcome::Skipped);
        }
        let sent = match kind {
            MessageKind::NewTemplates => self.collectors.send_templates(session, message, true),
            MessageKind::TemplatesAgain => self.collectors.send_templates(session, message, false),
            MessageKind::Options | MessageKind::Flows => self.collectors.send(session, message),
        };
        Ok(match sent {
            Ok(()) => SendOutcome::Sent,
            Err(_) => SendOutcome::NotSent,
        })
    }
}

impl Forwarder {
    /// Prepares the targets; touches no network.
    ///
    /// # Errors
    ///
    /// Errors of [`Collectors::new`].
    pub fn new(
        settings: TranscoderSettings,
        collectors: &[CollectorUrl],
        options: SenderOptions,
        exclude_collector_traffic: bool,
    ) -> Result<Self, ConfigError> {
        let collectors = Collectors::new(collectors, options)?;
        let transports =
            collectors
                .kinds()
                .into_iter()
                .map(|transport| match transport.is_datagram() {
                    true => Transport::Datagram,
                    false => Transport::Stream,
                });
        let transcoder = Transcoder::new(settings, &transports.collect::<Vec<_>>());
        let own_traffic = exclude_collector_traffic.then(Vec::new);
        Ok(Self {
            transcoder,
            collectors,
            own_traffic,
            names_are_missing: false,
        })
    }

    /// The transcoder, for calls between batches.
    pub fn transcoder(&mut self) -> &mut Transcoder {
        &mut self.transcoder
    }

    /// Connects to every target and sends nothing, for the check event.
    pub fn probe(&mut self, deadline: Instant) -> Vec<CollectorState> {
        self.collectors.set_deadline(deadline);
        let sessions = self.collectors.begin();
        for (target, session) in sessions.iter().enumerate() {
            if let Ok(SessionState::New) = session {
                self.transcoder.restart_session(target);
            }
        }
        let (urls, peers) = (self.collectors.urls(), self.collectors.peers());
        let certificates = self.collectors.certificate_names();
        let targets = urls.zip(sessions).zip(certificates).enumerate();
        targets
            .map(
                |(number, ((url, session), certificate_names))| CollectorState {
                    url: url.to_string(),
                    problem: session.err().map(|error| error.problem),
                    address: peers
                        .iter()
                        .find(|peer| peer.target == number)
                        .map(|peer| peer.collector),
                    certificate_names,
                },
            )
            .collect()
    }

    /// Numbers of the targets with these URLs; `None` (all targets) if no target has such a URL.
    pub fn targets_named(&self, urls: &[&str]) -> Option<Vec<usize>> {
        let numbered = self.collectors.urls().enumerate();
        let named: Vec<usize> = numbered
            .filter(|(_, url)| urls.contains(&url.to_string().as_str()))
            .map(|(number, _)| number)
            .collect();
        (!named.is_empty()).then_some(named)
    }

    /// Replaces the targets by targets with new options; the transcoder keeps the state.
    ///
    /// # Errors
    ///
    /// Errors of [`Collectors::new`]; the collectors stay unchanged.
    pub fn set_collectors(
        &mut self,
        collectors: &[CollectorUrl],
        options: SenderOptions,
    ) -> Result<(), ConfigError> {
        self.collectors = Collectors::new(collectors, options)?;
        Ok(())
    }

    /// Sends a batch: `lines` hands all lines to the transcoder, and again for targets that reconnected.
    /// [`commit`](Self::commit) or [`end_for_retry`](Self::end_for_retry) must follow.
    pub fn forward(
        &mut self,
        terms: BatchTerms<'_>,
        mut lines: impl FnMut(&mut Transcoder, &mut TargetSink<'_>),
    ) -> ForwardOutcome {
        let is_due = |target| terms.only.is_none_or(|only| only.contains(&target));
        self.collectors.set_deadline(terms.deadline);
        let sessions = self.collectors.begin_selected(is_due);
        self.transcoder.begin(terms.now);
        for (target, session) in sessions.iter().enumerate() {
            if let Ok(SessionState::New) = session {
                self.transcoder.restart_session(target);
            }
        }
        if std::mem::replace(&mut self.names_are_missing, terms.only.is_some()) {
            self.transcoder.announce_again();
        }
        self.exclude_own_traffic();
        let due = (0..sessions.len()).filter(|&target| is_due(target)).count();
        let failed = sessions.iter().filter(|session| session.is_err()).count();
        if failed == due {
            let outcomes = sessions.into_iter().map(|session| session.map(|_| ()));
            return self.end(due, outcomes.collect(), &[]);
        }
        self.transcode(terms.only, &mut lines);
        let results = self.collectors.finish();
        let broken: Vec<usize> = (0..)
            .zip(results.iter().zip(&sessions))
            .filter(|(_, (result, session))| result.is_err() && session.is_ok())
            .map(|(target, _)| target)
            .collect();
        let again = self.collectors.reconnect_all(&broken);
        if again.is_empty() {
            return self.end(due, results, &again);
        }
        self.transcoder.rollback();
        self.transcoder.take_report();
        for &target in &again {
            self.transcoder.restart_session(target);
        }
        self.transcode(Some(&again), &mut lines);
        let results = self.collectors.finish();
        self.end(due, results, &again)
    }

    fn transcode(
        &mut self,
        only: Option<&[usize]>,
        lines: &mut impl FnMut(&mut Transcoder, &mut TargetSink<'_>),
    ) {
        let mut targets = TargetSink {
            collectors: &mut self.collectors,
            only,
        };
        lines(&mut self.transcoder, &mut targets);
        let Ok(()) = self.transcoder.flush(&mut targets);
    }

    /// Ends a batch that arrived: the event ids are remembered, and a second delivery is left out.
    pub fn commit(&mut self) {
        self.transcoder.commit();
    }

    /// Ends a batch whose lines come again. The event ids are forgotten: the retry exports every flow again, arrived or not.
    /// If every target has the messages (`has_arrived`: the [outcome](ForwardOutcome::outcome) is a success), announcements
    /// stay valid; otherwise the names are announced again.
    pub fn end_for_retry(&mut self, has_arrived: bool) {
        match has_arrived {
            true => self.transcoder.commit_messages(),
            false => self.transcoder.rollback(),
        }
    }

    /// Outcome of a batch from the results of the targets. The batch itself ends with [`commit`](Self::commit) or
    /// [`end_for_retry`](Self::end_for_retry).
    fn end(
        &mut self,
        due: usize,
        results: Vec<Result<(), SendError>>,
        reconnected: &[usize],
    ) -> ForwardOutcome {
        let helped = |target: &usize| reconnected.contains(target) && results[*target].is_ok();
        let statistics = self.collectors.statistics();
        let statistics = statistics.iter().enumerate();
        let send_errors = statistics
            .filter(|(target, _)| !helped(target))
            .map(|(_, target)| target.errors)
            .sum();
        let reconnects = reconnected.iter().filter(|target| helped(target)).count();
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        ForwardOutcome {
            report: self.transcoder.take_report(),
            send_errors,
            reconnects: reconnects as u64,
            outcome: match errors.is_empty() {
                true => Ok(()),
                false => Err(UndeliveredBatch {
                    errors,
                    targets: due,
                }),
            },
        }
    }

    fn exclude_own_traffic(&mut self) {
        let Some(known) = &mut self.own_traffic else {
            return;
        };
        for peer in self.collectors.peers() {
            let Some(protocol) = peer.kind.protocol() else {
                continue;
            };
            let (address, port) = (peer.collector.ip(), peer.collector.port());
            let collector = dedup::CollectorAddress {
                address,
                port,
                protocol,
            };
            if !known.contains(&collector) {
                known.truncate(REMEMBERED_COLLECTORS - 1);
                known.insert(0, collector);
                self.transcoder.set_collectors(known.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use flowlogs_core::{Counters, Formats, LogLine, RecordSource};

    use super::*;

    /// Some 900 kB of IPFIX: more than sockets buffer.
    const MANY: u64 = 20_000;

    fn forwarder(collectors: &str) -> Forwarder {
        let collectors = CollectorUrl::parse_list(collectors).expect("collector URLs");
        Forwarder::new(
            TranscoderSettings::default(),
            &collectors,
            SenderOptions::default(),
            false,
        )
        .expect("valid options")
    }

    fn terms(only: Option<&[usize]>) -> BatchTerms<'_> {
        BatchTerms {
            now: 1_795_000_100_000,
            deadline: Instant::now() + Duration::from_secs(60),
            only,
        }
    }

    /// Forwards so many lines of the default format, each with an id of its own.
    fn forward(forwarder: &mut Forwarder, count: u64) -> ForwardOutcome {
        let mut source = RecordSource::new(None, Formats::defaults());
        forwarder.forward(terms(None), |transcoder, targets| {
            for number in 0..count {
                let (id, port) = (number.to_be_bytes(), 1_024 + number % 60_000);
                let text = format!(
                    "2 123456789012 eni-1 10.0.0.1 10.0.0.2 {port} 443 6 {} 4000 1795000000 1795000059 ACCEPT OK",
                    number + 1
                );
                let line = LogLine { id: Some(&id), timestamp: None, text: text.as_bytes() };
                let Ok(()) = transcoder.line(&mut source, line, targets);
            }
        })
    }

    fn exported(count: u64, report: &BatchReport) {
        let Counters {
            records_received,
            flows_exported,
            ..
        } = report.counters;
        assert_eq!((records_received, flows_exported), (count, count));
    }

    /// A collector that resets its first connections after 100 kB each, reads the next one, and returns its octets.
    fn collector(resets: usize) -> (SocketAddr, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let reading = thread::spawn(move || {
            let accept = || {
                let (stream, _) = listener.accept().expect("a connection");
                stream
                    .set_read_timeout(Some(Duration::from_secs(20)))
                    .expect("a time limit");
                stream
            };
            for _ in 0..resets {
                // Closed with octets unread, which is a reset.
                accept().read_exact(&mut vec![0; 100_000]).expect("octets");
            }
            let mut received = Vec::new();
            accept().read_to_end(&mut received).expect("an orderly end");
            received
        });
        (address, reading)
    }

    #[test]
    fn after_a_reset_the_whole_batch_goes_over_one_new_connection_and_to_no_other_target_twice() {
        let ((broken, again), (whole, once)) = (collector(1), collector(0));
        let mut forwarder = forwarder(&format!("tcp://{broken},tcp://{whole}"));
        let ForwardOutcome {
            report,
            send_errors,
            reconnects,
            outcome,
        } = forward(&mut forwarder, MANY);
        assert_eq!(outcome, Ok(()));
        assert_eq!((send_errors, reconnects), (0, 1));
        exported(MANY, &report);
        drop(forwarder);
        let (again, once) = (
            again.join().expect("a reader"),
            once.join().expect("a reader"),
        );
        assert!(once.len() > 500_000, "{} octets", once.len());
        assert_eq!(again.len(), once.len(), "each has the batch once");
    }

    #[test]
    fn a_second_reset_is_an_error() {
        let (address, _reading) = collector(2);
        let mut forwarder = forwarder(&format!("tcp://{address}"));
        let ForwardOutcome {
            send_errors,
            outcome,
            ..
        } = forward(&mut forwarder, MANY);
        assert!(outcome.is_err());
        assert_eq!(send_errors, 2);
        // It is read to the end now.
        forwarder.end_for_retry(false);
        assert_eq!(forward(&mut forwarder, 1).outcome, Ok(()));
    }

    #[test]
    fn what_was_rolled_back_is_exported_again_and_what_was_committed_is_a_duplicate() {
        let collector = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = collector.local_addr().expect("it is bound");
        let mut forwarder = forwarder(&format!("udp://{address}"));
        for _ in 0..2 {
            let forwarded = forward(&mut forwarder, 10);
            assert_eq!(forwarded.outcome, Ok(()));
            exported(10, &forwarded.report);
            forwarder.end_for_retry(false);
        }
        forward(&mut forwarder, 10);
        forwarder.commit();
        let Counters {
            flows_exported,
            duplicate_deliveries,
            ..
        } = forward(&mut forwarder, 10).report.counters;
        assert_eq!((flows_exported, duplicate_deliveries), (0, 10));
    }

    #[test]
    fn names_leave_again_only_if_the_batch_that_comes_again_did_not_arrive() {
        let collector = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = collector.local_addr().expect("it is bound");
        let mut forwarder = forwarder(&format!("udp://{address}"));
        let [first, after_arrival, after_loss] = [true, false, true].map(|has_arrived| {
            let report = forward(&mut forwarder, 1).report;
            exported(1, &report);
            forwarder.end_for_retry(has_arrived);
            report.counters.options_records
        });
        assert!(after_arrival < first && after_arrival < after_loss);
    }

    #[test]
    fn a_target_that_is_gone_is_an_error_and_the_others_have_everything() {
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let (gone, (whole, reading)) = (closed.expect("a port"), collector(0));
        let mut forwarder = forwarder(&format!("tcp://{gone},tcp://{whole}"));
        let ForwardOutcome {
            report,
            send_errors,
            outcome,
            ..
        } = forward(&mut forwarder, 100);
        let error = outcome.expect_err("one is gone");
        let text = error.to_string();
        assert!(text.starts_with(&format!("tcp://{gone}: ")), "{text}");
        assert!(!text.contains(&whole.to_string()), "{text}");
        assert!(send_errors >= 1);
        exported(100, &report);
        drop(forwarder);
        assert!(!reading.join().expect("a reader").is_empty());
    }

    #[test]
    fn where_no_target_is_reached_no_line_is_read() {
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let gone = closed.expect("a port");
        let mut forwarder = forwarder(&format!("tcp://{gone}"));
        let forwarded = forwarder.forward(terms(None), |_, _| panic!("nobody would get it"));
        assert!(forwarded.outcome.is_err() && forwarded.send_errors >= 1);
        assert_eq!(forwarded.report, BatchReport::default());
    }

    #[test]
    fn a_kept_connection_is_used_again() {
        let (address, reading) = collector(0);
        let mut forwarder = forwarder(&format!("tcp://{address}"));
        for _ in 0..2 {
            assert_eq!(forward(&mut forwarder, 10).outcome, Ok(()));
            forwarder.end_for_retry(false);
        }
        drop(forwarder);
        assert!(
            !reading
                .join()
                .expect("one connection with both batches")
                .is_empty()
        );
        assert!(
            TcpStream::connect(address).is_err(),
            "the collector took one connection and ended"
        );
    }

    #[test]
    fn a_batch_for_one_target_does_not_reach_the_other_which_has_every_name_afterwards() {
        let [first, second] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port"));
        let addresses = [&first, &second].map(|socket| socket.local_addr().expect("bound"));
        let urls = addresses.map(|address| format!("udp://{address}"));
        let mut forwarder = forwarder(&urls.join(","));
        assert_eq!(forwarder.targets_named(&["tcp://elsewhere:4739"]), None);
        let named = forwarder.targets_named(&[&urls[1], "tcp://elsewhere:4739"]);
        assert_eq!(named.as_deref(), Some(&[1][..]));
        let mut octets = [0; 2];
        for (port, only) in (1..).zip([named.as_deref(), None]) {
            let mut source = RecordSource::new(None, Formats::defaults());
            let text = format!(
                "2 123456789012 eni-1 10.0.0.1 10.0.0.2 {port} 443 6 1 40 1795000000 1795000059 ACCEPT OK"
            );
            let text = text.as_bytes();
            let forwarded = forwarder.forward(terms(only), |transcoder, targets| {
                let line = LogLine {
                    id: None,
                    timestamp: None,
                    text,
                };
                let Ok(()) = transcoder.line(&mut source, line, targets);
            });
            assert_eq!(forwarded.outcome, Ok(()));
            forwarder.commit();
            for (total, socket) in octets.iter_mut().zip([&first, &second]) {
                socket.set_nonblocking(true).expect("a socket");
                let mut message = [0; 2_000];
                while let Ok(length) = socket.recv(&mut message) {
                    *total += length;
                }
            }
            assert!(only.is_none() || octets[0] == 0, "{octets:?}");
        }
        // The second has the same messages twice; the first has them once, names included.
        assert_eq!(2 * octets[0], octets[1]);
    }
}
