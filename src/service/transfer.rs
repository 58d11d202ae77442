//! Items of one vault into another of the same person, in memory: what an export reads goes where an import plans it.
//!
//! Nothing is written to a file or turned into text, and every value stays in its wrapper. Items keep their ids, so that the
//! same item is known again and a second transfer writes nothing. The other vault commits first: whoever moves items
//! takes them away here only by what [`Parcel::deliver`] gave back.

use super::export::{ExportError, export};
use super::import::{Carried, Ledger, Outcome, plan_document};
use crate::exchange::native::{Document, DocumentField, DocumentFormer, DocumentItem};
use crate::model::field::{self, FieldKind};
use crate::model::ids::{FieldId, ItemId};
use crate::model::item::{ItemSummary, join_path};
use crate::model::moment::Moment;
use crate::secret::Secret;
use crate::state::change::ChangeError;
use crate::state::view::{ItemView, Life};
use crate::vault::{Vault, VaultError};
use rand::CryptoRng;
use std::collections::{HashMap, HashSet};

/// Where an item shall lie in the other vault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The folder.
    pub folder: String,
    /// The title.
    pub title: String,
}

/// Items on their way, with all that is known of them.
pub struct Parcel {
    document: Document,
    /// Where those go that shall not lie where they did.
    places: HashMap<ItemId, Place>,
    /// What was packed, secrets sealed, in the document's order.
    packed: Vec<ItemView>,
}

/// What a delivery did, and to what.
pub struct Delivery {
    /// The account; its rows are `items`, counted from 1.
    pub ledger: Ledger,
    /// The items, in the ledger's order.
    pub items: Vec<ItemId>,
    /// Those that came back from the other vault's trash.
    pub revived: Vec<ItemId>,
    packed: Vec<ItemView>,
}

impl Parcel {
    /// Packs items with their history, each secret opened.
    ///
    /// # Errors
    /// [`ExportError`]; an item that comes without one of its values would be worse than none.
    pub fn pack(
        vault: &Vault,
        wanted: impl IntoIterator<Item = (ItemId, Option<Place>)>,
    ) -> Result<Self, ExportError> {
        let wanted: HashMap<ItemId, Option<Place>> = wanted.into_iter().collect();
        let document = export(vault, &|item: &ItemSummary| wanted.contains_key(&item.id))?;
        let state = vault.state();
        let packed = document.items.iter();
        let packed = packed.filter_map(|item| state.item(item.id)).collect();
        let places = wanted.into_iter();
        let places = places
            .filter_map(|(id, place)| Some((id, place?)))
            .collect();
        Ok(Self {
            document,
            places,
            packed,
        })
    }

    /// Paths that an item of this parcel would newly take and that another item of the vault has.
    #[must_use]
    pub fn taken_paths(&self, vault: &Vault) -> Vec<String> {
        let state = vault.state();
        let ours: HashSet<ItemId> = self.packed.iter().map(|view| view.id).collect();
        let others = state.names();
        let others = others.filter(|name| !name.trashed && !ours.contains(&name.id));
        let taken: HashSet<String> = others.map(|name| name.path()).collect();
        let wished = self.document.items.iter().filter_map(|item| {
            let wish = match self.places.get(&item.id) {
                Some(place) => join_path(&place.folder, &place.title),
                None => item.derive_path(),
            };
            let known = state.summary(item.id).filter(|known| !known.trashed);
            // An item that is there stays where it is, unless it was given a place.
            let moves = known
                .is_none_or(|known| self.places.contains_key(&item.id) && known.path() != wish);
            moves.then_some(wish)
        });
        wished.filter(|path| taken.contains(path)).collect()
    }

