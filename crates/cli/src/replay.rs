//! `flowlogs replay`: captured input goes the way that it goes in the functions, from files to collectors.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::network::Inventory;
use flowlogs_core::{LogLine, Transcoder};
use flowlogs_export::{Collectors, SessionState};
use flowlogs_source::{
    JsonFault, LineOrigin, LineSink, LogEvent, ReadError, UnpackError, Unpacker,
};

use crate::cli::{LogFormats, OutputKind, Replay, SummaryKind, Switch};
use crate::clock;
use crate::failure::Failure;
use crate::input::{Input, Inputs};
use crate::outlet::{Outlet, OutletError, Printer};
use crate::parquet::{self, ParquetError};
use crate::progress::Progress;
use crate::settings::{self, Sources};
use crate::summary::Summary;
use crate::terminal;

/// Most octets of one unpacked payload or JSON document.
const LIMIT: usize = 512 * 1_024 * 1_024;

/// LineSink after which the time is looked at again.
const LINES_A_LOOK: u32 = 8_192;

pub(crate) fn run(arguments: &Replay) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let inputs = Inputs::of(&arguments.inputs, &arguments.origin.inventory)?;
    // Of standard input nobody knows how much there is.
    let known = inputs.inputs.iter().all(|input| input.path.is_some());
    let octets = inputs.inputs.iter().map(|input| input.octets).sum();
    let octets = if known { octets } else { 0 };
    let mut session = Session::open(arguments, inputs.inventory, octets)?;
    inputs
        .failures
        .into_iter()
        .for_each(|line| session.fail(line));
    for input in &inputs.inputs {
        session.read(input)?;
    }
    session.progress.clear();
    session.finish()?;
    session.summary.elapsed = started.elapsed();
    let mut stderr = std::io::stderr().lock();
    // A closed standard error is nothing to report, and nowhere to report it.
    let _ = match arguments.summary {
        SummaryKind::Text => session.summary.write_text(&mut stderr),
        SummaryKind::Json => session.summary.write_json(&mut stderr),
        SummaryKind::None => Ok(()),
    };
    Ok(ExitCode::from(u8::from(session.failed)))
}

/// One run: everything between the inputs and the targets.
struct Session {
    unpacker: Unpacker,
    transcoder: Transcoder,
    outlet: Outlet,
    sources: Sources,
    octets: Arc<AtomicU64>,
    progress: Progress,
    summary: Summary,
    /// Files of directories that are no flow logs.
    skipped: Vec<String>,
    /// Rules 3 and 4 are wanted.
    rules: bool,
    /// Something could not be done.
    failed: bool,
}

impl Session {
    fn open(arguments: &Replay, inventory: Inventory, octets: u64) -> Result<Self, Failure> {
        let urls = settings::targets(arguments)?;
        let mut peers = Vec::new();
        let mut new_sessions = Vec::new();
        let collectors = if urls.is_empty() {
            None
        } else {
            let options = settings::sender(&arguments.sending)?;
            let mut collectors = Collectors::new(&urls, options).map_err(Failure::usage)?;
            for (target, state) in collectors.begin().into_iter().enumerate() {
                if state.map_err(Failure::failed)? == SessionState::New {
                    new_sessions.push(target);
                }
            }
            peers = collectors.peers();
            Some(collectors)
        };
        let default = if collectors.is_some() {
            OutputKind::None
        } else {
            OutputKind::Table
        };
        let kind = arguments.output.unwrap_or(default);
        let printer = (kind != OutputKind::None).then(|| Printer::new(kind, arguments.width));
        let outlet = Outlet::new(collectors, printer);
        let settings = settings::transcoder(arguments, &peers);
        let mut transcoder = Transcoder::new(settings, outlet.transports());
        for target in new_sessions {
            transcoder.restart_session(target);
        }
        let tried = match arguments.origin.log_format {
            LogFormats::Set(_) => "header lines and --log-format".to_owned(),
            LogFormats::Auto => {
                let known = inventory.formats_for(None).count();
                format!("header lines, {known} formats of the inventory, the AWS defaults")
            }
        };
        transcoder.set_inventory(inventory);
        transcoder.begin(clock::now());
        Ok(Self {
            unpacker: Unpacker::new(LIMIT),
            transcoder,
            outlet,
            sources: Sources::new(&arguments.origin),
            octets: Arc::default(),
            progress: Progress::new(octets, kind != OutputKind::None),
            summary: Summary::new(tried),
            skipped: Vec::new(),
            rules: arguments.counting.deduplicate == Switch::On
                && arguments.counting.direction != DirectionFilter::Egress,
            failed: false,
        })
    }

    /// Says what could not be done, and goes on.
    fn fail(&mut self, line: impl std::fmt::Display) {
        self.failed = true;
        self.progress.clear();
        terminal::say(line);
    }

