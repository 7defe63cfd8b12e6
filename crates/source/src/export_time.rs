//! Time before each line in an export of CloudWatch Logs to S3.
//!
//! `2026-11-21T10:00:00.000Z 2 123456789012 eni-… OK` → milliseconds, and the line as logged. The time is the event's
//! timestamp; a payload has the timestamp beside the message.

/// Longest time with the space, in octets: nine digits of a second.
pub(crate) const LONGEST: usize = "2026-11-21T10:00:00.000000000Z ".len();

/// Splits a line into the time, in milliseconds since 1970, and the rest. `None` if the line does not begin with a time or
/// has nothing behind the time.
#[inline]
pub(crate) fn split(line: &[u8]) -> Option<(u64, &[u8])> {
    // Nearly every line of another kind of text leaves here.
    match line.get(10) == Some(&b'T') && line[4] == b'-' {
        true => split_time(line),
        false => None,
    }
}

fn split_time(line: &[u8]) -> Option<(u64, &[u8])> {
    let (time, rest) = time(line)?;
    let message = rest.strip_prefix(b"Z ")?;
    (!message.trim_ascii().is_empty()).then_some((time, message))
}

/// Reads a time up to its zone, in milliseconds since 1970; returns the rest.
pub(crate) fn time(line: &[u8]) -> Option<(u64, &[u8])> {
    let (year, rest) = number(line, 4)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (hour, rest) = number(rest.strip_prefix(b"T")?, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (milliseconds, rest) = fraction(rest)?;

    let in_range = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some((seconds * 1000 + milliseconds, rest))
}

fn number(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for digit in head {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    Some((value, rest))
}

/// Reads a fraction of up to nine digits, in whole milliseconds; a missing fraction is 0.
fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let digits = text
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let milliseconds = text[..digits]
        .iter()
        .chain(b"00")
        .take(3)
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some((milliseconds, &text[digits..]))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, for years from 1970. Years are counted from March, so that
/// the leap day is the last of its year.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
    let days_since_year_0 = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    days_since_year_0 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_becomes_milliseconds_and_the_rest_the_line() {
        let cases = [
            ("1970-01-01T00:00:00.000Z 2 x", 0),
            ("1970-01-01T00:00:00Z 2 x", 0),
            ("2000-02-29T23:59:59.999Z 2 x", 951_868_799_999),
            ("2026-11-21T10:00:00.500Z 2 x", 1_795_255_200_500),
            ("2026-11-21T10:00:00.5Z 2 x", 1_795_255_200_500),
            ("2026-11-21T10:00:00.500999999Z 2 x", 1_795_255_200_500),
        ];
        for (line, milliseconds) in cases {
            assert_eq!(
                split(line.as_bytes()),
                Some((milliseconds, &b"2 x"[..])),
                "{line}"
            );
        }
    }

    #[test]
    fn what_only_resembles_a_time_stays_in_the_line() {
        let lines = [
            "",
            "2 123456789012 eni-1",
            "2026-11-21T10:00:00.000Z",
            "2026-11-21T10:00:00.000Z ",
            "2026-11-21T10:00:00.000Z   ",
            "2026-11-21T10:00:00.000 2 x",
            "2026-11-21T10:00:00.Z 2 x",
            "2026-11-21T10:00:00.0000000000Z 2 x",
            "2026-13-21T10:00:00.000Z 2 x",
            "2026-00-21T10:00:00.000Z 2 x",
            "2026-11-32T10:00:00.000Z 2 x",
            "2026-11-21T24:00:00.000Z 2 x",
            "1969-12-31T23:59:59.000Z 2 x",
            "20x6-11-21T10:00:00.000Z 2 x",
            "2026-11-21T10:00",
        ];
        for line in lines {
            assert_eq!(split(line.as_bytes()), None, "{line}");
        }
    }
}
