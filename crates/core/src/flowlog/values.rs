//! One line becomes values. A line is read once, here; nothing behind this file reads text columns again.
//!
//! The storage is reused from record to record, so that reading allocates nothing and clears nothing: the set of present
//! fields says which of its places hold something. Columns are read as they mostly are, several in one go; whatever is
//! otherwise in one of them is found by reading them one by one.

use std::iter::zip;
use std::sync::Arc;

use super::field::{ColumnType, FIELD_COUNT, FIELDS, Field, FieldSet};
use super::format::{Column, ColumnPlan, LogFormat};
use super::prefix::LinePrefix;
use super::record::{
    FlowAction, FlowDirection, LogStatus, MAX_LINE, ParseError, ParseProblem, RejectReason,
};
use super::scan::{self, packed};
use super::tokens::{self, Token, Tokens};
use crate::network::Address;

/// Numbers from here on are milliseconds, smaller ones are seconds (this many seconds are the year 5138).
pub(super) const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// The last millisecond that the seconds elements can carry (RFC 7011 §6.1.7: 32 bits, until 2106).
pub(super) const LAST_MILLISECOND: u64 = u32::MAX as u64 * 1_000 + 999;

/// Storage for one record, reused from record to record.
#[derive(Debug, Default)]
pub struct RecordValues {
    tokens: Tokens,
    row: FieldSpec,
    lead: LinePrefix,
    /// The last line, if it had more between its columns than single spaces.
    single_spaced: Option<Vec<u8>>,
    /// That of the format of the last line.
    plan: Option<Arc<ColumnPlan>>,
}

/// What was read of a line.
#[derive(Debug)]
pub(super) struct FieldSpec {
    pub(super) present: FieldSet,
    /// The number of the beginning of the line, if that says all that it is about: then one with the same number is about
    /// the same.
    pub(super) lead: Option<u64>,
    /// Those that are not present are 0.
    pub(super) numbers: [u64; NUMBERS],
    pub(super) addresses: Addresses,
    pub(super) texts: [Token; TEXTS],
    pub(super) words: Words,
}

/// Addresses by their parts: what was written in parts and is read as a whole soon after makes a processor wait.
#[derive(Debug, Default)]
pub(super) struct Addresses {
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
    pub(super) fn get(&self, place: usize) -> Address {
        Address::of_halves(self.high[place], self.low[place], self.ipv4[place])
    }
}

/// RecordValues of the columns that hold one of a few words, if they are present.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) action: Option<FlowAction>,
    pub(super) direction: Option<FlowDirection>,
    pub(super) status: Option<LogStatus>,
    pub(super) reject_reason: Option<RejectReason>,
}

impl Default for FieldSpec {
    fn default() -> Self {
        Self {
            present: FieldSet::EMPTY,
            lead: None,
            numbers: [0; NUMBERS],
            addresses: Addresses::default(),
            texts: [Token::default(); TEXTS],
            words: Words::default(),
        }
    }
}

