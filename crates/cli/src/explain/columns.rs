//! Explanation of a line that fits the format.

use std::io::{self, Write};

use flowlogs_core::flowlog::field::{DescribedInterface, FieldMapping};
use flowlogs_core::flowlog::{Field, LogFormat};
use flowlogs_core::ipfix::element::{self as e, InformationElement};
use flowlogs_core::{Counters, identity};
use serde_json::json;

use super::SentRecord;
use crate::decode::{DecodedValue, DomainNames, ElementId};
use crate::fields::{NAME, element};
use crate::summary;
use crate::table::status_meaning;
use crate::terminal::{TextLook, TextStyle};
use crate::text::{visible, visible_json, words, wrap};

/// Width of the terminal below which names are not padded, so that a value stands in the line of the name.
const NARROW: usize = 60;

/// Line, with the format, and everything sent of the line.
pub(super) struct LineExplanation<'a> {
    pub(super) look: TextLook,
    pub(super) format: &'a LogFormat,
    pub(super) tokens: Vec<&'a str>,
    pub(super) sent: &'a SentRecord,
    pub(super) names: Option<&'a DomainNames>,
    pub(super) counters: Counters,
    /// Counter of the flow, if deduplication leaves the flow out.
    pub(super) left_out_by: Option<&'static str>,
}

/// Returns the names of the counters that the record ended in.
pub(super) fn outcomes(counters: &Counters) -> impl Iterator<Item = &'static str> {
    let outcomes = counters.ends();
    outcomes
        .filter(|(_, count)| *count > 0)
        .map(|(name, _)| name)
}

