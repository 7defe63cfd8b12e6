//! Run of `replay`: everything between the inputs and the targets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::network::{Destination, Inventory};
use flowlogs_core::{SourceCache, Transcoder};
use flowlogs_export::{CollectorPeer, Collectors, SendError, SenderOptions, SessionState};
use flowlogs_source::{UnpackError, Unpacker};

use super::feed::{InputError, LineFeed};
use super::options::RunOptions;
use crate::cli::{LogFormats, OutputKind, SourceOptions, Switch};
use crate::clock;
use crate::failure::CommandError;
use crate::input::InputFile;
use crate::origin::{InputOrigin, format_notes, source_cache};
use crate::outlet::{FlowPrinter, MessageOutlet, OutletError};
use crate::parquet;
use crate::progress::ProgressBar;
use crate::settings;
use crate::summary::RunSummary;
use crate::terminal;
use crate::text::{listed, plural};

/// Largest unpacked payload or JSON document, in octets.
const LIMIT: usize = 512 * 1_024 * 1_024;

/// Most names of inputs without a line.
const NAMED_WITHOUT_LINE: usize = 3;

/// Most names in a list.
const NAMED_SKIPPED: usize = 10;

/// State of a run.
pub(crate) struct ReplayRun {
    started: Instant,
    unpacker: Unpacker,
    transcoder: Transcoder,
    outlet: MessageOutlet,
    sources: SourceCache,
    /// Origin of lines by the options.
    origin: InputOrigin,
    octets: Arc<AtomicU64>,
    progress: ProgressBar,
    summary: RunSummary,
    /// Files, found in directories, that turned out to be no flow logs.
    no_flow_logs: Vec<String>,
    /// Inputs that were read and have no line.
    without_line: Vec<String>,
    /// Exported flows of unknown direction.
    without_direction: u64,
    /// True if rules 2 to 4 are all wanted; with `egress` only rule 2 runs.
    rules: bool,
    /// True if any unparsed line is a failure.
    strict: bool,
    /// True if an input that is not empty was read to the end, a record arrived, or the reader of the output has
    /// enough.
    anything_read: bool,
    /// True if reading must stop: nobody takes the messages.
    stopped: bool,
    /// True if something could not be done.
    failed: bool,
}

/// Targets after the first attempt to connect, with the failures.
#[derive(Default)]
struct OpenedTargets {
    collectors: Option<Collectors>,
    peers: Vec<CollectorPeer>,
    new_sessions: Vec<usize>,
    failures: Vec<SendError>,
}

impl OpenedTargets {
    fn open(options: &RunOptions<'_>) -> Result<Self, CommandError> {
        let mut this = Self::default();
        if options.urls.is_empty() {
            return Ok(this);
        }
        let sender = match options.sending {
            Some(sending) => settings::sender(sending)?,
            None => SenderOptions::default(),
        };
        let mut collectors = Collectors::new(&options.urls, sender).map_err(CommandError::usage)?;
        for (target, state) in collectors.begin().into_iter().enumerate() {
            match state {
                Ok(SessionState::New) => this.new_sessions.push(target),
                Ok(SessionState::Kept) => {}
                Err(error) => this.failures.push(error),
            }
        }
        this.peers = collectors.peers();
        this.collectors = Some(collectors);
        Ok(this)
    }
}

impl ReplayRun {
    /// Opens the targets. A target that cannot be opened fails the run: nothing is read, and the summary says so.
    ///
    /// # Errors
    ///
    /// Wrong usage.
    pub(crate) fn open(
        options: &RunOptions<'_>,
        octets: u64,
        inventory: Inventory,
    ) -> Result<Self, CommandError> {
        let targets = OpenedTargets::open(options)?;
        let default = match targets.collectors {
            Some(_) => OutputKind::None,
            None => OutputKind::Table,
        };
        let kind = options.output.unwrap_or(default);
        let printer =
            (kind != OutputKind::None).then(|| FlowPrinter::new(kind, options.width, options.time));
        let progress = ProgressBar::new(octets, kind != OutputKind::None);
        Ok(Self::with(options, targets, printer, progress, inventory))
    }

    /// Opens a run without targets that prints JSON into memory.
    pub(crate) fn into_memory(options: &RunOptions<'_>, inventory: Inventory) -> Self {
        let printer = FlowPrinter::into_memory(OutputKind::Json);
        let progress = ProgressBar::hidden();
        let targets = OpenedTargets::default();
        Self::with(options, targets, Some(printer), progress, inventory)
    }

