//! CSV (RFC 4180) of Logs Insights, of a log group in the console, and of Athena.

use flowlogs_core::flowlog::Field;

use super::LineRewriter;
use super::insights;

/// Least number of known fields in the header of a table of fields.
const KNOWN_FIELDS: usize = 2;

/// Table, recognised by the header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CsvTable {
    /// Logs Insights and the console: column of the message, and of the time.
    Messages {
        message: usize,
        timestamp: Option<usize>,
    },
    /// Athena: a column for each field.
    Fields,
}

impl CsvTable {
    /// Recognises a header; `None` if the line is no header.
    pub(super) fn of_header(line: &str) -> Option<Self> {
        if !line.contains([',', '"']) {
            return None;
        }
        let cells = cells(line);
        let column = |name: &str| cells.iter().position(|cell| cell == name);
        for (message, timestamp) in [("@message", "@timestamp"), ("message", "timestamp")] {
            if let Some(message) = column(message) {
                let timestamp = column(timestamp);
                return Some(Self::Messages { message, timestamp });
            }
        }
        let is_name = |cell: &String| {
            let mut octets = cell.bytes();
            !cell.is_empty()
                && octets.all(|octet| octet.is_ascii_alphanumeric() || b"_-".contains(&octet))
        };
        let known = cells.iter().filter(|cell| {
            let name = cell.replace('_', "-").to_ascii_lowercase();
            Field::by_name(name.as_bytes()).is_some()
        });
        (cells.iter().all(is_name) && known.count() >= KNOWN_FIELDS).then_some(Self::Fields)
    }

    /// Returns the rewriter of all lines, the header first.
    pub(super) fn rewriter(self) -> LineRewriter {
        let mut is_header = true;
        Box::new(move |line, out| {
            let is_header = std::mem::take(&mut is_header);
            let cells = cells(line);
            match self {
                Self::Messages { .. } if is_header => {}
                Self::Messages { message, timestamp } => {
                    let Some(message) = cells.get(message) else {
                        // A row that lacks the column, or was cut before it, is a record that cannot be parsed.
                        out.push_str(line.trim());
                        return;
                    };
                    let time = timestamp.and_then(|column| cells.get(column));
                    insights::write(time.map(String::as_str), message, out);
                }
                Self::Fields if line.trim().is_empty() => {}
                Self::Fields => {
                    let tokens = cells.iter().map(|cell| match cell.trim() {
                        "" => "-".to_owned(),
                        // A blank would split the token.
                        cell => cell.replace(char::is_whitespace, "_"),
                    });
                    out.push_str(&tokens.collect::<Vec<_>>().join(" "));
                }
            }
        })
    }
}

/// Splits a row into its cells.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    cells
}

fn push(cells: &mut [String], character: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_split_at_commas_outside_of_quotes() {
        assert_eq!(cells(r#""a ""b"", c",d,"#), [r#"a "b", c"#, "d", ""]);
    }

    #[test]
    fn a_row_without_the_message_is_handed_on_as_it_is() {
        let header = "@timestamp,@message";
        let mut rewriter = CsvTable::of_header(header).expect("a header").rewriter();
        let lines = [header, "a,2 1 eni-1", "cut", "", " "].map(|row| {
            let mut out = String::new();
            rewriter(row, &mut out);
            out
        });
        assert_eq!(lines, ["", "2 1 eni-1", "cut", "", ""]);
    }

    #[test]
    fn headers_are_told_from_lines() {
        assert_eq!(
            CsvTable::of_header("@timestamp,@message"),
            Some(CsvTable::Messages {
                message: 1,
                timestamp: Some(0)
            })
        );
        assert_eq!(
            CsvTable::of_header(r#""version","account_id","day""#),
            Some(CsvTable::Fields)
        );
        assert_eq!(
            CsvTable::of_header("timestamp,message"),
            Some(CsvTable::Messages {
                message: 1,
                timestamp: Some(0)
            })
        );
        for line in [
            "2 123456789012 eni-1",
            "version account-id",
            "a,b",
            r#""srcaddr","x y""#,
        ] {
            assert_eq!(CsvTable::of_header(line), None, "{line}");
        }
    }
}
