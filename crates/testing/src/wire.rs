//! A plain reader of IPFIX messages (RFC 7011 §3) for properties that decoder libraries hide: sets, padding, sequence
//! numbers, order of messages. Elements have no meaning here, only lengths.

use std::collections::HashMap;

/// Options template of the sampling record.
const SAMPLING: u16 = 259;

/// A decoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Octets of the whole message.
    pub octets: usize,
    /// Seconds since 1970.
    pub export_time: u32,
    /// Data records sent before this message.
    pub sequence: u32,
    /// Observation domain.
    pub domain: u32,
    /// The sets in order.
    pub sets: Vec<Set>,
}

/// A set of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// Template records of a template set (2) or an options template set (3).
    Templates(Vec<Template>),
    /// Data records.
    Data {
        /// The template.
        template: Template,
        /// A data record is its fields in template order.
        records: Vec<Vec<Field>>,
    },
}

/// A template record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    /// 256 and up.
    pub id: u16,
    /// Element and octets.
    pub fields: Vec<(u16, u16)>,
    /// Scope fields; 0 for a template of flows.
    pub scopes: u16,
}

/// A field of a data record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Element identifier.
    pub element: u16,
    /// Value.
    pub octets: Vec<u8>,
}

/// Reads a big-endian number.
///
/// # Panics
///
/// If there are more than 8 octets.
pub fn number(octets: &[u8]) -> u64 {
    assert!(octets.len() <= 8, "{octets:?} is no number");
    octets
        .iter()
        .fold(0, |number, &octet| number << 8 | u64::from(octet))
}

/// Content of a message; a transcoder never mixes the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Templates and options templates.
    Templates,
    /// Options data.
    Options,
    /// Flow records.
    Flows,
    /// Several kinds, or no set.
    Mixed,
}

/// The templates of one transport session, by domain and template ID.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    templates: HashMap<(u32, u16), Template>,
    /// Data records so far, by domain.
    records: HashMap<u32, u32>,
}

impl Reader {
    /// Reads a message and checks its shape by RFC 7011 and by the stricter rules of some collectors.
    ///
    /// # Errors
    ///
    /// The first fault, in words.
    pub fn read(&mut self, message: &[u8]) -> Result<Message, String> {
        let header = message.get(..16).ok_or("shorter than a header")?;
        if u16_at(header, 0) != 10 {
            return Err("not version 10".into());
        }
        if usize::from(u16_at(header, 2)) != message.len() {
            return Err("the length in the header is not the message's".into());
        }
        let domain = u32_at(header, 12);
        let mut read = Message {
            octets: message.len(),
            export_time: u32_at(header, 4),
            sequence: u32_at(header, 8),
            domain,
            sets: Vec::new(),
        };
        let counted = self.records.entry(domain).or_default();
        if read.sequence != *counted {
            return Err(format!(
                "domain {domain}: sequence {} after {counted} records",
                read.sequence
            ));
        }
        let mut rest = &message[16..];
        while !rest.is_empty() {
            let length = rest.get(..4).map_or(0, |set| usize::from(u16_at(set, 2)));
            if length <= 4 || length > rest.len() {
                return Err(format!("a set of {length} octets"));
            }
            let (set, after) = rest.split_at(length);
            read.sets
                .push(self.read_set(domain, u16_at(set, 0), &set[4..])?);
            rest = after;
        }
        let records = u32::try_from(read.records().count()).map_err(|error| error.to_string())?;
        *self.records.entry(domain).or_default() += records;
        Ok(read)
    }

    fn read_set(&mut self, domain: u32, id: u16, body: &[u8]) -> Result<Set, String> {
        if id == 2 || id == 3 {
            let template = read_template(body, id == 3)?;
            let known = self
                .templates
                .insert((domain, template.id), template.clone());
            if known.is_some_and(|known| known != template) {
                return Err(format!("template {} has a new meaning", template.id));
            }
            return Ok(Set::Templates(vec![template]));
        }
        let template = self
            .templates
            .get(&(domain, id))
            .ok_or(format!("set {id} has no template"))?;
        let mut records = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let record = read_record(&template.fields, &mut rest)
                .ok_or(format!("set {id}: {} octets of padding", rest.len()))?;
            records.push(record);
        }
        Ok(Set::Data {
            template: template.clone(),
            records,
        })
    }
}

/// Takes a data record off the octets of a set. A length of 65535 in the template is a variable length (RFC 7011 §7).
fn read_record(fields: &[(u16, u16)], rest: &mut &[u8]) -> Option<Vec<Field>> {
    let mut take = |octets: usize| {
        let (field, after) = rest.split_at_checked(octets)?;
        *rest = after;
        Some(field)
    };
    let mut record = Vec::new();
    for &(element, octets) in fields {
        let octets = match octets {
            u16::MAX => usize::from(*take(1)?.first()?),
            fixed => usize::from(fixed),
        };
        let octets = take(octets)?.to_vec();
        record.push(Field { element, octets });
    }
    Some(record)
}

impl Message {
    /// Returns the kind of content.
    pub fn content(&self) -> Content {
        let of = |set: &Set| match set {
            Set::Templates(_) => Content::Templates,
            // The sampling record stands behind its template.
            Set::Data { template, .. } if template.id == SAMPLING => Content::Templates,
            Set::Data { template, .. } if template.scopes > 0 => Content::Options,
            Set::Data { .. } => Content::Flows,
        };
        let mut contents = self.sets.iter().map(of);
        match contents.next() {
            Some(first) if contents.all(|other| other == first) => first,
            _ => Content::Mixed,
        }
    }

    /// The data records with their templates.
    pub fn records(&self) -> impl Iterator<Item = (&Template, &[Field])> {
        self.sets.iter().flat_map(|set| match set {
            Set::Templates(_) => Vec::new(),
            Set::Data { template, records } => records
                .iter()
                .map(|record| (template, record.as_slice()))
                .collect(),
        })
    }

    /// The template records.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.sets.iter().flat_map(|set| match set {
            Set::Templates(templates) => templates.as_slice(),
            Set::Data { .. } => &[],
        })
    }
}

/// Splits a stream or a file into messages, by their length fields alone.
///
/// # Panics
///
/// If the stream ends within a message.
pub fn messages(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while !stream.is_empty() {
        assert!(stream.len() >= 16, "the stream ends within a header");
        let length = usize::from(u16_at(stream, 2));
        assert!(
            (16..=stream.len()).contains(&length),
            "the stream ends within a message"
        );
        let (message, after) = stream.split_at(length);
        messages.push(message);
        stream = after;
    }
    messages
}

/// Reads a template set of one record without padding: several collectors read only the first record of an options
/// template set, and fail on padding.
fn read_template(body: &[u8], options: bool) -> Result<Template, String> {
    let header = if options { 6 } else { 4 };
    let start = body.get(..header).ok_or("a template without a header")?;
    let count = usize::from(u16_at(start, 2));
    if body.len() != header + 4 * count {
        return Err("a template set with padding or several records".into());
    }
    let fields: Vec<_> = body[header..]
        .chunks(4)
        .map(|field| (u16_at(field, 0), u16_at(field, 2)))
        .collect();
    let scopes = if options { u16_at(start, 4) } else { 0 };
    let id = u16_at(start, 0);
    if id < 256 || count == 0 || options && scopes == 0 || usize::from(scopes) >= count {
        return Err(format!(
            "template {id} with {count} fields, {scopes} of scope"
        ));
    }
    Ok(Template { id, fields, scopes })
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}
