//! `merge`: another file of this vault taken in because the user says so, whatever key it lies under
//! (vault-format.md, section 5.10). What it would change can be seen first.

use super::error::{UnlockError, VaultError};
use super::lineage::{Line, former_keys};
use super::read::{ChunkPlace, Contents, Depth, leading_keys, read_into, read_vault_id};
use super::reseal::{absorb_into, slots_in};
use super::slots::Credential;
use super::unlock::unlock_file;
use super::{Notice, Vault};
use crate::crypto::kdf::WorkMemory;
use crate::crypto::keys::Keys;
use crate::log::FILE_LIMIT;
use crate::model::ids::{FieldId, ItemId, KeyId, RecordId};
use crate::model::moment::Moment;
use crate::state::change::{PlannedOperation, PlannedValue};
use crate::state::fold::State;
use crate::state::op::{Operation, Tag};
use crate::state::view::{FieldView, ItemView, Life};
use crate::storage::{Stamp, StorageError, StoredFile};
use rand::CryptoRng;
use std::collections::BTreeSet;
use std::path::Path;
use zeroize::Zeroizing;

/// How the key of a file stands to the vault's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// It is the same key.
    Same,
    /// A key from before a `rekey` of this vault.
    Former,
    /// A key that another device gave the vault apart from this one.
    Apart,
}

/// A file of this vault that was read, ready to be merged.
pub struct MergeSource {
    state: State,
    /// The key that it lies under; `None` where it is the vault's own.
    keys: Option<Keys>,
    relation: Relation,
    /// Stretches of the file that could not be used.
    damaged: usize,
    /// Pieces of attached files in it.
    chunks: Vec<ChunkPlace>,
    file: Box<dyn StoredFile>,
}

/// What a file of this vault says.
struct SourceRead {
    state: State,
    keys: Option<Keys>,
    relation: Relation,
    contents: Contents,
}

/// What a merge does to an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedItem {
    /// The item.
    pub item: ItemId,
    /// Where it stands afterwards.
    pub path: String,
    /// Whether it is not here yet.
    pub is_new: bool,
    /// Names of the fields that get another value.
    pub changed: Vec<String>,
    /// Names of the fields that have several values afterwards and had not before.
    pub conflicts: Vec<String>,
    /// Whether it goes to the trash, or comes back from there.
    pub life: Option<Life>,
    /// How many values of it that are here, former ones included, are erased for good.
    pub erased: usize,
}

/// What a merge does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merge {
    /// How the file's key stands to the vault's.
    pub relation: Relation,
    /// Records that come.
    pub records: usize,
    /// Records that stay out: they would close a way into this vault, or hold a value that does not open.
    pub refused: usize,
    /// Stretches of the file that could not be used.
    pub damaged: usize,
    /// The items that change.
    pub items: Vec<MergedItem>,
}

/// Records on their way in.
struct Incoming {
    contents: Vec<(RecordId, Zeroizing<Vec<u8>>)>,
    refused: usize,
}

impl MergeSource {
    /// How the file's key stands to the vault's.
    #[must_use]
    pub fn relation(&self) -> Relation {
        self.relation
    }
}

impl Vault {
    /// Reads a file of this vault: under the vault's key, under a former one, or under one that a credential opens.
    ///
    /// # Errors
    /// [`VaultError::Unreadable`] where it is no file of this vault, [`UnlockError::OtherKey`] where its key is not held
    /// and no credential was given, other [`UnlockError`]s where the one given does not open it.
    pub fn read_merge_source(
        &self,
        path: &Path,
        credential: Option<(&Credential, &mut dyn WorkMemory)>,
    ) -> Result<MergeSource, VaultError> {
        let (file, stamp) = self.open_file_of_vault(path)?;
        let read = self.read_under_any_key(&*file, &stamp, credential)?;
        Ok(MergeSource {
            state: read.state,
            keys: read.keys,
            relation: read.relation,
            damaged: read.contents.damage.len(),
            chunks: read.contents.chunks,
            file,
        })
    }

    /// Opens a file that claims to be of this vault.
    ///
    /// # Errors
    /// [`VaultError::Unreadable`] where it is none, else what the disk says.
    pub(super) fn open_file_of_vault(
        &self,
        path: &Path,
    ) -> Result<(Box<dyn StoredFile>, Stamp), VaultError> {
        let unreadable = |reason| VaultError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        let file = self.storage.open_read(path)?.ok_or_else(|| {
            let cause = std::io::ErrorKind::NotFound.into();
            StorageError::new("open", path, cause)
        })?;
        let stamp = file.stamp()?;
        if stamp.length > FILE_LIMIT {
            return Err(unreadable("the file is larger than a vault may be"));
        }
        match read_vault_id(&*file)? {
            Ok(found) if found == self.keys.vault => {}
            Ok(_) => return Err(unreadable("that is another vault")),
            Err(_) => return Err(unreadable("the file is not a vault")),
        }
        Ok((file, stamp))
    }

