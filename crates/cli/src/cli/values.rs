//! Types of option values, with parsers.

use std::net::IpAddr;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use flowlogs_core::flowlog::FormatError;
use flowlogs_core::settings::table::{Accepted, Setting};
use flowlogs_core::{Formats, NotAChoice};
use flowlogs_export::{CollectorUrl, TargetKind};

/// Form of the printed flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputKind {
    /// Columns for people
    Table,
    /// JSON, an object a line, with IANA element names
    Json,
    /// Nothing
    None,
}

/// Form of the printed counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryKind {
    /// Lines for people
    Text,
    /// JSON, an object
    Json,
    /// Not at all
    None,
}

/// Form of `flowlogs names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamesForm {
    /// Rows of kind, number, id, name, description; a ' stands before a cell that a spreadsheet would take for a formula
    Csv,
    /// JSON, an object a line, with the members of the CSV form
    Json,
    /// YAML for the static metadata provider of Akvorado
    Akvorado,
}

/// Form of the keys of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyForm {
    /// AWSLogs/ACCOUNT/vpcflowlogs/REGION/2026/11/24/...
    Aws,
    /// AWSLogs/aws-account-id=ACCOUNT/.../year=2026/month=11/day=24/...
    Hive,
    /// 2026/11/24/10/STREAM-..., Firehose's default
    Firehose,
}

/// Moment in UTC, milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
    let plain = text.trim_end_matches('Z');
    forms
        .iter()
        .find_map(|form| chrono::NaiveDateTime::parse_from_str(plain, form).ok())
        .and_then(|time| u64::try_from(time.and_utc().timestamp_millis()).ok())
        .map(Moment)
        .ok_or_else(|| "a time in UTC, as in 2026-11-24T10:00".to_owned())
}

/// Time zone of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeKind {
    /// Coordinated universal time
    Utc,
    /// Time zone of this computer, or of the variable TZ
    Local,
}

/// State of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Targets of a `--to`.
#[derive(Debug, Clone)]
pub(crate) struct TargetList(pub(crate) Vec<CollectorUrl>);

pub(super) fn targets(text: &str) -> Result<TargetList, String> {
    let urls = CollectorUrl::parse_list(text).map_err(|error| match text.contains(',') {
        true => error.to_string(),
        // clap shows the value already.
        false => error.problem.to_string(),
    });
    urls.map(TargetList)
}

pub(super) fn listeners(text: &str) -> Result<TargetList, String> {
    const ADVICE: &str =
        "write udp://127.0.0.1:4739 or tcp://127.0.0.1:4739, with an address of this machine";
    let TargetList(urls) = targets(text).map_err(|_| ADVICE.to_owned())?;
    let can_listen = |url: &CollectorUrl| {
        matches!(url.kind(), TargetKind::Udp | TargetKind::Tcp) && url.address().is_some()
    };
    match urls.iter().find(|url| !can_listen(url)) {
        Some(url) => Err(format!("cannot listen on {url}; {ADVICE}")),
        None => Ok(TargetList(urls)),
    }
}

/// Returns the parser of a setting with a few accepted words.
pub(super) fn words<T>(setting: &'static Setting) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = NotAChoice> + Clone + Send + Sync + 'static,
{
    let words = match setting.accepted {
        Accepted::Words(words) => words,
        Accepted::Number { .. } | Accepted::Text { .. } => &[],
    };
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// Returns the parser of a setting that is a number.
///
/// # Panics
///
/// If the setting is none: the table of settings says.
pub(super) fn bounded<T: TryFrom<u64>>(
    setting: &'static Setting,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    let Accepted::Number { least, most, .. } = setting.accepted else {
        panic!("{} is no number", setting.variable);
    };
    number(least.into(), most.into())
}

/// Returns the parser of a width in columns.
pub(super) fn width() -> impl Fn(&str) -> Result<u16, String> + Clone + Send + Sync + 'static {
    number(40, u16::MAX.into())
}

/// Returns the parser of a number.
pub(super) fn number<T: TryFrom<u64>>(
    from: u64,
    to: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok();
        number
            .filter(|number| (from..=to).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| match to {
                u64::MAX => format!("write a number from {from} on"),
                to => format!("write a number from {from} to {to}"),
            })
    }
}

/// Parses an address.
pub(super) fn address(text: &str) -> Result<IpAddr, &'static str> {
    let address = text.parse();
    address.map_err(|_| "write an address, as in 192.0.2.1")
}

/// Value of `LOG_FORMAT`.
#[derive(Debug, Clone)]
pub(crate) enum LogFormats {
    Auto,
    Set(Box<Formats>),
}

pub(super) fn log_format(text: &str) -> Result<LogFormats, FormatError> {
    if text.trim() == "auto" {
        return Ok(LogFormats::Auto);
    }
    Formats::of_setting(text).map(|formats| LogFormats::Set(Box::new(formats)))
}

/// Value of `OBSERVATION_DOMAIN`; `None` is `auto`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DomainNumber(pub(crate) Option<u32>);

pub(super) fn observation_domain(text: &str) -> Result<DomainNumber, &'static str> {
    let wrong = "write auto, or a number from 1 to 4294967295";
    match text.parse::<u32>() {
        _ if text == "auto" => Ok(DomainNumber(None)),
        Ok(number) if number > 0 => Ok(DomainNumber(Some(number))),
        _ => Err(wrong),
    }
}
