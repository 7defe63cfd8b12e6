//! Cuts a stream of JSON into documents: consecutive objects, with or without whitespace between, or elements of lists.
//!
//! Only strings and brackets are inspected; the parser decides whether a document is JSON. At most one document is in
//! memory, and none larger than the limit. Before a document is handed out, the stream is read on to the next octet that is
//! not whitespace, or to the end: the checksum of a compressed payload has been verified by then.

use std::io::BufRead;

use memchr::{memchr_iter, memchr2};

use crate::error::{JsonFault, UnpackError};

/// Position of a document in the stream: line and column, from 1; columns in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPosition {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl StreamPosition {
    fn pass(&mut self, octets: &[u8]) {
        match memchr_iter(b'\n', octets)
            .inspect(|_| self.line += 1)
            .last()
        {
            Some(last) => self.column = octets.len() - last,
            None => self.column += octets.len(),
        }
    }

    pub(crate) fn fault(self, fault: JsonFault) -> UnpackError {
        UnpackError::Json {
            line: self.line,
            column: self.column,
            fault,
        }
    }

    /// Moves an error from a position in the document that begins here to the position in the stream.
    pub(crate) fn in_stream(self, error: UnpackError) -> UnpackError {
        match error {
            UnpackError::Json {
                line: 1,
                column,
                fault,
            } => UnpackError::Json {
                line: self.line,
                column: self.column + column.saturating_sub(1),
                fault,
            },
            UnpackError::Json {
                line,
                column,
                fault,
            } => UnpackError::Json {
                line: self.line + line.saturating_sub(1),
                column,
                fault,
            },
            other => other,
        }
    }
}

/// Documents of a stream.
pub(crate) struct DocumentStream<'r> {
    input: &'r mut dyn BufRead,
    limit: usize,
    position: StreamPosition,
    state: ListState,
}

/// State of a stream between two documents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListState {
    Outside,
    ListBegins,
    Elements,
    ElementMustFollow,
}

impl<'r> DocumentStream<'r> {
    pub(crate) fn new(input: &'r mut dyn BufRead, limit: usize) -> Self {
        Self {
            input,
            limit,
            position: StreamPosition { line: 1, column: 1 },
            state: ListState::Outside,
        }
    }

    /// Puts the next document into `document` and returns the position; `None` at the end.
    pub(crate) fn next(
        &mut self,
        document: &mut Vec<u8>,
    ) -> Result<Option<StreamPosition>, UnpackError> {
        document.clear();
        loop {
            let Some(octet) = self.next_octet()? else {
                return match self.state {
                    ListState::Outside => Ok(None),
                    _ => Err(self.position.fault(JsonFault::EndsEarly)),
                };
            };
            self.state = match (self.state, octet) {
                (
                    ListState::Outside | ListState::ListBegins | ListState::ElementMustFollow,
                    b'{',
                )
                | (ListState::ListBegins | ListState::ElementMustFollow, b'"') => break,
                (ListState::Outside, b'[') => ListState::ListBegins,
                (ListState::ListBegins | ListState::Elements, b']') => ListState::Outside,
                (ListState::Elements, b',') => ListState::ElementMustFollow,
                _ => return Err(self.position.fault(JsonFault::Syntax)),
            };
            self.pass(1)?;
        }
        if self.state != ListState::Outside {
            self.state = ListState::Elements;
        }
        let begin = self.position;
        self.take(document)?;
        self.next_octet()?;
        Ok(Some(begin))
    }

    /// Skips whitespace and returns the next octet, which stays in the stream.
    fn next_octet(&mut self) -> Result<Option<u8>, UnpackError> {
        loop {
            let chunk = next_chunk(self.input)?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let blank = chunk.len() - chunk.trim_ascii_start().len();
            let octet = chunk.get(blank).copied();
            self.pass(blank)?;
            if octet.is_some() {
                return Ok(octet);
            }
        }
    }

    fn pass(&mut self, length: usize) -> Result<(), UnpackError> {
        let chunk = next_chunk(self.input)?;
        let length = length.min(chunk.len());
        self.position.pass(&chunk[..length]);
        self.input.consume(length);
        Ok(())
    }

