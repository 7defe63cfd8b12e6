//! `flowlogs replay`: captured input takes the way that it takes in the functions, from files to collectors.

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

use crate::cli::{LogFormats, OutputKind, ReplayArguments, SummaryKind, Switch};
use crate::clock;
use crate::failure::CommandError;
use crate::input::{InputFile, InputList};
use crate::outlet::{FlowPrinter, MessageOutlet, OutletError};
use crate::parquet::{self, ParquetError};
use crate::progress::ProgressBar;
use crate::settings;
use crate::sources::SourceCache;
use crate::summary::RunSummary;
use crate::terminal;

/// Limit of an unpacked payload or JSON document, in octets.
const LIMIT: usize = 512 * 1_024 * 1_024;

/// Lines between two looks at the clock.
const CLOCK_INTERVAL: u32 = 8_192;

pub(crate) fn run(arguments: &ReplayArguments) -> Result<ExitCode, CommandError> {
    let started = Instant::now();
    let inputs = InputList::of(&arguments.inputs, &arguments.source.inventory)?;
    // The size of standard input is unknown.
    let known = inputs.inputs.iter().all(|input| input.path.is_some());
    let octets = inputs.inputs.iter().map(|input| input.octets).sum();
    let octets = if known { octets } else { 0 };
    let mut run = ReplayRun::open(arguments, inputs.inventory, octets)?;
    inputs.failures.into_iter().for_each(|line| run.fail(line));
    for input in &inputs.inputs {
        run.read(input)?;
    }
    run.progress.clear();
    run.finish()?;
    run.summary.elapsed = started.elapsed();
    let mut stderr = std::io::stderr().lock();
    // Nobody can be told that standard error is closed.
    let _ = match arguments.summary {
        SummaryKind::Text => run.summary.write_text(&mut stderr),
        SummaryKind::Json => run.summary.write_json(&mut stderr),
        SummaryKind::None => Ok(()),
    };
    Ok(ExitCode::from(u8::from(run.failed)))
}

/// State of a run: everything between the inputs and the targets.
struct ReplayRun {
    unpacker: Unpacker,
    transcoder: Transcoder,
    outlet: MessageOutlet,
    sources: SourceCache,
    octets: Arc<AtomicU64>,
    progress: ProgressBar,
    summary: RunSummary,
    /// Files of directories that are not flow logs.
    skipped: Vec<String>,
    /// Whether rules 3 and 4 are wanted.
    rules: bool,
    /// Whether something could not be done.
    failed: bool,
}

