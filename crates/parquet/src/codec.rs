//! Unpacks the octets of a page (gzip, snappy, zstd, plain), never past the size in the page's header.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use parquet::basic::Compression;
use ruzstd::decoding::StreamingDecoder;

/// Largest window of a zstd frame in octets, unless the page itself is larger (recommended by RFC 8878 §3.1.1.1.2).
const ZSTD_WINDOW: usize = 8 * 1024 * 1024;

/// Compression of a column's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Plain,
    Gzip,
    Snappy,
    Zstd,
}

impl Codec {
    /// Codec of a compression that the footer names; `None` for an unknown compression.
    pub(crate) fn of(compression: Compression) -> Option<Self> {
        match compression {
            Compression::UNCOMPRESSED => Some(Self::Plain),
            Compression::GZIP(_) => Some(Self::Gzip),
            Compression::SNAPPY => Some(Self::Snappy),
            Compression::ZSTD(_) => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Appends the unpacked octets, exactly `size`, or names the fault.
    pub(crate) fn unpack(
        self,
        packed: &[u8],
        size: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), String> {
        let begin = output.len();
        let outcome = match self {
            Self::Plain => {
                output.extend_from_slice(packed);
                Ok(())
            }
            Self::Gzip => up_to(size, MultiGzDecoder::new(packed), output),
            Self::Snappy => snappy(packed, size, output),
            Self::Zstd => zstd(packed, size, output),
        };
        match outcome {
            Ok(()) if output.len() - begin == size => Ok(()),
            Ok(()) => Err("it does not have the size that its header states".to_owned()),
            Err(error) => Err(format!("it cannot be unpacked: {error}")),
        }
    }
}

/// Reads to the end of `input`, but at most `size + 1` octets.
fn up_to(size: usize, input: impl Read, output: &mut Vec<u8>) -> io::Result<()> {
    // Asked for one octet more, the decoder reaches the end, where it compares the checksum.
    let most = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(1);
    output.reserve(size.saturating_add(1));
    input.take(most).read_to_end(output).map(drop)
}

fn snappy(packed: &[u8], size: usize, output: &mut Vec<u8>) -> io::Result<()> {
    if snap::raw::decompress_len(packed)? != size {
        return Err(io::Error::other(
            "snappy states another size than the page header",
        ));
    }
    let begin = output.len();
    output.resize(begin + size, 0);
    snap::raw::Decoder::new().decompress(packed, &mut output[begin..])?;
    Ok(())
}

fn zstd(mut packed: &[u8], size: usize, output: &mut Vec<u8>) -> io::Result<()> {
    let window = u64::try_from(size.max(ZSTD_WINDOW)).unwrap_or(u64::MAX);
    let end = output.len() + size;
    while !packed.is_empty() && output.len() <= end {
        let frame = StreamingDecoder::new_with_max_window_size(&mut packed, window)
            .map_err(io::Error::other)?;
        up_to(end - output.len(), frame, output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const PACKING: [Codec; 3] = [Codec::Gzip, Codec::Snappy, Codec::Zstd];

    fn pack(codec: Codec, plain: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Plain => plain.to_vec(),
            Codec::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(plain).expect("a Vec takes it");
                encoder.finish().expect("a Vec takes it")
            }
            Codec::Snappy => snap::raw::Encoder::new()
                .compress_vec(plain)
                .expect("small enough"),
            Codec::Zstd => ruzstd::encoding::compress_to_vec(
                plain,
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
        }
    }

    fn unpack(codec: Codec, packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let mut output = b"before".to_vec();
        codec.unpack(packed, size, &mut output)?;
        Ok(output.split_off(6))
    }

    #[test]
    fn what_was_packed_is_unpacked_behind_what_was_there() {
        for codec in [Codec::Plain, Codec::Gzip, Codec::Snappy, Codec::Zstd] {
            for plain in [&b""[..], b"flow", &[7; 300_000]] {
                assert_eq!(
                    unpack(codec, &pack(codec, plain), plain.len()).as_deref(),
                    Ok(plain),
                    "{codec:?}"
                );
            }
        }
    }

    #[test]
    fn another_size_than_the_header_states_is_damage() {
        for codec in [Codec::Plain, Codec::Gzip, Codec::Snappy, Codec::Zstd] {
            let packed = pack(codec, b"flows");
            assert!(unpack(codec, &packed, 4).is_err(), "{codec:?}");
            assert!(unpack(codec, &packed, 6).is_err(), "{codec:?}");
            assert!(unpack(codec, &packed, 0).is_err(), "{codec:?}");
        }
    }

    #[test]
    fn what_inflates_without_end_is_left_at_the_stated_size() {
        let plain = vec![0; 50_000_000];
        for codec in PACKING {
            let mut output = Vec::new();
            let packed = pack(codec, &plain);
            assert!(codec.unpack(&packed, 1_000, &mut output).is_err());
            assert!(output.capacity() < 1_000_000, "{codec:?}");
        }
    }

    #[test]
    fn gzip_members_and_zstd_frames_after_each_other_are_one_page() {
        for codec in [Codec::Gzip, Codec::Zstd] {
            let packed = [pack(codec, b"one "), pack(codec, b"two")].concat();
            assert_eq!(unpack(codec, &packed, 7).as_deref(), Ok(&b"one two"[..]));
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_unpacked_or_damage(packed: Vec<u8>, size in 0_usize..10_000, flip in 0_usize..100) {
            for codec in PACKING {
                let _ = unpack(codec, &packed, size);
                let mut damaged = pack(codec, &vec![b'x'; size]);
                let at = flip % damaged.len();
                damaged[at] ^= 1 << (flip % 8);
                let _ = unpack(codec, &damaged, size);
            }
        }
    }
}
