//! An HTTP server for tests: one request a connection, answered by a closure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A received request.
#[derive(Debug)]
pub struct HttpRequest {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, with values.
    headers: Vec<(String, String)>,
    /// The whole body as text.
    pub body: String,
    /// The whole body.
    pub octets: Vec<u8>,
}

impl HttpRequest {
    /// Returns the value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the service of AWS for which the request is signed: `ec2`, `s3`, `sqs`, …; `None` without a signature.
    pub fn service(&self) -> Option<&str> {
        // AWS4-HMAC-SHA256 Credential=KEY/20261129/eu-central-1/s3/aws4_request, …
        let (_, scope) = self.header("authorization")?.split_once("Credential=")?;
        scope.split('/').nth(3)
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first).ok()?;
        let mut request = Self {
            method: first.split(' ').next()?.to_owned(),
            target: first.split(' ').nth(1)?.to_owned(),
            headers: Vec::new(),
            body: String::new(),
            octets: Vec::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let name = name.to_ascii_lowercase();
            request.headers.push((name, value.trim().to_owned()));
        }
        if request.header("expect").is_some() {
            let mut stream = stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let length = request.header("content-length").unwrap_or("0");
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8_lossy(&body).into_owned();
        request.octets = body;
        Some(request)
    }
}

/// Serves on a free loopback port until the process ends; `answer` writes the whole answer.
///
/// # Panics
///
/// If there is no free port.
pub fn serve(
    answer: impl Fn(&HttpRequest, &TcpStream) -> Option<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || answer(&HttpRequest::read(&stream)?, &stream));
        }
    });
    address
}

/// Writes an answer of XML, as EC2 and S3 do; `None` if the client has gone.
pub fn xml(stream: &TcpStream, status: u16, body: &str) -> Option<()> {
    answer(
        stream,
        status,
        &[("content-type", "text/xml")],
        body.as_bytes(),
    )
}

/// Writes an answer with headers; `None` if the client has gone.
pub fn answer(
    mut stream: &TcpStream,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<()> {
    let length = body.len();
    let headers: String = (headers.iter())
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()
}

/// Writes an answer without end, until the client has enough of it. `head` holds further header lines.
pub fn endless(mut stream: &TcpStream, status: u16, head: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\n{head}transfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    loop {
        stream.write_all(chunk.as_bytes()).ok()?;
    }
}
