"""The table of busy environments in docs/reliability.md is what scripts/simulate-outage computes."""

import re
import subprocess
import sys
import unittest

from .resolve import ROOT

HEADING = "| payloads a second | without circuit breaker | with |"


class Outage(unittest.TestCase):
    def test_the_circuit_breaker_does_what_the_document_says(self):
        text = (ROOT / "docs/reliability.md").read_text()
        table = re.search(re.escape(HEADING) + r"\n\|[-:|]+\n((?:\|.*\n)+)", text)[1]
        documented = [[cell.strip().replace(",", "") for cell in row.strip("|").split("|")] for row in table.splitlines()]
        rates = [rate for rate, _, _ in documented]
        printed = subprocess.check_output([sys.executable, ROOT / "scripts/simulate-outage", *rates], text=True)
        self.assertEqual(documented, [row.split(" | ") for row in printed.splitlines()[1:]])
