//! `flowlogs fields`: every flow-log field with the information elements, from the field table in core.

mod markdown;

use std::io::{self, Write};

use flowlogs_core::flowlog::FIELDS;
use flowlogs_core::flowlog::field::{DescribedInterface, FieldMapping};
use flowlogs_core::ipfix::element::{self as e, InformationElement};
use serde_json::{Value, json};

use crate::cli::FieldsArguments;
use crate::failure::CommandError;
use crate::terminal::{TextLook, TextStyle};
use crate::text::{words, wrap};

/// Columns of a field name.
const NAME: usize = 27;

pub(crate) fn run(arguments: &FieldsArguments) -> Result<(), CommandError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if arguments.markdown {
        out.write_all(markdown::document().as_bytes())
    } else if arguments.json {
        write_json(&mut out)
    } else {
        write(&mut out, TextLook::of_stdout(arguments.width))
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::output(&error))
}

/// Writes a JSON array of all fields.
fn write_json(out: &mut impl Write) -> io::Result<()> {
    let fields = FIELDS.iter().map(|row| {
        json!({
            "name": row.name,
            "vpcVersion": row.vpc,
            "transitGatewayVersion": row.tgw,
            "exportedAs": places(row.destination),
            "dash": row.dash,
            "reason": row.reason,
        })
    });
    writeln!(out, "{}", fields.collect::<Value>())
}

fn write(out: &mut impl Write, look: TextLook) -> io::Result<()> {
    let heading = format!("{:<NAME$} VPC TGW  EXPORTED AS", "FIELD");
    writeln!(out, "{}", look.paint(TextStyle::Strong, heading))?;
    let indent = NAME + 10;
    let width = look.width.max(80) - indent;
    let version = |version: Option<u8>| version.map_or("-".to_owned(), |known| known.to_string());
    for row in &FIELDS {
        let name = look.paint(TextStyle::Strong, format!("{:<NAME$}", row.name));
        let places = words(&places(row.destination).join(", "));
        let mut lines = wrap(&places, " ", width).into_iter();
        let first = lines.next().unwrap_or_default();
        let (vpc, tgw) = (version(row.vpc), version(row.tgw));
        writeln!(out, "{name} {vpc:>3} {tgw:>3}  {first}")?;
        for line in lines {
            writeln!(out, "{:indent$}{line}", "")?;
        }
        for line in wrap(&words(row.reason), " ", width) {
            writeln!(out, "{:indent$}{}", "", look.paint(TextStyle::Faint, line))?;
        }
    }
    Ok(())
}

/// Formats an element: name and number.
pub(crate) fn element(element: &InformationElement) -> String {
    format!("{} ({})", element.name, element.id)
}

/// Formats the places that a field goes to, a phrase for each.
fn places(destination: FieldMapping) -> Vec<String> {
    match destination {
        FieldMapping::Element(one) => vec![element(one)],
        FieldMapping::Derived { flow, options } => {
            let flow = flow.iter().map(|one| element(one));
            let options = options.iter().map(|one| {
                let place = match one.id {
                    id if id == e::OBSERVATION_DOMAIN_ID.id => "message header",
                    _ => "options",
                };
                format!("{place}: {}", element(one))
            });
            flow.chain(options).collect()
        }
        FieldMapping::Description(owner) => {
            let of = match owner {
                DescribedInterface::Interface => "the interface",
                DescribedInterface::SourceEni => "tgw-src-eni",
                DescribedInterface::DestinationEni => "tgw-dst-eni",
            };
            vec![format!(
                "options: {} of {of}",
                element(&e::INTERFACE_DESCRIPTION)
            )]
        }
        FieldMapping::NotExported => vec!["not exported".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_listed_within_80_columns() {
        let mut out = Vec::new();
        let look = TextLook {
            width: 80,
            colour: false,
            ascii: false,
        };
        write(&mut out, look).expect("into memory");
        let text = String::from_utf8(out).expect("text");
        for row in &FIELDS {
            assert!(text.lines().any(|line| line.starts_with(row.name)));
        }
        for line in text.lines() {
            assert!(crate::text::columns(line) <= 80, "{line}");
        }
    }
}
