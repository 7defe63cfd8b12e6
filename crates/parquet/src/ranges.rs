//! Source of octets in ranges: a file, memory, or an object in S3.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

/// Object of known size that can be read in ranges, in any order.
pub trait ByteRanges: Send + Sync + 'static {
    /// Size in octets.
    ///
    /// # Errors
    /// The size is unknown.
    fn size(&self) -> io::Result<u64>;

    /// Reads exactly `length` octets from `position`.
    ///
    /// # Errors
    /// Failure to read, or an early end ([`io::ErrorKind::UnexpectedEof`]).
    fn read_at(&self, position: u64, length: usize) -> io::Result<Bytes>;
}

impl ByteRanges for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, position: u64, length: usize) -> io::Result<Bytes> {
        let mut file = self;
        file.seek(SeekFrom::Start(position))?;
        let mut octets = vec![0; length];
        file.read_exact(&mut octets)?;
        Ok(octets.into())
    }
}

impl ByteRanges for Bytes {
    fn size(&self) -> io::Result<u64> {
        u64::try_from(self.len()).map_err(io::Error::other)
    }

    fn read_at(&self, position: u64, length: usize) -> io::Result<Bytes> {
        let begin = usize::try_from(position).ok();
        let end = begin.and_then(|begin| begin.checked_add(length));
        match (begin, end) {
            (Some(begin), Some(end)) if end <= self.len() => Ok(self.slice(begin..end)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn file_and_memory_give_the_same_ranges_and_refuse_the_same() {
        let content = b"0123456789";
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("written");
        let memory = Bytes::from_static(content);
        assert_eq!((file.size().ok(), memory.size().ok()), (Some(10), Some(10)));
        for (position, length, expected) in [
            (3, 4, Some(&b"3456"[..])),
            (10, 0, Some(b"")),
            (8, 3, None),
            (11, 1, None),
            (u64::MAX, 1, None),
        ] {
            let expected = expected.map(Bytes::from_static);
            assert_eq!(memory.read_at(position, length).ok(), expected);
            assert_eq!(file.read_at(position, length).ok(), expected, "{position}");
        }
    }
}
