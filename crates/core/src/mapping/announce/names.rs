//! Announced names, by domain, and the options records of announcements.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::description::{self, vrf_name};
use super::notes::AnnouncementNotes;
use crate::flowlog::FlowRecord;
use crate::flowlog::field::{DescribedInterface, Field};
use crate::identity::identity;
use crate::ipfix::element as e;
use crate::ipfix::{Exporter, FlowLayout, MessageSink, OptionsRecord, OptionsTable};
use crate::mapping::services;
use crate::mapping::settings::NameTexts;
use crate::network::{Inventory, TableSet};

/// Pseudo-interfaces: the side of a flow opposite to the interface.
pub(crate) const ACCEPT: u32 = 1;
pub(crate) const REJECT: u32 = 2;

/// Most octets of kept names, of all domains together. Beyond, the tables are cleared, and names are announced
/// again. A name counts as [`ENTRY_OCTETS`] plus the octets of its texts.
const KEPT_OCTETS: usize = 64 << 20;

/// Most octets of the templates of all domains together; beyond, the domains are closed.
const TEMPLATE_OCTETS: usize = 32 << 20;

/// Octets of a template of a domain beside its record.
const LISTED_OCTETS: usize = 64;

/// Octets of an entry without its texts, roughly.
const ENTRY_OCTETS: usize = 128;

/// Most identifiers of equal number in a table; a further identifier shares the entry of the last.
const MAX_SHARING: u8 = 4;

/// Announcer of names in a domain, with everything that an options record needs.
pub(super) struct Announcer<'a, S> {
    pub(super) domain_slot: usize,
    pub(super) epoch: u32,
    /// Setting `NAMES`.
    pub(super) name_texts: NameTexts,
    pub(super) exporter: &'a mut Exporter,
    pub(super) inventory: &'a Inventory,
    /// Tables of the inventory for look-ups of the record.
    pub(super) tables: TableSet,
    pub(super) notes: &'a mut AnnouncementNotes,
    pub(super) sink: &'a mut S,
}

/// Announcements of all domains, by slot.
#[derive(Debug, Default)]
pub(super) struct AnnouncedNames {
    domains: Vec<DomainNames>,
    /// Octets of all kept names.
    octets: usize,
    /// Octets of the templates of all domains.
    template_octets: usize,
}

/// Announcements of a domain.
#[derive(Debug, Default)]
struct DomainNames {
    /// Epoch of the last announcement of the domain; 0 for never.
    announced: u32,
    /// Epoch of the last announcement of each layout; 0 for never.
    layouts: Vec<u32>,
    /// Epoch of the last announcement of ACCEPT and REJECT; 0 for never.
    pseudo_interfaces: u32,
    interfaces: AnnouncedIds,
    vrfs: AnnouncedIds,
    applications: HashMap<u32, u32, FixedState>,
    /// Octets of the kept names.
    octets: usize,
    /// Octets of the templates.
    template_octets: usize,
}

/// Announced identifiers of an options table. The key is the number, and the count of earlier identifiers with this number:
/// 0, except for identifiers with equal numbers.
#[derive(Debug, Default)]
struct AnnouncedIds {
    entries: HashMap<(u32, u8), AnnouncedId, FixedState>,
}

#[derive(Debug)]
struct AnnouncedId {
    id: Box<[u8]>,
    epoch: u32,
    /// Instance in the column of the record that announced the interface.
    instance: Option<Box<[u8]>>,
}

impl AnnouncedIds {
    /// Returns the key of an identifier, kept or not.
    fn key(&self, id: &[u8]) -> (u32, u8) {
        let number = identity(id);
        let is_free = |ordinal: &u8| {
            let entry = self.entries.get(&(number, *ordinal));
            entry.is_none_or(|entry| *entry.id == *id)
        };
        let ordinal = (0..MAX_SHARING).find(is_free);
        (number, ordinal.unwrap_or(MAX_SHARING - 1))
    }

