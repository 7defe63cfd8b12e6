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
pub(crate) const NAME: usize = 27;

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
            "exportedAs": places(row.mapping),
            "dash": row.dash,
            "reason": row.reason,
        })
    });
    writeln!(out, "{}", fields.collect::<Value>())
}

/// Writes the table. Below 80 columns, what a field is exported as stands below its name.
fn write(out: &mut impl Write, look: TextLook) -> io::Result<()> {
    let wide = look.width >= 80;
    let indent = if wide { NAME + 10 } else { 4 };
    let below = format!("\n{:indent$}", "");
    let beside = if wide { "  " } else { below.as_str() };
    let width = look.width.max(40) - indent;
    let heading = format!("{:<NAME$} VPC TGW{beside}EXPORTED AS", "FIELD");
    writeln!(out, "{}", look.paint(TextStyle::Strong, heading))?;
    let version = |version: Option<u8>| version.map_or("-".to_owned(), |known| known.to_string());
    for row in &FIELDS {
        let name = look.paint(TextStyle::Strong, format!("{:<NAME$}", row.name));
        let (vpc, tgw) = (version(row.vpc), version(row.tgw));
        let places = words(&places(row.mapping).join(", "));
        let places = wrap(&places, " ", width).join(&below);
        write!(out, "{name} {vpc:>3} {tgw:>3}{beside}{places}")?;
        for line in wrap(&words(row.reason), " ", width) {
            write!(out, "{below}{}", look.paint(TextStyle::Faint, line))?;
        }
        writeln!(out)?;
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
    fn every_field_is_listed_within_the_width() {
        for width in [40, 60, 79, 80, 120] {
            let look = TextLook {
                width,
                colour: false,
                ascii: false,
            };
            let mut out = Vec::new();
            write(&mut out, look).expect("into memory");
            let text = String::from_utf8(out).expect("text");
            for row in &FIELDS {
                assert!(text.lines().any(|line| line.starts_with(row.name)));
            }
            for line in text.lines() {
                assert!(crate::text::columns(line) <= width, "{width}: {line}");
            }
        }
    }
}
