//! Formats and names from EC2, and the outcome without EC2.

use std::time::Duration;

use flowlogs_tests::collectors::nfcapd::Nfcapd;
use serde_json::Value;

use crate::aws::{Moto, ec2_out_of_reach, ec2_that_refuses};
use crate::collector::Collector;
use crate::decode::Record;
use crate::payload::{event, event_at, lines};
use crate::runtime::{Function, counter};

/// Two flow logs to a log group, in two formats with different columns; and a transit gateway's to another, by ARN. Prints
/// the ids.
const NETWORK: &str = r#"
vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tag("vpc", "shop-production"))["Vpc"]["VpcId"]
subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"] for cidr in ("10.1.1.0/24", "10.1.2.0/24")]
enis = [ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Description="made for a test",
            TagSpecifications=tag("network-interface", name))["NetworkInterface"]["NetworkInterfaceId"]
        for subnet, address, name in zip(subnets, ("10.1.1.10", "10.1.2.20"), ("web-1", "db-1"))]
gateway = ec2.create_transit_gateway(TagSpecifications=tag("transit-gateway", "core"))["TransitGateway"]["TransitGatewayId"]
attachment = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=subnets)
attachment = attachment["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
role = client("iam").create_role(RoleName="flow", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
for name in ("two-formats", "gateway"):
    logs.create_log_group(logGroupName=name)
to_group = {"LogDestinationType": "cloud-watch-logs", "DeliverLogsPermissionArn": role}
formats = ["${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${bytes} ${packets} ${start} ${end} ${action}",
           "${start} ${end} ${flow-direction} ${vpc-id} ${interface-id} ${dstaddr} ${srcaddr} ${dstport} ${srcport} ${protocol} ${packets} ${bytes} ${action} ${log-status}"]
for subnet, format in zip(subnets, formats):
    ec2.create_flow_logs(ResourceIds=[subnet], ResourceType="Subnet", TrafficType="ALL", LogGroupName="two-formats",
                         LogFormat=format, **to_group)
ec2.create_flow_logs(ResourceIds=[gateway], ResourceType="TransitGateway", **to_group,
    LogDestination="arn:aws:logs:eu-central-1:123456789012:log-group:gateway:*",
    LogFormat="${version} ${resource-type} ${account-id} ${tgw-id} ${tgw-attachment-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${log-status} ${flow-direction}")
print(json.dumps({"vpc": vpc, "web": enis[0], "db": enis[1], "gateway": gateway, "attachment": attachment}))
"#;

/// Every text in the options records.
fn names(records: &[Record]) -> Vec<&str> {
    let options = records.iter().filter(|record| record.is_options);
    let values = options.flat_map(|record| record.fields.values());
    values.map(String::as_str).collect()
}

/// 40 records of either format of the log group `two-formats`, in turn.
fn lines_of_two_formats(ids: &Value) -> Vec<String> {
    let [web, db, vpc] = ["web", "db", "vpc"].map(|key| ids[key].as_str().expect("an id"));
    let both = (0..40).flat_map(|number| {
        let port = 2_000 + number;
        [
            format!("{web} 198.51.100.7 10.1.1.10 {port} 443 6 5000 7 1795000000 1795000059 ACCEPT"),
            format!("1795000000 1795000059 egress {vpc} {db} 198.51.100.8 10.1.2.20 53 {port} 17 9 6000 REJECT OK"),
        ]
    });
    both.collect()
}

/// Holds that 40 flows of either format are there, with names.
fn assert_flows_of_two_formats(collector: &Collector) {
    let flows = collector.flows(80);
    for (key, value) in [
        ("PacketDeltaCount", "7"),
        ("PacketDeltaCount", "9"),
        ("OctetDeltaCount", "5000"),
        ("OctetDeltaCount", "6000"),
    ] {
        let have = flows.iter().filter(|flow| flow.field(key) == Some(value));
        assert_eq!(have.count(), 40, "{key} {value}: {:?}", flows[0]);
    }
    let records = collector.records();
    let said = names(&records);
    for name in ["web-1", "db-1", "shop-prod", "ACCEPT", "REJECT"] {
        let is_said = said.iter().any(|text| text.contains(name));
        assert!(is_said, "{name}: {said:?}");
    }
}

#[test]
fn a_log_group_with_two_custom_formats_is_transcoded_line_by_line_with_names() {
    let (Some(aws), Some(nfcapd)) = (Moto::start(), Nfcapd::start()) else {
        return;
    };
    let collector = Collector::start();
    let ids: Value = aws.run(NETWORK, &[]);
    let collectors = format!("{},{}", collector.url(), nfcapd.url());
    let Some(function) = Function::start(&[
        ("COLLECTOR", collectors.as_str()),
        ("AWS_ENDPOINT_URL", &aws.endpoint),
    ]) else {
        return;
    };
    let summary = function
        .invoke(&event("two-formats", &lines_of_two_formats(&ids)))
        .expect("success");
    assert_eq!(summary["FlowsExported"], 80, "{summary}");
    assert_eq!(
        (&summary["UnparsedRecords"], &summary["FormatLookupErrors"]),
        (&0.into(), &0.into()),
        "{summary}"
    );
    assert_eq!(summary["NameLookupErrors"], 0, "{}", function.output());
    assert_flows_of_two_formats(&collector);

    let [gateway, attachment] =
        ["gateway", "attachment"].map(|key| ids[key].as_str().expect("an id"));
    let line = format!(
        "6 TransitGateway 123456789012 {gateway} {attachment} 10.1.1.10 10.7.0.1 1 2 6 3 400 1795000000 1795000059 OK ingress"
    );
    let summary = function
        .invoke(&event("gateway", &[line]))
        .expect("success");
    assert_eq!(summary["FlowsExported"], 1, "{summary}");
    collector.flows(81);
    let records = collector.records();
    let said = names(&records);
    assert!(said.iter().any(|text| text.contains(gateway)), "{said:?}");

    drop(function);
    let collected = nfcapd.stop();
    assert_eq!(
        (
            collected.flows.len(),
            collected.bad_packets,
            collected.sequence_errors
        ),
        (81, 0, 0)
    );
    let packets: u64 = collected.flows.iter().filter_map(|flow| flow.packets).sum();
    assert_eq!(packets, 40 * 7 + 40 * 9 + 3);
}

#[test]
fn without_ec2_the_default_format_is_transcoded_with_ids_for_names_and_said_once() {
    for (endpoint, words) in [
        (ec2_that_refuses(), "UnauthorizedOperation"),
        (ec2_out_of_reach(), "not reached"),
    ] {
        let collector = Collector::start();
        let variables = [
            ("COLLECTOR", collector.url()),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        let Some(function) = Function::start(&variables) else {
            return;
        };
        for round in 0..3 {
            let summary = function
                .invoke(&event("flows", &lines(round * 10, 10)))
                .expect("success");
            assert_eq!(summary["FlowsExported"], 10, "{summary}");
            let errors = u64::from(round == 0);
            assert_eq!(
                summary["FormatLookupErrors"], errors,
                "asked at most once a minute: {summary}"
            );
            // The mentioned interface, and the survey if an answer to the first question leaves time.
            let questions = summary["NameLookupErrors"].as_u64().expect("a number");
            let expected = if round == 0 { 1..=2 } else { 0..=0 };
            assert!(expected.contains(&questions), "{summary}");
        }
        collector.flows(30);
        let records = collector.records();
        assert!(
            names(&records).contains(&"eni-0a0a0a0a0a0a0a0a0"),
            "{:?}",
            names(&records)
        );
        let output = function.output();
        for action in ["ec2:DescribeFlowLogs", "ec2:DescribeNetworkInterfaces"] {
            let said: Vec<_> = output
                .lines()
                .filter(|line| line.contains(action))
                .collect();
            assert_eq!(said.len(), 1, "{action}: {output}");
            assert!(said[0].contains(words), "{}", said[0]);
        }
    }
}

#[test]
fn lines_of_a_custom_format_that_nobody_can_tell_come_again() {
    let collector = Collector::start();
    let endpoint = ec2_that_refuses();
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url().as_str()),
        ("AWS_ENDPOINT_URL", &endpoint),
    ]) else {
        return;
    };
    let custom = ["eni-1 10.0.0.1 10.0.0.2 7".to_owned()];
    let failure = function
        .invoke(&event("custom", &custom))
        .expect_err("no format is known");
    assert_eq!(failure.error_type, "FormatUnknown", "{}", failure.message);
    assert!(
        failure.message.contains("LOG_FORMAT") && failure.message.contains("custom"),
        "{}",
        failure.message
    );
    assert_eq!(function.last_metrics()["UnparsedRecords"], 1);
}

