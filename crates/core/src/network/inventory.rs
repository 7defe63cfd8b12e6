//! Inventory: everything known of the network, indexed for look-up.
//!
//! An empty inventory is valid: nothing is derived from the inventory, and rules 2 to 4 of the deduplication do not run.
//!
//! Interfaces are held in tables: a table for each account and region (from the inventory function), and a *general* table
//! for interfaces without account and region (`INVENTORY=ec2`, files of the AWS CLI). A record is looked up in the general
//! table, in the table of its account and region, and in the table of the VPC's owner, and nowhere else: two processes that
//! have loaded different tables decide alike. Tables are shared; each is swapped alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::flow_log::FlowLogs;
use super::{
    Destination, FlowLog, GatewayAttachment, InterfaceTable, InterfaceView, NetworkInterface,
    TransitGateway, Vpc,
};

/// Scope of a table of interfaces: account and region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountRegion {
    /// Account, 12 digits.
    pub account: String,
    /// Region, as in `eu-central-1`.
    pub region: String,
}

impl AccountRegion {
    /// An account and a region by name.
    pub fn new(account: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
        }
    }
}

type Map<T> = HashMap<Box<[u8]>, T, FixedState>;

/// Everything known of the network, by id. Inserting a known id replaces the item.
///
/// ```
/// use flowlogs_core::network::{Inventory, NetworkInterface};
///
/// let mut inventory = Inventory::new();
/// inventory.insert_interface(&NetworkInterface {
///     id: "eni-1235b8ca123456789".into(),
///     name: Some("web-1".into()),
///     addresses: vec!["172.31.16.21".parse()?],
///     ..NetworkInterface::default()
/// });
/// assert!(inventory.knows(b"eni-1235b8ca123456789"));
/// assert!(inventory.interface(b"eni-1235b8ca123456789").unwrap().has_address("172.31.16.21".parse()?));
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The general table, then the tables of accounts and regions.
    tables: Vec<Arc<InterfaceTable>>,
    /// Index of each table but the general table, by scope.
    scopes: HashMap<AccountRegion, usize, FixedState>,
    /// Accounts and regions for which EC2 answered; `None` where the inventory does not say.
    asked: Option<HashSet<AccountRegion, FixedState>>,
    unavailable: bool,
    /// True if tables of asked accounts and regions are loaded when a record names the account.
    loaded_on_demand: bool,
    vpcs: Map<Vpc>,
    gateways: Map<TransitGateway>,
    attachments: Map<GatewayAttachment>,
    flow_logs: FlowLogs,
}

/// Index of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterfaceIndex {
    pub(crate) table: usize,
    pub(crate) slot: u32,
}

/// Tables for look-ups of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TableSet([Option<usize>; 3]);

impl TableSet {
    fn add(&mut self, table: Option<usize>) {
        if let Some(free) = self
            .0
            .iter_mut()
            .find(|slot| slot.is_none() || **slot == table)
        {
            *free = table;
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().flatten()
    }
}

impl Inventory {
    /// Makes an empty inventory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty inventory in place of an unreadable inventory; records decided without inventory are counted.
    pub fn unavailable() -> Self {
        Self {
            unavailable: true,
            ..Self::default()
        }
    }

    /// Returns whether nothing at all is known.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.is_empty())
            && self.vpcs.is_empty()
            && self.gateways.is_empty()
            && self.attachments.is_empty()
            && self.flow_logs.as_slice().is_empty()
            && self.asked.is_none()
    }

    /// Returns whether anything with this id is known.
    pub fn knows(&self, id: &[u8]) -> bool {
        self.interface(id).is_some()
            || self.vpcs.contains_key(id)
            || self.gateways.contains_key(id)
            || self.attachments.contains_key(id)
    }

    /// Adds an interface to the general table, or replaces the interface with this id there.
    pub fn insert_interface(&mut self, interface: &NetworkInterface) {
        Arc::make_mut(self.general()).insert(interface);
    }

    /// Replaces a table of interfaces: the table of an account and region, or the general table.
    pub fn set_interfaces(&mut self, scope: Option<AccountRegion>, table: Arc<InterfaceTable>) {
        self.general();
        let index = match scope {
            None => 0,
            Some(scope) => *self.scopes.entry(scope).or_insert(self.tables.len()),
        };
        match self.tables.get_mut(index) {
            Some(known) => *known = table,
            None => self.tables.push(table),
        }
    }

