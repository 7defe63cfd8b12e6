//! Rule 2: several flow logs observe one interface.

use super::*;
use crate::flowlog::LogFormat;
use crate::network::TrafficType;
use DedupVerdict::{Doubled, DuplicateRecord, Keep};

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
        "only one flow log writes accepted and rejected traffic"
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
