//! Content of objects, and answers of S3.

use super::*;
use flowlogs_testing::parquet_writer::basic::Compression;
use flowlogs_testing::parquet_writer::{Column, Options, Stored, write};

/// Flows as Parquet, without compression so that it is large.
fn parquet(flows: usize) -> Vec<u8> {
    let column = |name: &str, stored, value: &dyn Fn(usize) -> String| Column {
        name: name.to_owned(),
        stored,
        values: (0..flows).map(|flow| Some(value(flow))).collect(),
    };
    let columns = [
        column("srcaddr", Stored::Text, &|flow| {
            format!("10.0.{}.{}", flow / 250 % 250, flow % 250)
        }),
        column("bytes", Stored::Int64, &|flow| flow.to_string()),
        column("packets", Stored::Int64, &|flow| flow.to_string()),
    ];
    let options = Options {
        compression: Compression::UNCOMPRESSED,
        dictionary: false,
        ..Options::default()
    };
    write(&columns, &options).to_vec()
}

/// Key of an object that Firehose wrote with its default settings.
const FIREHOSE_KEY: &str =
    "2026/11/28/10/flow-logs-3-2026-11-28-10-15-04-0a1b2c3d-4e5f-6789-abcd-ef0123456789";

/// Gzip member of records as a flow log with a delivery stream writes them, without line ends.
fn messages(count: usize) -> Vec<u8> {
    let text = String::from_utf8(text(count)).expect("ASCII");
    let objects = text
        .lines()
        .map(|line| json!({"message": line}).to_string());
    gzip(objects.collect::<String>().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn text_and_parquet_are_exported_and_what_is_no_flow_log_by_its_key_is_not_even_read() {
    let mut setup = Setup::new();
    setup
        .bucket
        .put("a b.log.gz", Content::Object(gzip(&text(100))));
    setup
        .bucket
        .put("b.log.parquet", Content::Object(parquet(50)));
    setup.bucket.put("c.txt", Content::Object(text(7)));
    let from_firehose = [messages(3), messages(2)].concat();
    setup
        .bucket
        .put(FIREHOSE_KEY, Content::Object(from_firehose));
    let event = json!({"Records": [
        record("a+b.log.gz", 10), record("b.log.parquet", 10), record("c.txt", 10),
        record(FIREHOSE_KEY, 10), record("AWSLogs/123456789012/CloudTrail/eu-central-1/2026/11/28/d.json.gz", 10),
        record("folder/", 0), record("empty.log", 0),
    ]});
    let (answer, metrics) = setup.invoke(&event, 5 * MINUTE).await;
    let answer = answer.expect("success");
    assert_eq!(
        (&answer["FlowsExported"], &answer["RecordsReceived"]),
        (&json!(162), &json!(162))
    );
    assert_eq!(
        (&metrics["ObjectsExported"], &metrics["ObjectsSkipped"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(metrics["Source"], "flows");
    let keys: Vec<_> = setup
        .bucket
        .requests()
        .into_iter()
        .map(|request| request.key)
        .collect();
    assert_eq!(
        keys,
        ["a b.log.gz", "b.log.parquet", "c.txt", FIREHOSE_KEY],
        "one request each"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_which_s3_says_no_has_its_name() {
    let mut setup = Setup::new();
    let kms = "User: arn:aws:sts::1:x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext";
    for (content, name) in [
        (
            Content::Error(403, "AccessDenied", "Access Denied"),
            "ObjectDenied",
        ),
        (Content::Error(403, "AccessDenied", kms), "ObjectKeyDenied"),
        (
            Content::Error(400, "KMS.DisabledException", "x is disabled."),
            "ObjectKeyDenied",
        ),
        (
            Content::Error(403, "InvalidObjectState", "x"),
            "ObjectArchived",
        ),
        (Content::Error(400, "BadRequest", "x"), "ObjectUnreadable"),
        (Content::EndlessError, "ObjectUnreadable"),
    ] {
        let failure = setup.failure("a.log.gz", content).await;
        assert_eq!(failure.name(), name, "{failure}");
        assert!(
            failure.to_string().starts_with("s3://flows/a.log.gz: "),
            "{failure}"
        );
    }
    for (key, content, name) in [
        (
            "1",
            Content::Error(404, "NoSuchKey", "The specified key does not exist."),
            "ObjectMissing",
        ),
        (
            "2",
            Content::Error(404, "NoSuchVersion", "x"),
            "ObjectMissing",
        ),
        (
            "3",
            Content::Error(412, "PreconditionFailed", "x"),
            "ObjectChanged",
        ),
    ] {
        let (line, metrics) = setup.passed_over(key, content).await;
        assert_eq!(line["error_type"], name);
        assert_eq!(metrics["PayloadErrors"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_decoded_is_acknowledged_and_named() {
    let mut setup = Setup::new();
    let whole = gzip(&text(100));
    let mut damaged = whole.clone();
    damaged[60] ^= 0xff;
    let parquet = parquet(50);
    let compressed_parquet = gzip(&parquet);
    for (number, (octets, name)) in [
        (whole[..whole.len() / 2].to_vec(), "ObjectGzip"),
        (damaged, "ObjectGzip"),
        (
            parquet[..parquet.len() - 10].to_vec(),
            "ObjectParquetFooter",
        ),
        (compressed_parquet, "ObjectNotAFlowLog"),
        (vec![0; 100], "ObjectNotAFlowLog"),
        (
            b"hello world\nthis is no flow log\n".to_vec(),
            "ObjectNotAFlowLog",
        ),
        (b"{\"hello\": 1}".to_vec(), "ObjectJson"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = number.to_string();
        let (line, metrics) = setup.passed_over(&key, Content::Object(octets)).await;
        assert_eq!(line["error_type"], name);
        assert_eq!(metrics["PayloadErrors"], 1, "the alarm of payloads");
        assert_eq!(metrics["OldestUndeliveredSeconds"], Value::Null);
        // Queues deliver at least once: what came before the damage is not exported again.
        let (_, metrics) = setup.invoke(&queue(&[(&key, 1_000)]), 5 * MINUTE).await;
        assert_eq!(metrics["DuplicateObjects"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_taken_up_where_it_broke() {
    let mut setup = Setup::new();
    let plain = text(3_000);
    setup.bucket.put(
        "a.log",
        Content::Breaking(plain.clone(), plain.len() / 3 + 1),
    );
    let (answer, _) = setup.invoke(&direct("a.log", 10), 5 * MINUTE).await;
    assert_eq!(answer.expect("taken up")["FlowsExported"], 3_000);
    let begins: Vec<_> = setup
        .bucket
        .requests()
        .iter()
        .map(|request| request.range)
        .collect();
    let third = plain.len() / 3 + 1;
    assert_eq!(begins, [None, Some((third, None)), Some((2 * third, None))]);
    let failure = setup
        .failure("b.log", Content::Breaking(plain.clone(), 1_000))
        .await;
    assert_eq!(
        failure.name(),
        "ObjectUnreadable",
        "not for ever: {failure}"
    );
    let rangeless = Content::Rangeless(plain.clone(), 1_000);
    let failure = setup.failure("c.log", rangeless).await;
    assert_eq!(failure.name(), "ObjectUnreadable", "{failure}");
    assert!(
        failure.to_string().contains("the whole object"),
        "{failure}"
    );
    let (line, _) = setup
        .passed_over("d.log", Content::Retagged(plain, 1_000))
        .await;
    assert_eq!(line["error_type"], "ObjectChanged", "another entity tag");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_fewer_octets_than_the_notice_says_is_no_empty_object() {
    let mut setup = Setup::new();
    for (content, reason) in [
        (Content::Object(Vec::new()), "none of its 1000 octets"),
        (Content::Unasked(text(10)), "answered with bytes 0-0/"),
    ] {
        let failure = setup.failure("a.log", content).await;
        assert_eq!(failure.name(), "ObjectUnreadable");
        assert!(failure.to_string().contains(reason), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_parquet_object_is_read_in_ranges_of_one_and_the_same_object() {
    let mut setup = Setup::new();
    let large = parquet(200_000);
    assert!(large.len() > 6_000_000);
    setup
        .bucket
        .put("a.parquet", Content::Object(large.clone()));
    let (answer, _) = setup.invoke(&direct("a.parquet", 10), 5 * MINUTE).await;
    assert_eq!(answer.expect("success")["FlowsExported"], 200_000);
    let requests = setup.bucket.requests();
    assert!(requests[1..].iter().all(|request| request.range.is_some()));
    assert!((5..40).contains(&requests.len()), "{}", requests.len());
    let (line, _) = setup
        .passed_over("b.parquet", Content::Replaced(large.clone()))
        .await;
    assert_eq!(line["error_type"], "ObjectChanged");
    let failure = setup.failure("c.parquet", Content::Endless(large)).await;
    assert_eq!(failure.name(), "ObjectUnreadable", "{failure}");
    assert!(failure.to_string().contains("more than"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_that_was_announced_is_read() {
    let mut setup = Setup::new();
    setup.bucket.put("a.log", Content::Object(text(1)));
    let mut event = direct("a.log", 10);
    event["Records"][0]["s3"]["object"]["versionId"] = json!("v7");
    setup.invoke(&event, 5 * MINUTE).await.0.expect("success");
    assert_eq!(setup.bucket.requests()[0].version.as_deref(), Some("v7"));
    event["Records"][0]["s3"]["object"]["versionId"] = json!("v8");
    let (answer, _) = setup.invoke(&event, 5 * MINUTE).await;
    assert_eq!(answer.expect("another version")["ObjectsExported"], 1);
}
