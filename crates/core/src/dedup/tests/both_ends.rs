//! Rule 4: one flow seen at both ends.

use super::*;
use crate::network::{AccountRegion, InterfaceTable, SETTLING, TrafficType, Vpc};
use DedupVerdict::{DuplicateBothEnds, Keep};

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
fn the_other_end_of_a_shared_vpc_is_found_with_its_owner_and_nowhere_else() {
    let scope = |account: &str| AccountRegion::new(account, "r");
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
