"""Sets of parameters, good and bad: refusals with sentences, and the resources of good sets."""

import json
import unittest

from ..parameters import MOST_LOG_GROUPS
from .resolve import resolve
from .rules import Refused

LOGS = {"Collector": "udp://10.1.2.3:4739", "LogGroupName": "/vpc/flow-logs"}
BUCKET = {"Collector": "tcp://10.1.2.3:4739", "BucketName": "my-flow-logs"}
VPC = {
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
    "CollectorCidr": "10.1.2.3/32",
}
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:collector-AbCdEf"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
STREAM = {"StreamArn": "arn:aws:kinesis:eu-central-1:123456789012:stream/flow-logs"}
GROUP = "sg-0123456789abcdef0"

# Template, parameters, and the sentence of the refusal.
BAD = [
    ("template.yaml", {**LOGS, "SubnetIds": VPC["SubnetIds"]}, "SubnetIds has no effect without VpcId"),
    ("template.yaml", {**LOGS, "SecurityGroupIds": GROUP}, "SecurityGroupIds has no effect without VpcId"),
    ("template.yaml", {**LOGS, "CollectorCidr": "10.1.2.3/32"}, "CollectorCidr has no effect without VpcId"),
    ("template-s3.yaml", {**BUCKET, "CollectorCidrIpv6": "2001:db8::1/128"}, "CollectorCidrIpv6 has no effect without"),
    ("template.yaml", {**LOGS, **VPC, "SubnetIds": ""}, "VpcId needs SubnetIds"),
    ("template-s3.yaml", {**BUCKET, **VPC, "CollectorCidr": ""}, "VpcId needs CollectorCidr or CollectorCidrIpv6"),
    ("template.yaml", {"Collector": LOGS["Collector"]}, "Nothing would arrive: set LogGroupName"),
    ("template.yaml", {**LOGS, "TlsCertificate": "-----BEGIN CERTIFICATE-----"}, "TlsCertificate and TlsKey go together"),
    ("template.yaml", {**LOGS, "TlsKey": "-----BEGIN PRIVATE KEY-----"}, "TlsCertificate and TlsKey go together"),
    ("template.yaml", {**LOGS, "TlsSecretId": SECRET, "TlsCa": "/opt/ca.pem"}, "TlsSecretId holds all three"),
    ("template.yaml", {**LOGS, "TlsSecretKmsKeyArn": KEY}, "TlsSecretKmsKeyArn has no effect without TlsSecretId"),
    ("template.yaml", {**LOGS, "StreamFailureBucket": "my-failures"}, "StreamFailureBucket has no effect without StreamArn"),
    ("template.yaml", {**LOGS, "RoleName": "flowlogs", "RolePath": "/net/"}, "are of the role that the stack makes"),
    ("template-s3.yaml", {**BUCKET, "TopicArn": "arn:aws:sns:eu-central-1:123456789012:new", "Notification": "new-bucket"},
     "With TopicArn the topic announces the objects"),
    ("template-s3.yaml", {**BUCKET, "Collector": "tcp://10.0.0.1, tls://10.0.0.2"}, "with one tcp:// or tls:// at most"),
    ("template.yaml", {"LogGroupName": "/vpc/flow-logs"}, "Collector"),
    ("template.yaml", {**LOGS, "Collector": "collector.example.com"}, "URLs such as udp://collector.example.com:4739"),
    ("template.yaml", {**LOGS, **VPC, "SubnetIds": "subnet-1, subnet-2"}, "separated by commas without spaces"),
    ("template.yaml", {**LOGS, **VPC, "CollectorPort": "4739,4740"}, "A port such as 4739, or a range"),
    ("template.yaml", {**LOGS, "LogFormat": "version account-id"}, "auto, or a format such as"),
    ("template.yaml", {**LOGS, "Inventory": "off"}, "Inventory=off asks nobody for the format"),
    *(
        ("template.yaml", {**LOGS, "Inventory": wrong}, "ec2, off, or s3:// with a bucket and a prefix")
        for wrong in ("on", "s3://", "s3://my-inventory/flowlogs/", "my-inventory")
    ),
    ("template.yaml", {**LOGS, "Timeout": "45"}, "Timeout must be one of"),
    ("template-s3.yaml", {**BUCKET, "BucketName": "s3://my-flow-logs"}, "The name of a bucket, without s3://"),
    ("template.yaml", {**LOGS, "VpcID": "vpc-1"}, "VpcID"),
]  # fmt: skip


