//! When the next datagram may leave: a token bucket.
//!
//! Responsible for the arithmetic only; `udp.rs` reads the clock and sleeps.

use std::time::{Duration, Instant};

/// Most datagrams that may leave back to back after a pause: a fraction of the smallest usual socket buffer.
const LARGEST_BURST: u32 = 16;

/// Spreads messages evenly at a rate, with small bursts so that a sleep is paid for several messages at once.
///
/// A full bucket holds `burst` tokens. Instead of a fraction of tokens the bucket keeps the time of being full again: no
/// rounding is needed (the generic cell rate algorithm).
#[derive(Debug)]
pub(crate) struct Pacer {
    interval: Duration,
    burst: u32,
    full_at: Instant,
}

impl Pacer {
    /// A full bucket. `rate` is in messages a second; 0 counts as 1.
    pub(crate) fn new(rate: u32, now: Instant) -> Self {
        let rate = rate.max(1);
        let interval = Duration::from_secs(1) / rate;
        // A burst is at most 10 ms of the rate, so that a slow rate stays even.
        let burst = (rate / 100).clamp(1, LARGEST_BURST);
        Self {
            interval,
            burst,
            full_at: now,
        }
    }

    /// Most messages that may leave back to back.
    pub(crate) fn burst(&self) -> u32 {
        self.burst
    }

    /// Time to wait before so many messages, at most a burst, may leave. Zero while there are enough tokens; else until the
    /// bucket is half full, or fuller if the messages need more.
    pub(crate) fn delay(&self, now: Instant, messages: u32) -> Duration {
        let until_full = self.full_at.saturating_duration_since(now);
        let may_be_missing = self.interval * self.burst.saturating_sub(messages);
        if until_full <= may_be_missing {
            return Duration::ZERO;
        }
        let half = self.interval * (self.burst - 1) / 2;
        until_full.saturating_sub(may_be_missing.min(half))
    }

    /// Takes the tokens of messages that leave now.
    pub(crate) fn take(&mut self, now: Instant, messages: u32) {
        self.full_at = self.full_at.max(now) + self.interval * messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time that `count` messages take, so many together, when every sleep is exact; and the most that leave without one.
    fn simulate(rate: u32, count: u32, together: u32) -> (Duration, u32) {
        let start = Instant::now();
        let (mut now, mut run, mut longest) = (start, 0, 0);
        let mut pacer = Pacer::new(rate, now);
        let together = together.min(pacer.burst());
        for _ in 0..count / together {
            let delay = pacer.delay(now, together);
            if !delay.is_zero() {
                run = 0;
            }
            now += delay;
            pacer.take(now, together);
            run += together;
            longest = longest.max(run);
        }
        (now - start, longest)
    }

    #[test]
    fn messages_take_the_time_of_their_rate() {
        for rate in [1, 10, 99, 100, 1_000, 5_000, 100_000] {
            for together in [1, 2, 5, 16] {
                let count = rate * 10;
                let (time, _) = simulate(rate, count, together);
                let ratio = time.as_secs_f64() / 10.0;
                assert!(
                    (0.85..=1.01).contains(&ratio),
                    "{rate} a second, {together} together, took {time:?}"
                );
            }
        }
    }

    #[test]
    fn bursts_stay_small() {
        for together in [1, 3, 16] {
            assert_eq!(simulate(1, 20, together).1, 1);
            assert!(simulate(500, 1_000, together).1 <= 5);
            assert!(simulate(1_000_000, 10_000, together).1 <= LARGEST_BURST);
        }
        assert_eq!(simulate(500, 1_000, 1).1, 5);
        assert_eq!(simulate(1_000_000, 10_000, 1).1, LARGEST_BURST);
    }

    #[test]
    fn a_pause_earns_no_more_than_one_bucket() {
        let start = Instant::now();
        let mut pacer = Pacer::new(5_000, start);
        let later = start + Duration::from_secs(3_600);
        let free = (0..100)
            .take_while(|_| {
                let free = pacer.delay(later, 1).is_zero();
                pacer.take(later, 1);
                free
            })
            .count();
        assert_eq!(free, 16);
    }
}
