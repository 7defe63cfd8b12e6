//! A set of 64-bit fingerprints, laid out so that a question touches one place of the memory.

use wide::u64x4;

/// Fingerprints of a bucket: as many as a cache line has.
const BUCKET: usize = 8;

/// Fingerprints that a bucket holds on average before the set grows: few buckets are full then.
const FILL: usize = 6;

/// What is known of a fingerprint besides that it was seen: a set of its own.
pub(super) trait Marks: Copy + Default {
    /// Adds others; whether one of them is new.
    fn add(&mut self, others: Self) -> bool;

    /// Takes others out; whether none is left.
    fn take(&mut self, others: Self) -> bool;
}

/// Nothing: a fingerprint is there or not.
impl Marks for () {
    #[inline]
    fn add(&mut self, (): ()) -> bool {
        false
    }

    fn take(&mut self, (): ()) -> bool {
        true
    }
}

/// A bit each.
impl Marks for u128 {
    #[inline]
    fn add(&mut self, others: u128) -> bool {
        let before = *self;
        *self |= others;
        *self != before
    }

    fn take(&mut self, others: u128) -> bool {
        *self &= !others;
        *self == 0
    }
}

/// Fingerprints in buckets, which their upper bits choose. A full bucket goes on in the next one.
#[derive(Debug, Default)]
pub(super) struct Fingerprints<M> {
    /// As many as a power of two, or none.
    buckets: Vec<Bucket<M>>,
    count: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket<M> {
    /// Zeros are free places, and stand behind the fingerprints.
    fingerprints: [u64; BUCKET],
    marks: [M; BUCKET],
}

impl<M: Marks> Bucket<M> {
    fn empty() -> Self {
        Self {
            fingerprints: [0; BUCKET],
            marks: [M::default(); BUCKET],
        }
    }

    /// Where the fingerprint is, a bit each.
    #[inline]
    fn places_of(&self, fingerprint: u64) -> u32 {
        let (halves, _) = self.fingerprints.as_chunks::<4>();
        let fingerprint = u64x4::splat(fingerprint);
        let places = |half: [u64; 4]| u64x4::new(half).simd_eq(fingerprint).to_bitmask();
        let [low, high] = [halves[0], halves[1]].map(places);
        low | high << 4
    }
}

impl<M: Marks> Fingerprints<M> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The marks of a fingerprint; none if it is not there.
    pub(super) fn marks(&self, fingerprint: u64) -> M {
        let fingerprint = valid(fingerprint);
        let mut number = home(fingerprint, self.buckets.len());
        while let Some(bucket) = self.buckets.get(number) {
            let there = bucket.places_of(fingerprint);
            if there != 0 {
                return bucket.marks[there.trailing_zeros() as usize % BUCKET];
            }
            if bucket.places_of(0) != 0 {
                break;
            }
            number = self.next(number);
        }
        M::default()
    }

    /// Adds a fingerprint with marks; whether it or one of them was not there.
    #[inline]
    pub(super) fn insert(&mut self, fingerprint: u64, marks: M) -> bool {
        if self.count >= FILL * self.buckets.len() {
            self.grow();
        }
        let fingerprint = valid(fingerprint);
        let mut number = home(fingerprint, self.buckets.len());
        while let Some(bucket) = self.buckets.get_mut(number) {
            let there = bucket.places_of(fingerprint);
            let free = bucket.places_of(0).trailing_zeros() as usize;
            if there != 0 {
                return bucket.marks[there.trailing_zeros() as usize % BUCKET].add(marks);
            }
            if let Some(place) = bucket.fingerprints.get_mut(free) {
                *place = fingerprint;
                bucket.marks[free] = marks;
                self.count += 1;
                return true;
            }
            number = self.next(number);
        }
        false
    }

    /// Takes the marks of fingerprints out, and fingerprints without marks.
    pub(super) fn remove(&mut self, gone: impl Iterator<Item = (u64, M)>) {
        let mut gone: Vec<(u64, M)> = gone.map(|(one, marks)| (valid(one), marks)).collect();
        gone.sort_unstable_by_key(|&(one, _)| one);
        let gone_of = |fingerprint| {
            let first = gone.partition_point(|&(one, _)| one < fingerprint);
            gone[first..]
                .iter()
                .take_while(move |&&(one, _)| one == fingerprint)
        };
        self.refill(self.buckets.len(), |fingerprint, marks| {
            // All of them are taken out, the last one may leave nothing.
            gone_of(fingerprint).fold(true, |_, &(_, gone)| !marks.take(gone))
        });
    }

