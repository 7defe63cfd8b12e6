//! Rules 2 to 4 and the filters, on single records.

use std::net::IpAddr;

use super::*;
use crate::flowlog::{Formats, HeaderLine, LogFormat};
use crate::network::{
    AccountRegion, Destination, FlowLog, GatewayAttachment, InterfaceTable, NetworkInterface,
    SETTLING, TrafficType, Vpc,
};

const VPC: &str = "${interface-id} ${vpc-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} \
    ${bytes} ${start} ${end} ${action} ${flow-direction}";
const SHORT: &str = "${interface-id} ${srcaddr} ${dstaddr} ${bytes} ${start} ${end} ${action}";
const GATEWAY: &str = "${tgw-id} ${tgw-attachment-id} ${tgw-pair-attachment-id} ${srcaddr} ${dstaddr} ${srcport} \
    ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${flow-direction}";

const LEAVING: &str =
    "eni-1 vpc-1 10.0.0.5 10.0.0.6 40000 443 6 7 4200 1763715600 1763715659 ACCEPT egress";
const ARRIVING: &str =
    "eni-2 vpc-1 10.0.0.5 10.0.0.6 40000 443 6 7 4200 1763715600 1763715659 ACCEPT ingress";
const LEAVING_GATEWAY: &str = "tgw-1 tgw-attach-2 tgw-attach-1 10.0.0.5 10.1.0.6 40000 443 6 7 4200 1763715600 1763715659 egress";

/// Start of the records above, milliseconds since 1970.
const START: u64 = 1_763_715_600_000;

const MINUTE: u64 = 60_000;

use DedupVerdict::{
    Doubled, DuplicateBothEnds, DuplicateRecord, DuplicateTransitGateway, ExcludedCollectorTraffic,
    FilteredByDirection, Keep,
};

fn address(text: &str) -> IpAddr {
    text.parse().expect("address of the test")
}

fn interface(id: &str, subnet: &str, own: &str) -> NetworkInterface {
    NetworkInterface {
        id: id.to_owned(),
        subnet: Some(subnet.to_owned()),
        vpc: Some("vpc-1".to_owned()),
        addresses: vec![address(own).into()],
        ..NetworkInterface::default()
    }
}

fn flow_log(id: &str, resource: &str) -> FlowLog {
    FlowLog {
        id: id.to_owned(),
        resource: resource.to_owned(),
        destination: Some(Destination::log_group("flows")),
        format: Some(VPC.to_owned()),
        ..FlowLog::default()
    }
}

/// Two interfaces of one VPC and these flow logs.
fn network(flow_logs: impl IntoIterator<Item = FlowLog>) -> Inventory {
    let mut inventory = Inventory::new();
    inventory.insert_interface(&interface("eni-1", "subnet-1", "10.0.0.5"));
    inventory.insert_interface(&interface("eni-2", "subnet-2", "10.0.0.6"));
    flow_logs
        .into_iter()
        .for_each(|flow_log| inventory.insert_flow_log(flow_log));
    inventory
}

/// The network above, all of it observed, a gateway that one flow log covers whole, and one attachment.
fn inventory() -> Inventory {
    network(["vpc-1", "tgw-1", "tgw-attach-9"].map(|id| flow_log(&format!("fl-{id}"), id)))
}

fn on() -> DedupSettings {
    DedupSettings::default()
}

/// Delivery of a line.
#[derive(Clone, Copy)]
struct Delivered<'a> {
    destination: Option<&'a Destination>,
    flow_log: Option<&'a str>,
    header: Option<&'a str>,
    account: Option<&'a str>,
}

const UNNAMED: Delivered<'static> = Delivered {
    destination: None,
    flow_log: None,
    header: None,
    account: None,
};

fn judge(
    settings: DedupSettings,
    inventory: &Inventory,
    delivered: Delivered<'_>,
    format: &str,
    line: &str,
) -> DedupVerdict {
    let mut formats = Formats::of_format_strings(format.split(';'));
    if let Some(header) = delivered.header {
        let taken = formats.take_header(header.as_bytes());
        assert_eq!(taken, HeaderLine::Taken, "{header}");
    }
    let has_header = formats.has_header();
    let mut values = RecordValues::default();
    let record = formats
        .parse(line.as_bytes(), &mut values)
        .expect("line of the test");
    let account = delivered.account.map(str::as_bytes);
    let id = record.interface();
    let tables = inventory.tables_for(account, Some(b"r"), id, record.text(Field::VpcId));
    let index = id.and_then(|id| inventory.interface_in(tables, id));
    let interface = index.map(|index| inventory.interface_at(index));
    let mut coverage = Coverage::of(1, inventory, delivered.destination.cloned());
    let evidence = RecordEvidence {
        direction: direction(&record, interface, inventory),
        interface,
        observers: coverage.observers(&record, index, tables, inventory),
        event_time: None,
        flow_log: delivered.flow_log,
        has_header,
    };
    Deduplicator::new(settings).decide(&record, evidence, &mut coverage, inventory)
}

