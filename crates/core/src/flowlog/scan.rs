//! Values of a token: numbers, addresses and words, straight from octets.
//!
//! Up to eight octets are handled together, as a `u64` (Hacker's Delight §6). Slow twins: `str::parse` and the tests at
//! the foot of the file.

use std::net::Ipv6Addr;

use wide::{i16x8, i16x16, i32x4, u8x16, u8x32, u64x4};

use super::tokens::Token;

/// Octets of a chunk, as many as a `u64` has, in the type of a token's length.
const CHUNK_LENGTH: u32 = 8;

/// Octets of a chunk, as an index of the line.
const CHUNK: usize = CHUNK_LENGTH as usize;

/// Returns whether a token is a single `-`, AWS's sign for "no value".
#[inline(always)]
pub(crate) fn is_dash(line: &[u8], token: Token) -> bool {
    token.length() == 1 && line.get(token.start()) == Some(&b'-')
}

/// Reads an unsigned decimal number of 64 bits.
#[inline(always)]
pub(crate) fn number(line: &[u8], token: Token) -> Option<u64> {
    match token.length() {
        length @ 1..=CHUNK_LENGTH => chunk_value(digits(line, token.start(), length)),
        _ => long_number(line, token),
    }
}

/// Reads four numbers at once; `None` unless each has one to eight digits and nothing else.
#[inline(always)]
pub(crate) fn four_numbers(line: &[u8], tokens: [Token; 4]) -> Option<[u64; 4]> {
    let is_chunk = |token: &Token| (1..=CHUNK_LENGTH).contains(&token.length());
    if !tokens.iter().all(is_chunk) {
        return None;
    }
    chunk_values(tokens.map(|token| digits(line, token.start(), token.length())))
}

/// Reads two times of ten digits at once, as seconds since 1970 have from 2001 to 2286; `None` unless both are such.
#[inline(always)]
pub(crate) fn two_seconds(line: &[u8], tokens: [Token; 2]) -> Option<[u64; 2]> {
    const LAST: u32 = 2;
    if tokens
        .iter()
        .any(|token| token.length() != CHUNK_LENGTH + LAST)
    {
        return None;
    }
    let [upper, lower] = [(0, CHUNK_LENGTH), (CHUNK, LAST)]
        .map(|(offset, length)| tokens.map(|token| digits(line, token.start() + offset, length)));
    let [first, second, first_lower, second_lower] =
        chunk_values([upper[0], upper[1], lower[0], lower[1]])?;
    Some([100 * first + first_lower, 100 * second + second_lower])
}

/// Reads a number of more digits than a chunk has.
#[inline(never)]
fn long_number(line: &[u8], token: Token) -> Option<u64> {
    let (upper, lower) = token.split_last(CHUNK_LENGTH);
    let lower = chunk_value(digits(line, lower.start(), CHUNK_LENGTH))?;
    number(line, upper)?
        .checked_mul(100_000_000)?
        .checked_add(lower)
}

/// Packs a word of at most eight octets into a number, the first octet lowest; 0 for a longer word.
#[inline(always)]
pub(crate) fn word(line: &[u8], token: Token) -> u64 {
    match token.length() {
        length @ 1..=CHUNK_LENGTH => chunk_to(line, token.end()) >> (8 * (CHUNK_LENGTH - length)),
        _ => 0,
    }
}

/// Packs a constant as [`word`] packs a token.
pub(crate) const fn packed(word: &[u8]) -> u64 {
    assert!(word.len() <= CHUNK);
    let (mut packed, mut i) = (0, 0);
    while i < word.len() {
        packed |= (word[i] as u64) << (8 * i);
        i += 1;
    }
    packed
}

/// Reads the bits of an IPv4 address.
///
/// All dots are found at once. The positions of the dots are the key of [`IPV4_DIGITS`]; the entry assigns octets to digits.
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
    let dots = octets.simd_eq(u8x16::splat(b'.')).to_bitmask();
    let length = token.length();
    // The token ends at the first octet that is neither digit nor dot: the space.
    if (!(digits | dots)).trailing_zeros() != length {
        return None;
    }
    let ends = dots & ((1 << length) - 1) | 1 << length;
    let entry = &IPV4_DIGITS[entry_of(ends)];
    if entry.ends != ends {
        return None; // fewer or more than four parts, or a part without digits or with more than three
    }
    match HAS_SHUFFLE {
        true => parts_together(values, entry),
        false => parts_alone(values, entry),
    }
}

