//! Which fields a flow record has, and the template ID that follows from it.
//!
//! A layout is determined by [`Contents`]: the direct numbers that are present and a bit for everything else. *Regular*
//! layouts differ in [`REGULAR_BITS`] things only, so their IDs are [`REGULAR_BASE`] plus a mask, unique by
//! construction; every other layout has an ID hashed from its field list. Both are the same in every process and release.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::flowlog::field::{FIELD_COUNT, FIELDS, Field, FieldMapping, FieldSet};
use crate::flowlog::slot;
use crate::identity::fnv1a;
#[cfg(doc)]
use crate::ipfix::REGULAR_BITS;
use crate::ipfix::element as e;
use crate::ipfix::{FieldSpecifier, Layout, OTHER_BASE, Place, REGULAR_BASE, Slot};

/// Most layouts of one process; AWS formats need a few dozen.
pub(crate) const MAX_LAYOUTS: usize = 4_096;

/// What a flow record contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Contents {
    /// Numbers that go straight into an element.
    pub(crate) direct: FieldSet,
    /// Everything else, a bit each.
    pub(crate) parts: u32,
}

macro_rules! parts {
    ($($name:ident)*) => { parts!(@ 0_u32; $($name)*); };
    (@ $bit:expr; $name:ident $($rest:ident)*) => {
        pub(crate) const $name: u32 = 1 << ($bit);
        parts!(@ $bit + 1; $($rest)*);
    };
    (@ $bit:expr;) => {};
}

/// The bits of [`Contents::parts`].
pub(crate) mod part {
    parts! {
        SOURCE_4 SOURCE_6 DESTINATION_4 DESTINATION_6 NAT_SOURCE_4 NAT_SOURCE_6 NAT_DESTINATION_4 NAT_DESTINATION_6
        START END SECONDS WIDE DIRECTION INTERFACES VRF APPLICATION DROPPED INGRESS_PHYSICAL EGRESS_PHYSICAL
        EXPORTER_4 EXPORTER_6 INTERFACE_NAME
    }
}
use part::*;

impl Contents {
    /// Numbers that the table sends straight into an element.
    pub(crate) const DIRECT: FieldSet = direct_fields();

    pub(crate) fn has(self, part: u32) -> bool {
        self.parts & part == part
    }

    /// The mask of a regular layout; nothing for any other.
    fn regular_mask(self) -> Option<u16> {
        const BASIC: FieldSet = FieldSet::of(&[
            Field::SourcePort,
            Field::DestinationPort,
            Field::Protocol,
            Field::Packets,
            Field::Bytes,
        ]);
        const TCP_FLAGS: FieldSet = FieldSet::of(&[Field::TcpFlags]);
        const V4: u32 = SOURCE_4 | DESTINATION_4;
        const V6: u32 = SOURCE_6 | DESTINATION_6;
        const NAT_4: u32 = NAT_SOURCE_4 | NAT_DESTINATION_4;
        const NAT_6: u32 = NAT_SOURCE_6 | NAT_DESTINATION_6;

        let (version6, nat) = match self.parts & (V4 | V6 | NAT_4 | NAT_6) {
            V4 => (false, false),
            V6 => (true, false),
            both if both == V4 | NAT_4 => (false, true),
            both if both == V6 | NAT_6 => (true, true),
            _ => return None,
        };
        let basic =
            self.direct.difference(TCP_FLAGS) == BASIC && self.has(START | END | INTERFACES);
        let bits = [
            version6,
            self.has(WIDE),
            self.direct.has(Field::TcpFlags),
            self.has(DIRECTION),
            self.has(VRF),
            nat,
            self.has(APPLICATION),
            self.has(DROPPED),
            self.has(INGRESS_PHYSICAL),
            self.has(EGRESS_PHYSICAL),
            self.has(SECONDS),
            self.has(EXPORTER_4),
            self.has(EXPORTER_6),
            self.has(INTERFACE_NAME),
        ];
        basic.then(|| {
            bits.iter()
                .enumerate()
                .fold(0, |mask, (bit, &set)| mask | u16::from(set) << bit)
        })
    }