fn verdict(settings: DedupSettings, format: &str, line: &str) -> DedupVerdict {
    judge(settings, &inventory(), UNNAMED, format, line)
}

/// Verdict on a line of the log group `flows`.
fn in_group(inventory: &Inventory, format: &str, line: &str) -> DedupVerdict {
    let group = Destination::log_group("flows");
    let delivered = Delivered {
        destination: Some(&group),
        ..UNNAMED
    };
    judge(on(), inventory, delivered, format, line)
}

#[test]
fn one_connection_seen_as_four_flows_is_exported_as_two() {
    let back =
        |line: &str| line.replace("10.0.0.5 10.0.0.6 40000 443", "10.0.0.6 10.0.0.5 443 40000");
    let verdicts = [
        LEAVING.to_owned(),
        ARRIVING.to_owned(),
        back(LEAVING).replace("eni-1", "eni-2"),
        back(ARRIVING).replace("eni-2", "eni-1"),
    ]
    .map(|line| verdict(on(), VPC, &line));
    assert_eq!(verdicts, [DuplicateBothEnds, Keep, DuplicateBothEnds, Keep]);
}

#[test]
fn the_vpc_and_the_direction_come_from_the_inventory_where_the_format_has_none() {
    let line = "eni-1 10.0.0.5 10.0.0.6 40000 443 6 ACCEPT";
    let format =
        "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action}";
    for (interface, expected) in [
        ("eni-1", DuplicateBothEnds),
        ("eni-2", Keep),
        ("eni-3", Keep),
    ] {
        let line = line.replace("eni-1", interface);
        assert_eq!(verdict(on(), format, &line), expected, "{interface}");
    }
}

#[test]
fn only_an_accepted_egress_record_to_an_observed_address_of_its_vpc_is_dropped() {
    for (from, to) in [
        ("ACCEPT", "REJECT"),
        ("ACCEPT", "-"),
        ("egress", "ingress"),
        ("10.0.0.6", "203.0.113.5"),
        ("vpc-1", "vpc-2"),
        ("10.0.0.6", "10.0.0.5"),
    ] {
        assert_eq!(
            verdict(on(), VPC, &LEAVING.replacen(from, to, 1)),
            Keep,
            "{to} for {from}"
        );
    }
}

#[test]
fn the_other_end_must_be_observed_for_accepted_and_rejected_traffic_by_whatever_flow_logs() {
    let (accept, reject, other) = (TrafficType::Accept, TrafficType::Reject, TrafficType::Other);
    let all = TrafficType::All;
    for (flow_logs, expected) in [
        (&[("vpc-1", all)][..], DuplicateBothEnds),
        (&[("subnet-2", all)], DuplicateBothEnds),
        (&[("eni-2", all)], DuplicateBothEnds),
        (
            &[
                ("subnet-1", all),
                ("eni-1", all),
                ("vpc-2", all),
                ("tgw-1", all),
            ],
            Keep,
        ),
        (&[], Keep),
        (&[("vpc-1", accept)], Keep),
        (&[("vpc-1", reject)], Keep),
        (&[("vpc-1", other)], Keep),
        (&[("vpc-1", accept), ("subnet-2", accept)], Keep),
        (&[("vpc-1", all), ("subnet-2", all)], DuplicateBothEnds),
        (
            &[("vpc-1", accept), ("subnet-2", reject)],
            DuplicateBothEnds,
        ),
        (&[("eni-2", reject), ("vpc-1", accept)], DuplicateBothEnds),
    ] {
        let inventory = network(
            flow_logs
                .iter()
                .enumerate()
                .map(|(n, &(resource, traffic))| FlowLog {
                    traffic,
                    ..flow_log(&format!("fl-{n}"), resource)
                }),
        );
        let found = judge(on(), &inventory, UNNAMED, VPC, LEAVING);
        assert_eq!(found, expected, "{flow_logs:?}");
    }
}

