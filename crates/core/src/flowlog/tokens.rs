//! Where the columns of a line stand.
//!
//! All columns are found before the first one is read: where a token begins does not wait for the value of the one before,
//! so that a processor reads several at once. The naive twin in the tests says what is meant.

use wide::u8x32;

use super::format::MAX_COLUMNS;

/// Octets among which spaces are found together.
const LANES: usize = 32;

/// Octets whose spaces are known at a time, a bit each.
const BLOCK: usize = 2 * LANES;

/// Spaces that are noted together, whether there are as many or not.
const NOTED: usize = 4;

/// Positions that are noted: where each token of the longest format begins, where one behind the last would, and more that
/// are noted with it.
const ROOM: usize = MAX_COLUMNS + 1 + NOTED;

/// A token by its place in the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it begins.
    pub(super) start: u32,
    /// Where the next one begins: behind the space that follows it.
    pub(super) next: u32,
}

impl Token {
    /// Where it begins.
    #[inline(always)]
    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    /// The position behind it.
    #[inline(always)]
    pub(super) fn end(self) -> usize {
        self.next.wrapping_sub(1) as usize
    }

    /// How many octets it has; at least one, if a line was searched for it.
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.next.wrapping_sub(self.start + 1)
    }

    /// All but so many octets at its end, and these.
    #[inline(always)]
    pub(super) fn divided(self, last: u32) -> (Self, Self) {
        let start = self.next.wrapping_sub(last + 1);
        let next = start.wrapping_add(1);
        (Self { next, ..self }, Self { start, ..self })
    }

    /// Its octets.
    #[inline(always)]
    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start()..self.end()).unwrap_or_default()
    }
}

/// The tokens of a line, in order; the storage is kept for the next one.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Where each of them begins, and where one behind the last would. Further ones are of earlier lines.
    places: Box<[u32; ROOM]>,
    count: usize,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            places: Box::new([0; ROOM]),
            count: 0,
        }
    }
}

impl Tokens {
    /// How many there are. Those that no format has are only counted.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// One of them by its number.
    #[inline(always)]
    pub(crate) fn at(&self, number: u16) -> Token {
        let place = usize::from(number) % MAX_COLUMNS;
        Token {
            start: self.places[place],
            next: self.places[place + 1],
        }
    }

    /// Finds the tokens of a line of fewer than 2^32 octets. None, if spaces follow on one another, or stand before or behind
    /// everything: then the line has to be [single-spaced](single_spaced) first, unless it has none. Whether there are some.
    pub(crate) fn find(&mut self, line: &[u8]) -> bool {
        self.find_behind(line, 0, 0)
    }

    /// The same of a line with so many octets at its beginning, a space last, and so many tokens in them, as the line before
    /// had them.
    #[inline(always)]
    pub(crate) fn find_behind(&mut self, line: &[u8], octets: usize, known: usize) -> bool {
        let (blocks, rest) = line.get(octets..).unwrap_or_default().as_chunks::<BLOCK>();
        self.count = known;
        // Of the first space of a block. The last bit of the block before, as if a space stood before the line.
        let first = u32::try_from(octets).unwrap_or_default() + 1;
        let (mut next, mut before, mut runs) = (first, 1, 0);
        for block in blocks {
            let spaces = spaces(block);
            runs |= spaces & (spaces << 1 | before);
            before = spaces >> (BLOCK - 1);
            self.note(spaces, next);
            next += u64::BITS;
        }
        let spaces = last_spaces(line, rest);
        runs |= spaces & (spaces << 1 | before);
        self.note(spaces, next);
        if runs != 0 {
            self.count = 0;
        }
        runs == 0
    }

    /// Notes what follows the spaces of a block, with each of which a token ends.
    #[inline(always)]
    fn note(&mut self, spaces: u64, next: u32) {
        let mut left = spaces;
        let mut number = self.count + 1;
        while left != 0 {
            let Some(places) = self.places.get_mut(number..number + NOTED) else {
                break;
            };
            for place in places {
                *place = next + left.trailing_zeros();
                left &= left.wrapping_sub(1);
            }
            number += NOTED;
        }
        self.count += spaces.count_ones() as usize;
    }
}

/// The tokens of a line with a single space between each two.
pub(super) fn single_spaced(line: &[u8]) -> Vec<u8> {
    let tokens = line.split(|&octet| is_space(octet));
    let tokens: Vec<_> = tokens.filter(|token| !token.is_empty()).collect();
    tokens.join(&b' ')
}

/// Which octets of a block are spaces, the first one lowest.
#[inline(always)]
fn spaces(block: &[u8; BLOCK]) -> u64 {
    let (parts, _) = block.as_chunks::<LANES>();
    parts.iter().rev().fold(0, |spaces, &part| {
        let octets = u8x32::new(part);
        let part = octets.min(u8x32::splat(b' ')).simd_eq(octets);
        spaces << LANES | u64::from(part.to_bitmask())
    })
}

/// The same of what the blocks of a line leave, whose end is a space.
#[inline(always)]
fn last_spaces(line: &[u8], rest: &[u8]) -> u64 {
    let before = u32::try_from(BLOCK - rest.len()).unwrap_or_default();
    let spaces = match line.last_chunk() {
        // Those that were looked at already leave at the lower end.
        Some(block) => spaces(block).checked_shr(before).unwrap_or_default(),
        None => {
            let mut block = [b'x'; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            spaces(&block)
        }
    };
    spaces | 1 << rest.len()
}

/// What separates columns: AWS writes one space; line ends, runs of spaces and control characters separate as well.
pub(super) const fn is_space(octet: u8) -> bool {
    octet <= b' '
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(line: &[u8]) -> Vec<&[u8]> {
        let tokens = line.split(|&octet| is_space(octet));
        tokens.filter(|token| !token.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn tokens_are_those_that_a_split_finds(
            line in prop::collection::vec(prop_oneof![4 => Just(b'x'), 1 => Just(b' '), 1 => any::<u8>()], 0..400),
            single: bool,
        ) {
            let spaced = single_spaced(&line);
            prop_assert_eq!(naive(&spaced), naive(&line));
            let line = if single { &spaced } else { &line };
            let mut tokens = Tokens::default();
            for line in [line, &b"1 2 3"[..], line] {
                let is_single = line.split(|&octet| is_space(octet)).all(|token| !token.is_empty());
                prop_assert_eq!(tokens.find(line), is_single);
                if is_single {
                    let found = (0..).take(tokens.count()).map(|number| tokens.at(number).of(line));
                    prop_assert_eq!(found.collect::<Vec<_>>(), naive(line));
                }
            }
        }
    }

    #[test]
    fn tokens_that_are_too_many_are_counted() {
        // However many octets come first: the last one of a format is found wherever the blocks end.
        for (octets, other) in (1..=BLOCK).flat_map(|octets| [(octets, " x"), (octets, "  x")]) {
            let line = ["x".repeat(octets), other.repeat(2 * ROOM - 1)].concat();
            let line = single_spaced(line.as_bytes());
            let mut tokens = Tokens::default();
            assert!(tokens.find(&line));
            assert_eq!(tokens.count(), 2 * ROOM);
            let last = u16::try_from(MAX_COLUMNS - 1).expect("few columns");
            let token = tokens.at(last);
            assert_eq!(token.of(&line), b"x");
            assert_eq!(token.start(), octets + 2 * usize::from(last) - 1);
        }
    }
}
