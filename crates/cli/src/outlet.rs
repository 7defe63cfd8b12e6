//! Sink of finished messages: to the collectors, and through the independent decoder onto the screen.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use flowlogs_core::{MessageKind, MessageSink, SendOutcome, Transport};
use flowlogs_export::{Collectors, SendError};

use crate::cli::OutputKind;
use crate::decode::{DecodeError, DecodedFlow, MessageDecoder};
use crate::failure::CommandError;
use crate::json;
use crate::table::FlowTable;
use crate::terminal::TextLook;

/// Error of the sink; no further message is taken.
#[derive(Debug)]
pub(crate) enum OutletError {
    /// Failure of a collector over TCP or TLS, or of a file.
    Send(SendError),
    /// Failure of standard output.
    Output(io::Error),
    /// Message of ours that the decoder refuses.
    Decode(DecodeError),
}

impl From<DecodeError> for OutletError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<OutletError> for CommandError {
    fn from(error: OutletError) -> Self {
        match error {
            OutletError::Send(error) => Self::failed(error),
            OutletError::Output(error) => Self::output(&error),
            OutletError::Decode(error) => Self::failed(error),
        }
    }
}

/// Printer of decoded flows on standard output.
#[derive(Debug)]
pub(crate) struct FlowPrinter {
    form: PrintForm,
    out: BufWriter<StdoutLock<'static>>,
    /// Flush after every message, because somebody watches.
    live: bool,
}

#[derive(Debug)]
enum PrintForm {
    Table(FlowTable),
    Json,
    None,
}

impl FlowPrinter {
    /// Creates a printer; `width` is the value of `--width`.
    pub(crate) fn new(kind: OutputKind, width: Option<u16>) -> Self {
        let out = io::stdout();
        Self {
            form: match kind {
                OutputKind::Table => PrintForm::Table(FlowTable::new(TextLook::of_stdout(width))),
                OutputKind::Json => PrintForm::Json,
                OutputKind::None => PrintForm::None,
            },
            live: out.is_terminal(),
            out: BufWriter::with_capacity(64 * 1_024, out.lock()),
        }
    }

    /// Flushes after every message, even into a pipe.
    pub(crate) fn live(mut self) -> Self {
        self.live = true;
        self
    }

    pub(crate) fn flow(&mut self, flow: &DecodedFlow<'_>) -> io::Result<()> {
        match &mut self.form {
            PrintForm::Table(table) => table.flow(&mut self.out, flow),
            PrintForm::Json => json::write(&mut self.out, flow),
            PrintForm::None => Ok(()),
        }
    }

    /// Ends a message.
    pub(crate) fn end_message(&mut self) -> io::Result<()> {
        if self.live { self.out.flush() } else { Ok(()) }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Sink for all sessions: those of the collectors come first, that of the decoder is last. Without collectors and decoder,
/// one session takes messages to count them.
pub(crate) struct MessageOutlet {
    collectors: Option<Collectors>,
    transports: Vec<Transport>,
    viewer: Option<(MessageDecoder, FlowPrinter)>,
    /// Messages and octets sent, for each session.
    sent: Vec<(u64, u64)>,
    /// Number of flows that the decoder yielded.
    pub(crate) decoded: u64,
    /// First failure over UDP; it does not end the work.
    pub(crate) lost: Option<SendError>,
}

impl MessageOutlet {
    pub(crate) fn new(collectors: Option<Collectors>, printer: Option<FlowPrinter>) -> Self {
        let targets = collectors.as_ref().map(Collectors::transports);
        let mut transports: Vec<_> = targets
            .into_iter()
            .flatten()
            .map(|transport| match transport.is_datagram() {
                true => Transport::Datagram,
                false => Transport::Stream,
            })
            .collect();
        let viewer = printer.map(|printer| (MessageDecoder::default(), printer));
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

    /// Returns the transport of each session.
    pub(crate) fn transports(&self) -> &[Transport] {
        &self.transports
    }

    /// Returns messages and octets to all targets; without targets, to the decoder.
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

    /// Returns the number of failed connections, sends and finishes.
    pub(crate) fn send_errors(&self) -> u64 {
        let statistics = self.collectors.as_ref().map(Collectors::statistics);
        let all = statistics.into_iter().flatten();
        all.map(|one| one.errors).sum()
    }

    /// Flushes everything and returns the failures of targets.
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

impl MessageSink for MessageOutlet {
    type Error = OutletError;

    fn send(
        &mut self,
        session: usize,
        _kind: MessageKind,
        message: &[u8],
    ) -> Result<SendOutcome, OutletError> {
        let targets = self
            .collectors
            .as_ref()
            .map_or(0, |known| known.urls().len());
        let mut outcome = SendOutcome::Sent;
        if session < targets {
            let sent = match &mut self.collectors {
                Some(collectors) => collectors.send(session, message),
                None => Ok(()),
            };
            match (sent, self.transports[session]) {
                (Ok(()), _) => {}
                (Err(error), Transport::Datagram) => {
                    self.lost.get_or_insert(error);
                    outcome = SendOutcome::NotSent;
                }
                (Err(error), Transport::Stream) => return Err(OutletError::Send(error)),
            }
        } else if let Some((decoder, printer)) = &mut self.viewer {
            let decoded = &mut self.decoded;
            decoder.decode(message, |flow| {
                *decoded += 1;
                printer.flow(flow).map_err(OutletError::Output)
            })?;
            printer.end_message().map_err(OutletError::Output)?;
        }
        if outcome == SendOutcome::Sent {
            let (messages, octets) = &mut self.sent[session];
            *messages += 1;
            *octets += u64::try_from(message.len()).unwrap_or_default();
        }
        Ok(outcome)
    }
}
