//! Deduplication: decides which records count. Every packet is recorded at several places and delivered at least once, and
//! must be counted once.
//!
//! Rule 1 runs before a line is parsed (`Deduplicator::is_delivered`). Between the parser and the encoder,
//! `Deduplicator::decide` gives each flow a `DedupVerdict`: two filters (traffic of collectors, and the setting
//! `DIRECTION`), then rules 2 to 4. The filters leave out flows that nobody asked for. A rule leaves a record out only where
//! something says that another record of the same packets exists: a delivery id (rule 1), or the [`Inventory`] (rules 2 to
//! 4). Only rule 1 has a memory; the verdicts of rules 2 to 4 are pure functions of the record, the source and the
//! inventory. The rules pick an observation point, and never match counters across interfaces, because capture windows are
//! not aligned.
//!
//! | file | subject |
//! |---|---|
//! | `event_ids.rs`, `window.rs` | rule 1: ids of delivered events |
//! | `doubled.rs` | rule 2: flow logs that observe the same interface |
//! | `coverage.rs` | the resources observed by the flow logs of a destination, for rules 2 to 4 |
//! | `direction.rs` | direction of a flow, from the record or the inventory |
//! | `observed.rs` | verdicts, kinds of traffic and times of a record, for the rules |
//!
//! Caches: the `Coverage` of a source (cleared by a new inventory and by another destination), and the `ObservedBy` in the
//! context of a record (determined again for another coverage).

mod coverage;
mod direction;
mod doubled;
mod event_ids;
mod observed;
mod window;

use std::net::IpAddr;

use crate::choice::choices;
use crate::flowlog::{Field, FlowAction, FlowDirection, FlowRecord, RecordKind, RecordValues};
use crate::network::{InterfaceView, Inventory};

pub(crate) use coverage::{Coverage, ObservedBy};
pub(crate) use direction::direction;
use doubled::WriterHints;
pub use event_ids::{DELIVERIES, DELIVERY_MINUTES, DELIVERY_OCTETS};
pub(crate) use observed::DedupVerdict;
use observed::RecordTimes;

/// Settings of a `Deduplicator`.
#[derive(Debug, Clone)]
pub struct DedupSettings {
    /// True if the four rules apply.
    pub deduplicate: bool,
    /// True if only a part of the flow logs' records arrives (a filter pattern of a subscription, a prefix of a
    /// notification): rules 2 to 4 do not run, because the record to keep may never come.
    pub source_filtered: bool,
    /// Exported directions.
    pub direction: DirectionFilter,
    /// Collectors: flows to and from a collector are left out, the transcoder's own messages among them. Empty leaves
    /// nothing out.
    pub collectors: Vec<CollectorAddress>,
    /// Seed of the fingerprints of event ids; a random seed keeps anybody from making two ids collide.
    pub seed: u64,
}

impl Default for DedupSettings {
    /// The documented defaults, with a seed for tests.
    fn default() -> Self {
        Self {
            deduplicate: true,
            source_filtered: false,
            direction: DirectionFilter::default(),
            collectors: Vec::new(),
            seed: 0,
        }
    }
}

/// Exported directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DirectionFilter {
    /// Both, and flows of unknown direction.
    #[default]
    Both,
    /// Ingress, and flows of unknown direction.
    Ingress,
    /// Egress, and flows of unknown direction. Rules 3 and 4 do not apply: both keep the ingress record, so the flow would
    /// vanish.
    Egress,
}

choices!(DirectionFilter, "both" => Self::Both, "ingress" => Self::Ingress, "egress" => Self::Egress);

/// Address of a listening collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectorAddress {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// 6 for TCP and TLS, 17 for UDP.
    pub protocol: u8,
}

