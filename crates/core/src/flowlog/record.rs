//! One flow-log record, typed: what a line says, by field.

use crate::network::Address;

use super::field::{Field, FieldSet};
use super::format::{LogFormat, RecordKind};
use super::tokens::Token;
use super::values::{ADDRESS, FieldSpec, NUMBER, NUMBERS, RecordValues, STORES, TEXT, TEXTS, slot};

/// Longest line that is parsed, in octets; the longest record that AWS can write is far shorter.
pub const MAX_LINE: usize = u16::MAX as usize;

/// What AWS did with the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowAction {
    /// `ACCEPT`
    Accept,
    /// `REJECT`: denied, or the packets arrived after the connection was closed.
    Reject,
}

/// Which way the flow crossed the interface (VPC) or the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowDirection {
    /// `ingress`
    Ingress,
    /// `egress`
    Egress,
}

/// The status of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStatus {
    /// `OK`
    Ok,
    /// `NODATA`: no traffic in the interval.
    NoData,
    /// `SKIPDATA`: AWS lost records of this interval.
    SkipData,
    /// A word that this version does not know.
    Other,
}

/// Why a flow was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// `BPA`: VPC Block Public Access.
    BlockPublicAccess,
    /// `EC`: encryption controls.
    EncryptionControls,
    /// A word that this version does not know.
    Other,
}

/// A parsed record: values where the columns had some, nothing where they were `-` or absent.
#[derive(Debug, Clone, Copy)]
pub struct FlowRecord<'a> {
    line: &'a [u8],
    row: &'a FieldSpec,
    format: &'a LogFormat,
}

/// Why a line is not a record of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {column}{}: {problem}", Named(*field))]
pub struct ParseError {
    /// Which column, from 1.
    pub column: usize,
    /// The field of that column, if it is a known one.
    pub field: Option<Field>,
    /// What is wrong with it.
    pub problem: ParseProblem,
}

/// What is wrong with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseProblem {
    /// Not an unsigned decimal number of 64 bits.
    #[error("not a number")]
    NotANumber,
    /// A number that the element cannot carry.
    #[error("larger than {max}")]
    TooLarge {
        /// The largest value that it can carry.
        max: u64,
    },
    /// Not an IPv4 or IPv6 address.
    #[error("not an IP address")]
    NotAnAddress,
    /// The line has fewer columns than the format.
    #[error("missing; the format has {columns} columns")]
    Missing {
        /// Columns of the format.
        columns: usize,
    },
    /// The line has more columns than the format.
    #[error("one column too many; the format has {columns}")]
    Surplus {
        /// Columns of the format.
        columns: usize,
    },
    /// The line is longer than [`MAX_LINE`].
    #[error("the line is longer than {MAX_LINE} octets")]
    LineTooLong,
    /// The process has met more combinations of present and absent columns than any set of formats makes.
    #[error("too many different record layouts in one process")]
    TooManyLayouts,
}

struct Named(Option<Field>);

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .map_or(Ok(()), |field| write!(f, " ({})", field.row().name))
    }
}

impl<'a> FlowRecord<'a> {
    /// Parses a line by a format into the given storage.
    ///
    /// # Errors
    ///
    /// The first column that does not fit, by number and field.
    pub fn parse(
        format: &'a LogFormat,
        line: &'a [u8],
        values: &'a mut RecordValues,
    ) -> Result<Self, ParseError> {
        values.read(format, line)?;
        Ok(Self::of(format, line, values))
    }

    /// The record whose values were [read](RecordValues::read) from this line by this format.
    pub(super) fn of(format: &'a LogFormat, line: &'a [u8], values: &'a RecordValues) -> Self {
        Self {
            line: values.line(line),
            row: values.row(),
            format,
        }
    }

    /// The fields that have a value.
    #[inline]
    pub fn present(&self) -> FieldSet {
        self.row.present
    }

