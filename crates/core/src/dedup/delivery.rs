//! Rule 1: what was delivered and exported once is not exported again.
//!
//! CloudWatch Logs, Lambda and S3 deliver at least once. An event's id (an object's version) tells a second delivery.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use super::window::Window;

/// Most event ids that are remembered, those of the minutes that were seen last. About 10 MB at the most.
pub const DELIVERIES: usize = 1 << 18;

/// How many minutes of event time are remembered, if there are no more ids than [`DELIVERIES`]: eight hours, because
/// Lambda keeps an event that it could not hand over for up to six.
pub const DELIVERY_MINUTES: usize = 8 * 60;

/// The ids of what was delivered.
#[derive(Debug)]
pub(super) struct Deliveries {
    window: Window,
    hash: FixedState,
}

impl Deliveries {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            window: Window::new(DELIVERIES, DELIVERY_MINUTES),
            hash: FixedState::with_seed(seed),
        }
    }

    /// Whether the id of an event of this time (milliseconds since 1970) was seen before; from now on it was. An empty id
    /// is no id.
    pub(super) fn seen_before(&mut self, id: &[u8], time: u64) -> bool {
        if id.is_empty() {
            return false;
        }
        let mut hasher = self.hash.build_hasher();
        hasher.write(id);
        self.window.knows(time, hasher.finish())
    }

    pub(super) fn commit(&mut self) {
        self.window.commit();
    }

    pub(super) fn rollback(&mut self) {
        self.window.rollback();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for id in 0..count {
            assert!(!deliveries.seen_before(&id.to_be_bytes(), id));
            deliveries.commit();
        }
        assert!(deliveries.seen_before(&(count - 1).to_be_bytes(), count - 1));
        assert!(deliveries.seen_before(&(count - 10_000).to_be_bytes(), count - 10_000));
        assert!(
            !deliveries.seen_before(&0_u64.to_be_bytes(), 0),
            "the oldest are out"
        );
    }
}
