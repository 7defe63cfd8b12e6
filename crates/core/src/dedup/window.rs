//! A bounded memory of what was seen, as 64-bit fingerprints, which can take back what it learned last.
//!
//! What is the same has the same time, so the memory is divided by minutes of that time: records of one batch touch the few
//! minutes that they are about, which stay in the processor's caches, while all that is remembered would not. The
//! minutes that were asked for last are kept, in a bounded number with a bounded number of fingerprints. What was learned since
//! the last [`Window::commit`] is listed, so that a failed invocation leaves no trace ([`Window::rollback`]): its retry
//! must find the window as it was, or its flows would be lost.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Fingerprints that are known, in a bounded number.
#[derive(Debug)]
pub(super) struct Window {
    /// The one that was asked for last stands first.
    minutes: Vec<Minute>,
    /// Fingerprints in all minutes together.
    known: usize,
    limit: usize,
    /// How many minutes are kept; of live traffic these are the newest.
    most_minutes: usize,
    /// What was learned since the last commit.
    uncommitted: Vec<u64>,
    /// Of which minutes: each with where in that list it begins.
    runs: Vec<(u64, usize)>,
}

#[derive(Debug, Default)]
struct Minute {
    number: u64,
    fingerprints: HashSet<u64, BuildHasherDefault<Identity>>,
}

