//! The captured events of `events/`, each with what must become of it.

use std::path::PathBuf;

use serde_json::Value;

/// A captured event, or several, in one file.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the file within `events/`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The counters that must come out, by the names of the metrics, and why.
    pub expected: Value,
}

impl Case {
    /// An expected number; 0 where nothing is said of it.
    pub fn number(&self, key: &str) -> u64 {
        self.expected[key].as_u64().unwrap_or_default()
    }

    /// The stage at which a damaged event fails, of those that do.
    pub fn error(&self) -> Option<&str> {
        self.expected["error"].as_str()
    }
}

/// `events/`.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"))
}

/// What the AWS CLI says of the interfaces, VPCs and flow logs of the events.
pub fn inventory() -> PathBuf {
    directory().join("inventory.json")
}

/// Every case, damaged ones included.
///
/// # Panics
///
/// If `events/expected.json` cannot be read.
pub fn all() -> Vec<Case> {
    let path = directory().join("expected.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let expected = expected.as_object().expect("an object by file name");
    let case = |(name, expected): (&String, &Value)| Case {
        name: name.clone(),
        path: directory().join(name),
        expected: expected.clone(),
    };
    expected.iter().map(case).collect()
}

/// The cases that make flows.
pub fn with_flows() -> Vec<Case> {
    let mut cases = all();
    cases.retain(|case| case.number("FlowsExported") > 0);
    cases
}
