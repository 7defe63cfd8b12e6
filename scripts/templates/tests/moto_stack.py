"""A stack in moto, which plays CloudFormation and the services below it, within this process.

moto's CloudFormation neither leaves out what `AWS::NoValue` stands for in a list, nor finds a number in a mapping: parameters,
conditions and mappings are resolved before it sees a template. References between resources are left to it. Of an update of
a queue it takes over the visibility timeout alone; the other attributes are set as CloudFormation sets them, without
interruption.
"""

import contextlib
import io
import json
import zipfile
from unittest import mock

import boto3
from moto import mock_aws
from moto.sqs.models import Queue

# Resource types that moto's CloudFormation does not make.
UNKNOWN = {"AWS::Lambda::EventInvokeConfig", "AWS::Logs::SubscriptionFilter", "AWS::SQS::QueuePolicy"}
# Alarms and dashboard are left out: test_alarms feeds series to the alarms.
LEFT_OUT = {"WithAlarms": "off", "WithDashboard": "off"}
ATTRIBUTES = ("MessageRetentionPeriod", "RedrivePolicy")
CODE = {"CodeBucket": "my-code", "CodeKey": "function.zip"}
ABSENT = object()


class Resolved:
    """Resolves parameters, conditions and mappings of a template."""

    def __init__(self, template, given):
        defaults = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
        self.template, self.given = template, {**defaults, **given}

    def holds(self, node):
        if isinstance(node, str):
            return self.holds(self.template["Conditions"][node])
        ((name, argument),) = node.items()
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            left, right = map(self.value, argument)
            return str(left) == str(right)
        parts = [self.holds(part) for part in argument]
        return {"Fn::And": all, "Fn::Or": any, "Fn::Not": lambda one: not one[0]}[name](parts)

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not ABSENT]
        if not isinstance(node, dict):
            return node
        if node == {"Ref": "AWS::NoValue"}:
            return ABSENT
        if node.keys() == {"Ref"} and node["Ref"] in self.given:
            value = self.given[node["Ref"]]
            return int(value) if self.template["Parameters"][node["Ref"]]["Type"] == "Number" else value
        if "Fn::If" in node:
            condition, yes, no = node["Fn::If"]
            return self.value(yes if self.holds(condition) else no)
        if "Fn::FindInMap" in node:
            name, row, column = map(self.value, node["Fn::FindInMap"])
            rows = {str(key): value for key, value in self.template["Mappings"][name].items()}
            return rows[str(row)][column]
        values = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not ABSENT}

    def template_for_moto(self):
        made = {
            name: {key: value for key, value in resource.items() if key in ("Type", "Properties", "DependsOn")}
            for name, resource in self.template["Resources"].items()
            if resource["Type"] not in UNKNOWN
            if "Condition" not in resource or self.holds(resource["Condition"])
        }
        parameters = {name: {"Type": "String", "Default": value} for name, value in self.given.items()}
        return {"Parameters": parameters, "Resources": self.value(made)}


def update_queue(plain=Queue.update_from_cloudformation_json, **arguments):
    queue = plain(**arguments)
    properties = arguments["cloudformation_json"]["Properties"]
    queue._set_attributes({name: properties[name] for name in ATTRIBUTES if name in properties})
    return queue


class MotoStack:
    """A stack and clients of the services; everything ends with the `with` statement."""

    def __init__(self, name="flowlogs"):
        self.name, self.context = name, contextlib.ExitStack()

    def __enter__(self):
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
        self.context.enter_context(mock.patch.dict("os.environ", keys))
        self.context.enter_context(mock_aws(config={"lambda": {"use_docker": False}}))
        self.context.enter_context(mock.patch.object(Queue, "update_from_cloudformation_json", update_queue))
        self.cloudformation, self.sqs, self.functions = map(boto3.client, ("cloudformation", "sqs", "lambda"))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("bootstrap", "")
        bucket, s3 = CODE["CodeBucket"], boto3.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket=bucket, Key=CODE["CodeKey"], Body=archive.getvalue())
        boto3.client("logs").create_log_group(logGroupName="/vpc/flow-logs")
        return self

    def __exit__(self, *error):
        self.context.close()

    def deploy(self, act, template, parameters):
        body = Resolved(template, {**LEFT_OUT, **CODE, **parameters}).template_for_moto()
        act(StackName=self.name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"])
        return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]

    def create(self, template, parameters):
        return self.deploy(self.cloudformation.create_stack, template, parameters)

    def update(self, template, parameters):
        return self.deploy(self.cloudformation.update_stack, template, parameters)

    def resources(self):
        """Physical ids by logical ids."""
        described = self.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in described}

    def event_sources(self):
        """Functions by the ARNs of their event sources."""
        return {one["EventSourceArn"]: one["FunctionArn"].split(":")[-1] for one in self.mappings()}

    def mappings(self):
        return self.functions.list_event_source_mappings()["EventSourceMappings"]

    def hold_back(self):
        """Switches event sources off: moto would call a function of its own, which takes every message."""
        for one in self.mappings():
            self.functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
