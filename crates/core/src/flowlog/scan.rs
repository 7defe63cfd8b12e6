//! What a token says: numbers, addresses and words straight from octets.
//!
//! The octets of a token are looked at eight together, as one number (Hacker's Delight §6); the naive twins in the tests say
//! what is meant.

use std::net::Ipv6Addr;

use wide::{i16x8, i32x4, u8x16};

use super::tokens::Token;

/// Octets of a chunk, which are read as one number.
const CHUNK: usize = 8;

/// Digits of a chunk.
const DIGITS: u32 = 8;

/// Whether a token is the single `-` that stands for "no value".
#[inline(always)]
pub(crate) fn is_dash(line: &[u8], token: Token) -> bool {
    token.length() == 1 && line.get(token.start()) == Some(&b'-')
}

/// An unsigned decimal number of 64 bits.
#[inline(always)]
pub(crate) fn number(line: &[u8], token: Token) -> Option<u64> {
    if token.length() <= DIGITS {
        value(values(line, token))
    } else {
        long_number(line, token)
    }
}

/// The same of a number that mostly has ten digits, as seconds have from 2001 to 2286.
#[inline(always)]
pub(crate) fn seconds(line: &[u8], token: Token) -> Option<u64> {
    if token.length() != DIGITS + 2 {
        return number(line, token);
    }
    let end = token.end;
    let upper = Token {
        end: end - 2,
        ..token
    };
    let lower = Token {
        start: end - 2,
        ..token
    };
    let &[tens, ones] = lower.of(line).first_chunk()?;
    let (tens, ones) = (tens ^ b'0', ones ^ b'0');
    let lower = (tens.max(ones) < 10).then_some(10 * u64::from(tens) + u64::from(ones))?;
    Some(100 * value(values(line, upper))? + lower)
}

/// More digits than a chunk has.
fn long_number(line: &[u8], token: Token) -> Option<u64> {
    let middle = token.end - DIGITS;
    let lower = Token {
        start: middle,
        ..token
    };
    let upper = Token {
        end: middle,
        ..token
    };
    let lower = value(values(line, lower))?;
    number(line, upper)?
        .checked_mul(100_000_000)?
        .checked_add(lower)
}

/// A word of at most eight octets, the first one lowest, or 0 for a longer one.
#[inline(always)]
pub(crate) fn word(line: &[u8], token: Token) -> u64 {
    match token.length() {
        length @ 1..=8 => chunk_to(line, token.end()) >> (8 * (DIGITS - length)),
        _ => 0,
    }
}

/// What [`word`] gives for this one.
pub(crate) const fn packed(word: &[u8]) -> u64 {
    assert!(word.len() <= CHUNK);
    let (mut packed, mut i) = (0, 0);
    while i < word.len() {
        packed |= (word[i] as u64) << (8 * i);
        i += 1;
    }
    packed
}

/// The bits of an IPv4 address. The points are found together; how many digits stand between them says which octet is
/// which digit.
#[inline(always)]
pub(crate) fn ipv4(line: &[u8], token: Token) -> Option<u32> {
    let padded;
    let octets = match line
        .get(token.start()..token.start() + LANES)
        .and_then(<[u8]>::first_chunk)
    {
        Some(octets) => octets,
        None => {
            padded = padded_lanes(token.of(line));
            &padded
        }
    };
    let octets = u8x16::new(*octets);
    let values = octets ^ u8x16::splat(b'0');
    let digits = values.min(u8x16::splat(9)).simd_eq(values).to_bitmask();
    let points = octets.simd_eq(u8x16::splat(b'.')).to_bitmask();
    let length = token.length();
    // The next octet is a space, so that no other ends the token.
    if (!(digits | points)).trailing_zeros() != length {
        return None;
    }
    let own = (1 << length) - 1;
    let (first, digits) = (points & own, digits & own);
    let next = |points: u32| points & points.wrapping_sub(1);
    let (second, third) = (next(first), next(next(first)));
    let two = digits & digits >> 1;
    if third == 0 || next(third) != 0 || two & two >> 2 != 0 {
        return None; // fewer or more than three points, or four digits in a row
    }
    let [first, second, third] = [first, second, third].map(u32::trailing_zeros);
    // The lengths of the parts, two bits each: 64 first + 16 (second - first - 1) + 4 (third - second - 1) + …
    let lengths = 3 * (16 * first + 4 * second + third) + length;
    let shape = &SHAPES[(lengths.wrapping_sub(16 + 4 + 1) & 255) as usize];
    let upper: i16x8 = bytemuck::cast(values.shuffle(u8x16::new(shape.hundreds_and_tens)));
    let ones: i32x4 = bytemuck::cast(values.shuffle(u8x16::new(shape.ones)));
    let parts = upper.dot(i16x8::new([100, 10, 100, 10, 100, 10, 100, 10])) + ones;
    let wrong = parts.simd_gt(i32x4::splat(255)) | parts.simd_lt(i32x4::new(shape.least));
    if wrong.any() {
        return None;
    }
    const IN_ORDER: [u8; LANES] = [12, 8, 4, 0, N, N, N, N, N, N, N, N, N, N, N, N];
    let parts: u8x16 = bytemuck::cast(parts);
    let [address, ..]: [u32; 4] = bytemuck::cast(parts.shuffle(u8x16::new(IN_ORDER)));
    Some(address)
}

