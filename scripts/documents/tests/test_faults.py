"""Each check of the documents notices a fault of its kind, and takes the same without the fault."""

import unittest

from documents import bounds, check, markdown, names, running
from documents.markdown import ROOT

PAGE = ROOT / "docs/deploy.md"


def found(text):
    return [f"{line}: {complaint}" for line, complaint in check.of_document(PAGE, text)]


def shell(command, indent=""):
    return f"1. Do this:\n\n{indent}```sh\n{indent}{command}\n{indent}```\n"


BOUND = "| name | test |\n|---|---|\n| `IDLE_TIME` (`collect/receive.rs`) | `messages_are_framed_by_their_length` |"


# A text without a fault, the part to change, the change, and what is then said.
FAULTS = [
    ("[a](deploy/s3.md)", "s3.md", "s4.md", "1: no file deploy/s4.md"),
    ("[a](deploy/s3.md#the-queue)", "the-queue", "a-queue", "1: no heading for deploy/s3.md#a-queue"),
    ("text\n[a](#did-it-work)", "did-it", "did-they", "2: no heading for #did-they-work"),
    ("| a |\n|---|\n| [a](cost.md) |", "cost", "costs", "3: no file costs.md"),
    ("[a](https://example.com)", "https:", "htps:", "no usable address"),
    ("![a](images/data-flow.svg)", "data", "date", "no file images/date-flow.svg"),
    (shell("flowlogs replay --region eu-central-1 events"), "--region", "--regions", "4: `flowlogs replay --regions"),
    (shell("flowlogs replay events", "   "), "replay", "reply", "4: `flowlogs reply"),
    (shell("cargo run -p flowlogs-cli -- replay --strict events"), "--strict", "--strikt", "--strikt"),
    (shell("cargo test --locked --test count_once"), "--locked", "--lock", "unexpected argument"),
    (shell("sam deploy --stack-name a --resolve-s3", "   "), "--resolve-s3", "--resolve-s4", "No such option: --resolve-s4"),
    (shell("sam delete --stack-name a"), "delete", "remove", "no command 'remove'"),
    (shell("aws ec2 describe-flow-logs", "   "), "describe-flow-logs", "describe-flows", "4: `aws ec2 describe-flows`"),
    (shell("aws s3 cp --recursive a s3://b"), "--recursive", "--recursively", "--recursively"),
    (shell("aws sqs delete-message --queue-url a --receipt-handle b"), "--receipt-handle b", "", "receipt-handle"),
    (shell("aws ec2 create-flow-logs --resource-type VPC --resource-ids vpc-1 --max-aggregation-interval 60"), "60", "ten", "ten"),
    (shell("aws logs tail a --since 1h"), "--since", "--sinse", "no option --sinse"),
    (shell("a=$(aws sts get-caller-identity)"), "get-caller-identity", "get-caller", "get-caller"),
    (shell("jq 'map(.a)' a.json"), ".a)", ".a", "4: `jq"),
    (shell("scripts/release my-bucket"), "release", "releases", "no such script"),
    (shell("scripts/measure-comparisons --write"), "--write", "--wriet", "no option --wriet"),
    (shell("nfdump -R /tmp/flows"), "nfdump", "nfdmp", "no program that this check knows"),
    (shell("if true; then mkdir a; fi"), "; fi", "", "syntax error"),
    (shell("aws ec2 create-flow-logs --log-format '${srcaddr}' --resource-type VPC --resource-ids a"), "srcaddr", "srcadr", "no flow-log field srcadr"),
    (shell("aws ec2 describe-vpcs"), "```sh", "```", "4: `aws` in a block that is not marked `sh`"),
    ("`aws lambda add-permission`", "add", "ad", "no 'ad-permission' in aws lambda"),
    ("`aws s3 rm --recursive s3://a-…/b`", "--recursive", "--recursion", "no option recursion in aws s3 rm"),
    ("text\n`sam build --beta-features`", "--beta", "--alpha", "2: `sam build --alpha-features`"),
    ("`flowlogs names --inventory F`", "--inventory", "--inventories", "no option --inventories"),
    ("`cargo install --locked --path crates/cli`", "--locked", "--lokced", "no option --lokced"),
    ("`scripts/fuzz lint`", "fuzz", "fuz", "no such script"),
    ("`cargo build && scripts/make-dashboards --check`", "--check", "--chek", "no option --chek"),
    ('- a\n\n  ```json\n  {"a": 1}\n  ```', "1}", "1,}", "4: json: "),
    ("```yaml\na: [1]\n```", "]", "", "2: yaml: "),
    ("```toml\na = 1\n```", "= 1", "=", "2: toml: "),
    ('```terraform\nlocals {\n  a = "b"\n}\n```', "}\n", "", "2: terraform: "),
    ("```xml\n<a/>\n```", "/>", ">", "2: xml: "),
    ("```ini\na=1\n```", "a=1", "[a", "2: ini: "),
    (BOUND, "are_framed", "were_framed", "3: no test messages_were_framed_by_their_length"),
    (BOUND, "TIME`", "TIMES`", "3: no constant IDLE_TIMES in crates/cli/src/collect/receive.rs"),
    (BOUND, "receive.rs", "file.rs", "3: no constant IDLE_TIME in crates/cli/src/collect/file.rs"),
    (BOUND, "receive.rs", "received.rs", "3: no file collect/received.rs below crates"),
    (BOUND, "collect/receive.rs", "mod.rs", "write more of its path"),
    (BOUND, " (`collect/receive.rs`)", "", "3: no file behind IDLE_TIME"),
    (f"## A (`crates/cli`)\n\n{BOUND}", "cli", "core", "5: no file collect/receive.rs below crates/core/"),
    (f"Of (`crates/cli`)\n\n{BOUND}", "crates/cli", "decode/", "5: no file collect/receive.rs below "),
    (BOUND, "`messages_are_framed_by_their_length`", "", "3: no test; `–` stands for none"),
    ("```json\n1\n```", "json", "jsn", "no parser for the language 'jsn'"),
]  # fmt: skip


