//! Random flow-log formats and lines: most possible in AWS, some wrong.

use std::net::{Ipv4Addr, Ipv6Addr};

use flowlogs_core::LogFormat;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const VPC: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
    action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type \
    sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path ecs-cluster-arn ecs-cluster-name \
    ecs-container-instance-arn ecs-container-instance-id ecs-container-id ecs-second-container-id ecs-service-name \
    ecs-task-definition-arn ecs-task-arn ecs-task-id reject-reason resource-id encryption-status instance-tag \
    instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type next-hop-interface-id \
    next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type a-field-of-next-year";

const GATEWAY: &str = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id \
    tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni \
    tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
    log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired \
    tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service";

/// Columns of a regular layout: a random subset would rarely contain all.
const USUAL: &str = "srcaddr dstaddr srcport dstport protocol packets bytes start end";

/// A format with lines.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) format: Vec<&'static str>,
    pub(crate) lines: Vec<String>,
}

impl Input {
    /// The format in AWS's form.
    pub(crate) fn format_string(&self) -> String {
        let columns: Vec<_> = self
            .format
            .iter()
            .map(|name| match *name {
                // `?` marks a field that the table does not have.
                "a-field-of-next-year" => format!("${{{name}?}}"),
                _ => format!("${{{name}}}"),
            })
            .collect();
        columns.join(" ")
    }
}

/// A random format with lines.
pub(crate) fn input() -> impl Strategy<Value = Input> {
    select(vec![VPC, GATEWAY])
        .prop_flat_map(format)
        .prop_flat_map(|format| {
            let line = format.iter().map(|field| token(field)).collect::<Vec<_>>();
            let line = line.prop_map(|tokens| tokens.join(" "));
            let damaged = (line.clone(), "[ -~]{0,6}").prop_map(|(line, rest)| line + &rest);
            let lines = prop::collection::vec(prop_oneof![30 => line, 1 => damaged], 1..16);
            (Just(format), lines)
        })
        .prop_map(|(format, lines)| Input { format, lines })
}

fn format(names: &'static str) -> impl Strategy<Value = Vec<&'static str>> {
    let names: Vec<&str> = names.split_whitespace().collect();
    let all = names.len();
    let some = subsequence(names, 1..=all);
    let and_usual = some.clone().prop_map(|mut some| {
        some.retain(|name| !USUAL.split(' ').any(|usual| usual == *name));
        some.extend(USUAL.split(' '));
        some
    });
    prop_oneof![some, and_usual]
        .prop_filter("an address or a counter", |names| {
            LogFormat::parse(&names.join(" ")).is_ok()
        })
        .prop_shuffle()
}

fn token(field: &'static str) -> BoxedStrategy<String> {
    prop_oneof![
        40 => suited(field),
        5 => Just("-".to_owned()),
        1 => "[!-~]{1,12}",
    ]
    .boxed()
}

fn suited(field: &'static str) -> BoxedStrategy<String> {
    let id = |prefix: &'static str| {
        // Few ids, so that ids repeat and names are cached; some longer than a name may be.
        prop_oneof![
            20 => (0_u32..6).prop_map(move |n| format!("{prefix}0123456789abcdef{n}")),
            1 => "[a-zé]{30,80}".prop_map(move |rest| format!("{prefix}{rest}")),
        ]
        .boxed()
    };
    match field {
        "account-id" => select(vec!["123456789012", "99999999999", "unknown"])
            .prop_map(str::to_owned)
            .boxed(),
        "interface-id" | "tgw-src-eni" | "tgw-dst-eni" => id("eni-"),
        "resource-id" => id("nat-"),
        "tgw-id" => id("tgw-"),
        "tgw-attachment-id" | "tgw-pair-attachment-id" => id("tgw-attach-"),
        "vpc-id" | "tgw-src-vpc-id" | "tgw-dst-vpc-id" => id("vpc-"),
        "instance-id" => id("i-"),
        "srcaddr" | "dstaddr" | "pkt-srcaddr" | "pkt-dstaddr" => address(),
        "srcport" | "dstport" => any::<u16>().prop_map(|port| port.to_string()).boxed(),
        "protocol" => prop_oneof![Just(6_u8), Just(17), any::<u8>()]
            .prop_map(|protocol| protocol.to_string())
            .boxed(),
        "tcp-flags" => any::<u8>().prop_map(|flags| flags.to_string()).boxed(),
        "packets" | "bytes" => counter(),
        field if field.starts_with("packets-lost") => {
            prop_oneof![3 => Just("0".to_owned()), 3 => (0_u64..9).prop_map(|n| n.to_string()), 1 => counter()].boxed()
        }
        "start" | "end" => prop_oneof![
            9 => 1_600_000_000_u64..1_800_000_000,
            1 => 1_600_000_000_000_u64..1_800_000_000_000,
            1 => select(vec![0, u64::from(u32::MAX), u64::from(u32::MAX) + 1, 4_294_967_295_999, 4_294_967_296_000]),
        ]
        .prop_map(|time| time.to_string())
        .boxed(),
        "action" => word("ACCEPT REJECT DEFER"),
        "log-status" => word("OK OK OK OK OK OK NODATA SKIPDATA INCOMPLETE"),
        "flow-direction" => word("ingress egress sideways"),
        "reject-reason" => word("BPA EC XX"),
        "region" => word("eu-central-1 us-east-1"),
        "pkt-src-aws-service" | "pkt-dst-aws-service" => {
            word("AMAZON S3 CLOUDFRONT_ORIGIN_FACING NEXT_YEARS_SERVICE")
        }
        _ => "[!-~é]{1,20}".boxed(),
    }
}

fn word(words: &'static str) -> BoxedStrategy<String> {
    select(words.split(' ').collect::<Vec<_>>())
        .prop_map(str::to_owned)
        .boxed()
}

fn address() -> BoxedStrategy<String> {
    let v4 = prop_oneof![(0_u32..4).prop_map(|n| 0x0a00_0000 + n), any::<u32>()];
    prop_oneof![
        9 => v4.prop_map(|bits| Ipv4Addr::from_bits(bits).to_string()),
        2 => any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).to_string()),
    ]
    .boxed()
}

/// Counters around changes of the encoding.
fn counter() -> BoxedStrategy<String> {
    let edges = [0, 1, u32::MAX.into(), (1 << 32), u64::MAX - 1, u64::MAX];
    prop_oneof![6 => 0_u64..1 << 20, 1 => select(edges.to_vec()), 1 => any::<u64>()]
        .prop_map(|count| count.to_string())
        .boxed()
}
