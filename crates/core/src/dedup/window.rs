//! A bounded memory of what was seen, as 64-bit fingerprints, which can take back what it learned last.
//!
//! Two generations: the newer one takes what is new, both are asked, and [`Window::rotate`] forgets the older. What was
//! learned since the last [`Window::commit`] is listed, so that a failed invocation leaves no trace
//! ([`Window::rollback`]): its retry must find the window as it was, or its flows would be lost.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Fingerprints that are known, in a bounded number.
#[derive(Debug)]
pub(super) struct Window {
    newer: Generation,
    older: Generation,
    uncommitted: Vec<u64>,
    limit: usize,
}

type Generation = HashSet<u64, BuildHasherDefault<Identity>>;

impl Window {
    /// A window that remembers at least the newest `limit` fingerprints and at most twice as many.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            newer: Generation::default(),
            older: Generation::default(),
            uncommitted: Vec::new(),
            limit,
        }
    }

    /// Whether the fingerprint is known; if it is not, it is from now on.
    pub(super) fn knows(&mut self, fingerprint: u64) -> bool {
        if self.older.contains(&fingerprint) || !self.newer.insert(fingerprint) {
            return true;
        }
        // Both generations together hold no more than this, so beyond it all that is known is uncommitted.
        if self.uncommitted.len() < 2 * self.limit {
            self.uncommitted.push(fingerprint);
        }
        if self.newer.len() >= self.limit {
            self.rotate();
        }
        false
    }

    /// Forgets the older generation; what is new goes into a fresh one.
    pub(super) fn rotate(&mut self) {
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.clear();
    }

    /// What was learned since the last commit stays.
    pub(super) fn commit(&mut self) {
        self.uncommitted.clear();
    }

    /// What was learned since the last commit is forgotten.
    pub(super) fn rollback(&mut self) {
        if self.uncommitted.len() >= 2 * self.limit {
            self.newer.clear();
            self.older.clear();
        }
        for fingerprint in self.uncommitted.drain(..) {
            let _ = self.newer.remove(&fingerprint) || self.older.remove(&fingerprint);
        }
    }
}

/// Fingerprints are hashes already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn write(&mut self, octets: &[u8]) {
        // Not reached: the sets hold u64 alone. A correct, slow answer all the same.
        for &octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(octet);
        }
    }

    fn finish(&self) -> u64 {
        self.0
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
    fn a_full_generation_pushes_the_oldest_out() {
        let mut window = Window::new(4);
        for fingerprint in 1..=8 {
            assert!(!window.knows(fingerprint));
        }
        for fingerprint in 5..=8 {
            assert!(window.knows(fingerprint), "the newest {fingerprint} stays");
        }
        assert!(!window.knows(1), "the oldest is out");
    }

    #[test]
    fn rollback_forgets_what_came_after_the_commit_and_nothing_else() {
        let mut window = Window::new(4);
        assert!(!window.knows(1));
        window.commit();
        assert!(window.knows(1));
        for fingerprint in 2..=5 {
            assert!(!window.knows(fingerprint), "also across a rotation");
        }
        window.rollback();
        assert!(window.knows(1));
        for fingerprint in 2..=5 {
            assert!(!window.knows(fingerprint));
        }
    }

    #[test]
    fn a_failed_invocation_larger_than_the_window_leaves_nothing() {
        let mut window = Window::new(4);
        for fingerprint in 1..=50 {
            window.knows(fingerprint);
        }
        assert!(window.uncommitted.len() <= 8);
        window.rollback();
        for fingerprint in 1..=50 {
            assert!(!window.newer.contains(&fingerprint) && !window.older.contains(&fingerprint));
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        See(u64),
        Rotate,
        Commit,
        Rollback,
    }

    proptest! {
        /// Compared with a list of generations and a set of what is uncommitted.
        #[test]
        fn it_agrees_with_a_naive_window(steps in prop::collection::vec(prop_oneof![
            20 => (0_u64..30).prop_map(Step::See),
            1 => Just(Step::Rotate),
            2 => Just(Step::Commit),
            2 => Just(Step::Rollback),
        ], 0..200)) {
            const LIMIT: usize = 6;
            let mut window = Window::new(LIMIT);
            let mut naive: [Vec<u64>; 2] = Default::default();
            let mut new = Vec::new();
            let rotate = |naive: &mut [Vec<u64>; 2]| {
                naive.swap(0, 1);
                naive[0].clear();
            };
            for step in steps {
                match step {
                    Step::See(fingerprint) => {
                        let known = naive.iter().flatten().any(|&one| one == fingerprint);
                        prop_assert_eq!(window.knows(fingerprint), known);
                        if !known {
                            naive[0].push(fingerprint);
                            new.push(fingerprint);
                            if naive[0].len() == LIMIT {
                                rotate(&mut naive);
                            }
                        }
                    }
                    Step::Rotate => {
                        window.rotate();
                        rotate(&mut naive);
                    }
                    Step::Commit => {
                        window.commit();
                        new.clear();
                    }
                    Step::Rollback => {
                        window.rollback();
                        for generation in &mut naive {
                            generation.retain(|one| !new.contains(one));
                        }
                        new.clear();
                    }
                }
                prop_assert!(window.newer.len() + window.older.len() <= 2 * LIMIT);
            }
        }
    }
}
