//! What a record is about, kept for the records that follow: most of them name what the one before named, or one of late.

use std::hash::{BuildHasher, Hasher};
use std::mem;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::dedup::Observer;
use crate::flowlog::{ColumnPlan, FlowRecord};
use crate::mapping::Numbers;
use crate::network::{Inventory, NetworkInterface};

/// What the texts of a record tell about it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InterfaceContext {
    /// The place of its domain in the exporter.
    pub(crate) domain: usize,
    /// The place of its interface in the inventory.
    pub(crate) interface: Option<usize>,
    /// The numbers of its names, and the epoch in which they were announced.
    pub(crate) numbers: Option<(u32, Numbers)>,
    /// As which its records are compared.
    pub(crate) observer: Option<Observer>,
}

impl InterfaceContext {
    /// What is known of its interface.
    pub(crate) fn interface<'a>(&self, inventory: &'a Inventory) -> Option<&'a NetworkInterface> {
        inventory.interface_at(self.interface?)
    }

    /// Its numbers, if they were announced in this epoch.
    #[inline]
    pub(crate) fn numbers_in(&self, epoch: u32) -> Option<Numbers> {
        let (announced, numbers) = self.numbers?;
        (announced == epoch).then_some(numbers)
    }
}

/// ContextCache that are kept at most, besides the last one.
const PLACES: usize = 4_096;

/// Octets of identifiers beyond which a subject is not kept; those of AWS have half as many.
const LONGEST: usize = 1_024;

/// The subjects of the records of late.
#[derive(Debug, Default)]
pub(crate) struct ContextCache {
    /// That of the last record.
    last: Box<Kept>,
    /// The number of its lead.
    lead: Option<u64>,
    /// Its place, which is empty.
    place: usize,
    /// [`PLACES`] as soon as there was a record. Which of them is a subject's, its identifiers say.
    places: Vec<Option<Box<Kept>>>,
    hash: FixedState,
}

/// A subject, with everything that it follows from.
#[derive(Debug, Default)]
struct Kept {
    /// That of the record's format.
    plan: Option<Arc<ColumnPlan>>,
    /// What the line says of it, a space behind each part.
    identifiers: Vec<u8>,
    owner: Option<Arc<str>>,
    region: Option<Arc<str>>,
    subject: InterfaceContext,
}

