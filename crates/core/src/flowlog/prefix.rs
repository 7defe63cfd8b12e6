//! Prefix cache: the leading text columns of the previous line, and the keys of earlier prefixes.
//!
//! Consecutive lines usually share these columns (version, account, interface). If a line begins with the cached octets, or
//! differs without moving a space or a dash, the token offsets and the present fields of the prefix are reused. A prefix
//! that holds all identifier columns has a key, by which the context of a record is found.

use std::num::NonZeroU64;

use wide::u8x32;

use super::compare::{are_equal, are_equal_by};
use super::field::FieldSet;
use super::plan::ColumnPlan;
use super::tokens::TokenOffsets;

/// Leading columns of the previous line. Empty when the next line has to be read from its beginning.
#[derive(Debug, Default)]
pub(super) struct LinePrefix {
    /// Octets of the columns, with the space after the last.
    octets: Vec<u8>,
    columns: usize,
    /// Number of text columns in the prefix.
    texts: usize,
    /// Fields that the plan reads, without fields that are `-` in the prefix.
    present: FieldSet,
    /// Key of the octets, if they hold every identifier column.
    identifier_key: Option<NonZeroU64>,
    keys: PrefixKeys,
}

/// Keys of prefixes: equal keys mean equal octets. A prefix of at most [`LONGEST_WITH_KEY`] octets keeps its key until
/// another prefix takes the place.
#[derive(Debug, Default)]
struct PrefixKeys {
    /// Prefixes by [`place_of`]: [`PREFIXES`] places as soon as there was a prefix.
    places: Vec<PrefixWithKey>,
    /// Key given last.
    last: u64,
}

/// Prefix with its key, or an empty place.
#[derive(Debug, Clone, Copy)]
struct PrefixWithKey {
    octets: [u8; LONGEST_WITH_KEY],
    length: usize,
    key: Option<NonZeroU64>,
}

/// Most prefixes that keep a key.
const PREFIXES: usize = 4_096;

/// Longest prefix that keeps a key, in octets.
const LONGEST_WITH_KEY: usize = 64;

impl PrefixKeys {
    /// Returns the key of a prefix; a new key if the prefix has none, or is too long to keep one.
    fn of(&mut self, prefix: &[u8]) -> Option<NonZeroU64> {
        if self.places.is_empty() {
            let empty = PrefixWithKey {
                octets: [0; LONGEST_WITH_KEY],
                length: 0,
                key: None,
            };
            self.places.resize(PREFIXES, empty);
        }
        let place = &mut self.places[place_of(prefix)];
        if are_equal(&place.octets[..place.length], prefix) {
            return place.key;
        }
        self.last += 1;
        let key = NonZeroU64::new(self.last);
        if let Some(octets) = place.octets.get_mut(..prefix.len()) {
            octets.copy_from_slice(prefix);
            (place.length, place.key) = (prefix.len(), key);
        }
        key
    }
}

/// Place of a prefix, by the last eight octets: a space, and the digits in which the ids of AWS differ most. Prefixes that
/// end in another column, equal for many interfaces, share a place; their contexts are found by the identifier columns.
fn place_of(prefix: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 divided by the golden ratio: spreads neighbours
    let end = prefix.last_chunk().copied().map_or(0, u64::from_le_bytes);
    let place = end.wrapping_mul(FACTOR) >> (u64::BITS - PREFIXES.ilog2());
    usize::try_from(place).expect("an index fits")
}

