"""The commands that change the notification of a bucket keep what others have there: run as the documents show them, moto plays S3."""

import logging
import os
import subprocess
import tempfile
import unittest

import boto3
from documents import markdown
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from .resolve import ROOT

BUCKET = "my-flow-logs"
QUEUE, OTHER = (f"arn:aws:sqs:eu-central-1:123456789012:{name}" for name in ("flowlogs", "other"))
# The output of the stack, which moto does not have; everything else goes to moto.
AWS = f"""aws() {{ if [ "$1" = cloudformation ]; then echo {QUEUE}; else "{ROOT}/.venv/bin/aws" "$@"; fi; }}
"""


def block(document):
    """The shell block of a document that writes the configuration."""
    (found,) = [text for _, text in markdown.blocks("sh", [ROOT / document]) if "put-bucket-notification-configuration" in text]
    return found


class Notification(unittest.TestCase):
    def setUp(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        self.addCleanup(s3_backends.reset)
        _, port = server.get_host_and_port()
        self.access = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a"}
        self.access["AWS_DEFAULT_REGION"] = "eu-central-1"
        self.s3 = boto3.client(
            "s3", endpoint_url=self.access["AWS_ENDPOINT_URL"], region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="a"
        )
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def run_block(self, document):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                ["bash", "-euc", AWS + block(document)], cwd=folder, env={**os.environ, **self.access}, capture_output=True, text=True
            )
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def queues(self):
        """Queue and prefix of each configuration."""
        found = self.s3.get_bucket_notification_configuration(Bucket=BUCKET).get("QueueConfigurations", [])
        return [(one["QueueArn"], one["Filter"]["Key"]["FilterRules"][0]["Value"]) for one in found]

    def test_a_bucket_without_configuration(self):
        self.run_block("docs/deploy/s3.md")
        self.assertEqual(self.queues(), [(QUEUE, "AWSLogs/")])
        self.run_block("docs/operate/uninstall.md")
        self.assertEqual(self.queues(), [])

    def test_the_queue_of_others_stays(self):
        rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "other/"}]}}
        other = {"Id": "other", "QueueArn": OTHER, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
        self.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [other]})
        self.run_block("docs/deploy/s3.md")
        self.assertEqual(sorted(self.queues()), [(QUEUE, "AWSLogs/"), (OTHER, "other/")])
        self.run_block("docs/operate/uninstall.md")
        self.assertEqual(self.queues(), [(OTHER, "other/")])