    /// Returns whether the identifier was announced in this epoch, with this instance if any.
    fn is_announced(&self, key: (u32, u8), epoch: u32, instance: Option<&[u8]>) -> bool {
        self.entries.get(&key).is_some_and(|entry| {
            entry.epoch == epoch && (instance.is_none() || entry.instance.as_deref() == instance)
        })
    }
}

impl AnnouncedNames {
    /// Announces the domain.
    pub(super) fn announce_domain<S: MessageSink>(
        &mut self,
        to: &mut Announcer<'_, S>,
    ) -> Result<(), S::Error> {
        let domain = self.of_domain(to.domain_slot);
        if domain.announced == to.epoch {
            return Ok(());
        }
        domain.announced = to.epoch;
        let name = to.exporter.domain_name(to.domain_slot).as_bytes();
        to.notes.note_identifier(name, to.inventory);
        to.exporter.announce_domain(to.domain_slot, to.sink)
    }

    /// Returns whether the domain has announced a layout in this epoch.
    #[inline]
    pub(super) fn has_layout(&self, domain_slot: usize, number: usize, epoch: u32) -> bool {
        self.domains
            .get(domain_slot)
            .is_some_and(|domain| domain.layouts.get(number) == Some(&epoch))
    }

    /// Announces the flow keys of a layout, and adds the template to the domain if the layout is new in the domain.
    pub(super) fn announce_layout<S: MessageSink>(
        &mut self,
        number: usize,
        layout: &FlowLayout,
        to: &mut Announcer<'_, S>,
    ) -> Result<(), S::Error> {
        let domain = self.of_domain(to.domain_slot);
        let mut octets = 0;
        if domain.layouts.len() <= number {
            let more = number + 1 - domain.layouts.len();
            octets += more * size_of::<u32>();
            domain.layouts.resize(number + 1, 0);
        }
        if domain.layouts[number] == 0 {
            to.exporter.add_template(to.domain_slot, &layout.template);
            octets += LISTED_OCTETS + layout.template.record().len();
        }
        domain.layouts[number] = to.epoch;
        domain.template_octets += octets;
        self.template_octets += octets;
        let write = |r: &mut OptionsRecord| {
            _ = r.u16(layout.template.id).u64(layout.flow_keys());
        };
        to.write_options(OptionsTable::FlowKeys, write)
    }

    /// Announces an interface and returns the number. interfaceName is the id here (inline: `set_interface_name` in
    /// `encode.rs`).
    pub(super) fn announce_interface<S: MessageSink>(
        &mut self,
        id: &[u8],
        described: DescribedInterface,
        record: &FlowRecord<'_>,
        to: &mut Announcer<'_, S>,
    ) -> Result<u32, S::Error> {
        let instance = match described {
            DescribedInterface::Interface => record.text(Field::InstanceId),
            _ => None,
        };
        let number = identity(id);
        if !self.mark_announced(|domain| &mut domain.interfaces, id, instance, to) {
            return Ok(number);
        }
        let found = to.inventory.interface_in(to.tables, id);
        let found = found.map(|index| to.inventory.interface_at(index));
        let known = || Some(found?.instance()?.to_owned());
        let station = instance
            .map(|id| String::from_utf8_lossy(id).into_owned())
            .or_else(known)
            .unwrap_or_default();
        let description =
            description::interface(id, described, record, found, to.inventory, to.name_texts);
        to.name_interface(number, &String::from_utf8_lossy(id), &description, &station)?;
        Ok(number)
    }

    /// Announces a VPC and returns the number.
    pub(super) fn announce_vrf<S: MessageSink>(
        &mut self,
        id: &[u8],
        to: &mut Announcer<'_, S>,
    ) -> Result<u32, S::Error> {
        let number = identity(id);
        if !self.mark_announced(|domain| &mut domain.vrfs, id, None, to) {
            return Ok(number);
        }
        let name = vrf_name(id, to.inventory, to.name_texts);
        let write = |r: &mut OptionsRecord| _ = r.u32(number).string(&e::VRF_NAME, &name);
        to.write_options(OptionsTable::Vrf, write)?;
        Ok(number)
    }

