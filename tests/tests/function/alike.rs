//! Two environments with the same inventory decide alike, whatever else each has read and in whatever wrapping and order
//! the records come. `scripts/measure-organization` runs this at full size.

use std::collections::BTreeMap;
use std::time::Duration;

use flowlogs_testing::object_server::ObjectServer;
use flowlogs_testing::random::Random;
use flowlogs_testing::wire::messages;
use serde_json::{Value, json};

use crate::collector::Drain;
use crate::decode::{Record, decode};
use crate::delivery::DEFAULT;
use crate::objects::gzip;
use crate::one_function::OneFunction;
use crate::payload::subscription;
use crate::runtime::sized;
use crate::stored::MANIFEST_KEY;

const ACCOUNTS: [&str; 4] = [
    "111111111111",
    "222222222222",
    "333333333333",
    "444444444444",
];
const REGION: &str = "eu-central-1";
/// Interfaces of an account.
const INTERFACES: usize = 40;
/// Time of the inventory, seconds since 1970.
const AS_OF: u64 = 1_795_000_000;
const TIME: Duration = Duration::from_secs(300);

const CUSTOM: &str = "${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${flow-direction} ${vpc-id} ${tcp-flags}";
const GATEWAY: &str = "${account-id} ${tgw-id} ${tgw-attachment-id} ${tgw-pair-attachment-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${flow-direction} ${packets-lost-no-route}";

/// Counters of rules 2 to 4 and of what they leave.
const COUNTERS: [&str; 8] = [
    "RecordsReceived",
    "FlowsExported",
    "DuplicateRecords",
    "DuplicateTransitGateway",
    "DuplicateBothEnds",
    "DoubledRecords",
    "WithoutInventory",
    "UnparsedRecords",
];

fn time(seconds: u64) -> String {
    flowlogs_describe::Timestamp(1_000 * seconds).to_string()
}

/// Interface of an account: address `10.ACCOUNT.0.NUMBER`, in one of two subnets; every tenth is not in use, every eighth of
/// the second account is in the VPC of the first.
fn interface(account: usize, number: usize) -> Value {
    let vpc = if account == 1 && number.is_multiple_of(8) {
        0
    } else {
        account
    };
    json!({
        "NetworkInterfaceId": format!("eni-{account}-{number}"), "OwnerId": ACCOUNTS[account],
        "VpcId": format!("vpc-{vpc}"), "SubnetId": format!("subnet-{vpc}-{}", number % 2),
        "Status": if number % 10 == 9 { "available" } else { "in-use" },
        "PrivateIpAddress": format!("10.{vpc}.{account}.{}", number + 1),
        "TagSet": [{"Key": "Name", "Value": format!("web-{account}-{number}")}],
    })
}

/// Flow logs of an account, to its log group `flows`: one of the VPC, one of a subnet with more columns, one of rejected
/// traffic with the columns of the first; of the first account one of the gateway, of the third one that is young and one
/// that has vanished.
fn flow_logs(account: usize) -> Vec<Value> {
    let flow_log = |id: &str, resource: String, traffic: &str, format: &str| {
        json!({
            "FlowLogId": format!("fl-{account}-{id}"), "ResourceId": resource, "TrafficType": traffic, "LogFormat": format,
            "LogGroupName": "flows", "CreationTime": time(AS_OF - 100_000), "DeliverLogsStatus": "SUCCESS",
            "AccountId": ACCOUNTS[account], "Region": REGION,
        })
    };
    let mut flow_logs = vec![
        flow_log("vpc", format!("vpc-{account}"), "ALL", DEFAULT),
        flow_log("subnet", format!("subnet-{account}-1"), "ALL", CUSTOM),
        flow_log("reject", format!("vpc-{account}"), "REJECT", DEFAULT),
    ];
    if account == 0 {
        flow_logs.push(flow_log("gateway", "tgw-1".to_owned(), "ALL", GATEWAY));
    }
    if account == 2 {
        let mut young = flow_log("young", "subnet-2-0".to_owned(), "ALL", CUSTOM);
        young["CreationTime"] = json!(time(AS_OF - 1_800));
        let mut vanished = flow_log("gone", "eni-2-2".to_owned(), "ALL", CUSTOM);
        vanished["LastSeen"] = json!(time(AS_OF - 3_000));
        flow_logs.extend([young, vanished]);
    }
    flow_logs
}

