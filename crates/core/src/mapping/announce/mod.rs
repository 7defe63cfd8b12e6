//! Announcements: the numbers of identifiers, and the options records that name them.
//!
//! # How announcements work
//!
//! IPFIX carries numbers where AWS has names. A number is announced by an options record in the observation domain that
//! uses the number, before the first flow with the number leaves. Worked example, the first line of a session:
//!
//! ```text
//! 2 123456789012 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
//!   └── domain ─┘└──── interface ────┘
//! ```
//!
//! 1. `turn_to` looks for the record's context. The cache key is the format, the account and region of the source, and the
//!    octets of the identifier columns (or a key of these: `context.rs`). This record is the first, so the context is made:
//!    domain `123456789012` gets slot 0 and the number `identity("123456789012")`.
//! 2. `announced_numbers` finds no numbers of this epoch in the context, so every identifier is announced: the domain table
//!    names the domain, the interface table names `ACCEPT` (1), `REJECT` (2) and 1525100236 (`eni-1235b8ca123456789`).
//! 3. `has_layout` finds that the domain has not used the layout (template ID 16384): `announce_layout` adds the template
//!    and announces the flow keys.
//! 4. The next line of this interface takes the context from the cache, and the numbers from the context.
//!
//! | cache | key | holds | invalidated by |
//! |---|---|---|---|
//! | `ContextCache` (`context.rs`), 4,096 entries | format, account and region of the source, identifier columns | domain slot, index in the inventory, observing flow logs, numbers with epoch | a new inventory, a closed domain (all entries); newer contexts of the same set (the entry) |
//! | `OpenDomains` (`domains.rs`), 4,096 names | domain name | slot in the exporter | at 4,096 names, the least recently used are closed; over 32 MiB of templates, all are |
//! | `AnnouncedIds` and services (`names.rs`), 64 MiB in all domains | domain, number | identifier, epoch, instance; of a service the epoch | a new epoch; a closed domain; all entries when the 64 MiB are full |
//! | layouts and pseudo-interfaces of a domain (`names.rs`) | number | epoch | a new epoch; a closed domain |
//!
//! A new **epoch** makes every number in a context, every announced id and the flow keys of every layout due again.
//! Templates are repeated by the exporter. Domain slots and contexts survive; a new inventory clears the contexts. An
//! epoch begins with a new connection or socket, a new inventory, a failed batch (the announcements may be lost), the
//! next batch after one without some target and, if a session is UDP, every 60 seconds. A name therefore leaves with
//! the first flow that uses the name in an epoch.
//!
//! **To add an options table**: CONTRIBUTING.md, "Add an options table".

mod context;
mod description;
mod domains;
mod names;
mod notes;
mod numbers;

use std::sync::Arc;

use crate::flowlog::{Field, FlowRecord, RecordKind};
use crate::identity::identity;
use crate::ipfix::{Exporter, FlowLayout, MessageSink};
use crate::mapping::settings::NameTexts;
use crate::network::{AccountRegion, Inventory};

pub(crate) use context::{ContextCache, InterfaceContext};
pub(crate) use names::{ACCEPT, REJECT};
pub use notes::MAX_UNKNOWN;
pub(crate) use numbers::{RecordNumbers, has_services};

use domains::OpenDomains;
use names::{AnnouncedNames, Announcer};
use notes::AnnouncementNotes;

/// Milliseconds of an epoch over UDP: a collector that starts in the middle of a session, and each file of nfcapd, has the
/// name of every interface still in use.
const UDP_EPOCH: u64 = 60_000;

/// State of announcements: the current epoch, and everything announced so far.
#[derive(Debug)]
pub(crate) struct Announcements {
    /// Current epoch: announcements of an earlier epoch are due again.
    epoch: u32,
    /// Beginning of the epoch, milliseconds since 1970.
    epoch_at: u64,
    /// Setting `NAMES`: texts written by people are announced or not.
    name_texts: NameTexts,
    domains: OpenDomains,
    contexts: ContextCache,
    names: AnnouncedNames,
    pub(crate) notes: AnnouncementNotes,
}

