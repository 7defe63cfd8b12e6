//! The emulated Lambda runtime, the function under the runtime, and the function's output.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flowlogs_testing::tools::is_required;
use flowlogs_tests::process::{PATIENCE, Process, wait_until};
use flowlogs_tests::tool;
use serde_json::Value;
use tempfile::TempDir;

/// The functions: the names of the binaries, and the names within the emulator.
const CLOUDWATCH: &str = "flowlogs-cloudwatch";
const S3: &str = "flowlogs-s3";
const INVENTORY: &str = "flowlogs-inventory";

/// A package for the emulator to be in; `NAME` is the function's.
const MANIFEST: &str = r#"
[package]
name = "NAME"
edition = "2024"
[[bin]]
name = "NAME"
path = "main.rs"
[workspace]
"#;

/// The longest that an invocation takes here: twice a write time limit, and some.
pub(crate) const LONGEST_INVOCATION: Duration = Duration::from_secs(45);

/// An emulated Lambda runtime with a function; dropping ends both.
pub(crate) struct Function {
    name: &'static str,
    port: u16,
    process: Process,
    _emulator: Process,
    directory: TempDir,
}

/// Result of an invocation: a value, or the failure.
pub(crate) type Outcome = Result<Value, Failure>;

/// A failed invocation, as reported by Lambda.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error_type: String,
    pub(crate) message: String,
}

impl Function {
    /// Starts emulator and function; `None` if the emulator or the function's binary is missing.
    pub(crate) fn start<V: AsRef<OsStr>>(variables: &[(&str, V)]) -> Option<Self> {
        Self::named(CLOUDWATCH, variables)
    }

    /// Starts the function behind a bucket.
    pub(crate) fn start_s3<V: AsRef<OsStr>>(variables: &[(&str, V)]) -> Option<Self> {
        Self::named(S3, variables)
    }

    /// The function that keeps an inventory.
    pub(crate) fn start_inventory<V: AsRef<OsStr>>(variables: &[(&str, V)]) -> Option<Self> {
        Self::named(INVENTORY, variables)
    }

    fn named<V: AsRef<OsStr>>(name: &'static str, variables: &[(&str, V)]) -> Option<Self> {
        let (cargo_lambda, binary) = (tool::find("cargo-lambda")?, binary(name)?);
        let directory = TempDir::new().expect("a directory");
        let port = free_tcp_port();
        let mut command = Command::new(cargo_lambda);
        command
            .args(["lambda", "watch", "--only-lambda-apis"])
            .args([
                "--invoke-address",
                "127.0.0.1",
                "--invoke-port",
                &port.to_string(),
            ]);
        // The emulator wants a package with a program, and looks at nothing but the name.
        let manifest = MANIFEST.replace("NAME", name);
        std::fs::write(directory.path().join("Cargo.toml"), manifest).expect("a manifest");
        std::fs::write(directory.path().join("main.rs"), "fn main() {}").expect("a program");
        command.current_dir(directory.path());
        let mut emulator = Process::start(command, directory.path().join("emulator"));
        wait_until("the emulated runtime", || {
            assert!(emulator.exit_status().is_none(), "{}", emulator.log());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let process = process(name, &binary, port, directory.path(), variables);
        Some(Self {
            name,
            port,
            process,
            _emulator: emulator,
            directory,
        })
    }

    /// Invokes the function and waits for its answer.
    pub(crate) fn invoke(&self, event: &[u8]) -> Outcome {
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port)).expect("the emulator listens");
        stream
            .set_read_timeout(Some(LONGEST_INVOCATION))
            .expect("a time limit");
        let length = event.len();
        // HTTP 1.0: the answer comes in one piece and ends with the connection.
        let head = format!(
            "POST /2015-03-31/functions/{}/invocations HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
            self.name
        );
        stream.write_all(head.as_bytes()).expect("a request");
        stream.write_all(event).expect("a request");
        let mut answer = String::new();
        if let Err(error) = stream.read_to_string(&mut answer) {
            panic!("no answer: {error}\n{}", self.output());
        }
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let value: Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        if head.split(' ').nth(1) == Some("200") {
            return Ok(value);
        }
        let text = |key: &str| {
            value[key]
                .as_str()
                .unwrap_or_else(|| panic!("{key}: {value}"))
                .to_owned()
        };
        Err(Failure {
            error_type: text("errorType"),
            message: text("errorMessage"),
        })
    }

