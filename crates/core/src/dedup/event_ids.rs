//! Rule 1: what was delivered and exported once is not exported again.
//!
//! CloudWatch Logs, Lambda and S3 deliver at least once. An event's id (an object's version) tells a second delivery. Events
//! that were put into a log stream together have consecutive ids, so ids that differ in their last two digits alone are
//! remembered together, a mark each.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use super::window::Window;

/// Most groups of event ids that are remembered, those of the minutes that were seen last. A group has up to a hundred
/// consecutive ids; an id without neighbours is one, too. About 8 MB at the most.
pub const DELIVERIES: usize = 1 << 17;

/// How many minutes of event time are remembered, if there are no more ids than [`DELIVERIES`]: eight hours, because
/// Lambda keeps an event that it could not hand over for up to six.
pub const DELIVERY_MINUTES: usize = 8 * 60;

/// The longest id that is put into a group; those of CloudWatch Logs have 56 digits.
const LONGEST: usize = 128;

/// The mark of an id that does not end with two digits. Those that do have the marks below 100.
const WHOLE: u128 = 1 << 127;

/// The ids of what was delivered.
#[derive(Debug)]
pub(super) struct Deliveries {
    window: Window<u128>,
    hash: FixedState,
    group: Group,
}

/// The group of the id that came last, for those that follow.
#[derive(Debug)]
struct Group {
    /// What its ids begin with.
    start: Vec<u8>,
    minute: u64,
    fingerprint: u64,
    /// The marks of ids that were seen, and which of them the window does not know yet.
    seen: u128,
    new: u128,
}

impl Group {
    /// The group of no id: there is no such minute.
    fn none() -> Self {
        Self {
            start: Vec::new(),
            minute: u64::MAX,
            fingerprint: 0,
            seen: 0,
            new: 0,
        }
    }
}

