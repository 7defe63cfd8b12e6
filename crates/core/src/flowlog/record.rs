//! One flow-log record, typed. A line is parsed once, here; nothing behind this file reads text columns again.
//!
//! [`Values`] is the storage, reused from record to record, so that parsing allocates nothing and clears nothing: the
//! set of present fields says which of its places hold something.

use crate::address::Address;

use super::field::{FIELD_COUNT, FIELDS, Field, FieldSet, Read};
use super::format::{Column, Kind, LogFormat};
use super::scan::{self, packed};
use super::tokens::{Token, Tokens};

/// Longest line that is parsed, in octets; the longest record that AWS can write is far shorter.
pub const MAX_LINE: usize = u16::MAX as usize;

/// Numbers from here on are milliseconds, smaller ones are seconds (this many seconds are the year 5138).
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// The last millisecond that the seconds elements can carry (RFC 7011 §6.1.7: 32 bits, until 2106).
const LAST_MILLISECOND: u64 = u32::MAX as u64 * 1_000 + 999;

/// What AWS did with the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `ACCEPT`
    Accept,
    /// `REJECT`: denied, or the packets arrived after the connection was closed.
    Reject,
}

/// Which way the flow crossed the interface (VPC) or the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `ingress`
    Ingress,
    /// `egress`
    Egress,
}

/// The status of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
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

/// Storage for one record, reused from record to record.
#[derive(Debug)]
pub struct Values {
    tokens: Tokens,
    present: FieldSet,
    numbers: [u64; NUMBERS],
    addresses: Addresses,
    texts: [Token; TEXTS],
    words: Words,
}

/// Addresses by their parts: what was written in parts and is read as a whole soon after makes a processor wait.
#[derive(Debug, Default)]
struct Addresses {
    high: [u64; ADDRESSES],
    low: [u64; ADDRESSES],
    ipv4: [bool; ADDRESSES],
}

impl Addresses {
    #[inline(always)]
    fn set(&mut self, place: usize, address: Address) {
        (self.high[place], self.low[place]) = address.halves();
        self.ipv4[place] = address.is_ipv4();
    }

    #[inline(always)]
    fn get(&self, place: usize) -> Address {
        Address::of_halves(self.high[place], self.low[place], self.ipv4[place])
    }
}

/// Values of the columns that hold one of a few words.
#[derive(Debug)]
struct Words {
    action: Action,
    direction: Direction,
    status: Status,
    reject_reason: RejectReason,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            tokens: Tokens::default(),
            present: FieldSet::EMPTY,
            numbers: [0; NUMBERS],
            addresses: Addresses::default(),
            texts: [Token::default(); TEXTS],
            words: Words {
                action: Action::Accept,
                direction: Direction::Ingress,
                status: Status::Ok,
                reject_reason: RejectReason::Other,
            },
        }
    }
}

/// A parsed record: values where the columns had some, nothing where they were `-` or absent.
#[derive(Debug, Clone, Copy)]
pub struct FlowRecord<'a> {
    line: &'a [u8],
    values: &'a Values,
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
    pub problem: Problem,
}

