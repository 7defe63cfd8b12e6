//! A record format, compiled: which column holds which field and how it is read.
//!
//! Formats arrive as `${…}` strings (settings, `DescribeFlowLogs`) or as header lines (S3 objects, files). Unknown
//! names are columns to pass over: AWS adds some every year.

use std::sync::Arc;

use super::field::{ColumnType, Field, FieldSet, FieldSpec, TextPattern};
use super::scan;
use super::tokens::{self, Token, Tokens};
use super::values;

/// Most columns that a format may have; AWS documents 72 fields.
pub const MAX_COLUMNS: usize = 1_024;

/// Which kind of flow log a format belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// VPC, subnet or interface.
    Vpc,
    /// Transit gateway or attachment: the format has a field that only these have.
    TransitGateway,
}

/// A compiled record format.
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
/// # Ok::<_, flowlogs_core::flowlog::FormatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    /// The field of each column, if it is one that we know and that did not occur before.
    columns: Vec<Option<Field>>,
    names: Vec<String>,
    fields: FieldSet,
    /// Those of them that are read.
    read: FieldSet,
    /// Shared by the clones of a format.
    plan: Arc<ColumnPlan>,
    kind: RecordKind,
}

/// The columns that are read, those that are read alike together: the same few instructions again and again, and nothing
/// to decide between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ColumnPlan {
    pub(crate) numbers: Vec<Column>,
    pub(crate) times: Vec<Column>,
    pub(crate) addresses: Vec<Column>,
    pub(crate) texts: Vec<Column>,
    pub(crate) action: Option<Column>,
    pub(crate) status: Option<Column>,
    pub(crate) direction: Option<Column>,
    pub(crate) reject_reason: Option<Column>,
    /// Those of the [`IDENTIFIERS`], in order.
    pub(crate) identifiers: Vec<Run>,
    pub(super) lead: Leading,
}

/// The columns before the first one that is neither a text nor passed over, and before the last one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Leading {
    pub(super) columns: u16,
    /// How many of them are texts; they are the first ones.
    pub(super) texts: usize,
    pub(super) fields: FieldSet,
    /// Whether there are some, and all [`IDENTIFIERS`] among them.
    pub(super) identifies: bool,
}

/// Columns with texts that stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where the first one is stored among texts.
    pub(crate) first: u8,
    /// Where the last one is.
    pub(crate) last: u8,
    /// Its token.
    token: u16,
}

/// The fields that say what a record is about: its account, its interface and what they belong to.
const IDENTIFIERS: FieldSet = FieldSet::of(&[
    Field::AccountId,
    Field::Region,
    Field::InterfaceId,
    Field::ResourceId,
    Field::InstanceId,
    Field::VpcId,
    Field::TgwId,
    Field::TgwAttachmentId,
    Field::TgwPairAttachmentId,
    Field::TgwSrcEni,
    Field::TgwDstEni,
    Field::TgwSrcVpcId,
    Field::TgwDstVpcId,
]);

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) field: Field,
    /// The field as a set, ready to be taken from those present.
    pub(crate) set: FieldSet,
    /// Which token of the line it is.
    pub(crate) token: u16,
    /// Where the value is stored among those that are read alike.
    pub(crate) slot: u8,
    /// The largest number, of times in milliseconds.
    pub(crate) max: u64,
}

impl ColumnPlan {
    /// Reads this field, too, from the token with this number.
    fn read(&mut self, field: Field, token: usize) {
        let read = field.row().read;
        let column = Column {
            field,
            set: FieldSet::of(&[field]),
            token: u16::try_from(token).unwrap_or(u16::MAX),
            slot: values::slot(field),
            max: match read {
                ColumnType::Number { max } => max,
                ColumnType::Time => values::LAST_MILLISECOND,
                _ => 0,
            },
        };
        match read {
            ColumnType::Skip(_) => {}
            ColumnType::Number { .. } => self.numbers.push(column),
            ColumnType::Time => self.times.push(column),
            ColumnType::Address => self.addresses.push(column),
            ColumnType::Text(_) => {
                self.texts.push(column);
                if IDENTIFIERS.has(field) {
                    self.identifier(column);
                }
            }
            ColumnType::Action => self.action = Some(column),
            ColumnType::Status => self.status = Some(column),
            ColumnType::Direction => self.direction = Some(column),
            ColumnType::RejectReason => self.reject_reason = Some(column),
        }
    }

    fn identifier(&mut self, Column { token, slot, .. }: Column) {
        match self.identifiers.last_mut() {
            Some(run) if run.token + 1 == token => (run.last, run.token) = (slot, token),
            _ => self.identifiers.push(Run {
                first: slot,
                last: slot,
                token,
            }),
        }
    }

