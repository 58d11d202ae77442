//! What cannot be merged unseen is kept whole in the local state, until all of it has come another way or the user
//! decided (vault-format.md, section 5.10).
//!
//! A review is a file under a former key. Its name begins with the key's id; what it holds is judged by reading it.

use super::error::VaultError;
use super::lineage::former_keys;
use super::look::FilePlan;
use super::read::{Depth, read_state};
use super::reseal::{absorb_into, slots_in};
use super::{Notice, Vault};
use crate::crypto::keys::Keys;
use crate::log::FILE_LIMIT;
use crate::model::ids::{KeyId, RecordId};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::state::op::Tag;
use crate::storage::{Stamp, StorageError, StoredFile, read_parts, replace_file};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

/// Files that may wait, together no longer than one vault may be; a drive that brings ever new ones fills no disk.
const REVIEWS: usize = 64;
/// Hexadecimal digits of a key id.
const KEY_DIGITS: usize = 32;
/// Stands behind the key's id where the file was this device's own replica.
const REPLICA_MARK: &str = "-own-";
/// Names in the folder that are looked at.
const ENTRIES: usize = 1024;

/// A file that waits for the user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Review {
    /// Names it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The former key that it lies under.
    pub key: KeyId,
    /// Its records that the vault does not hold and that nobody dismissed; `None` where it cannot be read now.
    pub missing: Option<Vec<RecordId>>,
}

