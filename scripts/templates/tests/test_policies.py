"""Policies that the documents show let in the request that AWS documents, and refuse it when one thing in it is another."""

import importlib.resources
import json
import re
import unittest

from documents import markdown

from .policies import allows, like, listed
from .resolve import resolve
from .test_parameters import BUCKET, KEY, LOGS, SECRET, STREAM

ACTIONS = json.loads(importlib.resources.files("cfnlint").joinpath("data/AdditionalSpecs/Policies.json").read_text())
# Keys of conditions by AWS's pages "AWS global condition context keys" and "Actions, resources, and condition keys" of KMS and S3.
CONDITION_KEYS = {
    "aws:PrincipalOrgID", "aws:SourceAccount", "aws:SourceArn", "kms:EncryptionContext:aws:logs:arn", "kms:ViaService", "s3:prefix",
    "s3:x-amz-acl",
}  # fmt: skip
# Services by AWS's pages on the permissions of flow logs, on encryption of log groups, and on notifications into an encrypted queue.
SERVICES = {"delivery.logs", "events", "logs", "logs.eu-central-1", "s3", "sns", "vpc-flow-logs"}
OPERATORS = {"StringEquals", "StringLike", "ArnLike"}

ORGANIZATION = {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}
OF_ACCOUNT = {"aws:SourceAccount": "123456789012"}
OF_OTHER = {"aws:SourceAccount": "210987654321", "aws:SourceArn": "arn:aws:logs:eu-central-1:210987654321:*"}
READER = ("AWS", "arn:aws:iam::333333333333:role/flowlogs-s3-FunctionRole-AbCdEf")
OBJECT = "AWSLogs/210987654321/vpcflowlogs/eu-central-1/2026/11/24/210987654321_vpcflowlogs_eu-central-1_fl-0123.log.gz"


def service(name, actions, context=None, resource="*"):
    return {"principal": ("Service", f"{name}.amazonaws.com"), "actions": actions, "resource": resource, "context": context or {}}


def role(actions, context, resource="*"):
    return {"principal": READER, "actions": actions, "resource": resource, "context": context}


