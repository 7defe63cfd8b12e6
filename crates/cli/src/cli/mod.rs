//! Grammar of the command line, with the words and defaults of the settings.
//!
//! | file | contents |
//! |---|---|
//! | `commands.rs` | arguments of each command, with the examples of `--help` |
//! | `options.rs` | groups of options that several commands share |
//! | `values.rs` | types of values, with parsers: a wrong value is refused here, before a command starts |

mod commands;
mod options;
mod values;

use std::borrow::Cow;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

use crate::text::shown_value;

pub(crate) use commands::{
    BackfillArguments, BackfillEvents, BackfillObjects, CollectArguments, CompletionsArguments,
    ExplainArguments, FieldsArguments, ManualArguments, NamesArguments, ReplayArguments,
    VerifyArguments,
};
pub(crate) use options::{CountingOptions, MappingOptions, SendingOptions, SourceOptions};
pub(crate) use values::{
    KeyForm, LogFormats, Moment, NamesForm, OutputKind, SummaryKind, Switch, TimeKind,
};

/// AWS VPC and transit gateway flow logs to IPFIX (RFC 7011)
#[derive(Debug, Parser)]
#[command(name = "flowlogs", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Transcode captured flow logs as the functions would, and show what is sent
    Replay(Box<ReplayArguments>),
    /// Replay captured input and compare the flows with expectations, for CI
    Verify(VerifyArguments),
    /// Follow one line, column by column, to what is exported of it, or why not
    Explain(Box<ExplainArguments>),
    /// List every flow-log field and where it goes
    Fields(FieldsArguments),
    /// List the numbers of interfaces, VPCs and domains with their names, for collectors
    Names(NamesArguments),
    /// Print the flows and names that arrive: a small receiving end, for trying things out
    Collect(CollectArguments),
    /// Print the AWS commands that deliver a past period again
    Backfill(Box<BackfillArguments>),
    /// Print the completions of a shell, for it to read
    Completions(CompletionsArguments),
    /// Print the manual page, for `man -l -`
    Man(ManualArguments),
    /// Print the table of settings as JSON, for generators of templates and documents
    #[command(hide = true)]
    Settings,
}

const EXAMPLES: &str = "\
Examples:
  flowlogs replay events                      captured events, as a table
  flowlogs replay --to udp://127.0.0.1:4739 events        to a collector
  flowlogs collect                            what arrives on UDP port 4739
  flowlogs explain 2 123456789010 eni-1235b8ca123456789 172.31.16.139 \\
      172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
  flowlogs help replay                        all options of a command";

/// Joins the paragraphs of clap's message into a line, without the usage and the hints: `--help` repeats both.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let mut text = error.render().to_string();
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg] {
        if let Some(ContextValue::String(value)) = error.get(kind)
            && let Cow::Owned(shown) = shown_value(value)
        {
            text = text.replace(value, &shown);
        }
    }
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| {
            !paragraph.is_empty()
                && !paragraph.starts_with("Usage:")
                && !paragraph.starts_with("For more information")
        });
    let line = paragraphs.collect::<Vec<_>>().join("; ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let typed = std::env::args().nth(1).unwrap_or_default();
    let command = match Cli::command().find_subcommand(&typed) {
        Some(command) => format!("flowlogs {}", command.get_name()),
        None => "flowlogs".to_owned(),
    };
    format!("{line}; see `{command} --help`")
}
