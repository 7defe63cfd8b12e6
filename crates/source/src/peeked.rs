//! Stream with a head that can be inspected before it is read.

use std::io::{self, BufRead, Read};

use crate::content::without_mark;
use crate::memory::fill;

/// Stream with a head that can be inspected before it is read, however small the parts are in which it arrives.
pub(crate) struct PeekedReader<'r> {
    /// Rest of the head.
    head: &'r [u8],
    is_whole: bool,
    /// Error of the stream while its head was read; due after the head.
    failure: Option<io::Error>,
    rest: &'r mut dyn BufRead,
}

impl<'r> PeekedReader<'r> {
    /// Reads a head of up to `most` octets into `buffer`. A byte order mark is skipped.
    pub(crate) fn new(rest: &'r mut dyn BufRead, buffer: &'r mut Vec<u8>, most: usize) -> Self {
        let (filled, failure) = fill(buffer, rest, most);
        Self {
            is_whole: filled < most && failure.is_none(),
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

    /// Returns the error of the stream behind its head.
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
