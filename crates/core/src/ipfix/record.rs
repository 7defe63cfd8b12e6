//! Values of a flow, and the encoding as a data record (RFC 7011 §3.4.3).
//!
//! [`FlowValues`] is an array of numbers; each value of a flow has a fixed [`ValueSlot`] in the array. A [`FlowLayout`] is a
//! template with the value slot of each field, precomputed as [`WriteStep`]s: a record is written by a loop over the steps,
//! without a branch on the meaning of a field. Neither knows where a value came from.
//!
//! ```text
//! template        152(8)  153(8)  8(4)   …      fields, first to last
//! record         |0     8|     16|  20|  …
//! steps, last to first:   … copy 8 octets to 12..20, then to 8..16, then to 0..8
//! ```
//!
//! Each step copies the eight octets of a number to the eight octets before the end of the field. A field of four octets
//! thereby overwrites four octets of the field before; the next step, of the field before, repairs the damage. The first
//! field may overwrite octets before the record, hence the lead of the window (`message.rs`). A field of variable length is
//! the tail of the record and is appended unchanged.

use super::message::{LEAD_OCTETS, WINDOW_OCTETS};
use super::options::push_cut;
use super::template::{FieldSpecifier, Template, VARIABLE_LENGTH};
use crate::network::Address;

/// Most octets of interfaceName (82) in a flow record, a field of variable length.
const LONGEST_NAME: usize = 127;

/// Slots of direct numbers: numbers that go straight into elements.
pub(crate) const DIRECT_NUMBERS: usize = 32;

/// Slots of a flow: as many as a [`ValueSlot`] can index, so that no index needs a check.
const SLOTS: usize = 256;

/// Index of a value in [`FlowValues`]. An address has two slots; an IPv4 address is in the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueSlot(u8);

impl ValueSlot {
    /// Returns the slot of a direct number, below [`DIRECT_NUMBERS`].
    pub(crate) const fn direct(number: u8) -> Self {
        Self(number)
    }

    /// Start in the exported unit: milliseconds or seconds since 1970.
    pub(crate) const START: Self = Self(32);
    pub(crate) const END: Self = Self(33);
    pub(crate) const SOURCE: Self = Self(34);
    pub(crate) const DESTINATION: Self = Self(36);
    pub(crate) const NAT_SOURCE: Self = Self(38);
    pub(crate) const NAT_DESTINATION: Self = Self(40);
    pub(crate) const EXPORTER: Self = Self(42);
    /// Slot of no number: the name is the tail of the record.
    pub(crate) const INTERFACE_NAME: Self = Self(44);
    pub(crate) const INGRESS: Self = Self(48);
    pub(crate) const EGRESS: Self = Self(49);
    pub(crate) const INGRESS_PHYSICAL: Self = Self(50);
    pub(crate) const EGRESS_PHYSICAL: Self = Self(51);
    pub(crate) const INGRESS_VRF: Self = Self(52);
    pub(crate) const EGRESS_VRF: Self = Self(53);
    /// flowDirection: 0 ingress, 1 egress.
    pub(crate) const DIRECTION: Self = Self(54);
    pub(crate) const FORWARDING_STATUS: Self = Self(55);
    pub(crate) const APPLICATION: Self = Self(56);
    pub(crate) const DROPPED_PACKETS: Self = Self(57);
}

/// Values of a flow, reused for the next flow. Slots that the layout does not export hold leftovers.
#[derive(Debug)]
pub(crate) struct FlowValues {
    slots: [u64; SLOTS],
    /// Last field of the record, if of variable length: length and octets (RFC 7011 §7). Empty otherwise.
    tail: Vec<u8>,
}

impl Default for FlowValues {
    fn default() -> Self {
        Self {
            slots: [0; SLOTS],
            tail: Vec::new(),
        }
    }
}

impl FlowValues {
    pub(crate) fn set(&mut self, slot: ValueSlot, value: u64) {
        self.slots[usize::from(slot.0)] = value;
    }

    /// Divides the values of these slots: a change of unit.
    #[cold]
    pub(crate) fn divide(&mut self, by: u64, slots: &[ValueSlot]) {
        for slot in slots {
            self.slots[usize::from(slot.0)] /= by;
        }
    }

