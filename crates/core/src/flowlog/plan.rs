//! Column plan: the token of each field in a line, the conversion of the token, and the slot of the value.
//!
//! A plan is compiled once for each format. Columns of a kind stand in a list, so that each list is read by a loop
//! without a decision between kinds.

use super::field::{ColumnType, FIELD_COUNT, FIELDS, Field, FieldSet};
use super::words::LAST_MILLISECOND;

/// Compiled columns of a format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ColumnPlan {
    /// Field of each column; `None` for an unknown name, and for the second column of a field.
    pub(super) fields: Vec<Option<Field>>,
    /// Fields whose columns are read.
    pub(super) read: FieldSet,
    pub(super) numbers: Vec<PlannedColumn>,
    pub(super) times: Vec<PlannedColumn>,
    pub(super) addresses: Vec<PlannedColumn>,
    pub(super) texts: Vec<PlannedColumn>,
    pub(super) action: Option<PlannedColumn>,
    pub(super) status: Option<PlannedColumn>,
    pub(super) direction: Option<PlannedColumn>,
    pub(super) reject_reason: Option<PlannedColumn>,
    /// Columns of the [`IDENTIFIERS`], in order.
    pub(super) identifiers: Vec<IdentifierRun>,
    pub(super) prefix: PrefixColumns,
}

/// Column of a field, ready to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlannedColumn {
    pub(super) field: Field,
    /// The field as a set, ready to be taken from the present fields.
    pub(super) set: FieldSet,
    /// Number of the token in the line.
    pub(super) token: u16,
    /// Slot of the value among the values of its kind.
    pub(super) slot: u8,
    /// Largest number; for times, in milliseconds.
    pub(super) max: u64,
}

/// Identifier columns that stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IdentifierRun {
    /// Text slot of the first column.
    pub(super) first: u8,
    /// Text slot of the last column.
    pub(super) last: u8,
    /// Token of the last column.
    token: u16,
}

/// Columns of the prefix cache: all in front of the first column that is neither text nor skipped. A usable format has a
/// column after the prefix, so that a space follows the prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PrefixColumns {
    pub(super) columns: u16,
    /// Number of text columns in the prefix; these columns are the first of the plan's list.
    pub(super) texts: usize,
    pub(super) fields: FieldSet,
    /// True if the prefix holds every identifier column.
    pub(super) identifies: bool,
}

/// Fields that identify the account, the region, the interface, its instance, and its VPC or gateway.
const IDENTIFIERS: FieldSet = FieldSet::of(&[
    Field::AccountId,
    Field::Region,
    Field::InterfaceId,
    Field::ResourceId,
    Field::InstanceId,
    Field::VpcId,
    Field::TgwId,
    Field::TgwAttachmentId,
    Field::TgwPairAttachmentId,
    Field::TgwSrcEni,
    Field::TgwDstEni,
    Field::TgwSrcVpcId,
    Field::TgwDstVpcId,
]);

impl ColumnPlan {
    /// Compiles the columns of a format, at most [`MAX_COLUMNS`](super::MAX_COLUMNS).
    pub(super) fn new(fields: Vec<Option<Field>>) -> Self {
        let mut plan = Self::default();
        for (token, field) in (0..).zip(&fields) {
            if let Some(field) = *field {
                plan.add(field, token);
            }
        }
        plan.prefix = plan.prefix_of(&fields);
        plan.fields = fields;
        plan
    }

    /// Columns that are read, type by type.
    pub(super) fn columns(&self) -> impl Iterator<Item = &PlannedColumn> {
        let words = [
            &self.action,
            &self.status,
            &self.direction,
            &self.reject_reason,
        ];
        let lists = [&self.numbers, &self.times, &self.addresses, &self.texts];
        let words = words.into_iter().flatten();
        lists.into_iter().flatten().chain(words)
    }

    /// Returns whether a field is one of the [`IDENTIFIERS`].
    pub(super) fn is_identifier(field: Field) -> bool {
        IDENTIFIERS.has(field)
    }

