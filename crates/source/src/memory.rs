//! Reused buffers: filling from a stream, and giving back memory after an unusually large input.

use std::io::{self, Read};

/// Largest buffer to keep between two calls: capacity in octets.
///
/// A payload of CloudWatch Logs has at most 1 MB as base64. The most uniform traffic that was measured unpacks to 28 MB
/// (`docs/benchmarks.md`), usual traffic to 8 MB. Giving the buffer back after each payload would fragment the heap:
/// something small takes the freed room, and the heap grows again.
const KEPT: usize = 32 * 1024 * 1024;

/// First size of a buffer that is filled from a stream.
const FIRST_SIZE: usize = 128 * 1024;

/// Frees a buffer whose capacity is larger than [`KEPT`].
pub(crate) fn release<T>(buffer: &mut Vec<T>) {
    if buffer.capacity() * size_of::<T>() > KEPT {
        *buffer = Vec::new();
    }
}

/// Fills the beginning of a buffer (grown, never cut) with up to `most` octets of a stream. Returns the number of octets and
/// the error that the stream ended with, if any.
pub(crate) fn fill(
    buffer: &mut Vec<u8>,
    stream: &mut dyn Read,
    most: usize,
) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < most {
        if filled == buffer.len() {
            buffer.resize((2 * filled).max(FIRST_SIZE).min(most), 0);
        }
        let end = buffer.len().min(most);
        match stream.read(&mut buffer[filled..end]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_buffer_over_the_limit_is_given_back() {
        let mut kept: Vec<u64> = Vec::with_capacity(KEPT / 8);
        let mut large: Vec<u64> = Vec::with_capacity(KEPT / 8 + 1);
        release(&mut kept);
        release(&mut large);
        assert_eq!((kept.capacity(), large.capacity()), (KEPT / 8, 0));
    }
}
