//! A stream whose beginning can be looked at before it is read.

use std::io::{self, BufRead, Read};

use crate::recognise::without_mark;

/// The first size of a buffer.
const FIRST_SIZE: usize = 128 * 1024;

/// A stream whose head can be looked at before it is read, however small the parts are in which it arrives.
pub(crate) struct PeekedReader<'r> {
    /// What is left of the head.
    head: &'r [u8],
    is_whole: bool,
    /// What the stream failed with while its head was read; it is due after the head.
    failure: Option<io::Error>,
    rest: &'r mut dyn BufRead,
}

impl<'r> PeekedReader<'r> {
    /// Reads so many octets of a stream into a buffer, or all that it has. A byte order mark is passed over.
    pub(crate) fn new(rest: &'r mut dyn BufRead, buffer: &'r mut Vec<u8>, most: usize) -> Self {
        let (filled, failure) = fill(buffer, rest, most);
        Self {
            is_whole: filled < most && failure.is_none(),
            head: without_mark(&buffer[..filled]),
            failure,
            rest,
        }
    }

    /// The head, as far as it was not read.
    pub(crate) fn head(&self) -> &'r [u8] {
        self.head
    }

    /// Whether nothing follows the head.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What the stream failed with behind its head.
    pub(crate) fn failure(self) -> Option<io::Error> {
        self.failure
    }
}

/// Reads so many octets of a stream into the beginning of a buffer, which only grows, or all that it has. How many there
/// are, and what it failed with behind them.
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

impl BufRead for PeekedReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.head.is_empty() {
            return Ok(self.head);
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.head.is_empty() {
            self.rest.consume(amount);
        } else {
            self.head = self.head.get(amount..).unwrap_or_default();
        }
    }
}

impl Read for PeekedReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(into);
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.rest.read(into),
        }
    }
}
