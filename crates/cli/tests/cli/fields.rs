//! `flowlogs fields`.

use crate::run;

#[test]
fn the_list_has_every_field() {
    let outcome = run(&["fields"], "");
    assert_eq!(outcome.status, Some(0));
    for name in [
        "version ",
        "ecs-task-id ",
        "next-hop-interface-type ",
        "packets-lost-ttl-expired ",
    ] {
        assert!(
            outcome.stdout.lines().any(|line| line.starts_with(name)),
            "{name}"
        );
    }
}

#[test]
fn the_markdown_is_the_document_in_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/field-mapping.md");
    let kept = std::fs::read_to_string(path).expect("docs/field-mapping.md");
    assert_eq!(run(&["fields", "--markdown"], "").stdout, kept);
}