    /// Takes all fingerprints out, and makes room for as many as are expected.
    pub(super) fn clear(&mut self, expected: usize) {
        let buckets = match expected {
            0 => 0,
            _ => expected.div_ceil(FILL).next_power_of_two(),
        };
        // Blocks of few sizes are used again and again: no holes remain between them.
        if self.buckets.len() == buckets {
            self.buckets.fill(Bucket::empty());
        } else {
            self.buckets = vec![Bucket::empty(); buckets];
        }
        self.count = 0;
    }

    #[inline]
    fn next(&self, number: usize) -> usize {
        (number + 1) & (self.buckets.len() - 1)
    }

    #[cold]
    fn grow(&mut self) {
        self.refill((2 * self.buckets.len()).max(BUCKET), |_, _| true);
    }

    /// Moves the fingerprints that stay into so many buckets.
    fn refill(&mut self, buckets: usize, stays: impl Fn(u64, &mut M) -> bool) {
        let before = std::mem::replace(&mut self.buckets, vec![Bucket::empty(); buckets]);
        self.count = 0;
        for Bucket {
            fingerprints,
            marks,
        } in before
        {
            for (fingerprint, mut marks) in fingerprints.into_iter().zip(marks) {
                if fingerprint != 0 && stays(fingerprint, &mut marks) {
                    self.insert(fingerprint, marks);
                }
            }
        }
    }
}

/// Zero is a free place, and one as good a fingerprint.
#[inline]
fn valid(fingerprint: u64) -> u64 {
    fingerprint.max(1)
}

/// The bucket where a fingerprint is looked for first.
#[inline]
fn home(fingerprint: u64, buckets: usize) -> usize {
    let place = fingerprint.checked_shr(buckets.leading_zeros() + 1);
    place.map_or(0, |place| usize::try_from(place).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_cleared_is_not_there_and_the_room_is_as_expected() {
        let mut fingerprints = Fingerprints::default();
        for expected in [0, 1, 48, 49, 0] {
            fingerprints.clear(expected);
            let room = FILL * fingerprints.buckets.len();
            assert!(room >= expected && room <= 2 * expected.next_multiple_of(FILL));
            for fingerprint in 0..1_000 {
                let new = fingerprints.insert(fingerprint << 50, ());
                assert!(new, "{fingerprint} of {expected}");
            }
            assert_eq!(fingerprints.len(), 1_000);
        }
    }

    #[test]
    fn fingerprints_spread_over_the_buckets() {
        let mut fingerprints = Fingerprints::default();
        for number in 0..1_000_u64 {
            fingerprints.insert(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), ());
        }
        let full = fingerprints.buckets.iter();
        let full = full.filter(|bucket| bucket.places_of(0) == 0).count();
        assert!(full < fingerprints.buckets.len() / 4, "{full} are full");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u64, u128),
        Remove(Vec<(u64, u128)>),
    }

    /// Few of them, many of which have the same home, with few marks.
    fn fingerprint() -> impl Strategy<Value = (u64, u128)> {
        let fingerprint = (0..4_u64, 1..40_u64).prop_map(|(upper, lower)| upper << 62 | lower);
        (fingerprint, 1..8_u128)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_map(steps in prop::collection::vec(prop_oneof![
            30 => fingerprint().prop_map(|(one, marks)| Step::Insert(one, marks)),
            1 => prop::collection::vec(fingerprint(), 0..30).prop_map(Step::Remove),
        ], 0..400)) {
            let (mut fingerprints, mut plain) = (Fingerprints::default(), HashMap::<u64, u128>::new());
            for step in steps {
                match step {
                    Step::Insert(one, marks) => {
                        let known = plain.entry(one).or_default();
                        let new = marks & !*known != 0;
                        *known |= marks;
                        prop_assert_eq!(fingerprints.insert(one, marks), new);
                    }
                    Step::Remove(gone) => {
                        for (one, marks) in &gone {
                            plain.entry(*one).and_modify(|known| *known &= !marks);
                        }
                        plain.retain(|_, known| *known != 0);
                        fingerprints.remove(gone.into_iter());
                    }
                }
                prop_assert_eq!(fingerprints.len(), plain.len());
                for one in (0..4).flat_map(|upper| (1..40).map(move |lower| upper << 62 | lower)) {
                    prop_assert_eq!(fingerprints.marks(one), plain.get(&one).copied().unwrap_or_default());
                }
            }
        }

        #[test]
        fn without_marks_it_is_a_set(some in prop::collection::vec(fingerprint(), 0..100)) {
            let mut fingerprints = Fingerprints::default();
            let mut plain = std::collections::HashSet::new();
            for &(one, _) in &some {
                prop_assert_eq!(fingerprints.insert(one, ()), plain.insert(one));
            }
            let gone = &some[..some.len() / 2];
            fingerprints.remove(gone.iter().map(|&(one, _)| (one, ())));
            gone.iter().for_each(|(one, _)| _ = plain.remove(one));
            prop_assert_eq!(fingerprints.len(), plain.len());
        }
    }
}
