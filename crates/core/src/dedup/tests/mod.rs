//! Rules 2 to 4 and the filters, on single records.
//!
//! `doubled.rs` is rule 2, `gateway.rs` rule 3, `both_ends.rs` rule 4, `filters.rs` the filters and settings.

mod both_ends;
mod doubled;
mod filters;
mod gateway;

use std::net::IpAddr;

use super::*;
use crate::flowlog::{Formats, HeaderLine};
use crate::network::{Destination, FlowLog, NetworkInterface};

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

/// The network above with a flow log for its VPC, one for the gateway `tgw-1`, and one for the attachment `tgw-attach-9`.
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
        let taken = formats.read_header(header.as_bytes());
        assert_eq!(taken, HeaderLine::Taken, "{header}");
    }
    let has_header = formats.has_header();
    let mut values = RecordValues::default();
    let record = formats
        .parse(line.as_bytes(), &mut values)
        .expect("line of the test");
    let account = delivered.account.map(str::as_bytes);
    let id = record.interface_id();
    let tables = inventory.tables_for(account, Some(b"r"), id, record.text(Field::VpcId));
    let index = id.and_then(|id| inventory.interface_in(tables, id));
    let interface = index.map(|index| inventory.interface_at(index));
    let mut coverage = Coverage::of(1, inventory, delivered.destination.cloned());
    let observed_by = coverage.observed_by(&record, index, tables, inventory);
    let evidence = RecordEvidence {
        direction: direction(
            &record,
            interface,
            interface.and_then(InterfaceView::only_ipv4),
            inventory,
        ),
        interface,
        observed_by: &observed_by,
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