    fn take(&mut self, document: &mut Vec<u8>) -> Result<(), UnpackError> {
        let mut scan = EndScan::default();
        loop {
            let chunk = next_chunk(self.input)?;
            if chunk.is_empty() {
                return Err(self.position.fault(JsonFault::EndsEarly));
            }
            let end = scan.end(chunk);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if part.len() > self.limit - document.len() {
                return Err(UnpackError::TooLarge { limit: self.limit });
            }
            document.extend_from_slice(part);
            self.position.pass(part);
            let length = part.len();
            self.input.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

fn next_chunk(input: &mut dyn BufRead) -> Result<&[u8], UnpackError> {
    input.fill_buf().map_err(UnpackError::from_io)
}

/// Finds the end of a document that arrives in parts.
#[derive(Default)]
struct EndScan {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl EndScan {
    /// Number of octets of `part` up to the end of the document, if the document ends there.
    fn end(&mut self, part: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < part.len() {
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                at += memchr2(b'"', b'\\', &part[at..])?;
                self.in_string = part[at] == b'\\';
                self.escaped = self.in_string;
            } else {
                match part[at] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            at += 1;
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufReader};

    use super::*;

    fn cut(
        text: &str,
        limit: usize,
        chunk: usize,
    ) -> (Vec<(usize, usize, String)>, Option<UnpackError>) {
        let mut input = BufReader::with_capacity(chunk, text.as_bytes());
        let mut documents = DocumentStream::new(&mut input, limit);
        let mut document = Vec::new();
        let mut found = Vec::new();
        loop {
            match documents.next(&mut document) {
                Ok(Some(begin)) => {
                    let text = String::from_utf8_lossy(&document).into_owned();
                    found.push((begin.line, begin.column, text));
                }
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error)),
            }
        }
    }

    fn all(text: &str) -> Vec<(usize, usize, String)> {
        let (found, error) = cut(text, 1000, 1000);
        assert_eq!(error, None, "{text}");
        for chunk in 1..20 {
            assert_eq!(
                cut(text, 1000, chunk),
                (found.clone(), None),
                "chunks of {chunk}"
            );
        }
        found
    }

    fn place(line: usize, column: usize, text: &str) -> (usize, usize, String) {
        (line, column, text.to_owned())
    }

    #[test]
    fn documents_may_follow_each_other_directly_or_on_lines() {
        assert_eq!(
            all("{\"a\":1}{\"b\":2}\n\r\n {\"c\":\n3}\n"),
            [
                place(1, 1, "{\"a\":1}"),
                place(1, 8, "{\"b\":2}"),
                place(3, 2, "{\"c\":\n3}")
            ]
        );
    }

    #[test]
    fn brackets_and_quotes_in_strings_do_not_count() {
        let document = r#"{"a":"}\"]{\\","b":[{"c":"\\\""}]}"#;
        assert_eq!(all(&document.repeat(2)).len(), 2);
    }

    #[test]
    fn elements_of_lists_are_documents() {
        assert_eq!(
            all("[ {\"a\":[1]} , \"x\\\"y\"]\n[][{}]"),
            [
                place(1, 3, "{\"a\":[1]}"),
                place(1, 15, "\"x\\\"y\""),
                place(2, 4, "{}")
            ]
        );
    }

    #[test]
    fn what_is_no_document_is_an_error_at_its_place() {
        let cases = [
            ("{}\n {} x", 2, 5, JsonFault::Syntax),
            ("{},{}", 1, 3, JsonFault::Syntax),
            ("[{} {}]", 1, 5, JsonFault::Syntax),
            ("[{},]", 1, 5, JsonFault::Syntax),
            ("[[{}]]", 1, 2, JsonFault::Syntax),
            ("[5]", 1, 2, JsonFault::Syntax),
            ("[{}", 1, 4, JsonFault::EndsEarly),
            ("{\n{}", 2, 3, JsonFault::EndsEarly),
        ];
        for (text, line, column, fault) in cases {
            let expected = UnpackError::Json {
                line,
                column,
                fault,
            };
            assert_eq!(cut(text, 1000, 1000).1, Some(expected), "{text}");
        }
    }

    #[test]
    fn a_document_over_the_limit_is_an_error_and_one_at_it_is_not() {
        let (found, error) = cut("{\"a\":1}{\"bc\":2}", 7, 3);
        assert_eq!(found, [place(1, 1, "{\"a\":1}")]);
        assert_eq!(error, Some(UnpackError::TooLarge { limit: 7 }));
    }

    #[test]
    fn a_document_is_held_back_until_what_follows_it_was_read() {
        struct Cut;
        impl io::Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("cut"))
            }
        }
        let mut input = BufReader::new(io::Read::chain(&b"{} "[..], Cut));
        let outcome = DocumentStream::new(&mut input, 10).next(&mut Vec::new());
        assert!(matches!(outcome, Err(UnpackError::Io { .. })));
    }
}
