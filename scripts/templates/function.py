"""Resources of every function: the function, the log, the role, the security group."""

from troposphere import FindInMap, GetAtt, If, Join, NoValue, Partition, Ref, Select, Split, Sub
from troposphere.awslambda import Environment, LoggingConfig, VPCConfig
from troposphere.ec2 import SecurityGroup, SecurityGroupRule
from troposphere.iam import Role
from troposphere.logs import LogGroup
from troposphere.serverless import Function

from . import alarms, conditions, parameters
from .notes import Noted
from .policies import LISTS, document, policy, statement

TRUST_STORE = "The trust store as one file, instead of the hundreds of files beside it that would be read at start."
NO_NARROWER = "EC2 knows no narrower resource"

# The function's way into a VPC: Lambda uses these with the function's role.
ATTACH = {
    "ec2:CreateNetworkInterface": "the function's way into the VPC",
    "ec2:DescribeNetworkInterfaces": "whether it is there already",
    "ec2:DescribeSubnets": "where it may be",
    "ec2:DeleteNetworkInterface": "when the function is deleted or moved",
    "ec2:AssignPrivateIpAddresses": "more connections than one address can hold",
    "ec2:UnassignPrivateIpAddresses": "and fewer again",
}
NAMES = {
    "ec2:DescribeNetworkInterfaces": "names and addresses of interfaces",
    "ec2:DescribeVpcs": "names of VPCs",
    "ec2:DescribeTransitGateways": "names of transit gateways",
    "ec2:DescribeTransitGatewayAttachments": "names of attachments, the interfaces of a transit gateway",
}


FIPS_AND_DUAL_STACK = {
    "AWS_USE_FIPS_ENDPOINT": Ref("UseFipsEndpoints"),
    "AWS_USE_DUALSTACK_ENDPOINT": Ref("UseDualStackEndpoints"),
}

# Seconds of a message in a queue: 14 days, SQS's maximum.
MESSAGE_RETENTION = 1209600


