//! Parts of the interface table: texts shared by many interfaces, and the index from a VPC and a value to the interfaces
//! with the value.

use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Range of the values of an entry in the list of all values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    start: u32,
    length: u16,
}

impl Span {
    pub(super) fn is_empty(self) -> bool {
        self.length == 0
    }

    pub(super) fn of<T>(self, list: &[T]) -> &[T] {
        let start = self.start as usize;
        &list[start..start + usize::from(self.length)]
    }

    pub(super) fn positions(self) -> std::ops::Range<u32> {
        self.start..self.start + u32::from(self.length)
    }
}

/// Delegated prefix; the bits of `first` after `length` are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DelegatedPrefix {
    pub(super) first: IpAddr,
    pub(super) length: u8,
}

impl DelegatedPrefix {
    /// Prefix of the given length around the address. A length above 32 (IPv4) or 128 (IPv6) is cut.
    pub(super) fn of(address: IpAddr, length: u8) -> Self {
        match address {
            IpAddr::V4(address) => {
                let length = length.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                let first = Ipv4Addr::from_bits(address.to_bits() & mask).into();
                Self { first, length }
            }
            IpAddr::V6(address) => {
                let length = length.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                let first = Ipv6Addr::from_bits(address.to_bits() & mask).into();
                Self { first, length }
            }
        }
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        Self::of(address, self.length) == self
    }
}

/// Shared texts, each stored once, by number from 1.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedTexts {
    pub(super) texts: Vec<Box<str>>,
    index: HashTable<u32>,
}

/// Values of all entries, the values of an entry side by side, found by VPC and value.
#[derive(Debug, Clone)]
pub(super) struct ValueIndex<T> {
    pub(super) values: Vec<T>,
    /// VPC and slot of the entry of each value.
    entries: Vec<(u32, u32)>,
    index: HashTable<u32>,
}

impl<T> Default for ValueIndex<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            entries: Vec::new(),
            index: HashTable::new(),
        }
    }
}

pub(super) fn hash<T: Hash>(value: T) -> u64 {
    FixedState::default().hash_one(value)
}

/// Converts a position in a list to 32 bits; `None` beyond.
pub(super) fn to_u32(position: usize) -> Option<u32> {
    u32::try_from(position).ok()
}

impl SharedTexts {
    /// Stores a text if new, and returns the number; 0 for no text.
    pub(super) fn intern(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return 0;
        };
        if let Some(known) = self.find(text.as_bytes()) {
            return known;
        }
        let Some(new) = to_u32(self.texts.len() + 1) else {
            return 0;
        };
        self.texts.push(text.into());
        let texts = &self.texts;
        let hash_of = |&number: &u32| hash(texts[number as usize - 1].as_bytes());
        self.index
            .insert_unique(hash(text.as_bytes()), new, hash_of);
        new
    }

    pub(super) fn find(&self, text: &[u8]) -> Option<u32> {
        let is_it = |&number: &u32| self.texts[number as usize - 1].as_bytes() == text;
        self.index.find(hash(text), is_it).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&str> {
        Some(self.texts.get((number as usize).checked_sub(1)?)?)
    }

    /// Octets on the heap.
    pub(super) fn octets(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len()).sum();
        self.texts.capacity() * size_of::<Box<str>>() + self.index.allocation_size() + texts
    }
}

impl<T: Copy + Eq + Hash> ValueIndex<T> {
    /// Appends the values of an entry; values beyond 65,535 are left out.
    pub(super) fn extend(&mut self, vpc: u32, slot: u32, values: impl Iterator<Item = T>) -> Span {
        let Some(start) = to_u32(self.values.len()) else {
            return Span::default();
        };
        let mut length = 0;
        for value in values.take(usize::from(u16::MAX)) {
            let Some(position) = to_u32(self.values.len()) else {
                break;
            };
            self.values.push(value);
            self.entries.push((vpc, slot));
            length += 1;
            if vpc != 0 {
                let (values, entries) = (&self.values, &self.entries);
                let hash_of = |&position: &u32| {
                    let position = position as usize;
                    hash((entries[position].0, values[position]))
                };
                self.index
                    .insert_unique(hash((vpc, value)), position, hash_of);
            }
        }
        Span { start, length }
    }

    /// Octets on the heap.
    pub(super) fn octets(&self) -> usize {
        self.values.capacity() * size_of::<T>()
            + self.entries.capacity() * size_of::<(u32, u32)>()
            + self.index.allocation_size()
    }

    /// Removes the values of an entry from the index; the room stays until the table is replaced.
    pub(super) fn remove(&mut self, span: Span, vpc: u32) {
        for position in span.positions() {
            let hash = hash((vpc, self.values[position as usize]));
            if let Ok(entry) = self.index.find_entry(hash, |&other| other == position) {
                entry.remove();
            }
        }
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.values.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Slots of the entries of a VPC with this value.
    pub(super) fn slots(&self, vpc: u32, value: T) -> impl Iterator<Item = u32> {
        self.index
            .iter_hash(hash((vpc, value)))
            .filter_map(move |&position| {
                let (entry_vpc, slot) = self.entries[position as usize];
                (entry_vpc == vpc && self.values[position as usize] == value).then_some(slot)
            })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn values_have_hashes_of_their_own() {
        let hashes: HashSet<u64> = (0..1_000).map(hash::<u32>).collect();
        assert_eq!(hashes.len(), 1_000);
    }

    #[test]
    fn each_of_a_thousand_values_is_found_in_the_slot_and_vpc_of_its_entry_alone() {
        let mut index = ValueIndex::default();
        for slot in 0..1_000 {
            index.extend(1 + slot % 2, slot, [hash(slot)].into_iter());
        }
        for slot in 0..1_000_u32 {
            let (vpc, other) = (1 + slot % 2, 2 - slot % 2);
            assert!(index.slots(vpc, hash(slot)).eq([slot]));
            assert_eq!(index.slots(other, hash(slot)).next(), None);
        }
    }

    #[test]
    fn memory_reserved_for_more_values_is_given_back() {
        let mut index = ValueIndex::default();
        for slot in 0..5 {
            index.extend(1, slot, [slot].into_iter());
        }
        let before = index.octets();
        index.shrink_to_fit();
        assert!(index.octets() < before);
    }
}
