//! Things by their ids, in the order in which they came.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// What has an id.
pub(crate) trait Identified {
    /// The id.
    fn id(&self) -> &[u8];
}

/// Things that are looked up by id; inserting what is there replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdMap<T> {
    things: Vec<T>,
    places: HashMap<Box<[u8]>, usize, FixedState>,
}

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self {
            things: Vec::new(),
            places: HashMap::default(),
        }
    }
}

impl<T: Identified> IdMap<T> {
    pub(crate) fn insert(&mut self, thing: T) {
        match self.places.get(thing.id()) {
            Some(&place) => self.things[place] = thing,
            None => {
                self.places.insert(thing.id().into(), self.things.len());
                self.things.push(thing);
            }
        }
    }

    pub(crate) fn contains(&self, id: &[u8]) -> bool {
        self.places.contains_key(id)
    }

    pub(crate) fn get(&self, id: &[u8]) -> Option<&T> {
        self.things.get(self.place(id)?)
    }

    /// The place of a thing in [`Self::as_slice`].
    pub(crate) fn place(&self, id: &[u8]) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.things
    }
}

impl<T: Identified> Extend<T> for IdMap<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        things.into_iter().for_each(|thing| self.insert(thing));
    }
}

impl<T> IntoIterator for IdMap<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.things.into_iter()
    }
}
