//! Expected sums of the collector, and expected counters of the rest.

use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::flowlog::FlowDirection;
use flowlogs_core::{Counters, identity};

use crate::aws::{Content, Record, Written};
use crate::collector::{Flow, Totals};
use crate::flow_logs::Log;
use crate::network::{ACCOUNTS, GATEWAY, Network, REGION, REGIONAL_NAT, attachment_id};
use crate::sight::{Fate, Place, Sight};

/// Settings of the transcoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) deduplicate: bool,
    pub(crate) direction: DirectionFilter,
    pub(crate) exclude_collector: bool,
    pub(crate) source_filtered: bool,
    /// Processes that share the deliveries.
    pub(crate) environments: u64,
}

/// Verdict of rule 2 on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribution {
    Counts,
    LeftOut,
    Doubled,
}

/// Expected outcome.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) totals: Totals,
    pub(crate) counters: Counters,
}

/// Derives the outcome from the traffic, without looking at the text of a line.
pub(crate) fn expect(network: &Network, written: &Written, chosen: Chosen) -> Expected {
    let mut expected = Expected::default();
    let mut delivered = vec![false; written.lines.len()];
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
        let record = &written.records[record];
        let log = written.lines[index].log;
        let sight = &record.sight;
        let direction = direction(network, sight, &network.logs[log]);
        let exported = flow(network, sight, direction, &network.logs[log]);
        let rules = chosen.deduplicate && !chosen.source_filtered;
        let attribution = match rules {
            true => attribute(network, record, log),
            false => Attribution::Counts,
        };
        let has_ports = network.logs[log].format.contains("srcport");
        let outcome = if chosen.exclude_collector && sight.is_collectors && has_ports {
            Outcome::CollectorTraffic
        } else if is_filtered(direction, chosen.direction) {
            Outcome::Filtered
        } else if attribution == Attribution::LeftOut {
            Outcome::OtherFlowLog
        } else if rules && chosen.direction != DirectionFilter::Egress {
            by_observation_point(network, record, direction)
        } else {
            Outcome::Exported
        };
        *outcome.counter(counters) += 1;
        if outcome == Outcome::Exported {
            counters.doubled_records += u64::from(attribution == Attribution::Doubled);
            let total = totals.entry(exported).or_default();
            total.0 += record.packets;
            total.1 += record.octets;
        }
    }
    expected
}

/// Outcome of a record with a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Exported,
    CollectorTraffic,
    Filtered,
    OtherFlowLog,
    BothEnds,
    TransitGateway,
}

impl Outcome {
    fn counter(self, counters: &mut Counters) -> &mut u64 {
        match self {
            Self::Exported => &mut counters.flows_exported,
            Self::CollectorTraffic => &mut counters.excluded_collector_traffic,
            Self::Filtered => &mut counters.filtered_by_direction,
            Self::OtherFlowLog => &mut counters.duplicate_records,
            Self::BothEnds => &mut counters.duplicate_both_ends,
            Self::TransitGateway => &mut counters.duplicate_transit_gateway,
        }
    }
}

/// Outcome of a record by rules 3 and 4.
fn by_observation_point(
    network: &Network,
    record: &Record,
    direction: Option<FlowDirection>,
) -> Outcome {
    let sight = &record.sight;
    match sight.fate {
        _ if direction != Some(FlowDirection::Egress) => Outcome::Exported,
        Fate::CountsAtItsDestination(to)
            if sight.is_accepted && is_observed(network, to, record) =>
        {
            Outcome::BothEnds
        }
        Fate::CountsWhereItEnters => Outcome::TransitGateway,
        _ => Outcome::Exported,
    }
}

