//! `flowlogs collect`: a small receiving end, which prints the flows that arrive with the names that came before them.
//!
//! Threads receive, `run` decodes and prints. Every peer (UDP) and every connection (TCP) is a transport session with a
//! decoder of its own. All memory is bounded: sessions, connections and what waits to be decoded.

mod receive;

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::{Collect, SummaryKind};
use crate::decode::{DecodeError, Decoder};
use crate::failure::Failure;
use crate::outlet::{OutletError, Printer};
use crate::summary::grouped;
use crate::terminal;

use receive::{Arrival, Content, SessionId};

/// Most transport sessions that are remembered; the one that was silent longest is forgotten first.
const SESSIONS: usize = 256;

/// Messages that wait to be decoded.
const WAITING: usize = 1_024;

/// How often the end is looked for while nothing arrives.
const PAUSE: Duration = Duration::from_millis(100);

/// How long connections may go on when there were flows enough.
const LINGER: Duration = Duration::from_secs(2);

/// Messages that could not be decoded, of which the reason is shown.
const SHOWN: u64 = 5;

pub(crate) fn run(arguments: &Collect) -> Result<(), Failure> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&end)).map_err(Failure::failed)?;
    }
    let (sender, arrivals) = sync_channel(WAITING);
    for url in arguments.listen.iter().flat_map(|urls| &urls.0) {
        receive::listen(url, sender.clone())?;
        terminal::say(format_args!("listening on {url}; Ctrl-C ends"));
    }
    let mut collector = Collector {
        printer: Printer::new(arguments.output, arguments.width).live(),
        sessions: HashMap::new(),
        wanted: arguments.count.unwrap_or(u64::MAX),
        tally: Tally::default(),
    };
    let outcome = collector.work(&arrivals, &end);
    let mut stderr = io::stderr().lock();
    // A closed standard error is nothing to report, and nowhere to report it.
    let _ = match arguments.summary {
        SummaryKind::Text => collector.tally.write_text(&mut stderr),
        SummaryKind::Json => collector.tally.write_json(&mut stderr),
        SummaryKind::None => Ok(()),
    };
    outcome
}

/// What arrived.
#[derive(Debug, Default)]
struct Tally {
    messages: u64,
    octets: u64,
    flows: u64,
    sessions: u64,
    errors: u64,
}

impl Tally {
    fn values(&self) -> [(&'static str, u64); 5] {
        [
            ("messages", self.messages),
            ("octets", self.octets),
            ("flows", self.flows),
            ("sessions", self.sessions),
            ("errors", self.errors),
        ]
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let each = self.values().map(|(name, value)| {
            let value = grouped(value);
            format!("{value} {name}")
        });
        writeln!(out, "\nreceived {}", each.join(", "))
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let object: serde_json::Map<_, _> = self
            .values()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        writeln!(out, "{}", serde_json::Value::Object(object))
    }
}

struct Collector {
    printer: Printer,
    sessions: HashMap<SessionId, (Decoder, Instant)>,
    wanted: u64,
    tally: Tally,
}

/// Why a message was not decoded to its end.
enum Stop {
    /// As many flows as were wanted.
    Enough,
    Undecodable(DecodeError),
    Output(io::Error),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Undecodable(error)
    }
}

impl Collector {
    /// Prints what arrives until there is enough of it, or somebody ends it.
    fn work(&mut self, arrivals: &Receiver<Arrival>, end: &AtomicBool) -> Result<(), Failure> {
        while !end.load(Ordering::Relaxed) {
            let arrival = match arrivals.recv_timeout(PAUSE) {
                Ok(arrival) => arrival,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match arrival.content {
                Content::Message(message) => {
                    let outcome = self.message(&arrival.session, &message);
                    self.printer.pause().map_err(OutletError::Output)?;
                    match outcome {
                        Ok(()) => {}
                        Err(Stop::Enough) => {
                            self.drain(arrivals);
                            break;
                        }
                        Err(Stop::Undecodable(error)) => {
                            self.complain(&arrival.session, &error.to_string())
                        }
                        Err(Stop::Output(error)) => return Err(Failure::output(&error)),
                    }
                }
                Content::Garbage => {
                    self.complain(&arrival.session, &DecodeError::NotIpfix.to_string());
                    self.sessions.remove(&arrival.session);
                }
                Content::End => _ = self.sessions.remove(&arrival.session),
            }
        }
        self.printer
            .finish()
            .map_err(|error| Failure::output(&error))
    }

    /// Lets connections end: closing them now would look to their senders as if what they sent was lost.
    fn drain(&mut self, arrivals: &Receiver<Arrival>) {
        let deadline = Instant::now() + LINGER;
        self.sessions.retain(|session, _| session.is_connection());
        while !self.sessions.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match arrivals.recv_timeout(left) {
                Ok(arrival) if matches!(arrival.content, Content::Message(_)) => {}
                Ok(arrival) => _ = self.sessions.remove(&arrival.session),
                Err(_) => return,
            }
        }
    }

    fn message(&mut self, session: &SessionId, message: &[u8]) -> Result<(), Stop> {
        self.tally.messages += 1;
        self.tally.octets += u64::try_from(message.len()).unwrap_or_default();
        if !self.sessions.contains_key(session) {
            self.tally.sessions += 1;
            if self.sessions.len() >= SESSIONS {
                let oldest = self.sessions.iter().min_by_key(|(_, (_, heard))| *heard);
                if let Some(oldest) = oldest.map(|(session, _)| session.clone()) {
                    self.sessions.remove(&oldest);
                }
            }
        }
        let now = Instant::now();
        let fresh = || (Decoder::default(), now);
        let (decoder, heard) = self.sessions.entry(session.clone()).or_insert_with(fresh);
        *heard = now;
        let (printer, flows, wanted) = (&mut self.printer, &mut self.tally.flows, self.wanted);
        decoder.decode(message, |flow| {
            if *flows >= wanted {
                return Err(Stop::Enough);
            }
            *flows += 1;
            printer.flow(flow).map_err(Stop::Output)
        })?;
        if self.tally.flows >= self.wanted {
            return Err(Stop::Enough);
        }
        Ok(())
    }

    fn complain(&mut self, session: &SessionId, reason: &str) {
        self.tally.errors += 1;
        if self.tally.errors <= SHOWN {
            terminal::say(format_args!("{session}: {reason}"));
        }
    }
}