impl Window {
    /// A window that remembers at most `limit` fingerprints of at most so many minutes.
    pub(super) fn new(limit: usize, most_minutes: usize) -> Self {
        Self {
            minutes: Vec::with_capacity(most_minutes),
            known: 0,
            limit,
            most_minutes,
            uncommitted: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Whether the fingerprint, of something of this time in milliseconds, is known; if it is not, it is from now on.
    pub(super) fn knows(&mut self, time: u64, fingerprint: u64) -> bool {
        let number = time / MINUTE;
        if self
            .minutes
            .first()
            .is_none_or(|minute| minute.number != number)
        {
            self.turn_to(number);
        }
        if self.known >= self.limit {
            self.make_room();
        }
        let Some(minute) = self.minutes.first_mut() else {
            return false;
        };
        if !minute.fingerprints.insert(fingerprint) {
            return true;
        }
        self.known += 1;
        // More than can be remembered need not be taken back: nothing older is left then.
        if self.uncommitted.len() < self.limit {
            if self.runs.last().is_none_or(|&(last, _)| last != number) {
                self.runs.push((number, self.uncommitted.len()));
            }
            self.uncommitted.push(fingerprint);
        }
        false
    }

    /// What was learned since the last commit stays.
    pub(super) fn commit(&mut self) {
        self.uncommitted.clear();
        self.runs.clear();
    }

    /// What was learned since the last commit is forgotten.
    pub(super) fn rollback(&mut self) {
        if self.uncommitted.len() >= self.limit {
            self.minutes.clear();
            self.known = 0;
        }
        let mut end = self.uncommitted.len();
        for (number, begin) in self.runs.drain(..).rev() {
            let mut minutes = self.minutes.iter_mut();
            if let Some(minute) = minutes.find(|minute| minute.number == number) {
                for fingerprint in &self.uncommitted[begin..end] {
                    self.known -= usize::from(minute.fingerprints.remove(fingerprint));
                }
            }
            end = begin;
        }
        self.uncommitted = Vec::new();
    }

    /// Puts a minute first; a new one takes the place of the one that was not asked for the longest.
    fn turn_to(&mut self, number: u64) {
        let place = self
            .minutes
            .iter()
            .position(|minute| minute.number == number);
        let place = place.unwrap_or_else(|| {
            if self.minutes.len() < self.most_minutes {
                self.minutes.push(Minute::default());
            }
            let last = self.minutes.len() - 1;
            self.forget(last);
            // It will hold about as many as the minute before: growing to that step by step costs as much as filling it.
            let expected = self.minutes[0].fingerprints.len();
            self.minutes[last].fingerprints.reserve(expected);
            self.minutes[last].number = number;
            last
        });
        self.minutes[..=place].rotate_right(1);
    }

    /// Forgets minutes that were not asked for the longest, the present one last.
    fn make_room(&mut self) {
        for place in (0..self.minutes.len()).rev() {
            self.forget(place);
            if self.known < self.limit {
                return;
            }
        }
    }

    fn forget(&mut self, place: usize) {
        let fingerprints = &mut self.minutes[place].fingerprints;
        self.known -= fingerprints.len();
        fingerprints.clear();
        // The room of an ordinary minute is used again, that of an extraordinary one is given back.
        fingerprints.shrink_to(self.limit / self.most_minutes);
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

    const MINUTES: usize = 32;

    #[test]
    fn the_room_of_an_extraordinary_minute_is_given_back_and_that_of_an_ordinary_one_kept() {
        let mut window = Window::new(32_000, MINUTES);
        let mut fingerprints = 0..;
        let mut fill = |window: &mut Window, minute: u64, many: usize| {
            for fingerprint in fingerprints.by_ref().take(many) {
                window.knows(minute * MINUTE, fingerprint);
            }
        };
        fill(&mut window, 0, 30_000);
        fill(&mut window, 1, 3_000);
        let room = |window: &Window| {
            let rooms = window.minutes.iter();
            let mut rooms: Vec<_> = rooms.map(|m| m.fingerprints.capacity()).collect();
            rooms.sort_unstable();
            rooms
        };
        let [forgotten, _] = room(&window)[..] else {
            panic!("two minutes")
        };
        assert!((1_000..3_000).contains(&forgotten), "{:?}", room(&window));
    }

    #[test]
    fn a_fingerprint_is_its_own_hash() {
        let mut hasher = Identity::default();
        hasher.write_u64(0x0123_4567_89ab_cdef);
        assert_eq!(hasher.finish(), 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn what_was_seen_is_known_until_as_many_other_minutes_were_seen() {
        let mut window = Window::new(1_000, MINUTES);
        let minute = |number: usize| number as u64 * MINUTE;
        assert!(!window.knows(0, 1));
        for number in 1..MINUTES {
            assert!(
                !window.knows(minute(number), 1),
                "the same fingerprint at another time is another"
            );
        }
        assert!(window.knows(0, 1));
        for number in MINUTES..2 * MINUTES {
            window.knows(minute(number), 1);
        }
        assert!(!window.knows(0, 1));
    }

    #[test]
    fn a_full_window_forgets_the_minutes_that_were_not_asked_for_the_longest() {
        let mut window = Window::new(4, MINUTES);
        for fingerprint in 1..=2 {
            window.knows(0, fingerprint);
            window.knows(MINUTE, fingerprint);
        }
        assert!(!window.knows(MINUTE, 3));
        assert!(window.knows(MINUTE, 1));
        assert!(!window.knows(0, 1));
    }

    #[test]
    fn one_minute_alone_stays_within_the_limit() {
        let mut window = Window::new(4, MINUTES);
        for fingerprint in 1..=50 {
            assert!(!window.knows(0, fingerprint));
            assert!(window.known <= 4);
        }
        assert!(window.knows(0, 50));
    }

    #[test]
    fn rollback_forgets_what_came_after_the_commit_and_nothing_else() {
        let mut window = Window::new(100, MINUTES);
        assert!(!window.knows(0, 1));
        window.commit();
        assert!(window.knows(0, 1));
        for fingerprint in 2..=5 {
            assert!(!window.knows(fingerprint * MINUTE, fingerprint));
        }
        window.rollback();
        assert!(window.knows(0, 1));
        for fingerprint in 2..=5 {
            assert!(!window.knows(fingerprint * MINUTE, fingerprint));
        }
    }

    #[test]
    fn a_failed_invocation_larger_than_the_window_leaves_nothing() {
        let mut window = Window::new(4, MINUTES);
        for fingerprint in 1..=50 {
            window.knows(0, fingerprint);
        }
        assert!(window.uncommitted.len() <= 4);
        window.rollback();
        assert_eq!(window.known, 0);
        assert!(!window.knows(0, 50));
    }

    #[derive(Debug, Clone)]
    enum Step {
        See(u64, u64),
        Commit,
        Rollback,
    }

    proptest! {
        /// Compared with plain sets, within the limits.
        #[test]
        fn it_agrees_with_a_naive_memory(steps in prop::collection::vec(prop_oneof![
            20 => (0..4_u64, 0..30_u64).prop_map(|(minute, fingerprint)| Step::See(minute * MINUTE, fingerprint)),
            2 => Just(Step::Commit),
            2 => Just(Step::Rollback),
        ], 0..200)) {
            let mut window = Window::new(1_000, MINUTES);
            let mut naive = HashSet::new();
            let mut new = Vec::new();
            for step in steps {
                match step {
                    Step::See(time, fingerprint) => {
                        let known = !naive.insert((time, fingerprint));
                        prop_assert_eq!(window.knows(time, fingerprint), known);
                        if !known {
                            new.push((time, fingerprint));
                        }
                    }
                    Step::Commit => {
                        window.commit();
                        new.clear();
                    }
                    Step::Rollback => {
                        window.rollback();
                        new.drain(..).for_each(|one| _ = naive.remove(&one));
                    }
                }
                prop_assert_eq!(window.known, naive.len());
            }
        }

        #[test]
        fn it_never_remembers_more_than_its_limit(seen in prop::collection::vec((0..100_u64, any::<u64>()), 0..300)) {
            let mut window = Window::new(16, MINUTES);
            for (minute, fingerprint) in seen {
                window.knows(minute * MINUTE, fingerprint);
                let known: usize = window.minutes.iter().map(|minute| minute.fingerprints.len()).sum();
                prop_assert_eq!(window.known, known);
                prop_assert!(known <= 16 && window.minutes.len() <= MINUTES);
            }
        }
    }
}
