//! Coverage: the flow logs of a destination, and the interfaces and gateways observed by each flow log.
//!
//! Computed once for each destination and inventory. Rule 2 asks for the flow logs that observe the interface of a record,
//! rule 3 whether a flow log observes the whole gateway, rule 4 whether the interface at the far end is observed too. Flow
//! logs name resources (VPC, subnet, interface); a table of interfaces numbers VPCs and subnets, so that the question for an
//! interface is three array look-ups.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::flowlog::{Field, FlowRecord, RecordKind};
use crate::network::{
    Address, Destination, FlowLog, InterfaceIndex, Inventory, Lifetime, TableSet, TrafficType,
};

use super::doubled::FlowLogGroup;
use super::observed::{ACCEPTED, BOTH, REJECTED, RecordTimes};

/// A flow log of the destination.
#[derive(Debug, Clone)]
struct ObservingFlowLog {
    /// Index among the flow logs of the inventory.
    index: usize,
    traffic: u8,
    lifetime: Lifetime,
}

/// Resource observed by some of the flow logs.
#[derive(Debug, Default)]
struct ObservedResource {
    id: Box<[u8]>,
    flow_logs: Vec<u32>,
}

/// Resources in the numbering of a table of interfaces.
#[derive(Debug, Default)]
struct TableCoverage {
    /// Index of the resource plus 1, for each VPC and subnet of the table; 0 for a VPC or subnet that is not observed.
    networks: Vec<u32>,
    /// Interfaces with flow logs of their own, by slot.
    interfaces: HashMap<u32, u32, FixedState>,
}

/// Flow logs of a destination, and the observed resources.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// Number of the coverage, unique in the process.
    number: u64,
    destination: Option<Destination>,
    flow_logs: Vec<ObservingFlowLog>,
    resources: Vec<ObservedResource>,
    by_id: HashMap<Box<[u8]>, u32, FixedState>,
    tables: Vec<Option<TableCoverage>>,
    groups: Vec<FlowLogGroup>,
    group_of: HashMap<Vec<u32>, u32, FixedState>,
}

/// Observers of the interface or attachment of a record; valid as long as the coverage.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Observers {
    coverage: u64,
    /// Group of the observing flow logs, if there are several.
    pub(super) group: Option<u32>,
    /// Resource of the whole gateway, if the gateway is observed.
    pub(super) gateway: Option<u32>,
    /// Number of the record's VPC in each table.
    pub(super) vpcs: [Option<(usize, u32)>; 3],
}

impl Coverage {
    /// Coverage by the inventory's flow logs to this destination; by all flow logs where the source has no destination.
    pub(crate) fn of(number: u64, inventory: &Inventory, destination: Option<Destination>) -> Self {
        let mut this = Self {
            number,
            ..Self::default()
        };
        let wanted = |flow_log: &FlowLog| {
            let own = flow_log.destination.as_ref();
            let agrees = |wanted| own.is_some_and(|own| own.agrees_with(wanted));
            !flow_log.failing && destination.as_ref().is_none_or(agrees)
        };
        for (index, flow_log) in inventory.flow_logs().iter().enumerate() {
            if wanted(flow_log) {
                this.add(index, flow_log);
            }
        }
        this.destination = destination;
        this.tables.resize_with(inventory.table_count(), || None);
        this
    }

    fn add(&mut self, index: usize, flow_log: &FlowLog) {
        let traffic = match flow_log.traffic {
            TrafficType::All => BOTH,
            TrafficType::Accept => ACCEPTED,
            TrafficType::Reject => REJECTED,
            TrafficType::Other => return,
        };
        let Ok(number) = u32::try_from(self.flow_logs.len()) else {
            return;
        };
        self.flow_logs.push(ObservingFlowLog {
            index,
            traffic,
            lifetime: flow_log.lifetime(),
        });
        // Not more resources than flow logs.
        let next = u32::try_from(self.resources.len()).unwrap_or(u32::MAX);
        let id: Box<[u8]> = flow_log.resource.as_bytes().into();
        let resource = *self.by_id.entry(id.clone()).or_insert(next);
        if resource == next {
            self.resources.push(ObservedResource {
                id,
                flow_logs: Vec::new(),
            });
        }
        self.resources[resource as usize].flow_logs.push(number);
    }

    /// Number of the coverage, unique in the process.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Destination of the flow logs.
    pub(crate) fn destination(&self) -> Option<&Destination> {
        self.destination.as_ref()
    }

    /// Tells whether the observers were determined by this coverage.
    #[inline]
    pub(crate) fn determined(&self, observers: Option<Observers>) -> Option<Observers> {
        observers.filter(|observers| observers.coverage == self.number)
    }

    /// Determines the observers of a record's interface, if the inventory has the interface, or of the attachment.
    pub(crate) fn observers(
        &mut self,
        record: &FlowRecord<'_>,
        interface: Option<InterfaceIndex>,
        tables: TableSet,
        inventory: &Inventory,
    ) -> Observers {
        let mut observers = Observers {
            coverage: self.number,
            ..Observers::default()
        };
        let resources = match record.kind() {
            RecordKind::Vpc => {
                let known = interface.map(|index| inventory.interface_at(index));
                let vpc = known.and_then(|interface| interface.vpc());
                let vpc = record.text(Field::VpcId).or(vpc.map(str::as_bytes));
                let numbers = tables
                    .iter()
                    .map(|table| Some((table, inventory.table(table).network_number(vpc?)?)));
                for (vpc, number) in observers.vpcs.iter_mut().zip(numbers) {
                    *vpc = number;
                }
                match interface {
                    Some(index) => self.resources_of(index, inventory),
                    None => [None; 3],
                }
            }
            RecordKind::TransitGateway => {
                let attachment = record.text(Field::TgwAttachmentId);
                let known = attachment.and_then(|id| inventory.attachment(id)?.gateway.as_deref());
                let gateway = record.text(Field::TgwId).or(known.map(str::as_bytes));
                let [attachment, gateway] =
                    [attachment, gateway].map(|id| self.by_id.get(id?).copied());
                observers.gateway = gateway;
                [attachment, gateway, None]
            }
        };
        observers.group = self.group_of(resources, inventory);
        observers
    }