impl RecordValues {
    /// The tokens of a line, and the line that they stand in.
    pub(super) fn tokens<'a>(&'a mut self, line: &'a [u8]) -> (&'a [u8], &'a Tokens) {
        self.plan = None;
        self.single_spaced = None;
        if !self.tokens.find(line) {
            let line = self.single_spaced.insert(tokens::single_spaced(line));
            self.tokens.find(line);
        }
        (self.line(line), &self.tokens)
    }

    /// The line that was read last, as it is or single-spaced.
    #[inline(always)]
    pub(super) fn line<'a>(&'a self, line: &'a [u8]) -> &'a [u8] {
        self.single_spaced.as_deref().unwrap_or(line)
    }

    /// Reads the columns of a line; after an error the values mean nothing.
    pub(super) fn read(&mut self, format: &LogFormat, line: &[u8]) -> Result<(), ParseError> {
        if line.len() > MAX_LINE {
            return Err(ParseError {
                column: 1,
                field: None,
                problem: ParseProblem::LineTooLong,
            });
        }
        let plan = format.plan();
        let is_last = |last| Arc::ptr_eq(last, plan);
        if !self.plan.as_ref().is_some_and(is_last) {
            self.begin(format);
        } else if !self.lead.begins(line) {
            if self.lead.turn_to(line) {
                self.row.lead = self.lead.number(plan);
            } else {
                self.lead.forget(format);
            }
        }
        self.single_spaced = None;
        let lead = &self.lead;
        if !self.tokens.find_behind(line, lead.length(), lead.columns()) {
            return self.read_single_spaced(format, line);
        }
        let fits = self.tokens.count() == format.columns().len()
            && self.row.read(plan, line, &self.tokens, lead).is_ok();
        if !fits {
            return Err(self.row.fault(format, line, &self.tokens));
        }
        if lead.columns() == 0 {
            self.lead.keep(plan, line, &self.tokens, self.row.present);
            self.row.lead = self.lead.number(plan);
        }
        Ok(())
    }

    /// Reads a line with more between its columns than single spaces.
    #[cold]
    fn read_single_spaced(&mut self, format: &LogFormat, line: &[u8]) -> Result<(), ParseError> {
        let line = tokens::single_spaced(line);
        let read = match line.is_empty() {
            true => Err(self.row.fault(format, &line, &self.tokens)),
            false => self.read(format, &line),
        };
        self.single_spaced = Some(line);
        read
    }

    /// Lines of this format follow.
    #[inline(never)]
    fn begin(&mut self, format: &LogFormat) {
        self.plan = Some(Arc::clone(format.plan()));
        self.row.numbers = [0; NUMBERS];
        self.row.words = Words::default();
        self.lead.forget(format);
    }

    /// What was read last.
    #[inline]
    pub(super) fn row(&self) -> &FieldSpec {
        &self.row
    }
}

impl FieldSpec {
    /// Reads all columns behind the lead, those alike together.
    #[inline(always)]
    fn read(
        &mut self,
        plan: &ColumnPlan,
        line: &[u8],
        tokens: &Tokens,
        lead: &LinePrefix,
    ) -> Result<(), ParseProblem> {
        self.present = lead.present();
        let (fours, others) = plan.numbers.as_chunks();
        for columns in fours {
            self.together(columns, line, tokens, scan::four_numbers, Self::number)?;
        }
        for column in others {
            self.number(column, line, tokens.at(column.token))?;
        }
        let (twos, others) = plan.times.as_chunks();
        for columns in twos {
            self.together(columns, line, tokens, scan::two_times, Self::time)?;
        }
        for column in others {
            self.time(column, line, tokens.at(column.token))?;
        }
        for column in &plan.addresses {
            self.address(column, line, tokens.at(column.token))?;
        }
        for column in plan.texts.get(lead.texts()..).unwrap_or_default() {
            self.text(column, line, tokens.at(column.token));
        }
        self.words(plan, line, tokens);
        Ok(())
    }