class Faults(unittest.TestCase):
    def test_each_fault_is_noticed(self):
        for right, part, change, said in FAULTS:
            with self.subTest(right=right, change=change):
                self.assertIn(part, right)
                self.assertEqual(found(right), [])
                self.assertIn(said, "\n".join(found(right.replace(part, change))))

    def test_a_block_that_does_not_do_what_its_comment_says_is_noticed(self):
        for above, command, said in (
            ("run: prints a", "echo a", ""),
            ("run: prints a", "echo b", "does not print 'a'"),
            ("run", "exit 3", "status 3, not 0"),
            ("run: status 3", "exit 3", ""),
            ("run", "sleep 60 &", "something is left running"),
            ("run: says a", "echo a", "unknown part of the comment: says a"),
        ):
            with self.subTest(above=above, command=command):
                (block,) = markdown.code_blocks(f"<!-- {above} -->\n```sh\n{command}\n```\n")
                told = list(running.problems(block))
                self.assertEqual("".join(told)[: len(said)], said)
                self.assertEqual(bool(told), bool(said))

    def test_a_page_of_one_question_is_short_and_says_what_was_tried(self):
        path, text = ROOT / "docs/operate/names.md", "# A\n\n## What was tried\n\nNothing.\n"
        self.assertEqual(list(check.of_page(path, text)), [])
        for other, said in ("# A\n", "does not end"), (text + "\n## B\n", "does not end"), ("\n" * 250 + text, "at most"):
            ((_, complaint),) = check.of_page(path, other)
            self.assertIn(said, complaint)


def rows(*cells, heading="## A (`crates/a`)\n\n"):
    return heading + "| name | test |\n|---|---|\n" + "".join(f"| {cell} | – |\n" for cell in cells)


