//! Rewrites texts in a delta encoding as PLAIN ones, within a limit.
//!
//! The library would do it, but takes the number of values from the page as it is and allocates for it, and a text made of
//! what it shares with the one before can be as long as the page, for every octet of the page. Here both are counted
//! before anything is allocated.
//!
//! ```text
//! DELTA_BINARY_PACKED      |block size|miniblocks|count|first value| block ...
//!   block                  |least delta|a width for each miniblock| miniblocks, bit-packed
//! DELTA_LENGTH_BYTE_ARRAY  |lengths: DELTA_BINARY_PACKED|the texts, one after the other
//! DELTA_BYTE_ARRAY         |shared lengths: DELTA_BINARY_PACKED|the rest of the texts: DELTA_LENGTH_BYTE_ARRAY
//! PLAIN                    |length:4|text| ...
//! ```
//!
//! Source: Apache Parquet, "Encodings".

use parquet::basic::Encoding;

/// Why a page cannot be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Damaged,
    TooLarge,
}

/// Whether these are texts in a delta encoding.
pub(crate) fn is_delta_text(encoding: Encoding) -> bool {
    matches!(
        encoding,
        Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY
    )
}

/// Appends the texts (`most` of them at most) in the PLAIN encoding, up to `limit` octets of `output`.
pub(crate) fn rewrite(
    encoding: Encoding,
    values: &[u8],
    most: usize,
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), Fault> {
    let (shared, values) = if encoding == Encoding::DELTA_BYTE_ARRAY {
        unpack_lengths(values, most).ok_or(Fault::Damaged)?
    } else {
        (Vec::new(), values)
    };
    let (lengths, mut texts) = unpack_lengths(values, most).ok_or(Fault::Damaged)?;
    if encoding == Encoding::DELTA_BYTE_ARRAY && shared.len() != lengths.len() {
        return Err(Fault::Damaged);
    }
    let mut before = output.len()..output.len();
    for (index, &length) in lengths.iter().enumerate() {
        let shared = shared.get(index).copied().unwrap_or(0);
        if shared > before.len() || length > texts.len() {
            return Err(Fault::Damaged);
        }
        let (rest, following) = texts.split_at(length);
        texts = following;
        let whole = shared + length;
        if whole + 4 > limit.saturating_sub(output.len()) {
            return Err(Fault::TooLarge);
        }
        let prefix = u32::try_from(whole).map_err(|_| Fault::TooLarge)?;
        output.extend_from_slice(&prefix.to_le_bytes());
        let begin = output.len();
        output.extend_from_within(before.start..before.start + shared);
        output.extend_from_slice(rest);
        before = begin..output.len();
    }
    Ok(())
}

/// Lengths in DELTA_BINARY_PACKED, and what follows them; nothing where they are damaged or more than `most`.
fn unpack_lengths(octets: &[u8], most: usize) -> Option<(Vec<usize>, &[u8])> {
    let mut input = Input { rest: octets };
    let block = input.size()?;
    let miniblocks = input.size()?;
    let count = input.size()?;
    let mut last = input.integer()?;
    let in_miniblock = block.checked_div(miniblocks)?;
    if count > most || in_miniblock == 0 || in_miniblock % 8 != 0 || block % miniblocks != 0 {
        return None;
    }
    let mut lengths = Vec::with_capacity(count);
    if count > 0 {
        lengths.push(usize::try_from(last).ok()?);
    }
    while lengths.len() < count {
        let least = input.integer()?;
        for &width in input.take(miniblocks)? {
            if lengths.len() == count {
                break; // the miniblocks that are not needed have a width and no octets
            }
            let width = usize::from(width);
            if width > 32 {
                return None;
            }
            let packed = input.take(in_miniblock.checked_mul(width)? / 8)?;
            for index in 0..in_miniblock.min(count - lengths.len()) {
                last = last
                    .checked_add(least)?
                    .checked_add(bits(packed, index, width))?;
                lengths.push(usize::try_from(last).ok()?);
            }
        }
    }
    Some((lengths, input.rest))
}

