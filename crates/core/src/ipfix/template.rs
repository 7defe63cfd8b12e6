//! Template records and options template records (RFC 7011 §3.4), and the ranges of template IDs.
//!
//! ```text
//!  Template Record                        Options Template Record
//! +-----------------+-----------------+  +-----------------+-----------------+
//! | Template ID     | Field Count     |  | Template ID     | Field Count     |
//! +-----------------+-----------------+  +-----------------+-----------------+
//! | 0| InformationElement ID   | Field Length    |  | Scope Count     | 0| InformationElement ID   | …
//! +-----------------+-----------------+  +-----------------+-----------------+
//! ```

use super::element::InformationElement;

/// Set ID of template sets (RFC 7011 §3.3.2).
pub(crate) const TEMPLATE_SET: u16 = 2;
/// Set ID of options template sets.
pub(crate) const OPTIONS_TEMPLATE_SET: u16 = 3;

/// First template ID of the regular layouts; the mask of a layout is added. Options templates lie below.
pub const REGULAR_BASE: u16 = 0x4000;
/// Bits of a regular layout. The IDs of a 14th bit, once an interface name of fixed length, are not used again.
pub const REGULAR_BITS: u32 = 13;
/// First template ID of all irregular layouts; an ID is hashed from the fields.
pub const OTHER_BASE: u16 = 0x8000;

/// Length in a field specifier of a field of variable length (RFC 7011 §7).
pub const VARIABLE_LENGTH: u16 = u16::MAX;

/// Field specifier without an enterprise number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpecifier {
    /// The information element.
    pub element: &'static InformationElement,
    /// Octets in a data record, or [`VARIABLE_LENGTH`].
    pub octets: u16,
}

impl FieldSpecifier {
    /// Specifies the element at the usual length.
    pub const fn of(element: &'static InformationElement) -> Self {
        Self {
            element,
            octets: element.octets,
        }
    }
}

/// Template or, with scope fields, options template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Template ID, 256 and up.
    pub id: u16,
    /// Fields in order, scope fields first.
    pub fields: Vec<FieldSpecifier>,
    /// Number of scope fields: 0 makes a template, more make an options template.
    pub scopes: u16,
}

impl Template {
    /// ID of the set for this template record.
    pub fn set_id(&self) -> u16 {
        if self.scopes == 0 {
            TEMPLATE_SET
        } else {
            OPTIONS_TEMPLATE_SET
        }
    }

    /// Octets of a data record, not counting fields of variable length.
    pub fn record_octets(&self) -> usize {
        self.fields
            .iter()
            .filter(|field| field.octets != VARIABLE_LENGTH)
            .map(|field| usize::from(field.octets))
            .sum()
    }

    /// Returns the template record as octets.
    pub fn record(&self) -> Vec<u8> {
        let count = u16::try_from(self.fields.len()).expect("fewer fields than elements");
        let mut octets = Vec::with_capacity(6 + 4 * self.fields.len());
        octets.extend(self.id.to_be_bytes());
        octets.extend(count.to_be_bytes());
        if self.scopes > 0 {
            octets.extend(self.scopes.to_be_bytes());
        }
        for field in &self.fields {
            octets.extend(field.element.id.to_be_bytes());
            octets.extend(field.octets.to_be_bytes());
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipfix::element as e;

    /// RFC 7011 Appendix A.2.1: {8, 12, IPv4 next hop 15, 2, 1}, all of 4 octets; 15 is not one of our elements.
    #[test]
    fn the_template_record_of_rfc_7011_a_2_1_has_the_rfcs_octets() {
        const NEXT_HOP: InformationElement = InformationElement {
            id: 15,
            name: "ipNextHopIPv4Address",
            data_type: "ipv4Address",
            octets: 4,
        };
        let four = |element| FieldSpecifier { element, octets: 4 };
        let fields = [
            &e::SOURCE_IPV4_ADDRESS,
            &e::DESTINATION_IPV4_ADDRESS,
            &NEXT_HOP,
            &e::PACKET_DELTA_COUNT,
            &e::OCTET_DELTA_COUNT,
        ];
        let template = Template {
            id: 256,
            fields: fields.map(four).to_vec(),
            scopes: 0,
        };
        let expected = [
            1, 0, 0, 5, 0, 8, 0, 4, 0, 12, 0, 4, 0, 15, 0, 4, 0, 2, 0, 4, 0, 1, 0, 4,
        ];
        assert_eq!(template.record(), expected);
        assert_eq!(template.set_id(), 2);
        assert_eq!(template.record_octets(), 20);
    }

    /// RFC 7011 Appendix A.4.1: scope lineCardId (141, 4), fields 41 (2) and 42 (2), without the optional padding.
    #[test]
    fn the_options_template_record_of_rfc_7011_a_4_1_has_the_rfcs_octets() {
        const LINE_CARD: InformationElement = InformationElement {
            id: 141,
            name: "lineCardId",
            data_type: "unsigned32",
            octets: 4,
        };
        const MESSAGES: InformationElement = InformationElement {
            id: 41,
            name: "exportedMessageTotalCount",
            data_type: "unsigned64",
            octets: 2,
        };
        const FLOWS: InformationElement = InformationElement {
            id: 42,
            name: "exportedFlowRecordTotalCount",
            data_type: "unsigned64",
            octets: 2,
        };
        let fields = [&LINE_CARD, &MESSAGES, &FLOWS]
            .map(FieldSpecifier::of)
            .to_vec();
        let template = Template {
            id: 258,
            fields,
            scopes: 1,
        };
        assert_eq!(
            template.record(),
            [1, 2, 0, 3, 0, 1, 0, 141, 0, 4, 0, 41, 0, 2, 0, 42, 0, 2]
        );
        assert_eq!(template.set_id(), 3);
    }
}
