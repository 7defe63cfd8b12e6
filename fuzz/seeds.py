#!/usr/bin/env python3
"""Writes seeds of the fuzz targets into a directory, from the captured events: fuzzing begins with real payloads of AWS."""

import base64
import gzip
import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
into = pathlib.Path(sys.argv[1])


def write(target, name, octets):
    place = into / target
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(octets)


inventory = (root / "events/inventory.json").read_bytes()
everything = json.loads(inventory)
formats = {}
for number, flow_log in enumerate(everything["FlowLogs"]):
    text = flow_log["LogFormat"]
    formats.setdefault(flow_log.get("LogGroupName"), []).append(text)
    write("formats", f"{number}-braces", text.encode())
    write("formats", f"{number}-header", text.replace("${", "").replace("}", "").encode())
write("formats", "several", ";".join(f["LogFormat"] for f in everything["FlowLogs"][:3]).encode())

write("inventory", "whole", inventory)
for key, entries in everything.items():
    write("inventory", key, json.dumps({key: entries[:2]}).encode())

# Objects of an organization's inventory: a manifest in one line, and a part behind it.
scope = {"AccountId": "123456789012", "Region": "eu-central-1"}
part = {"InventoryVersion": 1, **scope, "Version": "a1", "NetworkInterfaces": everything["NetworkInterfaces"][:3]}
listed = {"AsOf": "2026-11-19T05:00:00Z", "FlowLogsAsOf": "2026-11-19T05:00:00Z", "Version": "a1", "Interfaces": 3}
manifest = {"InventoryVersion": 1, "AsOf": "2026-11-19T05:00:00Z", "Parts": [scope | listed], "NotAsked": []}
for key in ("FlowLogs", "Vpcs", "TransitGateways", "TransitGatewayAttachments"):
    manifest[key] = [entry | scope for entry in everything.get(key, [])[:3]]
write("stored_inventory", "organization", json.dumps(manifest).encode() + b"\n" + json.dumps(part).encode())
part["Region"] = "us-east-1"
write("stored_inventory", "other-region", json.dumps(manifest).encode() + b"\n" + json.dumps(part).encode())
write("stored_inventory", "packed", json.dumps(manifest).encode() + b"\n" + gzip.compress(json.dumps(part).encode()))

for file in sorted((root / "events").rglob("*")):
    if not file.is_file() or file.suffix in (".golden", ".md", ".parquet") or file.name in ("inventory.json", "expected.json"):
        continue
    octets = file.read_bytes()
    write("payload", f"{file.parent.name}-{file.name}", octets)
    try:
        data = json.loads(octets)["awslogs"]["data"]
        payload = gzip.decompress(base64.b64decode(data, validate=True))
        events = json.loads(payload)
    except (ValueError, KeyError, TypeError, EOFError, OSError):
        continue
    write("payload", f"base64-{file.name}", data.encode())
    write("payload", f"plain-{file.name}", payload)
    if len(data) < 2_000:
        invocation = {
            "requestContext": {"condition": "RetriesExhausted"},
            "requestPayload": {"awslogs": {"data": data}},
            "responsePayload": {
                "errorType": "CollectorUnreachable",
                "errorMessage": "tcp://10.0.0.1:4739: refused, tls://collector:4740",
            },
        }
        message = {"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(invocation), "attributes": {"SentTimestamp": "1"}}
        kinesis = {"eventSource": "aws:kinesis", "eventID": "shardId-000000000006:1", "kinesis": {"sequenceNumber": "1", "data": data}}
        write("event", f"subscription-{file.name}", octets)
        write("event", f"invocation-{file.name}", json.dumps(invocation).encode())
        write("event", f"queue-{file.name}", json.dumps({"Records": [message]}).encode())
        write("event", f"kinesis-{file.name}", json.dumps({"Records": [kinesis, kinesis]}).encode())
        write("event", f"firehose-{file.name}", json.dumps({"records": [{"recordId": "1", "data": data}]}).encode())
        # An object of Firehose: payloads as gzip members behind each other, or lines of JSON.
        write("payload", f"members-{file.name}", base64.b64decode(data) * 2)
        lines_of_json = "".join(json.dumps({"message": event["message"]}) + "\n" for event in events["logEvents"])
        write("payload", f"messages-{file.name}", lines_of_json.encode())
        # A central log group: each event names its account, region and log group.
        central = {"@aws.account": "210987654321", "@aws.region": "us-east-1", "@source.log": "/vpc/flow-logs/default"}
        events_of_all = [event | {"extractedFields": central} for event in events["logEvents"]]
        write("payload", f"central-{file.name}", json.dumps(events | {"logEvents": events_of_all}).encode())
    text = ";".join(formats.get(events.get("logGroup"), []))
    lines = [text] + [event["message"] for event in events["logEvents"]]
    for settings in (0x00, 0xFF):
        write("lines", f"{settings}-{file.name}", bytes([settings]) + "\n".join(lines).encode())

for number, url in enumerate(
    "udp://10.0.0.1:4739,tcp://collector.example.com tls://[2001:db8::1]:4740 file:flows.ipfix file:///var/flows.ipfix"
    " udp://me:secret@collector collector:4739 udp://[fe80::1%eth0] udp://256.0.0.1".split()
):
    write("collector_url", str(number), url.encode())

# Notices of S3, in the wrappings in which they arrive.
key = "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/21/123456789012_vpcflowlogs_eu-central-1_fl-1_20261121T0000Z_1.log.gz"
place = {"bucket": {"name": "flows"}, "object": {"key": key, "size": 1, "eTag": "e", "versionId": "v"}}
record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": place}
direct = json.dumps({"Records": [record]})
bridge = json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": place})
sns = json.dumps({"Type": "Notification", "Message": direct})
notices = {"direct": direct, "bridge": bridge, "sns": sns, "test": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})}
for name, text in list(notices.items()):
    notices["queue-" + name] = json.dumps({"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": text}]})
notices["key"] = key
for name, text in notices.items():
    write("notification", name, text.encode())
