//! A Lambda runtime of our own with a single function, because `cargo lambda` cannot set the time of an invocation.

use std::ffi::OsStr;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime};

use flowlogs_testing::http::{self, HttpRequest};
use flowlogs_tests::process::Process;
use serde_json::Value;
use tempfile::TempDir;

use crate::runtime::{LONGEST_INVOCATION, binary, process};

/// Event, and the time of the invocation.
type Invocation = (Vec<u8>, Duration);

/// A function under the runtime; dropping ends both.
pub(crate) struct OneFunction {
    events: Sender<Invocation>,
    answers: Receiver<Result<Value, Value>>,
    process: Process,
    directory: TempDir,
}

impl OneFunction {
    /// Starts runtime and function; `None` if the function's binary is missing.
    pub(crate) fn start<V: AsRef<OsStr>>(name: &str, variables: &[(&str, V)]) -> Option<Self> {
        Some(Self::start_program(name, &binary(name)?, variables))
    }

    /// Starts runtime and function, the function from this program.
    pub(crate) fn start_program<V: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        variables: &[(&str, V)],
    ) -> Self {
        let (events, waiting) = channel();
        let (done, answers) = channel();
        let (waiting, done) = (Mutex::new(waiting), Mutex::new(done));
        let address = http::serve(move |request, stream| serve(&waiting, &done, request, stream));
        let directory = TempDir::new().expect("a directory");
        let process = process(name, program, address.port(), directory.path(), variables);
        Self {
            events,
            answers,
            process,
            directory,
        }
    }

    /// Process of the function.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Everything that the function has printed on standard output, and on standard error.
    pub(crate) fn printed(&self) -> (String, String) {
        let errors = std::fs::read_to_string(self.directory.path().join("errors"));
        (self.process.log(), errors.unwrap_or_default())
    }

    /// Invokes the function; an error is what it reports to Lambda.
    pub(crate) fn invoke(&self, event: &[u8], time: Duration) -> Result<Value, Value> {
        self.events
            .send((event.to_vec(), time))
            .expect("the runtime listens");
        self.answers
            .recv_timeout(LONGEST_INVOCATION.max(time))
            .expect("an answer in time")
    }
}

/// Answers `…/invocation/next`, `…/invocation/ID/response` and `…/invocation/ID/error`.
fn serve(
    waiting: &Mutex<Receiver<Invocation>>,
    done: &Mutex<Sender<Result<Value, Value>>>,
    request: &HttpRequest,
    stream: &TcpStream,
) -> Option<()> {
    if request.target.ends_with("/invocation/next") {
        let (event, time) = waiting.lock().expect("no panic while locked").recv().ok()?;
        let end = SystemTime::now() + time;
        let end = end
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
            .as_millis();
        let headers = [
            ("lambda-runtime-aws-request-id", "7"),
            ("lambda-runtime-deadline-ms", &end.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-central-1:123456789012:function:f",
            ),
            ("content-type", "application/json"),
        ];
        return http::answer(stream, 200, &headers, &event);
    }
    let value: Value = serde_json::from_str(&request.body).expect("JSON");
    let answer = match request.target.ends_with("/response") {
        true => Ok(value),
        false => Err(value),
    };
    done.lock()
        .expect("no panic while locked")
        .send(answer)
        .ok()?;
    http::answer(stream, 202, &[], b"{}")
}
