//! An inventory in an S3 that changes, fails and comes back.

use std::io::Write;

use aws_config::BehaviorVersion;
use aws_sdk_s3::config::{Credentials, Region};
use flate2::Compression;
use flate2::write::GzEncoder;
use flowlogs_core::network::InterfaceView;
use flowlogs_core::{TranscoderSettings, Transport};
use flowlogs_testing::object_server::ObjectServer;
use serde_json::json;

use super::*;

const REGION: &str = "eu-central-1";
const MANIFEST_PATH: &str = "inventory/flowlogs/manifest.json.gz";

fn gzip(document: &serde_json::Value) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(document.to_string().as_bytes())
        .expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

fn scope(account: &str) -> AccountRegion {
    AccountRegion::new(account, REGION)
}

fn part_path(account: &str) -> String {
    format!("inventory/flowlogs/parts/{account}/{REGION}.json.gz")
}

/// Inventory in S3 with the transcoder that uses it.
struct Fixture {
    server: ObjectServer,
    stored: StoredInventory,
    transcoder: Transcoder,
}

impl Fixture {
    fn new() -> Self {
        let server = ObjectServer::start();
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&server.endpoint)
            .region(Region::new(REGION))
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(
                Credentials::new("test", "test", None, None, "test"),
            ))
            .build();
        let location = InventoryLocation {
            bucket: "inventory".to_owned(),
            prefix: "flowlogs".to_owned(),
        };
        Self {
            stored: StoredInventory::new(&aws, location),
            server,
            transcoder: Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]),
        }
    }

    /// Puts a manifest with these versions of parts.
    fn put_manifest(&self, versions: &[(&str, &str)]) {
        let parts = versions.iter().map(|(account, version)| {
            json!({"AccountId": account, "Region": REGION, "AsOf": "2026-11-29T05:00:00Z", "Version": version})
        });
        let manifest = json!({
            "InventoryVersion": 1, "AsOf": "2026-11-29T05:00:00Z", "Parts": parts.collect::<Vec<_>>(),
            "FlowLogs": [], "Vpcs": [],
        });
        self.server.put(MANIFEST_PATH, &gzip(&manifest));
    }

    /// Puts a part with one interface of this name.
    fn put_part(&self, account: &str, version: &str, name: &str) {
        let part = json!({
            "InventoryVersion": 1, "AccountId": account, "Region": REGION, "Version": version,
            "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "TagSet": [{"Key": "Name", "Value": name}]}],
        });
        self.server.put(&part_path(account), &gzip(&part));
    }

    async fn prepare(&mut self, accounts: &[&str], waits: bool) -> Result<(), String> {
        let scopes: Vec<_> = accounts.iter().map(|account| scope(account)).collect();
        self.stored
            .set_deadline(Instant::now() + Duration::from_secs(20));
        let transcoder = &mut self.transcoder;
        let prepared = self.stored.prepare(scopes, waits, transcoder);
        prepared.await.map_err(|error| error.to_string())
    }

    /// Lets a minute pass.
    fn minute(&mut self) {
        self.stored.due = self.stored.due.map(|due| due - HOLD);
        self.stored.failed.clear();
    }

    fn name(&self, account: &str) -> Option<String> {
        let table = self.transcoder.inventory().interfaces_of(&scope(account))?;
        table
            .get(b"eni-1")
            .and_then(InterfaceView::name)
            .map(str::to_owned)
    }

    /// Keys that were asked for, below the prefix, with the status of the answer.
    fn requests(&self) -> Vec<String> {
        let requests = self.server.take_requests().into_iter();
        requests
            .map(|request| request.replace("inventory/flowlogs/", ""))
            .collect()
    }
}

#[tokio::test]
async fn two_reads_serve_a_payload_and_none_the_next_until_a_minute_has_passed() {
    let mut fixture = Fixture::new();
    fixture.put_manifest(&[("1", "a"), ("2", "a")]);
    fixture.put_part("1", "a", "web");
    for expected in [
        &["manifest.json.gz 200", "parts/1/eu-central-1.json.gz 200"][..],
        &[],
    ] {
        fixture
            .prepare(&["1", "3"], true)
            .await
            .expect("an inventory");
        assert_eq!(fixture.requests(), expected);
        assert_eq!(fixture.name("1").as_deref(), Some("web"));
    }
    fixture.minute();
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(fixture.requests(), ["manifest.json.gz 304"]);
    assert!(fixture.stored.age().is_some());
    assert_eq!(fixture.stored.take_errors(), 0);
}

#[tokio::test]
async fn a_part_of_a_new_version_takes_the_place_of_the_old_one_and_the_others_stay() {
    let mut fixture = Fixture::new();
    fixture.put_manifest(&[("1", "a"), ("2", "a")]);
    fixture.put_part("1", "a", "web");
    fixture.put_part("2", "a", "db");
    fixture
        .prepare(&["1", "2"], true)
        .await
        .expect("an inventory");
    fixture.requests();
    fixture.put_part("1", "b", "web-2");
    fixture.put_manifest(&[("1", "b"), ("2", "a")]);
    fixture.minute();
    fixture
        .prepare(&["1", "2"], true)
        .await
        .expect("an inventory");
    assert_eq!(
        fixture.requests(),
        ["manifest.json.gz 200", "parts/1/eu-central-1.json.gz 200"]
    );
    let names = [fixture.name("1"), fixture.name("2")];
    assert_eq!(names, [Some("web-2".to_owned()), Some("db".to_owned())]);
}

