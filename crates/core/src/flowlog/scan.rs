//! What a token says: numbers, addresses and words straight from octets.
//!
//! The octets of a token are looked at eight together, as one number (Hacker's Delight §6); the naive twins in the tests say
//! what is meant.

use std::array::from_fn;
use std::net::Ipv6Addr;

use wide::{i16x8, i16x16, i32x4, u8x16, u8x32, u16x16, u64x4};

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
    match token.length() {
        length @ 1..=DIGITS => value(values(line, token.start(), length)),
        _ => long_number(line, token),
    }
}

/// More digits than a chunk has.
fn long_number(line: &[u8], token: Token) -> Option<u64> {
    let (upper, lower) = token.divided(DIGITS);
    let lower = value(values(line, lower.start(), DIGITS))?;
    number(line, upper)?
        .checked_mul(100_000_000)?
        .checked_add(lower)
}

/// Four numbers, if each is a chunk at the most.
#[inline(always)]
pub(crate) fn four_numbers(line: &[u8], tokens: [Token; 4]) -> Option<[u64; 4]> {
    let lengths = tokens.map(Token::length);
    if lengths.iter().any(|length| !(1..=DIGITS).contains(length)) {
        return None;
    }
    four_values(from_fn(|i| values(line, tokens[i].start(), lengths[i])))
}

