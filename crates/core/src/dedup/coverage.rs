//! Which addresses and gateways one destination's flow logs observe: the question that rules 3 and 4 ask.
//!
//! Computed once per log group or bucket and inventory; asked for every egress record, in one or two probes.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::network::Address;

use crate::network::{Inventory, NetworkInterface, TrafficType, bit_length, bits, mask};

/// What the flow logs of one destination observe.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// VPCs with an observed address, numbered.
    vpcs: HashMap<Box<[u8]>, u32, FixedState>,
    addresses: HashSet<(u32, u128), FixedState>,
    prefixes: HashSet<(u32, u8, u128), FixedState>,
    /// Lengths that occur among the prefixes; usually none, sometimes 124 (an IPv4 /28) and 80.
    lengths: Vec<u8>,
    gateways: HashSet<Box<[u8]>, FixedState>,
}

/// Accepted and rejected traffic, one bit each.
const BOTH: u8 = 0b11;

impl Coverage {
    /// What the inventory's flow logs to this log group or bucket observe; those to anywhere where the source does
    /// not say.
    ///
    /// An interface is observed by flow logs of its VPC, its subnet and its own, together. An address that several
    /// interfaces claim (one of them has vanished) counts only where all of them are observed.
    pub fn of(inventory: &Inventory, destination: Option<&str>) -> Self {
        let mut this = Self::default();
        let mut observed: HashMap<&str, u8, FixedState> = HashMap::default();
        for flow_log in inventory.flow_logs_to(destination) {
            if flow_log.failing {
                continue;
            }
            let resource = flow_log.resource.as_str();
            if resource.starts_with("tgw-") && !resource.starts_with("tgw-attach-") {
                this.gateways.insert(resource.as_bytes().into());
            }
            *observed.entry(resource).or_default() |= match flow_log.traffic {
                Some(TrafficType::Accept) => 0b01,
                Some(TrafficType::Reject) => 0b10,
                Some(TrafficType::All) | None => BOTH,
                Some(TrafficType::Other) => 0,
            };
        }
        if !observed.is_empty() {
            this.add_interfaces(inventory, |interface| {
                let resources = [
                    Some(&interface.id),
                    interface.subnet.as_ref(),
                    interface.vpc.as_ref(),
                ];
                let seen = resources
                    .into_iter()
                    .flatten()
                    .filter_map(|resource| observed.get(resource.as_str()))
                    .fold(0, |all, one| all | one);
                seen == BOTH && !interface.detached
            });
        }
        this
    }

    fn add_interfaces(
        &mut self,
        inventory: &Inventory,
        is_observed: impl Fn(&NetworkInterface) -> bool,
    ) {
        let mut addresses: HashMap<(u32, u128), bool, FixedState> = HashMap::default();
        let mut prefixes: HashMap<(u32, u8, u128), bool, FixedState> = HashMap::default();
        for interface in inventory.interfaces() {
            let Some(vpc) = &interface.vpc else { continue };
            let next = u32::try_from(self.vpcs.len()).unwrap_or(u32::MAX);
            let vpc = *self.vpcs.entry(vpc.as_bytes().into()).or_insert(next);
            let observed = is_observed(interface);
            for &address in &interface.addresses {
                *addresses
                    .entry((vpc, address.to_ipv6_bits()))
                    .or_insert(true) &= observed;
            }
            for &(first, length) in &interface.prefixes {
                let length = bit_length(first, length);
                *prefixes
                    .entry((vpc, length, mask(bits(first), length)))
                    .or_insert(true) &= observed;
            }
        }
        self.addresses = addresses
            .into_iter()
            .filter_map(|(key, all)| all.then_some(key))
            .collect();
        self.prefixes = prefixes
            .into_iter()
            .filter_map(|(key, all)| all.then_some(key))
            .collect();
        self.lengths = self.prefixes.iter().map(|&(_, length, _)| length).collect();
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    /// Whether nothing is observed as far as anybody knows: rules 3 and 4 cannot drop anything.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.prefixes.is_empty() && self.gateways.is_empty()
    }

    /// Whether packets to this address of this VPC are recorded at the interface that has the address, accepted and
    /// rejected ones alike.
    pub fn covers(&self, vpc: &[u8], address: Address) -> bool {
        let Some(&vpc) = self.vpcs.get(vpc) else {
            return false;
        };
        let address = address.to_ipv6_bits();
        self.addresses.contains(&(vpc, address))
            || self.lengths.iter().any(|&length| {
                self.prefixes
                    .contains(&(vpc, length, mask(address, length)))
            })
    }