#[tokio::test]
async fn a_copy_serves_while_reading_fails() {
    let mut fixture = Fixture::new();
    fixture.put_manifest(&[("1", "a")]);
    fixture.put_part("1", "a", "web");
    fixture.prepare(&["1"], true).await.expect("an inventory");
    fixture.server.refuse(MANIFEST_PATH, 403, "AccessDenied");
    fixture.minute();
    fixture.prepare(&["1"], true).await.expect("the copy");
    assert_eq!(
        (fixture.name("1").as_deref(), fixture.stored.take_errors()),
        (Some("web"), 1)
    );

    fixture.put_manifest(&[("1", "b")]);
    fixture.server.refuse(&part_path("1"), 403, "AccessDenied");
    for errors in [1, 0] {
        if errors == 1 {
            fixture.minute();
        }
        fixture.prepare(&["1"], true).await.expect("the copy");
        assert_eq!(
            fixture.name("1").as_deref(),
            Some("web"),
            "of the old version"
        );
        assert_eq!(fixture.stored.take_errors(), errors, "asked once a minute");
    }
    fixture.put_part("1", "b", "web-2");
    fixture.minute();
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(fixture.name("1").as_deref(), Some("web-2"));
}

#[tokio::test]
async fn without_a_copy_a_payload_waits_and_an_old_one_does_not() {
    let mut fixture = Fixture::new();
    fixture.server.refuse(MANIFEST_PATH, 403, "AccessDenied");
    let error = fixture.prepare(&["1"], true).await.expect_err("denied");
    assert!(
        error.contains("s3://inventory/flowlogs/manifest.json.gz")
            && error.contains("s3:GetObject"),
        "{error}"
    );
    fixture.requests();
    fixture.prepare(&["1"], true).await.expect_err("denied");
    assert_eq!(fixture.requests(), [""; 0], "not asked again at once");
    fixture.prepare(&["1"], false).await.expect("without");
    assert_eq!(fixture.transcoder.inventory(), &Inventory::unavailable());
    fixture.put_manifest(&[("1", "a")]);
    fixture.put_part("1", "a", "web");
    fixture.minute();
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(fixture.name("1").as_deref(), Some("web"));
}

#[tokio::test]
async fn nothing_is_known_of_an_account_whose_part_is_not_there_and_a_denied_one_is_named() {
    let mut fixture = Fixture::new();
    fixture.put_manifest(&[("1", "a"), ("2", "a")]);
    fixture.server.refuse(&part_path("2"), 403, "AccessDenied");
    fixture.prepare(&["1"], true).await.expect("404");
    assert_eq!(fixture.name("1"), None);
    fixture.requests();
    fixture.prepare(&["1"], true).await.expect("404");
    assert_eq!(fixture.requests(), [""; 0], "not asked again at once");
    let error = fixture.prepare(&["2"], true).await.expect_err("403");
    assert!(
        error.contains("parts/2/") && error.contains("s3:ListBucket"),
        "{error}"
    );
    fixture.prepare(&["2"], false).await.expect("without");
    fixture.put_part("1", "a", "web");
    fixture.put_part("2", "a", "db");
    fixture.minute();
    fixture
        .prepare(&["1", "2"], true)
        .await
        .expect("an inventory");
    let names = [fixture.name("1"), fixture.name("2")];
    assert_eq!(names, [Some("web".to_owned()), Some("db".to_owned())]);
}

#[tokio::test]
async fn a_part_that_is_younger_than_the_manifest_makes_the_manifest_be_read_again() {
    let mut fixture = Fixture::new();
    fixture.put_manifest(&[("1", "a")]);
    fixture.prepare(&[], true).await.expect("a manifest");
    fixture.put_part("1", "b", "web-2");
    fixture.put_manifest(&[("1", "b")]);
    fixture.requests();
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(
        fixture.requests(),
        ["parts/1/eu-central-1.json.gz 200", "manifest.json.gz 200"]
    );
    assert_eq!(fixture.name("1").as_deref(), Some("web-2"));
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(fixture.requests(), [""; 0], "the new manifest names it");
    assert_eq!(fixture.name("1").as_deref(), Some("web-2"));

    fixture.put_part("1", "c", "web-3");
    fixture.put_manifest(&[("1", "d")]);
    fixture.minute();
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(fixture.name("1").as_deref(), Some("web-3"), "what there is");
    fixture.put_part("1", "d", "web-4");
    fixture.minute();
    fixture.prepare(&["1"], true).await.expect("an inventory");
    assert_eq!(fixture.name("1").as_deref(), Some("web-4"));
}

#[tokio::test]
async fn objects_that_cannot_be_read_are_named() {
    let mut fixture = Fixture::new();
    for (octets, words) in [
        (
            &b"{\"InventoryVersion\": 2}"[..],
            "another release (InventoryVersion 2",
        ),
        (b"\x1f\x8b", "damaged or cut"),
        (b"{\"AsOf\": 1}", "not the JSON of an inventory"),
    ] {
        fixture.server.put(MANIFEST_PATH, octets);
        fixture.minute();
        let error = fixture.prepare(&[], true).await.expect_err("unreadable");
        assert!(error.contains(words), "{error}");
    }
    fixture.server.delete(MANIFEST_PATH);
    fixture.minute();
    let error = fixture.prepare(&[], true).await.expect_err("absent");
    assert!(error.contains("does flowlogs-inventory run"), "{error}");
}
