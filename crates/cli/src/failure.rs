//! Errors that end a command early, in the words of the user.

use std::fmt::Display;
use std::io;

/// Error that ends a command early.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// Wrong usage: exit status 2.
    Usage(String),
    /// Failed work: exit status 1.
    Failed(String),
    /// The reader has closed standard output (`| head`): no message, exit status 0.
    NobodyReads,
}

impl CommandError {
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    pub(crate) fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// Returns the error for a failed write to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::NobodyReads
        } else {
            Self::failed(format_args!("cannot write the output: {error}"))
        }
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) => Some(message),
            Self::NobodyReads => None,
        }
    }

    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::NobodyReads => 0,
        }
    }
}
