"""The evaluator of rules agrees with every example on AWS's page of rule functions."""

import unittest

from . import rules

CHOICE = {"Fn::Contains": [["m1.large", "m1.small"], {"Ref": "InstanceType"}]}
GROUP = {"Fn::Equals": ["sg-mysggroup", {"Ref": "ASecurityGroup"}]}
PRODUCTION = {"Fn::Equals": [{"Ref": "EnvironmentType"}, "prod"]}


class Examples(unittest.TestCase):
    def holds(self, node, attributes=None, **parameters):
        return rules.evaluate(node, parameters, attributes)

    def test_and_needs_all(self):
        both = {"Fn::And": [GROUP, CHOICE]}
        self.assertTrue(self.holds(both, ASecurityGroup="sg-mysggroup", InstanceType="m1.small"))
        self.assertFalse(self.holds(both, ASecurityGroup="sg-other", InstanceType="m1.small"))
        self.assertFalse(self.holds(both, ASecurityGroup="sg-mysggroup", InstanceType="t2.micro"))

    def test_or_needs_one(self):
        either = {"Fn::Or": [GROUP, CHOICE]}
        self.assertTrue(self.holds(either, ASecurityGroup="sg-other", InstanceType="m1.large"))
        self.assertFalse(self.holds(either, ASecurityGroup="sg-other", InstanceType="t2.micro"))

    def test_and_and_or_take_two_to_ten_conditions(self):
        for name in "Fn::And", "Fn::Or":
            for number in 1, 11:
                with self.assertRaises(AssertionError):
                    self.holds({name: [PRODUCTION] * number}, EnvironmentType="prod")

    def test_contains_looks_for_one_text_in_a_list(self):
        self.assertTrue(self.holds(CHOICE, InstanceType="m1.large"))
        self.assertFalse(self.holds(CHOICE, InstanceType="m1"))

    def test_each_member_equals_compares_every_value(self):
        every = {"Fn::EachMemberEquals": [{"Fn::ValueOfAll": ["AWS::EC2::VPC::Id", "Tags.Department"]}, "IT"]}
        self.assertTrue(self.holds(every, lambda *_: ["IT", "IT"]))
        self.assertFalse(self.holds(every, lambda *_: ["IT", "Sales"]))

    def test_each_member_in_wants_a_subset(self):
        vpcs = {"Fn::ValueOfAll": ["vpc-1", "vpc-2"], "Fn::RefAll": ["vpc-1", "vpc-2", "vpc-3"]}
        node = {
            "Fn::EachMemberIn": [
                {"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]},
                {"Fn::RefAll": "AWS::EC2::VPC::Id"},
            ]
        }
        self.assertTrue(self.holds(node, lambda name, _: vpcs[name]))
        vpcs["Fn::ValueOfAll"] = ["vpc-1", "vpc-9"]
        self.assertFalse(self.holds(node, lambda name, _: vpcs[name]))

    def test_equals_and_not(self):
        self.assertTrue(self.holds(PRODUCTION, EnvironmentType="prod"))
        self.assertFalse(self.holds(PRODUCTION, EnvironmentType="test"))
        self.assertTrue(self.holds({"Fn::Not": [PRODUCTION]}, EnvironmentType="test"))
        self.assertFalse(self.holds({"Fn::Not": [PRODUCTION]}, EnvironmentType="prod"))

    def test_the_value_of_a_parameter_is_asked_with_its_name(self):
        asked = []
        node = {"Fn::Equals": [{"Fn::ValueOf": ["ElbVpc", "Tags.Department"]}, "IT"]}
        self.assertTrue(self.holds(node, lambda name, argument: asked.append((name, argument)) or "IT"))
        self.assertEqual(asked, [("Fn::ValueOf", ["ElbVpc", "Tags.Department"])])

    def test_a_rule_is_checked_only_under_its_condition(self):
        small = {"Assert": CHOICE, "AssertDescription": "Production has m1 instances."}
        rule = {"Production": {"RuleCondition": PRODUCTION, "Assertions": [small]}}
        rules.check(rule, {"EnvironmentType": "test", "InstanceType": "t2.micro"})
        rules.check(rule, {"EnvironmentType": "prod", "InstanceType": "m1.small"})
        with self.assertRaisesRegex(rules.Refused, "Production has m1 instances."):
            rules.check(rule, {"EnvironmentType": "prod", "InstanceType": "t2.micro"})
