//! Errors of Parquet objects, one line each, and the guard around the library.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError as LibraryError;

/// Error of a Parquet object that could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetError {
    /// The object does not begin as a Parquet file does.
    #[error("parquet: not a Parquet file, which begins with PAR1")]
    NotParquet,
    /// Missing or damaged footer.
    #[error("parquet: the footer is damaged: {reason}; deliver or download the object again")]
    Footer {
        /// Fault.
        reason: String,
    },
    /// A page is damaged.
    #[error(
        "parquet: a page of column {column} in row group {row_group} is damaged: {reason}; deliver or download the \
         object again"
    )]
    Page {
        /// Name of the column in the file.
        column: String,
        /// Row group, from 1.
        row_group: usize,
        /// Fault.
        reason: String,
    },
    /// Fewer than two columns of a flow log, or neither an address nor a counter among them.
    #[error(
        "parquet: not a flow log, which has addresses or counters in columns such as srcaddr, dstaddr and bytes"
    )]
    NoFlowLogColumn,
    /// OCSF, the schema of Security Lake.
    #[error(
        "parquet: not a flow log but OCSF, the schema of Security Lake; read the objects that the flow log itself \
         delivers to S3"
    )]
    Ocsf,
    /// More columns than a record format may have.
    #[error("parquet: {columns} columns, which are more than a flow log can have")]
    TooManyColumns {
        /// Number of columns.
        columns: usize,
    },
    /// A flow-log column has a type whose values cannot be those of a flow log.
    #[error("parquet: column {column} is {found}; it must be a number or text")]
    ColumnType {
        /// Name of the column in the file.
        column: String,
        /// Type of the column.
        found: String,
    },
    /// Unknown compression of a column.
    #[error(
        "parquet: column {column} is compressed with {codec}; known are gzip, snappy, zstd and no compression"
    )]
    Codec {
        /// Name of the column in the file.
        column: String,
        /// Compression of the column.
        codec: String,
    },
    /// Texts of a column in a delta encoding, which no writer of flow logs uses and which cannot be bounded in memory.
    #[error(
        "parquet: column {column} has the encoding {encoding}; write texts plain or with a dictionary"
    )]
    Encoding {
        /// Name of the column in the file.
        column: String,
        /// Name of the encoding.
        encoding: String,
    },
    /// The file is encrypted.
    #[error(
        "parquet: the file is encrypted with Parquet's own encryption, which AWS does not use for flow logs"
    )]
    Encrypted,
    /// Pages and dictionaries of a row group that need more memory than the limit at the same time.
    #[error(
        "parquet: the pages of a row group need over {limit} octets at a time; raise the limit if the writer is to be \
         trusted, or write smaller pages"
    )]
    TooLarge {
        /// Limit, in octets.
        limit: usize,
    },
    /// Failure to read the object.
    #[error("parquet: read: {reason}; the rest is missing")]
    Io {
        /// Kind of failure.
        kind: io::ErrorKind,
        /// Failure in the system's words.
        reason: String,
    },
}

/// Reason why handing on lines ended early: the object, or the sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParquetReadError<E> {
    /// Error of the object.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// Error of the sink.
    #[error("{0}")]
    Sink(E),
}

impl From<io::Error> for ParquetError {
    fn from(error: io::Error) -> Self {
        Self::Io {
            kind: error.kind(),
            reason: error.to_string(),
        }
    }
}

/// Failure inside the library: an error of this crate on its way through, or damage that the library found.
pub(crate) enum LibraryFault {
    Ours(ParquetError),
    Damage(String),
}

impl LibraryFault {
    /// Error of a footer.
    pub(crate) fn in_footer(self) -> ParquetError {
        match self {
            Self::Ours(error) => error,
            Self::Damage(reason) => ParquetError::Footer { reason },
        }
    }

