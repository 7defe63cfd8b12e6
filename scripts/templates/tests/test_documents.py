"""Every deployment that a document shows goes through parameters, rules and conditions, read by the tool's own parser."""

import json
import re
import shlex
import tomllib
import unittest

import hcl2
from documents import markdown
from samcli.cli.types import CfnParameterOverridesType

from .resolve import ROOT, plain, resolve, sections
from .rules import Refused

TEMPLATES = ["template.yaml", "template-s3.yaml", "template-inventory.yaml", "template-member.yaml"]
CHANGES = ("deploy", "create-stack", "create-stack-set", "create-stack-instances", "update-stack", "update-stack-set")
# Commands that name a part of the parameters: the others keep their values.
PARTIAL = ("create-stack-instances", "update-stack", "update-stack-set")
OF_COMMANDS = {"FileFormat", "OrganizationalUnitIds"}  # options of AWS commands that look like parameters
FORMAT = "${version} ${account-id} ${interface-id}"


def commands(blocks):
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
    """Parameters as SAM reads them from its option."""
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


def deployments(blocks=markdown.blocks):
    """Place and parameters of every deployment that the documents show, and whether it names all that are needed."""
    for place, words in commands(blocks):
        overrides = after(words, "--parameter-overrides")
        if words[:2] in (["sam", "deploy"], ["sam", "build"]) and overrides:
            yield place, sam(overrides), words[1] == "deploy"
        elif words[:2] == ["aws", "serverlessrepo"] and overrides:
            yield place, dict(re.fullmatch("Name=(.*?),Value=(.*)", word).groups() for word in overrides), True
        elif words[:2] == ["aws", "cloudformation"] and words[2] in CHANGES:
            shorthand = [re.fullmatch("ParameterKey=(.*?),ParameterValue=(.*)", word)
                         for word in overrides + after(words, "--parameters") if word.startswith("ParameterKey")]  # fmt: skip
            given = {found[1]: found[2].replace("\\,", ",") for found in shorthand}
            parameters = given or pairs(overrides)
            if parameters:  # with the zip alone, it is an update that keeps the rest
                yield place, parameters, words[2] not in PARTIAL and not set(parameters) <= {"CodeBucket", "CodeKey"}
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
    for place, text in blocks("typescript"):
        (parameters,) = re.findall(r"parameters: \{(.*?)\}", text, re.S)
        yield place, dict(re.findall(r'(\w+): "(.*?)"', parameters)), True
    for place, text in blocks("json"):
        (content, *others) = json.loads(f"[{text}]")
        if not others and isinstance(content, list) and content and "ParameterKey" in content[0]:
            yield place, {one["ParameterKey"]: one["ParameterValue"] for one in content}, True


def refusal(parameters, whole):
    """The sentence with which the template refuses a deployment; empty if it takes it."""
    if not whole:  # other parameters keep their values, or are not asked for
        parameters = {"Collector": "udp://10.1.2.3:4739", "LogGroupName": "/vpc/flow-logs", **parameters}
    template = template_of(parameters)
    if unknown := set(parameters) - set(sections(template)["Parameters"]):
        return f"no parameter {', '.join(unknown)} in {template}"
    try:
        resolve(template, **parameters)
    except Refused as refused:
        return str(refused)
    return ""


class Deployments(unittest.TestCase):
    def test_every_deployment_of_the_documents_would_work(self):
        shown = list(deployments())
        self.assertGreaterEqual(len(shown), 12, "deployments were not found")
        for place, parameters, whole in shown:
            with self.subTest(place=place, parameters=parameters):
                self.assertEqual(refusal(parameters, whole), "")

    def test_a_parameter_that_a_document_names_exists(self):
        names = set().union(*(sections(name)["Parameters"] for name in TEMPLATES))
        for path in markdown.paths():
            named = set(re.findall(r"`([A-Z][a-z][A-Za-z]*[0-9]*)=[^`]*`", path.read_text()))
            self.assertEqual(named - names - OF_COMMANDS, set(), path.name)