    /// The fields in the order in which they stand in a record.
    fn slots(self) -> Vec<Slot> {
        let (start, end) = if self.has(SECONDS) {
            (&e::FLOW_START_SECONDS, &e::FLOW_END_SECONDS)
        } else {
            (&e::FLOW_START_MILLISECONDS, &e::FLOW_END_MILLISECONDS)
        };
        // Which part brings the field, its element, where its value is, and whether it is part of the flow key.
        let before = [
            (START, start, Place::START, false),
            (END, end, Place::END, false),
            (SOURCE_4, &e::SOURCE_IPV4_ADDRESS, Place::SOURCE, true),
            (SOURCE_6, &e::SOURCE_IPV6_ADDRESS, Place::SOURCE, true),
            (
                DESTINATION_4,
                &e::DESTINATION_IPV4_ADDRESS,
                Place::DESTINATION,
                true,
            ),
            (
                DESTINATION_6,
                &e::DESTINATION_IPV6_ADDRESS,
                Place::DESTINATION,
                true,
            ),
        ];
        let behind = [
            (INTERFACES, &e::INGRESS_INTERFACE, Place::INGRESS, true),
            (INTERFACES, &e::EGRESS_INTERFACE, Place::EGRESS, true),
            (VRF, &e::INGRESS_VRF_ID, Place::INGRESS_VRF, false),
            (VRF, &e::EGRESS_VRF_ID, Place::EGRESS_VRF, false),
            (DIRECTION, &e::FLOW_DIRECTION, Place::DIRECTION, true),
            (0, &e::FORWARDING_STATUS, Place::FORWARDING_STATUS, false),
            (
                NAT_SOURCE_4,
                &e::POST_NAT_SOURCE_IPV4_ADDRESS,
                Place::NAT_SOURCE,
                false,
            ),
            (
                NAT_SOURCE_6,
                &e::POST_NAT_SOURCE_IPV6_ADDRESS,
                Place::NAT_SOURCE,
                false,
            ),
            (
                NAT_DESTINATION_4,
                &e::POST_NAT_DESTINATION_IPV4_ADDRESS,
                Place::NAT_DESTINATION,
                false,
            ),
            (
                NAT_DESTINATION_6,
                &e::POST_NAT_DESTINATION_IPV6_ADDRESS,
                Place::NAT_DESTINATION,
                false,
            ),
            (APPLICATION, &e::APPLICATION_ID, Place::APPLICATION, false),
            (
                DROPPED,
                &e::DROPPED_PACKET_DELTA_COUNT,
                Place::DROPPED_PACKETS,
                false,
            ),
            (
                INGRESS_PHYSICAL,
                &e::INGRESS_PHYSICAL_INTERFACE,
                Place::INGRESS_PHYSICAL,
                false,
            ),
            (
                EGRESS_PHYSICAL,
                &e::EGRESS_PHYSICAL_INTERFACE,
                Place::EGRESS_PHYSICAL,
                false,
            ),
            (
                EXPORTER_4,
                &e::EXPORTER_IPV4_ADDRESS,
                Place::EXPORTER,
                false,
            ),
            (
                EXPORTER_6,
                &e::EXPORTER_IPV6_ADDRESS,
                Place::EXPORTER,
                false,
            ),
            (
                INTERFACE_NAME,
                &e::INTERFACE_NAME,
                Place::INTERFACE_NAME,
                false,
            ),
        ];
        let slot = |(part, element, place, key)| {
            let field = FieldSpecifier::of(element);
            self.has(part).then_some(Slot { field, place, key })
        };
        let direct = self
            .direct
            .iter()
            .filter_map(|field| self.direct_slot(field));
        let before = before.into_iter().filter_map(slot);
        let behind = behind.into_iter().filter_map(slot);
        before.chain(direct).chain(behind).collect()
    }

    fn direct_slot(self, field: Field) -> Option<Slot> {
        let FieldMapping::Element(element) = field.row().destination else {
            return None;
        };
        let counter = matches!(field, Field::Packets | Field::Bytes);
        let octets = if counter && !self.has(WIDE) {
            4
        } else {
            element.octets
        };
        let key = matches!(
            field,
            Field::SourcePort | Field::DestinationPort | Field::Protocol
        );
        Some(Slot {
            field: FieldSpecifier { element, octets },
            place: Place::direct(slot(field)),
            key,
        })
    }
}

