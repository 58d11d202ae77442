//! Files that an import brings: which of them the vault lacks, stored piece by piece before the one record that attaches
//! them.

use super::ledger::{Outcome, Row};
use super::matching::Known;
use crate::exchange::Imported;
use crate::model::draft::DraftFile;
use crate::model::ids::{Dot, FieldId, ItemId};
use crate::model::moment::Moment;
use crate::state::attachment::AttachmentView;
use crate::state::change::{Attached, ChangeError, Edit};
use crate::state::op::ChunkName;
use crate::state::view::ItemView;
use crate::vault::{PIECE_LIMIT, Vault, VaultError};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

type Hash = [u8; 32];

/// The files of an import's items, by the items' numbers.
pub(super) struct Files {
    files: HashMap<usize, Vec<BroughtFile>>,
    /// What lies in the vault already under a name and with a length that some file has.
    known: HashMap<Dot, Hash>,
    /// Whether nothing is to be stored.
    is_pretended: bool,
}

struct BroughtFile {
    file: DraftFile,
    hash: Hash,
    stored: Option<Attached>,
}

impl Files {
    /// Takes the files out of an import, and finds out what the vault has of them.
    pub(super) fn find(vault: &Vault, imported: &mut Imported) -> Self {
        let mut files = HashMap::new();
        for (item, number) in imported.drafts.iter_mut().zip(0..) {
            let own: Vec<BroughtFile> = std::mem::take(&mut item.files)
                .into_iter()
                .map(BroughtFile::new)
                .collect();
            if !own.is_empty() {
                files.insert(number, own);
            }
        }
        let mut found = Self {
            files,
            known: HashMap::new(),
            is_pretended: false,
        };
        if !found.files.is_empty() {
            found.know(vault);
        }
        found
    }

    fn know(&mut self, vault: &Vault) {
        let all = self.files.values().flatten();
        let wanted: BTreeSet<(&str, u64)> = all.map(BroughtFile::likeness).collect();
        for item in vault.state().item_ids() {
            let Some(view) = vault.state().item(item) else {
                continue;
            };
            for file in &view.attachments {
                if wanted.contains(&(file.name.as_str(), file.length))
                    && let Some(hash) = hash_of(vault, item, file)
                {
                    self.known.insert(file.dot, hash);
                }
            }
        }
    }

    /// The same for a plan that is not carried out.
    pub(super) fn pretended(mut self) -> Self {
        self.is_pretended = true;
        self
    }

    /// Stores the files that their items lack.
    pub(super) fn store(
        &mut self,
        vault: &mut Vault,
        imported: &Imported,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let matches = Known::new(vault.revealer(), &imported.drafts).match_all(&imported.drafts);
        let known = &self.known;
        for (number, files) in &mut self.files {
            let view = matches.get(*number).and_then(Option::as_ref);
            for file in files {
                if !matches!(file.place(view, known), Place::Here) {
                    file.store(vault, now, rng)?;
                }
            }
        }
        Ok(())
    }

    /// All pieces that were stored.
    pub(super) fn pieces(&self) -> Vec<ChunkName> {
        let stored = self.files.values().flatten();
        let stored = stored.filter_map(|file| file.stored.as_ref());
        stored.flat_map(|stored| stored.pieces.clone()).collect()
    }

    /// The edits that give an item its files, each entered. An item that is there keeps those that it has, and another
    /// content of the same name takes the former's place.
    pub(super) fn attach(
        &self,
        number: usize,
        view: Option<&ItemView>,
        row: &mut Row<'_>,
    ) -> Result<Vec<Edit>, ChangeError> {
        let mut edits = Vec::new();
        let mut taken = BTreeSet::new();
        for file in self.files.get(&number).into_iter().flatten() {
            let name = format!("file {}", file.file.name);
            let (register, outcome) = match file.place(view, &self.known) {
                Place::Here => {
                    row.field(&name, Outcome::Identical, None);
                    continue;
                }
                Place::Other(register) if taken.insert(register) => {
                    (Some(register), Outcome::Updated)
                }
                Place::Other(_) | Place::New => (None, Outcome::Created),
            };
            row.field(&name, outcome, None);
            if self.is_pretended {
                continue;
            }
            let stored = file.stored.clone().ok_or(ChangeError::NotAsSeen)?;
            edits.push(Edit::Attach(register, stored));
        }
        Ok(edits)
    }
}

/// What an item has of a file.
enum Place {
    Here,
    /// Another content under its name.
    Other(FieldId),
    New,
}

impl BroughtFile {
    fn new(file: DraftFile) -> Self {
        // EXPOSE: hashed, to know it again.
        let hash = Sha256::digest(file.content.expose()).into();
        Self {
            file,
            hash,
            stored: None,
        }
    }

    fn length(&self) -> u64 {
        self.file.content.len() as u64
    }

    fn likeness(&self) -> (&str, u64) {
        (&self.file.name, self.length())
    }

    fn place(&self, view: Option<&ItemView>, known: &HashMap<Dot, Hash>) -> Place {
        let files = view.into_iter().flat_map(|view| &view.attachments);
        let alike: Vec<&AttachmentView> =
            files.filter(|file| file.name == self.file.name).collect();
        if alike
            .iter()
            .any(|file| known.get(&file.dot) == Some(&self.hash))
        {
            return Place::Here;
        }
        alike
            .first()
            .map_or(Place::New, |file| Place::Other(file.id))
    }

    fn store(
        &mut self,
        vault: &mut Vault,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let mut attached = Attached {
            name: self.file.name.clone(),
            length: self.length(),
            pieces: Vec::new(),
        };
        // EXPOSE: it is sealed into the vault.
        for piece in self.file.content.expose().chunks(PIECE_LIMIT) {
            let stored = vault.store_piece(piece, now, rng);
            match stored {
                Ok(name) => attached.pieces.push(name),
                Err(error) => {
                    // So that it is known what to take back.
                    self.stored = Some(attached);
                    return Err(error);
                }
            }
        }
        self.stored = Some(attached);
        Ok(())
    }
}

/// The hash of a file that lies in the vault; `None` where it is not all there.
pub(super) fn hash_of(vault: &Vault, item: ItemId, file: &AttachmentView) -> Option<Hash> {
    let mut hash = Sha256::new();
    for number in 0..file.pieces {
        // EXPOSE: hashed, to know it again.
        hash.update(vault.read_piece(item, file.dot, number).ok()?.expose());
    }
    Some(hash.finalize().into())
}
