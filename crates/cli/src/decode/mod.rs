//! IPFIX messages read back by `netflow_parser`, a library that shares nothing with our encoder.
//!
//! Takes the messages of one transport session in order and hands on each flow with the names that were learned from
//! options records before it. Memory is bounded, because `collect` reads what anybody sends.

mod names;
mod value;

use std::collections::HashMap;

use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::{NetflowPacket, NetflowParser};

pub(crate) use names::{Interface, Names};
pub(crate) use value::{ElementId, Value};

/// Most observation domains of one transport session; our exporter has at most 1,025.
const MAX_DOMAINS: usize = 2_048;

/// Octets of a message header (RFC 7011 §3.1).
pub(crate) const HEADER: usize = 16;

/// Why a message cannot be decoded, or not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// Too short, another version, or a length that is not the message's.
    #[error("not an IPFIX message")]
    NotIpfix,
    /// The library's words.
    #[error("the IPFIX decoder refuses a message: {0}")]
    Refused(String),
    /// Sets that the library stopped at.
    #[error("the IPFIX decoder read {read} of the {length} octets of a message")]
    Unread {
        /// Octets that became records.
        read: usize,
        /// Octets of the message.
        length: usize,
    },
    /// A data set whose template did not come before it.
    #[error("a message has flows of the unknown template {0}")]
    NoTemplate(u16),
    /// Too many observation domains.
    #[error("more than {MAX_DOMAINS} observation domains in one session")]
    TooManyDomains,
}

/// A decoded flow record.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    /// The template that it was sent by.
    pub(crate) template: u16,
    /// Values in the order of the record.
    pub(crate) fields: &'a [(ElementId, Value)],
    /// What options records of the same observation domain said.
    pub(crate) names: &'a Names,
}

impl<'a> Flow<'a> {
    pub(crate) fn value(&self, element: u16) -> Option<&'a Value> {
        let wanted = ElementId::Iana(element);
        self.fields
            .iter()
            .find(|(id, _)| *id == wanted)
            .map(|(_, value)| value)
    }

    pub(crate) fn number(&self, element: u16) -> Option<u64> {
        self.value(element)?.number()
    }
}

/// Decodes the messages of one transport session.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    domains: HashMap<u32, Domain>,
    record: Vec<(ElementId, Value)>,
}

/// Templates are valid within an observation domain (RFC 7011 §8).
#[derive(Debug)]
struct Domain {
    parser: NetflowParser,
    names: Names,
}

impl Decoder {
    /// What the options records of an observation domain said.
    pub(crate) fn names(&self, domain: u32) -> Option<&Names> {
        self.domains.get(&domain).map(|domain| &domain.names)
    }

