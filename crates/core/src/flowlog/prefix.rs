//! The columns at the beginning of a line, up to the first one that is not a text, mostly say what those of the line before
//! said, or something as long: they are compared as one, and neither looked for nor read again.

use std::iter::zip;

use wide::u8x32;

use super::field::FieldSet;
use super::format::{ColumnPlan, LogFormat};
use super::tokens::Tokens;

/// Octets that are compared together.
const LANES: usize = 32;

/// What the beginning of the last line said. Empty, if that is to be read.
#[derive(Debug, Default)]
pub(super) struct LinePrefix {
    /// The columns as they stand in the line, with the space behind them.
    octets: Vec<u8>,
    /// How many they are.
    columns: usize,
    /// How many of them are texts.
    texts: usize,
    /// The fields that have a value, as far as these columns say.
    present: FieldSet,
    /// How many beginnings there were.
    number: u64,
}

impl LinePrefix {
    /// Whether a line begins with it.
    #[inline(always)]
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(&self.octets)
    }

    /// Turns to the beginning of another line if that has its spaces, and its columns that are a dash alone, at the same
    /// places: then its columns stand where those of the last line stood, and the same of them have a value.
    #[inline]
    pub(super) fn turn_to(&mut self, line: &[u8]) -> bool {
        let Some(octets) = line.get(..self.octets.len()) else {
            return false;
        };
        let turns = have_one_shape(&self.octets, octets);
        if turns {
            self.octets.copy_from_slice(octets);
            self.number += 1;
        }
        turns
    }

    /// Its number, if in lines of this plan it says all that a record is about.
    #[inline(always)]
    pub(super) fn number(&self, plan: &ColumnPlan) -> Option<u64> {
        plan.lead.identifies.then_some(self.number)
    }

    /// Octets.
    #[inline(always)]
    pub(super) fn length(&self) -> usize {
        self.octets.len()
    }

    /// Columns.
    #[inline(always)]
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Columns with a text.
    #[inline(always)]
    pub(super) fn texts(&self) -> usize {
        self.texts
    }

    /// The fields of a format that have a value, as far as these columns say.
    #[inline(always)]
    pub(super) fn present(&self) -> FieldSet {
        self.present
    }

    /// Forgets it: a line of this format is to be read from its beginning.
    pub(super) fn forget(&mut self, format: &LogFormat) {
        self.octets.clear();
        (self.columns, self.texts) = (0, 0);
        self.present = format.read();
    }

    /// Keeps the beginning of a line that was read, of which these fields have a value.
    pub(super) fn keep(
        &mut self,
        plan: &ColumnPlan,
        line: &[u8],
        tokens: &Tokens,
        present: FieldSet,
    ) {
        let lead = &plan.lead;
        let last = lead.columns.checked_sub(1);
        let Some(octets) = last.and_then(|last| line.get(..=tokens.at(last).end())) else {
            return;
        };
        self.octets.extend_from_slice(octets);
        (self.columns, self.texts) = (lead.columns.into(), lead.texts);
        self.present = self.present.difference(lead.fields.difference(present));
        self.number += 1;
    }
}

