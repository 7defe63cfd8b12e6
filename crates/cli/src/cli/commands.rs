//! Arguments of each command, with the examples of its `--help`.

use std::path::PathBuf;

use clap::Args;
use flowlogs_core::settings::table;

use super::options::{CountingOptions, MappingOptions, SendingOptions, SourceOptions};
use super::values::{
    KeyForm, Moment, NamesForm, OutputKind, SummaryKind, TargetList, TimeKind, bounded, listeners,
    moment, number, targets, width,
};

/// Arguments of `flowlogs replay`.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArguments {
    /// Files, directories (read recursively), or - for standard input; formats are recognised by content
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Where to send: udp://HOST:4739, tcp://HOST:4739, tls://HOST:4740, file:flows.ipfix; repeats, or a comma list
    #[arg(long, value_name = "URL", value_parser = targets)]
    pub(crate) to: Vec<TargetList>,

    /// How to print the flows, decoded again by an independent IPFIX decoder [default: table; none with --to]
    #[arg(long, value_name = "KIND")]
    pub(crate) output: Option<OutputKind>,

    /// Overwrite existing files of --to
    #[arg(long)]
    pub(crate) force: bool,

    /// Fail (exit status 1) if any line fits no format
    #[arg(long)]
    pub(crate) strict: bool,

    /// How to print the counters
    #[arg(long, value_name = "KIND", default_value = "text")]
    pub(crate) summary: SummaryKind,

    /// File for the counters, instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) summary_to: Option<PathBuf>,

    /// Width in columns [default: width of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = width())]
    pub(crate) width: Option<u16>,

    /// Time zone of the table
    #[arg(long, value_name = "ZONE", default_value = "utc")]
    pub(crate) time: TimeKind,

    #[command(flatten)]
    pub(crate) source: SourceOptions,

    #[command(flatten)]
    pub(crate) mapping: MappingOptions,

    #[command(flatten)]
    pub(crate) counting: CountingOptions,

    #[command(flatten)]
    pub(crate) sending: SendingOptions,
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  flowlogs replay events                      captured events, as a table
  flowlogs replay --to udp://127.0.0.1:4739 events        to a collector
  flowlogs replay --to file:flows.ipfix day/*.log.gz      into an IPFIX file
  flowlogs replay --inventory eni.json --log-format \\
      '${interface-id} ${srcaddr} ${dstaddr} ${bytes}' flows.txt
  aws logs filter-log-events --log-group-name G |
      flowlogs replay --log-group G --output json -

Exit status:
  0  done
  1  something could not be read, decoded or sent, none of an input's lines
     could be parsed, or nothing was read; the rest was done
     (--strict: also if any line could not be parsed)
  2  wrong usage";

/// Arguments of `flowlogs verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArguments {
    /// Directories with captured input and, beside each INPUT, its expectation INPUT.expected
    #[arg(required = true, value_name = "DIR")]
    pub(crate) directories: Vec<PathBuf>,

    /// Write the expectations anew
    #[arg(long)]
    pub(crate) update: bool,

    #[command(flatten)]
    pub(crate) source: SourceOptions,

    #[command(flatten)]
    pub(crate) mapping: MappingOptions,

    #[command(flatten)]
    pub(crate) counting: CountingOptions,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  flowlogs verify --update captured           once: write the expectations
  flowlogs verify captured                    in CI: replay and compare

Exit status:
  0  every input gives the flows and counters that are expected
  1  an input differs, has no expectation or cannot be read, or there is none
  2  wrong usage";

/// Arguments of `flowlogs names`.
#[derive(Debug, Args)]
#[command(after_help = NAMES_EXAMPLES)]
pub(crate) struct NamesArguments {
    /// JSON as `aws ec2 describe-...` prints it, an object of an organization's inventory, or a directory; repeats
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) inventory: Vec<PathBuf>,

    /// Form of the names
    #[arg(
        long = "as",
        value_name = "FORM",
        default_value = "csv",
        conflicts_with = "coverage"
    )]
    pub(crate) form: NamesForm,

    /// Address or prefix of the exporter, for --as akvorado
    #[arg(long, value_name = "PREFIX", default_value = "::/0")]
    pub(crate) exporter: String,

    /// List, by account, destinations of flow logs and VPCs without a flow log, instead of names
    #[arg(long)]
    pub(crate) coverage: bool,
}

const NAMES_EXAMPLES: &str = "\
Examples:
  flowlogs names --inventory interfaces.json --inventory vpcs.json >names.csv
  flowlogs names --inventory interfaces.json --as akvorado >metadata.yaml
  flowlogs names --inventory inventory.json --coverage | grep -w none
                                              VPCs without a flow log";

/// Arguments of `flowlogs explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArguments {
    /// A flow-log line, in quotes or not
    #[arg(required = true, value_name = "LINE", allow_negative_numbers = true)]
    pub(crate) line: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Width in columns [default: width of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = width())]
    pub(crate) width: Option<u16>,

    #[command(flatten)]
    pub(crate) source: SourceOptions,

    #[command(flatten)]
    pub(crate) mapping: MappingOptions,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  flowlogs explain 2 123456789010 eni-1235b8ca123456789 172.31.16.139 \\
      172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
  flowlogs explain 'eni-1 10.0.0.1 10.0.0.2 840' \\
      --log-format 'interface-id srcaddr dstaddr bytes'";

/// Arguments of `flowlogs fields`.
#[derive(Debug, Args)]
#[command(after_help = FIELDS_EXAMPLES)]
pub(crate) struct FieldsArguments {
    /// Print docs/field-mapping.md
    #[arg(long)]
    pub(crate) markdown: bool,

    /// Print JSON, an array of fields
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,

    /// Width in columns [default: width of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = width())]
    pub(crate) width: Option<u16>,
}

const FIELDS_EXAMPLES: &str = "\
Examples:
  flowlogs fields | grep -A2 tcp-flags        where one field goes, and why
  flowlogs fields --markdown >docs/field-mapping.md";

/// Arguments of `flowlogs collect`.
#[derive(Debug, Args)]
#[command(after_help = COLLECT_EXAMPLES)]
pub(crate) struct CollectArguments {
    /// Where to listen: udp://ADDRESS:PORT or tcp://ADDRESS:PORT; repeats, or a comma list
    #[arg(long, value_name = "URL", default_value = "udp://127.0.0.1:4739", value_parser = listeners)]
    pub(crate) listen: Vec<TargetList>,

    /// Read an IPFIX file, such as --to file:flows.ipfix writes, instead of listening
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    pub(crate) read: Option<PathBuf>,

    /// End after this number of flows [default: with Ctrl-C]
    #[arg(long, value_name = "FLOWS", value_parser = number::<u64>(1, u64::MAX))]
    pub(crate) count: Option<u64>,

    /// How to print the flows
    #[arg(long, value_name = "KIND", default_value = "table")]
    pub(crate) output: OutputKind,

    /// How to print the counters on standard error
    #[arg(long, value_name = "KIND", default_value = "text")]
    pub(crate) summary: SummaryKind,

    /// Width in columns [default: width of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = width())]
    pub(crate) width: Option<u16>,

    /// Time zone of the table
    #[arg(long, value_name = "ZONE", default_value = "utc")]
    pub(crate) time: TimeKind,
}

const COLLECT_EXAMPLES: &str = "\
Examples:
  flowlogs collect                            what arrives on UDP port 4739
  flowlogs collect --listen udp://0.0.0.0:4739,tcp://0.0.0.0:4739
  flowlogs collect --read flows.ipfix         what a file holds
  flowlogs collect --count 10 &
      flowlogs replay --to udp://127.0.0.1:4739 events";

/// Arguments of `flowlogs backfill`.
#[derive(Debug, Args)]
#[command(after_help = BACKFILL_EXAMPLES)]
pub(crate) struct BackfillArguments {
    /// Begin of the period, in UTC, as in 2026-11-24T10:00
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Moment,

    /// End of the period [default: an hour after --from]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,

    /// Account that wrote the records
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) owner: Option<String>,

    /// Region of the records
    #[arg(long)]
    pub(crate) region: Option<String>,

    #[command(flatten)]
    pub(crate) objects: BackfillObjects,

    #[command(flatten)]
    pub(crate) events: BackfillEvents,
}

/// Source and target of a backfill from a bucket.
#[derive(Debug, Args)]
#[command(next_help_heading = "From a bucket, through the function")]
pub(crate) struct BackfillObjects {
    /// Bucket with flow logs
    #[arg(
        long,
        value_name = "NAME",
        requires = "queue",
        conflicts_with = "log_group",
        required_unless_present = "log_group"
    )]
    pub(crate) bucket: Option<String>,

    /// Queue of the function: output QueueUrl of its stack
    #[arg(long, value_name = "URL", requires = "bucket")]
    pub(crate) queue: Option<String>,

    /// Form of the keys
    #[arg(long, value_name = "FORM", default_value = "aws")]
    pub(crate) keys: KeyForm,

    /// Beginning of the keys, before AWSLogs/ or before the year
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) prefix: String,

    /// Seconds between two objects
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = number::<u32>(0, 3_600))]
    pub(crate) pace: u32,
}

/// Source and target of a backfill from a log group.
#[derive(Debug, Args)]
#[command(next_help_heading = "From a log group, through flowlogs replay")]
pub(crate) struct BackfillEvents {
    /// Log group with flow logs
    #[arg(long, value_name = "NAME", requires = "to")]
    pub(crate) log_group: Option<String>,

    /// Collector, as for flowlogs replay; repeats, or a comma list
    #[arg(long, value_name = "URL", value_parser = targets, conflicts_with = "bucket")]
    pub(crate) to: Vec<TargetList>,

    /// Inventory, as for flowlogs replay; repeats
    #[arg(long, value_name = "FILE", conflicts_with = "bucket")]
    pub(crate) inventory: Vec<PathBuf>,

    /// Messages a second to each UDP collector
    #[arg(long, value_name = "MESSAGES", default_value_t = 500, value_parser = bounded::<u32>(&table::UDP_RATE))]
    pub(crate) udp_rate: u32,
}

const BACKFILL_EXAMPLES: &str = "\
Prints commands of the AWS CLI and runs nothing; `| sh` runs them.

Examples:
  flowlogs backfill --from 2026-11-24T10:00 --bucket my-flow-logs \\
      --owner 123456789012 --region eu-central-1 --queue https://sqs.eu-...
                                              an hour of S3 objects again
  flowlogs backfill --from 2026-11-24T10:00 --log-group /vpc/flow-logs \\
      --to tcp://10.1.2.3:4739 | sh           an hour of a log group, at once";

/// Arguments of `flowlogs completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  flowlogs completions bash >~/.local/share/bash-completion/completions/flowlogs
  flowlogs completions zsh >~/.zfunc/_flowlogs        with ~/.zfunc in fpath
  flowlogs completions fish >~/.config/fish/completions/flowlogs.fish";

/// Arguments of `flowlogs man`.
#[derive(Debug, Args)]
#[command(after_help = MANUAL_EXAMPLES)]
pub(crate) struct ManualArguments {
    /// A command with a page of its own [default: the page of flowlogs]
    #[arg(value_name = "COMMAND", hide_possible_values = true, value_parser = PAGES)]
    pub(crate) command: Option<String>,
}

/// Commands with a manual page.
const PAGES: [&str; 9] = [
    "replay",
    "verify",
    "explain",
    "fields",
    "names",
    "collect",
    "backfill",
    "completions",
    "man",
];

const MANUAL_EXAMPLES: &str = "\
Examples:
  flowlogs man | man -l -
  flowlogs man replay >~/.local/share/man/man1/flowlogs-replay.1";
