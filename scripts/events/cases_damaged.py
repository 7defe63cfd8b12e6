"""`events/damaged/`: undecodable events. Each fails at a stage before the first record."""

import base64

from case import Case
from envelopes import compact, gzip, payload
from formats import DEFAULT
from network import WEB

CASE = Case(
    "damaged",
    "",
    f"""
    flow: 2 123456789012 {WEB} 203.0.113.12 10.20.0.10 47000 443 6 20 4249 1795064410 1795064468 ACCEPT OK
    flow: 2 123456789012 {WEB} 10.20.0.10 203.0.113.12 443 47000 6 31 38219 1795064410 1795064468 ACCEPT OK
    """,
    {"DEFAULT": DEFAULT},
    "/vpc/flow-logs/default",
    f"{WEB}-all",
)


def event(data: str) -> bytes:
    return compact({"awslogs": {"data": data}}) + b"\n"


def encoded(data: bytes) -> bytes:
    return event(base64.b64encode(data).decode())


WHOLE = compact(payload(CASE))
MEMBER = gzip(WHOLE)

# name, damage, the stage in the error, content
DAMAGED = [
    ("base64.json", "a character that base64 does not have", "base64", event("!" + base64.b64encode(MEMBER).decode()[1:])),
    ("gzip-truncated.json", "a gzip member that ends in the middle", "gzip", encoded(MEMBER[: len(MEMBER) // 2])),
    ("gzip-checksum.json", "a gzip member whose checksum is not that of its content", "gzip", encoded(MEMBER[:-8] + bytes(4) + MEMBER[-4:])),
    ("json-truncated.json", "JSON that ends in the middle, in sound gzip", "json", encoded(gzip(WHOLE[: len(WHOLE) * 2 // 3]))),
]
