//! Sink of finished messages: to the collectors, and through the independent decoder onto the screen.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use flowlogs_core::{MessageKind, MessageSink, SendOutcome, Transport};
use flowlogs_export::{Collectors, SendError, SendStatistics};

use crate::cli::{OutputKind, TimeKind};
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
    out: PrintTarget,
    /// Flush after every message, because somebody watches.
    live: bool,
}

/// Destination of a printer.
#[derive(Debug)]
enum PrintTarget {
    Stdout(BufWriter<StdoutLock<'static>>),
    Memory(Vec<u8>),
}

impl Write for PrintTarget {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(octets),
            Self::Memory(out) => out.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

#[derive(Debug)]
enum PrintForm {
    Table(FlowTable),
    Json,
    None,
}

impl PrintForm {
    fn of(kind: OutputKind, table: impl FnOnce() -> FlowTable) -> Self {
        match kind {
            OutputKind::Table => Self::Table(table()),
            OutputKind::Json => Self::Json,
            OutputKind::None => Self::None,
        }
    }
}

impl FlowPrinter {
    /// Creates a printer; `width` is the value of `--width`.
    pub(crate) fn new(kind: OutputKind, width: Option<u16>, time: TimeKind) -> Self {
        let out = io::stdout();
        let table = || FlowTable::new(TextLook::of_stdout(width), time);
        Self {
            form: PrintForm::of(kind, table),
            live: out.is_terminal(),
            out: PrintTarget::Stdout(BufWriter::with_capacity(64 * 1_024, out.lock())),
        }
    }

    /// Creates a printer into memory, whose tables are those of a pipe.
    pub(crate) fn into_memory(kind: OutputKind) -> Self {
        let look = TextLook {
            width: 120,
            colour: false,
            ascii: false,
        };
        Self {
            form: PrintForm::of(kind, || FlowTable::new(look, TimeKind::Utc)),
            live: false,
            out: PrintTarget::Memory(Vec::new()),
        }
    }

