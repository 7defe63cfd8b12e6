//! Reader of a line: numbers, times, addresses and words become values; a text stays a pair of offsets.
//!
//! The storage is reused from record to record: reading a single-spaced line of the same format allocates nothing and clears
//! nothing, and the set of present fields tells which slots are valid. Slow twin: `naive` in the tests of `record.rs`.

use std::iter::zip;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::field::{ColumnType, Field, FieldSet};
use super::plan::{ADDRESSES, ColumnPlan, NUMBERS, PlannedColumn, TEXTS};
use super::prefix::LinePrefix;
use super::scan::{self, packed};
use super::tokens::{self, Token, TokenOffsets};
use super::words::{
    self, ACTIONS, DIRECTIONS, FlowAction, FlowDirection, LogStatus, MAX_LINE, ParseError,
    ParseProblem, RejectReason, STATUSES,
};
use crate::network::Address;

/// Storage for a record, reused from record to record.
#[derive(Debug, Default)]
pub struct RecordValues {
    tokens: TokenOffsets,
    columns: ColumnValues,
    prefix: LinePrefix,
    /// Copy of the last line with single spaces and without control characters, if the line was not such already.
    normalized: Option<Vec<u8>>,
    /// Plan of the last line: the key of prefix and values.
    plan: Option<Arc<ColumnPlan>>,
}

/// Values of the columns of a line.
#[derive(Debug)]
pub(super) struct ColumnValues {
    pub(super) present: FieldSet,
    /// Key of a prefix that holds all identifier columns, or of a row's identifiers: in records of one plan, equal keys
    /// mean equal identifiers.
    pub(super) identifier_key: Option<NonZeroU64>,
    /// Numbers by slot; 0 where the field is not present.
    pub(super) numbers: [u64; NUMBERS],
    pub(super) addresses: AddressSlots,
    pub(super) texts: [Token; TEXTS],
    pub(super) words: WordValues,
}

/// Addresses by slot, in parts, as [`Address`] has them.
#[derive(Debug, Default)]
pub(super) struct AddressSlots {
    high: [u64; ADDRESSES],
    low: [u64; ADDRESSES],
    ipv4: [bool; ADDRESSES],
}

impl AddressSlots {
    #[inline(always)]
    pub(super) fn set(&mut self, slot: usize, address: Address) {
        (self.high[slot], self.low[slot]) = address.halves();
        self.ipv4[slot] = address.is_ipv4();
    }

    #[inline(always)]
    pub(super) fn get(&self, slot: usize) -> Address {
        Address::of_halves(self.high[slot], self.low[slot], self.ipv4[slot])
    }
}

/// Values of the columns with a fixed vocabulary; `None` for a missing value, and for an unknown action or direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WordValues {
    /// True if `flow-direction` is neither a known word nor `-`.
    pub(super) unknown_direction: bool,
    pub(super) action: Option<FlowAction>,
    pub(super) direction: Option<FlowDirection>,
    pub(super) status: Option<LogStatus>,
    pub(super) reject_reason: Option<RejectReason>,
}

impl WordValues {
    /// Sets the word of one column, and returns whether the column has a value.
    #[inline]
    pub(super) fn set_word(&mut self, column_type: ColumnType, words: Self) -> bool {
        match column_type {
            ColumnType::Action => {
                self.action = words.action;
                words.action.is_some()
            }
            ColumnType::Status => {
                self.status = words.status;
                words.status.is_some()
            }
            ColumnType::RejectReason => {
                self.reject_reason = words.reject_reason;
                words.reject_reason.is_some()
            }
            _ => {
                self.direction = words.direction;
                self.unknown_direction = words.unknown_direction;
                words.direction.is_some()
            }
        }
    }
}

impl Default for ColumnValues {
    fn default() -> Self {
        Self {
            present: FieldSet::EMPTY,
            identifier_key: None,
            numbers: [0; NUMBERS],
            addresses: AddressSlots::default(),
            texts: [Token::default(); TEXTS],
            words: WordValues::default(),
        }
    }
}