impl Vault {
    /// What waits for the user, oldest names first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn reviews(&self) -> Result<Vec<Review>, VaultError> {
        let listing = match self.storage.list(&self.local.review, ENTRIES) {
            Ok(listing) => listing,
            Err(StorageError::NotFound(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let names = listing
            .entries
            .iter()
            .filter(|entry| entry.stamp.is_regular())
            .filter_map(|entry| entry.name.to_str());
        let named = names.filter_map(|name| {
            let key = KeyId::from_hex(name.get(..KEY_DIGITS)?)?;
            Some((name.to_owned(), key))
        });
        let named: Vec<(String, KeyId)> = named.collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let former = former_keys(&self.state, &self.keys);
        let dismissed = self.local.dismissed(&*self.storage);
        let mut read = self.review_ids.borrow_mut();
        let reviews = named.into_iter().map(|(name, key)| {
            let path = self.local.review.join(&name);
            // What a review holds never changes, so it is read once.
            if !read.contains_key(&name) {
                let keys = former.iter().map(|row| &row.0).find(|keys| keys.id == key);
                let state = keys.and_then(|keys| self.read_review(&path, keys).ok());
                read.extend(state.map(|state| (name.clone(), state.record_ids_in_order())));
            }
            let missing = read.get(&name).map(|ids| {
                let mut ids = ids.clone();
                ids.retain(|id| !self.state.contains(*id) && !dismissed.contains(id));
                ids
            });
            Review {
                name,
                path,
                key,
                missing,
            }
        });
        Ok(reviews.collect())
    }

    fn read_review(&self, path: &std::path::Path, keys: &Keys) -> Result<State, VaultError> {
        let missing = VaultError::Inconsistent("the review is gone");
        let file = self.storage.open_read(path)?.ok_or(missing)?;
        let stamp = file.stamp()?;
        read_state(keys, &*file, &stamp, Depth::Records)
    }

    /// Records of a file under a former key that are neither here, nor dismissed, nor waiting already.
    pub(super) fn unknown_of(&self, old: &State) -> Result<usize, VaultError> {
        let mut unknown: HashSet<RecordId> = old.record_ids().collect();
        unknown.retain(|id| !self.state.contains(*id));
        if unknown.is_empty() {
            return Ok(0);
        }
        for id in self.local.dismissed(&*self.storage) {
            unknown.remove(&id);
        }
        for review in self.reviews()? {
            for id in review.missing.into_iter().flatten() {
                unknown.remove(&id);
            }
        }
        Ok(unknown.len())
    }

    /// Keeps a file for review under each former key that unknown records lie under in it, but for what another file
    /// brought just now.
    pub(super) fn keep_unknown(
        &mut self,
        file: &dyn StoredFile,
        stamp: Stamp,
        other_keys: &BTreeSet<KeyId>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        for _ in other_keys {
            match self.judge_other_key(file, stamp, other_keys)? {
                FilePlan::FormerKey {
                    key,
                    has_unknown: true,
                } => self.keep_for_review(file, stamp, key, rng)?,
                _ => break,
            }
        }
        Ok(())
    }

    /// Copies a file under a former key to the local state, durably, before the file itself is replaced or moved.
    pub(super) fn keep_for_review(
        &mut self,
        file: &dyn StoredFile,
        stamp: Stamp,
        key: KeyId,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        self.storage.make_folder(&self.local.review)?;
        let waiting = self.storage.list(&self.local.review, ENTRIES)?.entries;
        let lengths = waiting.iter().map(|entry| entry.stamp.length);
        let bytes = lengths.fold(stamp.length, u64::saturating_add);
        if waiting.len() >= REVIEWS || bytes > FILE_LIMIT {
            return Err(VaultError::Refused(
                "too much waits for review; keyfold review lists it",
            ));
        }
        let mut random = [0; 8];
        rng.fill_bytes(&mut random);
        let is_replica = file.path() == self.local.replica;
        let origin = if is_replica { REPLICA_MARK } else { "-" };
        let random = data_encoding::HEXLOWER.encode(&random);
        let target = self.local.review.join(format!("{key}{origin}{random}"));
        replace_file::<Vec<u8>, StorageError>(
            &*self.storage,
            &target,
            &mut read_parts(file, stamp.length),
            rng,
        )?;
        self.note_once(Notice::Review);
        Ok(())
    }

    /// Takes in own records that waited only because what erased their content waited too, and that has come since. Only
    /// what this device kept of its own replica is believed to be its own. Returns how many there were.
    pub(super) fn free_own(&mut self) -> Result<usize, VaultError> {
        let own = self.local.own(&*self.storage);
        let mut freed = Vec::new();
        for review in self.reviews()? {
            let is_replica = review
                .name
                .get(KEY_DIGITS..)
                .is_some_and(|rest| rest.starts_with(REPLICA_MARK));
            let (mut mine, mut behind): (Vec<RecordId>, Vec<RecordId>) = review
                .missing
                .into_iter()
                .flatten()
                .partition(|id| own.contains(id));
            if !is_replica || mine.is_empty() {
                continue;
            }
            let former = former_keys(&self.state, &self.keys).into_iter();
            let Some(keys) = former.map(|row| row.0).find(|keys| keys.id == review.key) else {
                continue;
            };
            let state = self.read_review(&review.path, &keys)?;
            mine.retain(|id| {
                let made_or_closed =
                    [Tag::SLOT, Tag::RETIRE].map(|tag| slots_in(&state, &[*id], tag));
                made_or_closed.iter().all(Vec::is_empty)
            });
            for (id, content) in self.seal_here(&state, &keys, mine, &mut behind) {
                absorb_into(&mut self.state, content)?;
                freed.push(id);
            }
        }
        if !freed.is_empty() {
            self.state.settle();
            self.append_to_replica(&freed)?;
        }
        Ok(freed.len())
    }

    /// Lets go of reviews of which nothing is missing any more.
    pub(super) fn settle_reviews(&self, now: Moment, rng: &mut dyn CryptoRng) {
        for review in self.reviews().unwrap_or_default() {
            if review.missing.is_some_and(|missing| missing.is_empty()) {
                drop(self.discard(&review.path, now, rng));
            }
        }
    }

    /// Says that nobody wants what is missing of a review. It goes to the trash of the local state.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dismiss_review(
        &mut self,
        review: &Review,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let _lock = self.begin(now, rng)?;
        if let Some(missing) = &review.missing {
            self.local.dismiss(&*self.storage, missing);
        }
        self.discard(&review.path, now, rng)
    }

    fn discard(
        &self,
        path: &std::path::Path,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let target = self.trash_place(now, rng)?;
        Ok(self.storage.rename_new(path, &target)?)
    }
}
