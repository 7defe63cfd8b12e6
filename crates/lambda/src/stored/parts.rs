//! Parts in memory: the interfaces of an account and region each, the least recently used dropped when there is no room.

use std::collections::HashMap;
use std::sync::Arc;

use flowlogs_core::network::{AccountRegion, InterfaceTable};

/// Most octets of all parts in memory.
const ROOM: usize = 64 * 1024 * 1024;

/// Octets of a part beside the table.
const ENTRY_OCTETS: usize = 1_024;

/// Part of an account and region.
#[derive(Debug, Clone)]
pub(super) struct LoadedPart {
    /// Version that the object states; the manifest may name another.
    pub(super) version: String,
    pub(super) table: Arc<InterfaceTable>,
    octets: usize,
    /// Number of the last use.
    used: u64,
}

/// Parts that were loaded.
#[derive(Debug, Default)]
pub(super) struct PartCache {
    parts: HashMap<AccountRegion, LoadedPart>,
    octets: usize,
    uses: u64,
}

impl PartCache {
    /// The part of an account and region, used now.
    pub(super) fn get(&mut self, scope: &AccountRegion) -> Option<&LoadedPart> {
        let part = self.parts.get_mut(scope)?;
        self.uses += 1;
        part.used = self.uses;
        Some(part)
    }

    /// Adds or replaces a part. Returns the accounts and regions whose parts were dropped for the new part; the new part
    /// never is.
    pub(super) fn insert(
        &mut self,
        scope: &AccountRegion,
        version: String,
        table: Arc<InterfaceTable>,
    ) -> Vec<AccountRegion> {
        self.remove(scope);
        self.uses += 1;
        let octets = ENTRY_OCTETS + table.octets();
        let mut dropped = Vec::new();
        while self.octets + octets > ROOM
            && let Some(oldest) = self.least_recently_used()
        {
            self.remove(&oldest);
            dropped.push(oldest);
        }
        self.octets += octets;
        let part = LoadedPart {
            version,
            table,
            octets,
            used: self.uses,
        };
        self.parts.insert(scope.clone(), part);
        dropped
    }

    /// Forgets a part.
    pub(super) fn remove(&mut self, scope: &AccountRegion) {
        if let Some(part) = self.parts.remove(scope) {
            self.octets -= part.octets;
        }
    }

    /// All parts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&AccountRegion, &LoadedPart)> {
        self.parts.iter()
    }

    fn least_recently_used(&self) -> Option<AccountRegion> {
        let oldest = self.parts.iter().min_by_key(|(_, part)| part.used);
        oldest.map(|(scope, _)| scope.clone())
    }
}

#[cfg(test)]
mod tests {
    use flowlogs_core::network::NetworkInterface;

    use super::*;

    fn scope(number: usize) -> AccountRegion {
        AccountRegion::new(&format!("{number:012}"), "eu-central-1")
    }

    /// A table of some 10 MB.
    fn table() -> Arc<InterfaceTable> {
        let mut table = InterfaceTable::new();
        for number in 0..160 {
            table.insert(&NetworkInterface {
                id: format!("eni-{number}"),
                description: Some("x".repeat(65_000)),
                ..NetworkInterface::default()
            });
        }
        table.shrink_to_fit();
        Arc::new(table)
    }

    #[test]
    fn the_least_recently_used_part_makes_room() {
        let (mut cache, table) = (PartCache::default(), table());
        let fit = ROOM / (table.octets() + ENTRY_OCTETS);
        assert!((4..10).contains(&fit), "{fit}");
        for number in 0..fit {
            let dropped = cache.insert(&scope(number), "a".to_owned(), Arc::clone(&table));
            assert_eq!(dropped, []);
        }
        assert!(cache.get(&scope(0)).is_some());
        let dropped = cache.insert(&scope(fit), "a".to_owned(), Arc::clone(&table));
        assert_eq!(dropped, [scope(1)], "the first was used since");
        assert!(cache.get(&scope(1)).is_none());
        let dropped = cache.insert(&scope(2), "b".to_owned(), Arc::clone(&table));
        assert_eq!(dropped, [], "a part takes its own place");
        assert!(cache.octets <= ROOM);
        (0..=fit).for_each(|number| cache.remove(&scope(number)));
        assert_eq!((cache.octets, cache.iter().count()), (0, 0));
    }

    #[test]
    fn small_parts_have_a_weight() {
        let mut cache = PartCache::default();
        let most = ROOM / ENTRY_OCTETS;
        for number in 0..most + 2 {
            cache.insert(&scope(number), "a".to_owned(), Arc::default());
        }
        assert!(cache.iter().count() <= most);
    }
}
