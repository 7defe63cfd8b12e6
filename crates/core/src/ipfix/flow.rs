//! What one flow record says, and how it is written into a data record.
//!
//! A [`Flow`] is a row of numbers; each value has its [`Place`] in it. A [`Layout`] is a template together with the places
//! that fill it, in order, so that writing a record is the same few instructions for each field, whatever it means.
//! Neither knows where the values came from.

use crate::network::Address;

use super::message::{BEFORE, ROOM};
use super::template::{FieldSpecifier, Template};

/// Octets of interfaceName (82), also where it is exported in flow records.
pub(crate) const INTERFACE_NAME_OCTETS: usize = 32;

/// How many numbers a flow can take that go straight into elements.
pub(crate) const DIRECT_NUMBERS: usize = 32;

/// Places of a flow: as many as a [`Place`] can name, so that none has to be checked.
const PLACES: usize = 256;

/// Where a flow keeps a value. An address has two places, of which IPv4 uses the first; a name has four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u8);

impl Place {
    /// Of numbers that go straight into elements; this many as [`DIRECT_NUMBERS`] says.
    pub(crate) const fn direct(number: u8) -> Self {
        Self(number)
    }

    /// In the unit that is exported: milliseconds or seconds since 1970.
    pub(crate) const START: Self = Self(32);
    pub(crate) const END: Self = Self(33);
    pub(crate) const SOURCE: Self = Self(34);
    pub(crate) const DESTINATION: Self = Self(36);
    pub(crate) const NAT_SOURCE: Self = Self(38);
    pub(crate) const NAT_DESTINATION: Self = Self(40);
    pub(crate) const EXPORTER: Self = Self(42);
    pub(crate) const INTERFACE_NAME: Self = Self(44);
    pub(crate) const INGRESS: Self = Self(48);
    pub(crate) const EGRESS: Self = Self(49);
    pub(crate) const INGRESS_PHYSICAL: Self = Self(50);
    pub(crate) const EGRESS_PHYSICAL: Self = Self(51);
    pub(crate) const INGRESS_VRF: Self = Self(52);
    pub(crate) const EGRESS_VRF: Self = Self(53);
    /// 0 ingress, 1 egress.
    pub(crate) const DIRECTION: Self = Self(54);
    pub(crate) const FORWARDING_STATUS: Self = Self(55);
    pub(crate) const APPLICATION: Self = Self(56);
    pub(crate) const DROPPED_PACKETS: Self = Self(57);
}

/// The values of one flow, reused for the next. Which of them count is said by the layout.
#[derive(Debug)]
pub(crate) struct Flow {
    places: [u64; PLACES],
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            places: [0; PLACES],
        }
    }
}

impl Flow {
    pub(crate) fn set(&mut self, place: Place, value: u64) {
        self.places[usize::from(place.0)] = value;
    }

    /// Changes the unit of these values.
    #[cold]
    pub(crate) fn divide(&mut self, by: u64, places: &[Place]) {
        for place in places {
            self.places[usize::from(place.0)] /= by;
        }
    }

    pub(crate) fn set_address(&mut self, place: Place, address: Address) {
        let (high, low) = address.halves();
        if address.is_ipv4() {
            self.set(place, low);
        } else {
            self.set(place, high);
            self.set(Place(place.0 + 1), low);
        }
    }

    /// A name of at most [`INTERFACE_NAME_OCTETS`]; zeros fill the rest.
    pub(crate) fn set_name(&mut self, place: Place, name: &[u8]) {
        let mut octets = [0; INTERFACE_NAME_OCTETS];
        let length = name.len().min(octets.len());
        octets[..length].copy_from_slice(&name[..length]);
        self.set_wide(place, &octets);
    }

    /// Numbers that go straight into elements.
    pub(crate) fn set_direct<const N: usize>(&mut self, numbers: &[u64; N]) {
        const { assert!(N <= DIRECT_NUMBERS) };
        self.places[..N].copy_from_slice(numbers);
    }

    fn set_wide(&mut self, place: Place, octets: &[u8]) {
        for (number, octets) in (place.0..).zip(octets.chunks_exact(8)) {
            if let Ok(octets) = octets.try_into() {
                self.set(Place(number), u64::from_be_bytes(octets));
            }
        }
    }
}

/// A field of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) field: FieldSpecifier,
    /// The value that fills it, of which the low octets are written.
    pub(crate) place: Place,
    /// Whether the field is part of the flow key (RFC 7011 §2).
    pub(crate) key: bool,
}

/// A template and what fills it.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) template: Template,
    steps: Vec<Step>,
    flow_keys: u64,
    octets: usize,
}

/// Up to eight octets of a record: the low ones of a place.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Where in the record they end.
    end: u8,
    place: u8,
}

impl Layout {
    pub(crate) fn new(id: u16, slots: &[Slot]) -> Self {
        let template = Template {
            id,
            fields: slots.iter().map(|slot| slot.field).collect(),
            scopes: 0,
        };
        let octets = template.record_octets();
        let keys = slots.iter().take(64).enumerate();
        Self {
            template,
            steps: steps(slots),
            flow_keys: keys.fold(0, |keys, (bit, slot)| keys | u64::from(slot.key) << bit),
            octets,
        }
    }

    /// Octets of a data record.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    /// flowKeyIndicator (173): bit n for the n-th field, from the least significant.
    pub(crate) fn flow_keys(&self) -> u64 {
        self.flow_keys
    }

    /// Writes a flow as a data record, [`BEFORE`] octets into `out`.
    ///
    /// Every step writes the eight octets before the end of a field, the last field first, so that what is too much of it
    /// is written over by the field before. Leading zeros are left out where the field is shorter (RFC 7011 §6.2).
    #[inline]
    pub(crate) fn write(&self, flow: &Flow, out: &mut [u8; ROOM]) {
        const { assert!(ROOM >= u8::MAX as usize + BEFORE) };
        for step in &self.steps {
            let value = flow.places[usize::from(step.place)];
            let begin = usize::from(step.end); // eight octets before the end, as the record begins there
            out[begin..begin + BEFORE].copy_from_slice(&value.to_be_bytes());
        }
    }
}

/// The steps that write these fields, the last one first: for each of them one for each place that it fills.
fn steps(slots: &[Slot]) -> Vec<Step> {
    let mut end = 0_u8;
    let mut steps = Vec::new();
    for slot in slots {
        let Place(first) = slot.place;
        for (place, begin) in (first..).zip((0..slot.field.octets).step_by(8)) {
            let octets = (slot.field.octets - begin).min(8) as u8;
            end = end.saturating_add(octets); // the longest layout has far fewer
            steps.push(Step { end, place });
        }
    }
    steps.reverse();
    steps
}
