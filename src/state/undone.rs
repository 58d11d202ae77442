//! Which operations a register's heads stand for: an undo writes anew what a record had replaced, so whoever takes back
//! the next older record must take the undo's operation for the older one. Never writes; knows nothing of plans.

use super::fold::State;
use super::op::Tag;
use crate::model::ids::{Dot, FieldId, ItemId, RecordId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A register: a field of an item, or the item's life.
type Register = (ItemId, Option<FieldId>);

/// What undos took back, theirs by record.
pub(super) struct Undone<'a> {
    state: &'a State,
    /// By record that is an undo: the records that it took back.
    by: BTreeMap<RecordId, Vec<RecordId>>,
    /// By record that was taken back: what it had replaced. Filled as needed, since a record may be a large import.
    replaced: BTreeMap<RecordId, HashMap<Register, Vec<Dot>>>,
}

impl<'a> Undone<'a> {
    /// As the state has it.
    pub(super) fn new(state: &'a State) -> Self {
        Self {
            state,
            by: state.undone_by_record(),
            replaced: BTreeMap::new(),
        }
    }

    /// Counts a record as taken back, before what does so is in the state.
    pub(super) fn take_back(&mut self, record: RecordId) {
        // Its own operations then stand for what they replaced, as those of an undo would.
        self.by.entry(record).or_default().push(record);
    }

    /// The operations that the heads stand for.
    pub(super) fn meant(&mut self, register: Register, heads: Vec<Dot>) -> BTreeSet<Dot> {
        let mut open = heads;
        let (mut seen, mut meant) = (BTreeSet::new(), BTreeSet::new());
        while let Some(dot) = open.pop() {
            if !seen.insert(dot) {
                continue;
            }
            match self.brought_back(register, dot.record) {
                Some(dots) => open.extend(dots),
                None => drop(meant.insert(dot)),
            }
        }
        meant
    }

    /// What an undo brought back to a register; `None` where the record is no undo, or not one of this register.
    fn brought_back(&mut self, register: Register, record: RecordId) -> Option<Vec<Dot>> {
        let taken_back = self.by.get(&record)?.clone();
        let mut touched = false;
        let mut dots: Vec<Dot> = Vec::new();
        for record in &taken_back {
            if let Some(replaced) = self.replaced_by(*record).get(&register) {
                touched = true;
                dots.extend(replaced);
            }
        }
        // One undo may take back several records, of which the newer had replaced the older.
        dots.retain(|dot| !taken_back.contains(&dot.record));
        touched.then_some(dots)
    }

    fn replaced_by(&mut self, record: RecordId) -> &HashMap<Register, Vec<Dot>> {
        let state = self.state;
        self.replaced.entry(record).or_insert_with(|| {
            let operations = state.record_operations(record).map(|found| found.1);
            let registers = operations.into_iter().flatten().filter_map(|operation| {
                let is_register = operation.tag == Tag::LIFE || operation.tag.is_value();
                let item = operation.item.filter(|_| is_register)?;
                Some(((item, operation.field), operation.replaces))
            });
            registers.collect()
        })
    }
}
