//! What a record is about, kept for the records that follow: most of them name what the one before named.

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
    subject: Option<Subject>,
}

impl LastSubject {
    /// The subject, if this record has the same; `owner` and `region` are those of its source.
    pub(crate) fn of(
        &mut self,
        record: &FlowRecord<'_>,
        owner: Option<&str>,
        region: Option<&str>,
        inventory_version: u64,
    ) -> Option<&mut Subject> {
        let same = self.kind == Some(record.kind())
            && self.present == record.present().intersection(IDENTIFIERS)
            && self.inventory_version == inventory_version
            && self.has_identifiers(record)
            && self.owner.as_deref() == owner
            && self.region.as_deref() == region;
        self.subject.as_mut().filter(|_| same)
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

    /// Keeps the subject of a record.
    pub(crate) fn keep(
        &mut self,
        record: &FlowRecord<'_>,
        owner: Option<&str>,
        region: Option<&str>,
        inventory_version: u64,
        subject: Subject,
    ) -> &mut Subject {
        self.kind = Some(record.kind());
        self.present = record.present().intersection(IDENTIFIERS);
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
        self.inventory_version = inventory_version;
        self.subject.insert(subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, Values};

    /// Keeps the subject of the first record and asks whether the second one has it.
    fn same(first: (&str, &str), second: (&str, &str)) -> bool {
        let mut last = LastSubject::default();
        let mut answer = None;
        for (format, line) in [first, second] {
            let format = LogFormat::parse(format).expect("format of the test");
            let mut values = Values::default();
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            let record = record.expect("line of the test");
            answer = Some(last.of(&record, Some("1"), None, 1).is_some());
            last.keep(&record, Some("1"), None, 1, Subject::default());
        }
        answer == Some(true)
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
