//! The gzip stage: compressed octets → plain octets, with every checksum and length checked to the end.
//!
//! All members of a gzip stream are read (RFC 1952 §2.2): an object that was put together from several has several,
//! and each carries lines. [`Inflater`] fills a reused buffer up to a limit; [`Inflated`] is the same as a stream.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use libdeflater::Decompressor;
use memchr::memmem;

use crate::subscription::release;
use crate::{GzipFault, UnpackError};

/// The first size of the buffer; flow-log payloads that fill it inflate to several times of it.
const FIRST_SIZE: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zlib,
}

impl Compression {
    /// What the first octets say. Of zlib only the default window is taken, because then the first octet is `x` and the
    /// second never follows it in a line of text.
    pub(crate) fn recognise(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Some(Self::Zlib),
            _ => None,
        }
    }
}

/// Inflates into a buffer that is kept for the next time.
#[derive(Default)]
pub(crate) struct Inflater {
    /// Inflates a member at once, a third faster than a stream can be.
    member: Option<Decompressor>,
    /// Only grows while in use.
    output: Vec<u8>,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Inflater {
    /// Inflates all of `packed`.
    ///
    /// # Errors
    /// [`UnpackError::Gzip`], or [`UnpackError::TooLarge`] as soon as there are more than `limit` octets.
    pub(crate) fn inflate(
        &mut self,
        compression: Compression,
        packed: &[u8],
        limit: usize,
    ) -> Result<&[u8], UnpackError> {
        let length = match self.inflate_member(compression, packed, limit) {
            Some(length) => length,
            None => self.inflate_stream(compression, packed, limit)?,
        };
        Ok(&self.output[..length])
    }

    /// Inflates a single gzip member that is as long as it says. Whatever else there is, is left to the stream, which
    /// knows what is wrong with it.
    fn inflate_member(
        &mut self,
        compression: Compression,
        packed: &[u8],
        limit: usize,
    ) -> Option<usize> {
        const MEMBER: &[u8] = &[0x1f, 0x8b, 8];
        let size = usize::try_from(u32::from_le_bytes(*packed.last_chunk()?)).ok()?;
        let rest = packed.get(1..)?;
        if compression != Compression::Gzip || size > limit || memmem::find(rest, MEMBER).is_some()
        {
            return None;
        }
        if self.output.len() < size {
            self.output.resize(size, 0);
        }
        let member = self.member.get_or_insert_with(Decompressor::new);
        let length = member.gzip_decompress(packed, &mut self.output[..size]);
        length.ok().filter(|&length| length == size)
    }

    fn inflate_stream(
        &mut self,
        compression: Compression,
        packed: &[u8],
        limit: usize,
    ) -> Result<usize, UnpackError> {
        let output = &mut self.output;
        let mut inflated = Inflated::new(compression, packed);
        let mut filled = 0;
        loop {
            if filled == limit {
                // Full is not yet too large; and only a read that returns nothing has checked the last checksum.
                return match inflated.read(&mut [0]) {
                    Ok(0) => Ok(filled),
                    Ok(_) => Err(UnpackError::TooLarge { limit }),
                    Err(error) => Err(UnpackError::from_io(error)),
                };
            }
            if filled == output.len() {
                let size = filled.max(packed.len()).saturating_mul(2);
                output.resize(size.max(FIRST_SIZE).min(limit), 0);
            }
            let end = output.len().min(limit);
            match inflated.read(&mut output[filled..end]) {
                Ok(0) => return Ok(filled),
                Ok(length) => filled += length,
                Err(error) => return Err(UnpackError::from_io(error)),
            }
        }
    }

    pub(crate) fn release(&mut self) {
        release(&mut self.output);
    }

    /// The buffer.
    #[cfg(test)]
    pub(crate) fn output(&self) -> &Vec<u8> {
        &self.output
    }
}

/// The plain octets of a compressed stream. Faults of the compression travel as [`UnpackError`] inside [`io::Error`].
pub(crate) struct Inflated<R>(Decoder<R>);

enum Decoder<R> {
    Gzip(MultiGzDecoder<Counted<R>>),
    Zlib(ZlibDecoder<Counted<R>>),
}

impl<R: BufRead> Inflated<R> {
    pub(crate) fn new(compression: Compression, packed: R) -> Self {
        let packed = Counted {
            inner: packed,
            position: 0,
            failed: false,
        };
        Self(match compression {
            Compression::Gzip => Decoder::Gzip(MultiGzDecoder::new(packed)),
            Compression::Zlib => Decoder::Zlib(ZlibDecoder::new(packed)),
        })
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (outcome, packed) = match &mut self.0 {
            Decoder::Gzip(decoder) => (decoder.read(into), decoder.get_mut()),
            Decoder::Zlib(decoder) => (decoder.read(into), decoder.get_mut()),
        };
        let fault = match outcome {
            // zlib has no members: whatever follows the end does not belong to it. After gzip nothing can be left.
            Ok(0) if !into.is_empty() && !packed.fill_buf()?.is_empty() => GzipFault::Damaged,
            Ok(length) => return Ok(length),
            Err(error) if packed.failed => return Err(error),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => GzipFault::Truncated,
            Err(_) => GzipFault::Damaged,
        };
        Err(io::Error::other(UnpackError::Gzip {
            position: packed.position,
            fault,
        }))
    }
}

/// Compressed input that knows how much of it was taken, and whether a failure was its own.
struct Counted<R> {
    inner: R,
    position: u64,
    failed: bool,
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf().inspect_err(|_| self.failed = true)
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount as u64);
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(into.len());
        into[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// Compressed test data.
#[cfg(test)]
pub(crate) mod packed {
    use std::io::Write;

    pub(crate) fn gzip(plain: impl AsRef<[u8]>) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain.as_ref()).expect("a Vec takes it");
        encoder.finish().expect("a Vec takes it")
    }