impl Announcements {
    /// Nothing is announced yet. `pinned` is the number of the only domain, if a setting pins the number.
    pub(crate) fn new(pinned: Option<u32>, name_texts: NameTexts) -> Self {
        Self {
            epoch: 1,
            epoch_at: 0,
            name_texts,
            domains: OpenDomains::new(pinned),
            contexts: ContextCache::default(),
            names: AnnouncedNames::default(),
            notes: AnnouncementNotes::default(),
        }
    }

    /// Begins an epoch: everything is due again.
    pub(crate) fn begin_epoch(&mut self, now: u64) {
        self.epoch = self.epoch.wrapping_add(1).max(1);
        self.epoch_at = now;
    }

    /// Begins an epoch if a session is UDP and the current epoch is [`UDP_EPOCH`] old.
    pub(crate) fn begin_epoch_if_due(&mut self, exporter: &Exporter) {
        let age = exporter.now().saturating_sub(self.epoch_at);
        if exporter.has_datagram_session() && age >= UDP_EPOCH {
            self.begin_epoch(exporter.now());
        }
    }

    /// Clears the context cache, and begins an epoch: the inventory is new.
    pub(crate) fn forget_inventory(&mut self, now: u64) {
        self.contexts.clear();
        self.begin_epoch(now);
    }

    /// Makes the context of the record current. `account` and `region` belong to the record's source.
    #[inline(always)] // single caller, for every record
    pub(crate) fn turn_to<S: MessageSink>(
        &mut self,
        record: &FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        inventory: &Inventory,
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if self.contexts.is_current(record, account, region) {
            return Ok(());
        }
        // A copy of the record: the caller's record can stay in registers.
        self.turn_to_other(*record, account, region, inventory, exporter, sink)
    }

    #[inline(never)]
    fn turn_to_other<S: MessageSink>(
        &mut self,
        record: FlowRecord<'_>,
        account: &Option<Arc<str>>,
        region: &Option<Arc<str>>,
        inventory: &Inventory,
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if self.names.has_too_many_templates() {
            self.close(&self.domains.open(), exporter, sink)?;
        }
        if !self.contexts.recall(&record, account, region) {
            let name = domains::name(&record, account.as_deref(), region.as_deref());
            let domain_slot = match self.domains.slot(&name) {
                Some(slot) => slot,
                None => self.open_domain(&name, exporter, sink)?,
            };
            let context = InterfaceContext {
                domain_slot,
                ..inventory_context(&record, account.as_deref(), region.as_deref(), inventory)
            };
            self.contexts.insert(&record, account, region, context);
        }
        self.domains.touch(self.contexts.current().domain_slot);
        Ok(())
    }

