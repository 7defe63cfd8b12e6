"""Commands of a shell block: the shell itself finds them.

The block runs in an empty folder with nothing in its path. Each command that is not found, and each script of this repository, notes its
arguments in place of running.
"""

import os
import pathlib
import re
import subprocess
import tempfile

from .markdown import ROOT

PATIENCE = 60  # seconds
# A command prints `s3://placeholder`; each variable that the reader sets is `placeholder`.
NOTE = r"""note() { printf '%s\0' "$@" $'\036' >>"$COMMAND_NOTES"; echo "s3://placeholder"; }
"""
NOT_FOUND = NOTE + 'command_not_found_handle() { note "$@"; }\n'


def syntax(text):
    """Complaint of bash about the syntax; empty if there is none."""
    parsed = subprocess.run(["/bin/bash", "-n"], input=text, capture_output=True, text=True)
    return parsed.stderr.strip() if parsed.returncode or parsed.stderr else ""


def commands(text):
    """The words of each command that a shell block runs."""
    with tempfile.TemporaryDirectory() as folder:
        notes, empty, scripts = (pathlib.Path(folder, name) for name in ("notes", "path", "block/scripts"))
        notes.touch()
        empty.mkdir()
        scripts.mkdir(parents=True)
        for name in os.listdir(ROOT / "scripts"):
            if os.access(ROOT / "scripts" / name, os.X_OK) and (ROOT / "scripts" / name).is_file():
                (scripts / name).write_text(f'#!/bin/bash\n{NOTE}note "scripts/{name}" "$@"\n')
                (scripts / name).chmod(0o755)
        of_the_reader = {name: "placeholder" for name in re.findall(r"\$\{?([A-Z_]+)", text)}
        ended = subprocess.run(
            ["/bin/bash", "-c", NOT_FOUND + text], cwd=scripts.parent, timeout=PATIENCE, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, env={**of_the_reader, "PATH": str(empty), "COMMAND_NOTES": str(notes)},
        )  # fmt: skip
        missing = re.findall(r"line \d+: (scripts/\S+): No such file", ended.stderr)
        noted = notes.read_bytes().decode().split("\0\036\0")
    return [record.split("\0") for record in noted if record] + [[name] for name in missing]
