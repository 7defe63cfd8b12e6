//! Options tables: names and facts for collectors beside the flows (RFC 7011 §3.4.2.2, §4; RFC 7119 §10).
//!
//! Strings have a fixed length and end in NUL, because several collectors cannot read options of variable length. Each
//! table has a fixed template ID below the regular layouts. The interface table carries both 82 and 83: nfdump learns
//! from 83, pmacct from 82. Element 10 stands in the interface table alone and element 234 in the VRF table alone,
//! because nfdump takes any options template with them for a name table.

use super::element::{self as e, InformationElement};
use super::template::{FieldSpecifier, Template};

/// Options table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionsTable {
    /// Interface index → name, description, instance.
    Interface,
    /// VRF id → name.
    Vrf,
    /// Observation domain → name.
    Domain,
    /// Sampling is 1 in 1: some collectors refuse flows without a known rate.
    Sampling,
    /// Application → name and description.
    Application,
    /// Flows that could not be sent (RFC 7011 §4.3).
    ExporterReliability,
    /// Records that were received and deliberately not exported (RFC 7119 §10.1).
    IntermediateReliability,
    /// Template → its flow keys (RFC 7011 §4.4).
    FlowKeys,
}

/// Every table, in template ID order.
pub const TABLES: [OptionsTable; 8] = [
    OptionsTable::Interface,
    OptionsTable::Vrf,
    OptionsTable::Domain,
    OptionsTable::Sampling,
    OptionsTable::Application,
    OptionsTable::ExporterReliability,
    OptionsTable::IntermediateReliability,
    OptionsTable::FlowKeys,
];

impl OptionsTable {
    /// Fixed template ID.
    pub const fn template_id(self) -> u16 {
        256 + self as u16
    }

    /// Scope fields, then the remaining fields.
    pub const fn elements(
        self,
    ) -> (
        &'static [&'static InformationElement],
        &'static [&'static InformationElement],
    ) {
        match self {
            Self::Interface => (
                &[&e::INGRESS_INTERFACE],
                &[
                    &e::INTERFACE_NAME,
                    &e::INTERFACE_DESCRIPTION,
                    &e::VIRTUAL_STATION_NAME,
                ],
            ),
            Self::Vrf => (&[&e::INGRESS_VRF_ID], &[&e::VRF_NAME]),
            Self::Domain => (&[&e::OBSERVATION_DOMAIN_ID], &[&e::OBSERVATION_DOMAIN_NAME]),
            Self::Sampling => (
                &[&e::OBSERVATION_DOMAIN_ID],
                &[&e::SAMPLING_PACKET_INTERVAL, &e::SAMPLING_PACKET_SPACE],
            ),
            Self::Application => (
                &[&e::APPLICATION_ID],
                &[&e::APPLICATION_NAME, &e::APPLICATION_DESCRIPTION],
            ),
            Self::ExporterReliability => (
                &[&e::EXPORTING_PROCESS_ID],
                &[
                    &e::NOT_SENT_FLOW_TOTAL_COUNT,
                    &e::NOT_SENT_PACKET_TOTAL_COUNT,
                    &e::NOT_SENT_OCTET_TOTAL_COUNT,
                    &e::OBSERVATION_TIME_MILLISECONDS,
                    &e::OBSERVATION_TIME_MILLISECONDS,
                ],
            ),
            Self::IntermediateReliability => (
                &[&e::OBSERVATION_DOMAIN_ID, &e::INTERMEDIATE_PROCESS_ID],
                &[
                    &e::IGNORED_DATA_RECORD_TOTAL_COUNT,
                    &e::OBSERVATION_TIME_MILLISECONDS,
                    &e::OBSERVATION_TIME_MILLISECONDS,
                ],
            ),
            Self::FlowKeys => (&[&e::TEMPLATE_ID], &[&e::FLOW_KEY_INDICATOR]),
        }
    }

    /// Options template of the table.
    pub fn template(self) -> Template {
        let (scopes, others) = self.elements();
        let fields = scopes
            .iter()
            .chain(others)
            .map(|&element| FieldSpecifier::of(element))
            .collect();
        Template {
            id: self.template_id(),
            fields,
            scopes: u16::try_from(scopes.len()).expect("one or two scope fields"),
        }
    }
}

/// Octets of an options record; values are appended in template order.
#[derive(Debug, Default)]
pub(crate) struct OptionsRecord {
    octets: Vec<u8>,
}

impl OptionsRecord {
    pub(crate) fn clear(&mut self) -> &mut Self {
        self.octets.clear();
        self
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.octets.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.octets.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.octets.extend(value.to_be_bytes());
        self
    }

    /// Appends a string at the element's fixed length.
    pub(crate) fn string(&mut self, element: &InformationElement, text: &str) -> &mut Self {
        let length = usize::from(element.octets);
        let cut = cut(text, length);
        self.octets.extend(cut.as_bytes());
        self.octets
            .resize(self.octets.len() + length - cut.len(), 0);
        self
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// Returns the longest prefix that leaves room for a NUL in a string of `length` octets. The prefix ends before the first
/// NUL of the text and on a UTF-8 boundary.
pub(crate) fn cut(text: &str, length: usize) -> &str {
    let text = text.split('\0').next().unwrap_or("");
    let mut end = text.len().min(length.saturating_sub(1));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_options_template_id_is_fixed_and_below_the_regular_layouts() {
        for (index, table) in TABLES.iter().enumerate() {
            assert_eq!(usize::from(table.template_id()), 256 + index);
            assert!(table.template_id() < super::super::template::REGULAR_BASE);
        }
    }

    #[test]
    fn every_string_is_at_most_128_octets() {
        for table in TABLES {
            assert!(
                table
                    .template()
                    .fields
                    .iter()
                    .all(|field| field.octets <= 128)
            );
        }
    }

    #[test]
    fn only_the_name_tables_have_interface_and_vrf_numbers() {
        for table in TABLES {
            let has = |element: &InformationElement| {
                table
                    .template()
                    .fields
                    .iter()
                    .any(|field| field.element == element)
            };
            assert_eq!(has(&e::INGRESS_INTERFACE), table == OptionsTable::Interface);
            assert_eq!(has(&e::INGRESS_VRF_ID), table == OptionsTable::Vrf);
        }
    }

    proptest! {
        #[test]
        fn strings_end_in_nul_and_are_cut_on_a_character_boundary(text: String) {
            let mut record = OptionsRecord::default();
            record.string(&e::VRF_NAME, &text);
            let octets = record.octets();
            prop_assert_eq!(octets.len(), 32);
            prop_assert_eq!(octets[31], 0);
            let end = octets.iter().position(|&octet| octet == 0).unwrap_or(32);
            prop_assert!(text.starts_with(std::str::from_utf8(&octets[..end]).expect("well-formed UTF-8")));
            prop_assert!(octets[end..].iter().all(|&octet| octet == 0));
        }
    }
}
