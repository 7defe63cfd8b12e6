"""Lines that AWS writes seldom, will write next year, or never should; and envelopes with more than lines."""

from case import Case
from formats import *
from network import *

CASES = [
    Case(
        "vpc-unusual-values",
        "values that are seldom seen and still make flows",
        f"""
        flow: 10 unknown {ENDPOINT} 10.20.1.20 10.20.1.90 41100 443 6 7 1100 1794996010 1794996068 ACCEPT OK 3 10.20.1.20 10.20.1.90 2 ingress -
        flow: 10 12345678901 {WEB} 203.0.113.12 10.20.0.10 41101 443 6 8 1200 1794996011 1794996068 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41102 443 6 9 1300 1794996012345 1794996068901 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41103 443 6 10 1400 1794996013 1794996068 ACCEPT OK - 203.0.113.12 10.20.0.10 - ingress -
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41104 443 6 11 1500 1794996014 1794996068 ACCEPT INCOMPLETEDATA 3 203.0.113.12 10.20.0.10 - ingress -
        no-data: 10 123456789012 {WEB} - - - - - - - 1794996015 1794996068 - INCOMPLETEDATA - - - - - -
        flow: 10 123456789012 {NAT} 2001:db8:20:1::20 64:ff9b::cb00:7150 41106 443 6 12 1600 1794996016 1794996068 ACCEPT OK 3 10.20.0.220 203.0.113.80 - egress -
        flow: 10 123456789012 {WEB}   203.0.113.12  10.20.0.10 41107    443 6 13 1700 1794996017 1794996068  ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41108 443 6 14 1800 1794996018 1794996068 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress Bürö-東京
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41109 443 6 15 1900 1794996019 1794996068 DROP OK 3 203.0.113.12 10.20.0.10 - ingress -
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41110 443 6 16 2000 1794996020 1794996068 ACCEPT OK 3 203.0.113.12 10.20.0.10 maybe ingress -
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 0 0 255 17 2100 1794996021 1794996068 ACCEPT OK - 203.0.113.12 10.20.0.10 - sideways -
        """,
        {"UNUSUAL": UNUSUAL},
        "/vpc/flow-logs/unusual",
        f"{WEB}-all",
        timestamp=1794996015,
        why="A column that is not exported (encryption-status) may hold anything; an unknown log-status with addresses is a flow, without addresses NODATA.",
    ),
    Case(
        "vpc-unparsed-lines",
        "lines that fit no format, one for each reason, and one good line",
        f"""
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 70000 443 6 7 1100 1794999610 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41201 443 256 7 1100 1794999611 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41202 443 6 seven 1100 1794999612 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41203 443 6 7 -5 1794999613 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41204 443 6 7 18446744073709551616 1794999614 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.300 10.20.0.10 41205 443 6 7 1100 1794999615 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41206 443 6 7 1100 18446744073709551615 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41207 443 6 7 1100 1794999617 1794999668 ACCEPT OK 70000 203.0.113.12 10.20.0.10 - ingress -
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41208 443 6 7 1100 1794999618 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress
        unparsed: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41209 443 6 7 1100 1794999619 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress - -
        unparsed: Delivery of flow logs was interrupted.
        flow: 10 123456789012 {WEB} 203.0.113.12 10.20.0.10 41210 443 6 7 1100 1794999620 1794999668 ACCEPT OK 3 203.0.113.12 10.20.0.10 - ingress -
        """,
        {"UNUSUAL": UNUSUAL},
        "/vpc/flow-logs/unusual",
        f"{WEB}-all",
        timestamp=1794999610,
    ),
    Case(
        "vpc-future-field",
        "a format with a field that this version does not know: the column is skipped, the record kept",
        f"""
        flow: 12 123456789012 {WEB} quantum/7 203.0.113.12 10.20.0.10 41300 443 6 7 1100 1795003210 1795003268 ACCEPT OK
        flow: 12 123456789012 {WEB} - 10.20.0.10 203.0.113.12 443 41300 6 6 4100 1795003210 1795003268 ACCEPT OK
        no-data: 12 123456789012 {APP_1} - - - - - - - - 1795003210 1795003268 - NODATA
        """,
        {"FUTURE": FUTURE},
        "/vpc/flow-logs/future-field",
        f"{WEB}-all",
    ),
    Case(
        "vpc-without-log-status",
        "a short format without log-status and times: a line with neither addresses nor counters is NODATA",
        f"""
        flow: {WEB} 203.0.113.12 10.20.0.10 6 7 1100
        flow: {WEB} 10.20.0.10 203.0.113.12 6 6 4100
        no-data: {WEB} - - - - -
        """,
        {"NO_STATUS": NO_STATUS},
        "/vpc/flow-logs/no-status",
        f"{WEB}-all",
        timestamp=1795006810,
    ),
    Case(
        "vpc-unknown-to-the-inventory",
        "a log group, a VPC and interfaces that nobody knows: the default format, no names, no direction",
        """
        flow: 2 123456789012 eni-0ffeeddccbbaa9988 10.99.1.10 10.99.1.11 45500 443 6 20 4249 1795010410 1795010468 ACCEPT OK
        flow: 2 123456789012 eni-0eeddccbbaa998877 10.99.1.10 10.99.1.11 45500 443 6 20 4249 1795010431 1795010489 ACCEPT OK
        flow: 2 123456789012 eni-0ffeeddccbbaa9988 203.0.113.66 10.99.1.10 40555 23 6 1 40 1795010415 1795010468 REJECT OK
        unparsed: eni-0ffeeddccbbaa9988 10.99.1.10 10.99.1.11 1795010410 1795010468 in a format that nobody knows
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/forgotten",
        "eni-0ffeeddccbbaa9988-all",
        timestamp=1795010410,
        why="Rule 4 does not run: no flow log of the inventory delivers to this log group.",
    ),
    Case(
        "vpc-extracted-fields",
        "a space-delimited filter pattern: each event also has its columns in extractedFields",
        f"""
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 45600 443 6 20 4249 1795014010 1795014068 ACCEPT OK
        flow: 2 123456789012 {WEB} 203.0.113.66 10.20.0.10 40666 23 6 1 40 1795014012 1795014068 REJECT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
        extracted_fields=True,
    ),
    Case(
        "vpc-account-level-policy",
        "the subscription filter of an account adds policyLevel; what else AWS may add is ignored",
        f"""
        flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 45700 443 6 20 4249 1795017610 1795017668 ACCEPT OK
        flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 443 45700 6 31 38219 1795017610 1795017668 ACCEPT OK
        """,
        {"DEFAULT": DEFAULT},
        "/vpc/flow-logs/default",
        f"{WEB}-all",
        extra={"policyLevel": "ACCOUNT_LEVEL_POLICY", "somethingNew": {"list": [1, 2.5, None]}},
        beside={"policyLevel": "ACCOUNT_LEVEL_POLICY"},
    ),
    Case(
        "control-message",
        "CloudWatch Logs asks whether the destination is reachable: success, and nothing else",
        "",
        {"DEFAULT": DEFAULT},
        "",
        "",
        owner="CloudwatchLogs",
        extra={
            "messageType": "CONTROL_MESSAGE",
            "subscriptionFilters": [],
            "logEvents": [
                {
                    "id": "",
                    "timestamp": 1795021200000,
                    "message": "CWL CONTROL MESSAGE: Checking health of destination Lambda function.",
                }
            ],
        },
    ),
]
