//! `sync`: the union now, however fresh the file is, and the way out where something else took the vault's place.

use super::error::{UnlockError, VaultError};
use super::open::{OnPath, look};
use super::{LOCK_WAIT, Notice, Vault};
use crate::model::moment::Moment;
use crate::storage::{LockKind, StorageError, read_parts, replace_file};
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
    /// [`VaultError::Inconsistent`] where the vault itself lies there, or what lies there is too large to keep.
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
        let is_ours = match look(&*self.storage, &self.places, Some(self.keys.vault)).1 {
            OnPath::Vault(..) => self.lacking.is_some(),
            OnPath::Absent => true,
            OnPath::Unusable(_) => false,
        };
        if is_ours {
            return Err(VaultError::Inconsistent(
                "the vault itself lies at its path; there is nothing to replace",
            ));
        }
        let missing = VaultError::Inconsistent("the folder of the vault file is not there");
        let file = self.storage.open_read(&path)?.ok_or(missing)?;
        let stamp = file.stamp()?;
        if stamp.length > KEPT_LIMIT {
            return Err(VaultError::Inconsistent(
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
            unchanged.then_some(()).ok_or(VaultError::Inconsistent(
                "the file is just being changed by another program",
            ))
        };
        let written = self.write_whole(&path, &[&self.keys], &is_unchanged, rng)?;
        self.damage.clear();
        self.notices
            .retain(|notice| !matches!(notice, Notice::Unusable(_) | Notice::OtherKey));
        self.trust(written);
        Ok(())
    }
}
