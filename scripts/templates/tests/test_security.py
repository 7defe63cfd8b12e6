"""The table of least privilege in SECURITY.md says what the roles of the templates allow, mode by mode."""

import re
import unittest

from .resolve import ROOT, resolve
from .test_parameters import BUCKET, KEY, LOGS, SECRET, STREAM, VPC

FORMAT = {"LogFormat": "${version} ${srcaddr}"}
LEAST = {**FORMAT, "Inventory": "off"}
# What switches each mode on, beside the least.
MODES = {
    "always": {},
    "`Inventory=ec2`": {"Inventory": "ec2"},
    "`Inventory=s3://...`": {"Inventory": "s3://my-inventory/flowlogs"},
    "`InventoryKmsKeyArn` is set": {"Inventory": "s3://my-inventory/flowlogs", "InventoryKmsKeyArn": KEY},
    "`VpcId` is set": VPC,
    "`TlsSecretId` is set": {"TlsSecretId": SECRET},
    "`TlsSecretKmsKeyArn` is set": {"TlsSecretId": SECRET, "TlsSecretKmsKeyArn": KEY},
    "`StreamArn` is set": STREAM,
    "`StreamKmsKeyArn` is set": {**STREAM, "StreamKmsKeyArn": KEY},
    "`StreamFailureBucket` is set": {**STREAM, "StreamFailureBucket": "my-failures"},
    "`BucketKmsKeyArn` is set": {"BucketKmsKeyArn": KEY},
    "`KmsKeyArn` is set": {"KmsKeyArn": KEY},
    "`Tracing=on`": {"Tracing": "on"},
}
# Modes that come with others: their actions are allowed, too.
IMPLIED = {
    "`StreamKmsKeyArn` is set": ["`StreamArn` is set"],
    "`StreamFailureBucket` is set": ["`StreamArn` is set"],
    "`TlsSecretKmsKeyArn` is set": ["`TlsSecretId` is set"],
    "`InventoryKmsKeyArn` is set": ["`Inventory=s3://...`"],
}


def table():
    """Mode, template and actions of each row."""
    text = (ROOT / "SECURITY.md").read_text()
    for row in re.findall(r"^\| (.*?) \| (both|`template[a-z0-9-]*\.yaml`) \| (.*?) \| .* \|$", text, re.M):
        yield row[0], row[1].strip("`"), set(re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", row[2]))


class LeastPrivilege(unittest.TestCase):
    def test_each_mode_allows_what_the_table_says_and_nothing_else(self):
        rows = list(table())
        self.assertEqual({mode for mode, _, _ in rows}, set(MODES))
        for template, given in (("template.yaml", LOGS), ("template-s3.yaml", BUCKET)):
            actions = {}
            for mode, where, listed in rows:
                if where in ("both", template):
                    actions.setdefault(mode, set()).update(listed)
            for mode, switch in MODES.items():
                if mode not in actions:
                    continue
                with self.subTest(template=template, mode=mode):
                    wanted = actions["always"].union(actions[mode], *(actions[one] for one in IMPLIED.get(mode, ())))
                    self.assertEqual(resolve(template, **{**given, **LEAST, **switch}).allowed(), wanted)

    def test_no_action_has_a_wildcard_and_changes_of_the_network_are_denied_to_the_code(self):
        for template, given in (("template.yaml", LOGS), ("template-s3.yaml", BUCKET)):
            stack = resolve(template, **given, **VPC)
            self.assertFalse([action for action in stack.allowed() if "*" in action])
            statements = [statement for policy in stack.properties("FunctionRole")["Policies"]
                          for statement in policy["PolicyDocument"]["Statement"]]  # fmt: skip
            denied = [statement["Action"] for statement in statements if statement["Effect"] == "Deny"]
            changing = {action for action in stack.allowed() if re.match("ec2:(Create|Delete|Assign|Unassign)", action)}
            self.assertEqual(set(denied[0]), changing)

    def test_who_may_invoke_is_named_with_its_account(self):
        stack = resolve("template.yaml", **LOGS, AllLogGroups="on")
        for name in stack.named("AWS::Lambda::Permission"):
            permission = stack.properties(name)
            self.assertEqual((permission["Principal"], permission["SourceAccount"]), ("logs.amazonaws.com", "5" * 12))
