//! Whether the time that an invocation has left suffices for one more object.

use std::time::Duration;

/// Octets a second that are assumed before the first object: those of a small function.
const FIRST: f64 = 1_000_000.0;

/// An object below this size, in octets, tells more of what else it takes than of the pace.
const TELLING: u64 = 64 * 1024;

/// What else an object takes: connecting, waiting for S3, EC2 and the collectors.
const OVERHEAD: Duration = Duration::from_secs(3);

/// How fast objects were read, transcoded and sent so far; newer ones count more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    octets: f64,
    seconds: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            octets: FIRST,
            seconds: 1.0,
        }
    }
}

impl Pace {
    /// An object of this size took this time.
    #[allow(clippy::cast_precision_loss)] // an estimate
    pub(super) fn learn(&mut self, octets: u64, time: Duration) {
        if octets < TELLING {
            return;
        }
        self.octets = self.octets / 2.0 + octets as f64;
        self.seconds = self.seconds / 2.0 + time.as_secs_f64();
    }

    /// How long an object of this size will take, on the safe side.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn estimate(&self, octets: u64) -> Duration {
        let seconds = 1.5 * self.seconds * octets as f64 / self.octets.max(1.0);
        OVERHEAD + Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_grows_with_the_object_and_follows_what_was_measured() {
        let mut pace = Pace::default();
        let first = pace.estimate(10_000_000);
        assert!(first > Duration::from_secs(15), "{first:?}");
        assert_eq!(pace.estimate(0), OVERHEAD);
        for _ in 0..5 {
            pace.learn(50_000_000, Duration::from_secs(5));
        }
        let fast = pace.estimate(10_000_000);
        assert!(fast < Duration::from_secs(5), "{fast:?}");
        for _ in 0..5 {
            pace.learn(50_000_000, Duration::from_secs(500));
        }
        assert!(pace.estimate(10_000_000) > Duration::from_secs(100));
    }

    #[test]
    fn objects_that_tell_nothing_of_the_pace_change_nothing() {
        let mut pace = Pace::default();
        for _ in 0..2_000 {
            pace.learn(500, Duration::from_secs(2));
        }
        assert_eq!(
            pace.estimate(10_000_000),
            Pace::default().estimate(10_000_000)
        );
        assert!(pace.estimate(u64::MAX) > Duration::from_secs(1_000_000));
    }
}
