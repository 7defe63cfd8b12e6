//! Names from the options records of an observation domain: interfaces, VRFs, applications, the domain.

use std::collections::HashMap;
use std::hash::Hash;

use flowlogs_core::ipfix::{VARIABLE_LENGTH, element as e};
use netflow_parser::variable_versions::ipfix::Template;

use super::{DecodedValue, ElementId};

/// Most names of a kind in a domain; beyond, the map of names is cleared.
const REMEMBERED: usize = 65_536;

/// Octets of a name beside the text.
const NAME_WEIGHT: usize = 256;

/// Octets of a field of a template in the parser.
const FIELD_WEIGHT: usize = 96;

/// Record of the interface table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownInterface {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) station: String,
}

/// Names of an observation domain.
#[derive(Debug, Default)]
pub(crate) struct DomainNames {
    /// Observation domain ID.
    pub(crate) domain: u32,
    /// observationDomainName.
    pub(crate) domain_name: Option<String>,
    interfaces: HashMap<u64, KnownInterface>,
    vrfs: HashMap<u64, String>,
    applications: HashMap<(u8, u64), String>,
    /// Octets of a record, by template ID.
    octets: HashMap<u16, u32>,
    /// Number of fields of a template, by template ID.
    fields: HashMap<u16, usize>,
    /// Upper estimate of the octets that templates and names take.
    weight: usize,
}

impl DomainNames {
    pub(super) fn of(domain: u32) -> Self {
        Self {
            domain,
            ..Self::default()
        }
    }

    pub(crate) fn interface(&self, index: u64) -> Option<&KnownInterface> {
        self.interfaces.get(&index)
    }

    /// Returns all interfaces, in no particular order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &KnownInterface> {
        self.interfaces.values()
    }

    pub(crate) fn vrf(&self, id: u64) -> Option<&str> {
        self.vrfs.get(&id).map(String::as_str)
    }

    pub(crate) fn application(&self, engine: u8, selector: u64) -> Option<&str> {
        self.applications
            .get(&(engine, selector))
            .map(String::as_str)
    }

    /// Octets of a record of a template, without fields of variable length.
    pub(crate) fn record_octets(&self, template: u16) -> Option<u32> {
        self.octets.get(&template).copied()
    }

    /// Returns an upper estimate of the octets that templates and names take.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Takes note of the size of a template.
    pub(super) fn template_size(&mut self, id: u16, fields: usize) {
        let size = |fields: &usize| NAME_WEIGHT + fields * FIELD_WEIGHT;
        keep(&mut self.fields, &mut self.weight, id, fields, size);
    }

    pub(super) fn template(&mut self, template: &Template) {
        self.template_size(template.template_id, template.fields.len());
        let octets = template
            .fields
            .iter()
            .filter(|field| field.field_length != VARIABLE_LENGTH)
            .map(|field| u32::from(field.field_length));
        self.octets.insert(template.template_id, octets.sum());
    }

    /// Learns the names in an options record.
    pub(super) fn learn(&mut self, record: &[(ElementId, DecodedValue)]) {
        let value = |element: &e::InformationElement| {
            let wanted = ElementId::Iana(element.id);
            record
                .iter()
                .find(|(id, _)| *id == wanted)
                .map(|(_, value)| value)
        };
        let number = |element| value(element).and_then(DecodedValue::number);
        let text = |element| match value(element) {
            Some(DecodedValue::Text(text)) => Some(text.clone()),
            _ => None,
        };
        if let Some(index) = number(&e::INGRESS_INTERFACE) {
            let interface = KnownInterface {
                name: text(&e::INTERFACE_NAME).unwrap_or_default(),
                description: text(&e::INTERFACE_DESCRIPTION).unwrap_or_default(),
                station: text(&e::VIRTUAL_STATION_NAME).unwrap_or_default(),
            };
            let size = |known: &KnownInterface| {
                NAME_WEIGHT + known.name.len() + known.description.len() + known.station.len()
            };
            keep(
                &mut self.interfaces,
                &mut self.weight,
                index,
                interface,
                size,
            );
        }
        if let (Some(id), Some(name)) = (number(&e::INGRESS_VRF_ID), text(&e::VRF_NAME)) {
            let size = |name: &String| NAME_WEIGHT + name.len();
            keep(&mut self.vrfs, &mut self.weight, id, name, size);
        }
        if let (Some(DecodedValue::Application(engine, selector)), Some(name)) =
            (value(&e::APPLICATION_ID), text(&e::APPLICATION_NAME))
        {
            let size = |name: &String| NAME_WEIGHT + name.len();
            let key = (*engine, *selector);
            keep(&mut self.applications, &mut self.weight, key, name, size);
        }
        if let Some(name) = text(&e::OBSERVATION_DOMAIN_NAME) {
            self.weight += name.len();
            let old = self.domain_name.replace(name);
            self.weight -= old.map_or(0, |old| old.len());
        }
    }
}

/// Inserts a value into a map of at most [`REMEMBERED`] values, and keeps the sum of all sizes.
fn keep<K: Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    sum: &mut usize,
    key: K,
    value: V,
    size: impl Fn(&V) -> usize,
) {
    if map.len() >= REMEMBERED {
        *sum -= map.values().map(&size).sum::<usize>();
        map.clear();
    }
    *sum += size(&value);
    if let Some(old) = map.insert(key, value) {
        *sum -= size(&old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_kind_are_bounded_in_number() {
        let (mut map, mut sum) = (HashMap::new(), 0);
        for number in 0..70_000_u32 {
            keep(&mut map, &mut sum, number, "name", |name| name.len());
            assert!(map.len() <= 65_536);
            assert_eq!(sum, 4 * map.len());
        }
        assert_eq!(map.len(), 70_000 - 65_536);
    }
}