/// Every layout of this process.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    layouts: Vec<Layout>,
    by_contents: HashMap<Contents, usize, FixedState>,
    id_map: HashMap<u16, usize, FixedState>,
    last: Option<(Contents, usize)>,
    collisions: u64,
}

impl Layouts {
    /// The number of the layout with these contents; nothing once there are [`MAX_LAYOUTS`] others.
    #[inline]
    pub(crate) fn number(&mut self, contents: Contents) -> Option<usize> {
        if let Some((last, number)) = self.last
            && last == contents
        {
            return Some(number);
        }
        let number = match self.by_contents.get(&contents) {
            Some(&number) => number,
            None => self.add(contents)?,
        };
        self.last = Some((contents, number));
        Some(number)
    }

    pub(crate) fn layout(&self, number: usize) -> &Layout {
        &self.layouts[number]
    }

    /// Layouts whose hashed ID was taken, since the last call.
    pub(crate) fn take_collisions(&mut self) -> u64 {
        std::mem::take(&mut self.collisions)
    }

    fn add(&mut self, contents: Contents) -> Option<usize> {
        if self.layouts.len() >= MAX_LAYOUTS {
            return None;
        }
        let slots = contents.slots();
        let mut id = contents
            .regular_mask()
            .map_or_else(|| hashed_id(&slots), |mask| REGULAR_BASE + mask);
        if self.id_map.contains_key(&id) {
            self.collisions += 1;
            while self.id_map.contains_key(&id) {
                id = id.checked_add(1).unwrap_or(OTHER_BASE); // fewer layouts than IDs, so one is free
            }
        }
        let number = self.layouts.len();
        self.layouts.push(Layout::new(id, &slots));
        self.by_contents.insert(contents, number);
        self.id_map.insert(id, number);
        Some(number)
    }
}

/// `0x8000 + FNV-1a-64(element id, length, … as 16-bit big-endian numbers) mod 0x8000`.
fn hashed_id(slots: &[Slot]) -> u16 {
    let words = slots
        .iter()
        .flat_map(|slot| [slot.field.element.id, slot.field.octets]);
    let octets: Vec<u8> = words.flat_map(u16::to_be_bytes).collect();
    let places = u64::from(u16::MAX - OTHER_BASE) + 1;
    OTHER_BASE + u16::try_from(fnv1a(&octets) % places).unwrap_or(0)
}

