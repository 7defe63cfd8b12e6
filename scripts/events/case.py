"""A case: flow-log lines in AWS's form, each with the expected fate.

A line of a case is `fate: line`. The fates say the behaviour shown by the case, and the expected counters are the sums;
no parser of flow logs has a part in the sums.

    flow              exported
    no-data           NODATA: nothing happened
    skipped           SKIPDATA: records were lost at AWS
    unparsed          fits no format
    again             an earlier event with an equal line, delivered once more: same event id
    duplicate         the same observation by a second flow log
    gateway           seen a second time on its way out of a transit gateway
    both-ends         leaves an interface of a VPC for a second interface, recorded there, too
    header            a line with names of columns: no record

Where a log group has several formats, the fate names the one of the line: `flow/LONG: …`. A long line is folded; six or
more spaces count as one.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256

COUNTERS = {
    "flow": "FlowsExported",
    "no-data": "NoData",
    "skipped": "SkippedWindows",
    "unparsed": "UnparsedRecords",
    "again": "DuplicateDeliveries",
    "duplicate": "DuplicateRecords",
    "gateway": "DuplicateTransitGateway",
    "both-ends": "DuplicateBothEnds",
    "by-direction": "FilteredByDirection",  # needs a setting; no case has one
    "own-traffic": "ExcludedCollectorTraffic",  # needs a collector; no case has one
}


@dataclass(frozen=True)
class Line:
    fate: str
    text: str
    columns: tuple[str, ...]

    def value(self, name: str) -> str | None:
        """Returns the column of this name; None if absent or `-`."""
        tokens = self.text.split()
        if self.fate in ("unparsed", "header") or name not in self.columns:
            return None
        token = tokens[self.columns.index(name)]
        return None if token == "-" else token

    def number(self, name: str) -> int:
        return int(self.value(name) or 0)


@dataclass(frozen=True)
class Case:
    name: str
    shows: str
    text: str
    formats: dict[str, str]
    log_group: str
    log_stream: str
    owner: str = "123456789012"
    why: str | None = None  # what decides, where the counters are not obvious
    extra: dict = field(default_factory=dict)  # members of the payload beside the usual ones
    beside: dict = field(default_factory=dict)  # members beside `data` in the event
    extracted_fields: bool = False
    system_fields: dict[str, dict] = field(default_factory=dict)  # by the record's account: fields that a central group emits
    timestamp: int | None = None  # of the events, in seconds, where the lines have no start

    def lines(self) -> list[Line]:
        lines = []
        for raw in filter(None, (line.strip() for line in self.text.splitlines())):
            head, _, text = raw.partition(": ")
            fate, _, name = head.partition("/")
            columns = self.formats[name] if name else next(iter(self.formats.values()))
            text = re.sub(" {6,}", " ", text)
            lines.append(Line(fate, text, tuple(columns.split())))
        return lines

    def events(self) -> list[dict]:
        """Makes the log events of CloudWatch Logs; a line `again` has the id of the event with an equal message."""
        events, ids = [], {}
        for index, line in enumerate(self.lines()):
            start = line.number("start") or self.timestamp or 0
            milliseconds = start * 1000 if start < 10**11 else start
            # An id starts with the time in milliseconds; the rest is CloudWatch's own.
            random = int.from_bytes(sha256(f"{self.name} {index}".encode()).digest()[:18], "big")
            identifier = f"{milliseconds << 144 | random:056d}"
            if line.fate == "again":
                identifier = ids[line.text]
            ids.setdefault(line.text, identifier)
            event = {"id": identifier, "timestamp": milliseconds, "message": line.text}
            if self.extracted_fields:
                names = (name.replace("-", "_") for name in line.columns)
                event["extractedFields"] = dict(zip(names, line.text.split()))
            account = line.text.split()[1] if self.system_fields else ""
            if account in self.system_fields:
                event["extractedFields"] = event.get("extractedFields", {}) | self.system_fields[account]
            events.append(event)
        return events

    def expected(self) -> dict:
        records = [line for line in self.lines() if line.fate != "header"]
        flows = [line for line in records if line.fate == "flow"]
        expected = {"RecordsReceived": len(records)}
        for fate, counter in COUNTERS.items():
            expected[counter] = sum(line.fate == fate for line in records)
        expected["packets"] = sum(line.number("packets") for line in flows)
        expected["octets"] = sum(line.number("bytes") for line in flows)
        return expected | ({"why": self.why} if self.why else {})
