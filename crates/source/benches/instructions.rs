//! Invocations to be counted by another program: `instructions FORMAT INTERFACES DEDUPLICATE INVOCATIONS`.
//!
//! Two runs differ in nothing but the number of their invocations, so the difference of their instructions is what one
//! takes, of a payload that is not compressed (`scripts/check-instructions`).

use flowlogs_testing::pipeline::{self, Pipeline};

/// Most invocations of a run.
const PAYLOADS: u32 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, interfaces, deduplicate, invocations, ..] = &arguments[..] else {
        eprintln!("usage: instructions FORMAT INTERFACES on|off INVOCATIONS (at most {PAYLOADS})");
        return;
    };
    let interfaces = interfaces.parse().expect("a number");
    let invocations: usize = invocations.parse().expect("a number");
    let format = pipeline::format(format);
    let payloads: Vec<String> = (0..PAYLOADS)
        .map(|minute| pipeline::plain_payload(&format, minute, interfaces))
        .collect();
    let mut pipeline = Pipeline::new(&format, deduplicate == "on");
    for payload in &payloads[..invocations] {
        pipeline.invoke(payload);
    }
}
