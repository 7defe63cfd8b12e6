"""Conditions by name. A template gets those that something in it uses."""

from troposphere import And, Condition, Equals, Join, Not, Or, Ref

C = Condition


def given(parameter):
    return Not(Equals(Ref(parameter), ""))


ALL = {
    "InVpc": given("VpcId"),
    "HasCollectorIpv4": given("CollectorCidr"),
    "HasCollectorIpv6": given("CollectorCidrIpv6"),
    "SendsUdpIpv4": And(C("HasCollectorIpv4"), Not(Equals(Ref("CollectorProtocol"), "tcp"))),
    "SendsTcpIpv4": And(C("HasCollectorIpv4"), Not(Equals(Ref("CollectorProtocol"), "udp"))),
    "SendsUdpIpv6": And(C("HasCollectorIpv6"), Not(Equals(Ref("CollectorProtocol"), "tcp"))),
    "SendsTcpIpv6": And(C("HasCollectorIpv6"), Not(Equals(Ref("CollectorProtocol"), "udp"))),
    "HasSecurityGroups": Not(Equals(Join("", Ref("SecurityGroupIds")), "")),
    **{f"HasLogGroup{number}": given(f"LogGroupName{number}") for number in range(2, 6)},
    "MakesBucket": Equals(Ref("Notification"), "new-bucket"),
    "UsesEventBridge": Equals(Ref("Notification"), "event-bridge"),
    "HasTopic": given("TopicArn"),
    "HasBucketKmsKey": given("BucketKmsKeyArn"),
    "ResolvesNames": Equals(Ref("ResolveNames"), "on"),
    "ReadsFlowLogs": Or(C("ResolvesNames"), Equals(Ref("LogFormat"), "auto")),
    "HasTlsSecret": given("TlsSecretId"),
    "HasTlsSecretKmsKey": And(C("HasTlsSecret"), given("TlsSecretKmsKeyArn")),
    "CallsAwsApis": Or(C("ReadsFlowLogs"), C("HasTlsSecret")),
    "HasReservedConcurrency": given("ReservedConcurrency"),
    "HasAlarmTopic": given("AlarmTopicArn"),
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
    """Adds the conditions that the template's resources and outputs use, and those that these use in turn."""
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
