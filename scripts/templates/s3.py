"""template-s3.yaml: flow logs of a bucket, text or Parquet."""

from troposphere import AccountId, GetAtt, If, NoValue, Ref, Sub
from troposphere.events import Rule, Target
from troposphere.s3 import (
    Bucket,
    BucketEncryption,
    Filter,
    NotificationConfiguration,
    PublicAccessBlockConfiguration,
    QueueConfigurations,
    Rules,
    S3Key,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
)
from troposphere.sns import SubscriptionResource
from troposphere.sqs import Queue, QueuePolicy, RedrivePolicy

from . import alarms, conditions, dashboard, function, rules
from .application import Application
from .notes import Noted
from .parameters import S3
from .policies import LISTS, document, policy, statement, trusted

BUCKET_ARN = "arn:${AWS::Partition}:s3:::${BucketName}"


def add_queues(app):
    app.add(
        Queue(
            "Queue",
            VisibilityTimeout=function.visibility(),
            MessageRetentionPeriod=function.MESSAGE_RETENTION,
            RedrivePolicy=RedrivePolicy(
                deadLetterTargetArn=GetAtt("FailureQueue", "Arn"),
                maxReceiveCount=function.receives(),
            ),
            **function.encryption(),
        ),
        note="Notices of new objects. A message that was received is hidden, and comes again if its object was not exported.",
    )
    here = GetAtt("Queue", "Arn")

    def sends(service, reason, **condition):
        return trusted(service, {"sqs:SendMessage": reason}, here, condition)

    def from_arn(arn):
        return {"aws:SourceArn": arn}

    app.add(
        QueuePolicy(
            "QueuePolicy",
            Queues=[Ref("Queue")],
            PolicyDocument=document(
                sends(
                    "s3.amazonaws.com",
                    "notices of this bucket, and of no other account's with its name",
                    ArnEquals=from_arn(Sub(BUCKET_ARN)),
                    StringEquals={
                        "aws:SourceAccount": If("HasBucketAccount", Ref("BucketAccountId"), AccountId),
                    },
                ),
                If(
                    "UsesEventBridge",
                    sends(
                        "events.amazonaws.com",
                        "notices that the rule selects",
                        ArnEquals=from_arn(GetAtt("EventRule", "Arn")),
                    ),
                    NoValue,
                ),
                If(
                    "HasTopic",
                    sends("sns.amazonaws.com", "notices that the topic passes on", ArnEquals=from_arn(Ref("TopicArn"))),
                    NoValue,
                ),
            ),
        )
    )
    app.add(
        Queue("FailureQueue", MessageRetentionPeriod=function.MESSAGE_RETENTION, **function.encryption()),
        note="Messages of objects that could not be exported: fix the cause, then start a redrive to the queue.",
    )


def role_policies():
    yield policy(
        "queue",
        statement(
            {
                "sqs:ReceiveMessage": "Lambda polls the queue with this role",
                "sqs:DeleteMessage": "what was exported",
                "sqs:GetQueueAttributes": None,
            },
            GetAtt("Queue", "Arn"),
        ),
    )
    yield policy(
        "objects",
        statement(
            {
                "s3:GetObject": "the flow logs; nothing is ever written, changed or deleted",
                "s3:GetObjectVersion": "where the bucket has versions",
            },
            Sub(f"{BUCKET_ARN}/${{KeyPrefix}}*"),
        ),
        statement(
            LISTS,
            Sub(BUCKET_ARN),
            Condition={"StringLike": {"s3:prefix": Sub("${KeyPrefix}*")}},
        ),
    )
    yield policy(
        "objects-key",
        function.decrypt("the objects are encrypted with a key of their own", "BucketKmsKeyArn", "s3"),
        when="HasBucketKmsKey",
    )


def add_bucket(app):
    encryption = If(
        "HasBucketKmsKey",
        ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=Ref("BucketKmsKeyArn")),
        ServerSideEncryptionByDefault(SSEAlgorithm="AES256"),
    )
    prefix = Filter(S3Key=S3Key(Rules=[Rules(Name="prefix", Value=Ref("KeyPrefix"))]))
    app.add(
        Bucket(
            "Bucket",
            Condition="MakesBucket",
            DependsOn="QueuePolicy",
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            BucketName=Ref("BucketName"),
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            BucketEncryption=BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    ServerSideEncryptionRule(
                        ServerSideEncryptionByDefault=encryption,
                        BucketKeyEnabled=If("HasBucketKmsKey", True, NoValue),
                    )
                ]
            ),
            NotificationConfiguration=NotificationConfiguration(
                QueueConfigurations=[
                    QueueConfigurations(Event="s3:ObjectCreated:*", Queue=GetAtt("Queue", "Arn"), Filter=prefix)
                ]
            ),
        ),
        note="It stays when the stack is deleted. AWS adds the permission to deliver when the flow log is created.",
    )
    app.add(
        Rule(
            "EventRule",
            Condition="UsesEventBridge",
            Description="New objects of the flow logs, for Flow Logs Transcoder",
            EventPattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [Ref("BucketName")]}, "object": {"key": [{"prefix": Ref("KeyPrefix")}]}},
            },
            Targets=[Target(Id="queue", Arn=GetAtt("Queue", "Arn"))],
        )
    )
    app.add(
        SubscriptionResource(
            "TopicSubscription",
            Condition="HasTopic",
            DependsOn="QueuePolicy",
            TopicArn=Ref("TopicArn"),
            Protocol="sqs",
            Endpoint=GetAtt("Queue", "Arn"),
            RawMessageDelivery=True,
        )
    )


def application():
    app = Application(
        S3,
        "flow-logs-transcoder-s3",
        "VPC and transit gateway flow logs from S3, text or Parquet, become IPFIX",
        "Sends AWS VPC and transit gateway flow logs from S3, text or Parquet, to any IPFIX collector, over UDP, TCP or TLS,"
        " with interface and VPC names.",
        ["s3", "parquet", "rust"],
    )
    function.add_mappings(app.template)
    rules.add_all(app)
    function.add_function(
        app,
        "Sends the flow logs of a bucket as IPFIX",
        Events={
            "Notices": {
                "Type": "SQS",
                "Properties": {
                    "Queue": GetAtt("Queue", "Arn"),
                    "BatchSize": Ref("BatchSize"),
                    "FunctionResponseTypes": Noted(
                        "One bad object does not repeat the others of its batch.", ["ReportBatchItemFailures"]
                    ),
                    "ScalingConfig": {"MaximumConcurrency": Ref("MaximumConcurrency")},
                },
            }
        },
    )
    add_queues(app)
    function.add_role(app, "objects without a header line", *role_policies())
    https = (443, 443)
    function.add_security_group(
        app,
        If(
            "HasS3PrefixList",
            function.egress("S3", "tcp", https, DestinationPrefixListId=Ref("S3PrefixListId")),
            function.egress("S3, EC2 and Secrets Manager", "tcp", https, CidrIp=Ref("AwsApiCidr")),
        ),
        If(
            "CallsOtherAwsApis",
            function.egress("EC2 and Secrets Manager", "tcp", https, CidrIp=Ref("AwsApiCidr")),
            NoValue,
        ),
    )
    add_bucket(app)
    alarms.add(app)
    dashboard.add(app)
    function.add_outputs(app, "Messages of objects that could not be exported")
    conditions.add_used(app.template)
    return app
