//! Comparison of short texts without a call, up to 32 octets at a time.

use std::iter::zip;

use wide::{u8x16, u8x32};

/// Octets compared at once.
const LANES: usize = 32;

/// Returns whether two texts are equal.
#[inline(always)]
pub(crate) fn are_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && match one.len() {
            LANES.. => are_equal_by(one, other, |octets| octets),
            16.. => have_equal_ends(one, other, |one: [u8; 16], other| {
                u8x16::new(one) == u8x16::new(other)
            }),
            8.. => have_equal_ends(one, other, |one: [u8; 8], other| one == other),
            _ => one == other,
        }
}

/// Returns whether all octets are equal that `map` makes of two texts of equal length; false below 32 octets.
#[inline(always)]
pub(super) fn are_equal_by(one: &[u8], other: &[u8], map: impl Fn(u8x32) -> u8x32) -> bool {
    debug_assert_eq!(one.len(), other.len());
    let alike = |one, other| map(u8x32::new(one)) == map(u8x32::new(other));
    let ((ones, _), (others, _)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    zip(ones, others).all(|(&one, &other)| alike(one, other))
        && matches!((one.last_chunk(), other.last_chunk()), (Some(&one), Some(&other)) if alike(one, other))
}

/// Returns whether the first and the last `N` octets are equal: all octets, where there are at most twice as many.
#[inline(always)]
fn have_equal_ends<const N: usize>(
    one: &[u8],
    other: &[u8],
    equal: impl Fn([u8; N], [u8; N]) -> bool,
) -> bool {
    let ends = |text: &[u8]| Some((*text.first_chunk()?, *text.last_chunk()?));
    match (ends(one), ends(other)) {
        (Some((first, last)), Some((other_first, other_last))) => {
            equal(first, other_first) & equal(last, other_last)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_equal_as_std_says(
            text in prop::collection::vec(any::<u8>(), 0..100),
            changed: prop::sample::Index,
            length in 0..100_usize,
        ) {
            prop_assert!(are_equal(&text, &text.clone()));
            let mut other = text.clone();
            other.truncate(length);
            prop_assert_eq!(are_equal(&text, &other), text == other);
            let mut other = text.clone();
            if !other.is_empty() {
                other[changed.index(text.len())] ^= 1;
                prop_assert!(!are_equal(&text, &other));
            }
        }
    }
}
