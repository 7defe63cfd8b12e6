//! `flowlogs fields`.

use crate::run;

#[test]
fn the_list_has_every_field() {
    let outcome = run(&["fields"], "");
    assert_eq!(outcome.status, Some(0));
    let fields = run(&["fields", "--json"], "").objects().remove(0);
    let fields = fields.as_array().expect("an array");
    assert!(fields.len() > 50, "{}", fields.len());
    for field in fields {
        let name = format!("{} ", field["name"].as_str().expect("a name"));
        assert!(
            outcome.stdout.lines().any(|line| line.starts_with(&name)),
            "{name}"
        );
    }
}

#[test]
fn the_markdown_is_the_document_in_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/field-mapping.md");
    let kept = std::fs::read_to_string(path).expect("docs/field-mapping.md");
    assert!(
        run(&["fields", "--markdown"], "").stdout == kept,
        "docs/field-mapping.md is out of date: flowlogs fields --markdown > docs/field-mapping.md"
    );
}
