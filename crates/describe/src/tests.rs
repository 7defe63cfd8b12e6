//! Objects of an inventory: read, damaged, foreign, too large.

use std::io::Write;

use flowlogs_core::network::{AccountRegion, Destination, InterfaceView};

use crate::packed::packer;
use crate::timestamp::Timestamp;
use crate::{InventoryError, InventoryPart, looks_like_inventory, read, read_manifest, read_part};

const LIMIT: u64 = 1 << 20;

const MANIFEST: &str = r#"{"InventoryVersion": 1, "AsOf": "2026-11-29T05:00:00Z", "Future": [1],
    "Parts": [
        {"AccountId": "111122223333", "Region": "eu-central-1", "AsOf": "2026-11-29T04:50:00Z",
         "FlowLogsAsOf": "2026-11-29T05:00:00Z", "Version": "a1", "Interfaces": 2},
        {"AccountId": "444455556666", "Region": "eu-central-1", "FlowLogsAsOf": "2026-11-29T04:00:00Z",
         "Failure": "AccessDenied"}],
    "NotAsked": [{"AccountId": "777788889999", "Region": "eu-central-1", "Reason": "suspended"}],
    "FlowLogs": [
        {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "LogGroupName": "flows", "LogFormat": "${bytes}",
         "AccountId": "111122223333", "Region": "eu-central-1"},
        {"FlowLogId": "fl-2", "ResourceId": "vpc-2", "LogGroupName": "flows", "LogFormat": "${packets}",
         "AccountId": "444455556666", "Region": "eu-central-1", "LastSeen": "2026-11-29T04:00:00Z"},
        {"FlowLogId": "fl-3", "ResourceId": "vpc-1", "LogDestination": "arn:aws:s3:::flows", "LogFormat": "${start}",
         "AccountId": "111122223333", "Region": "eu-central-1", "LastSeen": "2026-11-29T03:00:00Z"}],
    "Vpcs": [{"VpcId": "vpc-1", "OwnerId": "111122223333", "Tags": [{"Key": "Name", "Value": "shop"}],
              "AccountId": "111122223333", "Region": "eu-central-1"}],
    "TransitGateways": [], "TransitGatewayAttachments": []}"#;

const PART: &str = r#"{"InventoryVersion": 1, "AccountId": "111122223333", "Region": "eu-central-1", "Version": "a1",
    "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.5",
    "TagSet": [{"Key": "Name", "Value": "web-1"}]}, {"NetworkInterfaceId": "eni-2"}]}"#;

