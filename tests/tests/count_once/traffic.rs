//! Packets on the way through a network, and the sights of each packet.
//!
//! A packet's way is a row of legs: from interface to interface. Both ends may be observed, under different addresses
//! (a secondary address is recorded as the primary address; a packet to a NAT gateway has another destination). The
//! sights of a leg's ends, and the sight that ought to count, are in `leg`.

mod leg;

use std::net::IpAddr;

use crate::network::Network;
use crate::random::Random;
use crate::sight::{Fate, Place, Seen, Sent, Sight, Tuple};

/// Port of the collector.
pub(crate) const COLLECTOR_PORT: u16 = 4739;

/// Difference of a NAT gateway's source ports from the clients' ports.
const NAT_PORTS: u16 = 20_000;

/// Address of the regional NAT gateway in the internet.
const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 99));

const INTERNET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5));

/// Security rules that a conversation meets.
#[derive(Debug, Clone, Copy)]
enum Rules {
    Accept,
    RejectAtSource,
    RejectAtDestination,
    /// The rules are changed now and then.
    Change,
}

/// The traffic of a network.
#[derive(Debug, Default)]
pub(crate) struct Traffics {
    pub(crate) seen: Vec<Seen>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) collector: Option<IpAddr>,
}

struct Simulation<'a> {
    network: &'a Network,
    random: &'a mut Random,
    duration: u64,
    traffic: Traffics,
}

/// A request behind a NAT gateway of this address.
fn translated(inside: Tuple, source: IpAddr) -> Tuple {
    Tuple {
        source,
        source_port: inside.source_port + NAT_PORTS,
        ..inside
    }
}

/// Sends packets for this many seconds.
pub(crate) fn simulate(network: &Network, random: &mut Random, duration: u64) -> Traffics {
    let mut simulation = Simulation {
        network,
        random,
        duration,
        traffic: Traffics::default(),
    };
    let collector = network
        .enis
        .iter()
        .position(|eni| eni.vpc == 0 && eni.exists && eni.is_known);
    simulation.traffic.collector = collector.map(|eni| network.enis[eni].primary());
    for number in 0..8 + simulation.random.index(16) {
        let port = 10_000 + u16::try_from(number).expect("small");
        simulation.conversation(port);
    }
    if let Some(collector) = collector {
        simulation.export_flows(collector);
    }
    simulation.traffic
}

