//! Token offsets: the position of each column of a line.
//!
//! All offsets are found before the first column is read: the start of a column then does not depend on the value of the
//! column before, so that a processor works on several columns at once. Slow twin: `naive` in the tests.

use wide::u8x32;

use super::words::MAX_COLUMNS;

/// Octets searched for spaces by one instruction.
const LANES: usize = 32;

/// Octets of a block: its spaces are the bits of one `u64`.
const BLOCK: usize = 2 * LANES;

/// Offsets written together, also where a block has fewer spaces.
const BATCH: usize = 4;

/// Room for offsets: the start of each token of the longest format, the start of the token after the last, and a batch.
const ROOM: usize = MAX_COLUMNS + 1 + BATCH;

/// Offsets of one token within its line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// Offset of the first octet.
    pub(super) start: u32,
    /// Offset of the next token: after the space that follows this token.
    pub(super) next: u32,
}

impl Token {
    /// Offset of the first octet.
    #[inline(always)]
    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    /// Offset after the last octet.
    #[inline(always)]
    pub(super) fn end(self) -> usize {
        self.next.wrapping_sub(1) as usize
    }

    /// Number of octets; at least 1 for a token of [`TokenOffsets::find`].
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.next.wrapping_sub(self.start + 1)
    }

    /// Splits off the last `last` octets.
    #[inline(always)]
    pub(super) fn split_last(self, last: u32) -> (Self, Self) {
        let start = self.next.wrapping_sub(last + 1);
        let next = start.wrapping_add(1);
        (Self { next, ..self }, Self { start, ..self })
    }

    /// Octets of the token.
    #[inline(always)]
    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start()..self.end()).unwrap_or(b"")
    }
}

/// Offsets of the tokens of a line, in order. The storage is reused from line to line.
#[derive(Debug)]
pub(crate) struct TokenOffsets {
    /// Start of each token, and of the token after the last. Later entries are left over from earlier lines.
    starts: Box<[u32; ROOM]>,
    count: usize,
}

impl Default for TokenOffsets {
    fn default() -> Self {
        Self {
            starts: Box::new([0; ROOM]),
            count: 0,
        }
    }
}

impl TokenOffsets {
    /// Number of tokens. Tokens beyond [`MAX_COLUMNS`] are counted and have no offsets.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Token with this number, from 0.
    #[inline(always)]
    pub(crate) fn at(&self, number: u16) -> Token {
        let index = usize::from(number) % MAX_COLUMNS;
        Token {
            start: self.starts[index],
            next: self.starts[index + 1],
        }
    }

    /// Finds the tokens of a line of fewer than 2^32 octets.
    ///
    /// Returns false, and finds none, if the line begins or ends with a space or has two spaces in a row: the line has
    /// to be [`normalized`] first.
    pub(crate) fn find(&mut self, line: &[u8]) -> bool {
        self.find_behind(line, 0, 0)
    }

    /// Like [`find`](Self::find), but the first `octets` octets (ending in a space) hold `known` tokens whose offsets are
    /// still valid.
    #[inline(always)]
    pub(crate) fn find_behind(&mut self, line: &[u8], octets: usize, known: usize) -> bool {
        let (blocks, rest) = line.get(octets..).unwrap_or(b"").as_chunks::<BLOCK>();
        self.count = known;
        // `next` is the offset after a space in the first lane; `before` is the last bit of the previous block, set at
        // first as if a space stood in front of the line.
        let first = u32::try_from(octets).expect("lines are shorter than 2^32 octets") + 1;
        let (mut next, mut before, mut runs) = (first, 1, 0);
        for block in blocks {
            let spaces = spaces(block);
            runs |= spaces & (spaces << 1 | before);
            before = spaces >> (BLOCK - 1);
            self.append(spaces, next);
            next += u64::BITS;
        }
        let spaces = last_spaces(line, rest);
        runs |= spaces & (spaces << 1 | before);
        self.append(spaces, next);
        if runs != 0 {
            self.count = 0;
        }
        runs == 0
    }

