//! A vault where there was none: a backup copied to a new path, all of it authenticated there under the keys that its own
//! ways in give. Needs nothing but the file and its password, so a device that lost everything can do it.

use super::{Examined, examine};
use crate::crypto::kdf::WorkMemory;
use crate::crypto::keys::Keys;
use crate::log::FILE_LIMIT;
use crate::model::ids::VaultId;
use crate::storage::{Storage, StorageError, StoredFile, folder_of, read_parts, temporary_path};
use crate::vault::error::VaultError;
use crate::vault::read::read_vault_id;
use crate::vault::slots::Credential;
use crate::vault::unlock::unlock_file;
use rand::CryptoRng;
use std::path::Path;

/// What was restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackupRestored {
    /// Which vault it is.
    pub vault: VaultId,
    /// Records in it.
    pub records: usize,
    /// Items in it, those in the trash among them.
    pub items: usize,
    /// Pieces of attached files in it.
    pub pieces: usize,
    /// Pieces that its records name and that it lacks.
    pub missing_pieces: usize,
    /// Bytes.
    pub length: u64,
}

/// Copies a backup to a path that nothing has, and gives it that name when all of the copy was authenticated.
///
/// # Errors
/// `Exists` where anything has the name; [`VaultError::Unreadable`] where the file is no vault or anything in it does not
/// authenticate; [`VaultError::Unlock`] where the credential does not open it; else what the disks say. Nothing is left then.
pub fn restore_into(
    storage: &dyn Storage,
    source: &Path,
    target: &Path,
    credential: &Credential,
    memory: &mut dyn WorkMemory,
    rng: &mut dyn CryptoRng,
) -> Result<BackupRestored, VaultError> {
    if storage.stamp(target)?.is_some() {
        return Err(VaultError::Exists(target.to_owned()));
    }
    let unreadable = |reason| VaultError::Unreadable {
        path: source.to_owned(),
        reason,
    };
    let file = storage.open_read(source)?.ok_or_else(|| {
        let cause = std::io::ErrorKind::NotFound.into();
        StorageError::new("open", source, cause)
    })?;
    let stamp = file.stamp()?;
    if stamp.length > FILE_LIMIT {
        return Err(unreadable("the file is larger than a vault may be"));
    }
    let vault = read_vault_id(&*file)?;
    let vault = vault.map_err(|_| unreadable("the file is not a vault"))?;
    let keys = unlock_file(vault, &[], (&*file, &stamp), credential, memory)?;
    storage.make_folder(&folder_of(target))?;
    let temporary = temporary_path(target, rng);
    let placed = copy(storage, &*file, stamp.length, &temporary)
        .and_then(|()| examine_copy(storage, &keys, &temporary))
        .and_then(|examined| {
            if !examined.is_whole() {
                return Err(unreadable(
                    "not everything in it authenticates; keyfold merge takes in what does",
                ));
            }
            storage.rename_new(&temporary, target)?;
            Ok(examined)
        });
    let examined = match placed {
        Ok(examined) => examined,
        Err(error) => {
            // What stays is litter that its name tells.
            drop(storage.remove(&temporary));
            return Err(error);
        }
    };
    storage.sync_folder(&folder_of(target))?;
    Ok(BackupRestored {
        vault,
        records: examined.state.record_count(),
        items: examined.state.item_ids().len(),
        pieces: examined.names.len(),
        missing_pieces: examined.missing().len(),
        length: stamp.length,
    })
}

fn copy(
    storage: &dyn Storage,
    from: &dyn StoredFile,
    length: u64,
    to: &Path,
) -> Result<(), VaultError> {
    let copy = storage.create(to)?;
    let mut at = 0;
    for part in read_parts(from, length) {
        let part = part?;
        copy.write_at(at, &part)?;
        at += part.len() as u64;
    }
    copy.sync()?;
    copy.evict();
    Ok(())
}

fn examine_copy(storage: &dyn Storage, keys: &Keys, path: &Path) -> Result<Examined, VaultError> {
    let missing = VaultError::Inconsistent("the copy is gone while it is written");
    let file = storage.open_read(path)?.ok_or(missing)?;
    let stamp = file.stamp()?;
    examine(keys, &*file, &stamp)
}
