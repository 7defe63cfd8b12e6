//! Compact table of the network interfaces of an account and region.
//!
//! A description from EC2 takes 2 kB as separate strings; here an interface takes about 250 octets:
//!
//! - own texts of an interface (id, name, description, instance) stand back to back in a string, found by length;
//! - texts shared by many interfaces (VPC, subnet, zone, type, account) are stored once and referred to by number;
//! - IPv4 addresses are 4 octets, with 8 octets for VPC and slot;
//! - the indexes (id → slot; VPC and address or prefix → position) hold 4 octets an entry.
//!
//! An inventory is made of these tables; each is replaced alone.

use std::net::IpAddr;

use hashbrown::HashTable;

use super::Address;
use super::table_index::{DelegatedPrefix, SharedTexts, Span, ValueIndex, hash, to_u32};

/// Elastic network interface, the input of an [`InterfaceTable`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkInterface {
    /// `eni-…`
    pub id: String,
    /// Name tag.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// `InterfaceType` of EC2: `interface`, `natGateway`, `lambda`, …
    pub kind: Option<String>,
    /// Attached instance, `i-…`.
    pub instance: Option<String>,
    /// `subnet-…`
    pub subnet: Option<String>,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// Availability zone: id (`euc1-az2`, as in `az-id`), else name.
    pub zone: Option<String>,
    /// Owner account, 12 digits.
    pub owner: Option<String>,
    /// True unless the status is `in-use`: an unused interface records no flow, and owns no address.
    pub unused: bool,
    /// Private IPv4 addresses (primary and secondary) and IPv6 addresses.
    pub addresses: Vec<Address>,
    /// Delegated prefixes: first address and length in bits.
    pub prefixes: Vec<(IpAddr, u8)>,
}

/// Own text of an entry; the number is the position among the texts.
#[derive(Debug, Clone, Copy)]
enum OwnText {
    Id,
    Name,
    Description,
    Instance,
}

/// Number of own texts of an entry.
const OWN_TEXTS: usize = 4;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Offset of the own texts, back to back in the order of [`OwnText`].
    text: u32,
    lengths: [u16; OWN_TEXTS],
    /// Numbers of shared texts; 0 for none.
    kind: u32,
    subnet: u32,
    vpc: u32,
    zone: u32,
    owner: u32,
    unused: bool,
    ipv4: Span,
    ipv6: Span,
    prefixes: Span,
}

/// Interfaces of an account and region, by id and by address.
#[derive(Debug, Clone, Default)]
pub struct InterfaceTable {
    entries: Vec<Entry>,
    index: HashTable<u32>,
    texts: String,
    shared: SharedTexts,
    ipv4: ValueIndex<u32>,
    ipv6: ValueIndex<u128>,
    prefixes: ValueIndex<DelegatedPrefix>,
    /// Lengths of the prefixes in the table, true for IPv4; usually none: AWS delegates /28 (IPv4) and /80 (IPv6).
    lengths: Vec<(bool, u8)>,
}

/// An interface of a table.
#[derive(Debug, Clone, Copy)]
pub struct InterfaceView<'a> {
    table: &'a InterfaceTable,
    slot: u32,
}

impl InterfaceTable {
    /// A table without interfaces.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of interfaces.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an interface, or replaces the interface with this id. Own texts are cut at 65,535 octets.
    pub fn insert(&mut self, interface: &NetworkInterface) {
        let known = self.slot(interface.id.as_bytes());
        let Some(slot) = known.or_else(|| to_u32(self.entries.len())) else {
            return;
        };
        let Some(text) = to_u32(self.texts.len()) else {
            return;
        };
        if known.is_some() {
            self.unindex(slot);
        }
        let vpc = self.shared.intern(interface.vpc.as_deref());
        // In the order of `OwnText`.
        let own: [_; OWN_TEXTS] = [
            Some(interface.id.as_str()),
            interface.name.as_deref(),
            interface.description.as_deref(),
            interface.instance.as_deref(),
        ];
        let entry = Entry {
            text,
            lengths: own.map(|text| self.append(text.unwrap_or_default())),
            kind: self.shared.intern(interface.kind.as_deref()),
            subnet: self.shared.intern(interface.subnet.as_deref()),
            vpc,
            zone: self.shared.intern(interface.zone.as_deref()),
            owner: self.shared.intern(interface.owner.as_deref()),
            unused: interface.unused,
            ipv4: self.ipv4.extend(vpc, slot, ipv4_bits(&interface.addresses)),
            ipv6: self.ipv6.extend(vpc, slot, ipv6_bits(&interface.addresses)),
            prefixes: self.index_prefixes(vpc, slot, &interface.prefixes),
        };
        match known {
            Some(slot) => self.entries[slot as usize] = entry,
            None => {
                self.entries.push(entry);
                let (entries, texts) = (&self.entries, &self.texts);
                let hash_of = |&slot: &u32| hash(entries[slot as usize].id(texts).as_bytes());
                let id = entries[slot as usize].id(texts);
                self.index.insert_unique(hash(id.as_bytes()), slot, hash_of);
            }
        }
    }