    fn read_under_any_key(
        &self,
        file: &dyn StoredFile,
        stamp: &Stamp,
        credential: Option<(&Credential, &mut dyn WorkMemory)>,
    ) -> Result<SourceRead, VaultError> {
        let read = |keys: &Keys| -> Result<(State, Contents), VaultError> {
            let mut state = State::default();
            let contents = read_into(&mut state, keys, file, stamp, Depth::Records)?;
            Ok((state, contents))
        };
        let source = |keys: Option<Keys>, (state, contents), relation| SourceRead {
            state,
            keys,
            relation,
            contents,
        };
        let (state, contents) = read(&self.keys)?;
        if state.record_count() > 0 || contents.other_keys.is_empty() {
            return Ok(source(None, (state, contents), Relation::Same));
        }
        let held = leading_keys(file)?;
        let mut known = None;
        for (former, _) in former_keys(&self.state, &self.keys) {
            let (state, contents) = read(&former)?;
            let has_news = state.record_ids().any(|id| !self.state.contains(id));
            if state.record_count() > 0 || held.contains(&former.id) {
                let found = source(Some(former), (state, contents), Relation::Former);
                // It may lie under several: the one that brings something is meant.
                if has_news {
                    return Ok(found);
                }
                known = known.or(Some(found));
            }
        }
        if let Some(found) = known {
            return Ok(found);
        }
        let (credential, memory) = credential.ok_or(UnlockError::OtherKey)?;
        let former = former_keys(&self.state, &self.keys).into_iter();
        let held: Vec<KeyId> = former.map(|row| row.0.id).chain([self.keys.id]).collect();
        let keys = unlock_file(self.keys.vault, &held, (file, stamp), credential, memory)?;
        let (state, contents) = read(&keys)?;
        let theirs = Line {
            keys: &keys,
            state: &state,
        };
        let ours = Line {
            keys: &self.keys,
            state: &self.state,
        };
        if theirs.supersedes(&ours) {
            return Err(UnlockError::OtherKey.into());
        }
        Ok(source(Some(keys), (state, contents), Relation::Apart))
    }

    /// What merging would change. Writes nothing.
    ///
    /// # Errors
    /// [`VaultError::Inconsistent`] where a record does not read back.
    pub fn preview_merge(&self, source: &MergeSource) -> Result<Merge, VaultError> {
        let incoming = self.incoming(source);
        let mut after = State::default();
        for id in self.state.record_ids_in_order() {
            if let Some(bytes) = self.state.record_bytes(id) {
                absorb_into(&mut after, bytes)?;
            }
        }
        for (_, content) in &incoming.contents {
            absorb_into(&mut after, content.clone())?;
        }
        after.settle();
        let ids: Vec<RecordId> = incoming.contents.iter().map(|row| row.0).collect();
        Ok(self.describe(source, &incoming, &after, &ids))
    }

