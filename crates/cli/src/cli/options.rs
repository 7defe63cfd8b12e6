//! Options that several commands share: where records come from, how they are exported, counted and sent.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::mapping::{AddressPair, InterfaceNames, Timestamps};
use flowlogs_export::DEFAULT_UDP_RATE;

use super::values::{DomainNumber, LogFormats, Switch, log_format, observation_domain};

/// Format, account, region and destination of records, for input that lacks them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Facts that the input lacks")]
pub(crate) struct SourceOptions {
    /// Record format, ${name} columns; several separated by ; [default: auto, from header, inventory, AWS defaults]
    #[arg(long, value_name = "FORMAT", default_value = "auto", hide_default_value = true, value_parser = log_format)]
    pub(crate) log_format: LogFormats,

    /// Region of records without one
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Log group or bucket of input that does not name one
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,

    /// Account of records without one
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) owner: Option<String>,

    /// JSON as `aws ec2 describe-network-interfaces`, -vpcs, -transit-gateways, -transit-gateway-attachments or
    /// -flow-logs prints it; repeats
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: Vec<PathBuf>,
}

/// Settings of the mapping from flow-log fields to information elements.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mapping")]
pub(crate) struct MappingOptions {
    /// Primary address pair of a record with two pairs: interface, packet
    #[arg(long, value_name = "PAIR", default_value_t)]
    pub(crate) address: AddressPair,

    /// Unit of flow start and end: milliseconds, seconds
    #[arg(long, value_name = "UNIT", default_value_t)]
    pub(crate) timestamps: Timestamps,

    /// Observation domain of all flows: a number; auto derives a number for each account and region
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = observation_domain)]
    pub(crate) observation_domain: DomainNumber,

    /// Exporter address to write into every flow
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) exporter_address: Option<IpAddr>,

    /// Interface names in options data only, or in every flow as well: options, inline
    #[arg(long, value_name = "WHERE", default_value_t)]
    pub(crate) interface_names: InterfaceNames,
}

/// Rules for leaving records out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Counting")]
pub(crate) struct CountingOptions {
    /// Direction of exported flows: both, ingress, egress
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

/// Settings of messages and senders.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sending")]
pub(crate) struct SendingOptions {
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

    /// Client certificate: PEM text or a path
    #[arg(long, value_name = "PEM")]
    pub(crate) tls_certificate: Option<String>,

    /// Private key of the client certificate: PEM text or a path
    #[arg(long, value_name = "PEM")]
    pub(crate) tls_key: Option<String>,
}
