//! Allocations: a warm process allocates nothing for a record, and an interface of the inventory takes few octets.

use std::net::{IpAddr, Ipv4Addr};

use flowlogs_core::network::{InterfaceTable, NetworkInterface};
use flowlogs_testing::pipeline::{self, FORMATS, Pipeline, RECORDS};

#[test]
fn an_invocation_allocates_a_few_times_and_not_for_each_record() {
    for name in FORMATS {
        let format = pipeline::format(name);
        let mut pipeline = Pipeline::new(&format, true);
        for minute in 0..3 {
            pipeline.invoke(&pipeline::payload(&format, minute));
        }
        let payload = pipeline::payload(&format, 3);
        let used = allocation_counter::measure(|| pipeline.invoke(&payload));
        let allocations = used.count_total;
        assert!(
            allocations < 100,
            "{name}: {allocations} allocations for {RECORDS} records"
        );
    }
}

#[test]
fn a_later_invocation_allocates_no_more_than_an_earlier_one() {
    let format = pipeline::format("v2");
    let mut pipeline = Pipeline::new(&format, true);
    let allocations = |minute| {
        let payload = pipeline::plain_payload(&format, minute, 1);
        allocation_counter::measure(|| pipeline.invoke(&payload)).count_total
    };
    let all: Vec<u64> = (0..50).map(allocations).collect();
    let (early, late) = (&all[5..15], &all[40..]);
    assert!(
        late.iter().max() <= early.iter().max(),
        "{early:?}, then {late:?}"
    );
}

/// Interfaces of a large account and region.
const INTERFACES: u32 = 20_000;

/// An interface as EC2 describes it: a Name tag, a description as AWS writes it for a load balancer, three addresses.
fn interface(number: u32) -> NetworkInterface {
    let address = |last: u32| Ipv4Addr::from_bits(0x0a00_0000 + 4 * number + last);
    NetworkInterface {
        id: format!("eni-0a1b2c3d4{number:08x}"),
        name: Some(format!("production-web-{number}")),
        description: Some(format!("ELB app/production-web/{number:016x}")),
        kind: Some("network_load_balancer".to_owned()),
        instance: Some(format!("i-0a1b2c3d4{number:08x}")),
        subnet: Some(format!("subnet-0a1b2c3d4e5f{:05x}", number % 60)),
        vpc: Some(format!("vpc-0a1b2c3d4e5f{:05x}", number % 20)),
        zone: Some("euc1-az2".to_owned()),
        owner: Some("123456789012".to_owned()),
        addresses: (0..3)
            .map(|last| IpAddr::V4(address(last)).into())
            .collect(),
        ..NetworkInterface::default()
    }
}

#[test]
fn an_interface_of_the_inventory_takes_at_most_500_octets_its_texts_included() {
    let mut table = InterfaceTable::new();
    let used = allocation_counter::measure(|| {
        for number in 0..INTERFACES {
            table.insert(&interface(number));
        }
        table.shrink_to_fit();
    });
    assert_eq!(table.len(), INTERFACES as usize);
    let octets = used.bytes_current / i64::from(INTERFACES);
    assert!((50..=500).contains(&octets), "{octets} octets");
}
