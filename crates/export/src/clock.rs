//! Wall clock of the programs, and random parts of times. Everything behind the programs takes time as an argument.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Milliseconds since 1970; 0 where the clock stands before that.
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Part of a time, at random: environments that started together must not act together.
pub fn random_part(time: Duration) -> Duration {
    let share = u32::from(RandomState::new().hash_one(()).to_le_bytes()[0]);
    time / 255 * share
}