impl LineExplanation<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut shown = Vec::new();
        for (index, (name, token)) in self.format.names().iter().zip(&self.tokens).enumerate() {
            let padded = if self.look.width < NARROW { 0 } else { NAME };
            let title = format!("{name:<padded$}");
            let title = self.look.paint(TextStyle::Strong, title);
            writeln!(out, "{:>3} {title} {}", index + 1, visible(token))?;
            let (lines, why) = self.explain(index, name, token, &mut shown);
            self.write_values(out, &lines)?;
            for line in self.wrapped(&why, 6) {
                writeln!(out, "      {}", self.look.paint(TextStyle::Faint, line))?;
            }
        }
        self.write_rest(out, &shown)?;
        self.conclusion(out)
    }

    /// Returns the exported values of a column, a line each, and the reason.
    fn explain(
        &self,
        index: usize,
        name: &str,
        token: &str,
        shown: &mut Vec<ElementId>,
    ) -> (Vec<String>, String) {
        let Some(field) = Field::by_name(name.as_bytes()) else {
            let why = "not exported: a field that this version does not know";
            return (Vec::new(), why.to_owned());
        };
        let mut earlier = self.format.names()[..index].iter();
        if earlier.any(|name| Field::by_name(name.as_bytes()) == Some(field)) {
            let why = "not read: the column stands further left as well";
            return (Vec::new(), why.to_owned());
        }
        self.column(field, token, shown)
    }

    /// Returns the values that do not come from a column, a line each.
    fn rest(&self, shown: &[ElementId]) -> Vec<String> {
        let fields = self.sent.fields.iter();
        let rest = fields.filter(|(id, _)| !shown.contains(id));
        rest.map(|(id, value)| {
            let number = match id {
                ElementId::Iana(number) => format!(" ({number})"),
                ElementId::Enterprise(_) => String::new(),
            };
            format!("{id}{number} = {}", self.meaning(*id, value))
        })
        .collect()
    }

    /// Writes the values that do not come from a column.
    fn write_rest(&self, out: &mut impl Write, shown: &[ElementId]) -> io::Result<()> {
        let rest = self.rest(shown);
        if rest.is_empty() {
            return Ok(());
        }
        let title = "from elsewhere: rules, inventory, settings";
        writeln!(out, "    {}", self.look.paint(TextStyle::Strong, title))?;
        self.write_values(out, &rest)
    }

    /// Writes exported values, each behind an arrow.
    fn write_values(&self, out: &mut impl Write, values: &[String]) -> io::Result<()> {
        for value in values {
            let lines = self.wrapped(&visible(value), 6).join("\n      ");
            writeln!(out, "    → {lines}")?;
        }
        Ok(())
    }

    /// Wraps a text behind an indentation.
    fn wrapped(&self, text: &str, indentation: usize) -> Vec<String> {
        wrap(&words(text), " ", self.look.width.max(40) - indentation)
    }

    /// Writes the explanation as a JSON object on a line.
    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let mut shown = Vec::new();
        let columns = self.format.names().iter().zip(&self.tokens).enumerate();
        let columns: Vec<_> = columns
            .map(|(index, (name, token))| {
                let (exported, reason) = self.explain(index, name, token, &mut shown);
                json!({ "field": name, "value": token, "exported": exported, "reason": reason })
            })
            .collect();
        let object = json!({
            "columns": columns,
            "others": self.rest(&shown),
            "counted": outcomes(&self.counters).collect::<Vec<_>>(),
            "leftOutBy": self.left_out_by,
            "observationDomainId": self.sent.domain,
            "template": self.sent.domain.map(|_| self.sent.template),
            "octets": self.sent.domain.map(|_| self.sent.octets),
        });
        writeln!(out, "{}", visible_json(&object.to_string()))
    }

    /// Returns the exported values of the column of a known field, a line each, and the reason.
    fn column(
        &self,
        field: Field,
        token: &str,
        shown: &mut Vec<ElementId>,
    ) -> (Vec<String>, String) {
        let row = field.row();
        let flow: &[&InformationElement] = match &row.mapping {
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
            // Of the two interfaces and VRFs of a flow, only the side that the token names belongs to this column.
            let own = match value {
                DecodedValue::Number(number) if is_identifier(one) && !dash => {
                    self.is_of(*number, token)
                }
                _ => true,
            };
            // A dash is exported as 0 only where the field table says so.
            if own && (!dash || value.number() == Some(0) && row.dash.contains('0')) {
                shown.push(id);
                lines.push(format!("{} = {}", element(one), self.meaning(id, value)));
            }
        }
        if dash {
            return (lines, format!("- means: {}", row.dash));
        }
        match row.mapping {
            FieldMapping::NotExported => {}
            FieldMapping::Description(owner) => lines.extend(self.described(owner)),
            FieldMapping::Element(_) => {}
            FieldMapping::Derived { options, .. } => {
                lines.extend(options.iter().filter_map(|one| self.named(one, token)));
            }
        }
        let why = match (row.mapping, exported, lines.is_empty()) {
            (FieldMapping::NotExported, _, _) => format!("not exported: {}", row.reason),
            (_, true, true) => format!("not in this record: {}", row.reason),
            (_, false, _) => format!("would be {}", list(flow, row.reason)),
            _ => row.reason.to_owned(),
        };
        (lines, why)
    }

    /// Returns whether the number belongs to the identifier, or to the pseudo-interface of this name.
    fn is_of(&self, number: u64, token: &str) -> bool {
        let interface = self.names.and_then(|names| names.interface(number));
        number == u64::from(identity(token.as_bytes()))
            || interface.is_some_and(|known| known.name == token)
    }

    /// Returns the value of an options element for the identifier.
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
                DecodedValue::Application(engine, selector) => {
                    names.application(*engine, *selector)?.to_owned()
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(format!("options: {} = {text:?}", element(one)))
    }

    /// Returns the description of the interface of a descriptive column.
    fn described(&self, owner: DescribedInterface) -> Option<String> {
        let side = |element| self.sent.value(element).and_then(DecodedValue::number);
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

    /// Formats a value with the name.
    fn meaning(&self, id: ElementId, value: &DecodedValue) -> String {
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

    /// Writes the outcome of the whole record.
    fn conclusion(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        let counted = |name| format!("counted as {name} ({}).", summary::meaning(name));
        let (Some(domain), Some(names)) = (self.sent.domain, self.names) else {
            return outcomes(&self.counters)
                .try_for_each(|name| self.sentence(out, "No flow record:", &counted(name)));
        };
        let SentRecord {
            template, octets, ..
        } = self.sent;
        let name = names.domain_name.as_deref().unwrap_or("unnamed");
        let rest = format!(
            "of {octets} octets by template {template}, in observation domain {domain} ({name})."
        );
        self.sentence(out, "Exported as one flow record", &rest)?;
        for (label, one) in [("in", &e::INGRESS_INTERFACE), ("out", &e::EGRESS_INTERFACE)] {
            if let Some(value) = self.sent.value(one) {
                let interface = names.interface(value.number().unwrap_or_default());
                let name = interface.map_or("unknown", |known| &known.name);
                writeln!(out, "{label:>5}  {value:<10}  {}", visible(name))?;
            }
        }
        let Some(name) = self.left_out_by else {
            return Ok(());
        };
        let rest = format!("deduplication leaves the flow out: {}", counted(name));
        self.sentence(out, "With this inventory", &rest)
    }

    /// Writes a sentence with a strong beginning, wrapped.
    fn sentence(&self, out: &mut impl Write, beginning: &str, rest: &str) -> io::Result<()> {
        let text = self.wrapped(&format!("{beginning} {rest}"), 0).join("\n");
        let rest = &text[beginning.len()..];
        writeln!(
            out,
            "{}{rest}",
            self.look.paint(TextStyle::Strong, beginning)
        )
    }
}

/// Returns whether the element holds the number of an identifier.
fn is_identifier(one: &InformationElement) -> bool {
    matches!(one.id, 10 | 14 | 234 | 235 | 252 | 253)
}

/// Formats the elements of a field whose record is not exported.
fn list(flow: &[&InformationElement], reason: &str) -> String {
    if flow.is_empty() {
        return format!("in options data: {reason}");
    }
    let names: Vec<_> = flow.iter().map(|one| element(one)).collect();
    format!("{}: {reason}", names.join(" or "))
}
