"""Complaints about a command: each program, or what it says of itself, judges subcommand and options.

Nothing is run: the AWS CLI reaches a port where nobody listens, and the others print their help.
"""

import contextlib
import functools
import io
import logging
import os
import pathlib
import re
import subprocess
import tempfile
from unittest import mock

import click
from awscli.clidriver import create_clidriver
from samcli.cli.main import cli as sam_cli

from .markdown import ROOT

logging.disable(logging.CRITICAL)  # the AWS CLI and SAM tell how they try
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "debug"
# Version 2 of the AWS CLI has these, version 1, which checks here, does not. Its reference names the options.
OF_VERSION_2 = ["--cli-binary-format", "raw-in-base64-out"]
COMMANDS_OF_VERSION_2 = {("logs", "tail"): {"--since", "--follow", "--format", "--filter-pattern", "--log-stream-names"}}
# Last words of the AWS CLI for a command that it accepts: nobody listens at the port, or a file is not here.
ACCEPTED = "Could not connect to the endpoint", "does not exist", "Invalid template path"
NOBODY = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
# Programs whose options are not checked: they are not of this project, and tests with real collectors run what matters of them.
OTHERS = {"git", "goflow2", "ipfixDump", "ktranslate", "mkdir", "nfcapd", "nfdump", "python3", "sh", "tshark"}


@functools.cache
def aws_driver():
    return create_clidriver()


def new_driver():
    """The AWS CLI anew, because a command leaves its options in the session, with the descriptions of services read so far."""
    driver = create_clidriver()
    driver.session.register_component("data_loader", aws_driver().session.get_component("data_loader"))
    return driver


def of_aws(words):
    """Complaint of the AWS CLI about a whole command."""
    for known, options in COMMANDS_OF_VERSION_2.items():
        if tuple(words[: len(known)]) == known:
            unknown = [word for word in words if word.startswith("--") and word not in options]
            return f"no option {' '.join(unknown)}" if unknown else ""
    # A file that the reader makes is an empty list here, or an empty object.
    of_list, of_object = (tuple(re.sub("^file://.*", content, word) for word in words) for content in ("[]", "{}"))
    return (refused := run_aws(of_list)) and run_aws(of_object) and refused


@functools.cache
def run_aws(words):
    words = [word for word in words if word not in OF_VERSION_2]
    said = io.StringIO()
    with mock.patch.dict(os.environ, NOBODY), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = new_driver().main(words)
        except SystemExit as exit:
            status = exit.code
    *_, last = said.getvalue().strip().splitlines() or [""]  # usage stands before it
    return "" if any(end in said.getvalue() for end in ACCEPTED) else f"status {status}: {last}"


def tables(command):
    """Subcommands and options of a command of the AWS CLI, which has several kinds of commands."""
    below = command._get_command_table() if hasattr(command, "_get_command_table") else getattr(command, "subcommand_table", {})
    options = command._get_argument_table() if command is aws_driver() else getattr(command, "arg_table", {})
    # `help` is a subcommand of everything.
    return {name: one for name, one in below.items() if name != "help"}, set(options)


def part_of_aws(words):
    """Complaint about a command of which the text names a part: service, operation and options have to exist."""
    if tuple(words[:2]) in COMMANDS_OF_VERSION_2:
        return of_aws(words)
    (table, options), path = tables(aws_driver()), []
    for word in words:
        if word.startswith("-") or not table:
            break
        if word not in table:
            return "" if "…" in word else f"no {word!r} in aws {' '.join(path)}"
        path.append(word)
        table, of_command = tables(table[word])
        options |= of_command
    named = {word.removeprefix("--") for word in words if word.startswith("--")} - {"cli-binary-format"}
    negated = {f"no-{name}" for name in options} | options
    unknown = {name for name in named - negated if "…" not in name}
    return f"no option {', '.join(unknown)} in aws {' '.join(path)}" if unknown else ""


def of_sam(words):
    name, *words = words
    command = sam_cli.get_command(click.Context(sam_cli, obj=True), name)
    if command is None:
        return f"no command {name!r}"
    try:
        command.make_parser(click.Context(command, info_name=f"sam {name}")).parse_args(words)
    except click.UsageError as error:
        return error.format_message()
    return ""


def by_help(program, words):
    """Complaint of a program that prints its help only if it knows every option before `--help`."""
    tried = subprocess.run([program, *words, "--help"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return "" if tried.returncode == 0 else tried.stderr.strip() or tried.stdout.strip()


@functools.cache
def help_of(program, *names):
    return subprocess.run([program, *names, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def part_by_help(program, words):
    """Complaint about a command of which the text names a part: its help has to name each option."""
    end = words.index("--") if "--" in words else len(words)
    names = words[: 2 if words[0] == "lambda" else 1]  # `cargo lambda build` has two names
    names = [] if names[0].startswith("-") else names
    printed = help_of(TARGET / program if program == "flowlogs" else program, *names)
    if printed.returncode:
        return printed.stderr.strip()
    options = {word.split("=")[0] for word in words[:end] if word.startswith("-")}
    unknown = [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", printed.stdout)]
    return f"no option {' '.join(unknown)}" if unknown else ""


def of_flowlogs(words):
    # A line to explain may look like anything, so nothing can stand behind the line.
    if words[:1] == ["explain"]:
        words = words[:-1]
    return by_help(TARGET / "flowlogs", words)


def of_cargo(words):
    end = words.index("--") if "--" in words else len(words)
    words, of_program = words[:end], words[end + 1 :]
    runs_flowlogs = words[:1] == ["run"] and "--example" not in words
    return by_help("cargo", words) or (of_flowlogs(of_program) if runs_flowlogs else "")


def of_jq(words):
    """jq ends with 3 if it cannot compile the program, with 2 for usage and for files that are not here."""
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(["jq", *words], input="", cwd=folder, capture_output=True, text=True)
    known = tried.returncode in (0, 1, 4, 5) or "Could not open" in tried.stderr or "No such file" in tried.stderr
    return "" if known else tried.stderr.strip()


def of_script(name, words):
    """A script of this repository exists, and its text names each option."""
    path = ROOT / name
    if not (path.is_file() and os.access(path, os.X_OK)):
        return "no such script"
    unknown = [word for word in words if word.startswith("-") and word not in path.read_text()]
    return f"no option {' '.join(unknown)}" if unknown else ""


def mention_of_script(name, words):
    """Complaint about a script that the text mentions; it may be any file, or a pattern of several."""
    if words:
        return of_script(name, words)
    return "" if (ROOT / name).exists() or re.search("[*…]", name) else "no such script"


JUDGES = {"aws": of_aws, "sam": of_sam, "flowlogs": of_flowlogs, "cargo": of_cargo, "jq": of_jq}


def complaint(words):
    """Complaint about a command; empty if nothing is wrong."""
    program, *words = words
    if program in JUDGES:
        return JUDGES[program](words)
    if program.startswith("scripts/"):
        return of_script(program, words)
    return "" if program in OTHERS else "no program that this check knows"


def complaint_of_part(words):
    """Complaint about a command that the text mentions, which may be a part of a command."""
    program, *words = words
    if program.startswith("scripts/"):
        return mention_of_script(program, words)
    if not words:
        return ""
    if program in ("aws", "sam"):
        return {"aws": part_of_aws, "sam": of_sam}[program](words)
    return part_by_help(program, words)
