//! Where finished messages go: to the collectors, and through the independent decoder onto the screen.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use flowlogs_core::{MessageSink, SendOutcome, Transport};
use flowlogs_export::{Collectors, SendError};

use crate::cli::OutputKind;
use crate::decode::{DecodeError, Decoder, Flow};
use crate::failure::Failure;
use crate::json;
use crate::table::Table;
use crate::terminal::Look;

/// Why messages cannot go on leaving.
#[derive(Debug)]
pub(crate) enum OutletError {
    /// A collector over TCP or TLS, or a file, has failed.
    Send(SendError),
    /// Standard output has.
    Output(io::Error),
    /// The decoder does not understand what we send.
    Decode(DecodeError),
}

impl From<DecodeError> for OutletError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<OutletError> for Failure {
    fn from(error: OutletError) -> Self {
        match error {
            OutletError::Send(error) => Self::failed(error),
            OutletError::Output(error) => Self::output(&error),
            OutletError::Decode(error) => Self::failed(error),
        }
    }
}

/// Prints decoded flows.
#[derive(Debug)]
pub(crate) struct Printer {
    form: Form,
    out: BufWriter<StdoutLock<'static>>,
    /// Somebody watches: what is there is shown at once.
    watched: bool,
}

#[derive(Debug)]
enum Form {
    Table(Table),
    Json,
    None,
}

impl Printer {
    /// `width` is the width that was asked for, if any.
    pub(crate) fn new(kind: OutputKind, width: Option<u16>) -> Self {
        let out = io::stdout();
        Self {
            form: match kind {
                OutputKind::Table => Form::Table(Table::new(Look::of_stdout(width))),
                OutputKind::Json => Form::Json,
                OutputKind::None => Form::None,
            },
            watched: out.is_terminal(),
            out: BufWriter::with_capacity(64 * 1_024, out.lock()),
        }
    }

    /// Shows every message when it comes, also in a pipe.
    pub(crate) fn live(mut self) -> Self {
        self.watched = true;
        self
    }

    pub(crate) fn flow(&mut self, flow: &Flow<'_>) -> io::Result<()> {
        match &mut self.form {
            Form::Table(table) => table.flow(&mut self.out, flow),
            Form::Json => json::write(&mut self.out, flow),
            Form::None => Ok(()),
        }
    }

    /// The end of a message.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        if self.watched {
            self.out.flush()
        } else {
            Ok(())
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Takes messages for all sessions: the collectors' first, then the decoder's, if there is one (or nobody's).
pub(crate) struct Outlet {
    collectors: Option<Collectors>,
    transports: Vec<Transport>,
    viewer: Option<(Decoder, Printer)>,
    /// Messages and octets for each session.
    sent: Vec<(u64, u64)>,
    /// Flows that came back from the decoder.
    pub(crate) decoded: u64,
    /// The first failure over UDP, which does not end the work.
    pub(crate) lost: Option<SendError>,
}

impl Outlet {
    pub(crate) fn new(collectors: Option<Collectors>, printer: Option<Printer>) -> Self {
        let targets = collectors.as_ref().map(Collectors::transports);
        let mut transports: Vec<_> = targets
            .into_iter()
            .flatten()
            .map(|transport| match transport.is_datagram() {
                true => Transport::Datagram,
                false => Transport::Stream,
            })
            .collect();
        let viewer = printer.map(|printer| (Decoder::default(), printer));
        // Where messages have nowhere to go, they are made all the same, and counted.
        if viewer.is_some() || transports.is_empty() {
            transports.push(Transport::Stream);
        }
        Self {
            collectors,
            sent: vec![(0, 0); transports.len()],
            transports,
            viewer,
            decoded: 0,
            lost: None,
        }
    }

    /// A transport for each session.
    pub(crate) fn transports(&self) -> &[Transport] {
        &self.transports
    }

    /// Messages and octets: those to the targets, or to the decoder where there is no target.
    pub(crate) fn sent(&self) -> (u64, u64) {
        let targets = self
            .collectors
            .as_ref()
            .map_or(0, |known| known.urls().len());
        let counted = if targets > 0 {
            targets
        } else {
            self.sent.len()
        };
        self.sent[..counted]
            .iter()
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Failed connections, sends and finishes so far.
    pub(crate) fn send_errors(&self) -> u64 {
        let statistics = self.collectors.as_ref().map(Collectors::statistics);
        let all = statistics.into_iter().flatten();
        all.map(|one| one.errors).sum()
    }

    /// Everything is flushed; the failures of targets, a line each.
    pub(crate) fn finish(&mut self) -> Result<Vec<SendError>, OutletError> {
        if let Some((_, printer)) = &mut self.viewer {
            printer.finish().map_err(OutletError::Output)?;
        }
        let finished = self.collectors.as_mut().map(Collectors::finish);
        Ok(finished
            .into_iter()
            .flatten()
            .filter_map(Result::err)
            .collect())
    }
}

impl MessageSink for Outlet {
    type Error = OutletError;

    fn send(&mut self, session: usize, message: &[u8]) -> Result<SendOutcome, OutletError> {
        let targets = self
            .collectors
            .as_ref()
            .map_or(0, |known| known.urls().len());
        let mut delivery = SendOutcome::Sent;
        if session < targets {
            let sent = match &mut self.collectors {
                Some(collectors) => collectors.send(session, message),
                None => Ok(()),
            };
            match (sent, self.transports[session]) {
                (Ok(()), _) => {}
                (Err(error), Transport::Datagram) => {
                    self.lost.get_or_insert(error);
                    delivery = SendOutcome::NotSent;
                }
                (Err(error), Transport::Stream) => return Err(OutletError::Send(error)),
            }
        } else if let Some((decoder, printer)) = &mut self.viewer {
            let decoded = &mut self.decoded;
            decoder.decode(message, |flow| {
                *decoded += 1;
                printer.flow(flow).map_err(OutletError::Output)
            })?;
            printer.pause().map_err(OutletError::Output)?;
        }
        if delivery == SendOutcome::Sent {
            let (messages, octets) = &mut self.sent[session];
            *messages += 1;
            *octets += u64::try_from(message.len()).unwrap_or_default();
        }
        Ok(delivery)
    }
}