    /// Whether one flow log observes the whole transit gateway, all its attachments.
    pub fn whole_gateway(&self, gateway: &[u8]) -> bool {
        self.gateways.contains(gateway)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::network::FlowLog;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("address of the test")
    }

    fn interface(id: &str, subnet: &str, vpc: &str, addresses: &[&str]) -> NetworkInterface {
        NetworkInterface {
            id: id.to_owned(),
            subnet: Some(subnet.to_owned()),
            vpc: Some(vpc.to_owned()),
            addresses: addresses.iter().map(|text| address(text).into()).collect(),
            ..NetworkInterface::default()
        }
    }

    fn with_flow_logs(
        interfaces: &[NetworkInterface],
        flow_logs: &[(&str, Option<TrafficType>)],
    ) -> Inventory {
        let mut inventory = Inventory::new();
        for interface in interfaces {
            inventory.insert_interface(interface.clone());
        }
        for (n, &(resource, traffic)) in flow_logs.iter().enumerate() {
            inventory.insert_flow_log(FlowLog {
                id: format!("fl-{n}"),
                resource: resource.to_owned(),
                traffic,
                destination: Some("flows".to_owned()),
                ..FlowLog::default()
            });
        }
        inventory
    }

    fn covers(flow_logs: &[(&str, Option<TrafficType>)]) -> bool {
        let interfaces = [interface("eni-1", "subnet-1", "vpc-1", &["10.0.0.5"])];
        Coverage::of(&with_flow_logs(&interfaces, flow_logs), Some("flows"))
            .covers(b"vpc-1", address("10.0.0.5").into())
    }

    #[test]
    fn flow_logs_of_the_vpc_the_subnet_and_the_interface_all_observe_it() {
        for resource in ["vpc-1", "subnet-1", "eni-1"] {
            assert!(covers(&[(resource, Some(TrafficType::All))]), "{resource}");
            assert!(covers(&[(resource, None)]), "{resource}");
        }
        for resource in ["vpc-2", "subnet-2", "eni-2", "tgw-1"] {
            assert!(!covers(&[(resource, Some(TrafficType::All))]), "{resource}");
        }
        assert!(!covers(&[]));
    }

    #[test]
    fn a_flow_log_of_half_the_traffic_takes_nothing_from_one_of_all() {
        assert!(covers(&[
            ("vpc-1", Some(TrafficType::All)),
            ("subnet-1", Some(TrafficType::Accept))
        ]));
    }

    #[test]
    fn a_prefix_that_two_interfaces_have_is_covered_only_if_both_are() {
        let prefix = |id: &str, subnet: &str| NetworkInterface {
            prefixes: vec![(address("10.0.1.16"), 28)],
            ..interface(id, subnet, "vpc-1", &[])
        };
        let interfaces = [prefix("eni-1", "subnet-1"), prefix("eni-2", "subnet-2")];
        for (resource, covered) in [("subnet-1", false), ("vpc-1", true)] {
            let inventory = with_flow_logs(&interfaces, &[(resource, None)]);
            let coverage = Coverage::of(&inventory, Some("flows"));
            assert_eq!(
                coverage.covers(b"vpc-1", address("10.0.1.17").into()),
                covered,
                "{resource}"
            );
        }
    }

    #[test]
    fn an_address_a_prefix_or_a_gateway_alone_is_something_to_know() {
        let addresses = [interface("eni-1", "subnet-1", "vpc-1", &["10.0.0.5"])];
        let prefixes = [NetworkInterface {
            prefixes: vec![(address("10.0.1.16"), 28)],
            ..interface("eni-1", "subnet-1", "vpc-1", &[])
        }];
        for (interfaces, resource, is_empty) in [
            (&addresses[..], "vpc-1", false),
            (&prefixes[..], "vpc-1", false),
            (&[][..], "tgw-1", false),
            (&addresses[..], "vpc-2", true),
        ] {
            let inventory = with_flow_logs(interfaces, &[(resource, None)]);
            let coverage = Coverage::of(&inventory, Some("flows"));
            assert_eq!(coverage.is_empty(), is_empty, "{resource}");
        }
    }

    #[test]
    fn accepted_and_rejected_traffic_must_both_be_observed_by_whatever_flow_logs() {
        let (accept, reject) = (Some(TrafficType::Accept), Some(TrafficType::Reject));
        assert!(!covers(&[("vpc-1", accept)]));
        assert!(!covers(&[("vpc-1", reject)]));
        assert!(!covers(&[("vpc-1", Some(TrafficType::of_word("NEW")))]));
        assert!(!covers(&[("vpc-1", accept), ("subnet-1", accept)]));
        assert!(covers(&[("vpc-1", accept), ("subnet-1", reject)]));
        assert!(covers(&[("eni-1", reject), ("vpc-1", accept)]));
    }

