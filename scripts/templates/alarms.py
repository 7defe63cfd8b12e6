"""The alarms: each says in its description what a person has to do."""

from troposphere import GetAtt, If, NoValue, Ref
from troposphere.cloudwatch import Alarm, Metric, MetricDataQuery, MetricDimension, MetricStat

OURS = "FlowLogsTranscoder"


def dimension(namespace, queue):
    if namespace == "AWS/SQS":
        return MetricDimension(Name="QueueName", Value=GetAtt(queue, "QueueName"))
    return MetricDimension(Name="FunctionName", Value=Ref("Function"))


def alarm(app, name, what_to_do, **properties):
    app.add(
        Alarm(
            name,
            AlarmDescription=what_to_do,
            **{
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                **properties,
            },
            AlarmActions=If("HasAlarmTopic", [Ref("AlarmTopicArn")], NoValue),
        )
    )


def metric_alarm(app, name, namespace, metric, what_to_do, statistic="Sum", queue="FailureQueue", **properties):
    alarm(
        app,
        name,
        what_to_do,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[dimension(namespace, queue)],
        Statistic=statistic,
        Period=300,
        **properties,
    )


def measured(identifier, metric):
    return MetricDataQuery(
        Id=identifier,
        ReturnData=False,
        MetricStat=MetricStat(
            Metric=Metric(Namespace=OURS, MetricName=metric, Dimensions=[dimension(OURS, None)]), Period=300, Stat="Sum"
        ),
    )


def add(app, words):
    """All alarms; `words` has the sentences that depend on the source."""
    metric_alarm(app, "FailureQueueAlarm", "AWS/SQS", "ApproximateNumberOfMessagesVisible", words["failures"], "Maximum")
    if app.source == "s3":
        metric_alarm(
            app, "QueueAgeAlarm", "AWS/SQS", "ApproximateAgeOfOldestMessage",
            "Notices wait in the queue for long; raise MaximumConcurrency or MemorySize, or look for what throttles the"
            " function.",
            "Maximum", "Queue", EvaluationPeriods=3, Threshold=Ref("DeliveryLagAlarmSeconds"),
        )  # fmt: skip
    else:
        metric_alarm(
            app, "FailureDeliveryAlarm", "AWS/Lambda", "DestinationDeliveryFailures",
            "Lambda could not put a failed payload into the failure queue; these flows are lost.",
        )  # fmt: skip
    metric_alarm(app, "ErrorsAlarm", "AWS/Lambda", "Errors", words["errors"])
    metric_alarm(app, "ThrottlesAlarm", "AWS/Lambda", "Throttles", words["throttles"])
    metric_alarm(
        app, "SkippedWindowsAlarm", OURS, "SkippedWindows",
        "AWS itself lost flow data (SKIPDATA); nothing here can bring it back.",
    )  # fmt: skip
    alarm(
        app, "UnparsedRecordsAlarm",
        "More than one record in a hundred fits no known format; the function's log has a sample, and LogFormat sets the"
        " format.",
        Metrics=[
            MetricDataQuery(
                Id="share",
                Label="Unparsed records in percent",
                Expression="IF(received > 0, 100 * unparsed / received, 0)",
            ),
            measured("unparsed", "UnparsedRecords"),
            measured("received", "RecordsReceived"),
        ],
        Threshold=1,
    )  # fmt: skip
    metric_alarm(
        app, "SendErrorsAlarm", OURS, "SendErrors",
        "Messages could not be written to a collector; is it up, and does the security group let them out?",
    )  # fmt: skip
    metric_alarm(
        app, "DeliveryLagAlarm", OURS, "DeliveryLagSeconds", words["lag"], "Maximum",
        EvaluationPeriods=3, Threshold=Ref("DeliveryLagAlarmSeconds"),
    )  # fmt: skip
