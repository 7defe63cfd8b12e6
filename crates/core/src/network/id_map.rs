//! Insertion-ordered map keyed by AWS id.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Item with an id.
pub(crate) trait Identified {
    /// Id: the key of the item.
    fn id(&self) -> &[u8];
}

/// Items in insertion order, looked up by id; inserting a known id replaces the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdMap<T> {
    items: Vec<T>,
    indices: HashMap<Box<[u8]>, usize, FixedState>,
}

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            indices: HashMap::default(),
        }
    }
}

impl<T: Identified> IdMap<T> {
    pub(crate) fn insert(&mut self, item: T) {
        match self.indices.get(item.id()) {
            Some(&index) => self.items[index] = item,
            None => {
                self.indices.insert(item.id().into(), self.items.len());
                self.items.push(item);
            }
        }
    }

    pub(crate) fn get(&self, id: &[u8]) -> Option<&T> {
        self.items.get(*self.indices.get(id)?)
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.items
    }
}

impl<T: Identified> Extend<T> for IdMap<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.insert(item));
    }
}

impl<T> IntoIterator for IdMap<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}