    /// Process of the function.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Everything that the function has printed on standard output.
    pub(crate) fn output(&self) -> String {
        self.process.log()
    }

    /// Everything printed on standard error.
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("errors")).unwrap_or_default()
    }

    /// The metrics lines, in order: all lines that CloudWatch would take for metrics.
    pub(crate) fn metrics(&self) -> Vec<Value> {
        metrics_of(&self.output())
    }

    /// The metrics line of the last invocation.
    pub(crate) fn last_metrics(&self) -> Value {
        /// More than an invocation prints in the tests that ask for this.
        const END: u64 = 1 << 16;
        metrics_of(&self.process.end_of_log(END))
            .pop()
            .unwrap_or_else(|| panic!("no metrics line: {}", self.output()))
    }
}

/// The second size with `FLOWLOGS_ORGANIZATION=full`, as `scripts/measure-organization` sets it, else the first.
pub(crate) fn sized<T>(small: T, full: T) -> T {
    match std::env::var_os("FLOWLOGS_ORGANIZATION") {
        Some(value) if value == "full" => full,
        _ => small,
    }
}

/// Value of a counter in a metrics line; a missing counter is zero.
pub(crate) fn counter(line: &Value, name: &str) -> u64 {
    match &line[name] {
        Value::Null => 0,
        value => value.as_u64().unwrap_or_else(|| panic!("{name}: {line}")),
    }
}

/// The metrics lines of an output.
pub(crate) fn metrics_of(output: &str) -> Vec<Value> {
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["_aws"].is_object()).collect()
}

/// The exit of a function before the first event: whether successful, and the output.
pub(crate) fn failed_start(variables: &[(&str, &str)]) -> Option<(bool, String)> {
    let (binary, directory) = (binary(CLOUDWATCH)?, TempDir::new().expect("a directory"));
    let mut process = process(
        CLOUDWATCH,
        &binary,
        free_tcp_port(),
        directory.path(),
        variables,
    );
    let mut status = None;
    wait_until("the end of the function", || {
        status = process.exit_status();
        status.is_some()
    });
    let errors = std::fs::read_to_string(directory.path().join("errors")).unwrap_or_default();
    Some((
        status.is_some_and(|status| status.success()),
        process.log() + &errors,
    ))
}

pub(crate) fn process<V: AsRef<OsStr>>(
    name: &str,
    binary: &Path,
    port: u16,
    directory: &Path,
    variables: &[(&str, V)],
) -> Process {
    // Standard output alone: metrics are lines there, among further lines.
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" 2>\"$1\""])
        .arg(binary)
        .arg(directory.join("errors"));
    command
        .env_clear()
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            format!("http://127.0.0.1:{port}/.rt/{name}"),
        )
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
        .envs(variables.iter().map(|(name, value)| (name, value)));
    Process::start(command, directory.join("output"))
}

/// A function's binary: in the directory `FLOWLOGS_FUNCTIONS`, or beside this test, where cargo built both.
pub(crate) fn binary(name: &str) -> Option<PathBuf> {
    let beside = || {
        let test = std::env::current_exe().expect("a path of this test");
        let target = test.ancestors().nth(2).expect("cargo's target directory");
        target.to_owned()
    };
    let directory = std::env::var_os("FLOWLOGS_FUNCTIONS").map_or_else(beside, PathBuf::from);
    let path = directory.join(name);
    if path.is_file() {
        return Some(path);
    }
    assert!(
        !is_required(),
        "{} is not built and FLOWLOGS_REQUIRE_TOOLS=1",
        path.display()
    );
    let line = format!("skipped: {name} is not built (cargo build --workspace --all-targets)\n");
    // Not `eprintln!`: hidden by the test harness when a test passes.
    let _ = std::io::stderr().write_all(line.as_bytes());
    None
}

/// A TCP port of the loopback interface that nobody has at the moment.
pub(crate) fn free_tcp_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until somebody listens on the port, longer than for anything else: an interpreter has to start.
pub(crate) fn wait_for_interpreter(process: &mut Process, port: u16) {
    let deadline = std::time::Instant::now() + 3 * PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            process.exit_status().is_none(),
            "it ended:\n{}",
            process.log()
        );
        let now = std::time::Instant::now();
        assert!(now < deadline, "nobody listens:\n{}", process.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