/// Inventory of all accounts but the last.
fn inventory() -> ObjectServer {
    let server = ObjectServer::start();
    let known = 0..ACCOUNTS.len() - 1;
    let (mut parts, mut vpcs, mut all_flow_logs) = (Vec::new(), Vec::new(), Vec::new());
    for account in known {
        let id = ACCOUNTS[account];
        let own = (0..INTERFACES).map(|number| interface(account, number));
        // The owner of a VPC is shown all interfaces in it.
        let guests = (0..INTERFACES).map(|number| interface(1, number));
        let guests = guests.filter(|one| account == 0 && one["VpcId"] == "vpc-0");
        let part = json!({
            "InventoryVersion": 1, "AccountId": id, "Region": REGION, "Version": "a",
            "NetworkInterfaces": own.chain(guests).collect::<Vec<_>>(),
        });
        server.put(
            &format!("bucket/flowlogs/parts/{id}/{REGION}.json.gz"),
            &gzip(part.to_string().as_bytes()),
        );
        parts.push(json!({"AccountId": id, "Region": REGION, "Version": "a", "AsOf": time(AS_OF), "FlowLogsAsOf": time(AS_OF)}));
        vpcs.push(json!({"VpcId": format!("vpc-{account}"), "OwnerId": id, "AccountId": id, "Region": REGION}));
        all_flow_logs.extend(flow_logs(account));
    }
    let attachments = (0..3).map(|number| json!({
        "TransitGatewayAttachmentId": format!("tgw-attach-{number}"), "TransitGatewayId": "tgw-1", "ResourceType": "vpc",
        "ResourceId": format!("vpc-{number}"), "AccountId": ACCOUNTS[0], "Region": REGION,
    }));
    let manifest = json!({
        "InventoryVersion": 1, "AsOf": time(AS_OF), "Parts": parts, "FlowLogs": all_flow_logs, "Vpcs": vpcs,
        "TransitGateways": [{"TransitGatewayId": "tgw-1", "AccountId": ACCOUNTS[0], "Region": REGION}],
        "TransitGatewayAttachments": attachments.collect::<Vec<_>>(),
    });
    server.put(MANIFEST_KEY, &gzip(manifest.to_string().as_bytes()));
    server
}

/// A record: account whose log group it is in, and the line. The octets are its number, and of no other record.
fn record(number: usize, chance: &mut Random) -> (usize, String) {
    let account = chance.index(ACCOUNTS.len());
    let own = chance.index(INTERFACES + 2); // two are younger than the inventory
    let vpc = if account == 1 && own.is_multiple_of(8) {
        0
    } else {
        account
    };
    let address = format!("10.{vpc}.{account}.{}", own + 1);
    let peer = peer(account, chance);
    let (direction, source, destination) = match chance.index(2) {
        0 => ("egress", &address, &peer),
        _ => ("ingress", &peer, &address),
    };
    let start = start(chance);
    let action = ["ACCEPT", "REJECT"][usize::from(chance.index(4) == 0)];
    let (port, octets) = (1_024 + chance.index(60_000), number + 1);
    let flow = format!(
        "{source} {destination} {port} 443 6 7 {octets} {start} {}",
        start + 59
    );
    let (id, eni) = (ACCOUNTS[account], format!("eni-{account}-{own}"));
    // Nobody knows a format of the last account.
    let format = if account == ACCOUNTS.len() - 1 {
        0
    } else {
        chance.index(5)
    };
    match format {
        0 | 1 => (account, format!("2 {id} {eni} {flow} {action} OK")),
        2 | 3 => (
            account,
            format!("{id} {eni} {flow} {action} {direction} vpc-{vpc} 2"),
        ),
        _ => {
            let (one, other) = (chance.index(3), chance.index(3));
            let attachments = format!("tgw-attach-{one} tgw-attach-{other}");
            (
                0,
                format!("{} tgw-1 {attachments} {flow} {direction} 0", ACCOUNTS[0]),
            )
        }
    }
}

