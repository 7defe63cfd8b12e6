"""VPC flow logs whose fields need a second look: version 11, rejections, NAT gateways, ECS tasks."""

from case import Case
from formats import *
from network import *

NO_ECS = "- " * 10
CART_ECS = (
    f"shop arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop cart 5c0ffee1d2b34a5f8e6d7c8b9a0f1e2d"
    f" arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/5c0ffee1d2b34a5f8e6d7c8b9a0f1e2d"
    f" arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/cart:17 5c0ffee1d2b34a5f8e6d7c8b9a0f1e2d-1527056392 - - -"
)
SEARCH_ECS = (
    f"shop arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop search 7e1beef0a9c84d6b8f5e4d3c2b1a0f9e"
    f" arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/7e1beef0a9c84d6b8f5e4d3c2b1a0f9e"
    f" arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/search:4"
    " 9c4e1b0a7d3f26581a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081"
    " 0d5f2c1b8e403769ab1c2d3e4f506172839a4b5c6d7e8f90a1b2c3d4e5f60718"
    f" 2f6e5d4c3b2a41908f7e6d5c4b3a2918 arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/shop/2f6e5d4c3b2a41908f7e6d5c4b3a2918"
)

CASES = [
    Case(
        "vpc-v11-odd-order",
        "all 54 fields of version 11 in an odd order: percent-encoded tags, interface types, next hops",
        f"""
        flow: web%20shop - K%C3%A4se%20%26%20Wein checkout%2Fblue shop-app - egress 1 - {APP_1} \
              nat_gateway {NAT} {PRODUCTION} {PUBLIC_A} euc1-az2 \
              1794924066 1794924010 3121 18 3 6 443 44200 203.0.113.80 203.0.113.80 10.20.1.20 10.20.1.20 IPv4 \
              - ACCEPT OK 2 - S3 - - - euc1-az2 eu-central-1 i-0e0d1c2b3a4958677 {APP_A} {PRODUCTION} 123456789012 11 {NO_ECS}
        flow: nat%3Aa - - - - - ingress - nat_gateway {NAT} \
              - {APP_1} {PRODUCTION} {APP_A} euc1-az2 \
              1794924066 1794924010 3121 18 3 6 443 44200 203.0.113.80 10.20.0.220 10.20.1.20 10.20.1.20 IPv4 \
              - ACCEPT OK 2 - S3 - - - euc1-az2 eu-central-1 - {PUBLIC_A} {PRODUCTION} 123456789012 11 {NO_ECS}
        flow: web%20shop - K%C3%A4se%20%26%20Wein checkout%2Fblue shop-app - egress 1 - {APP_1} \
              transit_gateway {TRANSIT} {PRODUCTION} {TRANSIT_A} euc1-az2 \
              1794924067 1794924012 840 6 2 6 8443 39120 10.40.1.15 10.40.1.15 10.20.1.20 10.20.1.20 IPv4 \
              - ACCEPT OK 1 - - - - - euc1-az2 eu-central-1 i-0e0d1c2b3a4958677 {APP_A} {PRODUCTION} 123456789012 11 {NO_ECS}
        flow: web%20shop - K%C3%A4se%20%26%20Wein checkout%2Fblue shop-app - ingress - - {APP_1} - - - - - \
              1794924067 1794924013 5120 12 3 6 8080 61022 10.20.1.20 10.20.1.20 10.20.0.80 10.20.0.80 IPv4 \
              - ACCEPT OK 1 - - - - - euc1-az2 eu-central-1 i-0e0d1c2b3a4958677 {APP_A} {PRODUCTION} 123456789012 11 {NO_ECS}
        flow: - - - - - - egress 2 - {CART} - - - - - \
              1794924068 1794924014 1644 9 3 6 443 50110 203.0.113.90 203.0.113.90 10.20.1.41 10.20.1.41 IPv4 \
              - ACCEPT OK 2 - DYNAMODB - - - euc1-az2 eu-central-1 - {APP_A} {PRODUCTION} 123456789012 11 {CART_ECS}
        flow: 100%25%20public - - - - - ingress - - {WEB} - - - - - \
              1794924068 1794924015 - 2 2 6 443 51999 10.20.0.10 10.20.0.10 203.0.113.77 203.0.113.77 IPv4 \
              BPA REJECT OK - - - - - - euc1-az2 eu-central-1 i-0f1e2d3c4b5a69780 {PUBLIC_A} {PRODUCTION} 123456789012 11 {NO_ECS}
        """,
        {"V11": V11},
        "/vpc/flow-logs/v11",
        f"{APP_1}-all",
    ),
    Case(
        "vpc-rejects",
        "REJECT: by Block Public Access (no bytes), by encryption controls, by a security group; leaving and arriving",
        f"""
        flow: 8 123456789012 {WEB} 203.0.113.77 10.20.0.10 51544 443 6 2 - 1794927610 1794927668 REJECT OK {PRODUCTION} 2 ingress BPA
        flow: 8 123456789012 {WEB} 10.20.0.10 203.0.113.77 50404 443 6 1 - 1794927612 1794927668 REJECT OK {PRODUCTION} 2 egress BPA
        flow: 8 123456789012 {ENDPOINT} 10.20.1.20 10.20.1.90 41870 443 6 3 180 1794927615 1794927668 REJECT OK {PRODUCTION} 2 ingress EC
        flow: 8 123456789012 {WEB} 203.0.113.66 10.20.0.10 40112 22 6 1 40 1794927620 1794927668 REJECT OK {PRODUCTION} 2 ingress -
        flow: 8 123456789012 {WEB} 10.20.0.10 10.20.3.30 52110 5432 6 3 180 1794927622 1794927668 REJECT OK {PRODUCTION} 2 egress -
        flow: 8 123456789012 {WEB} 203.0.113.12 10.20.0.10 49988 443 6 8 1264 1794927625 1794927668 ACCEPT OK {PRODUCTION} 3 ingress -
        """,
        {"REJECTS": REJECTS},
        "/vpc/flow-logs/rejects",
        f"{WEB}-all",
        why="The egress REJECT to 10.20.3.30 stays although that interface is covered: it never arrived there.",
    ),
    Case(
        "vpc-reject-reason-without-action",
        "a custom format with reject-reason and without action: a reason means REJECT",
        f"""
        flow: {WEB} ingress 203.0.113.77 10.20.0.10 51601 443 6 2 - 1794931210 1794931268 BPA
        flow: {ENDPOINT} ingress 10.20.1.20 10.20.1.90 41902 443 6 3 180 1794931212 1794931268 EC
        flow: {WEB} ingress 203.0.113.66 10.20.0.10 40190 22 6 1 40 1794931214 1794931268 -
        """,
        {"REASON_WITHOUT_ACTION": REASON_WITHOUT_ACTION},
        "/vpc/flow-logs/reason-without-action",
        f"{WEB}-all",
    ),
    Case(
        "vpc-nat-gateway",
        "one connection through a NAT gateway: instance, gateway inside, gateway outside, and back",
        f"""
        flow: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} egress 10.20.1.20 203.0.113.5 10.20.1.20 203.0.113.5 45012 443 6 3 14 2110 1794934810 1794934868 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} - {NAT} ingress 10.20.1.20 10.20.0.220 10.20.1.20 203.0.113.5 45012 443 6 3 14 2110 1794934812 1794934866 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} - {NAT} egress 10.20.0.220 203.0.113.5 10.20.0.220 203.0.113.5 21044 443 6 3 14 2110 1794934812 1794934866 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} - {NAT} ingress 203.0.113.5 10.20.0.220 203.0.113.5 10.20.0.220 443 21044 6 19 12 9820 1794934812 1794934866 ACCEPT OK
        both-ends: 5 123456789012 {PRODUCTION} - {NAT} egress 10.20.0.220 10.20.1.20 203.0.113.5 10.20.1.20 443 45012 6 19 12 9820 1794934812 1794934866 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} ingress 203.0.113.5 10.20.1.20 203.0.113.5 10.20.1.20 443 45012 6 19 12 9820 1794934810 1794934868 ACCEPT OK
        """,
        {"PATHS": PATHS},
        "/vpc/flow-logs/paths",
        f"{NAT}-all",
        why="Rule 4: the gateway's egress record to 10.20.1.20 is also recorded entering that interface, which the VPC's flow log covers.",
    ),
    Case(
        "vpc-packet-addresses-ipv6",
        "IPv6 through an instance that routes: the interface's address and the packet's, in both directions",
        f"""
        flow: 5 123456789012 {PRODUCTION} i-0f1e2d3c4b5a69780 {WEB} ingress 2001:db8:20:1::20 2001:db8:20::10 2001:db8:20:1::20 2001:db8:ffff::7 45021 443 6 3 14 2110 1794936610 1794936668 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} i-0f1e2d3c4b5a69780 {WEB} egress 2001:db8:20::10 2001:db8:ffff::7 2001:db8:20:1::20 2001:db8:ffff::7 45021 443 6 3 14 2110 1794936610 1794936668 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} i-0f1e2d3c4b5a69780 {WEB} ingress 2001:db8:ffff::7 2001:db8:20::10 2001:db8:ffff::7 2001:db8:20:1::20 443 45021 6 19 12 9820 1794936612 1794936668 ACCEPT OK
        both-ends: 5 123456789012 {PRODUCTION} i-0f1e2d3c4b5a69780 {WEB} egress 2001:db8:20::10 2001:db8:20:1::20 2001:db8:ffff::7 2001:db8:20:1::20 443 45021 6 19 12 9820 1794936612 1794936668 ACCEPT OK
        """,
        {"PATHS": PATHS},
        "/vpc/flow-logs/paths",
        f"{WEB}-all",
        why="Rule 4: the last record is also recorded entering the interface of 2001:db8:20:1::20, which the VPC's flow log covers.",
    ),
    Case(
        "vpc-nat-gateway-example",
        "the six columns of the NAT gateway example in the AWS documentation: no port, no time, no action, no counter",
        f"""
        flow: - {NAT} 10.20.1.20 10.20.0.220 10.20.1.20 203.0.113.5
        flow: - {NAT} 10.20.0.220 203.0.113.5 10.20.0.220 203.0.113.5
        flow: - {NAT} 203.0.113.5 10.20.0.220 203.0.113.5 10.20.0.220
        flow: - {NAT} 10.20.0.220 10.20.1.20 203.0.113.5 10.20.1.20
        flow: i-0e0d1c2b3a4958677 {APP_1} 10.20.1.20 203.0.113.5 10.20.1.20 203.0.113.5
        flow: i-0e0d1c2b3a4958677 {APP_1} 203.0.113.5 10.20.1.20 203.0.113.5 10.20.1.20
        """,
        {"NAT_EXAMPLE": NAT_EXAMPLE},
        "/vpc/flow-logs/nat-gateway-example",
        f"{NAT}-all",
        timestamp=1794938410,
        why="Rule 4 drops egress ACCEPT records only, and without the action column none is known to be one.",
    ),
    Case(
        "vpc-regional-nat-gateway",
        "a regional NAT gateway: no interface, no subnet; resource-id takes the place of the interface",
        f"""
        flow: 9 123456789012 {REGIONAL_NAT_GATEWAY} - - - {PRODUCTION} 10.20.2.20 203.0.113.5 10.20.2.20 203.0.113.5 45013 443 6 14 2110 1794942010 1794942068 ingress ACCEPT OK
        flow: 9 123456789012 {REGIONAL_NAT_GATEWAY} - - - {PRODUCTION} 198.51.100.99 203.0.113.5 198.51.100.99 203.0.113.5 21045 443 6 14 2110 1794942010 1794942068 egress ACCEPT OK
        flow: 9 123456789012 {REGIONAL_NAT_GATEWAY} - - - {PRODUCTION} 203.0.113.5 198.51.100.99 203.0.113.5 198.51.100.99 443 21045 6 12 9820 1794942010 1794942068 ingress ACCEPT OK
        flow: 9 123456789012 {REGIONAL_NAT_GATEWAY} - - - {PRODUCTION} 203.0.113.5 10.20.2.20 203.0.113.5 10.20.2.20 443 45013 6 12 9820 1794942010 1794942068 egress ACCEPT OK
        no-data: 9 123456789012 {REGIONAL_NAT_GATEWAY} - - - {PRODUCTION} - - - - - - - - - 1794942070 1794942128 - - NODATA
        """,
        {"REGIONAL_NAT": REGIONAL_NAT},
        "/vpc/flow-logs/regional-nat-gateway",
        REGIONAL_NAT_GATEWAY,
        why="Rule 4 does not run: the log group's only flow log covers the gateway, not the interface of 10.20.2.20.",
    ),
    Case(
        "vpc-ecs",
        "tasks of the Elastic Container Service, on Fargate and on an instance",
        f"""
        flow: 7 123456789012 {CART} 10.20.0.80 10.20.1.41 60211 8080 6 14 2944 1794945610 1794945668 ACCEPT OK ingress {CART_ECS}
        flow: 7 123456789012 {CART} 10.20.1.41 203.0.113.90 50111 443 6 9 1644 1794945612 1794945668 ACCEPT OK egress {CART_ECS}
        flow: 7 123456789012 {SEARCH} 10.20.0.80 10.20.2.42 60212 9200 6 22 6120 1794945614 1794945668 ACCEPT OK ingress {SEARCH_ECS}
        flow: 7 123456789012 {WEB} 203.0.113.12 10.20.0.10 50233 443 6 7 980 1794945616 1794945668 ACCEPT OK ingress {NO_ECS}
        """,
        {"ECS": ECS},
        "/vpc/flow-logs/ecs",
        f"{CART}-all",
    ),
]