impl Deliveries {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            window: Window::new(DELIVERIES, DELIVERY_MINUTES),
            hash: FixedState::with_seed(seed),
            group: Group::none(),
        }
    }

    /// Whether the id of an event of this time (milliseconds since 1970) was seen before; from now on it was. An empty id
    /// is no id.
    pub(super) fn seen_before(&mut self, id: &[u8], time: u64) -> bool {
        if id.is_empty() {
            return false;
        }
        let minute = Window::<u128>::minute(time);
        if id.len() > LONGEST {
            return !self.window.add(minute, self.fingerprint(id), WHOLE);
        }
        let (start, mark) = match id.split_last_chunk() {
            Some((start, [tens @ b'0'..=b'9', ones @ b'0'..=b'9'])) => {
                (start, 1 << (10 * (tens - b'0') + (ones - b'0')))
            }
            _ => (id, WHOLE),
        };
        if self.group.minute != minute || self.group.start != start {
            self.turn_to(minute, start);
        }
        let seen = self.group.seen & mark != 0;
        self.group.seen |= mark;
        self.group.new |= if seen { 0 } else { mark };
        seen
    }

    pub(super) fn commit(&mut self) {
        self.tell();
        self.window.commit();
    }

    pub(super) fn rollback(&mut self) {
        self.group = Group::none();
        self.window.rollback();
    }

    fn turn_to(&mut self, minute: u64, start: &[u8]) {
        self.tell();
        let fingerprint = self.fingerprint(start);
        let seen = self.window.marks(minute, fingerprint);
        let mut kept = std::mem::take(&mut self.group.start);
        kept.clear();
        kept.extend_from_slice(start);
        self.group = Group {
            start: kept,
            minute,
            fingerprint,
            seen,
            new: 0,
        };
    }

    /// Tells the window what the group has that is new.
    fn tell(&mut self) {
        let Group {
            minute,
            fingerprint,
            ref mut new,
            ..
        } = self.group;
        if *new != 0 {
            self.window.add(minute, fingerprint, *new);
            *new = 0;
        }
    }

    fn fingerprint(&self, id: &[u8]) -> u64 {
        let mut hasher = self.hash.build_hasher();
        hasher.write(id);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_new_once() {
        let mut deliveries = Deliveries::new(7);
        assert!(!deliveries.seen_before(
            b"35036294238826492806306218206507857848794444175103892012",
            0
        ));
        assert!(!deliveries.seen_before(
            b"35036294238826492806306218206507857848794444175103892013",
            0
        ));
        assert!(deliveries.seen_before(
            b"35036294238826492806306218206507857848794444175103892012",
            0
        ));
    }

    #[test]
    fn an_id_is_remembered_for_eight_hours_of_event_time() {
        let mut deliveries = Deliveries::new(7);
        for minute in 0..480_u64 {
            assert!(!deliveries.seen_before(&minute.to_be_bytes(), minute * 60_000));
        }
        assert!(deliveries.seen_before(&0_u64.to_be_bytes(), 0));
        // The oldest is the second now, and a further minute takes its place.
        assert!(!deliveries.seen_before(b"another", 480 * 60_000));
        assert!(!deliveries.seen_before(&1_u64.to_be_bytes(), 60_000));
    }

    #[test]
    fn input_without_ids_is_never_delivered_twice() {
        let mut deliveries = Deliveries::new(7);
        assert!(!deliveries.seen_before(b"", 0) && !deliveries.seen_before(b"", 0));
    }

    #[test]
    fn the_newest_ids_are_remembered_in_bounded_memory() {
        let mut deliveries = Deliveries::new(7);
        let count = 3 * DELIVERIES as u64;
        let seen_before = |deliveries: &mut Deliveries, id: u64| {
            // Without neighbours.
            deliveries.seen_before(format!("{id}-").as_bytes(), id)
        };
        for id in 0..count {
            assert!(!seen_before(&mut deliveries, id));
            deliveries.commit();
        }
        assert!(seen_before(&mut deliveries, count - 1));
        assert!(seen_before(&mut deliveries, count - 10_000));
        assert!(!seen_before(&mut deliveries, 0), "the oldest are out");
    }

    #[test]
    fn consecutive_ids_are_remembered_together_and_told_apart() {
        let mut deliveries = Deliveries::new(7);
        let id = |number: u32| format!("3503629423882649280630621820650785784879{number:016}");
        for number in (0..100_000).step_by(2) {
            assert!(!deliveries.seen_before(id(number).as_bytes(), 0));
        }
        deliveries.commit();
        for number in 0..100_000 {
            assert_eq!(
                deliveries.seen_before(id(number).as_bytes(), 0),
                number % 2 == 0
            );
        }
    }

    #[test]
    fn ids_of_usual_length_are_put_into_groups_and_longer_ones_are_not_kept() {
        let mut deliveries = Deliveries::new(7);
        let id = [b'7'; LONGEST + 1];
        for (length, kept) in [(3, 1), (LONGEST + 1, 1), (LONGEST, LONGEST - 2)] {
            assert!(!deliveries.seen_before(&id[..length], 0));
            assert_eq!(deliveries.group.start.len(), kept, "{length}");
        }
    }

    #[test]
    fn ids_that_others_begin_with_are_other_ids() {
        let mut deliveries = Deliveries::new(7);
        let long = [b'7'; 2 * LONGEST];
        let ids = ["1", "12", "123", "1234", "12-", "12-3", "12-34"].map(str::as_bytes);
        let ids = ids
            .iter()
            .copied()
            .chain([&long[..LONGEST], &long[..LONGEST + 1], &long]);
        for expected in [false, true] {
            for id in ids.clone() {
                assert_eq!(deliveries.seen_before(id, 0), expected, "{id:?}");
            }
            deliveries.commit();
        }
        assert!(!deliveries.seen_before(b"12", 60_000), "another minute");
    }

    proptest! {
        /// Compared with plain sets, within the limits.
        #[test]
        fn it_agrees_with_a_naive_memory(steps in prop::collection::vec(prop_oneof![
            20 => ("[0-9]{0,2}[0-9x]{0,2}", 0..3_u64).prop_map(Some),
            1 => Just(None),
        ], 0..300), commits: u64) {
            let mut deliveries = Deliveries::new(7);
            let (mut naive, mut new) = (HashSet::new(), Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Some((id, minute)) => {
                        let known = !id.is_empty() && !naive.insert((id.clone(), minute));
                        prop_assert_eq!(deliveries.seen_before(id.as_bytes(), minute * 60_000), known);
                        if !known {
                            new.push((id, minute));
                        }
                    }
                    None if commits >> (number % 64) & 1 == 1 => {
                        deliveries.commit();
                        new.clear();
                    }
                    None => {
                        deliveries.rollback();
                        new.drain(..).for_each(|one| _ = naive.remove(&one));
                    }
                }
            }
        }
    }
}