/// Knowledge about a record under judgement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordEvidence<'a> {
    /// Direction, as [`direction()`] says.
    pub(crate) direction: Option<FlowDirection>,
    /// Interface of the record, if the inventory has the interface.
    pub(crate) interface: Option<InterfaceView<'a>>,
    /// Flow logs that observe the interface, determined by the coverage of the source.
    pub(crate) observed_by: &'a ObservedBy,
    /// Event time, milliseconds since 1970.
    pub(crate) event_time: Option<u64>,
    /// Flow log of the record, if the key of the object says so.
    pub(crate) flow_log: Option<&'a str>,
    /// True if the record's format comes from a header line, or from the schema of a file.
    pub(crate) has_header: bool,
}

/// Decides record by record, and remembers the ids of delivered events.
///
/// Additions to the memory are provisional until [`commit`](Self::commit): after [`rollback`](Self::rollback), the retry
/// of a failed batch is exported as if it were the first.
#[derive(Debug)]
pub(crate) struct Deduplicator {
    settings: DedupSettings,
    event_ids: event_ids::EventIds,
    /// Storage for reading a line by the formats of several flow logs.
    scratch: RecordValues,
}

impl Deduplicator {
    /// Makes a deduplicator without memory.
    pub(crate) fn new(mut settings: DedupSettings) -> Self {
        let collectors = std::mem::take(&mut settings.collectors);
        let mut this = Self {
            event_ids: event_ids::EventIds::new(settings.seed),
            settings,
            scratch: RecordValues::default(),
        };
        this.set_collectors(collectors);
        this
    }

    /// Leaves out flows to and from these collectors from now on.
    pub(crate) fn set_collectors(&mut self, mut collectors: Vec<CollectorAddress>) {
        for collector in &mut collectors {
            collector.address = collector.address.to_canonical();
        }
        self.settings.collectors = collectors;
    }

    /// Returns whether rules 2 to 4 run; these rules need the inventory.
    pub(crate) fn runs_inventory_rules(&self) -> bool {
        self.settings.deduplicate && !self.settings.source_filtered
    }

    /// Returns whether `DIRECTION` filters: an exported flow of unknown direction is then counted.
    #[inline]
    pub(crate) fn filters_direction(&self) -> bool {
        self.settings.direction != DirectionFilter::Both
    }

    /// Number of a stream of events: ids of different streams are different events.
    pub(crate) fn stream(&self, parts: &[Option<&str>]) -> u64 {
        self.event_ids.stream(parts)
    }

    /// Rule 1: returns whether this event id (or object version) of a stream was delivered before; false for an empty id.
    ///
    /// `event_time` is in milliseconds since 1970, equal in a second delivery.
    #[inline]
    pub(crate) fn is_delivered(&mut self, stream: u64, id: &[u8], event_time: Option<u64>) -> bool {
        let event_time = event_time.unwrap_or_default();
        self.settings.deduplicate && self.event_ids.is_known(stream, id, event_time)
    }

    /// Rule 1: remembers the id looked up last.
    #[inline]
    pub(crate) fn remember_delivery(&mut self) {
        self.event_ids.remember();
    }

    /// Decides on a flow. NODATA and SKIPDATA never come here.
    #[inline(always)] // called for every record
    pub(crate) fn decide(
        &mut self,
        record: &FlowRecord<'_>,
        evidence: RecordEvidence<'_>,
        coverage: &mut Coverage,
        inventory: &Inventory,
    ) -> DedupVerdict {
        if !self.settings.collectors.is_empty() && self.is_collector_traffic(record) {
            return DedupVerdict::ExcludedCollectorTraffic;
        }
        let unwanted = match self.settings.direction {
            DirectionFilter::Both => None,
            DirectionFilter::Ingress => Some(FlowDirection::Egress),
            DirectionFilter::Egress => Some(FlowDirection::Ingress),
        };
        if evidence.direction.is_some() && evidence.direction == unwanted {
            return DedupVerdict::FilteredByDirection;
        }
        if !self.runs_inventory_rules() {
            return DedupVerdict::Keep;
        }
        let by_rule_2 = match evidence.observed_by.group {
            None => DedupVerdict::Keep,
            Some(group) => self.attribute(record, evidence, coverage, group),
        };
        if by_rule_2 == DedupVerdict::DuplicateRecord
            || evidence.direction != Some(FlowDirection::Egress)
            || self.settings.direction == DirectionFilter::Egress
        {
            return by_rule_2;
        }
        match record.kind() {
            RecordKind::TransitGateway if seen_entering(record, evidence, coverage) => {
                DedupVerdict::DuplicateTransitGateway
            }
            RecordKind::Vpc if seen_arriving(record, evidence, coverage, inventory) => {
                DedupVerdict::DuplicateBothEnds
            }
            _ => by_rule_2,
        }
    }

