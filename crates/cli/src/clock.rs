//! Times as text, and the clock of `flowlogs-export`.

use std::fmt::{self, Display};

use chrono::TimeZone;

use crate::cli::TimeKind;

pub(crate) const DAY: u64 = 86_400_000;

pub(crate) use flowlogs_export::now;

/// Time in milliseconds since 1970, printed as ISO 8601 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) u64);

impl Time {
    /// Returns year, month and day (Howard Hinnant's `civil_from_days`, for days since 1970 that are not negative).
    pub(crate) fn date(self) -> Date {
        let days = self.0 / DAY + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Date {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    /// Returns the local time of the zone, and the name of the zone.
    pub(crate) fn in_zone(self, zone: TimeKind) -> (Self, String) {
        let offset = match zone {
            TimeKind::Utc => None,
            TimeKind::Local => self.local_offset(),
        };
        match offset {
            None => (self, "UTC".to_owned()),
            Some(seconds) => {
                let shown = self.0.saturating_add_signed(i64::from(seconds) * 1_000);
                let minutes = seconds.unsigned_abs() / 60;
                let sign = if seconds < 0 { '-' } else { '+' };
                let name = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
                (Self(shown), name)
            }
        }
    }

    /// Returns the seconds of local time ahead of UTC at this time.
    fn local_offset(self) -> Option<i32> {
        let milliseconds = i64::try_from(self.0).ok()?;
        let time = chrono::Local.timestamp_millis_opt(milliseconds).single()?;
        Some(time.offset().local_minus_utc())
    }

    /// Formats hours, minutes and seconds.
    pub(crate) fn clock(self) -> impl Display {
        let seconds = self.0 % DAY / 1_000;
        fmt::from_fn(move |f| {
            let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
            write!(f, "{hours:02}:{minutes:02}:{:02}", seconds % 60)
        })
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}.{:03}Z", self.date(), self.clock(), self.0 % 1_000)
    }
}

/// Calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_8601_in_utc() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_418_530_010_000, "2014-12-14T04:06:50.000Z"),
            (1_709_208_000_007, "2024-02-29T12:00:00.007Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (4_294_967_295_999, "2106-02-07T06:28:15.999Z"),
        ] {
            assert_eq!(Time(milliseconds).to_string(), text);
        }
    }
}
