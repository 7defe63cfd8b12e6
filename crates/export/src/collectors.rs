//! Several targets at once: who takes part in a transmission, connects, writes and waits.
//!
//! A TCP or TLS target holds up the rest only while its queue is full, a UDP target by its pace. Connections are opened
//! side by side on threads; queued octets of all targets are written while a target is slow; and the end of a
//! transmission waits for all acknowledgements together. So three silent collectors take as long as one. All waiting
//! ends at the deadline. `target.rs` has a single target.

use std::{
    fmt,
    panic::resume_unwind,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::ClientConfig;

use crate::{
    CollectorUrl, TargetKind,
    connect_settings::ConnectSettings,
    error::{SendError, SendProblem},
    options::{ConfigError, SenderOptions},
    target::Target,
    target_facts::{CollectorPeer, SendStatistics, SessionState},
    tls,
};

/// First pause between two looks at sockets that were not ready; every further pause is twice as long.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);

/// Longest pause between two looks at sockets that were not ready.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Deadline of collectors without a deadline: further away than any process lives.
const NO_DEADLINE: Duration = Duration::from_secs(100 * 365 * 86_400);

/// All targets of messages, numbered from 0 in the order of the URLs.
///
/// A *collector* is a target on the network; a target may also be a file. A *transmission* is `begin`, any number of
/// `send`, `finish`. A function has a transmission for each batch, so several in an invocation; the command line has one
/// for a whole run:
///
/// - A failed target stays failed until the end of the transmission, or until the only [`reconnect`](Self::reconnect): `send`
///   and `finish` return the target's error again. Further targets are not affected.
/// - After the failure of a TCP or TLS target nobody knows which messages of this transmission arrived; after `Ok` of
///   `finish`, all messages arrived.
/// - Over UDP, `send` fails only for a message that is too large or without a socket. Local errors are counted, and
///   `finish` fails if no message got out or time ran out.
///
/// Octets left in a queue by a transmission leave with the next transmission, in order. Dropping the collectors closes the
/// connections without flushing: [`finish`](Self::finish) flushes.
pub struct Collectors {
    targets: Vec<Target>,
    settings: ConnectSettings,
}

impl Collectors {
    /// Prepares the targets: reads certificates and keys, and touches no network and no file but the trust store.
    ///
    /// # Errors
    ///
    /// No target, an unspecified address, a rate or timeout of 0, or unusable certificates or keys.
    pub fn new(urls: &[CollectorUrl], options: SenderOptions) -> Result<Self, ConfigError> {
        if urls.is_empty() {
            return Err(ConfigError::NoCollectors);
        }
        // A server can listen on the unspecified address; messages to the address would stay on this machine.
        let nowhere = |url: &&CollectorUrl| url.address().is_some_and(|own| own.is_unspecified());
        if let Some(url) = urls.iter().find(nowhere) {
            return Err(ConfigError::NoAddress {
                target: url.to_string(),
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
        let any_tls = urls.iter().any(|url| url.kind() == TargetKind::Tls);
        let tls: Option<Arc<ClientConfig>> = match any_tls {
            true => Some(tls::client_config(&options.tls)?),
            false => None,
        };
        Ok(Self {
            targets: urls.iter().map(Target::new).collect::<Result<_, _>>()?,
            settings: ConnectSettings {
                tls,
                options,
                deadline: Instant::now() + NO_DEADLINE,
            },
        })
    }

    /// Kinds of the targets, in target order.
    pub fn kinds(&self) -> Vec<TargetKind> {
        self.urls().map(CollectorUrl::kind).collect()
    }

    /// URLs, in target order.
    pub fn urls(&self) -> impl ExactSizeIterator<Item = &CollectorUrl> {
        self.targets.iter().map(Target::url)
    }

    /// Ends all waiting at this time, with [`SendProblem::OutOfTime`]. Open sessions have the deadline from the next
    /// [`begin`](Self::begin) on.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.settings.deadline = deadline;
    }

    /// Begins a transmission with all targets: connects, or probes a kept connection. A connection that the collector closed
    /// or reset meanwhile is replaced by a new connection.
    ///
    /// Returns for every target whether the session is new or kept, or the reason why there is none. Resets the statistics.
    pub fn begin(&mut self) -> Vec<Result<SessionState, SendError>> {
        self.begin_selected(|_| true)
    }

    /// Begins a transmission with some of the targets, by number. The remaining targets are left alone, count as kept, and
    /// [`finish`](Self::finish) is `Ok` for these.
    pub fn begin_selected(
        &mut self,
        is_selected: impl Fn(usize) -> bool,
    ) -> Vec<Result<SessionState, SendError>> {
        let settings = &self.settings;
        let mut states: Vec<_> = self
            .targets
            .iter_mut()
            .enumerate()
            .map(|(number, target)| target.begin(is_selected(number), settings))
            .map(|kept| kept.then_some(Ok(SessionState::Kept)))
            .collect();
        let unconnected = self.targets.iter_mut().zip(&mut states);
        let unconnected = unconnected.filter(|(_, state)| state.is_none()).collect();
        side_by_side(unconnected, |(target, state)| {
            *state = Some(target.renew(settings));
        });
        let states = states.into_iter();
        states
            .map(|state| state.expect("kept or renewed"))
            .collect()
    }

    /// Hands a complete IPFIX message to a target. Blocks for UDP pacing, and while the queue of a TCP or TLS target is
    /// full; the queues of the remaining targets are written meanwhile.
    ///
    /// # Errors
    ///
    /// The target has failed, now or before in this transmission; or the message is too large (65,507 octets over UDP, 65,535
    /// otherwise), and leaves the target unchanged.
    pub fn send(&mut self, target: usize, message: &[u8]) -> Result<(), SendError> {
        self.send_as(target, message, None)
    }

    /// Hands a message of templates to a target. Over UDP, messages that follow with [`send`](Self::send) wait for 10
    /// milliseconds if templates are new to the session or nothing was sent for 30 seconds: a collector that decodes on
    /// several threads drops data decoded before the template.
    ///
    /// # Errors
    ///
    /// Errors of [`send`](Self::send).
    pub fn send_templates(
        &mut self,
        target: usize,
        message: &[u8],
        are_new: bool,
    ) -> Result<(), SendError> {
        self.send_as(target, message, Some(are_new))
    }

    /// Hands a message to a target, and waits while the target is congested; the remaining targets go on meanwhile.
    fn send_as(
        &mut self,
        target: usize,
        message: &[u8],
        templates: Option<bool>,
    ) -> Result<(), SendError> {
        self.target(target)?.send(message, templates)?;
        let mut pause = SHORTEST_PAUSE;
        while self.targets[target].is_congested() {
            for (number, other) in self.targets.iter_mut().enumerate() {
                // The failure of another target is returned by the calls for that target.
                match other.pump() {
                    Err(error) if number == target => return Err(error),
                    _ => {}
                }
            }
            if self.targets[target].is_congested() {
                pause = sleep(pause);
            }
        }
        Ok(())
    }

    /// Ends a transmission: writes queued octets and waits until every collector over TCP and TLS has acknowledged the
    /// octets, and gives a collector up after the write timeout without progress. The result of a target covers the whole
    /// transmission: after `Ok` of TCP, TLS or a file every message was written, and no reset or end of the connection
    /// has been seen; `Ok` of UDP says only that some message got out, or that there was none. A target that takes no
    /// part is `Ok`.
    ///
    /// The collector's kernel acknowledges; IPFIX has no acknowledgement.
    pub fn finish(&mut self) -> Vec<Result<(), SendError>> {
        let mut results: Vec<Option<Result<(), SendError>>> = self
            .targets
            .iter()
            .map(|target| (!target.is_selected()).then_some(Ok(())))
            .collect();
        let mut pause = SHORTEST_PAUSE;
        loop {
            for (target, result) in self.targets.iter_mut().zip(&mut results) {
                if result.is_none() {
                    *result = target.poll_finish();
                }
            }
            if results.iter().all(Option::is_some) {
                return results.into_iter().flatten().collect();
            }
            pause = sleep(pause);
        }
    }

    /// Drops the connection of a target and makes a new connection: a new transport session, where templates and sequence
    /// numbers start again, and messages since `begin` have to be sent again.
    ///
    /// # Errors
    ///
    /// No connection; a second call in a transmission; a file (a single session from beginning to end).
    pub fn reconnect(&mut self, target: usize) -> Result<(), SendError> {
        let settings = self.settings.clone();
        self.target(target)?.reconnect(&settings)
    }

    /// Reconnects several targets side by side; returns the numbers of the targets with a connection again.
    pub fn reconnect_all(&mut self, targets: &[usize]) -> Vec<usize> {
        let settings = &self.settings;
        let numbered = self.targets.iter_mut().enumerate();
        let broken = numbered.filter(|(number, _)| targets.contains(number));
        let outcomes = side_by_side(broken.collect(), |(number, target)| {
            (number, target.reconnect(settings).is_ok())
        });
        let connected = outcomes.into_iter().filter(|(_, connected)| *connected);
        connected.map(|(number, _)| number).collect()
    }

    /// Both ends of every open connection, to recognise the transcoder's own traffic in flow logs.
    pub fn peers(&self) -> Vec<CollectorPeer> {
        let numbered = self.targets.iter().enumerate();
        numbered
            .filter_map(|(number, target)| target.peer(number))
            .collect()
    }

    /// DNS names in the certificates of the collectors, in target order; `None` without a TLS connection.
    pub fn certificate_names(&self) -> Vec<Option<Vec<String>>> {
        self.targets.iter().map(Target::certificate_names).collect()
    }

    /// Statistics since the last [`begin`](Self::begin), in target order.
    pub fn statistics(&self) -> Vec<SendStatistics> {
        self.targets.iter().map(Target::statistics).collect()
    }

    fn target(&mut self, number: usize) -> Result<&mut Target, SendError> {
        self.targets.get_mut(number).ok_or_else(|| SendError {
            target: format!("target {number}"),
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

/// Sleeps; returns the next pause.
fn sleep(pause: Duration) -> Duration {
    thread::sleep(pause);
    (pause * 2).min(LONGEST_PAUSE)
}

/// Does the work of every item, on a thread each where there are several.
fn side_by_side<I: Send, T: Send>(items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    if items.len() < 2 {
        return items.into_iter().map(work).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let threads = items
            .into_iter()
            .map(|item| scope.spawn(move || work(item)));
        let threads: Vec<_> = threads.collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|outcome| outcome.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}