/// What is wrong with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
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
        values: &'a mut Values,
    ) -> Result<Self, ParseError> {
        values.read(format, line)?;
        Ok(Self {
            line,
            values,
            format,
        })
    }

    /// The record whose values were [read](Values::read) from this line by this format.
    pub(super) fn of(format: &'a LogFormat, line: &'a [u8], values: &'a Values) -> Self {
        Self {
            line,
            values,
            format,
        }
    }

    /// The fields that have a value.
    #[inline]
    pub fn present(&self) -> FieldSet {
        self.values.present
    }

    /// The line that was parsed.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// The format that the line was parsed by.
    pub fn format(&self) -> &'a LogFormat {
        self.format
    }

    /// Which kind of flow log the record belongs to.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.format.kind()
    }

    /// A number; times are milliseconds since 1970. Nothing for fields that are not numbers.
    #[inline]
    pub fn number(&self, field: Field) -> Option<u64> {
        let place = self.place(field, NUMBER)?;
        self.values.numbers.get(place).copied()
    }

    /// An address. Nothing for fields that are not addresses.
    #[inline]
    pub fn address(&self, field: Field) -> Option<Address> {
        let place = self.place(field, ADDRESS)?;
        Some(self.values.addresses.get(place))
    }

    /// A text, as it stands in the line. Nothing for fields that are not texts.
    #[inline]
    pub fn text(&self, field: Field) -> Option<&'a [u8]> {
        let token = self.values.texts.get(self.place(field, TEXT)?)?;
        Some(token.of(self.line))
    }

    /// The texts of the columns that say what the record is about, in table order; empty where they have no value.
    #[inline]
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &'a [u8]> {
        let slots = self.format.identifiers().iter();
        slots.map(|&slot| self.values.texts[usize::from(slot)].of(self.line))
    }

    /// Where a present field is stored, if it is stored so.
    #[inline]
    fn place(&self, field: Field, store: u8) -> Option<usize> {
        let stored = self.values.present.has(field) && STORES[field as usize] == store;
        stored.then_some(usize::from(SLOTS[field as usize]))
    }

    /// `action`, when it is one of the two known words.
    #[inline]
    pub fn action(&self) -> Option<Action> {
        self.values
            .present
            .has(Field::Action)
            .then_some(self.values.words.action)
    }

    /// `flow-direction`, when it is one of the two known words.
    #[inline]
    pub fn direction(&self) -> Option<Direction> {
        self.values
            .present
            .has(Field::FlowDirection)
            .then_some(self.values.words.direction)
    }

    /// `log-status`.
    #[inline]
    pub fn status(&self) -> Option<Status> {
        self.values
            .present
            .has(Field::LogStatus)
            .then_some(self.values.words.status)
    }

    /// `reject-reason`.
    #[inline]
    pub fn reject_reason(&self) -> Option<RejectReason> {
        self.values
            .present
            .has(Field::RejectReason)
            .then_some(self.values.words.reject_reason)
    }

    /// The identifier of the interface that the record was captured on: interface-id, else resource-id; for a transit
    /// gateway the attachment.
    pub fn interface(&self) -> Option<&'a [u8]> {
        match self.kind() {
            Kind::Vpc => self
                .text(Field::InterfaceId)
                .or_else(|| self.text(Field::ResourceId)),
            Kind::TransitGateway => self.text(Field::TgwAttachmentId),
        }
    }

    /// All number places, in the order that [`slot`] gives.
    pub(crate) fn numbers(&self) -> &'a [u64; NUMBERS] {
        &self.values.numbers
    }
}

impl Values {
    /// The tokens of a line.
    pub(super) fn tokens(&mut self, line: &[u8]) -> &Tokens {
        self.tokens.find(line);
        &self.tokens
    }

    /// Reads the columns of a line; after an error the values mean nothing.
    pub(super) fn read(&mut self, format: &LogFormat, line: &[u8]) -> Result<(), ParseError> {
        if line.len() > MAX_LINE {
            return Err(ParseError {
                column: 1,
                field: None,
                problem: Problem::LineTooLong,
            });
        }
        self.tokens.find(line);
        self.present = format.read();
        let fits = self.tokens.count() == format.columns().len()
            && self.read_columns(format, line).is_ok();
        fits.then_some(()).ok_or_else(|| self.fault(format, line))
    }

    /// Reads all columns, those alike together.
    #[inline(always)]
    fn read_columns(&mut self, format: &LogFormat, line: &[u8]) -> Result<(), Problem> {
        let plan = format.plan();
        for column in &plan.numbers {
            self.number(column, line)?;
        }
        for column in &plan.times {
            self.time(column, line)?;
        }
        for column in &plan.addresses {
            self.address(column, line)?;
        }
        for column in &plan.texts {
            self.text(column, line);
        }
        for column in &plan.words {
            self.word(column, line);
        }
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, column: &Column, line: &[u8]) -> Result<(), Problem> {
        let token = self.tokens.at(column.token);
        let value = match scan::number(line, token) {
            Some(value) if value <= column.max => value,
            Some(_) => return Err(Problem::TooLarge { max: column.max }),
            None if scan::is_dash(line, token) => {
                self.present = self.present.difference(column.set);
                0 // so that a flow without TCP can say that it has no flags
            }
            None => return Err(Problem::NotANumber),
        };
        self.numbers[usize::from(column.slot)] = value;
        Ok(())
    }

