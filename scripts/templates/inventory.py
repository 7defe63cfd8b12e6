"""template-inventory.yaml: the inventory of an organization, and template-member.yaml: the role in each of its accounts."""

import dataclasses

import troposphere
from troposphere import And, Equals, GetAtt, If, NoValue, Ref, Split, Sub
from troposphere.awslambda import VPCConfig
from troposphere.iam import Role
from troposphere.serverless import EventInvokeConfiguration
from troposphere.s3 import (
    Bucket,
    BucketEncryption,
    BucketPolicy,
    PublicAccessBlockConfiguration,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
)

from . import alarms, conditions, function, parameters, rules
from .application import Application
from .notes import KEY, Noted
from .parameters import ACCESS, NETWORK, SOURCE, Parameter, Setting
from .policies import LISTS, document, policy, statement

INVENTORY = "inventory"
MEMBER_ROLE = "flow-logs-transcoder/flowlogs-member"
EXTERNAL_ID = r"^[A-Za-z0-9+=,.@:/_-]{2,1224}$"
OBJECTS = "arn:${AWS::Partition}:s3:::${InventoryBucket}"
SECONDS = 290  # a round ends before the next one begins


def shared(name, **changed):
    """A parameter of the functions that transcode."""
    row = next(row for row in parameters.TABLE if row.name == name)
    return dataclasses.replace(row, **changed)


TABLE = [
    Setting(
        "Accounts",
        SOURCE,
        "The accounts to ask, separated by commas; or organization for every account that AWS Organizations lists, which"
        " works in the management account and in delegated administrators.",
        pattern=r"^(organization|[0-9]{12}( *, *[0-9]{12})*)$",
        wrong="organization, or accounts of 12 digits, separated by commas.",
    ),
    Setting(
        "Regions",
        SOURCE,
        "The regions to ask, separated by commas; empty for the region of this stack.",
        "",
        r"^([a-z]+(-[a-z]+)+-[0-9]+( *, *[a-z]+(-[a-z]+)+-[0-9]+)*)?$",
        wrong="Regions such as eu-central-1, separated by commas.",
    ),
    Setting(
        "MemberRole",
        SOURCE,
        "Path and name of the read-only role in each account, as template-member.yaml makes it.",
        MEMBER_ROLE,
        r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$",
        wrong="Path and name of a role, without a slash at the beginning.",
    ),
    Setting(
        "ExternalId",
        SOURCE,
        "The external id that the role in each account asks for: the same text as in the stacks of template-member.yaml.",
        pattern=EXTERNAL_ID,
        wrong="2 to 1224 letters, digits and characters of +=,.@:/_-",
    ),
    Parameter(
        "SubnetIds",
        NETWORK,
        "Subnets for the function, separated by commas without spaces, with a route to STS and S3 of this region, EC2 of every"
        " region that is asked, and AWS Organizations if that is asked; empty for a function outside of any VPC.",
        "",
        "^(subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*)?$",
        wrong="Subnets, separated by commas without spaces.",
    ),
    Parameter(
        "SecurityGroupIds",
        NETWORK,
        "Security groups of the function in these subnets, which let it out to port 443; separated by commas without spaces.",
        "",
        "^(sg-[0-9a-f]+(,sg-[0-9a-f]+)*)?$",
        wrong="Security groups, separated by commas without spaces.",
    ),
    shared("UseFipsEndpoints"),
    shared("UseDualStackEndpoints"),
    shared("Architecture"),
    shared(
        "MemorySize",
        description="MB; processor time grows with it. Twelve accounts are asked at a time, of each one page of an answer is in"
        " memory.",
    ),
    shared("LogLevel"),
    shared("SystemLogLevel"),
    shared("LogRetentionDays"),
    shared("WithAlarms", description="Make the alarms, each of which costs 10 cents a month."),
    shared("AlarmTopicArn"),
    shared("Tracing"),
    Parameter(
        "ReaderOrganizationId",
        ACCESS,
        "The id of the organization (o-...) whose roles may read the bucket, as far as their own policies allow; empty for"
        " none.",
        "",
        "^(o-[a-z0-9]{10,32})?$",
        wrong="The id of an organization, such as o-a1b2c3d4e5.",
    ),
    Parameter(
        "ReaderRoleArns",
        ACCESS,
        "ARNs of roles of other accounts that may read the bucket, separated by commas without spaces; the roles have to exist."
        " Roles of this account need no entry.",
        "",
        r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/[^, ]+(,arn:aws[a-z-]*:iam::[0-9]{12}:role/[^, ]+)*)?$",
        wrong="ARNs of roles, separated by commas without spaces.",
    ),
    Parameter(
        "BucketKmsKeyArn",
        ACCESS,
        "The ARN of a KMS key that encrypts the objects; empty for keys of S3. Its policy has to let the readers decrypt.",
        "",
        parameters.arn("kms", "key/.+"),
        wrong="The ARN of a KMS key, not of an alias.",
    ),
    shared("RolePath"),
    shared("PermissionsBoundaryArn"),
    shared(
        "KmsKeyArn",
        description="The ARN of a KMS key that encrypts the function's log and its environment variables; empty for keys of"
        " AWS. Its policy has to let the services in (docs/deploy/encryption.md).",
    ),
]

