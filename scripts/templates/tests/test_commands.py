"""Every command of the AWS CLI that a document shows is one that the AWS CLI takes: its name, its options, their values.

The shell itself finds the commands: it runs each block with nothing in its path but an `aws` that notes its arguments. The
AWS CLI then checks them, and tries to reach a port where nobody listens. Nothing leaves the machine.
"""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from awscli.clidriver import create_clidriver

from .test_documents import blocks

STUB = """\
#!{python}
import json, sys
with open({notes!r}, "a") as notes:
    notes.write(json.dumps(sys.argv[1:]) + "\\n")
print("s3://placeholder")
"""
NOTHING_ELSE = "command_not_found_handle() { echo placeholder; }\n"
# Version 2 of the AWS CLI has these, version 1, which checks here, does not.
OF_VERSION_2 = ["--cli-binary-format", "raw-in-base64-out"]
COMMANDS_OF_VERSION_2 = [["logs", "tail"]]
# How a command ends that was taken: a port where nobody listens; a file that is not here.
TAKEN = "Could not connect to the endpoint", "does not exist", "Invalid template path"
NOBODY = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


def run_by(shell):
    """The arguments of each `aws` that a shell block runs."""
    with tempfile.TemporaryDirectory() as folder:
        path, notes = pathlib.Path(folder, "path"), pathlib.Path(folder, "notes")
        path.mkdir()
        notes.touch()
        (path / "aws").write_text(STUB.format(python=sys.executable, notes=str(notes)))
        (path / "aws").chmod(0o755)
        of_the_reader = {name: "placeholder" for name in re.findall(r"\$\{?([A-Z_]+)", shell)}
        subprocess.run(
            ["/bin/bash", "-c", NOTHING_ELSE + shell], cwd=folder, env={**of_the_reader, "PATH": str(path)}, timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return [json.loads(line) for line in notes.read_text().splitlines()]


def complaint(words):
    """What the AWS CLI says of a command that it refuses; empty if it takes it."""
    # A file that the reader makes is an empty list here, or an empty object.
    of_file = lambda content: complaint_of([re.sub("^file://.*", content, word) for word in words])  # noqa: E731
    return of_file("[]") and of_file("{}")


def complaint_of(words):
    begins = lambda known: words[: len(known)] == known  # noqa: E731
    words = [word for word in words if word not in OF_VERSION_2]
    if any(map(begins, COMMANDS_OF_VERSION_2)):
        return ""
    said = io.StringIO()
    with mock.patch.dict(os.environ, NOBODY), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = create_clidriver().main(words)
        except SystemExit as exit:
            status = exit.code
    return "" if any(end in said.getvalue() for end in TAKEN) else f"{status}: {said.getvalue()}"


class Commands(unittest.TestCase):
    def test_every_command_of_the_documents_is_taken_by_the_aws_cli(self):
        shown = {tuple(words): place for place, text in blocks("sh") for words in run_by(text)}
        self.assertGreaterEqual(len(shown), 40, "commands were not found")
        for words, place in shown.items():
            with self.subTest(place=place, command=" ".join(words)):
                self.assertEqual(complaint(list(words)), "")

    def test_what_the_aws_cli_does_not_know_is_noticed(self):
        for command in (
            "logs put-destinations",
            "logs put-destination --destination-name a --target-arn b",
            "logs put-destination --destination-name a --target-arn b --role-arn c --policy d",
            "ec2 create-flow-logs --resource-type VPC --resource-ids vpc-1 --max-aggregation-interval ten",
            "s3 cp --recursively a s3://b",
            "cloudformation deploy --stack-name a --template a.yaml --parameters A=b",
        ):
            with self.subTest(command=command):
                self.assertNotEqual(complaint(command.split()), "")
