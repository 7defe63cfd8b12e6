"""Alarms raised by each course of events; none flaps.

A course is a synthetic series of the metrics that the function, Lambda and SQS would write.
"""

import functools
import unittest

from .cloudwatch import ALARM, OK, RETAIN, UNKNOWN, decide, raised
from .resolve import resolve
from .test_inventory import LIST
from .test_parameters import BUCKET, LOGS

# AWS, "Configuring how CloudWatch alarms treat missing data": its two tables. Columns: missing, ignore, breaching, not.
THREE_OF_THREE = {
    "0 - X - X": (OK, OK, OK, OK),
    "0 - - - -": (OK, OK, OK, OK),
    "- - - - -": (UNKNOWN, RETAIN, ALARM, OK),
    "0 X X - X": (ALARM, ALARM, ALARM, ALARM),
    "- - X - -": (ALARM, RETAIN, ALARM, OK),
}
TWO_OF_THREE = {
    "0 - X - X": (ALARM, ALARM, ALARM, ALARM),
    "0 0 X 0 X": (ALARM, ALARM, ALARM, ALARM),
    "0 - X - -": (OK, OK, ALARM, OK),
    "- - - - 0": (OK, OK, ALARM, OK),
    "- - - X -": (ALARM, RETAIN, ALARM, OK),
}
POINTS = {"0": False, "X": True, "-": None}
DAY = 24 * 60


class Evaluator(unittest.TestCase):
    def test_missing_data_is_treated_as_in_the_tables_of_aws(self):
        for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE)):
            for points, states in table.items():
                for missing, state in zip(("missing", "ignore", "breaching", "notBreaching"), states):
                    with self.subTest(points=points, needed=needed, missing=missing):
                        self.assertEqual(decide([POINTS[one] for one in points.split()], needed, 3, missing), state)


def every(minutes, value, start=0, end=DAY):
    return [(minute, value) for minute in range(start, end, minutes)]


def normal(**more):
    """A day on which all is well, with the given differences."""
    return {
        "RecordsReceived": every(1, 900),
        "Invocations": every(1, 10),
        "DeliveryLagSeconds": every(1, 400),
        "AsyncEventAge": every(1, 200),
        **more,
    }


@functools.cache
def alarms(template="template.yaml", **parameters):
    given = {"template.yaml": LOGS, "template-s3.yaml": BUCKET, "template-inventory.yaml": LIST}
    stack = resolve(template, **given[template], **parameters)
    return {name: stack.properties(name) for name in stack.named("AWS::CloudWatch::Alarm")}


