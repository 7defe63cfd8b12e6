"""Runs a shell block and compares the outcome with the comment above it."""

import contextlib
import os
import signal
import subprocess
import tempfile

from .markdown import ROOT
from .programs import TARGET

PATIENCE = 900  # seconds for a block; the first compiles


def expected(above):
    """Status, texts, and parts of the comment that are neither."""
    status, texts, unknown = 0, [], []
    for part in filter(None, (part.strip() for part in above.removeprefix("run").removeprefix(":").split(";"))):
        kind, _, value = part.partition(" ")
        if kind == "status":
            status = int(value)
        elif kind == "prints":
            texts.append(value)
        else:
            unknown.append(part)
    return status, texts, unknown


def problems(block):
    status, texts, unknown = expected(block.above)
    yield from (f"unknown part of the comment: {part}" for part in unknown)
    environment = {**os.environ, "PATH": f"{TARGET}:{os.environ['PATH']}"}
    # A file and not a pipe, which something left in the background would hold open; the session ends with the block.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["bash", "-c", block.text], cwd=ROOT, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            ended = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            ended = f"unknown: not done after {PATIENCE} s"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
            yield "something is left running"
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if ended != status:
        yield f"status {ended}, not {status}\n{printed}"
    yield from (f"does not print {text!r}\n{printed}" for text in texts if text not in printed)