# The requests that AWS documents, by the statement that has to let them in: its Sid, or its first action.
REQUESTS = {
    # VPC User Guide, "Amazon S3 bucket permissions for flow logs".
    "FlowLogsOf210987654321": [service(
        "delivery.logs", ["s3:PutObject"], {**OF_OTHER, "s3:x-amz-acl": "bucket-owner-full-control"}, f"arn:aws:s3:::my-flow-logs/{OBJECT}"
    )],
    "FlowLogsOf210987654321AclCheck": [service("delivery.logs", ["s3:GetBucketAcl"], OF_OTHER, "arn:aws:s3:::my-flow-logs")],
    # The same guide, "Required key policy for use with SSE-KMS".
    "FlowLogDelivery": [service(
        "delivery.logs", ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"], OF_ACCOUNT
    )],
    # CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
    "LogOfTheFunction": [service(
        "logs.eu-central-1", ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey"],
        {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/flowlogs-flowlogs-cloudwatch"},
    )],
    # SQS Developer Guide, "Enable compatibility between AWS services and encrypted queues".
    "NoticesIntoTheQueue": [service(name, ["kms:GenerateDataKey", "kms:Decrypt"], OF_ACCOUNT) for name in ("s3", "events", "sns")],
    # S3 decrypts with the caller's right: KMS Developer Guide, "kms:ViaService".
    "ReadersOfTheInventory": [role(["kms:Decrypt"], {**ORGANIZATION, "kms:ViaService": "s3.eu-central-1.amazonaws.com"})],
    "FlowLogsTranscoderDecrypts": [role(["kms:Decrypt"], {"kms:ViaService": "s3.eu-central-1.amazonaws.com"})],
    "FlowLogsTranscoderReads": [role(["s3:GetObject", "s3:GetObjectVersion"], {}, f"arn:aws:s3:::my-flow-logs/{OBJECT}")],
    "FlowLogsTranscoderLists": [role(["s3:ListBucket"], {"s3:prefix": OBJECT}, "arn:aws:s3:::my-flow-logs")],
    "CodeForTheOrganization": [role(["s3:GetObject"], ORGANIZATION, "arn:aws:s3:::my-code-eu-central-1/0.1.0-1a2b3c4/a.zip")],
    # CloudWatch Logs User Guide, "Cross-account log data sharing using Kinesis Data Streams".
    "LogsOfTheAccounts": [service("logs", ["sts:AssumeRole"], {"aws:SourceArn": "arn:aws:logs:eu-central-1:210987654321:log-group:a"})],
    "IntoTheStream": [
        service("kinesis", ["kinesis:PutRecord"], resource="arn:aws:kinesis:eu-central-1:123456789012:stream/flow-logs")
    ],
    "logs:PutSubscriptionFilter": [
        role(["logs:PutSubscriptionFilter"], ORGANIZATION, "arn:aws:logs:eu-central-1:123456789012:destination:flow-logs")
    ],
    # VPC User Guide, "IAM role for publishing flow logs to CloudWatch Logs".
    "sts:AssumeRole": [service("vpc-flow-logs", ["sts:AssumeRole"], OF_ACCOUNT)],
    "logs:CreateLogStream": [service(
        "vpc-flow-logs", ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"]
    )],
}  # fmt: skip


def statements(blocks=markdown.blocks):
    """Place and statement of every policy in the documents."""
    for place, text in blocks("json"):
        for value in json.loads(f"[{text}]"):
            for one in listed(value):
                if isinstance(one, dict) and ("Effect" in one or "Statement" in one):
                    yield from ((place, statement) for statement in listed(one.get("Statement", one)))


def name_of(statement):
    return statement.get("Sid") or listed(statement["Action"])[0]


def complaints(statement):
    """What in a statement AWS does not know."""
    yield from (f"element {name}" for name in set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
    for action in listed(statement["Action"]):
        of_service, _, name = action.lower().partition(":")
        if not any(like(name, known) for known in ACTIONS.get(of_service, {}).get("Actions", ())):
            yield f"action {action}"
    principals = statement.get("Principal", {})
    for name in listed(principals.get("Service", []) if isinstance(principals, dict) else []):
        if name.removesuffix(".amazonaws.com") not in SERVICES:
            yield f"service {name}"
    for operator, keys in statement.get("Condition", {}).items():
        if operator not in OPERATORS:
            yield f"operator {operator}"
        yield from (f"key {key}" for key in keys if key not in CONDITION_KEYS)


def others(statement, request):
    """The request with one thing changed that the statement names."""
    principal = statement.get("Principal", "*")
    if principal not in ("*", {"AWS": "*"}):
        yield {**request, "principal": ("Service", "ec2.amazonaws.com")}
        yield {**request, "principal": ("AWS", "arn:aws:iam::999999999999:role/other")}
    yield {**request, "action": f"{request['action'].split(':')[0]}:DeleteEverything"}
    if statement.get("Resource", "*") != "*":
        yield {**request, "resource": "arn:aws:s3:::another-bucket/AWSLogs/a"}
    for keys in statement.get("Condition", {}).values():
        for key in keys:
            context = request["context"]
            other = "arn:aws:logs:eu-central-1:999999999999:a" if context[key].startswith("arn:") else "other"
            yield {**request, "context": {**context, key: other}}
            yield {**request, "context": {name: value for name, value in context.items() if name != key}}


class OfDocuments(unittest.TestCase):
    def test_every_statement_names_what_aws_knows(self):
        shown = list(statements())
        self.assertGreaterEqual(len(shown), 12, "policies were not found")
        for place, statement in shown:
            with self.subTest(place=place, statement=name_of(statement)):
                self.assertEqual(list(complaints(statement)), [])

    def test_every_statement_lets_in_what_aws_documents_and_nothing_beside_it(self):
        shown = list(statements())
        self.assertEqual({name_of(statement) for _, statement in shown}, set(REQUESTS))
        for place, statement in shown:
            for request in REQUESTS[name_of(statement)]:
                for action in request["actions"]:
                    right = {**request, "action": action}
                    with self.subTest(place=place, statement=name_of(statement), request=right):
                        self.assertTrue(allows([statement], right))
                        for other in others(statement, right):
                            self.assertFalse(allows([statement], other), other)

    def test_an_action_of_a_statement_is_asked_for(self):
        for place, statement in statements():
            asked = {action for request in REQUESTS[name_of(statement)] for action in request["actions"]}
            for pattern in listed(statement["Action"]):
                with self.subTest(place=place, pattern=pattern):
                    self.assertTrue(any(like(pattern, action) for action in asked))

    def test_what_aws_does_not_know_is_noticed(self):
        (right, *_) = [statement for _, statement in statements() if name_of(statement) == "FlowLogDelivery"]
        self.assertEqual(list(complaints(right)), [])
        for change, said in (
            ({"Action": "kms:Decipher"}, "action kms:Decipher"),
            ({"Principal": {"Service": "delivery.log.amazonaws.com"}}, "service delivery.log.amazonaws.com"),
            ({"Condition": {"StringEqual": {"aws:SourceAccount": "1"}}}, "operator StringEqual"),
            ({"Condition": {"StringEquals": {"aws:SourceAcount": "1"}}}, "key aws:SourceAcount"),
            ({"Actions": "kms:Decrypt"}, "element Actions"),
        ):
            self.assertEqual(list(complaints({**right, **change})), [said])


    def test_every_action_that_a_document_names_exists(self):
        for path in markdown.paths():
            for _, span in markdown.code_spans(path.read_text()):
                named = re.fullmatch(r"([a-z0-9]+):([A-Z*][A-Za-z*]+)", span)
                if named and span not in CONDITION_KEYS and span != "s3:TestEvent":  # which is an event
                    known = ACTIONS.get(named[1], {}).get("Actions", ())
                    with self.subTest(path=path.name, action=span):
                        self.assertTrue(any(like(named[2].lower(), name) for name in known))


class OfRoles(unittest.TestCase):
    """The key's policy leaves the rest to the role: the template's role has it, for the one key, through the one service."""

    def test_the_role_may_use_each_key_and_through_the_service_alone(self):
        inventory = {"Inventory": "s3://my-inventory/flowlogs", "InventoryKmsKeyArn": KEY}
        for template, given, action, through in (
            ("template-s3.yaml", {**BUCKET, "BucketKmsKeyArn": KEY}, "kms:Decrypt", "s3"),
            ("template.yaml", {**LOGS, **inventory}, "kms:Decrypt", "s3"),
            ("template.yaml", {**LOGS, "TlsSecretId": SECRET, "TlsSecretKmsKeyArn": KEY}, "kms:Decrypt", "secretsmanager"),
            ("template.yaml", {**STREAM, "Collector": "tcp://10.1.2.3:4739", "StreamKmsKeyArn": KEY}, "kms:Decrypt", "kinesis"),
            ("template.yaml", {**LOGS, "KmsKeyArn": KEY}, "kms:GenerateDataKey", None),
            ("template-inventory.yaml", {"Accounts": "organization", "ExternalId": "a-7", "BucketKmsKeyArn": KEY}, "kms:GenerateDataKey", "s3"),
        ):  # fmt: skip
            with self.subTest(template=template, given=given):
                stack = resolve(template, **given)
                allowed = stack.statements()
                region = re.search(r"\.([a-z0-9-]+)\.amazonaws\.com", json.dumps(allowed))
                context = {"kms:ViaService": f"{through}.{region[1]}.amazonaws.com"} if through else {}
                request = {"principal": READER, "action": action, "resource": KEY, "context": context}
                self.assertTrue(allows(allowed, request))
                self.assertFalse(allows(allowed, {**request, "resource": f"{KEY[:-1]}9"}))
                self.assertFalse(allows(allowed, {**request, "action": "kms:ScheduleKeyDeletion"}))
                if through:
                    self.assertFalse(allows(allowed, {**request, "context": {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}}))
                    self.assertFalse(allows(allowed, {**request, "context": {}}))