class Quotes(unittest.TestCase):
    def parsed(self, shell):
        return sam(shlex.split(shell))["LogFormat"]

    def test_sam_keeps_spaces_only_within_double_quotes_of_its_own(self):
        self.assertEqual(self.parsed(f"""'LogFormat="{FORMAT}"'"""), FORMAT)
        self.assertEqual(self.parsed(f"LogFormat='{FORMAT}'"), "${version}", "the shell's quotes alone lose the rest")

    def test_values_with_quotes_of_their_own_are_escaped(self):
        self.assertEqual(sam([r'FilterPattern="[version, account=\"1*\", ...]"'])["FilterPattern"], '[version, account="1*", ...]')


class Faults(unittest.TestCase):
    def test_a_deployment_that_would_not_work_is_noticed(self):
        sam_command = "sam deploy --parameter-overrides Collector=udp://10.1.2.3:4739 LogGroupName=/vpc"
        toml = '[a.b.parameters]\nparameter_overrides = ["Collector=udp://10.1.2.3:4739", "%s=/vpc"]'
        script = 'parameters: { Collector: "udp://10.1.2.3:4739", %s: "/vpc" }'
        file = '[{"ParameterKey": "InventoryRoleArns", "ParameterValue": "arn:aws:iam::111111111111:role/a"},'
        file += '{"ParameterKey": "%s", "ParameterValue": "111111111111"}, {"ParameterKey": "ExternalId", "ParameterValue": "a-7"}]'
        stack_set = "aws cloudformation create-stack-set --parameters ParameterKey=Collector,ParameterValue=udp://10.1.2.3:4739"
        stack_set += " ParameterKey=CodeBucket,ParameterValue=my-code ParameterKey=CodeKey,ParameterValue=a.zip"
        instances = "aws cloudformation create-stack-instances --parameter-overrides ParameterKey=VpcId,ParameterValue=vpc-0a"
        instances += " ParameterKey=CollectorCidr,ParameterValue=10.1.2.3/32 ParameterKey=SubnetIds,ParameterValue='subnet-0a\\,subnet-0b'"
        terraform = 'resource "aws_cloudformation_stack" "a" {\n  parameters = {\n    Collector = "udp://10.1.2.3:4739"\n'
        terraform += '    %s = "/vpc"\n  }\n}\n'
        for kind, right, wrong, said in (
            ("sh", sam_command, sam_command.replace("LogGroupName", "LogGroup"), "no parameter LogGroup in template.yaml"),
            ("sh", sam_command, f"{sam_command} CollectorCidr=10.1.2.3/32", "VpcId"),
            ("sh", sam_command, sam_command.replace("udp:", "http:"), "Collector"),
            ("sh", f"{stack_set} ParameterKey=LogGroupName,ParameterValue=/vpc", stack_set, "Nothing would arrive: set LogGroupName"),
            ("sh", instances, instances.replace("SubnetIds", "Subnets"), "no parameter Subnets"),
            ("toml", toml % "LogGroupName", toml % "LogGroups", "no parameter LogGroups"),
            ("terraform", terraform % "LogGroupName", terraform % "LogGroups", "no parameter LogGroups"),
            ("json", file % "InventoryAccountId", file % "InventoryAccount", "no parameter InventoryAccount"),
            ("typescript", script % "LogGroupName", script % "LogGroup", "no parameter LogGroup"),
        ):
            with self.subTest(kind=kind, wrong=wrong):
                for text, sentence in (right, ""), (wrong, said):
                    ((_, parameters, whole),) = deployments(lambda asked: [("here", text)] if asked == kind else [])  # noqa: B023
                    told = refusal(parameters, whole)
                    self.assertIn(sentence, told)
                    self.assertEqual(bool(told), bool(sentence), told)
