"""Conditions by name. A template gets the conditions in use."""

from troposphere import And, Condition, Equals, Not, Or, Partition, Ref

from .parameters import MOST_LOG_GROUPS

C = Condition
CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}


def given(parameter):
    return Not(Equals(Ref(parameter), ""))


ALL = {
    # A rule demands both or none; both are tested here, so that cfn-lint knows that both have a value.
    "InVpc": And(given("VpcId"), given("SubnetIds")),
    "HasCollectorIpv4": given("CollectorCidr"),
    "HasCollectorIpv6": given("CollectorCidrIpv6"),
    "HasSecurityGroups": given("SecurityGroupIds"),
    "HasLogGroup": given("LogGroupName"),
    **{f"HasLogGroup{number}": given(f"LogGroupName{number}") for number in range(2, MOST_LOG_GROUPS + 1)},
    "FiltersLines": given("FilterPattern"),
    "EmitsSystemFields": Equals(Ref("EmitSystemFields"), "on"),
    "AdmitsAllLogGroups": Equals(Ref("AllLogGroups"), "on"),
    "HasStream": given("StreamArn"),
    "HasStreamKmsKey": And(C("HasStream"), given("StreamKmsKeyArn")),
    "HasStreamFailureBucket": And(C("HasStream"), given("StreamFailureBucket")),
    "MakesBucket": Equals(Ref("Notification"), "new-bucket"),
    "UsesEventBridge": Equals(Ref("Notification"), "event-bridge"),
    "HasBucketAccount": given("BucketAccountId"),
    "HasTopic": given("TopicArn"),
    "HasBucketKmsKey": given("BucketKmsKeyArn"),
    "AsksEc2": Equals(Ref("Inventory"), "ec2"),
    "ReadsInventory": And(Not(C("AsksEc2")), Not(Equals(Ref("Inventory"), "off"))),
    "HasInventoryKmsKey": And(C("ReadsInventory"), given("InventoryKmsKeyArn")),
    "HasTlsSecret": given("TlsSecretId"),
    "HasTlsSecretKmsKey": And(C("HasTlsSecret"), given("TlsSecretKmsKeyArn")),
    "CallsAwsApis": Or(C("AsksEc2"), C("ReadsInventory"), C("HasTlsSecret")),
    "HasS3PrefixList": given("S3PrefixListId"),
    "CallsOtherAwsApis": And(C("HasS3PrefixList"), Or(C("AsksEc2"), C("HasTlsSecret"))),
    "HasReservedConcurrency": given("ReservedConcurrency"),
    "HasAlarmTopic": given("AlarmTopicArn"),
    "HasAlarms": Equals(Ref("WithAlarms"), "on"),
    "HasInventoryAlarms": And(C("HasAlarms"), C("ReadsInventory")),
    "HasSilenceAlarm": And(C("HasAlarms"), Not(Equals(Ref("SilenceAlarmMinutes"), "0"))),
    **{
        f"HasAlarmOfLogGroup{suffix}": And(C("HasAlarms"), C(f"HasLogGroup{suffix}"))
        for suffix in ("", *range(2, MOST_LOG_GROUPS + 1))
    },
    "HasDashboard": Equals(Ref("WithDashboard"), "on"),
    # The console's address is known of these partitions; elsewhere the stack has no link.
    "HasConsole": Or(*(Equals(Partition, partition) for partition in CONSOLES)),
    "HasConsoleLink": And(C("HasDashboard"), C("HasConsole")),
    "Traces": Equals(Ref("Tracing"), "on"),
    "HasRole": given("RoleName"),
    "MakesRole": Not(C("HasRole")),
    "Redelivers": Equals(Ref("Redelivery"), "on"),
    "HasBoundary": given("PermissionsBoundaryArn"),
    "HasKmsKey": given("KmsKeyArn"),
}


def used(node):
    """Names of the conditions that an encoded node uses."""
    if isinstance(node, list):
        return set().union(*map(used, node))
    if not isinstance(node, dict):
        return set()
    names = set().union(*map(used, node.values()))
    if isinstance(node.get("Condition"), str):
        names.add(node["Condition"])
    if "Fn::If" in node:
        names.add(node["Fn::If"][0])
    return names


def add_used(template):
    """Adds the conditions used by the template's resources and outputs, and by these conditions in turn."""
    encoded = template.to_dict()
    needed = used(encoded["Resources"]) | used(encoded.get("Outputs", {}))
    while True:
        more = needed | set().union(*(used(ALL[name].to_dict()) for name in needed))
        if more == needed:
            break
        needed = more
    for name, condition in ALL.items():
        if name in needed:
            template.add_condition(name, condition)