    /// Puts the items into another vault as one record, with their files. They live there, whether or not they lay in its
    /// trash.
    ///
    /// # Errors
    /// [`VaultError::NoPiece`] where a file is not all here; as [`Vault::update`]; then nothing was delivered.
    pub fn deliver(
        self,
        from: &Vault,
        vault: &mut Vault,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Delivery, VaultError> {
        let mut carried = Carried::default();
        let delivered = carried
            .copy(from, vault, &self.packed, now, rng)
            .and_then(|()| self.put_into(vault, &carried, now, rng));
        if delivered.is_err() {
            // What is left then goes with a later compact.
            let _ = vault.discard_pieces(&carried.pieces(), now, rng);
        }
        delivered
    }

    fn put_into(
        self,
        vault: &mut Vault,
        carried: &Carried,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Delivery, VaultError> {
        let Self {
            mut document,
            places,
            packed,
        } = self;
        let (ledger, revived) = vault.update_revealing(now, rng, |plan, revealer, _| {
            let mut revived = Vec::new();
            for item in &mut document.items {
                let known = revealer.state().item(item.id);
                if let Some(place) = places.get(&item.id) {
                    put_at(item, place, known.as_ref(), now);
                }
                if known.is_some_and(|known| known.life == Life::Trashed) {
                    revived.push(item.id);
                }
            }
            let ledger = plan_document(plan, revealer, document, carried)?;
            revived
                .iter()
                .try_for_each(|item| plan.set_life(*item, Life::Alive))?;
            Ok((ledger, revived))
        })?;
        Ok(Delivery {
            ledger,
            items: packed.iter().map(|view| view.id).collect(),
            revived,
            packed,
        })
    }
}

impl Delivery {
    /// The items that changed the other vault.
    #[must_use]
    pub fn changed(&self) -> HashSet<ItemId> {
        let entries = self.ledger.entries.iter();
        let changes =
            entries.filter(|entry| matches!(entry.outcome, Outcome::Created | Outcome::Updated));
        let rows = changes.filter_map(|entry| self.items.get(entry.row.checked_sub(1)?));
        rows.chain(&self.revived).copied().collect()
    }

    /// Moves what was delivered to the trash of the vault that it came from. What changed there since it was packed
    /// has not been delivered as it is now: it stays, and comes back from here.
    ///
    /// # Errors
    /// As [`Vault::update`]; then everything is in both vaults.
    pub fn trash(
        &self,
        vault: &mut Vault,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<ItemId>, VaultError> {
        vault.update(now, rng, |plan, _| {
            let mut changed = Vec::new();
            for packed in &self.packed {
                match plan.state().item(packed.id) {
                    Some(fresh) if !is_same(packed, &fresh) => changed.push(packed.id),
                    Some(fresh) if fresh.life != Life::Trashed => {
                        plan.set_life(packed.id, Life::Trashed)?;
                    }
                    _ => {}
                }
            }
            Ok::<_, ChangeError>(changed)
        })
    }
}

fn is_same(one: &ItemView, other: &ItemView) -> bool {
    one.fields == other.fields
        && one.urls == other.urls
        && one.tags == other.tags
        && one.attachments == other.attachments
}

/// Gives an item a place of its own: it is a new wish, as `mv` would make it, and the former place joins the history.
fn put_at(item: &mut DocumentItem, place: &Place, known: Option<&ItemView>, now: Moment) {
    for (number, wanted) in [(field::FOLDER, &place.folder), (field::TITLE, &place.title)] {
        let id = FieldId::Standard(number);
        let at = item.fields.iter().position(|field| field.id == id);
        if item.text(number) != wanted {
            if let Some(former) = at.map(|at| item.fields.remove(at)) {
                retire(item, former);
            }
            item.fields.push(place_field(number, wanted, now));
        } else if known.is_some_and(|known| known.text(number) != wanted) {
            // The other vault may have left this place behind, and has to hear that it counts again.
            match at.and_then(|at| item.fields.get_mut(at)) {
                Some(field) => field.changed = now,
                None => item.fields.push(place_field(number, wanted, now)),
            }
        }
    }
}

fn place_field(number: u8, text: &str, now: Moment) -> DocumentField {
    let name = field::standard_field(number).map_or("", |row| row.0);
    DocumentField {
        id: FieldId::Standard(number),
        name: name.to_owned(),
        kind: FieldKind::Text,
        secret: false,
        value: Secret::new(text.to_owned()),
        changed: now,
        counter: None,
        conflicts: Vec::new(),
    }
}

/// A value and what stood beside it join the history, which has the newest first.
fn retire(item: &mut DocumentItem, field: DocumentField) {
    let beside = field.conflicts.into_iter();
    let beside = beside.map(|conflict| (conflict.value, conflict.changed));
    for (value, changed) in std::iter::once((field.value, field.changed)).chain(beside) {
        let former = DocumentFormer {
            id: field.id,
            name: field.name.clone(),
            kind: field.kind,
            value,
            changed,
            device: String::new(),
        };
        let history = &mut item.history;
        let at = history.partition_point(|newer| newer.changed > changed);
        history.insert(at, former);
    }
}