impl ReplayRun {
    fn open(
        arguments: &ReplayArguments,
        inventory: Inventory,
        octets: u64,
    ) -> Result<Self, CommandError> {
        let urls = settings::targets(arguments)?;
        let mut peers = Vec::new();
        let mut new_sessions = Vec::new();
        let collectors = if urls.is_empty() {
            None
        } else {
            let options = settings::sender(&arguments.sending)?;
            let mut collectors = Collectors::new(&urls, options).map_err(CommandError::usage)?;
            for (target, state) in collectors.begin().into_iter().enumerate() {
                if state.map_err(CommandError::failed)? == SessionState::New {
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
        let printer = (kind != OutputKind::None).then(|| FlowPrinter::new(kind, arguments.width));
        let outlet = MessageOutlet::new(collectors, printer);
        let settings = settings::transcoder(arguments, &peers);
        let mut transcoder = Transcoder::new(settings, outlet.transports());
        for target in new_sessions {
            transcoder.restart_session(target);
        }
        let tried = match arguments.source.log_format {
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
            sources: SourceCache::new(&arguments.source),
            octets: Arc::default(),
            progress: ProgressBar::new(octets, kind != OutputKind::None),
            summary: RunSummary::new(tried),
            skipped: Vec::new(),
            rules: arguments.counting.deduplicate == Switch::On
                && arguments.counting.direction != DirectionFilter::Egress,
            failed: false,
        })
    }

    /// Reports a failure; the run goes on.
    fn fail(&mut self, line: impl std::fmt::Display) {
        self.failed = true;
        self.progress.clear();
        terminal::say(line);
    }

    /// Reads an input to its end or its first fault.
    fn read(&mut self, input: &InputFile) -> Result<(), CommandError> {
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
        let mut feed = LineFeed {
            transcoder: &mut self.transcoder,
            outlet: &mut self.outlet,
            sources: &mut self.sources,
            slot: None,
            lines: 0,
            octets: &self.octets,
            progress: &mut self.progress,
        };
        let mut outcome = self
            .unpacker
            .read(reader, &mut feed)
            .map_err(InputError::from);
        if let Err(InputError::Unpack(UnpackError::Parquet)) = outcome {
            // Parquet is recognised by its beginning and read from its end; no line was passed on so far.
            outcome = match &input.path {
                Some(path) => parquet::read(path, &self.octets, &mut feed),
                None => Err(InputError::NotInRanges),
            };
        }
        self.transcoder.flush(&mut self.outlet)?;
        self.transcoder.commit();
        let report = self.transcoder.take_report();
        let counters = report.counters;
        self.summary.add(&name, report);
        match outcome {
            Ok(_) => self.summary.inputs += 1,
            Err(InputError::Sink(error)) => return Err(error.into()),
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

    /// Waits for the targets and completes the summary.
    fn finish(&mut self) -> Result<(), CommandError> {
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
        for note in self.sources.take_notes() {
            self.summary.note(note);
        }
        if let Some(note) = self.rules_note() {
            self.summary.note(note);
        }
        self.summary.bytes_read = self.octets.load(Ordering::Relaxed);
        Ok(())
    }

    /// Returns a note if rules 3 and 4 could not run.
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

/// Reason for not reading an input to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// Failure to unpack.
    #[error("{0}")]
    Unpack(UnpackError),
    /// Parquet on standard input.
    #[error("Parquet is read from its end; give the path of the file instead of -")]
    NotInRanges,
    /// Failure to read Parquet.
    #[error("{0}")]
    Parquet(ParquetError),
    /// Failure of the output.
    #[error("the output failed")]
    Sink(OutletError),
}

impl InputError {
    /// Returns whether the input is not a flow log, as opposed to a damaged flow log.
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

impl From<ReadError<OutletError>> for InputError {
    fn from(error: ReadError<OutletError>) -> Self {
        match error {
            ReadError::Unpack(error) => Self::Unpack(error),
            ReadError::Sink(error) => Self::Sink(error),
        }
    }
}

/// Receiver of the lines of an input.
struct LineFeed<'a> {
    transcoder: &'a mut Transcoder,
    outlet: &'a mut MessageOutlet,
    sources: &'a mut SourceCache,
    slot: Option<usize>,
    lines: u32,
    octets: &'a AtomicU64,
    progress: &'a mut ProgressBar,
}

impl LineSink for LineFeed<'_> {
    type Error = OutletError;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), OutletError> {
        let inventory = self.transcoder.inventory();
        let slot = self.sources.slot(origin.owner, origin.log_group, inventory);
        self.slot = Some(slot);
        Ok(())
    }

    fn event(&mut self, event: &LogEvent<'_>) -> Result<(), OutletError> {
        self.lines += 1;
        if self.lines == CLOCK_INTERVAL {
            self.lines = 0;
            self.transcoder.set_now(clock::now());
            let read = self.octets.load(Ordering::Relaxed);
            self.progress.update(CLOCK_INTERVAL.into(), read);
        }
        let slot = match self.slot {
            Some(slot) => slot,
            None => self.sources.slot(None, None, self.transcoder.inventory()),
        };
        self.slot = Some(slot);
        let line = LogLine {
            id: event.id,
            timestamp: event.timestamp,
            text: event.message,
        };
        self.transcoder
            .line(self.sources.source(slot), line, self.outlet)
    }
}