impl RecordValues {
    /// Finds the tokens of a line. Returns the line (its normalized copy, where spaces are not single) and the offsets.
    pub(super) fn tokens<'a>(&'a mut self, line: &'a [u8]) -> (&'a [u8], &'a TokenOffsets) {
        self.plan = None;
        self.normalized = None;
        if !self.tokens.find(line) {
            let line = self.normalized.insert(tokens::normalized(line));
            self.tokens.find(line);
        }
        (self.line(line), &self.tokens)
    }

    /// Line [read](Self::read) last (its normalized copy, where spaces were not single) and the offsets.
    pub(super) fn read_tokens<'a>(&'a self, line: &'a [u8]) -> (&'a [u8], &'a TokenOffsets) {
        (self.line(line), &self.tokens)
    }

    /// Line read last: `line` or its normalized copy.
    #[inline(always)]
    pub(super) fn line<'a>(&'a self, line: &'a [u8]) -> &'a [u8] {
        self.normalized.as_deref().unwrap_or(line)
    }

    /// Reads the columns of a line. After an error the values mean nothing.
    pub(super) fn read(&mut self, plan: &Arc<ColumnPlan>, line: &[u8]) -> Result<(), ParseError> {
        if line.len() > MAX_LINE {
            return Err(ParseError {
                column: None,
                field: None,
                problem: ParseProblem::LineTooLong,
            });
        }
        self.match_prefix(plan, line);
        self.normalized = None;
        let prefix = &self.prefix;
        let is_single_spaced = self
            .tokens
            .find_behind(line, prefix.length(), prefix.columns());
        let fits = is_single_spaced
            && self.tokens.count() == plan.fields.len()
            && self.columns.read(plan, line, &self.tokens, prefix).is_ok();
        if !fits {
            return match is_single_spaced && !tokens::has_control(line) {
                true => Err(self.columns.fault(plan, line, &self.tokens)),
                false => self.read_normalized(plan, line),
            };
        }
        if prefix.columns() == 0 {
            self.prefix
                .fill(plan, line, &self.tokens, self.columns.present);
            self.columns.identifier_key = self.prefix.identifier_key();
        }
        Ok(())
    }

    /// Keeps the prefix cache where the line has the cached prefix or an equally spaced prefix; else clears the cache.
    #[inline(always)]
    fn match_prefix(&mut self, plan: &Arc<ColumnPlan>, line: &[u8]) {
        let is_last = |last| Arc::ptr_eq(last, plan);
        if !self.plan.as_ref().is_some_and(is_last) {
            self.begin_plan(plan);
        } else if !self.prefix.begins(line) {
            if self.prefix.replace_alike(plan, line) {
                self.columns.identifier_key = self.prefix.identifier_key();
            } else {
                self.prefix.clear(plan);
            }
        }
    }

    /// Reads a copy of a line with runs of spaces between columns, or with control characters in a column.
    #[cold]
    fn read_normalized(&mut self, plan: &Arc<ColumnPlan>, line: &[u8]) -> Result<(), ParseError> {
        let line = tokens::normalized(line);
        let read = match line.is_empty() {
            true => Err(self.columns.fault(plan, &line, &self.tokens)),
            // The recursion ends here: the copy has single spaces and no control characters.
            false => self.read(plan, &line),
        };
        self.normalized = Some(line);
        read
    }

    /// Clears what is kept for lines of another plan; prefixes keep their keys.
    #[inline(never)]
    fn begin_plan(&mut self, plan: &Arc<ColumnPlan>) {
        self.plan = Some(Arc::clone(plan));
        self.columns.numbers = [0; NUMBERS];
        self.columns.words = WordValues::default();
        self.prefix.clear(plan);
    }

    /// Values of the line read last.
    #[inline]
    pub(super) fn columns(&self) -> &ColumnValues {
        &self.columns
    }
}

