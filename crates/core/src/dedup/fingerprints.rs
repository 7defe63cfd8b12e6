//! A set of 64-bit fingerprints, laid out so that a question touches one place of the memory.

use wide::u64x4;

/// Fingerprints of a bucket: as many as a cache line has.
const BUCKET: usize = 8;

/// Fingerprints that a bucket holds on average before the set grows: few buckets are full then.
const FILL: usize = 6;

/// Fingerprints in buckets, which their upper bits choose. A full bucket goes on in the next one.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    /// As many as a power of two, or none. Zeros are free places, and stand behind the fingerprints.
    buckets: Vec<[u64; BUCKET]>,
    count: usize,
}

impl Fingerprints {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a fingerprint; whether it was not there.
    #[inline]
    pub(super) fn insert(&mut self, fingerprint: u64) -> bool {
        if self.count >= FILL * self.buckets.len() {
            self.grow();
        }
        let fingerprint = fingerprint.max(1); // zero is a free place, and as good as one
        let mut number = home(fingerprint, self.buckets.len());
        while let Some(bucket) = self.buckets.get_mut(number) {
            let there = places_of(bucket, fingerprint);
            let free = places_of(bucket, 0).trailing_zeros() as usize;
            if there != 0 {
                return false;
            }
            if let Some(place) = bucket.get_mut(free) {
                *place = fingerprint;
                self.count += 1;
                return true;
            }
            number = (number + 1) & (self.buckets.len() - 1);
        }
        false
    }

    /// Takes fingerprints out; how many were there.
    pub(super) fn remove(&mut self, fingerprints: impl Iterator<Item = u64>) -> usize {
        let mut gone: Vec<u64> = fingerprints.map(|fingerprint| fingerprint.max(1)).collect();
        gone.sort_unstable();
        let before = self.count;
        let empty = vec![[0; BUCKET]; self.buckets.len()];
        self.refill(empty, |fingerprint| {
            gone.binary_search(&fingerprint).is_err()
        });
        before - self.count
    }

    /// Takes all fingerprints out, and makes room for as many as are expected.
    pub(super) fn clear(&mut self, expected: usize) {
        let buckets = match expected {
            0 => 0,
            _ => expected.div_ceil(FILL).next_power_of_two(),
        };
        // Blocks of few sizes are used again and again: no holes remain between them.
        if self.buckets.len() == buckets {
            self.buckets.fill([0; BUCKET]);
        } else {
            self.buckets = vec![[0; BUCKET]; buckets];
        }
        self.count = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let buckets = (2 * self.buckets.len()).max(BUCKET);
        self.refill(vec![[0; BUCKET]; buckets], |_| true);
    }

    /// Moves the fingerprints that stay into other buckets.
    fn refill(&mut self, buckets: Vec<[u64; BUCKET]>, stays: impl Fn(u64) -> bool) {
        let before = std::mem::replace(&mut self.buckets, buckets);
        self.count = 0;
        let fingerprints = before.into_iter().flatten();
        for fingerprint in
            fingerprints.filter(|&fingerprint| fingerprint != 0 && stays(fingerprint))
        {
            self.insert(fingerprint);
        }
    }
}

/// The bucket where a fingerprint is looked for first.
#[inline]
fn home(fingerprint: u64, buckets: usize) -> usize {
    fingerprint
        .checked_shr(buckets.leading_zeros() + 1)
        .unwrap_or_default() as usize
}

/// Where in the bucket the fingerprint is, a bit each.
#[inline]
fn places_of(bucket: &[u64; BUCKET], fingerprint: u64) -> u32 {
    let (halves, _) = bucket.as_chunks::<4>();
    let fingerprint = u64x4::splat(fingerprint);
    let places = |half: [u64; 4]| u64x4::new(half).simd_eq(fingerprint).to_bitmask();
    let [low, high] = [halves[0], halves[1]].map(places);
    low | high << 4
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_cleared_is_not_there_and_the_room_is_as_expected() {
        let mut fingerprints = Fingerprints::default();
        for expected in [0, 1, 48, 49, 0] {
            fingerprints.clear(expected);
            let room = |fingerprints: &Fingerprints| FILL * fingerprints.buckets.len();
            assert!(
                room(&fingerprints) >= expected
                    && room(&fingerprints) <= 2 * expected.next_multiple_of(FILL)
            );
            for fingerprint in 0..1_000 {
                assert!(
                    fingerprints.insert(fingerprint << 50),
                    "{fingerprint} of {expected}"
                );
            }
            assert_eq!(fingerprints.len(), 1_000);
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u64),
        Remove(Vec<u64>),
    }

    /// Few of them, many of which have the same home.
    fn fingerprint() -> impl Strategy<Value = u64> {
        (0..4_u64, 1..40_u64).prop_map(|(upper, lower)| upper << 62 | lower)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(steps in prop::collection::vec(prop_oneof![
            30 => fingerprint().prop_map(Step::Insert),
            1 => prop::collection::vec(fingerprint(), 0..30).prop_map(Step::Remove),
        ], 0..400)) {
            let (mut fingerprints, mut plain) = (Fingerprints::default(), HashSet::new());
            for step in steps {
                match step {
                    Step::Insert(one) => prop_assert_eq!(fingerprints.insert(one), plain.insert(one)),
                    Step::Remove(some) => {
                        let removed = fingerprints.remove(some.iter().copied());
                        prop_assert_eq!(removed, some.iter().filter(|one| plain.remove(one)).count());
                    }
                }
                prop_assert_eq!(fingerprints.len(), plain.len());
            }
        }
    }
}
