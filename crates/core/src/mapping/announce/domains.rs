//! Observation domains, the "virtual exporters": the domain of a record, and the open domains.
//!
//! A record of a transit gateway belongs to the gateway's domain, named by the gateway's id; a VPC record to the domain of
//! account and region, named `123456789012/eu-central-1`. The number of a domain is the identity of the name, or pinned by a
//! setting.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::flowlog::{Field, FlowRecord, RecordKind};

/// Account of a record when nothing is known.
const UNKNOWN: &str = "unknown";

/// Most open domain names. 300 accounts in 4 regions are 1,200.
pub(crate) const MAX_DOMAINS: usize = 4_096;

/// Names closed at once when there is no room: many, so that the context cache is rarely cleared.
const CLOSED_AT_ONCE: usize = MAX_DOMAINS / 8;

/// Longest part of a domain name, in octets; a longer column is no account, region or gateway of AWS.
const LONGEST_PART: usize = 255;

/// Open domains by name.
#[derive(Debug, Default)]
pub(super) struct OpenDomains {
    /// Slot of each name. Names with equal numbers have one slot.
    by_name: HashMap<Box<[u8]>, usize, FixedState>,
    by_number: HashMap<u32, usize, FixedState>,
    slots: Vec<DomainSlot>,
    free: Vec<usize>,
    pinned: Option<u32>,
    /// Counter of uses.
    clock: u64,
}

#[derive(Debug, Default)]
struct DomainSlot {
    number: u32,
    /// Number of names in the slot; 0 for a free slot.
    names: usize,
    /// [`OpenDomains::clock`] at the last use.
    last_used: u64,
}

impl OpenDomains {
    /// Makes a set without open domains. `pinned` is the number of the only domain, if a setting pins the number.
    pub(super) fn new(pinned: Option<u32>) -> Self {
        Self {
            pinned,
            ..Self::default()
        }
    }

    /// Number of the only domain, if a setting pins the number.
    pub(super) fn pinned(&self) -> Option<u32> {
        self.pinned
    }

    /// Returns the slot of an open domain.
    pub(super) fn slot(&self, name: &[u8]) -> Option<usize> {
        match self.pinned {
            Some(number) => self.by_number.get(&number).copied(),
            None => self.by_name.get(name).copied(),
        }
    }

    /// Notes that a domain is used now.
    pub(super) fn touch(&mut self, slot: usize) {
        self.clock += 1;
        self.slots[slot].last_used = self.clock;
    }

    /// Returns the domains to close before a name is added: none while there is room, else the least recently used.
    pub(super) fn least_recently_used(&self) -> Vec<usize> {
        if self.by_name.len() < MAX_DOMAINS {
            return Vec::new();
        }
        let mut open: Vec<usize> = self.by_number.values().copied().collect();
        open.sort_unstable_by_key(|&slot| self.slots[slot].last_used);
        let (mut needed, mut names) = (0, 0);
        while names < CLOSED_AT_ONCE && needed < open.len() {
            names += self.slots[open[needed]].names;
            needed += 1;
        }
        open.truncate(needed);
        open
    }

    /// Returns all open domains.
    pub(super) fn open(&self) -> Vec<usize> {
        self.by_number.values().copied().collect()
    }

    /// Frees the slots of domains.
    pub(super) fn close(&mut self, closed: &[usize]) {
        for &slot in closed {
            self.by_number.remove(&self.slots[slot].number);
            self.slots[slot] = DomainSlot::default();
        }
        let slots = &self.slots;
        self.by_name.retain(|_, &mut slot| slots[slot].names > 0);
        self.free.extend(closed);
    }

    /// Adds a name and returns the slot, and whether an open domain with this number shares the slot.
    pub(super) fn add(&mut self, name: &[u8], number: u32) -> (usize, bool) {
        let shared = self.by_number.get(&number).copied();
        let slot = shared.or_else(|| self.free.pop()).unwrap_or_else(|| {
            self.slots.push(DomainSlot::default());
            self.slots.len() - 1
        });
        self.by_name.insert(name.into(), slot);
        self.by_number.insert(number, slot);
        self.slots[slot].number = number;
        self.slots[slot].names += 1;
        (slot, shared.is_some())
    }
}

