"""Names of the code in CONTRIBUTING.md: every file, type, function and constant that it names is there."""

import functools
import re

from . import markdown
from .markdown import ROOT

# Named as an example of what does not exist yet.
FUTURE = {"V12"}
PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:rs|py|csv|toml|yaml|md|json)|(?:[\w.-]+/)+")
NAME = re.compile(r"[A-Z]\w*(?:::\w+)+|[A-Z]\w{2,}|[a-z]+(?:_[a-z0-9]+)+!?")


@functools.cache
def words():
    """Words of each file of code, without the tests of this check, which have names that do not exist."""
    folders = re.compile(r"(?:crates|tests|scripts(?!/documents/tests)|fuzz)/.*(?<!\.md)")
    code = [ROOT / name for name in markdown.tracked() if folders.fullmatch(name)]
    return [set(re.findall(r"\w+", path.read_text(errors="replace"))) for path in code]


def complaint(span):
    """Complaint about a text between back quotes; nothing for a name that exists, and for what is no name."""
    if PATH.fullmatch(span):
        there = any(f"/{name}".endswith(f"/{span}") or f"/{span}" in f"/{name}" and span.endswith("/") for name in markdown.tracked())
        return "" if there else f"no file {span}"
    if not NAME.fullmatch(span) or span in FUTURE:
        return ""
    parts = set(re.findall(r"\w+", span))
    return "" if any(parts <= known for known in words()) else f"no {span} in the code"


def of_map(text):
    """Line number and text of each problem."""
    for line, span in markdown.code_spans(text):
        if said := complaint(span):
            yield line, said