    /// Removes the table of an account and region.
    pub fn remove_interfaces(&mut self, scope: &AccountRegion) {
        let Some(index) = self.scopes.remove(scope) else {
            return;
        };
        // The last table takes the place of the removed table.
        self.tables.swap_remove(index);
        let last = self.tables.len();
        if let Some(last_index) = self.scopes.values_mut().find(|table| **table == last) {
            *last_index = index;
        }
    }

    /// Table of an account and region, if loaded.
    pub fn interfaces_of(&self, scope: &AccountRegion) -> Option<&Arc<InterfaceTable>> {
        self.tables.get(*self.scopes.get(scope)?)
    }

    /// Adds or replaces a VPC.
    pub fn insert_vpc(&mut self, vpc: Vpc) {
        self.vpcs.insert(key(&vpc.id), vpc);
    }

    /// Adds or replaces a transit gateway.
    pub fn insert_gateway(&mut self, gateway: TransitGateway) {
        self.gateways.insert(key(&gateway.id), gateway);
    }

    /// Adds or replaces an attachment.
    pub fn insert_attachment(&mut self, attachment: GatewayAttachment) {
        self.attachments.insert(key(&attachment.id), attachment);
    }

    /// Adds or replaces a flow log.
    pub fn insert_flow_log(&mut self, flow_log: FlowLog) {
        self.flow_logs.insert(flow_log);
    }

    /// Notes that EC2 answered for an account and region.
    pub fn insert_asked(&mut self, scope: AccountRegion) {
        self.asked.get_or_insert_default().insert(scope);
    }

    /// Takes back [`Self::insert_asked`]: the table of the account and region cannot be loaded.
    pub fn remove_asked(&mut self, scope: &AccountRegion) {
        if let Some(asked) = &mut self.asked {
            asked.remove(scope);
        }
    }

    /// Notes that tables of asked accounts and regions are loaded on demand: [`Transcoder::line`](crate::Transcoder::line)
    /// leaves a record undecided until the table is there.
    pub fn set_loaded_on_demand(&mut self) {
        self.asked.get_or_insert_default();
        self.loaded_on_demand = true;
    }

    /// Adds everything in `other`; of two items with equal id, the item of `other` stays.
    pub fn merge(&mut self, other: Self) {
        for (index, table) in other.tables.iter().enumerate() {
            let scope = other.scopes.iter().find(|(_, other)| **other == index);
            let scope = scope.map(|(scope, _)| scope.clone());
            let known = match &scope {
                None => self.tables.first(),
                Some(scope) => self.interfaces_of(scope),
            };
            let mut merged = known.cloned().unwrap_or_default();
            if merged.is_empty() {
                merged = Arc::clone(table);
            } else {
                let into = Arc::make_mut(&mut merged);
                table
                    .iter()
                    .for_each(|interface| into.insert(&interface.to_owned()));
            }
            self.set_interfaces(scope, merged);
        }
        if let Some(asked) = other.asked {
            self.asked.get_or_insert_default().extend(asked);
        }
        self.unavailable |= other.unavailable;
        self.loaded_on_demand |= other.loaded_on_demand;
        self.vpcs.extend(other.vpcs);
        self.gateways.extend(other.gateways);
        self.attachments.extend(other.attachments);
        self.flow_logs.merge(other.flow_logs);
    }

