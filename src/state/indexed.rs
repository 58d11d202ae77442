//! Finding items by name in a state that is asked often, as the program that keeps a vault open does.
//!
//! The index is worked out from the state and never out of date: every item that a record named since is looked at each
//! time, and what cannot be followed so drops the index. Then, and until somebody asks for one, all items are looked at.

use super::fold::State;
use crate::model::ids::ItemId;
use crate::model::index::{Called, Index};
use crate::model::item::{ItemName, ItemRow};
use crate::model::look_alike::Suspect;
use crate::model::origin::Origin;
use crate::model::query::Listing;

/// With more changed items than this [`State::prepare`] makes a new index: looking at so many each time costs less than a
/// tenth of a millisecond.
const CHANGED_FEW: usize = 64;
/// With more than this an index is no help any more, and taking note of them costs more than a new one.
const CHANGED_LIMIT: usize = 4096;

/// An index, and what happened since it was made.
pub(super) struct Indexed {
    index: Index,
    /// Items that were changed since, sorted.
    changed: Vec<ItemId>,
}

impl Indexed {
    /// A record named these items. Tells whether so many were changed that an index is no help any more.
    pub(super) fn note_changed(&mut self, mut items: impl Iterator<Item = ItemId>) -> bool {
        items.any(|item| {
            if let Err(place) = self.changed.binary_search(&item) {
                self.changed.insert(place, item);
            }
            self.changed.len() > CHANGED_LIMIT
        })
    }

    /// What the index found and all that changed since, each once.
    fn with_changed(&self, mut found: Vec<ItemId>) -> Vec<ItemId> {
        if !self.changed.is_empty() {
            found.extend(&self.changed);
            found.sort_unstable();
            found.dedup();
        }
        found
    }
}

impl State {
    /// From now on finds items by name without looking at all of them, which pays from the second question on. Free where
    /// that is so already and little changed since.
    pub fn prepare(&mut self) {
        let is_ready = |indexed: &Indexed| indexed.changed.len() <= CHANGED_FEW;
        if !self.indexed.as_deref().is_some_and(is_ready) {
            self.indexed = None;
            let index = Index::build(self.rows());
            self.indexed = index.map(|index| {
                Box::new(Indexed {
                    index,
                    changed: Vec::new(),
                })
            });
        }
    }

    /// Whether it finds items by name without looking at all of them.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        self.indexed.is_some()
    }

    fn look_at_names(&self, ids: Vec<ItemId>, look: &mut dyn FnMut(&ItemName<'_>)) {
        let names = ids.into_iter().filter_map(|id| self.name(id));
        names.for_each(|name| look(&name));
    }

    fn look_at_rows(&self, ids: Vec<ItemId>, look: &mut dyn FnMut(&ItemRow<'_>)) {
        let rows = ids.into_iter().filter_map(|id| self.row_of(id));
        rows.for_each(|row| look(&row));
    }
}

impl Listing for State {
    fn each_name(&self, look: &mut dyn FnMut(&ItemName<'_>)) {
        self.names().for_each(|name| look(&name));
    }

    fn each_row(&self, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.rows().for_each(|row| look(&row));
    }

    fn each_called(&self, called: &Called<'_>, look: &mut dyn FnMut(&ItemName<'_>)) {
        match &self.indexed {
            Some(indexed) => {
                let found = indexed.index.called(called);
                self.look_at_names(indexed.with_changed(found), look);
            }
            None => self.each_name(look),
        }
    }

    fn each_holding(&self, part: &str, look: &mut dyn FnMut(&ItemRow<'_>)) {
        match &self.indexed {
            Some(indexed) => {
                let found = indexed.index.holding(part);
                self.look_at_rows(indexed.with_changed(found), look);
            }
            None => self.each_row(look),
        }
    }

    fn each_near(&self, origin: &Origin, look: &mut dyn FnMut(&ItemRow<'_>)) {
        match &self.indexed {
            Some(indexed) => {
                let found = indexed.index.near(origin);
                self.look_at_rows(indexed.with_changed(found), look);
            }
            None => self.each_row(look),
        }
    }

    fn each_imitated(&self, suspect: &Suspect<'_>, look: &mut dyn FnMut(&ItemRow<'_>)) {
        let found = self
            .indexed
            .as_deref()
            .and_then(|indexed| Some((indexed, indexed.index.imitated(suspect)?)));
        match found {
            Some((indexed, mut found)) => {
                found.extend(indexed.index.near(suspect.query()));
                found.sort_unstable();
                found.dedup();
                self.look_at_rows(indexed.with_changed(found), look);
            }
            None => self.each_row(look),
        }
    }
}
