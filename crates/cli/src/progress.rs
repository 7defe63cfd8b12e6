//! Progress bar on standard error, if that is a terminal and the flows are printed elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::terminal::wants_ascii;
use crate::text::{ascii, grouped, octets};

/// Time before the first bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Interval between two updates.
const INTERVAL: Duration = Duration::from_millis(100);

/// Width of the bar in columns.
const BAR: u8 = 30;

/// Progress bar.
#[derive(Debug)]
pub(crate) struct ProgressBar {
    watched: bool,
    started: Instant,
    next: Duration,
    total: u64,
    records: u64,
    shown: bool,
}

impl ProgressBar {
    /// Creates a bar for input of `total` octets (0: unknown), hidden if `rows` is true and standard output is a terminal.
    pub(crate) fn new(total: u64, rows: bool) -> Self {
        let rows = rows && io::stdout().is_terminal();
        Self {
            watched: io::stderr().is_terminal() && !rows,
            started: Instant::now(),
            next: PATIENCE,
            total,
            records: 0,
            shown: false,
        }
    }

    /// Creates a bar that is never shown.
    pub(crate) fn hidden() -> Self {
        Self {
            watched: false,
            started: Instant::now(),
            next: PATIENCE,
            total: 0,
            records: 0,
            shown: false,
        }
    }

    /// Updates the bar: `records` more, `read` octets in all.
    pub(crate) fn update(&mut self, records: u64, read: u64) {
        self.records += records;
        let elapsed = self.started.elapsed();
        if !self.watched || elapsed < self.next {
            return;
        }
        self.next = elapsed + INTERVAL;
        self.shown = true;
        let line = line(self.total, read, self.records, elapsed);
        let line = if wants_ascii() { ascii(&line) } else { line };
        // A closed terminal does not end the work.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
    }

    /// Erases the bar.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Formats the bar in at most 80 columns.
fn line(total: u64, read: u64, records: u64, elapsed: Duration) -> String {
    let milliseconds = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let rate = grouped(records.saturating_mul(1_000) / milliseconds);
    let read_text = octets(read);
    if total < read.max(1) {
        return format!("{read_text} read, {rate} records/s");
    }
    let share = |parts: u8| u128::from(read) * u128::from(parts) / u128::from(total);
    let done = u8::try_from(share(BAR)).unwrap_or(BAR).min(BAR);
    let seconds =
        u128::from(total - read) * u128::from(milliseconds) / u128::from(read.max(1)) / 1_000;
    format!(
        "{}{} {:>3} % of {}, {rate} records/s, {}:{:02} left",
        "█".repeat(done.into()),
        "░".repeat((BAR - done).into()),
        share(100),
        octets(total),
        seconds / 60,
        seconds % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_fits() {
        let second = Duration::from_secs(1);
        let half = line(2_000_000, 1_000_000, 300_000, second);
        assert_eq!(half.matches('█').count(), 15);
        assert!(
            half.ends_with(" 50 % of 2.0 MB, 300,000 records/s, 0:01 left"),
            "{half}"
        );
        assert!(half.chars().count() <= 80);
        assert_eq!(line(0, 5, 1, second), "5 octets read, 1 records/s");
        assert!(line(10, 10, 1, second).contains("100 %"));
    }
}
