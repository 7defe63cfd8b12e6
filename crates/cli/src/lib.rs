//! The command line `flowlogs`, as a library, for the tests of the parts.
//!
//! | module | contents |
//! |---|---|
//! | `cli` | grammar of the command line |
//! | `replay`, `verify`, `explain`, `fields`, `name_list` and `coverage_list`, `collect`, `backfill`, `shell`, `setting_table` | the commands |
//! | `input`, `forms`, `origin`, `settings`, `parquet` | from arguments to lines of a known source, and to settings |
//! | `outlet`, `decode` | sink of messages; decoder that shares no code with our encoder |
//! | `table`, `json`, `separated`, `summary`, `progress` | output |
//! | `terminal`, `text`, `clock`, `failure` | terminal, widths, times, errors |
//!
//! Lines come from `flowlogs-source`, become IPFIX in `flowlogs-core` and leave through `flowlogs-export`; this crate
//! opens files, reads the clock and the terminal, and writes for people.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod backfill;
mod cli;
mod clock;
mod collect;
mod coverage_list;
mod decode;
mod explain;
mod failure;
mod fields;
mod forms;
mod input;
mod json;
mod name_list;
mod origin;
mod outlet;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "without_parquet.rs"]
mod parquet;
mod progress;
mod replay;
mod separated;
mod setting_table;
mod settings;
mod shell;
mod summary;
mod table;
mod terminal;
#[cfg(test)]
mod testing;
mod text;
mod verify;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use collect::collect;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::failure::CommandError;

/// Runs the program with the arguments of the process. Exit status: 0 when everything was done, 1 when something failed,
/// 2 for wrong usage.
pub fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(&cli.command),
        Err(error) if !error.use_stderr() => {
            // --help and --version; a closed pipe is not an error.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return ExitCode::from(2);
        }
        Err(error) => Err(CommandError::usage(cli::one_line(&error))),
    };
    match outcome {
        Ok(status) => status,
        Err(failure) => {
            if let Some(message) = failure.message() {
                terminal::say(message);
            }
            ExitCode::from(failure.status())
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Replay(arguments) => replay::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Names(arguments) => name_list::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Explain(arguments) => explain::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Fields(arguments) => fields::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Collect(arguments) => collect::run(arguments),
        Command::Backfill(arguments) => backfill::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Completions(arguments) => {
            shell::completions(arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Settings => setting_table::run().map(|()| ExitCode::SUCCESS),
        Command::Man(arguments) => shell::manual(arguments).map(|()| ExitCode::SUCCESS),
    }
}