    /// Decodes one message and hands on its flows.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] after the flows that could be decoded, or what `each` returns.
    pub(crate) fn decode<E: From<DecodeError>>(
        &mut self,
        message: &[u8],
        mut each: impl FnMut(&Flow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let id = observation_domain(message).ok_or(DecodeError::NotIpfix)?;
        if self.domains.len() >= MAX_DOMAINS && !self.domains.contains_key(&id) {
            return Err(DecodeError::TooManyDomains.into());
        }
        let domain = self.domains.entry(id).or_insert_with(|| Domain {
            parser: parser(),
            names: Names::of(id),
        });
        let parsed = domain.parser.parse_bytes(message);
        let mut read = 0;
        let mut problem = parsed
            .error
            .map(|error| DecodeError::Refused(error.to_string()));
        for packet in parsed.packets {
            let NetflowPacket::IPFix(packet) = packet else {
                continue;
            };
            read += HEADER;
            for set in packet.flowsets {
                read += usize::from(set.header.length);
                match set.body {
                    FlowSetBody::Template(template) => domain.names.template(&template),
                    FlowSetBody::Templates(templates) => {
                        templates
                            .iter()
                            .for_each(|template| domain.names.template(template));
                    }
                    FlowSetBody::OptionsData(data) => {
                        for record in data.fields {
                            take(&mut self.record, record);
                            domain.names.learn(&self.record);
                        }
                    }
                    FlowSetBody::Data(data) => {
                        for record in data.fields {
                            take(&mut self.record, record);
                            each(&Flow {
                                template: set.header.header_id,
                                fields: &self.record,
                                names: &domain.names,
                            })?;
                        }
                    }
                    FlowSetBody::NoTemplate(_) => {
                        problem.get_or_insert(DecodeError::NoTemplate(set.header.header_id));
                    }
                    _ => {}
                }
            }
        }
        let length = message.len();
        let unread = (read != length).then_some(DecodeError::Unread { read, length });
        match problem.or(unread) {
            Some(problem) => Err(problem.into()),
            None => Ok(()),
        }
    }
}

fn take(
    values: &mut Vec<(ElementId, Value)>,
    record: Vec<(
        netflow_parser::variable_versions::ipfix::lookup::IPFixField,
        netflow_parser::FieldValue,
    )>,
) {
    values.clear();
    values.extend(record.into_iter().map(|(field, value)| {
        let id = ElementId::of(field);
        (id, Value::of(id, value))
    }));
}

/// The observation domain of a message that is as long as it says.
fn observation_domain(message: &[u8]) -> Option<u32> {
    let header = message.first_chunk::<HEADER>()?;
    let [version, length] = [0, 2].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
    let domain = header
        .last_chunk()
        .map(|octets| u32::from_be_bytes(*octets))?;
    (version == 10 && usize::from(length) == message.len()).then_some(domain)
}

fn parser() -> NetflowParser {
    NetflowParser::builder()
        .with_allowed_versions(&[10])
        // The largest message has more records than the library's default.
        .with_ipfix_max_records_per_flowset(usize::from(u16::MAX))
        .build()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut Decoder, message: &[u8]) -> (usize, Result<(), DecodeError>) {
        let mut flows = 0;
        let outcome = decoder.decode(message, |_| {
            flows += 1;
            Ok(())
        });
        (flows, outcome)
    }

    /// A message of observation domain `domain` with these sets.
    fn message(domain: u32, sets: &[&[u16]]) -> Vec<u8> {
        let body: Vec<u8> = sets
            .iter()
            .flat_map(|set| set.iter().flat_map(|word| word.to_be_bytes()))
            .collect();
        let length = u16::try_from(HEADER + body.len()).expect("short");
        let mut message = [10_u16, length, 0, 0, 0, 0]
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<u8>>();
        message.extend(domain.to_be_bytes());
        message.extend(body);
        message
    }

    /// Template 300: sourceTransportPort, 2 octets.
    const TEMPLATE: &[u16] = &[2, 12, 300, 1, 7, 2];
    const DATA: &[u16] = &[300, 8, 53, 443];

    #[test]
    fn templates_belong_to_their_observation_domain() {
        let mut decoder = Decoder::default();
        assert_eq!(decode(&mut decoder, &message(1, &[TEMPLATE])), (0, Ok(())));
        assert_eq!(decode(&mut decoder, &message(1, &[DATA])), (2, Ok(())));
        assert_eq!(
            decode(&mut decoder, &message(2, &[DATA])),
            (0, Err(DecodeError::NoTemplate(300)))
        );
    }

    #[test]
    fn what_is_no_message_is_an_error_and_never_a_panic() {
        let whole = message(1, &[TEMPLATE, DATA]);
        let mut decoder = Decoder::default();
        for length in 0..whole.len() {
            assert_eq!(
                decode(&mut decoder, &whole[..length]),
                (0, Err(DecodeError::NotIpfix))
            );
        }
        assert_eq!(decode(&mut decoder, &whole), (2, Ok(())));
    }

    #[test]
    fn sets_that_are_left_over_are_noticed() {
        let broken = message(1, &[TEMPLATE, DATA, &[300, 200, 1]]);
        let (flows, outcome) = decode(&mut Decoder::default(), &broken);
        assert_eq!(flows, 2);
        assert!(
            matches!(outcome, Err(DecodeError::Unread { .. })),
            "{outcome:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_decoded_or_refused(body: Vec<u16>) {
            let _ = decode(&mut Decoder::default(), &message(1, &[&body]));
        }
    }
}
