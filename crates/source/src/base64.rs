//! Base64 stage: text within JSON → octets, in a reused buffer.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, DecodeSliceError};
use base64_simd::AsOut;

use crate::UnpackError;
use crate::memory::release;

/// Padding is neither required nor refused, because some producers omit padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64 into a reused buffer.
#[derive(Debug, Default)]
pub(crate) struct Base64Decoder {
    decoded: Vec<u8>,
    /// Text without whitespace: copies from a terminal or a mail are wrapped.
    compact: Vec<u8>,
}

impl Base64Decoder {
    pub(crate) fn decode(&mut self, text: &[u8]) -> Result<&[u8], UnpackError> {
        let room = base64::decoded_len_estimate(text.len());
        if self.decoded.len() < room {
            self.decoded.resize(room, 0);
        }
        // Fast path, several times as fast; the error of the slow path has a position.
        let fast = base64_simd::STANDARD.decode(text, self.decoded.as_mut_slice().as_out());
        if let Ok(decoded) = fast {
            let length = decoded.len();
            return Ok(&self.decoded[..length]);
        }
        let length = match BASE64.decode_slice(text, &mut self.decoded) {
            Ok(length) => length,
            // Payloads of AWS have no whitespace, so that only an error is worth a search through a megabyte.
            Err(error) if !text.iter().any(u8::is_ascii_whitespace) => {
                return Err(UnpackError::Base64 {
                    position: position(&error, text),
                });
            }
            Err(_) => {
                self.compact.clear();
                self.compact
                    .extend(text.iter().filter(|octet| !octet.is_ascii_whitespace()));
                BASE64
                    .decode_slice(&self.compact, &mut self.decoded)
                    .map_err(|error| UnpackError::Base64 {
                        position: position_in_wrapped(position(&error, &self.compact), text),
                    })?
            }
        };
        Ok(&self.decoded[..length])
    }

    pub(crate) fn release(&mut self) {
        release(&mut self.decoded);
        release(&mut self.compact);
    }
}

fn position(error: &DecodeSliceError, text: &[u8]) -> usize {
    match error {
        DecodeSliceError::DecodeError(
            DecodeError::InvalidByte(offset, _) | DecodeError::InvalidLastSymbol { offset, .. },
        ) => *offset,
        // The length or the padding is wrong: something is missing at the end.
        DecodeSliceError::DecodeError(
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding,
        )
        | DecodeSliceError::OutputSliceTooSmall => text.len(),
    }
}

fn position_in_wrapped(position: usize, text: &[u8]) -> usize {
    text.iter()
        .enumerate()
        .filter(|(_, octet)| !octet.is_ascii_whitespace())
        .nth(position)
        .map_or(text.len(), |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<Vec<u8>, UnpackError> {
        Base64Decoder::default()
            .decode(text.as_bytes())
            .map(<[u8]>::to_vec)
    }

    #[test]
    fn padding_may_be_there_or_not() {
        for text in ["aGVsbG8=", "aGVsbG8"] {
            assert_eq!(decoded(text), Ok(b"hello".to_vec()));
        }
        assert_eq!(decoded(""), Ok(Vec::new()));
    }

    #[test]
    fn whitespace_is_skipped_wherever_it_is() {
        for text in [" aGVs\r\nbG8=\n", "aGVsbG8=\n", "\taGVsbG8"] {
            assert_eq!(decoded(text), Ok(b"hello".to_vec()));
        }
    }

    #[test]
    fn an_error_says_which_octet_is_wrong() {
        assert_eq!(
            decoded("aGV*bG8="),
            Err(UnpackError::Base64 { position: 3 })
        );
        assert_eq!(
            decoded("aG\nV*bG8="),
            Err(UnpackError::Base64 { position: 4 })
        );
        assert_eq!(decoded("aGVsb"), Err(UnpackError::Base64 { position: 5 }));
        assert_eq!(decoded("aGVs\nb"), Err(UnpackError::Base64 { position: 6 }));
        assert_eq!(
            decoded("aGVsbG9="),
            Err(UnpackError::Base64 { position: 6 })
        );
    }

    #[test]
    fn the_buffer_of_a_longer_text_does_not_show_through() {
        let mut base64 = Base64Decoder::default();
        assert_eq!(base64.decode(b"aGVsbG8="), Ok(&b"hello"[..]));
        assert_eq!(base64.decode(b"aGk="), Ok(&b"hi"[..]));
    }
}
