//! Lines that fit no format.

use super::file;
use crate::{DEFAULT, run};

#[test]
fn lines_that_fit_no_format_are_a_failure_only_where_all_of_them_do() {
    let none = run(&["replay", "-"], "what is this\n");
    assert_eq!(none.status, Some(1));
    assert!(
        none.stderr
            .contains("flowlogs: standard input: none of 1 line fits a format (3 columns; the nearest known format is"),
        "{none:?}"
    );
    assert!(
        none.stderr
            .contains("not parsed: standard input, record 1: 3 columns; the nearest"),
        "{none:?}"
    );
    assert!(none.stderr.contains("--log-format"), "{none:?}");

    let some = run(&["replay", "-"], &format!("what is this\n{DEFAULT}"));
    assert_eq!(some.status, Some(0), "{some:?}");

    let header = run(&["replay", "-"], "version account-id srcaddr\n");
    assert_eq!(header.status, Some(0), "{header:?}");
    let note = "no flow-log line in standard input";
    assert!(header.stderr.contains(note), "{header:?}");
    let nothing = run(&["replay", "-"], "");
    assert_eq!(nothing.status, Some(1), "{nothing:?}");
    assert!(nothing.stderr.contains("nothing was read"), "{nothing:?}");
    assert!(!nothing.stderr.contains(note), "{nothing:?}");
}

#[test]
fn strict_allows_no_line_that_fits_no_format() {
    let lines = format!("what is this\n{DEFAULT}");
    let outcome = run(&["replay", "--strict", "-"], &lines);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("--strict allows no line without a format: 1 line"),
        "{outcome:?}"
    );
    assert_eq!(run(&["replay", "--strict", "-"], DEFAULT).status, Some(0));
}

#[test]
fn a_given_format_that_does_not_fit_is_to_be_corrected_and_not_given() {
    let format = ["replay", "--log-format=srcaddr dstaddr", "-"];
    let outcome = run(&format, DEFAULT);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    for text in [
        "none of 2 lines fits a format (the line has 14 columns, the format 2); correct --log-format, or leave it out",
        "not parsed: standard input, record 1: the line has 14 columns, the format 2",
        "tried: header lines and --log-format; correct --log-format, or leave it out",
    ] {
        assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    }
    assert!(!outcome.stderr.contains("give the"), "{outcome:?}");
}

#[test]
fn each_input_without_a_fitting_line_has_its_own_reason() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let paths: Vec<_> = (1..=8)
        .map(|columns| {
            let line = vec!["x"; columns].join(" ") + "\n";
            file(directory.path(), &format!("{columns}.txt"), &line)
        })
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let outcome = run(&[&["replay", "--summary=none"], &paths[..]].concat(), "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 8, "{lines:?}");
    for (line, columns) in lines.into_iter().zip(1..) {
        let s = if columns == 1 { "" } else { "s" };
        let own = format!("/{columns}.txt: none of 1 line fits a format ({columns} column{s}; ");
        assert!(line.contains(&own), "{own}: {line}");
    }
}
