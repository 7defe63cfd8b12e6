"""The templates without a transform: for StackSets, Terraform, pipelines and the CDK, which refuse or do not know macros.

AWS's own translator makes plain resources of the one resource that needs it, the function. Its zip is in a bucket of the
user, which two more parameters name.
"""

import copy
import logging

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from .notes import split, without
from .parameters import SOURCE

logging.getLogger("samtranslator").setLevel(logging.ERROR)

CODE = {
    "CodeBucket": {
        "Type": "String",
        "Description": "The bucket, in this region, that holds the function's zip.",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "The name of a bucket.",
    },
    "CodeKey": {
        "Type": "String",
        "Description": "The key of the function's zip in that bucket.",
    },
}


def translated(function, parameters):
    """Plain resources of the function. Defaults are left out, or the translator would write defaults in place of the Refs."""
    source = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {"Function": copy.deepcopy(function)},
    }
    anywhere = boto3.session.Session(region_name="us-east-1")  # asked for its name, not connected to
    resources = Translator({}, Parser(), boto_session=anywhere).translate(source, {})["Resources"]
    made = resources["Function"]["Properties"]
    del made["Tags"]  # the translator's own
    # The translator writes the partition of the translator's region in place of ${AWS::Partition}.
    made.update({name: value for name, value in function["Properties"].items() if name in made})
    return resources


def plain(template, zip_name):
    """Takes the encoded template of a zip; returns the template without a transform."""
    del template["Transform"]
    code = {name: dict(parameter) for name, parameter in CODE.items()}
    code["CodeKey"]["Default"] = zip_name
    template["Parameters"] = {**code, **template["Parameters"]}
    template["Metadata"] = {"AWS::CloudFormation::Interface": template["Metadata"]["AWS::CloudFormation::Interface"]}
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    next(group for group in groups if group["Label"]["default"] == SOURCE)["Parameters"] += list(CODE)
    _, function = split(template["Resources"]["Function"])
    function = without(function)
    function["Properties"]["CodeUri"] = {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Ref": "CodeKey"}}
    resources = {}
    for name, body in template["Resources"].items():
        if name == "Function":
            resources.update(translated(function, template["Parameters"]))
        else:
            resources[name] = body
    template["Resources"] = resources
    return template
