//! Bounded set of fingerprints with marks, whose last additions can be taken back.
//!
//! A second delivery has the same event time as the first, so the set is partitioned by minute of event time. Partitions are
//! evicted as a whole, the least recently used first, when there are too many partitions or fingerprints. Additions since
//! the last [`DeliveryWindow::commit`] are listed, so that a failed batch leaves no addition behind
//! ([`DeliveryWindow::rollback`]); partitions evicted by the batch do not come back.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Fingerprints with marks, a bit each, by minute of event time.
#[derive(Debug)]
pub(super) struct DeliveryWindow {
    minutes: HashMap<u64, Partition, FixedState>,
    /// Uses of partitions so far: the clock of eviction.
    uses: u64,
    /// Fingerprints in all partitions.
    fingerprints: usize,
    max_fingerprints: usize,
    max_minutes: usize,
    /// Additions since the last commit: minute, fingerprint and marks.
    uncommitted: Vec<(u64, u64, u128)>,
}

/// Fingerprints of a minute.
#[derive(Debug, Default)]
struct Partition {
    last_use: u64,
    marks: HashMap<u64, u128, FixedState>,
}

impl DeliveryWindow {
    /// An empty window for so many fingerprints of so many minutes.
    pub(super) fn new(max_fingerprints: usize, max_minutes: usize) -> Self {
        Self {
            minutes: HashMap::default(),
            uses: 0,
            fingerprints: 0,
            max_fingerprints,
            max_minutes,
            uncommitted: Vec::new(),
        }
    }

    /// Minute of a time in milliseconds.
    pub(super) fn minute(time: u64) -> u64 {
        time / MINUTE
    }

    /// Marks of a fingerprint of a minute.
    pub(super) fn marks(&mut self, minute: u64, fingerprint: u64) -> u128 {
        let marks = &self.partition(minute).marks;
        marks.get(&fingerprint).copied().unwrap_or_default()
    }

    /// Adds marks to a fingerprint of a minute.
    pub(super) fn add(&mut self, minute: u64, fingerprint: u64, marks: u128) {
        let known = self.partition(minute).marks.entry(fingerprint).or_default();
        let new = marks & !*known;
        let is_new = *known == 0;
        *known |= marks;
        if is_new {
            self.fingerprints += 1;
            self.evict(minute);
        }
        // Beyond this number of additions, a rollback clears the whole window, with what was committed before.
        if self.uncommitted.len() < self.max_fingerprints {
            self.uncommitted.push((minute, fingerprint, new));
        }
    }

    /// Keeps the additions since the last commit.
    pub(super) fn commit(&mut self) {
        self.uncommitted.clear();
    }

    /// Takes back the additions since the last commit.
    pub(super) fn rollback(&mut self) {
        if self.uncommitted.len() >= self.max_fingerprints {
            self.minutes.clear();
            self.fingerprints = 0;
        }
        for (minute, fingerprint, marks) in self.uncommitted.drain(..) {
            let Some(partition) = self.minutes.get_mut(&minute) else {
                continue;
            };
            if let Some(known) = partition.marks.get_mut(&fingerprint) {
                *known &= !marks;
                if *known == 0 {
                    partition.marks.remove(&fingerprint);
                    self.fingerprints -= 1;
                }
            }
        }
    }

    /// Partition of a minute, from now on the most recently used.
    fn partition(&mut self, minute: u64) -> &mut Partition {
        if self.minutes.len() >= self.max_minutes && !self.minutes.contains_key(&minute) {
            self.evict_oldest(minute);
        }
        self.uses += 1;
        let partition = self.minutes.entry(minute).or_default();
        partition.last_use = self.uses;
        partition
    }

    /// Evicts partitions while there are too many fingerprints; the partition of the minute last.
    fn evict(&mut self, minute: u64) {
        while self.fingerprints > self.max_fingerprints {
            if !self.evict_oldest(minute) {
                let Some(only) = self.minutes.get_mut(&minute) else {
                    return;
                };
                self.fingerprints -= only.marks.len();
                only.marks.clear();
            }
        }
    }

    /// Evicts the least recently used partition but the minute's. Returns false if there is none.
    fn evict_oldest(&mut self, minute: u64) -> bool {
        let others = self.minutes.iter().filter(|(other, _)| **other != minute);
        let oldest = others.min_by_key(|(_, partition)| partition.last_use);
        let Some(oldest) = oldest.map(|(&oldest, _)| oldest) else {
            return false;
        };
        if let Some(evicted) = self.minutes.remove(&oldest) {
            self.fingerprints -= evicted.marks.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fingerprints of a minute that are known.
    fn known(window: &mut DeliveryWindow, minute: u64) -> Vec<u64> {
        (0..100)
            .filter(|&fingerprint| window.marks(minute, fingerprint) != 0)
            .collect()
    }

    #[test]
    fn the_least_recently_used_minute_is_evicted() {
        let mut window = DeliveryWindow::new(100, 2);
        window.add(1, 1, 1);
        window.add(2, 2, 1);
        assert_eq!(known(&mut window, 1), [1], "used again");
        window.add(3, 3, 1);
        assert_eq!(known(&mut window, 1), [1]);
        assert_eq!(known(&mut window, 3), [3]);
        assert_eq!(known(&mut window, 2), [0; 0]);
    }

    #[test]
    fn too_many_fingerprints_evict_other_minutes_first() {
        let mut window = DeliveryWindow::new(3, 10);
        for fingerprint in 0..4 {
            window.add(fingerprint / 2, fingerprint, 1);
        }
        assert_eq!(known(&mut window, 0), [0; 0]);
        assert_eq!(known(&mut window, 1), [2, 3]);
        for fingerprint in 4..6 {
            window.add(1, fingerprint, 1);
        }
        assert_eq!(known(&mut window, 1), [0; 0], "nothing older is left");
        assert_eq!(window.fingerprints, 0);
    }

    #[test]
    fn a_rollback_takes_back_marks_and_leaves_those_from_before() {
        let mut window = DeliveryWindow::new(100, 10);
        window.add(1, 7, 0b01);
        window.commit();
        window.add(1, 7, 0b11);
        window.add(1, 8, 0b01);
        window.rollback();
        assert_eq!((window.marks(1, 7), window.marks(1, 8)), (0b01, 0));
        assert_eq!(window.fingerprints, 1);
    }

    #[test]
    fn a_batch_that_is_larger_than_the_window_is_forgotten_whole() {
        let mut window = DeliveryWindow::new(3, 10);
        for fingerprint in 0..10 {
            window.add(fingerprint % 2, fingerprint, 1);
        }
        window.rollback();
        assert_eq!(window.fingerprints, 0);
        assert!(known(&mut window, 0).is_empty() && known(&mut window, 1).is_empty());
    }
}