    /// The line that was parsed, with a single space between each two columns.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// The format that the line was parsed by.
    pub fn format(&self) -> &'a LogFormat {
        self.format
    }

    /// Which kind of flow log the record belongs to.
    #[inline]
    pub fn kind(&self) -> RecordKind {
        self.format.kind()
    }

    /// A number; times are milliseconds since 1970. Nothing for fields that are not numbers.
    #[inline]
    pub fn number(&self, field: Field) -> Option<u64> {
        let place = self.place(field, NUMBER)?;
        self.row.numbers.get(place).copied()
    }

    /// The same of a field that is a number, or 0 if there is none.
    #[inline(always)]
    pub(crate) fn count(&self, field: Field) -> u64 {
        self.row.numbers[usize::from(slot(field)) % NUMBERS]
    }

    /// An address. Nothing for fields that are not addresses.
    #[inline]
    pub fn address(&self, field: Field) -> Option<Address> {
        let place = self.place(field, ADDRESS)?;
        Some(self.row.addresses.get(place))
    }

    /// A text, as it stands in the line. Nothing for fields that are not texts.
    #[inline]
    pub fn text(&self, field: Field) -> Option<&'a [u8]> {
        let token = self.row.texts.get(self.place(field, TEXT)?)?;
        Some(token.of(self.line))
    }

    /// A number that other records have only if they are of the same format, were read into the same storage, and say the same
    /// about what the record is about. Not every record has one.
    #[inline]
    pub(crate) fn lead(&self) -> Option<u64> {
        self.row.lead
    }

    /// What the columns say that tell what the record is about, as it stands in the line; those side by side together.
    #[inline]
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &'a [u8]> {
        let runs = self.format.plan().identifiers.iter();
        runs.map(|run| {
            let [first, last] =
                [run.first, run.last].map(|slot| self.row.texts[usize::from(slot) % TEXTS]);
            Token {
                start: first.start,
                next: last.next,
            }
            .of(self.line)
        })
    }

    /// Where a present field is stored, if it is stored so.
    #[inline]
    fn place(&self, field: Field, store: u8) -> Option<usize> {
        let stored = self.row.present.has(field) && STORES[field as usize] == store;
        stored.then_some(usize::from(slot(field)))
    }

    /// `action`, when it is one of the two known words.
    #[inline]
    pub fn action(&self) -> Option<FlowAction> {
        self.row.words.action
    }

    /// `flow-direction`, when it is one of the two known words.
    #[inline]
    pub fn direction(&self) -> Option<FlowDirection> {
        self.row.words.direction
    }

    /// `log-status`.
    #[inline]
    pub fn status(&self) -> Option<LogStatus> {
        self.row.words.status
    }

    /// `reject-reason`.
    #[inline]
    pub fn reject_reason(&self) -> Option<RejectReason> {
        self.row.words.reject_reason
    }

    /// The identifier of the interface that the record was captured on: interface-id, else resource-id; for a transit
    /// gateway the attachment.
    pub fn interface(&self) -> Option<&'a [u8]> {
        match self.kind() {
            RecordKind::Vpc => self
                .text(Field::InterfaceId)
                .or_else(|| self.text(Field::ResourceId)),
            RecordKind::TransitGateway => self.text(Field::TgwAttachmentId),
        }
    }

    /// All number places, in the order that [`slot`] gives.
    pub(crate) fn numbers(&self) -> &'a [u64; NUMBERS] {
        &self.row.numbers
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::field::{ColumnType, FIELD_COUNT, FIELDS};
    use super::super::values::{FIRST_MILLISECONDS, LAST_MILLISECOND};
    use super::*;
    use proptest::prelude::*;

    fn with<T>(
        format: &str,
        line: &[u8],
        look: impl FnOnce(Result<FlowRecord<'_>, ParseError>) -> T,
    ) -> T {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        look(FlowRecord::parse(&format, line, &mut values))
    }

    fn error(format: &str, line: &str) -> ParseError {
        with(format, line.as_bytes(), |record| {
            record.expect_err("wrong line")
        })
    }

    #[test]
    fn the_documented_default_line_is_read_whole() {
        let line = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
        with(LogFormat::VPC_DEFAULT, line, |record| {
            let record = record.expect("documented");
            assert_eq!(record.text(Field::AccountId), Some(&b"123456789010"[..]));
            assert_eq!(record.interface(), Some(&b"eni-1235b8ca123456789"[..]));
            assert_eq!(
                record.address(Field::SourceAddress).map(IpAddr::from),
                "172.31.16.139".parse().ok()
            );
            assert_eq!(
                record.address(Field::DestinationAddress).map(IpAddr::from),
                "172.31.16.21".parse().ok()
            );
            let numbers = [
                Field::SourcePort,
                Field::DestinationPort,
                Field::Protocol,
                Field::Packets,
                Field::Bytes,
                Field::Start,
                Field::End,
            ]
            .map(|field| record.number(field));
            assert_eq!(
                numbers,
                [20641, 22, 6, 20, 4249, 1_418_530_010_000, 1_418_530_070_000].map(Some)
            );
            assert_eq!(
                (record.action(), record.status()),
                (Some(FlowAction::Accept), Some(LogStatus::Ok))
            );
            assert_eq!(
                record.number(Field::Version),
                None,
                "the version is passed over"
            );
            assert_eq!(record.direction(), None);
        });
    }

    #[test]
    fn words_are_what_aws_writes() {
        let format = "${action} ${log-status} ${flow-direction}";
        for (line, action, status, direction) in [
            (
                "ACCEPT OK ingress",
                Some(FlowAction::Accept),
                Some(LogStatus::Ok),
                Some(FlowDirection::Ingress),
            ),
            (
                "REJECT NODATA egress",
                Some(FlowAction::Reject),
                Some(LogStatus::NoData),
                Some(FlowDirection::Egress),
            ),
            ("- SKIPDATA -", None, Some(LogStatus::SkipData), None),
        ] {
            with(format, line.as_bytes(), |record| {
                let record = record.expect("words");
                assert_eq!(
                    (record.action(), record.status()),
                    (action, status),
                    "{line}"
                );
                assert_eq!(record.direction(), direction, "{line}");
            });
        }
    }

    #[test]
    fn a_dash_in_front_of_something_is_not_no_value() {
        let minus = error("${srcaddr} ${bytes}", "10.0.0.1 -5");
        assert_eq!((minus.column, minus.problem), (2, ParseProblem::NotANumber));
        with("${interface-id} ${bytes}", b"-x 5", |record| {
            let record = record.expect("a text and a number");
            assert_eq!(record.interface(), Some(&b"-x"[..]));
            assert_eq!(record.number(Field::Bytes), Some(5));
        });
    }

    #[test]
    fn the_octet_behind_nine_is_no_digit_of_an_address() {
        for text in [":.0.0.1", "1:.0.0.1", "12:.0.0.1", "1.0.0.:", "1.0.0.1:"] {
            assert_eq!(
                error("${srcaddr} ${bytes}", &format!("{text} 1")).problem,
                ParseProblem::NotAnAddress,
                "{text}"
            );
        }
    }

    #[test]
    fn the_last_time_is_the_last_that_32_bits_of_seconds_hold() {
        for (last, late) in [
            ("4294967295", "4294967296"),
            ("4294967295999", "4294967296000"),
        ] {
            with(
                "${start} ${bytes}",
                format!("{last} 1").as_bytes(),
                |record| {
                    let start = record.expect("a time").number(Field::Start);
                    assert_eq!(start.map(|start| start / 1_000), Some(u64::from(u32::MAX)));
                },
            );
            let late = error("${start} ${bytes}", &format!("{late} 1")).problem;
            assert_eq!(
                late,
                ParseProblem::TooLarge {
                    max: LAST_MILLISECOND
                }
            );
        }
    }

    #[test]
    fn reasons_of_rejection_are_what_aws_writes() {
        for (word, reason) in [
            ("BPA", RejectReason::BlockPublicAccess),
            ("EC", RejectReason::EncryptionControls),
            ("XX", RejectReason::Other),
        ] {
            let line = format!("{word} 1");
            with("${reject-reason} ${bytes}", line.as_bytes(), |record| {
                assert_eq!(record.expect("a word").reject_reason(), Some(reason));
            });
        }
    }

    #[test]
    fn the_first_time_in_milliseconds_is_of_1973() {
        with("${start} ${bytes}", b"100000000000 1", |record| {
            let start = record.expect("a time").number(Field::Start);
            assert_eq!(start, Some(FIRST_MILLISECONDS));
        });
        // One less is in seconds, and of the year 5138.
        let late = error("${start} ${bytes}", "99999999999 1").problem;
        assert!(matches!(late, ParseProblem::TooLarge { .. }), "{late:?}");
    }

    #[test]
    fn a_dash_is_no_value_in_any_column() {
        let line =
            b"2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA";
        with(LogFormat::VPC_DEFAULT, line, |record| {
            let record = record.expect("documented");
            assert_eq!(record.status(), Some(LogStatus::NoData));
            assert!(!record.present().has_any(FieldSet::of(&[
                Field::SourceAddress,
                Field::Bytes,
                Field::Action
            ])));
        });
    }

    #[test]
    fn errors_name_the_column_and_the_field() {
        let wrong = error("${version} ${srcport}", "2 65536");
        assert_eq!(wrong.problem, ParseProblem::TooLarge { max: 65_535 });
        assert_eq!(wrong.to_string(), "column 2 (srcport): larger than 65535");
        assert_eq!(
            error("${srcaddr} ${bytes}", "10.0.0.1 many").problem,
            ParseProblem::NotANumber
        );
        assert_eq!(
            error("${srcaddr} ${bytes}", "10.0.0.256 1").to_string(),
            "column 1 (srcaddr): not an IP address"
        );
        assert_eq!(
            error("${srcaddr} ${bytes}", "10.0.0.1").to_string(),
            "column 2 (bytes): missing; the format has 2 columns"
        );
        let surplus = error("${srcaddr} ${bytes}", "10.0.0.1 1 2");
        assert_eq!(
            (surplus.column, surplus.problem),
            (3, ParseProblem::Surplus { columns: 2 })
        );
        assert_eq!(
            error("${srcaddr} ${bytes}", &"1".repeat(MAX_LINE + 1)).problem,
            ParseProblem::LineTooLong
        );
    }

    #[test]
    fn what_is_not_used_may_hold_anything() {
        with(
            "${version} ${traffic-path} ${future} ${bytes}",
            b"x y \xff\xfe 7",
            |record| {
                assert_eq!(
                    record.expect("bytes is a number").number(Field::Bytes),
                    Some(7)
                );
            },
        );
    }

    #[test]
    fn milliseconds_are_known_by_their_size_and_times_after_2106_are_refused() {
        with("${start} ${end}", b"1763715600123 1763715600", |record| {
            let record = record.expect("both spellings");
            assert_eq!(record.number(Field::Start), Some(1_763_715_600_123));
            assert_eq!(record.number(Field::End), Some(1_763_715_600_000));
        });
        assert!(matches!(
            error("${start} ${end}", "1 4294967296").problem,
            ParseProblem::TooLarge { .. }
        ));
    }

    #[test]
    fn unknown_words_are_unknown_values_and_keep_the_record() {
        with(
            "${action} ${flow-direction} ${log-status} ${reject-reason} ${bytes}",
            b"DEFER sideways INCOMPLETEDATA XX 1",
            |record| {
                let record = record.expect("tolerated");
                assert_eq!((record.action(), record.direction()), (None, None));
                assert_eq!(
                    (record.status(), record.reject_reason()),
                    (Some(LogStatus::Other), Some(RejectReason::Other))
                );
            },
        );
    }

    #[test]
    fn runs_of_spaces_and_line_ends_separate_columns() {
        with(
            "${srcaddr} ${bytes}",
            b"  10.0.0.1 \t 18446744073709551615\r\n",
            |record| {
                assert_eq!(
                    record.expect("tolerated").number(Field::Bytes),
                    Some(u64::MAX)
                );
            },
        );
    }

    /// The obvious way to read a line: split, and let std parse.
    fn naive(format: &LogFormat, line: &str) -> Option<Vec<(Field, String)>> {
        let tokens: Vec<&str> = line
            .split(|c: char| c <= ' ')
            .filter(|token| !token.is_empty())
            .collect();
        if tokens.len() != format.names().len() {
            return None;
        }
        let mut seen = FieldSet::EMPTY;
        let mut values = Vec::new();
        for (name, token) in format.names().iter().zip(tokens) {
            let Some(field) = Field::by_name(name.as_bytes()).filter(|&field| !seen.has(field))
            else {
                continue;
            };
            seen.insert(field);
            if token == "-" {
                continue;
            }
            let value = match field.row().read {
                ColumnType::Skip(_) => continue,
                ColumnType::Number { max } => token
                    .parse::<u64>()
                    .ok()
                    .filter(|&value| value <= max && !token.starts_with('+'))?
                    .to_string(),
                ColumnType::Time => {
                    let value: u64 = token.parse().ok().filter(|_| !token.starts_with('+'))?;
                    let value = if value < FIRST_MILLISECONDS {
                        value * 1_000
                    } else {
                        value
                    };
                    (value <= LAST_MILLISECOND).then_some(value)?.to_string()
                }
                ColumnType::Address => token.parse::<IpAddr>().ok()?.to_string(),
                ColumnType::Text(_) => token.to_owned(),
                ColumnType::Action if !matches!(token, "ACCEPT" | "REJECT") => continue,
                ColumnType::Direction if !matches!(token, "ingress" | "egress") => continue,
                _ => String::new(),
            };
            values.push((field, value));
        }
        values.sort();
        Some(values)
    }

    fn token() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("-".to_owned()),
            any::<u64>().prop_map(|value| value.to_string()),
            (0_u32..70_000).prop_map(|value| value.to_string()),
            any::<[u8; 4]>().prop_map(|octets| Ipv4Addr::from(octets).to_string()),
            any::<[u8; 16]>().prop_map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
            Just("ACCEPT".to_owned()),
            Just("egress".to_owned()),
            Just("OK".to_owned()),
            "[!-~é]{1,12}",
        ]
    }

    /// A token that mostly suits the field, so that many random lines parse.
    fn suited(field: Field) -> BoxedStrategy<String> {
        match field.row().read {
            ColumnType::Number { max } => (0..=max).prop_map(|value| value.to_string()).boxed(),
            ColumnType::Time => (0_u64..4_294_967_296)
                .prop_map(|value| value.to_string())
                .boxed(),
            ColumnType::Address => prop_oneof![
                any::<[u8; 4]>().prop_map(|octets| Ipv4Addr::from(octets).to_string()),
                any::<[u8; 16]>().prop_map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
            ]
            .boxed(),
            _ => token().boxed(),
        }
    }

    proptest! {
        #[test]
        fn the_fast_parser_agrees_with_the_naive_one(
            columns in prop::collection::vec((0..FIELD_COUNT).prop_flat_map(|index| {
                let field = FIELDS[index].field;
                (Just(field), prop_oneof![20 => suited(field), 1 => token(), 1 => Just("-".to_owned())])
            }), 1..40),
            separator in prop_oneof![Just(" "), Just("  "), Just("\t")],
        ) {
            let text: Vec<String> = columns.iter().map(|(field, _)| format!("${{{}}}", field.row().name)).collect();
            let format = LogFormat::parse(&text.join(" ")).expect("known names");
            let line = columns.iter().map(|(_, token)| token.as_str()).collect::<Vec<_>>().join(separator);
            let mut values = RecordValues::default();
            let fast = FlowRecord::parse(&format, line.as_bytes(), &mut values).ok().map(|record| {
                let mut values: Vec<(Field, String)> = record.present().iter().map(|field| {
                    let number = record.number(field).map(|value| value.to_string());
                    let address = record.address(field).map(IpAddr::from).map(|value| value.to_string());
                    let text = record.text(field).map(|text| String::from_utf8_lossy(text).into_owned());
                    (field, number.or(address).or(text).unwrap_or_default())
                }).collect();
                values.sort();
                values
            });
            prop_assert_eq!(fast, naive(&format, &line));
        }

        #[test]
        fn any_bytes_parse_or_say_why_not(line: Vec<u8>) {
            with(LogFormat::VPC_DEFAULT, &line, |record| { let _ = record.map(|record| record.present()); });
        }
    }
}