    /// Rule 2, of a record whose interface several flow logs observe.
    #[inline(never)]
    fn attribute(
        &mut self,
        record: &FlowRecord<'_>,
        evidence: RecordEvidence<'_>,
        coverage: &Coverage,
        group: u32,
    ) -> DedupVerdict {
        let times = RecordTimes::of(record, evidence.event_time);
        let hints = WriterHints {
            flow_log: evidence.flow_log,
            has_header: evidence.has_header,
        };
        let flow_logs = coverage.group(group);
        flow_logs.attribute(record, group, times, hints, &mut self.scratch)
    }

    /// Ends a batch: everything decided since the last commit has been exported.
    pub(crate) fn commit(&mut self) {
        self.event_ids.commit();
    }

    /// Forgets a batch: the deliveries since the last commit will come again and must be exported then.
    pub(crate) fn rollback(&mut self) {
        self.event_ids.rollback();
    }

    /// Returns whether the flow is to or from a collector, by the interface's address or the packet's: a collector may
    /// listen on a secondary address or behind a gateway.
    fn is_collector_traffic(&self, record: &FlowRecord<'_>) -> bool {
        let protocol = record.number(Field::Protocol);
        let ends = [
            (
                Field::DestinationPort,
                Field::DestinationAddress,
                Field::PacketDestinationAddress,
            ),
            (
                Field::SourcePort,
                Field::SourceAddress,
                Field::PacketSourceAddress,
            ),
        ];
        self.settings.collectors.iter().any(|collector| {
            protocol == Some(u64::from(collector.protocol))
                && ends.iter().any(|&(port, address, packet_address)| {
                    record.number(port) == Some(u64::from(collector.port))
                        && [address, packet_address]
                            .iter()
                            .any(|&field| record.address(field) == Some(collector.address.into()))
                })
        })
    }
}

/// Rule 3, of an egress record: the whole gateway is observed, so the ingress record is there as well.
fn seen_entering(
    record: &FlowRecord<'_>,
    evidence: RecordEvidence<'_>,
    coverage: &Coverage,
) -> bool {
    let times = || RecordTimes::of(record, evidence.event_time);
    let gateway = evidence.observed_by.gateway;
    gateway.is_some_and(|gateway| coverage.observes(gateway, times()))
}

/// Rule 4, of an egress record: the flow was accepted, and the destination, an interface of the same VPC, is observed too.
#[inline(always)] // single caller, for every egress record of a VPC
fn seen_arriving(
    record: &FlowRecord<'_>,
    evidence: RecordEvidence<'_>,
    coverage: &mut Coverage,
    inventory: &Inventory,
) -> bool {
    if record.action() != Some(FlowAction::Accept) {
        return false;
    }
    let Some(destination) = record.address(Field::DestinationAddress) else {
        return false;
    };
    let times = RecordTimes::of(record, evidence.event_time);
    let own = evidence.interface;
    coverage.covers(evidence.observed_by.vpcs, destination, times, inventory)
        // A flow from an interface to itself need not have a second record.
        && !own.is_some_and(|interface| interface.has_address(destination))
}

#[cfg(test)]
mod tests;
