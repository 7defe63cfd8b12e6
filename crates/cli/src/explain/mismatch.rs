//! Error message for a line that fits no format, with a mark below the column at fault.

use flowlogs_core::Formats;
use flowlogs_core::flowlog::{FlowRecord, ParseError, ParseProblem, RecordValues};

use crate::failure::CommandError;
use crate::text::columns;

/// Returns the error for a line; `error` is that of the format that was tried last.
pub(super) fn error(line: &str, formats: &Formats, error: ParseError) -> CommandError {
    let tokens = line.split_ascii_whitespace().count();
    let mut values = RecordValues::default();
    // The error of a format with as many columns says more than that of the first format.
    let closest = formats
        .candidates()
        .filter(|format| format.names().len() == tokens)
        .find_map(|format| FlowRecord::parse(format, line.as_bytes(), &mut values).err());
    let wrong_length = matches!(
        error.problem,
        ParseProblem::Missing { .. } | ParseProblem::Surplus { .. }
    );
    let (text, column) = match closest {
        Some(closest) => (closest.to_string(), closest.column),
        None if wrong_length && formats.candidates().count() > 1 => {
            let mut lengths: Vec<_> = formats
                .candidates()
                .map(|format| format.names().len())
                .collect();
            lengths.sort_unstable();
            lengths.dedup();
            let lengths: Vec<_> = lengths.iter().map(ToString::to_string).collect();
            let text = format!(
                "the line has {tokens} columns, the formats that were tried have {}; give its own with --log-format",
                lengths.join(", ")
            );
            return CommandError::failed(text);
        }
        None => (error.to_string(), error.column),
    };
    CommandError::failed(format_args!("{text}\n{}", mark(line, column)))
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
