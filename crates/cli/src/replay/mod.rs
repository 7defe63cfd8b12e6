//! `flowlogs replay`: captured input takes the same way as in the functions, from files to collectors.
//!
//! `run.rs` is a run with everything between the inputs and the targets, `feed.rs` takes the lines of an input.

mod feed;
mod options;
mod run;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::{ReplayArguments, SummaryKind};
use crate::failure::CommandError;
use crate::input::{InputList, refuse_to_overwrite};
use crate::settings;
use crate::summary::RunSummary;
use crate::terminal::{wants_ascii, width_of_messages};
use crate::text::{ascii, shown_path};

pub(crate) use options::RunOptions;
pub(crate) use run::ReplayRun;

/// Width of the summary's text form in columns, where the terminal is not narrower.
const SUMMARY_WIDTH: usize = 80;

pub(crate) fn run(arguments: &ReplayArguments) -> Result<ExitCode, CommandError> {
    let inputs = InputList::of(&arguments.inputs, &arguments.source.inventory)?;
    let urls = settings::targets(arguments)?;
    inputs.refuse_as_targets(&urls)?;
    if !arguments.force {
        refuse_to_overwrite(&urls)?;
    }
    let options = RunOptions {
        urls,
        output: arguments.output,
        width: arguments.width,
        time: arguments.time,
        strict: arguments.strict,
        source: &arguments.source,
        mapping: &arguments.mapping,
        counting: &arguments.counting,
        sending: Some(&arguments.sending),
    };
    let mut summary_file = match &arguments.summary_to {
        None => None,
        Some(path) => Some(File::create(path).map_err(|error| {
            CommandError::failed(format_args!("--summary-to {}: {error}", shown_path(path)))
        })?),
    };
    let mut run = ReplayRun::open(&options, inputs.size(), inputs.inventory)?;
    inputs.failures.into_iter().for_each(|line| run.fail(line));
    inputs.notes.into_iter().for_each(|note| run.note(note));
    run.read_all(&inputs.inputs);
    let (summary, failed) = run.finish();
    let written = match &mut summary_file {
        Some(file) => write_summary(file, arguments.summary, &summary, SUMMARY_WIDTH),
        None => {
            // Nobody can be told that standard error is closed.
            let width = width_of_messages(arguments.width).clamp(40, SUMMARY_WIDTH);
            let _ = write_summary(&mut io::stderr().lock(), arguments.summary, &summary, width);
            Ok(())
        }
    };
    written
        .map_err(|error| CommandError::failed(format_args!("cannot write the summary: {error}")))?;
    Ok(ExitCode::from(u8::from(failed)))
}

fn write_summary(
    out: &mut impl Write,
    kind: SummaryKind,
    summary: &RunSummary,
    width: usize,
) -> io::Result<()> {
    let mut text = Vec::new();
    match kind {
        SummaryKind::Text => summary.write_text(&mut text, width)?,
        SummaryKind::Json => summary.write_json(&mut text)?,
        SummaryKind::None => {}
    }
    if kind == SummaryKind::Text && wants_ascii() {
        text = ascii(&String::from_utf8_lossy(&text)).into_bytes();
    }
    out.write_all(&text)
}