/// Whether two beginnings of one length, which is not too short to tell, have the same octets up to the dash at the same
/// places: all that separates columns, and the dash that is a column without a value.
#[inline]
fn have_one_shape(one: &[u8], other: &[u8]) -> bool {
    let shape = |&octets: &[u8; LANES]| u8x32::new(octets).min(u8x32::splat(b'-' + 1));
    let alike = |one, other| shape(one).simd_eq(shape(other)).to_bitmask() == u32::MAX;
    let ((ones, _), (others, _)) = (one.as_chunks(), other.as_chunks());
    zip(ones, others).all(|(one, other)| alike(one, other))
        && matches!((one.last_chunk(), other.last_chunk()), (Some(one), Some(other)) if alike(one, other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::ParseError;
    use super::super::{FIELDS, Field, FlowRecord, LogFormat, RecordValues};
    use super::have_one_shape;

    const FORMATS: [&str; 4] = [
        "${version} ${account-id} ${interface-id} ${bytes} ${start}",
        "${interface-id} ${future} ${vpc-id} ${srcaddr} ${account-id}",
        "${vpc-id} ${interface-id} ${account-id}",
        "${bytes} ${interface-id} ${az-id}",
    ];

    const TOKENS: [&str; 6] = ["-", "1", "2", "eni-1", "eni-12", "10.0.0.1"];

    /// Some as long as others, so that a line turns to what another one begins with.
    const ACCOUNTS: [&str; 4] = ["-", "1", "123456789012", "123456789-12"];
    const INTERFACES: [&str; 4] = [
        "-",
        "eni-0123456789abcdef0",
        "eni-0123456789abcdef1",
        "eni-0123456789abcde-1",
    ];

    /// The number of a format, and tokens of which some are a line of it.
    fn line() -> impl Strategy<Value = (usize, Vec<&'static str>)> {
        let any = (
            0..FORMATS.len(),
            prop::collection::vec(prop::sample::select(&TOKENS), 2..6),
        );
        let usual = (
            prop::sample::select(&["2", "-"]),
            prop::sample::select(&ACCOUNTS),
            prop::sample::select(&INTERFACES),
        );
        let usual = usual.prop_flat_map(|(version, account, interface)| {
            prop::sample::select(vec![
                (0, vec![version, account, interface, "5", "1"]),
                (1, vec![interface, version, interface, "10.0.0.1", account]),
            ])
        });
        prop_oneof![1 => any, 7 => usual]
    }

    /// All that a record says.
    type Said = Vec<(Field, String)>;

    fn said(record: &FlowRecord<'_>) -> Said {
        let present = FIELDS.iter().filter(|row| record.present().has(row.field));
        let said = present.map(|row| {
            let number = record.number(row.field).map(|number| number.to_string());
            let address = record.address(row.field).map(|address| address.to_string());
            let text = record
                .text(row.field)
                .map(|text| String::from_utf8_lossy(text).into_owned());
            (
                row.field,
                [number, address, text].into_iter().flatten().collect(),
            )
        });
        said.collect()
    }

    fn identifiers(record: &FlowRecord<'_>) -> Vec<Vec<u8>> {
        record.identifiers().map(<[u8]>::to_vec).collect()
    }

    fn read(format: &LogFormat, line: &str, values: &mut RecordValues) -> Result<Said, ParseError> {
        FlowRecord::parse(format, line.as_bytes(), values).map(|record| said(&record))
    }

    proptest! {
        #[test]
        fn a_line_says_what_it_says_without_the_one_before(
            lines in prop::collection::vec(
                (line(), prop::sample::select(&[" ", " ", " ", " ", " ", "  ", "\t"])),
                1..40,
            ),
        ) {
            let formats = FORMATS.map(|format| LogFormat::parse(format).expect("a format"));
            let mut values = RecordValues::default();
            let mut leads = Vec::new();
            for ((number, tokens), separator) in &lines {
                let line = tokens.join(separator);
                let alone = read(&formats[*number], &line, &mut RecordValues::default());
                prop_assert_eq!(read(&formats[*number], &line, &mut values), alone);
                let record = FlowRecord::parse(&formats[*number], line.as_bytes(), &mut values);
                if let Ok(record) = record && let Some(lead) = record.lead() {
                    leads.push((lead, *number, identifiers(&record)));
                }
            }
            for (lead, format, identifiers) in &leads {
                for (other, other_format, others) in &leads {
                    prop_assert!(lead != other || (format, identifiers) == (other_format, others));
                }
            }
        }
    }

    #[test]
    fn a_shape_is_where_the_columns_stand_and_which_of_them_are_dashes() {
        let eni = "2 123456789012 eni-0a1b2c3d4e5f60718 ";
        for (other, alike) in [
            ("2 999999999999 eni-0a1b2c3d4e5f60719 ", true),
            ("2 123456789012 eni-0a1b2c3d4e5f6071 8", false),
            ("- 123456789012 eni-0a1b2c3d4e5f60718 ", false),
            ("2 123456789012\teni-0a1b2c3d4e5f60718 ", false),
            ("2 1234567890 2 eni-0a1b2c3d4e5f60718 ", false),
            ("2 123456789012 eni-0a1b2c3d4e5f6071é", false),
        ] {
            let shape = have_one_shape(eni.as_bytes(), other.as_bytes());
            assert_eq!((other.len(), shape), (eni.len(), alike), "{other}");
        }
        assert!(!have_one_shape(b"eni-1 ", b"eni-1 "), "too short to tell");
    }

    #[test]
    fn lines_that_begin_alike_have_one_lead() {
        let format = LogFormat::parse(LogFormat::VPC_DEFAULT).expect("documented");
        let mut values = RecordValues::default();
        let mut lead = |interface: &str, port: u16| {
            let line = format!(
                "2 123456789012 {interface} 10.0.0.1 10.0.0.2 {port} 22 6 1 40 1 2 ACCEPT OK"
            );
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            record.expect("a record").lead().expect("a lead")
        };
        assert_eq!(lead("eni-1", 1), lead("eni-1", 2));
        assert_ne!(lead("eni-1", 1), lead("eni-12", 1));
        let [one, other] = ["eni-0123456789abcdef0", "eni-0123456789abcdef1"];
        let [first, second, third] = [one, other, one].map(|interface| lead(interface, 1));
        assert_ne!(first, second);
        assert_ne!(second, third);
        assert_eq!(third, lead(one, 2));
    }
}
