//! libfixbuf's `ipfixDump`: a strict reader of IPFIX files: warns of each missing record.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use crate::flow::{Flow, milliseconds, number};
use crate::tool;

/// Contents of a file as printed by ipfixDump.
#[derive(Debug)]
pub struct Dump {
    /// Flows, with the names in earlier options records.
    pub flows: Vec<Flow>,
    /// Options records.
    pub options: usize,
    /// All of standard error.
    pub warnings: String,
}

/// Names by domain, element of the scope, and number.
type Names = HashMap<(u32, u16, u32), String>;

/// Reads a file; `None` if ipfixDump is not installed.
///
/// # Panics
///
/// If ipfixDump fails.
pub fn read(file: &Path) -> Option<Dump> {
    let output = Command::new(tool::find("ipfixDump")?)
        .arg("--data")
        .arg("--in")
        .arg(file)
        .env("TZ", "UTC")
        .output()
        .expect("ipfixDump");
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ipfixDump: {warnings}");
    let mut dump = Dump {
        flows: Vec::new(),
        options: 0,
        warnings,
    };
    let mut names = Names::new();
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    for message in printed.split("--- Message Header ---").skip(1) {
        let domain = message
            .split_once("observation domain id: ")
            .map(|(_, rest)| number(rest.split_whitespace().next().unwrap_or_default()))
            .expect("a domain");
        for record in message.split("--- data record ").skip(1) {
            let fields: Vec<Field<'_>> = record.lines().filter_map(field).collect();
            if fields.iter().any(|field| field.is_scope) {
                dump.options += 1;
                learn(domain, &fields, &mut names);
            } else {
                dump.flows.push(flow(domain, &fields, &names));
            }
        }
    }
    Some(dump)
}

/// Field of a data record.
struct Field<'a> {
    element: u16,
    is_scope: bool,
    text: &'a str,
}

fn field(line: &str) -> Option<Field<'_>> {
    let (element, rest) = line.trim_start().strip_prefix('(')?.split_once(')')?;
    let (name, text) = rest.split_once(" : ")?;
    let text = match text.strip_prefix("(len: ") {
        Some(string) => string.split_once(") ").map_or("", |(_, text)| text),
        None => text,
    };
    Some(Field {
        element: element.parse().ok()?,
        is_scope: name.trim_start().starts_with("(S)"),
        text,
    })
}

fn learn(domain: u32, fields: &[Field<'_>], names: &mut Names) {
    let [scope, rest @ ..] = fields else { return };
    for field in rest
        .iter()
        .filter(|field| matches!(field.element, 82 | 236))
    {
        names.insert(
            (domain, scope.element, number(scope.text)),
            field.text.to_owned(),
        );
    }
}

fn flow(domain: u32, fields: &[Field<'_>], names: &Names) -> Flow {
    let mut flow = Flow {
        domain: Some(domain),
        ..Flow::default()
    };
    let name = |scope: u16, text: &str| names.get(&(domain, scope, number(text))).cloned();
    for Field { element, text, .. } in fields {
        match element {
            150 | 152 => flow.start = Some(milliseconds(text)),
            151 | 153 => flow.end = Some(milliseconds(text)),
            8 | 27 => flow.source = text.parse().ok(),
            12 | 28 => flow.destination = text.parse().ok(),
            7 => flow.source_port = Some(number(text)),
            11 => flow.destination_port = Some(number(text)),
            4 => flow.protocol = Some(number(text)),
            2 => flow.packets = Some(number(text)),
            1 => flow.octets = Some(number(text)),
            6 => flow.tcp_flags = Some(number(text)),
            10 => (flow.ingress, flow.ingress_name) = (Some(number(text)), name(10, text)),
            14 => (flow.egress, flow.egress_name) = (Some(number(text)), name(10, text)),
            252 => flow.ingress_physical = Some(number(text)),
            253 => flow.egress_physical = Some(number(text)),
            234 => {
                (flow.ingress_vrf, flow.ingress_vrf_name) = (Some(number(text)), name(234, text))
            }
            235 => (flow.egress_vrf, flow.egress_vrf_name) = (Some(number(text)), name(234, text)),
            61 => flow.direction = Some(number(text)),
            89 => flow.status = Some(number(text)),
            133 => flow.dropped = Some(number(text)),
            225 | 281 => flow.nat_source = text.parse().ok(),
            226 | 282 => flow.nat_destination = text.parse().ok(),
            // Exporter and name of the interface, for collectors that do without options data; and an octet array, whose
            // value ipfixDump does not print.
            82 | 95 | 130 | 131 => {}
            other => panic!("no flow has element {other}"),
        }
    }
    flow
}

/// Reduces a flow to the fields that ipfixDump shows: all but applicationId.
pub fn as_shown(flow: &Flow) -> Flow {
    Flow {
        application: None,
        ..flow.clone()
    }
}
