//! `flowlogs verify`: captured input is replayed, and flows and counters are compared with an expectation beside the input.
//!
//! The expectation of `INPUT` is `INPUT.expected`: the flows as printed by `replay --output json`, then an object with the
//! counters of records that are not zero, and with the failure if the input could not be read. Every input is replayed
//! alone, so that the expectation does not depend on further inputs; inventories in the directory belong to all inputs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use flowlogs_core::network::Inventory;
use serde_json::{Map, Value, json};

use crate::cli::{TimeKind, VerifyArguments};
use crate::failure::CommandError;
use crate::input::{EXPECTED, InputFile, InputList, walk_expectations};
use crate::replay::{ReplayRun, RunOptions};
use crate::summary::RunSummary;
use crate::terminal;
use crate::text::{listed, plural, shown_path, visible};

/// Most differing lines that are shown for an input.
const SHOWN: usize = 10;

/// Most names of inputs that could not be read.
const NAMED: usize = 3;

/// Counter of lines without a format, in an expectation.
const UNPARSED: &str = "UnparsedRecords";

pub(crate) fn run(arguments: &VerifyArguments) -> Result<ExitCode, CommandError> {
    let list = InputList::of(&arguments.directories, &arguments.source.inventory)?;
    let mut verification = Verification {
        update: arguments.update,
        ..Verification::default()
    };
    for failure in &list.failures {
        verification.fail(failure);
    }
    for input in &list.inputs {
        verification.check(arguments, input, &list.inventory)?;
    }
    for stray in strays(arguments, &list.inputs) {
        verification.fail(format_args!(
            "{}: an expectation without its input; delete it, or bring the input back",
            shown_path(&stray)
        ));
    }
    if list.inputs.is_empty() {
        verification.fail("nothing to verify: no input in these directories");
    }
    verification.report(arguments)
}

/// Outcome of all inputs.
#[derive(Debug, Default)]
struct Verification {
    update: bool,
    equal: u64,
    written: u64,
    /// Inputs that could not be read and whose expectation was written.
    unread: Vec<String>,
    different: u64,
    failed: u64,
}

/// Outcome of an input.
struct ReplayedInput {
    /// Text of the expectation.
    text: String,
    summary: RunSummary,
    /// False if the input is no flow log, and was not named.
    is_flow_log: bool,
}

impl Verification {
    fn fail(&mut self, reason: impl std::fmt::Display) {
        self.failed += 1;
        terminal::say(reason);
    }

    fn check(
        &mut self,
        arguments: &VerifyArguments,
        input: &InputFile,
        inventory: &Inventory,
    ) -> Result<(), CommandError> {
        let Some(path) = &input.path else {
            return Err(CommandError::usage(
                "verify takes directories and files, not -",
            ));
        };
        let actual = replayed(arguments, input, inventory);
        let expectation = expectation(path);
        // A link could lead to any file, which --update would overwrite, and a pipe has no end.
        let found = fs::symlink_metadata(&expectation);
        if found.is_ok_and(|found| !found.is_file()) {
            self.fail(format_args!(
                "{}: no regular file",
                shown_path(&expectation)
            ));
            return Ok(());
        }
        let expected = match fs::read_to_string(&expectation) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.fail(format_args!("{}: {error}", shown_path(&expectation)));
                return Ok(());
            }
        };
        let equal = expected.as_deref() == Some(actual.text.as_str());
        match expected {
            Some(_) if equal => self.equal += 1,
            // A file that is no flow log.
            None if !actual.is_flow_log => {}
            _ if self.update => {
                fs::write(&expectation, &actual.text).map_err(|error| {
                    CommandError::failed(format_args!("{}: {error}", shown_path(&expectation)))
                })?;
                self.written += 1;
                if !actual.summary.failures.is_empty() {
                    self.unread.push(shown_path(path));
                }
            }
            None => self.fail(format_args!(
                "{}: no expectation; write it with --update and read it",
                shown_path(path)
            )),
            Some(expected) => {
                let name = shown_path(path);
                self.fail(format_args!("{name}: differs from its expectation"));
                self.different += 1;
                show(&name, &expected, &actual).map_err(|error| CommandError::output(&error))?;
            }
        }
        Ok(())
    }

    fn report(&self, arguments: &VerifyArguments) -> Result<ExitCode, CommandError> {
        let mut parts = vec![format!("{} as expected", plural(self.equal, "input"))];
        if self.written > 0 {
            parts.push(format!("{} written", plural(self.written, "expectation")));
        }
        if !self.unread.is_empty() {
            let unread = self.unread.len();
            let inputs = if unread == 1 { "an input" } else { "inputs" };
            let names = listed(&self.unread, NAMED);
            parts.push(format!(
                "{unread} of {inputs} that could not be read: {names}"
            ));
        }
        if self.failed > 0 {
            parts.push(plural(self.failed, "failure"));
        }
        let mut text = parts.join(", ");
        if self.different > 0 {
            let directories = arguments.directories.iter();
            let directories: Vec<_> = directories.map(|path| shown_path(path)).collect();
            text.push_str("\nif this is intended: flowlogs verify --update ");
            text.push_str(&directories.join(" "));
        }
        writeln!(io::stdout(), "{text}").map_err(|error| CommandError::output(&error))?;
        Ok(ExitCode::from(u8::from(self.failed > 0)))
    }
}

