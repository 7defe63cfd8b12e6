//! Gzip stage: compressed octets → plain octets, with the checksum and length of the plain octets checked to the end. The
//! checksum of a gzip header (rare) is checked in a stream only.
//!
//! All members of a gzip stream are read (RFC 1952 §2.2): an object that was put together from several has several
//! members, and each carries lines. [`Inflater`] fills a reused buffer up to a limit; [`InflatingReader`] is a stream.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::Decompressor;
use memchr::memmem;

use crate::error::{GzipFault, UnpackError};
use crate::memory::{fill, release};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zlib,
}

impl Compression {
    /// Compression by the first octets. Of zlib only the default window is taken, whose first octet is `x`.
    pub(crate) fn recognise(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Some(Self::Zlib),
            _ => None,
        }
    }
}

/// Inflates into a reused buffer.
#[derive(Default)]
pub(crate) struct Inflater {
    /// Decompressor of whole members, faster than a stream.
    at_once: Option<Decompressor>,
    /// Plain octets; the buffer is never cut before [`release`](Self::release).
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
        let length = match self.member(compression, packed, limit) {
            Some(length) => length,
            None => self.inflate_stream(compression, packed, limit)?,
        };
        Ok(&self.output[..length])
    }

    /// Inflates a single gzip member of at most `limit` plain octets. Returns `None` for everything else, faults included: the
    /// caller then reads the octets as a stream.
    pub(crate) fn inflate_member(
        &mut self,
        compression: Compression,
        packed: &[u8],
        limit: usize,
    ) -> Option<&[u8]> {
        let length = self.member(compression, packed, limit)?;
        self.output.get(..length)
    }

    /// Inflates a single gzip member into `output`, and returns the number of plain octets. Returns `None` for zlib, several
    /// members (also octets that look like the head of a second member), a length over `limit` or other than in the
    /// trailer, and damage: the stream then reads the octets from the beginning, or names the fault.
    fn member(&mut self, compression: Compression, packed: &[u8], limit: usize) -> Option<usize> {
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
        let at_once = self.at_once.get_or_insert_with(Decompressor::new);
        let length = at_once.gzip_decompress(packed, &mut self.output[..size]);
        length.ok().filter(|&length| length == size)
    }

    fn inflate_stream(
        &mut self,
        compression: Compression,
        packed: &[u8],
        limit: usize,
    ) -> Result<usize, UnpackError> {
        let mut inflated = InflatingReader::new(compression, packed);
        let (filled, failure) = fill(&mut self.output, &mut inflated, limit);
        let outcome = match failure {
            Some(error) => Err(error),
            None if filled < limit => Ok(0),
            // A full buffer is not yet too large, and only a read that returns nothing has checked the last checksum.
            None => inflated.read(&mut [0]),
        };
        match outcome {
            Ok(0) => Ok(filled),
            Ok(_) => Err(UnpackError::TooLarge { limit }),
            Err(error) => Err(UnpackError::from_io(error)),
        }
    }

    pub(crate) fn release(&mut self) {
        release(&mut self.output);
    }

    /// Buffer of plain octets.
    #[cfg(test)]
    pub(crate) fn output(&self) -> &Vec<u8> {
        &self.output
    }
}

/// Plain octets of a compressed stream. Faults of the compression travel as [`UnpackError`] inside [`io::Error`].
pub(crate) struct InflatingReader<R>(StreamDecoder<CountedInput<R>>);

/// Decompressor of a stream, checksums and lengths included.
enum StreamDecoder<R> {
    /// All members of a gzip stream.
    Gzip(MultiGzDecoder<R>),
    Zlib(ZlibReader<R>),
}

/// A zlib stream with nothing behind it. The library's own reader takes an early end of the input for the end of the
/// stream.
struct ZlibReader<R> {
    packed: R,
    /// Checks the checksum.
    state: Decompress,
    ended: bool,
}

impl<R: BufRead> InflatingReader<R> {
    pub(crate) fn new(compression: Compression, packed: R) -> Self {
        let packed = CountedInput {
            inner: packed,
            position: 0,
            failed: false,
        };
        Self(match compression {
            Compression::Gzip => StreamDecoder::Gzip(MultiGzDecoder::new(packed)),
            Compression::Zlib => StreamDecoder::Zlib(ZlibReader {
                packed,
                state: Decompress::new(true),
                ended: false,
            }),
        })
    }
}

