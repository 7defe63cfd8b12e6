//! Results of Logs Insights: the document of `aws logs get-query-results`, and the list of rows that the console saves.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde::Deserialize;
use serde_json::Value;

use crate::clock::Time;

/// Largest document, in octets; a larger document is cut and then no JSON.
const LIMIT: u64 = 256 * 1_024 * 1_024;

/// Document of `aws logs get-query-results`. The console saves the rows alone.
#[derive(Debug, Deserialize)]
struct QueryResults {
    results: Vec<ResultRow>,
}

/// Row of either form.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ResultRow {
    /// `[{"field": "@timestamp", "value": "…"}, …]`.
    Fields(Vec<ResultField>),
    /// `{"@timestamp": "…", …}`.
    Object(BTreeMap<String, Value>),
}

/// Field of a row.
#[derive(Debug, Deserialize)]
struct ResultField {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: String,
}

impl ResultRow {
    /// Returns the text of a field.
    fn value(&self, name: &str) -> Option<&str> {
        match self {
            Self::Fields(fields) => {
                let field = fields.iter().find(|field| field.field == name);
                field.map(|field| field.value.as_str())
            }
            Self::Object(fields) => fields.get(name)?.as_str(),
        }
    }
}

/// Returns whether a document begins like the results of a query.
pub(super) fn is_query_result(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('[') {
        // `[{"@timestamp": "…", "@message": "…"}, …`
        return text.split('"').any(|key| key == "@message");
    }
    let mut keys = text.split('"');
    // `{"results": [[{"field": "@timestamp", "value": …`, or with statistics before the results.
    text.starts_with('{') && keys.any(|key| key == "results") && keys.any(|key| key == "field")
}

/// Reads a document, and returns the messages as lines.
pub(super) fn lines(reader: Box<dyn Read>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(LIMIT).read_to_end(&mut text)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let results: Vec<ResultRow> = match text.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(text)?,
        _ => serde_json::from_slice::<QueryResults>(text)?.results,
    };
    let mut out = String::new();
    for row in &results {
        if let Some(message) = row.value("@message") {
            write(row.value("@timestamp"), message, &mut out);
            out.push('\n');
        }
    }
    if out.is_empty() && !results.is_empty() {
        return Err(io::Error::other(
            "results of Logs Insights without @message; write the query with `fields @timestamp, @message`",
        ));
    }
    Ok(out.into_bytes())
}

/// Writes a message after the time, in UTC: `2026-11-21 10:00:00.000` of Logs Insights, or the milliseconds of the console.
pub(super) fn write(timestamp: Option<&str>, message: &str, out: &mut String) {
    let timestamp = timestamp.unwrap_or_default().trim();
    if let Some((day, time)) = timestamp.split_once([' ', 'T']) {
        out.push_str(&format!("{day}T{}Z ", time.trim_end_matches('Z')));
    } else if let Ok(milliseconds) = timestamp.parse() {
        out.push_str(&format!("{} ", Time(milliseconds)));
    }
    out.push_str(message.trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_lines_after_their_times() {
        let json = r#"{"results": [
            [{"field": "@timestamp", "value": "2026-11-21 10:00:00.000"}, {"field": "@message", "value": "2 1 eni-1"},
             {"field": "@ptr", "value": "x"}]], "statistics": {}, "status": "Complete"}"#;
        let saved =
            r#"[{"@timestamp": "2026-11-21 10:00:00.000", "@message": "2 1 eni-1", "bytes": 4}]"#;
        for document in [json, saved] {
            assert!(is_query_result(document));
            let lines = lines(Box::new(document.as_bytes())).expect("results");
            assert_eq!(
                String::from_utf8(lines).expect("text"),
                "2026-11-21T10:00:00.000Z 2 1 eni-1\n"
            );
        }
        for other in [r#"{"field": "results"}"#, r#"[{"message": "2 1 eni-1"}]"#] {
            assert!(!is_query_result(other), "{other}");
        }
    }

    #[test]
    fn milliseconds_become_a_time() {
        let mut out = String::new();
        write(Some("1795255200500"), "2 1 eni-1", &mut out);
        assert_eq!(out, "2026-11-21T10:00:00.500Z 2 1 eni-1");
    }
}