/// Replays an input alone.
fn replayed(
    arguments: &VerifyArguments,
    input: &InputFile,
    inventory: &Inventory,
) -> ReplayedInput {
    let options = RunOptions {
        urls: Vec::new(),
        output: None,
        width: None,
        time: TimeKind::Utc,
        strict: false,
        source: &arguments.source,
        mapping: &arguments.mapping,
        counting: &arguments.counting,
        sending: None,
    };
    let mut run = ReplayRun::into_memory(&options, inventory.clone());
    run.read(input);
    let is_flow_log = !run.has_skipped();
    let (summary, flows) = run.finish_in_memory();
    let flows = String::from_utf8_lossy(&flows).into_owned();
    ReplayedInput {
        text: format!("{flows}{}\n", conclusion(&summary, input)),
        summary,
        is_flow_log,
    }
}

/// Returns the last line of an expectation: counters and failures.
fn conclusion(summary: &RunSummary, input: &InputFile) -> Value {
    // Messages and options records may change between releases, flows and the fate of records may not.
    let received = ("RecordsReceived", summary.counters.records_received);
    let counters: Map<_, _> = [received]
        .into_iter()
        .chain(summary.counters.ends())
        .filter(|(_, value)| *value > 0)
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    let mut object = json!({ "counters": counters });
    if !summary.failures.is_empty() {
        // The name of the input depends on the working directory.
        let prefix = format!("{}: ", input.name());
        let reasons = summary.failures.iter();
        object["failures"] = reasons
            .map(|line| line.strip_prefix(&prefix).unwrap_or(line))
            .collect();
    }
    object
}

/// Returns the path of the expectation of an input.
fn expectation(input: &Path) -> PathBuf {
    let mut name = input.file_name().map(OsString::from).unwrap_or_default();
    name.push(".");
    name.push(EXPECTED);
    input.with_file_name(name)
}

/// Returns expectations whose input is missing.
fn strays(arguments: &VerifyArguments, inputs: &[InputFile]) -> Vec<PathBuf> {
    let paths = inputs.iter().filter_map(|input| input.path.as_deref());
    let wanted: BTreeSet<_> = paths.map(expectation).collect();
    let found = walk_expectations(&arguments.directories);
    found
        .into_iter()
        .filter(|path| !wanted.contains(path))
        .collect()
}

/// Returns the number of unparsed lines in an expectation.
fn unparsed(expectation: &str) -> u64 {
    let conclusion = expectation.lines().last().unwrap_or_default();
    let conclusion: Value = serde_json::from_str(conclusion).unwrap_or_default();
    conclusion["counters"][UNPARSED].as_u64().unwrap_or(0)
}

/// Prints the name of an input, the lines that differ, and, if the number of unparsed lines differs, why lines were not
/// parsed.
fn show(name: &str, expected: &str, actual: &ReplayedInput) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{name}")?;
    show_lines(&mut out, expected, &actual.text)?;
    if unparsed(expected) != unparsed(&actual.text) {
        for reason in actual.summary.not_parsed() {
            writeln!(out, "  not parsed: {}", visible(&reason))?;
        }
    }
    Ok(())
}

fn show_lines(out: &mut impl Write, expected: &str, actual: &str) -> io::Result<()> {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let mut left = SHOWN;
    for index in 0..old.len().max(new.len()) {
        let (old, new) = (old.get(index), new.get(index));
        if old == new {
            continue;
        }
        if left == 0 {
            writeln!(out, "  … and further lines")?;
            break;
        }
        left -= 1;
        for (sign, line) in [('-', old), ('+', new)] {
            if let Some(line) = line {
                writeln!(out, "  {sign} {}", visible(line))?;
            }
        }
    }
    Ok(())
}
