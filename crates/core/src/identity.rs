//! Stable 31-bit numbers for AWS identifiers: interfaces, VPCs, observation domains.
//!
//! IPFIX carries numbers where AWS has names. A number is a pure function of the name, so that every process, release
//! and region agrees on it without asking anybody; `docs/field-mapping.md` has the recipe and three worked examples.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Numbers below this one are pseudo-interfaces.
pub(crate) const RESERVED: u32 = 256;

/// Identifiers that are remembered for noticing collisions; beyond them the memory starts again.
const REMEMBERED: usize = 65_536;

/// Octets of the longest identifier that is remembered. Those of AWS have some 30, names of domains some 40.
const LONGEST: usize = 255;

/// The number of an identifier: `256 + FNV-1a-64(octets) mod (2^31 - 256)`.
///
/// Between 256 and 2^31-1, because an ifIndex is a signed 32-bit number in SNMP (RFC 2863).
///
/// ```
/// use flowlogs_core::identity;
/// assert_eq!(identity(b"eni-1235b8ca123456789"), 1_525_100_236);
/// ```
pub fn identity(text: &[u8]) -> u32 {
    const RANGE: u64 = (1 << 31) - RESERVED as u64;
    let hash = fnv1a(text);
    RESERVED + u32::try_from(hash % RANGE).unwrap_or(0)
}

/// Worked examples, printed in `docs/field-mapping.md`: identifier and number.
pub const EXAMPLES: &[(&str, u32)] = &[
    ("eni-1235b8ca123456789", 1_525_100_236),
    ("vpc-abcdefab012345678", 1_057_926_697),
    ("123456789012/eu-central-1", 2_093_371_096),
];

/// FNV-1a, 64 bits.
pub(crate) fn fnv1a(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Remembers which identifier has which number, to notice two that share one.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    names: HashMap<u32, Box<[u8]>, FixedState>,
}

/// Two identifiers with one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The shared number.
    pub number: u32,
    /// The identifier that had it first.
    pub first: String,
    /// The identifier that came later.
    pub second: String,
}

impl Identities {
    /// The identifier's number, and the collision if another identifier has it. Only called for identifiers that are
    /// new to their table, so not per record.
    pub(crate) fn number(&mut self, text: &[u8]) -> (u32, Option<Collision>) {
        let number = identity(text);
        (number, self.note(number, text))
    }

    fn note(&mut self, number: u32, text: &[u8]) -> Option<Collision> {
        if text.len() > LONGEST {
            return None;
        }
        if self.names.len() >= REMEMBERED {
            self.names.clear();
        }
        let first = self.names.entry(number).or_insert_with(|| text.into());
        let name = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (**first != *text).then(|| Collision {
            number,
            first: name(first),
            second: name(text),
        })
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

    #[test]
    fn two_identifiers_with_one_number_are_noticed() {
        let mut identities = Identities::default();
        assert_eq!(identities.number(b"eni-1").1, None);
        assert_eq!(identities.number(b"eni-1").1, None);
        let collision = identities
            .note(identity(b"eni-1"), b"eni-2")
            .expect("shares the number");
        assert_eq!(
            (collision.first.as_str(), collision.second.as_str()),
            ("eni-1", "eni-2")
        );
    }

    proptest! {
        #[test]
        fn every_number_is_an_ifindex_above_the_pseudo_interfaces(text: Vec<u8>) {
            prop_assert!((RESERVED..1 << 31).contains(&identity(&text)));
        }
    }
}
