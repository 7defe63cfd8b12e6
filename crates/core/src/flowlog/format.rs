//! Record format: its column names, compiled into a plan.
//!
//! Formats arrive as `${…}` strings (settings, `DescribeFlowLogs`) or as header lines (S3 objects, files). Columns with
//! unknown names are skipped: AWS adds fields every year.

use std::sync::Arc;

use super::columns::RecordValues;
use super::field::{ColumnType, Field, FieldSet, FieldSpec, TextPattern};
use super::plan::ColumnPlan;
use super::scan;
use super::tokens::{self, Token, TokenOffsets};
use super::words::{ACTIONS, DIRECTIONS, MAX_COLUMNS, STATUSES};

/// Kind of flow log with a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// VPC, subnet or interface.
    Vpc,
    /// Transit gateway or attachment: the format has a field of transit gateways alone.
    TransitGateway,
}

/// Compiled record format.
///
/// ```
/// use flowlogs_core::LogFormat;
/// use flowlogs_core::flowlog::{Field, FlowRecord, RecordValues};
///
/// let format = LogFormat::parse("${srcaddr} ${dstaddr} ${bytes} ${next-years-field}")?;
/// let mut values = RecordValues::default();
/// let record = FlowRecord::parse(&format, b"10.0.0.1 10.0.0.2 840 anything", &mut values).expect("fits");
/// assert_eq!(record.number(Field::Bytes), Some(840));
///
/// let error = FlowRecord::parse(&format, b"10.0.0.1 10.0.0.2 many x", &mut values).unwrap_err();
/// assert_eq!(error.to_string(), "column 3 (bytes): not a number");
///
/// assert!(LogFormat::parse("${srcaddr").is_err());
/// assert!(LogFormat::parse("${version} ${action}").is_err(), "no address and no counter");
/// # Ok::<_, flowlogs_core::flowlog::FormatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    names: Vec<String>,
    fields: FieldSet,
    /// Shared by the clones of a format.
    plan: Arc<ColumnPlan>,
    kind: RecordKind,
}

/// Reason why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Text without a column.
    #[error("the log format is empty; write field names as in ${{srcaddr}} ${{dstaddr}} …")]
    Empty,
    /// `${` without `}`.
    #[error("the log format has \"${{\" without \"}}\" at column {column}")]
    Unclosed {
        /// Number of the column, from 1.
        column: usize,
    },
    /// Text in a column, but no field name.
    #[error(
        "the log format has \"{text}\" at column {column}, which is not a field name; write ${{name}} with names as AWS documents them"
    )]
    NotAName {
        /// Number of the column, from 1.
        column: usize,
        /// Text of the column, cut to 40 characters.
        text: String,
    },
    /// Name without a row in the field table, in a format typed by a person.
    #[error(
        "the log format has \"{name}\" at column {column}, which is not a known field{}; write ${{{name}?}} if it is newer than \
         this version", DidYouMean(*nearest)
    )]
    UnknownField {
        /// Number of the column, from 1.
        column: usize,
        /// The name, cut to 40 characters.
        name: String,
        /// Nearest known name.
        nearest: Option<&'static str>,
    },
    /// No column is an address or a counter: no record could become a flow.
    #[error(
        "no address and no counter (srcaddr, dstaddr, packets, bytes, …), so that no record could become a flow"
    )]
    Unusable,
    /// [`Unusable`](Self::Unusable) format that a person typed.
    #[error(
        "the log format has {}; was it cut? A shell needs single quotes around ${{…}}",
        Self::Unusable
    )]
    UnusableSetting,
    /// More columns than [`MAX_COLUMNS`].
    #[error("the log format has more than {MAX_COLUMNS} columns")]
    TooManyColumns,
}

struct DidYouMean(Option<&'static str>);

impl std::fmt::Display for DidYouMean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(name) => write!(f, " (did you mean {name}?)"),
            None => Ok(()),
        }
    }
}

/// Octets of a column in memory, beside its name.
const COLUMN_OCTETS: usize = 48;

/// Most characters of a foreign text in an error.
const SHOWN: usize = 40;