class Bad(unittest.TestCase):
    def test_what_would_not_work_is_refused_with_a_sentence(self):
        for template, parameters, sentence in BAD:
            with self.subTest(parameters=parameters), self.assertRaises(Refused) as refusal:
                resolve(template, **parameters)
            with self.subTest(parameters=parameters):
                self.assertIn(sentence, str(refusal.exception))


class Good(unittest.TestCase):
    def test_two_parameters_make_a_function_outside_of_any_vpc(self):
        stack = resolve("template.yaml", **LOGS)
        self.assertNotIn("SecurityGroup", stack.resources)
        self.assertNotIn("VpcConfig", stack.properties("Function"))
        self.assertEqual(stack.named("AWS::Logs::SubscriptionFilter"), {"Subscription"})
        self.assertEqual(stack.named("AWS::Lambda::Permission"), {"Permission"})
        self.assertNotIn("SecurityGroupId", stack.outputs)

    def test_in_a_vpc_both_protocols_are_let_out_to_the_collectors_alone(self):
        stack = resolve("template.yaml", **LOGS, **VPC, SecurityGroupIds=GROUP)
        config = stack.properties("Function")["VpcConfig"]
        self.assertEqual(config["SubnetIds"], VPC["SubnetIds"].split(","))
        self.assertEqual(config["SecurityGroupIds"][1:], [GROUP])
        self.assertEqual(
            stack.egress(),
            {
                ("udp", "4739", "4740", "10.1.2.3/32"),
                ("tcp", "4739", "4740", "10.1.2.3/32"),
                ("tcp", "443", "443", "0.0.0.0/0"),
            },
        )

    def test_one_port_is_a_range_of_one(self):
        stack = resolve("template.yaml", **LOGS, **VPC, CollectorPort="2055", LogFormat="${version}", Inventory="off")
        self.assertEqual({rule[1:3] for rule in stack.egress()}, {("2055", "2055")})

    def test_ipv6_collectors_need_dual_stack(self):
        ipv6 = {**VPC, "CollectorCidr": "", "CollectorCidrIpv6": "2001:db8::1/128"}
        stack = resolve("template.yaml", **LOGS, **ipv6)
        self.assertIs(stack.properties("Function")["VpcConfig"]["Ipv6AllowedForDualStack"], True)
        self.assertIn(("udp", "4739", "4740", "2001:db8::1/128"), stack.egress())

    def test_without_names_and_formats_from_ec2_no_aws_api_is_reached_or_allowed(self):
        stack = resolve("template.yaml", **LOGS, **VPC, LogFormat="${version} ${srcaddr}", Inventory="off")
        self.assertNotIn("443", {rule[1] for rule in stack.egress()})
        network = {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
        self.assertEqual({action for action in stack.allowed() if action.startswith("ec2:Describe")}, network)

    def test_the_inventory_of_an_organization_takes_the_place_of_ec2(self):
        arn = "arn:aws:s3:::my-inventory"
        for place, objects, prefix in (("", arn, "*"), ("/flowlogs", f"{arn}/flowlogs", "flowlogs*"), ("/a/b", f"{arn}/a/b", "a*")):
            for template, given in (("template.yaml", LOGS), ("template-s3.yaml", BUCKET)):
                stack = resolve(template, **given, Inventory=f"s3://my-inventory{place}")
                self.assertFalse({action for action in stack.allowed() if action.startswith("ec2:")})
                policies = {policy["PolicyName"]: policy for policy in stack.properties("FunctionRole")["Policies"]}
                read, listing = policies["inventory"]["PolicyDocument"]["Statement"]
                self.assertEqual(read["Resource"], [f"{objects}/manifest.json.gz", f"{objects}/parts/*"])
                self.assertEqual(listing["Resource"], arn)
                self.assertEqual(listing["Condition"], {"StringLike": {"s3:prefix": prefix}})
        self.assertNotIn("s3:GetObject", resolve("template.yaml", **LOGS).allowed())

    def test_ten_log_groups_have_a_subscription_each(self):
        groups = {f"LogGroupName{number}": f"/vpc/{number}" for number in range(2, MOST_LOG_GROUPS + 1)}
        stack = resolve("template.yaml", **LOGS, **groups)
        self.assertEqual(len(stack.named("AWS::Logs::SubscriptionFilter")), MOST_LOG_GROUPS)
        self.assertEqual(stack.properties("Subscription10")["LogGroupName"], "/vpc/10")
        self.assertTrue(stack.properties("Permission10")["SourceArn"].endswith(":log-group:/vpc/10:*"))

    def test_central_log_groups_name_the_origin_of_each_event(self):
        stack = resolve("template.yaml", **LOGS, LogGroupName2="/vpc/2", EmitSystemFields="on")
        for name in "Subscription", "Subscription2":
            fields = ["@aws.account", "@aws.region", "@source.log"]
            self.assertEqual(stack.properties(name)["EmitSystemFields"], fields)
        self.assertNotIn("EmitSystemFields", resolve("template.yaml", **LOGS).properties("Subscription"))

    def test_an_account_level_policy_may_invoke_from_every_log_group_of_the_account(self):
        stack = resolve("template.yaml", Collector=LOGS["Collector"], AllLogGroups="on")
        permission = stack.properties("PermissionOfAll")
        self.assertTrue(permission["SourceArn"].endswith(":log-group:*"))
        self.assertEqual(permission["SourceAccount"], "5" * 12)
        self.assertEqual(stack.named("AWS::Logs::SubscriptionFilter"), set())

    def test_a_stream_is_an_event_source_that_is_never_given_up(self):
        stack = resolve("template.yaml", Collector="tcp://203.0.113.7:4739", **STREAM, StreamFailureBucket="my-failures")
        source = stack.properties("StreamSource")
        self.assertEqual(source["EventSourceArn"], STREAM["StreamArn"])
        self.assertEqual(source["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertFalse({"MaximumRetryAttempts", "MaximumRecordAgeInSeconds"} & source.keys())
        self.assertEqual(source["DestinationConfig"]["OnFailure"]["Destination"], "arn:aws:s3:::my-failures")
        self.assertNotIn("StreamSource", resolve("template.yaml", **LOGS).resources)

    def test_what_failed_comes_again_every_20_minutes_unless_switched_off(self):
        stack = resolve("template.yaml", **LOGS)
        queue, source = stack.properties("FailureQueue"), stack.properties("RedeliverySource")
        self.assertEqual((queue["VisibilityTimeout"], queue["MessageRetentionPeriod"]), (1200, 14 * 86400))
        self.assertIs(source["Enabled"], True)
        self.assertEqual(source["ScalingConfig"]["MaximumConcurrency"], "2")
        self.assertEqual(source["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        off = resolve("template.yaml", **LOGS, Redelivery="off")
        self.assertIs(off.properties("RedeliverySource")["Enabled"], False)

    def test_the_lines_of_lambda_itself_can_be_left_out(self):
        for template, parameters in (("template.yaml", LOGS), ("template-s3.yaml", BUCKET)):
            for given, level in (({}, "INFO"), ({"SystemLogLevel": "WARN"}, "WARN")):
                logging = resolve(template, **parameters, **given).properties("Function")["LoggingConfig"]
                self.assertEqual((logging["SystemLogLevel"], logging["ApplicationLogLevel"]), (level, "INFO"))

    def test_a_notice_is_kept_14_days_and_received_as_often_as_fits(self):
        stack = resolve("template-s3.yaml", **BUCKET)
        queue = stack.properties("Queue")
        self.assertEqual(queue["MessageRetentionPeriod"], 14 * 86400)
        for timeout, receives in (("30", 1000), ("200", 1000), ("300", 668), ("900", 222)):
            queue = resolve("template-s3.yaml", **BUCKET, Timeout=timeout).properties("Queue")
            self.assertEqual(queue["RedrivePolicy"]["maxReceiveCount"], receives)
            self.assertLess(receives * queue["VisibilityTimeout"], queue["MessageRetentionPeriod"])

    def test_a_message_is_hidden_for_six_times_the_timeout_at_least_20_minutes(self):
        for template, parameters, name in (("template.yaml", LOGS, "FailureQueue"), ("template-s3.yaml", BUCKET, "Queue")):
            for timeout, hidden in (("60", 1200), ("200", 1200), ("300", 1800), ("900", 5400)):
                stack = resolve(template, **parameters, Timeout=timeout)
                self.assertEqual(stack.properties(name)["VisibilityTimeout"], hidden)

    def test_a_role_of_the_user_takes_the_place_of_the_stacks(self):
        stack = resolve("template.yaml", **LOGS, RoleName="networking/flowlogs")
        self.assertEqual(stack.named("AWS::IAM::Role"), set())
        self.assertTrue(stack.properties("Function")["Role"].endswith(":role/networking/flowlogs"))

    def test_a_role_of_the_stack_has_path_and_boundary(self):
        boundary = "arn:aws:iam::123456789012:policy/boundary"
        stack = resolve("template.yaml", **LOGS, RolePath="/networking/", PermissionsBoundaryArn=boundary)
        role = stack.properties("FunctionRole")
        self.assertEqual((role["Path"], role["PermissionsBoundary"]), ("/networking/", boundary))

    def test_one_key_encrypts_log_environment_and_queues(self):
        stack = resolve("template-s3.yaml", **BUCKET, KmsKeyArn=KEY)
        self.assertEqual(stack.properties("FunctionLogGroup")["KmsKeyId"], KEY)
        self.assertEqual(stack.properties("Function")["KmsKeyArn"], KEY)
        for queue in "Queue", "FailureQueue":
            self.assertEqual(stack.properties(queue)["KmsMasterKeyId"], KEY)
            self.assertNotIn("SqsManagedSseEnabled", stack.properties(queue))
        self.assertLessEqual({"kms:Decrypt", "kms:GenerateDataKey"}, stack.allowed())

    def test_the_secret_and_its_key_are_the_only_ones_that_may_be_read(self):
        stack = resolve("template.yaml", **LOGS, TlsSecretId=SECRET, TlsSecretKmsKeyArn=KEY)
        policies = {policy["PolicyName"]: policy for policy in stack.properties("FunctionRole")["Policies"]}
        self.assertEqual(policies["secret"]["PolicyDocument"]["Statement"][0]["Resource"], SECRET)
        self.assertEqual(policies["secret-key"]["PolicyDocument"]["Statement"][0]["Resource"], KEY)

    def test_s3_is_reached_by_its_prefix_list(self):
        stack = resolve("template-s3.yaml", **BUCKET, **VPC, S3PrefixListId="pl-0123abcd", AwsApiCidr="10.0.0.0/16")
        https = {rule[3] for rule in stack.egress() if rule[1] == "443"}
        self.assertEqual(https, {"pl-0123abcd", "10.0.0.0/16"})

    def test_a_new_bucket_is_kept_and_announces_its_objects(self):
        stack = resolve("template-s3.yaml", **BUCKET, Notification="new-bucket")
        self.assertEqual(stack.resources["Bucket"]["DeletionPolicy"], "Retain")
        (notification,) = stack.properties("Bucket")["NotificationConfiguration"]["QueueConfigurations"]
        self.assertEqual(notification["Event"], "s3:ObjectCreated:*")
        self.assertIn("Queue", str(notification["Queue"]))
        self.assertNotIn("EventRule", stack.resources)

    def test_several_udp_collectors_stand_beside_one_of_tcp(self):
        urls = "udp://10.0.0.1, tcp://10.0.0.2:4739, udp://10.0.0.3"
        environment = resolve("template-s3.yaml", **{**BUCKET, "Collector": urls}).properties("Function")["Environment"]
        self.assertEqual(environment["Variables"]["COLLECTOR"], urls)

    def test_notices_come_from_the_account_of_the_bucket(self):
        for given, account in (({}, "5" * 12), ({"BucketAccountId": "210987654321"}, "210987654321")):
            statement = resolve("template-s3.yaml", **BUCKET, **given).properties("QueuePolicy")["PolicyDocument"]["Statement"]
            self.assertEqual(statement[0]["Condition"]["StringEquals"]["aws:SourceAccount"], account)

    def test_event_bridge_makes_a_rule(self):
        stack = resolve("template-s3.yaml", **BUCKET, Notification="event-bridge")
        self.assertIn("EventRule", stack.resources)
        senders = [one["Principal"]["Service"] for one in stack.properties("QueuePolicy")["PolicyDocument"]["Statement"]]
        self.assertEqual(senders, ["s3.amazonaws.com", "events.amazonaws.com"])

    def test_the_dashboard_can_be_left_out(self):
        self.assertEqual(resolve("template.yaml", **LOGS, WithDashboard="off").named("AWS::CloudWatch::Dashboard"), set())

    def test_traces_are_allowed_only_when_they_are_sent(self):
        self.assertNotIn("xray:PutTraceSegments", resolve("template.yaml", **LOGS).allowed())
        self.assertIn("xray:PutTraceSegments", resolve("template.yaml", **LOGS, Tracing="on").allowed())

    def test_the_link_to_the_dashboard_is_of_the_partition(self):
        stack = resolve("template.yaml", **LOGS)
        self.assertIn("console.aws.amazon.com", stack.outputs["DashboardUrl"]["Value"])
        china = resolve("template.yaml", partition="aws-cn", **LOGS)
        self.assertIn("console.amazonaws.cn", china.outputs["DashboardUrl"]["Value"])
        self.assertNotIn("DashboardUrl", resolve("template.yaml", partition="aws-iso", **LOGS).outputs)

    def test_every_arn_is_of_the_partition(self):
        full = {"TlsSecretId": SECRET, "TlsSecretKmsKeyArn": KEY, "KmsKeyArn": KEY, "Inventory": "s3://my-inventory"}
        for partition in "aws-cn", "aws-us-gov", "aws-eusc":
            for template, given in (
                ("template.yaml", {**LOGS, **VPC, **STREAM, **full, "StreamFailureBucket": "my-failures"}),
                ("template-s3.yaml", {**BUCKET, **VPC, **full, "Notification": "event-bridge"}),
                ("template-inventory.yaml", {"Accounts": "organization", "ExternalId": "flows-7", "BucketKmsKeyArn": KEY}),
                ("template-member.yaml", {"InventoryRoleArns": "arn:a", "ExternalId": "flows-7", "InventoryAccountId": "1" * 12}),
            ):
                given = {name: value.replace("arn:aws:", f"arn:{partition}:") for name, value in given.items()}
                stack = resolve(template, partition=partition, **given)
                text = json.dumps([stack.resources, stack.outputs])
                self.assertIn(f"arn:{partition}:", text)
                self.assertNotIn("arn:aws:", text)

    def test_a_filter_pattern_says_that_only_a_part_arrives(self):
        for given, filtered in (({}, "off"), ({"FilterPattern": "REJECT"}, "on"), ({"SourceFiltered": "on"}, "on")):
            environment = resolve("template.yaml", **LOGS, **given).properties("Function")["Environment"]["Variables"]
            self.assertEqual(environment["SOURCE_FILTERED"], filtered)

    def test_fips_endpoints_are_asked_for_by_the_variable_of_the_sdk(self):
        def variables(**parameters):
            return resolve("template.yaml", **LOGS, **parameters).properties("Function")["Environment"]["Variables"]

        self.assertEqual(variables()["AWS_USE_FIPS_ENDPOINT"], "false")
        self.assertEqual(variables(UseFipsEndpoints="true")["AWS_USE_FIPS_ENDPOINT"], "true")
