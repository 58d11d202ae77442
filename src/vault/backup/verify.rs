//! A backup authenticated again: every record, every piece, and that it is still what it was.

use super::name::BackupName;
use super::noted::{NotedBackup, read};
use super::{Examined, examine};
use crate::crypto::keys::Keys;
use crate::model::ids::KeyId;
use crate::model::moment::Moment;
use crate::storage::{Stamp, StoredFile, folder_of};
use crate::vault::chunks::nonce_of;
use crate::vault::error::{UnlockError, VaultError};
use crate::vault::lineage::former_keys;
use crate::vault::read::leading_keys;
use crate::vault::{DamageFound, Vault};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Under which key a backup lies, and so which password opens it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BackupKey {
    /// The vault's key, and a way in that is still one.
    Current,
    /// The vault's key, and only ways in that were closed since: a former password opens it.
    FormerWayIn,
    /// A key from before a `rekey`: the password of that time opens it.
    FormerKey,
}

/// What a backup was found to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackupCheck {
    /// The file.
    pub path: PathBuf,
    /// When it was made, by its name; `None` where it is not called like a backup.
    pub made: Option<Moment>,
    /// Whether everything in it authenticates, nothing is missing that the vault has, and it is what it was.
    pub ok: bool,
    /// Bytes of the file.
    pub length: u64,
    /// Which password opens it.
    pub key: BackupKey,
    /// Records in it.
    pub records: usize,
    /// Pieces of attached files in it.
    pub pieces: usize,
    /// Pieces that its records name, that it lacks and the vault has.
    pub missing_pieces: usize,
    /// Records of the vault that came after it.
    pub behind: usize,
    /// Records in it that the vault does not have: restoring it brings them.
    pub news: usize,
    /// What of the file could not be used.
    pub damage: Vec<DamageFound>,
    /// Ways in that nobody here made, or frames of another key.
    pub strange: bool,
    /// Where it does not hold what it held when this device verified it: when that was.
    pub changed_since: Option<Moment>,
}

impl Vault {
    /// Authenticates a backup and compares it with what this device knows. One that is good is noted.
    ///
    /// # Errors
    /// [`VaultError::Unreadable`] where it is no file of this vault, [`UnlockError::OtherKey`] where nothing in it lies under
    /// this vault's key or a former one, else what the disk says.
    pub fn verify_backup(
        &mut self,
        path: &Path,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<BackupCheck, VaultError> {
        let (file, stamp) = self.open_file_of_vault(path)?;
        file.evict();
        let (examined, key) = self.examine_under_any_key(&*file, &stamp)?;
        let mut missing = examined.missing();
        missing.retain(|name| self.chunks.contains_key(&nonce_of(name)));
        let name = path.file_name().and_then(BackupName::parse);
        let folder = folder_of(path);
        let noted = read(&*self.storage, &self.local.backups);
        let noted = noted
            .into_iter()
            .find(|noted| Some(noted.name.as_ref()) == path.file_name() && noted.folder == folder);
        let content = examined.digest();
        let changed = noted.filter(|noted| noted.content != content);
        let held = &examined.state;
        let check = BackupCheck {
            path: path.to_owned(),
            made: name.as_ref().map(BackupName::made),
            ok: examined.is_whole() && missing.is_empty() && changed.is_none(),
            length: stamp.length,
            key,
            records: held.record_count(),
            pieces: examined.names.len(),
            missing_pieces: missing.len(),
            behind: self
                .state
                .record_ids()
                .filter(|id| !held.contains(*id))
                .count(),
            news: held
                .record_ids()
                .filter(|id| !self.state.contains(*id))
                .count(),
            strange: examined.forged_slots > 0 || examined.has_other_keys,
            changed_since: changed.map(|noted| noted.verified),
            damage: examined.damage,
        };
        if let Some(name) = name.filter(|name| check.ok && name.is_of(self.keys.vault)) {
            let backup = NotedBackup {
                folder,
                name: name.to_string(),
                made: name.made(),
                verified: now,
                made_here: false,
                length: stamp.length,
                records: check.records,
                content,
                told_gone: false,
            };
            self.take_note(backup, rng);
        }
        Ok(check)
    }

    fn examine_under_any_key(
        &self,
        file: &dyn StoredFile,
        stamp: &Stamp,
    ) -> Result<(Examined, BackupKey), VaultError> {
        let leading: Vec<KeyId> = leading_keys(file)?.into_iter().collect();
        let former = former_keys(&self.state, &self.keys);
        let former = former.iter().map(|row| (&row.0, BackupKey::FormerKey));
        let mut candidates: Vec<(&Keys, BackupKey)> =
            std::iter::once((&self.keys, BackupKey::Current))
                .chain(former)
                .collect();
        // The file says which it is; where its start is damaged each is tried.
        if candidates
            .iter()
            .any(|(keys, _)| leading.contains(&keys.id))
        {
            candidates.retain(|(keys, _)| leading.contains(&keys.id));
        }
        let mut damaged = None;
        for (keys, key) in candidates {
            let examined = examine(keys, file, stamp)?;
            if examined.state.record_count() == 0 {
                let is_own = leading.contains(&keys.id);
                damaged = damaged.or(is_own.then_some((examined, key)));
                continue;
            }
            let opens = |slot| self.is_live(slot);
            let is_open = examined.slots.iter().any(|slot| opens(*slot));
            let key = match key {
                BackupKey::Current if !is_open => BackupKey::FormerWayIn,
                key => key,
            };
            return Ok((examined, key));
        }
        // Nothing of it is left, and its frames say that they were this vault's.
        damaged.ok_or_else(|| UnlockError::OtherKey.into())
    }
}
