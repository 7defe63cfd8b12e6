//! Reads objects: text as a stream, Parquet in ranges; only a small object is ever whole in memory.
//!
//! Transcoding blocks on collectors, so reading blocks as well: a task on the runtime's thread fetches a few chunks ahead,
//! and the reader waits for the next chunk. Nothing is ever written to the bucket.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use flowlogs_parquet::{ByteRanges, Bytes, ParquetError, ParquetReadError, ParquetReader, RowSink};
use flowlogs_source::s3::ObjectRef;
use flowlogs_source::{LineSink, PARQUET_MAGIC, ReadError, UnpackError, Unpacker};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout_at};

use super::failure::ObjectError;
use crate::aws::{RequestPatience, s3_client};
use crate::blocking::wait;
use crate::log::one_line;
use crate::s3_read::{CollectError, ReadRefusal, RefusalKind, collect};
use crate::transcode_sink::StopReason;

/// Actions that a role needs: for objects, and for objects of a bucket with versions.
pub const ACTIONS: [&str; 2] = ["s3:GetObject", "s3:GetObjectVersion"];

/// Most octets of memory for the pages of a Parquet object.
const PAGES: usize = 40 * 1024 * 1024;

/// Largest Parquet object to read with a single request instead of several for each column.
const LARGEST_AT_ONCE: u64 = 4 * 1024 * 1024;

/// Most chunks that are fetched ahead, each a read of the connection of some ten kilobytes.
const CHUNKS: usize = 16;

/// Most resumptions of a read after a broken connection.
const RESUMPTIONS: u32 = 3;

/// Client that reads objects.
#[derive(Debug, Clone)]
pub struct ObjectReader {
    client: Client,
}

/// Content of an object: Parquet, or a stream for the unpacker.
enum OpenedObject {
    Stream(ObjectBody),
    Parquet(ParquetBytes),
}

impl ObjectReader {
    /// Asks nothing before the first object.
    pub fn new(aws: &SdkConfig) -> Self {
        // More patience than for look-ups: an invocation has nothing to do without the object.
        let patience = RequestPatience {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(15),
            attempts: 3,
        };
        Self {
            client: s3_client(aws, patience),
        }
    }

    /// Hands on every line or row of an object, text or Parquet by content.
    ///
    /// # Errors
    ///
    /// The reason why not every line was handed on.
    pub(crate) fn read<L: RowSink<Error = StopReason>>(
        &self,
        object: &ObjectRef,
        deadline: Instant,
        unpacker: &mut Unpacker,
        lines: &mut L,
    ) -> Result<(), ObjectError> {
        let mut request = ObjectRequest {
            client: self.client.clone(),
            object: object.clone(),
            deadline,
            failure: Arc::default(),
        };
        let outcome = match request.open()? {
            OpenedObject::Stream(body) => read_stream(body, unpacker, lines),
            OpenedObject::Parquet(stored) => read_parquet(stored, lines),
        };
        outcome.map_err(|error| match error {
            // Readers pass on the words of an error and not its kind.
            ObjectError::Unreadable { .. } => request.take_failure().unwrap_or(error),
            error => error,
        })
    }
}

fn read_stream<L: LineSink<Error = StopReason>>(
    body: ObjectBody,
    unpacker: &mut Unpacker,
    lines: &mut L,
) -> Result<(), ObjectError> {
    match unpacker.read(body, lines) {
        Ok(_) => Ok(()),
        Err(ReadError::Sink(reason)) => Err(reason.into()),
        Err(ReadError::Unpack(UnpackError::Io { kind, reason })) => Err(broken(kind, reason)),
        Err(ReadError::Unpack(error)) => Err(ObjectError::Unpack(error)),
    }
}

fn read_parquet<L: RowSink<Error = StopReason>>(
    stored: ParquetBytes,
    lines: &mut L,
) -> Result<(), ObjectError> {
    let of_parquet = |error| match error {
        ParquetError::Io { kind, reason } => broken(kind, reason),
        error => ObjectError::Parquet(error),
    };
    let reader = ParquetReader::open(stored, PAGES).map_err(of_parquet)?;
    match reader.read(lines) {
        Ok(_) => Ok(()),
        Err(ParquetReadError::Sink(reason)) => Err(reason.into()),
        Err(ParquetReadError::Parquet(error)) => Err(of_parquet(error)),
    }
}

fn unreadable(reason: String) -> ObjectError {
    ObjectError::Unreadable { reason }
}

fn broken(kind: io::ErrorKind, reason: String) -> ObjectError {
    match kind {
        io::ErrorKind::TimedOut => ObjectError::OutOfTime,
        _ => unreadable(reason),
    }
}

