//! Circuit breaker of a target: after a failed connection attempt, further attempts fail at once for a while.
//!
//! During an outage, every invocation would otherwise wait for the whole connect timeout, and a busy function would need
//! hundreds of environments that do nothing but wait.

use std::time::{Duration, Instant};

use crate::{clock::random_part, error::SendProblem};

/// State of the breaker: closed, or open with the problem of the last attempt.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    open: Option<(Instant, SendProblem)>,
}

impl CircuitBreaker {
    /// Allows an attempt.
    ///
    /// # Errors
    ///
    /// The breaker is open.
    pub(crate) fn allow(&self, now: Instant) -> Result<(), SendProblem> {
        match &self.open {
            Some((until, problem)) if now < *until => Err(SendProblem::NotTried {
                reason: problem.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Opens the breaker for `pause`, a fifth more or less at random, so that environments do not try together. A pause of
    /// zero leaves the breaker closed.
    pub(crate) fn open(&mut self, problem: &SendProblem, pause: Duration, now: Instant) {
        let jittered = pause * 4 / 5 + random_part(pause * 2 / 5);
        self.open = Some((now + jittered, problem.clone()));
    }

    /// Closes the breaker after a successful attempt.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(60);

    #[test]
    fn an_open_breaker_allows_no_attempt_for_its_pause_and_a_fifth_more_or_less() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        assert_eq!(breaker.allow(now), Ok(()));
        breaker.open(&SendProblem::Reset, PAUSE, now);
        let refusal = SendProblem::NotTried {
            reason: "connection reset".to_owned(),
        };
        assert_eq!(
            breaker.allow(now + PAUSE * 4 / 5 - Duration::from_millis(1)),
            Err(refusal)
        );
        assert_eq!(breaker.allow(now + PAUSE * 6 / 5), Ok(()));
        breaker.open(&SendProblem::Reset, PAUSE, now);
        breaker.close();
        assert_eq!(breaker.allow(now), Ok(()));
    }

    #[test]
    fn a_pause_of_zero_is_no_pause() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        breaker.open(&SendProblem::Reset, Duration::ZERO, now);
        assert_eq!(breaker.allow(now), Ok(()));
    }
}