    /// Reads the columns that hold one of a few words. An unknown one is no value, but for a status and a reason.
    #[inline(always)]
    fn words(&mut self, plan: &ColumnPlan, line: &[u8], tokens: &Tokens) {
        const NONE: u64 = packed(b"-");
        let Self { present, words, .. } = self;
        let word = |column: &Column| scan::word(line, tokens.at(column.token));
        if let Some(column) = &plan.action {
            const ACCEPT: u64 = packed(b"ACCEPT");
            const REJECT: u64 = packed(b"REJECT");
            words.action = match word(column) {
                ACCEPT => Some(FlowAction::Accept),
                REJECT => Some(FlowAction::Reject),
                _ => absent(present, column),
            };
        }
        if let Some(column) = &plan.status {
            const OK: u64 = packed(b"OK");
            const NO_DATA: u64 = packed(b"NODATA");
            const SKIP_DATA: u64 = packed(b"SKIPDATA");
            words.status = match word(column) {
                OK => Some(LogStatus::Ok),
                NO_DATA => Some(LogStatus::NoData),
                SKIP_DATA => Some(LogStatus::SkipData),
                NONE => absent(present, column),
                _ => Some(LogStatus::Other),
            };
        }
        if let Some(column) = &plan.direction {
            const INGRESS: u64 = packed(b"ingress");
            const EGRESS: u64 = packed(b"egress");
            words.direction = match word(column) {
                INGRESS => Some(FlowDirection::Ingress),
                EGRESS => Some(FlowDirection::Egress),
                _ => absent(present, column),
            };
        }
        if let Some(column) = &plan.reject_reason {
            const BPA: u64 = packed(b"BPA");
            const EC: u64 = packed(b"EC");
            words.reject_reason = match word(column) {
                BPA => Some(RejectReason::BlockPublicAccess),
                EC => Some(RejectReason::EncryptionControls),
                NONE => absent(present, column),
                _ => Some(RejectReason::Other),
            };
        }
    }

    /// Reads columns as they mostly are, or else each by itself, which also says what is wrong with one.
    #[inline(always)]
    fn together<const N: usize>(
        &mut self,
        columns: &[Column; N],
        line: &[u8],
        tokens: &Tokens,
        all: impl FnOnce(&[u8], [Token; N]) -> Option<[u64; N]>,
        one: fn(&mut Self, &Column, &[u8], Token) -> Result<(), ParseProblem>,
    ) -> Result<(), ParseProblem> {
        let fit =
            |values: &[u64; N]| zip(columns, values).all(|(column, &value)| value <= column.max);
        let places = columns.each_ref().map(|column| tokens.at(column.token));
        let Some(values) = all(line, places).filter(fit) else {
            return self.one_by_one(columns, line, tokens, one);
        };
        for (column, value) in zip(columns, values) {
            self.numbers[usize::from(column.slot) % NUMBERS] = value;
        }
        Ok(())
    }

    #[inline(never)]
    fn one_by_one(
        &mut self,
        columns: &[Column],
        line: &[u8],
        tokens: &Tokens,
        one: fn(&mut Self, &Column, &[u8], Token) -> Result<(), ParseProblem>,
    ) -> Result<(), ParseProblem> {
        let mut columns = columns.iter();
        columns.try_for_each(|column| one(self, column, line, tokens.at(column.token)))
    }

    #[inline(always)]
    fn number(&mut self, column: &Column, line: &[u8], token: Token) -> Result<(), ParseProblem> {
        let value = match scan::number(line, token) {
            Some(value) if value <= column.max => value,
            Some(_) => return Err(ParseProblem::TooLarge { max: column.max }),
            None if scan::is_dash(line, token) => {
                self.present = self.present.difference(column.set);
                0 // so that a flow without TCP can say that it has no flags
            }
            None => return Err(ParseProblem::NotANumber),
        };
        self.numbers[usize::from(column.slot) % NUMBERS] = value;
        Ok(())
    }

    #[inline(never)]
    fn time(&mut self, column: &Column, line: &[u8], token: Token) -> Result<(), ParseProblem> {
        let milliseconds = match scan::number(line, token) {
            Some(seconds) if seconds < FIRST_MILLISECONDS => seconds * 1_000,
            Some(milliseconds) => milliseconds,
            None if scan::is_dash(line, token) => {
                self.present = self.present.difference(column.set);
                0
            }
            None => return Err(ParseProblem::NotANumber),
        };
        if milliseconds > column.max {
            return Err(ParseProblem::TooLarge { max: column.max });
        }
        self.numbers[usize::from(column.slot) % NUMBERS] = milliseconds;
        Ok(())
    }