MEMBER_TABLE = [
    Parameter(
        "InventoryRoleArns",
        ACCESS,
        "FunctionRoleArn of each stack of template-inventory.yaml, separated by commas.",
        kind="CommaDelimitedList",
    ),
    Parameter(
        "ExternalId",
        ACCESS,
        "The external id that the inventory function names: the same text as its ExternalId.",
        pattern=EXTERNAL_ID,
        wrong="2 to 1224 letters, digits and characters of +=,.@:/_-",
    ),
    Parameter(
        "InventoryAccountId",
        ACCESS,
        "The account of the inventory function.",
        pattern="^[0-9]{12}$",
        wrong="An account of 12 digits.",
    ),
    shared("PermissionsBoundaryArn", description="The ARN of a managed policy that bounds the role; empty for none."),
]

ALARMS = [
    alarms.Row(
        "InventoryAgeAlarm",
        "The manifest in the bucket is older than 15 minutes. From then on flows may count twice, and new interfaces have no"
        " names. Does the schedule run the function, and does the role allow s3:PutObject? The function's log says why a round"
        " failed.",
        alarms.OURS, "InventoryAgeSeconds", "Maximum", above=900, period=900, missing="breaching",
    ),
    alarms.Row(
        "FailingAccountsAlarm",
        "An account could not be asked in any round of a quarter of an hour; its last answer is kept. The function's log and"
        " the property FailedAccounts of its metrics name it. Is template-member.yaml deployed there, with this ExternalId and"
        " this function's role?",
        alarms.OURS, "AccountsFailed", "Minimum", period=900,
    ),
    alarms.Row(
        "OverduePartsAlarm",
        "Interfaces of an account and region were asked for more than half an hour ago, because rounds end before all are"
        " asked. Divide Accounts or Regions between two stacks.",
        alarms.OURS, "PartsOverdue", "Minimum", period=900,
    ),
    alarms.Row(
        "AccountListAlarm",
        "AWS Organizations does not list the accounts, and those of an earlier round are asked. Is this account still the"
        " management account or a delegated administrator, and does the role allow organizations:ListAccounts?",
        alarms.OURS, "AccountListErrors", above=2, period=900,
    ),
]  # fmt: skip

CONDITIONS = {
    "AsksOrganization": Equals(Ref("Accounts"), "organization"),
    # A rule demands both or none; both are tested here, so that cfn-lint knows that both have a value.
    "InSubnets": And(conditions.given("SubnetIds"), conditions.given("SecurityGroupIds")),
    "HasReaderOrganization": conditions.given("ReaderOrganizationId"),
    "HasReaderRoles": conditions.given("ReaderRoleArns"),
    "HasBucketKmsKey": conditions.ALL["HasBucketKmsKey"],
    "HasKmsKey": conditions.ALL["HasKmsKey"],
    "HasBoundary": conditions.ALL["HasBoundary"],
    "HasAlarms": conditions.ALL["HasAlarms"],
    "HasAlarmTopic": conditions.ALL["HasAlarmTopic"],
    "Traces": conditions.ALL["Traces"],
}


