"""The alarms: one for each task of a person, none for trouble that heals alone.

A row has the condition and, in the words of the notification, the task. tests/test_alarms.py feeds series to the alarms.
"""

import dataclasses

from troposphere import FindInMap, GetAtt, If, NoValue, Ref
from troposphere.cloudwatch import Alarm, Metric, MetricDataQuery, MetricDimension, MetricStat

from .parameters import CLOUDWATCH, S3

OURS, LAMBDA, SQS, LOGS = "FlowLogsTranscoder", "AWS/Lambda", "AWS/SQS", "AWS/Logs"
PERIOD = 300
# Waiting payloads are tried every 20 minutes: the period always has a try.
TRY = 1800


@dataclasses.dataclass(frozen=True)
class Row:
    """An alarm. `statistic` of `metric` over `period` is compared; with `share`, in percent of the metric `share`."""

    name: str
    what_to_do: str | dict
    namespace: str
    metric: str
    statistic: str = "Sum"
    above: int | Ref = 0
    periods: int | FindInMap = 1  # consecutive periods
    period: int = PERIOD
    share: str | None = None
    below: int | None = None  # in place of `above`
    missing: str = "notBreaching"
    only: str | None = None
    when: str = "HasAlarms"


ROWS = [
    Row(
        "SilenceAlarm",
        "No flow log has arrived for the minutes of SilenceAlarmMinutes. Do the flow logs still exist, and is their status"
        " ACTIVE? Is their subscription or notification still there? {\"flowlogs\":\"check\"} shows the formats and collectors that"
        " the function finds, not what brings it events.",
        OURS, "RecordsReceived", below=1, periods=FindInMap("Silence", Ref("SilenceAlarmMinutes"), "Periods"),
        missing="breaching", when="HasSilenceAlarm",
    ),
    Row(
        "UndeliveredAlarm",
        "Payloads have waited for more than half an hour and were tried several times. Is the collector up and reachable?"
        " The function's log names the error. What waits is delivered by itself when the cause is gone.",
        OURS, "OldestUndeliveredSeconds", "Maximum", above=1800, period=TRY,
    ),
    Row(
        "QueueAgeAlarm",
        {
            CLOUDWATCH: "Payloads in the failure queue are not taken from it. Is Redelivery on, ReservedConcurrency above 0,"
            " and does the function start? Its log tells.",
            S3: "Notices wait in the queue. Raise MaximumConcurrency or MemorySize, or look for what throttles the function.",
        },
        SQS, "ApproximateAgeOfOldestMessage", "Maximum", above=3600, periods=3,
    ),
    Row(
        "PayloadAlarm",
        {
            CLOUDWATCH: "Payloads that cannot be decoded wait in the failure queue: does something else write to the log group?"
            " Look at them with flowlogs replay, then delete them from the queue.",
            S3: "Objects could not be decoded; the function's log names bucket, key and version. Look at them with flowlogs"
            " replay.",
        },
        OURS, "PayloadErrors", period=TRY,
    ),
    Row(
        "FailureDeliveryAlarm",
        "Lambda could not put a failed payload into the failure queue, and its flows are lost. Does the role still allow"
        " sqs:SendMessage, and the key's policy kms:GenerateDataKey?",
        LAMBDA, "DestinationDeliveryFailures", only=CLOUDWATCH,
    ),
    Row(
        "FailingAlarm",
        "Every invocation of the last half hour failed. The function's log says why: a wrong setting, a collector that is"
        " down, a role without a right.",
        LAMBDA, "Errors", share="Invocations", above=99, periods=6,
    ),
    Row(
        "BacklogAlarm",
        "Invocations wait for more than 15 minutes before they start. Raise ReservedConcurrency, or have the account's"
        " concurrency raised.",
        LAMBDA, "AsyncEventAge", "Maximum", above=900_000, periods=3, only=CLOUDWATCH,
    ),
    Row(
        "SkippedWindowsAlarm",
        "AWS itself lost flow data (SKIPDATA); nothing here can bring it back. The function's log names interface and time:"
        " tell who counts.",
        OURS, "SkippedWindows",
    ),
    Row(
        "StaleInventoryAlarm",
        "The inventory in S3 is older than 15 minutes: flows may be counted twice, and new interfaces have no names. Does"
        " flowlogs-inventory run, and does this function's log say that it cannot read?",
        OURS, "InventoryAgeSeconds", "Maximum", above=900, periods=3, when="HasInventoryAlarms",
    ),
    Row(
        "WithoutInventoryAlarm",
        "Records were decided without the inventory: their account or region is not in it, or it could not be read for an"
        " hour. Compare the property Accounts of the metrics lines with the accounts of flowlogs-inventory.",
        OURS, "WithoutInventory", periods=3, when="HasInventoryAlarms",
    ),
    Row(
        "UnparsedRecordsAlarm",
        "More than one record in a hundred fits no known format. The function's log has a sample; LogFormat sets the format.",
        OURS, "UnparsedRecords", share="RecordsReceived", above=1, periods=2,
    ),
    Row(
        "SendErrorsAlarm",
        "Messages could not be sent for a quarter of an hour. Is the collector up, and do security group and route let them"
        " out? Over UDP these flows are lost; over TCP and TLS they come again.",
        OURS, "SendErrors", periods=3,
    ),
    Row(
        "DeliveryLagAlarm",
        {
            CLOUDWATCH: "Of a hundred payloads five bring flows that are older than DeliveryLagAlarmSeconds. AWS delivers late,"
            " or the function is too slow: compare with BacklogAlarm.",
            S3: "Of a hundred objects five bring flows that are older than DeliveryLagAlarmSeconds. AWS delivers late, or the"
            " queue is long: raise MaximumConcurrency.",
        },
        OURS, "DeliveryLagSeconds", "p95", above=Ref("DeliveryLagAlarmSeconds"), periods=3,
    ),
]  # fmt: skip


