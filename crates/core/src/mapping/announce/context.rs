//! Context of a record: everything that follows from its identifiers, and a cache of contexts.
//!
//! Consecutive records mostly have the identifiers of the record before, or of a record among the last few thousand. A
//! context belongs to one format and one source (account and region), which are compared always. Then, the cheapest first:
//!
//! 1. The key of the line's prefix, or of a row's identifiers ([`FlowRecord::identifier_key`]), is that of the record
//!    before: equal keys mean equal identifiers, so the columns are not compared.
//! 2. Where neither record has a key, the identifier columns equal those of the record before, octet for octet.
//! 3. The key is that of the record that used an entry last.
//! 4. The identifier columns hash to a set of four entries, and one of these has equal columns. 4,096 sets of one entry
//!    would be worse: of 200 interfaces about ten would share an entry, and each record of these would make a context.

use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use super::numbers::RecordNumbers;
use crate::dedup::ObservedBy;
use crate::flowlog::{ColumnPlan, FlowRecord, are_equal};
use crate::network::{InterfaceIndex, InterfaceView, Inventory, TableSet};

/// Everything that follows from the identifiers of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InterfaceContext {
    /// Slot of the domain in the exporter.
    pub(crate) domain_slot: usize,
    /// Index of the interface in the inventory.
    pub(crate) interface: Option<InterfaceIndex>,
    /// The only address of the interface, if [single](InterfaceView::only_ipv4).
    pub(crate) only_ipv4: Option<u32>,
    /// Tables of the inventory for look-ups of the record.
    pub(crate) tables: TableSet,
    /// True if the inventory should know the account and region of the record, and does not.
    pub(crate) lacks_inventory: bool,
    /// True if a table of the inventory has to be loaded before the record is decided.
    pub(crate) lacks_table: bool,
    /// Numbers of the identifiers, and the epoch of the announcement.
    pub(crate) numbers: Option<(u32, RecordNumbers)>,
    /// Flow logs that observe the interface or attachment, determined by a coverage.
    pub(crate) observed_by: ObservedBy,
}

impl InterfaceContext {
    /// Returns the interface of the record, if the inventory knows the interface.
    pub(crate) fn interface<'a>(&self, inventory: &'a Inventory) -> Option<InterfaceView<'a>> {
        Some(inventory.interface_at(self.interface?))
    }

    /// Returns the numbers if announced in this epoch.
    #[inline]
    pub(crate) fn numbers_in(&self, epoch: u32) -> Option<RecordNumbers> {
        let (announced, numbers) = self.numbers?;
        (announced == epoch).then_some(numbers)
    }
}

/// Most sets of the cache; the hash of the identifiers tells the set.
const SETS: usize = 1_024;

/// Most entries of a set, the last inserted first.
const WAYS: usize = 4;

/// Places by key ([`FlowRecord::identifier_key`]), as many as there are entries.
const PLACES: usize = SETS * WAYS;

/// Mark of an empty place.
const NO_ENTRY: u16 = u16::MAX;

/// Longest cached identifiers, in octets; the identifiers of AWS take half as many.
const LONGEST: usize = 1_024;

/// Cache of contexts.
#[derive(Debug, Default)]
pub(crate) struct ContextCache {
    /// Entries side by side, in the order of their first use: at most [`SETS`] times [`WAYS`].
    entries: Vec<CacheEntry>,
    /// Index of the entry of the record before.
    current: usize,
    /// Key of the record before ([`FlowRecord::identifier_key`]).
    identifier_key: Option<NonZeroU64>,
    /// Index of the entry that a record with this key used last, by [`place_of`]: [`PLACES`] as soon as there was a record.
    by_key: Vec<u16>,
    /// Indexes of the entries of each set: [`SETS`] sets as soon as there was a record.
    sets: Vec<[u16; WAYS]>,
    hash: FixedState,
}