def add_bucket(app):
    key = If(
        "HasBucketKmsKey",
        ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=Ref("BucketKmsKeyArn")),
        ServerSideEncryptionByDefault(SSEAlgorithm="AES256"),
    )
    app.add(
        Bucket(
            "InventoryBucket",
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            BucketEncryption=BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    ServerSideEncryptionRule(
                        ServerSideEncryptionByDefault=key, BucketKeyEnabled=If("HasBucketKmsKey", True, NoValue)
                    )
                ]
            ),
        ),
        note="Without versions: old answers are of no use. It stays when the stack is deleted, because S3 deletes no bucket"
        " with objects.",
    )
    everything = [Sub(OBJECTS), Sub(f"{OBJECTS}/*")]

    def reads(principal, **condition):
        more = {"Condition": condition} if condition else {}
        objects = statement({"s3:GetObject": "manifest and parts"}, Sub(f"{OBJECTS}/*"))
        listing = statement(LISTS, Sub(OBJECTS))
        return [{"Effect": "Allow", "Principal": principal, **one, **more} for one in (objects, listing)]

    organization = reads("*", StringEquals={"aws:PrincipalOrgID": Ref("ReaderOrganizationId")})
    roles = reads({"AWS": Split(",", Ref("ReaderRoleArns"))})
    app.add(
        BucketPolicy(
            "InventoryBucketPolicy",
            Bucket=Ref("InventoryBucket"),
            PolicyDocument=document(
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": everything,
                    "Condition": {"Bool": {"aws:SecureTransport": False}},
                },
                *(If("HasReaderOrganization", one, NoValue) for one in organization),
                *(If("HasReaderRoles", one, NoValue) for one in roles),
            ),
        )
    )


def add_role(app):
    member = Sub("arn:${AWS::Partition}:iam::*:role/${MemberRole}")
    app.add(
        Role(
            "FunctionRole",
            Path=Ref("RolePath"),
            PermissionsBoundary=If("HasBoundary", Ref("PermissionsBoundaryArn"), NoValue),
            AssumeRolePolicyDocument=function.trust(),
            Policies=[
                function.log_policy(),
                policy("members", statement({"sts:AssumeRole": "the read-only role of each account, and no other"}, member)),
                policy(
                    "accounts",
                    statement(
                        {"organizations:ListAccounts": "which accounts there are"},
                        Noted("Organizations knows no narrower resource", "*"),
                    ),
                    when="AsksOrganization",
                ),
                policy(
                    "inventory",
                    statement(
                        {
                            "s3:GetObject": "the manifest of the round before",
                            "s3:PutObject": "manifest and parts; nothing is ever deleted",
                        },
                        Sub(f"{OBJECTS}/*"),
                    ),
                    statement(LISTS, Sub(OBJECTS)),
                ),
                policy(
                    "inventory-key",
                    statement(
                        {
                            "kms:Decrypt": "the manifest of the round before",
                            "kms:GenerateDataKey": "manifest and parts",
                        },
                        Ref("BucketKmsKeyArn"),
                        Condition={"StringEquals": {"kms:ViaService": Sub("s3.${AWS::Region}.${AWS::URLSuffix}")}},
                    ),
                    when="HasBucketKmsKey",
                ),
                policy("key", statement({"kms:Decrypt": "the environment variables"}, Ref("KmsKeyArn")), when="HasKmsKey"),
                policy("network", *function.attachment(), when="InSubnets"),
                policy("traces", function.traces(), when="Traces"),
            ],
        )
    )  # fmt: skip


def add_rules(app):
    rules.add(
        app,
        "SubnetsHaveSecurityGroups",
        [rules.assertion(conditions.given("SecurityGroupIds"), "SubnetIds needs SecurityGroupIds that let out to port 443.")],
        when=conditions.given("SubnetIds"),
    )
    rules.add(
        app,
        "NothingOfAVpcWithoutOne",
        [rules.assertion(rules.absent("SecurityGroupIds"), "SecurityGroupIds has no effect without SubnetIds.")],
        when=rules.absent("SubnetIds"),
    )


