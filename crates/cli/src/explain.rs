//! `flowlogs explain`: one line, column by column, to what is exported of it, or why it is not.
//!
//! The line goes through the same transcoder as any other and is read back by the independent decoder; what is said of
//! fields are the words of the field table. Nothing here knows a rule.

use std::io::{self, Write};

use flowlogs_core::flowlog::field::{DescribedInterface, FieldMapping};
use flowlogs_core::flowlog::{
    Field, FlowRecord, LogFormat, ParseError, ParseProblem, RecordValues,
};
use flowlogs_core::ipfix::element::{self as e, InformationElement};
use flowlogs_core::{Counters, Formats, LogLine, SendOutcome, Transcoder, Transport, identity};

use crate::cli::Explain;
use crate::clock;
use crate::decode::{DecodeError, Decoder, ElementId, Flow, Names, Value};
use crate::failure::Failure;
use crate::fields::element;
use crate::input::Inputs;
use crate::settings::{self, Sources};
use crate::summary;
use crate::table::status_meaning;
use crate::terminal::{Look, Style, wrap};

/// Columns of a field name.
const NAME: usize = 27;

pub(crate) fn run(arguments: &Explain) -> Result<(), Failure> {
    let line = arguments.line.join(" ");
    let inputs = Inputs::of(&[], &arguments.origin.inventory)?;
    let mut sources = Sources::new(&arguments.origin);
    let mut formats = sources.formats(arguments.origin.log_group.as_deref(), &inputs.inventory);
    if formats.take_header(line.as_bytes()) {
        return Err(Failure::usage(
            "this is a header line, which sets the format of the lines after it; give it with --log-format and a record as LINE",
        ));
    }
    let mut values = RecordValues::default();
    let format = match formats.parse(line.as_bytes(), &mut values) {
        Ok(record) => record.format().clone(),
        Err(error) => return Err(unparsed(&line, &formats, error)),
    };
    let place = sources.place(None, None, &inputs.inventory);
    let settings = settings::explainer(&arguments.mapping);
    let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
    transcoder.set_inventory(inputs.inventory);
    transcoder.begin(clock::now());
    let mut sent = Sent::default();
    let mut decoder = Decoder::default();
    let mut sink = |_: usize, message: &[u8]| {
        decoder.decode(message, |flow| {
            sent = Sent::of(flow);
            Ok::<_, DecodeError>(())
        })?;
        Ok::<_, DecodeError>(SendOutcome::Sent)
    };
    let text = LogLine {
        id: None,
        timestamp: None,
        text: line.as_bytes(),
    };
    transcoder
        .line(sources.source(place), text, &mut sink)
        .and_then(|()| transcoder.flush(&mut sink))
        .map_err(Failure::failed)?;
    let explanation = Explanation {
        look: Look::of_stdout(arguments.width),
        format: &format,
        tokens: line.split_ascii_whitespace().collect(),
        names: sent.domain.and_then(|domain| decoder.names(domain)),
        sent: &sent,
        counters: transcoder.take_report().counters,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    explanation
        .write(&mut out)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}

/// The flow record that became of the line, if one did.
#[derive(Debug, Default)]
struct Sent {
    domain: Option<u32>,
    template: u16,
    octets: u32,
    fields: Vec<(ElementId, Value)>,
}

impl Sent {
    fn of(flow: &Flow<'_>) -> Self {
        Self {
            domain: Some(flow.names.domain),
            template: flow.template,
            octets: flow.names.record_octets(flow.template).unwrap_or_default(),
            fields: flow.fields.to_vec(),
        }
    }

    fn value(&self, element: &InformationElement) -> Option<&Value> {
        let wanted = ElementId::Iana(element.id);
        let found = self.fields.iter().find(|(id, _)| *id == wanted);
        found.map(|(_, value)| value)
    }
}

struct Explanation<'a> {
    look: Look,
    format: &'a LogFormat,
    tokens: Vec<&'a str>,
    sent: &'a Sent,
    names: Option<&'a Names>,
    counters: Counters,
}

