//! The captured events of `events/`, with the expected counters of each.

use std::path::PathBuf;

use serde_json::Value;

/// A captured event, or several, in one file.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the file within `events/`.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Expected counters by the names of the metrics, with a reason where needed.
    pub expected: Value,
}

impl Case {
    /// Returns an expected counter; 0 if the case does not mention the counter.
    pub fn number(&self, key: &str) -> u64 {
        self.expected[key].as_u64().unwrap_or_default()
    }

    /// Returns the failing stage of a damaged event; `None` for an undamaged event.
    pub fn error(&self) -> Option<&str> {
        self.expected["error"].as_str()
    }
}

/// Path of `events/`.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"))
}

/// Path of the inventory: interfaces, VPCs and flow logs of the events as printed by the AWS CLI.
pub fn inventory() -> PathBuf {
    directory().join("inventory.json")
}

/// Returns every case, damaged or not.
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

/// Returns the cases with at least one flow.
pub fn with_flows() -> Vec<Case> {
    let mut cases = all();
    cases.retain(|case| case.number("FlowsExported") > 0);
    cases
}
