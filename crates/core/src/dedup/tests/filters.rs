//! Filters, settings that switch rules off, and the memory of deliveries.

use super::*;
use DedupVerdict::{ExcludedCollectorTraffic, FilteredByDirection, Keep};

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