    pub(crate) fn set_address(&mut self, slot: ValueSlot, address: Address) {
        let (high, low) = address.halves();
        if address.is_ipv4() {
            self.set(slot, low);
        } else {
            self.set(slot, high);
            self.set(ValueSlot(slot.0 + 1), low);
        }
    }

    /// Sets the interface name, or no name.
    pub(crate) fn set_interface_name(&mut self, name: Option<&str>) {
        self.tail.clear();
        if let Some(name) = name {
            self.tail.push(0);
            push_cut(&mut self.tail, name, LONGEST_NAME);
            self.tail[0] = u8::try_from(self.tail.len() - 1).expect("at most 127 octets");
        }
    }

    /// Field of variable length at the end of the record; empty if the record has none.
    #[inline]
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Sets the direct numbers.
    pub(crate) fn set_direct<const N: usize>(&mut self, numbers: &[u64; N]) {
        const { assert!(N <= DIRECT_NUMBERS) };
        self.slots[..N].copy_from_slice(numbers);
    }
}

/// Field of a layout: specifier in the template, and slot of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayoutField {
    pub(crate) specifier: FieldSpecifier,
    /// Slot whose low octets are written.
    pub(crate) slot: ValueSlot,
    /// Membership in the flow key (RFC 7011 §2).
    pub(crate) is_key: bool,
}

/// Template with the steps that write a record.
#[derive(Debug)]
pub(crate) struct FlowLayout {
    pub(crate) template: Template,
    steps: Vec<WriteStep>,
    flow_keys: u64,
    octets: usize,
}

/// Copy of a slot to the eight octets before `end`.
#[derive(Debug, Clone, Copy)]
struct WriteStep {
    /// Offset in the record.
    end: u8,
    slot: u8,
}

impl FlowLayout {
    pub(crate) fn new(id: u16, fields: &[LayoutField]) -> Self {
        let template = Template {
            id,
            fields: fields.iter().map(|field| field.specifier).collect(),
            scopes: 0,
        };
        let octets = template.record_octets();
        let keys = fields.iter().take(64).enumerate();
        Self {
            template,
            steps: write_steps(fields),
            flow_keys: keys.fold(0, |keys, (bit, field)| {
                keys | u64::from(field.is_key) << bit
            }),
            octets,
        }
    }

    /// Octets of a data record without the tail.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    /// flowKeyIndicator (173): bit n for the n-th field, from the least significant.
    pub(crate) fn flow_keys(&self) -> u64 {
        self.flow_keys
    }

    /// Returns a flow as a data record, with the tail.
    pub(crate) fn data_record(&self, flow: &FlowValues) -> Vec<u8> {
        let mut window = [0; WINDOW_OCTETS];
        self.write(flow, &mut window);
        let fixed = &window[LEAD_OCTETS..LEAD_OCTETS + self.octets];
        [fixed, flow.tail()].concat()
    }

    /// Writes a flow as a data record, [`LEAD_OCTETS`] into the window. Leading zeros of a number are left out where the
    /// field is shorter (RFC 7011 §6.2).
    #[inline]
    pub(crate) fn write(&self, flow: &FlowValues, window: &mut [u8; WINDOW_OCTETS]) {
        const { assert!(WINDOW_OCTETS >= u8::MAX as usize + LEAD_OCTETS) };
        for step in &self.steps {
            let value = flow.slots[usize::from(step.slot)];
            let begin = usize::from(step.end); // eight octets before the end, as the record begins after the lead
            window[begin..begin + LEAD_OCTETS].copy_from_slice(&value.to_be_bytes());
        }
    }
}

/// Returns the steps that write these fields, the last field first: a step for each slot of a field.
fn write_steps(fields: &[LayoutField]) -> Vec<WriteStep> {
    let mut end = 0_u8;
    let mut steps = Vec::new();
    let is_fixed = |field: &&LayoutField| field.specifier.octets != VARIABLE_LENGTH;
    for field in fields.iter().filter(is_fixed) {
        let ValueSlot(first) = field.slot;
        for (slot, begin) in (first..).zip((0..field.specifier.octets).step_by(8)) {
            let octets = (field.specifier.octets - begin).min(8) as u8;
            end = end
                .checked_add(octets)
                .expect("the longest layout has less than 256 octets");
            steps.push(WriteStep { end, slot });
        }
    }
    steps.reverse();
    steps
}
