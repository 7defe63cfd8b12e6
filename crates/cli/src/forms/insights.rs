//! Results of Logs Insights.

use std::io::{self, Read};

use serde::Deserialize;

/// Limit of a document.
const LIMIT: u64 = 256 * 1_024 * 1_024;

/// Document of `aws logs get-query-results`.
#[derive(Debug, Deserialize)]
struct QueryResults {
    results: Vec<Vec<ResultField>>,
}

/// Field of a row.
#[derive(Debug, Deserialize)]
struct ResultField {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: String,
}

/// Returns whether a document begins like the results of a query.
pub(super) fn is_query_result(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let mut keys = text.split('"');
    // `{"results": [[{"field": "@timestamp", "value": …`, or with statistics before the results.
    text.starts_with('{') && keys.any(|key| key == "results") && keys.any(|key| key == "field")
}

/// Reads a document, and returns the messages as lines.
pub(super) fn lines(reader: Box<dyn Read>) -> io::Result<Vec<u8>> {
    let results: QueryResults = serde_json::from_reader(reader.take(LIMIT))?;
    let mut out = String::new();
    for row in &results.results {
        let value = |name: &str| {
            let field = row.iter().find(|field| field.field == name);
            field.map(|field| field.value.as_str())
        };
        if let Some(message) = value("@message") {
            write(value("@timestamp"), message, &mut out);
            out.push('\n');
        }
    }
    if out.is_empty() && !results.results.is_empty() {
        return Err(io::Error::other(
            "results of Logs Insights without @message; write the query with `fields @timestamp, @message`",
        ));
    }
    Ok(out.into_bytes())
}

/// Writes a message behind the time; Logs Insights writes `2026-11-21 10:00:00.000`, in UTC.
pub(super) fn write(timestamp: Option<&str>, message: &str, out: &mut String) {
    if let Some((day, time)) = timestamp.and_then(|time| time.trim().split_once([' ', 'T'])) {
        out.push_str(&format!("{day}T{}Z ", time.trim_end_matches('Z')));
    }
    out.push_str(message.trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_lines_behind_their_times() {
        let json = r#"{"results": [
            [{"field": "@timestamp", "value": "2026-11-21 10:00:00.000"}, {"field": "@message", "value": "2 1 eni-1"},
             {"field": "@ptr", "value": "x"}]], "statistics": {}, "status": "Complete"}"#;
        assert!(is_query_result(json));
        assert!(!is_query_result(r#"{"field": "results"}"#));
        let lines = lines(Box::new(json.as_bytes())).expect("results");
        assert_eq!(
            String::from_utf8(lines).expect("text"),
            "2026-11-21T10:00:00.000Z 2 1 eni-1\n"
        );
    }
}
