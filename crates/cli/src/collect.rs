//! `flowlogs collect`: a small receiving end that prints arriving flows, with the names from options data.
//!
//! Threads receive (`receive.rs`); `run` decodes and prints. Each peer (UDP) and each connection (TCP) is a transport
//! session with a separate decoder. Memory is bounded: the queue in messages; templates, names and observation domains of all
//! sessions by a common budget in octets.

mod file;
#[cfg(fuzzing)]
mod fuzzing;
mod receive;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::{CollectArguments, SummaryKind};
use crate::decode::{DecodeError, MessageDecoder};
use crate::failure::CommandError;
use crate::outlet::{FlowPrinter, OutletError};
use crate::terminal;
use crate::text::plural;

#[cfg(fuzzing)]
pub use fuzzing::collect;
use receive::{Arrival, ArrivalContent, SessionId};

/// Most transport sessions; beyond, the session with the longest silence is dropped.
const SESSIONS: usize = 256;

/// Most messages in the queue between receiving and decoding.
const QUEUE: usize = 256;

/// Most octets that templates, names and domains of all sessions take; beyond, the largest session is dropped.
const BUDGET: usize = if cfg!(fuzzing) {
    65_536
} else {
    64 * 1_024 * 1_024
};

/// Interval between checks for the end while nothing arrives.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for the end of connections after the last wanted flow.
const LINGER: Duration = Duration::from_secs(2);

/// Most errors that are shown; further errors are only counted.
const SHOWN: u64 = 5;

pub(crate) fn run(arguments: &CollectArguments) -> Result<ExitCode, CommandError> {
    let input = match &arguments.read {
        Some(path) => MessageInput::File(without_scheme(path)),
        None => MessageInput::Network(listen(arguments)?),
    };
    let printer = FlowPrinter::new(arguments.output, arguments.width, arguments.time).live();
    let mut collector = CollectRun::new(printer, arguments.count.unwrap_or(u64::MAX));
    let outcome = match input {
        MessageInput::File(path) => file::read(&mut collector, path),
        MessageInput::Network((arrivals, end)) => {
            let outcome = collector.work(&arrivals, &end);
            outcome.map(|()| ExitCode::SUCCESS)
        }
    };
    let mut stderr = io::stderr().lock();
    // Nobody can be told that standard error is closed.
    let _ = match arguments.summary {
        SummaryKind::Text => collector.tally.write_text(&mut stderr),
        SummaryKind::Json => collector.tally.write_json(&mut stderr),
        SummaryKind::None => Ok(()),
    };
    outcome
}

/// Returns the path of a file that was named as in `--to file:flows.ipfix`, or as it is.
fn without_scheme(path: &Path) -> &Path {
    let name = path.to_str().and_then(|text| text.strip_prefix("file:"));
    name.map_or(path, |name| {
        Path::new(name.strip_prefix("//").unwrap_or(name))
    })
}

/// Input of the messages.
enum MessageInput<'a> {
    File(&'a Path),
    Network(Listeners),
}

/// Queue of messages, and the flag that a signal sets.
type Listeners = (Receiver<Arrival>, Arc<AtomicBool>);

/// Listens for messages and for signals.
fn listen(arguments: &CollectArguments) -> Result<Listeners, CommandError> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&end)).map_err(CommandError::failed)?;
    }
    let (sender, arrivals) = sync_channel(QUEUE);
    for url in arguments.listen.iter().flat_map(|urls| &urls.0) {
        receive::listen(url, sender.clone())?;
        terminal::say(format_args!("listening on {url}; Ctrl-C ends"));
    }
    Ok((arrivals, end))
}

/// Counters of everything that arrived.
#[derive(Debug, Default)]
struct ReceiveTally {
    messages: u64,
    octets: u64,
    flows: u64,
    sessions: u64,
    errors: u64,
}

impl ReceiveTally {
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
        let each = self
            .values()
            .map(|(name, value)| plural(value, name.trim_end_matches('s')));
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

struct CollectRun {
    printer: FlowPrinter,
    sessions: HashMap<SessionId, (MessageDecoder, Instant)>,
    wanted: u64,
    tally: ReceiveTally,
    /// Upper estimate of the octets that all sessions take.
    weight: usize,
}

/// Reason for not decoding a message to the end.
enum DecodeStop {
    /// The wanted number of flows has arrived.
    Enough,
    Undecodable(DecodeError),
    Output(io::Error),
}

impl From<DecodeError> for DecodeStop {
    fn from(error: DecodeError) -> Self {
        Self::Undecodable(error)
    }
}

impl CollectRun {
    fn new(printer: FlowPrinter, wanted: u64) -> Self {
        Self {
            printer,
            sessions: HashMap::new(),
            wanted,
            tally: ReceiveTally::default(),
            weight: 0,
        }
    }

