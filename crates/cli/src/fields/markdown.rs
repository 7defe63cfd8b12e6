//! Generator of `docs/field-mapping.md`, from the tables of the program.

use std::fmt::Write;

use flowlogs_core::IDENTITY_EXAMPLES;
use flowlogs_core::flowlog::field::{DataType, FIELDS, FieldSpec};
use flowlogs_core::ipfix::{OTHER_BASE, OptionsTable, REGULAR_BASE, REGULAR_BITS, TABLES};

use super::{element, places};

/// Elements added by each bit of a regular layout's mask, from bit 0; a test compares the list with sent templates.
const BITS: [(&str, &str); REGULAR_BITS as usize] = [
    ("IPv6", "27 and 28 in the place of 8 and 12"),
    ("wide counters", "1 and 2 have 8 octets in the place of 4"),
    ("TCP flags", "6"),
    ("direction", "61"),
    ("VRFs", "234 and 235"),
    ("second address pair", "225 and 226, with IPv6 281 and 282"),
    ("application", "95"),
    ("lost packets", "133"),
    ("source ENI of a transit gateway", "252"),
    ("destination ENI of a transit gateway", "253"),
    (
        "TIMESTAMPS=seconds",
        "150 and 151 in the place of 152 and 153",
    ),
    ("EXPORTER_ADDRESS, IPv4", "130"),
    ("EXPORTER_ADDRESS, IPv6", "131"),
];

const INTRODUCTION: &str = "\
# Field mapping

Which flow-log field becomes which IPFIX information element, and why. Written by `flowlogs fields --markdown` from the
table by which the program works (`crates/core/src/flowlog/field.rs`); a test fails when this file differs. To see it
happen to one line: `flowlogs explain LINE`.

