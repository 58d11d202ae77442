//! Where the operations on each item lie: runs of neighbours in one record, read again from its bytes when somebody asks.
//!
//! Opening ten thousand items so costs no list for each of them and no copy of any operation. Nothing here decides what
//! an operation means ([`super::view`]) or which record counts ([`super::fold`]).

use super::codec::{Dots, UnfoldedOperation, UnfoldedRecord, reread_operations};
use super::fold::State;
use super::id_hash::IdHash;
use super::op::Tag;
use crate::model::ids::{FieldId, ItemId};
use std::collections::HashMap;

/// One operation that is folded in, as its record's bytes have it.
pub(super) struct Folded<'a> {
    pub(super) record: u32,
    pub(super) index: u32,
    pub(super) tag: Tag,
    pub(super) field: Option<FieldId>,
    pub(super) replaces: Dots<'a>,
    pub(super) body: &'a [u8],
    /// Sealed values and names of chunks, not read apart.
    pub(super) values: &'a [u8],
}

/// Neighbouring operations of one record on one item, or on the vault itself.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) record: u32,
    /// Where in the record's buffer the item's id lies; `NOWHERE` for the vault itself.
    item: u32,
    /// Where in the record's buffer the first operation lies.
    start: u32,
    /// The first operation's index in its record.
    first: u32,
    count: u32,
    /// The next run on the same item.
    next: u32,
    is_first: bool,
}

const NOWHERE: u32 = u32::MAX;

impl Run {
    /// Whether no other run is about the same item.
    pub(super) fn is_only(&self) -> bool {
        self.is_first && self.next == NOWHERE
    }

    /// The item that it is about, where its record lies in this buffer; `None` for the vault itself.
    pub(super) fn item_in(&self, buffer: &[u8]) -> Option<ItemId> {
        let at = usize::try_from(self.item).ok()?;
        buffer.get(at..)?.first_chunk().copied().map(ItemId)
    }
}

/// The first and the last run on one item.
#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

/// All runs, and which are about what.
#[derive(Default)]
pub(super) struct Runs {
    all: Vec<Run>,
    items: HashMap<ItemId, Chain, IdHash>,
    on_vault: Option<Chain>,
}

/// What a record holds that is rare.
#[derive(Clone, Copy, Default)]
pub(super) struct Rarities {
    /// Whether one of its operations is an ERASE.
    pub(super) erases: bool,
    /// Whether one of its operations may name chunks.
    pub(super) names_chunks: bool,
}

/// Finds the runs of a record that lies at `start` in its buffer, and checks its operations on the way.
pub(super) fn find_runs(
    record: &UnfoldedRecord<'_>,
    start: usize,
    runs: &mut Vec<Run>,
) -> Option<Rarities> {
    let mut rarities = Rarities::default();
    let mut operations = record.operations();
    // Operations on one item stand together: one run serves them all.
    let mut open: Option<(u32, Run)> = None;
    runs.reserve(record.item_count());
    let mut index = 0;
    loop {
        let position = operations.position();
        let Some(operation) = operations.next() else {
            break;
        };
        let operation = operation.ok()?;
        rarities.erases |= operation.tag == Tag::ERASE;
        // What this version does not know may name some too.
        rarities.names_chunks |= operation.tag == Tag::ATTACHMENT || operation.tag > Tag::FORMER;
        match &mut open {
            Some((item, run)) if *item == operation.item => run.count += 1,
            _ => {
                let at = |position: usize| u32::try_from(start.checked_add(position)?).ok();
                let run = Run {
                    record: 0,
                    item: match record.item_position(operation.item) {
                        Some(position) => at(position)?,
                        None => NOWHERE,
                    },
                    start: at(position)?,
                    first: index,
                    count: 1,
                    next: NOWHERE,
                    is_first: true,
                };
                runs.extend(open.replace((operation.item, run)).map(|(_, run)| run));
            }
        }
        index += 1;
    }
    runs.extend(open.map(|(_, run)| run));
    operations.finish().ok()?;
    Some(rarities)
}

