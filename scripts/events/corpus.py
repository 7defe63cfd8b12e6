"""All files of `events/` by name, and the rules that every case keeps."""

import cases_duplicates
import cases_fields
import cases_tgw
import cases_unusual
import cases_vpc
from case import COUNTERS, Case, Line
from cases_damaged import DAMAGED
from cases_inputs import INPUTS
from envelopes import compact, lambda_event, payload, pretty
from inventory import formats_of, inventory
from readme import readme

EVENTS = [
    *cases_vpc.CASES,
    *cases_fields.CASES,
    *cases_duplicates.CASES,
    *cases_tgw.CASES,
    *cases_unusual.CASES,
]

# Columns that are equal in two records of an observation, and those that both must have (docs/deduplication.md, rule 2).
INTERFACES = ["interface-id", "resource-id", "tgw-attachment-id"]
REQUIRED = ["srcaddr", "dstaddr", "srcport", "dstport", "protocol", "start", "end"]
OBSERVATION = [*INTERFACES, *REQUIRED, "pkt-srcaddr", "pkt-dstaddr", "packets", "bytes", "action", "flow-direction"]


def files() -> dict[str, bytes]:
    check(EVENTS + [case for item in INPUTS for case in item.cases])
    nothing = {"RecordsReceived": 0} | dict.fromkeys(COUNTERS.values(), 0) | {"packets": 0, "octets": 0}
    # Title, and for each file: name, subject, expectation, content.
    sections = [
        (
            "Events",
            [
                (f"{case.name}.json", case.shows, case.expected(), lambda_event(compact(payload(case)), **case.beside))
                for case in EVENTS
            ],
        ),
        (
            "Input for replay in other forms",
            [(f"inputs/{item.name}", item.shows, item.expected(), item.content()) for item in INPUTS],
        ),
        (
            "Damaged events",
            [(f"damaged/{name}", shows, nothing | {"error": stage}, content) for name, shows, stage, content in DAMAGED],
        ),
    ]
    rows = [row for _, section in sections for row in section]
    files = {name: content for name, _, _, content in rows}
    assert len(files) == len(rows), "two cases of one name"
    files["inventory.json"] = pretty(inventory())
    files["expected.json"] = pretty({name: expected for name, _, expected, _ in rows})
    files["README.md"] = readme([(title, [row[:3] for row in section]) for title, section in sections]).encode()
    return files


def check(cases: list[Case]) -> None:
    """Slips of the pen: a column too many, an unknown fate, a format that the inventory does not have, a record of
    another case, which would be a duplicate where all are replayed together."""
    ids, texts, observations = set(), set(), {}
    for case in cases:
        known = formats_of(case.log_group)
        for line in case.lines():
            where = f"{case.name}: {line.text}"
            assert line.fate in COUNTERS or line.fate == "header", where
            assert not known or " ".join(line.columns) in known, where
            if line.fate in ("unparsed", "header"):
                continue
            assert len(line.text.split()) == len(line.columns), where
            assert line.value("log-status") != "NODATA" or line.fate == "no-data", where
            assert line.value("log-status") != "SKIPDATA" or line.fate == "skipped", where
            assert line.fate == "again" or line.text not in texts, where
            texts.add(line.text)
            if line.fate in ("flow", "both-ends", "gateway") and (seen := observation(line)):
                other = observations.setdefault(seen, case.name)
                assert other == case.name, f"{where}\nis the same observation as one of {other}; give it another time"
        for event, line in zip(case.events(), case.lines(), strict=True):
            assert line.fate == "again" or event["id"] not in ids, event
            ids.add(event["id"])


def observation(line: Line) -> frozenset | None:
    """The observation of a line, as far as the line says enough to be told apart."""
    values = {name: line.value(name) for name in OBSERVATION if line.value(name)}
    identifies = all(name in values for name in REQUIRED) and any(name in values for name in INTERFACES)
    return frozenset(values.items()) if identifies else None
