"""Complaints about a block of data: the parser of its language."""

import configparser
import json
import tomllib
import xml.etree.ElementTree

import hcl2
import yaml


def of_ini(text):
    configparser.ConfigParser(interpolation=None, strict=False).read_string(f"[all]\n{text}")


# JSON is one value, or several for a list; XML the elements of a file.
PARSERS = {
    "ini": of_ini,
    "json": lambda text: json.loads(f"[{text}]"),
    "terraform": hcl2.loads,
    "toml": tomllib.loads,
    "xml": lambda text: xml.etree.ElementTree.fromstring(f"<all>{text}</all>"),
    "yaml": lambda text: list(yaml.safe_load_all(text)),
}
# Languages without a parser here, and what checks the blocks instead.
UNPARSED = {
    "": "output, diagrams and configurations of collectors, no commands",
    "rust": "crates/cli/tests/cli/library.rs compares it with the example that is compiled",
    "text": "diagrams",
    "typescript": "its parameters are resolved against the template",
}


def complaint(kind, text):
    """What the parser says; empty if the block is well-formed."""
    if kind in UNPARSED:
        return ""
    if kind not in PARSERS:
        return f"no parser for the language {kind!r}"
    try:
        PARSERS[kind](text)
    except Exception as error:  # each parser has its own
        return f"{kind}: {error}"
    return ""
