//! Documents that are packed with gzip: a reader that is bounded in octets, and a writer.

use std::io::{self, BufReader, Read};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

/// First octets of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Most octets that are inflated at once.
const CHUNK: usize = 64 * 1024;

/// Returns whether a document is packed.
pub(crate) fn is_packed(document: &[u8]) -> bool {
    document.starts_with(&GZIP)
}

/// Reason why writing cannot fail.
pub(crate) const WRITES_TO_MEMORY: &str = "strings, numbers and lists, written to memory";

/// Octets of memory of a [`packer`] beside what it has packed: window, hash tables and buffers.
pub(crate) const PACKER_OCTETS: usize = 416 * 1024;

/// Writer that packs into memory.
pub(crate) fn packer() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::fast())
}

/// Reader of the inflated octets of a document; ends with an error beyond the limit.
pub(crate) struct BoundedReader<'a> {
    inflated: BufReader<MultiGzDecoder<&'a [u8]>>,
    left: u64,
    /// The document has more octets than the limit.
    pub(crate) is_too_large: bool,
}

impl<'a> BoundedReader<'a> {
    /// Reader of at most `limit` octets.
    pub(crate) fn new(packed: &'a [u8], limit: u64) -> Self {
        Self {
            inflated: BufReader::with_capacity(CHUNK, MultiGzDecoder::new(packed)),
            left: limit,
            is_too_large: false,
        }
    }
}

impl Read for BoundedReader<'_> {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inflated.read(into)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => {
                self.is_too_large = true;
                Err(io::ErrorKind::FileTooLarge.into())
            }
        }
    }
}

/// Inflates the first octets of a document, as many as there are up to `most`.
pub(crate) fn beginning(packed: &[u8], most: usize) -> Vec<u8> {
    let mut begin = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    // A cut document has a beginning, too.
    let _ = MultiGzDecoder::new(packed)
        .take(most)
        .read_to_end(&mut begin);
    begin
}
