"""`events/README.md`: the cases on one page."""

ABOUT = """\
# Captured events

One case a file, named by what it shows. The events are written as AWS writes them: CloudWatch Logs' gzip in base64, with
ids, times and addresses that nobody uses. Not a byte of them comes from anybody's account.

| to | run |
|---|---|
| show all of them, with names | `flowlogs replay events` |
| show one | `flowlogs replay --inventory events/inventory.json events/vpc-default.json` |
| give one to the function | `cargo lambda invoke flowlogs-cloudwatch --data-file events/vpc-default.json` |
| write them all again | `scripts/make-events` |
| see whether they are as written | `scripts/make-events --check` |

The cases are in `scripts/events/cases_*.py`, as plain flow-log lines, each with what must become of it. To add one, add it there.

- `inventory.json` is what `aws ec2 describe-network-interfaces`, `describe-vpcs`, `describe-subnets`, `describe-transit-gateways`,
  `describe-transit-gateway-attachments` and `describe-flow-logs` print, in one object. It has the names, and the format of each log group:
  a delivery does not say which columns it has.
- `expected.json` has the counters of each file, replayed alone, with the default settings and the inventory; `packets` and `octets`
  are those of the exported flows. They are sums of what the cases say of their lines; no transcoder has computed them. `why` says what
  decides where that is not obvious, `error` the stage at which a damaged event fails. The rules are those of deduplication:
  1 delivery, 2 doubled flow logs, 3 transit gateway, 4 both ends observed.
- No record occurs in two files, so that replaying all of them gives the sum of the counters.
- Where a case has two interfaces, CloudWatch Logs would deliver two log streams, hence two events; here they are in one.
"""


def readme(sections: list[tuple[str, list[tuple[str, str, dict]]]]) -> str:
    """`sections`: title, and for each file its name, what it shows, and what to expect."""
    text = ABOUT
    for title, files in sections:
        text += f"\n## {title}\n\n| file | shows | records | flows |\n|---|---|--:|--:|\n"
        for name, shows, expected in files:
            flows = f"error: `{expected['error']}`" if "error" in expected else expected["FlowsExported"]
            text += f"| `{name}` | {shows} | {expected['RecordsReceived']} | {flows} |\n"
    return text
