//! `sync`: the union now, however fresh the file is, and the way out where something else took the vault's place.

use super::error::{UnlockError, VaultError};
use super::look::FilePlan;
use super::read::{Depth, read_into, read_vault_id};
use super::{LOCK_WAIT, Notice, Vault};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::storage::{LockKind, Stamp, StorageError, StoredFile, read_parts, replace_file};
use rand::CryptoRng;

/// A file larger than this is not kept when it is replaced, so it is not replaced.
const KEPT_LIMIT: u64 = 1 << 30;

impl Vault {
    /// Unites replica, vault file and copies, and puts back what is missing without waiting until the file is still.
    ///
    /// # Errors
    /// What the disk says of the replica; a vault file that could not take it is a notice.
    pub fn sync(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        self.is_impatient = true;
        let united = self.begin(now, rng).map(drop);
        self.is_impatient = false;
        united
    }

    /// Puts the vault in the place of whatever else lies at its path: another vault, a file that is none, or this vault
    /// under a key that nobody here can open. What lay there is kept in the trash of the local state.
    ///
    /// # Errors
    /// [`VaultError::Refused`] where the vault itself lies there, or what lies there is too large to keep.
    pub fn replace_foreign_file(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let _lock = self
            .storage
            .lock(&self.local.lock, LockKind::Exclusive, LOCK_WAIT)?;
        let outcome = self.refresh(now, rng);
        if !matches!(outcome, Err(VaultError::Unlock(UnlockError::OtherKey))) {
            outcome?;
        }
        let path = self.places.vault_file.clone();
        let missing = VaultError::Refused("nothing lies at the vault's path to be replaced");
        let file = self.storage.open_read(&path)?.ok_or(missing)?;
        let stamp = file.stamp()?;
        // Judged by this very file: what an earlier look found may have been replaced since.
        if self.is_the_vault(&*file, stamp)? {
            return Err(VaultError::Refused(
                "the vault itself lies at its path; there is nothing to replace",
            ));
        }
        if stamp.length > KEPT_LIMIT {
            return Err(VaultError::Refused(
                "what lies there is too large to be kept; move it away yourself",
            ));
        }
        let kept = self.trash_place(now, rng)?;
        replace_file::<Vec<u8>, StorageError>(
            &*self.storage,
            &kept,
            &mut read_parts(&*file, stamp.length),
            rng,
        )?;
        let is_unchanged = || {
            let unchanged = self.storage.stamp(&path)? == Some(stamp);
            unchanged.then_some(()).ok_or(VaultError::Changing)
        };
        let written = self.write_whole(&path, &[&self.keys], &is_unchanged, rng)?;
        self.damage.clear();
        self.notices
            .retain(|notice| !matches!(notice, Notice::Unusable(_) | Notice::OtherKey));
        self.trust(written);
        Ok(())
    }

    /// Whether a file holds the vault under a key that is held, or holds nothing under any other.
    fn is_the_vault(&self, file: &dyn StoredFile, stamp: Stamp) -> Result<bool, VaultError> {
        if read_vault_id(file)? != Ok(self.keys.vault) {
            return Ok(false);
        }
        let mut scratch = State::default();
        let contents = read_into(&mut scratch, &self.keys, file, &stamp, Depth::Everything)?;
        if !contents.records.is_empty() || contents.other_keys.is_empty() {
            return Ok(true);
        }
        let plan = self.judge_other_key(file, stamp, &contents.other_keys)?;
        Ok(matches!(plan, FilePlan::FormerKey { .. }))
    }
}
