//! Notes taken while names are announced: identifiers that the inventory lacks, and identifiers with equal numbers.

use std::collections::BTreeSet;

use crate::flowlog::FlowRecord;
use crate::flowlog::field::{ColumnType, FIELDS, TextPattern};
use crate::identity::{Collision, ID_OCTETS};
use crate::network::Inventory;

/// Most unknown identifiers between two calls of [`Transcoder::take_unknown`](crate::Transcoder::take_unknown).
pub const MAX_UNKNOWN: usize = 1_000;

/// Most collisions kept with both identifiers; further collisions are only counted.
const KEPT_COLLISIONS: usize = 16;

/// Prefixes of the identifiers that EC2 knows; `tgw-` includes `tgw-attach-`.
const KNOWN_TO_EC2: [&str; 3] = ["eni-", "vpc-", "tgw-"];

/// Notes that were not taken yet.
#[derive(Debug, Default)]
pub(crate) struct AnnouncementNotes {
    unknown: BTreeSet<String>,
    collisions: u64,
    kept_collisions: Vec<Collision>,
}

impl AnnouncementNotes {
    /// Notes an identifier of a kind known to EC2, if the inventory lacks the identifier.
    pub(super) fn note_identifier(&mut self, id: &[u8], inventory: &Inventory) {
        let is_known = KNOWN_TO_EC2
            .iter()
            .any(|prefix| id.starts_with(prefix.as_bytes()));
        let has_room = self.unknown.len() < MAX_UNKNOWN && id.len() <= ID_OCTETS;
        if is_known && has_room && !inventory.knows(id) {
            self.unknown
                .insert(String::from_utf8_lossy(id).into_owned());
        }
    }

    /// Notes those identifiers of a record that are of a kind known to EC2 and that the inventory lacks.
    pub(crate) fn note_identifiers(&mut self, record: &FlowRecord<'_>, inventory: &Inventory) {
        for spec in &FIELDS {
            if let ColumnType::Text(TextPattern::Prefix(prefix)) = spec.column_type
                && KNOWN_TO_EC2.iter().any(|known| prefix.starts_with(known))
                && let Some(id) = record.text(spec.field)
            {
                self.note_identifier(id, inventory);
            }
        }
    }

    /// Notes two identifiers with equal numbers.
    pub(super) fn note_collision(&mut self, number: u32, first: &[u8], second: &[u8]) {
        self.collisions += 1;
        if self.kept_collisions.len() < KEPT_COLLISIONS {
            let collision = Collision::new(number, first, second);
            self.kept_collisions.push(collision);
        }
    }

    /// Takes the identifiers that the inventory lacks.
    pub(crate) fn take_unknown(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.unknown)
    }

    /// Takes the number of collisions, and the first few pairs.
    pub(crate) fn take_collisions(&mut self) -> (u64, Vec<Collision>) {
        (
            std::mem::take(&mut self.collisions),
            std::mem::take(&mut self.kept_collisions),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_identifiers_are_bounded_in_number_and_octets() {
        let mut notes = AnnouncementNotes::default();
        let inventory = Inventory::new();
        for number in 0..2 * MAX_UNKNOWN {
            let long = format!("eni-{number}{}", "0".repeat(60_000));
            notes.note_identifier(long.as_bytes(), &inventory);
        }
        assert!(notes.take_unknown().is_empty(), "no id of EC2 is as long");
        for number in 0..2 * MAX_UNKNOWN {
            notes.note_identifier(format!("eni-{number:017}").as_bytes(), &inventory);
        }
        assert_eq!(notes.take_unknown().len(), MAX_UNKNOWN);
        for number in 0..100 {
            let id = vec![b'x'; 60_000];
            notes.note_collision(number, &id, &id);
        }
        let (count, kept) = notes.take_collisions();
        assert_eq!((count, kept.len()), (100, KEPT_COLLISIONS));
        let octets = kept.iter().map(|one| one.first.len() + one.second.len());
        assert!(octets.sum::<usize>() < 4_096);
    }
}
