"""Nanoseconds that flowlogs-reader takes to parse a record, the median of some rounds. Lines come on standard input."""

import statistics
import sys
import time
import warnings

from flowlogs_reader import FlowRecord

ROUNDS = 5

warnings.simplefilter("ignore", DeprecationWarning)  # flowlogs-reader calls a deprecated function of datetime
events = [{"message": line} for line in sys.stdin.read().splitlines()]
times = []
for _ in range(ROUNDS + 1):
    begin = time.perf_counter_ns()
    for event in events:
        FlowRecord.from_cwl_event(event)
    times.append((time.perf_counter_ns() - begin) / len(events))
print(statistics.median(times[1:]))