    /// Merges. The vault keeps its own key, and holds the file's as a former one from then on.
    ///
    /// # Errors
    /// What the disk says of the replica; a vault file that could not take it is a notice.
    pub fn merge(
        &mut self,
        source: &MergeSource,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Merge, VaultError> {
        let _lock = self.begin(now, rng)?;
        let done = self.preview_merge(source)?;
        if let Err(error) = self.take_in(source, now, rng) {
            // What was folded in is in no file: nothing may go on as if it were.
            self.replica = None;
            drop(self.load_replica());
            return Err(error);
        }
        self.is_impatient = true;
        self.deliver(now, rng);
        self.is_impatient = false;
        self.log_events(now);
        self.settle_reviews(now, rng);
        if source.keys.is_some() && self.lacking == Some(0) {
            // The key that the first look did not know is held now.
            self.notices.retain(|notice| *notice != Notice::OtherKey);
        }
        Ok(done)
    }

    /// Puts what comes into the replica, and with it what this device has to say about it: all in one step.
    fn take_in(
        &mut self,
        source: &MergeSource,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let incoming = self.incoming(source);
        let mut ids: Vec<RecordId> = incoming.contents.iter().map(|row| row.0).collect();
        for (_, content) in incoming.contents {
            absorb_into(&mut self.state, content)?;
        }
        self.state.settle();
        if let Some(keys) = &source.keys {
            let operations = self.about_foreign_key(source, keys);
            if !operations.is_empty() {
                ids.push(self.absorb_planned(operations, now, rng)?);
            }
        }
        if !ids.is_empty() {
            self.append_to_replica(&ids)?;
        }
        // Also those that an earlier merge had no room for.
        self.take_chunks(&*source.file, source.keys.as_ref(), &source.chunks)
    }

    /// That the file's key is a former one, and that its ways in are none here.
    fn about_foreign_key(&self, source: &MergeSource, keys: &Keys) -> Vec<PlannedOperation> {
        let mut operations = Vec::new();
        let named = former_keys(&self.state, &self.keys);
        if !named.iter().any(|(former, _)| former.id == keys.id) {
            operations.push(PlannedOperation {
                // EXPOSE: the other data key is sealed inside this one's vault.
                values: vec![PlannedValue::Key(Zeroizing::new(*keys.data.expose()))],
                ..PlannedOperation::on_vault(
                    Tag::FORMER_KEY,
                    Some(FieldId::Custom(keys.id.0)),
                    vec![1],
                )
            });
        }
        // Also those that a merge brought which was cut off before it said so.
        let mut ids = source.state.record_ids_in_order();
        ids.retain(|id| self.state.contains(*id));
        operations.extend(self.close_foreign_slots(slots_in(&source.state, &ids, Tag::SLOT)));
        operations
    }

    fn incoming(&self, source: &MergeSource) -> Incoming {
        let mut ids = source.state.record_ids_in_order();
        ids.retain(|id| !self.state.contains(*id));
        let mut refused = Vec::new();
        let contents = match &source.keys {
            Some(keys) => self.seal_here(&source.state, keys, ids, &mut refused),
            None => ids
                .into_iter()
                .filter_map(|id| Some((id, source.state.record_bytes(id)?)))
                .collect(),
        };
        Incoming {
            contents,
            refused: refused.len(),
        }
    }

    fn erased_by(&self, after: &State, item: ItemId) -> usize {
        let erased = after.erased_operations(item).into_iter();
        let here = erased.filter(|dot| self.state.contains(dot.record)).count();
        here.saturating_sub(self.state.erased_operations(item).len())
    }

    fn describe(
        &self,
        source: &MergeSource,
        incoming: &Incoming,
        after: &State,
        ids: &[RecordId],
    ) -> Merge {
        let operations: Vec<Operation> = ids
            .iter()
            .filter_map(|id| after.record_operations(*id))
            .flat_map(|found| found.1)
            .collect();
        let mut touched: BTreeSet<ItemId> = operations.iter().filter_map(|row| row.item).collect();
        if operations.iter().any(|row| row.tag == Tag::ERASE) {
            // It may name operations of any item.
            touched.extend(self.state.item_ids());
        }
        let items = touched.into_iter().filter_map(|item| {
            let before = self.state.item(item);
            let after_view = after.item(item);
            let erased = self.erased_by(after, item);
            let is_named = operations.iter().any(|row| row.item == Some(item));
            let merged = match (&before, &after_view) {
                (_, Some(view)) => compare(before.as_ref(), view),
                (Some(view), None) => MergedItem::gone(view),
                (None, None) => return None,
            };
            let merged = MergedItem { erased, ..merged };
            (is_named || merged.erased > 0).then_some(merged)
        });
        Merge {
            relation: source.relation,
            records: incoming.contents.len(),
            refused: incoming.refused,
            damaged: source.damaged,
            items: items.collect(),
        }
    }
}

impl MergedItem {
    /// An item of which nothing is left to show.
    fn gone(before: &ItemView) -> Self {
        Self {
            item: before.id,
            path: before.summary().path(),
            is_new: false,
            changed: Vec::new(),
            conflicts: Vec::new(),
            life: None,
            erased: 0,
        }
    }
}

fn compare(before: Option<&ItemView>, after: &ItemView) -> MergedItem {
    let (mut changed, mut conflicts) = (Vec::new(), Vec::new());
    for field in &after.fields {
        let held = before.and_then(|before| before.field(field.id));
        let is_same = |held: &FieldView| {
            held.current.dot == field.current.dot && held.counter == field.counter
        };
        if !held.is_some_and(is_same) {
            changed.push(field.name.clone());
        }
        if !field.others.is_empty() && held.is_none_or(|held| held.others.is_empty()) {
            conflicts.push(field.name.clone());
        }
    }
    let gone = before
        .into_iter()
        .flat_map(|before| &before.fields)
        .filter(|field| after.field(field.id).is_none());
    changed.extend(gone.map(|field| field.name.clone()));
    let names = |view: &ItemView| -> (Vec<String>, Vec<String>) {
        let urls = view.urls.iter().map(|url| url.address.clone()).collect();
        (urls, view.tags.clone())
    };
    if let Some(before) = before {
        let (was, is) = (names(before), names(after));
        changed.extend((was.0 != is.0).then(|| "url".to_owned()));
        changed.extend((was.1 != is.1).then(|| "tags".to_owned()));
    }
    MergedItem {
        item: after.id,
        path: after.summary().path(),
        is_new: before.is_none(),
        changed,
        conflicts,
        life: before
            .map_or(Life::Alive, |before| before.life)
            .ne(&after.life)
            .then_some(after.life),
        erased: 0,
    }
}
