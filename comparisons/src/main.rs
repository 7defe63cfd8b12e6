//! Other programs for the same flow logs, timed beside the product in one run.
//!
//! `scripts/measure-comparisons` runs this program and writes docs/benchmarks.json. All rows process equal records, row
//! after row and round after round, so that noise of the machine meets all rows alike. The output is the median of a row's
//! rounds, in nanoseconds a record.
//!
//! - `rows.rs` are the rows;
//! - `ready_made.rs` is a function built on the event type of `aws_lambda_events`;
//! - lines, payloads and the product's pipeline come from `flowlogs_testing::pipeline`, as in the product's benchmarks.
//!
//! `flowlogs-comparisons lines` prints the lines, for programs in other languages.

mod ready_made;
mod rows;

use std::time::Instant;

use flowlogs_testing::pipeline;
use serde_json::{Map, json};

/// Measured rounds, after one round of warm-up.
const ROUNDS: u32 = 30;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("lines") {
        for line in pipeline::lines(&pipeline::format("v2"), 0) {
            println!("{line}");
        }
        return;
    }
    let mut rows = rows::all(ROUNDS + 1);
    let mut times = vec![Vec::new(); rows.len()];
    for round in 0..=ROUNDS as usize {
        for ((_, run), times) in rows.iter_mut().zip(&mut times) {
            let begin = Instant::now();
            let took = run(round).unwrap_or_else(|| begin.elapsed());
            if round > 0 {
                times.push(took);
            }
        }
    }
    let medians: Map<_, _> = rows
        .iter()
        .zip(&mut times)
        .map(|((name, _), times)| {
            times.sort();
            let nanoseconds = times[times.len() / 2].as_nanos() as f64;
            (
                (*name).to_owned(),
                json!(nanoseconds / pipeline::RECORDS as f64),
            )
        })
        .collect();
    println!("{}", json!(medians));
}