    /// Announces the services of both ends and returns the number of the pair.
    pub(super) fn announce_application<S: MessageSink>(
        &mut self,
        source: Option<&[u8]>,
        destination: Option<&[u8]>,
        to: &mut Announcer<'_, S>,
    ) -> Result<u32, S::Error> {
        let number = services::application_id(source, destination);
        let applications = &mut self.of_domain(to.domain_slot).applications;
        match applications.insert(number, to.epoch) {
            Some(epoch) if epoch == to.epoch => return Ok(number),
            Some(_) => {}
            None => self.count(to.domain_slot, ENTRY_OCTETS),
        }
        let (name, description) = services::names(source, destination);
        let write = |r: &mut OptionsRecord| {
            _ = r
                .u32(number)
                .string(&e::APPLICATION_NAME, &name)
                .string(&e::APPLICATION_DESCRIPTION, &description);
        };
        to.write_options(OptionsTable::Application, write)?;
        Ok(number)
    }

    /// Announces ACCEPT and REJECT.
    pub(super) fn announce_pseudo_interfaces<S: MessageSink>(
        &mut self,
        to: &mut Announcer<'_, S>,
    ) -> Result<(), S::Error> {
        let domain = self.of_domain(to.domain_slot);
        if domain.pseudo_interfaces == to.epoch {
            return Ok(());
        }
        domain.pseudo_interfaces = to.epoch;
        to.name_interface(ACCEPT, "ACCEPT", "ACCEPT", "")?;
        to.name_interface(REJECT, "REJECT", "REJECT", "")
    }

    /// Forgets everything announced in a slot.
    pub(super) fn forget(&mut self, slot: usize) {
        let forgotten = std::mem::take(self.of_domain(slot));
        self.octets -= forgotten.octets;
        self.template_octets -= forgotten.template_octets;
    }

    /// Returns whether the templates of all domains take more than [`TEMPLATE_OCTETS`].
    pub(super) fn has_too_many_templates(&self) -> bool {
        self.template_octets > TEMPLATE_OCTETS
    }

    /// Notes the announcement of an identifier; returns false if the identifier was announced in this epoch already.
    /// Collisions, and identifiers unknown to the inventory, go to the notes.
    fn mark_announced<S>(
        &mut self,
        table: impl Fn(&mut DomainNames) -> &mut AnnouncedIds,
        id: &[u8],
        instance: Option<&[u8]>,
        to: &mut Announcer<'_, S>,
    ) -> bool {
        let ids = table(self.of_domain(to.domain_slot));
        let key @ (number, ordinal) = ids.key(id);
        if ids.is_announced(key, to.epoch, instance) {
            return false;
        }
        to.notes.note_identifier(id, to.inventory);
        let entry = AnnouncedId {
            id: id.into(),
            epoch: to.epoch,
            instance: instance.map(Into::into),
        };
        let octets = entry.octets();
        let replaced = ids.entries.insert(key, entry);
        let is_new = replaced.as_ref().is_none_or(|replaced| *replaced.id != *id);
        if is_new && ordinal > 0 {
            let first = &ids.entries[&(number, 0)].id;
            to.notes.note_collision(number, first, id);
        }
        let released = replaced.map_or(0, |replaced| replaced.octets());
        let domain = self.of_domain(to.domain_slot);
        domain.octets -= released;
        self.octets -= released;
        self.count(to.domain_slot, octets);
        true
    }

    /// Counts the octets of a kept name; beyond [`KEPT_OCTETS`], the names of all domains are forgotten.
    fn count(&mut self, slot: usize, octets: usize) {
        self.octets += octets;
        self.domains[slot].octets += octets;
        if self.octets > KEPT_OCTETS {
            self.octets = 0;
            for domain in &mut self.domains {
                domain.interfaces = AnnouncedIds::default();
                domain.vrfs = AnnouncedIds::default();
                domain.applications = HashMap::default();
                domain.octets = 0;
            }
        }
    }

