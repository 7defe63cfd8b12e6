//! The command line `flowlogs`, as a library so that its parts can be tested.
//!
//! - `replay` transcodes captured input as the functions would, and shows what was sent;
//! - `explain` follows one line, column by column, to what is exported of it;
//! - `fields` lists every flow-log field and where it goes;
//! - `collect` is a small receiving end;
//! - `completions` and `man` are for the shell and the manual.
//!
//! Lines come from `flowlogs-source`, become IPFIX in `flowlogs-core` and leave through `flowlogs-export`; this crate
//! opens files, reads the clock and the terminal, and writes for people. What it shows of IPFIX messages is read back
//! by a library that shares nothing with our encoder (`decode`).

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cli;
mod clock;
mod collect;
mod decode;
mod explain;
mod failure;
mod fields;
mod input;
mod json;
mod outlet;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "without_parquet.rs"]
mod parquet;
mod progress;
mod replay;
mod setting_table;
mod settings;
mod shell;
mod summary;
mod table;
mod terminal;
#[cfg(test)]
mod testing;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Runs the program with the arguments of the process; the exit status is 0 when all was done, 1 when something could
/// not be, 2 for wrong usage.
pub fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(&cli.command),
        Err(error) if !error.use_stderr() => {
            // --help and --version; a closed pipe is nothing to report.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return ExitCode::from(2);
        }
        Err(error) => Err(Failure::usage(cli::one_line(&error))),
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

fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Replay(arguments) => replay::run(arguments),
        Command::Explain(arguments) => explain::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Fields(arguments) => fields::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Collect(arguments) => collect::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Completions(arguments) => {
            shell::completions(arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Settings => setting_table::run().map(|()| ExitCode::SUCCESS),
        Command::Man(arguments) => shell::manual(arguments).map(|()| ExitCode::SUCCESS),
    }
}
