//! Flow logs of a random network: observed resources, destinations, formats.

use flowlogs_core::LogFormat;
use flowlogs_core::network::{SETTLING, TrafficType};

use crate::random::Random;

/// When the simulation begins, seconds since 1970.
pub(crate) const BEGIN: u64 = 1_763_715_600;

/// A format without ports.
pub(crate) const SHORT_FORMAT: &str = "${interface-id} ${account-id} ${srcaddr} ${dstaddr} ${bytes} ${packets} ${start} ${end} \
    ${action}";

/// Formats of VPC flow logs: without direction and VPC, with everything, and one in an odd order without packet addresses.
pub(crate) const VPC_FORMATS: [&str; 3] = [
    LogFormat::VPC_DEFAULT,
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} \
        ${start} ${end} ${action} ${log-status} ${vpc-id} ${subnet-id} ${tcp-flags} ${type} ${pkt-srcaddr} ${pkt-dstaddr} \
        ${region} ${flow-direction} ${resource-id}",
    "${flow-direction} ${vpc-id} ${interface-id} ${account-id} ${dstaddr} ${srcaddr} ${dstport} ${srcport} ${protocol} \
        ${bytes} ${packets} ${end} ${start} ${action} ${log-status}",
];

/// Formats of transit gateway flow logs: with and without a direction.
pub(crate) const GATEWAY_FORMATS: [&str; 2] = [
    LogFormat::TRANSIT_GATEWAY_DEFAULT,
    "${tgw-id} ${tgw-attachment-id} ${tgw-pair-attachment-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id} ${srcaddr} ${dstaddr} \
        ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${log-status} ${packets-lost-blackhole}",
];

/// Aggregation intervals of flow logs, in seconds. Transit gateways have the first one only.
pub(crate) const INTERVALS: [u64; 2] = [60, 600];

/// Observed resource of a flow log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Vpc(usize),
    Subnet(usize, usize),
    Interface(usize),
    Gateway,
    /// The attachment of this VPC.
    Attachment(usize),
}

/// Destination of a flow log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// To the log group or bucket that is transcoded.
    Here,
    /// To a log group of equal name in another account, or to a separate prefix.
    NamedAlike,
    /// To a bucket with the name of the log group, or the reverse.
    OfAnotherKind,
    Elsewhere,
}

/// A flow log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) id: String,
    pub(crate) resource: Resource,
    pub(crate) traffic: Option<TrafficType>,
    pub(crate) target: Target,
    pub(crate) is_failing: bool,
    pub(crate) format: &'static str,
    /// Length of its capture windows in seconds.
    pub(crate) interval: u64,
    /// Seconds since the simulation began: creation, and first record of the flow log.
    pub(crate) created: Option<(u64, u64)>,
    /// Seconds since the simulation began: last sight in the inventory, and deletion of the flow log.
    pub(crate) deleted: Option<(u64, u64)>,
}

impl Log {
    pub(crate) fn random(
        resource: Resource,
        traffic: Option<TrafficType>,
        random: &mut Random,
        is_clean: bool,
    ) -> Self {
        let created = random.within(0..4_000);
        let seen = random.within(0..4_000);
        Self {
            id: format!("fl-{:017x}", random.next()),
            resource,
            traffic,
            target: match random.index(30) {
                0 if !is_clean => Target::NamedAlike,
                1 if !is_clean => Target::OfAnotherKind,
                2 if !is_clean => Target::Elsewhere,
                _ => Target::Here,
            },
            is_failing: !is_clean && random.percent(5),
            format: VPC_FORMATS[random.index(VPC_FORMATS.len())],
            interval: *random.pick(&INTERVALS),
            created: (!is_clean && random.percent(10))
                .then(|| (created, created + random.within(0..900))),
            deleted: (!is_clean && random.percent(10))
                .then(|| (seen, seen + random.within(0..300))),
        }
    }

    /// Flow logs of a VPC as a whole, of one kind of traffic or both, or of the VPC's subnets; perhaps none.
    pub(crate) fn of_vpc(
        vpc: usize,
        subnets: impl Iterator<Item = usize>,
        random: &mut Random,
        is_clean: bool,
    ) -> Vec<Self> {
        use TrafficType::{Accept, All, Reject};
        let whole = |traffic: TrafficType| (Resource::Vpc(vpc), Some(traffic));
        let observed = match random.index(if is_clean { 3 } else { 6 }) {
            0 => vec![whole(All)],
            1 => vec![whole(Accept), whole(Reject)],
            2 => subnets
                .map(|subnet| (Resource::Subnet(vpc, subnet), None))
                .collect(),
            3 => vec![whole(Accept)],
            4 => vec![whole(Reject)],
            _ => Vec::new(),
        };
        let logs = observed.into_iter();
        logs.map(|(resource, traffic)| Self::random(resource, traffic, random, is_clean))
            .collect()
    }

    pub(crate) fn of_gateway(resource: Resource, random: &mut Random) -> Self {
        Self {
            id: format!("fl-{:017x}", random.next()),
            resource,
            traffic: None,
            target: Target::Here,
            is_failing: false,
            format: GATEWAY_FORMATS[random.index(GATEWAY_FORMATS.len())],
            interval: INTERVALS[0],
            created: None,
            deleted: None,
        }
    }

    /// Tells whether records of this action and these times are written.
    pub(crate) fn writes(&self, is_accepted: bool, start: u64, end: u64) -> bool {
        self.records(is_accepted)
            && self.created.is_none_or(|(_, first)| start >= BEGIN + first)
            && self
                .deleted
                .is_none_or(|(_, deleted)| end < BEGIN + deleted)
    }

    /// Tells whether, by the inventory, records of this action and these times are surely written.
    pub(crate) fn is_relied_upon(&self, is_accepted: bool, start: u64, end: u64) -> bool {
        let settled = |created| BEGIN + created + SETTLING / 1_000;
        self.records(is_accepted)
            && self
                .created
                .is_none_or(|(created, _)| start >= settled(created))
            && self.deleted.is_none_or(|(seen, _)| end < BEGIN + seen)
    }

    fn records(&self, is_accepted: bool) -> bool {
        match self.traffic {
            None | Some(TrafficType::All) => true,
            Some(TrafficType::Accept) => is_accepted,
            Some(TrafficType::Reject) => !is_accepted,
            Some(TrafficType::Other) => false,
        }
    }

    /// Rank of the format: the smallest goes first.
    pub(crate) fn rank(&self) -> usize {
        let best = [
            VPC_FORMATS[1],
            VPC_FORMATS[2],
            VPC_FORMATS[0],
            GATEWAY_FORMATS[0],
            GATEWAY_FORMATS[1],
        ];
        let place = best.iter().position(|format| *format == self.format);
        place.unwrap_or(best.len())
    }
}
