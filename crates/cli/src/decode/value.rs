//! Decoded values, in the few types that are printed.

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use flowlogs_core::ipfix::element::{self, InformationElement};
use netflow_parser::variable_versions::field_value::DurationValue;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, IPFixField};
use netflow_parser::{DataNumber, FieldValue};

use crate::clock::Time;

/// Last element number to look up in the decoder; the IANA registry ends below.
const LAST_ELEMENT: u16 = 1_023;

/// Information element of a decoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementId {
    /// Element of the IANA registry, by number.
    Iana(u16),
    /// Element of an enterprise, or an element without a number here.
    Enterprise(IPFixField),
}

impl ElementId {
    pub(super) fn of(field: IPFixField) -> Self {
        match field {
            IPFixField::IANA(IANAIPFixField::Unknown(id)) => Self::Iana(id),
            IPFixField::IANA(iana) => NUMBERS
                .binary_search_by(|(known, _)| known.cmp(&iana))
                .map_or(Self::Enterprise(field), |place| {
                    Self::Iana(NUMBERS[place].1)
                }),
            other => Self::Enterprise(other),
        }
    }
}

/// Numbers of the IANA elements, by the names that the decoder uses.
static NUMBERS: LazyLock<Vec<(IANAIPFixField, u16)>> = LazyLock::new(|| {
    let mut numbers: Vec<_> = (1..=LAST_ELEMENT)
        .map(|id| (IANAIPFixField::from(id), id))
        .filter(|(field, _)| !matches!(field, IANAIPFixField::Unknown(_)))
        .collect();
    numbers.sort_unstable();
    numbers
});

/// Elements of this product with registered names, by number.
static ELEMENTS: LazyLock<Vec<Option<&'static InformationElement>>> = LazyLock::new(|| {
    let mut elements = vec![None; usize::from(LAST_ELEMENT) + 1];
    for &element in element::ALL {
        elements[usize::from(element.id)] = Some(element);
    }
    elements
});

impl fmt::Display for ElementId {
    /// Name in the IANA registry; for elements that this product does not export, the decoder's spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iana = |id: u16| ELEMENTS.get(usize::from(id)).copied().flatten();
        match self {
            Self::Iana(id) => match (iana(*id), IANAIPFixField::from(*id)) {
                (Some(element), _) => f.write_str(element.name),
                (None, IANAIPFixField::Unknown(id)) => write!(f, "element{id}"),
                (None, field) => {
                    let name = format!("{field:?}");
                    let (first, rest) = name.split_at(1);
                    write!(f, "{}{rest}", first.to_ascii_lowercase())
                }
            },
            Self::Enterprise(IPFixField::Enterprise {
                enterprise_number,
                field_number,
            }) => write!(f, "enterprise{enterprise_number}element{field_number}"),
            Self::Enterprise(field) => write!(f, "{field:?}"),
        }
    }
}

/// Decoded value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DecodedValue {
    Number(u64),
    Float(f64),
    Address(IpAddr),
    Time(Time),
    Text(String),
    /// applicationId (RFC 6759 §4): engine and selector.
    Application(u8, u64),
    Octets(Vec<u8>),
}

impl DecodedValue {
    pub(super) fn of(element: ElementId, value: FieldValue) -> Self {
        let number = u64::from;
        match value {
            FieldValue::String(text) => Self::Text(text.value),
            FieldValue::DataNumber(data) => match (data.as_u64(), data) {
                (Some(value), _) => Self::Number(value),
                (None, DataNumber::Vec(octets)) => Self::Octets(octets),
                (None, other) => Self::Text(format!("{other:?}")),
            },
            FieldValue::Float64(value) => Self::Float(value),
            FieldValue::Duration(duration) => {
                let value = match duration {
                    DurationValue::Seconds { value, .. } => value.saturating_mul(1_000),
                    DurationValue::Millis { value, .. } => value,
                    other => u64::try_from(other.as_duration().as_millis()).unwrap_or(u64::MAX),
                };
                // Durations and points in time have the same type in the decoder.
                match element {
                    ElementId::Iana(150..=159 | 258 | 322..=325) => Self::Time(Time(value)),
                    _ => Self::Number(value),
                }
            }
            FieldValue::Ip4Addr(address) => Self::Address(address.into()),
            FieldValue::Ip6Addr(address) => Self::Address(address.into()),
            FieldValue::MacAddr(octets) => Self::Octets(octets.to_vec()),
            FieldValue::Vec(octets) => Self::Octets(octets),
            FieldValue::ApplicationId(id) => {
                let selector = id.selector_id.and_then(|selector| selector.as_u64());
                Self::Application(id.classification_engine_id, selector.unwrap_or_default())
            }
            FieldValue::ProtocolType(value) => Self::Number(number(u8::from(value))),
            FieldValue::ForwardingStatus(value) => Self::Number(number(u8::from(value))),
            FieldValue::FragmentFlags(value) => Self::Number(number(u8::from(value))),
            FieldValue::TcpControlBits(value, _) => Self::Number(u64::from(u16::from(value))),
            FieldValue::IsMulticast(value) => Self::Number(number(u8::from(value))),
            FieldValue::MplsLabelExp(value) => Self::Number(number(u8::from(value))),
            FieldValue::FlowEndReason(value) => Self::Number(number(u8::from(value))),
            FieldValue::NatEvent(value) => Self::Number(number(u8::from(value))),
            FieldValue::FirewallEvent(value) => Self::Number(number(u8::from(value))),
            FieldValue::MplsTopLabelType(value) => Self::Number(number(u8::from(value))),
            FieldValue::NatOriginatingAddressRealm(value) => Self::Number(number(u8::from(value))),
            other => Self::Text(format!("{other:?}")),
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Display for DecodedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Address(value) => value.fmt(f),
            Self::Time(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Application(engine, selector) => write!(f, "{engine}:{selector}"),
            Self::Octets(octets) => octets.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_this_product_has_its_registered_name() {
        for element in element::ALL {
            let id = ElementId::of(IPFixField::new(element.id, None));
            assert_eq!(id, ElementId::Iana(element.id));
            assert_eq!(id.to_string(), element.name);
        }
    }

    #[test]
    fn elements_of_others_are_named_by_the_decoder_or_by_number() {
        let name = |id, enterprise| ElementId::of(IPFixField::new(id, enterprise)).to_string();
        assert_eq!(name(5, None), "ipClassOfService");
        assert_eq!(name(900, None), "element900");
        assert_eq!(name(7, Some(32_473)), "enterprise32473element7");
    }
}