/// Address of the far end: outside of AWS, in the account, or anywhere.
fn peer(account: usize, chance: &mut Random) -> String {
    match chance.index(3) {
        0 => format!("198.51.100.{}", chance.index(250)),
        1 => format!(
            "10.{account}.{account}.{}",
            1 + chance.index(INTERFACES + 2)
        ),
        _ => format!(
            "10.{}.{}.{}",
            chance.index(4),
            chance.index(4),
            1 + chance.index(INTERFACES)
        ),
    }
}

/// Time of a record, from long before any flow log began until after the inventory.
fn start(chance: &mut Random) -> u64 {
    let start = AS_OF - 5_400 + u64::try_from(chance.index(7_200)).expect("small");
    if chance.index(20) == 0 {
        AS_OF - 200_000
    } else {
        start
    }
}

/// Log event of a record, with its system fields in a central log group.
fn log_event(number: usize, account: Option<usize>, line: &str) -> Value {
    let mut event = json!({"id": format!("{number:056}"), "timestamp": 1_000 * (AS_OF - 10_000), "message": line});
    if let Some(account) = account {
        event["extractedFields"] = json!({"@aws.account": ACCOUNTS[account], "@aws.region": REGION, "@source.log": "flows"});
    }
    event
}

/// Lets a cold environment transcode these payloads; its counters, and the flows that it exported.
fn transcode(
    server: &ObjectServer,
    payloads: impl Iterator<Item = Vec<u8>>,
) -> Option<(BTreeMap<&'static str, u64>, Vec<Record>)> {
    let drain = Drain::start(true);
    let variables = [
        ("COLLECTOR", drain.url()),
        ("INVENTORY", "s3://bucket/flowlogs".to_owned()),
        ("AWS_ENDPOINT_URL", server.endpoint.clone()),
    ];
    let function = OneFunction::start("flowlogs-cloudwatch", &variables)?;
    let mut counters: BTreeMap<&str, u64> = BTreeMap::new();
    for payload in payloads {
        let summary = function.invoke(&payload, TIME);
        let summary =
            summary.unwrap_or_else(|failure| panic!("{failure}\n{}", function.process().log()));
        for name in COUNTERS {
            *counters.entry(name).or_default() += summary[name].as_u64().unwrap_or_default();
        }
    }
    drop(function);
    let mut flows = Vec::new();
    for octets in drain.connections() {
        let messages: Vec<_> = messages(&octets).into_iter().map(<[u8]>::to_vec).collect();
        flows.extend(
            decode(&messages)
                .into_iter()
                .filter(|record| !record.is_options),
        );
    }
    flows.sort_unstable();
    Some((counters, flows))
}

#[test]
fn two_environments_with_the_same_inventory_decide_alike() {
    let count = sized(5_000, 100_000);
    let mut chance = Random(7);
    let records: Vec<_> = (0..count)
        .map(|number| record(number, &mut chance))
        .collect();
    let server = inventory();
    // The one has payloads of 250 records of one account, in order.
    let mut by_account = vec![Vec::new(); ACCOUNTS.len()];
    for (number, (account, line)) in records.iter().enumerate() {
        by_account[*account].push(log_event(number, None, line));
    }
    let in_order = by_account.iter().enumerate().flat_map(|(account, events)| {
        let chunks = events.chunks(250);
        chunks.map(move |events| subscription(ACCOUNTS[account], "flows", events))
    });
    // The other has payloads of all accounts from a central log group, backwards, of other sizes.
    let backwards: Vec<_> = (records.iter().enumerate().rev())
        .map(|(number, (account, line))| log_event(number, Some(*account), line))
        .collect();
    let central = backwards
        .chunks(611)
        .map(|events| subscription("999999999999", "central", events));
    let Some((first, one)) = transcode(&server, in_order) else {
        return;
    };
    let (second, other) = transcode(&server, central).expect("the function is there");
    eprintln!("{first:?}");
    assert_eq!(first, second);
    for name in COUNTERS.iter().filter(|name| **name != "UnparsedRecords") {
        assert!(first[name] > 0, "{name} is tried: {first:?}");
    }
    assert_eq!(first["UnparsedRecords"], 0);
    assert_eq!(one.len() as u64, first["FlowsExported"]);
    assert!(one == other, "the same flows with the same values");
}
