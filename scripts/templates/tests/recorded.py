"""States of the alarms over the metrics that tests/tests/function/outage/ recorded.

usage: python3 -m templates.tests.recorded SERIES MINUTE

SERIES is a JSON file: the metrics of the function of each template, as pairs of minute and value. Before and after the run
come three quiet hours, because CloudWatch looks back, too. Prints the changes of state of each alarm that has any, with
minutes since MINUTE of the run.
"""

import json
import sys

from .cloudwatch import MORE, history
from .test_alarms import alarms, every

QUIET = 180


def between_quiet_hours(series):
    """The series, moved by the quiet hours, and the minutes in all."""
    last = int(max(minute for samples in series.values() for minute, _ in samples))
    end = QUIET + last + 1 + QUIET
    end -= end % 30  # whole periods
    moved = {name: [(QUIET + int(minute), value) for minute, value in samples] for name, samples in series.items()}
    for name in "RecordsReceived", "Invocations":
        moved[name] = every(1, 30, 0, QUIET) + moved[name] + every(1, 30, QUIET + last + 1, end)
    return moved, end


def changes(alarm, series, minutes):
    """Minute and new state of each change, in minutes of the series."""
    step = alarm.get("Period") or alarm["Metrics"][1]["MetricStat"]["Period"]
    first = int(alarm["EvaluationPeriods"]) + MORE
    states, found = history(alarm, series, minutes), []
    for number, (before, after) in enumerate(zip(states, states[1:])):
        if after != before:
            found.append(((first + number) * step // 60, after))
    return found


def main():
    path, begin = sys.argv[1:]
    found = {}
    for template, series in json.loads(open(path).read()).items():
        moved, minutes = between_quiet_hours(series)
        seen = {name: changes(alarm, moved, minutes) for name, alarm in alarms(template).items()}
        found[template] = {
            name: [(minute - QUIET - float(begin), state) for minute, state in states] for name, states in seen.items() if states
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