    /// Says which columns lead; these are all.
    fn complete(&mut self, columns: &[Option<Field>]) {
        let leads = |field: &&Option<Field>| {
            field.is_none_or(|field| {
                matches!(field.row().read, ColumnType::Text(_) | ColumnType::Skip(_))
            })
        };
        let before_last = columns.split_last().map_or(columns, |(_, others)| others);
        let columns = before_last.iter().take_while(leads).count();
        let columns = u16::try_from(columns).unwrap_or_default();
        let texts = self.texts.iter().take_while(|text| text.token < columns);
        self.lead = Leading {
            columns,
            texts: texts.clone().count(),
            fields: texts.fold(FieldSet::EMPTY, |fields, text| fields.union(text.set)),
            identifies: columns > 0 && self.identifiers.iter().all(|run| run.token < columns),
        };
    }

    /// All of them.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        let Self {
            numbers,
            times,
            addresses,
            texts,
            action,
            status,
            direction,
            reject_reason,
            identifiers: _,
            lead: _,
        } = self;
        let lists = [numbers, times, addresses, texts];
        let words = [action, status, direction, reject_reason];
        lists
            .into_iter()
            .flatten()
            .chain(words.into_iter().flatten())
    }
}

/// Why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no column in it.
    #[error("the log format is empty; write field names as in ${{srcaddr}} ${{dstaddr}} …")]
    Empty,
    /// `${` without `}`.
    #[error("the log format has \"${{\" without \"}}\" at column {column}")]
    Unclosed {
        /// Which column, from 1.
        column: usize,
    },
    /// Something that is not a field name.
    #[error(
        "the log format has \"{text}\" at column {column}, which is not a field name; write ${{name}} with names as AWS documents them"
    )]
    NotAName {
        /// Which column, from 1.
        column: usize,
        /// What stands there, cut to 40 characters.
        text: String,
    },
    /// No column is a field that AWS documents.
    #[error("the log format has no known field; `flowlogs fields` lists them")]
    NoKnownField,
    /// More columns than [`MAX_COLUMNS`].
    #[error("the log format has more than {MAX_COLUMNS} columns")]
    TooManyColumns,
}

impl LogFormat {
    /// The format that a VPC flow log has when none is chosen.
    pub const VPC_DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
        ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

    /// The format that a transit gateway flow log has when none is chosen.
    pub const TRANSIT_GATEWAY_DEFAULT: &str = "${version} ${resource-type} ${account-id} ${tgw-id} ${tgw-attachment-id} \
        ${tgw-src-vpc-account-id} ${tgw-dst-vpc-account-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id} ${tgw-src-subnet-id} \
        ${tgw-dst-subnet-id} ${tgw-src-eni} ${tgw-dst-eni} ${tgw-src-az-id} ${tgw-dst-az-id} ${tgw-pair-attachment-id} \
        ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${log-status} ${type} \
        ${packets-lost-no-route} ${packets-lost-blackhole} ${packets-lost-mtu-exceeded} ${packets-lost-ttl-expired} \
        ${tcp-flags} ${region} ${flow-direction} ${pkt-src-aws-service} ${pkt-dst-aws-service}";

    /// Compiles a format string: `${name}` columns, or bare names as in a header line, separated by white space.
    ///
    /// A backslash counts as white space: public examples hand AWS strings with shell line continuations in them.
    ///
    /// # Errors
    ///
    /// A [`FormatError`] that names the column.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
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
            if !looks_like_a_name(name.as_bytes()) {
                let text = if name.is_empty() { rest } else { name };
                return Err(FormatError::NotAName {
                    column,
                    text: text.chars().take(40).collect(),
                });
            }
            if column > MAX_COLUMNS {
                return Err(FormatError::TooManyColumns);
            }
            names.push(name.to_owned());
            rest = after.trim_start_matches(is_separator);
        }
        Self::of_names(names)
    }

    /// The format that a header line announces, if the line is one: all tokens look like names, and at least two of
    /// them are known fields.
    pub fn of_header(line: &[u8]) -> Option<Self> {
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
        if known < 2 {
            None
        } else {
            Self::of_names(names).ok()
        }
    }

    /// Whether a line could be a header. The ordinary record is none by its first octet, the version.
    #[inline]
    pub(crate) fn may_be_header(line: &[u8]) -> bool {
        line.first().is_some_and(u8::is_ascii_lowercase)
    }

    fn of_names(names: Vec<String>) -> Result<Self, FormatError> {
        if names.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut fields = FieldSet::EMPTY;
        let mut plan = ColumnPlan::default();
        let columns = names.iter().enumerate().map(|(number, name)| {
            // A field named twice is read where it stands first.
            let field = Field::by_name(name.as_bytes()).filter(|&field| !fields.has(field))?;
            fields.insert(field);
            plan.read(field, number);
            Some(field)
        });
        let columns: Vec<_> = columns.collect();
        plan.complete(&columns);
        if fields.is_empty() {
            return Err(FormatError::NoKnownField);
        }
        let read = plan.columns().map(|column| column.set);
        let read = read.fold(FieldSet::EMPTY, FieldSet::union);
        let only_gateways = |row: &FieldSpec| row.vpc.is_none();
        let kind = if fields.iter().any(|field| only_gateways(field.row())) {
            RecordKind::TransitGateway
        } else {
            RecordKind::Vpc
        };
        Ok(Self {
            columns,
            names,
            fields,
            read,
            plan: Arc::new(plan),
            kind,
        })
    }

    /// The column plan.
    pub(crate) fn plan(&self) -> &Arc<ColumnPlan> {
        &self.plan
    }

    /// The field of each column, if it is one that we know and that did not occur before.
    pub(crate) fn columns(&self) -> &[Option<Field>] {
        &self.columns
    }

    /// Column names in order, as they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The known fields among the columns.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// The fields whose columns are read.
    pub(crate) fn read(&self) -> FieldSet {
        self.read
    }

    /// Which kind of flow log has this format.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Whether every token of the line has the shape that its column usually has. Stricter than parsing: it tells
    /// formats with equally many columns apart. `tokens` are those of the line.
    pub(crate) fn resembles(&self, line: &[u8], tokens: &Tokens) -> bool {
        let has_shape = |(number, field): (u16, &Option<Field>)| {
            let token = tokens.at(number);
            let read = field.map_or(ColumnType::Skip(TextPattern::Any), |field| field.row().read);
            scan::is_dash(line, token) || has_shape(line, token, read)
        };
        tokens.count() == self.columns.len() && (0..).zip(&self.columns).all(has_shape)
    }
}

