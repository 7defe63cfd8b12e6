//! The numbers of interfaces, VPCs and applications, and the options records that name them.
//!
//! A name is announced in a domain before the first flow that uses its number leaves, and again when the epoch
//! changes (a new transport session, a UDP refresh, new names from the inventory) or the instance behind an interface does.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::services;
use crate::flowlog::FlowRecord;
use crate::flowlog::field::{DescribedInterface, FIELDS, Field, FieldMapping};
use crate::identity::{Collision, Identities};
use crate::ipfix::element as e;
use crate::ipfix::{Exporter, MessageSink, OptionsRecord, OptionsTable};
use crate::network::Inventory;
use crate::network::{IdMap, Identified};

/// Pseudo-interfaces: the side of a flow that is not the interface.
pub(crate) const ACCEPT: u32 = 1;
pub(crate) const REJECT: u32 = 2;

/// Octets of names that are remembered, of all domains together; beyond them the memory starts again and names are
/// announced again. A name counts with what its place in a table takes.
const REMEMBERED: usize = 64 << 20;

/// What the place of a name in a table takes, about, in octets, without its texts.
const PLACE: usize = 160;

/// How EC2's console describes the first interface of any instance: a third of the room, and it tells nothing.
const OF_EVERY_INSTANCE: &str = "Primary network interface";

/// What the names of a record are announced through.
pub(crate) struct Announcer<'a, S> {
    pub(crate) domain: usize,
    pub(crate) exporter: &'a mut Exporter,
    pub(crate) inventory: &'a Inventory,
    pub(crate) identities: &'a mut Identities,
    pub(crate) collisions: &'a mut Vec<Collision>,
    pub(crate) sink: &'a mut S,
}

/// What was announced, by domain.
#[derive(Debug, Default)]
pub(crate) struct Names {
    domains: Vec<DomainNames>,
    /// Octets of everything that is remembered.
    octets: usize,
}

#[derive(Debug, Default)]
struct DomainNames {
    interfaces: AnnouncedIds,
    vrfs: AnnouncedIds,
    applications: HashMap<u32, u32, FixedState>,
    pseudo_interfaces: u32,
}

/// The names of one kind that were announced.
#[derive(Debug, Default)]
struct AnnouncedIds {
    names: IdMap<Announced>,
}

#[derive(Debug)]
struct Announced {
    id: Box<[u8]>,
    number: u32,
    epoch: u32,
    instance: Option<Box<[u8]>>,
}

impl Identified for Announced {
    fn id(&self) -> &[u8] {
        &self.id
    }
}

impl AnnouncedIds {
    /// The number of a name that was announced in this epoch, for this instance if one is given.
    fn number(&self, id: &[u8], epoch: u32, instance: Option<&[u8]>) -> Option<u32> {
        let name = self.names.get(id)?;
        let holds =
            name.epoch == epoch && (instance.is_none() || name.instance.as_deref() == instance);
        holds.then_some(name.number)
    }
}

impl Names {
    /// The number of an interface.
    pub(crate) fn interface<S: MessageSink>(
        &mut self,
        id: &[u8],
        owner: DescribedInterface,
        record: &FlowRecord<'_>,
        to: &mut Announcer<'_, S>,
    ) -> Result<u32, S::Error> {
        let epoch = to.exporter.epoch();
        let instance = if owner == DescribedInterface::Interface {
            record.text(Field::InstanceId)
        } else {
            None
        };
        let interfaces = &mut self.domain(to.domain).interfaces;
        if let Some(number) = interfaces.number(id, epoch, instance) {
            return Ok(number);
        }
        let number = to.number(id);
        self.make_room(2 * id.len() + instance.map_or(0, <[u8]>::len));
        self.domain(to.domain).interfaces.names.insert(Announced {
            id: id.into(),
            number,
            epoch,
            instance: instance.map(Into::into),
        });
        let station = instance.map(|id| String::from_utf8_lossy(id).into_owned());
        let station = station
            .or_else(|| to.inventory.interface(id)?.instance.clone())
            .unwrap_or_default();
        let description = describe(id, owner, record, to.inventory);
        to.name_interface(number, &String::from_utf8_lossy(id), &description, &station)?;
        Ok(number)
    }

    /// The number of a VPC.
    pub(crate) fn vrf<S: MessageSink>(
        &mut self,
        id: &[u8],
        to: &mut Announcer<'_, S>,
    ) -> Result<u32, S::Error> {
        let epoch = to.exporter.epoch();
        let vrfs = &mut self.domain(to.domain).vrfs;
        if let Some(number) = vrfs.number(id, epoch, None) {
            return Ok(number);
        }
        let number = to.number(id);
        self.make_room(2 * id.len());
        self.domain(to.domain).vrfs.names.insert(Announced {
            id: id.into(),
            number,
            epoch,
            instance: None,
        });
        let mut name = String::from_utf8_lossy(id).into_owned();
        if let Some(tag) = to.inventory.vpc(id).and_then(|vpc| vpc.name.as_deref()) {
            name = format!("{name} {}", tag.replace(char::is_control, " "));
        }
        to.exporter.options(
            to.domain,
            OptionsTable::Vrf,
            |r| _ = r.u32(number).string(&e::VRF_NAME, &name),
            to.sink,
        )?;
        Ok(number)
    }

    /// The number of the services of both ends.
    pub(crate) fn application<S: MessageSink>(
        &mut self,
        source: Option<&[u8]>,
        destination: Option<&[u8]>,
        to: &mut Announcer<'_, S>,
    ) -> Result<u32, S::Error> {
        let number = services::application_id(source, destination);
        let epoch = to.exporter.epoch();
        let applications = &mut self.domain(to.domain).applications;
        if applications.get(&number) == Some(&epoch) {
            return Ok(number);
        }
        self.make_room(0);
        let applications = &mut self.domain(to.domain).applications;
        applications.insert(number, epoch);
        let (name, description) = services::names(source, destination);
        let write = |r: &mut _| write_application(r, number, &name, &description);
        to.exporter
            .options(to.domain, OptionsTable::Application, write, to.sink)?;
        Ok(number)
    }