    fn of_domain(&mut self, slot: usize) -> &mut DomainNames {
        if self.domains.len() <= slot {
            self.domains.resize_with(slot + 1, DomainNames::default);
        }
        &mut self.domains[slot]
    }
}

impl AnnouncedId {
    fn octets(&self) -> usize {
        ENTRY_OCTETS + self.id.len() + self.instance.as_deref().map_or(0, <[u8]>::len)
    }
}

impl<S: MessageSink> Announcer<'_, S> {
    fn write_options(
        &mut self,
        table: OptionsTable,
        write: impl FnOnce(&mut OptionsRecord),
    ) -> Result<(), S::Error> {
        self.exporter
            .write_options(self.domain_slot, table, write, self.sink)
    }

    fn name_interface(
        &mut self,
        number: u32,
        name: &str,
        description: &str,
        station: &str,
    ) -> Result<(), S::Error> {
        let write = |r: &mut OptionsRecord| {
            _ = r
                .u32(number)
                .string(&e::INTERFACE_NAME, name)
                .string(&e::INTERFACE_DESCRIPTION, description)
                .string(&e::VIRTUAL_STATION_NAME, station);
        };
        self.write_options(OptionsTable::Interface, write)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::ipfix::{MessageKind, SendOutcome, TemplateRefresh, Transport};

    const ID: &[u8] = b"eni-1";

    fn entry(id: &[u8], epoch: u32, instance: Option<&[u8]>) -> AnnouncedId {
        AnnouncedId {
            id: id.into(),
            epoch,
            instance: instance.map(Into::into),
        }
    }

    /// Calls `announce` with an announcer of the domain in slot 0; returns the written options records.
    fn announce(
        epoch: u32,
        notes: &mut AnnouncementNotes,
        announce: impl FnOnce(
            &mut Announcer<'_, fn(usize, MessageKind, &[u8]) -> Result<SendOutcome, Infallible>>,
        ),
    ) -> u64 {
        let refresh = TemplateRefresh {
            seconds: 600,
            messages: 20,
        };
        let mut exporter = Exporter::new(&[Transport::Stream], 1_400, refresh);
        exporter.open_domain(0, 7, "1");
        let mut sink: fn(usize, MessageKind, &[u8]) -> Result<SendOutcome, Infallible> =
            |_, _, _| Ok(SendOutcome::Sent);
        announce(&mut Announcer {
            domain_slot: 0,
            epoch,
            name_texts: NameTexts::On,
            exporter: &mut exporter,
            inventory: &Inventory::new(),
            tables: TableSet::default(),
            notes,
            sink: &mut sink,
        });
        exporter.take_sent().options_records
    }

    #[test]
    fn a_fifth_identifier_of_one_number_shares_the_key_of_the_fourth() {
        let mut ids = AnnouncedIds::default();
        let number = identity(ID);
        for ordinal in 0..MAX_SHARING {
            assert_eq!(ids.key(ID), (number, ordinal));
            ids.entries
                .insert((number, ordinal), entry(&[ordinal], 1, None));
        }
        assert_eq!(ids.key(ID), (number, MAX_SHARING - 1));
    }

    #[test]
    fn an_interface_is_announced_again_in_another_epoch_and_with_another_instance() {
        let mut ids = AnnouncedIds::default();
        let key = ids.key(ID);
        ids.entries.insert(key, entry(ID, 2, Some(b"i-1")));
        for (epoch, instance, expected) in [
            (2, None, true),
            (2, Some(&b"i-1"[..]), true),
            (2, Some(b"i-2"), false),
            (1, None, false),
            (1, Some(b"i-1"), false),
        ] {
            assert_eq!(
                ids.is_announced(key, epoch, instance),
                expected,
                "{epoch} {instance:?}"
            );
        }
    }

    #[test]
    fn two_identifiers_of_one_number_are_noted_once_and_their_octets_counted_once() {
        let (mut names, mut notes) = (AnnouncedNames::default(), AnnouncementNotes::default());
        let first = entry(b"other", 1, None);
        let octets = first.octets() + ENTRY_OCTETS + ID.len();
        names
            .of_domain(0)
            .interfaces
            .entries
            .insert((identity(ID), 0), first);
        names.of_domain(0).octets = octets - ENTRY_OCTETS - ID.len();
        names.octets = names.of_domain(0).octets;
        for epoch in 1..4 {
            for is_due in [true, false] {
                announce(epoch, &mut notes, |to| {
                    let marked =
                        names.mark_announced(|domain| &mut domain.interfaces, ID, None, to);
                    assert_eq!(marked, is_due);
                });
            }
            assert_eq!((names.octets, names.domains[0].octets), (octets, octets));
        }
        let (count, pairs) = notes.take_collisions();
        assert_eq!((count, pairs.len()), (1, 1));
    }

    #[test]
    fn services_are_announced_once_in_an_epoch() {
        let (mut names, mut notes) = (AnnouncedNames::default(), AnnouncementNotes::default());
        for (epoch, written) in [(1, 1), (1, 0), (2, 1), (2, 0)] {
            let records = announce(epoch, &mut notes, |to| {
                let Ok(_) = names.announce_application(Some(b"S3"), None, to);
            });
            assert_eq!(records, written, "{epoch}");
        }
        assert_eq!(names.octets, ENTRY_OCTETS);
    }

    #[test]
    fn templates_of_a_domain_are_counted_in_octets_until_the_domain_is_forgotten() {
        let (mut names, mut notes) = (AnnouncedNames::default(), AnnouncementNotes::default());
        let layout = FlowLayout::new(1_024, &[]);
        let listed = LISTED_OCTETS + layout.template.record().len();
        for (slot, number, octets) in [
            (0, 2, 12 + listed),
            (0, 2, 12 + listed),
            (0, 0, 12 + 2 * listed),
            (0, 3, 16 + 3 * listed),
        ] {
            announce(1, &mut notes, |to| {
                let Ok(()) = names.announce_layout(number, &layout, to);
            });
            assert_eq!(names.domains[slot].template_octets, octets, "{number}");
            assert_eq!(names.template_octets, octets, "{number}");
        }
        let octets = names.template_octets;
        names.of_domain(1).octets = 5;
        (names.octets, names.template_octets) = (7, octets + 9);
        names.forget(0);
        assert_eq!((names.octets, names.template_octets), (7, 9));
        names.forget(1);
        assert_eq!((names.octets, names.template_octets), (2, 9));
    }

    #[test]
    fn names_and_templates_are_bounded_in_octets() {
        assert_eq!(entry(ID, 1, Some(b"i-1")).octets(), ENTRY_OCTETS + 8);
        let mut names = AnnouncedNames::default();
        names.of_domain(0);
        names.count(0, KEPT_OCTETS);
        assert_eq!(names.octets, KEPT_OCTETS, "just enough room");
        names.count(0, 1);
        assert_eq!((names.octets, names.domains[0].octets), (0, 0));
        for (octets, is_too_much) in [(TEMPLATE_OCTETS, false), (TEMPLATE_OCTETS + 1, true)] {
            names.template_octets = octets;
            assert_eq!(names.has_too_many_templates(), is_too_much, "{octets}");
        }
    }

    #[test]
    fn an_interface_is_named_again_when_the_column_has_another_instance() {
        use crate::flowlog::{LogFormat, RecordValues};

        let format = LogFormat::parse("${interface-id} ${instance-id} ${bytes}");
        let format = format.expect("format of the test");
        let (mut names, mut notes) = (AnnouncedNames::default(), AnnouncementNotes::default());
        for (line, written) in [("eni-1 i-1 5", 1), ("eni-1 i-1 6", 0), ("eni-1 i-2 5", 1)] {
            let mut values = RecordValues::default();
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            let record = record.expect("line of the test");
            let records = announce(1, &mut notes, |to| {
                let described = DescribedInterface::Interface;
                let Ok(number) = names.announce_interface(ID, described, &record, to);
                assert_eq!(number, identity(ID));
            });
            assert_eq!(records, written, "{line}");
        }
    }
}
