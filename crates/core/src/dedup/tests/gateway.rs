//! Rule 3: a transit gateway records a flow at both attachments.

use super::*;
use crate::network::GatewayAttachment;
use DedupVerdict::{Doubled, DuplicateBothEnds, DuplicateTransitGateway, Keep};

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