    #[test]
    fn only_flow_logs_of_the_same_destination_count_unless_there_is_none() {
        let interfaces = [interface("eni-1", "subnet-1", "vpc-1", &["10.0.0.5"])];
        let inventory = with_flow_logs(&interfaces, &[("vpc-1", None)]);
        let covers = |destination| {
            Coverage::of(&inventory, destination).covers(b"vpc-1", address("10.0.0.5").into())
        };
        assert!(covers(Some("flows")) && covers(None));
        assert!(!covers(Some("others")));
    }

    #[test]
    fn a_failing_flow_log_and_a_detached_interface_observe_nothing() {
        let interfaces = [interface("eni-1", "subnet-1", "vpc-1", &["10.0.0.5"])];
        let mut inventory = with_flow_logs(&interfaces, &[("vpc-1", None), ("tgw-1", None)]);
        assert!(!Coverage::of(&inventory, None).is_empty());
        let failing = inventory
            .flow_logs()
            .iter()
            .cloned()
            .map(|flow_log| FlowLog {
                failing: true,
                ..flow_log
            });
        for flow_log in failing.collect::<Vec<_>>() {
            inventory.insert_flow_log(flow_log);
        }
        assert!(Coverage::of(&inventory, None).is_empty());

        let detached = [NetworkInterface {
            detached: true,
            ..interfaces[0].clone()
        }];
        assert!(Coverage::of(&with_flow_logs(&detached, &[("vpc-1", None)]), None).is_empty());
    }

    #[test]
    fn an_address_belongs_to_its_vpc() {
        let interfaces = [
            interface("eni-1", "subnet-1", "vpc-1", &["10.0.0.5"]),
            interface("eni-2", "subnet-2", "vpc-2", &["10.0.0.5", "10.0.0.6"]),
        ];
        let coverage = Coverage::of(&with_flow_logs(&interfaces, &[("vpc-1", None)]), None);
        assert!(coverage.covers(b"vpc-1", address("10.0.0.5").into()));
        assert!(
            !coverage.covers(b"vpc-2", address("10.0.0.5").into()),
            "reused, and not observed there"
        );
        assert!(
            !coverage.covers(b"vpc-1", address("10.0.0.6").into()),
            "of a peered VPC"
        );
        assert!(
            !coverage.covers(b"vpc-3", address("10.0.0.5").into()),
            "of an unknown VPC"
        );
    }

    #[test]
    fn secondary_addresses_ipv6_and_prefixes_are_covered() {
        let mut one = interface(
            "eni-1",
            "subnet-1",
            "vpc-1",
            &["10.0.0.5", "10.0.0.6", "2001:db8::5"],
        );
        one.prefixes = vec![(address("10.0.1.16"), 28), (address("2001:db8:1::"), 80)];
        let coverage = Coverage::of(&with_flow_logs(&[one], &[("eni-1", None)]), None);
        for own in ["10.0.0.6", "2001:db8::5", "10.0.1.17", "2001:db8:1::ffff:1"] {
            assert!(coverage.covers(b"vpc-1", address(own).into()), "{own}");
        }
        for other in ["10.0.0.7", "10.0.1.32", "2001:db8:1:0:1::"] {
            assert!(!coverage.covers(b"vpc-1", address(other).into()), "{other}");
        }
    }

    #[test]
    fn an_address_that_two_interfaces_claim_needs_both_observed() {
        let stale = interface("eni-1", "subnet-1", "vpc-1", &["10.0.0.5"]);
        let fresh = interface("eni-2", "subnet-2", "vpc-1", &["10.0.0.5"]);
        let covers = |flow_logs: &[_]| {
            Coverage::of(
                &with_flow_logs(&[stale.clone(), fresh.clone()], flow_logs),
                None,
            )
            .covers(b"vpc-1", address("10.0.0.5").into())
        };
        assert!(!covers(&[("subnet-1", None)]) && !covers(&[("subnet-2", None)]));
        assert!(covers(&[("vpc-1", None)]));
    }

    #[test]
    fn only_a_flow_log_of_the_gateway_itself_observes_all_of_it() {
        let coverage = Coverage::of(
            &with_flow_logs(&[], &[("tgw-1", None), ("tgw-attach-2", None)]),
            Some("flows"),
        );
        assert!(coverage.whole_gateway(b"tgw-1"));
        assert!(!coverage.whole_gateway(b"tgw-attach-2") && !coverage.whole_gateway(b"tgw-2"));
    }
}