/// Fields that make a format usable: at least one is present.
const USABLE: FieldSet = FieldSet::ADDRESSES.union(FieldSet::COUNTERS);

impl LogFormat {
    /// Format of a VPC flow log without a chosen format.
    pub const VPC_DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
        ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

    /// Format of a transit gateway flow log without a chosen format.
    pub const TRANSIT_GATEWAY_DEFAULT: &str = "${version} ${resource-type} ${account-id} ${tgw-id} ${tgw-attachment-id} \
        ${tgw-src-vpc-account-id} ${tgw-dst-vpc-account-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id} ${tgw-src-subnet-id} \
        ${tgw-dst-subnet-id} ${tgw-src-eni} ${tgw-dst-eni} ${tgw-src-az-id} ${tgw-dst-az-id} ${tgw-pair-attachment-id} \
        ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${log-status} ${type} \
        ${packets-lost-no-route} ${packets-lost-blackhole} ${packets-lost-mtu-exceeded} ${packets-lost-ttl-expired} \
        ${tcp-flags} ${region} ${flow-direction} ${pkt-src-aws-service} ${pkt-dst-aws-service}";

    /// Compiles a format string in the form of EC2: `${name}` columns, or bare names as in a header line, separated by white
    /// space. Columns with unknown names are skipped.
    ///
    /// A backslash counts as white space: public examples contain line continuations of the shell.
    ///
    /// # Errors
    ///
    /// A [`FormatError`] that names the column.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        Self::of_names(split(text)?)
    }

    /// Compiles a format string typed by a person. Like [`parse`](Self::parse), but a name that the field table does not
    /// have is an error, unless a question mark follows it: `${next-years-field?}`.
    ///
    /// ```
    /// use flowlogs_core::LogFormat;
    ///
    /// let error = LogFormat::parse_setting("${srcadr} ${bytes}").unwrap_err();
    /// assert!(error.to_string().contains("did you mean srcaddr?"));
    /// assert!(LogFormat::parse_setting("${next-years-field?} ${bytes}").is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// A [`FormatError`] that names the column.
    pub fn parse_setting(text: &str) -> Result<Self, FormatError> {
        let mut names = split(text)?;
        for (number, name) in (1..).zip(&mut names) {
            if let Some(unknown) = name.strip_suffix('?') {
                *name = unknown.to_owned();
            } else if Field::by_name(name.as_bytes()).is_none() {
                return Err(FormatError::UnknownField {
                    column: number,
                    nearest: Field::nearest(name),
                    name: name.chars().take(SHOWN).collect(),
                });
            }
        }
        Self::of_names(names).map_err(|error| match error {
            FormatError::Unusable => FormatError::UnusableSetting,
            other => other,
        })
    }

    /// Format announced by a header line. `None` if the line is no header: in a header all tokens look like names, and at
    /// least two are known fields. The only error is [`FormatError::Unusable`].
    pub fn of_header(line: &[u8]) -> Option<Result<Self, FormatError>> {
        if !Self::may_be_header(line) {
            return None;
        }
        let mut names = Vec::new();
        for token in line
            .split(|&byte| tokens::is_space(byte))
            .filter(|token| !token.is_empty())
        {
            if !looks_like_a_name(token) || names.len() == MAX_COLUMNS {
                return None;
            }
            names.push(String::from_utf8_lossy(token).into_owned());
        }
        let known = names
            .iter()
            .filter(|name| Field::by_name(name.as_bytes()).is_some())
            .count();
        (known >= 2).then(|| Self::of_names(names))
    }

    /// Returns whether a line could be a header. The first octet of an ordinary record is a digit of the version.
    #[inline]
    pub(crate) fn may_be_header(line: &[u8]) -> bool {
        line.first().is_some_and(u8::is_ascii_lowercase)
    }

    /// Format with a plan that no other format shares: cache keys of the records belong to the plan.
    pub(super) fn with_own_plan(mut self) -> Self {
        self.plan = Arc::new(ColumnPlan::clone(&self.plan));
        self
    }

    fn of_names(names: Vec<String>) -> Result<Self, FormatError> {
        if names.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut fields = FieldSet::EMPTY;
        let columns = names.iter().map(|name| {
            // Of a field named twice, the first column is read.
            let field = Field::by_name(name.as_bytes()).filter(|&field| !fields.has(field))?;
            fields.insert(field);
            Some(field)
        });
        let plan = ColumnPlan::new(columns.collect());
        if !fields.has_any(USABLE) {
            return Err(FormatError::Unusable);
        }
        let only_gateways = |row: &FieldSpec| row.vpc.is_none();
        let kind = if fields.iter().any(|field| only_gateways(field.row())) {
            RecordKind::TransitGateway
        } else {
            RecordKind::Vpc
        };
        Ok(Self {
            names,
            fields,
            plan: Arc::new(plan),
            kind,
        })
    }

    /// Octets that the format takes in memory, about.
    pub(crate) fn octets(&self) -> usize {
        let names = self.names.iter();
        names.map(|name| name.len() + COLUMN_OCTETS).sum()
    }

    /// Compiled columns.
    pub(crate) fn plan(&self) -> &Arc<ColumnPlan> {
        &self.plan
    }

    /// Column names in order, as given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Known fields among the columns.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// Kind of flow log with this format.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Returns whether a line resembles this format; `values` is only storage.
    pub(crate) fn resembles_line(&self, line: &[u8], values: &mut RecordValues) -> bool {
        let (line, tokens) = values.tokens(line);
        self.resembles(line, tokens)
    }

    /// Returns whether both formats have equal columns; hyphens and underscores count as equal.
    pub(crate) fn has_columns_of(&self, other: &Self) -> bool {
        let plain = |name: &String| name.replace('_', "-");
        self.names
            .iter()
            .map(plain)
            .eq(other.names.iter().map(plain))
    }

    /// Returns whether every token of the line is `-` or has the usual pattern of its column. Stricter than parsing: the
    /// patterns tell formats with equally many columns apart. `tokens` are the offsets of the line.
    pub(crate) fn resembles(&self, line: &[u8], tokens: &TokenOffsets) -> bool {
        let columns = &self.plan.fields;
        let fits = |(number, field): (u16, &Option<Field>)| {
            let token = tokens.at(number);
            let skipped = ColumnType::Skip(TextPattern::Any);
            let column_type = field.map_or(skipped, |field| field.row().column_type);
            scan::is_dash(line, token) || has_pattern(line, token, column_type)
        };
        tokens.count() == columns.len() && (0..).zip(columns).all(fits)
    }
}

