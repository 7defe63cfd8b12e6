//! Decoder of IPFIX messages, by `netflow_parser`: a library that shares no code with our encoder.
//!
//! Takes the messages of a transport session in order, and yields each flow with the names from earlier options records.
//! Memory is bounded, because `collect` reads messages from anybody.

mod names;
mod value;

use std::collections::HashMap;

use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::{NetflowPacket, NetflowParser};

pub(crate) use names::{DomainNames, KnownInterface};
pub(crate) use value::{DecodedValue, ElementId};

/// Most observation domains in a transport session.
const MAX_DOMAINS: usize = 8_192;

/// Length of a message header in octets (RFC 7011 §3.1).
pub(crate) const HEADER: usize = 16;

/// Reason for not decoding a message, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// Too short, another version, or a wrong length.
    #[error("not an IPFIX message")]
    NotIpfix,
    /// Refused by the library, with the library's words.
    #[error("the IPFIX decoder refuses a message: {0}")]
    Refused(String),
    /// Sets at the end of the message that the library did not read.
    #[error("the IPFIX decoder read {read} of the {length} octets of a message")]
    Unread {
        /// Octets of the header and of the sets that were read.
        read: usize,
        /// Octets of the message.
        length: usize,
    },
    /// Data set without an earlier template.
    #[error("a message has flows of the unknown template {0}")]
    NoTemplate(u16),
    /// Too many observation domains.
    #[error("more than {MAX_DOMAINS} observation domains in one session")]
    TooManyDomains,
}

/// Decoded flow record.
#[derive(Debug)]
pub(crate) struct DecodedFlow<'a> {
    /// Template ID of the record.
    pub(crate) template: u16,
    /// Values in the order of the record.
    pub(crate) fields: &'a [(ElementId, DecodedValue)],
    /// Names from options records of the same observation domain.
    pub(crate) names: &'a DomainNames,
}

impl<'a> DecodedFlow<'a> {
    pub(crate) fn value(&self, element: u16) -> Option<&'a DecodedValue> {
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

/// Decoder of the messages of a transport session.
#[derive(Debug, Default)]
pub(crate) struct MessageDecoder {
    domains: HashMap<u32, DecodedDomain>,
    record: Vec<(ElementId, DecodedValue)>,
    /// Upper estimate of the octets that templates, names and domains take.
    weight: usize,
}

/// Octets that an observation domain takes without templates and names.
const DOMAIN_WEIGHT: usize = 4_096;

/// State of an observation domain, the scope of templates (RFC 7011 §8).
#[derive(Debug)]
struct DecodedDomain {
    parser: NetflowParser,
    names: DomainNames,
}

impl MessageDecoder {
    /// Returns the names of an observation domain.
    pub(crate) fn names(&self, domain: u32) -> Option<&DomainNames> {
        self.domains.get(&domain).map(|domain| &domain.names)
    }

