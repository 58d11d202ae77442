//! A record from under one data key, sealed for another: what `rekey`, adoption and `merge` have in common.

use super::Vault;
use super::error::VaultError;
use crate::crypto::keys::Keys;
use crate::crypto::seal::{ValuePlace, ValuePosition, open_value, seal_value};
use crate::model::ids::{FieldId, RecordId, SlotId};
use crate::state::change::PlannedOperation;
use crate::state::codec;
use crate::state::fold::State;
use crate::state::op::{Operation, Tag};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// A record with every inner value opened under one key and sealed under the other, for the same place, operation and
/// index: whoever repeats it gets the same bytes.
pub(super) fn reseal(
    state: &State,
    id: RecordId,
    from: &Keys,
    to: &Keys,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let missing = VaultError::Inconsistent("a record is gone");
    let (head, mut operations) = state.record_operations(id).ok_or(missing)?;
    for (operation, number) in operations.iter_mut().zip(0..) {
        let place = ValuePlace {
            item: operation.item,
            field: operation.field,
        };
        for (sealed, value) in operation.sealed.iter_mut().zip(0..) {
            let opened = open_value(from, place, sealed);
            let opened = opened.ok_or(VaultError::Inconsistent("a sealed value does not open"))?;
            let position = ValuePosition {
                record: id,
                operation: number,
                value,
            };
            *sealed = seal_value(to, place, position, &opened);
        }
    }
    Ok(codec::write_record(&head, &operations))
}

/// Whether a record closes any of these ways in.
pub(super) fn closes_any(state: &State, id: RecordId, live: &BTreeSet<SlotId>) -> bool {
    let closed = slots_in(state, &[id], Tag::RETIRE);
    closed.iter().any(|slot| live.contains(slot))
}

/// Folds one record in.
pub(super) fn absorb_into(
    state: &mut State,
    content: Zeroizing<Vec<u8>>,
) -> Result<(), VaultError> {
    let whole = 0..content.len();
    state
        .absorb(content, &[whole])
        .map(drop)
        .map_err(|_| VaultError::Inconsistent("a record does not read back"))
}

/// The ways in that records under another key made or closed.
pub(super) fn slots_in(state: &State, ids: &[RecordId], tag: Tag) -> Vec<SlotId> {
    let slots = operations_of(state, ids).filter_map(|operation| match operation.field {
        Some(FieldId::Custom(slot)) if operation.tag == tag => Some(SlotId(slot)),
        _ => None,
    });
    slots.collect()
}

/// Records of which any of these erases something.
fn erased_by(state: &State, ids: &[RecordId]) -> BTreeSet<RecordId> {
    let erasures = operations_of(state, ids)
        .filter(|operation| operation.tag == Tag::ERASE && operation.field.is_none())
        .filter_map(|operation| codec::parse_erase(&operation.body));
    erasures
        .flat_map(|erasure| erasure.operations)
        .map(|row| row.0)
        .collect()
}

/// All operations of these records.
pub(super) fn operations_of(state: &State, ids: &[RecordId]) -> impl Iterator<Item = Operation> {
    ids.iter()
        .filter_map(|id| state.record_operations(*id))
        .flat_map(|found| found.1)
}

impl Vault {
    /// Records from under another key, sealed for this vault's own. What may not come is added to those that stay behind.
    ///
    /// Nothing that comes from there closes a way in; a value that does not open cannot come; and what a record that stays
    /// behind erased is not there any more to be sealed, and may be elsewhere, so it waits with that one.
    pub(super) fn seal_here(
        &self,
        source: &State,
        from: &Keys,
        ids: Vec<RecordId>,
        behind: &mut Vec<RecordId>,
    ) -> Vec<(RecordId, Zeroizing<Vec<u8>>)> {
        let live: BTreeSet<SlotId> = self.live_slots().iter().map(|slot| slot.id).collect();
        let mut sealed = Vec::new();
        for id in ids {
            match reseal(source, id, from, &self.keys) {
                Ok(content) if !closes_any(source, id, &live) => sealed.push((id, content)),
                _ => behind.push(id),
            }
        }
        let erased = erased_by(source, behind);
        sealed.retain(|(id, _)| {
            let stays = erased.contains(id);
            behind.extend(stays.then_some(*id));
            !stays
        });
        sealed
    }

    /// Operations that close the ways in which records from under another key made: they wrap that other key, and would
    /// otherwise count as live without there being any.
    pub(super) fn close_foreign_slots(&self, made: Vec<SlotId>) -> Vec<PlannedOperation> {
        let mut foreign: BTreeSet<SlotId> = made.into_iter().collect();
        for slot in &self.slots {
            foreign.remove(&slot.id);
        }
        for retirement in self.state.retirements() {
            foreign.remove(&retirement.slot);
        }
        foreign
            .into_iter()
            .map(|id| {
                let body = codec::write_bytes(&[]);
                PlannedOperation::on_vault(Tag::RETIRE, Some(FieldId::Custom(id.0)), body)
            })
            .collect()
    }
}
