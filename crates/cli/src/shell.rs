//! What shells and `man` are told of the program: completions and manual pages, both made from the definition of the
//! command line.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, Completions, Manual};
use crate::failure::Failure;

/// Prints the completions of a shell.
pub(crate) fn completions(arguments: &Completions) -> Result<(), Failure> {
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
pub(crate) fn manual(arguments: &Manual) -> Result<(), Failure> {
    let mut program = Cli::command();
    program.build();
    let command = match &arguments.command {
        None => program,
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failure::usage(unknown(name, &program)))?,
    };
    // Pages of commands are named as git's are: flowlogs-cli(1).
    let name = command.get_display_name().unwrap_or("flowlogs").to_owned();
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(name.to_uppercase())
        .render(&mut page)
        .map_err(|error| Failure::output(&error))?;
    print(&page)
}

fn unknown(name: &str, program: &clap::Command) -> String {
    let known: Vec<_> = program
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    format!("no command '{name}'; there are {}", known.join(", "))
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}