/// The number of `width` bits at `index`, least bit first.
fn bits(packed: &[u8], index: usize, width: usize) -> i64 {
    let begin = index * width;
    let mut value = 0;
    for (bit, at) in (begin..begin + width).enumerate() {
        value |= i64::from(packed[at / 8] >> (at % 8) & 1) << bit;
    }
    value
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = *self.take(1)?.first()?;
            value |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unsigned(mut value: u64, output: &mut Vec<u8>) {
        while value >= 0x80 {
            output.push(u8::try_from(value & 0x7f).expect("7 bits") | 0x80);
            value >>= 7;
        }
        output.push(u8::try_from(value).expect("7 bits"));
    }

    /// Packs lengths in blocks of 128 with 4 miniblocks, all deltas in 32 bits.
    fn pack(lengths: &[usize]) -> Vec<u8> {
        let mut output = Vec::new();
        for number in [
            128,
            4,
            lengths.len() as u64,
            2 * lengths.first().copied().unwrap_or(0) as u64,
        ] {
            unsigned(number, &mut output);
        }
        let deltas: Vec<i64> = lengths
            .windows(2)
            .map(|pair| pair[1] as i64 - pair[0] as i64)
            .collect();
        for block in deltas.chunks(128) {
            let least = *block.iter().min().expect("not empty");
            unsigned(((least << 1) ^ (least >> 63)).cast_unsigned(), &mut output);
            output.extend([32; 4]);
            for miniblock in block.chunks(32) {
                for index in 0..32 {
                    let delta = miniblock.get(index).map_or(0, |delta| delta - least);
                    output.extend(u32::try_from(delta).expect("small").to_le_bytes());
                }
            }
        }
        output
    }

    fn plain(texts: &[Vec<u8>]) -> Vec<u8> {
        let length = |text: &Vec<u8>| u32::try_from(text.len()).expect("short").to_le_bytes();
        texts
            .iter()
            .flat_map(|text| [&length(text)[..], text].concat())
            .collect()
    }

    fn encode(encoding: Encoding, texts: &[Vec<u8>]) -> Vec<u8> {
        let mut shared = Vec::new();
        let mut before: &[u8] = b"";
        for text in texts {
            let same = before.iter().zip(text).take_while(|(a, b)| a == b).count();
            shared.push(if encoding == Encoding::DELTA_BYTE_ARRAY {
                same
            } else {
                0
            });
            before = text;
        }
        let rest: Vec<&[u8]> = texts
            .iter()
            .zip(&shared)
            .map(|(text, &n)| &text[n..])
            .collect();
        let lengths: Vec<usize> = rest.iter().map(|rest| rest.len()).collect();
        let prefix = if encoding == Encoding::DELTA_BYTE_ARRAY {
            pack(&shared)
        } else {
            Vec::new()
        };
        [prefix, pack(&lengths), rest.concat()].concat()
    }

    const BOTH: [Encoding; 2] = [
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY,
    ];

    proptest! {
        #[test]
        fn texts_in_a_delta_encoding_are_the_same_texts_in_plain(
            texts in proptest::collection::vec(proptest::collection::vec(b'a'..=b'c', 0..12), 0..300)
        ) {
            for encoding in BOTH {
                let encoded = encode(encoding, &texts);
                let mut output = b"levels".to_vec();
                prop_assert_eq!(rewrite(encoding, &encoded, texts.len(), 100_000, &mut output), Ok(()));
                prop_assert_eq!(&output[6..], &plain(&texts)[..]);
            }
        }

        #[test]
        fn any_octets_are_texts_or_damage(octets: Vec<u8>, most in 0_usize..1_000, flip: usize) {
            let mut damaged = encode(BOTH[1], &vec![b"10.0.0.1".to_vec(); 50]);
            let at = flip % damaged.len();
            damaged[at] ^= 1 << (flip % 8);
            for octets in [octets, damaged] {
                for encoding in BOTH {
                    let mut output = Vec::new();
                    let _ = rewrite(encoding, &octets, most, 10_000, &mut output);
                    prop_assert!(output.len() <= 10_000);
                }
            }
        }
    }

    #[test]
    fn more_values_than_the_page_has_are_damage_before_anything_is_allocated() {
        let mut many = Vec::new();
        for number in [128, 4, 1 << 40, 0, 0] {
            unsigned(number, &mut many);
        }
        many.extend([0; 4]);
        let mut output = Vec::new();
        assert_eq!(
            rewrite(BOTH[0], &many, 1_000, 10_000, &mut output),
            Err(Fault::Damaged)
        );
    }

    #[test]
    fn texts_that_grow_out_of_each_other_stop_at_the_limit() {
        let texts: Vec<Vec<u8>> = (0..2_000).map(|length| vec![b'x'; length]).collect();
        let encoded = encode(BOTH[1], &texts);
        let mut output = Vec::new();
        assert_eq!(
            rewrite(BOTH[1], &encoded, 2_000, 50_000, &mut output),
            Err(Fault::TooLarge)
        );
        assert!(output.len() <= 50_000);
    }
}