    /// Returns an upper estimate of the octets that templates, names and domains take.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Decodes a message and passes each flow to `each`.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] after the last decodable flow, or the error of `each`.
    pub(crate) fn decode<E: From<DecodeError>>(
        &mut self,
        message: &[u8],
        mut each: impl FnMut(&DecodedFlow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let id = observation_domain(message).ok_or(DecodeError::NotIpfix)?;
        if self.domains.len() >= MAX_DOMAINS && !self.domains.contains_key(&id) {
            return Err(DecodeError::TooManyDomains.into());
        }
        let domain = self.domains.entry(id).or_insert_with(|| {
            self.weight += DOMAIN_WEIGHT;
            DecodedDomain {
                parser: parser(),
                names: DomainNames::of(id),
            }
        });
        let before = domain.names.weight();
        let outcome = domain.decode(&mut self.record, message, &mut each);
        self.weight = (self.weight + domain.names.weight()).saturating_sub(before);
        outcome
    }
}

impl DecodedDomain {
    fn decode<E: From<DecodeError>>(
        &mut self,
        values: &mut Vec<(ElementId, DecodedValue)>,
        message: &[u8],
        each: &mut impl FnMut(&DecodedFlow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let parsed = self.parser.parse_bytes(message);
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
                let id = set.header.header_id;
                match set.body {
                    FlowSetBody::OptionsData(data) => {
                        for record in data.fields {
                            take(values, record);
                            self.names.learn(values);
                        }
                    }
                    FlowSetBody::Data(data) => {
                        for record in data.fields {
                            take(values, record);
                            each(&DecodedFlow {
                                template: id,
                                fields: values,
                                names: &self.names,
                            })?;
                        }
                    }
                    FlowSetBody::NoTemplate(_) => {
                        problem.get_or_insert(DecodeError::NoTemplate(id));
                    }
                    body => self.learn_templates(&body),
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

    /// Takes note of the templates in a set of templates.
    fn learn_templates(&mut self, body: &FlowSetBody) {
        let (templates, options) = match body {
            FlowSetBody::Template(template) => (std::slice::from_ref(template), [].as_slice()),
            FlowSetBody::Templates(templates) => (templates.as_slice(), [].as_slice()),
            FlowSetBody::OptionsTemplate(template) => {
                ([].as_slice(), std::slice::from_ref(template))
            }
            FlowSetBody::OptionsTemplates(templates) => ([].as_slice(), templates.as_slice()),
            _ => return,
        };
        for template in templates {
            self.names.template(template);
        }
        for template in options {
            let fields = template.fields.len();
            self.names.template_size(template.template_id, fields);
        }
    }
}

fn take(
    values: &mut Vec<(ElementId, DecodedValue)>,
    record: Vec<(
        netflow_parser::variable_versions::ipfix::lookup::IPFixField,
        netflow_parser::FieldValue,
    )>,
) {
    values.clear();
    values.extend(record.into_iter().map(|(field, value)| {
        let id = ElementId::of(field);
        (id, DecodedValue::of(id, value))
    }));
}

/// Returns the observation domain of a message, if the length in the header is right.
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

    fn decode(decoder: &mut MessageDecoder, message: &[u8]) -> (usize, Result<(), DecodeError>) {
        let mut flows = 0;
        let outcome = decoder.decode(message, |_| {
            flows += 1;
            Ok(())
        });
        (flows, outcome)
    }

    /// A message of observation domain `domain` with these sets.
    fn message(domain: u32, sets: &[&[u16]]) -> Vec<u8> {
        crate::testing::message(domain, &sets.concat())
    }

    /// Template 300: sourceTransportPort, 2 octets.
    const TEMPLATE: &[u16] = &[2, 12, 300, 1, 7, 2];
    const DATA: &[u16] = &[300, 8, 53, 443];

    #[test]
    fn templates_belong_to_their_observation_domain() {
        let mut decoder = MessageDecoder::default();
        assert_eq!(decode(&mut decoder, &message(1, &[TEMPLATE])), (0, Ok(())));
        assert_eq!(decode(&mut decoder, &message(1, &[DATA])), (2, Ok(())));
        assert_eq!(
            decode(&mut decoder, &message(2, &[DATA])),
            (0, Err(DecodeError::NoTemplate(300)))
        );
    }

    #[test]
    fn observation_domains_of_a_session_are_bounded() {
        let mut decoder = MessageDecoder::default();
        for domain in 0..8_192 {
            let (_, outcome) = decode(&mut decoder, &message(domain, &[TEMPLATE]));
            assert_eq!(outcome, Ok(()));
        }
        let (_, outcome) = decode(&mut decoder, &message(8_192, &[TEMPLATE]));
        assert_eq!(outcome, Err(DecodeError::TooManyDomains));
        assert_eq!(decode(&mut decoder, &message(0, &[DATA])), (2, Ok(())));
    }

    #[test]
    fn what_is_no_message_is_an_error_and_never_a_panic() {
        let whole = message(1, &[TEMPLATE, DATA]);
        let mut decoder = MessageDecoder::default();
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
        let (flows, outcome) = decode(&mut MessageDecoder::default(), &broken);
        assert_eq!(flows, 2);
        assert!(
            matches!(outcome, Err(DecodeError::Unread { .. })),
            "{outcome:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_the_decoder_panic(body: Vec<u16>) {
            let _ = decode(&mut MessageDecoder::default(), &message(1, &[&body]));
        }
    }
}