#[test]
fn a_failing_flow_log_covers_nothing_nor_is_an_interface_covered_that_is_not_in_use() {
    let mut failing = flow_log("fl-1", "vpc-1");
    failing.failing = true;
    let mut unused = inventory();
    unused.insert_interface(&NetworkInterface {
        unused: true,
        ..interface("eni-2", "subnet-2", "10.0.0.6")
    });
    for inventory in [network([failing]), unused] {
        assert_eq!(judge(on(), &inventory, UNNAMED, VPC, LEAVING), Keep);
    }
}

#[test]
fn an_address_that_two_interfaces_claim_needs_both_observed() {
    for (resource, expected) in [
        ("vpc-1", DuplicateBothEnds),
        ("subnet-2", Keep),
        ("subnet-3", Keep),
    ] {
        let mut inventory = network([flow_log("fl-1", resource)]);
        inventory.insert_interface(&interface("eni-3", "subnet-3", "10.0.0.6"));
        assert_eq!(
            judge(on(), &inventory, UNNAMED, VPC, LEAVING),
            expected,
            "{resource}"
        );
    }
}

#[test]
fn coverage_holds_while_the_flow_log_is_relied_upon() {
    let born = |created| FlowLog {
        created: Some(created),
        ..flow_log("fl-1", "vpc-1")
    };
    let as_of = |as_of| FlowLog {
        as_of: Some(as_of),
        ..flow_log("fl-1", "vpc-1")
    };
    let gone = |last_seen| FlowLog {
        last_seen: Some(last_seen),
        ..as_of(last_seen)
    };
    for (flow_log, expected) in [
        (born(START - SETTLING), DuplicateBothEnds),
        (born(START - SETTLING + 1), Keep),
        (as_of(START + MINUTE - SETTLING), DuplicateBothEnds),
        (as_of(START - SETTLING), Keep),
        (gone(START + MINUTE), DuplicateBothEnds),
        (gone(START), Keep),
    ] {
        let name = format!("{flow_log:?}");
        let inventory = network([flow_log]);
        assert_eq!(
            judge(on(), &inventory, UNNAMED, VPC, LEAVING),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_gateways_egress_record_is_dropped_where_all_of_it_is_observed() {
    assert_eq!(
        verdict(on(), GATEWAY, LEAVING_GATEWAY),
        DuplicateTransitGateway
    );
    let entering = LEAVING_GATEWAY.replace("egress", "ingress");
    assert_eq!(verdict(on(), GATEWAY, &entering), Keep);
    let elsewhere = LEAVING_GATEWAY
        .replace("tgw-1 ", "tgw-8 ")
        .replace("tgw-attach-2", "tgw-attach-9");
    assert_eq!(
        verdict(on(), GATEWAY, &elsewhere),
        Keep,
        "one attachment is observed"
    );
    let young = FlowLog {
        created: Some(START),
        ..flow_log("fl-1", "tgw-1")
    };
    let found = judge(on(), &network([young]), UNNAMED, GATEWAY, LEAVING_GATEWAY);
    assert_eq!(found, Keep, "not observed yet");
}

#[test]
fn rules_3_and_4_look_at_the_flow_logs_of_the_records_destination() {
    let inventory = inventory();
    let [here, elsewhere, bucket] = [
        Destination::log_group("flows"),
        Destination::log_group("others"),
        Destination::bucket("flows"),
    ];
    for (destination, leaving, gateway) in [
        (&here, DuplicateBothEnds, DuplicateTransitGateway),
        (&elsewhere, Keep, Keep),
        (&bucket, Keep, Keep),
    ] {
        let delivered = Delivered {
            destination: Some(destination),
            ..UNNAMED
        };
        assert_eq!(judge(on(), &inventory, delivered, VPC, LEAVING), leaving);
        assert_eq!(
            judge(on(), &inventory, delivered, GATEWAY, LEAVING_GATEWAY),
            gateway
        );
    }
}

#[test]
fn a_record_of_an_interface_that_one_flow_log_observes_counts_however_often_it_comes() {
    let inventory = network([flow_log("fl-1", "vpc-1"), flow_log("fl-2", "vpc-2")]);
    for _ in 0..4 {
        assert_eq!(in_group(&inventory, VPC, ARRIVING), Keep);
    }
    let unknown = ARRIVING.replace("eni-2", "eni-9");
    let doubled = network([flow_log("fl-1", "vpc-1"), flow_log("fl-2", "subnet-2")]);
    assert_eq!(in_group(&doubled, VPC, &unknown), Keep, "unknown interface");
    assert_eq!(
        judge(on(), &doubled, UNNAMED, VPC, ARRIVING),
        Keep,
        "a plain file"
    );
}

#[test]
fn equal_formats_in_one_log_group_count_and_are_reported() {
    let doubled = network([flow_log("fl-1", "vpc-1"), flow_log("fl-2", "subnet-2")]);
    assert_eq!(in_group(&doubled, VPC, ARRIVING), Doubled(0));
    let rejected = ARRIVING.replace("ACCEPT", "REJECT");
    let accepting = FlowLog {
        traffic: TrafficType::Accept,
        ..flow_log("fl-2", "subnet-2")
    };
    let partly = network([flow_log("fl-1", "vpc-1"), accepting]);
    assert_eq!(in_group(&partly, VPC, ARRIVING), Doubled(0));
    assert_eq!(in_group(&partly, VPC, &rejected), Keep);
    let without_action = VPC.replace("${action}", "${next-years-field}");
    assert_eq!(
        in_group(&partly, &without_action, ARRIVING),
        Keep,
        "of ALL there is one"
    );
    let young = FlowLog {
        created: Some(START),
        ..flow_log("fl-2", "subnet-2")
    };
    let with_young = network([flow_log("fl-1", "vpc-1"), young]);
    assert_eq!(in_group(&with_young, VPC, ARRIVING), Keep);
    let three = ["vpc-1", "subnet-2", "eni-2"].map(|id| flow_log(id, id));
    assert_eq!(in_group(&network(three), VPC, ARRIVING), Doubled(0));
}

#[test]
fn a_reason_without_an_action_is_of_rejected_traffic() {
    let format = VPC.replace("${action}", "${reject-reason}");
    let rejecting = FlowLog {
        traffic: TrafficType::Reject,
        ..flow_log("fl-2", "subnet-2")
    };
    let flow_logs = [flow_log("fl-1", "vpc-1"), rejecting].map(|flow_log| FlowLog {
        format: Some(format.clone()),
        ..flow_log
    });
    let inventory = network(flow_logs);
    for (reason, expected) in [("BPA", Doubled(0)), ("-", Keep)] {
        let line = ARRIVING.replace("ACCEPT", reason);
        assert_eq!(in_group(&inventory, &format, &line), expected, "{reason}");
    }
}

#[test]
fn a_regular_format_is_preferred_then_the_one_with_most_exported_fields() {
    let without_port = VPC.replace("${srcport} ", "");
    let irregular = format!("{without_port} ${{tcp-flags}} ${{pkt-srcaddr}} ${{pkt-dstaddr}}");
    let longer = format!("{VPC} ${{tcp-flags}}");
    for (preferred, other) in [(VPC, irregular.as_str()), (&longer, VPC)] {
        let inventory = network(
            [("fl-0", "vpc-1", other), ("fl-9", "subnet-2", preferred)].map(
                |(id, resource, format)| FlowLog {
                    format: Some(format.to_owned()),
                    ..flow_log(id, resource)
                },
            ),
        );
        let group = Destination::log_group("flows");
        for (flow_log, expected) in [("fl-0", DuplicateRecord), ("fl-9", Keep)] {
            let delivered = Delivered {
                destination: Some(&group),
                flow_log: Some(flow_log),
                ..UNNAMED
            };
            let found = judge(on(), &inventory, delivered, VPC, ARRIVING);
            assert_eq!(found, expected, "{flow_log} of {preferred} and {other}");
        }
    }
}

#[test]
fn of_different_formats_the_one_with_addresses_and_ports_counts() {
    let short = FlowLog {
        format: Some(SHORT.to_owned()),
        ..flow_log("fl-0", "vpc-1")
    };
    let inventory = network([short, flow_log("fl-9", "subnet-2")]);
    let both = format!("{VPC};{SHORT}");
    assert_eq!(in_group(&inventory, &both, ARRIVING), Keep);
    let line = "eni-2 10.0.0.5 10.0.0.6 4200 1763715600 1763715659 ACCEPT";
    assert_eq!(in_group(&inventory, &both, line), DuplicateRecord);
    let other = "${srcaddr} ${interface-id} ${bytes} ${action}";
    let line = "10.0.0.5 eni-2 4200 ACCEPT";
    assert_eq!(
        in_group(&inventory, other, line),
        Keep,
        "fits none of their formats"
    );
}

#[test]
fn a_header_line_tells_formats_apart() {
    let short = FlowLog {
        format: Some(SHORT.to_owned()),
        ..flow_log("fl-0", "vpc-1")
    };
    let inventory = network([short, flow_log("fl-9", "subnet-2")]);
    let group = Destination::log_group("flows");
    let of_header = |header: &str, line: &str| {
        let delivered = Delivered {
            destination: Some(&group),
            header: Some(header),
            ..UNNAMED
        };
        judge(on(), &inventory, delivered, VPC, line)
    };
    let line = "eni-2 10.0.0.5 10.0.0.6 4200 1763715600 1763715659 ACCEPT";
    let header = "interface_id srcaddr dstaddr bytes start end action";
    assert_eq!(of_header(header, line), DuplicateRecord);
    let header = "interface-id srcaddr dstaddr packets start end action";
    assert_eq!(of_header(header, line), Keep, "of neither");
}

#[test]
fn an_object_whose_key_names_the_flow_log_counts_if_that_is_the_preferred_one_or_unknown() {
    let inventory = network([flow_log("fl-1", "vpc-1"), flow_log("fl-2", "subnet-2")]);
    let group = Destination::log_group("flows");
    for (flow_log, expected) in [("fl-1", Keep), ("fl-2", DuplicateRecord), ("fl-3", Keep)] {
        let delivered = Delivered {
            destination: Some(&group),
            flow_log: Some(flow_log),
            ..UNNAMED
        };
        assert_eq!(
            judge(on(), &inventory, delivered, VPC, ARRIVING),
            expected,
            "{flow_log}"
        );
    }
}

#[test]
fn flow_logs_of_a_gateway_and_its_attachment_double_its_records() {
    let gateway = |id: &str, resource: &str| FlowLog {
        format: Some(GATEWAY.to_owned()),
        ..flow_log(id, resource)
    };
    let mut inventory = network([gateway("fl-1", "tgw-1"), gateway("fl-2", "tgw-attach-2")]);
    let entering = LEAVING_GATEWAY.replace("egress", "ingress");
    assert_eq!(in_group(&inventory, GATEWAY, &entering), Doubled(0));
    assert_eq!(
        in_group(&inventory, GATEWAY, LEAVING_GATEWAY),
        DuplicateTransitGateway
    );
    inventory.insert_attachment(GatewayAttachment {
        id: "tgw-attach-2".to_owned(),
        gateway: Some("tgw-1".to_owned()),
        ..GatewayAttachment::default()
    });
    let without = GATEWAY.replace("${tgw-id}", "${next-years-field}");
    assert_eq!(
        in_group(&inventory, &without, &entering),
        Doubled(0),
        "the attachment names its gateway"
    );
}

#[test]
fn the_other_end_of_a_shared_vpc_is_found_with_its_owner_and_nowhere_else() {
    let scope = |account: &str| AccountRegion {
        account: account.to_owned(),
        region: "r".to_owned(),
    };
    let table = |interfaces: &[NetworkInterface]| {
        std::sync::Arc::new(interfaces.iter().collect::<InterfaceTable>())
    };
    let [near, far] = [("eni-1", "10.0.0.5"), ("eni-2", "10.0.0.6")]
        .map(|(id, own)| interface(id, "subnet-1", own));
    let mut inventory = Inventory::new();
    inventory.insert_flow_log(flow_log("fl-1", "vpc-1"));
    inventory.set_interfaces(Some(scope("1")), table(std::slice::from_ref(&near)));
    inventory.set_interfaces(Some(scope("2")), table(std::slice::from_ref(&far)));
    let delivered = Delivered {
        account: Some("1"),
        ..UNNAMED
    };
    assert_eq!(judge(on(), &inventory, delivered, VPC, LEAVING), Keep);
    inventory.insert_vpc(Vpc {
        id: "vpc-1".to_owned(),
        name: None,
        owner: Some("2".to_owned()),
    });
    assert_eq!(
        judge(on(), &inventory, delivered, VPC, LEAVING),
        DuplicateBothEnds
    );
}

#[test]
fn rules_2_to_4_do_not_run_where_the_source_is_filtered() {
    let settings = || DedupSettings {
        source_filtered: true,
        ..on()
    };
    assert_eq!(verdict(settings(), VPC, LEAVING), Keep);
    assert_eq!(verdict(settings(), GATEWAY, LEAVING_GATEWAY), Keep);
    let inventory = network([flow_log("fl-1", "vpc-1"), flow_log("fl-2", "subnet-2")]);
    let group = Destination::log_group("flows");
    let delivered = Delivered {
        destination: Some(&group),
        flow_log: Some("fl-2"),
        ..UNNAMED
    };
    assert_eq!(
        judge(settings(), &inventory, delivered, VPC, ARRIVING),
        Keep
    );
}

#[test]
fn the_plain_filter_comes_first_and_egress_switches_rules_3_and_4_off() {
    let with = |direction| DedupSettings { direction, ..on() };
    let (ingress, egress) = (DirectionFilter::Ingress, DirectionFilter::Egress);
    assert_eq!(verdict(with(ingress), VPC, LEAVING), FilteredByDirection);
    assert_eq!(verdict(with(ingress), VPC, ARRIVING), Keep);
    assert_eq!(verdict(with(egress), VPC, ARRIVING), FilteredByDirection);
    assert_eq!(verdict(with(egress), VPC, LEAVING), Keep);
    assert_eq!(verdict(with(egress), GATEWAY, LEAVING_GATEWAY), Keep);
    let unknown = LEAVING.replace("egress", "-").replace("eni-1", "eni-9");
    assert_eq!(
        verdict(with(ingress), VPC, &unknown),
        Keep,
        "unknown directions pass"
    );
    let off = DedupSettings {
        deduplicate: false,
        ..with(ingress)
    };
    assert_eq!(verdict(off, VPC, LEAVING), FilteredByDirection);
}

#[test]
fn without_deduplication_everything_counts() {
    let off = DedupSettings {
        deduplicate: false,
        ..on()
    };
    assert_eq!(verdict(off.clone(), VPC, LEAVING), Keep);
    let mut deduplicator = Deduplicator::new(off);
    for _ in 0..2 {
        assert!(!deduplicator.is_delivered(1, b"1", None));
        deduplicator.remember_delivery();
    }
}

#[test]
fn traffic_of_a_collector_is_left_out_by_interface_and_packet_address() {
    let with_collector = |address: &str| DedupSettings {
        collectors: vec![CollectorAddress {
            address: self::address(address),
            port: 443,
            protocol: 6,
        }],
        deduplicate: false,
        ..on()
    };
    for own in ["10.0.0.6", "::ffff:10.0.0.6"] {
        assert_eq!(
            verdict(with_collector(own), VPC, LEAVING),
            ExcludedCollectorTraffic,
            "{own}"
        );
    }
    assert_eq!(
        verdict(with_collector("10.0.0.5"), VPC, LEAVING),
        Keep,
        "another port"
    );
    let back = LEAVING.replace("10.0.0.5 10.0.0.6 40000 443", "10.0.0.6 10.0.0.5 443 40000");
    assert_eq!(
        verdict(with_collector("10.0.0.6"), VPC, &back),
        ExcludedCollectorTraffic
    );
    let udp = LEAVING.replace(" 6 7 ", " 17 7 ");
    assert_eq!(
        verdict(with_collector("10.0.0.6"), VPC, &udp),
        Keep,
        "another protocol"
    );
    let format = "${srcaddr} ${dstaddr} ${pkt-dstaddr} ${dstport} ${protocol}";
    let line = "10.0.0.5 10.0.0.6 10.0.9.9 443 6";
    assert_eq!(
        verdict(with_collector("10.0.9.9"), format, line),
        ExcludedCollectorTraffic
    );
}

#[test]
fn what_was_delivered_is_provisional_until_it_is_committed() {
    let mut deduplicator = Deduplicator::new(on());
    let mut invoke = |ends: fn(&mut Deduplicator)| {
        let is_delivered = deduplicator.is_delivered(1, b"event 1", Some(0));
        deduplicator.remember_delivery();
        ends(&mut deduplicator);
        is_delivered
    };
    assert!(!invoke(Deduplicator::rollback), "first attempt");
    assert!(!invoke(Deduplicator::commit), "the retry is exported");
    assert!(invoke(Deduplicator::rollback), "known from now on");
    assert!(
        invoke(Deduplicator::commit),
        "what was exported stays known"
    );
}

#[test]
fn the_rank_of_a_format_does_not_depend_on_its_columns_order() {
    let reversed: Vec<&str> = VPC.split_ascii_whitespace().rev().collect();
    let reversed = FlowLog {
        format: Some(reversed.join(" ")),
        ..flow_log("fl-0", "vpc-1")
    };
    assert!(LogFormat::parse(reversed.format.as_deref().unwrap_or_default()).is_ok());
    let inventory = network([reversed, flow_log("fl-9", "subnet-2")]);
    assert_eq!(
        in_group(&inventory, VPC, ARRIVING),
        DuplicateRecord,
        "equal rank: the smaller id"
    );
}
