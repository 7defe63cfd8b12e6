//! Typed record: the values of a line, by field.

use std::borrow::Cow;
use std::num::NonZeroU64;

use crate::network::Address;

use super::columns::{ColumnValues, RecordValues};
use super::field::{Field, FieldSet};
use super::format::{LogFormat, RecordKind};
use super::plan::{NUMBERS, TEXTS, ValueStore, slot, store};
use super::tokens::Token;
use super::words::{FlowAction, FlowDirection, LogStatus, ParseError, RejectReason};

/// Parsed record: the values of the columns; `None` for a column that is `-` or absent.
#[derive(Debug, Clone, Copy)]
pub struct FlowRecord<'a> {
    line: &'a [u8],
    columns: &'a ColumnValues,
    format: &'a LogFormat,
    /// True if `line` holds the text columns alone.
    is_row: bool,
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
        values.read(format.plan(), line)?;
        Ok(Self::of(format, line, values))
    }

    /// Record of a line [read](RecordValues::read) into `values` by the plan of `format`.
    pub(super) fn of(format: &'a LogFormat, line: &'a [u8], values: &'a RecordValues) -> Self {
        Self {
            line: values.line(line),
            columns: values.columns(),
            format,
            is_row: false,
        }
    }

    /// Record of a row, whose `texts` hold the text columns alone.
    #[inline]
    pub(super) fn of_row(
        format: &'a LogFormat,
        texts: &'a [u8],
        columns: &'a ColumnValues,
    ) -> Self {
        Self {
            line: texts,
            columns,
            format,
            is_row: true,
        }
    }

    /// Fields with a value.
    #[inline]
    pub fn present(&self) -> FieldSet {
        self.columns.present
    }

    /// Parsed line, with single spaces between columns; for a record of a [row](super::RowValues), only the text columns.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// Line for a message about the record; of a row the numbers, addresses and texts as `name=value`.
    #[cold]
    pub(crate) fn sample(&self) -> Cow<'a, [u8]> {
        if !self.is_row {
            return Cow::Borrowed(self.line);
        }
        let value = |field: Field| {
            let number = self.number(field).map(|number| number.to_string());
            let address = || self.address(field).map(|address| address.to_string());
            let text = || self.text(field).map(String::from_utf8_lossy);
            let value = number
                .or_else(address)
                .or_else(|| Some(text()?.into_owned()))?;
            Some(format!("{}={value}", field.row().name))
        };
        let values: Vec<String> = self.present().iter().filter_map(value).collect();
        Cow::Owned(values.join(" ").into_bytes())
    }

    /// Format of the line or row.
    pub fn format(&self) -> &'a LogFormat {
        self.format
    }

    /// Kind of flow log of the record.
    #[inline]
    pub fn kind(&self) -> RecordKind {
        self.format.kind()
    }

    /// Number of a field; times are milliseconds since 1970. `None` for fields of another type.
    #[inline]
    pub fn number(&self, field: Field) -> Option<u64> {
        let slot = self.slot(field, ValueStore::Number)?;
        self.columns.numbers.get(slot).copied()
    }

    /// Number of a field, 0 where absent; for number fields.
    #[inline(always)]
    pub(crate) fn number_or_zero(&self, field: Field) -> u64 {
        self.columns.numbers[usize::from(slot(field)) % NUMBERS]
    }

    /// Address of a field. `None` for fields of another type.
    #[inline]
    pub fn address(&self, field: Field) -> Option<Address> {
        let slot = self.slot(field, ValueStore::Address)?;
        Some(self.columns.addresses.get(slot))
    }

    /// Text of a field, as in the line. `None` for fields of another type.
    #[inline]
    pub fn text(&self, field: Field) -> Option<&'a [u8]> {
        let token = self
            .columns
            .texts
            .get(self.slot(field, ValueStore::Text)?)?;
        Some(token.of(self.line))
    }

    /// Cache key: equal keys (same format, same [`RecordValues`] or [`RowValues`](super::RowValues)) imply equal
    /// identifier columns. `None` if an identifier column of a line stands after the prefix.
    #[inline]
    pub(crate) fn identifier_key(&self) -> Option<NonZeroU64> {
        self.columns.identifier_key
    }

    /// Octets of the identifier columns, in the order of the line; columns side by side together.
    #[inline]
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &'a [u8]> {
        let runs = self.format.plan().identifiers.iter();
        runs.map(|run| {
            let [first, last] =
                [run.first, run.last].map(|slot| self.columns.texts[usize::from(slot) % TEXTS]);
            Token {
                start: first.start,
                next: last.next,
            }
            .of(self.line)
        })
    }

    /// Slot of a present field, if this store holds the field.
    #[inline]
    fn slot(&self, field: Field, wanted: ValueStore) -> Option<usize> {
        let has_slot = self.columns.present.has(field) && store(field) == wanted;
        has_slot.then_some(usize::from(slot(field)))
    }

    /// `action`, if the word is known.
    #[inline]
    pub fn action(&self) -> Option<FlowAction> {
        self.columns.words.action
    }

    /// `flow-direction`, if the word is known.
    #[inline]
    pub fn direction(&self) -> Option<FlowDirection> {
        self.columns.words.direction
    }

    /// Returns whether `flow-direction` holds a word that is neither known nor `-`.
    #[inline]
    pub fn has_unknown_direction(&self) -> bool {
        self.columns.words.unknown_direction
    }

    /// `log-status`.
    #[inline]
    pub fn status(&self) -> Option<LogStatus> {
        self.columns.words.status
    }

    /// `reject-reason`.
    #[inline]
    pub fn reject_reason(&self) -> Option<RejectReason> {
        self.columns.words.reject_reason
    }

    /// Identifier of the interface of the record: interface-id, else resource-id; for a transit gateway the attachment.
    pub fn interface_id(&self) -> Option<&'a [u8]> {
        match self.kind() {
            RecordKind::Vpc => self
                .text(Field::InterfaceId)
                .or_else(|| self.text(Field::ResourceId)),
            RecordKind::TransitGateway => self.text(Field::TgwAttachmentId),
        }
    }

    /// All numbers, in the order of [`slot`].
    pub(crate) fn numbers(&self) -> &'a [u64; NUMBERS] {
        &self.columns.numbers
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::field::{ColumnType, FIELD_COUNT, FIELDS};
    use super::super::testing::token_of;
    use super::super::words::{FIRST_MILLISECONDS, LAST_MILLISECOND, MAX_LINE, ParseProblem};
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
            assert_eq!(record.interface_id(), Some(&b"eni-1235b8ca123456789"[..]));
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
        let format = "${action} ${log-status} ${flow-direction} ${bytes}";
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
            with(format, format!("{line} 1").as_bytes(), |record| {
                let record = record.expect("words");
                assert_eq!(
                    (record.action(), record.status()),
                    (action, status),
                    "{line}"
                );
                assert_eq!(record.direction(), direction, "{line}");
                assert!(!record.has_unknown_direction(), "{line}");
            });
        }
    }

    #[test]
    fn a_dash_in_front_of_something_is_not_no_value() {
        let minus = error("${srcaddr} ${bytes}", "10.0.0.1 -5");
        assert_eq!(
            (minus.column, minus.problem),
            (Some(2), ParseProblem::NotANumber)
        );
        with("${interface-id} ${bytes}", b"-x 5", |record| {
            let record = record.expect("a text and a number");
            assert_eq!(record.interface_id(), Some(&b"-x"[..]));
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
            let late = error("${start} ${bytes}", &format!("{late} 1"));
            assert_eq!(late.problem, ParseProblem::TooLate);
            assert_eq!(
                late.to_string(),
                "column 1 (start): later than 2106-02-07 06:28:15 UTC"
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
        assert_eq!(late, ParseProblem::TooLate);
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
        let wrong = error("${bytes} ${srcport}", "2 65536");
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
        for surplus in ["10.0.0.1 1 2", "10.0.0.1 1 2 3"] {
            assert_eq!(
                error("${srcaddr} ${bytes}", surplus).to_string(),
                "column 3: too many columns; the format has 2"
            );
        }
        assert_eq!(
            error("${srcaddr} ${bytes}", &"1".repeat(MAX_LINE + 1)).to_string(),
            "the line is longer than 65535 octets"
        );
        let address = "10.0.0.1 ";
        let longest = address.to_owned() + &"0".repeat(MAX_LINE - address.len());
        with("${srcaddr} ${bytes}", longest.as_bytes(), |record| {
            assert_eq!(
                record.map(|record| record.number(Field::Bytes)),
                Ok(Some(0))
            );
        });
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
        with(
            "${start} ${end} ${bytes}",
            b"1763715600123 1763715600 1",
            |record| {
                let record = record.expect("both spellings");
                assert_eq!(record.number(Field::Start), Some(1_763_715_600_123));
                assert_eq!(record.number(Field::End), Some(1_763_715_600_000));
            },
        );
        assert_eq!(
            error("${start} ${end} ${bytes}", "1 4294967296 1").problem,
            ParseProblem::TooLate
        );
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
                assert!(record.has_unknown_direction());
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

    #[test]
    fn an_odd_octet_spoils_a_number_and_not_a_tag() {
        let format = "${srcaddr} ${bytes} ${instance-tag}";
        for odd in [&b"\x00"[..], b"\x01", b"\x1b", b"\xff", b"\xc3\x28"] {
            let line = [b"10.0.0.1 7 web", odd, b"server"].concat();
            with(format, &line, |record| {
                let record = record.expect("an odd tag");
                assert_eq!(record.number(Field::Bytes), Some(7));
                let tag = record.text(Field::InstanceTag).expect("a tag");
                assert!(
                    tag.starts_with(b"web") && tag.ends_with(b"server"),
                    "{tag:?}"
                );
            });
            let line = [b"10.0.0.1 7", odd, b"7 web"].concat();
            with(format, &line, |record| {
                let error = record.expect_err("an odd number");
                assert_eq!(
                    (error.column, error.problem),
                    (Some(2), ParseProblem::NotANumber)
                );
            });
        }
    }

    /// Slow twin of the reader: split the line, and let std parse.
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
            let value = match field.row().column_type {
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

    proptest! {
        #[test]
        fn the_fast_parser_agrees_with_the_naive_one(
            columns in prop::collection::vec((0..FIELD_COUNT).prop_flat_map(|index| {
                let field = FIELDS[index].field;
                (Just(field), token_of(field))
            }), 1..40),
            separator in prop_oneof![Just(" "), Just("  "), Just("\t")],
        ) {
            let text: Vec<String> = columns.iter().map(|(field, _)| format!("${{{}}}", field.row().name)).collect();
            let format = LogFormat::parse(&format!("{} ${{bytes}}", text.join(" "))).expect("known names");
            let line = columns.iter().map(|(_, token)| token.as_str()).chain(["7"]).collect::<Vec<_>>().join(separator);
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