    #[inline(always)]
    fn time(&mut self, column: &Column, line: &[u8]) -> Result<(), Problem> {
        let token = self.tokens.at(column.token);
        let milliseconds = match scan::seconds(line, token) {
            Some(seconds) if seconds < FIRST_MILLISECONDS => seconds * 1_000,
            Some(milliseconds) => milliseconds,
            None if scan::is_dash(line, token) => {
                self.present = self.present.difference(column.set);
                0
            }
            None => return Err(Problem::NotANumber),
        };
        if milliseconds > LAST_MILLISECOND {
            return Err(Problem::TooLarge {
                max: LAST_MILLISECOND,
            });
        }
        self.numbers[usize::from(column.slot)] = milliseconds;
        Ok(())
    }

    #[inline(always)]
    fn address(&mut self, column: &Column, line: &[u8]) -> Result<(), Problem> {
        let token = self.tokens.at(column.token);
        if scan::is_dash(line, token) {
            self.present = self.present.difference(column.set);
            return Ok(());
        }
        let address = scan::address(line, token).ok_or(Problem::NotAnAddress)?;
        self.addresses.set(usize::from(column.slot), address);
        Ok(())
    }

    #[inline(always)]
    fn text(&mut self, column: &Column, line: &[u8]) {
        let mut token = self.tokens.at(column.token);
        if scan::is_dash(line, token) {
            self.present = self.present.difference(column.set);
            token = Token::default();
        }
        self.texts[usize::from(column.slot)] = token;
    }

    #[inline(always)]
    fn word(&mut self, column: &Column, line: &[u8]) {
        let word = scan::word(line, self.tokens.at(column.token));
        if word == packed(b"-") || !self.words.set(column.field, word) {
            self.present = self.present.difference(column.set);
        }
    }

    /// The first column that does not fit, of a line of which one does not.
    #[cold]
    fn fault(&mut self, format: &LogFormat, line: &[u8]) -> ParseError {
        let columns = format.columns();
        let plan = format.plan();
        let found = self.tokens.count();
        for (index, &field) in columns.iter().enumerate() {
            let read = |columns: &[Column]| {
                columns
                    .iter()
                    .find(|column| Some(column.field) == field)
                    .copied()
            };
            let problem = if index >= found {
                Err(Problem::Missing {
                    columns: columns.len(),
                })
            } else if let Some(column) = read(&plan.numbers) {
                self.number(&column, line)
            } else if let Some(column) = read(&plan.times) {
                self.time(&column, line)
            } else if let Some(column) = read(&plan.addresses) {
                self.address(&column, line)
            } else {
                Ok(())
            };
            if let Err(problem) = problem {
                return ParseError {
                    column: index + 1,
                    field,
                    problem,
                };
            }
        }
        ParseError {
            column: columns.len() + 1,
            field: None,
            problem: Problem::Surplus {
                columns: columns.len(),
            },
        }
    }
}

impl Words {
    /// Stores a word of a column; whether it is a value (an unknown action or direction is none).
    #[inline(always)]
    fn set(&mut self, field: Field, word: u64) -> bool {
        const ACCEPT: u64 = packed(b"ACCEPT");
        const REJECT: u64 = packed(b"REJECT");
        const INGRESS: u64 = packed(b"ingress");
        const EGRESS: u64 = packed(b"egress");
        const OK: u64 = packed(b"OK");
        const NO_DATA: u64 = packed(b"NODATA");
        const SKIP_DATA: u64 = packed(b"SKIPDATA");
        const BPA: u64 = packed(b"BPA");
        const EC: u64 = packed(b"EC");
        match (field, word) {
            (Field::Action, ACCEPT) => self.action = Action::Accept,
            (Field::Action, REJECT) => self.action = Action::Reject,
            (Field::FlowDirection, INGRESS) => self.direction = Direction::Ingress,
            (Field::FlowDirection, EGRESS) => self.direction = Direction::Egress,
            (Field::LogStatus, OK) => self.status = Status::Ok,
            (Field::LogStatus, NO_DATA) => self.status = Status::NoData,
            (Field::LogStatus, SKIP_DATA) => self.status = Status::SkipData,
            (Field::LogStatus, _) => self.status = Status::Other,
            (Field::RejectReason, BPA) => self.reject_reason = RejectReason::BlockPublicAccess,
            (Field::RejectReason, EC) => self.reject_reason = RejectReason::EncryptionControls,
            (Field::RejectReason, _) => self.reject_reason = RejectReason::Other,
            _ => return false,
        }
        true
    }
}

/// The place of a field among those that are stored alike; for a number, its place in [`FlowRecord::numbers`].
pub(crate) const fn slot(field: Field) -> u8 {
    SLOTS[field as usize]
}

