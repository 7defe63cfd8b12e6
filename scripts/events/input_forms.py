"""`events/inputs/`: lines in the remaining forms; input of `flowlogs replay`, no Lambda events.

Most do not name a log group. The lines have a header or the default format, and every flow log
of the inventory counts for the coverage of rule 4.
"""

import base64
from dataclasses import dataclass, field
from typing import Callable

from case import Case
from envelopes import compact, gzip, iso, payload, pretty
from formats import DEFAULT
from network import ACCOUNT, REGION, WEB


@dataclass(frozen=True)
class Input:
    name: str
    cases: list[Case]
    write: Callable[..., bytes]
    shows: str = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "shows", self.cases[0].shows)

    def content(self) -> bytes:
        return self.write(*self.cases)

    def expected(self) -> dict:
        parts = [case.expected() for case in self.cases]
        numbers = {key: sum(part[key] for part in parts) for key, value in parts[0].items() if isinstance(value, int)}
        return parts[0] | numbers


def text(case: Case, end: str = "\n") -> bytes:
    return "".join(line.text + end for line in case.lines()).encode()


def two_members(case: Case) -> bytes:
    """Two gzip members, the first of which ends in the middle of a line."""
    whole = text(case)
    return gzip(whole[:200]) + gzip(whole[200:])


def export(case: Case) -> bytes:
    """Output of `aws logs create-export-task`."""
    return gzip("".join(f"{iso(event['timestamp'])} {event['message']}\n" for event in case.events()).encode())


def messages(case: Case) -> bytes:
    """Objects of Firehose in S3, a record a line."""
    return b"".join(compact({"message": line.text}) + b"\n" for line in case.lines())


def filter_log_events(case: Case) -> bytes:
    """Output of `aws logs filter-log-events`."""
    events = [
        {
            "logStreamName": case.log_stream,
            "timestamp": event["timestamp"],
            "message": event["message"],
            "ingestionTime": event["timestamp"] + 91_417,
            "eventId": event["id"],
        }
        for event in case.events()
    ]
    return pretty({"events": events, "searchedLogStreams": []})


def firehose_transformation(case: Case) -> bytes:
    """The event of a function that transforms a delivery stream's records."""
    records = [
        {
            "recordId": f"4966{index:046d}000000",
            "approximateArrivalTimestamp": event["timestamp"] + 91_417,
            "data": base64.b64encode(compact({"message": event["message"]})).decode(),
        }
        for index, event in enumerate(case.events())
    ]
    return pretty(
        {
            "invocationId": "0d1f3b5c-7e9a-4024-8680-1a3c5e7092b4",
            "deliveryStreamArn": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/flow-logs",
            "region": REGION,
            "records": records,
        }
    )


def packed(case: Case) -> str:
    """A payload within JSON."""
    return base64.b64encode(gzip(compact(payload(case)))).decode()


def kinesis_batch(*cases: Case) -> bytes:
    """The event of a function that reads a Kinesis data stream, the target of subscriptions of further accounts."""
    records = [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": f"{index:032x}",
                "sequenceNumber": f"4966{index:052d}",
                "data": packed(case),
                "approximateArrivalTimestamp": case.events()[0]["timestamp"] / 1000 + 91.417,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"shardId-000000000006:4966{index:052d}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/flow-logs-transcoder",
            "awsRegion": REGION,
            "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/flow-logs",
        }
        for index, case in enumerate(cases)
    ]
    return pretty({"Records": records})


def invocation_record(case: Case) -> dict:
    """Lambda's message to an OnFailure destination after three failures."""
    return {
        "version": "1.0",
        "timestamp": iso(case.events()[0]["timestamp"] + 391_417),
        "requestContext": {
            "requestId": "3f1c5d7e-9b02-4a46-8c68-1e3a5c7d9f10",
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:flow-logs-transcoder:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"awslogs": {"data": packed(case)}},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {
            "errorType": "CollectorUnreachable",
            "errorMessage": "CollectorUnreachable: tcp://collector.example.com:4739",
        },
    }


def failure_queue(*cases: Case) -> bytes:
    """The event of a function whose event source is its own failure queue."""
    records = [
        {
            "messageId": f"{index:08x}-5d7e-4b02-9a46-8c681e3a5c7d",
            "receiptHandle": "AQEB",
            "body": compact(invocation_record(case)).decode(),
            "attributes": {
                "ApproximateReceiveCount": "2",
                "SentTimestamp": str(case.events()[0]["timestamp"] + 391_500),
                "SenderId": ACCOUNT,
                "ApproximateFirstReceiveTimestamp": str(case.events()[0]["timestamp"] + 391_600),
            },
            "messageAttributes": {},
            "md5OfBody": "00000000000000000000000000000000",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:flow-logs-transcoder-failures",
            "awsRegion": REGION,
        }
        for index, case in enumerate(cases)
    ]
    return pretty({"Records": records})


def received_messages(case: Case) -> bytes:
    """Output of `aws sqs receive-message` for the failure queue."""
    message = {
        "MessageId": "00000000-5d7e-4b02-9a46-8c681e3a5c7d",
        "ReceiptHandle": "AQEB",
        "MD5OfBody": "00000000000000000000000000000000",
        "Body": compact(invocation_record(case)).decode(),
    }
    return pretty({"Messages": [message]})


def firehose_object(subscription: Case, direct: Case) -> bytes:
    """An object that Firehose wrote without decompression: payloads as gzip members, and records of a flow log."""
    members = [gzip(compact(payload(subscription)))]
    members += [gzip(b"".join(compact({"message": line.text}) for line in direct.lines()))]
    return b"".join(members)


def lines(name: str, shows: str, text: str, fields: str = DEFAULT, log_group: str = "", **more) -> Case:
    return Case(name, shows, text, {"": fields}, log_group, f"{WEB}-all", **more)
