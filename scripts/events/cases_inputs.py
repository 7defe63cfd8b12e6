"""The inputs that are no Lambda events, form by form; how each form is written is in `input_forms.py`."""

from envelopes import compact, gzip, payload, pretty
from formats import *
from input_forms import *
from network import *

COVERED = "Rule 4: without a destination all flow logs of the inventory count, and some cover 10.20.2.20 for accepted and rejected traffic."

INPUTS = [
    Input(
        "decoded-payload.json",
        [
            lines(
                "decoded-payload",
                "a subscription payload, already decoded",
                f"""
                flow: 123456789012 ACCEPT euc1-az3 3120 203.0.113.80 443 1795028466 egress i-0dfc0b1a293847566 {APP_2} OK 18 \
                      DYNAMODB 203.0.113.80 - 10.20.2.20 6 eu-central-1 10.20.2.20 45121 1795028410 - - {APP_B} 3 8 IPv4 5 {PRODUCTION}
                flow: 123456789012 ACCEPT euc1-az3 21876 10.20.2.20 45121 1795028466 ingress i-0dfc0b1a293847566 {APP_2} OK 16 \
                      - 10.20.2.20 DYNAMODB 203.0.113.80 6 eu-central-1 203.0.113.80 443 1795028410 - - {APP_B} 19 - IPv4 5 {PRODUCTION}
                """,
                V5_ALPHABETICAL,
                "/vpc/flow-logs/v5-alphabetical",
            )
        ],
        lambda case: pretty(payload(case)),
    ),
    Input(
        "two-payloads.json",
        [
            lines(
                "two-payloads first",
                "two decoded payloads, one directly behind the other, of two log groups",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46100 443 6 20 4249 1795032010 1795032068 ACCEPT OK
                no-data: 2 123456789012 {WEB} - - - - - - - 1795032070 1795032128 - NODATA
                """,
                log_group="/vpc/flow-logs/default",
            ),
            lines(
                "two-payloads second",
                "",
                f"""
                flow: 8 123456789012 {WEB} 203.0.113.77 10.20.0.10 46101 443 6 2 - 1795032012 1795032068 REJECT OK {PRODUCTION} 2 ingress BPA
                """,
                REJECTS,
                "/vpc/flow-logs/rejects",
            ),
        ],
        lambda first, second: compact(payload(first)) + compact(payload(second)),
    ),
    Input(
        "firehose-messages.jsonl",
        [
            lines(
                "firehose-messages",
                "Firehose records, a line each",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46200 443 6 20 4249 1795035610 1795035668 ACCEPT OK
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46201 443 6 20 4249 1795035610 1795035668 ACCEPT OK
                no-data: 2 123456789012 {APP_1} - - - - - - - 1795035610 1795035668 - NODATA
                """,
            )
        ],
        messages,
    ),
    Input(
        "firehose-transformation.json",
        [
            lines(
                "firehose-transformation",
                "the event of a Firehose transformation",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46300 443 6 20 4249 1795039210 1795039268 ACCEPT OK
                flow: 2 123456789012 {WEB} 203.0.113.66 10.20.0.10 40777 23 6 1 40 1795039212 1795039268 REJECT OK
                """,
            )
        ],
        firehose_transformation,
    ),
    Input(
        "filter-log-events.json",
        [
            lines(
                "filter-log-events",
                "what `aws logs filter-log-events` prints",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46400 443 6 20 4249 1795042810 1795042868 ACCEPT OK
                skipped: 2 123456789012 {WEB} - - - - - - - 1795042870 1795042928 - SKIPDATA
                """,
            )
        ],
        filter_log_events,
    ),
    Input(
        "plain-text-with-header.txt",
        [
            lines(
                "plain-text-with-header",
                "plain text with a header line, and both ends of a connection",
                f"""
                header: {PATHS}
                both-ends: 5 123456789012 {PRODUCTION} i-0e0d1c2b3a4958677 {APP_1} egress 10.20.1.20 10.20.2.20 10.20.1.20 10.20.2.20 46500 8080 6 3 20 4050 1795046410 1795046470 ACCEPT OK
                flow: 5 123456789012 {PRODUCTION} i-0dfc0b1a293847566 {APP_2} ingress 10.20.1.20 10.20.2.20 10.20.1.20 10.20.2.20 46500 8080 6 3 21 4102 1795046435 1795046495 ACCEPT OK
                flow: 5 123456789012 {PRODUCTION} - {NAT} ingress 10.20.1.20 10.20.0.220 10.20.1.20 203.0.113.5 46501 443 6 3 14 2110 1795046412 1795046466 ACCEPT OK
                """,
                PATHS,
                why=COVERED,
            )
        ],
        text,
    ),
    Input(
        "plain-text-two-headers.txt",
        [
            lines(
                "plain-text-two-headers first",
                "plain text with Windows line ends, blank lines, and another header in the middle",
                f"""
                header: {SHORT}
                flow: 5 {APP_1} 10.20.1.20 203.0.113.80 46600 443 6 3120 18 1795050010 1795050066 ACCEPT OK egress
                """,
                SHORT,
            ),
            lines(
                "plain-text-two-headers second",
                "",
                f"""
                header: {NO_STATUS.replace("-", "_")}
                flow: {APP_1} 203.0.113.80 10.20.1.20 6 16 21876
                unparsed: {APP_1} 203.0.113.80 10.20.1.20 6 16
                """,
                NO_STATUS,
                timestamp=1795050010,
            ),
        ],
        lambda first, second: text(first, "\r\n") + b"\r\n\r\n" + text(second, "\r\n"),
    ),
    Input(
        "header-only.txt",
        [lines("header-only", "a header and nothing else: no records, and no error", f"header: {V5}", V5)],
        text,
    ),
    Input(
        "gzip-text-with-header.log.gz",
        [
            lines(
                "gzip-text-with-header",
                "an object as S3 delivery writes it: gzip, a header, records",
                f"""
                header: {LONG}
                flow: 1795053610 1795053668 5 123456789012 eu-central-1 euc1-az3 {PRODUCTION} {APP_B} {APP_2} egress ACCEPT 3 6 203.0.113.81 443 10.20.2.20 46700 7 1190 OK
                flow: 1795053610 1795053668 5 123456789012 eu-central-1 euc1-az3 {PRODUCTION} {APP_B} {APP_2} ingress ACCEPT 3 6 10.20.2.20 46700 203.0.113.81 443 6 4410 OK
                no-data: 1795053670 1795053728 5 123456789012 eu-central-1 euc1-az3 {PRODUCTION} {APP_B} {APP_2} - - - - - - - - - - NODATA
                """,
                LONG,
            )
        ],
        lambda case: gzip(text(case)),
    ),
    Input(
        "gzip-two-members.log.gz",
        [
            lines(
                "gzip-two-members",
                "gzip of two members, the first of which ends in the middle of a line; no header",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46800 443 6 20 4249 1795057210 1795057268 ACCEPT OK
                flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 443 46800 6 31 38219 1795057210 1795057268 ACCEPT OK
                flow: 2 123456789012 {WEB} 203.0.113.66 10.20.0.10 40888 23 6 1 40 1795057212 1795057268 REJECT OK
                """,
            )
        ],
        two_members,
    ),
    Input(
        "cloudwatch-export.gz",
        [
            lines(
                "cloudwatch-export",
                "a log group exported to S3: gzip, an ISO time before each line",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 46900 443 6 20 4249 1795060810 1795060868 ACCEPT OK
                both-ends: 2 123456789012 {APP_1} 10.20.1.20 10.20.2.20 46901 8080 6 20 4050 1795060812 1795060868 ACCEPT OK
                flow: 2 123456789012 {APP_2} 10.20.1.20 10.20.2.20 46901 8080 6 21 4102 1795060835 1795060893 ACCEPT OK
                no-data: 2 123456789012 {WEB} - - - - - - - 1795060870 1795060928 - NODATA
                """,
                why=COVERED,
            )
        ],
        export,
    ),
    Input(
        "kinesis-batch.json",
        [
            lines(
                "kinesis-batch first",
                "the event of a Kinesis data stream: one subscription payload a record, of two log groups",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47000 443 6 20 4249 1795064410 1795064468 ACCEPT OK
                no-data: 2 123456789012 {WEB} - - - - - - - 1795064470 1795064528 - NODATA
                """,
                log_group="/vpc/flow-logs/default",
            ),
            lines(
                "kinesis-batch second",
                "",
                f"""
                flow: 8 123456789012 {WEB} 203.0.113.77 10.20.0.10 47001 443 6 2 - 1795064412 1795064468 REJECT OK {PRODUCTION} 2 ingress BPA
                """,
                REJECTS,
                "/vpc/flow-logs/rejects",
            ),
        ],
        kinesis_batch,
    ),
    Input(
        "failure-queue.json",
        [
            lines(
                "failure-queue first",
                "the event of the failure queue: invocation records, each with the payload that failed",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47100 443 6 20 4249 1795068010 1795068068 ACCEPT OK
                """,
                log_group="/vpc/flow-logs/default",
            ),
            lines(
                "failure-queue second",
                "",
                f"""
                skipped: 2 123456789012 {WEB} - - - - - - - 1795068070 1795068128 - SKIPDATA
                flow: 2 123456789012 {WEB} 203.0.113.66 10.20.0.10 47101 23 6 1 40 1795068072 1795068128 REJECT OK
                """,
                log_group="/vpc/flow-logs/default",
            ),
        ],
        failure_queue,
    ),
    Input(
        "received-messages.json",
        [
            lines(
                "received-messages",
                "what `aws sqs receive-message` prints of the failure queue",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47200 443 6 20 4249 1795071610 1795071668 ACCEPT OK
                """,
                log_group="/vpc/flow-logs/default",
            )
        ],
        received_messages,
    ),
    Input(
        "invocation-record.json",
        [
            lines(
                "invocation-record",
                "an invocation record by itself, as it is kept from the failure queue",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47300 443 6 20 4249 1795075210 1795075268 ACCEPT OK
                """,
                log_group="/vpc/flow-logs/default",
            )
        ],
        lambda case: pretty(invocation_record(case)),
    ),
    Input(
        "firehose-object",
        [
            lines(
                "firehose-object first",
                "an object of Firehose: gzip members, without a suffix; a subscription payload, and records without line ends",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47400 443 6 20 4249 1795078810 1795078868 ACCEPT OK
                """,
                log_group="/vpc/flow-logs/default",
            ),
            lines(
                "firehose-object second",
                "",
                f"""
                flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47401 443 6 20 4249 1795078812 1795078868 ACCEPT OK
                flow: 2 123456789012 {WEB} 203.0.113.66 10.20.0.10 47402 23 6 1 40 1795078812 1795078868 REJECT OK
                """,
            ),
        ],
        firehose_object,
    ),
]
