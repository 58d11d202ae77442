//! Which of several data keys of one vault counts (vault-format.md, section 5.10).
//!
//! A key takes the place of another only if the other is sealed inside what lies under it: whoever made it held the
//! other, and what is told of time decides nothing between keys that went apart.

use crate::crypto::keys::{DataKey, Keys};
use crate::crypto::seal::{ValuePlace, open_value};
use crate::model::ids::{FieldId, KeyId};
use crate::model::moment::Clock;
use crate::state::fold::State;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Former keys that the state holds and that are what they say, each with when it was last named so.
pub(super) fn former_keys(state: &State, keys: &Keys) -> Vec<(Keys, Clock)> {
    let mut found: Vec<(Keys, Clock)> = Vec::new();
    // Whoever holds a key may name any number of others as former.
    let mut places: HashMap<KeyId, usize> = HashMap::new();
    for (id, sealed, clock) in state.former_keys() {
        if let Some((_, newest)) = places.get(&id).and_then(|at| found.get_mut(*at)) {
            *newest = clock.max(*newest);
        } else if let Some(former) = open_key(keys, id, &sealed) {
            places.insert(id, found.len());
            found.push((former, clock));
        }
    }
    found.retain(|(former, _)| former.id != keys.id);
    found
}

fn open_key(keys: &Keys, id: KeyId, sealed: &[u8]) -> Option<Keys> {
    let place = ValuePlace {
        item: None,
        field: Some(FieldId::Custom(id.0)),
    };
    let opened = open_value(keys, place, sealed)?;
    let data: Zeroizing<[u8; 32]> = Zeroizing::new(opened.as_slice().try_into().ok()?);
    let former = Keys::derive(DataKey::from_bytes(&data), keys.vault);
    (former.id == id).then_some(former)
}

/// A key and what lies under it.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) keys: &'a Keys,
    pub(super) state: &'a State,
}

impl Line<'_> {
    /// Since when this key names another as former.
    pub(super) fn names(&self, other: KeyId) -> Option<Clock> {
        let named = former_keys(self.state, self.keys);
        named
            .into_iter()
            .find(|(keys, _)| keys.id == other)
            .map(|row| row.1)
    }

    /// Whether this key takes the place of the other. Keys that name each other go by (clock, key id).
    pub(super) fn supersedes(&self, older: &Line<'_>) -> bool {
        let Some(since) = self.names(older.keys.id) else {
            return false;
        };
        older
            .names(self.keys.id)
            .is_none_or(|back| (since, self.keys.id) > (back, older.keys.id))
    }
}