    /// Opens the domain with this name and returns the slot. Closes the least recently used domains if there is no room.
    fn open_domain<S: MessageSink>(
        &mut self,
        name: &[u8],
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<usize, S::Error> {
        self.close(&self.domains.least_recently_used(), exporter, sink)?;
        let number = self.domains.pinned().unwrap_or_else(|| identity(name));
        let (slot, is_shared) = self.domains.add(name, number);
        if is_shared {
            let first = exporter.domain_name(slot).as_bytes();
            self.notes.note_collision(number, first, name);
        } else {
            exporter.open_domain(slot, number, &String::from_utf8_lossy(name));
        }
        Ok(slot)
    }

    /// Closes domains. The templates and names of a domain are sent again when the domain is opened again; its sequence
    /// numbers go on.
    fn close<S: MessageSink>(
        &mut self,
        closed: &[usize],
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if closed.is_empty() {
            return Ok(());
        }
        let mut slots = closed.iter();
        slots.try_for_each(|&slot| exporter.finish_domain(slot, sink))?;
        for &slot in closed {
            exporter.close_domain(slot);
            self.names.forget(slot);
        }
        self.domains.close(closed);
        self.contexts.clear();
        Ok(())
    }

    /// Context of the current record.
    #[inline]
    pub(crate) fn context(&mut self) -> &mut InterfaceContext {
        self.contexts.current()
    }

    /// Returns the numbers of the current record's identifiers, each announced in this epoch.
    #[inline(always)] // single caller, for every record
    pub(crate) fn announced_numbers<S: MessageSink>(
        &mut self,
        record: &FlowRecord<'_>,
        inventory: &Inventory,
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<RecordNumbers, S::Error> {
        match self.contexts.current().numbers_in(self.epoch) {
            Some(numbers) if !has_services(record) => Ok(numbers),
            _ => self.announce(record, inventory, exporter, sink),
        }
    }

    #[inline(never)]
    fn announce<S: MessageSink>(
        &mut self,
        record: &FlowRecord<'_>,
        inventory: &Inventory,
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<RecordNumbers, S::Error> {
        let (names, context, mut announcer) = self.announcer(inventory, exporter, sink);
        names.announce_domain(&mut announcer)?;
        let mut numbers = match context.numbers_in(announcer.epoch) {
            Some(numbers) => numbers,
            None => {
                let interface = context.interface(inventory);
                numbers::announce_identifiers(record, interface, names, &mut announcer)?
            }
        };
        context.numbers = Some((announcer.epoch, numbers));
        if has_services(record) {
            numbers.application = numbers::announce_services(record, names, &mut announcer)?;
        }
        Ok(numbers)
    }

    /// Returns the announced names, the context of the current record, and an announcer in the record's domain.
    fn announcer<'a, S>(
        &'a mut self,
        inventory: &'a Inventory,
        exporter: &'a mut Exporter,
        sink: &'a mut S,
    ) -> (
        &'a mut AnnouncedNames,
        &'a mut InterfaceContext,
        Announcer<'a, S>,
    ) {
        let context = self.contexts.current();
        let announcer = Announcer {
            domain_slot: context.domain_slot,
            tables: context.tables,
            epoch: self.epoch,
            name_texts: self.name_texts,
            exporter,
            inventory,
            notes: &mut self.notes,
            sink,
        };
        (&mut self.names, context, announcer)
    }

    /// Returns whether a domain has announced this layout in this epoch.
    #[inline]
    pub(crate) fn has_layout(&self, domain_slot: usize, number: usize) -> bool {
        self.names.has_layout(domain_slot, number, self.epoch)
    }

    /// Announces a layout in the current record's domain: the template, if new in the domain, and the flow keys. The domain
    /// is announced already, by [`Self::announced_numbers`].
    #[inline(never)]
    pub(crate) fn announce_layout<S: MessageSink>(
        &mut self,
        number: usize,
        layout: &FlowLayout,
        inventory: &Inventory,
        exporter: &mut Exporter,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let (names, _, mut announcer) = self.announcer(inventory, exporter, sink);
        names.announce_layout(number, layout, &mut announcer)
    }
}

/// Returns the part of a record's context that follows from the inventory. `account` and `region` belong to the record's
/// source.
fn inventory_context(
    record: &FlowRecord<'_>,
    account: Option<&str>,
    region: Option<&str>,
    inventory: &Inventory,
) -> InterfaceContext {
    let (account, region) = domains::account_and_region(record, account, region);
    let id = id_in_tables(record);
    let vpc = record.text(Field::VpcId);
    let tables = inventory.tables_for(account, region, id, vpc);
    let interface = id.and_then(|id| inventory.interface_in(tables, id));
    InterfaceContext {
        interface,
        only_ipv4: interface.and_then(|index| inventory.interface_at(index).only_ipv4()),
        tables,
        lacks_inventory: inventory.lacks(account, region),
        lacks_table: inventory.missing_table(account, region, id, vpc).is_some(),
        ..InterfaceContext::default()
    }
}

/// Returns the account and region whose table of the inventory has to be loaded before a record is decided.
#[cold]
pub(crate) fn missing_table(
    record: &FlowRecord<'_>,
    account: Option<&str>,
    region: Option<&str>,
    inventory: &Inventory,
) -> Option<AccountRegion> {
    let (account, region) = domains::account_and_region(record, account, region);
    let (id, vpc) = (id_in_tables(record), record.text(Field::VpcId));
    inventory.missing_table(account, region, id, vpc)
}

/// Returns the id to look up in tables of interfaces; none for a record of a transit gateway.
fn id_in_tables<'a>(record: &FlowRecord<'a>) -> Option<&'a [u8]> {
    match record.kind() {
        RecordKind::Vpc => record.interface_id(),
        RecordKind::TransitGateway => None,
    }
}