impl std::fmt::Display for LogFormat {
    /// The format as a `${…}` string.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, name) in self.names.iter().enumerate() {
            write!(f, "{}${{{name}}}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
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

/// Whether the token looks like what is read from it.
fn has_shape(line: &[u8], token: Token, read: ColumnType) -> bool {
    let text = token.of(line);
    match read {
        ColumnType::Number { max } => scan::number(line, token).is_some_and(|value| value <= max),
        // Nine digits are the year 1973: this tells a time from a port or a counter.
        ColumnType::Time => text.len() >= 9 && text.iter().all(u8::is_ascii_digit),
        ColumnType::Address => {
            scan::ipv4(line, token).is_some() || scan::ipv6(line, token).is_some()
        }
        ColumnType::Action => matches!(text, b"ACCEPT" | b"REJECT"),
        ColumnType::Status => matches!(text, b"OK" | b"NODATA" | b"SKIPDATA"),
        ColumnType::Direction => matches!(text, b"ingress" | b"egress"),
        ColumnType::RejectReason => text.iter().all(u8::is_ascii_uppercase),
        ColumnType::Text(shape) | ColumnType::Skip(shape) => match shape {
            TextPattern::Any => true,
            TextPattern::Digits => text.iter().all(u8::is_ascii_digit),
            TextPattern::Account => text == b"unknown" || text.iter().all(u8::is_ascii_digit),
            TextPattern::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            TextPattern::Words(words) => words.iter().any(|word| word.as_bytes() == text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_formats_have_14_and_36_columns() {
        let vpc = LogFormat::parse(LogFormat::VPC_DEFAULT).expect("documented");
        let tgw = LogFormat::parse(LogFormat::TRANSIT_GATEWAY_DEFAULT).expect("documented");
        assert_eq!((vpc.columns.len(), vpc.kind()), (14, RecordKind::Vpc));
        assert_eq!(
            (tgw.columns.len(), tgw.kind()),
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
    fn a_token_has_the_shape_of_its_column_or_is_a_dash() {
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
            let format = LogFormat::parse(&format!("${{{field}}}")).expect("a format");
            for (token, expected) in [(fits, true), ("-", true), (does_not, false), ("", false)] {
                let mut tokens = Tokens::default();
                tokens.find(token.as_bytes());
                assert_eq!(
                    format.resembles(token.as_bytes(), &tokens),
                    expected,
                    "{field}: {token:?}"
                );
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
        assert_eq!(format.columns[0], None);
        assert_eq!(format.columns[1], Some(Field::SourceAddress));
    }

    #[test]
    fn wrong_formats_say_what_is_wrong_and_where() {
        let wrong = |text| LogFormat::parse(text).expect_err("wrong");
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
        assert_eq!(wrong("${what-is-this}"), FormatError::NoKnownField);
        assert_eq!(
            wrong(&"${version} ".repeat(MAX_COLUMNS + 1)),
            FormatError::TooManyColumns
        );
    }

    #[test]
    fn headers_are_told_from_records() {
        let header =
            |line: &str| LogFormat::of_header(line.as_bytes()).map(|format| format.to_string());
        assert_eq!(
            header("version account-id srcaddr").as_deref(),
            Some("${version} ${account-id} ${srcaddr}")
        );
        assert_eq!(
            header("account_id end\r\n").as_deref(),
            Some("${account_id} ${end}")
        );
        assert_eq!(header("nat-1234567890abcdef - - - 107.22.182.139"), None);
        assert_eq!(header("srcaddr"), None, "one known field is not enough");
        assert_eq!(header("hello world"), None);
        assert_eq!(header(""), None);
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
