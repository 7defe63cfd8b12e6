"""For this commit only: the templates say what the hand-written ones of the commit before said, but for order."""

import json
import subprocess
import unittest

from cfn_tools import load_yaml

from templates.application import ROOT


def normal(node):
    if isinstance(node, dict):
        if list(node) == ["Fn::Sub"] and '"widgets"' in str(node["Fn::Sub"]):
            widgets = json.loads(node["Fn::Sub"])["widgets"]
            return sorted(widgets, key=lambda widget: (widget["y"], widget["x"]))
        return {str(key): normal(value) for key, value in node.items()}
    if isinstance(node, list):
        return [normal(item) for item in node]
    return node


class Before(unittest.TestCase):
    maxDiff = None

    def test_the_templates_are_as_they_were(self):
        for name in "template.yaml", "template-s3.yaml":
            before = subprocess.check_output(["git", "show", f"fcf3151:{name}"], cwd=ROOT, text=True)
            self.assertEqual(normal(load_yaml(before)), normal(load_yaml((ROOT / name).read_text())))