    #[inline(always)]
    fn address(&mut self, column: &Column, line: &[u8], token: Token) -> Result<(), ParseProblem> {
        let address = match scan::ipv4(line, token) {
            Some(bits) => Address::v4(bits),
            None => match scan::ipv6(line, token) {
                Some(bits) => Address::v6(bits),
                None if scan::is_dash(line, token) => {
                    self.present = self.present.difference(column.set);
                    return Ok(());
                }
                None => return Err(ParseProblem::NotAnAddress),
            },
        };
        self.addresses
            .set(usize::from(column.slot) % ADDRESSES, address);
        Ok(())
    }

    #[inline(always)]
    fn text(&mut self, column: &Column, line: &[u8], token: Token) {
        if scan::is_dash(line, token) {
            self.present = self.present.difference(column.set);
        }
        self.texts[usize::from(column.slot) % TEXTS] = token;
    }

    /// The first column that does not fit, of a line of which one does not.
    #[cold]
    fn fault(&mut self, format: &LogFormat, line: &[u8], tokens: &Tokens) -> ParseError {
        let columns = format.columns();
        let plan = format.plan();
        let found = tokens.count();
        for (index, &field) in columns.iter().enumerate() {
            let read = |columns: &[Column]| {
                columns
                    .iter()
                    .find(|column| Some(column.field) == field)
                    .copied()
            };
            let problem = if index >= found {
                Err(ParseProblem::Missing {
                    columns: columns.len(),
                })
            } else if let Some(column) = read(&plan.numbers) {
                self.number(&column, line, tokens.at(column.token))
            } else if let Some(column) = read(&plan.times) {
                self.time(&column, line, tokens.at(column.token))
            } else if let Some(column) = read(&plan.addresses) {
                self.address(&column, line, tokens.at(column.token))
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
            problem: ParseProblem::Surplus {
                columns: columns.len(),
            },
        }
    }
}

/// No value, which is noted.
#[inline(always)]
fn absent<T>(present: &mut FieldSet, column: &Column) -> Option<T> {
    *present = present.difference(column.set);
    None
}

/// The place of a field among those that are stored alike; for a number, its place in [`FieldSpec::numbers`].
pub(crate) const fn slot(field: Field) -> u8 {
    SLOTS[field as usize]
}

/// The place of each field among those that are stored alike.
static SLOTS: [u8; FIELD_COUNT] = PLAN.0;
/// How each field is stored.
pub(super) static STORES: [u8; FIELD_COUNT] = PLAN.1;

pub(super) const NUMBER: u8 = 0;
pub(super) const ADDRESS: u8 = 1;
pub(super) const TEXT: u8 = 2;
const OTHERWISE: u8 = 3;

/// Places for numbers; as of addresses and texts, a power of two.
pub(crate) const NUMBERS: usize = places(NUMBER);
const ADDRESSES: usize = places(ADDRESS);
pub(super) const TEXTS: usize = places(TEXT);

const fn places(store: u8) -> usize {
    (PLAN.2[store as usize] as usize).next_power_of_two()
}

const PLAN: ([u8; FIELD_COUNT], [u8; FIELD_COUNT], [u8; 4]) = plan();

/// Slots, stores, and how many fields each store has.
const fn plan() -> ([u8; FIELD_COUNT], [u8; FIELD_COUNT], [u8; 4]) {
    let (mut slots, mut stores, mut used) = ([0; FIELD_COUNT], [0; FIELD_COUNT], [0; 4]);
    let mut i = 0;
    while i < FIELD_COUNT {
        let store = match FIELDS[i].read {
            ColumnType::Number { .. } | ColumnType::Time => NUMBER,
            ColumnType::Address => ADDRESS,
            ColumnType::Text(_) => TEXT,
            _ => OTHERWISE,
        };
        stores[i] = store;
        slots[i] = used[store as usize];
        used[store as usize] += 1;
        i += 1;
    }
    (slots, stores, used)
}