    /// Returns everything that was printed into memory.
    pub(crate) fn into_text(self) -> Vec<u8> {
        match self.out {
            PrintTarget::Memory(text) => text,
            PrintTarget::Stdout(_) => Vec::new(),
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

/// Sink for all sessions: the collectors' sessions come first, the decoder's is last. Without collectors and decoder, a
/// session takes messages for counting.
///
/// A failure ends no work for further targets: a failed collector gets no further messages, and a closed standard output
/// ends the table only. The work ends when nobody is left.
pub(crate) struct MessageOutlet {
    collectors: Option<Collectors>,
    /// Number of collectors and files.
    targets: usize,
    /// Collectors over TCP or TLS, and files, that have failed.
    stopped: Vec<bool>,
    transports: Vec<Transport>,
    viewer: Option<FlowViewer>,
    /// Messages and octets of the session behind the collectors' sessions.
    shown: (u64, u64),
}

/// Decoder and printer of messages.
#[derive(Debug)]
struct FlowViewer {
    decoder: MessageDecoder,
    printer: FlowPrinter,
    /// First failure of the printer; nothing is printed after the failure.
    failure: Option<io::Error>,
}

/// State of a collector at the end.
#[derive(Debug)]
pub(crate) struct TargetReport {
    pub(crate) url: String,
    pub(crate) statistics: SendStatistics,
    /// Reason why messages are missing.
    pub(crate) failure: Option<String>,
}

impl TargetReport {
    /// Returns whether, as far as is known, no message got to the collector.
    pub(crate) fn nothing_arrived(&self) -> bool {
        self.statistics.messages <= self.statistics.unreachable
    }
}

impl MessageOutlet {
    pub(crate) fn new(collectors: Option<Collectors>, printer: Option<FlowPrinter>) -> Self {
        let targets = collectors.as_ref().map(Collectors::kinds);
        let mut transports: Vec<_> = targets
            .into_iter()
            .flatten()
            .map(|transport| match transport.is_datagram() {
                true => Transport::Datagram,
                false => Transport::Stream,
            })
            .collect();
        let targets = transports.len();
        let viewer = printer.map(|printer| FlowViewer {
            decoder: MessageDecoder::default(),
            printer,
            failure: None,
        });
        if viewer.is_some() || transports.is_empty() {
            transports.push(Transport::Stream);
        }
        Self {
            collectors,
            targets,
            stopped: vec![false; targets],
            transports,
            viewer,
            shown: (0, 0),
        }
    }

    /// Flushes standard output after every message from now on.
    pub(crate) fn show_at_once(&mut self) {
        if let Some(viewer) = &mut self.viewer {
            viewer.printer.live = true;
        }
    }

    /// Returns the transport of each session.
    pub(crate) fn transports(&self) -> &[Transport] {
        &self.transports
    }

    /// Returns messages and octets to all targets; without targets, to the decoder.
    pub(crate) fn sent(&self) -> (u64, u64) {
        match &self.collectors {
            None => self.shown,
            Some(collectors) => collectors.statistics().iter().fold((0, 0), |sum, one| {
                (sum.0 + one.messages, sum.1 + one.octets)
            }),
        }
    }

    /// Flushes everything and returns the state of each collector.
    pub(crate) fn finish(&mut self) -> Vec<TargetReport> {
        if let Some(viewer) = &mut self.viewer
            && let Err(error) = viewer.printer.finish()
        {
            viewer.failure.get_or_insert(error);
        }
        let Some(collectors) = &mut self.collectors else {
            return Vec::new();
        };
        let finished = collectors.finish();
        let urls: Vec<_> = collectors.urls().map(ToString::to_string).collect();
        let states = finished.into_iter().zip(collectors.statistics());
        urls.into_iter()
            .zip(states)
            .map(|(url, (outcome, statistics))| TargetReport {
                failure: failure(&url, outcome, statistics),
                url,
                statistics,
            })
            .collect()
    }

    /// Returns the failure of standard output.
    pub(crate) fn take_output_failure(&mut self) -> Option<io::Error> {
        self.viewer.as_mut()?.failure.take()
    }

    /// Returns the text of a printer into memory.
    pub(crate) fn into_text(self) -> Vec<u8> {
        self.viewer
            .map_or_else(Vec::new, |viewer| viewer.printer.into_text())
    }

    fn send_to(
        &mut self,
        target: usize,
        kind: MessageKind,
        message: &[u8],
    ) -> Result<SendOutcome, OutletError> {
        let collectors = self.collectors.as_mut();
        let collectors = collectors.expect("sessions below `targets` are collectors");
        if self.stopped[target] {
            return Ok(SendOutcome::NotSent);
        }
        let Err(error) = send(collectors, target, kind, message) else {
            return Ok(SendOutcome::Sent);
        };
        if self.transports[target] == Transport::Stream {
            self.stopped[target] = true;
            let all = self.stopped.iter().all(|stopped| *stopped);
            if all && self.viewer.is_none() {
                return Err(OutletError::Send(error));
            }
        }
        Ok(SendOutcome::NotSent)
    }
}

/// Returns why messages of a collector are missing, if any are. Over UDP single messages are lost without an error.
fn failure(
    url: &str,
    outcome: Result<(), SendError>,
    statistics: SendStatistics,
) -> Option<String> {
    match outcome {
        Err(error) => Some(error.to_string()),
        Ok(()) if statistics.errors > 0 => Some(format!(
            "{url}: {} messages were refused or met a closed port; look at the collector and send again",
            statistics.errors
        )),
        Ok(()) => None,
    }
}

impl FlowViewer {
    /// Decodes and prints a message. A failure of the printer is kept; later messages are decoded by nobody.
    fn show(&mut self, message: &[u8]) -> Result<(), DecodeError> {
        if self.failure.is_some() {
            return Ok(());
        }
        let printer = &mut self.printer;
        let shown = self
            .decoder
            .decode(message, |flow| {
                printer.flow(flow).map_err(OutletError::Output)
            })
            .and_then(|()| printer.end_message().map_err(OutletError::Output));
        match shown {
            Err(OutletError::Output(error)) => {
                self.failure = Some(error);
                Ok(())
            }
            Err(OutletError::Decode(error)) => Err(error),
            Err(OutletError::Send(_)) | Ok(()) => Ok(()),
        }
    }
}

/// Sends a message to a target, by the message's kind.
fn send(
    collectors: &mut Collectors,
    target: usize,
    kind: MessageKind,
    message: &[u8],
) -> Result<(), SendError> {
    match kind {
        MessageKind::NewTemplates => collectors.send_templates(target, message, true),
        MessageKind::TemplatesAgain => collectors.send_templates(target, message, false),
        MessageKind::Options | MessageKind::Flows => collectors.send(target, message),
    }
}

impl MessageSink for MessageOutlet {
    type Error = OutletError;

    fn send(
        &mut self,
        session: usize,
        kind: MessageKind,
        message: &[u8],
    ) -> Result<SendOutcome, OutletError> {
        if session < self.targets {
            return self.send_to(session, kind, message);
        }
        if let Some(viewer) = &mut self.viewer {
            viewer.show(message)?;
            let nobody_left = self.stopped.iter().all(|stopped| *stopped);
            if nobody_left && let Some(error) = viewer.failure.take() {
                return Err(OutletError::Output(error));
            }
        }
        self.shown.0 += 1;
        self.shown.1 += message.len() as u64;
        Ok(SendOutcome::Sent)
    }
}