    /// Reads one input to its end or its first fault.
    fn read(&mut self, input: &Input) -> Result<(), Failure> {
        let name = input.name();
        let reader = match input.open(&self.octets) {
            Ok(reader) => reader,
            Err(error) => {
                self.summary.payload_errors += 1;
                self.fail(format_args!("{name}: {error}"));
                return Ok(());
            }
        };
        self.transcoder.set_now(clock::now());
        let mut feed = Feed {
            transcoder: &mut self.transcoder,
            outlet: &mut self.outlet,
            sources: &mut self.sources,
            place: None,
            lines: 0,
            octets: &self.octets,
            progress: &mut self.progress,
        };
        let mut outcome = self.unpacker.read(reader, &mut feed).map_err(Unread::from);
        if let Err(Unread::Unpack(UnpackError::Parquet)) = outcome {
            // Recognised by its beginning, read from its end; no line was handed on so far.
            outcome = match &input.path {
                Some(path) => parquet::read(path, &self.octets, &mut feed),
                None => Err(Unread::NotInRanges),
            };
        }
        self.transcoder.flush(&mut self.outlet)?;
        self.transcoder.commit();
        let report = self.transcoder.take_report();
        let counters = report.counters;
        self.summary.add(&name, report);
        match outcome {
            Ok(_) => self.summary.inputs += 1,
            Err(Unread::Sink(error)) => return Err(error.into()),
            Err(error) if input.walked && error.is_something_else() => {
                self.skipped.push(name);
                return Ok(());
            }
            Err(error) => {
                self.summary.payload_errors += 1;
                self.fail(format_args!("{name}: {error}"));
            }
        }
        if counters.nothing_parsed() {
            self.fail(format_args!(
                "{name}: none of its {} lines fits a format; give theirs with --log-format, a header line, or --inventory",
                counters.records_received
            ));
        }
        Ok(())
    }

    /// Waits for the targets, and counts.
    fn finish(&mut self) -> Result<(), Failure> {
        for error in self.outlet.finish()? {
            self.fail(error);
        }
        if !self.skipped.is_empty() {
            let names = self.skipped.join(", ");
            terminal::say(format_args!("skipped, no flow logs: {names}"));
        }
        if let Some(error) = self.outlet.lost.take() {
            self.fail(error);
        }
        (
            self.summary.counters.messages_sent,
            self.summary.counters.bytes_sent,
        ) = self.outlet.sent();
        self.summary.send_errors = self.outlet.send_errors();
        for note in std::mem::take(&mut self.sources.wrong_formats) {
            self.summary.note(note);
        }
        if let Some(note) = self.rules_note() {
            self.summary.note(note);
        }
        self.summary.bytes_read = self.octets.load(Ordering::Relaxed);
        Ok(())
    }

    /// Which rule could not run, and why.
    fn rules_note(&self) -> Option<String> {
        let inventory = self.transcoder.inventory();
        if self.summary.counters.records_received == 0 || !self.rules {
            return None;
        }
        let missing = if inventory.is_empty() {
            "no inventory"
        } else if inventory.flow_logs().is_empty() {
            "no flow log in the inventory"
        } else {
            return None;
        };
        Some(format!(
            "rules 3 and 4 (transit gateway, both ends) did not run: {missing}; give one with --inventory"
        ))
    }
}

/// Why an input was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// It cannot be unpacked.
    #[error("{0}")]
    Unpack(UnpackError),
    /// It is Parquet, but not a file.
    #[error("Parquet is read from its end; give the path of the file instead of -")]
    NotInRanges,
    /// It cannot be read as Parquet.
    #[error("{0}")]
    Parquet(ParquetError),
    /// What became of its lines cannot be handed on.
    #[error("the output failed")]
    Sink(OutletError),
}

impl Unread {
    /// Whether a file found in a directory is no flow log at all, rather than a damaged one.
    fn is_something_else(&self) -> bool {
        match self {
            Self::Unpack(error) => matches!(
                error,
                UnpackError::Unrecognised
                    | UnpackError::Json {
                        fault: JsonFault::Unknown,
                        ..
                    }
            ),
            Self::Parquet(error) => parquet::is_something_else(error),
            Self::NotInRanges | Self::Sink(_) => false,
        }
    }
}

impl From<ReadError<OutletError>> for Unread {
    fn from(error: ReadError<OutletError>) -> Self {
        match error {
            ReadError::Unpack(error) => Self::Unpack(error),
            ReadError::Sink(error) => Self::Sink(error),
        }
    }
}

/// Takes the lines of one input.
struct Feed<'a> {
    transcoder: &'a mut Transcoder,
    outlet: &'a mut Outlet,
    sources: &'a mut Sources,
    place: Option<usize>,
    lines: u32,
    octets: &'a AtomicU64,
    progress: &'a mut Progress,
}

impl LineSink for Feed<'_> {
    type Error = OutletError;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), OutletError> {
        let inventory = self.transcoder.inventory();
        let place = self
            .sources
            .place(origin.owner, origin.log_group, inventory);
        self.place = Some(place);
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), OutletError> {
        self.lines += 1;
        if self.lines == LINES_A_LOOK {
            self.lines = 0;
            self.transcoder.set_now(clock::now());
            let read = self.octets.load(Ordering::Relaxed);
            self.progress.go_on(LINES_A_LOOK.into(), read);
        }
        let place = match self.place {
            Some(place) => place,
            None => self.sources.place(None, None, self.transcoder.inventory()),
        };
        self.place = Some(place);
        let line = LogLine {
            id: event.id,
            timestamp: event.timestamp,
            text: event.message,
        };
        self.transcoder
            .line(self.sources.source(place), line, self.outlet)
    }
}
