//! Where the columns of a line stand.
//!
//! All columns are found before the first one is read: where a token begins does not wait for the value of the one before,
//! so that a processor reads several at once. The naive twin in the tests says what is meant.

use wide::u8x16;

use super::format::MAX_COLUMNS;

/// Octets among which spaces are found together.
const LANES: usize = 16;

/// Octets whose spaces are known at a time, a bit each.
const BLOCK: usize = 4 * LANES;

/// Tokens that are noted together, whether there are as many or not.
const NOTED: usize = 4;

/// Tokens of which a place is noted: more than any format has, and a power of two.
const ROOM: usize = 2 * MAX_COLUMNS;

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
    /// Behind the last one, places of earlier lines.
    places: Box<[Token; ROOM]>,
    count: usize,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            places: Box::new([Token::default(); ROOM]),
            count: 0,
        }
    }
}

impl Tokens {
    /// How many there are, of which the first [`ROOM`] have a place.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// One of them by its number.
    #[inline(always)]
    pub(crate) fn at(&self, number: u16) -> Token {
        self.places[usize::from(number) % ROOM]
    }

    /// Finds the tokens of a line of fewer than 2^32 octets.
    #[inline(always)]
    pub(crate) fn find(&mut self, line: &[u8]) {
        let (blocks, rest) = line.as_chunks::<BLOCK>();
        self.count = 0;
        let (mut base, mut start) = (0, 0);
        // The last bit of the block before, as if a space stood before the line.
        let (mut before, mut runs) = (1, 0);
        for block in blocks {
            let spaces = spaces(block);
            runs |= spaces & (spaces << 1 | before);
            before = spaces >> (BLOCK - 1);
            start = self.note(spaces, base, start);
            base += BLOCK as u32;
        }
        let spaces = last_spaces(line, rest);
        runs |= spaces & (spaces << 1 | before);
        self.note(spaces, base, start);
        if runs != 0 {
            self.find_among_runs(line);
        }
    }

    /// Notes a token before each space of a block; where the next one begins.
    #[inline(always)]
    fn note(&mut self, spaces: u64, base: u32, start: u32) -> u32 {
        let (mut left, mut start, behind) = (
            spaces,
            start,
            match spaces {
                0 => start,
                _ => base + u64::BITS - spaces.leading_zeros(),
            },
        );
        let mut noted = self.count;
        while left != 0 {
            let Some(places) = self.places.get_mut(noted..noted + NOTED) else {
                break;
            };
            for place in places {
                let end = base + left.trailing_zeros();
                *place = Token { start, end };
                start = end + 1;
                left &= left.wrapping_sub(1);
            }
            noted += NOTED;
        }
        self.count += spaces.count_ones() as usize;
        behind
    }

    /// Finds the tokens of a line in which spaces follow on one another, or stand before or behind everything.
    #[cold]
    fn find_among_runs(&mut self, line: &[u8]) {
        self.count = 0;
        let mut start = 0;
        for part in line.split(|&octet| is_space(octet)) {
            let end = start + u32::try_from(part.len()).unwrap_or(u32::MAX);
            if !part.is_empty() {
                if let Some(place) = self.places.get_mut(self.count) {
                    *place = Token { start, end };
                }
                self.count += 1;
            }
            start = end + 1;
        }
    }
}

/// Which octets of a block are spaces, the first one lowest.
#[inline(always)]
fn spaces(block: &[u8; BLOCK]) -> u64 {
    let (parts, _) = block.as_chunks::<LANES>();
    parts.iter().rev().fold(0, |spaces, &part| {
        let octets = u8x16::new(part);
        let part = octets.min(u8x16::splat(b' ')).simd_eq(octets);
        spaces << LANES | u64::from(part.to_bitmask())
    })
}

/// The same of what the blocks of a line leave, whose end is a space.
#[inline(always)]
fn last_spaces(line: &[u8], rest: &[u8]) -> u64 {
    let before = (BLOCK - rest.len()) as u32;
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
            let line = vec!["x"; 3 * ROOM].join(separator);
            let mut tokens = Tokens::default();
            tokens.find(line.as_bytes());
            assert_eq!(tokens.count(), 3 * ROOM);
            let step = u32::try_from(1 + separator.len()).expect("short");
            let end = tokens.at((ROOM - 1) as u16).end;
            assert_eq!(end, step * (ROOM as u32 - 1) + 1);
        }
    }
}