    /// Error of a page.
    pub(crate) fn in_page(self, column: &str, row_group: usize) -> ParquetError {
        match self {
            Self::Ours(ParquetError::Encoding { encoding, .. }) => ParquetError::Encoding {
                column: column.to_owned(),
                encoding,
            },
            Self::Ours(error) => error,
            Self::Damage(reason) => ParquetError::Page {
                column: column.to_owned(),
                row_group,
                reason,
            },
        }
    }
}

/// Wraps an error of this crate in an error of the library, for [`guarded`] to unwrap.
pub(crate) fn through_library(error: ParquetError) -> LibraryError {
    LibraryError::External(Box::new(error))
}

/// Damage found by this crate, as an error of the library.
pub(crate) fn damage(reason: impl Into<String>) -> LibraryError {
    LibraryError::General(reason.into())
}

/// Calls the library, and turns a panic into damage.
///
/// The library asserts properties that a damaged file can break (a page before its dictionary, levels past their end), and
/// documents that invalid input may panic. The state of a failed call is not used again, so that the call may be asserted
/// to be unwind-safe.
pub(crate) fn guarded<T>(
    call: impl FnOnce() -> Result<T, LibraryError>,
) -> Result<T, LibraryFault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(LibraryError::External(error))) => Err(match error.downcast::<ParquetError>() {
            Ok(error) => LibraryFault::Ours(*error),
            Err(error) => LibraryFault::Damage(one_line(&error.to_string())),
        }),
        Ok(Err(error)) => Err(LibraryFault::Damage(one_line(&error.to_string()))),
        Err(_) => Err(LibraryFault::Damage(
            "its parts contradict each other".to_owned(),
        )),
    }
}

/// Words of the library in one line of bounded length, without the library's prefix: they may quote the file.
fn one_line(text: &str) -> String {
    /// Most characters of the line.
    const LONGEST: usize = 160;
    let text = text.split_once("error: ").map_or(text, |(_, rest)| rest);
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for character in text.chars().take(LONGEST) {
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_one_line_that_says_parquet_first() {
        let text = || "x".to_owned();
        let errors = [
            ParquetError::NotParquet,
            ParquetError::Footer { reason: text() },
            ParquetError::Page {
                column: text(),
                row_group: 1,
                reason: text(),
            },
            ParquetError::NoFlowLogColumn,
            ParquetError::Ocsf,
            ParquetError::TooManyColumns { columns: 2000 },
            ParquetError::ColumnType {
                column: text(),
                found: text(),
            },
            ParquetError::Codec {
                column: text(),
                codec: text(),
            },
            ParquetError::Encoding {
                column: text(),
                encoding: text(),
            },
            ParquetError::Encrypted,
            ParquetError::TooLarge { limit: 5 },
            io::Error::other("cable cut").into(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.starts_with("parquet: "), "{text}");
            assert!(!text.contains('\n') && !text.contains("  "), "{text}");
        }
    }

    #[test]
    fn an_error_of_this_crate_survives_its_way_through_the_library() {
        let sent = ParquetError::TooLarge { limit: 7 };
        let outcome: Result<(), _> = guarded(|| Err(through_library(sent.clone())));
        let Err(LibraryFault::Ours(received)) = outcome else {
            panic!("it was ours");
        };
        assert_eq!(received, sent);
    }

    #[test]
    fn what_the_library_says_is_one_line_of_bounded_length() {
        let long = format!("a\n{}", "b".repeat(5_000));
        let outcome: Result<(), _> = guarded(|| Err(damage(long.clone())));
        let error = outcome
            .map_err(|fault| fault.in_page("bytes", 2))
            .expect_err("damage");
        let text = error.to_string();
        assert!(text.contains("column bytes in row group 2"), "{text}");
        assert!(!text.contains('\n') && text.len() < 400, "{text}");
    }

    #[test]
    fn a_panic_of_the_library_is_damage() {
        let outcome: Result<(), _> = guarded(|| panic!("index out of bounds"));
        assert!(matches!(outcome, Err(LibraryFault::Damage(_))));
    }
}