    /// Interface `eni-…`, in any table.
    pub fn interface(&self, id: &[u8]) -> Option<InterfaceView<'_>> {
        self.tables.iter().find_map(|table| table.get(id))
    }

    /// All interfaces, table by table.
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceView<'_>> {
        self.tables.iter().flat_map(|table| table.iter())
    }

    /// The VPC `vpc-…`.
    pub fn vpc(&self, id: &[u8]) -> Option<&Vpc> {
        self.vpcs.get(id)
    }

    /// The transit gateway `tgw-…`.
    pub fn gateway(&self, id: &[u8]) -> Option<&TransitGateway> {
        self.gateways.get(id)
    }

    /// The attachment `tgw-attach-…`.
    pub fn attachment(&self, id: &[u8]) -> Option<&GatewayAttachment> {
        self.attachments.get(id)
    }

    /// Returns all VPCs, in no particular order.
    pub fn vpcs(&self) -> impl Iterator<Item = &Vpc> {
        self.vpcs.values()
    }

    /// Returns all transit gateways, in no particular order.
    pub fn gateways(&self) -> impl Iterator<Item = &TransitGateway> {
        self.gateways.values()
    }

    /// Returns all attachments of transit gateways, in no particular order.
    pub fn attachments(&self) -> impl Iterator<Item = &GatewayAttachment> {
        self.attachments.values()
    }

    /// All flow logs, in order of insertion.
    pub fn flow_logs(&self) -> &[FlowLog] {
        self.flow_logs.as_slice()
    }

    /// The flow log `fl-…`.
    pub fn flow_log(&self, id: &str) -> Option<&FlowLog> {
        self.flow_logs.get(id)
    }

    /// Flow logs that deliver to this destination; all flow logs where the source has no destination.
    pub fn flow_logs_to<'a>(
        &'a self,
        destination: Option<&'a Destination>,
    ) -> impl Iterator<Item = &'a FlowLog> {
        let flow_logs = self.flow_logs().iter();
        flow_logs.filter(move |flow_log| flow_log.delivers_to(destination))
    }

    /// Destination of a source: the destination of the flow log, if the inventory knows the flow log; else the first of
    /// `destinations` with a flow log of the inventory; else the last.
    pub fn resolve<'a>(
        &'a self,
        flow_log: Option<&str>,
        destinations: &'a [Destination],
    ) -> Option<&'a Destination> {
        let receives = |wanted: &&Destination| self.flow_logs_to(Some(wanted)).next().is_some();
        match self.possible_destinations(flow_log, destinations) {
            [only] => Some(only),
            several => several.iter().find(receives).or(several.last()),
        }
    }

    /// Possible destinations of a source: the destination of the flow log alone, if the inventory knows the flow log.
    pub(crate) fn possible_destinations<'a>(
        &'a self,
        flow_log: Option<&str>,
        destinations: &'a [Destination],
    ) -> &'a [Destination] {
        let named = flow_log.and_then(|id| self.flow_log(id)?.destination.as_ref());
        named.map_or(destinations, std::slice::from_ref)
    }

    /// Formats of the flow logs that deliver to this destination, one for each flow log, repeated where equal.
    pub fn formats_for<'a>(
        &'a self,
        destination: Option<&'a Destination>,
    ) -> impl Iterator<Item = &'a str> {
        self.flow_logs_to(destination)
            .filter_map(|flow_log| flow_log.format.as_deref())
    }

    /// Returns whether the inventory should know an account and region, and does not: the inventory is
    /// [unavailable](Self::unavailable), or lists the asked accounts and regions and has no table for this one.
    pub(crate) fn lacks(&self, account: Option<&[u8]>, region: Option<&[u8]>) -> bool {
        let (Some(account), Some(region)) = (text(account), text(region)) else {
            return self.unavailable;
        };
        let scope = AccountRegion::new(account, region);
        let is_unknown =
            |asked: &HashSet<_, _>| !asked.contains(&scope) || !self.scopes.contains_key(&scope);
        self.unavailable || self.asked.as_ref().is_some_and(is_unknown)
    }

    /// Table to load before the look-up of a record of an account and region: the table of the account and region, then of
    /// the VPC's owner. `id` is the id of the interface, `vpc` the VPC.
    pub(crate) fn missing_table(
        &self,
        account: Option<&[u8]>,
        region: Option<&[u8]>,
        id: Option<&[u8]>,
        vpc: Option<&[u8]>,
    ) -> Option<AccountRegion> {
        if !self.loaded_on_demand {
            return None;
        }
        let (account, region) = (text(account)?, text(region)?);
        let is_missing = |scope: &AccountRegion| {
            let asked = self.asked.as_ref();
            asked.is_some_and(|asked| asked.contains(scope)) && !self.scopes.contains_key(scope)
        };
        let own = AccountRegion::new(account, region);
        if is_missing(&own) {
            return Some(own);
        }
        let own_table = self.scopes.get(&own).copied();
        let owner = self.vpc_owner(own_table, id, vpc)?;
        Some(AccountRegion::new(owner, region)).filter(is_missing)
    }

    /// Tables for look-ups of a record of an account and region. `id` is the id of the interface, and chooses a table where
    /// account or region are unknown; `vpc` is the VPC.
    pub(crate) fn tables_for(
        &self,
        account: Option<&[u8]>,
        region: Option<&[u8]>,
        id: Option<&[u8]>,
        vpc: Option<&[u8]>,
    ) -> TableSet {
        let mut set = TableSet::default();
        set.add((!self.tables.is_empty()).then_some(0));
        if self.scopes.is_empty() {
            return set;
        }
        let (account, region) = (text(account), text(region));
        let own = self.table_of(account, region, id);
        set.add(own);
        let owner = self.vpc_owner(set.iter(), id, vpc);
        if owner.is_some() && owner != account {
            set.add(self.table_of(owner, region, id));
        }
        set
    }

    /// Owner of a record's VPC: of `vpc`, else of the VPC of the interface `id` in these tables.
    fn vpc_owner(
        &self,
        tables: impl IntoIterator<Item = usize>,
        id: Option<&[u8]>,
        vpc: Option<&[u8]>,
    ) -> Option<&str> {
        let vpc_of_interface = || {
            let mut tables = tables.into_iter();
            let found = tables.find_map(|table| self.tables[table].get(id?))?;
            found.vpc().map(str::as_bytes)
        };
        let vpc = vpc.or_else(vpc_of_interface)?;
        self.vpc(vpc)?.owner.as_deref()
    }

    /// Table of an account and region; an unknown account or region agrees with any, and the table must have the interface
    /// then.
    fn table_of(
        &self,
        account: Option<&str>,
        region: Option<&str>,
        id: Option<&[u8]>,
    ) -> Option<usize> {
        if let (Some(account), Some(region)) = (account, region) {
            return self
                .scopes
                .get(&AccountRegion::new(account, region))
                .copied();
        }
        // With loading on demand, the answer must not depend on the tables loaded so far.
        if self.loaded_on_demand {
            return None;
        }
        let agreeing = self.scopes.iter().filter(|(scope, _)| {
            account.is_none_or(|account| account == scope.account)
                && region.is_none_or(|region| region == scope.region)
        });
        let mut tables = agreeing.map(|(_, &table)| table);
        tables.find(|&table| id.is_some_and(|id| self.tables[table].slot(id).is_some()))
    }

    /// Index of an interface in one of these tables.
    pub(crate) fn interface_in(&self, tables: TableSet, id: &[u8]) -> Option<InterfaceIndex> {
        tables.iter().find_map(|table| {
            let slot = self.tables[table].slot(id)?;
            Some(InterfaceIndex { table, slot })
        })
    }

    /// The interface of an index.
    pub(crate) fn interface_at(&self, index: InterfaceIndex) -> InterfaceView<'_> {
        self.tables[index.table].at(index.slot)
    }

    pub(crate) fn table(&self, index: usize) -> &InterfaceTable {
        &self.tables[index]
    }

    /// Number of tables.
    pub(crate) fn table_count(&self) -> usize {
        self.tables.len()
    }

    fn general(&mut self) -> &mut Arc<InterfaceTable> {
        if self.tables.is_empty() {
            self.tables.push(Arc::default());
        }
        &mut self.tables[0]
    }
}