def application():
    app = Application(
        INVENTORY,
        "flow-logs-transcoder-inventory",
        "names, formats and coverage of an organization, in a bucket",
        "Asks EC2 of every account and region of an organization for interfaces, VPCs, transit gateways and flow logs, and"
        " keeps the answers in a bucket for the functions of Flow Logs Transcoder.",
        ["organizations", "rust"],
        rows=TABLE,
    )
    add_rules(app)
    network = VPCConfig(SubnetIds=Split(",", Ref("SubnetIds")), SecurityGroupIds=Split(",", Ref("SecurityGroupIds")))
    function.add_function(
        app,
        "Keeps the inventory of an organization in a bucket",
        timeout=Noted("A round ends before the next one begins.", SECONDS),
        role=GetAtt("FunctionRole", "Arn"),
        concurrency=Noted("Two rounds at a time would ask twice.", 1),
        network=If("InSubnets", network, NoValue),
        settings={"INVENTORY": Sub("s3://${InventoryBucket}")},
        Events={
            "Schedule": {
                "Type": "Schedule",
                "Properties": {
                    "Schedule": "rate(5 minutes)",
                    "Description": "Rounds of Flow Logs Transcoder's inventory",
                },
            }
        },
        EventInvokeConfig=EventInvokeConfiguration(
            MaximumRetryAttempts=Noted("The next round is the retry.", 0), MaximumEventAgeInSeconds=300
        ),
    )
    add_role(app)
    add_bucket(app)
    for row in ALARMS:
        app.add(alarms.alarm(row, INVENTORY))
    app.output("FunctionName", "The function, for aws lambda invoke", Ref("Function"))
    app.output("FunctionRoleArn", "What template-member.yaml asks for as InventoryRoleArns", GetAtt("FunctionRole", "Arn"))
    app.output("Inventory", "What the functions that transcode take as their setting Inventory",
               Sub("s3://${InventoryBucket}"))  # fmt: skip
    app.output("FunctionLogGroupName", "The function's own log", Ref("FunctionLogGroup"))
    for name, condition in CONDITIONS.items():
        app.template.add_condition(name, condition)
    return app


class MemberRole:
    """template-member.yaml: without a transform, for service-managed StackSets."""

    def encoded(self):
        template = troposphere.Template(Description="Flow Logs Transcoder - the read-only role of one account, for the inventory")
        template.set_version()
        for row in MEMBER_TABLE:
            template.add_parameter(row.made(INVENTORY))
        template.add_condition("HasBoundary", conditions.ALL["HasBoundary"])
        path, name = MEMBER_ROLE.rsplit("/", 1)
        trusted = {
            "Effect": "Allow",
            "Principal": {"AWS": Sub("arn:${AWS::Partition}:iam::${InventoryAccountId}:root")},
            "Action": "sts:AssumeRole",
            "Condition": Noted(
                "The account's root stands for the account; the condition names the roles. Named as principals, the roles would"
                " have to exist before this one, and would be others once they were made again.",
                {
                    "ArnEquals": {"aws:PrincipalArn": Ref("InventoryRoleArns")},
                    "StringEquals": {"sts:ExternalId": Ref("ExternalId")},
                },
            ),
        }
        asked = {"ec2:DescribeFlowLogs": "formats, and what the flow logs cover", **function.NAMES}
        template.add_resource(
            Role(
                "MemberRole",
                RoleName=name,
                Path=f"/{path}/",
                Description="Flow Logs Transcoder reads names of interfaces, VPCs and gateways, and flow logs",
                MaxSessionDuration=3600,
                PermissionsBoundary=If("HasBoundary", Ref("PermissionsBoundaryArn"), NoValue),
                AssumeRolePolicyDocument=document(trusted),
                Policies=[policy("describe", statement(asked, Noted(function.NO_NARROWER, "*")))],
            )
        )
        template.add_output(troposphere.Output("RoleArn", Description="The role", Value=GetAtt("MemberRole", "Arn")))
        encoded = template.to_dict()
        role = encoded["Resources"]["MemberRole"]
        encoded["Resources"]["MemberRole"] = {
            KEY: [
                "IAM is global: one stack in each account, in any region.",
                {"Type": role["Type"], "Properties": role["Properties"]},
            ]
        }
        order = ["AWSTemplateFormatVersion", "Description", "Parameters", "Conditions", "Resources", "Outputs"]
        return {section: encoded[section] for section in order}
