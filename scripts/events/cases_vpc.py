"""VPC flow logs in the formats of AWS and the console."""

from case import Case
from formats import *
from network import *

CASES = [
    Case(
        "vpc-default",
        "VPC, default format: TCP, UDP, and counters beyond 2^32; the direction comes from the inventory",
        f"""
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 49761 443 6 20 4249 1794902410 1794902468 ACCEPT OK
        flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 443 49761 6 31 38219 1794902410 1794902468 ACCEPT OK
        flow: 2 123456789012 {WEB} 10.20.0.10 198.51.100.53 40211 123 17 1 76 1794902415 1794902468 ACCEPT OK
        flow: 2 123456789012 {WEB} 198.51.100.53 10.20.0.10 123 40211 17 1 76 1794902415 1794902468 ACCEPT OK
        flow: 2 123456789012 {WEB} 203.0.113.77 10.20.0.10 51544 3389 6 3 132 1794902421 1794902468 REJECT OK
        flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.200 50002 443 6 6442450944 9019431321600 1794902425 1794902468 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
    ),
    Case(
        "vpc-default-ipv6",
        "IPv6 in the default format",
        f"""
        flow: 2 123456789012 {WEB} 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8:20::10 34892 443 6 54 8855 1794906010 1794906068 ACCEPT OK
        flow: 2 123456789012 {WEB} 2001:db8:20::10 2001:db8:1234:a100:8d6e:3477:df66:f105 443 34892 6 61 70322 1794906010 1794906068 ACCEPT OK
        flow: 2 123456789012 {WEB} 2001:db8:ffff::1 2001:db8:20::10 0 0 58 4 416 1794906018 1794906068 ACCEPT OK
        flow: 2 123456789012 {WEB} 2001:db8:bad::66 2001:db8:20::10 40123 22 6 1 80 1794906022 1794906068 REJECT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
    ),
    Case(
        "vpc-default-icmp",
        "ICMP: AWS gives no type and code, both ports are 0; the answer to a ping is rejected by a network ACL",
        f"""
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 0 0 1 4 336 1794909627 1794909682 ACCEPT OK
        flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 0 0 1 4 336 1794909630 1794909682 REJECT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
    ),
    Case(
        "vpc-no-data-and-skipped-windows",
        "NODATA and SKIPDATA make counters, no flows",
        f"""
        no-data: 2 123456789012 {WEB} - - - - - - - 1794913210 1794913268 - NODATA
        skipped: 2 123456789012 {WEB} - - - - - - - 1794913270 1794913328 - SKIPDATA
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 49920 443 6 12 2210 1794913330 1794913388 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
    ),
    Case(
        "vpc-v5-documentation-order",
        "all 29 fields of version 5 in the order of the documentation",
        f"""
        flow: 5 123456789012 {APP_1} 10.20.1.20 203.0.113.80 44120 443 6 18 3120 1794916810 1794916866 ACCEPT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 3 IPv4 10.20.1.20 203.0.113.80 eu-central-1 euc1-az2 - - - S3 egress 7
        flow: 5 123456789012 {APP_1} 203.0.113.80 10.20.1.20 443 44120 6 16 21876 1794916810 1794916866 ACCEPT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 19 IPv4 203.0.113.80 10.20.1.20 eu-central-1 euc1-az2 - - S3 - ingress -
        flow: 5 123456789012 {APP_1} 10.20.1.20 10.40.1.15 39004 8443 6 9 1240 1794916812 1794916866 ACCEPT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 2 IPv4 10.20.1.20 10.40.1.15 eu-central-1 euc1-az2 - - - - egress 1
        flow: 5 123456789012 {APP_1} 198.51.100.201 10.20.1.20 33456 161 17 2 142 1794916820 1794916866 REJECT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 0 IPv4 198.51.100.201 10.20.1.20 eu-central-1 euc1-az2 - - - - ingress -
        no-data: 5 123456789012 {APP_1} - - - - - - - 1794916870 1794916926 - NODATA \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 - - - - eu-central-1 euc1-az2 - - - - - -
        """,
        {"V5": V5},
        "/vpc/flow-logs/v5",
        f"{APP_1}-all",
        why="The egress record to 10.40.1.15 stays: that interface is in another VPC.",
    ),
    Case(
        "vpc-v5-alphabetical-order",
        "all 29 fields of version 5 in the alphabetical order of the console",
        f"""
        flow: 123456789012 ACCEPT euc1-az3 3120 203.0.113.80 443 1794920466 egress i-0dfc0b1a293847566 {APP_2} OK 18 \
              DYNAMODB 203.0.113.80 - 10.20.2.20 6 eu-central-1 10.20.2.20 44121 1794920410 - - {APP_B} 3 8 IPv4 5 {PRODUCTION}
        flow: 123456789012 ACCEPT euc1-az3 21876 10.20.2.20 44121 1794920466 ingress i-0dfc0b1a293847566 {APP_2} OK 16 \
              - 10.20.2.20 DYNAMODB 203.0.113.80 6 eu-central-1 203.0.113.80 443 1794920410 - - {APP_B} 19 - IPv4 5 {PRODUCTION}
        flow: 123456789012 REJECT euc1-az3 80 2001:db8:20:2::20 22 1794920466 ingress i-0dfc0b1a293847566 {APP_2} OK 1 \
              - 2001:db8:20:2::20 - 2001:db8:bad::66 6 eu-central-1 2001:db8:bad::66 40123 1794920430 - - {APP_B} 2 - IPv6 5 {PRODUCTION}
        skipped: 123456789012 - euc1-az3 - - - 1794920526 - i-0dfc0b1a293847566 {APP_2} SKIPDATA - \
              - - - - - eu-central-1 - - 1794920470 - - {APP_B} - - - 5 {PRODUCTION}
        """,
        {"V5_ALPHABETICAL": V5_ALPHABETICAL},
        "/vpc/flow-logs/v5-alphabetical",
        f"{APP_2}-all",
    ),
    Case(
        "vpc-central-log-group",
        "a central log group: events name account, region and log group of their records (`@aws.account`, …)",
        f"""
        flow/REJECTS: 8 123456789012 {WEB} 203.0.113.77 10.20.0.10 51700 443 6 2 - 1795082410 1795082468 REJECT OK {PRODUCTION} 2 ingress BPA
        flow/REJECTS: 8 123456789012 {WEB} 203.0.113.12 10.20.0.10 51701 443 6 8 1264 1795082412 1795082468 ACCEPT OK {PRODUCTION} 3 ingress -
        flow/DEFAULT: 2 {OTHER_ACCOUNT} {STAGING_1} 203.0.113.12 10.40.1.15 51702 443 6 20 4249 1795082414 1795082468 ACCEPT OK
        flow/REJECTS: 8 123456789012 {WEB} 203.0.113.66 10.20.0.10 51703 22 6 1 40 1795082416 1795082468 REJECT OK {PRODUCTION} 2 ingress -
        """,
        {"REJECTS": REJECTS, "DEFAULT": DEFAULT},
        "/central/flow-logs",
        f"{WEB}-all",
        owner="555566667777",
        system_fields={
            ACCOUNT: {"@aws.account": ACCOUNT, "@aws.region": REGION, "@source.log": "/vpc/flow-logs/rejects"},
            OTHER_ACCOUNT: {"@aws.account": OTHER_ACCOUNT, "@aws.region": "eu-west-1"},
        },
    ),
]