/// Object to read, and the deadline.
#[derive(Debug, Clone)]
struct ObjectRequest {
    client: Client,
    object: ObjectRef,
    deadline: Instant,
    /// First error of S3 after the object was opened.
    failure: Arc<Mutex<Option<ObjectError>>>,
}

impl ObjectRequest {
    /// Begins to read the object, and tells the kind by the first octets.
    fn open(&mut self) -> Result<OpenedObject, ObjectError> {
        let output = wait(self.get(None))?;
        let size = output
            .content_length()
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| unreadable("S3 answered without the size of the object".to_owned()))?;
        if let Some(range) = output.content_range() {
            let range = one_line(&range);
            return Err(unreadable(format!(
                "asked for the whole object, S3 answered with {range}"
            )));
        }
        // An object with the entity tag of the notice has the size of the notice.
        let noticed = self.object.etag.as_ref().and(self.object.size);
        if let (0, Some(noticed @ 1..)) = (size, noticed) {
            return Err(unreadable(format!(
                "S3 answered with none of its {noticed} octets"
            )));
        }
        // Later ranges must be of the same object.
        self.object.etag = output.e_tag().map(str::to_owned);
        let (to, from) = mpsc::channel(CHUNKS);
        tokio::spawn(fetch(self.clone(), output.body, size, to));
        let mut body = ObjectBody {
            from,
            chunk: Bytes::new(),
        };
        let begin = body
            .begin(PARQUET_MAGIC.len())
            .map_err(|error| broken(error.kind(), error.to_string()))?;
        if begin != PARQUET_MAGIC {
            return Ok(OpenedObject::Stream(body));
        }
        if size > LARGEST_AT_ONCE {
            return Ok(OpenedObject::Parquet(ParquetBytes::Remote(
                self.clone(),
                size,
            )));
        }
        let mut whole = Vec::new();
        // At most `size` octets come: `fetch` ends a longer body with an error.
        body.read_to_end(&mut whole)
            .map_err(|error| broken(error.kind(), error.to_string()))?;
        Ok(OpenedObject::Parquet(ParquetBytes::Whole(whole.into())))
    }

    /// Asks for the octets from a position on, up to the last wanted octet or the end of the object.
    async fn range(&self, first: u64, last: Option<u64>) -> Result<ByteStream, ObjectError> {
        let last_octet = last.map_or(String::new(), |last| last.to_string());
        let output = self
            .get(Some(format!("bytes={first}-{last_octet}")))
            .await?;
        if let (Some(known), Some(etag)) = (self.object.etag.as_deref(), output.e_tag())
            && known != etag
        {
            return Err(ObjectError::Changed);
        }
        // An answer with the whole object, status 200, has no range.
        let begin = output.content_range().and_then(range_begin);
        match begin == Some(first) {
            true => Ok(output.body),
            false => Err(unreadable(format!(
                "asked for the octets from {first} on, S3 answered with {}",
                one_line(&output.content_range().unwrap_or("the whole object"))
            ))),
        }
    }

    /// Keeps the error of S3 for [`take_failure`](Self::take_failure), and returns the error for a reader.
    fn fail(&self, error: ObjectError) -> io::Error {
        let io_error = match &error {
            ObjectError::OutOfTime => io::ErrorKind::TimedOut.into(),
            error => io::Error::other(error.to_string()),
        };
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        io_error
    }

    fn take_failure(&self) -> Option<ObjectError> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    /// Asks for a range of the object, or for the whole.
    async fn get(&self, range: Option<String>) -> Result<GetObjectOutput, ObjectError> {
        let ObjectRef {
            bucket,
            key,
            version,
            etag,
            ..
        } = &self.object;
        // If-Match: an object that was replaced after the notice is another notice's.
        let etag = etag.as_ref().map(|etag| match etag.starts_with('"') {
            true => etag.clone(),
            false => format!("\"{etag}\""),
        });
        let request = self.client.get_object().bucket(bucket).key(key);
        let request = request.set_version_id(version.clone()).set_if_match(etag);
        match timeout_at(self.deadline, request.set_range(range).send()).await {
            Ok(answer) => answer.map_err(|error| refused(ReadRefusal::of(&error))),
            Err(_) => Err(ObjectError::OutOfTime),
        }
    }
}

