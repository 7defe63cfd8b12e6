//! UTF-16 with a byte order mark, as UTF-8.

use std::io::{self, Read};

/// Order of the octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endianness {
    Little,
    Big,
}

impl Endianness {
    /// Recognises a byte order mark.
    pub(super) fn of_mark(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }
}

/// Reader of UTF-16 that returns UTF-8, without the mark.
pub(super) struct Utf16Reader {
    input: Box<dyn Read>,
    endianness: Endianness,
    /// Octets of a code unit, and code units of a character, that are not whole yet.
    octet: Option<u8>,
    surrogate: Option<u16>,
    out: io::Cursor<Vec<u8>>,
}

impl Utf16Reader {
    pub(super) fn new(input: Box<dyn Read>, endianness: Endianness) -> Self {
        Self {
            input,
            endianness,
            octet: None,
            surrogate: None,
            out: io::Cursor::default(),
        }
    }

    /// Decodes the next octets; returns whether there were any.
    fn next(&mut self) -> io::Result<bool> {
        let mut octets = [0; 8_192];
        let read = self.input.read(&mut octets)?;
        let mut units = Vec::with_capacity(read / 2 + 1);
        units.extend(self.surrogate.take());
        for &octet in &octets[..read] {
            match self.octet.take() {
                None => self.octet = Some(octet),
                Some(first) => units.push(match self.endianness {
                    Endianness::Little => u16::from_le_bytes([first, octet]),
                    Endianness::Big => u16::from_be_bytes([first, octet]),
                }),
            }
        }
        if read > 0
            && units
                .last()
                .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
        {
            self.surrogate = units.pop();
        }
        let text: String = char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .filter(|character| *character != '\u{feff}')
            .collect();
        self.out = io::Cursor::new(text.into_bytes());
        Ok(read > 0)
    }
}

impl Read for Utf16Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let octets = self.out.read(buffer)?;
            if octets > 0 || buffer.is_empty() || !self.next()? {
                return Ok(octets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reader that returns an octet at a time.
    struct Slow(io::Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(1);
            self.0.read(&mut buffer[..end])
        }
    }

    #[test]
    fn both_orders_are_read_however_the_octets_arrive() {
        let text = "\u{feff}2 eni-1 本 🦀\r\n";
        for endianness in [Endianness::Little, Endianness::Big] {
            let octets: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| match endianness {
                    Endianness::Little => unit.to_le_bytes(),
                    Endianness::Big => unit.to_be_bytes(),
                })
                .collect();
            assert_eq!(Endianness::of_mark(&octets), Some(endianness));
            let mut out = String::new();
            let input = Box::new(Slow(io::Cursor::new(octets)));
            Utf16Reader::new(input, endianness)
                .read_to_string(&mut out)
                .expect("UTF-8");
            assert_eq!(out, "2 eni-1 本 🦀\r\n");
        }
    }
}
