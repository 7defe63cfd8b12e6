//! Reading one token of a line: numbers and addresses straight from bytes, without a copy.
//!
//! Every function starts at a token's first byte and returns the value with the position behind the token, or nothing
//! when the token is not what was asked for. The naive twins in the tests say what is meant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What separates columns: AWS writes one space; line ends and runs of spaces occur.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
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
    while at < line.len() && !is_space(line[at]) {
        at += 1;
    }
    at
}

/// Whether the token that starts at `at` is the single `-` that stands for "no value".
pub(crate) fn is_dash(line: &[u8], at: usize) -> bool {
    line.get(at) == Some(&b'-') && line.get(at + 1).is_none_or(|&byte| is_space(byte))
}

/// An unsigned decimal number of 64 bits.
pub(crate) fn number(line: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let start = at;
    let mut value = 0_u64;
    while let Some(digit) = line
        .get(at)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|&digit| digit < 10)
    {
        // 19 digits always fit; the twentieth is where it may overflow.
        value = if at - start < 19 {
            value * 10 + u64::from(digit)
        } else {
            value.checked_mul(10)?.checked_add(u64::from(digit))?
        };
        at += 1;
    }
    (at > start && line.get(at).is_none_or(|&byte| is_space(byte))).then_some((value, at))
}

/// An IPv4 or IPv6 address.
pub(crate) fn address(line: &[u8], at: usize) -> Option<(IpAddr, usize)> {
    if let Some((address, end)) = ipv4(line, at) {
        return Some((IpAddr::V4(address), end));
    }
    let end = token_end(line, at);
    let text = std::str::from_utf8(&line[at..end]).ok()?;
    text.parse::<Ipv6Addr>()
        .ok()
        .map(|address| (IpAddr::V6(address), end))
}

fn ipv4(line: &[u8], mut at: usize) -> Option<(Ipv4Addr, usize)> {
    let mut address = 0_u32;
    for part in 0..4 {
        if part > 0 {
            if line.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let first = line.get(at)?.wrapping_sub(b'0');
        if first > 9 {
            return None;
        }
        at += 1;
        let mut octet = u32::from(first);
        // At most two more digits; a leading zero stands alone, as in std.
        for _ in 0..2 {
            let Some(digit) = line
                .get(at)
                .map(|byte| byte.wrapping_sub(b'0'))
                .filter(|&digit| digit < 10)
            else {
                break;
            };
            if first == 0 {
                return None;
            }
            octet = octet * 10 + u32::from(digit);
            at += 1;
        }
        if octet > 255 {
            return None;
        }
        address = address << 8 | octet;
    }
    line.get(at)
        .is_none_or(|&byte| is_space(byte))
        .then_some((Ipv4Addr::from_bits(address), at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive_token(line: &str) -> &str {
        line.split([' ', '\t', '\r', '\n']).next().unwrap_or("")
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
            prop_assert_eq!(address(text.as_bytes(), 0).map(|(value, _)| value), want);
        }

        #[test]
        fn ipv6_addresses_are_read_as_std_reads_them(bits: u128, cut in 0_usize..40) {
            let full = Ipv6Addr::from_bits(bits).to_string();
            let text = &full[..cut.min(full.len())];
            prop_assert_eq!(address(text.as_bytes(), 0).map(|(value, _)| value), text.parse::<IpAddr>().ok());
            prop_assert_eq!(address(full.as_bytes(), 0), Some((IpAddr::V6(Ipv6Addr::from_bits(bits)), full.len())));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>, at in 0_usize..8) {
            let at = at.min(bytes.len());
            let _ = (number(&bytes, at), address(&bytes, at), is_dash(&bytes, at), token_end(&bytes, at));
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
