"""Wrappings of lines by CloudWatch Logs, Firehose and S3."""

import base64
import json
import struct
import zlib
from datetime import datetime, timezone

from case import Case


def compact(value) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pretty(value) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def gzip(data: bytes) -> bytes:
    """A gzip member without a time or a name, so that equal data is an equal file."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\0" + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def payload(case: Case) -> dict:
    """Delivery of a subscription."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": case.owner,
        "logGroup": case.log_group,
        "logStream": case.log_stream,
        "subscriptionFilters": ["flow-logs-transcoder"],
        "logEvents": case.events(),
    } | case.extra


def lambda_event(data: bytes, **beside) -> bytes:
    """The event of a function that CloudWatch Logs invokes."""
    return compact({"awslogs": {"data": base64.b64encode(gzip(data)).decode()} | beside}) + b"\n"


def iso(milliseconds: int) -> str:
    time = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