    /// Names ACCEPT and REJECT in the domain.
    pub(crate) fn pseudo_interfaces<S: MessageSink>(
        &mut self,
        to: &mut Announcer<'_, S>,
    ) -> Result<(), S::Error> {
        let epoch = to.exporter.epoch();
        let names = self.domain(to.domain);
        if names.pseudo_interfaces == epoch {
            return Ok(());
        }
        names.pseudo_interfaces = epoch;
        to.name_interface(ACCEPT, "ACCEPT", "ACCEPT", "")?;
        to.name_interface(REJECT, "REJECT", "REJECT", "")
    }

    /// Makes room for a name. One that is announced again counts again, so that the memory starts again a little early.
    fn make_room(&mut self, octets: usize) {
        self.octets += octets + PLACE;
        if self.octets > REMEMBERED {
            self.octets = octets + PLACE;
            for domain in &mut self.domains {
                // ACCEPT and REJECT stay.
                domain.interfaces = AnnouncedIds::default();
                domain.vrfs = AnnouncedIds::default();
                domain.applications = HashMap::default();
            }
        }
    }

    fn domain(&mut self, index: usize) -> &mut DomainNames {
        if self.domains.len() <= index {
            self.domains.resize_with(index + 1, DomainNames::default);
        }
        &mut self.domains[index]
    }
}

impl<S: MessageSink> Announcer<'_, S> {
    fn number(&mut self, id: &[u8]) -> u32 {
        let (number, collision) = self.identities.number(id);
        self.collisions.extend(collision);
        number
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
        self.exporter
            .options(self.domain, OptionsTable::Interface, write, self.sink)
    }
}

fn write_application(record: &mut OptionsRecord, number: u32, name: &str, description: &str) {
    record
        .u32(number)
        .string(&e::APPLICATION_NAME, name)
        .string(&e::APPLICATION_DESCRIPTION, description);
}

/// What a network engineer wants to read of an interface, the most telling first, because 63 octets are all there is:
/// its Name tag or id, what the inventory says of it, then the record's own columns, the newest flow-log versions first.
fn describe(
    id: &[u8],
    owner: DescribedInterface,
    record: &FlowRecord<'_>,
    inventory: &Inventory,
) -> String {
    let mut text = String::new();
    let mut add = |part: &str| {
        // Tags are anybody's text: what would move a terminal's cursor becomes a space.
        let part = part.replace(char::is_control, " ");
        let part = part.trim();
        if !part.is_empty() && !text.contains(part) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part);
        }
    };
    if let Some(interface) = inventory.interface(id) {
        add(interface.name.as_deref().unwrap_or(&interface.id));
        add(interface
            .description
            .as_deref()
            .filter(|text| *text != OF_EVERY_INSTANCE)
            .unwrap_or_default());
        add(interface
            .kind
            .as_deref()
            .filter(|kind| *kind != "interface")
            .unwrap_or_default());
        add(interface.zone.as_deref().unwrap_or_default());
        add(interface.subnet.as_deref().unwrap_or_default());
    } else if let Some(attachment) = inventory.attachment(id) {
        add(attachment.name.as_deref().unwrap_or(&attachment.id));
        add(attachment.resource_type.as_deref().unwrap_or_default());
        add(attachment.resource.as_deref().unwrap_or_default());
    } else {
        add(&String::from_utf8_lossy(id));
    }
    let mut columns: Vec<_> = FIELDS
        .iter()
        .filter(|row| row.destination == FieldMapping::Description(owner))
        .collect();
    columns.sort_by_key(|row| std::cmp::Reverse(row.vpc.or(row.tgw)));
    for row in columns {
        if let Some(value) = record.text(row.field) {
            add(&percent_decoded(value));
        }
    }
    text
}

/// AWS writes special characters of tags as `%` and two hexadecimal digits of their UTF-8 octets.
fn percent_decoded(text: &[u8]) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        let digit = |at: usize| {
            after
                .get(at)
                .and_then(|&digit| char::from(digit).to_digit(16))
        };
        match (octet, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                octets.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &after[2..];
            }
            _ => {
                octets.push(octet);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    fn description(format: &str, line: &str) -> String {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record =
            FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("line of the test");
        describe(
            record.interface().expect("interface"),
            DescribedInterface::Interface,
            &record,
            &Inventory::default(),
        )
    }

    #[test]
    fn tags_are_percent_decoded_and_broken_escapes_stay() {
        assert_eq!(percent_decoded(b"caf%C3%A9%20one"), "café one");
        assert_eq!(percent_decoded(b"100%"), "100%");
        assert_eq!(percent_decoded(b"%zz%4"), "%zz%4");
        assert_eq!(percent_decoded(b"%FF"), "\u{fffd}");
    }

    #[test]
    fn a_description_starts_with_the_id_and_puts_the_most_telling_columns_first() {
        let format = "${interface-id} ${subnet-id} ${az-id} ${ecs-cluster-name} ${ecs-service-name} ${interface-tag}";
        let text = description(format, "eni-1 subnet-2 use1-az1 prod web front%20door");
        assert_eq!(text, "eni-1 front door prod web use1-az1 subnet-2");
        assert_eq!(description(format, "eni-1 - - - - -"), "eni-1");
        assert_eq!(
            description(format, "eni-1 - - - - a%0Ab%1B[2J"),
            "eni-1 a b [2J"
        );
    }
}