    fn with(
        options: &RunOptions<'_>,
        targets: OpenedTargets,
        printer: Option<FlowPrinter>,
        progress: ProgressBar,
        inventory: Inventory,
    ) -> Self {
        let outlet = MessageOutlet::new(targets.collectors, printer);
        let settings = settings::transcoder(options, &targets.peers);
        let mut transcoder = Transcoder::new(settings, outlet.transports());
        for target in targets.new_sessions {
            transcoder.restart_session(target);
        }
        let mut summary = RunSummary::new(
            tried(options.source, &inventory),
            matches!(options.source.log_format, LogFormats::Set(_)),
        );
        for note in inventory_notes(options.source, &inventory) {
            summary.note(note);
        }
        transcoder.set_inventory(inventory);
        transcoder.begin(clock::now());
        let mut this = Self {
            started: Instant::now(),
            unpacker: Unpacker::new(LIMIT),
            transcoder,
            outlet,
            sources: source_cache(options.source),
            origin: InputOrigin::new(options.source),
            octets: Arc::default(),
            progress,
            summary,
            no_flow_logs: Vec::new(),
            without_line: Vec::new(),
            without_direction: 0,
            rules: options.counting.deduplicate == Switch::On
                && options.counting.direction != DirectionFilter::Egress,
            strict: options.strict,
            anything_read: false,
            stopped: !targets.failures.is_empty(),
            failed: false,
        };
        for error in targets.failures {
            this.fail(error);
        }
        this
    }

    /// Reports a failure; the run goes on.
    pub(crate) fn fail(&mut self, line: impl std::fmt::Display) {
        let line = line.to_string();
        self.failed = true;
        if self.summary.failures.contains(&line) {
            return;
        }
        self.progress.clear();
        terminal::say(&line);
        self.summary.failures.push(line);
    }

    /// Adds a note to the summary.
    pub(crate) fn note(&mut self, note: String) {
        self.summary.note(note);
    }

    /// Reads the inputs in order.
    pub(crate) fn read_all(&mut self, inputs: &[InputFile]) {
        for input in inputs {
            if self.stopped {
                return;
            }
            self.read(input);
        }
    }

    /// Reads an input to the end or the first fault.
    pub(crate) fn read(&mut self, input: &InputFile) {
        let name = input.name();
        let before = self.octets.load(Ordering::Relaxed);
        let mut outcome = self.take_lines(input);
        if outcome.is_ok() {
            let flushed = self.transcoder.flush(&mut self.outlet);
            outcome = flushed.map_err(InputError::Sink);
        }
        self.transcoder.commit();
        let report = self.transcoder.take_report();
        if let (Ok(()), Some(header)) = (&outcome, &report.refused_header) {
            outcome = Err(InputError::NotAFlowLog(header.clone()));
        }
        let counters = report.counters;
        let reason = report.unparsed.as_ref().map(|line| line.mismatch);
        self.summary.add(&name, report);
        let read = self.octets.load(Ordering::Relaxed) > before;
        match outcome {
            Ok(()) => {
                self.summary.inputs += 1;
                self.anything_read |= read;
                if counters.records_received == 0 {
                    self.without_line.push(name.clone());
                }
            }
            Err(InputError::Sink(error)) => return self.stop(error),
            Err(error) if input.found_in_directory && error.is_something_else() => {
                return self.no_flow_logs.push(name);
            }
            Err(error) => {
                self.anything_read |= counters.records_received > 0;
                self.summary.payload_errors += 1;
                self.fail(format_args!("{name}: {error}"));
            }
        }
        if counters.nothing_parsed() {
            let reason = reason.map(|mismatch| self.summary.reason(&mismatch));
            let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            let remedy = self.summary.remedy();
            self.fail(format_args!(
                "{name}: none of {} fits a format{reason}; {remedy}",
                plural(counters.records_received, "line")
            ));
        }
    }

    fn take_lines(&mut self, input: &InputFile) -> Result<(), InputError> {
        let before = self.octets.load(Ordering::Relaxed);
        let idle = Arc::default();
        let reader = input.open(&self.octets, &idle)?;
        if input.path.is_none() {
            self.outlet.show_at_once();
        }
        self.transcoder.set_now(clock::now());
        let inventory = self.transcoder.inventory();
        let origin = self.origin.at_path(input.path.as_deref(), inventory);
        let mut feed = LineFeed {
            transcoder: &mut self.transcoder,
            outlet: &mut self.outlet,
            sources: &mut self.sources,
            input: &origin,
            lines: 0,
            without_direction: &mut self.without_direction,
            octets: &self.octets,
            idle: &idle,
            progress: &mut self.progress,
        };
        let outcome = self
            .unpacker
            .read(reader, &mut feed)
            .map_err(InputError::from);
        let Err(InputError::Unpack(UnpackError::Parquet)) = outcome else {
            return outcome.map(|_| ());
        };
        // Parquet is recognised by the beginning and read from the end; no line was passed on so far.
        let path = input.path.as_ref().ok_or(InputError::NotInRanges)?;
        let outcome = parquet::read(path, &self.octets, &mut feed).map_err(InputError::from);
        // Overlapping ranges are read twice: the size of the file counts.
        self.octets.store(before + input.octets, Ordering::Relaxed);
        outcome.map(|_| ())
    }

