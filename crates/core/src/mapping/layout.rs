//! Fields of a flow record, and the template ID that follows from the fields.
//!
//! A layout is determined by [`Contents`]: the present direct numbers and a bit for everything else. *Regular* layouts
//! differ in [`REGULAR_BITS`] things only, so the IDs are [`REGULAR_BASE`] plus a mask, unique by construction; all other
//! layouts have an ID hashed from the field list. Both kinds of IDs are stable across processes and releases.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::flowlog::field::{FIELD_COUNT, FIELDS, Field, FieldMapping, FieldSet};
use crate::flowlog::slot as value_index;
use crate::identity::fnv1a;
#[cfg(doc)]
use crate::ipfix::REGULAR_BITS;
use crate::ipfix::element::{self as e, InformationElement};
use crate::ipfix::{
    FieldSpecifier, FlowLayout, LayoutField, OTHER_BASE, REGULAR_BASE, VARIABLE_LENGTH, ValueSlot,
};

/// Most layouts of a process; AWS formats need a few dozen.
pub(crate) const MAX_LAYOUTS: usize = 4_096;

/// Contents of a flow record: the key of the layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Contents {
    /// Fields whose numbers go straight into an element.
    pub(crate) direct: FieldSet,
    /// Bits of [`part`] for everything else.
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

/// Bits of [`Contents::parts`].
pub(crate) mod part {
    parts! {
        SOURCE_4 SOURCE_6 DESTINATION_4 DESTINATION_6 NAT_SOURCE_4 NAT_SOURCE_6 NAT_DESTINATION_4 NAT_DESTINATION_6
        START END SECONDS WIDE DIRECTION INTERFACES VRF APPLICATION DROPPED INGRESS_PHYSICAL EGRESS_PHYSICAL
        EXPORTER_4 EXPORTER_6 INTERFACE_NAME
    }
}
use part::*;

