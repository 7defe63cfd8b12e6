"""The parameter files of docs/deploy/three-accounts.md fit each other: who is asked, who may read, who is let in."""

import json
import re
import unittest

from .policies import allows
from .resolve import ROOT, plain, resolve

PAGE = (ROOT / "docs/deploy/three-accounts.md").read_text()
FILES = {
    name: {one["ParameterKey"]: one["ParameterValue"] for one in json.loads(text)}
    for name, text in re.findall(r"^`([a-z0-9-]+)\.json`[^\n]*\n\n```json\n(.*?)^```", PAGE, re.M | re.S)
}
INVENTORY, MEMBER = FILES["inventory"], FILES["member"]
FUNCTIONS = {name.removeprefix("function-"): given for name, given in FILES.items() if name.startswith("function-")}
BUCKET = FUNCTIONS["222222222222"]["Inventory"].removeprefix("s3://")
ORGANIZATION = INVENTORY["ReaderOrganizationId"]


class ThreeAccounts(unittest.TestCase):
    def test_the_files_are_those_of_an_inventory_a_role_and_two_functions(self):
        self.assertEqual(sorted(FILES), ["function-222222222222", "function-333333333333", "inventory", "member"])
        for given in FUNCTIONS.values():
            self.assertTrue(given["Collector"].startswith("tls://"))

    def test_the_inventory_may_assume_the_role_of_every_account_and_nobody_else_may(self):
        inventory, member = resolve(plain("flowlogs-inventory"), **INVENTORY), resolve("template-member.yaml", **MEMBER)
        role = member.properties("MemberRole")
        for account in INVENTORY["Accounts"].split(","):
            arn = f"arn:aws:iam::{account}:role{role['Path']}{role['RoleName']}"
            asks = {"principal": None, "action": "sts:AssumeRole", "resource": arn}
            self.assertTrue(allows(inventory.statements(), asks))
        trust = role["AssumeRolePolicyDocument"]["Statement"]
        context = {"aws:PrincipalArn": MEMBER["InventoryRoleArns"], "sts:ExternalId": INVENTORY["ExternalId"]}
        asked = {"principal": ("AWS", "arn:aws:iam::111111111111:root"), "action": "sts:AssumeRole", "resource": "*", "context": context}
        self.assertTrue(allows(trust, asked))
        for other in (
            {"principal": ("AWS", "arn:aws:iam::222222222222:root")},
            {"context": {**context, "sts:ExternalId": "flows-8"}},
            {"context": {**context, "aws:PrincipalArn": "arn:aws:iam::111111111111:role/other"}},
        ):
            self.assertFalse(allows(trust, {**asked, **other}))

    def test_each_function_reads_the_inventory_and_its_secret_alone(self):
        policy = resolve(plain("flowlogs-inventory"), **INVENTORY).properties("InventoryBucketPolicy")["PolicyDocument"]["Statement"]
        for account, given in FUNCTIONS.items():
            stack = resolve(plain("flowlogs-cloudwatch"), **given)
            reader = ("AWS", f"arn:aws:iam::{account}:role/flowlogs-FunctionRole-AbCdEf")
            for action, key in ("s3:GetObject", "/manifest.json.gz"), ("s3:GetObject", "/parts/222222222222/eu-central-1.json.gz"), ("s3:ListBucket", ""):
                context = {"aws:PrincipalOrgID": ORGANIZATION, "aws:SecureTransport": "true", "s3:prefix": "parts/"}
                reads = {"principal": reader, "action": action, "context": context}
                self.assertTrue(allows(stack.statements(), {**reads, "resource": f"arn:aws:s3:::{BUCKET}{key}"}), (action, key))
                self.assertTrue(allows(policy, {**reads, "resource": f"arn:aws:s3:::InventoryBucket{key}"}), (action, key))
                for other in {"aws:PrincipalOrgID": "o-z9y8x7w6v5"}, {"aws:SecureTransport": "false"}:
                    refused = {**reads, "context": {**context, **other}, "resource": f"arn:aws:s3:::InventoryBucket{key}"}
                    self.assertFalse(allows(policy, refused))
            secret = {"principal": reader, "action": "secretsmanager:GetSecretValue", "resource": given["TlsSecretId"]}
            self.assertEqual(given["TlsSecretId"].split(":")[4], account)
            self.assertTrue(allows(stack.statements(), secret))
            self.assertEqual(stack.egress(), {
                *(("tcp", "4739", "4740", "10.1.2.3/32"), ("udp", "4739", "4740", "10.1.2.3/32")),
                *(("tcp", "443", "443", target) for target in (given["AwsApiCidr"], given["S3PrefixListId"])),
            })  # fmt: skip