impl std::fmt::Display for LogFormat {
    /// Writes the format as a `${…}` string.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, name) in self.names.iter().enumerate() {
            write!(f, "{}${{{name}}}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// Splits a format string into names; a name may end in a question mark.
fn split(text: &str) -> Result<Vec<String>, FormatError> {
    let mut names = Vec::new();
    let mut rest = text.trim_start_matches(is_separator);
    while !rest.is_empty() {
        let column = names.len() + 1;
        let (name, after) = match rest.strip_prefix("${") {
            Some(inside) => inside
                .split_once('}')
                .ok_or(FormatError::Unclosed { column })?,
            None => rest.split_at(
                rest.find(|c| is_separator(c) || c == '$')
                    .unwrap_or(rest.len()),
            ),
        };
        let name = name.trim();
        if !looks_like_a_name(name.strip_suffix('?').unwrap_or(name).as_bytes()) {
            let text = if name.is_empty() { rest } else { name };
            return Err(FormatError::NotAName {
                column,
                text: text.chars().take(SHOWN).collect(),
            });
        }
        if column > MAX_COLUMNS {
            return Err(FormatError::TooManyColumns);
        }
        names.push(name.to_owned());
        rest = after.trim_start_matches(is_separator);
    }
    Ok(names)
}

fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\\'
}

fn looks_like_a_name(token: &[u8]) -> bool {
    token.first().is_some_and(u8::is_ascii_lowercase)
        && token.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        })
}