def dimension(namespace, queue):
    if namespace == SQS:
        return [MetricDimension(Name="QueueName", Value=GetAtt(queue, "QueueName"))]
    return [MetricDimension(Name="FunctionName", Value=Ref("Function"))]


def measured(identifier, metric, row, queue):
    where = Metric(Namespace=row.namespace, MetricName=metric, Dimensions=dimension(row.namespace, queue))
    return MetricDataQuery(
        Id=identifier,
        ReturnData=False,
        MetricStat=MetricStat(Metric=where, Period=row.period, Stat=row.statistic),
    )


def compared(row, queue):
    """The properties of the comparison. Counters are sparse: gaps are filled with 0 before arithmetic."""
    if row.share:
        expression = "IF(FILL(all, 0) > 0, 100 * FILL(part, 0) / FILL(all, 0), 0)"
        return {
            "Metrics": [
                MetricDataQuery(Id="share", Label=f"{row.metric} in percent of {row.share}", Expression=expression),
                measured("part", row.metric, row, queue),
                measured("all", row.share, row, queue),
            ]
        }
    statistic = "ExtendedStatistic" if row.statistic.startswith("p") else "Statistic"
    return {
        "Namespace": row.namespace,
        "MetricName": row.metric,
        "Dimensions": dimension(row.namespace, queue),
        statistic: row.statistic,
        "Period": row.period,
    }


def alarm(row, source, **more):
    what_to_do = row.what_to_do[source] if isinstance(row.what_to_do, dict) else row.what_to_do
    queue = "Queue" if source == S3 else "FailureQueue"
    tell = If("HasAlarmTopic", [Ref("AlarmTopicArn")], NoValue)
    properties = {**compared(row, queue), **more}
    return Alarm(
        row.name,
        Condition=row.when,
        AlarmDescription=what_to_do,
        **properties,
        EvaluationPeriods=row.periods,
        Threshold=row.above if row.below is None else row.below,
        ComparisonOperator="GreaterThanThreshold" if row.below is None else "LessThanThreshold",
        TreatMissingData=row.missing,
        AlarmActions=tell,
        OKActions=tell,
    )


def of_log_group(suffix):
    """The alarm of a log group: CloudWatch Logs cannot hand the lines over."""
    row = Row(
        f"DeliveryErrorsAlarm{suffix}",
        "CloudWatch Logs could not hand lines of this log group to the function, and drops them after 24 hours. Do the"
        " function and its permission still exist?",
        LOGS, "DeliveryErrors", periods=3, when=f"HasAlarmOfLogGroup{suffix}",
    )  # fmt: skip
    names = {
        "LogGroupName": Ref(f"LogGroupName{suffix}"),
        "DestinationType": "Lambda",
        "FilterName": Ref(f"Subscription{suffix}"),
    }
    dimensions = [MetricDimension(Name=name, Value=value) for name, value in names.items()]
    return alarm(row, CLOUDWATCH, Dimensions=dimensions)


def add(app):
    for row in ROWS:
        if row.only in (None, app.source):
            app.add(alarm(row, app.source))
