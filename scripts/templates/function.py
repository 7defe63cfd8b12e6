"""What every function has: the function itself, its log, its role, its security group."""

from troposphere import Equals, GetAtt, If, Join, NoValue, Not, Or, Ref, Split, Sub
from troposphere.awslambda import Environment, LoggingConfig, VPCConfig
from troposphere.ec2 import SecurityGroup, SecurityGroupRule
from troposphere.iam import Role
from troposphere.logs import LogGroup
from troposphere.serverless import Function

from .notes import Noted
from .policies import document, policy, statement

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


def add_rules(template):
    in_a_vpc = {"RuleCondition": Not(Equals(Ref("VpcId"), ""))}
    template.add_rule("VpcIsComplete", {
        **in_a_vpc,
        "Assertions": [{
            "Assert": Or(Not(Equals(Ref("CollectorCidr"), "")), Not(Equals(Ref("CollectorCidrIpv6"), ""))),
            "AssertDescription": "In a VPC, CollectorCidr or CollectorCidrIpv6 says where the security group lets messages"
            " out to.",
        }],
    })  # fmt: skip


def add_function(app, description, **more):
    """The function; `more` is what a source has of its own."""
    groups = Split(",", Join(",", [GetAtt("SecurityGroup", "GroupId"), Join(",", Ref("SecurityGroupIds"))]))
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
            Timeout=Ref("Timeout"),
            Role=GetAtt("FunctionRole", "Arn"),
            LoggingConfig=LoggingConfig(
                LogGroup=Ref("FunctionLogGroup"),
                LogFormat="JSON",
                ApplicationLogLevel=Ref("LogLevel"),
                SystemLogLevel="INFO",
            ),
            VpcConfig=If(
                "InVpc",
                VPCConfig(
                    SubnetIds=Ref("SubnetIds"),
                    SecurityGroupIds=If("HasSecurityGroups", groups, [GetAtt("SecurityGroup", "GroupId")]),
                    Ipv6AllowedForDualStack=If("HasCollectorIpv6", True, False),
                ),
                NoValue,
            ),
            Environment=Environment(
                Variables={
                    **app.variables(),
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
        )
    )


def add_role(app, formats_of, *policies):
    """The role: what every function needs, and the policies of the source."""
    network = [
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
    app.add(
        Role(
            "FunctionRole",
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ),
            Policies=[
                policy(
                    "log",
                    statement(
                        {
                            "logs:CreateLogStream": "each environment writes a stream of its own",
                            "logs:PutLogEvents": "log lines, and the metrics in them",
                        },
                        GetAtt("FunctionLogGroup", "Arn"),
                    ),
                ),
                *policies,
                policy("network", *network, when="InVpc"),
                policy(
                    "formats",
                    statement({"ec2:DescribeFlowLogs": f"record formats of {formats_of}, and what the flow logs cover"},
                              Noted(NO_NARROWER, "*")),
                    when="ReadsFlowLogs",
                ),
                policy("names", statement(NAMES, Noted(NO_NARROWER, "*")), when="ResolvesNames"),
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
            ],
        )
    )  # fmt: skip


def decrypt(reason, parameter, service):
    """The right to decrypt with the key of a parameter, through one service only."""
    via = {"StringEquals": {"kms:ViaService": Sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")}}
    return statement({"kms:Decrypt": reason}, Ref(parameter), Condition=via)


def egress(description, protocol, port, **to):
    return SecurityGroupRule(Description=description, IpProtocol=protocol, FromPort=port, ToPort=port, **to)


def add_security_group(app, *api_rules):
    def out(condition, protocol, **to):
        words = "IPFIX over UDP" if protocol == "udp" else "IPFIX over TCP or TLS"
        return If(condition, egress(words, protocol, Ref("CollectorPort"), **to), NoValue)

    app.add(
        SecurityGroup(
            "SecurityGroup",
            Condition="InVpc",
            GroupDescription="Flow Logs Transcoder, out to the collectors only",
            VpcId=Ref("VpcId"),
            SecurityGroupEgress=[
                out("SendsUdpIpv4", "udp", CidrIp=Ref("CollectorCidr")),
                out("SendsTcpIpv4", "tcp", CidrIp=Ref("CollectorCidr")),
                out("SendsUdpIpv6", "udp", CidrIpv6=Ref("CollectorCidrIpv6")),
                out("SendsTcpIpv6", "tcp", CidrIpv6=Ref("CollectorCidrIpv6")),
                *api_rules,
            ],
        ),
        note="Names are resolved by the VPC's own resolver, which security groups do not see.",
    )


def add_outputs(app, failures):
    app.output("FunctionName", "The function, for aws lambda invoke", Ref("Function"))
    if app.source == "s3":
        app.output("QueueArn", "What the notification of an existing bucket names", GetAtt("Queue", "Arn"))
    app.output("FailureQueueUrl", failures, Ref("FailureQueue"))
    app.output("FunctionLogGroupName", "The function's own log", Ref("FunctionLogGroup"))
    app.output(
        "DashboardUrl",
        "Flows in and out, drops by reason, lag, cost",
        Sub("https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}#dashboards:name=${Dashboard}"),
    )
    app.output(
        "SecurityGroupId",
        "What the collector's own security group lets in",
        GetAtt("SecurityGroup", "GroupId"),
        Condition="InVpc",
    )
