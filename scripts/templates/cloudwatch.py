"""template.yaml: flow logs of CloudWatch log groups."""

from troposphere import AccountId, GetAtt, If, NoValue, Ref, Sub
from troposphere.awslambda import DestinationConfig, EventSourceMapping, Permission, ScalingConfig
from troposphere.awslambda import OnFailure as StreamOnFailure
from troposphere.logs import SubscriptionFilter
from troposphere.serverless import DestinationConfiguration, EventInvokeConfiguration, OnFailure
from troposphere.sqs import Queue

from . import alarms, conditions, dashboard, function, rules
from .application import Application
from .notes import Noted
from .parameters import CLOUDWATCH, MOST_LOG_GROUPS
from .policies import policy, statement

SUFFIXES = ["", *(str(number) for number in range(2, MOST_LOG_GROUPS + 1))]
SYSTEM_FIELDS = ["@aws.account", "@aws.region", "@source.log"]
PERMISSIONS = (
    "A permission has to be there before its subscription filter. One permission a group, and each for this account"
    " alone, so that nobody else's log group can invoke the function."
)


def add_log_group(app, suffix):
    condition = {"Condition": f"HasLogGroup{suffix}"}
    group = f"LogGroupName{suffix}"
    app.add(
        Permission(
            f"Permission{suffix}",
            FunctionName=Ref("Function"),
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
            SourceAccount=AccountId,
            SourceArn=Sub(f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{group}}}:*"),
            **condition,
        ),
        note=None if suffix else PERMISSIONS,
    )
    app.add(
        SubscriptionFilter(
            f"Subscription{suffix}",
            DependsOn=f"Permission{suffix}",
            LogGroupName=Ref(group),
            FilterPattern=Ref("FilterPattern"),
            DestinationArn=GetAtt("Function", "Arn"),
            EmitSystemFields=If("EmitsSystemFields", SYSTEM_FIELDS, NoValue),
            **condition,
        )
    )


def add_stream(app):
    """The data stream as event source: retried until the retention ends, so nothing bounds tries or age."""
    failures = Sub("arn:${AWS::Partition}:s3:::${StreamFailureBucket}")
    app.add(
        EventSourceMapping(
            "StreamSource",
            Condition="HasStream",
            FunctionName=Ref("Function"),
            EventSourceArn=Ref("StreamArn"),
            StartingPosition=Ref("StreamStart"),
            BatchSize=Ref("StreamBatchSize"),
            BisectBatchOnFunctionError=True,
            FunctionResponseTypes=Noted(
                "What comes before the record that failed is not repeated.", ["ReportBatchItemFailures"]
            ),
            DestinationConfig=If(
                "HasStreamFailureBucket",
                DestinationConfig(OnFailure=StreamOnFailure(Destination=failures)),
                NoValue,
            ),
        )
    )


def stream_policies():
    yield policy(
        "stream",
        statement(
            {
                "kinesis:GetRecords": "Lambda reads the stream with this role",
                "kinesis:GetShardIterator": None,
                "kinesis:DescribeStream": None,
                "kinesis:DescribeStreamSummary": None,
                "kinesis:ListShards": None,
            },
            Ref("StreamArn"),
        ),
        when="HasStream",
    )
    yield policy(
        "stream-key",
        function.decrypt("the stream is encrypted with a key of its own", "StreamKmsKeyArn", "kinesis"),
        when="HasStreamKmsKey",
    )
    bucket = "arn:${AWS::Partition}:s3:::${StreamFailureBucket}"
    yield policy(
        "stream-failures",
        statement({"s3:PutObject": "records that the stream no longer has"}, Sub(f"{bucket}/*")),
        statement({"s3:ListBucket": "Lambda asks whether it may write there"}, Sub(bucket)),
        when="HasStreamFailureBucket",
    )


def application():
    app = Application(
        CLOUDWATCH,
        "flow-logs-transcoder",
        "VPC and transit gateway flow logs from CloudWatch Logs become IPFIX",
        "Sends AWS VPC and transit gateway flow logs from CloudWatch Logs to any IPFIX collector, over UDP, TCP or TLS, with"
        " interface and VPC names.",
        ["cloudwatch-logs", "rust"],
    )
    function.add_mappings(app.template)
    rules.add_all(app)
    function.add_function(
        app,
        "Sends the flow logs of CloudWatch log groups as IPFIX",
        EventInvokeConfig=EventInvokeConfiguration(
            MaximumRetryAttempts=2,
            MaximumEventAgeInSeconds=21600,
            DestinationConfig=DestinationConfiguration(
                OnFailure=OnFailure(Type="SQS", Destination=GetAtt("FailureQueue", "Arn"))
            ),
        ),
    )
    app.add(
        Queue(
            "FailureQueue",
            VisibilityTimeout=function.visibility(),
            MessageRetentionPeriod=function.MESSAGE_RETENTION,
            **function.encryption(),
        ),
        note="Invocations that failed three times, with their payload. They wait here for up to 14 days; one that fails again"
        " is hidden until its next try.",
    )
    app.add(
        EventSourceMapping(
            "RedeliverySource",
            FunctionName=Ref("Function"),
            EventSourceArn=GetAtt("FailureQueue", "Arn"),
            Enabled=If("Redelivers", True, False),
            BatchSize=10,
            FunctionResponseTypes=Noted("One payload that fails again does not repeat the others.", ["ReportBatchItemFailures"]),
            ScalingConfig=ScalingConfig(MaximumConcurrency=Ref("RedeliveryConcurrency")),
        )
    )
    function.add_role(
        app,
        "the log groups",
        policy(
            "failures",
            statement(
                {
                    "sqs:SendMessage": "Lambda hands over, with this role, what failed after its retries",
                    "sqs:ReceiveMessage": "and takes it from there again",
                    "sqs:DeleteMessage": "what was exported",
                    "sqs:GetQueueAttributes": None,
                },
                GetAtt("FailureQueue", "Arn"),
            ),
        ),
        *stream_policies(),
    )
    https = function.egress("EC2, S3 and Secrets Manager", "tcp", (443, 443), CidrIp=Ref("AwsApiCidr"))
    to_s3 = function.egress("S3", "tcp", (443, 443), DestinationPrefixListId=Ref("S3PrefixListId"))
    function.add_security_group(app, If("CallsAwsApis", https, NoValue), If("HasS3PrefixList", to_s3, NoValue))
    for suffix in SUFFIXES:
        add_log_group(app, suffix)
    app.add(
        Permission(
            "PermissionOfAll",
            Condition="AdmitsAllLogGroups",
            FunctionName=Ref("Function"),
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
            SourceAccount=AccountId,
            SourceArn=Sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"),
        ),
        note="For an account-level subscription policy, which the serverless repository does not let a template make.",
    )
    add_stream(app)
    alarms.add(app)
    for suffix in SUFFIXES:
        app.add(alarms.of_log_group(suffix))
    dashboard.add(app)
    function.add_outputs(app, "Payloads that failed after all retries")
    conditions.add_used(app.template)
    return app
