"""The template of the inventory, the role of a member account, and the alarms of the inventory."""

import re
import unittest

import yaml

from .cloudwatch import ALARM, raised
from .resolve import ROOT, plain, resolve, sections
from .rules import Refused
from .test_parameters import KEY

ORGANIZATION = {"Accounts": "organization", "ExternalId": "flows-7"}
LIST = {**ORGANIZATION, "Accounts": "111111111111, 222222222222"}
ROLES = "arn:aws:iam::111111111111:role/flows,arn:aws:iam::222222222222:role/net/flows"
SUBNETS = {"SubnetIds": "subnet-0123456789abcdef0", "SecurityGroupIds": "sg-0123456789abcdef0"}
NAME = "template-inventory.yaml"
DAY = 24 * 60


def statements(stack, policy):
    policies = {one["PolicyName"]: one["PolicyDocument"]["Statement"] for one in stack.properties("FunctionRole")["Policies"]}
    return policies.get(policy)


class Parameters(unittest.TestCase):
    def test_what_would_not_work_is_refused_with_a_sentence(self):
        for given, sentence in (
            ({**ORGANIZATION, "Accounts": "12345"}, "organization, or accounts of 12 digits"),
            ({**ORGANIZATION, "Regions": "Frankfurt"}, "Regions such as eu-central-1"),
            ({"Accounts": "organization"}, "ExternalId"),
            ({**ORGANIZATION, "SubnetIds": SUBNETS["SubnetIds"]}, "SubnetIds needs SecurityGroupIds"),
            ({**ORGANIZATION, "SecurityGroupIds": SUBNETS["SecurityGroupIds"]}, "has no effect without SubnetIds"),
            ({**ORGANIZATION, "ReaderOrganizationId": "111111111111"}, "The id of an organization"),
        ):
            with self.subTest(given=given), self.assertRaises(Refused) as refusal:
                resolve(NAME, **given)
            self.assertIn(sentence, str(refusal.exception))

    def test_regions_of_every_partition_are_taken(self):
        for regions in "eu-central-1, ap-southeast-2", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-isob-east-1":
            variables = resolve(NAME, **LIST, Regions=regions).properties("Function")["Environment"]["Variables"]
            self.assertEqual(variables["REGIONS"], regions)

    def test_one_round_at_a_time_every_five_minutes(self):
        function = resolve(NAME, **LIST).properties("Function")
        self.assertEqual(function["ReservedConcurrentExecutions"], 1)
        self.assertEqual(function["Events"]["Schedule"]["Properties"]["Schedule"], "rate(5 minutes)")
        self.assertLess(function["Timeout"], 300)
        self.assertEqual(function["EventInvokeConfig"]["MaximumRetryAttempts"], 0)
        self.assertNotIn("VpcConfig", function)
        variables = function["Environment"]["Variables"]
        self.assertTrue(variables["INVENTORY"].startswith("s3://"), variables)
        self.assertEqual(variables["EXTERNAL_ID"], "flows-7")

    def test_in_subnets_lambda_attaches_the_function(self):
        stack = resolve(NAME, **LIST, **SUBNETS)
        config = stack.properties("Function")["VpcConfig"]
        self.assertEqual(config["SubnetIds"], [SUBNETS["SubnetIds"]])
        self.assertIsNotNone(statements(stack, "network"))

    def test_without_a_transform_the_resources_are_the_same(self):
        one, other = resolve(NAME, **LIST), resolve(plain("flowlogs-inventory"), **LIST, CodeBucket="my-code", CodeKey="f.zip")
        for name in one.resources.keys() - {"Function"}:
            self.assertEqual(one.resources[name], other.resources[name])
        added = {"AWS::Events::Rule", "AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig"}
        self.assertEqual({other.resources[name]["Type"] for name in other.resources.keys() - one.resources.keys()}, added)


