//! When to ask again: an answer holds for a while, and nothing is asked more than once a minute.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Least time between two questions for the same thing, whether the first was answered or not.
const PAUSE: Duration = Duration::from_secs(60);

/// When the next question is due.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    /// Until when the answer holds; `None` without an answer.
    holds_until: Option<Instant>,
    /// Until when nothing is asked; `None` before the first question.
    pause_until: Option<Instant>,
}

impl Schedule {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.holds_until.is_none_or(|until| now >= until) && !self.pauses(now)
    }

    /// Whether the last question is less than a minute old.
    pub(super) fn pauses(&self, now: Instant) -> bool {
        self.pause_until.is_some_and(|until| now < until)
    }

    /// A part was asked and answered; how long the whole holds does not change.
    pub(super) fn asked(&mut self, now: Instant) {
        self.pause_until = Some(now + PAUSE);
    }

    /// The question was answered in full. The answer holds for `hold` and up to a quarter longer, so that environments
    /// that started together do not ask together for ever.
    pub(super) fn answered(&mut self, now: Instant, hold: Duration) {
        let share = u32::from(RandomState::new().hash_one(()).to_le_bytes()[0]);
        self.holds_until = Some(now + hold + hold / 1_024 * share);
        self.pause_until = Some(now + PAUSE);
    }

    /// The question was not answered, or not in full.
    pub(super) fn failed(&mut self, now: Instant) {
        self.holds_until = None;
        self.pause_until = Some(now + PAUSE);
    }

    /// The answer no longer holds.
    pub(super) fn distrust(&mut self) {
        self.holds_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(900);

    #[test]
    fn an_answer_holds_for_its_time_and_at_most_a_quarter_longer() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        assert!(schedule.is_due(now));
        schedule.answered(now, HOLD);
        assert!(!schedule.is_due(now + HOLD - Duration::from_secs(1)));
        assert!(schedule.is_due(now + HOLD * 5 / 4));
    }

    #[test]
    fn nothing_is_asked_twice_in_a_minute() {
        let now = Instant::now();
        for answered in [true, false] {
            let mut schedule = Schedule::default();
            if answered {
                schedule.answered(now, HOLD);
                schedule.distrust();
            } else {
                schedule.failed(now);
            }
            assert!(!schedule.is_due(now + Duration::from_secs(59)));
            assert!(schedule.is_due(now + Duration::from_secs(60)));
        }
    }
}