fn gzip(text: &str) -> Vec<u8> {
    let mut out = packer();
    out.write_all(text.as_bytes())
        .expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

fn scope() -> AccountRegion {
    AccountRegion::new("111122223333", "eu-central-1")
}

#[test]
fn a_manifest_has_flow_logs_by_destination_and_account() {
    for octets in [MANIFEST.as_bytes().to_vec(), gzip(MANIFEST)] {
        let manifest = read_manifest(&octets).expect("a manifest");
        assert_eq!(manifest.as_of, Timestamp(1_795_928_400_000));
        let versions: Vec<_> = manifest.parts.iter().map(|part| &part.version).collect();
        assert_eq!(versions, [&Some("a1".to_owned()), &None]);
        let inventory = manifest.into_inventory();
        let formats = |account| {
            let group = Destination::log_group("flows").in_account(Some(account));
            let formats = inventory.formats_for(Some(&group));
            formats.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(formats("111122223333"), ["${bytes}"]);
        assert_eq!(formats("444455556666"), ["${packets}"]);
        assert_eq!(formats("777788889999"), [""; 0]);
        let vpc = inventory.vpc(b"vpc-1").expect("the VPC");
        assert_eq!(vpc.owner.as_deref(), Some("111122223333"));
    }
}

#[test]
fn a_flow_log_that_the_last_answer_lacks_has_vanished() {
    let manifest = read_manifest(MANIFEST.as_bytes()).expect("a manifest");
    let times: Vec<_> = (manifest.into_inventory().flow_logs().iter())
        .map(|flow_log| (flow_log.as_of, flow_log.last_seen))
        .collect();
    let (four, five) = (1_795_924_800_000, 1_795_928_400_000);
    let three = four - 3_600_000;
    assert_eq!(
        times,
        [
            (Some(five), None),
            (Some(four), None),
            (Some(five), Some(three))
        ],
        "listed, last listed by the last answer, and gone before it"
    );
}

#[test]
fn a_part_has_its_account_region_and_version() {
    for octets in [PART.as_bytes().to_vec(), gzip(PART)] {
        let part = read_part(&octets, LIMIT).expect("a part");
        assert_eq!((part.scope, part.version.as_str()), (scope(), "a1"));
        let name = part.interfaces.get(b"eni-1").and_then(InterfaceView::name);
        assert_eq!((part.interfaces.len(), name), (2, Some("web-1")));
    }
}

#[test]
fn the_objects_are_inventories_like_those_of_the_aws_cli() {
    for octets in [gzip(MANIFEST), gzip(PART), PART.as_bytes().to_vec()] {
        assert!(looks_like_inventory(&octets));
    }
    let mut inventory = read(&gzip(MANIFEST)).expect("a manifest");
    inventory.merge(read(&gzip(PART)).expect("a part"));
    let table = inventory.interfaces_of(&scope()).expect("the part");
    assert_eq!(table.len(), 2);
    assert_eq!(inventory.flow_logs().len(), 3);
    assert!(!looks_like_inventory(&gzip("2 123456789012 eni-1")));
}

#[test]
fn damage_wherever_it_is_leaves_nothing_of_an_object() {
    for whole in [gzip(MANIFEST), gzip(PART)] {
        for end in 0..whole.len() {
            assert!(read_manifest(&whole[..end]).is_err(), "cut at {end}");
            assert!(read_part(&whole[..end], LIMIT).is_err(), "cut at {end}");
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
        let checksum = whole.len() - 8;
        let mut damaged = whole.clone();
        damaged[checksum] ^= 1;
        assert!(matches!(read(&damaged), Err(InventoryError::Gzip(_))));
    }
    let cut = read_part(&gzip(&PART[..PART.len() - 1]), LIMIT).expect_err("cut before packing");
    assert!(cut.to_string().contains("EOF"), "{cut}");
}

#[test]
fn an_object_with_a_flipped_bit_is_refused_or_read_as_it_was() {
    let whole = gzip(PART);
    let original = read_part(&whole, LIMIT).expect("a part").interfaces;
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << bit;
            if let Ok(part) = read_part(&flipped, LIMIT) {
                // The head has no checksum, and the last octet has bits to spare.
                assert!(part.interfaces == original, "{position}");
            }
        }
    }
}

#[test]
fn a_gzip_bomb_ends_at_the_limit() {
    let bomb = format!("{}{}", " ".repeat(8 << 20), PART);
    let bomb = gzip(&bomb);
    assert!(bomb.len() < 128 * 1024, "{}", bomb.len());
    let limit = |outcome: Result<InventoryPart, _>| match outcome {
        Err(InventoryError::TooLarge(limit)) => Some(limit),
        _ => None,
    };
    assert_eq!(limit(read_part(&bomb, LIMIT)), Some(LIMIT));
    assert_eq!(limit(read_part(PART.as_bytes(), 100)), Some(100));
    let exact = PART.len() as u64;
    assert!(read_part(&gzip(PART), exact).is_ok());
    assert_eq!(limit(read_part(&gzip(PART), exact - 1)), Some(exact - 1));
}

#[test]
fn an_object_of_another_release_says_so_whatever_is_in_it() {
    for text in [PART, MANIFEST] {
        let other = text.replace("\"InventoryVersion\": 1", "\"InventoryVersion\": 2");
        let other = other.replace("\"Region\"", "\"Place\"");
        for outcome in [
            read(&gzip(&other)).map(|_| ()),
            read_manifest(other.as_bytes()).map(|_| ()),
            read_part(&gzip(&other), LIMIT).map(|_| ()),
        ] {
            let error = outcome.expect_err("another release").to_string();
            assert!(
                error.contains("another release (InventoryVersion 2"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_part_is_no_manifest_and_the_other_way_round() {
    let error = read_manifest(PART.as_bytes()).expect_err("a part");
    assert_eq!(error.to_string(), "the member AsOf is missing");
    let error = read_part(MANIFEST.as_bytes(), LIMIT).expect_err("a manifest");
    assert_eq!(
        error.to_string(),
        "the member AccountId or Region is missing"
    );
    let error = read_part(b"{\"NetworkInterfaces\": []}", LIMIT).expect_err("the AWS CLI's");
    assert_eq!(error.to_string(), "the member InventoryVersion is missing");
}
