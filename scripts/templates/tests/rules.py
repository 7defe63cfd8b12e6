"""Evaluates the `Rules` of a template, by the page "Rule functions" of CloudFormation's documentation.

Neither cloud-radar nor moto does. `Fn::RefAll`, `Fn::ValueOf` and `Fn::ValueOfAll` ask the account; `attributes` answers.
"""


class Refused(Exception):
    """An assertion does not hold; its text is the assertion's description."""


def evaluate(node, parameters, attributes=None):
    """The value of a rule function, list or text."""
    if isinstance(node, list):
        return [evaluate(item, parameters, attributes) for item in node]
    if not isinstance(node, dict):
        return node
    ((name, argument),) = node.items()
    if name == "Ref":
        return parameters[argument]
    if name in ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"):
        return attributes(name, argument)
    return FUNCTIONS[name](*evaluate(argument, parameters, attributes))


def conjunction(*parts):
    assert 2 <= len(parts) <= 10, "Fn::And takes two to ten conditions"
    return all(parts)


def disjunction(*parts):
    assert 2 <= len(parts) <= 10, "Fn::Or takes two to ten conditions"
    return any(parts)


FUNCTIONS = {
    "Fn::And": conjunction,
    "Fn::Or": disjunction,
    "Fn::Not": lambda part: not part,
    "Fn::Equals": lambda left, right: text(left) == text(right),
    "Fn::Contains": lambda members, one: text(one) in map(text, members),
    "Fn::EachMemberEquals": lambda members, one: all(text(member) == text(one) for member in members),
    "Fn::EachMemberIn": lambda members, among: {*map(text, members)} <= {*map(text, among)},
}


def text(value):
    """Parameters of type Number are compared as written."""
    return value if isinstance(value, str) else str(value)


def check(rules, parameters, attributes=None):
    """Raises `Refused` with the sentence of the first assertion that does not hold."""
    for name, rule in rules.items():
        if "RuleCondition" in rule and not evaluate(rule["RuleCondition"], parameters, attributes):
            continue
        for assertion in rule["Assertions"]:
            if not evaluate(assertion["Assert"], parameters, attributes):
                raise Refused(assertion.get("AssertDescription", name))
