"""CloudFormation's result for a template and parameters: a refusal with a sentence, or resources.

Parameters are checked and conditions and resources rendered by cloud-radar, rules by `rules`.
"""

import atexit
import contextlib
import copy
import functools
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from cloud_radar.cf.unit._template import Template, add_metadata

from . import rules

ROOT = pathlib.Path(__file__).resolve().parents[3]


@functools.cache
def loaded(name):
    with contextlib.redirect_stdout(io.StringIO()):  # hooks of cloud-radar print the template
        return Template.from_yaml(ROOT / name)


@functools.cache
def sections(name):
    """The template as data, functions in the long form. Keys of mappings are text, as in CloudFormation."""
    data = loaded(name).template
    for mapping, rows in data.get("Mappings", {}).items():
        data["Mappings"][mapping] = {str(key): row for key, row in rows.items()}
    return data


@functools.cache
def released():
    """A folder with the templates of a release, which is deleted at the end."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    subprocess.run([sys.executable, ROOT / "scripts/make-templates", "--zip", folder, "{}.zip", "arm64"], check=True)
    return pathlib.Path(folder)


def plain(binary):
    """The path of a template without a transform."""
    return str(released() / f"plain-{binary}-arm64.yaml")


class Stack:
    """The resources and outputs of a template with parameters."""

    def __init__(self, rendered):
        self.resources = rendered["Resources"]
        self.outputs = rendered["Outputs"]

    def properties(self, resource):
        return self.resources[resource]["Properties"]

    def named(self, kind):
        """Names of the resources of a type."""
        return {name for name, resource in self.resources.items() if resource["Type"] == kind}

    def statements(self, role="FunctionRole"):
        """Statements of the policies of a role."""
        return [one for policy in self.properties(role)["Policies"] for one in policy["PolicyDocument"]["Statement"]]

    def allowed(self, role="FunctionRole"):
        """Actions that a role allows."""
        actions = set()
        for statement in self.statements(role):
            if statement["Effect"] == "Allow":
                action = statement["Action"]
                actions.update([action] if isinstance(action, str) else action)
        return actions

    def egress(self):
        """Protocol, ports and target of each way out of the security group."""
        return {
            (rule["IpProtocol"], str(rule["FromPort"]), str(rule["ToPort"]), target)
            for rule in self.properties("SecurityGroup")["SecurityGroupEgress"]
            for key, target in rule.items()
            if key in ("CidrIp", "CidrIpv6", "DestinationPrefixListId")
        }


def without_absent(node):
    """cloud-radar has an empty text where AWS::NoValue was, and leaves the text in lists."""
    if isinstance(node, dict):
        return {key: without_absent(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_absent(item) for item in node if item != ""]
    return node


def refuse(declared, given, error):
    """The sentence shown by CloudFormation: the parameter's own, if any."""
    for name, parameter in declared.items():
        if name in given and re.search(rf"\b{name}\b", str(error)) and "ConstraintDescription" in parameter:
            raise rules.Refused(f"Parameter {name} failed to satisfy constraint: {parameter['ConstraintDescription']}")
    raise rules.Refused(str(error))


def resolve(name, partition="aws", **parameters):
    """The stack; raises `rules.Refused`."""
    declared = sections(name)["Parameters"]
    defaults = {key: str(parameter["Default"]) for key, parameter in declared.items() if "Default" in parameter}
    given = {**defaults, **parameters}
    # `Template.render` without reading the text again, which takes a second.
    template = loaded(name)
    template.Partition = partition
    template.template = copy.deepcopy(sections(name))
    add_metadata(template.template, template.Region)
    try:
        template.set_parameters(given)
    except ValueError as error:
        refuse(declared, parameters, error)
    for key, value in given.items():  # cloud-radar compares texts alone
        if "AllowedValues" in declared[key] and value not in map(str, declared[key]["AllowedValues"]):
            raise rules.Refused(f"Parameter {key} must be one of {declared[key]['AllowedValues']}")
    rules.check(sections(name).get("Rules", {}), given)
    rendered = template.remove_conditional_resources(template.render_all_sections(template.template))
    rendered = template.remove_novalue_properties(rendered)
    return Stack(without_absent({key: rendered[key] for key in ("Resources", "Outputs")}))
