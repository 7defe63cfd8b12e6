"""The dashboard: a list of graphs, two beside each other, written as CloudWatch's JSON."""

import json

from troposphere import Sub
from troposphere.cloudwatch import Dashboard

from .alarms import OURS

WIDTH, HEIGHT = 12, 6  # of a graph, in units of the dashboard's grid


def ours(*names, **options):
    return [metric(OURS, name, **options) for name in names]


def metric(namespace, name, queue=None, **options):
    dimension = ("QueueName", f"${{{queue}.QueueName}}") if queue else ("FunctionName", "${Function}")
    return [namespace, name, *dimension, *([options] if options else [])]


def right(namespace, name):
    """A metric with the axis on the right, as the label says."""
    return metric(namespace, name, yAxis="right", label=f"{name} (right)")


def graphs(source):
    """Title, statistic and metrics of each graph, and other properties."""
    waiting = "ApproximateNumberOfMessagesVisible"
    failures = [metric("AWS/Lambda", "Errors"), metric("AWS/Lambda", "Throttles")]
    if source == "s3":
        oldest = {"stat": "Maximum", "label": "Oldest notice, seconds", "yAxis": "right"}
        failures += [
            metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Queue", **oldest),
            metric("AWS/SQS", waiting, "FailureQueue", stat="Maximum", label="Dead-letter queue"),
            metric("AWS/SQS", waiting, "Queue", stat="Maximum", label="Queue"),
        ]
    else:
        failures += [
            metric("AWS/Lambda", "DestinationDeliveryFailures"),
            metric("AWS/SQS", waiting, "FailureQueue", stat="Maximum", label="Failure queue"),
        ]
    listed = [
        ("Records in, flows out", "Sum", ours("RecordsReceived", "FlowsExported", "DoubledRecords", "WithoutInventory")),
        (
            "Not exported, by reason",
            "Sum",
            ours("DuplicateDeliveries", "DuplicateRecords", "DuplicateTransitGateway", "DuplicateBothEnds",
                 "FilteredByDirection", "ExcludedCollectorTraffic"),
            {"stacked": True},
        ),
        ("Records without a flow", "Sum", [*ours("UnparsedRecords", "SkippedWindows"), right(OURS, "NoData")]),
        (
            "Errors and collisions",
            "Sum",
            ours("PayloadErrors", "SendErrors", "Reconnects", "FormatLookupErrors", "NameLookupErrors",
                 "UnknownDirection", "SwappedTimes", "IdentityCollisions", "TemplateIdCollisions"),
        ),
        ("Sent", "Sum", [*ours("MessagesSent", "OptionsRecords"), right(OURS, "BytesSent")]),
        ("Lag and time", "Maximum", [*ours("DeliveryLagSeconds", "OldestUndeliveredSeconds", "InventoryAgeSeconds"), right(OURS, "TranscodeMilliseconds")]),
        ("Cost drivers", "Sum", [metric("AWS/Lambda", "Invocations"), right("AWS/Lambda", "Duration")]),
        ("Failures and the queue" if source == "s3" else "Failures", "Sum", failures),
    ]  # fmt: skip
    if source == "s3":
        objects = ["Received", "Exported", "Skipped"]
        listed.append((
            "Objects",
            "Sum",
            ours(*(f"Objects{word}" for word in objects), "DuplicateObjects", "ObjectErrors", "ObjectsReturned"),
        ))  # fmt: skip
    return listed


def widget(place, title, stat, metrics, more=None):
    properties = {"title": title, "region": "${AWS::Region}", "period": 300, "stat": stat, "view": "timeSeries"}
    return {
        "type": "metric",
        "x": WIDTH * (place % 2),
        "y": HEIGHT * (place // 2),
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {**properties, **(more or {}), "metrics": metrics},
    }


def accounts(place):
    """The table of accounts with the last arrival of each: a query of the function's own log."""
    query = (
        "SOURCE '${FunctionLogGroup}' | filter ispresent(RecordsReceived)"
        " | stats max(@timestamp) as last_arrival, sum(RecordsReceived) as records by Accounts.0 as account"
        " | sort last_arrival asc | limit 1000"
    )
    properties = {"title": "Accounts, the longest silent first", "region": "${AWS::Region}", "view": "table", "query": query}
    top = HEIGHT * ((place + 1) // 2)
    return {"type": "log", "x": 0, "y": top, "width": 2 * WIDTH, "height": HEIGHT, "properties": properties}


def layout(widgets):
    """JSON with a line for each metric."""
    parts = []
    for one in widgets:
        if "metrics" not in one["properties"]:
            parts.append(json.dumps(one))
            continue
        metrics = one["properties"].pop("metrics")
        head = json.dumps(one)[:-2] + ', "metrics": ['
        parts.append(head + "\n  " + ",\n  ".join(json.dumps(entry) for entry in metrics) + "\n]}}")
    return '{"widgets": [\n' + ",\n".join(parts) + "\n]}\n"


def add(app):
    widgets = [widget(place, *graph) for place, graph in enumerate(graphs(app.source))]
    widgets.append(accounts(len(widgets)))
    app.add(
        Dashboard("Dashboard", Condition="HasDashboard", DashboardName=Sub("${AWS::StackName}-${AWS::Region}"), DashboardBody=Sub(layout(widgets)))
    )
