//! Deciding what devices changed apart: one of the values that stand takes the place of all of them
//! (vault-format.md, section 5.1).

use super::{ChangeError, Plan};
use crate::state::conflict::Conflict;
use crate::state::op::{LIFE_ALIVE, LIFE_DELETED};
use crate::state::view::Life;

impl Plan<'_> {
    /// Takes one of a conflict's values, counted from 0; a sealed one goes in as it is. Resolving a field of an item that
    /// lies in the trash or came back says nothing about its life.
    ///
    /// # Errors
    /// [`ChangeError::NotAsSeen`] where the conflict is not what it was when it was shown, or has no such value: what
    /// nobody has seen is not put aside.
    pub fn resolve(&mut self, seen: &Conflict, taken: usize) -> Result<(), ChangeError> {
        let mut present = self.state.conflicts_of(seen.item).into_iter();
        if !present.any(|conflict| conflict == *seen) {
            return Err(ChangeError::NotAsSeen);
        }
        let value = seen.values.get(taken).ok_or(ChangeError::NotAsSeen)?;
        let Some(field) = seen.field else {
            // The first of them is that the item is kept.
            self.life(
                seen.item,
                if taken == 0 { LIFE_ALIVE } else { LIFE_DELETED },
            );
            return Ok(());
        };
        self.restore(seen.item, field, value.dot)?;
        let view = self.state.item(seen.item).ok_or(ChangeError::NoItem)?;
        if view.life == Life::Alive {
            self.life(seen.item, LIFE_ALIVE);
        }
        Ok(())
    }
}