/// Field of a layout brought by a part: the part, the element, the slot of the value, and whether the field belongs to the
/// flow key.
struct PartField(u32, &'static InformationElement, ValueSlot, bool);

/// Fields after the times.
#[rustfmt::skip] // a table
const ADDRESSES: [PartField; 4] = [
    PartField(SOURCE_4, &e::SOURCE_IPV4_ADDRESS, ValueSlot::SOURCE, true),
    PartField(SOURCE_6, &e::SOURCE_IPV6_ADDRESS, ValueSlot::SOURCE, true),
    PartField(DESTINATION_4, &e::DESTINATION_IPV4_ADDRESS, ValueSlot::DESTINATION, true),
    PartField(DESTINATION_6, &e::DESTINATION_IPV6_ADDRESS, ValueSlot::DESTINATION, true),
];

/// Fields after the direct fields. Every layout has the forwarding status; the name, of variable length, is the last field.
#[rustfmt::skip] // a table
const AFTER: [PartField; 17] = [
    PartField(INTERFACES, &e::INGRESS_INTERFACE, ValueSlot::INGRESS, true),
    PartField(INTERFACES, &e::EGRESS_INTERFACE, ValueSlot::EGRESS, true),
    PartField(VRF, &e::INGRESS_VRF_ID, ValueSlot::INGRESS_VRF, false),
    PartField(VRF, &e::EGRESS_VRF_ID, ValueSlot::EGRESS_VRF, false),
    PartField(DIRECTION, &e::FLOW_DIRECTION, ValueSlot::DIRECTION, true),
    PartField(0, &e::FORWARDING_STATUS, ValueSlot::FORWARDING_STATUS, false),
    PartField(NAT_SOURCE_4, &e::POST_NAT_SOURCE_IPV4_ADDRESS, ValueSlot::NAT_SOURCE, false),
    PartField(NAT_SOURCE_6, &e::POST_NAT_SOURCE_IPV6_ADDRESS, ValueSlot::NAT_SOURCE, false),
    PartField(NAT_DESTINATION_4, &e::POST_NAT_DESTINATION_IPV4_ADDRESS, ValueSlot::NAT_DESTINATION, false),
    PartField(NAT_DESTINATION_6, &e::POST_NAT_DESTINATION_IPV6_ADDRESS, ValueSlot::NAT_DESTINATION, false),
    PartField(APPLICATION, &e::APPLICATION_ID, ValueSlot::APPLICATION, false),
    PartField(DROPPED, &e::DROPPED_PACKET_DELTA_COUNT, ValueSlot::DROPPED_PACKETS, false),
    PartField(INGRESS_PHYSICAL, &e::INGRESS_PHYSICAL_INTERFACE, ValueSlot::INGRESS_PHYSICAL, false),
    PartField(EGRESS_PHYSICAL, &e::EGRESS_PHYSICAL_INTERFACE, ValueSlot::EGRESS_PHYSICAL, false),
    PartField(EXPORTER_4, &e::EXPORTER_IPV4_ADDRESS, ValueSlot::EXPORTER, false),
    PartField(EXPORTER_6, &e::EXPORTER_IPV6_ADDRESS, ValueSlot::EXPORTER, false),
    PartField(INTERFACE_NAME, &e::INTERFACE_NAME, ValueSlot::INTERFACE_NAME, false),
];

/// Bits of the mask of a regular layout that stand for several parts, or for a field.
const IPV6_BIT: u16 = 1 << 0;
const TCP_FLAGS_BIT: u16 = 1 << 2;
const NAT_BIT: u16 = 1 << 5;

/// Bits of the mask of a regular layout that stand for a part. All [`REGULAR_BITS`] are taken.
#[rustfmt::skip] // a table
const MASK: [(u16, u32); 10] = [
    (1 << 1, WIDE), (1 << 3, DIRECTION), (1 << 4, VRF), (1 << 6, APPLICATION), (1 << 7, DROPPED),
    (1 << 8, INGRESS_PHYSICAL), (1 << 9, EGRESS_PHYSICAL), (1 << 10, SECONDS), (1 << 11, EXPORTER_4), (1 << 12, EXPORTER_6),
];

impl Contents {
    /// Fields sent straight into an element by the field table.
    pub(crate) const DIRECT: FieldSet = direct_fields();

    pub(crate) fn has(self, part: u32) -> bool {
        self.parts & part == part
    }

    /// Returns the mask of a layout; nothing for an irregular layout. A part without a bit in [`MASK`] makes a layout
    /// irregular: the meaning of a template ID never changes, and every bit is taken.
    fn regular_mask(self) -> Option<u16> {
        const BASIC: FieldSet = FieldSet::REGULAR.intersection(Contents::DIRECT);
        const BASIC_V4: u32 = START | END | INTERFACES | SOURCE_4 | DESTINATION_4;
        const BASIC_V6: u32 = START | END | INTERFACES | SOURCE_6 | DESTINATION_6;
        const NAT_4: u32 = BASIC_V4 | NAT_SOURCE_4 | NAT_DESTINATION_4;
        const NAT_6: u32 = BASIC_V6 | NAT_SOURCE_6 | NAT_DESTINATION_6;

        if self.direct.difference(FieldSet::TCP_FLAGS) != BASIC {
            return None;
        }
        let with_bits = MASK.iter().fold(0, |parts, &(_, part)| parts | part);
        let mut mask = match self.parts & !with_bits {
            BASIC_V4 => 0,
            BASIC_V6 => IPV6_BIT,
            NAT_4 => NAT_BIT,
            NAT_6 => IPV6_BIT | NAT_BIT,
            _ => return None,
        };
        if self.direct.has(Field::TcpFlags) {
            mask |= TCP_FLAGS_BIT;
        }
        let bits = MASK.iter().filter(|&&(_, part)| self.has(part));
        Some(bits.fold(mask, |mask, &(bit, _)| mask | bit))
    }

    /// Returns the fields in the order of the record.
    fn fields(self) -> Vec<LayoutField> {
        let (start, end) = if self.has(SECONDS) {
            (&e::FLOW_START_SECONDS, &e::FLOW_END_SECONDS)
        } else {
            (&e::FLOW_START_MILLISECONDS, &e::FLOW_END_MILLISECONDS)
        };
        let times = [
            PartField(START, start, ValueSlot::START, false),
            PartField(END, end, ValueSlot::END, false),
        ];
        let field = |&PartField(part, element, slot, is_key): &PartField| {
            let specifier = match part {
                INTERFACE_NAME => FieldSpecifier {
                    element,
                    octets: VARIABLE_LENGTH,
                },
                _ => FieldSpecifier::of(element),
            };
            self.has(part).then_some(LayoutField {
                specifier,
                slot,
                is_key,
            })
        };
        let direct = self
            .direct
            .iter()
            .filter_map(|field| self.direct_field(field));
        let before = times.iter().chain(&ADDRESSES).filter_map(field);
        before
            .chain(direct)
            .chain(AFTER.iter().filter_map(field))
            .collect()
    }

    fn direct_field(self, field: Field) -> Option<LayoutField> {
        let FieldMapping::Element(element) = field.row().mapping else {
            return None;
        };
        let counter = matches!(field, Field::Packets | Field::Bytes);
        let octets = if counter && !self.has(WIDE) {
            4
        } else {
            element.octets
        };
        let is_key = matches!(
            field,
            Field::SourcePort | Field::DestinationPort | Field::Protocol
        );
        Some(LayoutField {
            specifier: FieldSpecifier { element, octets },
            slot: ValueSlot::direct(value_index(field)),
            is_key,
        })
    }
}

/// Layouts of this process.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    layouts: Vec<FlowLayout>,
    by_contents: HashMap<Contents, usize, FixedState>,
    by_id: HashMap<u16, usize, FixedState>,
    last: Option<(Contents, usize)>,
    collisions: u64,
}

