//! What devices changed apart and nobody has decided yet (vault-format.md, sections 5.1, 5.3 and 5.4). Reads only; values
//! of secret fields are handed out sealed.

use super::fold::State;
use super::op::{LIFE_ALIVE, LIFE_DELETED, Tag};
use super::runs::Folded;
use super::view::{Life, Value, ValueView, life_of};
use crate::model::field::FieldKind;
use crate::model::ids::{FieldId, ItemId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The name under which an item's life stands among its fields.
pub const LIFE_NAME: &str = "life";
/// The value of a life that goes on.
pub const KEPT: &str = "kept";
/// The value of a life that ends in the trash.
pub const TRASHED: &str = "trash";

/// Several values of one thing, of which one is to be taken.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The item.
    pub item: ItemId,
    /// Which register; none for the item's life.
    pub field: Option<FieldId>,
    /// Name as shown: a field's own, `url` for an address, [`LIFE_NAME`].
    pub name: String,
    /// What the values are; none for the item's life.
    pub kind: Option<FieldKind>,
    /// Two or more that differ; the one that shows comes first, then the newer ones. Of a life, [`KEPT`] and [`TRASHED`].
    pub values: Vec<ValueView>,
}

impl Conflict {
    /// Whether a value may be shown without being asked for.
    #[must_use]
    pub fn is_secret(&self, value: &ValueView) -> bool {
        self.kind.is_some_and(FieldKind::is_secret) || matches!(value.value, Value::Sealed(_))
    }
}

impl State {
    /// What is to be decided of all items, in the order of their ids.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let ids = self.item_ids().into_iter();
        ids.flat_map(|id| self.conflicts_of(id)).collect()
    }

    /// What is to be decided of an item: its life, its fields in their order, its addresses.
    #[must_use]
    pub fn conflicts_of(&self, item: ItemId) -> Vec<Conflict> {
        let Some(view) = self.item(item) else {
            return Vec::new();
        };
        let operations = &self.operations_of(item)[..];
        let life = (view.life == Life::Back).then(|| self.life_conflict(item, operations));
        let fields = view.fields.into_iter().map(|field| Conflict {
            item,
            field: Some(field.id),
            name: field.name,
            kind: Some(field.kind),
            values: differing(std::iter::once(field.current).chain(field.others)),
        });
        let mut found: Vec<Conflict> = life.into_iter().chain(fields).collect();
        found.extend(self.address_conflicts(item, operations));
        found.retain(|conflict| conflict.values.len() > 1);
        found
    }

    fn life_conflict(&self, item: ItemId, operations: &[Folded<'_>]) -> Conflict {
        let heads = self.unreplaced(operations, |tag| tag == Tag::LIFE);
        let newest = |life, word: &str| {
            let alike = heads.iter().filter(|head| life_of(head) == Some(life));
            let head = alike.max_by_key(|head| self.order_of(head))?;
            Some(ValueView {
                dot: self.dot_of(head),
                origin: self.dot_of(head),
                value: Value::Plain(word.to_owned()),
                changed: self.record_of(head).clock.moment(),
                device: self.record_of(head).device,
            })
        };
        let values = [newest(LIFE_ALIVE, KEPT), newest(LIFE_DELETED, TRASHED)];
        Conflict {
            item,
            field: None,
            name: LIFE_NAME.to_owned(),
            kind: None,
            values: values.into_iter().flatten().collect(),
        }
    }

    /// Addresses that were changed apart: several on one field.
    fn address_conflicts(&self, item: ItemId, operations: &[Folded<'_>]) -> Vec<Conflict> {
        let mut heads = self.heads(operations);
        heads.retain(|head| head.tag == Tag::URL && !self.is_erased(head));
        let registers = heads.chunk_by(|one, other| one.field == other.field);
        let conflicts = registers.map(|same| Conflict {
            item,
            field: same.first().and_then(|head| head.field),
            name: FieldKind::Url.name().to_owned(),
            kind: Some(FieldKind::Url),
            values: differing(same.iter().filter_map(|head| self.value_view(head))),
        });
        conflicts.collect()
    }
}

/// Each value once. Whoever holds the key could write any number of them.
fn differing(values: impl Iterator<Item = ValueView>) -> Vec<ValueView> {
    let (mut known, mut origins) = (HashSet::new(), HashSet::new());
    let mut kept: Vec<ValueView> = values.collect();
    kept.retain(|view| {
        let is_new = known.insert(view.value.clone());
        // As in `ValueView::is_same_as`.
        match &view.value {
            Value::Plain(_) => is_new,
            Value::Sealed(sealed) => origins.insert((view.origin, sealed.len())) && is_new,
        }
    });
    kept
}
