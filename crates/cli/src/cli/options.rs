//! Options of several commands: source, mapping, counting and sending of records. Settings of the functions have words and
//! meanings of the table of settings.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::mapping::{AddressPair, InterfaceNames, NameTexts, Timestamps};
use flowlogs_core::settings::table;
use flowlogs_export::DEFAULT_UDP_RATE;

use super::values::{
    DomainNumber, LogFormats, Switch, address, bounded, log_format, observation_domain, words,
};

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

    /// Log group of input that does not name one
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,

    /// Account of records without one
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) owner: Option<String>,

    /// JSON as `aws ec2 describe-network-interfaces`, -vpcs, -transit-gateways, -transit-gateway-attachments or
    /// -flow-logs prints it, an object of an organization's inventory, or a directory of them; repeats
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: Vec<PathBuf>,
}

/// Settings of the mapping from flow-log fields to information elements.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mapping")]
pub(crate) struct MappingOptions {
    #[arg(long, value_name = "PAIR", default_value_t, help = table::ADDRESS.meaning, value_parser = words::<AddressPair>(&table::ADDRESS))]
    pub(crate) address: AddressPair,

    #[arg(long, value_name = "UNIT", default_value_t, help = table::TIMESTAMPS.meaning, value_parser = words::<Timestamps>(&table::TIMESTAMPS))]
    pub(crate) timestamps: Timestamps,

    /// Observation domain of all flows: a number; auto derives a number for each account and region
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = observation_domain)]
    pub(crate) observation_domain: DomainNumber,

    /// Exporter address to write into every flow
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) exporter_address: Option<IpAddr>,

    #[arg(long, value_name = "WHERE", default_value_t, help = table::INTERFACE_NAMES.meaning, value_parser = words::<InterfaceNames>(&table::INTERFACE_NAMES))]
    pub(crate) interface_names: InterfaceNames,

    #[arg(long, value_name = "on|off", default_value_t, help = table::NAMES.meaning, value_parser = words::<NameTexts>(&table::NAMES))]
    pub(crate) names: NameTexts,
}

/// Rules for leaving records out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Counting")]
pub(crate) struct CountingOptions {
    #[arg(long, default_value_t, help = table::DIRECTION.meaning, value_parser = words::<DirectionFilter>(&table::DIRECTION))]
    pub(crate) direction: DirectionFilter,

    #[arg(
        long,
        help = table::DEDUPLICATE.meaning,
        value_name = "on|off",
        default_value = "on",
        hide_possible_values = true
    )]
    pub(crate) deduplicate: Switch,

    #[arg(
        long,
        help = table::SOURCE_FILTERED.meaning,
        value_name = "on|off",
        default_value = "off",
        hide_possible_values = true
    )]
    pub(crate) source_filtered: Switch,

    #[arg(
        long,
        help = table::EXCLUDE_COLLECTOR_TRAFFIC.meaning,
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
    #[arg(long, help = table::MAX_MESSAGE_SIZE.meaning, value_name = "OCTETS", default_value_t = 1400, value_parser = bounded::<u16>(&table::MAX_MESSAGE_SIZE))]
    pub(crate) max_message_size: u16,

    #[arg(long, help = table::TEMPLATE_REFRESH_SECONDS.meaning, value_name = "SECONDS", default_value_t = 600, value_parser = bounded::<u32>(&table::TEMPLATE_REFRESH_SECONDS))]
    pub(crate) template_refresh_seconds: u32,

    #[arg(long, help = table::TEMPLATE_REFRESH_MESSAGES.meaning, value_name = "MESSAGES", default_value_t = 20, value_parser = bounded::<u32>(&table::TEMPLATE_REFRESH_MESSAGES))]
    pub(crate) template_refresh_messages: u32,

    #[arg(long, help = table::UDP_RATE.meaning, value_name = "MESSAGES", default_value_t = DEFAULT_UDP_RATE, value_parser = bounded::<u32>(&table::UDP_RATE))]
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use flowlogs_core::settings::table::SETTINGS;

    use crate::cli::Cli;

    #[test]
    fn every_setting_with_an_option_is_an_option_of_replay_with_the_same_default() {
        let command = Cli::command();
        let replay = command.find_subcommand("replay").expect("a command");
        for setting in SETTINGS {
            let Some(option) = setting.option else {
                continue;
            };
            let argument = replay
                .get_arguments()
                .find(|argument| argument.get_long() == Some(option))
                .unwrap_or_else(|| panic!("no option --{option}"));
            let default = argument.get_default_values().first();
            let default = default.and_then(|default| default.to_str());
            assert_eq!(default.unwrap_or_default(), setting.default, "--{option}");
        }
    }
}