impl Layouts {
    /// Returns the number of the layout with these contents, or nothing if [`MAX_LAYOUTS`] layouts exist already.
    #[inline]
    pub(crate) fn find_or_add(&mut self, contents: Contents) -> Option<usize> {
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

    pub(crate) fn layout(&self, number: usize) -> &FlowLayout {
        &self.layouts[number]
    }

    /// Takes the number of layouts whose hashed ID was taken, since the last call.
    pub(crate) fn take_collisions(&mut self) -> u64 {
        std::mem::take(&mut self.collisions)
    }

    fn add(&mut self, contents: Contents) -> Option<usize> {
        if self.layouts.len() >= MAX_LAYOUTS {
            return None;
        }
        let fields = contents.fields();
        let mut id = contents
            .regular_mask()
            .map_or_else(|| hashed_id(&fields), |mask| REGULAR_BASE + mask);
        if self.by_id.contains_key(&id) {
            self.collisions += 1;
            while self.by_id.contains_key(&id) {
                id = id.checked_add(1).unwrap_or(OTHER_BASE); // fewer layouts than IDs, so an ID is free
            }
        }
        let number = self.layouts.len();
        self.layouts.push(FlowLayout::new(id, &fields));
        self.by_contents.insert(contents, number);
        self.by_id.insert(id, number);
        Some(number)
    }
}

/// Returns `0x8000 + FNV-1a-64(element id, length, … as 16-bit big-endian numbers) mod 0x8000`.
fn hashed_id(fields: &[LayoutField]) -> u16 {
    let words = fields
        .iter()
        .map(|field| field.specifier)
        .flat_map(|specifier| [specifier.element.id, specifier.octets]);
    let octets: Vec<u8> = words.flat_map(u16::to_be_bytes).collect();
    let ids = u64::from(u16::MAX - OTHER_BASE) + 1;
    OTHER_BASE + u16::try_from(fnv1a(&octets) % ids).expect("less than 16 bits")
}

const fn direct_fields() -> FieldSet {
    let mut set = FieldSet::EMPTY;
    let mut i = 0;
    while i < FIELD_COUNT {
        if let FieldMapping::Element(_) = FIELDS[i].mapping {
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
                .fields()
                .iter()
                .map(|field| (field.specifier.element.id, field.specifier.octets))
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
    fn the_longest_layout_has_less_than_256_octets() {
        let four = SOURCE_4 | DESTINATION_4 | NAT_SOURCE_4 | NAT_DESTINATION_4 | EXPORTER_4;
        let contents = Contents {
            direct: Contents::DIRECT,
            parts: ((INTERFACE_NAME << 1) - 1) & !four,
        };
        let mut layouts = Layouts::default();
        let number = layouts.find_or_add(contents).expect("the first");
        assert!(layouts.layout(number).octets() < 256);
    }

    #[test]
    fn the_default_ipv4_layout_has_id_16384_and_46_octets_a_record() {
        let mut layouts = Layouts::default();
        let number = layouts
            .find_or_add(regular(0).expect("regular"))
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
            let number = layouts.find_or_add(contents).expect("the first");
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
        let id = hashed_id(&contents.fields());
        layouts.by_id.insert(id, usize::MAX);
        let number = layouts.find_or_add(contents).expect("room");
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
            .filter(|&parts| layouts.find_or_add(contents(parts)).is_some())
            .count();
        assert_eq!(made, MAX_LAYOUTS);
        assert!(
            layouts.find_or_add(contents(0)).is_some(),
            "known ones stay"
        );
    }

    #[test]
    fn a_part_without_a_bit_in_the_mask_makes_a_layout_irregular() {
        let bare = regular(0).expect("regular");
        let all = (0..1 << REGULAR_BITS).filter_map(regular);
        let known = all.fold(0, |known, contents| known | contents.parts);
        assert_eq!(known & INTERFACE_NAME, 0);
        for part in (0..u32::BITS).map(|bit| 1 << bit) {
            let contents = Contents {
                parts: bare.parts | part,
                ..bare
            };
            if part & known == 0 {
                assert_eq!(contents.regular_mask(), None, "{part:#x}");
            }
        }
    }

    #[test]
    fn a_layout_without_a_time_or_the_interfaces_is_irregular() {
        let regular = regular(0).expect("regular");
        assert_eq!(regular.regular_mask(), Some(0));
        for part in [START, END, INTERFACES] {
            let contents = Contents {
                parts: regular.parts & !part,
                ..regular
            };
            assert_eq!(contents.regular_mask(), None, "{part}");
        }
    }

    #[test]
    fn numbers_with_an_element_are_direct_and_addresses_and_times_are_not() {
        for (field, is_direct) in [
            (Field::SourcePort, true),
            (Field::Protocol, true),
            (Field::Bytes, true),
            (Field::TcpFlags, true),
            (Field::SourceAddress, false),
            (Field::Start, false),
            (Field::InterfaceId, false),
        ] {
            assert_eq!(Contents::DIRECT.has(field), is_direct, "{field:?}");
        }
    }
}