/// True if the build may use a shuffle of octets (SSSE3, NEON); a build for any x86-64 processor may not.
const HAS_SHUFFLE: bool = cfg!(any(target_feature = "ssse3", target_arch = "aarch64"));

/// Bits of an address whose digits stand where the entry says; `None` for a part above 255 or with a leading zero.
#[inline(always)]
fn parts_together(values: u8x16, entry: &Ipv4Digits) -> Option<u32> {
    let upper: i16x8 = bytemuck::cast(values.shuffle(u8x16::new(entry.hundreds_and_tens)));
    let ones: i32x4 = bytemuck::cast(values.shuffle(u8x16::new(entry.ones)));
    let parts = upper.dot(i16x8::new([100, 10, 100, 10, 100, 10, 100, 10])) + ones;
    let wrong = parts.simd_gt(i32x4::splat(255)) | parts.simd_lt(i32x4::new(entry.least));
    if wrong.any() {
        return None;
    }
    const IN_ORDER: [u8; LANES] = [12, 8, 4, 0, N, N, N, N, N, N, N, N, N, N, N, N];
    let parts: u8x16 = bytemuck::cast(parts);
    let [address, ..]: [u32; 4] = bytemuck::cast(parts.shuffle(u8x16::new(IN_ORDER)));
    Some(address)
}

/// Like [`parts_together`], for a build without a shuffle of octets.
#[inline(always)]
fn parts_alone(values: u8x16, entry: &Ipv4Digits) -> Option<u32> {
    let mut lanes = [0; 2 * LANES];
    lanes[..LANES].copy_from_slice(values.as_array());
    let digit = |lane: u8| i32::from(lanes[usize::from(lane) % lanes.len()]);
    let (mut address, mut is_right) = (0, true);
    for (part, &least) in entry.least.iter().enumerate() {
        let [hundreds, _, tens, _] = entry.hundreds_and_tens.as_chunks().0[part];
        let value = 100 * digit(hundreds) + 10 * digit(tens) + digit(entry.ones[4 * part]);
        is_right &= (least..=255).contains(&value);
        address = address << 8 | value;
    }
    is_right.then_some(address.cast_unsigned())
}

/// Octets loaded together: no IPv4 address has more.
const LANES: usize = 16;

/// Index of a lane that reads as 0. `shuffle` gives 0 for an index with the upper bit set; in [`parts_alone`], 0x90 modulo
/// 32 is 16, the first of 16 lanes of zeros.
const N: u8 = 0x90;

/// Copies an address that stands too near the end of the line for a read of all lanes.
#[inline(never)]
fn padded_lanes(address: &[u8]) -> [u8; LANES] {
    let mut lanes = [b' '; LANES];
    for (lane, &octet) in lanes.iter_mut().zip(address) {
        *lane = octet;
    }
    lanes
}

/// Entry of [`IPV4_DIGITS`]: the digits of all addresses with dots at equal positions.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Ipv4Digits {
    /// Key: bit n is set if a part of the address ends before lane n, at a point or at the end.
    ends: u32,
    /// Lanes of the hundreds and tens of all parts, two octets each.
    hundreds_and_tens: [u8; LANES],
    /// Lanes of the units, four octets each.
    ones: [u8; LANES],
    /// Least value of each part: a leading zero is only allowed alone, as in std.
    least: [i32; 4],
}

/// Slot of a key in [`IPV4_DIGITS`]: a perfect hash, whose factor was found by trying all.
#[inline(always)]
const fn entry_of(ends: u32) -> usize {
    (ends.wrapping_mul(6_639) >> 13 & 0xff) as usize
}

