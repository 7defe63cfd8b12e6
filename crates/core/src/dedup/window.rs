//! A bounded memory of what was seen, as 64-bit fingerprints, which can take back what it learned last.
//!
//! What is the same has the same time, so the memory is divided by minutes of that time: records of one batch touch the few
//! minutes that they are about, which stay in the processor's caches, while all that is remembered would not. The
//! minutes that were asked for last are kept, in a bounded number with a bounded number of fingerprints. What was learned since
//! the last [`Window::commit`] is listed, so that a failed invocation leaves no trace ([`Window::rollback`]): its retry
//! must find the window as it was, or its flows would be lost.

use super::fingerprints::{Fingerprints, Marks};

/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Fingerprints that are known, in a bounded number, with marks.
#[derive(Debug)]
pub(super) struct Window<M = ()> {
    minutes: Vec<Minute<M>>,
    /// Where a minute was found last, by the end of its number.
    hints: [usize; HINTS],
    /// Questions so far.
    asked: u64,
    /// Fingerprints in all minutes together.
    known: usize,
    limit: usize,
    /// How many minutes are kept; of live traffic these are the newest.
    most_minutes: usize,
    /// What was learned since the last commit: the number of a minute, the fingerprint, and marks.
    uncommitted: Vec<(u64, u64, M)>,
}

/// More than minutes that one batch is about, and a power of two.
const HINTS: usize = 64;

/// Where the hint of a minute stands.
#[inline]
fn hint(number: u64) -> usize {
    usize::try_from(number % HINTS as u64).unwrap_or_default()
}

#[derive(Debug, Default)]
struct Minute<M> {
    number: u64,
    /// When it was asked for last, as a number of questions.
    asked: u64,
    fingerprints: Fingerprints<M>,
}

impl<M: Marks> Window<M> {
    /// A window that remembers at most `limit` fingerprints of at most so many minutes.
    pub(super) fn new(limit: usize, most_minutes: usize) -> Self {
        Self {
            minutes: Vec::with_capacity(most_minutes),
            hints: [0; HINTS],
            asked: 0,
            known: 0,
            limit,
            most_minutes,
            uncommitted: Vec::new(),
        }
    }

    /// The minute of a time in milliseconds: what is the same has the same one.
    pub(super) fn minute(time: u64) -> u64 {
        time / MINUTE
    }

    /// The marks of a fingerprint of a minute.
    pub(super) fn marks(&mut self, minute: u64, fingerprint: u64) -> M {
        let place = self.ask(minute);
        self.minutes[place].fingerprints.marks(fingerprint)
    }

    /// Adds a fingerprint of a minute with marks; whether it or one of them was not known.
    #[inline]
    pub(super) fn add(&mut self, minute: u64, fingerprint: u64, marks: M) -> bool {
        let place = self.ask(minute);
        if self.known >= self.limit {
            self.make_room();
        }
        let fingerprints = &mut self.minutes[place].fingerprints;
        let before = fingerprints.len();
        let new = fingerprints.insert(fingerprint, marks);
        let added = fingerprints.len() - before;
        self.known += added;
        // More than can be remembered need not be taken back: nothing older is left then.
        if new && self.uncommitted.len() < self.limit {
            self.uncommitted.push((minute, fingerprint, marks));
        }
        new
    }

    /// What was learned since the last commit stays.
    pub(super) fn commit(&mut self) {
        self.uncommitted.clear();
    }

    /// What was learned since the last commit is forgotten.
    pub(super) fn rollback(&mut self) {
        let mut learned = std::mem::take(&mut self.uncommitted);
        if learned.len() >= self.limit {
            self.minutes.clear();
            self.known = 0;
        }
        learned.sort_unstable_by_key(|&(minute, ..)| minute);
        for learned in learned.chunk_by(|(one, ..), (other, ..)| one == other) {
            let mut minutes = self.minutes.iter_mut();
            if let Some(minute) = minutes.find(|minute| minute.number == learned[0].0) {
                let before = minute.fingerprints.len();
                let learned = learned.iter();
                let learned = learned.map(|&(_, fingerprint, marks)| (fingerprint, marks));
                minute.fingerprints.remove(learned);
                self.known -= before - minute.fingerprints.len();
            }
        }
    }

    /// The place of a minute that is the present one from now on.
    #[inline]
    fn ask(&mut self, number: u64) -> usize {
        let place = self.place(number);
        self.asked += 1;
        self.minutes[place].asked = self.asked;
        place
    }

    /// The place of a minute.
    #[inline]
    fn place(&mut self, number: u64) -> usize {
        let hint = self.hints[hint(number)];
        let hinted = self.minutes.get(hint);
        match hinted.is_some_and(|minute| minute.number == number) {
            true => hint,
            false => self.find(number),
        }
    }