/// Error of an object that S3 refused.
fn refused(refusal: ReadRefusal) -> ObjectError {
    let ReadRefusal { kind, code, reason } = refusal;
    match kind {
        RefusalKind::Missing => ObjectError::Missing { code },
        RefusalKind::Archived => ObjectError::Archived,
        RefusalKind::Changed => ObjectError::Changed,
        RefusalKind::KeyDenied => ObjectError::KeyDenied { reason },
        RefusalKind::Denied => ObjectError::Denied { reason },
        RefusalKind::Unchanged | RefusalKind::TimedOut | RefusalKind::Other => {
            ObjectError::Unreadable { reason }
        }
    }
}

/// Fetches chunks ahead while the channel has room; the last item is the error, if any.
async fn fetch(
    request: ObjectRequest,
    body: ByteStream,
    size: u64,
    to: mpsc::Sender<io::Result<Bytes>>,
) {
    if let Err(error) = fetch_chunks(&request, body, size, &to).await {
        let _ = to.send(Err(error)).await;
    }
}

/// Fetches chunks to the end of the object, or until the reader is gone; resumes after a broken connection.
async fn fetch_chunks(
    request: &ObjectRequest,
    mut body: ByteStream,
    size: u64,
    to: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut position = 0;
    let mut resumptions = 0;
    loop {
        let next = timeout_at(request.deadline, body.next()).await;
        let reason = match next.map_err(|_| io::ErrorKind::TimedOut)? {
            Some(Ok(chunk)) => {
                position += chunk.len() as u64;
                if position > size {
                    return Err(io::Error::other(format!(
                        "S3 sent more than its {size} octets"
                    )));
                }
                if to.send(Ok(chunk)).await.is_err() {
                    return Ok(());
                }
                continue;
            }
            None if position == size => return Ok(()),
            None => "the connection ended early".to_owned(),
            Some(Err(error)) => DisplayErrorContext(error).to_string(),
        };
        resumptions += 1;
        // An object that came whole and has a wrong checksum cannot be resumed.
        if resumptions > RESUMPTIONS || position == size {
            return Err(io::Error::other(reason));
        }
        let rest = request.range(position, None).await;
        body = rest.map_err(|error| request.fail(error))?;
    }
}

/// First octet of a `Content-Range`, as in `bytes 100-199/1000`.
fn range_begin(range: &str) -> Option<u64> {
    let (first, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    first.parse().ok()
}

/// Stream of an object's octets, in order of arrival.
struct ObjectBody {
    from: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
}

impl ObjectBody {
    /// Peeks at the first octets; fewer if the object is shorter.
    fn begin(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.chunk.len() < length {
            match wait(self.from.recv()).transpose()? {
                Some(chunk) => self.chunk = [&self.chunk[..], &chunk].concat().into(),
                None => break,
            }
        }
        Ok(&self.chunk[..length.min(self.chunk.len())])
    }
}

impl Read for ObjectBody {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match wait(self.from.recv()).transpose()? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.chunk.len());
        into[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

/// A Parquet object: in memory, or in S3 and read in ranges.
#[derive(Debug)]
enum ParquetBytes {
    Whole(Bytes),
    Remote(ObjectRequest, u64),
}

impl ByteRanges for ParquetBytes {
    fn size(&self) -> io::Result<u64> {
        match self {
            Self::Whole(octets) => octets.size(),
            Self::Remote(_, size) => Ok(*size),
        }
    }

    fn read_at(&self, position: u64, length: usize) -> io::Result<Bytes> {
        let (request, size) = match self {
            Self::Whole(octets) => return octets.read_at(position, length),
            Self::Remote(request, size) => (request, *size),
        };
        if length == 0 {
            return Ok(Bytes::new());
        }
        let last = position.saturating_add(length as u64) - 1;
        if last >= size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match wait(one_range(request, position, last)) {
                Ok(octets) if octets.len() == length => return Ok(octets),
                Ok(_) if attempts > RESUMPTIONS => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(ObjectError::Unreadable { .. }) if attempts <= RESUMPTIONS => {}
                Err(error) => return Err(request.fail(error)),
            }
        }
    }
}

/// Reads the octets from `first` to `last`.
async fn one_range(request: &ObjectRequest, first: u64, last: u64) -> Result<Bytes, ObjectError> {
    let body = request.range(first, Some(last)).await?;
    let length = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
    match timeout_at(request.deadline, collect(body, length)).await {
        Ok(Ok(octets)) => Ok(octets.into()),
        Ok(Err(CollectError::TooLarge)) => Err(unreadable(format!(
            "S3 sent more than {length} octets of a range"
        ))),
        Ok(Err(CollectError::Broken(reason))) => Err(unreadable(reason)),
        Err(_) => Err(ObjectError::OutOfTime),
    }
}
