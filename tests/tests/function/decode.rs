//! IPFIX messages of one transport session, decoded by `netflow_parser`.

use std::collections::{BTreeMap, HashMap};

use flowlogs_testing::wire::number;
use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::variable_versions::ipfix::lookup::IPFixField;
use netflow_parser::{FieldValue, NetflowPacket, NetflowParser};

/// A data record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    /// Observation domain.
    pub(crate) domain: u32,
    /// True for a record of an options template.
    pub(crate) is_options: bool,
    /// Values by the decoder's names of the elements.
    pub(crate) fields: BTreeMap<String, String>,
}

impl Record {
    /// A value as text; nothing where the record lacks the element.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// The data records of a session's messages, in order.
pub(crate) fn decode(messages: &[Vec<u8>]) -> Vec<Record> {
    let mut domains: HashMap<u32, NetflowParser> = HashMap::new();
    let mut records = Vec::new();
    for message in messages {
        let domain = message
            .get(12..16)
            .and_then(|octets| octets.try_into().ok());
        let domain = u32::from_be_bytes(domain.expect("a message header"));
        // Templates belong to an observation domain (RFC 7011 §8).
        let result = domains.entry(domain).or_default().parse_bytes(message);
        assert!(result.error.is_none(), "{:?}", result.error);
        for packet in result.packets {
            let NetflowPacket::IPFix(packet) = packet else {
                panic!("not IPFIX")
            };
            for set in packet.flowsets {
                let (fields, is_options) = match set.body {
                    FlowSetBody::Data(data) => (data.fields, false),
                    FlowSetBody::OptionsData(data) => (data.fields, true),
                    FlowSetBody::NoTemplate(_) => panic!("no template {}", set.header.header_id),
                    _ => continue,
                };
                let fields = fields
                    .iter()
                    .map(|record| record.iter().map(field).collect());
                records.extend(fields.map(|fields| Record {
                    domain,
                    is_options,
                    fields,
                }));
            }
        }
    }
    records
}

fn field((field, value): &(IPFixField, FieldValue)) -> (String, String) {
    let name = match field {
        IPFixField::IANA(field) => format!("{field:?}"),
        other => panic!("{other:?} is not IANA's"),
    };
    let value = match value {
        FieldValue::String(text) => {
            let text = String::from_utf8(text.raw.clone()).expect("well-formed UTF-8");
            text.trim_end_matches('\0').to_owned()
        }
        FieldValue::Ip4Addr(address) => address.to_string(),
        FieldValue::Ip6Addr(address) => address.to_string(),
        other => {
            let mut octets = Vec::new();
            other.write_be_bytes(&mut octets).expect("a Vec grows");
            match octets.len() {
                0..=8 => number(&octets).to_string(),
                _ => format!("{octets:?}"),
            }
        }
    };
    (name, value)
}