    pub(crate) fn zlib(plain: impl AsRef<[u8]>) -> Vec<u8> {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain.as_ref()).expect("a Vec takes it");
        encoder.finish().expect("a Vec takes it")
    }

    /// Inflates to a gigabyte of zeros: a thousand members of a megabyte, so that it is made in no time.
    pub(crate) fn gigabyte() -> Vec<u8> {
        gzip(vec![0; 1 << 20]).repeat(1 << 10)
    }
}

#[cfg(test)]
mod tests {
    use super::packed::{gigabyte, gzip, zlib};
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn inflated(packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let compression = Compression::recognise(packed).expect("test data says what it is");
        let inflated = Inflater::default()
            .inflate(compression, packed, LIMIT)?
            .to_vec();
        let mut stream = Vec::new();
        let streamed = Inflated::new(compression, packed).read_to_end(&mut stream);
        assert!(streamed.is_ok() && stream == inflated, "both ways agree");
        Ok(inflated)
    }

    fn fault(packed: &[u8]) -> GzipFault {
        match inflated(packed) {
            Err(UnpackError::Gzip { fault, .. }) => fault,
            other => panic!("not a gzip fault: {other:?}"),
        }
    }

    #[test]
    fn a_member_that_says_another_length_is_damage_and_takes_no_more_than_the_limit() {
        for size in [0, 1, 4, 1 << 20, u32::MAX] {
            let mut packed = gzip("one");
            let at = packed.len() - 4;
            packed[at..].copy_from_slice(&size.to_le_bytes());
            let mut inflater = Inflater::default();
            let outcome = inflater.inflate(Compression::Gzip, &packed, LIMIT);
            assert!(matches!(outcome, Err(UnpackError::Gzip { .. })), "{size}");
            assert!(inflater.output.capacity() <= LIMIT);
        }
    }

    #[test]
    fn all_members_are_inflated() {
        let members = [gzip("one "), gzip(""), gzip("two")].concat();
        assert_eq!(inflated(&members), Ok(b"one two".to_vec()));
        // The last member says the length of the first one.
        assert_eq!(inflated(&gzip("one").repeat(2)), Ok(b"oneone".to_vec()));
    }

    #[test]
    fn zlib_is_inflated_too() {
        assert_eq!(inflated(&zlib("one")), Ok(b"one".to_vec()));
    }

    #[test]
    fn a_wrong_checksum_or_length_is_damage() {
        let whole = gzip("2 123456789012");
        for from_end in 1..=8 {
            let mut packed = whole.clone();
            let at = packed.len() - from_end;
            packed[at] ^= 1;
            assert_eq!(
                fault(&packed),
                GzipFault::Damaged,
                "octet {from_end} from the end"
            );
        }
        let mut packed = zlib("2 123456789012");
        *packed.last_mut().expect("not empty") ^= 1;
        assert_eq!(fault(&packed), GzipFault::Damaged);
    }

    #[test]
    fn missing_octets_at_the_end_are_never_overlooked() {
        for whole in [gzip("2 123456789012"), zlib("2 123456789012")] {
            for length in 2..whole.len() {
                assert_eq!(
                    fault(&whole[..length]),
                    GzipFault::Truncated,
                    "{length} octets"
                );
            }
        }
    }

    #[test]
    fn octets_after_the_end_are_damage() {
        for mut packed in [gzip("one"), zlib("one")] {
            packed.extend(b"more of it");
            assert_eq!(fault(&packed), GzipFault::Damaged);
        }
    }

    #[test]
    fn the_position_counts_compressed_octets() {
        let first = gzip("one");
        let second = &gzip("two")[..5];
        assert_eq!(
            inflated(&[&first, second].concat()),
            Err(UnpackError::Gzip {
                position: first.len() as u64 + 5,
                fault: GzipFault::Truncated
            })
        );
    }

    #[test]
    fn exactly_the_limit_is_not_too_large() {
        assert_eq!(inflated(&gzip(vec![7; LIMIT])), Ok(vec![7; LIMIT]));
        assert_eq!(
            inflated(&gzip(vec![7; LIMIT + 1])),
            Err(UnpackError::TooLarge { limit: LIMIT })
        );
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_takes_no_more_memory_than_that() {
        let mut inflater = Inflater::default();
        let outcome = inflater.inflate(Compression::Gzip, &gigabyte(), LIMIT);
        assert_eq!(outcome, Err(UnpackError::TooLarge { limit: LIMIT }));
        assert!(inflater.output.capacity() <= LIMIT);
    }

    #[test]
    fn a_failure_of_the_input_stays_what_it_is() {
        struct Cut;
        impl Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut"))
            }
        }
        let whole = gzip("one");
        let input = io::BufReader::new(whole[..12].chain(Cut));
        let error = Inflated::new(Compression::Gzip, input)
            .read_to_end(&mut Vec::new())
            .expect_err("the input fails");
        assert_eq!(
            UnpackError::from_io(error),
            UnpackError::Io {
                kind: io::ErrorKind::ConnectionReset,
                reason: "cut".into()
            }
        );
    }
}
