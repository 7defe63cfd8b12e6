"""Transit gateway flow logs: of a whole gateway, of an attachment, and beside a VPC's in a log group."""

from case import Case
from formats import *
from network import *

# The columns 6 to 15: accounts, VPCs, subnets, interfaces, zones of source and destination.
TO_STAGING = f"{ACCOUNT} {OTHER_ACCOUNT} {PRODUCTION} {STAGING} {TRANSIT_A} {STAGING_TRANSIT_A} {TRANSIT} {STAGING_TRANSIT} euc1-az2 euc1-az2"
FROM_STAGING = f"{OTHER_ACCOUNT} {ACCOUNT} {STAGING} {PRODUCTION} {STAGING_TRANSIT_A} {TRANSIT_A} {STAGING_TRANSIT} {TRANSIT} euc1-az2 euc1-az2"
FROM_NO_VPC = f"- {ACCOUNT} - {PRODUCTION} - {TRANSIT_A} - {TRANSIT} - euc1-az2"
TO_NO_VPC = f"{ACCOUNT} - {PRODUCTION} - {TRANSIT_A} - {TRANSIT} - euc1-az2 -"
HEAD = f"6 TransitGateway {ACCOUNT} {GATEWAY}"

KEEP_INGRESS = "Rule 3: the flow log is the whole gateway's, so each flow has an ingress record, and its egress record is the same flow again."