    /// Ends the run, because nobody takes the messages.
    fn stop(&mut self, error: OutletError) {
        self.stopped = true;
        match CommandError::from(error).message() {
            Some(message) => self.fail(message.to_owned()),
            // The reader of standard output has enough.
            None => self.anything_read = true,
        }
    }

    /// Waits for the targets; returns the summary, and whether something failed.
    pub(crate) fn finish(mut self) -> (RunSummary, bool) {
        self.complete();
        (self.summary, self.failed)
    }

    /// Returns whether a file of a directory was skipped, because the file is no flow log.
    pub(crate) fn has_skipped(&self) -> bool {
        !self.no_flow_logs.is_empty()
    }

    /// Ends a run into memory; returns summary and text. An input that was skipped is no failure here.
    pub(crate) fn finish_in_memory(mut self) -> (RunSummary, Vec<u8>) {
        self.anything_read |= self.has_skipped();
        if let ([name], false) = (&self.without_line[..], self.anything_read) {
            let name = name.clone();
            self.fail(format_args!("{name}: empty: it has no line"));
        }
        self.complete();
        (self.summary, self.outlet.into_text())
    }

    fn complete(&mut self) {
        self.progress.clear();
        self.finish_targets();
        if let Some(error) = self.outlet.take_output_failure()
            && let Some(message) = CommandError::output(&error).message()
        {
            self.fail(message.to_owned());
        }
        (
            self.summary.counters.messages_sent,
            self.summary.counters.bytes_sent,
        ) = self.outlet.sent();
        let unparsed = self.summary.counters.unparsed_records;
        if self.strict && unparsed > 0 {
            self.fail(format_args!(
                "--strict allows no line without a format: {}",
                plural(unparsed, "line")
            ));
        }
        if !self.anything_read && !self.failed {
            self.fail("nothing was read: no input has a line; give files with flow logs");
        }
        self.add_notes();
        self.summary.bytes_read = self.octets.load(Ordering::Relaxed);
        self.summary.elapsed = self.started.elapsed();
    }

    fn finish_targets(&mut self) {
        for target in self.outlet.finish() {
            if let Some(failure) = &target.failure {
                self.fail(failure);
            }
            self.summary.send_errors += target.statistics.errors;
            self.summary.targets.push(target);
        }
    }

    fn add_notes(&mut self) {
        if !self.no_flow_logs.is_empty() {
            let names = listed(&self.no_flow_logs, NAMED_SKIPPED);
            terminal::say(format_args!("skipped, no flow logs: {names}"));
        }
        // If nothing was read, a failure says so.
        if !self.without_line.is_empty() && self.anything_read {
            let names = listed(&self.without_line, NAMED_WITHOUT_LINE);
            self.summary.note(format!("no flow-log line in {names}"));
        }
        for note in format_notes(&mut self.sources) {
            self.summary.note(note);
        }
        if let Some(note) = self.rules_note() {
            self.summary.note(note);
        }
        let unknown = self.without_direction;
        if unknown > 0 {
            self.summary.note(format!(
                "{} of unknown direction; give the interfaces with --inventory, or log the field flow-direction",
                plural(unknown, "flow")
            ));
        }
    }

    /// Returns a note if rules 2 to 4 could not run.
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
            "rules 2 to 4 (several flow logs, transit gateway, both ends) did not run: {missing}; give one with --inventory"
        ))
    }
}

/// Returns the names of the formats that are tried on lines.
fn tried(source: &SourceOptions, inventory: &Inventory) -> String {
    match source.log_format {
        LogFormats::Set(_) => "header lines and --log-format".to_owned(),
        LogFormats::Auto => {
            let known = inventory.formats_for(None).count();
            format!("header lines, {known} formats of the inventory, the AWS defaults")
        }
    }
}

/// Returns notes about an inventory that does not fit the options, or lacks interfaces.
fn inventory_notes(source: &SourceOptions, inventory: &Inventory) -> Vec<String> {
    let mut notes = Vec::new();
    if inventory.is_empty() {
        return notes;
    }
    if inventory.interfaces().next().is_none() {
        notes.push(
            "the inventory has no interfaces: no names, no derived directions, no rule 4; add what `aws ec2 \
             describe-network-interfaces` prints"
                .to_owned(),
        );
    }
    let flow_logs = inventory.flow_logs();
    if let Some(group) = &source.log_group
        && !flow_logs.is_empty()
        && inventory
            .flow_logs_to(Some(&Destination::log_group(group)))
            .next()
            .is_none()
    {
        let mut known: Vec<_> = flow_logs
            .iter()
            .filter_map(|flow_log| flow_log.destination.as_ref())
            .map(|destination| &*destination.name)
            .collect();
        known.sort_unstable();
        known.dedup();
        known.truncate(NAMED_SKIPPED);
        notes.push(format!(
            "no flow log of the inventory delivers to {group}; its flow logs deliver to {}",
            known.join(", ")
        ));
    }
    notes
}
