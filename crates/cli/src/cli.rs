//! The command line: what can be typed, with the words and defaults of the settings.
//!
//! Hands parsed values to the commands; a value that is wrong never gets past this file.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use flowlogs_core::Formats;
use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::flowlog::FormatError;
use flowlogs_core::mapping::{AddressPair, InterfaceNames, Timestamps};
use flowlogs_export::{CollectorUrl, DEFAULT_UDP_RATE, Transport};

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
    Replay(Box<Replay>),
    /// Follow one line, column by column, to what is exported of it, or why not
    Explain(Box<Explain>),
    /// List every flow-log field and where it goes
    Fields(Fields),
    /// Print the flows and names that arrive: a small receiving end, for trying things out
    Collect(Collect),
    /// Print the completions of a shell, for it to read
    Completions(Completions),
    /// Print the manual page, for `man -l -`
    Man(Manual),
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

/// Arguments of `flowlogs replay`.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct Replay {
    /// Files, directories (with everything in them), or - for standard input; what each is, its content says
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Where to send: udp://HOST:4739, tcp://HOST:4739, tls://HOST:4740, file:flows.ipfix; repeats, or a comma list
    #[arg(long, value_name = "URL", value_parser = targets)]
    pub(crate) to: Vec<Targets>,

    /// What to print of the flows, read back by an independent IPFIX decoder [default: table, with --to none]
    #[arg(long, value_name = "KIND")]
    pub(crate) output: Option<OutputKind>,

    /// How to print the counters on standard error
    #[arg(long, value_name = "KIND", default_value = "text")]
    pub(crate) summary: SummaryKind,

    /// Columns of the table [default: those of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    pub(crate) width: Option<u16>,

    #[command(flatten)]
    pub(crate) origin: Origin,

    #[command(flatten)]
    pub(crate) mapping: Mapping,

    #[command(flatten)]
    pub(crate) counting: Counting,

    #[command(flatten)]
    pub(crate) sending: Sending,
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
  1  something could not be read, decoded or sent, or none of an input's lines
     could be parsed; the rest was done
  2  wrong usage";

/// Arguments of `flowlogs explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct Explain {
    /// A flow-log line, in quotes or not
    #[arg(
        required = true,
        value_name = "LINE",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) line: Vec<String>,

    /// Columns of the output [default: those of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    pub(crate) width: Option<u16>,

    #[command(flatten)]
    pub(crate) origin: Origin,

    #[command(flatten)]
    pub(crate) mapping: Mapping,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  flowlogs explain 2 123456789010 eni-1235b8ca123456789 172.31.16.139 \\
      172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
  flowlogs explain --log-format 'interface-id srcaddr dstaddr bytes' \\
      'eni-1 10.0.0.1 10.0.0.2 840'";

/// Arguments of `flowlogs fields`.
#[derive(Debug, Args)]
#[command(after_help = FIELDS_EXAMPLES)]
pub(crate) struct Fields {
    /// Print docs/field-mapping.md
    #[arg(long)]
    pub(crate) markdown: bool,

    /// Columns of the output [default: those of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    pub(crate) width: Option<u16>,
}

const FIELDS_EXAMPLES: &str = "\
Examples:
  flowlogs fields | grep -A2 tcp-flags        where one field goes, and why
  flowlogs fields --markdown >docs/field-mapping.md";

/// Arguments of `flowlogs collect`.
#[derive(Debug, Args)]
#[command(after_help = COLLECT_EXAMPLES)]
pub(crate) struct Collect {
    /// Where to listen: udp://ADDRESS:PORT or tcp://ADDRESS:PORT; repeats, or a comma list
    #[arg(long, value_name = "URL", default_value = "udp://127.0.0.1:4739", value_parser = listeners)]
    pub(crate) listen: Vec<Targets>,

    /// End after this number of flows [default: with Ctrl-C]
    #[arg(long, value_name = "FLOWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// What to print of the flows
    #[arg(long, value_name = "KIND", default_value = "table")]
    pub(crate) output: OutputKind,

    /// How to print the counters on standard error
    #[arg(long, value_name = "KIND", default_value = "text")]
    pub(crate) summary: SummaryKind,

    /// Columns of the table [default: those of the terminal, else 160]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    pub(crate) width: Option<u16>,
}

const COLLECT_EXAMPLES: &str = "\
Examples:
  flowlogs collect                            what arrives on UDP port 4739
  flowlogs collect --listen udp://0.0.0.0:4739,tcp://0.0.0.0:4739
  flowlogs collect --count 10 &
      flowlogs replay --to udp://127.0.0.1:4739 events";

/// Arguments of `flowlogs completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct Completions {
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
pub(crate) struct Manual {
    /// A command with a page of its own [default: the page of flowlogs]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

const MANUAL_EXAMPLES: &str = "\
Examples:
  flowlogs man | man -l -
  flowlogs man replay >~/.local/share/man/man1/flowlogs-cli.1";

/// What the input does not say.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the input does not say")]
pub(crate) struct Origin {
    /// Record format, ${name} columns; several separated by ; [default: auto, from header, inventory, AWS defaults]
    #[arg(long, value_name = "FORMAT", default_value = "auto", hide_default_value = true, value_parser = log_format)]
    pub(crate) log_format: LogFormats,

    /// Region of records that do not say theirs
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Log group or bucket of input that does not say its own
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,

    /// Account of records that do not say theirs
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) owner: Option<String>,

