"""A running stack of an earlier release, with full queues, is updated to the templates of today: moto plays AWS."""

import json
import unittest

from .moto_stack import MotoStack
from .resolve import plain, sections
from .test_parameters import BUCKET, LOGS

EARLIER = "scripts/templates/tests/earlier/{}.yaml"
FORTNIGHT = str(14 * 86400)
# Binary, parameters of both releases, and the attributes of its queues before and after the update.
STACKS = [
    (
        "flowlogs-cloudwatch",
        LOGS,
        {"FailureQueue": [("VisibilityTimeout", "30", "1200"), ("MessageRetentionPeriod", FORTNIGHT, FORTNIGHT)]},
    ),
    (
        "flowlogs-s3",
        BUCKET,
        {
            "Queue": [
                ("VisibilityTimeout", "1800", "1800"),
                ("MessageRetentionPeriod", str(4 * 86400), FORTNIGHT),
                ("maxReceiveCount", 5, 668),
            ],
            "FailureQueue": [("MessageRetentionPeriod", FORTNIGHT, FORTNIGHT)],
        },
    ),
]
REPLACING = ("QueueName", "FifoQueue")  # a queue is replaced where they change, which moto does not do
MESSAGES = 10  # as many as one call receives
IN_FLIGHT = 3


def receive(stack, url, most, visibility):
    received = stack.sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=most,
        VisibilityTimeout=visibility,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp"],
    )
    return received.get("Messages", [])


def contents(messages):
    """Body and attributes by id."""
    return {one["MessageId"]: (one["Body"], one["MessageAttributes"], one["Attributes"]) for one in messages}


def attributes(stack, url):
    found = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {**found, **json.loads(found.get("RedrivePolicy", "{}"))}


def fill(stack, url):
    """Puts messages into the queue, a few of which an invocation has received. Returns their contents and receipts."""
    for number in range(MESSAGES):
        attribute = {"DataType": "String", "StringValue": f"attribute {number}"}
        stack.sqs.send_message(QueueUrl=url, MessageBody=f"payload {number}", MessageAttributes={"RequestID": attribute})
    sent = contents(receive(stack, url, MESSAGES, visibility=0))
    return sent, [one["ReceiptHandle"] for one in receive(stack, url, IN_FLIGHT, visibility=600)]


class Update(unittest.TestCase):
    def test_what_waits_in_the_queues_of_a_running_stack_is_there_after_the_update(self):
        for binary, parameters, queues in STACKS:
            with self.subTest(binary), MotoStack() as stack:
                self.assertEqual(stack.create(sections(EARLIER.format(binary)), parameters), "CREATE_COMPLETE")
                stack.hold_back()
                before = stack.resources()
                waiting = {queue: fill(stack, before[queue]) for queue in queues}
                for queue, rows in queues.items():
                    found = attributes(stack, before[queue])
                    self.assertEqual([(name, found[name]) for name, _, _ in rows], [(name, old) for name, old, _ in rows])

                self.assertEqual(stack.update(sections(plain(binary)), parameters), "UPDATE_COMPLETE")

                after = stack.resources()
                for queue, rows in queues.items():
                    url = before[queue]
                    self.assertEqual(after[queue], url)
                    found = attributes(stack, url)
                    self.assertEqual([(name, found[name]) for name, _, _ in rows], [(name, new) for name, _, new in rows])
                    self.assertEqual(found["ApproximateNumberOfMessagesNotVisible"], str(IN_FLIGHT))
                    sent, receipts = waiting[queue]
                    for receipt in receipts:  # the invocation of before the update can still give back what it received
                        stack.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
                    self.assertEqual(contents(receive(stack, url, MESSAGES, visibility=0)), sent)
                    self.assertEqual(len(sent), MESSAGES)

    def test_no_queue_is_replaced(self):
        for binary, _, queues in STACKS:
            for queue in queues:
                before, after = (sections(name)["Resources"][queue] for name in (EARLIER.format(binary), plain(binary)))
                self.assertEqual(after["Type"], before["Type"])
                for name in REPLACING:
                    self.assertEqual(after["Properties"].get(name), before["Properties"].get(name), name)

    def test_the_update_makes_the_failure_queue_an_event_source(self):
        binary, parameters, _ = STACKS[0]
        with MotoStack() as stack:
            stack.create(sections(EARLIER.format(binary)), parameters)
            self.assertEqual(stack.event_sources(), {})
            stack.update(sections(plain(binary)), parameters)
            arn = attributes(stack, stack.resources()["FailureQueue"])["QueueArn"]
            self.assertEqual(stack.event_sources(), {arn: stack.resources()["Function"]})