/// Octets that are looked at together: no IPv4 address has more.
const LANES: usize = 16;

/// In the place of a lane: none, but zero. On every processor, because it is no lane and its upper bit is set.
const N: u8 = 0x80;

/// The lanes of an address that stands at the end of the line.
#[inline(never)]
fn padded_lanes(address: &[u8]) -> [u8; LANES] {
    let mut lanes = [b' '; LANES];
    let places = lanes.iter_mut().zip(address);
    places.for_each(|(place, &octet)| *place = octet);
    lanes
}

/// What is where in an IPv4 address whose parts have so many digits.
#[derive(Clone, Copy)]
struct Shape {
    /// The lanes of the hundreds and tens of all parts, two octets each.
    hundreds_and_tens: [u8; LANES],
    /// The lanes of the ones, four octets each.
    ones: [u8; LANES],
    /// The least that each part is: a leading zero stands alone, as in std.
    least: [i32; 4],
}

/// The shapes by the lengths of their parts, two bits each.
static SHAPES: [Shape; 256] = {
    let none = Shape {
        hundreds_and_tens: [N; LANES],
        ones: [N; LANES],
        least: [i32::MAX; 4],
    };
    let mut shapes = [none; 256];
    let mut number = 0_u8;
    loop {
        let shape = &mut shapes[number as usize];
        let (mut part, mut end) = (0, 0);
        while part < 4 {
            let length = number >> (2 * (3 - part)) & 3;
            end += length;
            if length > 0 {
                shape.ones[4 * part] = end - 1;
                shape.least[part] = [i32::MAX, 0, 10, 100][length as usize];
            }
            if length > 1 {
                shape.hundreds_and_tens[4 * part + 2] = end - 2;
            }
            if length > 2 {
                shape.hundreds_and_tens[4 * part] = end - 3;
            }
            end += 1;
            part += 1;
        }
        if number == u8::MAX {
            break;
        }
        number += 1;
    }
    shapes
};

/// The bits of an IPv6 address.
#[inline(never)]
pub(crate) fn ipv6(line: &[u8], token: Token) -> Option<u128> {
    if token.length() < 2 {
        return None;
    }
    let address: Ipv6Addr = std::str::from_utf8(token.of(line)).ok()?.parse().ok()?;
    Some(address.to_bits())
}

/// What the digits of a token would be worth, one to eight of them at the upper end and zeros below.
#[inline(always)]
fn values(line: &[u8], token: Token) -> u64 {
    let unused = 8 * (DIGITS).wrapping_sub(token.length()) % u64::BITS;
    match line.get(token.start()..token.start() + CHUNK) {
        Some(octets) => {
            let octets = octets
                .first_chunk()
                .map_or(0, |octets| u64::from_le_bytes(*octets));
            (octets ^ repeat(b'0')) << unused
        }
        None => (chunk_to(line, token.end()) ^ repeat(b'0')) & u64::MAX << unused,
    }
}

/// The number that eight digits make, if all of them are digits.
#[inline(always)]
fn value(values: u64) -> Option<u64> {
    if (values.wrapping_add(repeat(6)) | values) & repeat(0xf0) != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let upper = (pairs & EVERY_FOURTH).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (pairs >> 16 & EVERY_FOURTH).wrapping_mul(1 + (10_000 << 32));
    Some(upper.wrapping_add(lower) >> 32)
}

/// The eight octets before this position, the last one highest, with spaces before the line.
#[inline(always)]
fn chunk_to(line: &[u8], end: usize) -> u64 {
    match line
        .get(end.wrapping_sub(CHUNK)..end)
        .and_then(<[u8]>::first_chunk)
    {
        Some(octets) => u64::from_le_bytes(*octets),
        None => first_octets(line.get(..end).unwrap_or_default()),
    }
}