    /// Prints arriving flows until the wanted number is reached or a signal comes.
    fn work(&mut self, arrivals: &Receiver<Arrival>, end: &AtomicBool) -> Result<(), CommandError> {
        while !end.load(Ordering::Relaxed) {
            let arrival = match arrivals.recv_timeout(PAUSE) {
                Ok(arrival) => arrival,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match arrival.content {
                ArrivalContent::Message(message) => {
                    let outcome = self.message(&arrival.session, &message);
                    self.printer.end_message().map_err(OutletError::Output)?;
                    match outcome {
                        Ok(()) => {}
                        Err(DecodeStop::Enough) => {
                            self.drain(arrivals);
                            break;
                        }
                        Err(DecodeStop::Undecodable(error)) => {
                            self.complain(&arrival.session, &error.to_string())
                        }
                        Err(DecodeStop::Output(error)) => return Err(CommandError::output(&error)),
                    }
                }
                ArrivalContent::Garbage => {
                    self.complain(&arrival.session, &DecodeError::NotIpfix.to_string());
                    self.forget(&arrival.session);
                }
                ArrivalContent::Silent => {
                    self.complain(&arrival.session, "silent too long, closed");
                    self.forget(&arrival.session);
                }
                ArrivalContent::End => self.forget(&arrival.session),
            }
        }
        self.printer
            .finish()
            .map_err(|error| CommandError::output(&error))
    }

    /// Waits for connections to end, and for datagrams until nothing arrives for a moment: a sender whose last messages met
    /// a closed port would report a loss.
    fn drain(&mut self, arrivals: &Receiver<Arrival>) {
        let deadline = Instant::now() + LINGER;
        let has_datagrams = !self.sessions.keys().all(SessionId::is_connection);
        self.sessions.retain(|session, _| session.is_connection());
        while !self.sessions.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match arrivals.recv_timeout(left) {
                Ok(arrival) if matches!(arrival.content, ArrivalContent::Message(_)) => {}
                Ok(arrival) => _ = self.sessions.remove(&arrival.session),
                Err(_) => return,
            }
        }
        while has_datagrams && Instant::now() < deadline && arrivals.recv_timeout(PAUSE).is_ok() {}
    }

    fn message(&mut self, session: &SessionId, message: &[u8]) -> Result<(), DecodeStop> {
        self.tally.messages += 1;
        self.tally.octets += u64::try_from(message.len()).unwrap_or_default();
        if !self.sessions.contains_key(session) {
            self.tally.sessions += 1;
            if self.sessions.len() >= SESSIONS {
                let oldest = self.sessions.iter().min_by_key(|(_, (_, heard))| *heard);
                if let Some(oldest) = oldest.map(|(session, _)| session.clone()) {
                    self.forget(&oldest);
                }
            }
        }
        let now = Instant::now();
        let fresh = || (MessageDecoder::default(), now);
        let (decoder, heard) = self.sessions.entry(session.clone()).or_insert_with(fresh);
        *heard = now;
        let before = decoder.weight();
        let (printer, flows, wanted) = (&mut self.printer, &mut self.tally.flows, self.wanted);
        let decoded = decoder.decode(message, |flow| {
            if *flows >= wanted {
                return Err(DecodeStop::Enough);
            }
            *flows += 1;
            printer.flow(flow).map_err(DecodeStop::Output)
        });
        self.weight = self.weight + decoder.weight() - before;
        self.keep_to_budget();
        decoded?;
        if self.tally.flows >= self.wanted {
            return Err(DecodeStop::Enough);
        }
        Ok(())
    }

    /// Removes a session with all templates and names.
    fn forget(&mut self, session: &SessionId) {
        if let Some((decoder, _)) = self.sessions.remove(session) {
            self.weight -= decoder.weight();
        }
    }

    /// Drops the sessions that take most memory while all together take more than the budget.
    fn keep_to_budget(&mut self) {
        while self.weight > BUDGET {
            let sessions = self.sessions.iter();
            let largest = sessions.max_by_key(|(_, (decoder, _))| decoder.weight());
            let Some(largest) = largest.map(|(session, _)| session.clone()) else {
                return;
            };
            self.forget(&largest);
            self.complain(
                &largest,
                "its templates and names take too much memory; forgotten until they come again",
            );
        }
    }

    fn complain(&mut self, session: &SessionId, reason: &str) {
        self.tally.errors += 1;
        if self.tally.errors <= SHOWN {
            terminal::say(format_args!("{session}: {reason}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::OutputKind;

    #[test]
    fn the_session_that_was_silent_longest_makes_room() {
        let mut run = CollectRun::new(FlowPrinter::into_memory(OutputKind::None), u64::MAX);
        // A header without sets.
        let message = [[0, 10, 0, 16].as_slice(), &[0; 12]].concat();
        let session = |number: usize| SessionId::of_file(Path::new(&number.to_string()));
        for number in 0..300 {
            let outcome = run.message(&session(number), &message);
            assert!(outcome.is_ok(), "{number}");
            assert!(run.sessions.len() <= 256);
        }
        assert!(!run.sessions.contains_key(&session(43)), "silent longest");
        assert!(run.sessions.contains_key(&session(44)));
        let weights = run.sessions.values().map(|(decoder, _)| decoder.weight());
        assert_eq!(run.weight, weights.sum::<usize>());
    }
}