/// Returns the name of a record's domain: the gateway, or the account and, after a slash, the region. `account` and
/// `region` belong to the record's source.
pub(super) fn name(
    record: &FlowRecord<'_>,
    account: Option<&str>,
    region: Option<&str>,
) -> Vec<u8> {
    let part = |field| record.text(field).filter(|text| text.len() <= LONGEST_PART);
    if let (RecordKind::TransitGateway, Some(gateway)) = (record.kind(), part(Field::TgwId)) {
        return gateway.to_vec();
    }
    let (account, region) = account_and_region(record, account, region);
    let account = account.unwrap_or(UNKNOWN.as_bytes());
    match region {
        Some(region) => [account, region].join(&b'/'),
        None => account.to_vec(),
    }
}

/// Returns account and region of a record: the columns of the record, else of the source.
pub(super) fn account_and_region<'a>(
    record: &FlowRecord<'a>,
    account: Option<&'a str>,
    region: Option<&'a str>,
) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let part = |field| record.text(field).filter(|text| text.len() <= LONGEST_PART);
    let own = part(Field::AccountId).filter(|account| account.iter().all(u8::is_ascii_digit));
    let of_source = |name: Option<&'a str>| {
        let name = name.map(str::as_bytes);
        name.filter(|name| name.len() <= LONGEST_PART)
    };
    let account = own.or(of_source(account));
    (account, part(Field::Region).or(of_source(region)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    fn domain(format: &str, line: &str, account: &str, region: &str) -> String {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
        let record = record.expect("line of the test");
        String::from_utf8(name(&record, Some(account), Some(region))).expect("text")
    }

    #[test]
    fn a_column_longer_than_any_name_of_aws_names_no_domain() {
        let [longest, longer] = [LONGEST_PART, LONGEST_PART + 1].map(|octets| "1".repeat(octets));
        let vpc = |account: &str, region: &str, of_source: &str| {
            let line = format!("{account} {region} eni-1 5");
            let format = "${account-id} ${region} ${interface-id} ${bytes}";
            domain(format, &line, of_source, of_source)
        };
        assert_eq!(vpc(&longest, &longest, "2"), format!("{longest}/{longest}"));
        assert_eq!(vpc(&longer, &longer, "2"), "2/2", "those of the source");
        assert_eq!(vpc(&longer, &longer, &longer), "unknown");
        let gateway = |id: &str| {
            let line = format!("{id} tgw-attach-1 5");
            domain("${tgw-id} ${tgw-attachment-id} ${bytes}", &line, "2", "r")
        };
        assert_eq!(gateway(&longest), longest);
        assert_eq!(gateway(&longer), "2/r");
    }

    fn number(name: usize) -> u32 {
        u32::try_from(name).expect("a number of 32 bits")
    }

    #[test]
    fn the_least_recently_used_domains_are_closed_when_there_is_no_room() {
        let mut domains = OpenDomains::new(None);
        for name in 0..MAX_DOMAINS {
            assert_eq!(domains.least_recently_used(), []);
            assert_eq!(domains.slot(&name.to_be_bytes()), None);
            assert_eq!(
                domains.add(&name.to_be_bytes(), number(name)),
                (name, false)
            );
            assert_eq!(domains.slot(&name.to_be_bytes()), Some(name));
        }
        // Used in another order than opened.
        (0..MAX_DOMAINS).rev().for_each(|slot| domains.touch(slot));
        let closed = domains.least_recently_used();
        let expected: Vec<_> = (0..MAX_DOMAINS).rev().take(CLOSED_AT_ONCE).collect();
        assert_eq!(closed, expected);
        domains.close(&closed);
        let mut open = domains.open();
        open.sort_unstable();
        let expected: Vec<_> = (0..MAX_DOMAINS - CLOSED_AT_ONCE).collect();
        assert_eq!(open, expected);
    }

    #[test]
    fn a_pinned_number_is_the_only_domain() {
        assert_eq!(OpenDomains::new(None).pinned(), None);
        let mut domains = OpenDomains::new(Some(7));
        assert_eq!((domains.pinned(), domains.slot(b"1")), (Some(7), None));
        assert_eq!(domains.add(b"1", 7), (0, false));
        assert_eq!(domains.add(b"2", 7), (0, true));
        assert_eq!((domains.slot(b"1"), domains.slot(b"2")), (Some(0), Some(0)));
    }
}
