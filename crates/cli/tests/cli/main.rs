//! The program from outside: the command, both outputs, and the exit status.

mod backfill;
mod collect;
mod explain;
mod fields;
mod json;
mod library;
mod names;
#[cfg(feature = "parquet")]
mod parquet;
mod replay;
mod shell;
mod verify;

use assert_cmd::Command;

/// Two records of AWS's documentation in the default format.
const DEFAULT: &str = "\
2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK
";

/// `flowlogs`, without the environment's opinion on how output should look.
fn flowlogs(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowlogs"));
    command
        .args(arguments)
        .env_remove("COLUMNS")
        .env_remove("LC_ALL")
        .env_remove("LC_CTYPE")
        .env_remove("LANG")
        .env_remove("NO_COLOR");
    command
}

/// Runs the program to the end.
fn run(arguments: &[&str], input: &str) -> Outcome {
    let output = flowlogs(arguments)
        .write_stdin(input)
        .output()
        .expect("runs");
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("UTF-8");
    Outcome {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Result of a run.
#[derive(Debug)]
struct Outcome {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    /// Standard output as one JSON object a line.
    fn objects(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).expect("an object a line");
        self.stdout.lines().map(parse).collect()
    }

    /// The JSON summary, the last line of standard error.
    fn summary(&self) -> serde_json::Value {
        let last = self.stderr.lines().last().expect("a summary");
        serde_json::from_str(last).expect("JSON")
    }
}
