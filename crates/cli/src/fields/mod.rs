//! `flowlogs fields`: every flow-log field and where it goes, from the one table in core.

mod markdown;

use std::io::{self, Write};

use flowlogs_core::flowlog::FIELDS;
use flowlogs_core::flowlog::field::{DescribedInterface, FieldMapping};
use flowlogs_core::ipfix::element::{self as e, InformationElement};

use crate::cli::Fields;
use crate::failure::Failure;
use crate::terminal::{Look, Style, wrap};

/// Columns of a name.
const NAME: usize = 27;

pub(crate) fn run(arguments: &Fields) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if arguments.markdown {
        out.write_all(markdown::document().as_bytes())
    } else {
        write(&mut out, Look::of_stdout(arguments.width))
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}

fn write(out: &mut impl Write, look: Look) -> io::Result<()> {
    let heading = format!("{:<NAME$} VPC TGW  EXPORTED AS", "FIELD");
    writeln!(out, "{}", look.paint(Style::Strong, heading))?;
    let indent = NAME + 10;
    let width = look.width.max(80) - indent;
    let version = |version: Option<u8>| version.map_or("-".to_owned(), |known| known.to_string());
    for row in &FIELDS {
        let name = look.paint(Style::Strong, format!("{:<NAME$}", row.name));
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let places = words(&places(row.destination).join(", "));
        let mut lines = wrap(&places, " ", width).into_iter();
        let first = lines.next().unwrap_or_default();
        let (vpc, tgw) = (version(row.vpc), version(row.tgw));
        writeln!(out, "{name} {vpc:>3} {tgw:>3}  {first}")?;
        for line in lines {
            writeln!(out, "{:indent$}{line}", "")?;
        }
        for line in wrap(&words(row.reason), " ", width) {
            writeln!(out, "{:indent$}{}", "", look.paint(Style::Faint, line))?;
        }
    }
    Ok(())
}

/// An element as people refer to it.
pub(crate) fn element(element: &InformationElement) -> String {
    format!("{} ({})", element.name, element.id)
}

/// Where a field goes, a phrase each.
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
        let look = Look {
            width: 80,
            colour: false,
        };
        write(&mut out, look).expect("into memory");
        let text = String::from_utf8(out).expect("text");
        for row in &FIELDS {
            assert!(text.lines().any(|line| line.starts_with(row.name)));
        }
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
