//! Leg of a packet's way: the sights at departure and at arrival.
//!
//! Here the simulator also says what ought to count; the transcoder must find out from records alone.

use super::{COLLECTOR_PORT, Simulation};
use crate::sight::{Fate, Place, Seen, Sight, Tuple};

impl Simulation<'_> {
    /// A packet leaves an interface, or is held back there. AWS writes the interface's primary address where the source is
    /// not its own.
    pub(super) fn leave(
        &mut self,
        eni: usize,
        packet: Tuple,
        is_accepted: bool,
        fate: Fate,
        at: u64,
        octets: u64,
    ) {
        let source = if self.network.enis[eni].owns(packet.source) {
            packet.source
        } else {
            self.network.enis[eni].primary()
        };
        let sight = Sight {
            place: Place::Interface(eni),
            is_leaving: true,
            is_accepted,
            tuple: Tuple { source, ..packet },
            packet_source: packet.source,
            packet_destination: packet.destination,
            is_lost: false,
            is_collectors: self.is_collectors(packet),
            fate: if is_accepted { fate } else { Fate::Counts },
        };
        self.traffic.seen.push(Seen { sight, at, octets });
    }

    /// A packet arrives at an interface, or is rejected there. AWS writes the interface's primary IPv4 address, for any
    /// destination.
    pub(super) fn arrive(
        &mut self,
        eni: usize,
        packet: Tuple,
        is_accepted: bool,
        at: u64,
        octets: u64,
    ) {
        let destination = if packet.destination.is_ipv6() {
            packet.destination
        } else {
            self.network.enis[eni].primary()
        };
        let sight = Sight {
            place: Place::Interface(eni),
            is_leaving: false,
            is_accepted,
            tuple: Tuple {
                destination,
                ..packet
            },
            packet_source: packet.source,
            packet_destination: packet.destination,
            is_lost: false,
            is_collectors: self.is_collectors(packet),
            fate: Fate::Counts,
        };
        self.traffic.seen.push(Seen { sight, at, octets });
    }

    /// A packet enters the regional NAT gateway and leaves with translated addresses.
    pub(super) fn pass_regional_nat(
        &mut self,
        entering: Tuple,
        leaving: Tuple,
        fate: Fate,
        at: u64,
        octets: u64,
    ) {
        for (is_leaving, tuple, fate) in [(false, entering, Fate::Counts), (true, leaving, fate)] {
            let sight = Sight {
                place: Place::RegionalNat,
                is_leaving,
                is_accepted: true,
                tuple,
                packet_source: tuple.source,
                packet_destination: tuple.destination,
                is_lost: false,
                is_collectors: false,
                fate,
            };
            self.traffic.seen.push(Seen { sight, at, octets });
        }
    }

    fn is_collectors(&self, packet: Tuple) -> bool {
        packet.destination_port == COLLECTOR_PORT
            && self.traffic.collector == Some(packet.destination)
    }

    /// Returns the fate at the first end of a leg: if the far end is an interface of the same VPC and has the address, the
    /// packet counts at the far end.
    pub(super) fn fate_of_leg(&self, from: usize, to: usize, packet: Tuple) -> Fate {
        let (near, far) = (&self.network.enis[from], &self.network.enis[to]);
        if near.vpc == far.vpc && far.owns(packet.destination) {
            Fate::CountsAtItsDestination(to)
        } else {
            Fate::Counts
        }
    }
}
