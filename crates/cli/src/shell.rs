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

/// Prints the manual page of the program or of a command.
pub(crate) fn manual(arguments: &ManualArguments) -> Result<(), CommandError> {
    let mut program = Cli::command();
    program.build();
    let command = match &arguments.command {
        None => Some(program),
        Some(name) => program.find_subcommand(name).cloned(),
    };
    let command = command.expect("the parser knows the commands");
    print(&page(command).map_err(|error| CommandError::output(&error))?)
}

/// Renders a manual page, with the text after the options as sections.
fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    // Pages of commands are named like git's: flowlogs-replay(1).
    let name = command.get_display_name().unwrap_or("flowlogs").to_owned();
    let after = command.get_after_help().map(ToString::to_string);
    let after = after.unwrap_or_default();
    let man = clap_mangen::Man::new(command.after_help("")).title(name.to_uppercase());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    let (examples, statuses) = after
        .split_once("Exit status:")
        .unwrap_or((&after, EXIT_STATUSES));
    section(&mut page, "\"EXIT STATUS\"", statuses)?;
    let examples = examples.trim().trim_start_matches("Examples:");
    if !examples.is_empty() {
        section(&mut page, "EXAMPLES", examples)?;
    }
    Ok(page)
}

/// Exit statuses of commands that do not list theirs.
const EXIT_STATUSES: &str = "
  0  done
  1  something could not be done
  2  wrong usage";

/// Writes a section whose lines stay unchanged.
fn section(page: &mut Vec<u8>, title: &str, text: &str) -> io::Result<()> {
    writeln!(page, ".SH {title}\n.nf")?;
    for line in text.trim_matches('\n').trim_end().lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A line that begins with a point or an apostrophe would be a request.
        writeln!(page, "\\&{line}")?;
    }
    writeln!(page, ".fi")
}

fn print(text: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::output(&error))
}