/// The octets of a text that is shorter than a chunk, with spaces before it.
#[inline(never)]
fn first_octets(text: &[u8]) -> u64 {
    text.iter().fold(repeat(b' '), |octets, &octet| {
        octets >> 8 | u64::from(octet) << 56
    })
}

/// A number with this octet in each of its eight places.
const fn repeat(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; CHUNK])
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::tokens::Tokens;
    use super::*;
    use proptest::prelude::*;

    /// A token behind a text that belongs to other columns, with others behind it.
    fn among(before: &str, token: &str, after: &str) -> (Vec<u8>, Token) {
        let position = |length: usize| u32::try_from(length).expect("a short line");
        let (start, end) = (before.len(), before.len() + token.len());
        let line = [before, token, after].concat();
        let token = Token {
            start: position(start),
            end: position(end),
        };
        (line.into_bytes(), token)
    }

    fn read_address((line, token): &(Vec<u8>, Token)) -> Option<IpAddr> {
        let four = ipv4(line, *token).map(Ipv4Addr::from_bits).map(IpAddr::V4);
        four.or_else(|| ipv6(line, *token).map(Ipv6Addr::from_bits).map(IpAddr::V6))
    }

    /// Digits and spaces in front, so that a reader that looks too far finds what it could take for its own.
    fn before() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[0-9.]{0,20} "]
    }

    fn after() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), " [0-9.]{0,20}"]
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_std_reads_them(before in before(), digits in "[0-9]{1,22}x?", after in after()) {
            let (line, token) = among(&before, &digits, &after);
            prop_assert_eq!(number(&line, token), digits.parse::<u64>().ok());
            prop_assert_eq!(seconds(&line, token), digits.parse::<u64>().ok());
        }

        #[test]
        fn ipv4_addresses_are_read_as_std_reads_them(
            before in before(), text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{0,4}\\.[0-9]{1,3}[.:]?", after in after(),
        ) {
            prop_assert_eq!(read_address(&among(&before, &text, &after)), text.parse::<IpAddr>().ok());
        }

        #[test]
        fn every_ipv4_address_is_read(before in before(), octets: [u8; 4], after in after()) {
            let text = Ipv4Addr::from(octets).to_string();
            prop_assert_eq!(read_address(&among(&before, &text, &after)), Some(IpAddr::from(octets)));
        }

        #[test]
        fn ipv6_addresses_are_read_as_std_reads_them(bits: u128, cut in 1_usize..40) {
            let full = Ipv6Addr::from_bits(bits).to_string();
            let text = &full[..cut.min(full.len())];
            prop_assert_eq!(read_address(&among("", text, "")), text.parse::<IpAddr>().ok());
            prop_assert_eq!(read_address(&among("1 ", &full, " 2")), Some(IpAddr::V6(Ipv6Addr::from_bits(bits))));
        }

        #[test]
        fn words_are_packed_as_constants_are(before in before(), text in "[!-~]{1,12}", after in after()) {
            let (line, token) = among(&before, &text, &after);
            let expected = if text.len() > CHUNK { 0 } else { packed(text.as_bytes()) };
            prop_assert_eq!(word(&line, token), expected);
        }

        #[test]
        fn any_bytes_are_read_without_panic(line: Vec<u8>) {
            let mut tokens = Tokens::default();
            tokens.find(&line);
            for token in (0..).take(tokens.count()).map(|number| tokens.at(number)) {
                let read = (number(&line, token), seconds(&line, token), word(&line, token), is_dash(&line, token));
                let _ = (read, ipv4(&line, token), ipv6(&line, token));
            }
        }
    }

    #[test]
    fn parts_of_many_digits_are_no_address() {
        for text in [
            "1.2.3.12345678",
            "12345678.2.3.4",
            "123456789",
            "1234.2.3.4",
            "1.2.3.4.5",
            "....",
            ".1.2.3",
        ] {
            assert_eq!(read_address(&among("", text, "")), None, "{text}");
            assert_eq!(read_address(&among("1.1.1.1 ", text, " 1")), None, "{text}");
        }
    }

    #[test]
    fn the_largest_number_is_read_and_the_next_is_not() {
        let read = |digits| {
            let (line, token) = among("", digits, "");
            number(&line, token)
        };
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        assert_eq!(read("18446744073709551616"), None);
        assert_eq!(read("99999999999999999999"), None);
        assert_eq!(read("0000000000000000000000007"), Some(7));
    }
}
