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

/// Positions that are noted: two for each token of the longest format and more, and a power of two.
const ROOM: usize = 4 * MAX_COLUMNS;

/// A token by its place in the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it begins.
    pub(super) start: u32,
    /// The position behind it.
    pub(super) end: u32,
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
        self.end as usize
    }

    /// How many octets it has; at least one, if a line was searched for it.
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.end.wrapping_sub(self.start)
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
    /// Positions of spaces: the one before the line, then the one behind each token. Where spaces follow on one another,
    /// the ones before and behind each token. Further ones are of earlier lines.
    places: Box<[u32; ROOM + 1]>,
    /// From a token's number to its first position: 0 or 1 to the left.
    shift: u32,
    count: usize,
}

/// The position before the first one.
const BEFORE: u32 = u32::MAX;

impl Default for Tokens {
    fn default() -> Self {
        Self {
            places: Box::new([BEFORE; ROOM + 1]),
            shift: 0,
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
        let place = (usize::from(number) << self.shift) % ROOM;
        Token {
            start: self.places[place].wrapping_add(1),
            end: self.places[place + 1],
        }
    }

    /// Finds the tokens of a line of fewer than 2^32 octets.
    #[inline(always)]
    pub(crate) fn find(&mut self, line: &[u8]) {
        let (blocks, rest) = line.as_chunks::<BLOCK>();
        (self.shift, self.count) = (0, 0);
        self.places[0] = BEFORE;
        // The last bit of the block before, as if a space stood before the line.
        let (mut base, mut before, mut runs) = (0, 1, 0);
        for block in blocks {
            let spaces = spaces(block);
            runs |= spaces & (spaces << 1 | before);
            before = spaces >> (BLOCK - 1);
            self.note(spaces, base);
            base += u64::BITS;
        }
        let spaces = last_spaces(line, rest);
        runs |= spaces & (spaces << 1 | before);
        self.note(spaces, base);
        if runs != 0 {
            self.find_among_runs(line);
        }
    }

    /// Notes the spaces of a block, behind each of which a token ends.
    #[inline(always)]
    fn note(&mut self, spaces: u64, base: u32) {
        let mut left = spaces;
        let mut next = self.count + 1;
        while left != 0 {
            let Some(places) = self.places.get_mut(next..next + NOTED) else {
                break;
            };
            for place in places {
                *place = base + left.trailing_zeros();
                left &= left.wrapping_sub(1);
            }
            next += NOTED;
        }
        self.count += spaces.count_ones() as usize;
    }

    /// Finds the tokens of a line in which spaces follow on one another, or stand before or behind everything.
    #[cold]
    fn find_among_runs(&mut self, line: &[u8]) {
        (self.shift, self.count) = (1, 0);
        let mut before = BEFORE;
        for part in line.split(|&octet| is_space(octet)) {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            let end = before.wrapping_add(1).wrapping_add(length);
            if !part.is_empty() {
                let place = 2 * self.count;
                if let Some(places) = self.places.get_mut(place..place + 2) {
                    places.copy_from_slice(&[before, end]);
                }
                self.count += 1;
            }
            before = end;
        }
    }
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
            let line = if single { naive(&line).join(&b' ') } else { line };
            let mut tokens = Tokens::default();
            for line in [&line, &b"1 2 3"[..], &line] {
                tokens.find(line);
                let found = (0..).take(tokens.count()).map(|number| tokens.at(number).of(line));
                prop_assert_eq!(found.collect::<Vec<_>>(), naive(line));
            }
        }
    }

    #[test]
    fn tokens_that_are_too_many_are_counted() {
        for separator in [" ", "  "] {
            let line = vec!["x"; 2 * ROOM].join(separator);
            let mut tokens = Tokens::default();
            tokens.find(line.as_bytes());
            assert_eq!(tokens.count(), 2 * ROOM);
            let last = u16::try_from(MAX_COLUMNS - 1).expect("few columns");
            let token = tokens.at(last);
            assert_eq!(token.of(line.as_bytes()), b"x");
            assert_eq!(token.start(), (1 + separator.len()) * usize::from(last));
        }
    }
}