/// Hash table of all 81 combinations of one to three digits in four parts.
static IPV4_DIGITS: [Ipv4Digits; 256] = {
    let none = Ipv4Digits {
        ends: 0,
        hundreds_and_tens: [N; LANES],
        ones: [N; LANES],
        least: [0; 4],
    };
    let mut entries = [none; 256];
    let mut number = 0_u8;
    while number < 3 * 3 * 3 * 3 {
        let mut entry = none;
        let (mut part, mut rest, mut end) = (0, number, 0);
        while part < 4 {
            let length = rest % 3 + 1;
            end += length;
            entry.ends |= 1 << end;
            entry.ones[4 * part] = end - 1;
            entry.least[part] = [0, 10, 100][length as usize - 1];
            if length > 1 {
                entry.hundreds_and_tens[4 * part + 2] = end - 2;
            }
            if length > 2 {
                entry.hundreds_and_tens[4 * part] = end - 3;
            }
            end += 1;
            part += 1;
            rest /= 3;
        }
        let slot = &mut entries[entry_of(entry.ends)];
        assert!(slot.ends == 0);
        *slot = entry;
        number += 1;
    }
    entries
};

/// Reads the bits of an IPv6 address.
#[inline(never)]
pub(crate) fn ipv6(line: &[u8], token: Token) -> Option<u128> {
    if token.length() < 2 {
        return None;
    }
    let address: Ipv6Addr = std::str::from_utf8(token.of(line)).ok()?.parse().ok()?;
    Some(address.to_bits())
}

/// Loads one to eight digits: values of digits, one an octet, the last digit in the highest octet, unused low octets 0.
#[inline(always)]
fn digits(line: &[u8], start: usize, length: u32) -> u64 {
    let octets = line.get(start..start + CHUNK);
    let octets = match octets.and_then(<[u8]>::first_chunk) {
        Some(octets) => u64::from_le_bytes(*octets),
        None => last_octets(line, start),
    };
    (octets ^ repeat(b'0')) << (8 * CHUNK_LENGTH.wrapping_sub(length) % u64::BITS)
}

/// Octets from an offset to the end of the line, fewer than a chunk, the first octet lowest.
#[cold]
fn last_octets(line: &[u8], start: usize) -> u64 {
    let text = line.get(start..).unwrap_or(b"").iter();
    text.rev()
        .fold(0, |octets, &octet| octets << 8 | u64::from(octet))
}

/// Number of eight digits, in the order of [`digits`]; `None` if an octet is no digit.
#[inline(always)]
fn chunk_value(digits: u64) -> Option<u64> {
    if (digits.wrapping_add(repeat(6)) | digits) & repeat(0xf0) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let upper = (pairs & EVERY_FOURTH).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (pairs >> 16 & EVERY_FOURTH).wrapping_mul(1 + (10_000 << 32));
    Some(upper.wrapping_add(lower) >> 32)
}

/// Four numbers, each as [`chunk_value`] makes one; `None` if an octet is no digit.
#[inline(always)]
fn chunk_values(digits: [u64; 4]) -> Option<[u64; 4]> {
    let octets: u8x32 = bytemuck::cast(digits);
    if octets.min(u8x32::splat(9)).simd_eq(octets).to_bitmask() != u32::MAX {
        return None;
    }
    let octets: i16x16 = bytemuck::cast(octets);
    let (upper, lower) = (octets & i16x16::splat(0xff), octets >> 8_i32);
    let pairs = upper * i16x16::splat(10) + lower;
    let fours: u64x4 = bytemuck::cast(pairs.dot(repeat_factors([100, 1, 100, 1])));
    // The upper four digits in the first lane of each number, the lower four in the second.
    let fours: i16x16 = bytemuck::cast(fours | fours >> 16_u64);
    Some(bytemuck::cast(fours.dot(repeat_factors([10_000, 1, 0, 0]))))
}

/// Factors of the lanes of a number, for each of four numbers.
const fn repeat_factors([a, b, c, d]: [i16; 4]) -> i16x16 {
    i16x16::new([a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d])
}

/// Eight octets before an offset, the last octet highest, with spaces in front of the line.
#[inline(always)]
fn chunk_to(line: &[u8], end: usize) -> u64 {
    let text = line.get(..end).unwrap_or(b"");
    match text.last_chunk() {
        Some(octets) => u64::from_le_bytes(*octets),
        None => first_octets(text),
    }
}

