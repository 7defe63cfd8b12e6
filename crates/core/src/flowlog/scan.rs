//! The tokens of a line, and what a token says: numbers and addresses straight from octets.
//!
//! All columns of a block are found before the first one is read: where a token begins does not wait for the value of the
//! one before, so that a processor reads several at once. The octets of a token are looked at eight together, as one
//! number (Hacker's Delight §6); the naive twins in the tests say what is meant.

use std::net::Ipv6Addr;

use wide::u8x16;

use crate::address::Address;

/// Octets of a chunk, which are read as one number.
const CHUNK: usize = 8;

/// Octets among which spaces are found together.
const LANES: usize = 16;

/// Octets whose spaces are known at a time, a bit each.
const BLOCK: usize = 8 * LANES;

/// A token by its place in the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it begins.
    pub(crate) start: usize,
    /// The position behind it.
    pub(crate) end: usize,
}

/// The tokens of a line, in order.
pub(crate) struct Tokens<'a> {
    line: &'a [u8],
    /// Where the next token begins, or a space stands.
    at: usize,
    /// Where the block begins, and its spaces that were not met yet.
    block: usize,
    spaces: u128,
}

impl<'a> Tokens<'a> {
    #[inline(always)]
    pub(crate) fn of(line: &'a [u8]) -> Self {
        Self {
            line,
            at: 0,
            block: 0,
            spaces: spaces(line),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    #[inline(always)]
    fn next(&mut self) -> Option<Token> {
        while self.at < self.line.len() {
            while self.spaces == 0 {
                self.block += BLOCK;
                self.spaces = spaces(self.line.get(self.block..).unwrap_or_default());
            }
            let token = Token {
                start: self.at,
                end: self.block + self.spaces.trailing_zeros() as usize,
            };
            self.spaces &= self.spaces - 1;
            self.at = token.end + 1;
            if token.start < token.end {
                return Some(token);
            }
        }
        None
    }
}

/// Which of the first octets are spaces, the first one lowest; the end of the line is one.
#[inline]
fn spaces(line: &[u8]) -> u128 {
    let (parts, rest) = line.as_chunks::<LANES>();
    let before = |spaces, part: &[u8; LANES]| spaces << LANES | u128::from(spaces_of(*part));
    if let Some(parts) = parts.first_chunk::<{ BLOCK / LANES }>() {
        return parts.iter().rev().fold(0, before);
    }
    let last = match line.last_chunk() {
        // The octets that were looked at already leave at the lower end.
        Some(last) => u128::from(spaces_of(*last)) >> (LANES - rest.len()),
        None => rest.iter().rev().fold(0, |spaces, &octet| {
            spaces << 1 | u128::from(is_space(octet))
        }),
    };
    parts.iter().rev().fold(last | 1 << rest.len(), before)
}

#[inline(always)]
fn spaces_of(octets: [u8; LANES]) -> u32 {
    let octets = u8x16::new(octets);
    octets.min(u8x16::splat(b' ')).simd_eq(octets).to_bitmask()
}

/// The octets of a token.
#[inline(always)]
pub(crate) fn text(line: &[u8], token: Token) -> &[u8] {
    line.get(token.start..token.end).unwrap_or_default()
}

/// Whether a token is the single `-` that stands for "no value".
#[inline(always)]
pub(crate) fn is_dash(line: &[u8], token: Token) -> bool {
    token.end - token.start == 1 && line.get(token.start) == Some(&b'-')
}

/// An unsigned decimal number of 64 bits.
#[inline(always)]
pub(crate) fn number(line: &[u8], token: Token) -> Option<u64> {
    let length = token.end - token.start;
    if length <= CHUNK {
        return digits(chunk_to(line, token.end), length);
    }
    let rest = Token {
        start: token.start,
        end: token.end - CHUNK,
    };
    let lower = digits(chunk_to(line, token.end), CHUNK)?;
    // Two chunks have no more than 16 digits, which always fit.
    if length <= 2 * CHUNK {
        let upper = digits(chunk_to(line, rest.end), length - CHUNK)?;
        return Some(upper * 100_000_000 + lower);
    }
    upper_digits(line, rest)?.checked_add(lower)
}

/// More digits than a chunk has, eight places to the left.
#[cold]
fn upper_digits(line: &[u8], token: Token) -> Option<u64> {
    number(line, token)?.checked_mul(100_000_000)
}

/// An IPv4 or IPv6 address, written in place.
#[inline(always)]
pub(crate) fn address(line: &[u8], token: Token, address: &mut Address) -> Option<()> {
    *address = match ipv4(line, token) {
        Some(bits) => Address::v4(bits),
        None => Address::v6(ipv6(text(line, token))?),
    };
    Some(())
}

/// The first two parts are read from the beginning on, the others from the end.
#[inline(always)]
fn ipv4(line: &[u8], token: Token) -> Option<u32> {
    let from = chunk_from(line, token.start);
    let first = Part::leading(from)?;
    let from = from >> first.bits;
    let second = Part::leading(from >> 8)?;
    let to = chunk_to(line, token.end);
    let last = Part::trailing(to)?;
    let to = to << last.bits;
    let third = Part::trailing(to << 8)?;
    let points =
        octet(from, 0) == b'.' && octet(from >> 8, second.bits) == b'.' && octet(to, 56) == b'.';
    let bits = first.bits + second.bits + third.bits + last.bits + 3 * 8;
    (points && token.end - token.start == bits as usize / 8)
        .then_some(first.value << 24 | second.value << 16 | third.value << 8 | last.value)
}

#[cold]
fn ipv6(text: &[u8]) -> Option<u128> {
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.to_bits())
}

/// The eight octets from this position on, the first one lowest, with spaces behind the line.
#[inline(always)]
fn chunk_from(line: &[u8], at: usize) -> u64 {
    let rest = line.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(octets) => u64::from_le_bytes(*octets),
        None => rest.iter().rev().fold(repeat(b' '), |octets, &octet| {
            octets << 8 | u64::from(octet)
        }),
    }
}

