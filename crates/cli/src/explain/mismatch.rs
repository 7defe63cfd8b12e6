//! Error message for a line that fits no format, with a mark below the column at fault.

use flowlogs_core::flowlog::field::FIELDS;
use flowlogs_core::flowlog::{FlowRecord, ParseError, ParseProblem, RecordValues};
use flowlogs_core::{Formats, LogFormat};

use crate::failure::CommandError;
use crate::text::columns;

/// Returns the error for a line; `error` is that of the format that was tried last.
pub(super) fn error(line: &str, formats: &Formats, error: ParseError) -> CommandError {
    let tokens = line.split_ascii_whitespace().count();
    let mut values = RecordValues::default();
    if let Some(format) = LogFormat::documented(line.as_bytes()) {
        return CommandError::failed(format_args!(
            "no format has these columns; they are all fields of a version in a documented order: --log-format '{format}'"
        ));
    }
    // The error of a format with as many columns says more than that of the first format.
    let closest = formats
        .candidates()
        .filter(|format| format.names().len() == tokens)
        .find_map(|format| FlowRecord::parse(format, line.as_bytes(), &mut values).err())
        .filter(|_| error.problem != ParseProblem::NotTheDefault);
    let wrong_length = matches!(
        error.problem,
        ParseProblem::Missing { .. } | ParseProblem::Surplus { .. }
    );
    let (text, column) = match closest {
        Some(closest) => (closest.to_string(), closest.column),
        None if wrong_length && formats.candidates().count() > 1 => {
            let nearest = nearest(formats, tokens);
            return CommandError::failed(format!(
                "the line has {tokens} columns; nearest: {nearest}; give its own format with --log-format"
            ));
        }
        None => (error.to_string(), error.column),
    };
    CommandError::failed(format_args!("{text}\n{}", mark(line, column)))
}

/// Names the format whose number of columns is nearest: of the candidates, and of all fields up to a version.
fn nearest(formats: &Formats, tokens: usize) -> String {
    let candidates = formats
        .candidates()
        .map(|format| (format.names().len(), "a known format".to_owned()));
    let versions = (2..=u8::MAX).map_while(|version| {
        let fields = FIELDS.iter().filter_map(|field| field.vpc);
        let last = fields.clone().max().is_some_and(|last| version <= last);
        let columns = fields.filter(|added| *added <= version).count();
        last.then(|| (columns, format!("version {version}")))
    });
    let nearest = versions
        .chain(candidates)
        .min_by_key(|(columns, _)| columns.abs_diff(tokens));
    nearest.map_or_else(String::new, |(columns, name)| {
        format!("{name} with {columns}")
    })
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