/// Octets of a text shorter than a chunk, with spaces in front.
#[inline(never)]
fn first_octets(text: &[u8]) -> u64 {
    text.iter().fold(repeat(b' '), |octets, &octet| {
        octets >> 8 | u64::from(octet) << 56
    })
}

/// `u64` of eight equal octets.
const fn repeat(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; CHUNK])
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::tokens::TokenOffsets;
    use super::*;
    use proptest::prelude::*;

    /// Puts a token between the texts of neighbouring columns.
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

    /// Puts neighbouring tokens between the texts of other columns.
    fn all_among<const N: usize>(
        before: &str,
        tokens: &[String; N],
        after: &str,
    ) -> (Vec<u8>, [Token; N]) {
        let (line, whole) = among(before, &tokens.join(" "), after);
        let mut start = whole.start;
        let tokens = tokens.each_ref().map(|text| {
            let next = start + u32::try_from(text.len() + 1).expect("a short line");
            Token {
                start: std::mem::replace(&mut start, next),
                next,
            }
        });
        (line, tokens)
    }

    fn read_address((line, token): &(Vec<u8>, Token)) -> Option<IpAddr> {
        let four = ipv4(line, *token).map(Ipv4Addr::from_bits).map(IpAddr::V4);
        four.or_else(|| ipv6(line, *token).map(Ipv6Addr::from_bits).map(IpAddr::V6))
    }

    /// Digits and dots in front, which a reader that looks too far would take for its own.
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
        fn four_numbers_are_read_as_one_by_one(
            before in before(),
            texts in [(); 4].map(|()| prop_oneof![12 => "[0-9]{1,8}", 1 => "[0-9]{9}|[0-9]{0,7}[:/x]|-"]),
            after in after(),
        ) {
            let expected: Option<Vec<u64>> = texts.iter().map(|text| {
                text.parse().ok().filter(|_| text.len() <= CHUNK)
            }).collect();
            let (line, tokens) = all_among(&before, &texts, &after);
            prop_assert_eq!(four_numbers(&line, tokens).map(Vec::from), expected);
        }

        #[test]
        fn two_seconds_are_numbers_of_ten_digits(before in before(), texts in [(); 2].map(|()| "[0-9]{10}|[0-9]{10}|[0-9:]{8,11}"), after in after()) {
            let expected: Option<Vec<u64>> = texts.iter().map(|text| {
                text.parse().ok().filter(|_| text.len() == 10)
            }).collect();
            let (line, tokens) = all_among(&before, &texts, &after);
            prop_assert_eq!(two_seconds(&line, tokens).map(Vec::from), expected);
        }

        #[test]
        fn ipv4_addresses_are_read_as_std_reads_them(
            before in before(), text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{0,4}\\.[0-9]{1,3}[.:]?", after in after(),
        ) {
            prop_assert_eq!(read_address(&among(&before, &text, &after)), text.parse::<IpAddr>().ok());
        }

        #[test]
        fn every_build_reads_the_same_addresses(
            text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        ) {
            let lanes = padded_lanes(text.as_bytes());
            let dots = (0..text.len()).filter(|&lane| lanes[lane] == b'.');
            let ends = dots.chain([text.len()]).fold(0, |ends, lane| ends | 1 << lane);
            let entry = &IPV4_DIGITS[entry_of(ends)];
            prop_assert_eq!(entry.ends, ends);
            let values = u8x16::new(lanes) ^ u8x16::splat(b'0');
            let expected = text.parse().ok().map(Ipv4Addr::to_bits);
            prop_assert_eq!(parts_together(values, entry), expected);
            prop_assert_eq!(parts_alone(values, entry), expected);
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
            let mut tokens = TokenOffsets::default();
            tokens.find(&line);
            for token in (0..).take(tokens.count()).map(|number| tokens.at(number)) {
                let read = (number(&line, token), word(&line, token), is_dash(&line, token));
                let together = (four_numbers(&line, [token; 4]), two_seconds(&line, [token; 2]));
                let _ = (read, together, ipv4(&line, token), ipv6(&line, token));
            }
        }
    }

    #[test]
    fn the_shortest_addresses_are_read() {
        for text in ["::", "::1", "0.0.0.0"] {
            assert_eq!(
                read_address(&among("", text, "")),
                text.parse().ok(),
                "{text}"
            );
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