impl Simulation<'_> {
    fn conversation(&mut self, port: u16) {
        let network = self.network;
        let existing: Vec<usize> = (0..network.enis.len())
            .filter(|&eni| self.is_endpoint(eni))
            .collect();
        if existing.is_empty() {
            return;
        }
        let from = *self.random.pick(&existing);
        let others: Vec<usize> = existing.iter().copied().filter(|&to| to != from).collect();
        let vpc = network.enis[from].vpc;
        let in_vpc = |wanted: usize| {
            others
                .iter()
                .copied()
                .filter(|&to| network.enis[to].vpc == wanted)
                .collect::<Vec<_>>()
        };
        let (here, there) = (in_vpc(vpc), in_vpc(1 - vpc.min(1)));
        match self.random.index(10) {
            0..=3 if !here.is_empty() => {
                let to = *self.random.pick(&here);
                self.within_a_vpc(from, to, port);
            }
            4 | 5
                if vpc < 2
                    && !there.is_empty()
                    && (network.is_peered || network.gateway.is_some()) =>
            {
                let to = *self.random.pick(&there);
                match network.gateway {
                    Some(gateway) if !network.is_peered || self.random.percent(50) => {
                        self.through_the_gateway(from, to, gateway, port);
                    }
                    _ => self.through_the_peering(from, to, port),
                }
            }
            6 | 7 => match network.nat {
                Some(nat) if vpc == 0 => self.through_nat(from, nat, port),
                None if vpc == 0 && network.has_regional_nat => {
                    self.through_regional_nat(from, port);
                }
                _ => self.with_the_internet(from, port),
            },
            8 if self.random.percent(50) => self.vanish(from, port),
            8 => self.ask_time(from, port),
            _ => self.with_the_internet(from, port),
        }
    }

    /// Interfaces that send and receive; interfaces of gateways only forward.
    fn is_endpoint(&self, eni: usize) -> bool {
        let forwards = self.network.nat == Some(eni)
            || self.network.gateway.is_some_and(|both| both.contains(&eni));
        self.network.enis[eni].exists && !forwards
    }

    fn within_a_vpc(&mut self, from: usize, to: usize, port: u16) {
        let Some(tuple) = self.tuple_between(from, to, port) else {
            return;
        };
        let rules = self.rules();
        for (tuple, from, to) in [(tuple, from, to), (tuple.back(), to, from)] {
            let mut sent = Sent {
                tuple,
                accepted: 0,
                rejected: 0,
            };
            for (at, octets) in self.packets() {
                let (leaves, arrives) = self.verdicts(rules);
                self.leave(
                    from,
                    tuple,
                    leaves,
                    self.fate_of_leg(from, to, tuple),
                    at,
                    octets,
                );
                if leaves {
                    self.arrive(to, tuple, arrives, at, octets);
                }
                if leaves && arrives {
                    sent.accepted += octets;
                } else {
                    sent.rejected += octets;
                }
            }
            self.traffic.sent.push(sent);
        }
    }

    fn export_flows(&mut self, to: usize) {
        let others = (0..self.network.enis.len()).filter(|&eni| eni != to && self.is_endpoint(eni));
        let Some(from) = others
            .into_iter()
            .find(|&eni| self.network.enis[eni].vpc == 0)
        else {
            return;
        };
        let tuple = Tuple {
            source: self.network.enis[from].primary(),
            destination: self.network.enis[to].primary(),
            source_port: 50_000,
            destination_port: COLLECTOR_PORT,
            protocol: 17,
        };
        for (at, octets) in self.packets() {
            let fate = self.fate_of_leg(from, to, tuple);
            self.leave(from, tuple, true, fate, at, octets);
            self.arrive(to, tuple, true, at, octets);
        }
    }

    /// A time server answers each address of an interface at once: AWS writes the primary address for all.
    fn ask_time(&mut self, to: usize, port: u16) {
        let addresses = self.network.enis[to].addresses.clone();
        let at = self.random.within(0..self.duration);
        for destination in addresses.into_iter().filter(IpAddr::is_ipv4) {
            let tuple = Tuple {
                source: INTERNET,
                destination,
                source_port: 123,
                destination_port: port,
                protocol: 17,
            };
            self.arrive(to, tuple, true, at, 76);
        }
    }

    /// Sends to an address of the VPC that no interface has, or has any more.
    fn vanish(&mut self, from: usize, port: u16) {
        let network = self.network;
        let vpc = network.enis[from].vpc;
        let gone = (0..network.enis.len())
            .find(|&eni| !network.enis[eni].exists && network.enis[eni].vpc == vpc);
        let (destination, fate) = match gone {
            // By the inventory somebody may see the packet there: the limit in docs/deduplication.md.
            Some(gone) => (
                network.enis[gone].primary(),
                Fate::CountsAtItsDestination(gone),
            ),
            None => {
                let IpAddr::V4(own) = network.enis[from].primary() else {
                    return;
                };
                let [a, b, c, _] = own.octets();
                (IpAddr::from([a, b, c, 250]), Fate::Counts)
            }
        };
        let tuple = Tuple {
            source: network.enis[from].primary(),
            destination,
            source_port: port,
            destination_port: 443,
            protocol: 6,
        };
        for (at, octets) in self.packets() {
            self.leave(from, tuple, true, fate, at, octets);
        }
    }

    fn with_the_internet(&mut self, from: usize, port: u16) {
        let tuple = self.request(from, port);
        let rules = self.rules();
        let mut out = Sent {
            tuple,
            accepted: 0,
            rejected: 0,
        };
        for (at, octets) in self.packets() {
            let (accepted, _) = self.verdicts(rules);
            self.leave(from, tuple, accepted, Fate::Counts, at, octets);
            *if accepted {
                &mut out.accepted
            } else {
                &mut out.rejected
            } += octets;
        }
        let mut back = Sent {
            tuple: tuple.back(),
            accepted: 0,
            rejected: 0,
        };
        for (at, octets) in self.packets() {
            let (_, accepted) = self.verdicts(rules);
            self.arrive(from, tuple.back(), accepted, at, octets);
            *if accepted {
                &mut back.accepted
            } else {
                &mut back.rejected
            } += octets;
        }
        self.traffic.sent.extend([out, back]);
    }

    /// A request of an interface to the internet.
    fn request(&self, from: usize, port: u16) -> Tuple {
        Tuple {
            source: self.network.enis[from].primary(),
            destination: INTERNET,
            source_port: port,
            destination_port: 443,
            protocol: 6,
        }
    }

    fn through_nat(&mut self, from: usize, nat: usize, port: u16) {
        let inside = self.request(from, port);
        let outside = translated(inside, self.network.enis[nat].primary());
        for (at, octets) in self.packets() {
            // To the sender this is a flow to the internet, to the gateway a flow to the gateway.
            self.leave(from, inside, true, Fate::Counts, at, octets);
            self.arrive(nat, inside, true, at, octets);
            self.leave(nat, outside, true, Fate::Counts, at, octets);
        }
        for (at, octets) in self.packets() {
            self.arrive(nat, outside.back(), true, at, octets);
            self.leave(
                nat,
                inside.back(),
                true,
                self.fate_of_leg(nat, from, inside.back()),
                at,
                octets,
            );
            self.arrive(from, inside.back(), true, at, octets);
        }
    }

    /// A regional NAT gateway is observed without an interface, by the addresses of the packets.
    fn through_regional_nat(&mut self, from: usize, port: u16) {
        let inside = self.request(from, port);
        let outside = translated(inside, PUBLIC);
        for (at, octets) in self.packets() {
            self.leave(from, inside, true, Fate::Counts, at, octets);
            self.pass_regional_nat(inside, outside, Fate::Counts, at, octets);
        }
        for (at, octets) in self.packets() {
            let fate = Fate::CountsAtItsDestination(from);
            self.pass_regional_nat(outside.back(), inside.back(), fate, at, octets);
            self.arrive(from, inside.back(), true, at, octets);
        }
    }

    fn through_the_peering(&mut self, from: usize, to: usize, port: u16) {
        let Some(tuple) = self.tuple_between(from, to, port) else {
            return;
        };
        let rules = self.rules();
        for (at, octets) in self.packets() {
            let (leaves, arrives) = self.verdicts(rules);
            self.leave(from, tuple, leaves, Fate::Counts, at, octets);
            if leaves {
                self.arrive(to, tuple, arrives, at, octets);
            }
        }
    }

    fn through_the_gateway(&mut self, from: usize, to: usize, gateway: [usize; 2], port: u16) {
        let tuple = Tuple {
            source: self.network.enis[from].primary(),
            destination: self.network.enis[to].primary(),
            source_port: port,
            destination_port: 443,
            protocol: 6,
        };
        let (near, far) = (self.network.enis[from].vpc, self.network.enis[to].vpc);
        let is_lost = self.random.percent(20);
        let leaving = if self.network.is_whole_gateway_observed() {
            Fate::CountsWhereItEnters
        } else {
            Fate::Counts
        };
        for (at, octets) in self.packets() {
            self.leave(from, tuple, true, Fate::Counts, at, octets);
            self.arrive(gateway[near], tuple, true, at, octets);
            let sight = Sight {
                place: Place::Attachment(near),
                is_leaving: false,
                is_accepted: true,
                tuple,
                packet_source: tuple.source,
                packet_destination: tuple.destination,
                is_lost,
                is_collectors: false,
                fate: Fate::Counts,
            };
            self.traffic.seen.push(Seen { sight, at, octets });
            if is_lost {
                continue;
            }
            let sight = Sight {
                place: Place::Attachment(far),
                is_leaving: true,
                fate: leaving,
                ..sight
            };
            self.traffic.seen.push(Seen { sight, at, octets });
            self.leave(
                gateway[far],
                tuple,
                true,
                self.fate_of_leg(gateway[far], to, tuple),
                at,
                octets,
            );
            self.arrive(to, tuple, true, at, octets);
        }
    }

    /// A 5-tuple between addresses of one family.
    fn tuple_between(&mut self, from: usize, to: usize, port: u16) -> Option<Tuple> {
        let (from, to) = (&self.network.enis[from], &self.network.enis[to]);
        let protocol = *self.random.pick(&[6, 6, 17, 1]);
        (0..8).find_map(|_| {
            let (source, destination) =
                (from.any_address(self.random), to.any_address(self.random));
            let ports = if protocol == 1 { (0, 0) } else { (port, 443) };
            (source.is_ipv4() == destination.is_ipv4()).then_some(Tuple {
                source,
                destination,
                source_port: ports.0,
                destination_port: ports.1,
                protocol,
            })
        })
    }

    fn rules(&mut self) -> Rules {
        *self.random.pick(&[
            Rules::Accept,
            Rules::Accept,
            Rules::Accept,
            Rules::RejectAtSource,
            Rules::RejectAtDestination,
            Rules::Change,
        ])
    }

    /// Tells whether a packet may leave, and whether a packet may enter.
    fn verdicts(&mut self, rules: Rules) -> (bool, bool) {
        match rules {
            Rules::Accept => (true, true),
            Rules::RejectAtSource => (false, true),
            Rules::RejectAtDestination => (true, false),
            Rules::Change => (self.random.percent(70), self.random.percent(70)),
        }
    }

    /// Times and sizes of some packets of one direction, within a while.
    fn packets(&mut self) -> Vec<(u64, u64)> {
        let begin = self.random.within(0..self.duration);
        let length = self.random.within(1..self.duration / 2);
        (0..self.random.index(20))
            .map(|_| {
                let at = begin + self.random.within(0..length);
                (at.min(self.duration), self.random.within(28..60_000))
            })
            .collect()
    }
}