    /// Appends the offset after each space of a block: the start of a token.
    #[inline(always)]
    fn append(&mut self, spaces: u64, next: u32) {
        let mut left = spaces;
        let mut number = self.count + 1;
        while left != 0 {
            let Some(starts) = self.starts.get_mut(number..number + BATCH) else {
                break;
            };
            for start in starts {
                *start = next + left.trailing_zeros();
                left &= left.wrapping_sub(1);
            }
            number += BATCH;
        }
        self.count += spaces.count_ones() as usize;
    }
}

/// Copies a line with a single space between each two tokens. Only ASCII white space separates here: a control character
/// within a token becomes U+FFFD.
pub(super) fn normalized(line: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(line.len());
    for token in line.split(u8::is_ascii_whitespace) {
        if token.is_empty() {
            continue;
        }
        if !copy.is_empty() {
            copy.push(b' ');
        }
        for &octet in token {
            match is_space(octet) {
                true => copy.extend_from_slice("\u{fffd}".as_bytes()),
                false => copy.push(octet),
            }
        }
    }
    copy
}

/// Returns whether [`normalized`] would change the octets of a line with single spaces.
pub(super) fn has_control(line: &[u8]) -> bool {
    line.iter().any(|&octet| octet < b' ')
}

/// Spaces of a block, a bit each, the first octet in the lowest bit.
#[inline(always)]
fn spaces(block: &[u8; BLOCK]) -> u64 {
    let (parts, _) = block.as_chunks::<LANES>();
    parts.iter().rev().fold(0, |spaces, &part| {
        let octets = u8x32::new(part);
        let part = octets.min(u8x32::splat(b' ')).simd_eq(octets);
        spaces << LANES | u64::from(part.to_bitmask())
    })
}

/// Spaces of the incomplete last block, and a space after the end of the line.
#[inline(always)]
fn last_spaces(line: &[u8], rest: &[u8]) -> u64 {
    let earlier = u32::try_from(BLOCK - rest.len()).expect("a block is short");
    let spaces = match line.last_chunk() {
        // The last BLOCK octets of the line; the bits of earlier blocks are shifted out.
        Some(block) => spaces(block).checked_shr(earlier).unwrap_or(0),
        None => {
            let mut block = [b'x'; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            spaces(&block)
        }
    };
    spaces | 1 << rest.len()
}

/// Returns whether an octet separates columns: a space, line end or control character. A line that does not fit then is read
/// again from its [`normalized`] copy, where only white space separates.
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
            let spaced = normalized(&line);
            prop_assert!(!has_control(&spaced));
            let text: Vec<u8> = line.iter().map(|&octet| if octet < b' ' { b' ' } else { octet }).collect();
            let spaced = if has_control(&line) { normalized(&text) } else { spaced };
            prop_assert_eq!(naive(&spaced), naive(&line));
            let line = if single { &spaced } else { &line };
            let mut tokens = TokenOffsets::default();
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
    fn a_control_character_within_a_token_is_replaced() {
        let line = b"  2 \t eni-1\x00\x01 a\xffb\r\n";
        let expected = [&b"2 eni-1\xef\xbf\xbd\xef\xbf\xbd a"[..], b"\xffb"].concat();
        assert_eq!(normalized(line), expected);
    }

    #[test]
    fn tokens_that_are_too_many_are_counted() {
        // However many octets come first: the last one of a format is found wherever the blocks end.
        for (octets, other) in (1..=BLOCK).flat_map(|octets| [(octets, " x"), (octets, "  x")]) {
            let line = ["x".repeat(octets), other.repeat(2 * ROOM - 1)].concat();
            let line = normalized(line.as_bytes());
            let mut tokens = TokenOffsets::default();
            assert!(tokens.find(&line));
            assert_eq!(tokens.count(), 2 * ROOM);
            let last = u16::try_from(MAX_COLUMNS - 1).expect("few columns");
            let token = tokens.at(last);
            assert_eq!(token.of(&line), b"x");
            assert_eq!(token.start(), octets + 2 * usize::from(last) - 1);
        }
    }
}
