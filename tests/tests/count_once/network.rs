//! A random network: VPCs, subnets, interfaces, a NAT gateway, a transit gateway, peering, and its flow logs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use flowlogs_core::network::{
    AccountRegion, Destination, FlowLog, GatewayAttachment, InterfaceTable, Inventory,
    NetworkInterface, TrafficType, TransitGateway, Vpc,
};

use crate::flow_logs::{BEGIN, Log, Resource, SHORT_FORMAT, Target};
use crate::random::Random;

/// The owner of the VPCs, and an account that takes part.
pub(crate) const ACCOUNTS: [&str; 2] = ["123456789012", "210987654321"];

pub(crate) const REGION: &str = "eu-central-1";

/// The log group or bucket that is transcoded.
pub(crate) const HERE: &str = "/vpc/flow-logs";

pub(crate) const GATEWAY: &str = "tgw-0123456789abcdef0";

pub(crate) const REGIONAL_NAT: &str = "nat-0123456789abcdef0";

/// A network interface, or the memory of one.
#[derive(Debug, Clone)]
pub(crate) struct Eni {
    pub(crate) id: String,
    pub(crate) vpc: usize,
    pub(crate) subnet: usize,
    /// Primary IPv4, secondary IPv4, IPv6.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) prefixes: Vec<(IpAddr, u8)>,
    /// True if in the inventory; false for an interface younger than the inventory.
    pub(crate) is_known: bool,
    /// True if existing; false for an interface that has vanished since.
    pub(crate) exists: bool,
    /// Begin of the capture windows, in seconds of the minute.
    pub(crate) window: u64,
    /// Owner account: 0 owns the VPCs, 1 takes part in a shared VPC.
    pub(crate) account: usize,
}

impl Eni {
    pub(crate) fn primary(&self) -> IpAddr {
        self.addresses[0]
    }

    /// A reachable address of any kind.
    pub(crate) fn any_address(&self, random: &mut Random) -> IpAddr {
        let mut all = self.addresses.clone();
        for &(first, _) in &self.prefixes {
            let host = random.within(0..16);
            all.push(match first {
                IpAddr::V4(first) => {
                    Ipv4Addr::from_bits(first.to_bits() + u32::try_from(host).expect("small"))
                        .into()
                }
                IpAddr::V6(first) => {
                    Ipv6Addr::from_bits(first.to_bits() + (u128::from(host) << 20)).into()
                }
            });
        }
        *random.pick(&all)
    }

    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
            || self.prefixes.iter().any(|prefix| match (prefix, address) {
                (&(IpAddr::V4(first), 28), IpAddr::V4(address)) => {
                    first.to_bits() >> 4 == address.to_bits() >> 4
                }
                (&(IpAddr::V6(first), 80), IpAddr::V6(address)) => {
                    first.to_bits() >> 48 == address.to_bits() >> 48
                }
                _ => false,
            })
    }
}

/// A network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) vpcs: usize,
    pub(crate) enis: Vec<Eni>,
    /// The interface of the NAT gateway, in VPC 0.
    pub(crate) nat: Option<usize>,
    /// VPC 0 has a regional NAT gateway.
    pub(crate) has_regional_nat: bool,
    /// The gateway's interfaces in VPC 0 and VPC 1.
    pub(crate) gateway: Option<[usize; 2]>,
    /// VPC 0 and VPC 1 are peered.
    pub(crate) is_peered: bool,
    pub(crate) logs: Vec<Log>,
    /// The flow logs deliver to a bucket, each in objects of its own, and not to a log group.
    pub(crate) is_bucket: bool,
}

impl Network {
    /// A network whose every interface is known, exists, and is observed for all traffic; or one where anything may be.
    pub(crate) fn random(random: &mut Random, is_clean: bool) -> Self {
        let vpcs = 1 + random.index(3);
        let mut enis = Vec::new();
        for vpc in 0..vpcs {
            // The third VPC uses the first one's addresses again and is connected to nothing.
            let net = u8::try_from(vpc % 2).expect("small");
            for subnet in 0..1 + random.index(2) {
                for host in 0..1 + random.index(4) {
                    let mut eni = random_eni(random, enis.len(), vpc, subnet, net, host);
                    if !is_clean {
                        eni.is_known = random.percent(95);
                        eni.exists = !eni.is_known || random.percent(95);
                    }
                    enis.push(eni);
                }
            }
        }
        let mut plain = |vpc: usize, host: u8, random: &mut Random| {
            let net = u8::try_from(vpc).expect("small");
            let address = IpAddr::from([10, net, 0, host]);
            enis.push(Eni {
                id: format!("eni-{:017x}", enis.len()),
                vpc,
                subnet: 0,
                addresses: vec![address],
                prefixes: Vec::new(),
                is_known: true,
                exists: true,
                window: random.within(0..60),
                account: 0,
            });
            enis.len() - 1
        };
        let nat = random.percent(50).then(|| plain(0, 220, random));
        let gateway =
            (vpcs > 1 && random.percent(60)).then(|| [0, 1].map(|vpc| plain(vpc, 221, random)));
        let mut network = Self {
            vpcs,
            enis,
            nat,
            has_regional_nat: random.percent(30),
            gateway,
            is_peered: vpcs > 1 && random.percent(50),
            logs: Vec::new(),
            is_bucket: random.percent(40),
        };
        network.add_logs(random, is_clean);
        network
    }

