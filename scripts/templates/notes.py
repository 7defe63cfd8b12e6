"""Comments that travel with a value from the Python source into the YAML template."""

from troposphere import AWSHelperFn

KEY = "# note"


class Noted(AWSHelperFn):
    """A value with a comment. troposphere accepts the value like an intrinsic function: everywhere."""

    def __init__(self, text, value):
        self.data = {KEY: [text, value]}


def split(node):
    """Comment (or None) and value of an encoded node."""
    if isinstance(node, dict) and KEY in node:
        text, value = node[KEY]
        return text, value
    return None, node


def without(node):
    """The node for CloudFormation: no comments anywhere."""
    _, node = split(node)
    if isinstance(node, dict):
        return {key: without(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without(item) for item in node]
    return node
