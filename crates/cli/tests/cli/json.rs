//! Output for programs: every member is documented, so that no member changes unnoticed.

use std::collections::BTreeSet;

use crate::run;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).expect(path)
}

/// Texts between grave accents in a document.
fn words(document: &str) -> BTreeSet<&str> {
    document.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_member_is_in_the_document() {
    let events = format!("{ROOT}/events");
    let directory = tempfile::tempdir().expect("a directory");
    let to = format!("--to=file:{}", directory.path().join("flows").display());
    let outcome = run(
        &[
            "replay",
            "--output=json",
            "--summary=json",
            &to,
            "--",
            &events,
        ],
        "",
    );
    let (document, elements) = (read("docs/json.md"), read("docs/field-mapping.md"));
    let words = words(&document);
    let mut seen = BTreeSet::new();
    for flow in outcome.objects() {
        seen.extend(flow.as_object().expect("an object").keys().cloned());
    }
    assert!(seen.len() > 30, "{seen:?}");
    for name in &seen {
        let known = words.contains(name.as_str()) || elements.contains(&format!("{name} ("));
        assert!(known, "{name}");
    }
    let summary = outcome.summary();
    for (name, _) in summary.as_object().expect("an object") {
        assert!(words.contains(name.as_str()), "{name}");
    }
    let line = "2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 3 4 1418530010 1418530070 ACCEPT OK";
    let explained = run(&["explain", line, "--json"], "").objects().remove(0);
    assert_eq!(
        explained["columns"][3]["exported"][0],
        "sourceIPv4Address (8) = 10.0.0.1"
    );
    assert_eq!(explained["counted"][0], "FlowsExported");
    let fields = run(&["fields", "--json"], "").objects().remove(0);
    for object in [
        &explained,
        &explained["columns"][0],
        &fields[0],
        &summary["targets"][0],
    ] {
        for (name, _) in object.as_object().expect("an object") {
            assert!(words.contains(name.as_str()), "{name}");
        }
    }
    let sample = &summary["unparsed"][0];
    for (name, _) in sample.as_object().expect("an object") {
        assert!(words.contains(name.as_str()), "{name}");
    }
}
