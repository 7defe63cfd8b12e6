//! Rule 1: an event delivered and exported before is not exported again.
//!
//! CloudWatch Logs, Lambda, Kinesis and S3 deliver at least once. An event is identified by the id within an account, a log
//! group and a log stream ([`EventIds::stream`]). Ids put into a log stream together differ in the last two digits alone:
//! `…3892012` and `…3892013` are marks 12 and 13 of the run `…38920`, a single fingerprint in the window.
//!
//! The last run of ids is cached with its marks, and written to the window when an id of another run comes. An id is
//! remembered in two steps: [`EventIds::is_known`] looks the id up, and [`EventIds::remember`] adds the id once the line
//! was parsed.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use super::window::DeliveryWindow;
use crate::flowlog::are_equal;

/// Most octets of memory for the ids of delivered events.
pub const DELIVERY_OCTETS: usize = 8 << 20;

/// Octets of a run of ids: fingerprint and marks, in a half-full hash table.
const RUN_OCTETS: usize = 64;

/// Most remembered runs of event ids, of the most recently used minutes. A run has up to a hundred consecutive ids; an
/// id without neighbours is a run, too.
pub const DELIVERIES: usize = DELIVERY_OCTETS / RUN_OCTETS;

/// Most remembered minutes of event time, if there are no more runs than [`DELIVERIES`]: eight hours, because Lambda keeps
/// an undelivered event for up to six.
pub const DELIVERY_MINUTES: usize = 8 * 60;

/// Mark of an id that does not end with two digits. Two digits at the end are a mark below 100.
const WHOLE: u128 = 1 << 127;

/// Ids of delivered events.
#[derive(Debug)]
pub(super) struct EventIds {
    window: DeliveryWindow,
    hash: FixedState,
    run: IdRun,
    /// Mark of the id looked up last, in the cached run.
    mark: u128,
}

/// Ids that differ in the last two digits alone: the run of the last id.
#[derive(Debug)]
struct IdRun {
    stream: u64,
    /// Beginning of the run's ids.
    start: Vec<u8>,
    minute: u64,
    fingerprint: u64,
    /// Marks of seen ids.
    seen: u128,
    /// Marks of seen ids that are not in the window yet.
    new: u128,
}

impl IdRun {
    /// Run without an id, of a minute that never comes.
    fn none() -> Self {
        Self {
            stream: 0,
            start: Vec::new(),
            minute: u64::MAX,
            fingerprint: 0,
            seen: 0,
            new: 0,
        }
    }
}

