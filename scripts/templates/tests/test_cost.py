"""The tables of docs/cost.md follow from its own figures, and from the templates."""

import math
import re
import subprocess
import unittest

from .resolve import ROOT, resolve
from .test_parameters import BUCKET, LOGS

TEXT = (ROOT / "docs/cost.md").read_text()
README = (ROOT / "README.md").read_text()


def figure(name):
    """A figure of the first two tables."""
    found = re.search(rf"^\| {re.escape(name)} \| ([0-9.,]+) \|", TEXT, re.M)
    return float(found[1].replace(",", ""))


def cells(heading):
    """The rows of the table under a heading, as texts without emphasis."""
    part = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([0-9].*) \|$", part, re.M)
    return [[cell.strip("* ") for cell in row.split(" | ")] for row in rows]


def dollars(value):
    if value >= 100:
        return f"${value:,.0f}"
    if value >= 0.1:
        return f"${value:.2f}"
    return f"${value:.3f}" if value >= 0.001 else f"${value:.5f}"


def processor_milliseconds(records):
    """Version 5 over UDP, between and below the two measured sizes."""
    measured = {float(row[0].replace(",", "")): float(row[3]) for row in cells("The time of an invocation")[:3]}
    slope = (measured[1000] - measured[100]) / 900
    return measured[100] + slope * (records - 100)


def milliseconds(records):
    return math.ceil(processor_milliseconds(records) * 1769 / figure("memory in MB"))


def compute(invocations, time):
    return invocations * time / 1000 * figure("memory in MB") / 1024 * figure("GB-second, arm64")


def requests(invocations):
    return invocations * figure("million requests of Lambda") / 1e6


def log(invocations, lambdas_own=True):
    event = figure("octets that CloudWatch Logs adds to an event")
    octets = figure("octets of the metrics line") + event
    if lambdas_own:
        octets += figure("octets of Lambda's own lines") + 2 * event
    return invocations * octets / 1e9 * figure("GB of the function's own log")


class Cost(unittest.TestCase):
    maxDiff = None

    def test_the_tables_of_the_fleet_are_those_of_the_simulation(self):
        check = subprocess.run([ROOT / "scripts/simulate-fleet", "--check"], capture_output=True, text=True)
        self.assertEqual((check.returncode, check.stderr), (0, ""))

    def test_the_page_for_10_tb_has_the_figures_of_the_simulation(self):
        page = (ROOT / "docs/deploy/at-scale.md").read_text()
        (minute, cold, outage), of_100_gb = ([row for row in cells("A fleet") if row[0] == volume] for volume in ("10 TB", "100 GB"))
        _, interfaces, payloads, _, busy, most, messages = minute
        for sentence in (
            f"{interfaces} interfaces, {payloads} payloads a second",
            f"{busy} on average, {most} at most",
            f"{cold[1]} within a second",
            f"| {messages} a second |",
            f"{outage[1]}; {outage[2]} with `RedeliveryConcurrency=2`, {outage[3]} with 20".replace(" h", " hours"),
            f"100 GB a day is {of_100_gb[0][5]} environments at once and {of_100_gb[0][6]} messages a second",
        ):
            self.assertIn(sentence, page)

    def test_milliseconds_are_those_that_were_measured(self):
        self.assertEqual(milliseconds(figure("records of a payload")), figure("milliseconds of an invocation"))
        self.assertEqual(milliseconds(figure("records of a simulated payload")), figure("milliseconds of its invocation"))

    def test_a_simulated_payload_has_the_records_of_the_simulation(self):
        row = next(row for row in cells("A fleet") if row[0] == "100 GB")
        self.assertEqual(float(row[3]), figure("records of a simulated payload"))

    def test_a_day(self):
        expected, sums = [], {}
        ways = {
            "records of a simulated payload": "milliseconds of its invocation",
            "records of a payload": "milliseconds of an invocation",
        }
        for of_payload, time in ways.items():
            for gb in 1, 10, 100, 1000:
                records = gb * 1e9 / figure("octets of a flow-log line")
                invocations = records / figure(of_payload)
                parts = compute(invocations, figure(time)), requests(invocations), log(invocations)
                delivery = gb * figure('GB of delivered ("vended") logs in CloudWatch Logs')
                sent = records * figure("octets of a flow on the wire") / 1e9
                amounts = [*map(dollars, parts), dollars(sum(parts)), dollars(delivery)]
                expected.append([f"{gb:,}", f"{records / 1e6:,.0f}", f"{invocations:,.0f}", *amounts, f"{sent:.1f}"])
                sums.setdefault(gb, [f"{gb} GB", f"{records / 1e6:.0f} million"]).append(dollars(sum(parts)))
        self.assertEqual(cells("A day"), expected)
        for gb in 1, 10, 100:
            self.assertIn(f"| {' | '.join(sums[gb])} |", README)

    def test_records_of_a_payload(self):
        expected = []
        for records in 5, 50, 500, 1000:
            invocations = 10e9 / figure("octets of a flow-log line") / records
            time = milliseconds(records)
            parts = compute(invocations, time), requests(invocations), log(invocations)
            less = sum(parts[:2]) + log(invocations, lambdas_own=False)
            amounts = [*map(dollars, parts), dollars(sum(parts)), dollars(less)]
            expected.append([f"{records:,}", f"{invocations:,.0f}", f"{time}", *amounts])
        self.assertEqual(cells("Records of a payload"), expected)

    def test_an_outage(self):
        expected = []
        for hours in 1, 12, 48:
            payloads = 10e9 / figure("octets of a flow-log line") / figure("records of a payload") * hours / 24
            tries = payloads * (3 + hours * 3 / 2)  # three at once, then three an hour, half of the time on average
            queue = (tries + 2 * payloads) * 3 * figure("million requests of SQS") / 1e6
            sum_of_all = compute(tries, 10) + requests(tries) + log(tries) + queue
            expected.append([f"{hours}", f"{payloads:,.0f}", f"{tries:,.0f}", dollars(sum_of_all)])
        self.assertEqual(cells("An outage"), expected)

    def test_alarms_of_a_stack(self):
        counted = []
        for template, given in (("template.yaml", LOGS), ("template-s3.yaml", BUCKET)):
            stack = resolve(template, **given)
            alarms = [stack.properties(name) for name in stack.named("AWS::CloudWatch::Alarm")]
            counted.append(sum(sum("MetricStat" in query for query in alarm.get("Metrics", ())) or 1 for alarm in alarms))
        price = figure("alarm metric a month")
        self.assertIn(f"| alarm metrics, with one log group | {counted[0]} | {counted[1]} |", TEXT)
        self.assertIn(f"| the alarms | ${counted[0] * price:.2f} | ${counted[1] * price:.2f} |", TEXT)

    def test_three_accounts(self):
        def row(what):
            return [float(amount) for amount in re.findall(r"\$([0-9.]+)", re.search(rf"^\| \**{what}\** \| (.*)", TEXT, re.M)[1])]

        together, least = row("together"), row("with `WithAlarms=off` and `WithDashboard=off`")
        self.assertEqual(row("a stack of `template.yaml` in each"), [round(3 * together[0], 2)])
        self.assertEqual(row("the same with `WithAlarms=off` and `WithDashboard=off`"), [round(3 * least[0], 2)])
        self.assertEqual(row("one bucket, with one stack of `template-s3.yaml`"), together[1:])
