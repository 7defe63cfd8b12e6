//! A bounded memory of what was seen, as 64-bit fingerprints, which can take back what it learned last.
//!
//! A table of small buckets, each as long as a line of the processor's cache, so that a look costs one access to memory. A
//! fingerprint has one bucket; the newest stands first, and the oldest of a full bucket goes. Every entry carries the
//! generation that it came with: [`Window::rotate`] begins a new one, and what is older than the last is forgotten. What
//! was learned since the last [`Window::commit`] is listed, so that a failed invocation leaves no trace
//! ([`Window::rollback`]): its retry must find the window as it was, or its flows would be lost.

/// Entries of a bucket: eight numbers are the 64 octets of a cache line.
const WAYS: usize = 8;

/// Fingerprints that are known, in a bounded number.
#[derive(Debug)]
pub(super) struct Window {
    /// The lower 56 bits of a fingerprint (the bucket tells the upper ones), above eight bits of generation; 0 is empty.
    buckets: Box<[[u64; WAYS]]>,
    generation: u8,
    uncommitted: Vec<u64>,
}

impl Window {
    /// A window with about so many places. Memory is taken as it is used.
    pub(super) fn new(places: usize) -> Self {
        let buckets = (places / WAYS).max(1).next_power_of_two();
        Self {
            buckets: vec![[0; WAYS]; buckets].into_boxed_slice(),
            generation: 1,
            uncommitted: Vec::new(),
        }
    }

    /// Whether the fingerprint is known; if it is not, it is from now on.
    pub(super) fn knows(&mut self, fingerprint: u64) -> bool {
        let generation = self.generation;
        let bucket = self.bucket(fingerprint);
        let known = |&entry: &u64| {
            let [age, ..] = entry.to_le_bytes();
            entry >> 8 == fingerprint & (u64::MAX >> 8) && generation.wrapping_sub(age) <= 1
        };
        if bucket.iter().any(known) {
            return true;
        }
        bucket.copy_within(..WAYS - 1, 1);
        bucket[0] = fingerprint << 8 | u64::from(generation);
        // More than there are places need not be taken back: nothing older is left then.
        if self.uncommitted.len() < self.buckets.len() * WAYS {
            self.uncommitted.push(fingerprint);
        }
        false
    }

    /// Forgets what was learned before the last rotation.
    pub(super) fn rotate(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// What was learned since the last commit stays.
    pub(super) fn commit(&mut self) {
        self.uncommitted.clear();
    }

    /// What was learned since the last commit is forgotten.
    pub(super) fn rollback(&mut self) {
        if self.uncommitted.len() >= self.buckets.len() * WAYS {
            self.buckets.fill([0; WAYS]);
        }
        for fingerprint in std::mem::take(&mut self.uncommitted) {
            let bucket = self.bucket(fingerprint);
            for entry in bucket
                .iter_mut()
                .filter(|entry| **entry >> 8 == fingerprint & (u64::MAX >> 8))
            {
                *entry = 0;
            }
        }
    }

    fn bucket(&mut self, fingerprint: u64) -> &mut [u64; WAYS] {
        let bits = self.buckets.len().trailing_zeros();
        // The upper bits, in two steps because no bits at all would be a shift by 64.
        let index = fingerprint >> 1 >> (63 - bits);
        let last = self.buckets.len() - 1;
        &mut self.buckets[usize::try_from(index).unwrap_or(last).min(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_seen_is_known_until_two_rotations_later() {
        let mut window = Window::new(100);
        assert!(!window.knows(1));
        assert!(window.knows(1));
        window.rotate();
        assert!(window.knows(1));
        window.rotate();
        assert!(!window.knows(1));
    }

    #[test]
    fn a_full_bucket_pushes_its_oldest_out() {
        let mut window = Window::new(WAYS);
        for fingerprint in 1..=9 {
            assert!(!window.knows(fingerprint));
        }
        for fingerprint in 2..=9 {
            assert!(window.knows(fingerprint), "the newest {fingerprint} stays");
        }
        assert!(!window.knows(1), "the oldest is out");
    }

    #[test]
    fn fingerprints_that_differ_in_their_upper_bits_only_are_different() {
        let mut window = Window::new(1 << 12);
        assert!(!window.knows(7));
        assert!(!window.knows(7 | 1 << 63));
        assert!(window.knows(7));
    }

    #[test]
    fn rollback_forgets_what_came_after_the_commit_and_nothing_else() {
        let mut window = Window::new(WAYS);
        assert!(!window.knows(1));
        window.commit();
        assert!(window.knows(1));
        for fingerprint in 2..=5 {
            assert!(!window.knows(fingerprint));
            window.rotate();
            assert!(window.knows(fingerprint), "also across a rotation");
        }
        window.rollback();
        for fingerprint in 2..=5 {
            assert!(!window.knows(fingerprint));
        }
    }

    #[test]
    fn a_failed_invocation_larger_than_the_window_leaves_nothing() {
        let mut window = Window::new(WAYS);
        for fingerprint in 1..=50 {
            window.knows(fingerprint);
        }
        assert!(window.uncommitted.len() <= WAYS);
        window.rollback();
        for fingerprint in 43..=50 {
            assert!(!window.knows(fingerprint));
        }
    }

    /// With a quarter as many fingerprints as places, hardly a bucket overflows.
    #[test]
    fn of_a_quarter_as_many_as_there_are_places_nearly_all_are_known() {
        const COUNT: u64 = 1 << 14;
        let mut window = Window::new(1 << 16);
        let mix = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let fingerprint = |n: u64| mix(mix(n) ^ n);
        for n in 0..COUNT {
            window.knows(fingerprint(n));
        }
        let known = (0..COUNT).filter(|&n| window.knows(fingerprint(n))).count();
        assert!(known as u64 > COUNT * 999 / 1_000, "{known} of {COUNT}");
    }

    #[derive(Debug, Clone)]
    enum Step {
        See(u64),
        Rotate,
        Commit,
        Rollback,
    }

    proptest! {
        /// Compared with a list of what is known, for one bucket.
        #[test]
        fn it_agrees_with_a_naive_window(steps in prop::collection::vec(prop_oneof![
            20 => (1_u64..30).prop_map(Step::See),
            1 => Just(Step::Rotate),
            2 => Just(Step::Commit),
            2 => Just(Step::Rollback),
        ], 0..200)) {
            let mut window = Window::new(WAYS);
            let mut naive: Vec<(u64, usize)> = Vec::new(); // newest first, with the generation; 0 is a gap
            let mut new = Vec::new();
            let mut generation = 1;
            for step in steps {
                match step {
                    Step::See(fingerprint) => {
                        let known = naive.iter().any(|&(one, age)| one == fingerprint && generation - age <= 1);
                        prop_assert_eq!(window.knows(fingerprint), known);
                        if !known {
                            naive.insert(0, (fingerprint, generation));
                            naive.truncate(WAYS);
                            if new.len() < WAYS {
                                new.push(fingerprint);
                            }
                        }
                    }
                    Step::Rotate => {
                        window.rotate();
                        generation += 1;
                    }
                    Step::Commit => {
                        window.commit();
                        new.clear();
                    }
                    Step::Rollback => {
                        window.rollback();
                        let all = new.len() >= WAYS;
                        for entry in naive.iter_mut().filter(|entry| all || new.contains(&entry.0)) {
                            entry.0 = 0;
                        }
                        new.clear();
                    }
                }
            }
        }
    }
}