    fn add_logs(&mut self, random: &mut Random, is_clean: bool) {
        let mut subnets: Vec<_> = self.enis.iter().map(|eni| (eni.vpc, eni.subnet)).collect();
        subnets.sort_unstable();
        subnets.dedup();
        for vpc in 0..self.vpcs {
            let of_vpc = subnets.iter().filter(|&&(of, _)| of == vpc);
            let logs = Log::of_vpc(vpc, of_vpc.map(|&(_, subnet)| subnet), random, is_clean);
            self.logs.extend(logs);
        }
        self.add_doubled_logs(&subnets, random, is_clean);
        self.add_short_logs(random, is_clean);
        if self.gateway.is_some() {
            if is_clean || random.percent(60) {
                self.logs.push(Log::of_gateway(Resource::Gateway, random));
            }
            for vpc in 0..2 {
                if random.percent(30) {
                    self.logs
                        .push(Log::of_gateway(Resource::Attachment(vpc), random));
                }
            }
        }
    }

    /// Adds up to three flow logs on observed interfaces: records are there several times.
    fn add_doubled_logs(
        &mut self,
        subnets: &[(usize, usize)],
        random: &mut Random,
        is_clean: bool,
    ) {
        for _ in 0..random.index(4) {
            let resource = match random.index(3) {
                0 => Resource::Vpc(random.index(self.vpcs)),
                1 => {
                    let &(vpc, subnet) = random.pick(subnets);
                    Resource::Subnet(vpc, subnet)
                }
                _ => Resource::Interface(random.index(self.enis.len())),
            };
            let traffic = *random.pick(&[
                Some(TrafficType::All),
                None,
                Some(TrafficType::Accept),
                Some(TrafficType::Reject),
            ]);
            self.logs
                .push(Log::random(resource, traffic, random, is_clean));
        }
    }

    /// Adds flow logs without ports, never preferred, on VPCs that are observed as a whole.
    fn add_short_logs(&mut self, random: &mut Random, is_clean: bool) {
        for vpc in 0..self.vpcs {
            let is_whole = |log: &Log| {
                log.resource == Resource::Vpc(vpc)
                    && log.traffic == Some(TrafficType::All)
                    && log.target == Target::Here
                    && !log.is_failing
                    && log.created.is_none()
                    && log.deleted.is_none()
            };
            if self.logs.iter().any(is_whole) && random.percent(30) {
                self.logs.push(Log {
                    format: SHORT_FORMAT,
                    created: None,
                    deleted: None,
                    ..Log::random(Resource::Vpc(vpc), None, random, is_clean)
                });
            }
        }
    }

    /// The flow logs that observe an interface and deliver here, by number.
    pub(crate) fn logs_of(&self, eni: usize) -> impl Iterator<Item = (usize, &Log)> {
        let Eni { vpc, subnet, .. } = self.enis[eni];
        let observes = move |log: &Log| {
            let own = [
                Resource::Vpc(vpc),
                Resource::Subnet(vpc, subnet),
                Resource::Interface(eni),
            ];
            own.contains(&log.resource)
        };
        self.logs_here().filter(move |(_, log)| observes(log))
    }

    /// The flow logs that observe this VPC's attachment and deliver here, by number.
    pub(crate) fn logs_of_attachment(&self, vpc: usize) -> impl Iterator<Item = (usize, &Log)> {
        self.logs_here().filter(move |(_, log)| {
            [Resource::Gateway, Resource::Attachment(vpc)].contains(&log.resource)
        })
    }

    /// The flow logs that observe the regional NAT gateway and deliver here, by number.
    pub(crate) fn logs_of_regional_nat(&self) -> impl Iterator<Item = (usize, &Log)> {
        self.logs_here()
            .filter(|(_, log)| log.resource == Resource::Vpc(0))
    }

    fn logs_here(&self) -> impl Iterator<Item = (usize, &Log)> {
        let logs = self.logs.iter().enumerate();
        logs.filter(|(_, log)| log.target == Target::Here && !log.is_failing)
    }

    pub(crate) fn is_whole_gateway_observed(&self) -> bool {
        self.logs
            .iter()
            .any(|log| log.resource == Resource::Gateway)
    }

    /// The destination of the records that are transcoded.
    pub(crate) fn destination(&self) -> Destination {
        self.destination_of(Target::Here)
    }

