"""Statements of IAM policies. An action stands beside its reason, if it has one: the comment in the template."""

from troposphere import If, NoValue
from troposphere.iam import Policy

from .notes import Noted

VERSION = "2012-10-17"

# What a reader of objects needs on the bucket.
LISTS = {"s3:ListBucket": "S3 answers that an object is missing, instead of access denied"}


def statement(actions, resource, effect="Allow", **more):
    """A statement; `actions` maps each action to its reason, or to None."""
    listed = [Noted(reason, action) if reason else action for action, reason in actions.items()]
    action = listed[0] if len(listed) == 1 else listed
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def trusted(service, actions, resource, condition, effect="Allow"):
    """A statement of a resource policy: actions of a service."""
    body = statement(actions, resource, effect)
    return {"Effect": effect, "Principal": {"Service": service}, **{k: v for k, v in body.items() if k != "Effect"},
            "Condition": condition}  # fmt: skip


def document(*statements):
    return {"Version": VERSION, "Statement": list(statements)}


def policy(name, *statements, when=None):
    """An inline policy of a role, if a condition holds."""
    made = Policy(PolicyName=name, PolicyDocument=document(*statements))
    return If(when, made, NoValue) if when else made