/// The eight octets before this position, the last one highest, with spaces before the line.
#[inline(always)]
fn chunk_to(line: &[u8], end: usize) -> u64 {
    let before = line.get(..end).unwrap_or_default();
    match before.last_chunk() {
        Some(octets) => u64::from_le_bytes(*octets),
        None => before.iter().fold(repeat(b' '), |octets, &octet| {
            octets >> 8 | u64::from(octet) << 56
        }),
    }
}

/// The number that the last so many octets of a chunk make, from one to eight.
#[inline(always)]
fn digits(octets: u64, length: usize) -> Option<u64> {
    // What stands before them becomes zeros.
    let before = 8 * (CHUNK - length.min(CHUNK));
    let values = (octets ^ repeat(b'0')) & (u64::MAX << (before & 63));
    if (values.wrapping_add(repeat(6)) | values) & repeat(0xf0) != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let upper = (pairs & EVERY_FOURTH).wrapping_mul(100 + (1_000_000 << 32));
    let lower = (pairs >> 16 & EVERY_FOURTH).wrapping_mul(1 + (10_000 << 32));
    Some(upper.wrapping_add(lower) >> 32)
}

/// A part of an IPv4 address.
struct Part {
    value: u32,
    /// Of its digits.
    bits: u32,
}

impl Part {
    /// The part at the beginning of a chunk.
    #[inline(always)]
    fn leading(octets: u64) -> Option<Self> {
        let values = octets ^ repeat(b'0');
        // Adding 6 leaves the upper half of digits empty. A carry marks only places above a marked one.
        let others = (values.wrapping_add(repeat(6)) | values) & repeat(0xf0);
        let bits = others.trailing_zeros() & !7;
        Self::of(values << 8 << (56_u32.wrapping_sub(bits) & 63), bits)
    }