/// Returns whether a token has the pattern of a column type.
pub(super) fn has_pattern(line: &[u8], token: Token, column_type: ColumnType) -> bool {
    let text = token.of(line);
    match column_type {
        ColumnType::Number { max } => scan::number(line, token).is_some_and(|value| value <= max),
        // Nine digits are the year 1973: this tells a time from a port or a counter.
        ColumnType::Time => text.len() >= 9 && text.iter().all(u8::is_ascii_digit),
        ColumnType::Address => {
            scan::ipv4(line, token).is_some() || scan::ipv6(line, token).is_some()
        }
        ColumnType::Action => is_one_of(&ACTIONS, text),
        ColumnType::Status => is_one_of(&STATUSES, text),
        ColumnType::Direction => is_one_of(&DIRECTIONS, text),
        ColumnType::RejectReason => text.iter().all(u8::is_ascii_uppercase),
        ColumnType::Text(pattern) | ColumnType::Skip(pattern) => match pattern {
            TextPattern::Any => true,
            TextPattern::Digits => text.iter().all(u8::is_ascii_digit),
            TextPattern::Account => text == b"unknown" || text.iter().all(u8::is_ascii_digit),
            TextPattern::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            TextPattern::Words(words) => is_one_of(words, text),
        },
    }
}

fn is_one_of(words: &[&str], text: &[u8]) -> bool {
    words.iter().any(|word| word.as_bytes() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_formats_have_14_and_36_columns() {
        let vpc = LogFormat::parse(LogFormat::VPC_DEFAULT).expect("documented");
        let tgw = LogFormat::parse(LogFormat::TRANSIT_GATEWAY_DEFAULT).expect("documented");
        assert_eq!((vpc.names.len(), vpc.kind()), (14, RecordKind::Vpc));
        assert_eq!(
            (tgw.names.len(), tgw.kind()),
            (36, RecordKind::TransitGateway)
        );
    }

    #[test]
    fn line_continuations_runs_of_spaces_and_newlines_separate_columns() {
        let format =
            LogFormat::parse("  ${version}   \\\n\t${srcaddr}\n${dstaddr} ").expect("tolerated");
        assert_eq!(format.to_string(), "${version} ${srcaddr} ${dstaddr}");
    }

    #[test]
    fn a_token_has_the_pattern_of_its_column_or_is_a_dash() {
        for (field, fits, does_not) in [
            ("bytes", "18446744073709551615", "many"),
            ("srcport", "65535", "65536"),
            ("start", "100000000", "99999999"),
            ("srcaddr", "10.0.0.1", "10.0.0"),
            ("action", "REJECT", "reject"),
            ("log-status", "SKIPDATA", "ok"),
            ("flow-direction", "egress", "out"),
            ("reject-reason", "BPA", "Bpa"),
            ("type", "IPv6", "ipv6"),
            ("interface-id", "eni-1", "vpc-1"),
            ("account-id", "unknown", "someone"),
            ("account-id", "123456789012", "12345678901x"),
        ] {
            let format = LogFormat::parse(&format!("${{{field}}} ${{packets}}"));
            let format = format.expect("a counter");
            for (token, expected) in [(fits, true), ("-", true), (does_not, false), ("", false)] {
                let line = format!("{token} 1");
                let mut tokens = TokenOffsets::default();
                tokens.find(line.as_bytes());
                let resembles = format.resembles(line.as_bytes(), &tokens);
                assert_eq!(resembles, expected, "{field}: {token:?}");
            }
        }
    }

    #[test]
    fn names_without_braces_end_at_a_space_or_a_dollar() {
        let format = LogFormat::parse("version srcaddr${bytes}").expect("tolerated");
        assert_eq!(format.to_string(), "${version} ${srcaddr} ${bytes}");
    }

    #[test]
    fn unknown_fields_are_columns_to_pass_over() {
        let format = LogFormat::parse("${future-field} ${srcaddr}").expect("one known field");
        assert_eq!(format.plan.fields[0], None);
        assert_eq!(format.plan.fields[1], Some(Field::SourceAddress));
    }

    #[test]
    fn wrong_formats_say_what_is_wrong_and_where() {
        let wrong = |text: &str| LogFormat::parse(text).expect_err("wrong");
        assert_eq!(wrong(" \n"), FormatError::Empty);
        assert_eq!(
            wrong("${version} ${srcaddr"),
            FormatError::Unclosed { column: 2 }
        );
        assert_eq!(
            wrong("${version} SRC"),
            FormatError::NotAName {
                column: 2,
                text: "SRC".into()
            }
        );
        assert_eq!(
            wrong("${}"),
            FormatError::NotAName {
                column: 1,
                text: "${}".into()
            }
        );
        assert_eq!(wrong("${what-is-this}"), FormatError::Unusable);
        assert_eq!(
            wrong(&"${version} ".repeat(MAX_COLUMNS + 2)),
            FormatError::TooManyColumns
        );
        assert_eq!(
            wrong(&"${bytes} ".repeat(MAX_COLUMNS + 1)),
            FormatError::TooManyColumns
        );
        assert!(LogFormat::parse(&"${bytes} ".repeat(MAX_COLUMNS)).is_ok());
    }

    #[test]
    fn headers_are_told_from_records() {
        let header = |line: &str| {
            LogFormat::of_header(line.as_bytes())
                .map(|format| format.map(|format| format.to_string()))
        };
        assert_eq!(
            header("version account-id srcaddr"),
            Some(Ok("${version} ${account-id} ${srcaddr}".to_owned()))
        );
        assert_eq!(
            header("account_id bytes\r\n"),
            Some(Ok("${account_id} ${bytes}".to_owned()))
        );
        assert_eq!(header("nat-1234567890abcdef - - - 107.22.182.139"), None);
        assert_eq!(header("srcaddr"), None, "one known field is not enough");
        assert_eq!(header("hello world"), None);
        assert_eq!(header("srcaddr dstaddr Bytes"), None, "not a name");
        assert_eq!(header(&"bytes ".repeat(MAX_COLUMNS + 1)), None);
        assert_eq!(header(""), None);
        assert_eq!(
            header("time region action user"),
            Some(Err(FormatError::Unusable))
        );
    }

    #[test]
    fn a_format_needs_an_address_or_a_counter() {
        for (text, usable) in [
            ("${version}", false),
            (
                "${version} ${interface-id} ${srcport} ${start} ${action}",
                false,
            ),
            ("${pkt-dstaddr}", true),
            ("${bytes}", true),
            ("${packets-lost-blackhole}", true),
        ] {
            let unusable = LogFormat::parse(text) == Err(FormatError::Unusable);
            assert_eq!(!unusable, usable, "{text}");
        }
    }

    #[test]
    fn a_typed_name_is_known_or_ends_in_a_question_mark() {
        let typed = |text| LogFormat::parse_setting(text).map(|format| format.to_string());
        let error = typed("${version} ${start}").expect_err("no address");
        assert_eq!(
            error.to_string(),
            "the log format has no address and no counter (srcaddr, dstaddr, packets, bytes, …), so that no record could \
             become a flow; was it cut? A shell needs single quotes around ${…}"
        );
        let error = typed("${version} ${srcadr}").expect_err("misspelt");
        assert_eq!(
            error.to_string(),
            "the log format has \"srcadr\" at column 2, which is not a known field (did you mean srcaddr?); write \
             ${srcadr?} if it is newer than this version"
        );
        assert_eq!(
            typed("${bytes} ${next-years-field?} ${dst_addr?}"),
            Ok("${bytes} ${next-years-field} ${dst_addr}".to_owned())
        );
        assert!(
            LogFormat::parse("${bytes} ${next-years-field}").is_ok(),
            "EC2's"
        );
    }

    #[test]
    fn a_transit_gateway_format_is_told_by_its_fields() {
        let kind = |text| LogFormat::parse(text).expect("well formed").kind();
        assert_eq!(kind("${srcaddr} ${tgw-id}"), RecordKind::TransitGateway);
        assert_eq!(kind("${srcaddr} ${vpc-id}"), RecordKind::Vpc);
    }

    proptest! {
        #[test]
        fn any_text_compiles_or_says_why_not(text: String) {
            if let Ok(format) = LogFormat::parse(&text) {
                prop_assert_eq!(LogFormat::parse(&format.to_string()), Ok(format));
            }
            let _ = LogFormat::of_header(text.as_bytes());
        }
    }
}
