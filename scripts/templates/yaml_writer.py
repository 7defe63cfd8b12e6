"""Writes a template as YAML for people: short function tags, comments, a single line for short nodes.

PyYAML quotes the scalars (the AWS tools read templates with PyYAML); layout and comments are decided here.
`scripts/check-templates` lets SAM and cfn-lint read the text.
"""

import re
import textwrap

import yaml

from .notes import split

WIDTH = 124
BLOCK_DEPTH = 3  # mappings above this depth are never written in one line: sections, resources, their properties
SHORT = 4  # most scalars in one line of a mapping, or of a list that holds mappings or lists


def function_tag(node):
    """Tag and argument of an intrinsic function; None for any other node."""
    if isinstance(node, dict) and len(node) == 1:
        key, argument = next(iter(node.items()))
        if key in ("Ref", "Condition") and isinstance(argument, str):
            return f"!{key}", argument
        if key.startswith("Fn::"):
            if key == "Fn::GetAtt":
                argument = ".".join(argument)
            return f"!{key[4:]}", argument
    return None


def scalar(value, flow):
    text = yaml.safe_dump(value, width=float("inf"), allow_unicode=True).removesuffix("...\n").rstrip("\n")
    if isinstance(value, str) and text[0] in "'\"":
        text = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if "\\" not in value else text
    elif flow and isinstance(value, str) and re.search(r"[,\[\]{}]", text):
        text = f'"{value}"'
    return text


def one_line(node):
    """The node in flow style, and the number of scalars; None for a node with a comment or a line end."""
    note, node = split(node)
    if note is not None:
        return None
    function = function_tag(node)
    if function:
        tag, argument = function
        inner = one_line(argument)
        return inner and (f"{tag} {inner[0]}", 1 if isinstance(argument, str) else inner[1])
    if isinstance(node, (dict, list)):
        parts = [one_line(item) for item in (node.values() if isinstance(node, dict) else node)]
        if None in parts:
            return None
        count = sum(part[1] for part in parts)
        texts = [part[0] for part in parts]
        if isinstance(node, dict):
            return "{" + ", ".join(f"{scalar(k, True)}: {text}" for k, text in zip(node, texts)) + "}", count
        return "[" + ", ".join(texts) + "]", count
    if isinstance(node, str) and "\n" in node:
        return None
    return scalar(node, True), 1


def is_short(node, room, depth):
    """True if a line suffices: the node fits, and is a function, a list of scalars, or a small mapping or list."""
    line = one_line(node)
    if line is None or len(line[0]) > room:
        return False
    if function_tag(node) or (isinstance(node, list) and all(isinstance(item, (str, int)) for item in node)):
        return True
    return depth >= BLOCK_DEPTH and line[1] <= SHORT


class Writer:
    def __init__(self):
        self.lines = []
        self.in_resources = False

    def comment(self, text, indent):
        for line in textwrap.wrap(text, WIDTH - indent - 2, break_on_hyphens=False, break_long_words=False):
            self.lines.append(" " * indent + "# " + line)

    def entry(self, head, node, indent, depth):
        """Writes `head` (a key with a colon, or the dash of an item) and the node behind."""
        note, node = split(node)
        start = " " * indent + head
        content = node
        tag = ""
        function = function_tag(node)
        if function:
            tag, content = f" {function[0]}", function[1]
        is_item = head == "-"
        if not isinstance(content, (dict, list)) or not content:
            self.leaf(start + tag, content, note, indent)
        elif is_short(node, WIDTH - len(start) - 1, depth):
            line = f"{start} {one_line(node)[0]}"
            self.beside_or_above(line, note, indent)
        else:
            if note:
                self.comment(note, indent)
            if is_item and not tag:
                self.inline_first(content, indent, depth)
            else:
                self.lines.append(start + tag)
                # The items of a list stand two columns to the right of their key.
                self.node(content, indent + 2, depth + 1)

    def inline_first(self, content, indent, depth):
        """An item whose first key or item stands in the line of the dash."""
        first = len(self.lines)
        self.node(content, indent + 2, depth + 1)
        place = next(n for n in range(first, len(self.lines)) if not self.lines[n].lstrip().startswith("#"))
        comments = [line[2:] for line in self.lines[first:place]]
        self.lines[first:place] = comments
        self.lines[place] = " " * indent + "- " + self.lines[place].lstrip()

    def beside_or_above(self, line, note, indent):
        if note and len(line) + len(note) + 3 <= WIDTH:
            line += f" # {note}"
        elif note:
            self.comment(note, indent)
        self.lines.append(line)

    def leaf(self, start, value, note, indent):
        if isinstance(value, str) and "\n" in value:
            if note:
                self.comment(note, indent)
            self.lines.append(f"{start} |")
            self.lines += [" " * (indent + 2) + line for line in value.rstrip("\n").split("\n")]
            return
        text = f"{start} {scalar(value, False)}"
        if len(text) > WIDTH and isinstance(value, str) and " " in value and "  " not in value:
            if note:
                self.comment(note, indent)
            self.lines.append(f"{start} >-")
            wrapped = textwrap.wrap(value, WIDTH - indent - 2, break_on_hyphens=False, break_long_words=False)
            self.lines += [" " * (indent + 2) + line for line in wrapped]
            return
        self.beside_or_above(text, note, indent)

    def node(self, node, indent, depth):
        if isinstance(node, list):
            for item in node:
                self.entry("-", item, indent, depth)
            return
        for key, value in node.items():
            if depth == 0 or (depth == 1 and indent == 2 and self.in_resources):
                if self.lines and self.lines[-1] != "" and not self.lines[-1].endswith(":"):
                    self.lines.append("")
            if depth == 0:
                self.in_resources = key == "Resources"
            self.entry(f"{scalar(key, False)}:", value, indent, depth)


def write(template, heading):
    """The text of an encoded template."""
    writer = Writer()
    writer.comment(heading, 0)
    writer.node(template, 0, 0)
    return "\n".join(writer.lines).rstrip("\n") + "\n"