class Courses(unittest.TestCase):
    def assert_raises(self, series, *names, still=(), **where):
        """Exactly these alarms are raised, once each, and all are OK at the end but the alarms of `still`."""
        seen = {name: raised(alarm, series, DAY) for name, alarm in alarms(**where).items()}
        self.assertEqual({name: times for name, (times, _) in seen.items() if times}, {name: 1 for name in names})
        self.assertEqual({name for name, (_, state) in seen.items() if state == ALARM}, set(still))

    def test_a_quiet_day_raises_nothing(self):
        self.assert_raises(normal())
        self.assert_raises(normal(ApproximateAgeOfOldestMessage=every(1, 30)), template="template-s3.yaml")

    def test_silence_is_noticed_and_can_be_left_alone(self):
        silent = {"RecordsReceived": every(1, 900, 0, 600), "Invocations": every(1, 10, 0, 600)}
        self.assert_raises(silent, "SilenceAlarm", still=["SilenceAlarm"])
        self.assert_raises(silent, SilenceAlarmMinutes="0")
        self.assert_raises({**silent, "RecordsReceived": every(1, 900, 0, 600) + every(1, 900, 900)}, "SilenceAlarm")

    def test_half_an_hour_without_records_is_no_silence(self):
        self.assert_raises({"RecordsReceived": every(1, 900, 0, 600) + every(1, 900, 630)})

    def outage(self, end, drained):
        """A TCP collector is away from minute 300: all fails, and waiting payloads come every 20 minutes.

        A payload from a queue fails without an error of Lambda: the answer names the message (tests/tests/function/outage/).
        """
        waiting = [(minute, 60 * (minute - 300)) for minute in range(320, drained, 20)]
        return normal(
            Errors=every(1, 10, 300, end),
            Invocations=every(1, 10) + every(1, 4, 303, drained),
            SendErrors=every(1, 10, 300, end),
            OldestUndeliveredSeconds=waiting,
            # SQS leaves out messages received three times.
            ApproximateAgeOfOldestMessage=every(1, 1500, 300, drained),
        )

    def test_an_outage_of_three_hours_comes_and_goes(self):
        self.assert_raises(self.outage(480, 490), "UndeliveredAlarm", "SendErrorsAlarm")

    def test_a_function_that_never_succeeds_is_told(self):
        self.assert_raises(normal(Errors=every(1, 10, 300, 480)), "FailingAlarm")

    def test_draining_for_three_hours_after_an_outage_does_not_flap(self):
        series = self.outage(480, 490)
        series["RecordsReceived"] = every(1, 900) + every(1, 3000, 480, 660)
        series["Invocations"] += every(1, 4, 490, 660)
        series["ApproximateAgeOfOldestMessage"] = every(1, 1500, 300, 660)
        self.assert_raises(series, "UndeliveredAlarm", "SendErrorsAlarm")

    def test_the_age_of_the_oldest_message_does_not_see_what_was_tried_and_the_functions_own_does(self):
        series = normal(
            OldestUndeliveredSeconds=[(minute, 60 * (minute - 300)) for minute in range(320, DAY, 20)],
            ApproximateAgeOfOldestMessage=every(1, 0, 360),
        )
        self.assert_raises(series, "UndeliveredAlarm", still=["UndeliveredAlarm"])

    def test_what_nobody_takes_from_the_queue_is_seen_by_its_age(self):
        age = [(minute, 60 * (minute - 300)) for minute in range(300, DAY)]
        self.assert_raises(normal(ApproximateAgeOfOldestMessage=age), "QueueAgeAlarm", still=["QueueAgeAlarm"])

    def test_one_error_that_is_tried_again_raises_nothing(self):
        self.assert_raises(normal(Errors=[(300, 1)], SendErrors=[(300, 1)]))

    def test_an_idle_connection_that_was_reset_raises_nothing(self):
        self.assert_raises(normal(Reconnects=every(30, 1)))

    def test_reserved_concurrency_of_one_throttles_without_an_alarm(self):
        self.assert_raises(normal(Throttles=every(1, 25), AsyncEventAge=every(1, 180_000)), ReservedConcurrency="1")

    def test_throttling_that_lasts_is_noticed(self):
        slow = every(1, 200, 0, 300) + every(1, 1_800_000, 300, 600) + every(1, 200, 600)
        self.assert_raises(normal(Throttles=every(1, 25), AsyncEventAge=slow), "BacklogAlarm")

    def test_a_payload_that_cannot_be_decoded_keeps_its_alarm_until_it_is_deleted(self):
        self.assert_raises(normal(PayloadErrors=every(20, 1, 300)), "PayloadAlarm", still=["PayloadAlarm"])
        self.assert_raises(normal(PayloadErrors=every(20, 1, 300, 900)), "PayloadAlarm")

    def test_an_object_that_cannot_be_decoded_is_told_once(self):
        self.assert_raises(normal(PayloadErrors=[(300, 1)]), "PayloadAlarm", template="template-s3.yaml")

    def test_a_bucket_that_may_not_be_read_is_told_by_what_waits(self):
        waiting = [(minute, 60 * (minute - 300)) for minute in range(320, DAY, 20)]
        series = normal(OldestUndeliveredSeconds=waiting, ObjectErrors=every(1, 5, 300))
        self.assert_raises(series, "UndeliveredAlarm", still=["UndeliveredAlarm"], template="template-s3.yaml")

    def test_a_failure_that_could_not_be_queued_is_told(self):
        self.assert_raises(normal(DestinationDeliveryFailures=[(300, 1)]), "FailureDeliveryAlarm")

    def test_one_unparsed_line_is_nothing_and_a_wrong_format_is_an_alarm(self):
        self.assert_raises(normal(UnparsedRecords=[(300, 1)]))
        self.assert_raises(normal(UnparsedRecords=[(300, 900), (311, 900)]))  # two batches with nothing between
        self.assert_raises(normal(UnparsedRecords=every(1, 900, 300, 900)), "UnparsedRecordsAlarm")
        sparse = {"RecordsReceived": every(30, 900), "UnparsedRecords": every(30, 1)}
        self.assert_raises(normal(**sparse))

    def test_a_few_late_payloads_are_nothing_and_many_are_an_alarm(self):
        self.assert_raises(normal(DeliveryLagSeconds=every(1, 400) * 30 + every(1, 9000)))
        self.assert_raises(normal(DeliveryLagSeconds=every(1, 400, 0, 300) + every(1, 9000, 300, 600)), "DeliveryLagAlarm")

    def test_lines_that_cloudwatch_logs_cannot_hand_over_are_told_for_their_log_group(self):
        series = normal(DeliveryErrors=every(1, 2, 300, 400))
        self.assert_raises(series, "DeliveryErrorsAlarm", "DeliveryErrorsAlarm3", LogGroupName3="/vpc/third")

    def test_an_inventory_that_is_old_or_lacks_accounts_is_told(self):
        s3 = {"Inventory": "s3://my-inventory/flowlogs"}
        self.assert_raises(normal(InventoryAgeSeconds=every(1, 600, 0, 300) + every(1, 1200, 300, 400)), "StaleInventoryAlarm", **s3)
        self.assert_raises(normal(WithoutInventory=every(1, 5, 300, 400)), "WithoutInventoryAlarm", **s3)
        self.assertNotIn("StaleInventoryAlarm", alarms())

    def test_lost_data_of_aws_is_told(self):
        self.assert_raises(normal(SkippedWindows=[(300, 4)]), "SkippedWindowsAlarm")


class Definitions(unittest.TestCase):
    def test_every_alarm_has_a_long_description_and_tells_when_it_is_over(self):
        topic = "arn:aws:sns:eu-central-1:123456789012:operators"
        for template in "template.yaml", "template-s3.yaml", "template-inventory.yaml":
            for name, alarm in alarms(template=template, AlarmTopicArn=topic).items():
                with self.subTest(alarm=name):
                    self.assertGreater(len(alarm["AlarmDescription"].split()), 12)
                    self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), ([topic], [topic]))

    def test_alarms_can_be_left_out(self):
        for template in "template.yaml", "template-s3.yaml", "template-inventory.yaml":
            self.assertEqual(alarms(template=template, WithAlarms="off"), {})

    def test_no_alarm_looks_back_more_than_a_day(self):
        longest = {"SilenceAlarmMinutes": "720"}
        for template, given in (("template.yaml", longest), ("template-s3.yaml", longest), ("template-inventory.yaml", {})):
            for name, alarm in alarms(template=template, **given).items():
                seconds = alarm.get("Period", 300)
                self.assertLessEqual(seconds * int(alarm["EvaluationPeriods"]), 86400, name)