/// The place of each field among those that are stored alike.
static SLOTS: [u8; FIELD_COUNT] = PLAN.0;
/// How each field is stored.
static STORES: [u8; FIELD_COUNT] = PLAN.1;

const NUMBER: u8 = 0;
const ADDRESS: u8 = 1;
const TEXT: u8 = 2;
const OTHERWISE: u8 = 3;

/// How many numbers a record can hold.
pub(crate) const NUMBERS: usize = PLAN.2[NUMBER as usize] as usize;
const ADDRESSES: usize = PLAN.2[ADDRESS as usize] as usize;
const TEXTS: usize = PLAN.2[TEXT as usize] as usize;

const PLAN: ([u8; FIELD_COUNT], [u8; FIELD_COUNT], [u8; 4]) = plan();

/// Slots, stores, and how many fields each store has.
const fn plan() -> ([u8; FIELD_COUNT], [u8; FIELD_COUNT], [u8; 4]) {
    let (mut slots, mut stores, mut used) = ([0; FIELD_COUNT], [0; FIELD_COUNT], [0; 4]);
    let mut i = 0;
    while i < FIELD_COUNT {
        let store = match FIELDS[i].read {
            Read::Number { .. } | Read::Time => NUMBER,
            Read::Address => ADDRESS,
            Read::Text(_) => TEXT,
            _ => OTHERWISE,
        };
        stores[i] = store;
        slots[i] = used[store as usize];
        used[store as usize] += 1;
        i += 1;
    }
    (slots, stores, used)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use proptest::prelude::*;

    fn with<T>(
        format: &str,
        line: &[u8],
        look: impl FnOnce(Result<FlowRecord<'_>, ParseError>) -> T,
    ) -> T {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = Values::default();
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
                (Some(Action::Accept), Some(Status::Ok))
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
                Some(Action::Accept),
                Some(Status::Ok),
                Some(Direction::Ingress),
            ),
            (
                "REJECT NODATA egress",
                Some(Action::Reject),
                Some(Status::NoData),
                Some(Direction::Egress),
            ),
            ("- SKIPDATA -", None, Some(Status::SkipData), None),
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
        assert_eq!((minus.column, minus.problem), (2, Problem::NotANumber));
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
                Problem::NotAnAddress,
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
                Problem::TooLarge {
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
        assert!(matches!(late, Problem::TooLarge { .. }), "{late:?}");
    }

    #[test]
    fn a_dash_is_no_value_in_any_column() {
        let line =
            b"2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA";
        with(LogFormat::VPC_DEFAULT, line, |record| {
            let record = record.expect("documented");
            assert_eq!(record.status(), Some(Status::NoData));
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
        assert_eq!(wrong.problem, Problem::TooLarge { max: 65_535 });
        assert_eq!(wrong.to_string(), "column 2 (srcport): larger than 65535");
        assert_eq!(
            error("${srcaddr} ${bytes}", "10.0.0.1 many").problem,
            Problem::NotANumber
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
            (3, Problem::Surplus { columns: 2 })
        );
        assert_eq!(
            error("${srcaddr} ${bytes}", &"1".repeat(MAX_LINE + 1)).problem,
            Problem::LineTooLong
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
            Problem::TooLarge { .. }
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
                    (Some(Status::Other), Some(RejectReason::Other))
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
                Read::Skip(_) => continue,
                Read::Number { max } => token
                    .parse::<u64>()
                    .ok()
                    .filter(|&value| value <= max && !token.starts_with('+'))?
                    .to_string(),
                Read::Time => {
                    let value: u64 = token.parse().ok().filter(|_| !token.starts_with('+'))?;
                    let value = if value < FIRST_MILLISECONDS {
                        value * 1_000
                    } else {
                        value
                    };
                    (value <= LAST_MILLISECOND).then_some(value)?.to_string()
                }
                Read::Address => token.parse::<IpAddr>().ok()?.to_string(),
                Read::Text(_) => token.to_owned(),
                Read::Action if !matches!(token, "ACCEPT" | "REJECT") => continue,
                Read::Direction if !matches!(token, "ingress" | "egress") => continue,
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
            Read::Number { max } => (0..=max).prop_map(|value| value.to_string()).boxed(),
            Read::Time => (0_u64..4_294_967_296)
                .prop_map(|value| value.to_string())
                .boxed(),
            Read::Address => prop_oneof![
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
            let mut values = Values::default();
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
