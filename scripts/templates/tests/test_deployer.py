"""The tables of docs/deploy with a column for each template: who deploys, what is prescribed, which key goes where."""

import fnmatch
import functools
import importlib.resources
import json
import re
import unittest

from documents import markdown, shell

from .resolve import ROOT, plain, sections

TEMPLATES = ["template.yaml", "template-s3.yaml", "template-inventory.yaml", "template-member.yaml"]
# The same without SAM's transform, whose resources have the types that CloudFormation makes.
PLAIN = {"template.yaml": "flowlogs-cloudwatch", "template-s3.yaml": "flowlogs-s3", "template-inventory.yaml": "flowlogs-inventory"}
# Actions of commands of the AWS CLI that have another name.
ACTIONS = {
    ("cloudformation", "deploy"): "cloudformation:CreateChangeSet",
    ("cloudformation", "wait"): "cloudformation:DescribeStacks",
    ("lambda", "invoke"): "lambda:InvokeFunction",
    ("logs", "tail"): "logs:FilterLogEvents",
    ("s3", "cp"): "s3:PutObject",
    ("s3", "mb"): "s3:CreateBucket",
    ("s3", "rb"): "s3:DeleteBucket",
    ("s3api", "get-bucket-notification-configuration"): "s3:GetBucketNotification",
    ("s3api", "put-bucket-notification-configuration"): "s3:PutBucketNotification",
    ("s3api", "put-bucket-policy"): "s3:PutBucketPolicy",
}
# What CloudFormation asks for properties that no template sets.
UNUSED = [
    "elasticfilesystem:*", "s3files:*", "s3tables:*", "firehose:*", "s3:REST*",
    "lambda:*CodeSigning*", "lambda:*LayerVersion", "lambda:PassCapacityProvider", "lambda:AssociateRuntimeAlias",
    "logs:*LogDelivery", "logs:*IndexPolicy", "logs:*ResourcePolicy", "logs:*BearerToken*", "logs:*DataProtectionPolicy",
    "s3:DeleteBucket*", "s3:DeleteObject", "s3:*ObjectAcl", "s3:*BucketAcl", "s3:*Abac", "s3:*CORS", "s3:*Cors", "s3:*Logging",
    "s3:*ObjectLock*", "s3:*OwnershipControls", "s3:*Replication*", "s3:*BucketTagging", "s3:*BucketVersioning",
    "s3:*Website", "s3:*Metadata*", "s3:*AccelerateConfiguration", "s3:*AnalyticsConfiguration", "s3:*IntelligentTiering*",
    "s3:*InventoryConfiguration", "s3:*LifecycleConfiguration", "s3:*MetricsConfiguration", "s3:TagResource", "s3:UntagResource",
]  # fmt: skip


def tables():
    """The rows of the tables that have a column for each template: name of the first column, cells."""
    title = None
    pages = "".join((ROOT / "docs/deploy" / name).read_text() for name in ("permissions.md", "prescriptions.md"))
    for line in pages.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else None
        if cells and cells[-len(TEMPLATES) :] == [f"`{name}`" for name in TEMPLATES]:
            title = cells[0]
        elif cells and title:
            yield title, cells
        elif not line.startswith("|"):
            title = None


@functools.cache
def asked_by_type():
    """The actions of each resource type, by AWS's description of it, which cfn-lint brings."""
    actions = {}
    for path in importlib.resources.files("cfnlint").joinpath("data/schemas/resources").iterdir():
        if path.name.endswith(".json"):
            schema = json.loads(path.read_text())
            handlers = (schema.get("handlers") or {}).items()
            actions[schema["typeName"]] = {one for name, handler in handlers if name != "list" for one in handler["permissions"]}
    return actions


def types(template):
    resources = sections(plain(PLAIN[template]) if template in PLAIN else template)["Resources"]
    return {resource["Type"] for resource in resources.values()}


def is_in(action, patterns):
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in patterns)


class WhoDeploys(unittest.TestCase):
    def allowed(self, template):
        """The patterns of the rows that a template needs."""
        rows = [cells for title, cells in tables() if title == "for"]
        self.assertGreater(len(rows), 10)
        column = TEMPLATES.index(template) - len(TEMPLATES)
        needed = [cells[1] for cells in rows if cells[column] != "no"]
        return [action for cell in needed for action in re.findall(r"`([a-z0-9]+:[A-Za-z*]+)`", cell)]

    def test_what_cloudformation_asks_for_each_resource_is_in_the_table(self):
        for template in TEMPLATES:
            allowed = self.allowed(template)
            for kind in types(template):
                asked = {action for action in asked_by_type()[kind] if not is_in(action, UNUSED)}
                self.assertGreater(len(asked), 0, kind)
                with self.subTest(template=template, kind=kind):
                    self.assertEqual({action for action in asked if not is_in(action, allowed)}, set())

    def test_nothing_is_in_the_table_that_nobody_asks_for(self):
        of_the_stack = ["cloudformation:*", "s3:*Object*", "iam:PassRole"]
        for template in TEMPLATES:
            asked = set().union(*(asked_by_type()[kind] for kind in types(template)))
            for pattern in self.allowed(template):
                if not is_in(pattern, of_the_stack):
                    with self.subTest(template=template, pattern=pattern):
                        self.assertTrue(any(fnmatch.fnmatchcase(action, pattern) for action in asked))


class WhoRunsTheCommands(unittest.TestCase):
    def test_every_command_of_the_pages_has_its_action_in_a_table(self):
        page = (ROOT / "docs/deploy/permissions.md").read_text()
        allowed = re.findall(r"`([a-z0-9]+:[A-Za-z*]+)`", page)
        shown = {tuple(words[1:3]) for _, text in markdown.blocks("sh") for words in shell.commands(text) if words[0] == "aws"}
        self.assertGreater(len(shown), 40)
        for service, operation in shown:
            asked = ACTIONS.get((service, operation)) or f"{service}:{operation.title().replace('-', '')}"
            with self.subTest(service=service, operation=operation):
                self.assertTrue(is_in(asked.lower(), [action.lower() for action in allowed]), asked)


class Prescribed(unittest.TestCase):
    def test_a_template_has_the_parameters_that_the_table_says(self):
        rows = [cells for title, cells in tables() if title == "prescribed"]
        self.assertGreater(len(rows), 8)
        for cells in rows:
            names = set(re.findall("`([A-Za-z0-9]+)`", cells[1]))
            for template, cell in zip(TEMPLATES, cells[-len(TEMPLATES) :]):
                with self.subTest(template=template, names=names):
                    has = names & set(sections(template)["Parameters"])
                    self.assertEqual(has, names if cell == "yes" else set())

    def test_every_key_has_a_row_with_its_templates(self):
        text = (ROOT / "docs/deploy/encryption.md").read_text().split("\n## ")[0]
        rows = re.findall(r"^\| `([A-Za-z0-9]+)` \| (.*?) \|", text, re.M)
        listed = {(name, template) for name, where in rows for template in re.findall("`(.*?)`", where)}
        keys = {(name, template) for template in TEMPLATES for name in sections(template)["Parameters"] if "KmsKey" in name}
        self.assertEqual(listed, keys)
