"""The tables of least privilege in SECURITY.md list the actions of the templates' roles, mode by mode."""

import re
import unittest

from .resolve import ROOT, resolve, sections
from .test_inventory import LIST, SUBNETS
from .test_parameters import BUCKET, KEY, LOGS, SECRET, STREAM, VPC

LEAST = {"LogFormat": "${version} ${srcaddr}", "Inventory": "off"}
INVENTORY_ROLE = "arn:aws:iam::111111111111:role/flowlogs-inventory"
# Of each template: the least parameters, and the role.
TEMPLATES = {
    "template.yaml": ({**LOGS, **LEAST}, "FunctionRole"),
    "template-s3.yaml": ({**BUCKET, **LEAST}, "FunctionRole"),
    "template-inventory.yaml": (LIST, "FunctionRole"),
    "template-member.yaml": (
        {"InventoryRoleArns": INVENTORY_ROLE, "ExternalId": "flows-7", "InventoryAccountId": "111111111111"},
        "MemberRole",
    ),
}
BOTH = ["template.yaml", "template-s3.yaml"]
# Parameters that switch each mode on, beside the least, and the condition of the mode.
MODES = {
    "always": ({}, None),
    "`Inventory=ec2`": ({"Inventory": "ec2"}, "AsksEc2"),
    "`Inventory=s3://...`": ({"Inventory": "s3://my-inventory/flowlogs"}, "ReadsInventory"),
    "`InventoryKmsKeyArn` is set": (
        {"Inventory": "s3://my-inventory/flowlogs", "InventoryKmsKeyArn": KEY},
        "HasInventoryKmsKey",
    ),
    "`VpcId` is set": (VPC, "InVpc"),
    "`TlsSecretId` is set": ({"TlsSecretId": SECRET}, "HasTlsSecret"),
    "`TlsSecretKmsKeyArn` is set": ({"TlsSecretId": SECRET, "TlsSecretKmsKeyArn": KEY}, "HasTlsSecretKmsKey"),
    "`StreamArn` is set": (STREAM, "HasStream"),
    "`StreamKmsKeyArn` is set": ({**STREAM, "StreamKmsKeyArn": KEY}, "HasStreamKmsKey"),
    "`StreamFailureBucket` is set": ({**STREAM, "StreamFailureBucket": "my-failures"}, "HasStreamFailureBucket"),
    "`BucketKmsKeyArn` is set": ({"BucketKmsKeyArn": KEY}, "HasBucketKmsKey"),
    "`KmsKeyArn` is set": ({"KmsKeyArn": KEY}, "HasKmsKey"),
    "`Tracing=on`": ({"Tracing": "on"}, "Traces"),
    "`Accounts=organization`": ({"Accounts": "organization"}, "AsksOrganization"),
    "`SubnetIds` is set": (SUBNETS, "InSubnets"),
}
# Modes that come with others: their actions are allowed, too.
IMPLIED = {
    "`StreamKmsKeyArn` is set": ["`StreamArn` is set"],
    "`StreamFailureBucket` is set": ["`StreamArn` is set"],
    "`TlsSecretKmsKeyArn` is set": ["`TlsSecretId` is set"],
    "`InventoryKmsKeyArn` is set": ["`Inventory=s3://...`"],
}


def table():
    """Mode, templates and actions of each row."""
    text = (ROOT / "SECURITY.md").read_text()
    for row in re.findall(r"^\| (.*?) \| (both|`template[a-z0-9-]*\.yaml`) \| (.*?) \| .* \|$", text, re.M):
        templates = BOTH if row[1] == "both" else [row[1].strip("`")]
        yield row[0], templates, set(re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", row[2]))


class LeastPrivilege(unittest.TestCase):
    def test_each_mode_allows_what_the_table_says_and_nothing_else(self):
        rows = list(table())
        self.assertEqual({mode for mode, _, _ in rows}, set(MODES))
        self.assertEqual({template for _, templates, _ in rows for template in templates}, set(TEMPLATES))
        for template, (given, role) in TEMPLATES.items():
            actions = {}
            for mode, templates, listed in rows:
                if template in templates:
                    actions.setdefault(mode, set()).update(listed)
            for mode, listed in actions.items():
                with self.subTest(template=template, mode=mode):
                    wanted = actions["always"].union(listed, *(actions[one] for one in IMPLIED.get(mode, ())))
                    self.assertEqual(resolve(template, **{**given, **MODES[mode][0]}).allowed(role), wanted)

    def test_no_mode_is_missing(self):
        """Each condition of a role's policies is the mode of a row."""
        rows = list(table())
        for template in TEMPLATES:
            policies = sections(template)["Resources"][TEMPLATES[template][1]]["Properties"]["Policies"]
            conditional = {policy["Fn::If"][0] for policy in policies if "Fn::If" in policy}
            modes = {MODES[mode][1] for mode, templates, _ in rows if template in templates} - {None}
            self.assertEqual(modes, conditional, template)

    def test_no_action_has_a_wildcard_and_changes_of_the_network_are_denied_to_the_code(self):
        for template, given in (
            ("template.yaml", {**LOGS, **VPC}),
            ("template-s3.yaml", {**BUCKET, **VPC}),
            ("template-inventory.yaml", {**LIST, **SUBNETS}),
        ):
            stack = resolve(template, **given)
            self.assertFalse([action for action in stack.allowed() if "*" in action])
            denied = [statement["Action"] for statement in stack.statements() if statement["Effect"] == "Deny"]
            changing = {action for action in stack.allowed() if re.match("ec2:(Create|Delete|Assign|Unassign)", action)}
            self.assertEqual(set(denied[0]), changing)

    def test_who_may_invoke_is_named_with_its_account(self):
        stack = resolve("template.yaml", **LOGS, AllLogGroups="on")
        for name in stack.named("AWS::Lambda::Permission"):
            permission = stack.properties(name)
            self.assertEqual((permission["Principal"], permission["SourceAccount"]), ("logs.amazonaws.com", "5" * 12))