def chosen_role():
    """The role of the user, or the stack's."""
    return If("HasRole", Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${RoleName}"), GetAtt("FunctionRole", "Arn"))


def chosen_concurrency():
    return If("HasReservedConcurrency", Ref("ReservedConcurrency"), NoValue)


def chosen_network():
    """The VPC of the user, with the security group of the stack."""
    own_group = GetAtt("SecurityGroup", "GroupId")
    groups = Split(",", Join(",", [own_group, Ref("SecurityGroupIds")]))
    return If(
        "InVpc",
        VPCConfig(
            SubnetIds=Split(",", Ref("SubnetIds")),
            SecurityGroupIds=If("HasSecurityGroups", groups, [own_group]),
            Ipv6AllowedForDualStack=If("HasCollectorIpv6", True, False),
        ),
        NoValue,
    )


def add_function(app, description, timeout=None, role=None, concurrency=None, network=None, settings=None, **more):
    """The function; `more` are the properties of a source. By default parameters choose the rest.

    `settings` are variables that are no parameters.
    """
    app.add(
        Function(
            "Function",
            Metadata={
                "BuildMethod": "rust-cargolambda",
                "BuildProperties": {"Binary": app.binary, "Flags": ["--locked"]},
            },
            Description=description,
            CodeUri="crates/lambda",
            Handler="bootstrap",
            Runtime="provided.al2023",
            Architectures=[Ref("Architecture")],
            MemorySize=Ref("MemorySize"),
            Timeout=timeout or Ref("Timeout"),
            Role=role or chosen_role(),
            KmsKeyArn=If("HasKmsKey", Ref("KmsKeyArn"), NoValue),
            Tracing=If("Traces", "Active", "PassThrough"),
            ReservedConcurrentExecutions=concurrency or chosen_concurrency(),
            LoggingConfig=LoggingConfig(
                LogGroup=Ref("FunctionLogGroup"),
                LogFormat="JSON",
                ApplicationLogLevel=Ref("LogLevel"),
                SystemLogLevel=Ref("SystemLogLevel"),
            ),
            VpcConfig=network or chosen_network(),
            Environment=Environment(
                Variables={
                    **app.variables(),
                    **(settings or {}),
                    **FIPS_AND_DUAL_STACK,
                    "SSL_CERT_FILE": Noted(TRUST_STORE, "/etc/pki/tls/certs/ca-bundle.crt"),
                }
            ),
            **more,
        )
    )
    app.add(
        LogGroup(
            "FunctionLogGroup",
            LogGroupName=Sub(f"/aws/lambda/${{AWS::StackName}}-{app.binary}"),
            RetentionInDays=Ref("LogRetentionDays"),
            KmsKeyId=If("HasKmsKey", Ref("KmsKeyArn"), NoValue),
        )
    )


def attachment():
    """Statements that let Lambda attach the function to a VPC with the function's role."""
    return [
        Noted(
            "Lambda attaches the function to the VPC with this role. EC2 knows no narrower resource for these.",
            statement(ATTACH, "*"),
        ),
        Noted(
            "Lambda may do that, the code that it runs has no reason to.",
            statement(
                {action: None for action in ATTACH if not action.startswith("ec2:Describe")},
                "*",
                "Deny",
                Condition={"ArnLike": {"lambda:SourceFunctionArn": Sub(
                    "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*")}},
            ),
        ),
    ]  # fmt: skip


def log_policy():
    """The right to write the function's own log."""
    return policy(
        "log",
        statement(
            {
                "logs:CreateLogStream": "each environment writes a stream of its own",
                "logs:PutLogEvents": "log lines, and the metrics in them",
            },
            GetAtt("FunctionLogGroup", "Arn"),
        ),
    )


def traces():
    return statement(
        {
            "xray:PutTraceSegments": "Lambda sends the traces with this role",
            "xray:PutTelemetryRecords": None,
        },
        Noted("X-Ray knows no narrower resource", "*"),
    )


def trust():
    """Lambda takes the role."""
    return document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


def add_role(app, formats_of, *policies):
    """The role: the needs of every function, and the policies of the source."""
    app.add(
        Role(
            "FunctionRole",
            Condition="MakesRole",
            Path=Ref("RolePath"),
            PermissionsBoundary=If("HasBoundary", Ref("PermissionsBoundaryArn"), NoValue),
            AssumeRolePolicyDocument=trust(),
            Policies=[
                log_policy(),
                *policies,
                policy("network", *attachment(), when="InVpc"),
                policy(
                    "formats",
                    statement({"ec2:DescribeFlowLogs": f"record formats of {formats_of}, and what the flow logs cover"},
                              Noted(NO_NARROWER, "*")),
                    when="AsksEc2",
                ),
                policy("names", statement(NAMES, Noted(NO_NARROWER, "*")), when="AsksEc2"),
                policy("inventory", *inventory_statements(), when="ReadsInventory"),
                policy(
                    "inventory-key",
                    decrypt("the inventory is encrypted with a key of its own", "InventoryKmsKeyArn", "s3"),
                    when="HasInventoryKmsKey",
                ),
                policy(
                    "secret",
                    statement(
                        {"secretsmanager:GetSecretValue": "certificates and key for tls:// collectors"}, Ref("TlsSecretId")
                    ),
                    when="HasTlsSecret",
                ),
                policy(
                    "secret-key",
                    decrypt("the secret is encrypted with a key of its own", "TlsSecretKmsKeyArn", "secretsmanager"),
                    when="HasTlsSecretKmsKey",
                ),
                policy(
                    "key",
                    statement(
                        {
                            "kms:Decrypt": "the environment variables, and messages of the queues",
                            "kms:GenerateDataKey": "messages that are put into a queue",
                        },
                        Ref("KmsKeyArn"),
                    ),
                    when="HasKmsKey",
                ),
                policy("traces", traces(), when="Traces"),
            ],
        )
    )  # fmt: skip


def inventory_statements():
    """The right to read the objects of the inventory, whose place is in `Inventory`: s3://bucket/prefix."""
    # With `s3://none` at the end, Split has a second part for ec2 and off, too.
    place = Select(1, Split("s3://", Sub("${Inventory}s3://none")))
    bucket = Select(0, Split("/", place))
    # The first folder of the prefix: CloudFormation has no function that removes the bucket and keeps several folders.
    folder = Select(1, Split("/", Join("", [place, "/"])))
    arn = "arn:${AWS::Partition}:s3:::"
    return (
        statement(
            {"s3:GetObject": "names, coverage and formats, as flowlogs-inventory keeps them"},
            [Sub(f"{arn}${{Place}}/{objects}", Place=place) for objects in ("manifest.json.gz", "parts/*")],
        ),
        statement(
            LISTS,
            Sub(f"{arn}${{Bucket}}", Bucket=bucket),
            Condition={"StringLike": {"s3:prefix": Sub("${Folder}*", Folder=folder)}},
        ),
    )


def decrypt(reason, parameter, service):
    """The right to decrypt with the key of a parameter, through one service only."""
    via = {"StringEquals": {"kms:ViaService": Sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")}}
    return statement({"kms:Decrypt": reason}, Ref(parameter), Condition=via)


def egress(description, protocol, ports, **to):
    first, last = ports
    return SecurityGroupRule(Description=description, IpProtocol=protocol, FromPort=first, ToPort=last, **to)


def collector_ports():
    """First and last port of `CollectorPort`, a port or a range. The last is the second part of the value written
    twice: "4739-4739" for a port, "4739-4740-4739-4740" for a range."""
    return Select(0, Split("-", Ref("CollectorPort"))), Select(1, Split("-", Sub("${CollectorPort}-${CollectorPort}")))


def add_security_group(app, *api_rules):
    def out(protocol, condition, **to):
        words = "IPFIX over UDP" if protocol == "udp" else "IPFIX over TCP or TLS"
        return If(condition, egress(words, protocol, collector_ports(), **to), NoValue)

    ipv4, ipv6 = {"CidrIp": Ref("CollectorCidr")}, {"CidrIpv6": Ref("CollectorCidrIpv6")}
    app.add(
        SecurityGroup(
            "SecurityGroup",
            Condition="InVpc",
            GroupDescription="Flow Logs Transcoder, out to the collectors only",
            VpcId=Ref("VpcId"),
            SecurityGroupEgress=[
                out("udp", "HasCollectorIpv4", **ipv4),
                out("tcp", "HasCollectorIpv4", **ipv4),
                out("udp", "HasCollectorIpv6", **ipv6),
                out("tcp", "HasCollectorIpv6", **ipv6),
                *api_rules,
            ],
        ),
        note="Names are resolved by the VPC's own resolver, which security groups do not see. A rule cannot look into"
        " Collector, so both protocols are let out.",
    )


def encryption():
    """Properties of a queue: the key of the stack, or one of SQS."""
    return {
        "SqsManagedSseEnabled": If("HasKmsKey", NoValue, True),
        "KmsMasterKeyId": If("HasKmsKey", Ref("KmsKeyArn"), NoValue),
    }


def visibility():
    """How long a message that was received is hidden: the pause between two tries."""
    return FindInMap("Timeouts", Ref("Timeout"), "Visibility")


def receives():
    """Number of receives before a message goes to the dead-letter queue; two hours of its retention are left then."""
    return FindInMap("Timeouts", Ref("Timeout"), "Receives")


def times_of_a_queue(visibility):
    most_of_sqs = 1000
    return {"Visibility": visibility, "Receives": min((MESSAGE_RETENTION - 7200) // visibility, most_of_sqs)}


def add_mappings(template):
    timeouts = next(row for row in parameters.TABLE if row.name == "Timeout").values
    template.mappings["Timeouts"] = Noted(
        "Six times the timeout, as AWS recommends, and no less than 20 minutes, the pause between two tries; and as many tries"
        " as fit into 13.9 of the 14 days that a message is kept.",
        {str(seconds): times_of_a_queue(max(6 * seconds, 1200)) for seconds in timeouts},
    )
    template.mappings["Silence"] = {
        str(minutes): {"Periods": max(minutes * 60 // alarms.PERIOD, 1)} for minutes in (0, *parameters.SILENCE)
    }
    template.mappings["Partitions"] = {partition: {"Console": host} for partition, host in conditions.CONSOLES.items()}


def add_outputs(app, failures):
    app.output("FunctionName", "The function, for aws lambda invoke", Ref("Function"))
    app.output("FunctionRoleArn", "The function's role, for ReaderRoleArns of template-inventory.yaml", chosen_role())
    if app.source == parameters.S3:
        app.output("QueueArn", "What the notification of an existing bucket names", GetAtt("Queue", "Arn"))
        app.output("QueueUrl", "The queue of notices", Ref("Queue"))
    else:
        app.output("FunctionArn", "The function, for an account-level subscription policy", GetAtt("Function", "Arn"))
    app.output("FailureQueueUrl", failures, Ref("FailureQueue"))
    app.output("FunctionLogGroupName", "The function's own log", Ref("FunctionLogGroup"))
    link = "https://${AWS::Region}.${Console}/cloudwatch/home?region=${AWS::Region}#dashboards:name=${Dashboard}"
    app.output(
        "DashboardUrl",
        "Flows in and out, drops by reason, lag, cost",
        Sub(link, Console=FindInMap("Partitions", Partition, "Console")),
        Condition="HasConsoleLink",
    )
    app.output(
        "SecurityGroupId",
        "What the collector's own security group lets in",
        GetAtt("SecurityGroup", "GroupId"),
        Condition="InVpc",
    )
