//! Taking a record back: new operations that put back what it replaced (vault-format.md, section 5.7).

use super::{ChangeError, Content, Known, Plan, PlannedOperation};
use crate::model::ids::{Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Clock;
use crate::state::fold::State;
use crate::state::op::{LIFE_ALIVE, LIFE_DELETED, Tag};
use crate::state::undone::Undone;
use std::cmp::Reverse;

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
                    self.put_life_back(item, &operation.replaces);
                }
                (tag, Some(field)) if tag.is_value() && stands(Some(field)) => {
                    self.put_back(item, field, &operation.replaces)?;
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

    /// Puts back what a register showed: all values that stood, so that what devices had changed apart is so again.
    fn put_back(
        &mut self,
        item: ItemId,
        field: FieldId,
        replaced: &[Dot],
    ) -> Result<(), ChangeError> {
        let mut shown: Vec<Dot> = replaced.to_vec();
        shown.retain(|dot| self.state.tag_of_dot(item, *dot) != Some(Tag::REMOVE));
        shown.sort_by_key(|dot| Reverse(self.state.order_of_dot(item, *dot)));
        let mut contents: Vec<Known> = Vec::new();
        let mut refusal = None;
        for dot in &shown {
            match self.restored(item, field, *dot) {
                Ok(content) if contents.contains(&content) => {}
                Ok(content) => contents.push(content),
                Err(error) => refusal = Some(error),
            }
        }
        // The newest shows: it goes in last.
        let mut contents = contents.into_iter().rev();
        match (contents.next(), refusal) {
            (Some(newest), _) => self.put(item, Some(field), newest.into()),
            (None, Some(refusal)) => return Err(refusal),
            (None, None) => self.remove(item, field),
        }
        for known in contents {
            self.put_beside((item, Some(field)), known.into());
        }
        Ok(())
    }

    fn put_life_back(&mut self, item: ItemId, replaced: &[Dot]) {
        let was = |life| {
            let mut dots = replaced.iter();
            dots.any(|dot| self.state.is_life_dot(item, *dot, life))
        };
        let (was_alive, was_deleted) = (was(LIFE_ALIVE), was(LIFE_DELETED));
        self.life(item, if was_alive { LIFE_ALIVE } else { LIFE_DELETED });
        if was_alive && was_deleted {
            let deleted = Content::plain(Tag::LIFE, vec![LIFE_DELETED]);
            self.put_beside((item, None), deleted);
        }
    }
}

impl State {
    fn is_life_dot(&self, item: ItemId, dot: Dot, life: u8) -> bool {
        let operations = self.operations_of(item);
        operations
            .iter()
            .any(|operation| self.dot_of(operation) == dot && operation.body == [life])
    }

    fn tag_of_dot(&self, item: ItemId, dot: Dot) -> Option<Tag> {
        let operations = self.operations_of(item);
        let mut all = operations.iter();
        all.find(|operation| self.dot_of(operation) == dot)
            .map(|operation| operation.tag)
    }

    fn order_of_dot(&self, item: ItemId, dot: Dot) -> Option<(Clock, RecordId, u32)> {
        let operations = self.operations_of(item);
        operations
            .iter()
            .find(|operation| self.dot_of(operation) == dot)
            .map(|operation| self.order_of(operation))
    }
}
