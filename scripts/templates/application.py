"""A serverless application under construction: troposphere's template and the comments above its resources."""

import pathlib
import re

import troposphere

from . import parameters
from .notes import KEY, split

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = "https://github.com/flow-logs-transcoder/flow-logs-transcoder"
ORDER = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Rules",
    "Conditions",
    "Resources",
    "Outputs",
]


def version():
    """The version in Cargo.toml."""
    return re.search(r'(?m)^version = "(.*)"$', (ROOT / "Cargo.toml").read_text())[1]


class Application:
    """A serverless application. `source` is the source of the flow logs; the binary is `flowlogs-<source>`."""

    def __init__(self, source, name, summary, description, labels, rows=None):
        """`rows` are the parameters, by default of the transcoding functions."""
        self.source = source
        self.binary = f"flowlogs-{source}"
        self.notes = {}
        self.template = troposphere.Template(Description=f"Flow Logs Transcoder - {summary}")
        self.template.set_version()
        self.template.set_transform("AWS::Serverless-2016-10-31")
        self.template.metadata["AWS::ServerlessRepo::Application"] = {
            "Name": name,
            "Description": description,
            "Author": "flow-logs-transcoder",
            "SpdxLicenseId": "Apache-2.0",
            "LicenseUrl": "LICENSE",
            "ReadmeUrl": "README.md",
            "Labels": ["ipfix", "netflow", "flow-logs", "vpc", "transit-gateway", *labels],
            "HomePageUrl": HOME,
            "SourceCodeUrl": HOME,
            "SemanticVersion": version(),
        }
        self.rows = rows or parameters.of(source)
        for group in parameters.GROUPS:
            for row in (row for row in self.rows if row.group == group):
                self.template.add_parameter_to_group(row.name, group)
        for row in self.rows:
            self.template.parameters[row.name] = row.made(source)

    def add(self, resource, note=None):
        """Adds a resource, with a comment above."""
        self.template.add_resource(resource)
        if note:
            self.notes[resource.title] = note

    def output(self, name, description, value, **more):
        self.template.add_output(troposphere.Output(name, Description=description, Value=value, **more))

    def variables(self):
        """The environment variables that are settings."""
        return {row.variable: row.value(self.source) for row in self.rows if isinstance(row, parameters.Setting)}

    def encoded(self):
        """The template as plain data, sections in order, with comments."""
        template = self.template.to_dict()
        for name, body in template["Resources"].items():
            body = {"Type": body["Type"], **{key: body[key] for key in body if key != "Properties"}, "Properties": body["Properties"]}
            template["Resources"][name] = {KEY: [self.notes[name], body]} if name in self.notes else body
        return {section: template[section] for section in ORDER if section in template}

    def encoded_for_zip(self, zip_name, architecture):
        """The template of a release: the code is a zip, and `Architecture` admits only its processor."""
        template = self.encoded()
        _, function = split(template["Resources"]["Function"])
        del function["Metadata"]
        function["Properties"]["CodeUri"] = zip_name
        template["Parameters"]["Architecture"].update(Default=architecture, AllowedValues=[architecture])
        return template
