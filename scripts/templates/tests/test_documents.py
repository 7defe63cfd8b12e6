"""Every deployment that a document shows goes through parameters, rules and conditions, read by the tool's own parser."""

import json
import re
import shlex
import tomllib
import unittest

import hcl2
from samcli.cli.types import CfnParameterOverridesType

from .resolve import ROOT, plain, resolve, sections
from .rules import Refused

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEMPLATES = ["template.yaml", "template-s3.yaml", "template-inventory.yaml", "template-member.yaml"]
CHANGES = ("deploy", "create-stack", "create-stack-set", "update-stack")
OF_COMMANDS = {"FileFormat", "OrganizationalUnitIds"}  # options of AWS commands that look like parameters
FORMAT = "${version} ${account-id} ${interface-id}"


def blocks(kind):
    """Document, line and text of the blocks of a language."""
    for path in DOCUMENTS:
        text = path.read_text()
        for found in re.finditer(rf"^```{kind}\n(.*?)^```", text, re.M | re.S):
            yield f"{path.name}:{text.count(chr(10), 0, found.start()) + 1}", found[1]


def commands():
    """Place and words of each command in the shell blocks."""
    for place, text in blocks("sh"):
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            try:
                yield place, shlex.split(line, comments=True)
            except ValueError:
                continue  # a part of a command that spans lines within quotes


def after(words, option):
    """The words behind an option, up to the next one."""
    if option not in words:
        return []
    rest = words[words.index(option) + 1 :]
    end = next((number for number, word in enumerate(rest) if word.startswith("--")), len(rest))
    return rest[:end]


def sam(overrides):
    """Tags of SAM."""
    return CfnParameterOverridesType().convert(tuple(overrides), None, None)


def pairs(words):
    return dict(word.split("=", 1) for word in words)


def template_of(parameters):
    if "Accounts" in parameters:
        return plain("flowlogs-inventory") if "CodeBucket" in parameters else "template-inventory.yaml"
    if "InventoryRoleArns" in parameters:
        return "template-member.yaml"
    source = "s3" if "BucketName" in parameters else "cloudwatch"
    if "CodeBucket" in parameters:
        return plain(f"flowlogs-{source}")
    return {"s3": "template-s3.yaml", "cloudwatch": "template.yaml"}[source]


def deployments():
    """Place and parameters of every deployment that the documents show."""
    for place, words in commands():
        overrides = after(words, "--parameter-overrides")
        if words[:2] in (["sam", "deploy"], ["sam", "build"]) and overrides:
            yield place, sam(overrides), words[1] == "deploy"
        elif words[:2] == ["aws", "serverlessrepo"] and overrides:
            yield place, dict(re.fullmatch("Name=(.*?),Value=(.*)", word).groups() for word in overrides), True
        elif words[:2] == ["aws", "cloudformation"] and words[2] in CHANGES:
            given = [re.fullmatch("ParameterKey=(.*?),ParameterValue=(.*)", word).groups()
                     for word in after(words, "--parameters") if word.startswith("ParameterKey")]  # fmt: skip
            parameters = {**pairs(overrides), **dict(given)}
            if parameters:  # with the zip alone, it is an update that keeps the rest
                yield place, parameters, words[2] != "update-stack" and not set(parameters) <= {"CodeBucket", "CodeKey"}
    for place, text in blocks("toml"):
        if "parameter_overrides" not in text:
            continue
        for environment in tomllib.loads(text).values():
            for command in environment.values():
                yield place, sam(command["parameters"]["parameter_overrides"]), True
    for place, text in blocks("terraform"):
        for resource in hcl2.loads(text)["resource"]:
            for stacks in resource.values():
                for stack in stacks.values():
                    parameters = stack.get("parameters", {})
                    if isinstance(parameters, dict) and parameters:  # else those of another stack
                        yield place, {name: value.strip('"') for name, value in parameters.items()}, True
    for place, text in blocks("json"):
        try:
            content = json.loads(text)
        except ValueError:
            continue  # a part of a document
        if isinstance(content, list) and content and "ParameterKey" in content[0]:
            yield place, {one["ParameterKey"]: one["ParameterValue"] for one in content}, True


class Deployments(unittest.TestCase):
    def test_every_deployment_of_the_documents_would_work(self):
        shown = list(deployments())
        self.assertGreaterEqual(len(shown), 12, "deployments were not found")
        for place, parameters, whole in shown:
            if not whole:  # other parameters keep their values, or are not asked for
                parameters = {"Collector": "udp://10.1.2.3:4739", "LogGroupName": "/vpc/flow-logs", **parameters}
            with self.subTest(place=place, parameters=parameters):
                resolve(template_of(parameters), **parameters)

    def test_a_parameter_that_a_document_names_exists(self):
        names = set().union(*(sections(name)["Parameters"] for name in TEMPLATES))
        for path in DOCUMENTS:
            named = set(re.findall(r"`([A-Z][a-z][A-Za-z]*[0-9]*)=[^`]*`", path.read_text()))
            self.assertEqual(named - names - OF_COMMANDS, set(), path.name)


class Json(unittest.TestCase):
    def test_every_block_of_json_is_json(self):
        shown = list(blocks("json"))
        self.assertGreaterEqual(len(shown), 7, "blocks were not found")
        for place, text in shown:
            with self.subTest(place=place):
                json.loads(f"[{text}]")  # one value, or several for a list


class Quotes(unittest.TestCase):
    def parsed(self, shell):
        return sam(shlex.split(shell))["LogFormat"]

    def test_sam_keeps_spaces_only_within_double_quotes_of_its_own(self):
        self.assertEqual(self.parsed(f"""'LogFormat="{FORMAT}"'"""), FORMAT)
        self.assertEqual(self.parsed(f"LogFormat='{FORMAT}'"), "${version}", "the shell's quotes alone lose the rest")

    def test_the_rest_of_a_format_without_quotes_is_refused_or_lost(self):
        lost = sam(shlex.split(f"Collector=udp://10.1.2.3:4739 LogGroupName=/vpc LogFormat='{FORMAT}'"))
        self.assertEqual(lost["LogFormat"], "${version}")

    def test_values_with_quotes_of_their_own_are_escaped(self):
        self.assertEqual(sam([r'FilterPattern="[version, account=\"1*\", ...]"'])["FilterPattern"], '[version, account="1*", ...]')


class Refusals(unittest.TestCase):
    def test_a_deployment_that_would_not_work_is_noticed(self):
        with self.assertRaises(Refused):
            resolve("template.yaml", Collector="udp://10.1.2.3:4739", LogGroupName="/vpc", CollectorCidr="10.1.2.3/32")
