"""Rules: parameters that would deploy and not work are refused, with a sentence on the remedy."""

from troposphere import And, Equals, Not, Or, Ref

from .conditions import given
from .parameters import S3


def absent(parameter):
    return Equals(Ref(parameter), "")


def assertion(condition, sentence):
    return {"Assert": condition, "AssertDescription": sentence}


def add(app, name, assertions, when=None):
    app.template.add_rule(name, {**({"RuleCondition": when} if when else {}), "Assertions": assertions})


def add_all(app):
    add(
        app,
        "VpcIsComplete",
        [
            assertion(
                given("SubnetIds"),
                "VpcId needs SubnetIds: subnets of that VPC from which a route leads to the collector.",
            ),
            assertion(
                Or(given("CollectorCidr"), given("CollectorCidrIpv6")),
                "VpcId needs CollectorCidr or CollectorCidrIpv6: where the security group lets messages out to.",
            ),
        ],
        when=given("VpcId"),
    )
    add(
        app,
        "NothingOfAVpcWithoutOne",
        [
            assertion(absent(name), f"{name} has no effect without VpcId: name the VPC, or leave {name} out.")
            for name in ("SubnetIds", "SecurityGroupIds", "CollectorCidr", "CollectorCidrIpv6")
        ],
        when=absent("VpcId"),
    )
    add(
        app,
        "CertificateHasItsKey",
        [
            assertion(
                Or(And(given("TlsCertificate"), given("TlsKey")), And(absent("TlsCertificate"), absent("TlsKey"))),
                "TlsCertificate and TlsKey go together.",
            )
        ],
    )
    add(
        app,
        "SecretHoldsAll",
        [
            assertion(
                And(absent("TlsCa"), absent("TlsCertificate"), absent("TlsKey")),
                "TlsSecretId holds all three: leave TlsCa, TlsCertificate and TlsKey out.",
            )
        ],
        when=given("TlsSecretId"),
    )
    add(
        app,
        "KeyOfASecret",
        [assertion(absent("TlsSecretKmsKeyArn"), "TlsSecretKmsKeyArn has no effect without TlsSecretId.")],
        when=absent("TlsSecretId"),
    )
    add(
        app,
        "RoleIsMadeOrGiven",
        [
            assertion(
                And(absent("PermissionsBoundaryArn"), Equals(Ref("RolePath"), "/")),
                "RolePath and PermissionsBoundaryArn are of the role that the stack makes: leave them out, or RoleName.",
            )
        ],
        when=given("RoleName"),
    )
    if app.source == S3:
        add(
            app,
            "AnnouncedOnce",
            [
                assertion(
                    Equals(Ref("Notification"), "existing-bucket"),
                    "With TopicArn the topic announces the objects: leave Notification out, or each comes twice.",
                )
            ],
            when=given("TopicArn"),
        )
        return
    add(
        app,
        "SomethingArrives",
        [
            assertion(
                Or(given("LogGroupName"), Equals(Ref("AllLogGroups"), "on"), given("StreamArn")),
                "Nothing would arrive: set LogGroupName, AllLogGroups=on or StreamArn.",
            )
        ],
    )
    add(
        app,
        "FormatOfNobody",
        [
            assertion(
                Not(Equals(Ref("LogFormat"), "auto")),
                "Inventory=off asks nobody for the format of the log group: set LogFormat.",
            )
        ],
        when=Equals(Ref("Inventory"), "off"),
    )
    add(
        app,
        "NothingOfAStreamWithoutOne",
        [
            assertion(absent(name), f"{name} has no effect without StreamArn: name the stream, or leave {name} out.")
            for name in ("StreamKmsKeyArn", "StreamFailureBucket")
        ],
        when=absent("StreamArn"),
    )
