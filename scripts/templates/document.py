"""docs/parameters.md: the parameters of all templates, in their own words."""

from . import inventory, parameters, plain
from .parameters import CLOUDWATCH, S3

HEAD = """\
<!-- Made by scripts/make-templates; change scripts/templates/parameters.py. -->
# Parameters

Every parameter of every template, in its own words. [deploy.md](deploy.md) finds the page that says which ones a deployment needs. In the simplest
case two: `Collector`, and in `template.yaml` one of `LogGroupName`, `AllLogGroups=on` and `StreamArn`, in `template-s3.yaml` `BucketName`.

| template | parameters |
|---|---|
| `template.yaml`, `template-s3.yaml` | all tables but the last three; a row that is of one of the two alone begins with its name |
| `template-inventory.yaml` | [The inventory of an organization](#the-inventory-of-an-organization) |
| `template-member.yaml` | [The role in each account](#the-role-in-each-account) |
| the [templates without a transform](deploy/cloudformation.md) | those of their template, and [the zip of the function](#the-zip-of-the-function) |

- *setting*: the parameter is also an environment variable of the function and an option of `flowlogs`, in the same words:
  `LogFormat` is `LOG_FORMAT` and `--log-format`. CloudFormation checks its value, and the function again at its start: a wrong
  value stops it with one line that names the variable, the value, and what would be right.
- All variables of a function together may have 4 KB (Lambda): certificates belong into a secret, and a long `LogFormat` leaves
  less room.
- A value with spaces, such as that of `LogFormat` or `FilterPattern`, needs the quotes that
  [SAM](deploy/sam.md#values-with-spaces) shows.
- Tried: tests resolve the templates with these parameters, and the functions run with the settings under an emulated Lambda runtime.
  What AWS itself makes of a value was only read ([what was tried](deploy.md#what-was-tried)).
"""
INVENTORY = """\
Of `template-inventory.yaml` ([Organization](deploy/organization.md)). A *setting* is an environment variable of the function, and no
option of `flowlogs`."""
MEMBER = "Of `template-member.yaml` ([Organization](deploy/organization.md))."
TEMPLATES = {CLOUDWATCH: "`template.yaml`", S3: "`template-s3.yaml`"}


HEADING = ["| parameter | default | setting | meaning |", "|---|---|---|---|"]


def cell(value):
    if value is None:
        return "required"
    return f"`{value}`" if value != "" else ""


def line(row, default, description):
    return f"| `{row.name}` | {cell(default)} | {'yes' if isinstance(row, parameters.Setting) else ''} | {description} |"


def rows(row):
    """The table rows of a parameter of the functions that transcode: one, or one for each template where they differ."""
    sources = [source for source in TEMPLATES if row.only in (None, source)]
    texts = {}
    for source in sources:
        here = {key: row.here(getattr(row, key), source) for key in ("default", "description")}
        texts.setdefault((here["default"], here["description"]), []).append(source)
    for (default, description), among in texts.items():
        where = "" if len(among) == len(TEMPLATES) else f"{' and '.join(TEMPLATES[source] for source in among)}: "
        yield line(row, default, f"{where}{description}")


def page():
    lines = [HEAD]
    for group in parameters.GROUPS:
        lines += [f"## {group}", "", *HEADING]
        lines += [line for row in parameters.TABLE if row.group == group for line in rows(row)]
        lines.append("")
    for title, of, table in (
        ("The inventory of an organization", INVENTORY, inventory.TABLE),
        ("The role in each account", MEMBER, inventory.MEMBER_TABLE),
    ):
        lines += [f"## {title}", "", of, "", *HEADING]
        lines += [line(row, row.default, row.description) for row in table]
        lines.append("")
    lines += ["## The zip of the function", "", "Of each template without a transform.", "", *HEADING]
    defaults = {"CodeBucket": "required", "CodeKey": "the zip's name in the release"}
    lines += [f"| `{name}` | {defaults[name]} |  | {row['Description']} |" for name, row in plain.CODE.items()]
    lines.append("")
    return "\n".join(lines)
