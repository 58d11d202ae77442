//! Taking a record back: new operations that put back what it replaced (vault-format.md, section 5.7).

use super::{ChangeError, Plan, PlannedOperation};
use crate::model::ids::{Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Clock;
use crate::state::fold::State;
use crate::state::op::{LIFE_ALIVE, LIFE_DELETED, Tag};
use crate::state::undone::Undone;

/// Whether an undo may take back a record with such an operation.
#[must_use]
pub fn is_undoable(tag: Tag) -> bool {
    tag.is_value() && tag != Tag::DEVICE || matches!(tag, Tag::LIFE | Tag::COUNTER | Tag::FORMER)
}

impl Plan<'_> {
    /// New operations that put back what a record replaced.
    ///
    /// # Errors
    /// [`ChangeError::CannotUndo`] where the record changed the vault itself or erased something.
    pub fn undo(&mut self, record: RecordId) -> Result<(), ChangeError> {
        let (_, operations) = self
            .state
            .record_operations(record)
            .ok_or(ChangeError::CannotUndo("it is not known"))?;
        // A device's first change names the device besides; the name stays.
        let foreign = |tag: Tag| !is_undoable(tag) && tag != Tag::DEVICE;
        if operations.iter().any(|operation| foreign(operation.tag)) {
            return Err(ChangeError::CannotUndo(
                "it changed the vault itself or erased something",
            ));
        }
        let state = self.state;
        let mut undone = self.undone.take().unwrap_or_else(|| Undone::new(state));
        for (operation, index) in operations.iter().zip(0..) {
            let Some(item) = operation.item else { continue };
            let own = Dot { record, index };
            let mut stands = |field: Option<FieldId>| {
                let heads = match field {
                    None => state.life_heads(item),
                    Some(field) => state.register_heads(item, field),
                };
                undone.meant((item, field), heads).contains(&own)
            };
            match (operation.tag, operation.field) {
                (Tag::LIFE, _) if stands(None) => {
                    let was_alive = operation
                        .replaces
                        .iter()
                        .any(|dot| self.state.is_alive_dot(item, *dot));
                    self.life(item, if was_alive { LIFE_ALIVE } else { LIFE_DELETED });
                }
                (tag, Some(field)) if tag.is_value() && stands(Some(field)) => {
                    // What showed before: the newest that is not a removal.
                    let shown = operation.replaces.iter().max_by_key(|dot| {
                        let is_shown = self.state.tag_of_dot(item, **dot) != Some(Tag::REMOVE);
                        (is_shown, self.state.order_of_dot(item, **dot))
                    });
                    match shown {
                        Some(dot) => self.restore(item, field, *dot)?,
                        None => self.remove(item, field),
                    }
                }
                _ => {}
            }
        }
        undone.take_back(record);
        self.undone = Some(undone);
        let body = record.0.to_vec();
        self.operations
            .push(PlannedOperation::on_vault(Tag::UNDONE, None, body));
        Ok(())
    }
}

impl State {
    fn is_alive_dot(&self, item: ItemId, dot: Dot) -> bool {
        let operations = self.items.get(&item).map_or(&[][..], Vec::as_slice);
        operations.iter().any(|operation| {
            self.dot_of(operation) == dot && self.bytes(operation.body) == [LIFE_ALIVE]
        })
    }

    fn tag_of_dot(&self, item: ItemId, dot: Dot) -> Option<Tag> {
        let operations = self.items.get(&item)?;
        let mut all = operations.iter();
        all.find(|operation| self.dot_of(operation) == dot)
            .map(|operation| operation.tag)
    }

    fn order_of_dot(&self, item: ItemId, dot: Dot) -> Option<(Clock, RecordId, u32)> {
        let operations = self.items.get(&item)?;
        operations
            .iter()
            .find(|operation| self.dot_of(operation) == dot)
            .map(|operation| self.order_of(operation))
    }
}