    /// Flow logs of a group determined by this coverage.
    pub(super) fn group(&self, group: u32) -> &FlowLogGroup {
        &self.groups[group as usize]
    }

    /// Ids of all flow logs of a group that write this record.
    pub(crate) fn doubled<'a>(
        &'a self,
        group: u32,
        record: &FlowRecord<'_>,
        event_time: Option<u64>,
    ) -> impl Iterator<Item = &'a str> {
        let times = RecordTimes::of(record, event_time);
        self.group(group).ids(record, times)
    }

    /// Tells whether a flow log observes the whole gateway at these times.
    pub(super) fn observes(&self, resource: u32, times: RecordTimes) -> bool {
        self.traffic_of([Some(resource)], times) == BOTH
    }

    /// Tells whether packets to this address of a VPC are recorded at every interface with the address, accepted and
    /// rejected packets alike. The VPC is given as a number of each table.
    pub(super) fn covers(
        &mut self,
        vpcs: [Option<(usize, u32)>; 3],
        address: Address,
        times: RecordTimes,
        inventory: &Inventory,
    ) -> bool {
        if self.flow_logs.is_empty() {
            return false;
        }
        let mut is_known = false;
        for (table, vpc) in vpcs.into_iter().flatten() {
            for slot in inventory.table(table).slots_with_address(vpc, address) {
                is_known = true;
                let index = InterfaceIndex { table, slot };
                let resources = self.resources_of(index, inventory);
                let is_covered = self.traffic_of(resources, times) == BOTH;
                if !is_covered || inventory.interface_at(index).is_unused() {
                    return false;
                }
            }
        }
        is_known
    }

    /// Recorded kinds of traffic of these resources at these times, as bits.
    fn traffic_of<const N: usize>(&self, resources: [Option<u32>; N], times: RecordTimes) -> u8 {
        let resources = resources.into_iter().flatten();
        let flow_logs = resources.flat_map(|resource| &self.resources[resource as usize].flow_logs);
        flow_logs
            .map(|&number| &self.flow_logs[number as usize])
            .filter(|flow_log| flow_log.lifetime.contains(times.start, times.end))
            .fold(0, |bits, flow_log| bits | flow_log.traffic)
    }

    /// Observed resources of an interface: the interface, the subnet, the VPC.
    fn resources_of(
        &mut self,
        InterfaceIndex { table, slot }: InterfaceIndex,
        inventory: &Inventory,
    ) -> [Option<u32>; 3] {
        let resources = &self.resources;
        let coverage = self.tables[table]
            .get_or_insert_with(|| TableCoverage::of(resources, inventory, table));
        let (subnet, vpc) = inventory.table(table).subnet_and_vpc(slot);
        let network = |number: u32| coverage.networks[number as usize].checked_sub(1);
        let own = match coverage.interfaces.is_empty() {
            true => None,
            false => coverage.interfaces.get(&slot).copied(),
        };
        [own, network(subnet), network(vpc)]
    }

    /// Group of the flow logs that observe these resources, if there are several.
    fn group_of(&mut self, resources: [Option<u32>; 3], inventory: &Inventory) -> Option<u32> {
        // The destination of a plain file is unknown.
        self.destination.as_ref()?;
        let resources = resources.into_iter().flatten();
        let mut members: Vec<u32> = resources
            .flat_map(|resource| self.resources[resource as usize].flow_logs.iter().copied())
            .collect();
        members.sort_unstable();
        members.dedup();
        if members.len() < 2 {
            return None;
        }
        if let Some(&known) = self.group_of.get(&members) {
            return Some(known);
        }
        let group = FlowLogGroup::of(members.iter().map(|&number| {
            let ObservingFlowLog {
                index,
                traffic,
                lifetime,
            } = self.flow_logs[number as usize];
            (&inventory.flow_logs()[index], traffic, lifetime)
        }));
        let number = u32::try_from(self.groups.len()).ok()?;
        self.groups.push(group);
        self.group_of.insert(members, number);
        Some(number)
    }
}

impl TableCoverage {
    fn of(resources: &[ObservedResource], inventory: &Inventory, table: usize) -> Self {
        let table = inventory.table(table);
        let mut this = Self {
            networks: vec![0; table.network_numbers()],
            interfaces: HashMap::default(),
        };
        for (number, resource) in (0..).zip(resources) {
            if let Some(network) = table.network_number(&resource.id) {
                this.networks[network as usize] = number + 1;
            } else if let Some(slot) = table.slot(&resource.id) {
                this.interfaces.insert(slot, number);
            }
        }
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    #[test]
    fn observers_are_determined_by_their_own_coverage_alone() {
        let format = LogFormat::parse("${interface-id} ${bytes}").expect("format of the test");
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, b"eni-1 5", &mut values).expect("a line");
        let inventory = Inventory::new();
        let [mut own, other] = [1, 2].map(|number| Coverage::of(number, &inventory, None));
        let observers = own.observers(&record, None, TableSet::default(), &inventory);
        assert!(own.determined(Some(observers)).is_some());
        assert!(other.determined(Some(observers)).is_none());
        assert!(own.determined(None).is_none());
    }
}
