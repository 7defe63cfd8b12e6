//! AWS of the day: EC2, STS and S3 of an organization, and a bucket of flow logs, with faults by the script.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use flowlogs_core::LogFormat;
use flowlogs_testing::http::{self, HttpRequest};
use flowlogs_testing::parquet_writer::{Options, columns_of_lines, write};
use serde_json::{Value, json};

use super::faults::{Fault, Moment};
use super::flow_line;
use crate::aws::described;
use crate::bucket::BUCKET;
use crate::objects::gzip;
use crate::organization::{Answered, Organization, network};

/// Account and region of all flows.
pub(crate) const ACCOUNT: &str = "111111111111";
pub(crate) const REGION: &str = "eu-central-1";

/// Octets that the bombs inflate to.
const BOMB: usize = 1 << 30;

/// Starts AWS.
pub(crate) fn start(moment: Moment) -> Organization {
    let bomb = bomb(br#"{"InventoryVersion": 1, "#, b' ');
    let zeros = bomb_of_zeros();
    let inventory = network(ACCOUNT, REGION);
    Organization::start_behind(move |request, stream| {
        let fault = moment.fault();
        let answered = fault.map(|fault| faulty(fault, &moment, &bomb, request, stream));
        if let Some(Answered::Yes(sent)) = answered {
            return Answered::Yes(sent);
        }
        if let Some(key) = request.target.strip_prefix(&format!("/{BUCKET}/")) {
            return Answered::Yes(object(key, &zeros, stream));
        }
        own_ec2(&inventory, request, stream)
    })
}

/// Gzip of a text, followed by a gigabyte of one octet.
fn bomb(text: &[u8], octet: u8) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(text).expect("memory takes everything");
    let mebibyte = vec![octet; 1 << 20];
    for _ in 0..BOMB >> 20 {
        out.write_all(&mebibyte).expect("memory takes everything");
    }
    out.finish().expect("memory takes everything")
}

fn bomb_of_zeros() -> Vec<u8> {
    bomb(b"", 0)
}

/// Answers by a fault, unless the fault does not concern the request.
fn faulty(
    fault: Fault,
    moment: &Moment,
    bomb: &[u8],
    request: &HttpRequest,
    stream: &TcpStream,
) -> Answered {
    let is_question = request.method == "POST";
    let is_read = request.method == "GET";
    let is_inventory = is_read && !request.target.starts_with(&format!("/{BUCKET}/"));
    let refuse = |status, code: &str| {
        let error = format!("<Error><Code>{code}</Code><Message>for a test</Message></Error>");
        let body = match is_question {
            true => format!("<Response><Errors>{error}</Errors></Response>"),
            false => error,
        };
        http::xml(stream, status, &body)
    };
    let answer = match fault {
        Fault::AwsThrottled if is_question => refuse(503, "RequestLimitExceeded"),
        Fault::AwsThrottled => refuse(503, "SlowDown"),
        Fault::AwsDenied if is_question => refuse(403, "UnauthorizedOperation"),
        Fault::AwsDenied => refuse(403, "AccessDenied"),
        Fault::AwsEndless => http::endless(stream, 200, ""),
        Fault::AwsBomb if is_inventory => http::answer(stream, 200, &[("etag", "\"b\"")], bomb),
        Fault::AwsWrongPart if is_inventory && request.target.contains("/parts/") => {
            let part = json!({"InventoryVersion": 1, "AccountId": "999999999999", "Region": REGION,
                "Version": "a", "NetworkInterfaces": []});
            let part = gzip(part.to_string().as_bytes());
            http::answer(stream, 200, &[("etag", "\"w\"")], &part)
        }
        Fault::AwsSilent => {
            while moment.fault() == Some(Fault::AwsSilent) {
                std::thread::sleep(Duration::from_millis(50));
            }
            None
        }
        _ => return Answered::No,
    };
    moment.effect(fault);
    Answered::Yes(answer)
}

/// Answers as EC2 of the account of the functions, which assume no role.
fn own_ec2(inventory: &Value, request: &HttpRequest, stream: &TcpStream) -> Answered {
    let assumes_role = request
        .header("authorization")
        .is_none_or(|header| header.contains("Credential=ASIA"));
    let mut parameters = request.body.split('&');
    match parameters.find_map(|pair| pair.strip_prefix("Action=Describe")) {
        Some(action) if !assumes_role => {
            let described = described(&format!("Describe{action}"), inventory);
            Answered::Yes(http::xml(stream, 200, &described))
        }
        _ => Answered::No,
    }
}

/// Object whose key ends in `FIRST-COUNT.KIND`.
fn object(key: &str, zeros: &[u8], stream: &TcpStream) -> Option<()> {
    let key = key.split('?').next()?;
    let (_, name) = key.rsplit_once('/')?;
    let (range, kind) = name.split_once('.')?;
    let (first, count) = range.split_once('-')?;
    let (first, count): (u64, u64) = (first.parse().ok()?, count.parse().ok()?);
    let lines = || (first..first + count).map(flow_line);
    let octets = match kind {
        "log.gz" => gzip(lines().collect::<Vec<_>>().join("\n").as_bytes()),
        "log.parquet" => parquet(lines()),
        "zeros.log.gz" => zeros.to_vec(),
        "junk.log.gz" => b"\x1f\x8b\x08 no gzip at all".to_vec(),
        _ => {
            let body = "<Error><Code>NoSuchKey</Code><Message>for a test</Message></Error>";
            return http::xml(stream, 404, body);
        }
    };
    http::answer(stream, 200, &[("etag", &format!("\"{name}\""))], &octets)
}

fn parquet(lines: impl Iterator<Item = String>) -> Vec<u8> {
    let format = LogFormat::parse(LogFormat::VPC_DEFAULT).expect("documented");
    let columns = columns_of_lines(format.names(), lines);
    write(&columns, &Options::default()).to_vec()
}