/// Context with the key.
#[derive(Debug, Default)]
struct CacheEntry {
    /// Column plan of the record's format.
    plan: Option<Arc<ColumnPlan>>,
    /// Identifier columns, a space after each run of columns. Those of AWS's default formats fit into the entry itself,
    /// so that a comparison reads no heap memory.
    identifiers: SmallVec<[u8; 96]>,
    account: Option<Arc<str>>,
    region: Option<Arc<str>>,
    /// Key of the record that used the entry last.
    identifier_key: Option<NonZeroU64>,
    context: InterfaceContext,
}

impl ContextCache {
    /// Context that was recalled or inserted last.
    #[inline]
    pub(super) fn current(&mut self) -> &mut InterfaceContext {
        &mut self.entries[self.current].context
    }

    /// Returns whether the record has the context of the record before. `account` and `region` belong to the source.
    #[inline(always)] // single caller, for every record
    pub(super) fn is_current(
        &self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
    ) -> bool {
        let Some(current) = self.entries.get(self.current) else {
            return false;
        };
        let key = record.identifier_key();
        key == self.identifier_key
            && current.is_from(record, account, region)
            && (key.is_some() || current.has_identifiers(record))
    }

    /// Makes the cached context of the record current. False if the cache has no such context: the caller makes a context
    /// and calls [`Self::insert`].
    pub(super) fn recall(
        &mut self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
    ) -> bool {
        // Identifiers longer than LONGEST serve consecutive records only.
        if let Some(last) = self.entries.get_mut(self.current)
            && last.identifiers.len() > LONGEST
        {
            *last = CacheEntry::default();
        }
        let key = record.identifier_key();
        if let Some(&index) = key.and_then(|key| self.by_key.get(place_of(key)))
            && let Some(entry) = self.entries.get(usize::from(index))
            && entry.identifier_key == key
            && entry.is_from(record, account, region)
        {
            (self.current, self.identifier_key) = (index.into(), key);
            return true;
        }
        let is_records = |entry: &CacheEntry| {
            entry.is_from(record, account, region) && entry.has_identifiers(record)
        };
        let set = self.sets.get(self.set_of(record));
        let index = set.and_then(|set| {
            let mut indexes = set.iter().copied();
            indexes.find(|&index| self.entries.get(usize::from(index)).is_some_and(is_records))
        });
        if let Some(index) = index {
            self.make_current(index, key);
        }
        index.is_some()
    }

    /// Makes the entry at `index` current, for a record with this key.
    fn make_current(&mut self, index: u16, key: Option<NonZeroU64>) {
        (self.current, self.identifier_key) = (index.into(), key);
        self.entries[self.current].identifier_key = key;
        if let Some(key) = key {
            self.by_key[place_of(key)] = index;
        }
    }

    /// Caches the context of the record, as current, instead of the oldest context of a full set.
    pub(super) fn insert(
        &mut self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        context: InterfaceContext,
    ) {
        if self.sets.is_empty() {
            self.sets.resize(SETS, [NO_ENTRY; WAYS]);
            self.by_key.resize(PLACES, NO_ENTRY);
        }
        let set = self.set_of(record);
        let set = &mut self.sets[set];
        set.rotate_right(1);
        if set[0] == NO_ENTRY {
            set[0] = u16::try_from(self.entries.len()).expect("at most 4,096 entries");
            self.entries.push(CacheEntry::default());
        }
        let index = set[0];
        self.make_current(index, record.identifier_key());
        let entry = &mut self.entries[self.current];
        entry.identifiers.clear();
        for run in record.identifiers() {
            entry.identifiers.extend_from_slice(run);
            entry.identifiers.push(b' ');
        }
        entry.plan = Some(Arc::clone(record.format().plan()));
        entry.account.clone_from(account);
        entry.region.clone_from(region);
        entry.context = context;
    }

    /// Forgets every context.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn set_of(&self, record: &FlowRecord<'_>) -> usize {
        let mut hasher = self.hash.build_hasher();
        for run in record.identifiers() {
            hasher.write(run);
        }
        usize::try_from(hasher.finish() % SETS as u64).expect("an index fits")
    }
}

/// Place of a key in [`ContextCache::by_key`].
fn place_of(key: NonZeroU64) -> usize {
    usize::try_from(key.get() % PLACES as u64).expect("an index fits")
}

