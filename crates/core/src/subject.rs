//! What a record is about, kept for the records that follow: most of them name what the one before named.

use std::sync::Arc;

use crate::dedup::{Interface, Inventory, Observer};
use crate::flowlog::{FlowRecord, Plan};
use crate::mapping::Numbers;

/// What the texts of a record tell about it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subject {
    /// The place of its domain in the exporter.
    pub(crate) domain: usize,
    /// The place of its interface in the inventory.
    pub(crate) interface: Option<usize>,
    /// The numbers of its names, and the epoch in which they were announced.
    pub(crate) numbers: Option<(u32, Numbers)>,
    /// As which its records are compared.
    pub(crate) observer: Option<Observer>,
}

impl Subject {
    /// What is known of its interface.
    pub(crate) fn interface<'a>(&self, inventory: &'a Inventory) -> Option<&'a Interface> {
        inventory.interface_at(self.interface?)
    }

    /// Its numbers, if they were announced in this epoch.
    #[inline]
    pub(crate) fn numbers_in(&self, epoch: u32) -> Option<Numbers> {
        let (announced, numbers) = self.numbers?;
        (announced == epoch).then_some(numbers)
    }
}

/// The subject of the last record, with everything that it follows from.
#[derive(Debug, Default)]
pub(crate) struct LastSubject {
    /// That of the record's format.
    plan: Option<Arc<Plan>>,
    /// The number of the lead.
    lead: Option<u64>,
    /// What the line says of it, a space behind each part.
    identifiers: Vec<u8>,
    owner: Option<Arc<str>>,
    region: Option<Arc<str>>,
    subject: Subject,
}

impl LastSubject {
    /// The subject of a record: that of the last one if it is the same, or else what `find` finds. `owner` and `region`
    /// are those of its source.
    #[inline(always)] // called in one place, for every record
    pub(crate) fn of(
        &mut self,
        record: &FlowRecord<'_>,
        owner: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        find: impl FnOnce() -> Subject,
    ) -> &mut Subject {
        let plan = record.format().plan();
        let same = self
            .plan
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, plan))
            && (record.lead().is_some() && record.lead() == self.lead
                || self.has_identifiers(record))
            && self.owner == *owner
            && self.region == *region;
        self.lead = record.lead();
        if !same {
            self.plan = Some(Arc::clone(plan));
            self.identifiers.clear();
            for part in record.identifiers() {
                self.identifiers.extend_from_slice(part);
                self.identifiers.push(b' ');
            }
            self.owner.clone_from(owner);
            self.region.clone_from(region);
            self.subject = find();
        }
        &mut self.subject
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
    use super::*;
    use crate::flowlog::{LogFormat, Values};

    /// How many subjects are found for records of these formats, one after the other.
    fn found(records: &[(&LogFormat, &str)]) -> usize {
        let mut last = LastSubject::default();
        let mut found = 0;
        let mut values = Values::default();
        for (format, line) in records {
            let record = FlowRecord::parse(format, line.as_bytes(), &mut values);
            let record = record.expect("line of the test");
            last.of(&record, &Some("1".into()), &None, || {
                found += 1;
                Subject::default()
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
            assert_eq!(found(&[first, (&format, other), first]), 3, "{other}");
        }
    }

    #[test]
    fn another_beginning_is_another_subject_and_the_same_one_is_not() {
        let format = format("${version} ${account-id} ${interface-id} ${bytes}");
        let one = (&format, "2 1 eni-1 5");
        let other = (&format, "2 1 eni-2 5");
        assert_eq!(found(&[one, (&format, "2 1 eni-1 6"), one]), 1);
        assert_eq!(found(&[one, other, other, one]), 3);
        assert_eq!(found(&[one, (&format, "2  1 eni-1 5"), one]), 1);
    }

    #[test]
    fn another_source_is_another_subject() {
        let format = format(VPC);
        let mut last = LastSubject::default();
        let mut found = 0;
        let names: [Option<Arc<str>>; 3] = [None, Some("1".into()), Some("2".into())];
        for owner in &names {
            for region in &names {
                for _ in 0..2 {
                    let mut values = Values::default();
                    let line = b"1 eni-1 5 vpc-1 - i-1";
                    let record = FlowRecord::parse(&format, line, &mut values);
                    let record = record.expect("line of the test");
                    last.of(&record, owner, region, || {
                        found += 1;
                        Subject::default()
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
}
