//! The state together with the keys to its sealed values: what a planner needs that compares values. It never writes.

use crate::crypto::keys::Keys;
use crate::crypto::seal::{VALUE_OVERHEAD, ValuePlace, open_value};
use crate::model::ids::{FieldId, ItemId};
use crate::secret::Secret;
use crate::state::fold::State;
use crate::state::view::Value;

/// Reads what a vault means and opens single values.
#[derive(Clone, Copy)]
pub struct Revealer<'a> {
    state: &'a State,
    keys: &'a Keys,
}

impl<'a> Revealer<'a> {
    pub(super) fn new(state: &'a State, keys: &'a Keys) -> Self {
        Self { state, keys }
    }

    /// What the vault means.
    #[must_use]
    pub fn state(&self) -> &'a State {
        self.state
    }

    /// Opens a value of an item's field. `None` where it is sealed and does not authenticate in that place.
    #[must_use]
    pub fn reveal(&self, item: ItemId, field: FieldId, value: &Value) -> Option<Secret> {
        match value {
            Value::Plain(text) => Some(Secret::new(text.clone())),
            Value::Sealed(sealed) => {
                let place = ValuePlace {
                    item: Some(item),
                    field: Some(field),
                };
                let mut opened = open_value(self.keys, place, sealed)?;
                Secret::from_utf8(std::mem::take(&mut *opened))
            }
        }
    }

    /// Whether a value of an item's field is this secret. Only what has its length is opened.
    #[must_use]
    pub fn holds(&self, item: ItemId, field: FieldId, value: &Value, secret: &Secret) -> bool {
        let length = match value {
            Value::Plain(text) => text.len(),
            Value::Sealed(sealed) => sealed.len().saturating_sub(VALUE_OVERHEAD),
        };
        let same = || {
            self.reveal(item, field, value)?
                .same_as(secret)
                .then_some(())
        };
        length == secret.len() && same().is_some()
    }
}
