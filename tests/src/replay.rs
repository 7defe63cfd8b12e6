//! Runs `flowlogs replay` as its users do, and reads the output.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::cases;
use crate::flow::Flow;
use crate::process::PATIENCE;

/// Output of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Exit status.
    pub status: Option<i32>,
    /// Printed flows, a JSON object a line.
    pub printed: String,
    /// Counters.
    pub summary: Value,
    /// Standard error without the counters.
    pub errors: String,
}

impl Run {
    /// Returns the printed objects.
    ///
    /// # Panics
    ///
    /// If a line is no JSON.
    pub fn objects(&self) -> Vec<Value> {
        self.printed.lines().map(json).collect()
    }

    /// Returns the printed flows.
    pub fn flows(&self) -> Vec<Flow> {
        self.objects().iter().map(Flow::of_replay).collect()
    }

    /// Returns a counter.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.summary[name].as_u64()
    }
}

/// Path of the program under test.
///
/// # Panics
///
/// If this is not a test that cargo has built.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a path of this test");
    let directory = test.ancestors().nth(2).expect("cargo's target directory");
    directory.join(format!(
        "flowlogs-under-test{}",
        std::env::consts::EXE_SUFFIX
    ))
}

/// Runs `flowlogs replay --inventory … --output json --summary json` with further arguments and inputs.
///
/// # Panics
///
/// If the program took longer than [`PATIENCE`], or printed anything but JSON.
pub fn replay<A: AsRef<OsStr>>(arguments: &[A], inputs: &[PathBuf]) -> Run {
    let mut command = Command::new(program());
    command
        .arg("replay")
        .args(["--output", "json", "--summary", "json", "--inventory"])
        .arg(cases::inventory())
        .args(arguments)
        .args(inputs);
    let output = finish(command);
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("UTF-8");
    let (printed, errors) = (text(output.stdout), text(output.stderr));
    let (summary, errors): (Vec<&str>, Vec<&str>) =
        errors.lines().partition(|line| line.starts_with('{'));
    Run {
        status: output.status.code(),
        printed,
        summary: summary.first().map_or(Value::Null, |line| json(line)),
        errors: errors.join("\n"),
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn finish(mut command: Command) -> Output {
    let started = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // The program limits all of its own waiting.
    let output = child.wait_with_output().expect("its output");
    assert!(started.elapsed() < PATIENCE, "{command:?} took too long");
    output
}
