//! Compact protocol of Thrift: the encoding of page headers and footers.
//!
//! ```text
//! field: |delta:4|type:4|, value      integers: zigzag, then 7 bits an octet, least first      struct ends with 0
//! list:  |count:4|type:4|, elements   a count from 15 on is an integer of its own
//! ```
//!
//! Source: Apache Thrift, "Thrift Compact protocol encoding".

/// Fault of encoded octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThriftFault {
    /// End of the octets within a value; more octets may complete the value.
    Short,
    /// Wrong octets, which more octets would not mend.
    Malformed,
}

// Types of the compact protocol.
pub(crate) const TRUE: u8 = 1;
pub(crate) const FALSE: u8 = 2;
pub(crate) const BYTE: u8 = 3;
pub(crate) const I16: u8 = 4;
pub(crate) const I32: u8 = 5;
pub(crate) const I64: u8 = 6;
pub(crate) const DOUBLE: u8 = 7;
pub(crate) const BINARY: u8 = 8;
pub(crate) const LIST: u8 = 9;
const SET: u8 = 10;
pub(crate) const STRUCT: u8 = 12;

/// Most levels of structs and lists that are skipped; the format has two.
pub(crate) const MOST_NESTED: u8 = 8;

/// Reader of values in sequence.
pub(crate) struct Compact<'a> {
    rest: &'a [u8],
}

impl<'a> Compact<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// Number of octets left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    fn octet(&mut self) -> Result<u8, ThriftFault> {
        let (first, rest) = self.rest.split_first().ok_or(ThriftFault::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn advance(&mut self, length: u64) -> Result<(), ThriftFault> {
        let length = usize::try_from(length).map_err(|_| ThriftFault::Malformed)?;
        self.rest = self.rest.get(length..).ok_or(ThriftFault::Short)?;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, ThriftFault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            value |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(ThriftFault::Malformed)
    }

    pub(crate) fn integer(&mut self) -> Result<i64, ThriftFault> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn count(&mut self) -> Result<u32, ThriftFault> {
        // Signed in the file.
        let count = i32::try_from(self.integer()?).map_err(|_| ThriftFault::Malformed)?;
        u32::try_from(count).map_err(|_| ThriftFault::Malformed)
    }

    pub(crate) fn size(&mut self) -> Result<usize, ThriftFault> {
        usize::try_from(self.count()?).map_err(|_| ThriftFault::Malformed)
    }

    /// Reads id and type of the next field; `None` at the end of the struct.
    pub(crate) fn field(&mut self, last: &mut i64) -> Result<Option<(i64, u8)>, ThriftFault> {
        let octet = self.octet()?;
        if octet == 0 {
            return Ok(None);
        }
        *last = match octet >> 4 {
            0 => self.integer()?,
            delta => last.saturating_add(i64::from(delta)),
        };
        // An id has 16 bits; cutting a longer id would name another field.
        i16::try_from(*last).map_err(|_| ThriftFault::Malformed)?;
        Ok(Some((*last, octet & 0x0f)))
    }

    /// Reads number and type of the elements of a list.
    pub(crate) fn list(&mut self) -> Result<(u64, u8), ThriftFault> {
        let octet = self.octet()?;
        let elements = match octet >> 4 {
            15 => self.unsigned()?,
            few => u64::from(few),
        };
        Ok((elements, octet & 0x0f))
    }

    /// Skips a value with at most `depth` levels of structs and lists.
    pub(crate) fn skip(&mut self, kind: u8, depth: u8) -> Result<(), ThriftFault> {
        let depth = depth.checked_sub(1).ok_or(ThriftFault::Malformed)?;
        match kind {
            TRUE | FALSE => Ok(()),
            BYTE => self.advance(1),
            I16 | I32 | I64 => self.unsigned().map(drop),
            DOUBLE => self.advance(8),
            BINARY => {
                let length = self.unsigned()?;
                self.advance(length)
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, depth)?;
                }
                Ok(())
            }
            LIST | SET => {
                let (elements, kind) = self.list()?;
                // The format has no list of booleans, whose elements readers take differently.
                if matches!(kind, TRUE | FALSE) && elements > 0 {
                    return Err(ThriftFault::Malformed);
                }
                (0..elements).try_for_each(|_| self.skip(kind, depth))
            }
            _ => Err(ThriftFault::Malformed), // nor has it a map
        }
    }
}
