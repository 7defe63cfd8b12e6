//! What a record is about, kept for the records that follow: most of them name what the one before named.

use crate::flowlog::{FieldSet, FlowRecord, IDENTIFIERS};
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
        let same = self.present == record.present().intersection(IDENTIFIERS)
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
