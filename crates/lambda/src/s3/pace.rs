//! Estimates the time that an object takes, from the objects before.

use std::time::Duration;

/// Octets a second that are assumed before the first object: the pace of a small function.
const FIRST_OCTETS_A_SECOND: f64 = 1_000_000.0;

/// Least octets of an object that counts as a measurement; below, the overhead dominates.
const LEAST_MEASURED: u64 = 64 * 1024;

/// Overhead of an object: connecting, and waiting for S3, EC2 and the collectors.
const OVERHEAD: Duration = Duration::from_secs(3);

/// Decaying average of the pace of reading, transcoding and sending objects.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectPace {
    octets: f64,
    seconds: f64,
}

impl Default for ObjectPace {
    fn default() -> Self {
        Self {
            octets: FIRST_OCTETS_A_SECOND,
            seconds: 1.0,
        }
    }
}

impl ObjectPace {
    /// Adds the measurement of an object.
    #[allow(clippy::cast_precision_loss)] // an estimate
    pub(super) fn measure(&mut self, octets: u64, time: Duration) {
        if octets < LEAST_MEASURED {
            return;
        }
        self.octets = self.octets / 2.0 + octets as f64;
        self.seconds = self.seconds / 2.0 + time.as_secs_f64();
    }

    /// Time that an object of this size will take, on the safe side.
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
        let mut pace = ObjectPace::default();
        let first = pace.estimate(10_000_000);
        assert!(first > Duration::from_secs(15), "{first:?}");
        assert_eq!(pace.estimate(0), OVERHEAD);
        for _ in 0..5 {
            pace.measure(50_000_000, Duration::from_secs(5));
        }
        let fast = pace.estimate(10_000_000);
        assert!(fast < Duration::from_secs(5), "{fast:?}");
        for _ in 0..5 {
            pace.measure(50_000_000, Duration::from_secs(500));
        }
        assert!(pace.estimate(10_000_000) > Duration::from_secs(100));
    }

    #[test]
    fn objects_that_tell_nothing_of_the_pace_change_nothing() {
        let mut pace = ObjectPace::default();
        for _ in 0..2_000 {
            pace.measure(500, Duration::from_secs(2));
        }
        assert_eq!(
            pace.estimate(10_000_000),
            ObjectPace::default().estimate(10_000_000)
        );
        assert!(pace.estimate(u64::MAX) > Duration::from_secs(1_000_000));
    }
}