impl LinePrefix {
    /// Returns whether a line begins with the cached octets.
    #[inline(always)]
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        line.get(..self.octets.len())
            .is_some_and(|octets| are_equal(octets, &self.octets))
    }

    /// Replaces the cached octets by the beginning of a line with spaces and dashes at equal positions: token offsets
    /// and present fields stay valid. Returns false, and changes nothing, if the positions differ. `plan` is the plan of
    /// the cached line.
    #[inline]
    pub(super) fn replace_alike(&mut self, plan: &ColumnPlan, line: &[u8]) -> bool {
        let Some(octets) = line.get(..self.octets.len()) else {
            return false;
        };
        let alike = have_equal_spacing(&self.octets, octets);
        if alike {
            self.octets.copy_from_slice(octets);
            self.set_key(plan, octets);
        }
        alike
    }

    /// Sets the key of `octets`, those of the line: the copy was written just now, and would be waited for.
    #[inline]
    fn set_key(&mut self, plan: &ColumnPlan, octets: &[u8]) {
        self.identifier_key = match plan.prefix.identifies {
            true => self.keys.of(octets),
            false => None,
        };
    }

    /// Key of the cached prefix, if the prefix holds every identifier column: in lines of one plan, equal keys mean equal
    /// identifiers.
    #[inline(always)]
    pub(super) fn identifier_key(&self) -> Option<NonZeroU64> {
        self.identifier_key
    }

    /// Number of octets.
    #[inline(always)]
    pub(super) fn length(&self) -> usize {
        self.octets.len()
    }

    /// Number of columns.
    #[inline(always)]
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Number of text columns.
    #[inline(always)]
    pub(super) fn texts(&self) -> usize {
        self.texts
    }

    /// Fields that have a value, as far as the prefix tells.
    #[inline(always)]
    pub(super) fn present(&self) -> FieldSet {
        self.present
    }

    /// Clears the cache: the next line, of this plan, is read from the beginning.
    pub(super) fn clear(&mut self, plan: &ColumnPlan) {
        self.octets.clear();
        (self.columns, self.texts) = (0, 0);
        self.present = plan.read;
        self.identifier_key = None;
    }

    /// Fills the empty cache with the beginning of the line just read; `present` are the fields with a value.
    pub(super) fn fill(
        &mut self,
        plan: &ColumnPlan,
        line: &[u8],
        tokens: &TokenOffsets,
        present: FieldSet,
    ) {
        let prefix = &plan.prefix;
        let last = prefix.columns.checked_sub(1);
        let Some(octets) = last.and_then(|last| line.get(..=tokens.at(last).end())) else {
            return;
        };
        self.octets.extend_from_slice(octets);
        (self.columns, self.texts) = (prefix.columns.into(), prefix.texts);
        self.present = self.present.difference(prefix.fields.difference(present));
        self.set_key(plan, octets);
    }
}

/// Returns whether two prefixes of equal length have spaces and dashes at equal positions. False below 32 octets.
#[inline]
fn have_equal_spacing(one: &[u8], other: &[u8]) -> bool {
    // Octets up to the dash stay, octets above the dash become equal.
    are_equal_by(one, other, |octets| octets.min(u8x32::splat(b'-' + 1)))
}

#[cfg(test)]
mod tests {
    use std::iter::zip;

    use proptest::prelude::*;

    use super::super::words::ParseError;
    use super::super::{FIELDS, Field, FlowRecord, LogFormat, RecordValues};
    use super::{LONGEST_WITH_KEY, PREFIXES, PrefixKeys, have_equal_spacing};

    const FORMATS: [&str; 4] = [
        "${version} ${account-id} ${interface-id} ${bytes} ${start}",
        "${interface-id} ${future} ${vpc-id} ${srcaddr} ${account-id}",
        "${vpc-id} ${interface-id} ${account-id} ${packets}",
        "${bytes} ${interface-id} ${az-id}",
    ];

    const TOKENS: [&str; 6] = ["-", "1", "2", "eni-1", "eni-12", "10.0.0.1"];

    /// Texts of equal length among them, so that one prefix replaces another.
    const ACCOUNTS: [&str; 4] = ["-", "1", "123456789012", "123456789-12"];
    const INTERFACES: [&str; 4] = [
        "-",
        "eni-0123456789abcdef0",
        "eni-0123456789abcdef1",
        "eni-0123456789abcde-1",
    ];