impl ContextCache {
    /// The subject of a record: a kept one if it follows from the same, or else what `find` finds. `owner` and `region`
    /// are those of its source.
    #[inline(always)] // called in one place, for every record
    pub(crate) fn of(
        &mut self,
        record: &FlowRecord<'_>,
        owner: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        find: impl FnOnce(&FlowRecord<'_>) -> InterfaceContext,
    ) -> &mut InterfaceContext {
        let last = &self.last;
        let lead = mem::replace(&mut self.lead, record.identifier_key());
        let same = last.is_of(record, owner, region)
            && lead == record.identifier_key()
            && (lead.is_some() || last.has_identifiers(record));
        if !same {
            self.turn_to(*record, owner, region, find);
        }
        &mut self.last.subject
    }

    /// Makes the record's subject the last one.
    #[inline(never)]
    fn turn_to(
        &mut self,
        record: FlowRecord<'_>, // a copy, so that the caller's can stay in registers
        owner: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        find: impl FnOnce(&FlowRecord<'_>) -> InterfaceContext,
    ) {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        let place = self.place(&record);
        if place != self.place {
            let kept = self.places[place].take().unwrap_or_default();
            let last = mem::replace(&mut self.last, kept);
            self.places[self.place] = (last.identifiers.capacity() <= LONGEST).then_some(last);
            self.place = place;
        }
        let last = &mut self.last;
        if !(last.is_of(&record, owner, region) && last.has_identifiers(&record)) {
            last.identifiers.clear();
            for part in record.identifiers() {
                last.identifiers.extend_from_slice(part);
                last.identifiers.push(b' ');
            }
            last.plan = Some(Arc::clone(record.format().plan()));
            last.owner.clone_from(owner);
            last.region.clone_from(region);
            last.subject = find(&record);
        }
    }

    /// The place of a record's subject.
    fn place(&self, record: &FlowRecord<'_>) -> usize {
        let mut hasher = self.hash.build_hasher();
        for part in record.identifiers() {
            hasher.write(part);
        }
        usize::try_from(hasher.finish() % PLACES as u64).unwrap_or_default()
    }
}

impl Kept {
    /// Whether the record is of the same format and source.
    #[inline]
    fn is_of(
        &self,
        record: &FlowRecord<'_>,
        owner: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
    ) -> bool {
        let plan = record.format().plan();
        self.plan
            .as_ref()
            .is_some_and(|kept| Arc::ptr_eq(kept, plan))
            && self.owner == *owner
            && self.region == *region
    }

    /// Whether the record says the same of its subject. Of one plan, the parts have as many texts each.
    #[inline]
    fn has_identifiers(&self, record: &FlowRecord<'_>) -> bool {
        let mut rest = self.identifiers.as_slice();
        for part in record.identifiers() {
            match rest.strip_prefix(part) {
                Some([b' ', left @ ..]) => rest = left,
                _ => return false,
            }
        }
        rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    /// How many subjects are found for records of these formats, one after the other.
    fn found(records: &[(&LogFormat, &str)]) -> usize {
        let mut subjects = ContextCache::default();
        let mut found = 0;
        let mut values = RecordValues::default();
        for (format, line) in records {
            let record = FlowRecord::parse(format, line.as_bytes(), &mut values);
            let record = record.expect("line of the test");
            subjects.of(&record, &Some("1".into()), &None, |_| {
                found += 1;
                InterfaceContext::default()
            });
        }
        found
    }

    fn format(text: &str) -> LogFormat {
        LogFormat::parse(text).expect("format of the test")
    }

    const VPC: &str =
        "${account-id} ${interface-id} ${bytes} ${vpc-id} ${subnet-id} ${instance-id}";

    #[test]
    fn what_no_name_follows_from_does_not_matter() {
        let format = format(VPC);
        let first = (&format, "1 eni-1 5 vpc-1 subnet-1 i-1");
        let second = (&format, "1 eni-1 6 vpc-1 subnet-2 i-1");
        assert_eq!(found(&[first, second, first]), 1);
    }

    #[test]
    fn another_name_is_another_subject() {
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
    fn another_beginning_is_another_subject_and_the_same_one_is_not() {
        let format = format("${version} ${account-id} ${interface-id} ${bytes}");
        let one = (&format, "2 1 eni-1 5");
        let other = (&format, "2 1 eni-2 5");
        assert_eq!(found(&[one, (&format, "2 1 eni-1 6"), one]), 1);
        assert_eq!(found(&[one, other, other, one]), 2);
        assert_eq!(found(&[one, (&format, "2  1 eni-1 5"), one]), 1);
    }

    #[test]
    fn another_source_is_another_subject() {
        let format = format(VPC);
        let mut subjects = ContextCache::default();
        let mut found = 0;
        let names: [Option<Arc<str>>; 3] = [None, Some("1".into()), Some("2".into())];
        for owner in &names {
            for region in &names {
                for _ in 0..2 {
                    let mut values = RecordValues::default();
                    let line = b"1 eni-1 5 vpc-1 - i-1";
                    let record = FlowRecord::parse(&format, line, &mut values);
                    let record = record.expect("line of the test");
                    subjects.of(&record, owner, region, |_| {
                        found += 1;
                        InterfaceContext::default()
                    });
                }
            }
        }
        assert_eq!(found, 9);
    }

    #[test]
    fn the_same_line_of_another_format_is_another_subject() {
        let from_to = format("${tgw-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id}");
        let to_from = format("${tgw-id} ${tgw-dst-vpc-id} ${tgw-src-vpc-id}");
        let line = "tgw-1 vpc-1 vpc-2";
        assert_eq!(found(&[(&from_to, line), (&to_from, line)]), 2);
        let clone = from_to.clone();
        assert_eq!(found(&[(&from_to, line), (&clone, line)]), 1);
    }

    #[test]
    fn identifiers_without_end_are_not_kept() {
        let format = format("${account-id} ${interface-id} ${bytes}");
        let long = format!("1 eni-{} 5", "1".repeat(2 * LONGEST));
        let (long, short) = ((&format, long.as_str()), (&format, "1 eni-1 5"));
        assert_eq!(found(&[long, long, short, long]), 3);
    }

    proptest! {
        #[test]
        fn a_kept_subject_is_the_one_that_would_be_found(
            records in prop::collection::vec((0..2_usize, 0..2_usize, 0..3_000_u32), 1..4_000),
        ) {
            let formats = [format(VPC), format("${interface-id} ${bytes} ${account-id}")];
            let owners = ["1", "2"].map(|owner| Some(Arc::from(owner)));
            let (mut subjects, mut values) = (ContextCache::default(), RecordValues::default());
            let mut places = HashMap::new();
            for (which, owner, interface) in records {
                let line = match which {
                    0 => format!("1 eni-{interface} 5 vpc-1 - i-1"),
                    _ => format!("eni-{interface} 5 1"),
                };
                let number = places.len();
                let expected = *places.entry((which, owner, interface)).or_insert(number);
                let record = FlowRecord::parse(&formats[which], line.as_bytes(), &mut values);
                let record = record.expect("line of the test");
                let subject = subjects.of(&record, &owners[owner], &None, |_| InterfaceContext {
                    domain: expected,
                    ..InterfaceContext::default()
                });
                prop_assert_eq!(subject.domain, expected);
            }
        }
    }
}