impl<R: BufRead> Read for InflatingReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let outcome = match &mut self.0 {
            StreamDecoder::Gzip(members) => members.read(into),
            StreamDecoder::Zlib(stream) => stream.read(into),
        };
        outcome.map_err(|error| {
            let packed = match &self.0 {
                StreamDecoder::Gzip(members) => members.get_ref(),
                StreamDecoder::Zlib(stream) => &stream.packed,
            };
            if packed.failed {
                return error;
            }
            let fault = match error.kind() {
                io::ErrorKind::UnexpectedEof => GzipFault::Truncated,
                _ => GzipFault::Damaged,
            };
            io::Error::other(UnpackError::Gzip {
                position: packed.position,
                fault,
            })
        })
    }
}

impl<R: BufRead> Read for ZlibReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Self {
            packed,
            state,
            ended,
        } = self;
        while !*ended && !into.is_empty() {
            let octets = packed.fill_buf()?;
            let is_last = octets.is_empty();
            let before = (state.total_in(), state.total_out());
            let status = state.decompress(octets, into, FlushDecompress::None)?;
            let length = |count: u64| usize::try_from(count).expect("no more than a buffer has");
            packed.consume(length(state.total_in() - before.0));
            *ended = status == Status::StreamEnd;
            match length(state.total_out() - before.1) {
                0 if is_last && !*ended => return Err(io::ErrorKind::UnexpectedEof.into()),
                // Octets may be taken without any produced: go on.
                0 => {}
                produced => return Ok(produced),
            }
        }
        if *ended && !packed.fill_buf()?.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(0)
    }
}

/// Compressed input with the number of octets taken.
struct CountedInput<R> {
    inner: R,
    position: u64,
    /// The input failed: the error is not the compression's.
    failed: bool,
}

impl<R: BufRead> BufRead for CountedInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let octets = self.inner.fill_buf();
        self.failed = octets.is_err();
        octets
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount as u64);
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for CountedInput<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(into)?;
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
        let streamed = InflatingReader::new(compression, packed).read_to_end(&mut stream);
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
        let error = InflatingReader::new(Compression::Gzip, input)
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

    /// A member with whatever its header may have.
    fn member(plain: &[u8], extra: &[u8], name: &str, comment: &str) -> Vec<u8> {
        let mut builder = flate2::GzBuilder::new().mtime(1_763_715_600);
        if !extra.is_empty() {
            builder = builder.extra(extra);
        }
        if !name.is_empty() {
            builder = builder.filename(name);
        }
        if !comment.is_empty() {
            builder = builder.comment(comment);
        }
        let mut encoder = builder.write(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut encoder, plain).expect("a Vec takes it");
        encoder.finish().expect("a Vec takes it")
    }

    #[test]
    fn the_checksum_of_a_header_is_looked_at_and_reserved_flags_are_refused() {
        let plain = member(b"flows", b"extra", "name", "comment");
        let header = plain.len() - gzip("flows").len() + 10;
        let mut checked = plain.clone();
        checked[3] |= 1 << 1;
        let mut checksum = flate2::Crc::new();
        checksum.update(&checked[..header]);
        let [low, high, ..] = checksum.sum().to_le_bytes();
        checked.splice(header..header, [low, high]);
        // Of a member that is inflated at once, the checksum of its octets is enough.
        let streamed = |packed: &[u8]| {
            let mut plain = Vec::new();
            let mut stream = InflatingReader::new(Compression::Gzip, packed);
            let outcome = stream.read_to_end(&mut plain);
            outcome.map(|_| plain).map_err(UnpackError::from_io)
        };
        assert_eq!(streamed(&checked), Ok(b"flows".to_vec()));
        checked[header] ^= 1;
        let mut reserved = plain;
        reserved[3] |= 1 << 5;
        for (packed, position) in [(checked, header + 2), (reserved, 10)] {
            let fault = GzipFault::Damaged;
            let position = position as u64;
            assert_eq!(
                streamed(&packed),
                Err(UnpackError::Gzip { position, fault })
            );
        }
    }
}