impl CacheEntry {
    /// Returns whether format and source of the record equal the key's.
    #[inline]
    fn is_from(
        &self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
    ) -> bool {
        let plan = record.format().plan();
        self.plan
            .as_ref()
            .is_some_and(|cached| Arc::ptr_eq(cached, plan))
            && self.account == *account
            && self.region == *region
    }

    /// Returns whether the identifiers of the record equal the key's. Records of equal plans have equally many runs of
    /// columns.
    #[inline]
    fn has_identifiers(&self, record: &FlowRecord<'_>) -> bool {
        let mut rest = self.identifiers.as_slice();
        for run in record.identifiers() {
            match rest.split_at_checked(run.len()) {
                Some((known, [b' ', left @ ..])) if are_equal(known, run) => rest = left,
                _ => return false,
            }
        }
        rest.is_empty()
    }
}

#[cfg(test)]
impl ContextCache {
    /// Returns the context of a record: the cached context, or the result of `find`.
    fn of(
        &mut self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        find: impl FnOnce(&FlowRecord<'_>) -> InterfaceContext,
    ) -> &mut InterfaceContext {
        if !self.is_current(record, account, region) && !self.recall(record, account, region) {
            self.insert(record, account, region, find(record));
        }
        self.current()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::flowlog::{LogFormat, RecordValues, RowValues};

    /// Returns how many contexts are made for records of these formats, one after the other.
    fn found(records: &[(&LogFormat, &str)]) -> usize {
        let mut contexts = ContextCache::default();
        let mut found = 0;
        let mut values = RecordValues::default();
        for (format, line) in records {
            let record = FlowRecord::parse(format, line.as_bytes(), &mut values);
            let record = record.expect("line of the test");
            contexts.of(&record, &Some("1".into()), &None, |_| {
                found += 1;
                InterfaceContext::default()
            });
        }
        found
    }

    /// Slot in the context of a record; `slot` if the context has to be made.
    fn slot_of(
        contexts: &mut ContextCache,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        slot: usize,
    ) -> usize {
        let made = |_: &FlowRecord<'_>| InterfaceContext {
            domain_slot: slot,
            ..InterfaceContext::default()
        };
        contexts.of(record, account, &None, made).domain_slot
    }

    fn format(text: &str) -> LogFormat {
        LogFormat::parse(text).expect("format of the test")
    }

    const VPC: &str =
        "${account-id} ${interface-id} ${bytes} ${vpc-id} ${subnet-id} ${instance-id}";

    #[test]
    fn columns_that_are_no_identifiers_do_not_matter() {
        let format = format(VPC);
        let first = (&format, "1 eni-1 5 vpc-1 subnet-1 i-1");
        let second = (&format, "1 eni-1 6 vpc-1 subnet-2 i-1");
        assert_eq!(found(&[first, second, first]), 1);
    }

    #[test]
    fn another_identifier_is_another_context() {
        let format = format(VPC);
        let first = (&format, "1 eni-1 5 vpc-1 - i-1");
        for other in [
            "2 eni-1 5 vpc-1 - i-1",
            "1 eni-2 5 vpc-1 - i-1",
            "1 eni-1 5 vpc-2 - i-1",
            "1 eni-1 5 - - i-1",
            "1 - 5 vpc-1 - i-1",
            "- eni-1 5 vpc-1 - i-1",
            "1 eni-1 5 vpc-1 - -",
            "1 eni-1v 5 pc-1 - i-1",
        ] {
            assert_eq!(found(&[first, (&format, other), first]), 2, "{other}");
        }
    }

    #[test]
    fn another_prefix_is_another_context_and_the_same_prefix_is_not() {
        let format = format("${version} ${account-id} ${interface-id} ${bytes}");
        let one = (&format, "2 1 eni-1 5");
        let other = (&format, "2 1 eni-2 5");
        assert_eq!(found(&[one, (&format, "2 1 eni-1 6"), one]), 1);
        assert_eq!(found(&[one, other, other, one]), 2);
        assert_eq!(found(&[one, (&format, "2  1 eni-1 5"), one]), 1);
    }

    #[test]
    fn another_source_is_another_context() {
        let format = format(VPC);
        let mut contexts = ContextCache::default();
        let mut found = 0;
        let names: [Option<Arc<str>>; 3] = [None, Some("1".into()), Some("2".into())];
        for owner in &names {
            for region in &names {
                for _ in 0..2 {
                    let mut values = RecordValues::default();
                    let line = b"1 eni-1 5 vpc-1 - i-1";
                    let record = FlowRecord::parse(&format, line, &mut values);
                    let record = record.expect("line of the test");
                    contexts.of(&record, owner, region, |_| {
                        found += 1;
                        InterfaceContext::default()
                    });
                }
            }
        }
        assert_eq!(found, 9);
    }

    #[test]
    fn the_same_line_of_another_format_is_another_context() {
        let from_to = format("${tgw-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id} ${bytes}");
        let to_from = format("${tgw-id} ${tgw-dst-vpc-id} ${tgw-src-vpc-id} ${bytes}");
        let line = "tgw-1 vpc-1 vpc-2 1";
        assert_eq!(found(&[(&from_to, line), (&to_from, line)]), 2);
        let clone = from_to.clone();
        assert_eq!(found(&[(&from_to, line), (&clone, line)]), 1);
    }

    #[test]
    fn a_cache_that_was_cleared_for_a_context_takes_the_context() {
        let format = format(VPC);
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, b"1 eni-1 5 vpc-1 - i-1", &mut values);
        let record = record.expect("line of the test");
        let mut contexts = ContextCache::default();
        for domain_slot in 1..3 {
            assert!(!contexts.recall(&record, &None, &None));
            contexts.clear();
            let context = InterfaceContext {
                domain_slot,
                ..InterfaceContext::default()
            };
            contexts.insert(&record, &None, &None, context);
            assert_eq!(contexts.current().domain_slot, domain_slot);
            assert!(contexts.recall(&record, &None, &None));
            contexts.clear();
        }
    }

