//! Rows of cells that are separated by a character, for spreadsheets and scripts.
//!
//! Names, descriptions and destinations are written by people whom the reader of a table may not know. A spreadsheet runs a
//! cell that begins like a formula (`=cmd|…`), so a `'` stands before such a cell, as OWASP's page "CSV Injection" asks
//! for. A reader that needs every text as it is reads JSON.

use std::io::{self, Write};

use crate::text::visible;

/// Characters that begin a formula, or lead to one, in Excel, LibreOffice and Google Sheets; the last four are the wide
/// forms of the first four, which Excel takes for the same.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Characters that separate cells, here or in a spreadsheet of another country.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// Writes a row. Cells are shown in one line, safe for terminals and spreadsheets, and quoted where RFC 4180 asks for quotes.
pub(crate) fn write_row(out: &mut impl Write, separator: char, cells: &[&str]) -> io::Result<()> {
    let cells: Vec<_> = cells.iter().map(|text| cell(text, separator)).collect();
    writeln!(out, "{}", cells.join(&separator.to_string()))
}

fn cell(text: &str, separator: char) -> String {
    let text = without_formula(&visible(text));
    match text.contains([separator, '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Inserts `'` where a spreadsheet would read a formula: at the beginning, and after a separator within the text, which
/// begins a cell where the spreadsheet expects this separator. Spaces and quotes before the formula do not count. A text
/// that is one character alone is no formula.
fn without_formula(text: &str) -> String {
    if text.chars().nth(1).is_none() {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 1);
    let mut begins_cell = true;
    for character in text.chars() {
        if begins_cell && FORMULA.contains(&character) {
            safe.push('\'');
        }
        begins_cell = SEPARATORS.contains(&character)
            || begins_cell && (character.is_whitespace() || character == '"');
        safe.push(character);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(separator: char, cells: &[&str]) -> String {
        let mut out = Vec::new();
        write_row(&mut out, separator, cells).expect("into memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn no_cell_is_a_formula_in_a_spreadsheet_of_any_country() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-web", "'-web"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\u{fffd}=1"),
            ("\r=1", "\u{fffd}=1"),
            ("  =1", "  '=1"),
            ("＝1", "'＝1"),
            ("＠1", "'＠1"),
            ("a;=1", "a;'=1"),
            ("a;\"=1", "\"a;\"\"'=1\""),
            ("a, -1", "\"a, '-1\""),
            ("\"=1\"", "\"\"\"'=1\"\"\""),
            ("web-1 = a+b@c", "web-1 = a+b@c"),
            ("'=1", "'=1"),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(
                row(',', &["x", text]),
                format!("x,{expected}\n"),
                "{text:?}"
            );
        }
        assert_eq!(row('\t', &["a,=1", "b c"]), "a,'=1\tb c\n");
    }

    #[test]
    fn cells_are_quoted_where_the_separator_or_a_quote_is_within() {
        assert_eq!(
            row(',', &["web \"1\", blue", "a;b"]),
            "\"web \"\"1\"\", blue\",a;b\n"
        );
        assert_eq!(row('\t', &["a,b", "c"]), "a,b\tc\n");
    }
}