fn text(octets: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(octets?).ok()
}

fn key(id: &str) -> Box<[u8]> {
    id.as_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(id: &str, name: &str) -> NetworkInterface {
        NetworkInterface {
            id: id.to_owned(),
            name: Some(name.to_owned()),
            ..NetworkInterface::default()
        }
    }

    fn table(interfaces: &[NetworkInterface]) -> Arc<InterfaceTable> {
        Arc::new(interfaces.iter().collect())
    }

    fn flow_log(id: &str, destination: Option<Destination>, format: &str) -> FlowLog {
        FlowLog {
            id: id.to_owned(),
            resource: "vpc-1".to_owned(),
            destination,
            format: Some(format.to_owned()),
            ..FlowLog::default()
        }
    }

    #[test]
    fn inserting_an_id_again_replaces_what_was_known() {
        let mut inventory = Inventory::new();
        assert!(inventory.is_empty());
        for name in ["old", "new"] {
            inventory.insert_vpc(Vpc {
                id: "vpc-1".to_owned(),
                name: Some(name.to_owned()),
                owner: None,
            });
            inventory.insert_interface(&interface("eni-1", name));
            let destination = Some(Destination::log_group(name));
            inventory.insert_flow_log(flow_log("fl-1", destination, "${bytes}"));
        }
        let vpc = inventory.vpc(b"vpc-1").and_then(|vpc| vpc.name.as_deref());
        assert_eq!(vpc, Some("new"));
        let eni = inventory.interface(b"eni-1").and_then(InterfaceView::name);
        assert_eq!(eni, Some("new"));
        assert_eq!(inventory.flow_logs().len(), 1);
        let destination = inventory.flow_logs()[0].destination.clone();
        assert_eq!(destination, Some(Destination::log_group("new")));
    }

    #[test]
    fn each_kind_of_thing_alone_is_something_known() {
        let some = |fill: &dyn Fn(&mut Inventory)| {
            let mut inventory = Inventory::new();
            fill(&mut inventory);
            inventory
        };
        let id = || "x-1".to_owned();
        for inventory in [
            some(&|inventory| inventory.insert_interface(&interface("x-1", ""))),
            some(&|inventory| {
                inventory.set_interfaces(
                    Some(AccountRegion::new("1", "r")),
                    table(&[interface("x-1", "")]),
                )
            }),
            some(&|inventory| {
                inventory.insert_vpc(Vpc {
                    id: id(),
                    ..Vpc::default()
                })
            }),
            some(&|inventory| {
                inventory.insert_gateway(TransitGateway {
                    id: id(),
                    name: None,
                })
            }),
            some(&|inventory| {
                inventory.insert_attachment(GatewayAttachment {
                    id: id(),
                    ..GatewayAttachment::default()
                });
            }),
        ] {
            assert!(
                !inventory.is_empty() && inventory.knows(b"x-1"),
                "{inventory:?}"
            );
            assert!(!inventory.knows(b"x-2"), "{inventory:?}");
        }
        let flow_logs = some(&|inventory| inventory.insert_flow_log(flow_log("fl-1", None, "")));
        assert!(!flow_logs.is_empty());
    }

    #[test]
    fn a_record_is_looked_up_in_its_own_table_and_its_vpc_owners_whatever_else_is_loaded() {
        let mut inventory = Inventory::new();
        for account in ["1", "2", "3"] {
            let own = format!("eni-{account}");
            let interfaces = [interface(&own, account), interface("eni-9", account)];
            inventory.set_interfaces(Some(AccountRegion::new(account, "r")), table(&interfaces));
        }
        inventory.insert_vpc(Vpc {
            id: "vpc-1".to_owned(),
            name: None,
            owner: Some("2".to_owned()),
        });
        let name = |inventory: &Inventory, account: Option<&str>, vpc: Option<&str>, id: &str| {
            let set = inventory.tables_for(
                account.map(str::as_bytes),
                Some(b"r"),
                Some(id.as_bytes()),
                vpc.map(str::as_bytes),
            );
            let index = inventory.interface_in(set, id.as_bytes())?;
            inventory.interface_at(index).name().map(str::to_owned)
        };
        assert_eq!(
            name(&inventory, Some("1"), None, "eni-1").as_deref(),
            Some("1")
        );
        assert_eq!(
            name(&inventory, Some("1"), None, "eni-2"),
            None,
            "of another account"
        );
        assert_eq!(
            name(&inventory, Some("1"), Some("vpc-1"), "eni-2").as_deref(),
            Some("2")
        );
        assert_eq!(
            name(&inventory, Some("1"), Some("vpc-1"), "eni-9").as_deref(),
            Some("1"),
            "its own first"
        );
        assert_eq!(name(&inventory, Some("1"), Some("vpc-1"), "eni-3"), None);
        assert_eq!(
            name(&inventory, None, None, "eni-3").as_deref(),
            Some("3"),
            "nobody says whose it is"
        );
        inventory.insert_interface(&interface("eni-7", "general"));
        assert_eq!(
            name(&inventory, Some("5"), None, "eni-7").as_deref(),
            Some("general")
        );
    }

    #[test]
    fn merging_takes_the_later_word_of_each_table() {
        let mut first = Inventory::new();
        first.insert_flow_log(flow_log("fl-1", None, "${bytes}"));
        first.insert_interface(&interface("eni-1", "old"));
        first.insert_interface(&interface("eni-2", "kept"));
        let mut second = Inventory::new();
        second.insert_flow_log(flow_log("fl-1", None, "${packets}"));
        second.insert_interface(&interface("eni-1", "new"));
        second.set_interfaces(
            Some(AccountRegion::new("1", "r")),
            table(&[interface("eni-3", "scoped")]),
        );
        first.merge(second);
        assert_eq!(first.formats_for(None).collect::<Vec<_>>(), ["${packets}"]);
        let name = |id: &[u8]| first.interface(id).and_then(InterfaceView::name);
        assert_eq!(
            [name(b"eni-1"), name(b"eni-2"), name(b"eni-3")],
            [Some("new"), Some("kept"), Some("scoped")]
        );
        assert!(first.interfaces_of(&AccountRegion::new("1", "r")).is_some());
    }

    #[test]
    fn formats_are_those_of_the_flow_logs_with_this_destination() {
        let mut inventory = Inventory::new();
        let group = Destination::of_arn("arn:aws:logs:eu-central-1:123456789012:log-group:flows:*");
        inventory.insert_flow_log(flow_log("fl-1", group.clone(), "a"));
        inventory.insert_flow_log(flow_log("fl-2", Some(Destination::log_group("flows")), "b"));
        inventory.insert_flow_log(flow_log("fl-3", Some(Destination::bucket("flows")), "c"));
        inventory.insert_flow_log(flow_log("fl-4", None, "d"));
        let formats = |destination: Option<Destination>| {
            inventory
                .formats_for(destination.as_ref())
                .collect::<String>()
        };
        assert_eq!(formats(Some(Destination::log_group("flows"))), "ab");
        assert_eq!(formats(group), "ab");
        assert_eq!(formats(Some(Destination::log_group("nobody"))), "");
        assert_eq!(formats(None), "abcd");
    }

    #[test]
    fn an_account_that_was_not_asked_is_known_to_be_missing() {
        let mut inventory = Inventory::new();
        let lacks =
            |inventory: &Inventory, account: &[u8]| inventory.lacks(Some(account), Some(b"r"));
        assert!(!lacks(&inventory, b"1"), "nobody says who was asked");
        inventory.insert_asked(AccountRegion::new("1", "r"));
        assert!(lacks(&inventory, b"1"), "its table is not there");
        inventory.set_interfaces(Some(AccountRegion::new("1", "r")), table(&[]));
        assert!(!lacks(&inventory, b"1") && lacks(&inventory, b"2"));
        inventory.remove_asked(&AccountRegion::new("1", "r"));
        assert!(lacks(&inventory, b"1"), "nobody is left");
        assert!(!inventory.lacks(None, Some(b"r")));
        assert!(lacks(&Inventory::unavailable(), b"1"));
    }

    #[test]
    fn a_removed_table_is_gone_and_the_others_stay_where_they_are() {
        let mut inventory = Inventory::new();
        for account in ["1", "2", "3"] {
            let id = format!("eni-{account}");
            inventory.set_interfaces(
                Some(AccountRegion::new(account, "r")),
                table(&[interface(&id, account)]),
            );
        }
        for (removed, left) in [("1", &["2", "3"][..]), ("1", &["2", "3"]), ("3", &["2"])] {
            inventory.remove_interfaces(&AccountRegion::new(removed, "r"));
            for account in ["1", "2", "3"] {
                let id = format!("eni-{account}");
                let own = inventory.interfaces_of(&AccountRegion::new(account, "r"));
                let name = own.and_then(|own| own.get(id.as_bytes())?.name());
                let expected = left.contains(&account).then_some(account);
                assert_eq!(name, expected, "{account} after {removed}");
                assert_eq!(inventory.interface(id.as_bytes()).is_some(), name.is_some());
            }
        }
    }

    #[test]
    fn a_record_needs_its_own_table_and_then_that_of_its_vpcs_owner() {
        let mut inventory = Inventory::new();
        for account in ["1", "2"] {
            inventory.insert_asked(AccountRegion::new(account, "r"));
        }
        let missing = |inventory: &Inventory, account: &[u8], vpc: Option<&[u8]>| {
            let missing = inventory.missing_table(Some(account), Some(b"r"), Some(b"eni-1"), vpc);
            missing.map(|scope| scope.account)
        };
        assert_eq!(missing(&inventory, b"1", None), None, "all is loaded");
        inventory.set_loaded_on_demand();
        assert_eq!(missing(&inventory, b"1", None).as_deref(), Some("1"));
        assert_eq!(missing(&inventory, b"3", None), None, "was not asked");
        inventory.insert_vpc(Vpc {
            id: "vpc-1".to_owned(),
            name: None,
            owner: Some("2".to_owned()),
        });
        let shared = NetworkInterface {
            vpc: Some("vpc-1".to_owned()),
            ..interface("eni-1", "web")
        };
        inventory.set_interfaces(Some(AccountRegion::new("1", "r")), table(&[shared]));
        assert_eq!(
            missing(&inventory, b"1", None).as_deref(),
            Some("2"),
            "its interface says the VPC"
        );
        assert_eq!(
            missing(&inventory, b"3", Some(b"vpc-1")).as_deref(),
            Some("2")
        );
        inventory.set_interfaces(Some(AccountRegion::new("2", "r")), table(&[]));
        assert_eq!(missing(&inventory, b"1", None), None);
        let unknown = inventory.tables_for(None, Some(b"r"), Some(b"eni-1"), None);
        let found = inventory.interface_in(unknown, b"eni-1");
        assert_eq!(found, None, "whatever is loaded");
    }

    #[test]
    fn everything_inserted_is_found_by_its_id_and_listed() {
        let mut inventory = Inventory::new();
        let eni = interface("eni-1", "web");
        let vpc = Vpc {
            id: "vpc-1".to_owned(),
            ..Vpc::default()
        };
        let gateway = TransitGateway {
            id: "tgw-1".to_owned(),
            name: Some("hub".to_owned()),
        };
        let attachment = GatewayAttachment {
            id: "tgw-attach-1".to_owned(),
            ..GatewayAttachment::default()
        };
        inventory.insert_interface(&eni);
        inventory.insert_vpc(vpc.clone());
        inventory.insert_gateway(gateway.clone());
        inventory.insert_attachment(attachment.clone());
        let owned: Vec<_> = inventory
            .interfaces()
            .map(InterfaceView::to_owned)
            .collect();
        assert_eq!(owned, [eni]);
        assert!(inventory.vpcs().eq([&vpc]));
        assert!(inventory.gateways().eq([&gateway]));
        assert!(inventory.attachments().eq([&attachment]));
        assert_eq!(inventory.vpc(b"vpc-1"), Some(&vpc));
        assert_eq!(inventory.gateway(b"tgw-1"), Some(&gateway));
        assert_eq!(inventory.gateway(b"tgw-2"), None);
        assert_eq!(inventory.attachment(b"tgw-attach-1"), Some(&attachment));
    }

    #[test]
    fn a_merged_inventory_is_unavailable_or_loaded_on_demand_if_either_was() {
        let scope = || AccountRegion::new("1", "r");
        let mut on_demand = Inventory::new();
        on_demand.set_loaded_on_demand();
        on_demand.insert_asked(scope());
        for (is_unavailable, is_on_demand) in [(false, false), (true, false), (false, true)] {
            let of = |is_first: bool| match (is_first && is_unavailable, is_first && is_on_demand) {
                (true, _) => Inventory::unavailable(),
                (_, true) => on_demand.clone(),
                _ => Inventory::new(),
            };
            for first in [true, false] {
                let mut merged = of(first);
                merged.merge(of(!first));
                assert_eq!(merged.lacks(None, None), is_unavailable);
                let missing = merged.missing_table(Some(b"1"), Some(b"r"), None, None);
                assert_eq!(missing, is_on_demand.then(scope));
            }
        }
    }

    #[test]
    fn of_an_unknown_account_or_region_the_known_part_chooses_the_table() {
        let mut inventory = Inventory::new();
        for (account, region) in [("1", "r"), ("1", "s"), ("2", "t")] {
            let name = format!("{account}{region}");
            let scope = Some(AccountRegion::new(account, region));
            inventory.set_interfaces(scope, table(&[interface("eni-1", &name)]));
        }
        let found = |account: Option<&[u8]>, region: Option<&[u8]>| {
            let set = inventory.tables_for(account, region, Some(b"eni-1"), None);
            let index = inventory.interface_in(set, b"eni-1")?;
            inventory.interface_at(index).name()
        };
        for (account, region, name) in [
            (None, Some(&b"r"[..]), Some("1r")),
            (None, Some(b"s"), Some("1s")),
            (None, Some(b"t"), Some("2t")),
            (Some(&b"2"[..]), None, Some("2t")),
            (Some(b"1"), Some(b"s"), Some("1s")),
            (Some(b"3"), None, None),
            (None, Some(b"u"), None),
        ] {
            assert_eq!(found(account, region), name, "{account:?} {region:?}");
        }
    }
}
