//! Two independent decoders, each used as a collector would: with template state by transport session.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use netflow_parser::variable_versions::field_value::FieldValue;
use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, IPFixField};
use netflow_parser::{NetflowPacket, NetflowParser};
use netgauze_flow_pkt::ie::{Field, HasIE, InformationElementDataType, InformationElementTemplate};
use netgauze_flow_pkt::ipfix::{IpfixPacket, Set, TemplatesMap};
use netgauze_parse_utils::WritablePduWithOneInput;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

use crate::value::{Decoded, Record, Value};
use flowlogs_testing::wire::number;

/// The crate `netflow_parser`: keys templates by ID alone here, so an ID must mean the same in every domain.
pub(crate) struct NetflowParserCrate {
    parser: NetflowParser,
    ids: HashMap<IANAIPFixField, u16>,
}

impl NetflowParserCrate {
    pub(crate) fn new() -> Self {
        let ids = (1..512)
            .map(|id| (IANAIPFixField::from(id), id))
            .filter(|(field, _)| !matches!(field, IANAIPFixField::Unknown(_)));
        Self {
            parser: NetflowParser::default(),
            ids: ids.collect(),
        }
    }

    /// The data records of a message.
    ///
    /// # Panics
    ///
    /// If the crate finds a fault in the message.
    pub(crate) fn decode(&mut self, message: &[u8]) -> Vec<Decoded> {
        let result = self.parser.parse_bytes(message);
        assert!(result.error.is_none(), "netflow_parser: {:?}", result.error);
        let [NetflowPacket::IPFix(packet)] = result.packets.as_slice() else {
            panic!("netflow_parser: not one IPFIX message");
        };
        let mut decoded = Vec::new();
        for set in &packet.flowsets {
            let (records, padding, is_options) = match &set.body {
                FlowSetBody::Data(data) => (&data.fields, &data.padding, false),
                FlowSetBody::OptionsData(data) => (&data.fields, &data.padding, true),
                FlowSetBody::Template(_) | FlowSetBody::OptionsTemplate(_) => continue,
                other => panic!("netflow_parser: {other:?}"),
            };
            assert!(padding.is_empty(), "netflow_parser sees padding");
            decoded.extend(records.iter().map(|record| Decoded {
                domain: packet.header.observation_domain_id,
                template: set.header.header_id,
                is_options,
                record: self.record(record),
            }));
        }
        decoded
    }

    fn record(&self, fields: &[(IPFixField, FieldValue)]) -> Record {
        let field = |(field, value): &(IPFixField, FieldValue)| {
            let IPFixField::IANA(field) = field else {
                panic!("netflow_parser: {field:?} is not IANA's")
            };
            (self.ids[field], netflow_parser_value(value))
        };
        fields.iter().map(field).collect()
    }
}

fn netflow_parser_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Ip4Addr(address) => Value::Address((*address).into()),
        FieldValue::Ip6Addr(address) => Value::Address((*address).into()),
        FieldValue::String(text) => {
            // `value` lacks control characters, for display.
            let text = String::from_utf8(text.raw.clone()).expect("well-formed UTF-8");
            Value::Text(text.trim_end_matches('\0').to_owned())
        }
        FieldValue::Duration(time) => {
            Value::Number(u64::try_from(time.as_duration().as_millis()).expect("a time of 64 bits"))
        }
        other => {
            let mut octets = Vec::new();
            other.write_be_bytes(&mut octets).expect("a Vec grows");
            Value::Number(number(&octets))
        }
    }
}

/// The crate `netgauze-flow-pkt`: its template map is keyed by ID alone, too.
#[derive(Default)]
pub(crate) struct NetGauze {
    templates: TemplatesMap,
}

impl NetGauze {
    /// The data records of a message.
    ///
    /// # Panics
    ///
    /// If the crate finds a fault in the message.
    pub(crate) fn decode(&mut self, message: &[u8]) -> Vec<Decoded> {
        let mut reader = SliceReader::new(message);
        let packet = match IpfixPacket::parse(&mut reader, &mut self.templates) {
            Ok(packet) => packet,
            Err(error) => panic!("netgauze: {error}"),
        };
        assert_eq!(
            reader.offset(),
            message.len(),
            "netgauze leaves octets over"
        );
        let mut decoded = Vec::new();
        for set in packet.sets() {
            let Set::Data { id, records } = set else {
                continue;
            };
            decoded.extend(records.iter().map(|record| {
                let fields = record.scope_fields().iter().chain(record.fields());
                Decoded {
                    domain: packet.observation_domain_id(),
                    template: id.id(),
                    is_options: !record.scope_fields().is_empty(),
                    record: fields.map(netgauze_value).collect(),
                }
            }));
        }
        decoded
    }
}

fn netgauze_value(field: &Field) -> (u16, Value) {
    use InformationElementDataType as Type;
    let element = field.ie();
    let own = field.clone();
    let value = match element.data_type() {
        Type::ipv4Address => own.try_into().map(|v: Ipv4Addr| Value::Address(v.into())),
        Type::ipv6Address => own.try_into().map(|v: Ipv6Addr| Value::Address(v.into())),
        Type::string => own.try_into().map(Value::Text),
        _ => {
            let mut octets = Vec::new();
            field.write(&mut octets, None).expect("a Vec grows");
            let unit = if element.data_type() == Type::dateTimeSeconds {
                1_000
            } else {
                1
            };
            Ok(Value::Number(number(&octets) * unit))
        }
    };
    (element.id(), value.expect("netgauze: the element's type"))
}
