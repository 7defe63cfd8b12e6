//! `flowlogs completions` and `flowlogs man`: generated from the definition of the command line.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArguments, ManualArguments};
use crate::failure::CommandError;

/// Prints the completions of a shell.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "flowlogs",
        &mut script,
    );
    print(&script)
}

/// Prints the manual page of the program or of one command.
pub(crate) fn manual(arguments: &ManualArguments) -> Result<(), CommandError> {
    let mut program = Cli::command();
    program.build();
    let command = match &arguments.command {
        None => program,
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| CommandError::usage(unknown(name, &program)))?,
    };
    // Pages of commands are named like git's: flowlogs-replay(1).
    let name = command.get_display_name().unwrap_or("flowlogs").to_owned();
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(name.to_uppercase())
        .render(&mut page)
        .map_err(|error| CommandError::output(&error))?;
    print(&page)
}

fn unknown(name: &str, program: &clap::Command) -> String {
    let known: Vec<_> = program
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    format!("no command '{name}'; there are {}", known.join(", "))
}

fn print(text: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::output(&error))
}