    /// Index of a format, and tokens of which some are a line of the format.
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
                (3, vec!["5", interface, account]),
            ])
        });
        prop_oneof![1 => any, 7 => usual]
    }

    type FieldTexts = Vec<(Field, String)>;

    fn field_texts(record: &FlowRecord<'_>) -> FieldTexts {
        let present = FIELDS.iter().filter(|row| record.present().has(row.field));
        let texts = present.map(|row| {
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
        texts.collect()
    }

    fn identifiers(record: &FlowRecord<'_>) -> Vec<Vec<u8>> {
        record.identifiers().map(<[u8]>::to_vec).collect()
    }

    fn read(
        format: &LogFormat,
        line: &str,
        values: &mut RecordValues,
    ) -> Result<FieldTexts, ParseError> {
        FlowRecord::parse(format, line.as_bytes(), values).map(|record| field_texts(&record))
    }

    proptest! {
        #[test]
        fn a_line_is_read_alike_with_and_without_the_line_before(
            lines in prop::collection::vec(
                (line(), prop::sample::select(&[" ", " ", " ", " ", " ", "  ", "\t"])),
                1..40,
            ),
        ) {
            let formats = FORMATS.map(|format| LogFormat::parse(format).expect("a format"));
            let mut values = RecordValues::default();
            let mut keys = Vec::new();
            for ((number, tokens), separator) in &lines {
                let line = tokens.join(separator);
                let alone = read(&formats[*number], &line, &mut RecordValues::default());
                prop_assert_eq!(read(&formats[*number], &line, &mut values), alone);
                let record = FlowRecord::parse(&formats[*number], line.as_bytes(), &mut values);
                if let Ok(record) = record && let Some(key) = record.identifier_key() {
                    keys.push((key, *number, identifiers(&record)));
                }
            }
            for (key, format, identifiers) in &keys {
                for (other, other_format, others) in &keys {
                    let is_same = (key, format) == (other, other_format);
                    prop_assert!(!is_same || identifiers == others);
                }
            }
        }
    }

    #[test]
    fn prefixes_are_equally_spaced_where_spaces_and_dashes_stand_at_the_same_places() {
        let eni = "2 123456789012 eni-0a1b2c3d4e5f60718 ";
        for (other, alike) in [
            ("2 999999999999 eni-0a1b2c3d4e5f60719 ", true),
            ("2 123456789012 eni-0a1b2c3d4e5f6071 8", false),
            ("- 123456789012 eni-0a1b2c3d4e5f60718 ", false),
            ("2 123456789012\teni-0a1b2c3d4e5f60718 ", false),
            ("2 1234567890 2 eni-0a1b2c3d4e5f60718 ", false),
            ("2 123456789012 eni-0a1b2c3d4e5f6071é", false),
        ] {
            let equal = have_equal_spacing(eni.as_bytes(), other.as_bytes());
            assert_eq!((other.len(), equal), (eni.len(), alike), "{other}");
        }
        assert!(
            !have_equal_spacing(b"eni-1 ", b"eni-1 "),
            "too short to tell"
        );
    }

    #[test]
    fn lines_with_equal_identifiers_have_one_key() {
        let format = LogFormat::parse(LogFormat::VPC_DEFAULT).expect("documented");
        let mut values = RecordValues::default();
        let mut key = |interface: &str, port: u16| {
            let line = format!(
                "2 123456789012 {interface} 10.0.0.1 10.0.0.2 {port} 22 6 1 40 1 2 ACCEPT OK"
            );
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            record.expect("a record").identifier_key().expect("a key")
        };
        assert_eq!(key("eni-1", 1), key("eni-1", 2));
        assert_ne!(key("eni-1", 1), key("eni-12", 1));
        let [one, other] = ["eni-0123456789abcdef0", "eni-0123456789abcdef1"];
        let keys = ["eni-12", one, other, one, "eni-12"].map(|interface| key(interface, 1));
        assert_eq!([keys[3], keys[4]], [keys[1], keys[0]]);
        assert!(keys[..3].is_sorted_by(|key, next| key < next), "{keys:?}");
    }

    #[test]
    fn a_long_prefix_has_a_new_key_each_time() {
        let mut keys = PrefixKeys::default();
        let longest = LONGEST_WITH_KEY;
        for (length, keeps) in [(8, true), (longest, true), (longest + 1, false)] {
            let [one, other] = [b'a', b'b'].map(|octet| vec![octet; length]);
            let first = keys.of(&one);
            assert_ne!(keys.of(&other), first);
            assert_eq!(keys.of(&one) == first, keeps, "{length} octets");
        }
    }

    #[test]
    fn prefixes_without_end_have_keys_of_their_own_in_bounded_memory() {
        let mut keys = PrefixKeys::default();
        let prefix = |count: usize| format!("2 123456789012 eni-{count:017x} ");
        let counts = 0..3 * PREFIXES;
        let given: Vec<_> = counts
            .map(|count| keys.of(prefix(count).as_bytes()))
            .collect();
        assert!(given.is_sorted_by(|key, next| key < next));
        let last = given.len() - 1;
        assert_eq!(keys.of(prefix(last).as_bytes()), given[last]);
        assert_eq!(keys.places.len(), PREFIXES);
    }

    #[test]
    fn few_of_some_hundred_interfaces_share_a_place() {
        for prefix in [
            |count: u64| format!("2 123456789012 eni-{:017x} ", count * 0x0123_4567_89ab),
            |count: u64| format!("2 123456789012 eni-0a1b2c3d4e5f6{count:04x} "),
        ] {
            let mut keys = PrefixKeys::default();
            let mut key = |count| keys.of(prefix(count).as_bytes());
            let first: Vec<_> = (0..200).map(&mut key).collect();
            let kept = zip(0.., first).filter(|&(count, first)| key(count) == first);
            let kept = kept.count();
            assert!(kept > 180, "{kept} of 200, {}", prefix(1));
        }
    }
}