/// Two times of ten digits, as seconds since 1970 have from 2001 to 2286, in milliseconds.
#[inline(always)]
pub(crate) fn two_times(line: &[u8], tokens: [Token; 2]) -> Option<[u64; 2]> {
    const LAST: u32 = 2;
    if tokens.iter().any(|token| token.length() != DIGITS + LAST) {
        return None;
    }
    let [one, other] = tokens.map(Token::start);
    let first = |start| values(line, start, DIGITS);
    let last = |start| values(line, start + CHUNK, LAST);
    let parts = four_values([first(one), first(other), last(one), last(other)])?;
    let milliseconds = |first, last| (100 * first + last) * 1_000;
    Some([
        milliseconds(parts[0], parts[2]),
        milliseconds(parts[1], parts[3]),
    ])
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
    let ends = points & ((1 << length) - 1) | 1 << length;
    let shape = &IPV4_DIGITS[place_of(ends)];
    if shape.ends != ends {
        return None; // fewer or more than four parts, or one without digits or with more than three
    }
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
#[repr(align(64))]
struct Ipv4Digits {
    /// The lanes behind the parts, a bit each.
    ends: u32,
    /// The lanes of the hundreds and tens of all parts, two octets each.
    hundreds_and_tens: [u8; LANES],
    /// The lanes of the ones, four octets each.
    ones: [u8; LANES],
    /// The least that each part is: a leading zero stands alone, as in std.
    least: [i32; 4],
}

/// The place of a shape: no two have the same. The factor was found by trying all.
#[inline(always)]
const fn place_of(ends: u32) -> usize {
    (ends.wrapping_mul(6_639) >> 13 & 0xff) as usize
}

/// The shapes of all addresses.
static IPV4_DIGITS: [Ipv4Digits; 256] = {
    let none = Ipv4Digits {
        ends: 0,
        hundreds_and_tens: [N; LANES],
        ones: [N; LANES],
        least: [0; 4],
    };
    let mut shapes = [none; 256];
    let mut number = 0_u8;
    while number < 3 * 3 * 3 * 3 {
        let mut shape = none;
        let (mut part, mut rest, mut end) = (0, number, 0);
        while part < 4 {
            let length = rest % 3 + 1;
            end += length;
            shape.ends |= 1 << end;
            shape.ones[4 * part] = end - 1;
            shape.least[part] = [0, 10, 100][length as usize - 1];
            if length > 1 {
                shape.hundreds_and_tens[4 * part + 2] = end - 2;
            }
            if length > 2 {
                shape.hundreds_and_tens[4 * part] = end - 3;
            }
            end += 1;
            part += 1;
            rest /= 3;
        }
        let place = &mut shapes[place_of(shape.ends)];
        assert!(place.ends == 0);
        *place = shape;
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

/// What so many digits from a position on would be worth, one to eight of them, at the upper end and zeros below.
#[inline(always)]
fn values(line: &[u8], start: usize, length: u32) -> u64 {
    let octets = line.get(start..start + CHUNK);
    let octets = match octets.and_then(<[u8]>::first_chunk) {
        Some(octets) => u64::from_le_bytes(*octets),
        None => last_octets(line, start),
    };
    (octets ^ repeat(b'0')) << (8 * DIGITS.wrapping_sub(length) % u64::BITS)
}

/// The octets from a position on, fewer than a chunk, the first one lowest.
#[cold]
fn last_octets(line: &[u8], start: usize) -> u64 {
    let text = line.get(start..).unwrap_or_default().iter();
    text.rev()
        .fold(0, |octets, &octet| octets << 8 | u64::from(octet))
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

/// The same of four chunks at a time.
#[inline(always)]
fn four_values(values: [u64; 4]) -> Option<[u64; 4]> {
    let octets: u8x32 = bytemuck::cast(values);
    if octets.min(u8x32::splat(9)) != octets {
        return None;
    }
    let octets: u16x16 = bytemuck::cast(octets);
    let pairs = (octets & u16x16::splat(0xff)) * u16x16::splat(10) + (octets >> 8);
    let pairs: i16x16 = bytemuck::cast(pairs);
    let fours = pairs.dot(bytemuck::cast([[100_i16, 1]; 8]));
    let fours: u64x4 = bytemuck::cast(fours);
    let fours: i16x16 = bytemuck::cast(fours | fours >> 16); // side by side
    let values = fours.dot(bytemuck::cast([[10_000_i16, 1, 0, 0]; 4]));
    Some(bytemuck::cast(values))
}

/// The eight octets before this position, the last one highest, with spaces before the line.
#[inline(always)]
fn chunk_to(line: &[u8], end: usize) -> u64 {
    let text = line.get(..end).unwrap_or_default();
    match text.last_chunk() {
        Some(octets) => u64::from_le_bytes(*octets),
        None => first_octets(text),
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
            next: position(end + 1),
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
        }

        #[test]
        fn numbers_are_the_same_together(
            before in before(), numbers in prop::array::uniform4("[0-9]{1,8}|[0-9]{10}|[0-9]{8,11}|[0-9:-]{1,4}"), after in after(),
        ) {
            let line = [before, numbers.join(" "), after].concat().into_bytes();
            let mut tokens = Tokens::default();
            tokens.find(&line);
            let first = line.split(|&octet| octet == b' ').position(|token| token == numbers[0].as_bytes()).expect("it is there");
            let tokens = from_fn(|i| tokens.at(u16::try_from(first + i).expect("a short line")));
            let all = |length: std::ops::RangeInclusive<usize>| numbers.iter().all(|number| length.contains(&number.len()));
            let expected: Option<Vec<u64>> = numbers.iter().map(|number| number.parse().ok()).collect();
            let four = four_numbers(&line, tokens);
            prop_assert_eq!(four.map(Vec::from), expected.clone().filter(|_| all(1..=8)));
            let two = two_times(&line, [tokens[1], tokens[3]]);
            let ten = numbers[1].len() == 10 && numbers[3].len() == 10;
            let expected = numbers[1].parse().ok().zip(numbers[3].parse().ok()).filter(|_| ten);
            let seconds = two.map(|times| times.map(|time| time / 1_000));
            prop_assert_eq!(seconds.map(<(u64, u64)>::from), expected);
            prop_assert!(two.is_none_or(|times| times.iter().all(|time| time % 1_000 == 0)));
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
                let read = (number(&line, token), word(&line, token), is_dash(&line, token));
                let _ = (read, ipv4(&line, token), ipv6(&line, token));
                let _ = (four_numbers(&line, [token; 4]), two_times(&line, [token; 2]));
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
