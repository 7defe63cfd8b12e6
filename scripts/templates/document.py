"""docs/parameters.md: the parameters of all templates, in their own words."""

from . import parameters
from .parameters import CLOUDWATCH, S3

HEAD = """\
<!-- Made by scripts/make-templates; change scripts/templates/parameters.py. -->
# Parameters

Every parameter of the templates for CloudWatch Logs and S3, in their words (those of the inventory are in
[organization.md](organization.md)). [deploy.md](deploy.md) says which ones a deployment needs: two, in the
simplest case.

- *setting*: the parameter is also an environment variable of the function and an option of `flowlogs`, in the same words:
  `LogFormat` is `LOG_FORMAT` and `--log-format`. CloudFormation checks its value, and the function again at its start: a wrong
  value stops it with one line that names the variable, the value, and what would be right.
- All variables of a function together may have 4 KB (Lambda): certificates belong into a secret, and a long `LogFormat` leaves
  less room.
- A value with spaces, such as that of `LogFormat` or `FilterPattern`, needs the quotes that
  [deploy.md](deploy.md#how-do-i-set-a-value-with-spaces) shows.
"""
TEMPLATES = {CLOUDWATCH: "`template.yaml`", S3: "`template-s3.yaml`"}


def cell(value):
    if value is None:
        return "required"
    return f"`{value}`" if value != "" else ""


def rows(row):
    """The table rows of a parameter: one, or one for each template where they differ."""
    sources = [source for source in TEMPLATES if row.only in (None, source)]
    texts = {}
    for source in sources:
        here = {key: row.here(getattr(row, key), source) for key in ("default", "description")}
        texts.setdefault((cell(here["default"]), here["description"]), []).append(source)
    for (default, description), among in texts.items():
        where = "" if len(among) == len(TEMPLATES) else f"{' and '.join(TEMPLATES[source] for source in among)}: "
        yield f"| `{row.name}` | {default} | {'yes' if isinstance(row, parameters.Setting) else ''} | {where}{description} |"


def page():
    lines = [HEAD]
    for group in parameters.GROUPS:
        lines += [f"## {group}", "", "| parameter | default | setting | meaning |", "|---|---|---|---|"]
        lines += [line for row in parameters.TABLE if row.group == group for line in rows(row)]
        lines.append("")
    return "\n".join(lines)
