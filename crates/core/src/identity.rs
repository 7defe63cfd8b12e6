//! Stable 31-bit numbers for AWS identifiers: interfaces, VPCs, observation domains.
//!
//! IPFIX carries numbers where AWS has names. A number is a pure function of the name: every process, release and region
//! computes the same number without asking anybody. `docs/field-mapping.md` has the recipe and three worked examples.

/// First number of an identifier; smaller numbers are pseudo-interfaces.
pub(crate) const RESERVED: u32 = 256;

/// Returns the number of an identifier: `256 + FNV-1a-64(octets) mod (2^31 - 256)`.
///
/// Between 256 and 2^31-1, because an ifIndex is a signed 32-bit number in SNMP (RFC 2863).
///
/// ```
/// use flowlogs_core::identity;
/// assert_eq!(identity(b"eni-1235b8ca123456789"), 1_525_100_236);
/// ```
pub fn identity(text: &[u8]) -> u32 {
    const RANGE: u64 = (1 << 31) - RESERVED as u64;
    let rest = u32::try_from(fnv1a(text) % RANGE).expect("the range has less than 32 bits");
    RESERVED + rest
}

/// Worked examples, printed in `docs/field-mapping.md`: identifier and number.
pub const EXAMPLES: &[(&str, u32)] = &[
    ("eni-1235b8ca123456789", 1_525_100_236),
    ("vpc-abcdefab012345678", 1_057_926_697),
    ("123456789012/eu-central-1", 2_093_371_096),
];

/// Hashes with FNV-1a, 64 bits.
pub(crate) fn fnv1a(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Two identifiers with one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// Shared number.
    pub number: u32,
    /// Identifier that had the number first.
    pub first: String,
    /// Identifier that came later.
    pub second: String,
}

/// Most octets of an identifier in a report; AWS's identifiers have at most 28.
pub(crate) const ID_OCTETS: usize = 64;

/// Copies at most `octets` octets of the beginning of a text.
pub(crate) fn beginning(text: &[u8], octets: usize) -> String {
    String::from_utf8_lossy(&text[..text.len().min(octets)]).into_owned()
}

impl Collision {
    pub(crate) fn new(number: u32, first: &[u8], second: &[u8]) -> Self {
        Self {
            number,
            first: beginning(first, ID_OCTETS),
            second: beginning(second, ID_OCTETS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_examples_hold() {
        for (text, number) in EXAMPLES {
            assert_eq!(identity(text.as_bytes()), *number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_an_ifindex_above_the_pseudo_interfaces(text: Vec<u8>) {
            prop_assert!((RESERVED..1 << 31).contains(&identity(&text)));
        }
    }
}
