//! Head of a stream.

use std::io::{self, BufRead, Read};

use crate::content::{begins_with_a_line, without_mark};

/// Stream with a head for inspection before reading, also if the stream arrives in small parts.
pub(crate) struct PeekedReader<'r> {
    /// Rest of the head.
    head: &'r [u8],
    is_whole: bool,
    /// Error that ended the reading of the head; due after the head.
    failure: Option<io::Error>,
    rest: &'r mut dyn BufRead,
}

impl<'r> PeekedReader<'r> {
    /// Reads a head of up to `most` octets into `buffer`; of text that arrives in parts, only up to the first line, because
    /// the next line may not come soon. A byte order mark is skipped.
    pub(crate) fn new(rest: &'r mut dyn BufRead, buffer: &'r mut Vec<u8>, most: usize) -> Self {
        let (mut filled, mut failure, mut is_whole) = (0, None, false);
        buffer.resize(most.max(buffer.len()), 0);
        while filled < most && !begins_with_a_line(&buffer[..filled]) {
            match rest.read(&mut buffer[filled..most]) {
                Ok(0) => {
                    is_whole = true;
                    break;
                }
                Ok(octets) => filled += octets,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        Self {
            is_whole,
            head: without_mark(&buffer[..filled]),
            failure,
            rest,
        }
    }

    /// Returns the part of the head that was not read yet.
    pub(crate) fn head(&self) -> &'r [u8] {
        self.head
    }

    /// Returns true if the stream ends with the head.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the error that ended the reading of the head.
    pub(crate) fn failure(self) -> Option<io::Error> {
        self.failure
    }
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
            self.head = &self.head[amount..];
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