Only elements of the [IANA registry](https://www.iana.org/assignments/ipfix/ipfix.xhtml) are used. A column that is `-`
is never exported as a made-up zero: the record is sent by a template without that element. What is not a property of a
single flow (names, descriptions) goes into options tables, once, not into every record.

| AWS | IPFIX |
|---|---|
| account and region, or the transit gateway | the observation domain, the \"virtual exporter\": `123456789012/eu-central-1`, `tgw-…` |
| `eni-…`, `nat-…`, `tgw-attach-…` | an interface, by number, named in the interface table |
| `vpc-…` | a VRF, by number, named in the VRF table |
| `ACCEPT`, `REJECT` | forwardingStatus (89), and pseudo-interface 1 or 2 on the side that is not the interface |

";

const IDENTITY: &str = "\
## Numbers of identifiers

IPFIX has numbers where AWS has identifiers. The number of an identifier (of an interface, of a VPC, or of the name of
an observation domain) is a function of its octets alone, the same in every process, release and region:

`256 + FNV-1a-64(octets) mod (2^31 - 256)`

It is from 256 to 2^31 - 1, because an ifIndex is a signed 32-bit number in SNMP. To compute it anywhere:

<!-- run: prints 1525100236 -->
```sh
python3 -c 'import functools, sys; print(256 + functools.reduce(lambda h, b: (h ^ b) * 0x100000001b3 % 2**64, sys.argv[1].encode(), 0xcbf29ce484222325) % (2**31 - 256))' eni-1235b8ca123456789
```

| identifier | number |
|---|---|
";

const PSEUDO_INTERFACES: &str = "
Two identifiers that share a number are counted (`IdentityCollisions`) and logged once with both names.

### Numbers below 256

| number | meaning |
|---|---|
| 0 | unknown: one side of a flow whose other side is known, and both VRF elements |
| 1 | pseudo-interface `ACCEPT` |
| 2 | pseudo-interface `REJECT` |

An ingress flow comes in by its interface and goes out by `ACCEPT` or `REJECT`; an egress flow comes in by `ACCEPT` or
`REJECT` and goes out by its interface. Both are named in the interface table of every domain with VPC flows.

";

const TEMPLATES: &str = "\
## Template IDs

A template ID has one meaning, in every process, observation domain and release. Some collectors tell templates apart by
nothing else.

| IDs | templates |
|---|---|
";

const REGULAR: &str = "
A layout is *regular* when it has both addresses of one family, both ports, protocol, both counters, start and end,
forwardingStatus (89) and both interfaces (10, 14). The rest of it is a mask of these bits:

| bit | what | elements |
|---|---|---|
";

const OTHER: &str = "
The ID of any other layout (custom formats may leave out anything) is
`0x8000 + FNV-1a-64(element id, length, element id, length, …) mod 0x8000`, every number as two octets, most significant
first. Two of them that meet in one process are counted (`TemplateIdCollisions`), and the later one takes the next free
ID of that process. The length of a field of variable length counts as 65535: with `INTERFACE_NAMES=inline`, interfaceName
(82) is the last field of every flow and has variable length (RFC 7011 §7), at most 127 octets without padding. It is the Name tag
of the interface or attachment, or else its id. (24576 to 32767 were layouts with a name of fixed length; they are not used again.)

No template names an element twice.

";

const OPTIONS: &str = "\
## Options tables

Strings have a fixed length and end in NUL, because several collectors cannot read options of variable length. A text that
is longer is cut between words and ends in `…`.

- **VRFname** is the id of the VPC and, after a space, its Name tag.
- **interfaceDescription** is the Name tag of the interface or attachment, or else its id; then what the record says of it
  (instance, zone, sublocation, subnet, account, type or ECS task, tags, names of ECS cluster and service); then what the inventory knows
  (description, type, zone, subnet; of an attachment, the type and id of its resource). Nothing is said twice.
- **`NAMES=off`** leaves out the texts that people wrote: Name tags, tags, descriptions, names of ECS clusters and services.
- The **sampling** record stands after its template in the same message, in every message with that template: some collectors drop
  flows whose rate they do not know.
- The **templates of the statistics** (266, 267) are the last message of a group, and their data the last messages of a batch, once a
  minute: a collector that refuses them loses nothing else.
- **Over UDP** a name leaves again with the first flow that uses it, once a minute: 196 octets for each interface, 132 for each VPC in use.

IDs 256, 257, 261 and 262 were earlier forms of these tables; they are not used again.

| template ID | table | scope | elements (octets) |
|---|---|---|---|
";

/// Returns the whole document.
pub(super) fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    text.push_str(IDENTITY);
    for (identifier, number) in IDENTITY_EXAMPLES {
        row(&mut text, &[format!("`{identifier}`"), number.to_string()]);
    }
    text.push_str(PSEUDO_INTERFACES);
    text.push_str("## VPC flow logs\n\n");
    fields(&mut text, |row| row.vpc);
    text.push_str("\n## Transit Gateway flow logs\n\n");
    fields(&mut text, |row| row.tgw);
    text.push('\n');
    text.push_str(TEMPLATES);
    templates(&mut text);
    text.push_str(REGULAR);
    for (bit, (what, elements)) in BITS.iter().enumerate() {
        row(
            &mut text,
            &[bit.to_string(), (*what).to_owned(), (*elements).to_owned()],
        );
    }
    text.push_str(OTHER);
    text.push_str(OPTIONS);
    for table in TABLES {
        options_table(&mut text, table);
    }
    text
}

/// Writes the fields of a kind of flow log, in the order of versions.
fn fields(text: &mut String, version: impl Fn(&FieldSpec) -> Option<u8>) {
    text.push_str("| field | version | type | goes to | `-` | why |\n|---|---|---|---|---|---|\n");
    let mut rows: Vec<_> = FIELDS
        .iter()
        .filter_map(|row| Some((version(row)?, row)))
        .collect();
    rows.sort_by_key(|(version, _)| *version);
    for (version, known) in rows {
        let data_type = match known.data_type {
            DataType::Int32 => "INT_32",
            DataType::Int64 => "INT_64",
            DataType::String => "STRING",
        };
        row(
            text,
            &[
                format!("`{}`", known.name),
                version.to_string(),
                data_type.to_owned(),
                places(known.mapping).join("<br>"),
                known.dash.to_owned(),
                known.reason.to_owned(),
            ],
        );
    }
}

fn templates(text: &mut String) {
    let options = TABLES.map(OptionsTable::template_id);
    let first = options.iter().min().copied().unwrap_or_default();
    let last = options.iter().max().copied().unwrap_or_default();
    let last_regular = REGULAR_BASE + ((1 << REGULAR_BITS) - 1);
    for (ids, what) in [
        (format!("{first} to {last}"), "options tables, see below"),
        (
            format!("{REGULAR_BASE} to {last_regular}"),
            "regular layouts: the first ID plus a mask",
        ),
        (
            format!("{OTHER_BASE} to {}", u16::MAX),
            "every other layout: hashed",
        ),
    ] {
        row(text, &[ids, what.to_owned()]);
    }
}

