//! Time in EC2's form: `2026-11-29T01:02:03.123Z`, or with an offset (`+01:00`) instead of the `Z`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DAY: i64 = 86_400_000;

/// Time in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// Error of [`Timestamp::from_str`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a time such as 2026-11-29T01:02:03Z")]
pub struct NotATime(String);

/// Most characters of a foreign text in an error.
const SHOWN: usize = 40;

/// Beginning of a foreign text for an error, with escapes for line ends and control characters.
pub(crate) fn shown(text: &str) -> String {
    let begin = text.chars().take(SHOWN);
    begin.flat_map(char::escape_debug).collect()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Date of a day since 1970-01-01: year, month and day.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (year, month_number) = match month < 10 {
        true => (year, month + 3),
        false => (year + 1, month - 9),
    };
    (
        era * 400 + year,
        month_number,
        of_year - (153 * month + 2) / 5 + 1,
    )
}

/// A number of exactly so many digits, followed by the rest of the text.
fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (first, rest) = text.split_at_checked(digits)?;
    let all_digits = first.bytes().all(|octet| octet.is_ascii_digit());
    Some((all_digits.then(|| first.parse().ok())??, rest))
}

fn parse(text: &str) -> Option<u64> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (hour, rest) = number(rest.strip_prefix(['T', ' '])?, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest.split_at(end)
        }
    };
    let milliseconds: i64 = fraction
        .bytes()
        .chain(*b"000")
        .take(3)
        .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let offset = match zone {
        "Z" => 0,
        _ => {
            let sign = if zone.strip_prefix('-').is_some() {
                -1
            } else {
                1
            };
            let (hours, rest) = number(zone.strip_prefix(['+', '-'])?, 2)?;
            let (minutes, rest) = number(rest.strip_prefix(':').unwrap_or(rest), 2)?;
            rest.is_empty().then_some(sign * (hours * 60 + minutes))?
        }
    };
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let minutes = hour * 60 + minute - offset;
    let time = days(year, month, day) * DAY + minutes * 60_000 + second * 1_000 + milliseconds;
    in_range.then(|| u64::try_from(time).ok())?
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        parse(text).map(Self).ok_or_else(|| NotATime(shown(text)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).unwrap_or(i64::MAX);
        let (year, month, day) = date(time / DAY);
        let (seconds, milliseconds) = (time % DAY / 1_000, time % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"
        )
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_aws_cli_prints_them() {
        for (text, time) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T23:59:59.999Z", Some(951_868_799_999)),
            ("2026-11-29T01:02:03.123456+00:00", Some(1_795_914_123_123)),
            ("2026-11-29T02:02:03.1+01:00", Some(1_795_914_123_100)),
            ("2026-11-28T20:02:03-0500", Some(1_795_914_123_000)),
            ("2026-11-29T01:02:03", None),
            ("2026-13-29T01:02:03Z", None),
            ("2026-11-29T01:02:60Z", Some(1_795_914_180_000)),
            ("2026-11-29T01:02:61Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-11-29T01:02:03.\u{fc}Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(parse(text), time, "{text}");
        }
    }

    #[test]
    fn a_time_is_read_as_it_was_written() {
        for time in (0..4_102_444_800_000).step_by(86_399_999_777 / 97) {
            let text = Timestamp(time).to_string();
            assert_eq!(text.parse(), Ok(Timestamp(time)), "{text}");
        }
        assert_eq!(
            Timestamp(1_795_914_123_123).to_string(),
            "2026-11-29T01:02:03.123Z"
        );
    }
}
