"""The parameters of template.yaml and template-s3.yaml: a table, a row each. To add one to both, add a row.
inventory.py and plain.py have those of the other templates.

A `Setting` is also an environment variable of the function (`UdpRate` is `UDP_RATE`); the settings table of
crates/core (settings/table.rs) says its default and its bounds, and crates/lambda/tests/template compares. The order here is the order
in the templates, in the console and in docs/parameters.md.
"""

import dataclasses
import re

import troposphere

from .notes import Noted

CLOUDWATCH, S3 = "cloudwatch", "s3"

SOURCE = "From where to where"
NETWORK = "Network of the function"
RECORDS = "Which records count"
FLOWS = "What a flow looks like"
MESSAGES = "Messages"
TLS = "TLS"
OPERATION = "Function and operation"
ACCESS = "Roles and keys"
GROUPS = [SOURCE, NETWORK, RECORDS, FLOWS, MESSAGES, TLS, OPERATION, ACCESS]

ON_OFF = ["on", "off"]
SILENCE = [15, 30, 60, 120, 360, 720]
LOG_RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]

MOST_LOG_GROUPS = 10
LOG_GROUP = r"^[.\-_/#A-Za-z0-9]{0,512}$"
IPV4_RANGE = r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}"


def arn(service, rest, region="[a-z0-9-]+"):
    """Pattern of an ARN of any partition, or empty."""
    return rf"^(arn:aws[a-z-]*:{service}:{region}:[0-9]{{12}}:{rest})?$"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter. Text, default and bounds may differ by template: a mapping by source stands for each value."""

    name: str
    group: str
    description: str | dict
    default: str | int | dict | None = None  # None: required
    pattern: str | dict | None = None
    values: list | dict | None = None
    least: int | dict | None = None
    most: int | dict | None = None
    longest: int | None = None
    kind: str = ""  # by default Number where there is a number, else String
    wrong: str | dict | None = None  # the sentence that CloudFormation shows beside a value that is refused
    secret: bool = False
    only: str | None = None  # the one source whose template has it
    note: str | dict | None = None
    on_when: dict | None = None  # the condition under which a setting is on, whatever the parameter says

    @staticmethod
    def here(value, source):
        """The value for a source."""
        return value.get(source) if isinstance(value, dict) else value

    def made(self, source):
        """The parameter in the template of a source."""

        def here(value):
            return self.here(value, source)

        default, values = here(self.default), here(self.values)
        number = isinstance(default, int)
        properties = {
            "Type": self.kind or ("Number" if number else "String"),
            "Default": default,
            "Description": here(self.description),
            "AllowedPattern": here(self.pattern),
            "AllowedValues": values,
            "MinValue": here(self.least),
            "MaxValue": here(self.most),
            "MaxLength": self.longest,
            "ConstraintDescription": here(self.wrong),
            "NoEcho": self.secret or None,
        }
        made = troposphere.Parameter(self.name, **{key: value for key, value in properties.items() if value is not None})
        note = here(self.note)
        return Noted(note, made) if note else made


class Setting(Parameter):
    """A parameter read by the function from the environment."""

    @property
    def variable(self):
        return re.sub(r"(?<=.)(?=[A-Z])", "_", self.name).upper()

    def value(self, source):
        """Value of the variable in the template of a source."""
        given, condition = troposphere.Ref(self.name), self.here(self.on_when, source)
        return troposphere.If(condition, "on", given) if condition else given


TABLE = [
    Setting(
        "Collector",
        SOURCE,
        {
            CLOUDWATCH: "One or more URLs, separated by commas; each collector gets every flow: udp://host:4739,"
            " tcp://host:4739, tls://host:4740. IPv6 addresses stand in brackets.",
            S3: "One or more URLs, separated by commas; each collector gets every flow: udp://host:4739, tcp://host:4739,"
            " tls://host:4740, of the last two at most one. IPv6 addresses stand in brackets.",
        },
        pattern={
            CLOUDWATCH: "^ *(udp|tcp|tls)://[^,/ ]+( *, *(udp|tcp|tls)://[^,/ ]+)* *$",
            # An object not taken by one of two would come again to both; a stack for each is the way.
            S3: "^ *(udp://[^,/ ]+ *, *)*(udp|tcp|tls)://[^,/ ]+( *, *udp://[^,/ ]+)* *$",
        },
        wrong={
            CLOUDWATCH: "URLs such as udp://collector.example.com:4739, separated by commas.",
            S3: "URLs such as udp://collector.example.com:4739, separated by commas, with one tcp:// or tls:// at most.",
        },
    ),
    Parameter(
        "LogGroupName",
        SOURCE,
        "The log group that the flow logs are published to. It has to exist, in this account and region, in the log class"
        " Standard.",
        "",
        LOG_GROUP,
        wrong="The name of a log group.",
        only=CLOUDWATCH,
    ),
    *(
        Parameter(
            f"LogGroupName{number}",
            SOURCE,
            f"Log group {number}, or empty.",
            "",
            LOG_GROUP,
            wrong="The name of a log group.",
            only=CLOUDWATCH,
        )
        for number in range(2, MOST_LOG_GROUPS + 1)
    ),
    Parameter(
        "AllLogGroups",
        SOURCE,
        "Let every log group of this account and region invoke the function, for an account-level subscription policy, which"
        " a command sets up (docs/deploy/log-groups.md).",
        "off",
        values=ON_OFF,
        only=CLOUDWATCH,
    ),
    Parameter(
        "FilterPattern",
        SOURCE,
        "Which log lines CloudWatch Logs hands over, in its filter syntax; empty hands over all. What is filtered here"
        " costs no invocation, and is missing in RecordsReceived.",
        "",
        longest=1024,
        only=CLOUDWATCH,
    ),
    Parameter(
        "EmitSystemFields",
        SOURCE,
        "Let the subscriptions add to each event the account, region and log group that it comes from (@aws.account,"
        " @aws.region, @source.log): for central log groups, which CloudWatch Logs centralization fills from other accounts.",
        "off",
        values=ON_OFF,
        only=CLOUDWATCH,
    ),
    Parameter(
        "StreamArn",
        SOURCE,
        "The ARN of a Kinesis data stream of this region that carries subscriptions of other accounts; empty for none. With"
        " it, Collector names one tcp:// or tls:// URL at most.",
        "",
        "^(arn:aws[a-z-]*:kinesis:[a-z0-9-]+:[0-9]{12}:stream/.+)?$",
        wrong="The ARN of a data stream.",
        only=CLOUDWATCH,
    ),
    Parameter(
        "StreamStart",
        SOURCE,
        "Where to begin in the stream: with what arrives from now on, or with the oldest record that it still has.",
        "LATEST",
        values=["LATEST", "TRIM_HORIZON"],
        only=CLOUDWATCH,
    ),
    Parameter(
        "StreamBatchSize",
        SOURCE,
        "Records of the stream for one invocation at most.",
        100,
        least=1,
        most=10000,
        only=CLOUDWATCH,
    ),
    Parameter(
        "StreamKmsKeyArn",
        SOURCE,
        "The ARN of the KMS key of the stream, if it is encrypted with one of yours.",
        "",
        arn("kms", "key/.+"),
        wrong="The ARN of a KMS key, not of an alias.",
        only=CLOUDWATCH,
    ),
    Parameter(
        "StreamFailureBucket",
        SOURCE,
        "The bucket that whole records go to when the stream's retention ends before they could be exported; empty drops"
        " them.",
        "",
        "^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$",
        wrong="The name of a bucket, without s3:// and without a path.",
        only=CLOUDWATCH,
    ),
    Parameter(
        "BucketName",
        SOURCE,
        "The bucket that the flow logs are published to, in this region.",
        pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        wrong="The name of a bucket, without s3:// and without a path.",
        only=S3,
    ),
    Parameter(
        "BucketAccountId",
        SOURCE,
        "The account that owns the bucket, if it is another one; its notices are let in, and its bucket policy has to let the"
        " function read.",
        "",
        "^([0-9]{12})?$",
        wrong="Twelve digits.",
        only=S3,
    ),
    Parameter(
        "KeyPrefix",
        SOURCE,
        "Where in the bucket the flow logs are, with the prefix that they are published with, if any; the function may"
        " read nothing beside it. For one account's flow logs alone, AWSLogs/123456789012/vpcflowlogs/.",
        "AWSLogs/",
        "^[A-Za-z0-9!_.*'()/=-]*$",
        wrong="The beginning of keys, without the bucket.",
        longest=700,
        only=S3,
    ),
    Parameter(
        "Notification",
        SOURCE,
        "How the queue learns of new objects: from an existing bucket, whose notification you configure after the stack is"
        " there; from EventBridge, which you switch on at an existing bucket; or from a new bucket that is made here.",
        "existing-bucket",
        values=["existing-bucket", "event-bridge", "new-bucket"],
        only=S3,
    ),
    Parameter(
        "TopicArn",
        SOURCE,
        "The ARN of an SNS topic that the bucket notifies already; the queue subscribes to it. Empty for none.",
        "",
        arn("sns", ".+"),
        wrong="The ARN of an SNS topic.",
        only=S3,
    ),
    Parameter(
        "BucketKmsKeyArn",
        SOURCE,
        "The ARN of the KMS key that the objects are encrypted with, if the bucket uses one; with a new bucket, they are"
        " encrypted with it.",
        "",
        arn("kms", "key/.+"),
        wrong="The ARN of a KMS key, not of an alias.",
        only=S3,
    ),
    Parameter(
        "VpcId",
        NETWORK,
        "The VPC from which the collector is reached; empty puts the function outside of any VPC, where it reaches public"
        " IPv4 addresses only.",
        "",
        "^(vpc-[0-9a-f]+)?$",
        wrong="The id of a VPC.",
    ),
    Parameter(
        "SubnetIds",
        NETWORK,
        {
            CLOUDWATCH: "Subnets of that VPC, separated by commas, from which a route leads to the collector and, for look-ups,"
            " to the AWS APIs (NAT or endpoints).",
            S3: "Subnets of that VPC, separated by commas, from which a route leads to the collector, to S3 and, for look-ups,"
            " to the other AWS APIs (NAT, or endpoints, of which S3's gateway endpoint is free).",
        },
        "",
        "^(subnet-[0-9a-f]+(,subnet-[0-9a-f]+){0,15})?$",
        wrong="Ids of up to 16 subnets, separated by commas without spaces.",
    ),
    Parameter(
        "CollectorCidr",
        NETWORK,
        "The collectors' IPv4 addresses, as 10.1.2.3/32. The function's security group lets nothing else out.",
        "",
        f"^({IPV4_RANGE})?$",
        wrong="A range such as 10.1.2.3/32.",
    ),
    Parameter(
        "CollectorCidrIpv6",
        NETWORK,
        "The collectors' IPv6 addresses, as 2001:db8::1/128; all subnets have to be dual-stack then.",
        "",
        "^([0-9a-fA-F:.]+/[0-9]{1,3})?$",
        wrong="A range such as 2001:db8::1/128.",
    ),
    Parameter(
        "CollectorPort",
        NETWORK,
        "The port, or the range of ports, that the security group lets out to the collectors, UDP and TCP.",
        "4739-4740",
        "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$",
        wrong="A port such as 4739, or a range such as 4739-4740.",
    ),
    Parameter(
        "AwsApiCidr",
        NETWORK,
        {
            CLOUDWATCH: "Where the EC2, S3 (Inventory=s3://...) and Secrets Manager APIs are reached over HTTPS, if a setting"
            " needs them; with interface endpoints in the VPC, its own range is enough. A gateway endpoint of S3 has public"
            " addresses.",
            S3: "Where S3, and the EC2 and Secrets Manager APIs if a setting needs them, are reached over HTTPS. A gateway"
            " endpoint of S3 has public addresses.",
        },
        "0.0.0.0/0",
        f"^{IPV4_RANGE}$",
        wrong="A range such as 10.0.0.0/16.",
    ),
    Parameter(
        "S3PrefixListId",
        NETWORK,
        "The prefix list of S3 in this region (com.amazonaws.REGION.s3): the security group lets out to S3 by it, and"
        " AwsApiCidr may then be the VPC's own range.",
        "",
        "^(pl-[0-9a-f]+)?$",
        wrong="The id of a prefix list.",
    ),
    Parameter(
        "SecurityGroupIds",
        NETWORK,
        "Further security groups of the function (at most 4), separated by commas.",
        "",
        "^(sg-[0-9a-f]+(,sg-[0-9a-f]+){0,3})?$",
        wrong="Ids of up to 4 security groups, separated by commas without spaces.",
    ),
    *(
        Parameter(
            f"Use{kind}Endpoints",
            NETWORK,
            f"Reach the AWS APIs through their {words} endpoints.",
            "false",
            values=["true", "false"],
        )
        for kind, words in (("Fips", "FIPS 140"), ("DualStack", "dual-stack (IPv4 and IPv6)"))
    ),
    Setting(
        "LogFormat",
        RECORDS,
        {
            CLOUDWATCH: "A flow-log format string as in ${version} ${account-id} ..., or several separated by semicolons."
            " With auto, EC2 is asked for the formats of the log group. Give the format where EC2 does not know the flow"
            " log, as for log groups that collect other accounts.",
            S3: "A flow-log format string as in ${version} ${account-id} ..., or several separated by semicolons. With auto,"
            " EC2 is asked for the formats of the bucket. A header line in an object, which all objects of AWS have, comes"
            " first.",
        },
        "auto",
        r"^(auto|[\s\S]*\$\{[A-Za-z0-9_-]+\}[\s\S]*)$",
        wrong="auto, or a format such as ${version} ${account-id} ${interface-id}; in quotes, because it has spaces.",
    ),
    Setting(
        "Direction",
        RECORDS,
        "Export flows of both directions, or only those that enter or leave an interface.",
        "both",
        values=["both", "ingress", "egress"],
    ),
    Setting(
        "Deduplicate",
        RECORDS,
        "Count a flow once, though it is delivered twice, logged by two flow logs, or seen at both of its ends.",
        "on",
        values=ON_OFF,
    ),
    Setting(
        "Inventory",
        RECORDS,
        "Source of names, coverage and record formats: ec2 asks EC2 for this account and region; s3://bucket/prefix reads what"
        " flowlogs-inventory keeps for all accounts and regions; off asks nobody, and needs no permission.",
        "ec2",
        r"^(ec2|off|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*)$",
        wrong="ec2, off, or s3:// with a bucket and a prefix, such as s3://my-inventory/flowlogs.",
    ),
    Parameter(
        "InventoryKmsKeyArn",
        RECORDS,
        "ARN of the key that encrypts the bucket of Inventory=s3://..., if it has a key of its own.",
        "",
        arn("kms", "key/.+"),
        wrong="The ARN of a KMS key, not of an alias.",
    ),
    Setting(
        "SourceFiltered",
        RECORDS,
        "Only a part of the flow logs' records arrives, because of a filter pattern or of a prefix or suffix of notifications:"
        " nothing is left out because another record should exist.",
        "off",
        values=ON_OFF,
        on_when={CLOUDWATCH: "FiltersLines"},
    ),
    Setting(
        "ExcludeCollectorTraffic",
        RECORDS,
        "Do not export flows to or from a collector; the function's own messages would be logged and exported for ever.",
        "on",
        values=ON_OFF,
    ),
    Setting(
        "Address",
        FLOWS,
        "Which address pair is the primary one where a record has two - the interface's, or the packet's.",
        "interface",
        values=["interface", "packet"],
    ),
    Setting(
        "Timestamps",
        FLOWS,
        "The unit of flow start and end; seconds is for collectors that know only those.",
        "milliseconds",
        values=["milliseconds", "seconds"],
    ),
    Setting(
        "ObservationDomain",
        FLOWS,
        "One number for the observation domain of all messages; auto derives one for each account and region, and each"
        " transit gateway.",
        "auto",
        "^(auto|[1-9][0-9]{0,9})$",
        wrong="auto, or a number from 1 to 4294967295.",
    ),
    Setting(
        "ExporterAddress",
        FLOWS,
        "An address that every flow carries as its exporter, for collectors that take it from there (elements 130 and 131);"
        " empty for none.",
        "",
        "^[0-9a-fA-F:.]*$",
        wrong="An IPv4 or IPv6 address.",
    ),
    Setting(
        "InterfaceNames",
        FLOWS,
        "Send interface names as options data, or also inline in every flow (element 82) for collectors that ignore options"
        " data.",
        "options",
        values=["options", "inline"],
    ),
    Setting(
        "Names",
        FLOWS,
        "Send the texts that people wrote: Name tags, tags, descriptions, names of ECS clusters and services. With off, names"
        " are identifiers.",
        "on",
        values=ON_OFF,
    ),
    Setting(
        "MaxMessageSize",
        MESSAGES,
        "Octets of an IPFIX message, over UDP the payload (at most 65507); 512 where the path MTU is unknown; larger"
        " messages cost less where no collector is udp://.",
        1400,
        least=512,
        most=65535,
    ),
    Setting(
        "TemplateRefreshSeconds",
        MESSAGES,
        "Over UDP, templates are sent again after this time, besides at the start of every invocation.",
        600,
        least=1,
        most=86400,
    ),
    Setting(
        "TemplateRefreshMessages",
        MESSAGES,
        "Over UDP, templates are sent again after this number of messages.",
        20,
        least=1,
        most=1000000,
    ),
    Setting(
        "UdpRate",
        MESSAGES,
        "Messages a second to each udp:// collector; a collector with a default socket buffer loses messages above it.",
        5000,
        least=1,
        most=1000000,
    ),
    Setting(
        "TlsSecretId",
        TLS,
        'The full ARN of a Secrets Manager secret, a JSON object with the PEM texts "ca", "certificate" and "key", for'
        " tls:// collectors; in place of CA, certificate and key.",
        "",
        arn("secretsmanager", "secret:.+"),
        wrong="The full ARN of a secret.",
    ),
    Parameter(
        "TlsSecretKmsKeyArn",
        TLS,
        "The ARN of the KMS key of that secret, if it is not the AWS managed one.",
        "",
        arn("kms", "key/.+"),
        wrong="The ARN of a KMS key, not of an alias.",
    ),
    Setting(
        "TlsCa",
        TLS,
        "PEM text (or a path in a layer) of the certificate authority of the collectors; empty takes the system's trust"
        " store.",
        "",
    ),
    Setting(
        "TlsCertificate",
        TLS,
        "PEM text (or a path in a layer) of the function's own certificate, for mutual authentication.",
        "",
    ),
    Setting(
        "TlsKey",
        TLS,
        "PEM text (or a path in a layer) of the private key of TlsCertificate. Whoever may read the function's configuration can read it; the"
        " secret is the better place.",
        "",
        secret=True,
    ),
    Parameter(
        "Architecture",
        OPERATION,
        "The processor; arm64 costs a fifth less.",
        "arm64",
        values=["arm64", "x86_64"],
    ),
    Parameter(
        "MemorySize",
        OPERATION,
        {
            CLOUDWATCH: "MB; processor time grows with it.",
            S3: "MB; processor time grows with it. Objects are streamed, so their size does not matter.",
        },
        256,
        least=128,
        most=10240,
    ),
    Parameter(
        "Timeout",
        OPERATION,
        {
            CLOUDWATCH: "Seconds that an invocation may take, waiting for EC2 and the collector included.",
            S3: "Seconds that an invocation may take. What it has no time for is returned to the queue.",
        },
        {CLOUDWATCH: 60, S3: 300},
        values=[30, 60, 120, 200, 300, 600, 900],
        note="CloudFormation cannot multiply: the visibility timeout of each is in Mappings.",
    ),
    Parameter(
        "ReservedConcurrency",
        OPERATION,
        "At most so many environments at once; empty sets no limit. Over UDP, 1 gives collectors an unbroken message"
        " sequence; 0 stops the function, and what arrives waits.",
        "",
        "^(0|[1-9][0-9]{0,4})?$",
        wrong="A number, or empty.",
    ),
    Parameter(
        "Redelivery",
        OPERATION,
        "Deliver what waits in the failure queue again by itself, every 20 minutes; off leaves it there.",
        "on",
        values=ON_OFF,
        only=CLOUDWATCH,
    ),
    Parameter(
        "RedeliveryConcurrency",
        OPERATION,
        "At most so many invocations at once deliver again, so that a collector is not flooded after an outage. SQS knows no"
        " less than 2.",
        2,
        least=2,
        most=1000,
        only=CLOUDWATCH,
    ),
    Parameter(
        "BatchSize",
        OPERATION,
        "Messages of one invocation at most. What its time does not suffice for is returned to the queue, but counts as"
        " received: lower it if objects are large.",
        10,
        least=1,
        most=10,
        only=S3,
    ),
    Parameter(
        "MaximumConcurrency",
        OPERATION,
        "At most so many invocations at once, each of which is a transport session of its own. SQS knows no less than 2.",
        5,
        least=2,
        most=1000,
        only=S3,
    ),
    Parameter(
        "LogLevel",
        OPERATION,
        "What the function logs; nothing above INFO, because the metrics are log lines of that level.",
        "INFO",
        values=["DEBUG", "INFO"],
        note="Lines without a level count as INFO, and metrics lines have none: from WARN on, Lambda would drop them.",
    ),
    Parameter(
        "SystemLogLevel",
        OPERATION,
        "What Lambda itself logs of each invocation. WARN leaves out its START and REPORT lines, which cost more than the"
        " function's own, but also billed time, memory used and time-outs.",
        "INFO",
        values=["INFO", "WARN"],
    ),
    Parameter(
        "LogRetentionDays",
        OPERATION,
        "How long the function's own log is kept.",
        14,
        values=LOG_RETENTION_DAYS,
    ),
    Parameter(
        "WithAlarms",
        OPERATION,
        "Make the alarms, each of which costs 10 cents a month, those of a share 20.",
        "on",
        values=ON_OFF,
    ),
    Parameter(
        "SilenceAlarmMinutes",
        OPERATION,
        "Raise an alarm when no record has arrived for so many minutes; 0 makes no such alarm.",
        60,
        values=[0, *SILENCE],
    ),
    Parameter(
        "AlarmTopicArn",
        OPERATION,
        "The ARN of an SNS topic that the alarms notify; empty for alarms that only show.",
        "",
        arn("sns", ".+"),
        wrong="The ARN of an SNS topic.",
    ),
    Parameter(
        "DeliveryLagAlarmSeconds",
        OPERATION,
        {
            CLOUDWATCH: "The age of the newest flow of an invocation above which the alarm is raised; AWS itself takes up to"
            " the aggregation interval (600) and some minutes.",
            S3: "The age of the newest flow of an invocation above which the alarm is raised; AWS itself takes up to the"
            " aggregation interval (600) and ten minutes.",
        },
        {CLOUDWATCH: 1800, S3: 3600},
        least=60,
    ),
    Parameter(
        "WithDashboard",
        OPERATION,
        "Make the dashboard, which costs 3 dollars a month.",
        "on",
        values=ON_OFF,
    ),
    Parameter(
        "Tracing",
        OPERATION,
        "Send traces of the invocations to X-Ray.",
        "off",
        values=ON_OFF,
    ),
    Parameter(
        "RoleName",
        ACCESS,
        "The name of an existing role of this account for the function, with its path, as networking/flowlogs; in place of"
        " the role that the stack makes. What it needs is in docs/deploy/prescriptions.md.",
        "",
        "^[A-Za-z0-9+=,.@_/-]*$",
        wrong="The name of a role, not its ARN.",
    ),
    Parameter(
        "RolePath",
        ACCESS,
        "The path of the role that the stack makes.",
        "/",
        "^/([!-~]+/)?$",
        wrong="A path that begins and ends with a slash.",
    ),
    Parameter(
        "PermissionsBoundaryArn",
        ACCESS,
        "The ARN of a managed policy that bounds the role which the stack makes; empty for none.",
        "",
        r"^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+)?$",
        wrong="The ARN of a managed policy.",
    ),
    Parameter(
        "KmsKeyArn",
        ACCESS,
        "The ARN of a KMS key that encrypts the function's log, its environment variables and its queues; empty for keys of"
        " AWS. Its policy has to let the services in (docs/deploy/encryption.md).",
        "",
        arn("kms", "key/.+"),
        wrong="The ARN of a KMS key, not of an alias.",
    ),
]


def of(source):
    """The rows that the template of a source has."""
    return [row for row in TABLE if row.only in (None, source)]