fn options_table(text: &mut String, table: OptionsTable) {
    let name = match table {
        OptionsTable::Interface => "interfaces",
        OptionsTable::Vrf => "VRFs",
        OptionsTable::Domain => "observation domains",
        OptionsTable::Sampling => "sampling: 1 in 1",
        OptionsTable::Application => "applications: the AWS services of both ends",
        OptionsTable::ExporterReliability => "flows that could not be sent (RFC 7011 §4.3)",
        OptionsTable::IntermediateReliability => {
            "records deliberately not exported, such as duplicates (RFC 7119 §10.1)"
        }
        OptionsTable::FlowKeys => "flow keys of a template (RFC 7011 §4.4)",
    };
    let (scopes, others) = table.elements();
    let list = |elements: &[&'static flowlogs_core::ipfix::element::InformationElement]| {
        let each = elements
            .iter()
            .map(|one| format!("{} {}", element(one), one.octets));
        each.collect::<Vec<_>>().join("<br>")
    };
    row(
        text,
        &[
            table.template_id().to_string(),
            name.to_owned(),
            list(scopes),
            list(others),
        ],
    );
}

/// Writes a row of a table, with escaped bars.
fn row(text: &mut String, cells: &[String]) {
    text.push('|');
    for cell in cells {
        // Writing into a string cannot fail.
        let _ = write!(text, " {} |", cell.replace('|', "\\|"));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowlogs_core::mapping::{MappingSettings, Timestamps};

    /// Returns the template ID of a line.
    fn template(mapping: MappingSettings, format: &str, line: &str) -> u16 {
        let mut template = 0;
        crate::testing::flows(mapping, format, &[line], |flow| template = flow.template);
        template
    }

    #[test]
    fn every_bit_of_the_mask_is_documented_as_it_is_sent() {
        const BASIC: &str = "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} \
            ${bytes} ${start} ${end} ${action}";
        const LINE: &str = "eni-1 10.0.0.1 10.0.0.2 1 2 6 3 4 1763715600 1763715659 ACCEPT";
        const GATEWAY: &str = "${tgw-attachment-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} \
            ${bytes} ${start} ${end}";
        const THROUGH: &str = "tgw-attach-1 10.0.0.1 10.0.0.2 1 2 6 3 4 1763715600 1763715659";
        let plain = MappingSettings::default();
        let with = |field: &str, value: &str| {
            template(
                plain,
                &format!("{BASIC} ${{{field}}}"),
                &format!("{LINE} {value}"),
            )
        };
        let through = |field: &str, value: &str| {
            let format = format!("{GATEWAY} ${{{field}}}");
            template(plain, &format, &format!("{THROUGH} {value}"))
        };
        let set = |mapping| template(mapping, BASIC, LINE);
        let pair = format!("{BASIC} ${{pkt-srcaddr}} ${{pkt-dstaddr}}");
        let exporter = |address: &str| MappingSettings {
            exporter_address: address.parse().ok(),
            ..plain
        };
        let masks = [
            template(plain, BASIC, &LINE.replace("10.0.0.", "2001:db8::")),
            template(plain, BASIC, &LINE.replace(" 3 4 ", " 3 5000000000 ")),
            with("tcp-flags", "2"),
            with("flow-direction", "ingress"),
            with("vpc-id", "vpc-1"),
            template(plain, &pair, &format!("{LINE} 10.0.0.1 10.0.0.9")),
            with("pkt-src-aws-service", "S3"),
            through("packets-lost-blackhole", "0"),
            through("tgw-src-eni", "eni-1"),
            through("tgw-dst-eni", "eni-1"),
            set(MappingSettings {
                timestamps: Timestamps::Seconds,
                ..plain
            }),
            set(exporter("192.0.2.1")),
            set(exporter("2001:db8::1")),
        ];
        assert_eq!(set(plain), REGULAR_BASE);
        for (bit, id) in masks.into_iter().enumerate() {
            assert_eq!(id, REGULAR_BASE + (1 << bit), "{}", BITS[bit].0);
        }
    }
}
