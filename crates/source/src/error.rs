//! Why something could not be unpacked: the stage, the place, and what to do about it, in one line each.

use std::io;

/// Why a payload, file or object could not be unpacked (to its end).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The data is not base64 (RFC 4648 §4; padding may be absent, ASCII whitespace is skipped).
    #[error(
        "base64: octet {position} does not belong there; pass the `data` of the event unchanged and whole"
    )]
    Base64 {
        /// Octets of the base64 text before the one at fault.
        position: usize,
    },
    /// The data is not gzip (RFC 1952) or zlib (RFC 1950), or is damaged.
    #[error("gzip: {fault}, at octet {position} of the compressed data")]
    Gzip {
        /// Octets of compressed data that had been taken when the fault was seen.
        position: u64,
        /// What is wrong.
        fault: GzipFault,
    },
    /// The document is not JSON (RFC 8259), or not JSON of a known kind.
    #[error("json: {fault}, at line {line} column {column}")]
    Json {
        /// Line of the decoded document or stream, from 1.
        line: usize,
        /// Octet in that line, from 1; 0 is the line end before it.
        column: usize,
        /// What is wrong.
        fault: JsonFault,
    },
    /// A payload, inflated, or one JSON document of a stream has more octets than the unpacker was allowed to hold.
    #[error(
        "too large: over {limit} octets when unpacked; raise the limit if the sender is to be trusted"
    )]
    TooLarge {
        /// The limit, in octets.
        limit: usize,
    },
    /// The input is a Parquet file: recognised, and read by another crate.
    #[error("parquet: this is a Parquet file, which has no lines; read it with the Parquet reader")]
    Parquet,
    /// The input is nothing that is known here.
    #[error(
        "unrecognised: neither text, gzip, Parquet nor JSON of a known kind; give a file as AWS delivered it"
    )]
    Unrecognised,
    /// Reading the input failed.
    #[error("read: {reason}; the rest is missing")]
    Io {
        /// The kind of failure.
        kind: io::ErrorKind,
        /// The failure in the system's words.
        reason: String,
    },
}

/// What is wrong with compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GzipFault {
    /// The first octets are those of neither gzip, zlib nor a JSON object.
    #[error("the data is not compressed; it must be gzip, zlib or a JSON object")]
    NotCompressed,
    /// The data ends before the compressed stream does.
    #[error("the data ends early and the rest is missing; deliver or download it again")]
    Truncated,
    /// A header, the compressed content, a checksum or a length is wrong.
    #[error("the data is damaged and the rest is missing; deliver or download it again")]
    Damaged,
}

/// What is wrong with a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not JSON.
    #[error("this is not JSON; pass the document unchanged")]
    Syntax,
    /// The document ends before its last brace.
    #[error("the document ends early; pass it whole")]
    EndsEarly,
    /// A text that every event or record of this kind has is missing, or is not text.
    #[error(
        "an event has no `message` (or a record no `data`) that is text; pass it as AWS delivered it"
    )]
    Shape,
    /// A subscription payload without its events.
    #[error("`logEvents` is missing; pass a CloudWatch Logs subscription payload")]
    MissingLogEvents,
    /// A function's event without a payload.
    #[error("`awslogs.data` is missing; pass the event of a CloudWatch Logs subscription")]
    MissingData,
    /// An object of no known kind.
    #[error(
        "an object of unknown kind; known are subscription payloads and events, Firehose records, `message` objects \
         and what `aws logs` prints"
    )]
    Unknown,
}

/// Why handing on lines ended early: the input, or the receiver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// The input could not be unpacked.
    #[error("{0}")]
    Unpack(#[from] UnpackError),
    /// The receiver of the lines stopped.
    #[error("{0}")]
    Sink(E),
}

impl UnpackError {
    /// The error that a reader inside this crate sent through [`io::Read`], or what the system said.
    pub(crate) fn from_io(error: io::Error) -> Self {
        let kind = error.kind();
        match error.downcast::<Self>() {
            Ok(unpack) => unpack,
            Err(error) => Self::Io {
                kind,
                reason: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_one_line_that_starts_with_its_stage() {
        let errors = [
            (UnpackError::Base64 { position: 7 }, "base64: octet 7 "),
            (
                UnpackError::Gzip {
                    position: 9,
                    fault: GzipFault::Truncated,
                },
                "gzip: the data ends early",
            ),
            (
                UnpackError::Json {
                    line: 2,
                    column: 3,
                    fault: JsonFault::Unknown,
                },
                "json: an object of unknown kind",
            ),
            (
                UnpackError::TooLarge { limit: 5 },
                "too large: over 5 octets",
            ),
            (UnpackError::Parquet, "parquet: "),
            (UnpackError::Unrecognised, "unrecognised: "),
            (
                UnpackError::from_io(io::Error::other("cable cut")),
                "read: cable cut",
            ),
        ];
        for (error, start) in errors {
            let text = error.to_string();
            assert!(text.starts_with(start), "{text}");
            assert!(!text.contains('\n') && !text.contains("  "), "{text}");
        }
    }

    #[test]
    fn an_error_of_this_crate_survives_its_way_through_io() {
        let sent = UnpackError::TooLarge { limit: 1 };
        assert_eq!(UnpackError::from_io(io::Error::other(sent.clone())), sent);
    }
}