    /// Octets of the table on the heap.
    pub fn octets(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.index.allocation_size()
            + self.texts.capacity()
            + self.shared.octets()
            + self.ipv4.octets()
            + self.ipv6.octets()
            + self.prefixes.octets()
    }

    /// Gives back memory reserved for more interfaces.
    pub fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.shared.texts.shrink_to_fit();
        self.ipv4.shrink_to_fit();
        self.ipv6.shrink_to_fit();
        self.prefixes.shrink_to_fit();
    }

    /// The interface with this id.
    pub fn get(&self, id: &[u8]) -> Option<InterfaceView<'_>> {
        Some(self.at(self.slot(id)?))
    }

    /// All interfaces, in order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = InterfaceView<'_>> {
        (0..self.entries.len()).filter_map(|slot| Some(self.at(to_u32(slot)?)))
    }

    /// Slot of the interface with this id.
    pub(crate) fn slot(&self, id: &[u8]) -> Option<u32> {
        let is_it = |&slot: &u32| self.entries[slot as usize].id(&self.texts).as_bytes() == id;
        self.index.find(hash(id), is_it).copied()
    }

    /// Interface in a slot of this table.
    pub(crate) fn at(&self, slot: u32) -> InterfaceView<'_> {
        InterfaceView { table: self, slot }
    }

    /// Number of a shared text (VPC, subnet, zone, kind, account), if the table has the text.
    pub(crate) fn shared_number(&self, text: &[u8]) -> Option<u32> {
        self.shared.find(text)
    }

    /// Numbers of the subnet and of the VPC of an interface; 0 for none.
    pub(crate) fn subnet_and_vpc(&self, slot: u32) -> (u32, u32) {
        let entry = &self.entries[slot as usize];
        (entry.subnet, entry.vpc)
    }

    /// Bound of the numbers of shared texts: the largest, plus 1.
    pub(crate) fn shared_bound(&self) -> usize {
        self.shared.texts.len() + 1
    }

    /// Slots of the interfaces of a VPC with this address, listed or within a delegated prefix.
    pub(crate) fn slots_with_address(
        &self,
        vpc: u32,
        address: Address,
    ) -> impl Iterator<Item = u32> {
        let ip = IpAddr::from(address);
        let (ipv4, ipv6) = match ip {
            IpAddr::V4(ip) => (Some(ip.to_bits()), None),
            IpAddr::V6(ip) => (None, Some(ip.to_bits())),
        };
        let lengths = self
            .lengths
            .iter()
            .filter(move |(is_ipv4, _)| *is_ipv4 == ip.is_ipv4());
        let prefixes = lengths.map(move |&(_, length)| DelegatedPrefix::of(ip, length));
        let of_ipv4 = ipv4
            .into_iter()
            .flat_map(move |bits| self.ipv4.slots(vpc, bits));
        let of_ipv6 = ipv6
            .into_iter()
            .flat_map(move |bits| self.ipv6.slots(vpc, bits));
        of_ipv4
            .chain(of_ipv6)
            .chain(prefixes.flat_map(move |prefix| self.prefixes.slots(vpc, prefix)))
    }

    /// Appends an own text of an entry; returns the length.
    fn append(&mut self, text: &str) -> u16 {
        let mut end = text.len().min(usize::from(u16::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.texts.push_str(&text[..end]);
        u16::try_from(end).expect("cut to as many octets as 16 bits count")
    }

    fn index_prefixes(&mut self, vpc: u32, slot: u32, prefixes: &[(IpAddr, u8)]) -> Span {
        let prefixes = prefixes
            .iter()
            .map(|&(first, length)| DelegatedPrefix::of(first, length));
        for prefix in prefixes.clone() {
            let length = (prefix.first.is_ipv4(), prefix.length);
            if !self.lengths.contains(&length) {
                self.lengths.push(length);
            }
        }
        self.prefixes.extend(vpc, slot, prefixes)
    }

    /// Removes the addresses of an entry from the indexes, before the entry is replaced.
    fn unindex(&mut self, slot: u32) {
        let Entry {
            vpc,
            ipv4,
            ipv6,
            prefixes,
            ..
        } = self.entries[slot as usize];
        if vpc != 0 {
            self.ipv4.remove(ipv4, vpc);
            self.ipv6.remove(ipv6, vpc);
            self.prefixes.remove(prefixes, vpc);
        }
    }
}

/// Returns whether one of these prefixes contains the address.
#[cold]
fn is_within(prefixes: &[DelegatedPrefix], address: Address) -> bool {
    let ip = IpAddr::from(address);
    prefixes.iter().any(|prefix| prefix.contains(ip))
}

fn ipv4_bits(addresses: &[Address]) -> impl Iterator<Item = u32> {
    addresses
        .iter()
        .filter_map(|&address| match address.into() {
            IpAddr::V4(address) => Some(address.to_bits()),
            IpAddr::V6(_) => None,
        })
}

fn ipv6_bits(addresses: &[Address]) -> impl Iterator<Item = u128> {
    addresses
        .iter()
        .filter_map(|&address| match address.into() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address.to_bits()),
        })
}