class Bounds(unittest.TestCase):
    FILES = {
        "crates/a/src/one/mod.rs": "/// Most lines.\nconst LIMIT: usize = 1;\n\n/// Octets.\npub(crate) const ROOM: usize = 2;\n",
        "crates/a/src/two/mod.rs": "/// Width.\nconst LIMIT: usize = 3;\n\nconst MAX_LINES: usize = 4;\n",
        "crates/b/src/one.rs": "/// Room.\n/// Most octets.\nconst ROOM: usize = 5;\n\n/// Longest.\n#[a]\npub const TIME: u8 = 6;\n",
    }

    def missing(self, *cells, **heading):
        return [complaint.partition(":")[0] for complaint in bounds.without_row(rows(*cells, **heading), self.FILES)]

    def test_a_bound_without_a_row_is_found_by_its_comment_or_its_name(self):
        limit, lines, time = (
            f"no row for {name} of {path}"
            for path, name in (
                ("crates/a/src/one/mod.rs", "LIMIT"),
                ("crates/a/src/two/mod.rs", "MAX_LINES"),
                ("crates/b/src/one.rs", "TIME"),
            )
        )
        self.assertEqual(self.missing(), [limit, lines, time])
        self.assertEqual(self.missing("`LIMIT` (`one/mod.rs`)"), [lines, time])
        self.assertEqual(self.missing("`LIMIT` (`one/mod.rs`), `MAX_LINES` (`two/mod.rs`)", "`TIME` (`crates/b`, `one.rs`)"), [])

    def test_a_constant_of_the_same_name_in_another_file_is_not_taken_for_it(self):
        self.assertEqual(len(self.missing("`LIMIT` (`two/mod.rs`)")), 3)
        for cell, said in (
            ("`LIMIT` (`mod.rs`)", "mod.rs is crates/a/src/one/mod.rs or crates/a/src/two/mod.rs: write more of its path"),
            ("`ROOM` (`two/mod.rs`)", "no constant ROOM in crates/a/src/two/mod.rs"),
            ("`ROOM` (`one.rs`)", "no file one.rs below crates/a/"),
            ("`ROOM` (`one/mod.rs`)", None),
            ("`LIMIT` (`one/mod.rs`, `two/mod.rs`)", None),
        ):
            with self.subTest(cell=cell):
                ((_, place, cells),) = bounds.table_rows(rows(cell))
                self.assertEqual(bounds.of_names(cells[0], place, self.FILES)[1], [said] if said else [])

    def test_the_folder_above_a_table_is_the_place_of_its_files(self):
        heading = "## A (`crates/a`)\n\nOf one (`one/`):\n\n"
        self.assertEqual(len(self.missing("`LIMIT` (`mod.rs`)", heading=heading)), 2)
        ((_, place, _),) = bounds.table_rows(rows("`LIMIT` (`mod.rs`)", heading=f"{heading}Other.\n\n"))
        self.assertEqual(place, ("crates/a", ""))


class Names(unittest.TestCase):
    def test_a_name_that_the_code_does_not_have_is_found(self):
        for there, gone in (
            ("crates/export/src/url.rs", "crates/export/src/urls.rs"),
            ("dedup/", "dedupe/"),
            ("TargetKind", "TargetSort"),
            ("Transcoder::line", "Transcoder::reline"),
            ("LAST_SECONDS", "LAST_MINUTES"),
            ("only_ipv4", "only_ipv5"),
        ):
            with self.subTest(gone=gone):
                self.assertEqual(list(names.of_map(f"a\n\n`{there}`")), [])
                self.assertEqual([line for line, _ in names.of_map(f"a\n\n`{gone}`")], [3])


class Reading(unittest.TestCase):
    def test_blocks_of_lists_and_quotations_are_found_with_their_line(self):
        for before in "", "   ", "> ":
            text = f"1. a\n\n{before}```sh\n{before}b\n{before}```\n"
            with self.subTest(before=before):
                self.assertEqual([(block.kind, block.line, block.text) for block in markdown.code_blocks(text)], [("sh", 4, "b\n")])

    def test_a_heading_has_the_anchor_that_github_gives_it(self):
        self.assertIn("the-key-of-kmskeyarn", markdown.anchors(ROOT / "docs/deploy/encryption.md"))
