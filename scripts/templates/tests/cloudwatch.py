"""Evaluates alarms by CloudWatch's documentation, limited to the features of the templates' alarms.

Statistics of samples over periods, FILL, IF and arithmetic, M of N, the four ways to treat missing data. A series is a
mapping from metric name to samples, pairs of minute and value.
"""

import math

ALARM, OK, UNKNOWN, RETAIN = "ALARM", "OK", "INSUFFICIENT_DATA", "retain"
MORE = 2  # periods that CloudWatch looks at beyond EvaluationPeriods when data is missing


def decide(points, needed, among, missing):
    """The state that follows from the evaluation range: breaching (True), not (False), missing (None), oldest first."""
    real = [point for point in points if point is not None]
    if len(real) >= among:
        return ALARM if sum(real[-among:]) >= needed else OK
    breaching = sum(real)
    if missing == "breaching":
        return ALARM if breaching + among - len(real) >= needed else OK
    if missing == "notBreaching":
        return ALARM if breaching >= needed else OK
    # Nothing but breaching data, the oldest as old as the needed points: "premature alarm state".
    premature = bool(real) and all(real) and len(points) - points.index(True) >= needed
    if missing == "ignore":
        return RETAIN if premature or not real else ALARM if breaching >= needed else OK
    if not real:
        return UNKNOWN
    return ALARM if premature or breaching >= needed else OK


class Value:
    """A data point in an expression; without data, and where zero divides, there is none."""

    def __init__(self, number):
        self.number = number

    def apply(self, other, function):
        other = other.number if isinstance(other, Value) else other
        if self.number is None or other is None:
            return Value(None)
        try:
            return Value(function(self.number, other))
        except ZeroDivisionError:
            return Value(None)

    def __truediv__(self, other):
        return self.apply(other, lambda a, b: a / b)

    def __rmul__(self, other):
        return self.apply(other, lambda a, b: b * a)

    def __gt__(self, other):
        return self.apply(other, lambda a, b: a > b)


def fill(value, number):
    return value if value.number is not None else Value(number)


def choose(condition, yes, no):
    if condition.number is None:
        return Value(None)
    return yes if condition.number else no if isinstance(no, Value) else Value(no)


def statistic(name, samples):
    if not samples:
        return None
    if name == "Sum":
        return sum(samples)
    if name == "Maximum":
        return max(samples)
    if name == "Minimum":
        return min(samples)
    return sorted(samples)[math.ceil(float(name.removeprefix("p")) / 100 * len(samples)) - 1]


def points_of(series, metric, name, seconds, minutes):
    """The statistic of each period."""
    step = seconds // 60
    periods = [[] for _ in range(minutes // step)]
    for minute, value in series.get(metric, ()):
        periods[minute // step].append(value)
    return [statistic(name, samples) for samples in periods]


def data(alarm, series, minutes):
    """The data points to compare with the alarm's threshold."""
    if "Metrics" not in alarm:
        name = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return points_of(series, alarm["MetricName"], name, alarm["Period"], minutes)
    measured, expression = {}, None
    for query in alarm["Metrics"]:
        if "Expression" in query:
            expression = query["Expression"]
            continue
        stat = query["MetricStat"]
        measured[query["Id"]] = points_of(series, stat["Metric"]["MetricName"], stat["Stat"], stat["Period"], minutes)
    names = {"FILL": fill, "IF": choose, "__builtins__": {}}
    return [
        eval(expression, names, {key: Value(value) for key, value in zip(measured, values)}).number
        for values in zip(*measured.values())
    ]


def history(alarm, series, minutes):
    """The states of an alarm, one for each period of `minutes` in a series."""
    among = int(alarm["EvaluationPeriods"])
    below = alarm["ComparisonOperator"] == "LessThanThreshold"
    threshold = float(alarm["Threshold"])
    points, states = [], [OK]
    for value in data(alarm, series, minutes):
        points.append(None if value is None else value < threshold if below else value > threshold)
        if len(points) < among + MORE:
            continue  # before that, CloudWatch looks at what was there before the series begins
        state = decide(points[-(among + MORE) :], int(alarm.get("DatapointsToAlarm", among)), among, alarm["TreatMissingData"])
        states.append(states[-1] if state == RETAIN else state)
    return states


def raised(alarm, series, minutes):
    """How often an alarm is raised, and its state at the end."""
    states = history(alarm, series, minutes)
    return sum(after == ALARM != before for before, after in zip(states, states[1:])), states[-1]
