//! Error message for a line that fits no format, with a mark below the column at fault.

use flowlogs_core::flowlog::{LineMismatch, ParseError};
use flowlogs_core::{Formats, LogFormat};

use crate::failure::CommandError;
use crate::text::columns;

/// Returns the error for a line; `error` is the result of [`Formats::parse`].
pub(super) fn error(line: &str, formats: &Formats, error: ParseError) -> CommandError {
    if let Some(format) = LogFormat::documented(line.as_bytes()) {
        return CommandError::failed(format_args!(
            "no known format has these columns, but a documented one, with all fields of a version, has: give --log-format '{format}'"
        ));
    }
    let mismatch = LineMismatch::of(line.as_bytes(), formats, error);
    if mismatch.nearest.is_some() {
        return CommandError::failed(format_args!(
            "{mismatch}; give the line's own format with --log-format"
        ));
    }
    match mismatch.error.column {
        Some(column) => {
            let mark = mark(line, column);
            CommandError::failed(format_args!("{mismatch}\n{mark}"))
        }
        None => CommandError::failed(mismatch),
    }
}

/// Formats the line with a mark below a column, counted from 1.
fn mark(line: &str, column: usize) -> String {
    let mut rest = line;
    for _ in 1..column {
        rest = rest.trim_ascii_start();
        let end = rest.find(|c: char| c.is_ascii_whitespace());
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    let start = line.len() - rest.trim_ascii_start().len();
    let token = line[start..].split_ascii_whitespace().next().unwrap_or("");
    let blanks = columns(&line[..start]);
    let mark = "^".repeat(columns(token).max(1));
    format!("  {line}\n  {:blanks$}{mark}", "")
}
