//! Which observation domain, the "virtual exporter", a record belongs to.
//!
//! A transit gateway is its own domain, named by its id; every other record belongs to its account and region, named
//! `123456789012/eu-central-1`. The domain's number is the identity of its name, or the one that a setting pins.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::flowlog::{Field, FlowRecord, RecordKind};
use crate::identity::{Collision, Identities};
use crate::ipfix::Exporter;

/// The name of the domain when nothing is known, and of all domains beyond the limit.
const UNKNOWN: &str = "unknown";

/// The open domains by name.
#[derive(Debug, Default)]
pub(crate) struct Domains {
    by_name: HashMap<Box<[u8]>, usize, FixedState>,
    pinned: Option<u32>,
    /// The name that is looked up, built in place.
    name: Vec<u8>,
}

impl Domains {
    /// With a number that every record is exported under, if there is one.
    pub(crate) fn new(pinned: Option<u32>) -> Self {
        Self {
            pinned,
            ..Self::default()
        }
    }

    /// The place of the record's domain in the exporter, and the collision if its number has another name.
    pub(crate) fn resolve(
        &mut self,
        record: &FlowRecord<'_>,
        owner: Option<&str>,
        region: Option<&str>,
        identities: &mut Identities,
        exporter: &mut Exporter,
    ) -> (usize, Option<Collision>) {
        let (name, suffix) = name(record, owner, region);
        self.name.clear();
        self.name.extend_from_slice(name);
        if let Some(suffix) = suffix {
            self.name.push(b'/');
            self.name.extend_from_slice(suffix);
        }
        match self.by_name.get(self.name.as_slice()) {
            Some(&index) => (index, None),
            None => self.open(identities, exporter),
        }
    }

    fn open(
        &mut self,
        identities: &mut Identities,
        exporter: &mut Exporter,
    ) -> (usize, Option<Collision>) {
        let full = !exporter.has_room_for_domain();
        let name = if full {
            UNKNOWN.as_bytes()
        } else {
            self.name.as_slice()
        };
        let (number, collision) = match self.pinned {
            Some(number) => (number, None),
            None => identities.number(name),
        };
        let index = exporter.open_domain(number, &String::from_utf8_lossy(name));
        if !full {
            self.by_name.insert(name.into(), index);
        }
        (index, collision)
    }
}

/// The name of a record's domain: the gateway, or the account and, behind a slash, the region.
fn name<'a>(
    record: &FlowRecord<'a>,
    owner: Option<&'a str>,
    region: Option<&'a str>,
) -> (&'a [u8], Option<&'a [u8]>) {
    if let (RecordKind::TransitGateway, Some(gateway)) = (record.kind(), record.text(Field::TgwId))
    {
        return (gateway, None);
    }
    let account = record
        .text(Field::AccountId)
        .filter(|account| account.iter().all(u8::is_ascii_digit))
        .or(owner.map(str::as_bytes))
        .unwrap_or(UNKNOWN.as_bytes());
    let region = record.text(Field::Region).or(region.map(str::as_bytes));
    (account, region)
}
