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

fn reply(
    request: &http::HttpRequest,
    stream: &TcpStream,
    contents: &Mutex<HashMap<String, Content>>,
    log: &Mutex<Vec<Request>>,
) -> Option<()> {
    let range = match request.header("range") {
        Some(value) => {
            let (begin, last) = value.strip_prefix("bytes=")?.split_once('-')?;
            Some((begin.parse().ok()?, last.parse().ok()))
        }
        None => None,
    };
    let condition = request.header("if-match");
    let target = request.target.as_str();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let key = flowlogs_source::s3::decoded(path.strip_prefix("/flows/")?).ok()?;
    let version = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("versionId="))
        .map(str::to_owned);
    let request = Request {
        key: key.clone(),
        version,
        range,
    };
    log.lock().expect("no panic while locked").push(request);
    let content = contents
        .lock()
        .expect("no panic while locked")
        .get(&key)
        .cloned()
        .unwrap_or(Content::Error(
            404,
            "NoSuchKey",
            "The specified key does not exist.",
        ));
    let etag = match &content {
        Content::Retagged(..) if range.is_some() => "e2",
        _ => "e1",
    };
    let (ignores_range, is_endless) = (
        matches!(content, Content::Rangeless(..)),
        matches!(content, Content::Endless(_)) && range.is_some(),
    );
    let range = range.filter(|_| !ignores_range);
    let (whole, cut) = match content {
        Content::Object(octets) | Content::Endless(octets) => (octets, None),
        Content::Rangeless(octets, after) | Content::Retagged(octets, after) => {
            (octets, Some((after, false)))
        }
        Content::Replaced(_) if condition.is_some() && range.is_some() => {
            return refuse(
                stream,
                412,
                "PreconditionFailed",
                "At least one did not hold",
            );
        }
        Content::Replaced(octets) => (octets, None),
        Content::Breaking(octets, after) | Content::Stalling(octets, after)
            if octets.len() <= after =>
        {
            (octets, None)
        }
        Content::Breaking(octets, after) => (octets, Some((after, false))),
        Content::Stalling(octets, after) => (octets, Some((after, true))),
        Content::Error(status, code, message) => return refuse(stream, status, code, message),
        Content::EndlessError => return http::endless(stream, 403, ""),
    };
    let size = whole.len();
    let (begin, end) = match range {
        None => (0, size),
        Some((begin, last)) => (begin, last.map_or(size, |last| size.min(last + 1))),
    };
    let part = whole.get(begin..end)?;
    let status = if range.is_some() { 206 } else { 200 };
    let place = match range {
        Some(_) => format!(
            "content-range: bytes {begin}-{}/{size}\r\n",
            end.saturating_sub(1)
        ),
        None => String::new(),
    };
    let head = format!("etag: \"{etag}\"\r\n{place}");
    if is_endless {
        return http::endless(stream, status, &head);
    }
    let length = part.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\n{head}connection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    let Some((after, stalls)) = cut else {
        return stream.write_all(part).ok();
    };
    stream.write_all(&part[..after.min(part.len())]).ok()?;
    stream.flush().ok()?;
    if stalls {
        thread::sleep(Duration::from_secs(60));
    }
    Some(())
}

fn refuse(stream: &TcpStream, status: u16, code: &str, message: &str) -> Option<()> {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    http::xml(stream, status, &error)
}
