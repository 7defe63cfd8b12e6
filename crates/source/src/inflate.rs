//! Gzip stage: compressed octets → plain octets, with every checksum and length checked to the end.
//!
//! All members of a gzip stream are read (RFC 1952 §2.2): an object that was put together from several has several
//! members, and each carries lines. [`Inflater`] fills a reused buffer up to a limit; [`Inflated`] is a stream.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use libdeflater::Decompressor;
use memchr::{memchr, memmem};

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
    /// Decompressor of whole members, a third faster than that of a stream.
    at_once: Option<Decompressor>,
    /// Only grows while in use.
    output: Vec<u8>,
    /// Decompressor of the last stream. The memory is aligned, and would leave holes in the heap if every stream allocated
    /// and freed a decompressor.
    state: Option<Decompress>,
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

    /// Inflates a single gzip member of at most `limit` octets, if as long as the trailer says, and nothing else.
    pub(crate) fn inflate_member(
        &mut self,
        compression: Compression,
        packed: &[u8],
        limit: usize,
    ) -> Option<&[u8]> {
        let length = self.member(compression, packed, limit)?;
        self.output.get(..length)
    }

    /// Inflates a single gzip member, if as long as the trailer says. Returns `None` for everything else: the stream reads
    /// the rest, or names the fault.
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
        let mut inflated = Inflated::new(compression, packed, self.take_state());
        let (filled, failure) = fill(&mut self.output, &mut inflated, limit);
        let outcome = match failure {
            Some(error) => Err(error),
            None if filled < limit => Ok(0),
            // A full buffer is not yet too large, and only a read that returns nothing has checked the last checksum.
            None => inflated.read(&mut [0]),
        };
        self.keep_state(inflated);
        match outcome {
            Ok(0) => Ok(filled),
            Ok(_) => Err(UnpackError::TooLarge { limit }),
            Err(error) => Err(UnpackError::from_io(error)),
        }
    }

    /// Takes the decompressor for an [`Inflated`].
    pub(crate) fn take_state(&mut self) -> Decompress {
        let kept = self.state.take();
        kept.unwrap_or_else(|| Decompress::new(false))
    }

    /// Keeps the decompressor of a stream for the next one.
    pub(crate) fn keep_state<R>(&mut self, ended: Inflated<R>) {
        self.state = Some(ended.state);
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
///
/// Decompressor and checksum are the library's. The framing of gzip members is read here, because the library's reader of
/// members allocates a new decompressor for each stream and cannot be given one.
pub(crate) struct Inflated<R> {
    compression: Compression,
    packed: CountedInput<R>,
    state: Decompress,
    stage: MemberStage,
    /// Checksum of the plain octets of a gzip member.
    checksum: Crc,
}

/// Next part of a stream.
#[derive(Clone, Copy)]
enum MemberStage {
    /// First member, required.
    Begin,
    /// Further member, or the end.
    Member,
    Body,
    Trailer,
    End,
}

impl<R: BufRead> Inflated<R> {
    pub(crate) fn new(compression: Compression, packed: R, state: Decompress) -> Self {
        let packed = CountedInput {
            inner: packed,
            position: 0,
        };
        Self {
            compression,
            packed,
            state,
            stage: MemberStage::Begin,
            checksum: Crc::new(),
        }
    }

    fn step(&mut self, into: &mut [u8]) -> Result<usize, InflateFailure> {
        loop {
            match self.stage {
                MemberStage::Member if self.packed.fill_buf()?.is_empty() => {
                    self.stage = MemberStage::End
                }
                MemberStage::Begin | MemberStage::Member => {
                    let is_zlib = self.compression == Compression::Zlib;
                    if !is_zlib {
                        self.packed.gzip_header()?;
                    }
                    self.state.reset(is_zlib);
                    self.checksum.reset();
                    self.stage = MemberStage::Body;
                }
                MemberStage::Body => {
                    let (produced, is_whole) = self.body(into)?;
                    if produced > 0 {
                        return Ok(produced);
                    }
                    if !is_whole && self.packed.fill_buf()?.is_empty() {
                        return Err(GzipFault::Truncated.into());
                    }
                }
                MemberStage::Trailer => self.trailer()?,
                MemberStage::End => return Ok(0),
            }
        }
    }

    /// Inflates the octets at hand. Returns the number of plain octets, and true if the body ends there.
    fn body(&mut self, into: &mut [u8]) -> Result<(usize, bool), InflateFailure> {
        let packed = self.packed.fill_buf()?;
        let before = (self.state.total_in(), self.state.total_out());
        let status = self.state.decompress(packed, into, FlushDecompress::None);
        let status = status.map_err(|_| GzipFault::Damaged)?;
        let length = |count: u64| usize::try_from(count).expect("no more than a buffer has");
        let produced = length(self.state.total_out() - before.1);
        self.packed
            .consume(length(self.state.total_in() - before.0));
        if self.compression == Compression::Gzip {
            self.checksum.update(&into[..produced]);
        }
        let is_whole = status == Status::StreamEnd;
        if is_whole {
            self.stage = MemberStage::Trailer;
        }
        Ok((produced, is_whole))
    }

    /// Checks checksum and length behind a gzip body (RFC 1952 §2.3.1). Nothing may follow a zlib body: zlib has no members
    /// and whose checksum the decompressor has checked.
    fn trailer(&mut self) -> Result<(), InflateFailure> {
        let is_right = match self.compression {
            Compression::Gzip => {
                let checksum = u32::from_le_bytes(self.packed.octets()?);
                let length = u32::from_le_bytes(self.packed.octets()?);
                self.stage = MemberStage::Member;
                checksum == self.checksum.sum() && length == self.checksum.amount()
            }
            Compression::Zlib => {
                self.stage = MemberStage::End;
                self.packed.fill_buf()?.is_empty()
            }
        };
        is_right.then_some(()).ok_or(GzipFault::Damaged.into())
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        self.step(into).map_err(|failure| match failure {
            InflateFailure::Input(error) => error,
            InflateFailure::Fault(fault) => io::Error::other(UnpackError::Gzip {
                position: self.packed.position,
                fault,
            }),
        })
    }
}

/// Reason why a stream does not go on.
enum InflateFailure {
    /// Error of the compressed input.
    Input(io::Error),
    Fault(GzipFault),
}

impl From<io::Error> for InflateFailure {
    fn from(error: io::Error) -> Self {
        Self::Input(error)
    }
}

impl From<GzipFault> for InflateFailure {
    fn from(fault: GzipFault) -> Self {
        Self::Fault(fault)
    }
}

/// Compressed input with the number of octets taken.
struct CountedInput<R> {
    inner: R,
    position: u64,
}

impl<R: BufRead> CountedInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount as u64);
        self.inner.consume(amount);
    }

    /// Takes the next octets, required.
    fn octets<const N: usize>(&mut self) -> Result<[u8; N], InflateFailure> {
        let mut octets = [0; N];
        for octet in &mut octets {
            *octet = *self.fill_buf()?.first().ok_or(GzipFault::Truncated)?;
            self.consume(1);
        }
        Ok(octets)
    }

    /// Passes over the header of a member (RFC 1952 §2.3), and checks its checksum.
    fn gzip_header(&mut self) -> Result<(), InflateFailure> {
        const HEADER_CHECKSUM: u8 = 1 << 1;
        const EXTRA: u8 = 1 << 2;
        const NAME: u8 = 1 << 3;
        const COMMENT: u8 = 1 << 4;
        const RESERVED: u8 = 0xe0;
        const DEFLATE: u8 = 8;
        let mut checksum = Crc::new();
        let begin: [u8; 10] = self.octets()?;
        checksum.update(&begin);
        let [0x1f, 0x8b, DEFLATE, flags, ..] = begin else {
            return Err(GzipFault::Damaged.into());
        };
        if flags & RESERVED != 0 {
            return Err(GzipFault::Damaged.into());
        }
        if flags & EXTRA != 0 {
            let length = self.octets()?;
            checksum.update(&length);
            for _ in 0..u16::from_le_bytes(length) {
                checksum.update(&self.octets::<1>()?);
            }
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                self.skip_text(&mut checksum)?;
            }
        }
        if flags & HEADER_CHECKSUM != 0 {
            let [low, high, ..] = checksum.sum().to_le_bytes();
            if self.octets()? != [low, high] {
                return Err(GzipFault::Damaged.into());
            }
        }
        Ok(())
    }

    /// Passes over a text and its final zero.
    fn skip_text(&mut self, checksum: &mut Crc) -> Result<(), InflateFailure> {
        loop {
            let octets = self.fill_buf()?;
            if octets.is_empty() {
                return Err(GzipFault::Truncated.into());
            }
            let end = memchr(0, octets);
            let length = end.map_or(octets.len(), |end| end + 1);
            checksum.update(&octets[..length]);
            self.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
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
        let streamed =
            Inflated::new(compression, packed, Decompress::new(false)).read_to_end(&mut stream);
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
        let error = Inflated::new(Compression::Gzip, input, Decompress::new(false))
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
        let mut checksum = Crc::new();
        checksum.update(&checked[..header]);
        let [low, high, ..] = checksum.sum().to_le_bytes();
        checked.splice(header..header, [low, high]);
        // Of a member that is inflated at once, the checksum of its octets is enough.
        let streamed = |packed: &[u8]| {
            let mut plain = Vec::new();
            let mut stream = Inflated::new(Compression::Gzip, packed, Decompress::new(false));
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

    proptest::proptest! {
        /// One octet is written over or the end is missing: the library's own reader of members says the same.
        #[test]
        fn members_are_read_as_the_library_reads_them(
            members in proptest::collection::vec((".{0,40}", ".{0,5}", "[a-z]{0,5}", "[a-z]{0,5}"), 1..4),
            place: proptest::sample::Index,
            octet: u8,
            change in 0..3,
        ) {
            let packed = members.iter().map(|(plain, extra, name, comment)| {
                member(plain.as_bytes(), extra.as_bytes(), name, comment)
            });
            let mut packed = packed.collect::<Vec<_>>().concat();
            let place = place.index(packed.len());
            match change {
                0 => packed[place] = octet,
                1 => packed.truncate(place),
                _ => {}
            }
            let (mut read, mut expected) = (Vec::new(), Vec::new());
            let mut stream = Inflated::new(Compression::Gzip, &packed[..], Decompress::new(true));
            let outcome = stream.read_to_end(&mut read).is_ok();
            let mut library = flate2::bufread::MultiGzDecoder::new(&packed[..]);
            proptest::prop_assert_eq!(outcome, library.read_to_end(&mut expected).is_ok());
            proptest::prop_assert!(!outcome || read == expected);
        }
    }
}