    /// The part at the end of a chunk.
    #[inline(always)]
    fn trailing(octets: u64) -> Option<Self> {
        let values = octets ^ repeat(b'0');
        let others = ((values & repeat(0x7f)).wrapping_add(repeat(0x76)) | values) & repeat(0x80);
        let bits = others.leading_zeros() & !7;
        Self::of(values & !(u64::MAX >> (bits & 63)), bits)
    }

    /// From the values of so many digits at the upper end, above zeros. A leading zero stands alone, as in std.
    #[inline(always)]
    fn of(values: u64, bits: u32) -> Option<Self> {
        /// The least that one, two and three digits make; no other number of them makes a part.
        const LEAST: [u64; 16] = {
            let mut least = [u64::MAX; 16];
            (least[1], least[2], least[3]) = (0, 1 << 8, 1 << 16);
            least
        };
        // In the order of reading, in which they compare as the number does.
        let in_order = values.swap_bytes();
        if in_order < LEAST[(bits as usize / 8) & 15] || in_order > 0x02_05_05 {
            return None;
        }
        let value = values.wrapping_mul(1 + (10 << 8) + (100 << 16)) >> 56;
        Some(Self {
            value: u32::from(value.to_le_bytes()[0]),
            bits,
        })
    }
}

/// What separates columns: AWS writes one space; line ends, runs of spaces and control characters separate as well.
pub(crate) const fn is_space(octet: u8) -> bool {
    octet <= b' '
}

/// A number with this octet in each of its eight places.
const fn repeat(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; CHUNK])
}

/// The octet at so many bits of a chunk.
#[inline(always)]
const fn octet(octets: u64, bits: u32) -> u8 {
    (octets >> (bits & 63)).to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    /// A token behind a text that belongs to other columns, with others behind it.
    fn among(before: &str, token: &str, after: &str) -> (Vec<u8>, Token) {
        let start = before.len();
        let end = start + token.len();
        let line = [before, token, after].concat();
        (line.into_bytes(), Token { start, end })
    }

    fn read_address((line, token): &(Vec<u8>, Token)) -> Option<IpAddr> {
        let mut value = Address::v4(0);
        address(line, *token, &mut value)?;
        Some(value.into())
    }

    fn naive_tokens(line: &[u8]) -> Vec<&[u8]> {
        let tokens = line.split(|&octet| is_space(octet));
        tokens.filter(|token| !token.is_empty()).collect()
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
        fn tokens_are_those_that_a_split_finds(
            line in prop::collection::vec(prop_oneof![4 => Just(b'x'), 1 => Just(b' '), 1 => any::<u8>()], 0..400),
        ) {
            let found: Vec<&[u8]> = Tokens::of(&line).map(|token| text(&line, token)).collect();
            prop_assert_eq!(found, naive_tokens(&line));
        }

        #[test]
        fn numbers_are_read_as_std_reads_them(before in before(), digits in "[0-9]{1,22}x?", after in after()) {
            let (line, token) = among(&before, &digits, &after);
            prop_assert_eq!(number(&line, token), digits.parse::<u64>().ok());
        }

        #[test]
        fn ipv4_addresses_are_read_as_std_reads_them(
            before in before(), text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{0,4}\\.[0-9]{1,3}[.:]?", after in after(),
        ) {
            prop_assert_eq!(read_address(&among(&before, &text, &after)), text.parse::<IpAddr>().ok());
        }

        #[test]
        fn every_ipv4_address_is_read(before in before(), octets: [u8; 4], after in after()) {
            let text = std::net::Ipv4Addr::from(octets).to_string();
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
        fn any_bytes_are_read_without_panic(line: Vec<u8>) {
            for token in Tokens::of(&line) {
                let _ = (number(&line, token), address(&line, token, &mut Address::v4(0)), is_dash(&line, token));
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