    /// JSON as `aws ec2 describe-network-interfaces`, -vpcs, -transit-gateways, -transit-gateway-attachments or
    /// -flow-logs prints it; repeats
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: Vec<PathBuf>,
}

/// How values are exported.
#[derive(Debug, Args)]
#[command(next_help_heading = "How values are exported")]
pub(crate) struct Mapping {
    /// Which address pair is the primary one where a record has two: interface, packet
    #[arg(long, value_name = "PAIR", default_value_t)]
    pub(crate) address: AddressPair,

    /// Unit of flow start and end: milliseconds, seconds
    #[arg(long, value_name = "UNIT", default_value_t)]
    pub(crate) timestamps: Timestamps,

    /// One number for the observation domain of everything; auto derives one for each account and region
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = observation_domain)]
    pub(crate) observation_domain: DomainNumber,

    /// An address that every flow carries as its exporter
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) exporter_address: Option<IpAddr>,

    /// Interface names as options data, or in every flow as well: options, inline
    #[arg(long, value_name = "WHERE", default_value_t)]
    pub(crate) interface_names: InterfaceNames,
}

/// What counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "What counts")]
pub(crate) struct Counting {
    /// Export flows of both directions, or of one: both, ingress, egress
    #[arg(long, default_value_t)]
    pub(crate) direction: DirectionFilter,

    /// Count a flow once, though it is delivered twice, logged twice, or seen at both of its ends
    #[arg(
        long,
        value_name = "on|off",
        default_value = "on",
        hide_possible_values = true
    )]
    pub(crate) deduplicate: Switch,

    /// Leave out flows to and from a collector given with --to
    #[arg(
        long,
        value_name = "on|off",
        default_value = "on",
        hide_possible_values = true
    )]
    pub(crate) exclude_collector_traffic: Switch,
}

/// How to send.
#[derive(Debug, Args)]
#[command(next_help_heading = "How to send")]
pub(crate) struct Sending {
    /// Octets of an IPFIX message, 512 to 65535
    #[arg(long, value_name = "OCTETS", default_value_t = 1400, value_parser = clap::value_parser!(u16).range(512..))]
    pub(crate) max_message_size: u16,

    /// Over UDP, templates and names are sent again after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) template_refresh_seconds: u32,

    /// Over UDP, templates are sent again after this number of messages
    #[arg(long, value_name = "MESSAGES", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) template_refresh_messages: u32,

    /// Messages a second to each udp:// collector
    #[arg(long, value_name = "MESSAGES", default_value_t = DEFAULT_UDP_RATE, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) udp_rate: u32,

    /// Certificate authority of tls:// collectors: PEM text or a path [default: the system's trust store]
    #[arg(long, value_name = "PEM")]
    pub(crate) tls_ca: Option<String>,

    /// Our own certificate: PEM text or a path
    #[arg(long, value_name = "PEM")]
    pub(crate) tls_certificate: Option<String>,

    /// The private key of that certificate: PEM text or a path
    #[arg(long, value_name = "PEM")]
    pub(crate) tls_key: Option<String>,
}

/// What is printed of the flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputKind {
    /// Columns for people
    Table,
    /// One object a line, with IANA element names
    Json,
    /// Nothing
    None,
}

/// How the counters are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryKind {
    /// Lines for people
    Text,
    /// One object
    Json,
    /// Not at all
    None,
}

/// A rule that can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Targets of one `--to`.
#[derive(Debug, Clone)]
pub(crate) struct Targets(pub(crate) Vec<CollectorUrl>);

fn targets(text: &str) -> Result<Targets, String> {
    let urls = CollectorUrl::parse_list(text).map_err(|error| match text.contains(',') {
        true => error.to_string(),
        // clap shows the value already.
        false => error.problem.to_string(),
    });
    urls.map(Targets)
}

fn listeners(text: &str) -> Result<Targets, String> {
    let Targets(urls) = targets(text)?;
    let can_listen = |url: &CollectorUrl| {
        matches!(url.transport(), Transport::Udp | Transport::Tcp) && url.address().is_some()
    };
    match urls.iter().find(|url| !can_listen(url)) {
        Some(url) => Err(format!(
            "cannot listen on {url}; write udp://127.0.0.1:4739 or tcp://127.0.0.1:4739, with an address of this machine"
        )),
        None => Ok(Targets(urls)),
    }
}

/// The setting `LOG_FORMAT`.
#[derive(Debug, Clone)]
pub(crate) enum LogFormats {
    Auto,
    Set(Box<Formats>),
}

fn log_format(text: &str) -> Result<LogFormats, FormatError> {
    if text.trim() == "auto" {
        return Ok(LogFormats::Auto);
    }
    Formats::of_setting(text).map(|formats| LogFormats::Set(Box::new(formats)))
}

/// The setting `OBSERVATION_DOMAIN`; nothing is `auto`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DomainNumber(pub(crate) Option<u32>);

fn observation_domain(text: &str) -> Result<DomainNumber, &'static str> {
    let wrong = "write auto, or a number from 1 to 4294967295";
    match text.parse::<u32>() {
        _ if text == "auto" => Ok(DomainNumber(None)),
        Ok(number) if number > 0 => Ok(DomainNumber(Some(number))),
        _ => Err(wrong),
    }
}

/// clap's message in one line: its paragraphs without usage and hints, which the `--help` of the command has.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
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
