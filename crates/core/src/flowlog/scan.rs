//! Reading one token of a line: numbers and addresses straight from bytes, without a copy.
//!
//! Every function starts at a token's first byte and returns the value with the position behind the token, or nothing
//! when the token is not what was asked for. Eight octets are looked at together, as one number (Hacker's Delight §6);
//! the naive twins in the tests say what is meant.

use std::net::Ipv6Addr;

use crate::address::Address;

/// A number with this octet in each of its eight places.
const fn repeat(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; 8])
}

/// What separates columns: AWS writes one space; line ends, runs of spaces and control characters separate as well.
pub(crate) const fn is_space(byte: u8) -> bool {
    byte <= b' '
}

/// The first position at or behind `at` that is not white space.
pub(crate) fn skip_spaces(line: &[u8], mut at: usize) -> usize {
    while at < line.len() && is_space(line[at]) {
        at += 1;
    }
    at
}

/// The position behind the token that starts at `at`.
pub(crate) fn token_end(line: &[u8], mut at: usize) -> usize {
    while at < line.len() {
        let octets = chunk(line, at);
        // The lowest marked place is the first octet below `!`; borrows mark only places above a marked one.
        let spaces = octets.wrapping_sub(repeat(b'!')) & !octets & repeat(0x80);
        if spaces != 0 {
            return line.len().min(at + places(spaces));
        }
        at += 8;
    }
    line.len()
}

/// Whether the token that starts at `at` is the single `-` that stands for "no value".
pub(crate) fn is_dash(line: &[u8], at: usize) -> bool {
    line.get(at) == Some(&b'-') && line.get(at + 1).is_none_or(|&byte| is_space(byte))
}

/// An unsigned decimal number of 64 bits.
pub(crate) fn number(line: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let (mut value, mut digits) = digits(chunk(line, at));
    if digits == 0 {
        return None;
    }
    at += digits;
    while digits == 8 {
        let (low, more) = self::digits(chunk(line, at));
        value = value.checked_mul(POWERS[more])?.checked_add(low)?;
        digits = more;
        at += digits;
    }
    line.get(at)
        .is_none_or(|&byte| is_space(byte))
        .then_some((value, at))
}

/// An IPv4 or IPv6 address, written in place.
#[inline]
pub(crate) fn address(line: &[u8], at: usize, address: &mut Address) -> Option<usize> {
    if let Some((bits, end)) = ipv4(line, at) {
        *address = Address::v4(bits);
        return Some(end);
    }
    let end = token_end(line, at);
    let text = std::str::from_utf8(&line[at..end]).ok()?;
    *address = Address::v6(text.parse::<Ipv6Addr>().ok()?.to_bits());
    Some(end)
}

#[inline]
fn ipv4(line: &[u8], at: usize) -> Option<(u32, usize)> {
    // The longest address has 15 octets; the sixteenth tells that it ends.
    let text: [u8; 16] = match line.get(at..at + 16) {
        Some(octets) => octets.try_into().ok()?,
        None => std::array::from_fn(|place| line.get(at + place).copied().unwrap_or(b' ')),
    };
    let digit = |place: usize| u32::from(text[place & 15].wrapping_sub(b'0'));
    let mut address = 0;
    let mut place = 0;
    for part in 0..4 {
        if part > 0 {
            if text[place & 15] != b'.' {
                return None;
            }
            place += 1;
        }
        let (first, second, third) = (digit(place), digit(place + 1), digit(place + 2));
        let (octet, length) = match (first < 10, second < 10, third < 10) {
            (true, true, true) => (first * 100 + second * 10 + third, 3),
            (true, true, false) => (first * 10 + second, 2),
            (true, false, _) => (first, 1),
            (false, ..) => return None,
        };
        // A leading zero stands alone, as in std.
        if octet > 255 || first == 0 && length > 1 {
            return None;
        }
        address = address << 8 | octet;
        place += length;
    }
    (place < 16 && is_space(text[place & 15])).then_some((address, at + place))
}

/// Eight octets as a little-endian number, with spaces behind the end of the line.
fn chunk(line: &[u8], at: usize) -> u64 {
    match line.get(at..at + 8).map(<[u8; 8]>::try_from) {
        Some(Ok(octets)) => u64::from_le_bytes(octets),
        _ => {
            let rest = line.get(at..).unwrap_or_default();
            rest.iter().rev().fold(repeat(b' '), |octets, &octet| {
                octets << 8 | u64::from(octet)
            })
        }
    }
}

/// Powers of ten, for the digits that one chunk can add.
const POWERS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// How many octets lie below the lowest marked one.
const fn places(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// The number that the leading digits make, and how many digits these are, at most eight.
fn digits(octets: u64) -> (u64, usize) {
    let values = octets ^ repeat(b'0');
    // Digits are 0 to 9 now: adding 6 leaves their upper half empty. A carry marks only places above a marked one.
    let others = (values.wrapping_add(repeat(6)) | values) & repeat(0xf0);
    let count = places(others);
    if count == 0 {
        return (0, 0);
    }
    // The digits at the upper end, zeros below: as if zeros stood before the number.
    let digits = values << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let upper = (pairs & EVERY_FOURTH).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (pairs >> 16 & EVERY_FOURTH).wrapping_mul(1 + (10_000 << 32));
    (upper.wrapping_add(lower) >> 32, count)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    fn read_address(text: &str) -> Option<(IpAddr, usize)> {
        let mut value = Address::v4(0);
        let end = address(text.as_bytes(), 0, &mut value)?;
        Some((value.into(), end))
    }

    fn naive_token(line: &str) -> &str {
        line.split(|c: char| c <= ' ').next().unwrap_or("")
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_std_reads_them(text in "[0-9]{0,22}[ x]?") {
            let token = naive_token(&text);
            let want = if token.is_empty() { None } else { token.parse::<u64>().ok() };
            prop_assert_eq!(number(text.as_bytes(), 0).map(|(value, _)| value), want);
        }

        #[test]
        fn ipv4_addresses_are_read_as_std_reads_them(text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{0,4}\\.[0-9]{1,3}[ .:]?") {
            let want = naive_token(&text).parse::<IpAddr>().ok();
            prop_assert_eq!(read_address(&text).map(|(value, _)| value), want);
        }

        #[test]
        fn ipv6_addresses_are_read_as_std_reads_them(bits: u128, cut in 0_usize..40) {
            let full = Ipv6Addr::from_bits(bits).to_string();
            let text = &full[..cut.min(full.len())];
            prop_assert_eq!(read_address(text).map(|(value, _)| value), text.parse::<IpAddr>().ok());
            prop_assert_eq!(read_address(&full), Some((IpAddr::V6(Ipv6Addr::from_bits(bits)), full.len())));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>, at in 0_usize..8) {
            let at = at.min(bytes.len());
            let _ = (number(&bytes, at), address(&bytes, at, &mut Address::v4(0)), is_dash(&bytes, at), token_end(&bytes, at));
        }
    }

    #[test]
    fn the_largest_number_is_read_and_the_next_is_not() {
        assert_eq!(
            number(b"18446744073709551615", 0).map(|(value, _)| value),
            Some(u64::MAX)
        );
        assert_eq!(number(b"18446744073709551616", 0), None);
    }
}
