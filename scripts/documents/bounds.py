"""Bounds of the code and tables whose last column is `test`: each has what the other names.

- A row names constants and, in parentheses behind these, the file: `LIMIT` (`run.rs`), or the files that all have the
  constants. The file is written with as many folders as it takes to name a single file below the place of the table: the
  folder that the line above the table names (`s3/`), else the crate in the heading of the section, else all of
  the code. Another crate stands in the parentheses: (`crates/source`, `event.rs`).
- A row names tests, or `–`.
- A constant of a product bounds something if its comment begins with a word of `WORDS`, or its name with one of `NAMES`; each
  has a row in `docs/limits.md`.
"""

import functools
import re

from .markdown import ROOT, tracked

LIMITS = ROOT / "docs/limits.md"
WORDS = ("Most", "Largest", "Longest")
NAMES = ("MAX_", "MOST_", "LARGEST", "LONGEST")

CELL = re.compile(r"(?<!\\)\|")
CRATE = re.compile(r"`(crates/\w+)[`/]")
FOLDER = re.compile(r"`(\w[\w/]*)/`")
NAME_OR_FILES = re.compile(r"`([A-Z][A-Z0-9_]+)`|\(([^()]*`[\w/]+\.rs`[^()]*)\)")
CONSTANT = re.compile(r"((?:^ *///.*\n)*)(?:^ *#\[.*\n)*^ *(?:pub(?:\([a-z ]+\))? )?(?:const|static) ([A-Z][A-Z0-9_]*):", re.M)


@functools.cache
def code():
    return {name: (ROOT / name).read_text() for name in tracked() if name.endswith(".rs")}


@functools.cache
def functions():
    return set(re.findall(r"\bfn (\w+)\(", "".join(code().values())))


@functools.cache
def products():
    """Files of the products, without their tests."""
    source = re.compile(r"crates/(?!testing/)\w+/src/(?!(?:.*/)?(?:tests|testing)(?:/|\.rs))")
    return {name: text.partition("#[cfg(test)]\nmod tests {")[0] for name, text in code().items() if source.match(name)}


@functools.cache
def constants(text):
    """Comment of each constant of a file."""
    return {name: comment.strip() for comment, name in CONSTANT.findall(text)}


def bounds(files):
    """File and name of each constant that bounds something."""
    word = re.compile(rf"/// (?:{'|'.join(WORDS)})\b")
    for path, text in files.items():
        for name, comment in constants(text).items():
            if word.match(comment) or name.startswith(NAMES):
                yield path, name


def of_path(written, place, files):
    """The file of a written path, and a complaint if there is not exactly one."""
    crate, folder = place
    below = f"{crate}/src/{folder}/" if folder else f"{crate}/" if crate else ""
    found = [path for path in files if path.startswith(below) and f"/{path}".endswith(f"/{written}")]
    if len(found) == 1:
        return found[0], ""
    return None, f"{written} is {' or '.join(found)}: write more of its path" if found else f"no file {written} below {below or 'crates'}"


def of_names(first, place, files):
    """File and name of each constant of a cell, and complaints."""
    rows, complaints, names = [], [], []
    for name, behind in NAME_OR_FILES.findall(first):
        if name:
            names.append(name)
            continue
        crate = CRATE.search(behind)
        for written in re.findall(r"`([\w/]+\.rs)`", behind):
            path, complaint = of_path(written, (crate[1], "") if crate else place, files)
            if complaint:
                complaints.append(complaint)
                continue
            missing = [name for name in names if name not in constants(files[path])]
            complaints += [f"no constant {name} in {path}" for name in missing]
            rows += [(path, name) for name in names if name not in missing]
        names = []
    return rows, complaints + [f"no file behind {name}" for name in names]


def of_tests(last):
    names = re.findall(r"`([a-z]\w*)`", last)
    paths = re.findall(r"`([\w/-]+\.rs)`", last)
    if not names and not paths and last != "–":
        yield "no test; `–` stands for none"
    yield from (f"no file {path}" for path in paths if path not in code())
    yield from (f"no test {name}" for name in names if name not in functions())


def table_rows(text):
    """Line number, place and cells of each row of a table whose last column is `test`."""
    header, crate, folder = [], "", ""
    for line, row in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in CELL.split(row)[1:-1]] if row.startswith("|") else []
        if not header:
            header = cells
        elif not cells:
            header = []
        elif header[-1] == "test" and set(cells[0]) != {"-"}:
            yield line, (crate, folder), cells
        if not cells and row:
            found = CRATE.search(row)
            crate = (found[1] if found else "") if row.startswith("#") else crate
            found = FOLDER.search(row)
            folder = found[1] if found and not row.startswith("#") else ""


def of_tables(text):
    """Line number and text of each problem."""
    for line, place, cells in table_rows(text):
        _, complaints = of_names(cells[0], place, products())
        yield from ((line, complaint) for complaint in [*complaints, *of_tests(cells[-1])])


def without_row(text, files):
    """Bounds that the tables of a document do not name."""
    named = {row for _, place, cells in table_rows(text) for row in of_names(cells[0], place, files)[0]}
    for path, name in bounds(files):
        if (path, name) not in named:
            yield (
                f"no row for {name} of {path}: add one, with its value, what happens there and a test; or, if it bounds"
                f" nothing, begin its comment otherwise than {', '.join(WORDS)}, and its name otherwise than {', '.join(NAMES)}"
            )