impl Runs {
    /// Makes room for the runs of so many records that are likely to come, each about an item of its own.
    pub(super) fn reserve(&mut self, records: usize) {
        self.all.reserve(records);
        self.items.reserve(records);
    }

    /// Takes in the runs that [`find_runs`] found in a record, whose number this is. Its bytes lie in `buffer`.
    pub(super) fn take(&mut self, record: u32, buffer: &[u8], runs: &[Run]) {
        self.all.reserve(runs.len());
        self.items.reserve(runs.len());
        for run in runs {
            let number = u32::try_from(self.all.len()).unwrap_or(NOWHERE);
            let alone = Chain {
                first: number,
                last: number,
            };
            let last = match run.item_in(buffer) {
                None => {
                    let last = self.on_vault.map(|chain| chain.last);
                    let first = self.on_vault.map_or(number, |chain| chain.first);
                    self.on_vault = Some(Chain {
                        first,
                        last: number,
                    });
                    last
                }
                Some(item) => {
                    let chain = self.items.entry(item).or_insert(alone);
                    let last = (chain.last != number).then_some(chain.last);
                    chain.last = number;
                    last
                }
            };
            if let Some(before) = last.and_then(|last| self.get_mut(last)) {
                before.next = number;
            }
            self.all.push(Run {
                record,
                is_first: last.is_none(),
                ..*run
            });
        }
    }

    fn get(&self, number: u32) -> Option<&Run> {
        self.all.get(usize::try_from(number).ok()?)
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Run> {
        self.all.get_mut(usize::try_from(number).ok()?)
    }

    fn chain(&self, chain: Option<Chain>) -> impl Iterator<Item = &Run> {
        let first = chain.and_then(|chain| self.get(chain.first));
        std::iter::successors(first, |run| self.get(run.next))
    }

    /// Ids of all items, in no order.
    pub(super) fn item_ids(&self) -> impl Iterator<Item = ItemId> {
        self.items.keys().copied()
    }
}

impl State {
    /// Operations on an item; none where no record names it.
    pub(super) fn operations_of(&self, item: ItemId) -> Vec<Folded<'_>> {
        self.operations_in(self.runs.items.get(&item).copied())
    }

    /// Operations on the vault itself.
    pub(super) fn operations_on_vault(&self) -> Vec<Folded<'_>> {
        self.operations_in(self.runs.on_vault)
    }

    fn operations_in(&self, chain: Option<Chain>) -> Vec<Folded<'_>> {
        let runs = self.runs.chain(chain);
        runs.flat_map(|run| self.operations_of_run(run)).collect()
    }

    /// All operations of all records, those on one item not together.
    pub(super) fn operations(&self) -> impl Iterator<Item = Folded<'_>> {
        let runs = self.runs.all.iter();
        runs.flat_map(|run| self.operations_of_run(run))
    }

    /// The first run on each item with the item's id, in the order in which records came.
    pub(super) fn first_runs(&self) -> impl Iterator<Item = (ItemId, &Run)> {
        let first = self.runs.all.iter().filter(|run| run.is_first);
        first.filter_map(|run| Some((run.item_in(self.buffer_of(run.record))?, run)))
    }

    /// The first run on an item.
    pub(super) fn first_run_of(&self, item: ItemId) -> Option<&Run> {
        self.runs.get(self.runs.items.get(&item)?.first)
    }

    pub(super) fn operations_of_run<'a>(
        &'a self,
        run: &Run,
    ) -> impl Iterator<Item = Folded<'a>> + use<'a> {
        let Run { record, first, .. } = *run;
        let start = usize::try_from(run.start).unwrap_or(usize::MAX);
        let bytes = self.buffer_of(record).get(start..).unwrap_or_default();
        let count = usize::try_from(run.count).unwrap_or_default();
        let operations = reread_operations(bytes).take(count).zip(first..);
        operations.map(move |(operation, index)| {
            let UnfoldedOperation {
                tag,
                field,
                replaces,
                body,
                values,
                ..
            } = operation;
            Folded {
                record,
                index,
                tag,
                field,
                replaces,
                body,
                values,
            }
        })
    }
}
