//! IPFIX messages from anybody, as `flowlogs collect` receives them: any octets are decoded or refused within the memory
//! limit; a flow is a JSON object without repeated keys, or a row; nothing printed disturbs a terminal.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

fuzz_target!(|octets: &[u8]| {
    let (flows, json) = flowlogs_cli::collect(octets, true);
    let json = text(&json);
    assert_eq!(json.lines().count() as u64, flows, "an object a line");
    for line in json.lines() {
        serde_json::from_str::<FlowObject>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    let (again, table) = flowlogs_cli::collect(octets, false);
    assert_eq!(again, flows);
    assert!(text(&table).lines().count() as u64 >= flows, "a row a flow");
});

/// Asserts that a text is UTF-8 without control characters besides line ends.
fn text(octets: &[u8]) -> &str {
    let text = str::from_utf8(octets).expect("UTF-8");
    let disturbs =
        |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{2028}".contains(c));
    assert!(!text.contains(disturbs), "{text:?}");
    text
}

/// Object without repeated keys.
struct FlowObject;

impl<'de> Deserialize<'de> for FlowObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for FlowObject {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            assert!(keys.insert(key.clone()), "{key} twice");
        }
        Ok(self)
    }
}