impl EventIds {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            window: DeliveryWindow::new(DELIVERIES, DELIVERY_MINUTES),
            hash: FixedState::with_seed(seed),
            run: IdRun::none(),
            mark: 0,
        }
    }

    /// Number of a log stream, given by account, log group and name.
    pub(super) fn stream(&self, parts: &[Option<&str>]) -> u64 {
        self.hash.hash_one(parts)
    }

    /// Returns whether the id of an event of this stream and time (milliseconds since 1970) is known. An empty id is no id.
    #[inline]
    pub(super) fn is_known(&mut self, stream: u64, id: &[u8], time: u64) -> bool {
        let minute = DeliveryWindow::minute(time);
        let (start, mark) = match id.split_last_chunk() {
            Some((start, [tens @ b'0'..=b'9', ones @ b'0'..=b'9'])) => {
                (start, 1 << (10 * (tens - b'0') + (ones - b'0')))
            }
            _ => (id, WHOLE),
        };
        self.mark = if id.is_empty() { 0 } else { mark };
        let run = &self.run;
        if run.minute != minute || run.stream != stream || !are_equal(&run.start, start) {
            self.turn_to(minute, stream, start);
        }
        self.run.seen & self.mark != 0
    }

    /// Remembers the id looked up last.
    #[inline]
    pub(super) fn remember(&mut self) {
        self.run.new |= self.mark & !self.run.seen;
        self.run.seen |= self.mark;
    }

    pub(super) fn commit(&mut self) {
        self.write_run();
        self.window.commit();
    }

    pub(super) fn rollback(&mut self) {
        self.run = IdRun::none();
        self.mark = 0;
        self.window.rollback();
    }

    /// Makes the run of these ids the cached run.
    fn turn_to(&mut self, minute: u64, stream: u64, start: &[u8]) {
        self.write_run();
        let mut hasher = self.hash.build_hasher();
        hasher.write_u64(stream);
        hasher.write(start);
        let fingerprint = hasher.finish();
        let seen = self.window.marks(minute, fingerprint);
        let mut kept = std::mem::take(&mut self.run.start);
        kept.clear();
        kept.extend_from_slice(start);
        self.run = IdRun {
            stream,
            start: kept,
            minute,
            fingerprint,
            seen,
            new: 0,
        };
    }

    /// Writes the new marks of the cached run to the window.
    fn write_run(&mut self) {
        let new = std::mem::take(&mut self.run.new);
        if new != 0 {
            self.window.add(self.run.minute, self.run.fingerprint, new);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    impl EventIds {
        /// Returns whether an id was seen before, and remembers the id.
        fn seen_before(&mut self, id: &[u8], time: u64) -> bool {
            let is_known = self.is_known(1, id, time);
            self.remember();
            is_known
        }
    }

    const ID: &[u8] = b"35036294238826492806306218206507857848794444175103892012";

    #[test]
    fn an_id_is_new_once() {
        let mut ids = EventIds::new(7);
        let next = b"35036294238826492806306218206507857848794444175103892013";
        assert!(!ids.seen_before(ID, 0) && !ids.seen_before(next, 0));
        assert!(ids.seen_before(ID, 0) && ids.seen_before(next, 0));
    }

    #[test]
    fn an_id_of_another_account_group_or_stream_is_another_id() {
        let mut ids = EventIds::new(7);
        let streams = [
            ["1", "flows", "eni-1"],
            ["2", "flows", "eni-1"],
            ["1", "others", "eni-1"],
            ["1", "flows", "eni-2"],
        ];
        for is_known in [false, true] {
            for stream in streams {
                let stream = ids.stream(&stream.map(Some));
                assert_eq!(ids.is_known(stream, ID, 0), is_known);
                ids.remember();
            }
            ids.commit();
        }
    }

    #[test]
    fn an_id_that_was_only_looked_up_is_not_remembered() {
        let mut ids = EventIds::new(7);
        assert!(!ids.is_known(1, ID, 0) && !ids.is_known(1, ID, 0));
        let long = [b'7'; 256];
        assert!(!ids.is_known(1, &long, 0) && !ids.is_known(1, &long, 0));
        ids.remember();
        assert!(ids.is_known(1, &long, 0) && !ids.is_known(1, ID, 0));
    }

    #[test]
    fn an_id_is_remembered_for_eight_hours_of_event_time() {
        let mut ids = EventIds::new(7);
        for minute in 0..480_u64 {
            assert!(!ids.seen_before(&minute.to_be_bytes(), minute * 60_000));
        }
        assert!(ids.seen_before(&0_u64.to_be_bytes(), 0));
        // The oldest is the second now, and a further minute takes its room.
        assert!(!ids.seen_before(b"another", 480 * 60_000));
        assert!(!ids.seen_before(&1_u64.to_be_bytes(), 60_000));
    }

    #[test]
    fn input_without_ids_is_never_delivered_twice() {
        let mut ids = EventIds::new(7);
        assert!(!ids.seen_before(b"", 0) && !ids.seen_before(b"", 0));
    }

    #[test]
    fn the_newest_ids_are_remembered_in_bounded_memory() {
        let mut ids = EventIds::new(7);
        let count = 3 * DELIVERIES as u64;
        // Without neighbours.
        let seen_before =
            |ids: &mut EventIds, id: u64| ids.seen_before(format!("{id}-").as_bytes(), id);
        for id in 0..count {
            assert!(!seen_before(&mut ids, id));
            ids.commit();
        }
        assert!(seen_before(&mut ids, count - 1));
        assert!(seen_before(&mut ids, count - 10_000));
        assert!(!seen_before(&mut ids, 0), "the oldest are out");
    }

    #[test]
    fn consecutive_ids_are_remembered_together_and_told_apart() {
        let mut ids = EventIds::new(7);
        let id = |number: u32| format!("3503629423882649280630621820650785784879{number:016}");
        // Half of these ids are more than there is room for runs.
        let count = 3 * u32::try_from(DELIVERIES).expect("a number of 32 bits");
        for number in (0..count).step_by(2) {
            assert!(!ids.seen_before(id(number).as_bytes(), 0));
        }
        ids.commit();
        for number in 0..count {
            assert_eq!(ids.seen_before(id(number).as_bytes(), 0), number % 2 == 0);
        }
    }

    #[test]
    fn ids_that_others_begin_with_are_other_ids() {
        let mut ids = EventIds::new(7);
        let long = [b'7'; 256];
        let all = ["1", "12", "123", "1234", "12-", "12-3", "12-34"].map(str::as_bytes);
        let all = all
            .iter()
            .copied()
            .chain([&long[..128], &long[..129], &long]);
        for expected in [false, true] {
            for id in all.clone() {
                assert_eq!(ids.seen_before(id, 0), expected, "{id:?}");
            }
            ids.commit();
        }
        assert!(!ids.seen_before(b"12", 60_000), "another minute");
    }

    proptest! {
        /// Compared with plain sets, within the limits.
        #[test]
        fn it_agrees_with_a_naive_memory(steps in prop::collection::vec(prop_oneof![
            20 => ("[0-9]{0,2}[0-9x]{0,2}", 0..3_u64).prop_map(Some),
            1 => Just(None),
        ], 0..300), commits: u64) {
            let mut ids = EventIds::new(7);
            let (mut naive, mut new) = (HashSet::new(), Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Some((id, minute)) => {
                        let known = !id.is_empty() && !naive.insert((id.clone(), minute));
                        prop_assert_eq!(ids.seen_before(id.as_bytes(), minute * 60_000), known);
                        if !known {
                            new.push((id, minute));
                        }
                    }
                    None if commits >> (number % 64) & 1 == 1 => {
                        ids.commit();
                        new.clear();
                    }
                    None => {
                        ids.rollback();
                        new.drain(..).for_each(|one| _ = naive.remove(&one));
                    }
                }
            }
        }
    }
}