class Rights(unittest.TestCase):
    def test_the_role_may_assume_the_member_role_and_nothing_else(self):
        stack = resolve(NAME, **LIST)
        (statement,) = statements(stack, "members")
        self.assertEqual(statement["Action"], "sts:AssumeRole")
        self.assertEqual(statement["Resource"], "arn:aws:iam::*:role/flow-logs-transcoder/flowlogs-member")

    def test_organizations_are_listed_only_if_they_are_asked(self):
        self.assertIn("organizations:ListAccounts", resolve(NAME, **ORGANIZATION).allowed())
        self.assertNotIn("organizations:ListAccounts", resolve(NAME, **LIST).allowed())

    def test_a_key_is_used_through_s3_alone(self):
        stack = resolve(NAME, **LIST, BucketKmsKeyArn=KEY)
        (statement,) = statements(stack, "inventory-key")
        self.assertEqual((statement["Resource"], list(statement["Condition"]["StringEquals"])), (KEY, ["kms:ViaService"]))
        encryption = stack.properties("InventoryBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
        self.assertEqual(encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"], KEY)

    def readers(self, **given):
        policy = resolve(NAME, **LIST, **given).properties("InventoryBucketPolicy")["PolicyDocument"]["Statement"]
        self.assertEqual((policy[0]["Effect"], policy[0]["Condition"]), ("Deny", {"Bool": {"aws:SecureTransport": False}}))
        return policy[1:]

    def test_nobody_else_reads_the_bucket_unless_they_are_named(self):
        self.assertEqual(self.readers(), [])
        organization = self.readers(ReaderOrganizationId="o-a1b2c3d4e5")
        self.assertEqual({one["Condition"]["StringEquals"]["aws:PrincipalOrgID"] for one in organization}, {"o-a1b2c3d4e5"})
        roles = self.readers(ReaderRoleArns=ROLES)
        for readers in organization, roles:
            self.assertEqual({one["Action"] for one in readers}, {"s3:GetObject", "s3:ListBucket"})
        self.assertEqual(roles[0]["Principal"]["AWS"], ROLES.split(","))


class Member(unittest.TestCase):
    def loaded(self):
        class Loader(yaml.SafeLoader):
            pass

        Loader.add_multi_constructor("!", lambda loader, tag, node: {tag: getattr(node, "value", None)})
        return yaml.load((ROOT / "template-member.yaml").read_text(), Loader)

    def test_stack_sets_take_it(self):
        self.assertNotIn("Transform", self.loaded())
        self.assertEqual({one["Type"] for one in self.loaded()["Resources"].values()}, {"AWS::IAM::Role"})

    def test_its_name_is_what_the_inventory_assumes(self):
        role = self.loaded()["Resources"]["MemberRole"]["Properties"]
        default = sections(NAME)["Parameters"]["MemberRole"]["Default"]
        self.assertEqual(role["Path"] + role["RoleName"], f"/{default}")

    def test_it_reads_and_does_nothing_else(self):
        role = self.loaded()["Resources"]["MemberRole"]["Properties"]
        (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertTrue(all(re.fullmatch("ec2:Describe[A-Za-z]+", action) for action in statement["Action"]))
        self.assertEqual(len(statement["Action"]), 5)

    def test_it_trusts_the_named_roles_with_the_external_id(self):
        (statement,) = self.loaded()["Resources"]["MemberRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(statement["Condition"]["ArnEquals"], {"aws:PrincipalArn": {"Ref": "InventoryRoleArns"}})
        self.assertEqual(statement["Condition"]["StringEquals"], {"sts:ExternalId": {"Ref": "ExternalId"}})


class Alarms(unittest.TestCase):
    """A day of rounds, one each five minutes."""

    def raised_by(self, still=(), **series):
        rounds = {
            name: [(minute, value(minute)) for minute in range(2, DAY, 5) if value(minute) is not None]
            for name, value in {"InventoryAgeSeconds": lambda _: 0, "AccountsFailed": lambda _: 0, "PartsOverdue": lambda _: 0,
                                **series}.items()
        }  # fmt: skip
        stack = resolve(NAME, **LIST)
        alarms = {name: stack.properties(name) for name in stack.named("AWS::CloudWatch::Alarm")}
        seen = {name: raised(alarm, rounds, DAY) for name, alarm in alarms.items()}
        self.assertLessEqual({name for name, (_, state) in seen.items() if state == ALARM}, set(still))
        return {name: times for name, (times, _) in seen.items() if times}

    def test_a_quiet_day_raises_nothing(self):
        self.assertEqual(self.raised_by(), {})

    def test_one_failed_round_raises_nothing(self):
        failed = {"InventoryAgeSeconds": lambda minute: 300 if minute == 602 else 0}
        self.assertEqual(self.raised_by(**failed, AccountsFailed=lambda minute: int(minute == 602)), {})

    def test_a_manifest_that_is_not_written_is_noticed_and_so_is_a_function_that_does_not_run(self):
        old = lambda minute: 60 * (minute - 600) if 600 <= minute < 700 else 0  # noqa: E731
        self.assertEqual(self.raised_by(InventoryAgeSeconds=old), {"InventoryAgeAlarm": 1})
        silent = lambda minute: None if 600 <= minute < 700 else 0  # noqa: E731
        self.assertEqual(self.raised_by(InventoryAgeSeconds=silent), {"InventoryAgeAlarm": 1})

    def test_an_account_that_fails_for_an_hour_is_noticed_once(self):
        fails = lambda minute: 1 if 600 <= minute < 660 else 0  # noqa: E731
        self.assertEqual(self.raised_by(AccountsFailed=fails), {"FailingAccountsAlarm": 1})

    def test_parts_that_are_never_reached_are_noticed(self):
        overdue = self.raised_by(still=["OverduePartsAlarm"], PartsOverdue=lambda minute: 4 if minute > 700 else 0)
        self.assertEqual(overdue, {"OverduePartsAlarm": 1})

    def test_organizations_that_refuse_for_a_quarter_of_an_hour_are_noticed(self):
        refused = lambda minute: 1 if 600 <= minute < 660 else None  # noqa: E731
        self.assertEqual(self.raised_by(AccountListErrors=refused), {"AccountListAlarm": 1})
