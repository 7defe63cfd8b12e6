"""Problems of documents, as `path:line: text`."""

import functools
import re
import shlex
import subprocess
import urllib.parse

from . import bounds, data, markdown, names, programs, running, shell
from .markdown import ROOT

# The first word of a line that makes an unlabelled block a shell block.
OF_SHELL = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )?(?:aws|sam|flowlogs|cargo|terraform|scripts/\S+|export|sudo|docker) ", re.M)
PAGE_LINES = 250
OF_TEXT = re.compile(r"^(?:[A-Z_]+=(?:\"[^\"]*\"|\S+) )*((?:aws|sam|flowlogs|cargo) .*|scripts/\S.*)$")


def of_link(path, target):
    parts = urllib.parse.urlsplit(target)
    if parts.scheme:
        usable = parts.scheme in ("https", "http") and "." in parts.netloc
        return "" if usable else f"no usable address: {target}"
    there = (path.parent / parts.path).resolve() if parts.path else path
    if not there.exists():
        return f"no file {target}"
    if parts.fragment and there.suffix == ".md" and parts.fragment not in markdown.anchors(there):
        return f"no heading for {target}"
    return ""


def of_links(path, text):
    for line, target in markdown.links(text):
        if complaint := of_link(path, target):
            yield line, complaint
    for line, found in markdown.unresolved(text):
        yield line, f"no link: {found}"


@functools.cache
def fields():
    listed = subprocess.run([programs.TARGET / "flowlogs", "fields"], check=True, capture_output=True, text=True)
    return set(re.findall(r"^([a-z][a-z0-9-]+) ", listed.stdout, re.M))


def of_fields(text):
    """Names in a format that are no fields of flow logs."""
    for format in re.findall(r"--log-format '([^']*)'", text):
        for name in re.findall(r"\$\{([^}]*)\}", format):
            if name not in fields() and name != "…":
                yield f"no flow-log field {name}"


def of_shell(text):
    if complaint := shell.syntax(text):
        yield complaint
        return
    yield from of_fields(text)
    for words in shell.commands(text):
        if complaint := programs.complaint(words):
            yield f"`{shlex.join(words)}`: {complaint}"


def of_blocks(text):
    for block in markdown.code_blocks(text):
        if block.kind == "sh":
            yield from ((block.line, complaint) for complaint in of_shell(block.text))
        elif complaint := data.complaint(block.kind, block.text):
            yield block.line, complaint
        if block.kind in ("", "text") and (found := OF_SHELL.search(block.text)):
            yield block.line, f"`{found[0].strip()}` in a block that is not marked `sh`"


def of_spans(text):
    """Commands in the text: what is written of them exists."""
    for line, span in markdown.code_spans(text):
        for part in re.split(r" *(?:\||&&|;|>) *", span):
            if not (command := OF_TEXT.match(part)):
                continue
            try:
                words = shlex.split(command[1])
            except ValueError:
                yield line, f"`{span}`: quotes that do not end"
                continue
            words = [word for word in words if word != "…"]  # what the reader fills in
            if complaint := programs.complaint_of_part(words):
                yield line, f"`{span}`: {complaint}"


def of_page(path, text):
    """A page of one question is short, and ends with what was tried of it."""
    if path.parent.name not in ("deploy", "operate"):
        return
    lines = text.count("\n")
    if lines > PAGE_LINES:
        yield lines, f"a page of one question has at most {PAGE_LINES} lines"
    if not re.search(r"^## What was tried\n\n(?:[^#\n].*\n|\n)+\Z", text, re.M):
        yield lines, "the page does not end with `## What was tried`"


def of_document(path, text):
    """Line number and text of each problem."""
    yield from of_page(path, text)
    yield from of_links(path, text)
    yield from of_blocks(text)
    yield from of_spans(text)
    yield from bounds.of_tables(text)
    if path == bounds.LIMITS:
        yield from ((1, complaint) for complaint in bounds.without_row(text, bounds.products()))
    if path.name == "CONTRIBUTING.md":
        yield from names.of_map(text)


def of_mentions():
    """Documents that other files name by their path."""
    for name in markdown.tracked():
        path = ROOT / name
        if path.suffix in (".md", ".svg", ".json", ".lock") or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        for found in re.finditer(r"\bdocs/[a-z0-9/-]+\.md\b", text):
            if not (ROOT / found[0]).exists():
                yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: no file {found[0]}"


def all_problems(named, runs):
    problems, run = [], 0
    for path in named or markdown.paths():
        text = path.read_text()
        where = path.relative_to(ROOT)
        problems += [f"{where}:{line}: {complaint}" for line, complaint in of_document(path, text)]
        for block in markdown.code_blocks(text):
            if runs and block.above.startswith("run"):
                print(f"{where}:{block.line}: {block.text.splitlines()[0]}", flush=True)
                problems += [f"{where}:{block.line}: {complaint}" for complaint in running.problems(block)]
                run += 1
    if not named:
        problems += of_mentions()
    if runs and run == 0:
        problems.append("no block was run")
    return problems