impl ColumnValues {
    /// Reads all columns after the prefix, kind after kind.
    #[inline(always)]
    fn read(
        &mut self,
        plan: &ColumnPlan,
        line: &[u8],
        tokens: &TokenOffsets,
        prefix: &LinePrefix,
    ) -> Result<(), ParseProblem> {
        self.present = prefix.present();
        let (fours, rest) = plan.numbers.as_chunks();
        for columns in fours {
            self.four_numbers(columns, line, tokens)?;
        }
        for column in rest {
            self.number(column, line, tokens.at(column.token))?;
        }
        let (pairs, rest) = plan.times.as_chunks();
        for columns in pairs {
            self.two_times(columns, line, tokens)?;
        }
        for column in rest {
            self.time(column, line, tokens.at(column.token))?;
        }
        for column in &plan.addresses {
            self.address(column, line, tokens.at(column.token))?;
        }
        for column in &plan.texts[prefix.texts()..] {
            self.text(column, line, tokens.at(column.token));
        }
        self.words(plan, line, tokens);
        Ok(())
    }

    /// Reads the columns with a fixed vocabulary. An unknown action or direction is no value; an unknown status or
    /// reason is `Other`.
    #[inline(always)]
    fn words(&mut self, plan: &ColumnPlan, line: &[u8], tokens: &TokenOffsets) {
        const DASH: u64 = packed(b"-");
        let Self { present, words, .. } = self;
        let word = |column: &PlannedColumn| scan::word(line, tokens.at(column.token));
        if let Some(column) = &plan.action {
            const ACCEPT: u64 = packed(ACTIONS[0].as_bytes());
            const REJECT: u64 = packed(ACTIONS[1].as_bytes());
            words.action = match word(column) {
                ACCEPT => Some(FlowAction::Accept),
                REJECT => Some(FlowAction::Reject),
                _ => absent(present, column),
            };
        }
        if let Some(column) = &plan.status {
            const OK: u64 = packed(STATUSES[0].as_bytes());
            const NO_DATA: u64 = packed(STATUSES[1].as_bytes());
            const SKIP_DATA: u64 = packed(STATUSES[2].as_bytes());
            words.status = match word(column) {
                OK => Some(LogStatus::Ok),
                NO_DATA => Some(LogStatus::NoData),
                SKIP_DATA => Some(LogStatus::SkipData),
                DASH => absent(present, column),
                _ => Some(LogStatus::Other),
            };
        }
        if let Some(column) = &plan.direction {
            const INGRESS: u64 = packed(DIRECTIONS[0].as_bytes());
            const EGRESS: u64 = packed(DIRECTIONS[1].as_bytes());
            let word = word(column);
            words.unknown_direction = !matches!(word, INGRESS | EGRESS | DASH);
            words.direction = match word {
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
                DASH => absent(present, column),
                _ => Some(RejectReason::Other),
            };
        }
    }

    /// Reads four numbers at once, or one by one where a number is unusual: a dash, more than eight digits.
    #[inline(always)]
    fn four_numbers(
        &mut self,
        columns: &[PlannedColumn; 4],
        line: &[u8],
        tokens: &TokenOffsets,
    ) -> Result<(), ParseProblem> {
        let tokens = columns.map(|column| tokens.at(column.token));
        match scan::four_numbers(line, tokens) {
            Some(numbers) => zip(columns, numbers)
                .try_for_each(|(column, number)| self.set_number(column, number)),
            None => zip(columns, tokens)
                .try_for_each(|(column, token)| self.number(column, line, token)),
        }
    }

    #[inline(always)]
    fn number(
        &mut self,
        column: &PlannedColumn,
        line: &[u8],
        token: Token,
    ) -> Result<(), ParseProblem> {
        let number = match scan::number(line, token) {
            Some(number) => number,
            None if scan::is_dash(line, token) => {
                self.present = self.present.difference(column.set);
                0 // absent flags and absent counters are exported or added as 0
            }
            None => return Err(ParseProblem::NotANumber),
        };
        self.set_number(column, number)
    }