impl Entry {
    fn id<'a>(&self, texts: &'a str) -> &'a str {
        self.own(OwnText::Id, texts)
    }

    fn own<'a>(&self, text: OwnText, texts: &'a str) -> &'a str {
        let which = text as usize;
        let before: usize = self.lengths[..which].iter().copied().map(usize::from).sum();
        let start = self.text as usize + before;
        &texts[start..start + usize::from(self.lengths[which])]
    }
}

impl PartialEq for InterfaceTable {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .map(InterfaceView::to_owned)
                .eq(other.iter().map(InterfaceView::to_owned))
    }
}

impl Eq for InterfaceTable {}

impl<'a> FromIterator<&'a NetworkInterface> for InterfaceTable {
    fn from_iter<I: IntoIterator<Item = &'a NetworkInterface>>(interfaces: I) -> Self {
        let mut table = Self::default();
        interfaces
            .into_iter()
            .for_each(|interface| table.insert(interface));
        table.shrink_to_fit();
        table
    }
}

impl<'a> InterfaceView<'a> {
    fn entry(self) -> &'a Entry {
        &self.table.entries[self.slot as usize]
    }

    fn own(self, text: OwnText) -> Option<&'a str> {
        let text = self.entry().own(text, &self.table.texts);
        (!text.is_empty()).then_some(text)
    }

    /// `eni-…`
    pub fn id(self) -> &'a str {
        self.entry().id(&self.table.texts)
    }

    /// Name tag.
    pub fn name(self) -> Option<&'a str> {
        self.own(OwnText::Name)
    }

    /// Description.
    pub fn description(self) -> Option<&'a str> {
        self.own(OwnText::Description)
    }

    /// Attached instance, `i-…`.
    pub fn instance(self) -> Option<&'a str> {
        self.own(OwnText::Instance)
    }

    /// `InterfaceType` of EC2.
    pub fn kind(self) -> Option<&'a str> {
        self.table.shared.get(self.entry().kind)
    }

    /// `subnet-…`
    pub fn subnet(self) -> Option<&'a str> {
        self.table.shared.get(self.entry().subnet)
    }

    /// `vpc-…`
    pub fn vpc(self) -> Option<&'a str> {
        self.table.shared.get(self.entry().vpc)
    }

    /// Availability zone.
    pub fn zone(self) -> Option<&'a str> {
        self.table.shared.get(self.entry().zone)
    }

    /// Owner account.
    pub fn owner(self) -> Option<&'a str> {
        self.table.shared.get(self.entry().owner)
    }

    /// Returns whether the status is not `in-use`.
    pub fn is_unused(self) -> bool {
        self.entry().unused
    }

    /// Private IPv4 addresses, the primary first, then IPv6 addresses.
    pub fn addresses(self) -> impl Iterator<Item = Address> {
        let Entry { ipv4, ipv6, .. } = self.entry();
        let ipv4 = ipv4.of(&self.table.ipv4.values).iter();
        let ipv6 = ipv6.of(&self.table.ipv6.values).iter();
        ipv4.map(|&bits| Address::v4(bits))
            .chain(ipv6.map(|&bits| Address::v6(bits)))
    }

    /// The address of an interface with a single address, IPv4, and without delegated prefixes.
    pub(crate) fn only_ipv4(self) -> Option<u32> {
        let Entry {
            ipv4,
            ipv6,
            prefixes,
            ..
        } = self.entry();
        let has_others = !ipv6.is_empty() || !prefixes.is_empty();
        match ipv4.of(&self.table.ipv4.values) {
            [bits] if !has_others => Some(*bits),
            _ => None,
        }
    }

    /// Returns whether the interface has the address, listed or within a delegated prefix.
    #[inline]
    pub fn has_address(self, address: Address) -> bool {
        let Entry {
            ipv4,
            ipv6,
            prefixes,
            ..
        } = self.entry();
        let is_listed = match address.ipv4_bits() {
            Some(bits) => ipv4.of(&self.table.ipv4.values).contains(&bits),
            None => {
                let bits = address.to_ipv6_bits();
                ipv6.of(&self.table.ipv6.values).contains(&bits)
            }
        };
        let prefixes = prefixes.of(&self.table.prefixes.values);
        is_listed || !prefixes.is_empty() && is_within(prefixes, address)
    }

    /// Copies the interface out of the table.
    pub fn to_owned(self) -> NetworkInterface {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let prefixes = self.entry().prefixes.of(&self.table.prefixes.values).iter();
        NetworkInterface {
            id: self.id().to_owned(),
            name: text(self.name()),
            description: text(self.description()),
            kind: text(self.kind()),
            instance: text(self.instance()),
            subnet: text(self.subnet()),
            vpc: text(self.vpc()),
            zone: text(self.zone()),
            owner: text(self.owner()),
            unused: self.is_unused(),
            addresses: self.addresses().collect(),
            prefixes: prefixes
                .map(|prefix| (prefix.first, prefix.length))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("address of the test")
    }

    fn interface(id: &str, vpc: &str, addresses: &[&str]) -> NetworkInterface {
        NetworkInterface {
            id: id.to_owned(),
            vpc: Some(vpc.to_owned()),
            addresses: addresses.iter().map(|text| address(text)).collect(),
            ..NetworkInterface::default()
        }
    }

    fn found(table: &InterfaceTable, vpc: &str, of: &str) -> Vec<String> {
        let Some(vpc) = table.shared_number(vpc.as_bytes()) else {
            return Vec::new();
        };
        let slots = table.slots_with_address(vpc, address(of));
        let mut ids: Vec<_> = slots.map(|slot| table.at(slot).id().to_owned()).collect();
        ids.sort();
        ids
    }

    #[test]
    fn an_interface_comes_out_as_it_went_in() {
        let all = NetworkInterface {
            id: "eni-1".to_owned(),
            name: Some("web".to_owned()),
            description: Some("ELB app/web/1".to_owned()),
            kind: Some("interface".to_owned()),
            instance: Some("i-1".to_owned()),
            subnet: Some("subnet-1".to_owned()),
            vpc: Some("vpc-1".to_owned()),
            zone: Some("euc1-az2".to_owned()),
            owner: Some("123456789012".to_owned()),
            unused: true,
            addresses: ["10.0.0.5", "10.0.0.6", "2001:db8::5"]
                .map(address)
                .to_vec(),
            prefixes: vec![
                (address("10.0.1.16").into(), 28),
                (address("2001:db8:1::").into(), 80),
            ],
        };
        let nothing = NetworkInterface {
            id: "eni-2".to_owned(),
            ..NetworkInterface::default()
        };
        let table: InterfaceTable = [&nothing, &all, &nothing].into_iter().collect();
        assert_eq!(table.len(), 2);
        for expected in [&all, &nothing] {
            let view = table.get(expected.id.as_bytes()).expect("it was inserted");
            assert_eq!(&view.to_owned(), expected);
        }
        assert!(table.get(b"eni-3").is_none());
    }

    #[test]
    fn a_replaced_interface_loses_its_addresses() {
        let mut table = InterfaceTable::new();
        for own in ["10.0.0.5", "10.0.0.6"] {
            table.insert(&interface("eni-1", "vpc-1", &[own]));
        }
        assert_eq!(table.len(), 1);
        assert_eq!(found(&table, "vpc-1", "10.0.0.5"), [""; 0]);
        assert_eq!(found(&table, "vpc-1", "10.0.0.6"), ["eni-1"]);
        assert!(
            !table
                .get(b"eni-1")
                .is_some_and(|eni| eni.has_address(address("10.0.0.5")))
        );
    }

    #[test]
    fn a_table_grows_by_less_than_500_octets_an_interface() {
        let table = |count: usize| -> InterfaceTable {
            let interfaces: Vec<_> = (0..count)
                .map(|number| NetworkInterface {
                    name: Some(format!("web-{number}")),
                    description: Some("ELB app/web/0123456789abcdef".to_owned()),
                    subnet: Some(format!("subnet-{}", number % 100)),
                    ..interface(
                        &format!("eni-{number:017x}"),
                        "vpc-1",
                        &["10.0.0.5", "10.0.0.6"],
                    )
                })
                .collect();
            interfaces.iter().collect()
        };
        let (small, large) = (table(1_000).octets(), table(21_000).octets());
        let each = (large - small) / 20_000;
        assert!((100..500).contains(&each), "{each} octets");
    }

    #[test]
    fn addresses_and_prefixes_are_found_within_their_vpc() {
        let mut with_prefixes = interface("eni-2", "vpc-1", &["2001:db8::5"]);
        with_prefixes.prefixes = vec![
            (address("10.0.1.16").into(), 28),
            (address("2001:db8:1::").into(), 80),
        ];
        let table: InterfaceTable = [
            &interface("eni-1", "vpc-1", &["10.0.0.5", "10.0.0.6"]),
            &with_prefixes,
            &interface("eni-3", "vpc-2", &["10.0.0.5"]),
            &interface("eni-4", "vpc-1", &["10.0.0.6"]),
        ]
        .into_iter()
        .collect();
        for (vpc, of, ids) in [
            ("vpc-1", "10.0.0.5", &["eni-1"][..]),
            ("vpc-2", "10.0.0.5", &["eni-3"]),
            ("vpc-1", "10.0.0.6", &["eni-1", "eni-4"]),
            ("vpc-1", "10.0.1.31", &["eni-2"]),
            ("vpc-1", "10.0.1.32", &[]),
            ("vpc-1", "2001:db8:1::ffff:1", &["eni-2"]),
            ("vpc-1", "2001:db8:1:0:1::", &[]),
            ("vpc-3", "10.0.0.5", &[]),
        ] {
            assert_eq!(found(&table, vpc, of), ids, "{of} of {vpc}");
        }
        let eni = table.get(b"eni-2").expect("it was inserted");
        assert!(eni.has_address(address("10.0.1.17")) && !eni.has_address(address("::10.0.1.17")));
    }

    #[test]
    fn prefixes_of_every_length_are_defined() {
        for (own, length, other) in [("10.0.0.5", 0, "11.1.1.1"), ("10.0.0.5", 255, "10.0.0.5")] {
            let prefix = DelegatedPrefix::of(address(own).into(), length);
            assert!(prefix.contains(address(other).into()), "{own}/{length}");
            assert!(!prefix.contains(address("::1").into()));
        }
        let all = DelegatedPrefix::of(address("2001:db8::").into(), 0);
        assert!(all.contains(address("::1").into()));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = NetworkInterface {
            id: "eni-1".to_owned(),
            description: Some("\u{fc}".repeat(40_000)),
            ..NetworkInterface::default()
        };
        let table: InterfaceTable = [&long].into_iter().collect();
        let view = table.get(b"eni-1").expect("it was inserted");
        assert_eq!(view.description().map(str::len), Some(65_534));
    }

    #[test]
    fn tables_are_equal_if_their_interfaces_are() {
        let table =
            |interfaces: &[NetworkInterface]| -> InterfaceTable { interfaces.iter().collect() };
        let [one, other] = ["eni-1", "eni-2"].map(|id| interface(id, "vpc-1", &["10.0.0.5"]));
        let moved = interface("eni-1", "vpc-1", &["10.0.0.6"]);
        let both = table(&[one.clone(), other.clone()]);
        assert_eq!(both, table(&[one.clone(), other.clone()]));
        for different in [&[one.clone()][..], &[one, moved.clone()], &[moved, other]] {
            assert_ne!(both, table(different));
        }
        assert!(InterfaceTable::new().is_empty() && !both.is_empty());
    }

    /// The bounds hold the values, their entries in lists and an index, and no more than the room of a half-full index.
    #[test]
    fn octets_of_a_table_grow_with_each_kind_of_value() {
        const COUNT: u32 = 10_000;
        let octets = |interfaces: &[NetworkInterface]| {
            let table: InterfaceTable = interfaces.iter().collect();
            table.octets()
        };
        let one = |change: &dyn Fn(&mut NetworkInterface)| {
            let mut interface = interface("eni-1", "vpc-1", &[]);
            let before = octets(std::slice::from_ref(&interface));
            change(&mut interface);
            octets(&[interface]) - before
        };
        let many = |subnet: &dyn Fn(u32) -> String| {
            let interfaces: Vec<_> = (0..COUNT)
                .map(|number| NetworkInterface {
                    subnet: Some(subnet(number)),
                    ..interface(&format!("eni-{number:016}"), "vpc-1", &[])
                })
                .collect();
            octets(&interfaces)
        };
        let ipv4 =
            |own: &mut NetworkInterface| own.addresses = (0..COUNT).map(Address::v4).collect();
        let ipv6 = |own: &mut NetworkInterface| {
            own.addresses = (0..COUNT).map(|bits| Address::v6(bits.into())).collect();
        };
        let prefixes = |own: &mut NetworkInterface| {
            let prefix = |bits: u32| (Address::v4(bits << 4).into(), 28);
            own.prefixes = (0..COUNT).map(prefix).collect();
        };
        let text = |own: &mut NetworkInterface| own.name = Some("a".repeat(COUNT as usize));
        let subnets = many(&|number| format!("{number:020}")) - many(&|_| "0".repeat(20));
        let index = (5, 12);
        for (kind, grown, own, (least, most)) in [
            ("IPv4 addresses", one(&ipv4), 4 + 8, index),
            ("IPv6 addresses", one(&ipv6), 16 + 8, index),
            (
                "prefixes",
                one(&prefixes),
                size_of::<DelegatedPrefix>() + 8,
                index,
            ),
            ("a name", one(&text), 1, (0, 0)),
            ("subnets", subnets, 16 + 20, index),
            (
                "interfaces",
                many(&|_| String::new()),
                size_of::<Entry>() + 20,
                index,
            ),
        ] {
            let count = COUNT as usize;
            let bounds = count * (own + least) - 64..=count * (own + most) + 640;
            assert!(
                bounds.contains(&grown),
                "{kind}: {grown} octets, not {bounds:?}"
            );
        }
    }

    #[test]
    fn memory_reserved_for_more_interfaces_is_given_back() {
        let mut table = InterfaceTable::new();
        for number in 0..5 {
            table.insert(&interface(&format!("eni-{number}"), "vpc-1", &["10.0.0.5"]));
        }
        let before = table.octets();
        table.shrink_to_fit();
        assert!(table.octets() < before);
        assert_eq!(table.entries.capacity(), 5);
    }
}
