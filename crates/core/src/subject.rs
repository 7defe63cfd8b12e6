//! What a record is about, kept for the records that follow: most of them name what the one before named.

use crate::dedup::{Interface, Inventory};
use crate::flowlog::{FieldSet, FlowRecord, IDENTIFIERS, Kind};
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
}

impl Subject {
    /// What is known of its interface.
    pub(crate) fn interface<'a>(&self, inventory: &'a Inventory) -> Option<&'a Interface> {
        inventory.interface_at(self.interface?)
    }
}

/// The subject of the last record, with everything that it follows from.
#[derive(Debug, Default)]
pub(crate) struct LastSubject {
    kind: Option<Kind>,
    present: FieldSet,
    /// Its texts, a space behind each: there is none in them.
    identifiers: Vec<u8>,
    owner: Option<String>,
    region: Option<String>,
    inventory_version: u64,
    subject: Subject,
}

impl LastSubject {
    /// The subject of a record: that of the last one if it is the same, or else what `find` finds. `owner` and `region`
    /// are those of its source.
    pub(crate) fn of(
        &mut self,
        record: &FlowRecord<'_>,
        owner: Option<&str>,
        region: Option<&str>,
        inventory_version: u64,
        find: impl FnOnce() -> Subject,
    ) -> &mut Subject {
        let (kind, present) = (
            Some(record.kind()),
            record.present().intersection(IDENTIFIERS),
        );
        let same = self.kind == kind
            && self.present == present
            && self.inventory_version == inventory_version
            && self.has_identifiers(record)
            && self.owner.as_deref() == owner
            && self.region.as_deref() == region;
        if !same {
            (self.kind, self.present) = (kind, present);
            self.inventory_version = inventory_version;
            self.identifiers.clear();
            for text in record.identifiers() {
                self.identifiers.extend_from_slice(text);
                self.identifiers.push(b' ');
            }
            if self.owner.as_deref() != owner {
                self.owner = owner.map(str::to_owned);
            }
            if self.region.as_deref() != region {
                self.region = region.map(str::to_owned);
            }
            self.subject = find();
        }
        &mut self.subject
    }

    #[inline]
    fn has_identifiers(&self, record: &FlowRecord<'_>) -> bool {
        let mut rest = self.identifiers.as_slice();
        for text in record.identifiers() {
            match rest.strip_prefix(text) {
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

    /// Whether the second record has the subject of the first one.
    fn same(first: (&str, &str), second: (&str, &str)) -> bool {
        let mut last = LastSubject::default();
        let mut found = 0;
        for (format, line) in [first, second] {
            let format = LogFormat::parse(format).expect("format of the test");
            let mut values = Values::default();
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            let record = record.expect("line of the test");
            last.of(&record, Some("1"), None, 1, || {
                found += 1;
                Subject::default()
            });
        }
        found == 1
    }

    const VPC: &str = "${account-id} ${interface-id} ${vpc-id} ${bytes}";

    #[test]
    fn what_no_name_follows_from_does_not_matter() {
        assert!(same((VPC, "1 eni-1 vpc-1 5"), (VPC, "1 eni-1 vpc-1 6")));
        let others = "${bytes} ${vpc-id} ${subnet-id} ${interface-id} ${account-id}";
        assert!(same(
            (VPC, "1 eni-1 vpc-1 5"),
            (others, "5 vpc-1 subnet-1 eni-1 1")
        ));
    }

    #[test]
    fn another_name_is_another_subject() {
        for other in [
            "2 eni-1 vpc-1 5",
            "1 eni-2 vpc-1 5",
            "1 eni-1 vpc-2 5",
            "1 eni-1 - 5",
            "1 - eni-1 5",
            "1 eni-1v pc-1 5",
        ] {
            assert!(!same((VPC, "1 eni-1 vpc-1 5"), (VPC, other)), "{other}");
            assert!(!same((VPC, other), (VPC, "1 eni-1 vpc-1 5")), "{other}");
        }
    }

    #[test]
    fn the_same_texts_in_other_fields_are_another_subject() {
        let from_to = "${tgw-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id}";
        let to_from = "${tgw-id} ${tgw-dst-vpc-id} ${tgw-src-vpc-id}";
        assert!(!same(
            (from_to, "tgw-1 vpc-1 vpc-2"),
            (to_from, "tgw-1 vpc-1 vpc-2")
        ));
        assert!(same(
            (from_to, "tgw-1 vpc-1 vpc-2"),
            (to_from, "tgw-1 vpc-2 vpc-1")
        ));
    }

    #[test]
    fn the_same_texts_of_another_kind_are_another_subject() {
        let gateway = "${account-id} ${packets-lost-no-route}";
        assert!(!same((gateway, "1 0"), ("${account-id} ${bytes}", "1 0")));
    }
}