    #[inline(always)]
    fn set_number(&mut self, column: &PlannedColumn, number: u64) -> Result<(), ParseProblem> {
        if number > column.max {
            return Err(ParseProblem::TooLarge { max: column.max });
        }
        self.numbers[usize::from(column.slot) % NUMBERS] = number;
        Ok(())
    }

    /// Reads two times of ten digits at once, or other times one by one.
    #[inline(always)]
    fn two_times(
        &mut self,
        columns: &[PlannedColumn; 2],
        line: &[u8],
        tokens: &TokenOffsets,
    ) -> Result<(), ParseProblem> {
        let tokens = columns.map(|column| tokens.at(column.token));
        match scan::two_seconds(line, tokens) {
            Some(times) => zip(columns, times)
                .try_for_each(|(column, seconds)| self.set_time(column, seconds * 1_000)),
            None => {
                zip(columns, tokens).try_for_each(|(column, token)| self.time(column, line, token))
            }
        }
    }

    /// Reads a time: seconds, milliseconds, or a dash.
    #[inline(never)] // most times are read in pairs
    fn time(
        &mut self,
        column: &PlannedColumn,
        line: &[u8],
        token: Token,
    ) -> Result<(), ParseProblem> {
        let milliseconds = match scan::number(line, token) {
            Some(number) => words::milliseconds(number),
            None if scan::is_dash(line, token) => {
                self.present = self.present.difference(column.set);
                0
            }
            None => return Err(ParseProblem::NotANumber),
        };
        self.set_time(column, milliseconds)
    }

    #[inline(always)]
    fn set_time(&mut self, column: &PlannedColumn, milliseconds: u64) -> Result<(), ParseProblem> {
        if milliseconds > column.max {
            return Err(ParseProblem::TooLate);
        }
        self.numbers[usize::from(column.slot) % NUMBERS] = milliseconds;
        Ok(())
    }

    #[inline(always)]
    fn address(
        &mut self,
        column: &PlannedColumn,
        line: &[u8],
        token: Token,
    ) -> Result<(), ParseProblem> {
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
    fn text(&mut self, column: &PlannedColumn, line: &[u8], token: Token) {
        if scan::is_dash(line, token) {
            self.present = self.present.difference(column.set);
        }
        self.texts[usize::from(column.slot) % TEXTS] = token;
    }

    /// Finds the first column with a fault; the line is known to have a fault.
    #[cold]
    fn fault(&mut self, plan: &ColumnPlan, line: &[u8], tokens: &TokenOffsets) -> ParseError {
        let columns = plan.fields.len();
        for (number, &field) in (0..).zip(&plan.fields) {
            let read = if usize::from(number) < tokens.count() {
                self.column(plan, field, line, tokens.at(number))
            } else {
                Err(ParseProblem::Missing { columns })
            };
            if let Err(problem) = read {
                return ParseError {
                    column: Some(usize::from(number) + 1),
                    field,
                    problem,
                };
            }
        }
        ParseError {
            column: Some(columns + 1),
            field: None,
            problem: ParseProblem::Surplus { columns },
        }
    }

    /// Reads the column of a field, if a column of the type can fail: number, time or address.
    fn column(
        &mut self,
        plan: &ColumnPlan,
        field: Option<Field>,
        line: &[u8],
        token: Token,
    ) -> Result<(), ParseProblem> {
        let of_field = |columns: &[PlannedColumn]| {
            let mut columns = columns.iter();
            columns.find(|column| Some(column.field) == field).copied()
        };
        if let Some(column) = of_field(&plan.numbers) {
            self.number(&column, line, token)
        } else if let Some(column) = of_field(&plan.times) {
            self.time(&column, line, token)
        } else if let Some(column) = of_field(&plan.addresses) {
            self.address(&column, line, token)
        } else {
            Ok(())
        }
    }
}

/// Removes the field of a column from the present fields, and returns no value.
#[inline(always)]
fn absent<T>(present: &mut FieldSet, column: &PlannedColumn) -> Option<T> {
    *present = present.difference(column.set);
    None
}
