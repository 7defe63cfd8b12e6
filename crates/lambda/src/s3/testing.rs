//! A bucket for tests: real HTTP, objects from memory, and every way in which S3 says no. It can do what moto cannot.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};

use flowlogs_testing::http;

/// Content of a key.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// An object.
    Object(Vec<u8>),
    /// An object whose connection breaks after so many octets of each answer.
    Breaking(Vec<u8>, usize),
    /// An object whose connection breaks after so many octets, and of which S3 sends the whole whatever range is asked for.
    Rangeless(Vec<u8>, usize),
    /// An object whose connection breaks after so many octets, and that has another entity tag from then on; a condition
    /// is not looked at.
    Retagged(Vec<u8>, usize),
    /// An object of which S3 sends the first octet alone as a range, although nobody asked for a range.
    Unasked(Vec<u8>),
    /// An object whose ranges go on for ever.
    Endless(Vec<u8>),
    /// An object that is replaced by another after the first request.
    Replaced(Vec<u8>),
    /// An object of which no more than so many octets ever come.
    Stalling(Vec<u8>, usize),
    /// No, in words without end.
    EndlessError,
    /// No.
    Error(u16, &'static str, &'static str),
}

/// A request: key, version and range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) key: String,
    pub(super) version: Option<String>,
    pub(super) range: Option<(usize, Option<usize>)>,
}

/// A server on a port of its own, until the test ends.
pub(super) struct Bucket {
    address: SocketAddr,
    contents: Arc<Mutex<HashMap<String, Content>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Bucket {
    pub(super) fn start() -> Self {
        let contents = Arc::new(Mutex::new(HashMap::new()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (known, log) = (Arc::clone(&contents), Arc::clone(&requests));
        let address = http::serve(move |request, stream| reply(request, stream, &known, &log));
        Self {
            address,
            contents,
            requests,
        }
    }

    pub(super) fn put(&self, key: &str, content: Content) {
        let mut contents = self.contents.lock().expect("no panic while locked");
        contents.insert(key.to_owned(), content);
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic while locked").clone()
    }

    /// The configuration of a client that asks here.
    pub(super) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(format!("http://{}", self.address))
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }
}

impl Request {
    /// Reads key, version and range; `None` for a request of another kind.
    fn of(request: &http::HttpRequest) -> Option<Self> {
        let range = match request.header("range") {
            Some(value) => {
                let (begin, last) = value.strip_prefix("bytes=")?.split_once('-')?;
                Some((begin.parse().ok()?, last.parse().ok()))
            }
            None => None,
        };
        let target = request.target.as_str();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs = query.split('&');
        let version = pairs.find_map(|pair| pair.strip_prefix("versionId="));
        Some(Self {
            key: flowlogs_source::s3::decoded(path.strip_prefix("/flows/")?).ok()?,
            version: version.map(str::to_owned),
            range,
        })
    }
}

/// Octets of an answer, and the fault in the middle.
struct Body {
    octets: Vec<u8>,
    etag: &'static str,
    range: Option<(usize, Option<usize>)>,
    /// The octets go on for ever.
    is_endless: bool,
    /// Number of octets that leave before the connection breaks or, if true, stalls.
    cut: Option<(usize, bool)>,
}

fn reply(
    request: &http::HttpRequest,
    stream: &TcpStream,
    contents: &Mutex<HashMap<String, Content>>,
    log: &Mutex<Vec<Request>>,
) -> Option<()> {
    let is_conditional = request.header("if-match").is_some();
    let request = Request::of(request)?;
    let (key, range) = (request.key.clone(), request.range);
    log.lock().expect("no panic while locked").push(request);
    let contents = contents.lock().expect("no panic while locked");
    let content = contents.get(&key).cloned();
    drop(contents);
    let missing = Content::Error(404, "NoSuchKey", "The specified key does not exist.");
    let whole = |octets, cut| Body {
        octets,
        etag: "e1",
        range,
        is_endless: false,
        cut,
    };
    let body = match content.unwrap_or(missing) {
        Content::Object(octets) => whole(octets, None),
        Content::Endless(octets) => Body {
            is_endless: range.is_some(),
            ..whole(octets, None)
        },
        Content::Unasked(octets) => Body {
            range: Some((0, Some(0))),
            ..whole(octets, None)
        },
        Content::Rangeless(octets, after) => Body {
            range: None,
            ..whole(octets, Some((after, false)))
        },
        Content::Retagged(octets, after) => Body {
            etag: if range.is_some() { "e2" } else { "e1" },
            ..whole(octets, Some((after, false)))
        },
        Content::Replaced(_) if is_conditional && range.is_some() => {
            let message = "At least one did not hold";
            return refuse(stream, 412, "PreconditionFailed", message);
        }
        Content::Replaced(octets) => whole(octets, None),
        Content::Breaking(octets, after) => {
            let cut = (octets.len() > after).then_some((after, false));
            whole(octets, cut)
        }
        Content::Stalling(octets, after) => {
            let cut = (octets.len() > after).then_some((after, true));
            whole(octets, cut)
        }
        Content::Error(status, code, message) => return refuse(stream, status, code, message),
        Content::EndlessError => return http::endless(stream, 403, ""),
    };
    body.send(stream)
}

impl Body {
    fn send(&self, mut stream: &TcpStream) -> Option<()> {
        let size = self.octets.len();
        let (begin, end) = match self.range {
            None => (0, size),
            Some((begin, last)) => (begin, last.map_or(size, |last| size.min(last + 1))),
        };
        let part = self.octets.get(begin..end)?;
        let etag = self.etag;
        let (status, head) = match self.range {
            Some(_) => {
                let last = end.saturating_sub(1);
                let range = format!("content-range: bytes {begin}-{last}/{size}\r\n");
                (206, format!("etag: \"{etag}\"\r\n{range}"))
            }
            None => (200, format!("etag: \"{etag}\"\r\n")),
        };
        if self.is_endless {
            return http::endless(stream, status, &head);
        }
        let length = part.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\n{head}connection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        let Some((after, stalls)) = self.cut else {
            return stream.write_all(part).ok();
        };
        stream.write_all(&part[..after.min(part.len())]).ok()?;
        stream.flush().ok()?;
        if stalls {
            thread::sleep(Duration::from_secs(60));
        }
        Some(())
    }
}

fn refuse(stream: &TcpStream, status: u16, code: &str, message: &str) -> Option<()> {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    http::xml(stream, status, &error)
}
