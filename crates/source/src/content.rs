//! Recognises content by its first octets, never by a name.

use crate::inflate::Compression;

/// First octets of a Parquet file (Apache Parquet, "File Format").
pub const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

/// Octets that are inspected to recognise a stream.
pub(crate) const HEAD: usize = 512;

/// Kind of content, by its first octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Empty,
    Compressed(Compression),
    Parquet,
    Json,
    Text,
    Binary,
}

impl Content {
    /// Recognises octets without a byte order mark; `is_whole` says that nothing follows them.
    pub(crate) fn recognise(octets: &[u8], is_whole: bool) -> Self {
        let head = &octets[..octets.len().min(HEAD)];
        let is_whole = is_whole && head.len() == octets.len();
        if head.is_empty() {
            return Self::Empty;
        }
        if head.starts_with(&PARQUET_MAGIC) {
            return Self::Parquet;
        }
        if let Some(compression) = Compression::recognise(head) {
            return Self::Compressed(compression);
        }
        if let [b'{' | b'[', ..] = head.trim_ascii_start() {
            return Self::Json;
        }
        let is_encoded = match str::from_utf8(head) {
            Ok(_) => true,
            // The head may end within a character.
            Err(error) => error.error_len().is_none() && !is_whole,
        };
        let is_printable = |octet: &u8| !octet.is_ascii_control() || octet.is_ascii_whitespace();
        if is_encoded && head.iter().all(is_printable) {
            Self::Text
        } else {
            Self::Binary
        }
    }
}

/// Strips the byte order mark that some editors put before UTF-8.
pub(crate) fn without_mark(octets: &[u8]) -> &[u8] {
    octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets)
}