/// Rule 2, by the facts about the flow logs: the writers of records of this interface, action and time.
fn attribute(network: &Network, record: &Record, log: usize) -> Attribution {
    let sight = &record.sight;
    let observing: Vec<(usize, &Log)> = match sight.place {
        Place::Interface(eni) if network.enis[eni].is_known => network.logs_of(eni).collect(),
        Place::Interface(_) => Vec::new(),
        Place::Attachment(vpc) => network.logs_of_attachment(vpc).collect(),
        // Nothing tells the flow logs of an interface that is not named.
        Place::RegionalNat => Vec::new(),
    };
    let relied_upon = |log: &&(usize, &Log)| {
        log.1
            .is_relied_upon(sight.is_accepted, record.start, record.end)
    };
    let mut writers: Vec<_> = observing.iter().filter(relied_upon).collect();
    writers.sort_by_key(|(_, log)| (log.rank(), &log.id));
    let [(_, first), others @ ..] = writers.as_slice() else {
        return Attribution::Counts;
    };
    if network.is_bucket {
        return match others.iter().any(|(other, _)| *other == log) {
            true => Attribution::LeftOut,
            false => Attribution::Counts,
        };
    }
    let format = network.logs[log].format;
    let fits_other = others.iter().any(|(_, other)| other.format == format);
    match (first.format == format, fits_other) {
        (true, true) => Attribution::Doubled,
        (false, true) => Attribution::LeftOut,
        (_, false) => Attribution::Counts,
    }
}

/// Tells whether an interface is known to be observed, for accepted and for rejected packets, at a record's times.
fn is_observed(network: &Network, eni: usize, record: &Record) -> bool {
    let observes = |is_accepted| {
        let mut logs = network.logs_of(eni);
        logs.any(|(_, log)| log.is_relied_upon(is_accepted, record.start, record.end))
    };
    network.enis[eni].is_known && observes(true) && observes(false)
}

fn is_filtered(direction: Option<FlowDirection>, filter: DirectionFilter) -> bool {
    match filter {
        DirectionFilter::Both => false,
        DirectionFilter::Ingress => direction == Some(FlowDirection::Egress),
        DirectionFilter::Egress => direction == Some(FlowDirection::Ingress),
    }
}

/// Direction, where the record or the inventory tells.
fn direction(network: &Network, sight: &Sight, log: &Log) -> Option<FlowDirection> {
    let is_told = match sight.place {
        Place::Interface(eni) => {
            network.enis[eni].is_known || log.format.contains("flow-direction")
        }
        Place::Attachment(_) => true,
        Place::RegionalNat => log.format.contains("flow-direction"),
    };
    is_told.then(|| sight.direction())
}

/// The exported flow.
fn flow(network: &Network, sight: &Sight, direction: Option<FlowDirection>, log: &Log) -> Flow {
    let (domain, here, there) = match sight.place {
        Place::Interface(eni) => {
            let verdict = if sight.is_accepted { 1 } else { 2 };
            let eni = &network.enis[eni];
            let domain = format!("{}/{REGION}", ACCOUNTS[eni.account]);
            (
                identity(domain.as_bytes()),
                identity(eni.id.as_bytes()),
                verdict,
            )
        }
        Place::Attachment(vpc) => {
            let number = |vpc| identity(attachment_id(vpc).as_bytes());
            (identity(GATEWAY.as_bytes()), number(vpc), number(1 - vpc))
        }
        Place::RegionalNat => {
            let domain = format!("{}/{REGION}", ACCOUNTS[0]);
            let is_named = log.format.contains("resource-id");
            let here = is_named.then(|| identity(REGIONAL_NAT.as_bytes()));
            (identity(domain.as_bytes()), here.unwrap_or(0), 1)
        }
    };
    let mut tuple = sight.tuple;
    if !log.format.contains("srcport") {
        (tuple.source_port, tuple.destination_port, tuple.protocol) = (0, 0, 0);
    }
    Flow {
        domain,
        direction: direction.map(|direction| u8::from(direction == FlowDirection::Egress)),
        interfaces: if direction == Some(FlowDirection::Egress) {
            (there, here)
        } else {
            (here, there)
        },
        tuple,
        status: match (sight.is_accepted, sight.is_lost) {
            (_, true) => 0x83,
            (true, _) => 0x40,
            (false, _) => 0x80,
        },
    }
}