    #[test]
    fn identifiers_without_end_are_not_cached() {
        let format = format("${account-id} ${interface-id} ${bytes}");
        let long = format!("1 eni-{} 5", "1".repeat(2 * LONGEST));
        let (long, short) = ((&format, long.as_str()), (&format, "1 eni-1 5"));
        assert_eq!(found(&[long, long, short, long]), 3);
    }

    proptest! {
        #[test]
        fn a_cached_context_is_the_one_that_would_be_made(
            records in prop::collection::vec((0..4_usize, 0..2_usize, 0..3_000_u32), 1..4_000),
        ) {
            let in_prefix = format("${version} ${account-id} ${interface-id} ${bytes}");
            let formats = [
                format(VPC),
                format("${interface-id} ${bytes} ${account-id}"),
                in_prefix.clone(),
                in_prefix,
            ];
            let owners = ["1", "2"].map(|owner| Some(Arc::from(owner)));
            let (mut contexts, mut values) = (ContextCache::default(), RecordValues::default());
            let mut numbers = HashMap::new();
            for (which, owner, interface) in records {
                let line = match which {
                    0 => format!("1 eni-{interface} 5 vpc-1 - i-1"),
                    1 => format!("eni-{interface} 5 1"),
                    2 => format!("2 1 eni-{interface} 5"),
                    _ => format!("2 123456789012 eni-{interface:017x} 5"),
                };
                let number = numbers.len();
                let expected = *numbers.entry((which, owner, interface)).or_insert(number);
                let record = FlowRecord::parse(&formats[which], line.as_bytes(), &mut values);
                let record = record.expect("line of the test");
                let slot = slot_of(&mut contexts, &record, &owners[owner], expected);
                prop_assert_eq!(slot, expected);
            }
        }
    }