    fn add(&mut self, field: Field, token: u16) {
        let column_type = field.row().column_type;
        let column = PlannedColumn {
            field,
            set: FieldSet::of(&[field]),
            token,
            slot: slot(field),
            max: match column_type {
                ColumnType::Number { max } => max,
                ColumnType::Time => LAST_MILLISECOND,
                _ => 0,
            },
        };
        match column_type {
            ColumnType::Skip(_) => return,
            ColumnType::Number { .. } => self.numbers.push(column),
            ColumnType::Time => self.times.push(column),
            ColumnType::Address => self.addresses.push(column),
            ColumnType::Text(_) => {
                self.texts.push(column);
                if IDENTIFIERS.has(field) {
                    self.add_identifier(column);
                }
            }
            ColumnType::Action => self.action = Some(column),
            ColumnType::Status => self.status = Some(column),
            ColumnType::Direction => self.direction = Some(column),
            ColumnType::RejectReason => self.reject_reason = Some(column),
        }
        self.read.insert(field);
    }

    fn add_identifier(&mut self, PlannedColumn { token, slot, .. }: PlannedColumn) {
        match self.identifiers.last_mut() {
            Some(run) if run.token + 1 == token => (run.last, run.token) = (slot, token),
            _ => self.identifiers.push(IdentifierRun {
                first: slot,
                last: slot,
                token,
            }),
        }
    }

    fn prefix_of(&self, fields: &[Option<Field>]) -> PrefixColumns {
        let is_text_or_skipped = |field: &&Option<Field>| {
            field.is_none_or(|field| {
                matches!(
                    field.row().column_type,
                    ColumnType::Text(_) | ColumnType::Skip(_)
                )
            })
        };
        let columns = fields.iter().take_while(is_text_or_skipped).count();
        let columns = u16::try_from(columns).expect("a format has at most MAX_COLUMNS");
        let texts = self.texts.iter().take_while(|text| text.token < columns);
        PrefixColumns {
            columns,
            texts: texts.clone().count(),
            fields: texts.fold(FieldSet::EMPTY, |fields, text| fields.union(text.set)),
            identifies: self.identifiers.iter().all(|run| run.token < columns),
        }
    }
}

/// Kind of storage of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueStore {
    /// Numbers and times.
    Number,
    Address,
    Text,
    /// Columns with a fixed vocabulary, and skipped columns: the slot is unused.
    None,
}

/// Slot of a field among the fields of its store.
pub(crate) const fn slot(field: Field) -> u8 {
    SLOT_ASSIGNMENT.slots[field as usize]
}

/// Store of a field.
#[inline(always)]
pub(super) const fn store(field: Field) -> ValueStore {
    SLOT_ASSIGNMENT.stores[field as usize]
}

/// Slots for numbers; a power of two, as for addresses and texts.
pub(crate) const NUMBERS: usize = slots_of(ValueStore::Number);
pub(super) const ADDRESSES: usize = slots_of(ValueStore::Address);
pub(super) const TEXTS: usize = slots_of(ValueStore::Text);

const fn slots_of(store: ValueStore) -> usize {
    (SLOT_ASSIGNMENT.used[store as usize] as usize).next_power_of_two()
}

/// Assignment of a store and a slot to each field: follows from the field table.
struct SlotAssignment {
    slots: [u8; FIELD_COUNT],
    stores: [ValueStore; FIELD_COUNT],
    /// Slots in use, by store.
    used: [u8; 4],
}

static SLOT_ASSIGNMENT: SlotAssignment = {
    let (mut slots, mut used) = ([0; FIELD_COUNT], [0; 4]);
    let mut stores = [ValueStore::None; FIELD_COUNT];
    let mut i = 0;
    while i < FIELD_COUNT {
        let store = match FIELDS[i].column_type {
            ColumnType::Number { .. } | ColumnType::Time => ValueStore::Number,
            ColumnType::Address => ValueStore::Address,
            ColumnType::Text(_) => ValueStore::Text,
            _ => ValueStore::None,
        };
        stores[i] = store;
        slots[i] = used[store as usize];
        used[store as usize] += 1;
        i += 1;
    }
    SlotAssignment {
        slots,
        stores,
        used,
    }
};
