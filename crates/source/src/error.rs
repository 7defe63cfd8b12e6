//! Errors of unpacking: stage, position and remedy, in one line each.

use std::io;

/// Error of a payload, file or object that could not be unpacked to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// Not base64 (RFC 4648 §4; padding may be absent, ASCII whitespace is skipped).
    #[error(
        "base64: octet {position} does not belong there; pass the `data` of the event unchanged and whole"
    )]
    Base64 {
        /// Offset of the octet at fault in the base64 text.
        position: usize,
    },
    /// Damaged, or neither gzip (RFC 1952) nor zlib (RFC 1950).
    #[error("gzip: octet {position} of the compressed data: {fault}")]
    Gzip {
        /// Octets of compressed data that were taken before the fault showed.
        position: u64,
        /// Fault of the compressed data.
        fault: GzipFault,
    },
    /// Not JSON (RFC 8259), or JSON of an unknown kind.
    #[error("json: line {line} column {column}: {fault}")]
    Json {
        /// Line of the decoded document or stream, from 1.
        line: usize,
        /// Octet in that line, from 1; 0 is the line end before it.
        column: usize,
        /// Fault of the document.
        fault: JsonFault,
    },
    /// Inflated payload, or JSON document of a stream, over the limit of the unpacker.
    #[error(
        "too large: over {limit} octets when unpacked; raise the limit if the sender is to be trusted"
    )]
    TooLarge {
        /// Limit, in octets.
        limit: usize,
    },
    /// Parquet file: recognised here, and read by another crate.
    #[error("parquet: this is a Parquet file, which has no lines; read it with the Parquet reader")]
    Parquet,
    /// Content of an unknown kind.
    #[error(
        "unrecognised: neither text, gzip, Parquet nor JSON of a known kind; give a file as AWS delivered it"
    )]
    Unrecognised,
    /// Failure of the input.
    #[error("read: {reason}; the rest is missing")]
    Io {
        /// Kind of failure.
        kind: io::ErrorKind,
        /// Failure in the system's words.
        reason: String,
    },
}

/// Fault of compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GzipFault {
    /// First octets of neither gzip, zlib nor a JSON object.
    #[error("the data is not compressed; it must be gzip, zlib or a JSON object")]
    NotCompressed,
    /// End of the data before the end of the compressed stream.
    #[error("the data ends early; deliver or download it again")]
    Truncated,
    /// Wrong header, compressed content, checksum or length.
    #[error("the data is damaged; deliver or download it again")]
    Damaged,
}

/// Fault of a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// Not JSON.
    #[error("this is not JSON; pass the document unchanged")]
    Syntax,
    /// End of the document before its last brace.
    #[error("the document ends early; pass it whole")]
    EndsEarly,
    /// Event without a `message`, with a `message` that is not text, or with two.
    #[error("an event needs one `message` that is text; pass the document as AWS delivered it")]
    Shape,
    /// Subscription payload without its events.
    #[error("`logEvents` is missing; pass a CloudWatch Logs subscription payload")]
    MissingLogEvents,
    /// Event of a function without a payload.
    #[error(
        "a payload is missing (`awslogs.data`, or the `data` of a record); pass the event as AWS delivered it"
    )]
    MissingData,
    /// Object of an unknown kind.
    #[error(
        "an object of unknown kind; known are subscription payloads, events of Lambda, Kinesis, Firehose and a failure \
         queue, `message` objects and what `aws logs` prints"
    )]
    Unknown,
}

impl JsonFault {
    /// Error at the beginning of a document.
    pub(crate) fn at_begin(self) -> UnpackError {
        UnpackError::Json {
            line: 1,
            column: 1,
            fault: self,
        }
    }
}

/// Reason why handing on lines ended early: the input, or the sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// Error of the input.
    #[error("{0}")]
    Unpack(#[from] UnpackError),
    /// Error of the sink.
    #[error("{0}")]
    Sink(E),
}

impl UnpackError {
    /// Returns the error of this crate within an [`io::Error`], else an `Io` with the words of the system.
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
                "gzip: octet 9 of the compressed data: the data ends early",
            ),
            (
                UnpackError::Json {
                    line: 2,
                    column: 3,
                    fault: JsonFault::Unknown,
                },
                "json: line 2 column 3: an object of unknown kind",
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
