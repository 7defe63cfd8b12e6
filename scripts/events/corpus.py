"""All files of `events/` by name, and the rules that every case keeps."""

import cases_duplicates
import cases_fields
import cases_tgw
import cases_unusual
import cases_vpc
from case import COUNTERS, Case
from envelopes import compact, lambda_event, payload, pretty
from inventory import formats_of, inventory

EVENTS = cases_vpc.CASES + cases_fields.CASES + cases_duplicates.CASES + cases_tgw.CASES + cases_unusual.CASES


def files() -> dict[str, bytes]:
    check([*EVENTS])
    files = {"inventory.json": pretty(inventory())}
    expected = {}
    for case in EVENTS:
        files[f"{case.name}.json"] = lambda_event(compact(payload(case)), **case.beside)
        expected[f"{case.name}.json"] = case.expected()
    files["expected.json"] = pretty(expected)
    return files


def check(cases: list[Case]) -> None:
    """Slips of the pen: a column too many, an unknown fate, a format that the inventory does not have."""
    ids, texts = set(), set()
    for case in cases:
        known = formats_of(case.log_group)
        for line, event in zip(case.lines(), case.events(), strict=True):
            where = f"{case.name}: {line.text}"
            assert line.fate in COUNTERS or line.fate == "header", where
            assert not known or " ".join(line.columns) in known, where
            if line.fate in ("unparsed", "header"):
                continue
            assert len(line.text.split()) == len(line.columns), where
            assert line.value("log-status") != "NODATA" or line.fate == "no-data", where
            assert line.value("log-status") != "SKIPDATA" or line.fate == "skipped", where
            assert line.fate == "again" or event["id"] not in ids, where
            assert line.fate == "again" or line.text not in texts, where
            ids.add(event["id"])
            texts.add(line.text)
