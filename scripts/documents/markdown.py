"""Reader of Markdown: blocks, links, headings and code spans of a file, with line numbers, by a CommonMark parser."""

import dataclasses
import functools
import pathlib
import re
import subprocess
import unicodedata
import urllib.parse

from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARSER = MarkdownIt("commonmark").enable("table")


@functools.cache
def parsed(text):
    """Tokens of a document."""
    return PARSER.parse(text)


@dataclasses.dataclass
class CodeBlock:
    """Fenced or indented code. `above` is the HTML comment before it, `line` the first line of `text`."""

    kind: str
    above: str
    line: int
    text: str


@functools.cache
def tracked():
    """Names of the tracked files, from the root."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    return listed.stdout.splitlines()


@functools.cache
def paths():
    """Tracked Markdown files, README.md first."""
    documents = (ROOT / name for name in tracked() if name.endswith(".md"))
    return sorted(documents, key=lambda path: (path != ROOT / "README.md", path))


def code_blocks(text):
    """Code blocks of a document, also those in lists and quotations."""
    above = ""
    for token in parsed(text):
        if token.type in ("fence", "code_block"):
            line = token.map[0] + (2 if token.type == "fence" else 1)
            yield CodeBlock(token.info.strip(), above, line, token.content)
        comment = re.fullmatch(r"<!-- (.*?) -->\s*", token.content) if token.type == "html_block" else None
        above = comment[1] if comment else ""


def blocks(kind, documents=None):
    """Place and text of the code blocks of a language in all documents."""
    for path in documents or paths():
        for block in code_blocks(path.read_text()):
            if block.kind == kind:
                yield f"{path.relative_to(ROOT)}:{block.line}", block.text


def inline(text):
    """Line number and token of everything within paragraphs, headings and cells."""
    for token in parsed(text):
        if token.type == "html_block":
            yield token.map[0] + 1, token
        if token.type != "inline":
            continue
        line = token.map[0] + 1
        for child in token.children:
            line += child.type in ("softbreak", "hardbreak")
            yield line, child


def links(text):
    """Line number and target of links and images."""
    for line, token in inline(text):
        if token.type == "link_open":
            yield line, urllib.parse.unquote(token.attrs["href"])
        elif token.type == "image":
            yield line, urllib.parse.unquote(token.attrs["src"])
        elif token.type.startswith("html"):
            yield from ((line, target) for target in re.findall(r'<img [^>]*src="([^"]+)"', token.content))


def unresolved(text):
    """Line number and text of links by reference that no definition resolves."""
    for line, token in inline(text):
        if token.type == "text":
            yield from ((line, found) for found in re.findall(r"\]\[[^\]]*\]|\]\([^)\s]*\)", token.content))


def code_spans(text):
    """Line number and content of code within the text."""
    return ((line, token.content) for line, token in inline(text) if token.type == "code_inline")


def anchor_of(heading):
    kept = (c for c in heading.lower() if c in "-_ " or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


@functools.cache
def anchors(path):
    """The anchors that GitHub gives to the headings of a file, and those that the file names."""
    found, tokens = {}, parsed(path.read_text())
    for opening, heading in zip(tokens, tokens[1:]):
        if opening.type == "heading_open":
            anchor = anchor_of("".join(child.content for child in heading.children if child.type in ("text", "code_inline")))
            number = found.get(anchor, 0)
            found[anchor] = number + 1
            if number:
                found[f"{anchor}-{number}"] = 1
    return set(found) | set(re.findall(r'<a (?:id|name)="([^"]+)"', path.read_text()))