    #[test]
    fn keys_that_meet_at_one_place_have_their_own_contexts() {
        let format = format("${version} ${account-id} ${interface-id} ${bytes}");
        let (mut contexts, mut values) = (ContextCache::default(), RecordValues::default());
        for _ in 0..2 {
            for interface in 0..2 * PLACES {
                let line = format!("2 123456789012 eni-{interface:017x} 5");
                let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
                let record = record.expect("line of the test");
                let slot = slot_of(&mut contexts, &record, &None, interface);
                assert_eq!(slot, interface);
            }
        }
    }

    #[test]
    fn equal_keys_of_two_files_and_of_lines_are_different_contexts() {
        let format = format("${interface-id} ${bytes}");
        let mut rows = [&b"eni-1"[..], b"eni-2"].map(|interface| {
            let mut row = RowValues::new(format.clone());
            row.set_texts([interface].into_iter(), true);
            row
        });
        rows.iter_mut().for_each(RowValues::begin_row);
        let mut values = RecordValues::default();
        let line = FlowRecord::parse(&format, b"eni-3 5", &mut values);
        let line = line.expect("line of the test");
        let records = [rows[0].record(), rows[1].record(), line];
        assert!(
            records
                .iter()
                .all(|record| record.identifier_key() == NonZeroU64::new(1))
        );
        let (mut contexts, mut found) = (ContextCache::default(), 0);
        for record in records.iter().chain(&records) {
            contexts.of(record, &None, &None, |_| {
                found += 1;
                InterfaceContext::default()
            });
        }
        assert_eq!(found, 3);
    }

    #[test]
    fn long_identifiers_on_both_sides_of_a_number_are_current_for_the_next_record() {
        let format = format(VPC);
        let long = format!("1 eni-{} 5 vpc-1 - i-1", "1".repeat(2 * LONGEST));
        let (long, short) = ((&format, long.as_str()), (&format, "1 eni-1 5 vpc-1 - i-1"));
        assert_eq!(found(&[long, long, short, long]), 3);
    }

    /// Returns lines of interfaces of one set of the cache.
    fn lines_of_one_set(format: &LogFormat, count: usize) -> Vec<String> {
        let (contexts, mut values) = (ContextCache::default(), RecordValues::default());
        let mut set_of = |line: &String| {
            let record = FlowRecord::parse(format, line.as_bytes(), &mut values);
            contexts.set_of(&record.expect("line of the test"))
        };
        let mut lines = (0..).map(|number| format!("1 eni-{number} 5"));
        let first = lines.next().expect("without end");
        let set = set_of(&first);
        let others = lines.filter(|line| set_of(line) == set);
        [first].into_iter().chain(others).take(count).collect()
    }

    #[test]
    fn a_record_without_a_context_is_not_current_beside_an_entry_of_the_same_set() {
        let format = format("${account-id} ${interface-id} ${bytes}");
        let (mut contexts, account) = (ContextCache::default(), Some(Arc::from("1")));
        let lines = lines_of_one_set(&format, 2);
        let mut values = RecordValues::default();
        let known = FlowRecord::parse(&format, lines[0].as_bytes(), &mut values);
        let known = known.expect("line of the test");
        contexts.of(&known, &account, &None, |_| InterfaceContext::default());
        let other = FlowRecord::parse(&format, lines[1].as_bytes(), &mut values);
        let other = other.expect("line of the test");
        for _ in 0..2 {
            assert!(!contexts.is_current(&other, &account, &None));
            assert!(!contexts.recall(&other, &account, &None));
        }
    }

    #[test]
    fn a_set_has_four_contexts_and_the_fifth_replaces_the_first() {
        let format = format("${account-id} ${interface-id} ${bytes}");
        let lines = lines_of_one_set(&format, 5);
        let records = |numbers: &[usize]| -> Vec<(&LogFormat, &str)> {
            let lines = numbers.iter().map(|&number| lines[number].as_str());
            lines.map(|line| (&format, line)).collect()
        };
        assert_eq!(found(&records(&[0, 1, 2, 3, 0, 1, 2, 3])), 4);
        assert_eq!(found(&records(&[0, 1, 2, 3, 4, 1, 2, 3, 4])), 5);
        assert_eq!(found(&records(&[0, 1, 2, 3, 4, 0])), 6);
    }
}
