//! Schedule of a question: an answer is valid for a while, and a question is not asked more than once a minute, unless
//! time ran out before every answer came.

use std::time::Duration;

use flowlogs_export::random_part;
use tokio::time::Instant;

/// Least time between two attempts, answered or not, unless [`LookupSchedule::end_pause`] ends the pause.
const PAUSE: Duration = Duration::from_secs(60);

/// Time of the next question.
#[derive(Debug, Clone, Default)]
pub(super) struct LookupSchedule {
    /// End of the answer's validity; `None` without an answer.
    valid_until: Option<Instant>,
    /// End of the pause after the last attempt; `None` before the first.
    pause_until: Option<Instant>,
}

impl LookupSchedule {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.valid_until.is_none_or(|until| now >= until) && !self.pauses(now)
    }

    /// The last attempt is less than a minute old.
    pub(super) fn pauses(&self, now: Instant) -> bool {
        self.pause_until.is_some_and(|until| now < until)
    }

    /// Notes an answer to some of the questions; the validity of the last survey does not change.
    pub(super) fn answered_in_part(&mut self, now: Instant) {
        self.pause_until = Some(now + PAUSE);
    }

    /// Notes a complete answer, valid for `hold` and up to a quarter longer: environments that started together must not
    /// go on asking together.
    pub(super) fn answered(&mut self, now: Instant, hold: Duration) {
        self.valid_until = Some(now + hold + random_part(hold / 4));
        self.pause_until = Some(now + PAUSE);
    }

    /// Notes a missing answer, or an answer with gaps: the question is due again after the pause.
    pub(super) fn failed(&mut self, now: Instant) {
        self.valid_until = None;
        self.pause_until = Some(now + PAUSE);
    }

    /// Ends the pause: the question was answered as far as time allowed.
    pub(super) fn end_pause(&mut self) {
        self.pause_until = None;
    }

    /// Makes the answer invalid early.
    pub(super) fn invalidate(&mut self) {
        self.valid_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(900);

    #[test]
    fn an_answer_holds_for_its_time_and_at_most_a_quarter_longer() {
        let now = Instant::now();
        let mut schedule = LookupSchedule::default();
        assert!(schedule.is_due(now));
        schedule.answered(now, HOLD);
        assert!(!schedule.is_due(now + HOLD - Duration::from_secs(1)));
        assert!(schedule.is_due(now + HOLD * 5 / 4));
    }

    #[test]
    fn nothing_is_asked_twice_in_a_minute() {
        let now = Instant::now();
        for answered in [true, false] {
            let mut schedule = LookupSchedule::default();
            if answered {
                schedule.answered(now, HOLD);
                schedule.invalidate();
            } else {
                schedule.failed(now);
            }
            assert!(!schedule.is_due(now + Duration::from_secs(59)));
            assert!(schedule.is_due(now + Duration::from_secs(60)));
        }
    }
}
