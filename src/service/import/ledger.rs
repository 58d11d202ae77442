//! What an import did, item by item and field by field, so that nothing of the source goes unaccounted.

use serde::{Deserialize, Serialize};

/// What became of an item or a field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is new in the vault.
    Created,
    /// The vault had it with another value.
    Updated,
    /// The vault had it already.
    Identical,
    /// It was left out, and the entry says why.
    Skipped,
}

impl Outcome {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Identical => "identical",
            Self::Skipped => "skipped",
        }
    }
}

/// How many were read, and what became of them: `read` is the sum of the others.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub read: usize,
    /// New in the vault.
    pub created: usize,
    /// Changed in the vault.
    pub updated: usize,
    /// There already.
    pub identical: usize,
    /// Left out.
    pub skipped: usize,
}

impl Counts {
    /// Whether the parts make the whole.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.read == self.created + self.updated + self.identical + self.skipped
    }

    fn add(&mut self, outcome: Outcome) {
        self.read += 1;
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Identical => self.identical += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }
}

/// One field of the source, or a row that was left out whole. Never holds a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Data row or position in the source, from 1.
    pub row: usize,
    /// Title of the item.
    pub item: Option<String>,
    /// Name of the field; absent where the row was left out whole.
    pub field: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where that is not plain.
    pub reason: Option<String>,
}

/// The account of an import.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Ledger {
    /// Rows or items.
    pub items: Counts,
    /// Their fields, those that were left out included.
    pub fields: Counts,
    /// One entry for each field and for each row that was left out whole, by row.
    pub entries: Vec<Entry>,
}

/// The fields of one row on their way into the ledger.
pub(super) struct Row<'a> {
    ledger: &'a mut Ledger,
    row: usize,
    item: String,
    is_changed: bool,
}

impl Ledger {
    /// A row or field that never became part of an item.
    pub(super) fn skip(&mut self, skipped: crate::exchange::Skipped) {
        match &skipped.field {
            None => self.items.add(Outcome::Skipped),
            Some(_) => self.fields.add(Outcome::Skipped),
        }
        self.entries.push(Entry {
            row: skipped.row,
            item: skipped.item,
            field: skipped.field,
            outcome: Outcome::Skipped,
            reason: Some(skipped.reason),
        });
    }

    pub(super) fn row(&mut self, row: usize, item: &str) -> Row<'_> {
        Row {
            ledger: self,
            row,
            item: item.to_owned(),
            is_changed: false,
        }
    }

    /// Entries by row; within one in the order they came.
    pub(super) fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.row);
    }
}

impl Row<'_> {
    pub(super) fn field(&mut self, name: &str, outcome: Outcome, reason: Option<&str>) {
        self.is_changed |= matches!(outcome, Outcome::Created | Outcome::Updated);
        self.ledger.fields.add(outcome);
        self.ledger.entries.push(Entry {
            row: self.row,
            item: Some(self.item.clone()),
            field: Some(name.to_owned()),
            outcome,
            reason: reason.map(str::to_owned),
        });
    }

    /// Closes the row of an item that was not there.
    pub(super) fn close_created(self) {
        self.ledger.items.add(Outcome::Created);
    }

    /// Closes the row of an item that was there: updated if any of its fields changed it.
    pub(super) fn close_matched(self) {
        self.ledger.items.add(if self.is_changed {
            Outcome::Updated
        } else {
            Outcome::Identical
        });
    }
}
