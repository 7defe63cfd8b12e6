//! What ought to arrive at the collector, and in which counters the rest ends.

use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::flowlog::FlowDirection;
use flowlogs_core::{Counters, identity};

use crate::aws::{ACCOUNT, Content, REGION, Written};
use crate::collector::{Flow, Totals};
use crate::network::{GATEWAY, Network, attachment_id};
use crate::sight::{Fate, Place, Sight};

/// How the transcoder is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) deduplicate: bool,
    pub(crate) direction: DirectionFilter,
    pub(crate) exclude_collector: bool,
}

/// What ought to come out.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) totals: Totals,
    pub(crate) counters: Counters,
}

/// Works it out from what happened, without looking at a line.
pub(crate) fn expect(network: &Network, written: &Written, chosen: Chosen) -> Expected {
    let mut expected = Expected::default();
    let mut delivered = vec![false; written.lines.len()];
    let mut counted = vec![false; written.records.len()];
    let Expected { totals, counters } = &mut expected;
    for &index in written
        .deliveries
        .iter()
        .flat_map(|delivery| &delivery.lines)
    {
        counters.records_received += 1;
        if std::mem::replace(&mut delivered[index], true) && chosen.deduplicate {
            counters.duplicate_deliveries += 1;
            continue;
        }
        let record = match written.lines[index].content {
            Content::Flow(record) => record,
            Content::NoData => {
                counters.no_data += 1;
                continue;
            }
            Content::Skipped => {
                counters.skipped_windows += 1;
                continue;
            }
        };
        let sight = &written.records[record].sight;
        let direction = direction(network, sight);
        let counter = if chosen.exclude_collector && sight.is_collectors {
            &mut counters.excluded_collector_traffic
        } else if is_filtered(direction, chosen.direction) {
            &mut counters.filtered_by_direction
        } else if chosen.deduplicate && std::mem::replace(&mut counted[record], true) {
            &mut counters.duplicate_records
        } else {
            match sight.fate {
                _ if !chosen.deduplicate || chosen.direction == DirectionFilter::Egress => {
                    &mut counters.flows_exported
                }
                Fate::Counts => &mut counters.flows_exported,
                Fate::CountsAtItsDestination => &mut counters.duplicate_both_ends,
                Fate::CountsWhereItEnters => &mut counters.duplicate_transit_gateway,
            }
        };
        *counter += 1;
        let exported = std::ptr::eq(counter, &counters.flows_exported);
        if exported {
            let total = totals.entry(flow(network, sight, direction)).or_default();
            total.0 += written.records[record].packets;
            total.1 += written.records[record].octets;
        }
    }
    expected
}

fn is_filtered(direction: Option<FlowDirection>, filter: DirectionFilter) -> bool {
    match filter {
        DirectionFilter::Both => false,
        DirectionFilter::Ingress => direction == Some(FlowDirection::Egress),
        DirectionFilter::Egress => direction == Some(FlowDirection::Ingress),
    }
}

/// The direction, where the record or the inventory tells it.
fn direction(network: &Network, sight: &Sight) -> Option<FlowDirection> {
    let is_told = match sight.place {
        Place::Interface(eni) => {
            network.enis[eni].is_known
                || network
                    .logs_of(eni)
                    .all(|log| log.format.contains("flow-direction"))
        }
        Place::Attachment(_) => true,
    };
    is_told.then(|| sight.direction())
}

/// The flow as it is exported.
fn flow(network: &Network, sight: &Sight, direction: Option<FlowDirection>) -> Flow {
    let (domain, here, there) = match sight.place {
        Place::Interface(eni) => {
            let verdict = if sight.is_accepted { 1 } else { 2 };
            let domain = format!("{ACCOUNT}/{REGION}");
            (
                identity(domain.as_bytes()),
                identity(network.enis[eni].id.as_bytes()),
                verdict,
            )
        }
        Place::Attachment(vpc) => {
            let number = |vpc| identity(attachment_id(vpc).as_bytes());
            (identity(GATEWAY.as_bytes()), number(vpc), number(1 - vpc))
        }
    };
    Flow {
        domain,
        direction: direction.map(|direction| u8::from(direction == FlowDirection::Egress)),
        interfaces: if direction == Some(FlowDirection::Egress) {
            (there, here)
        } else {
            (here, there)
        },
        tuple: sight.tuple,
        status: match (sight.is_accepted, sight.is_lost) {
            (_, true) => 0x83,
            (true, _) => 0x40,
            (false, _) => 0x80,
        },
    }
}
