//! Running `flowlogs replay` as its users do, and reading what it prints.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::cases;
use crate::flow::Flow;
use crate::process::PATIENCE;

/// What a run printed.
#[derive(Debug, Clone)]
pub struct Run {
    /// Exit status.
    pub status: Option<i32>,
    /// The flows as they were printed, a JSON object a line.
    pub printed: String,
    /// The counters.
    pub summary: Value,
    /// Standard error without the counters.
    pub errors: String,
}

impl Run {
    /// The printed objects.
    ///
    /// # Panics
    ///
    /// If a line is none.
    pub fn objects(&self) -> Vec<Value> {
        self.printed.lines().map(json).collect()
    }

    /// The printed flows.
    pub fn flows(&self) -> Vec<Flow> {
        self.objects().iter().map(Flow::of_replay).collect()
    }

    /// A counter.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.summary[name].as_u64()
    }
}

/// The program.
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

/// `flowlogs replay --inventory … --output json --summary json`, with these arguments and inputs.
///
/// # Panics
///
/// If it does not end in time or prints anything but JSON.
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
    // It has time limits of its own on everything that it waits for.
    let output = child.wait_with_output().expect("its output");
    assert!(started.elapsed() < PATIENCE, "{command:?} took too long");
    output
}
