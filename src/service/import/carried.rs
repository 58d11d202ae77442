//! Files of items that come from another vault of the same person, piece by piece, before the one record that attaches them.

use super::files::hash_of;
use super::ledger::{Outcome, Row};
use crate::exchange::native::{Document, DocumentFile};
use crate::model::ids::{FieldId, ItemId};
use crate::model::moment::Moment;
use crate::state::attachment::AttachmentView;
use crate::state::change::{Attached, Plan};
use crate::state::op::ChunkName;
use crate::state::view::ItemView;
use crate::vault::{PIECE_LIMIT, Vault, VaultError};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// Files that items are to have, by the items.
#[derive(Default)]
pub struct Carried(HashMap<ItemId, Vec<CarriedFile>>);

struct CarriedFile {
    /// Its register, which is the same in both vaults.
    id: FieldId,
    name: String,
    /// What was stored; `None` where the vault has it.
    stored: Option<Attached>,
}

impl Carried {
    /// Copies what the other vault lacks of these items' files. What was copied is in `self` also where this fails.
    ///
    /// # Errors
    /// [`VaultError::NoPiece`] where a file is not all here; what the disks say.
    pub fn copy(
        &mut self,
        from: &Vault,
        to: &mut Vault,
        items: &[ItemView],
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        for item in items {
            let mut taken = BTreeSet::new();
            for file in &item.attachments {
                let stored = if has(from, to, item.id, file) {
                    None
                } else {
                    Some(self.store(from, to, item.id, file, (now, rng))?)
                };
                // Files that were attached apart in one place stand side by side from here on.
                let is_first = taken.insert(file.id);
                let id = if is_first {
                    file.id
                } else {
                    FieldId::make(rng)
                };
                let name = file.name.clone();
                let files = self.0.entry(item.id).or_default();
                files.push(CarriedFile { id, name, stored });
            }
        }
        Ok(())
    }

    fn store(
        &mut self,
        from: &Vault,
        to: &mut Vault,
        item: ItemId,
        file: &AttachmentView,
        (now, rng): (Moment, &mut dyn CryptoRng),
    ) -> Result<Attached, VaultError> {
        let mut attached = Attached {
            name: file.name.clone(),
            length: file.length,
            pieces: Vec::new(),
        };
        for number in 0..file.pieces {
            let stored = from
                .read_piece(item, file.dot, number)
                // EXPOSE: it is sealed into the other vault.
                .and_then(|piece| to.store_piece(piece.expose(), now, rng));
            match stored {
                Ok(name) => attached.pieces.push(name),
                Err(error) => {
                    // So that it is known what to take back.
                    let (id, name) = (file.id, file.name.clone());
                    let stored = Some(attached);
                    let files = self.0.entry(item).or_default();
                    files.push(CarriedFile { id, name, stored });
                    return Err(error);
                }
            }
        }
        Ok(attached)
    }

    /// Stores what a vault lacks of a document's files, or only finds out what that is. What was stored is in `self` also where
    /// this fails.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn store_document(
        &mut self,
        vault: &mut Vault,
        document: &mut Document,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        for file in std::mem::take(&mut document.files) {
            let mut attached = attached(&file);
            let is_there = has_content(vault, &file);
            let mut outcome = Ok(());
            // EXPOSE: it is sealed into the vault.
            let pieces = file.content.expose().chunks(PIECE_LIMIT);
            for piece in pieces.filter(|_| !is_there) {
                match vault.store_piece(piece, now, rng) {
                    Ok(name) => attached.pieces.push(name),
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            self.note(&file, (!is_there).then_some(attached));
            outcome?;
        }
        Ok(())
    }

    /// What [`Carried::store_document`] would store.
    pub(super) fn pretend(vault: &Vault, document: &mut Document) -> Self {
        let mut carried = Self::default();
        for file in std::mem::take(&mut document.files) {
            let is_there = has_content(vault, &file);
            carried.note(&file, (!is_there).then(|| attached(&file)));
        }
        carried
    }

    fn note(&mut self, file: &DocumentFile, stored: Option<Attached>) {
        self.0.entry(file.item).or_default().push(CarriedFile {
            id: file.id,
            name: file.name.clone(),
            stored,
        });
    }

    /// All pieces that were stored.
    #[must_use]
    pub fn pieces(&self) -> Vec<ChunkName> {
        let files = self.0.values().flatten();
        let stored = files.filter_map(|file| file.stored.as_ref());
        stored.flat_map(|stored| stored.pieces.clone()).collect()
    }

    /// Attaches an item's files, each entered; whether there was one to attach.
    pub(super) fn attach(&self, plan: &mut Plan<'_>, item: ItemId, row: &mut Row<'_>) -> bool {
        let mut any = false;
        for file in self.0.get(&item).into_iter().flatten() {
            let name = format!("file {}", file.name);
            match &file.stored {
                None => row.field(&name, Outcome::Identical, None),
                Some(stored) => {
                    any = true;
                    row.field(&name, Outcome::Created, None);
                    plan.attach(item, file.id, stored.clone());
                }
            }
        }
        any
    }
}

/// A file of which nothing is stored yet.
fn attached(file: &DocumentFile) -> Attached {
    Attached {
        name: file.name.clone(),
        length: file.content.len() as u64,
        pieces: Vec::new(),
    }
}

/// Whether an item has a file of this register, name and content.
fn has_content(vault: &Vault, file: &DocumentFile) -> bool {
    let view = vault.state().item(file.item);
    let known = view.into_iter().flat_map(|view| view.attachments);
    let mut alike = known.filter(|known| {
        (known.id, &known.name, known.length) == (file.id, &file.name, file.content.len() as u64)
    });
    // EXPOSE: hashed, to know it again.
    let hash: [u8; 32] = Sha256::digest(file.content.expose()).into();
    alike.any(|known| hash_of(vault, file.item, &known) == Some(hash))
}

/// Whether an item of the other vault has this very file in the same register.
fn has(from: &Vault, to: &Vault, item: ItemId, file: &AttachmentView) -> bool {
    let view = to.state().item(item);
    let known = view.into_iter().flat_map(|view| view.attachments);
    let mut alike = known.filter(|known| {
        (known.id, &known.name, known.length) == (file.id, &file.name, file.length)
    });
    alike.any(|known| {
        let hashes = (hash_of(from, item, file), hash_of(to, item, &known));
        hashes.0.is_some() && hashes.0 == hashes.1
    })
}
