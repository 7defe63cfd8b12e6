"""The flow-log formats of the cases, each under the name in the inventory and the cases.

A delivery does not name the columns of a flow log; DescribeFlowLogs does, here in `inventory.json`.
"""


def log_format(fields: str) -> str:
    """`version srcaddr` as AWS writes a format: `${version} ${srcaddr}`."""
    return " ".join(f"${{{field}}}" for field in fields.split())


# AWS's default (version 2, 14 columns).
DEFAULT = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

# All fields up to version 5 (29 columns) in the two orders that the console produces.
V5 = DEFAULT + (
    " vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr"
    " region az-id sublocation-type sublocation-id"
    " pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)
V5_ALPHABETICAL = " ".join(sorted(V5.split()))

# All 54 fields of version 11, in an order that somebody chose.
V11 = (
    "interface-tag interface-tag-2 instance-tag instance-tag-2 asg-tag asg-tag-2"
    " flow-direction traffic-path interface-type interface-id next-hop-interface-type next-hop-interface-id"
    " next-hop-vpc-id next-hop-subnet-id next-hop-az-id"
    " end start bytes packets tcp-flags protocol dstport srcport pkt-dstaddr dstaddr pkt-srcaddr srcaddr type"
    " reject-reason action log-status encryption-status resource-id pkt-dst-aws-service pkt-src-aws-service"
    " sublocation-id sublocation-type az-id region instance-id subnet-id vpc-id account-id version"
    " ecs-cluster-name ecs-cluster-arn ecs-service-name ecs-task-id ecs-task-arn ecs-task-definition-arn"
    " ecs-container-id ecs-second-container-id ecs-container-instance-id ecs-container-instance-arn"
)

# For the reject cases: the reason of a rejection (version 8).
REJECTS = DEFAULT + " vpc-id tcp-flags flow-direction reject-reason"

# Who is behind an interface, interface and packet addresses, and the way: the useful part of version 5.
PATHS = (
    "version account-id vpc-id instance-id interface-id flow-direction srcaddr dstaddr pkt-srcaddr pkt-dstaddr"
    " srcport dstport protocol tcp-flags packets bytes start end action log-status"
)

# The format of the NAT gateway example in the AWS documentation: no port, no time, no counter.
NAT_EXAMPLE = "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr"

# A regional NAT gateway has no interface (version 9).
REGIONAL_NAT = (
    "version account-id resource-id interface-id subnet-id instance-id vpc-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr"
    " srcport dstport protocol packets bytes start end flow-direction action log-status"
)

# The Elastic Container Service fields (version 7).
ECS = DEFAULT + (
    " flow-direction ecs-cluster-name ecs-cluster-arn ecs-service-name ecs-task-id ecs-task-arn ecs-task-definition-arn"
    " ecs-container-id ecs-second-container-id ecs-container-instance-id ecs-container-instance-arn"
)

# Two custom formats of one log group; the first has bytes before packets, as an example of AWS has.
SHORT = "version interface-id srcaddr dstaddr srcport dstport protocol bytes packets start end action log-status flow-direction"
LONG = (
    "start end version account-id region az-id vpc-id subnet-id interface-id flow-direction action tcp-flags protocol"
    " dstaddr dstport srcaddr srcport packets bytes log-status"
)

# For the unusual values.
UNUSUAL = DEFAULT + " tcp-flags pkt-srcaddr pkt-dstaddr encryption-status flow-direction interface-tag"
FUTURE = "version account-id interface-id future-field srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
NO_STATUS = "interface-id srcaddr dstaddr protocol packets bytes"
REASON_WITHOUT_ACTION = "interface-id flow-direction srcaddr dstaddr srcport dstport protocol packets bytes start end reject-reason"

# Transit gateways: AWS's default (version 6, 36 columns), and a choice in an odd order.
TGW = (
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id"
    " tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni"
    " tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes"
    " start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded"
    " packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service"
)
TGW_SUBSET = (
    "bytes packets packets-lost-mtu-exceeded packets-lost-no-route dstport srcport dstaddr srcaddr protocol"
    " tgw-pair-attachment-id tgw-attachment-id flow-direction end start tgw-id log-status"
)