/// A log group with a flow log in the default format; with an argument, a flow log in another format is added.
const TWO_FLOW_LOGS: &str = r#"
role = client("iam")
to_group = {"LogDestinationType": "cloud-watch-logs", "LogGroupName": "flows", "ResourceType": "Subnet", "TrafficType": "ALL"}
subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
if len(sys.argv) == 2:
    logs.create_log_group(logGroupName="flows")
    arn = role.create_role(RoleName="flow", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    ec2.create_flow_logs(ResourceIds=subnets[:1], DeliverLogsPermissionArn=arn, **to_group)
else:
    arn = role.get_role(RoleName="flow")["Role"]["Arn"]
    ec2.create_flow_logs(ResourceIds=subnets[1:2], DeliverLogsPermissionArn=arn, LogFormat=sys.argv[2], **to_group)
print("null")
"#;

/// The pause between two questions for formats is a minute, and so long this test takes.
#[test]
fn lines_of_a_flow_log_that_is_younger_than_the_look_up_come_again_and_none_is_lost() {
    let Some(aws) = Moto::start() else { return };
    let collector = Collector::start();
    aws.run(TWO_FLOW_LOGS, &[]);
    let Some(function) = Function::start(&[
        ("COLLECTOR", collector.url()),
        ("AWS_ENDPOINT_URL", aws.endpoint.clone()),
    ]) else {
        return;
    };
    let asked = std::time::Instant::now();
    let summary = function.invoke(&event("flows", &lines(0, 3)));
    assert_eq!(summary.expect("success")["FlowsExported"], 3);

    let format = "${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${bytes}";
    aws.run(TWO_FLOW_LOGS, &[format]);
    let mut mixed = lines(3, 2);
    mixed.push("10.0.0.1 10.0.0.2 1 2 6 77".to_owned());
    let young = event_at(flowlogs_export::now(), "flows", &mixed);
    let failure = function.invoke(&young).expect_err("the format is unknown");
    assert_eq!(failure.error_type, "FormatUnknown", "{}", failure.message);
    assert_eq!(counter(&function.last_metrics(), "RecordsReceived"), 0);
    assert_eq!(collector.flows(3).len(), 3, "nothing of it is sent");

    std::thread::sleep(Duration::from_secs(61).saturating_sub(asked.elapsed()));
    let summary = function.invoke(&young).expect("EC2 is asked again");
    assert_eq!(summary["FlowsExported"], 3, "{summary}");
    let flows = collector.flows(6);
    let octets = flows.iter().map(|flow| flow.field("OctetDeltaCount"));
    assert!(octets.flatten().any(|octets| octets == "77"));
}

#[test]
fn a_given_format_needs_no_ec2_at_all() {
    let collector = Collector::start();
    let variables = [
        ("COLLECTOR", collector.url()),
        ("AWS_ENDPOINT_URL", ec2_out_of_reach()),
        (
            "LOG_FORMAT",
            "${interface-id} ${srcaddr} ${dstaddr} ${bytes};${packets} ${srcaddr} ${dstaddr}"
                .to_owned(),
        ),
        ("INVENTORY", "off".to_owned()),
    ];
    let Some(function) = Function::start(&variables) else {
        return;
    };
    let given = [
        "eni-1 10.0.0.1 10.0.0.2 7".to_owned(),
        "8 10.0.0.1 10.0.0.2".to_owned(),
    ];
    let summary = function.invoke(&event("custom", &given)).expect("success");
    assert_eq!(
        (&summary["FlowsExported"], &summary["FormatLookupErrors"]),
        (&2.into(), &0.into()),
        "{summary}"
    );
    assert_eq!(collector.flows(2).len(), 2);
}

#[test]
fn without_an_inventory_the_default_formats_are_all_that_is_known_and_nobody_is_asked() {
    let collector = Collector::start();
    let variables = [
        ("COLLECTOR", collector.url()),
        ("AWS_ENDPOINT_URL", ec2_out_of_reach()),
        ("INVENTORY", "off".to_owned()),
    ];
    let Some(function) = Function::start(&variables) else {
        return;
    };
    for round in 0..2 {
        let mut given = lines(round * 10, 10);
        given.push("eni-1 10.0.0.1 10.0.0.2 7".to_owned());
        let summary = function.invoke(&event("flows", &given)).expect("success");
        for (name, count) in [
            ("FlowsExported", 10),
            ("UnparsedRecords", 1),
            ("FormatLookupErrors", 0),
            ("NameLookupErrors", 0),
        ] {
            assert_eq!(summary[name], count, "{name}: {summary}");
        }
    }
    assert_eq!(collector.flows(20).len(), 20);
    let output = function.output();
    let said = output.lines().filter(|line| line.contains("INVENTORY=off"));
    assert_eq!(said.count(), 1, "{output}");
}