impl Explanation<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut shown = Vec::new();
        for (index, (name, token)) in self.format.names().iter().zip(&self.tokens).enumerate() {
            let title = format!("{name:<NAME$}");
            let title = self.look.paint(Style::Strong, title);
            writeln!(out, "{:>3} {title} {token}", index + 1)?;
            let field = Field::by_name(name.as_bytes());
            let repeated = self.format.names()[..index]
                .iter()
                .any(|earlier| field.is_some() && Field::by_name(earlier.as_bytes()) == field);
            let (lines, why) = match field {
                None => (
                    vec![],
                    "not exported: a field that this version does not know".to_owned(),
                ),
                Some(_) if repeated => (
                    vec![],
                    "not read: the column stands further left as well".to_owned(),
                ),
                Some(field) => self.column(field, token, &mut shown),
            };
            for line in lines {
                writeln!(out, "    → {line}")?;
            }
            let words: Vec<String> = why.split(' ').map(str::to_owned).collect();
            for line in wrap(&words, " ", self.look.width.max(80) - 6) {
                writeln!(out, "      {}", self.look.paint(Style::Faint, line))?;
            }
        }
        let rest: Vec<_> = self
            .sent
            .fields
            .iter()
            .filter(|(id, _)| !shown.contains(id))
            .collect();
        if !rest.is_empty() {
            let title = self
                .look
                .paint(Style::Strong, "from elsewhere: rules, inventory, settings");
            writeln!(out, "    {title}")?;
            for (id, value) in rest {
                let number = match id {
                    ElementId::Iana(number) => format!(" ({number})"),
                    ElementId::Enterprise(_) => String::new(),
                };
                writeln!(out, "    → {id}{number} = {}", self.meaning(*id, value))?;
            }
        }
        self.conclusion(out)
    }

    /// Where a column went, a line each, and why.
    fn column(
        &self,
        field: Field,
        token: &str,
        shown: &mut Vec<ElementId>,
    ) -> (Vec<String>, String) {
        let row = field.row();
        let flow: &[&InformationElement] = match &row.destination {
            FieldMapping::Element(one) => std::slice::from_ref(one),
            FieldMapping::Derived { flow, .. } => flow,
            FieldMapping::Description(_) | FieldMapping::NotExported => &[],
        };
        let exported = self.sent.domain.is_some();
        let dash = token == "-";
        let mut lines = Vec::new();
        for &one in flow {
            let Some(value) = self.sent.value(one) else {
                continue;
            };
            let id = ElementId::Iana(one.id);
            // A flow has two interfaces and two VRFs; this column's is the one that its identifier (or word) names.
            let own = match value {
                Value::Number(number) if is_identifier(one) && !dash => self.is_of(*number, token),
                _ => true,
            };
            // Of a column without a value only the zero counts that the table says it means.
            if own && (!dash || value.number() == Some(0) && row.dash.contains('0')) {
                shown.push(id);
                lines.push(format!("{} = {}", element(one), self.meaning(id, value)));
            }
        }
        if dash {
            return (lines, format!("- means: {}", row.dash));
        }
        match row.destination {
            FieldMapping::NotExported => {}
            FieldMapping::Description(owner) => lines.extend(self.described(owner)),
            FieldMapping::Element(_) => {}
            FieldMapping::Derived { options, .. } => {
                lines.extend(options.iter().filter_map(|one| self.named(one, token)));
            }
        }
        let why = match (row.destination, exported, lines.is_empty()) {
            (FieldMapping::NotExported, _, _) => format!("not exported: {}", row.reason),
            (_, true, true) => format!("not in this record: {}", row.reason),
            (_, false, _) => format!("would be {}", list(flow, row.reason)),
            _ => row.reason.to_owned(),
        };
        (lines, why)
    }

    /// Whether the number is that of the identifier, or of the pseudo-interface that is called so.
    fn is_of(&self, number: u64, token: &str) -> bool {
        let interface = self.names.and_then(|names| names.interface(number));
        number == u64::from(identity(token.as_bytes()))
            || interface.is_some_and(|known| known.name == token)
    }

    /// What options records say in this element about the identifier.
    fn named(&self, one: &InformationElement, token: &str) -> Option<String> {
        let names = self.names?;
        let number = u64::from(identity(token.as_bytes()));
        let text = match one.id {
            id if id == e::OBSERVATION_DOMAIN_ID.id => {
                return Some(format!(
                    "message header: {} = {}",
                    element(one),
                    names.domain
                ));
            }
            id if id == e::OBSERVATION_DOMAIN_NAME.id => names.domain_name.clone()?,
            id if id == e::INTERFACE_NAME.id => names.interface(number)?.name.clone(),
            id if id == e::INTERFACE_DESCRIPTION.id => names.interface(number)?.description.clone(),
            id if id == e::VRF_NAME.id => names.vrf(number)?.to_owned(),
            id if id == e::VIRTUAL_STATION_NAME.id => {
                let mut stations = names.interfaces().map(|known| &known.station);
                stations.find(|station| *station == token)?.clone()
            }
            id if id == e::APPLICATION_NAME.id => match self.sent.value(&e::APPLICATION_ID)? {
                Value::Application(engine, selector) => {
                    names.application(*engine, *selector)?.to_owned()
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(format!("options: {} = {text:?}", element(one)))
    }

    /// The description of the interface that a descriptive column belongs to.
    fn described(&self, owner: DescribedInterface) -> Option<String> {
        let side = |element| self.sent.value(element).and_then(Value::number);
        let index = match owner {
            DescribedInterface::SourceEni => side(&e::INGRESS_PHYSICAL_INTERFACE),
            DescribedInterface::DestinationEni => side(&e::EGRESS_PHYSICAL_INTERFACE),
            DescribedInterface::Interface => [&e::INGRESS_INTERFACE, &e::EGRESS_INTERFACE]
                .into_iter()
                .filter_map(side)
                .find(|&index| index > 2),
        };
        let interface = self.names?.interface(index?)?;
        let name = element(&e::INTERFACE_DESCRIPTION);
        Some(format!(
            "options: {name} of {} = {:?}",
            interface.name, interface.description
        ))
    }

    /// A value with the name that goes with it.
    fn meaning(&self, id: ElementId, value: &Value) -> String {
        let name = || {
            let number = value.number();
            let names = self.names?;
            match id {
                ElementId::Iana(10 | 14 | 252 | 253) => {
                    names.interface(number?).map(|known| known.name.clone())
                }
                ElementId::Iana(234 | 235) => names.vrf(number?).map(str::to_owned),
                ElementId::Iana(89) => Some(status_meaning(number?).to_owned()),
                ElementId::Iana(61) => match number? {
                    0 => Some("ingress".to_owned()),
                    _ => Some("egress".to_owned()),
                },
                _ => None,
            }
        };
        match name() {
            Some(name) => format!("{value} ({name})"),
            None => value.to_string(),
        }
    }

    /// What became of the record as a whole.
    fn conclusion(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        let (Some(domain), Some(names)) = (self.sent.domain, self.names) else {
            let ends = self.counters.iter().skip(1).take(10);
            for (name, _) in ends.filter(|(_, count)| *count > 0) {
                let meaning = summary::meaning(name);
                writeln!(out, "No flow record: counted as {name} ({meaning}).")?;
            }
            return Ok(());
        };
        let Sent {
            template, octets, ..
        } = self.sent;
        let title = "Exported as one flow record";
        let title = self.look.paint(Style::Strong, title);
        writeln!(out, "{title} of {octets} octets by template {template},")?;
        let name = names.domain_name.as_deref().unwrap_or("unnamed");
        writeln!(out, "in observation domain {domain} ({name}).")?;
        for (label, one) in [("in", &e::INGRESS_INTERFACE), ("out", &e::EGRESS_INTERFACE)] {
            if let Some(value) = self.sent.value(one) {
                let interface = names.interface(value.number().unwrap_or_default());
                let name = interface.map_or("unknown", |known| &known.name);
                writeln!(out, "{label:>5}  {value:<10}  {name}")?;
            }
        }
        Ok(())
    }
}

/// Whether the element holds the number of an identifier.
fn is_identifier(one: &InformationElement) -> bool {
    matches!(one.id, 10 | 14 | 234 | 235 | 252 | 253)
}

/// The elements that a field goes to when its record is exported.
fn list(flow: &[&InformationElement], reason: &str) -> String {
    if flow.is_empty() {
        return format!("in options data: {reason}");
    }
    let names: Vec<_> = flow.iter().map(|one| element(one)).collect();
    format!("{}: {reason}", names.join(" or "))
}

/// What is wrong with a line, below it a mark where.
fn unparsed(line: &str, formats: &Formats, error: ParseError) -> Failure {
    let columns = line.split_ascii_whitespace().count();
    let mut values = RecordValues::default();
    // The format that has as many columns says more than the one that is tried first.
    let closest = formats
        .candidates()
        .filter(|format| format.names().len() == columns)
        .find_map(|format| FlowRecord::parse(format, line.as_bytes(), &mut values).err());
    let wrong_length = matches!(
        error.problem,
        ParseProblem::Missing { .. } | ParseProblem::Surplus { .. }
    );
    let (text, column) = match closest {
        Some(closest) => (closest.to_string(), closest.column),
        None if wrong_length && formats.candidates().count() > 1 => {
            let mut lengths: Vec<_> = formats
                .candidates()
                .map(|format| format.names().len())
                .collect();
            lengths.sort_unstable();
            lengths.dedup();
            let lengths: Vec<_> = lengths.iter().map(ToString::to_string).collect();
            let text = format!(
                "the line has {columns} columns, the formats that were tried have {}; give its own with --log-format",
                lengths.join(", ")
            );
            return Failure::failed(text);
        }
        None => (error.to_string(), error.column),
    };
    let mut rest = line;
    for _ in 1..column {
        rest = rest.trim_ascii_start();
        rest = &rest[rest
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(rest.len())..];
    }
    let start = line.len() - rest.trim_ascii_start().len();
    let token = line[start..].split_ascii_whitespace().next().unwrap_or("");
    let blanks = line[..start].chars().count();
    let mark = "^".repeat(token.chars().count().max(1));
    Failure::failed(format_args!("{text}\n  {line}\n  {:blanks$}{mark}", ""))
}