    /// The place of a minute that the hints have lost; a new one takes the place of the one that was not asked for the
    /// longest.
    #[cold]
    fn find(&mut self, number: u64) -> usize {
        let mut minutes = self.minutes.iter();
        let found = minutes.position(|minute| minute.number == number);
        let place = found.unwrap_or_else(|| self.open(number));
        self.hints[hint(number)] = place;
        place
    }

    fn open(&mut self, number: u64) -> usize {
        let asked = |place: &usize| self.minutes[*place].asked;
        let newest = (0..self.minutes.len()).max_by_key(asked);
        let oldest = (0..self.minutes.len()).min_by_key(asked);
        // It will hold about as many as the minute before: growing to that step by step costs as much as filling it.
        let expected = newest.map_or(0, |newest| self.minutes[newest].fingerprints.len());
        let place = match oldest {
            Some(oldest) if self.minutes.len() >= self.most_minutes => oldest,
            _ => {
                self.minutes.push(Minute::default());
                self.minutes.len() - 1
            }
        };
        self.forget(place, expected);
        self.minutes[place].number = number;
        place
    }

    /// Forgets minutes that were not asked for the longest, the present one last, which will fill its room again.
    #[cold]
    fn make_room(&mut self) {
        let mut places: Vec<usize> = (0..self.minutes.len()).collect();
        places.sort_unstable_by_key(|&place| self.minutes[place].asked);
        let present = places.pop();
        for place in places {
            self.forget(place, 0);
            if self.known < self.limit {
                return;
            }
        }
        if let Some(present) = present {
            self.forget(present, self.known);
        }
    }

    /// Forgets a minute, and makes room for so many fingerprints of another.
    fn forget(&mut self, place: usize, expected: usize) {
        let fingerprints = &mut self.minutes[place].fingerprints;
        self.known -= fingerprints.len();
        fingerprints.clear(expected);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    const MINUTES: usize = 32;

    impl Window {
        /// Whether the fingerprint, of something of this time in milliseconds, is known; if it is not, it is from now on.
        fn knows(&mut self, time: u64, fingerprint: u64) -> bool {
            !self.add(Self::minute(time), fingerprint, ())
        }
    }

    #[test]
    fn minutes_that_take_turns_have_a_hint_each() {
        let mut window = Window::<()>::new(100, MINUTES);
        for minute in [7, 8, 9, 7, 8, 9] {
            window.knows(minute * MINUTE, minute);
            assert_eq!(window.minutes[window.hints[hint(minute)]].number, minute);
        }
        let places = [7, 8, 9].map(|minute| window.hints[hint(minute)]);
        assert_eq!(places, [0, 1, 2]);
    }

    #[test]
    fn what_was_seen_is_known_until_as_many_other_minutes_were_seen() {
        let mut window = Window::<()>::new(1_000, MINUTES);
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
        let mut window = Window::<()>::new(4, MINUTES);
        for fingerprint in 1..=2 {
            window.knows(0, fingerprint);
            window.knows(MINUTE, fingerprint);
        }
        assert!(!window.knows(MINUTE, 3));
        assert!(window.knows(MINUTE, 1));
        assert!(!window.knows(0, 1));
    }

    #[test]
    fn a_full_window_keeps_the_minute_that_it_is_asked_about() {
        let mut window = Window::<()>::new(4, MINUTES);
        for fingerprint in 1..=2 {
            window.knows(0, fingerprint);
            window.knows(MINUTE, fingerprint);
        }
        assert!(window.knows(0, 1));
        assert!(!window.knows(MINUTE, 1));
    }

    #[test]
    fn one_minute_alone_stays_within_the_limit() {
        let mut window = Window::<()>::new(4, MINUTES);
        for fingerprint in 1..=50 {
            assert!(!window.knows(0, fingerprint));
            assert!(window.known <= 4);
        }
        assert!(window.knows(0, 50));
    }

    #[test]
    fn rollback_forgets_what_came_after_the_commit_and_nothing_else() {
        let mut window = Window::<()>::new(100, MINUTES);
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
        let mut window = Window::<()>::new(4, MINUTES);
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
            20 => (0..4_u64, 1..30_u64).prop_map(|(minute, fingerprint)| Step::See(minute * MINUTE, fingerprint)),
            2 => Just(Step::Commit),
            2 => Just(Step::Rollback),
        ], 0..200)) {
            let mut window = Window::<()>::new(1_000, MINUTES);
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
            let mut window = Window::<()>::new(16, MINUTES);
            for (minute, fingerprint) in seen {
                window.knows(minute * MINUTE, fingerprint);
                let known: usize = window.minutes.iter().map(|minute| minute.fingerprints.len()).sum();
                prop_assert_eq!(window.known, known);
                prop_assert!(known <= 16 && window.minutes.len() <= MINUTES);
            }
        }
    }
}
