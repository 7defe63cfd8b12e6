"""Evaluates statements of IAM policies, by the pages "Policy evaluation logic" and "IAM JSON policy elements" of AWS's documentation.

moto compares principals and actions only, and takes every condition but StringEquals for met.
"""

import fnmatch


def listed(value):
    return value if isinstance(value, list) else [value]


def like(pattern, value):
    """`*` and `?` of a policy; brackets have no meaning there."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def arn_like(pattern, value):
    """Each of the six parts of an ARN for itself."""
    parts, values = pattern.split(":", 5), value.split(":", 5)
    return len(parts) == len(values) and all(map(like, parts, values))


OPERATORS = {
    "Bool": lambda wanted, value: str(wanted).lower() == value,
    "StringEquals": str.__eq__,
    "StringLike": like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
}


def is_met(condition, context):
    """Every operator and key has to hold, by one of the values; a key that the request does not have does not hold."""
    return all(
        key in context and any(OPERATORS[operator](pattern, context[key]) for pattern in listed(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def is_principal(principals, principal):
    kind, name = principal
    if principals == "*" or "*" in listed(principals.get("AWS", [])):
        return True
    return name in listed(principals.get(kind, []))


def matches(statement, request):
    return (
        ("Principal" not in statement or is_principal(statement["Principal"], request["principal"]))
        and any(like(pattern.lower(), request["action"].lower()) for pattern in listed(statement["Action"]))
        and any(like(pattern, request["resource"]) for pattern in listed(statement.get("Resource", "*")))
        and is_met(statement.get("Condition", {}), request.get("context", {}))
    )


def allows(statements, request):
    """Whether a statement allows the request and none denies it."""
    effects = {statement["Effect"] for statement in statements if matches(statement, request)}
    return effects == {"Allow"}
