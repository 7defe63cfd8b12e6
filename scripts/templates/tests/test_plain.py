"""The templates without a transform make the resources of the templates with a transform, of a zip in a bucket."""

import subprocess
import unittest

from .resolve import plain, released, resolve
from .test_parameters import BUCKET, KEY, LOGS, SECRET, VPC

SETS = [
    ("template.yaml", "flowlogs-cloudwatch", LOGS),
    ("template.yaml", "flowlogs-cloudwatch", {**LOGS, **VPC, "TlsSecretId": SECRET, "KmsKeyArn": KEY, "Tracing": "on"}),
    ("template.yaml", "flowlogs-cloudwatch", {**LOGS, "RoleName": "flowlogs", "ReservedConcurrency": "0"}),
    ("template-s3.yaml", "flowlogs-s3", {**BUCKET, "Notification": "event-bridge"}),
    ("template-s3.yaml", "flowlogs-s3", {**BUCKET, **VPC, "S3PrefixListId": "pl-0123abcd"}),
]
CODE = {"CodeBucket": "my-code", "CodeKey": "releases/function.zip"}
OF_SAM_ALONE = {"CodeUri", "Code", "Tracing", "TracingConfig", "Events", "EventInvokeConfig"}


class Plain(unittest.TestCase):
    def test_the_resources_are_the_same(self):
        for template, binary, parameters in SETS:
            with self.subTest(parameters=parameters):
                one = resolve(template, **parameters)
                other = resolve(plain(binary), **parameters, **CODE)
                ours, theirs = one.properties("Function"), other.properties("Function")
                self.assertEqual(theirs["Code"], {"S3Bucket": "my-code", "S3Key": "releases/function.zip"})
                self.assertEqual(theirs["TracingConfig"]["Mode"], ours["Tracing"])
                for name in ours.keys() | theirs.keys():
                    if name not in OF_SAM_ALONE:
                        self.assertEqual(ours[name], theirs[name], name)
                added = {"FunctionEventInvokeConfig"} if template == "template.yaml" else {"FunctionNotices"}
                self.assertEqual(other.resources.keys() - one.resources.keys(), added)
                for name in one.resources.keys() - {"Function"}:
                    self.assertEqual(one.resources[name], other.resources[name])

    def test_there_is_no_transform(self):
        for path in released().glob("plain-*.yaml"):
            text = path.read_text()
            self.assertNotIn("AWS::Serverless-", text)
            self.assertNotIn("AWS::Serverless::", text)

    def test_cfn_lint_has_nothing_to_say(self):
        paths = sorted(released().glob("plain-*.yaml"))
        found = subprocess.run(["cfn-lint", *paths], capture_output=True, text=True)
        self.assertEqual((found.returncode, found.stdout), (0, ""))
