//! `flowlogs names --coverage`: accounts with the destinations of flow logs, and VPCs without flow logs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use flowlogs_core::network::{Destination, FlowLog, Inventory};

use crate::separated;

/// Account and destination that nobody names.
const UNKNOWN: &str = "-";

/// Destination of the row with the VPCs of an account that have no flow log.
const NONE: &str = "none";

/// Resources of flow logs by account and destination; VPCs without a flow log have the destination [`NONE`].
type CoverageRows<'a> = BTreeMap<(&'a str, String), BTreeSet<&'a str>>;

/// Writes a row for each account and destination, with the resources whose flow logs deliver there, separated by tabs.
pub(crate) fn write(out: &mut impl Write, inventory: &Inventory) -> io::Result<()> {
    separated::write_row(out, '\t', &["account", "destination", "resources"])?;
    for ((account, destination), resources) in rows(inventory) {
        let resources: Vec<_> = resources.into_iter().collect();
        separated::write_row(out, '\t', &[account, &destination, &resources.join(" ")])?;
    }
    Ok(())
}

fn rows(inventory: &Inventory) -> CoverageRows<'_> {
    let subnets: BTreeMap<_, _> = inventory
        .interfaces()
        .filter_map(|interface| Some((interface.subnet()?, interface.vpc()?)))
        .collect();
    let mut rows = CoverageRows::new();
    let mut covered = BTreeSet::new();
    for flow_log in inventory.flow_logs() {
        let resource = &*flow_log.resource;
        let interface = inventory.interface(resource.as_bytes());
        let by_interface = interface.and_then(|interface| interface.vpc());
        let vpc = by_interface.or_else(|| subnets.get(resource).copied());
        covered.insert(vpc.unwrap_or(resource));
        let destination = flow_log.destination.as_ref();
        let destination = destination.map_or(UNKNOWN.to_owned(), Destination::to_string);
        let account = account(flow_log, vpc.unwrap_or(resource), inventory);
        rows.entry((account, destination))
            .or_default()
            .insert(resource);
    }
    for (vpc, owner) in vpcs(inventory) {
        if !covered.contains(vpc) {
            rows.entry((owner, NONE.to_owned()))
                .or_default()
                .insert(vpc);
        }
    }
    rows
}

/// Account of a flow log, else of the VPC or interface.
fn account<'a>(flow_log: &'a FlowLog, vpc: &str, inventory: &'a Inventory) -> &'a str {
    let by_vpc = inventory.vpc(vpc.as_bytes());
    let by_vpc = by_vpc.and_then(|vpc| vpc.owner.as_deref());
    let by_interface = || inventory.interface(flow_log.resource.as_bytes())?.owner();
    flow_log
        .account
        .as_deref()
        .or(by_vpc)
        .or_else(by_interface)
        .unwrap_or(UNKNOWN)
}

/// VPCs with accounts: listed in the inventory, or named by interfaces.
fn vpcs(inventory: &Inventory) -> BTreeMap<&str, &str> {
    let of_interfaces = inventory
        .interfaces()
        .filter_map(|interface| Some((interface.vpc()?, interface.owner().unwrap_or(UNKNOWN))));
    let listed = inventory.vpcs();
    let listed = listed.map(|vpc| (&*vpc.id, vpc.owner.as_deref().unwrap_or(UNKNOWN)));
    // The owners of a VPC and of an interface within can differ: subnets are shared.
    of_interfaces.chain(listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_and_a_destination_are_no_formulas_in_a_spreadsheet() {
        let json = r#"{"FlowLogs": [{"FlowLogId": "fl-1", "ResourceId": "@vpc", "LogGroupName": "a,=1+1"}],
            "Vpcs": [{"VpcId": "=vpc", "OwnerId": "=2"}]}"#;
        let inventory = flowlogs_describe::read(json.as_bytes()).expect("an inventory");
        let mut out = Vec::new();
        write(&mut out, &inventory).expect("into memory");
        let text = String::from_utf8(out).expect("text");
        let rows: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(rows[0].rsplit('\t').next(), Some("'@vpc"), "{text}");
        assert!(rows[0].contains(",'=1+1"), "{text}");
        assert_eq!(rows[1], "'=2\tnone\t'=vpc");
    }

    #[test]
    fn accounts_have_their_destinations_and_the_vpcs_without_a_flow_log() {
        let json = r#"{
            "Vpcs": [{"VpcId": "vpc-1", "OwnerId": "1"}, {"VpcId": "vpc-2", "OwnerId": "1"}, {"VpcId": "vpc-3", "OwnerId": "2"},
                {"VpcId": "vpc-4", "OwnerId": "3"}],
            "NetworkInterfaces": [{"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-2", "VpcId": "vpc-2", "OwnerId": "9"},
                {"NetworkInterfaceId": "eni-4", "VpcId": "vpc-4", "OwnerId": "3"}],
            "FlowLogs": [
                {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "LogGroupName": "a"},
                {"FlowLogId": "fl-2", "ResourceId": "subnet-2", "LogGroupName": "a"},
                {"FlowLogId": "fl-4", "ResourceId": "eni-4", "LogDestination": "arn:aws:s3:::b", "LogDestinationType": "s3"},
                {"FlowLogId": "fl-5", "ResourceId": "vpc-gone", "LogGroupName": "a"}]}"#;
        let inventory = flowlogs_describe::read(json.as_bytes()).expect("an inventory");
        let mut out = Vec::new();
        write(&mut out, &inventory).expect("into memory");
        let text = String::from_utf8(out).expect("text");
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        assert_eq!(
            rows,
            [
                ["account", "destination", "resources"],
                ["-", "log group a", "vpc-gone"],
                ["1", "log group a", "subnet-2 vpc-1"],
                ["2", "none", "vpc-3"],
                ["3", "bucket b", "eni-4"],
            ],
            "{text}"
        );
    }
}
