//! Coverage: the flow logs of a destination, and the interfaces and gateways observed by each flow log.
//!
//! Computed once for each destination and inventory. Rule 2 asks for the flow logs that observe the interface of a record,
//! rule 3 whether a flow log observes the whole gateway, rule 4 whether the interface at the far end is observed too. Flow
//! logs name resources (VPC, subnet, interface); a table of interfaces numbers VPCs and subnets, so that the observed
//! resources of an interface take two array look-ups and at most one hash look-up.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::flowlog::{Field, FlowRecord, RecordKind};
use crate::network::{
    Address, Destination, FlowLog, InterfaceIndex, InterfaceTable, Inventory, Lifetime, TableSet,
    TrafficType,
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
    /// Number of the coverage, unique in its transcoder; 0 for no coverage.
    number: u64,
    destination: Option<Destination>,
    flow_logs: Vec<ObservingFlowLog>,
    /// Flow logs that observe a resource, by index of the resource.
    resources: Vec<Vec<u32>>,
    /// Index of each observed resource, by id.
    by_id: HashMap<Box<[u8]>, u32, FixedState>,
    tables: Vec<Option<TableCoverage>>,
    groups: Vec<FlowLogGroup>,
    /// Number of each group, by its flow logs.
    group_numbers: HashMap<Vec<u32>, u32, FixedState>,
}

/// Flow logs that observe the interface or attachment of a record; valid as long as the coverage.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ObservedBy {
    /// Number of the coverage; 0 if no coverage has determined the flow logs yet.
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
        for (index, flow_log) in inventory.flow_logs().iter().enumerate() {
            if !flow_log.failing && flow_log.delivers_to(destination.as_ref()) {
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
        // No overflow: there are at most as many resources as flow logs.
        let next = u32::try_from(self.resources.len()).unwrap_or(u32::MAX);
        let id = flow_log.resource.as_bytes().into();
        let resource = *self.by_id.entry(id).or_insert(next);
        if resource == next {
            self.resources.push(Vec::new());
        }
        self.resources[resource as usize].push(number);
    }

    /// Number of the coverage, unique in its transcoder; 0 for no coverage.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Destination of the flow logs.
    pub(crate) fn destination(&self) -> Option<&Destination> {
        self.destination.as_ref()
    }

    /// Returns whether this coverage determined the observing flow logs.
    #[inline]
    pub(crate) fn has_determined(&self, observed_by: &ObservedBy) -> bool {
        observed_by.coverage == self.number
    }

    /// Determines the flow logs that observe a record's attachment or interface; none for an interface that the
    /// inventory lacks.
    pub(crate) fn observed_by(
        &mut self,
        record: &FlowRecord<'_>,
        interface: Option<InterfaceIndex>,
        tables: TableSet,
        inventory: &Inventory,
    ) -> ObservedBy {
        let mut observed_by = ObservedBy {
            coverage: self.number,
            ..ObservedBy::default()
        };
        let resources = match record.kind() {
            RecordKind::Vpc => {
                observed_by.vpcs = vpc_numbers(record, interface, tables, inventory);
                interface.map_or([None; 3], |index| self.resources_of(index, inventory))
            }
            RecordKind::TransitGateway => {
                let resources @ [_, gateway, _] = self.gateway_resources(record, inventory);
                observed_by.gateway = gateway;
                resources
            }
        };
        observed_by.group = self.group_of(resources, inventory);
        observed_by
    }

    /// Observed resources of a record of a transit gateway: the attachment, the gateway.
    fn gateway_resources(
        &self,
        record: &FlowRecord<'_>,
        inventory: &Inventory,
    ) -> [Option<u32>; 3] {
        let attachment = record.text(Field::TgwAttachmentId);
        let known = attachment.and_then(|id| inventory.attachment(id)?.gateway.as_deref());
        let gateway = record.text(Field::TgwId).or(known.map(str::as_bytes));
        [attachment, gateway, None].map(|id| self.by_id.get(id?).copied())
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

    /// Returns whether a flow log observes the whole gateway at these times.
    pub(super) fn observes(&self, resource: u32, times: RecordTimes) -> bool {
        self.traffic_of([Some(resource)], times) == BOTH
    }

    /// Returns whether packets to this address of a VPC are recorded at every interface with the address, accepted and
    /// rejected packets alike. The VPC is given by its number in each table.
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
        let flow_logs = resources.flat_map(|resource| &self.resources[resource as usize]);
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
        let by_id = &self.by_id;
        let coverage = self.tables[table]
            .get_or_insert_with(|| TableCoverage::of(by_id, inventory.table(table)));
        let (subnet, vpc) = inventory.table(table).subnet_and_vpc(slot);
        let network = |number: u32| coverage.networks[number as usize].checked_sub(1);
        let own = match coverage.interfaces.is_empty() {
            true => None,
            false => coverage.interfaces.get(&slot).copied(),
        };
        [own, network(subnet), network(vpc)]
    }

    /// Group of the flow logs that observe these resources, if there are several and the destination is known.
    fn group_of(&mut self, resources: [Option<u32>; 3], inventory: &Inventory) -> Option<u32> {
        // Rule 2 does not apply to a plain file, whose destination is unknown.
        self.destination.as_ref()?;
        let resources = resources.into_iter().flatten();
        let mut members: Vec<u32> = resources
            .flat_map(|resource| self.resources[resource as usize].iter().copied())
            .collect();
        members.sort_unstable();
        members.dedup();
        if members.len() < 2 {
            return None;
        }
        if let Some(&known) = self.group_numbers.get(&members) {
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
        self.group_numbers.insert(members, number);
        Some(number)
    }
}

/// Number of the record's VPC in each table. The VPC is the column's, else that of the interface in the inventory.
fn vpc_numbers(
    record: &FlowRecord<'_>,
    interface: Option<InterfaceIndex>,
    tables: TableSet,
    inventory: &Inventory,
) -> [Option<(usize, u32)>; 3] {
    let known = interface.map(|index| inventory.interface_at(index));
    let known = known.and_then(|interface| interface.vpc());
    let vpc = record.text(Field::VpcId).or(known.map(str::as_bytes));
    let number = |table| Some((table, inventory.table(table).shared_number(vpc?)?));
    let mut numbers = tables.iter().map(number);
    std::array::from_fn(|_| numbers.next().flatten())
}

impl TableCoverage {
    /// Observed resources, by id, in the numbering of a table.
    fn of(by_id: &HashMap<Box<[u8]>, u32, FixedState>, table: &InterfaceTable) -> Self {
        let mut this = Self {
            networks: vec![0; table.shared_bound()],
            interfaces: HashMap::default(),
        };
        for (id, &resource) in by_id {
            if let Some(network) = table.shared_number(id) {
                this.networks[network as usize] = resource + 1;
            } else if let Some(slot) = table.slot(id) {
                this.interfaces.insert(slot, resource);
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
    fn observing_flow_logs_are_determined_by_their_own_coverage_alone() {
        let format = LogFormat::parse("${interface-id} ${bytes}").expect("format of the test");
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, b"eni-1 5", &mut values).expect("a line");
        let inventory = Inventory::new();
        let [mut own, other] = [1, 2].map(|number| Coverage::of(number, &inventory, None));
        let observed_by = own.observed_by(&record, None, TableSet::default(), &inventory);
        assert!(own.has_determined(&observed_by));
        assert!(!other.has_determined(&observed_by));
        assert!(!own.has_determined(&ObservedBy::default()));
    }
}