CASES = [
    Case(
        "tgw-default",
        "transit gateway, default format, whole gateway: each flow on its way in and out; a VPN; losses",
        f"""
        flow: {HEAD} {ATTACHED_PRODUCTION} {TO_STAGING} {ATTACHED_STAGING} \
              10.20.1.20 10.40.1.15 39104 8443 6 9 1240 1794981612 1794981666 OK IPv4 0 0 0 0 3 eu-central-1 ingress - -
        gateway: {HEAD} {ATTACHED_STAGING} {TO_STAGING} {ATTACHED_PRODUCTION} \
              10.20.1.20 10.40.1.15 39104 8443 6 9 1240 1794981612 1794981666 OK IPv4 0 0 0 0 3 eu-central-1 egress - -
        gateway: {HEAD} {ATTACHED_PRODUCTION} {FROM_STAGING} {ATTACHED_STAGING} \
              10.40.1.15 10.20.1.20 8443 39104 6 8 9120 1794981612 1794981666 OK IPv4 0 0 0 0 27 eu-central-1 egress - -
        flow: {HEAD} {ATTACHED_STAGING} {FROM_STAGING} {ATTACHED_PRODUCTION} \
              10.40.1.15 10.20.1.20 8443 39104 6 8 9120 1794981612 1794981666 OK IPv4 0 0 0 0 27 eu-central-1 ingress - -
        flow: {HEAD} {ATTACHED_VPN} {FROM_NO_VPC} {ATTACHED_PRODUCTION} \
              192.168.50.12 10.20.1.20 53311 22 6 40 5200 1794981614 1794981666 OK IPv4 0 0 0 0 0 eu-central-1 ingress - -
        gateway: {HEAD} {ATTACHED_PRODUCTION} {FROM_NO_VPC} {ATTACHED_VPN} \
              192.168.50.12 10.20.1.20 53311 22 6 40 5200 1794981614 1794981666 OK IPv4 0 0 0 0 0 eu-central-1 egress - -
        flow: {HEAD} {ATTACHED_PRODUCTION} {TO_NO_VPC} - \
              10.20.1.20 172.16.99.1 40001 443 6 5 300 1794981616 1794981666 OK IPv4 5 0 0 0 2 eu-central-1 ingress - -
        flow: {HEAD} {ATTACHED_PRODUCTION} {TO_NO_VPC} - \
              10.20.1.20 192.168.66.1 40002 53 17 2 128 1794981617 1794981666 OK IPv4 0 2 0 0 0 eu-central-1 ingress - -
        flow: {HEAD} {ATTACHED_PRODUCTION} {TO_NO_VPC} {ATTACHED_VPN} \
              10.20.1.20 192.168.50.12 22 53311 6 30 61400 1794981618 1794981666 OK IPv4 0 0 4 1 24 eu-central-1 ingress - -
        no-data: {HEAD} {ATTACHED_VPN} - - - - - - - - - - - - - - - - - - 1794981670 1794981726 NODATA - - - - - - eu-central-1 - - -
        """,
        {"TGW": TGW},
        "/tgw/flow-logs/default",
        GATEWAY,
        why=KEEP_INGRESS,
    ),
    Case(
        "tgw-default-ipv6",
        "transit gateway, IPv6, with AWS services on the other side",
        f"""
        flow: {HEAD} {ATTACHED_PRODUCTION} {TO_NO_VPC} {ATTACHED_VPN} \
              2001:db8:20:1::20 2001:db8:5000::12 40111 443 6 14 2210 1794985210 1794985266 OK IPv6 0 0 0 0 3 eu-central-1 ingress - -
        flow: {HEAD} {ATTACHED_PRODUCTION} {TO_NO_VPC} {ATTACHED_VPN} \
              2001:db8:20:1::20 2001:db8:a55::1 40112 443 6 6 980 1794985212 1794985266 OK IPv6 0 0 0 0 2 eu-central-1 ingress EC2 S3
        """,
        {"TGW": TGW},
        "/tgw/flow-logs/default",
        GATEWAY,
    ),
    Case(
        "tgw-attachment-odd-order",
        "the flow log of one attachment, 16 columns in an odd order: both directions stay",
        f"""
        flow: 1240 9 0 0 8443 39204 10.40.1.15 10.20.1.20 6 {ATTACHED_STAGING} {ATTACHED_PRODUCTION} ingress 1794988866 1794988812 {GATEWAY} OK
        flow: 9120 8 0 0 39204 8443 10.20.1.20 10.40.1.15 6 {ATTACHED_STAGING} {ATTACHED_PRODUCTION} egress 1794988866 1794988812 {GATEWAY} OK
        flow: 300 5 0 5 443 40101 172.16.99.1 10.20.1.20 6 - {ATTACHED_PRODUCTION} ingress 1794988866 1794988816 {GATEWAY} OK
        flow: 61400 30 4 0 53411 22 192.168.50.12 10.20.1.20 6 {ATTACHED_VPN} {ATTACHED_PRODUCTION} ingress 1794988866 1794988818 {GATEWAY} OK
        skipped: - - - - - - - - - - {ATTACHED_PRODUCTION} - 1794988926 1794988870 {GATEWAY} SKIPDATA
        """,
        {"TGW_SUBSET": TGW_SUBSET},
        "/tgw/flow-logs/attachment",
        GATEWAY,
        why="Rule 3 does not apply to the flow log of one attachment: the other one's records are not in it.",
    ),
    Case(
        "vpc-and-tgw-in-one-log-group",
        "a VPC's and a transit gateway's flow log in one log group: a connection between two VPCs at four places",
        f"""
        flow/DEFAULT: 2 123456789012 {APP_1} 10.20.1.20 10.40.1.15 39304 8443 6 9 1240 1794992410 1794992466 ACCEPT OK
        flow/TGW: {HEAD} {ATTACHED_PRODUCTION} {TO_STAGING} {ATTACHED_STAGING} \
              10.20.1.20 10.40.1.15 39304 8443 6 9 1240 1794992412 1794992466 OK IPv4 0 0 0 0 3 eu-central-1 ingress - -
        flow/DEFAULT: 2 123456789012 {TRANSIT} 10.20.1.20 10.20.255.5 39304 8443 6 9 1240 1794992411 1794992466 ACCEPT OK
        gateway/TGW: {HEAD} {ATTACHED_STAGING} {TO_STAGING} {ATTACHED_PRODUCTION} \
              10.20.1.20 10.40.1.15 39304 8443 6 9 1240 1794992412 1794992466 OK IPv4 0 0 0 0 3 eu-central-1 egress - -
        no-data/DEFAULT: 2 123456789012 {WEB} - - - - - - - 1794992410 1794992468 - NODATA
        """,
        {"DEFAULT": DEFAULT, "TGW": TGW},
        "/network/flow-logs/mixed",
        GATEWAY,
        why=KEEP_INGRESS + " The VPC's egress record to 10.40.1.15 stays: that interface is in another VPC.",
    ),
]
