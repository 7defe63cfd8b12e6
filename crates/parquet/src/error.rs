//! What can be wrong with a Parquet object, one line each; and the guard between this crate and the library that it
//! decodes with.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError as Library;

/// Why a Parquet object could not be read (to its end).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParquetError {
    /// The object does not begin as a Parquet file does.
    #[error("parquet: not a Parquet file, which begins with PAR1")]
    NotParquet,
    /// The footer, which says where everything is, is missing or damaged.
    #[error("parquet: the footer is damaged: {reason}; deliver or download the object again")]
    Footer {
        /// What is wrong with it.
        reason: String,
    },
    /// A page is damaged.
    #[error(
        "parquet: a page of column {column} in row group {row_group} is damaged: {reason}; deliver or download the \
         object again"
    )]
    Page {
        /// The column, as the file calls it.
        column: String,
        /// The row group, from 1.
        row_group: usize,
        /// What is wrong with it.
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
        /// How many there are.
        columns: usize,
    },
    /// A flow-log column has a type whose values cannot be those of a flow log.
    #[error("parquet: column {column} is {found}; it must be a number or text")]
    ColumnType {
        /// The column, as the file calls it.
        column: String,
        /// The type that it has.
        found: String,
    },
    /// A column is compressed in a way that is not known here.
    #[error(
        "parquet: column {column} is compressed with {codec}; known are gzip, snappy, zstd and no compression"
    )]
    Codec {
        /// The column, as the file calls it.
        column: String,
        /// How it is compressed.
        codec: String,
    },
    /// The file is encrypted.
    #[error(
        "parquet: the file is encrypted with Parquet's own encryption, which AWS does not use for flow logs"
    )]
    Encrypted,
    /// Pages and dictionaries that are needed at the same time take more memory than the reader was allowed to use.
    #[error(
        "parquet: the pages of a row group need over {limit} octets at a time; raise the limit if the writer is to be \
         trusted, or write smaller pages"
    )]
    TooLarge {
        /// The limit, in octets.
        limit: usize,
    },
    /// Reading the object failed.
    #[error("parquet: read: {reason}; the rest is missing")]
    Io {
        /// The kind of failure.
        kind: io::ErrorKind,
        /// The failure in the system's words.
        reason: String,
    },
}

/// Why handing on lines ended early: the object, or the receiver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParquetReadError<E> {
    /// The object could not be read.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// The receiver of the lines stopped.
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

/// What went wrong inside the library: an error of this crate on its way through, or damage that the library found.
pub(crate) enum Fault {
    Ours(ParquetError),
    Damage(String),
}

impl Fault {
    /// The error, if the damage is in the footer.
    pub(crate) fn in_footer(self) -> ParquetError {
        match self {
            Self::Ours(error) => error,
            Self::Damage(reason) => ParquetError::Footer { reason },
        }
    }

    /// The error, if the damage is in a page.
    pub(crate) fn in_page(self, column: &str, row_group: usize) -> ParquetError {
        match self {
            Self::Ours(error) => error,
            Self::Damage(reason) => ParquetError::Page {
                column: column.to_owned(),
                row_group,
                reason,
            },
        }
    }
}

/// An error of this crate as one of the library's, for [`guarded`] to find on the other side.
pub(crate) fn through_library(error: ParquetError) -> Library {
    Library::External(Box::new(error))
}

/// Damage that was found on this side of the library.
pub(crate) fn damage(reason: impl Into<String>) -> Library {
    Library::General(reason.into())
}

/// Calls the library.
///
/// The library asserts what a damaged file can break (a page before its dictionary, levels past their end), and says of
/// itself that it may panic on invalid input. A bad object is an error of that object and never a panic, so the unwinding
/// ends here. What the call worked on is not used again after an error, which is why it may be asserted to be safe.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Library>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Library::External(error))) => Err(match error.downcast::<ParquetError>() {
            Ok(error) => Fault::Ours(*error),
            Err(error) => Fault::Damage(one_line(&error.to_string())),
        }),
        Ok(Err(error)) => Err(Fault::Damage(one_line(&error.to_string()))),
        Err(_) => Err(Fault::Damage("its parts contradict each other".to_owned())),
    }
}

/// The library's words without line breaks, without its prefix, and not without end: they may quote the file.
fn one_line(text: &str) -> String {
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
        let Err(Fault::Ours(received)) = outcome else {
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
        assert!(matches!(outcome, Err(Fault::Damage(_))));
    }
}
