"""Tables whose last column is `test`: the tests and the constants that a row names are in the code."""

import functools
import re
import subprocess

from .markdown import ROOT

CELL = re.compile(r"(?<!\\)\|")


@functools.cache
def code():
    listed = subprocess.run(["git", "ls-files", "*.rs"], cwd=ROOT, check=True, capture_output=True, text=True)
    return {name: (ROOT / name).read_text() for name in listed.stdout.split()}


@functools.cache
def functions():
    return set(re.findall(r"\bfn (\w+)\(", "".join(code().values())))


def of_row(first, last):
    names = re.findall(r"`([a-z]\w*)`", last)
    paths = re.findall(r"`([\w/-]+\.rs)`", last)
    if not names and not paths and last != "–":
        yield "no test; `–` stands for none"
    yield from (f"no file {path}" for path in paths if path not in code())
    yield from (f"no test {name}" for name in names if name not in functions())
    ends = tuple(re.findall(r"`([\w/-]+\.rs)`", first))
    files = [text for name, text in code().items() if name.endswith(ends or ".rs")]
    for name in re.findall(r"`([A-Z][A-Z_]+)`", first):
        if not any(re.search(rf"\bconst {name}: ", text) for text in files):
            yield f"no constant {name} in {' or '.join(ends) or 'the code'}"


def of_tables(text):
    header = []
    for line, row in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in CELL.split(row)[1:-1]] if row.startswith("|") else []
        if not header:
            header = cells
        elif not cells:
            header = []
        elif header[-1] == "test" and set(cells[0]) != {"-"}:
            yield from ((line, complaint) for complaint in of_row(cells[0], cells[-1]))