    fn destination_of(&self, target: Target) -> Destination {
        let group = |name| {
            let group = Destination::log_group(name);
            group.in_account(Some(ACCOUNTS[0])).in_region(Some(REGION))
        };
        let bucket = |name, prefix| Destination::bucket(name).with_prefix(Some(prefix));
        match (target, self.is_bucket) {
            (Target::Here, false) | (Target::OfAnotherKind, true) => group(HERE),
            (Target::Here, true) | (Target::OfAnotherKind, false) => bucket(HERE, "flows"),
            (Target::NamedAlike, false) => group(HERE).in_account(Some(ACCOUNTS[1])),
            (Target::NamedAlike, true) => bucket(HERE, "others"),
            (Target::Elsewhere, _) => group("elsewhere"),
        }
    }

    /// Result of a look-up: everything known, not everything existing.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::new();
        // The owner of a VPC sees all interfaces within, an account that takes part only owned interfaces.
        for (account, name) in ACCOUNTS.iter().enumerate() {
            let known = self.enis.iter().filter(|eni| eni.is_known);
            let seen = known.filter(|eni| account == 0 || eni.account == account);
            let table: InterfaceTable = seen.map(described).collect::<Vec<_>>().iter().collect();
            let scope = AccountRegion::new(name, REGION);
            inventory.insert_asked(scope.clone());
            inventory.set_interfaces(Some(scope), Arc::new(table));
        }
        for vpc in 0..self.vpcs {
            inventory.insert_vpc(Vpc {
                id: vpc_id(vpc),
                name: None,
                owner: Some(ACCOUNTS[0].to_owned()),
            });
        }
        if self.gateway.is_some() {
            inventory.insert_gateway(TransitGateway {
                id: GATEWAY.to_owned(),
                name: None,
            });
            for vpc in 0..2 {
                inventory.insert_attachment(GatewayAttachment {
                    id: attachment_id(vpc),
                    gateway: Some(GATEWAY.to_owned()),
                    resource_type: Some("vpc".to_owned()),
                    resource: Some(vpc_id(vpc)),
                    ..GatewayAttachment::default()
                });
            }
        }
        for log in &self.logs {
            let milliseconds = |seconds| (BEGIN + seconds) * 1_000;
            inventory.insert_flow_log(FlowLog {
                id: log.id.clone(),
                resource: match log.resource {
                    Resource::Vpc(vpc) => vpc_id(vpc),
                    Resource::Subnet(vpc, subnet) => subnet_id(vpc, subnet),
                    Resource::Interface(eni) => self.enis[eni].id.clone(),
                    Resource::Gateway => GATEWAY.to_owned(),
                    Resource::Attachment(vpc) => attachment_id(vpc),
                },
                traffic: log.traffic.unwrap_or_default(),
                destination: Some(self.destination_of(log.target)),
                format: Some(log.format.to_owned()),
                failing: log.is_failing,
                created: log.created.map(|(created, _)| milliseconds(created)),
                as_of: Some(milliseconds(24 * 3_600)),
                last_seen: log.deleted.map(|(seen, _)| milliseconds(seen)),
                ..FlowLog::default()
            });
        }
        inventory
    }
}

/// An interface in EC2's description.
fn described(eni: &Eni) -> NetworkInterface {
    NetworkInterface {
        id: eni.id.clone(),
        subnet: Some(subnet_id(eni.vpc, eni.subnet)),
        vpc: Some(vpc_id(eni.vpc)),
        owner: Some(ACCOUNTS[eni.account].to_owned()),
        addresses: eni
            .addresses
            .iter()
            .map(|&address| address.into())
            .collect(),
        prefixes: eni.prefixes.clone(),
        ..NetworkInterface::default()
    }
}

fn random_eni(
    random: &mut Random,
    number: usize,
    vpc: usize,
    subnet: usize,
    net: u8,
    host: usize,
) -> Eni {
    let place = u8::try_from(subnet).expect("small");
    let host = u8::try_from(host).expect("small");
    let v4 = |last: u8| IpAddr::from([10, net, place, last]);
    let v6 = |prefix: u16, last: u16| {
        IpAddr::from([0x2001, 0xdb8, net.into(), place.into(), prefix, 0, 0, last])
    };
    let mut addresses = vec![v4(10 + host)];
    for secondary in 0..random.index(3) {
        addresses.push(v4(30 + 4 * host + u8::try_from(secondary).expect("small")));
    }
    if random.percent(40) {
        addresses.push(v6(0, 10 + u16::from(host)));
    }
    let mut prefixes = Vec::new();
    if random.percent(20) {
        prefixes.push((v4(128 + 16 * host), 28));
        if addresses.iter().any(IpAddr::is_ipv6) {
            prefixes.push((v6(1 + u16::from(host), 0), 80));
        }
    }
    Eni {
        id: format!("eni-{number:017x}"),
        vpc,
        subnet,
        addresses,
        prefixes,
        is_known: true,
        exists: true,
        window: random.within(0..60),
        account: usize::from(random.percent(20)),
    }
}

pub(crate) fn vpc_id(vpc: usize) -> String {
    format!("vpc-{vpc:017x}")
}

pub(crate) fn subnet_id(vpc: usize, subnet: usize) -> String {
    format!("subnet-{vpc:08x}{subnet:09x}")
}

pub(crate) fn attachment_id(vpc: usize) -> String {
    format!("tgw-attach-{vpc:017x}")
}
