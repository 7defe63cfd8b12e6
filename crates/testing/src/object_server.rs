//! The part of S3 that hands out objects: `GET /bucket/key`, with entity tags and conditional requests.

use std::collections::{BTreeSet, HashMap};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http::{self, HttpRequest};

/// Answer for a key.
#[derive(Debug, Clone)]
enum ObjectReply {
    Content { etag: String, octets: Vec<u8> },
    Refusal { status: u16, code: String },
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, ObjectReply>,
    requests: Vec<String>,
    services: BTreeSet<String>,
    puts: u64,
    delay: Duration,
}

/// Objects by path, until the process ends.
#[derive(Debug, Clone)]
pub struct ObjectServer {
    state: Arc<Mutex<State>>,
    /// URL of the server.
    pub endpoint: String,
}

impl ObjectServer {
    /// Serves nothing yet: every path is `NoSuchKey`.
    pub fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let served = Arc::clone(&state);
        let address = http::serve(move |request, stream| answer(&served, request, stream));
        Self {
            state,
            endpoint: format!("http://{address}"),
        }
    }

    /// Lets every answer take this long.
    pub fn set_delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    /// Puts an object, `bucket/key`.
    pub fn put(&self, path: &str, octets: &[u8]) {
        let mut state = lock(&self.state);
        state.puts += 1;
        let reply = ObjectReply::Content {
            etag: format!("\"{}\"", state.puts),
            octets: octets.to_owned(),
        };
        state.objects.insert(path.to_owned(), reply);
    }

    /// Refuses a path with a status and an error code of S3.
    pub fn refuse(&self, path: &str, status: u16, code: &str) {
        let reply = ObjectReply::Refusal {
            status,
            code: code.to_owned(),
        };
        lock(&self.state).objects.insert(path.to_owned(), reply);
    }

    /// Deletes an object.
    pub fn delete(&self, path: &str) {
        lock(&self.state).objects.remove(path);
    }

    /// Paths of the requests since the last call, of every API, with the status of each answer.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.state).requests)
    }

    /// Services of AWS for which the requests so far were signed; of a request without a signature, its path.
    pub fn services(&self) -> BTreeSet<String> {
        lock(&self.state).services.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(state: &Mutex<State>, request: &HttpRequest, stream: &TcpStream) -> Option<()> {
    let path = request.target.split('?').next()?.trim_start_matches('/');
    let reply = lock(state).objects.get(path).cloned();
    let (status, etag, octets) = match reply {
        Some(ObjectReply::Content { etag, .. })
            if request.header("if-none-match") == Some(&etag) =>
        {
            (304, Some(etag), Vec::new())
        }
        Some(ObjectReply::Content { etag, octets }) => (200, Some(etag), octets),
        Some(ObjectReply::Refusal { status, code }) => (status, None, error(&code)),
        None => (404, None, error("NoSuchKey")),
    };
    let delay = {
        let mut state = lock(state);
        state.requests.push(format!("{path} {status}"));
        let service = request.service().unwrap_or(path);
        state.services.insert(service.to_owned());
        state.delay
    };
    std::thread::sleep(delay);
    let headers: Vec<_> = etag.iter().map(|etag| ("etag", etag.as_str())).collect();
    http::answer(stream, status, &headers, &octets)
}

fn error(code: &str) -> Vec<u8> {
    format!("<Error><Code>{code}</Code><Message>for a test</Message></Error>").into_bytes()
}