const fn direct_fields() -> FieldSet {
    let mut set = FieldSet::EMPTY;
    let mut i = 0;
    while i < FIELD_COUNT {
        if let FieldMapping::Element(_) = FIELDS[i].destination {
            set.insert(FIELDS[i].field);
        }
        i += 1;
    }
    set
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ipfix::{REGULAR_BITS, TABLES};

    /// The contents that a mask stands for.
    fn regular(mask: u32) -> Option<Contents> {
        let bit = |bit: u32| mask & 1 << bit != 0;
        let mut direct = FieldSet::of(&[
            Field::SourcePort,
            Field::DestinationPort,
            Field::Protocol,
            Field::Packets,
            Field::Bytes,
        ]);
        let mut parts = START | END | INTERFACES;
        parts |= if bit(0) {
            SOURCE_6 | DESTINATION_6
        } else {
            SOURCE_4 | DESTINATION_4
        };
        if bit(5) {
            parts |= if bit(0) {
                NAT_SOURCE_6 | NAT_DESTINATION_6
            } else {
                NAT_SOURCE_4 | NAT_DESTINATION_4
            };
        }
        if bit(2) {
            direct.insert(Field::TcpFlags);
        }
        let others = [
            (1, WIDE),
            (3, DIRECTION),
            (4, VRF),
            (6, APPLICATION),
            (7, DROPPED),
            (8, INGRESS_PHYSICAL),
        ];
        let more = [
            (9, EGRESS_PHYSICAL),
            (10, SECONDS),
            (11, EXPORTER_4),
            (12, EXPORTER_6),
            (13, INTERFACE_NAME),
        ];
        for (at, part) in others.into_iter().chain(more) {
            parts |= if bit(at) { part } else { 0 };
        }
        (!(bit(11) && bit(12))).then_some(Contents { direct, parts })
    }

    #[test]
    fn no_two_regular_layouts_share_a_template_id_or_a_field_list() {
        let (mut ids, mut lists) = (HashSet::new(), HashSet::new());
        let all: Vec<Contents> = (0..1 << REGULAR_BITS).filter_map(regular).collect();
        for contents in &all {
            let mask = contents.regular_mask().expect("regular");
            assert!(ids.insert(REGULAR_BASE + mask));
            let list: Vec<(u16, u16)> = contents
                .slots()
                .iter()
                .map(|slot| (slot.field.element.id, slot.field.octets))
                .collect();
            assert!(lists.insert(list));
        }
        assert_eq!(all.len(), 3 << (REGULAR_BITS - 2));
        assert!(ids.iter().all(|id| (REGULAR_BASE..OTHER_BASE).contains(id)));
        assert!(
            TABLES
                .iter()
                .all(|table| !ids.contains(&table.template_id()))
        );
    }

    #[test]
    fn the_longest_layout_has_places_below_256() {
        let four = SOURCE_4 | DESTINATION_4 | NAT_SOURCE_4 | NAT_DESTINATION_4 | EXPORTER_4;
        let contents = Contents {
            direct: Contents::DIRECT,
            parts: ((INTERFACE_NAME << 1) - 1) & !four,
        };
        let mut layouts = Layouts::default();
        let number = layouts.number(contents).expect("the first");
        assert!(layouts.layout(number).octets() < 256);
    }

    #[test]
    fn the_default_ipv4_layout_has_id_16384_and_46_octets_a_record() {
        let mut layouts = Layouts::default();
        let number = layouts
            .number(regular(0).expect("regular"))
            .expect("the first");
        let layout = layouts.layout(number);
        assert_eq!((layout.template.id, layout.octets()), (16_384, 46));
        let elements: Vec<u16> = layout
            .template
            .fields
            .iter()
            .map(|field| field.element.id)
            .collect();
        assert_eq!(elements, [152, 153, 8, 12, 7, 11, 4, 2, 1, 10, 14, 89]);
        assert_eq!(layout.flow_keys(), 0b110_0111_1100);
    }

    /// These IDs are promises to every collector that has cached a template.
    #[test]
    fn template_ids_are_the_same_in_every_release() {
        let id = |contents: Contents| {
            let mut layouts = Layouts::default();
            let number = layouts.number(contents).expect("the first");
            layouts.layout(number).template.id
        };
        assert_eq!(id(regular(0b1_1101).expect("regular")), 16_384 + 29);
        let addresses_only = Contents {
            direct: FieldSet::EMPTY,
            parts: SOURCE_4 | DESTINATION_4,
        };
        assert_eq!(id(addresses_only), 44_265);
        let mixed_families = Contents {
            direct: FieldSet::EMPTY,
            parts: SOURCE_4 | DESTINATION_6,
        };
        assert_eq!(id(mixed_families), 45_941);
    }

    #[test]
    fn layouts_that_meet_at_one_hashed_id_are_counted_and_keep_apart() {
        let mut layouts = Layouts::default();
        let contents = Contents {
            direct: FieldSet::EMPTY,
            parts: SOURCE_4,
        };
        let id = hashed_id(&contents.slots());
        layouts.id_map.insert(id, usize::MAX);
        let number = layouts.number(contents).expect("room");
        assert_eq!(layouts.layout(number).template.id, id + 1);
        assert_eq!(layouts.take_collisions(), 1);
    }

    #[test]
    fn the_number_of_layouts_is_bounded() {
        let mut layouts = Layouts::default();
        let contents = |parts| Contents {
            direct: FieldSet::EMPTY,
            parts,
        };
        let made = (0..10_000)
            .filter(|&parts| layouts.number(contents(parts)).is_some())
            .count();
        assert_eq!(made, MAX_LAYOUTS);
        assert!(layouts.number(contents(0)).is_some(), "known ones stay");
    }
}
