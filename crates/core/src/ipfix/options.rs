//! Options tables: names and facts for collectors beside the flows (RFC 7011 §3.4.2.2, §4; RFC 7119 §10).
//!
//! Strings have a fixed length and end in NUL, because several collectors cannot read options of variable length. Each table
//! has a fixed template ID below the regular layouts. The interface table carries both 82 and 83: nfdump learns from 83,
//! pmacct from 82. Element 10 stands in the interface table alone and element 234 in the VRF table alone, because nfdump
//! takes any options template with these elements for a name table.

use std::borrow::Cow;

use super::element::{self as e, InformationElement};
use super::template::{FieldSpecifier, Template};

/// Options table; the number is the template ID, and never gets another meaning.
///
/// 256, 257, 261 and 262 were earlier forms of the interface and VRF tables and of the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum OptionsTable {
    /// Observation domain → name.
    Domain = 258,
    /// Sampling is 1 in 1: some collectors refuse flows without a known rate.
    Sampling = 259,
    /// Application → name and description.
    Application = 260,
    /// Template → flow keys (RFC 7011 §4.4).
    FlowKeys = 263,
    /// Interface index → name, description, instance.
    Interface = 264,
    /// VRF id → name.
    Vrf = 265,
    /// Flows not sent (RFC 7011 §4.3).
    ExporterReliability = 266,
    /// Received records, deliberately not exported (RFC 7119 §10.1).
    IntermediateReliability = 267,
}

/// Every table, in template ID order.
pub const TABLES: [OptionsTable; 8] = [
    OptionsTable::Domain,
    OptionsTable::Sampling,
    OptionsTable::Application,
    OptionsTable::FlowKeys,
    OptionsTable::Interface,
    OptionsTable::Vrf,
    OptionsTable::ExporterReliability,
    OptionsTable::IntermediateReliability,
];

/// Statistics of a domain, sent last (`exporter.rs`).
pub(crate) const STATISTICS: [OptionsTable; 2] = [
    OptionsTable::ExporterReliability,
    OptionsTable::IntermediateReliability,
];

impl OptionsTable {
    /// Fixed template ID.
    pub const fn template_id(self) -> u16 {
        self as u16
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
                    &e::OBSERVATION_TIME_SECONDS,
                    &e::OBSERVATION_TIME_MILLISECONDS,
                ],
            ),
            Self::IntermediateReliability => (
                &[&e::OBSERVATION_DOMAIN_ID, &e::INTERMEDIATE_PROCESS_ID],
                &[
                    &e::IGNORED_DATA_RECORD_TOTAL_COUNT,
                    &e::OBSERVATION_TIME_SECONDS,
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

    /// Appends a string at the element's fixed length, cut if longer, followed by a NUL.
    pub(crate) fn string(&mut self, element: &InformationElement, text: &str) -> &mut Self {
        let length = usize::from(element.octets);
        let end = self.octets.len() + length;
        push_cut(&mut self.octets, text, length - 1);
        self.octets.resize(end, 0);
        self
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// Mark of a cut text.
const ELLIPSIS: &str = "…";

/// Appends a text of at most `most` octets. A longer text is cut between words, or within the first word, and ends in `…`.
/// Control characters become spaces: collectors print names unchanged, and a NUL would end the name.
pub(crate) fn push_cut(octets: &mut Vec<u8>, text: &str, most: usize) {
    let text = match text.contains(char::is_control) {
        true => Cow::Owned(text.replace(char::is_control, " ")),
        false => Cow::Borrowed(text),
    };
    if text.len() <= most {
        octets.extend_from_slice(text.as_bytes());
        return;
    }
    let mut end = most - ELLIPSIS.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // A cut right before a space is between words already.
    let words = match text[end..].starts_with(' ') {
        true => &text[..end],
        false => text[..end]
            .rsplit_once(' ')
            .map_or(&text[..end], |(words, _)| words),
    };
    octets.extend_from_slice(words.trim_end().as_bytes());
    octets.extend_from_slice(ELLIPSIS.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_template_ids_are_in_order_and_below_the_regular_layouts() {
        assert!(TABLES.is_sorted_by_key(|table| table.template_id()));
        let last = TABLES.map(OptionsTable::template_id)[TABLES.len() - 1];
        assert!(last < super::super::template::REGULAR_BASE);
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

    #[test]
    fn no_table_names_an_element_twice() {
        for table in TABLES {
            let fields = table.template().fields;
            let elements: HashSet<u16> = fields.iter().map(|field| field.element.id).collect();
            assert_eq!(elements.len(), fields.len(), "{table:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_words_and_says_so() {
        let cut = |text, most| {
            let mut octets = Vec::new();
            push_cut(&mut octets, text, most);
            String::from_utf8(octets).expect("UTF-8")
        };
        assert_eq!(cut("one two", 7), "one two");
        assert_eq!(cut("one two six", 10), "one two…");
        assert_eq!(cut("one two six", 9), "one…");
        assert_eq!(cut("onetwosix", 8), "onetw…");
        assert_eq!(cut("ééééé", 9), "ééé…");
        assert_eq!(cut("a\0b", 9), "a b");
    }

    proptest! {
        #[test]
        fn strings_end_in_nul_and_lose_no_text_silently(text: String) {
            let mut record = OptionsRecord::default();
            record.string(&e::INTERFACE_NAME, &text);
            let octets = record.octets();
            prop_assert_eq!(octets.len(), 32);
            prop_assert_eq!(octets[31], 0);
            let end = octets.iter().position(|&octet| octet == 0).unwrap_or(32);
            let sent = std::str::from_utf8(&octets[..end]).expect("well-formed UTF-8");
            prop_assert!(octets[end..].iter().all(|&octet| octet == 0));
            let text = text.replace(char::is_control, " ");
            match sent.strip_suffix('…').filter(|_| sent != text) {
                Some(beginning) => prop_assert!(text.starts_with(beginning) && text.len() > 31),
                None => prop_assert_eq!(sent, text),
            }
        }
    }
}
