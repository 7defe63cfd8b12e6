"""Records that arrive more than once: retried deliveries, two flow logs of an interface, both ends of a connection.

CloudWatch Logs delivers the two interfaces of a connection as two log streams, hence as two events. The cases have both
in a single event, so that an invocation shows the outcome.
"""

from case import Case
from formats import *
from network import *

BOTH_ENDS = "Rule 4: the flow logs of this log group cover the destination's interface for accepted and rejected traffic, so its ingress record stands for both."

CASES = [
    Case(
        "vpc-both-ends",
        "one TCP connection recorded four times by two interfaces, out of order, in windows 25 seconds apart",
        f"""
        flow: 5 123456789012 {PRODUCTION} i-0dfc0b1a293847566 {APP_2} ingress 10.20.1.20 10.20.2.20 10.20.1.20 10.20.2.20 43210 8080 6 3 21 4102 1794949235 1794949295 ACCEPT OK
        both-ends: 5 123456789012 {PRODUCTION} i-0dfc0b1a293847566 {APP_2} egress 10.20.2.20 10.20.1.20 10.20.2.20 10.20.1.20 8080 43210 6 19 18 52480 1794949235 1794949295 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} ingress 10.20.2.20 10.20.1.20 10.20.2.20 10.20.1.20 8080 43210 6 19 17 51012 1794949210 1794949270 ACCEPT OK
        both-ends: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} egress 10.20.1.20 10.20.2.20 10.20.1.20 10.20.2.20 43210 8080 6 3 20 4050 1794949210 1794949270 ACCEPT OK
        """,
        {"PATHS": PATHS},
        "/vpc/flow-logs/paths",
        f"{APP_1}-all",
        why=BOTH_ENDS,
    ),
    Case(
        "vpc-both-ends-default-format",
        "one TCP connection recorded four times; the format has no direction, the inventory tells it",
        f"""
        both-ends: 2 123456789012 {APP_2} 10.20.2.20 10.20.3.30 51234 5432 6 33 6120 1794952810 1794952868 ACCEPT OK
        flow: 2 123456789012 {ORDERS} 10.20.2.20 10.20.3.30 51234 5432 6 34 6172 1794952836 1794952894 ACCEPT OK
        both-ends: 2 123456789012 {ORDERS} 10.20.3.30 10.20.2.20 5432 51234 6 29 88213 1794952836 1794952894 ACCEPT OK
        flow: 2 123456789012 {APP_2} 10.20.3.30 10.20.2.20 5432 51234 6 28 86765 1794952810 1794952868 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{APP_2}-all",
        why=BOTH_ENDS,
    ),
    Case(
        "vpc-both-ends-other-addresses",
        "both ends are known by a secondary address and by IPv6, too",
        f"""
        both-ends: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} egress 10.20.1.20 10.20.2.21 10.20.1.20 10.20.2.21 43300 8080 6 2 5 620 1794956410 1794956468 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} i-0dfc0b1a293847566 {APP_2} ingress 10.20.1.20 10.20.2.20 10.20.1.20 10.20.2.21 43300 8080 6 2 5 620 1794956431 1794956489 ACCEPT OK
        both-ends: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} egress 2001:db8:20:1::20 2001:db8:20:2::20 2001:db8:20:1::20 2001:db8:20:2::20 43301 8080 6 3 9 1480 1794956412 1794956468 ACCEPT OK
        flow: 5 123456789012 {PRODUCTION} i-0dfc0b1a293847566 {APP_2} ingress 2001:db8:20:1::20 2001:db8:20:2::20 2001:db8:20:1::20 2001:db8:20:2::20 43301 8080 6 3 9 1480 1794956433 1794956489 ACCEPT OK
        """,
        {"PATHS": PATHS},
        "/vpc/flow-logs/paths",
        f"{APP_1}-all",
        why=BOTH_ENDS,
    ),
    Case(
        "vpc-both-ends-accepted-only",
        "only accepted traffic is logged: nothing is dropped, because the other end's REJECT would vanish",
        f"""
        flow: 2 123456789012 {APP_1} 10.20.1.20 10.20.2.20 43401 8080 6 20 4050 1794960010 1794960068 ACCEPT OK
        flow: 2 123456789012 {APP_2} 10.20.1.20 10.20.2.20 43401 8080 6 21 4102 1794960035 1794960093 ACCEPT OK
        flow: 2 123456789012 {APP_2} 10.20.2.20 10.20.1.20 8080 43401 6 18 52480 1794960035 1794960093 ACCEPT OK
        flow: 2 123456789012 {APP_1} 10.20.2.20 10.20.1.20 8080 43401 6 17 51012 1794960010 1794960068 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/accepted-only",
        f"{APP_1}-accept",
        why="Rule 4 does not fire: the log group's flow log covers accepted traffic only.",
    ),
    Case(
        "vpc-both-ends-two-flow-logs",
        "accepted and rejected traffic are logged by one flow log each: together they cover both ends",
        f"""
        both-ends: 2 123456789012 {APP_1} 10.20.1.20 10.20.2.20 43501 8080 6 20 4050 1794963610 1794963668 ACCEPT OK
        flow: 2 123456789012 {APP_2} 10.20.1.20 10.20.2.20 43501 8080 6 21 4102 1794963635 1794963693 ACCEPT OK
        flow: 2 123456789012 {APP_1} 10.20.1.20 10.20.3.30 43502 3306 6 3 180 1794963612 1794963668 REJECT OK
        flow: 2 123456789012 {APP_2} 10.20.1.20 10.20.2.20 43503 22 6 1 60 1794963637 1794963693 REJECT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/accepted-and-rejected",
        f"{APP_1}-all",
        why=BOTH_ENDS + " A REJECT is never dropped.",
    ),
    Case(
        "vpc-both-ends-one-subnet",
        "one subnet has a flow log: what leaves it stays, what stays within it is recorded twice",
        f"""
        flow: 2 123456789012 {APP_1} 10.20.1.20 10.20.2.20 43601 8080 6 20 4050 1794967210 1794967268 ACCEPT OK
        flow: 2 123456789012 {APP_1} 10.20.2.20 10.20.1.20 8080 43601 6 17 51012 1794967210 1794967268 ACCEPT OK
        both-ends: 2 123456789012 {CART} 10.20.1.41 10.20.1.20 43602 8443 6 11 1833 1794967214 1794967272 ACCEPT OK
        flow: 2 123456789012 {APP_1} 10.20.1.41 10.20.1.20 43602 8443 6 11 1833 1794967210 1794967268 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/one-subnet",
        f"{APP_1}-all",
        why="Rule 4 fires for 10.20.1.20, which the subnet's flow log covers, and not for 10.20.2.20, which no flow log of this group does.",
    ),
    Case(
        "vpc-doubled-flow-log",
        "a VPC's flow log and a subnet's in one log group: each observation twice, in two formats",
        f"""
        duplicate/DEFAULT: 2 123456789012 {APP_1} 10.20.1.20 203.0.113.80 44700 443 6 18 3120 1794970810 1794970866 ACCEPT OK
        flow/V5: 5 123456789012 {APP_1} 203.0.113.80 10.20.1.20 443 44700 6 16 21876 1794970810 1794970866 ACCEPT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 19 IPv4 203.0.113.80 10.20.1.20 eu-central-1 euc1-az2 - - S3 - ingress -
        flow/V5: 5 123456789012 {APP_1} 10.20.1.20 203.0.113.80 44700 443 6 18 3120 1794970810 1794970866 ACCEPT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 3 IPv4 10.20.1.20 203.0.113.80 eu-central-1 euc1-az2 - - - S3 egress 7
        duplicate/DEFAULT: 2 123456789012 {APP_1} 203.0.113.80 10.20.1.20 443 44700 6 16 21876 1794970810 1794970866 ACCEPT OK
        flow/DEFAULT: 2 123456789012 {APP_2} 203.0.113.80 10.20.2.20 443 44701 6 18 3120 1794970870 1794970926 ACCEPT OK
        duplicate/DEFAULT: 2 123456789012 {APP_1} 10.20.1.20 10.20.2.20 43701 8080 6 20 4050 1794970812 1794970866 ACCEPT OK
        both-ends/V5: 5 123456789012 {APP_1} 10.20.1.20 10.20.2.20 43701 8080 6 20 4050 1794970812 1794970866 ACCEPT OK \
              {PRODUCTION} {APP_A} i-0e0d1c2b3a4958677 3 IPv4 10.20.1.20 10.20.2.20 eu-central-1 euc1-az2 - - - - egress -
        """,
        {"DEFAULT": DEFAULT, "V5": V5},
        "/vpc/flow-logs/doubled",
        f"{APP_1}-all",
        why="Rule 2: the subnet's flow log is the preferred one, because its format exports more fields; lines of the other format are left out. Of the connection to 10.20.2.20, rule 4 drops the other record, too. The interface in the other subnet is observed by one flow log.",
    ),
    Case(
        "vpc-retried-delivery",
        "events that are delivered once more have the same event id",
        f"""
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 50801 443 6 20 4249 1794974410 1794974468 ACCEPT OK
        flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 443 50801 6 31 38219 1794974410 1794974468 ACCEPT OK
        again: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 50801 443 6 20 4249 1794974410 1794974468 ACCEPT OK
        again: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 443 50801 6 31 38219 1794974410 1794974468 ACCEPT OK
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 50802 443 6 9 1022 1794974420 1794974468 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
    ),
    Case(
        "vpc-two-formats",
        "the flow logs of two subnets in one log group, in two custom formats, interleaved",
        f"""
        flow/SHORT: 5 {APP_1} 10.20.1.20 203.0.113.80 44900 443 6 3120 18 1794978010 1794978066 ACCEPT OK egress
        flow/LONG: 1794978012 1794978066 5 123456789012 eu-central-1 euc1-az3 {PRODUCTION} {APP_B} {APP_2} egress ACCEPT 3 6 203.0.113.81 443 10.20.2.20 44901 7 1190 OK
        flow/SHORT: 5 {APP_1} 203.0.113.80 10.20.1.20 443 44900 6 21876 16 1794978010 1794978066 ACCEPT OK ingress
        both-ends/SHORT: 5 {APP_1} 10.20.1.20 10.20.2.20 43901 8080 6 4050 20 1794978014 1794978066 ACCEPT OK egress
        flow/LONG: 1794978030 1794978088 5 123456789012 eu-central-1 euc1-az3 {PRODUCTION} {APP_B} {APP_2} ingress ACCEPT 3 6 10.20.2.20 8080 10.20.1.20 43901 21 4102 OK
        no-data/LONG: 1794978090 1794978148 5 123456789012 eu-central-1 euc1-az3 {PRODUCTION} {APP_B} {APP_2} - - - - - - - - - - NODATA
        """,
        {"SHORT": SHORT, "LONG": LONG},
        "/vpc/flow-logs/two-formats",
        f"{APP_1}-all",
        why="Rule 4 fires for the connection to 10.20.2.20, which the flow log of the other subnet covers.",
    ),
]
